/* Gives every file of the folders that are named to a target, where there is no libFuzzer. */
#include "target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096 };

static void fail(const char *path)
{
    perror(path);
    exit(1);
}

/* The size of the allocation is the size of the input, so that a sanitizer sees who reads on. */
static void replay_file(const char *path, size_t size)
{
    uint8_t *data = malloc(size ? size : 1);
    FILE *file = fopen(path, "rb");
    if (!data || !file || fread(data, 1, size, file) != size)
        fail(path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

/* Returns how many files there were. An input that stops the target is the last that was named. */
static unsigned replay_folder(const char *folder)
{
    unsigned count = 0;
    DIR *files = opendir(folder);
    if (!files)
        fail(folder);
    for (struct dirent *entry; (entry = readdir(files));) {
        char path[PATH_SIZE];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &status) < 0)
            fail(path);
        if (!S_ISREG(status.st_mode))
            continue;
        printf("%s\n", entry->d_name);
        fflush(stdout);
        replay_file(path, (size_t)status.st_size);
        count++;
    }
    closedir(files);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
