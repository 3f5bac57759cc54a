#include "server/password.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *take_line(struct password *password, const char *text, size_t size)
{
    size = strnlen(text, size);
    const char *end = memchr(text, '\n', size);
    size = end ? (size_t)(end - text) : size;
    if (size > 0 && text[size - 1] == '\r')
        size--;
    if (size == 0)
        return "its first line is empty";
    if (size > PASSWORD_SIZE_MAX)
        return "its first line is longer than 1,024 bytes";
    memcpy(password->data, text, size);
    password->size = size;
    return NULL;
}

const char *password_load(struct password *password, const char *path)
{
    char text[PASSWORD_SIZE_MAX + 3]; /* with \r, \n, or one byte too many */
    struct stat status;
    ssize_t size;
    *password = (struct password){.size = 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would have it wait */
    if (fd < 0)
        return strerror(errno);
    const char *problem = NULL;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        problem = "it is not a file";
    else if (status.st_mode & S_IRWXO)
        problem = "others may read or write it: chmod o= it";
    else if ((size = read(fd, text, sizeof text)) < 0)
        problem = strerror(errno);
    else
        problem = take_line(password, text, (size_t)size);
    close(fd);
    return problem;
}
