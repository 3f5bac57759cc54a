/* ringpostd: the broker's program. */
#include "server/broker.h"
#include "server/records.h"

#include <sysexits.h>

static int check_kernel(void)
{
    char text[4096];
    int result = ring_check(text, sizeof text);
    fputs(text, result < 0 ? stderr : stdout);
    return result < 0 ? EX_CONFIG : EX_OK;
}

static int show_config(const struct options *options)
{
    struct records records;
    records_init(&records, options);
    records_write(&records, stdout);
    records_finish(&records);
    return EX_OK;
}

static int act(struct options *options)
{
    switch (options->action) {
    case ACTION_HELP: options_help(stdout); return EX_OK;
    case ACTION_VERSION: puts("ringpostd " RINGPOST_VERSION); return EX_OK;
    case ACTION_CHECK_KERNEL: return check_kernel();
    case ACTION_CHECK_CONFIG: puts("the configuration is good"); return EX_OK;
    case ACTION_SHOW_CONFIG: return show_config(options);
    case ACTION_RUN: return broker_run(options);
    }
    return EX_SOFTWARE;
}

int main(int argc, char **argv)
{
    struct options options;
    int code = options_load(&options, argc, argv, stderr);
    if (code == EX_OK)
        code = act(&options);
    options_finish(&options);
    return code;
}
