#include "server/options.h"

#include "server/address.h"
#include "server/config.h"
#include "server/keys.h"

#include <errno.h>
#include <sysexits.h>

static const struct {
    const char *name;
    int action;
    const char *help;
} actions[] = {
    {"--check-config", ACTION_CHECK_CONFIG,
     "look at flags and configuration file, and exit: 0, or 78 with what is wrong"},
    {"--show-config", ACTION_SHOW_CONFIG,
     "say each key, its value and where that comes from, divided by tabs, and exit"},
    {"--check-kernel", ACTION_CHECK_KERNEL,
     "say what this kernel offers, and exit: 0, or 78 if it cannot be used"},
    {"--version", ACTION_VERSION, "say the version and exit"},
    {"--help", ACTION_HELP, "say this and exit"},
};

static void help_key(const struct key *key, FILE *to)
{
    char takes[KEY_TEXT_SIZE];
    key_describe(key, takes);
    fprintf(to, key->kind == KEY_SWITCH ? "  --%s\n" : "  --%s %s\n", key->name, takes);
    fprintf(to, "        %s", key->help);
    fprintf(to, *key->fallback ? "\n        (default %s)\n" : "\n", key->fallback);
}

void options_help(FILE *to)
{
    fputs("usage: ringpostd [OPTION…]\n\n"
          "The ringpost message broker. Runs in the foreground; TERM or INT ends it, HUP has it\n"
          "read its configuration file again. Each option but those that exit is a key of that\n"
          "file, without its dashes; ringpost.conf(5) says more.\n\n"
          "  --config FILE\n        read the configuration there; flags go before it\n",
          to);
    for (size_t i = 0; key_at(i); i++)
        help_key(key_at(i), to);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        fprintf(to, "  %s\n        %s\n", actions[i].name, actions[i].help);
    fputs(
        "\nexit codes: 0 ended cleanly, 64 bad usage, 69 cannot listen, 71 the system refused,\n"
        "73 the ready file cannot be written, 78 the configuration is wrong or io_uring cannot be\n"
        "used here\n",
        to);
}

static bool find_action(struct options *options, const char *argument)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(argument, actions[i].name) == 0) {
            options->action = actions[i].action;
            return true;
        }
    return false;
}

static int set_config_file(struct options *options, const char *value)
{
    size_t size = strlen(value);
    if (size == 0 || size >= sizeof options->config_file)
        return -EINVAL;
    memcpy(options->config_file, value, size + 1);
    return 0;
}

static int refuse_value(const char *name, const char *takes, const char *value, char *error,
                        size_t size)
{
    snprintf(error, size, "--%s takes %s%s%.64s%s", name, takes, value ? ", not '" : "",
             value ? value : "", value ? "'" : "");
    return -EINVAL;
}

/* Takes --NAME=VALUE, --NAME with VALUE behind it, or a switch; returns how many words that are. */
static int take_flag(struct options *options, char **words, char *error, size_t size)
{
    const char *name = strncmp(words[0], "--", 2) == 0 ? words[0] + 2 : "";
    const char *equals = strchr(name, '=');
    struct bytes key_name = bytes_of(name, equals ? (size_t)(equals - name) : strlen(name));
    const struct key *key = key_find(key_name);
    bool is_alone = equals || (key && key->kind == KEY_SWITCH);
    const char *value = equals ? equals + 1 : is_alone ? "yes" : words[1];
    char takes[KEY_TEXT_SIZE] = "FILE";
    if (key) {
        key_describe(key, takes);
        if (!value || key_set(key, options, value, (struct origin){ORIGIN_FLAG, 0}) < 0)
            return refuse_value(key->name, takes, value, error, size);
    } else if (bytes_equal(key_name, bytes_text("config"))) {
        if (!value || set_config_file(options, value) < 0)
            return refuse_value("config", takes, value, error, size);
    } else {
        snprintf(error, size, "unknown option '%.64s'; --help lists them", words[0]);
        return -EINVAL;
    }
    return is_alone ? 1 : 2;
}

int options_parse(struct options *options, int argc, char **argv, char *error, size_t size)
{
    *options = (struct options){.words_count = argc, .words = argv};
    keys_reset(options);
    for (int i = 1; i < argc;) {
        int taken = find_action(options, argv[i]) ? 1 : take_flag(options, argv + i, error, size);
        if (taken < 0)
            return taken;
        i += taken;
    }
    return 0;
}

static int load_password(struct options *options, FILE *errors)
{
    if (!options->password_file[0])
        return EX_OK;
    const char *problem = password_load(&options->password, options->password_file);
    if (!problem)
        return EX_OK;
    fprintf(errors, "ringpostd: password-file %s: %s\n", options->password_file, problem);
    return EX_CONFIG;
}

int options_check(const struct options *options, FILE *errors)
{
    for (unsigned i = 0; i < options->listen_count; i++) {
        const struct ring_address *address = &options->listen[i];
        char text[ADDRESS_TEXT_SIZE];
        if (address_is_local(address) || options->password.size > 0 || options->is_insecure)
            continue;
        address_format(address, address->port, text);
        fprintf(errors,
                "ringpostd: anyone on the network could use the broker at %s: give it a "
                "password-file, or say insecure if that is meant\n",
                text);
        return EX_CONFIG;
    }
    return EX_OK;
}

int options_load(struct options *options, int argc, char **argv, FILE *errors)
{
    char error[256];
    if (options_parse(options, argc, argv, error, sizeof error) < 0) {
        fprintf(errors, "ringpostd: %s\n", error);
        return EX_USAGE;
    }
    if (options->config_file[0] && config_load(options, options->config_file, errors) < 0)
        return EX_CONFIG;
    int code = load_password(options, errors);
    return code == EX_OK ? options_check(options, errors) : code;
}

void options_finish(struct options *options)
{
    policies_finish(&options->policies);
}
