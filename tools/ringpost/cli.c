#include "cli.h"

#include "print.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_MAX = 1024, PASSWORD_SIZE = PASSWORD_MAX + 3 /* with its line's end */ };

/* How the program exits for a failure of the library; what is not listed is EX_UNAVAILABLE. */
static const struct exit_entry {
    int error, code;
} EXITS[] = {
    /* Try again later. */
    {-ETIMEDOUT, EX_TEMPFAIL},
    {-ENOSPC, EX_TEMPFAIL},
    {-EBUSY, EX_TEMPFAIL},
    {-EDQUOT, EX_TEMPFAIL},
    {-ESHUTDOWN, EX_TEMPFAIL},
    {-EOVERFLOW, EX_TEMPFAIL},
    /* Not with these arguments. */
    {-EINVAL, EX_DATAERR},
    {-EMSGSIZE, EX_DATAERR},
    {-ENOENT, EX_DATAERR},
    {-EEXIST, EX_DATAERR},
    {-EIDRM, EX_DATAERR},
    {-ERANGE, EX_DATAERR},
    {-EACCES, EX_NOPERM},
    /* Broken. */
    {-ENOMEM, EX_SOFTWARE},
    {-EPROTO, EX_SOFTWARE},
    {-EPROTONOSUPPORT, EX_SOFTWARE},
    {-EBADMSG, EX_SOFTWARE},
    {-EOPNOTSUPP, EX_SOFTWARE},
    {-EREMOTEIO, EX_SOFTWARE},
    {-ENOBUFS, EX_SOFTWARE},
};

static int exit_code(int error)
{
    for (size_t i = 0; i < sizeof EXITS / sizeof *EXITS; i++) {
        if (EXITS[i].error == error)
            return EXITS[i].code;
    }
    return EX_UNAVAILABLE;
}

/* The same for refusals whose error says less than their status. */
static int refusal_code(int status)
{
    switch (status) {
    case RINGPOST_STATUS_NO_READER: return EX_NOUSER;
    case RINGPOST_STATUS_MEMORY: return EX_TEMPFAIL;
    default: return exit_code(ringpost_status_errno(status));
    }
}

int cli_fail(const struct cli *cli, const char *what, int error)
{
    int status = cli->handle ? ringpost_status(cli->handle) : RINGPOST_STATUS_NONE;
    bool is_refusal = status != RINGPOST_STATUS_NONE && ringpost_status_errno(status) == error;
    if (error == -ETIMEDOUT)
        fprintf(stderr, "ringpost: %s: no answer in time\n", what);
    else if (is_refusal)
        fprintf(stderr, "ringpost: %s: %s: %s\n", what, ringpost_status_name(status),
                ringpost_error_text(cli->handle));
    else
        fprintf(stderr, "ringpost: %s: %s\n", what, strerror(-error));
    return is_refusal ? refusal_code(status) : exit_code(error);
}

int cli_fail_event(const char *what, const struct ringpost_event *event)
{
    fprintf(stderr, "ringpost: %s: %s\n", what, ringpost_status_name(event->status));
    return refusal_code(event->status);
}

int cli_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ringpost: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return EX_USAGE;
}

struct ringpost_bytes cli_name(const struct cli *cli, int index)
{
    return ringpost_text(cli->arguments[index]);
}

int cli_done(struct cli *cli, const char *what, int error)
{
    struct print print;
    if (error)
        return cli_fail(cli, what, error);
    if (!cli->options.is_json)
        return EX_OK;
    print_begin(&print, true);
    print_flag(&print, "done", true);
    print_end(&print);
    return EX_OK;
}

/* Reads the first line of the file that lets in, if one is named. Returns 0, or what to exit with. */
static int password_read(const struct cli *cli, char password[PASSWORD_SIZE])
{
    const char *option = cli->options.password_file;
    const char *path = option ? option : getenv("RINGPOST_PASSWORD_FILE");
    password[0] = 0;
    if (!path)
        return 0;
    FILE *file = fopen(path, "re");
    const char *problem = file ? NULL : strerror(errno);
    if (file && !fgets(password, PASSWORD_SIZE, file))
        password[0] = 0;
    if (file)
        fclose(file);
    size_t size = strcspn(password, "\r\n");
    password[size] = 0;
    if (!problem && (size == 0 || size > PASSWORD_MAX))
        problem = size == 0 ? "its first line is empty" : "its first line is too long";
    if (problem)
        fprintf(stderr, "ringpost: password file %s: %s\n", path, problem);
    return problem ? EX_NOINPUT : 0;
}

int cli_open(struct cli *cli, bool is_reconnecting)
{
    char password[PASSWORD_SIZE];
    int code = password_read(cli, password);
    if (code)
        return code;
    const char *server = cli->options.server;
    const char *variable = getenv("RINGPOST_SERVER");
    struct ringpost_options options = {
        .size = sizeof options,
        .server = server,
        .client = "ringpost " RINGPOST_VERSION,
        .password = password,
        .no_reconnect = !is_reconnecting,
    };
    /* Zero would only begin to connect. */
    int timeout_ms = cli->options.timeout_ms > 0 ? cli->options.timeout_ms : 1;
    int error = ringpost_open(&cli->handle, &options, timeout_ms);
    if (!error)
        return 0;
    if (error == -EINVAL && server)
        return cli_usage("--server %s is not an address", server);
    if (error == -EINVAL && variable) {
        fprintf(stderr, "ringpost: RINGPOST_SERVER=%s is not an address\n", variable);
        return EX_CONFIG;
    }
    const char *address = server ? server : variable ? variable : RINGPOST_SERVER_DEFAULT;
    fprintf(stderr, "ringpost: cannot connect to %s: %s\n", address, strerror(-error));
    return error == -EACCES ? EX_NOPERM : EX_UNAVAILABLE;
}
