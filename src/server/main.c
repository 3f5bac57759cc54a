/* ringpostd: the broker's program. */
#include "server/broker.h"

#include <sysexits.h>

static int check_kernel(void)
{
    char text[4096];
    int result = ring_check(text, sizeof text);
    fputs(text, result < 0 ? stderr : stdout);
    return result < 0 ? EX_CONFIG : EX_OK;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[256];
    if (options_parse(&options, argc, argv, error, sizeof error) < 0) {
        fprintf(stderr, "ringpostd: %s\n", error);
        return EX_USAGE;
    }
    switch (options.action) {
    case ACTION_HELP: options_help(stdout); return EX_OK;
    case ACTION_VERSION: puts("ringpostd " RINGPOST_VERSION); return EX_OK;
    case ACTION_CHECK_KERNEL: return check_kernel();
    case ACTION_RUN: break;
    }
    return broker_run(&options);
}
