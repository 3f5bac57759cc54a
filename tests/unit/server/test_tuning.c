#include "server/tuning.h"

#include "check.h"
#include "server/keys.h"

static struct options options;
static struct tuning tuning = {.options = &options};

/* Has settings changed, `pairs` of them as name and value; returns why not. */
static enum setting_fault change(uint32_t count, const char *const *pairs, uint32_t *which)
{
    struct bytes words[8];
    struct command command = {.kind = COMMAND_CONFIGURE};
    assert_true(2 * count <= 8);
    for (uint32_t i = 0; i < 2 * count; i++)
        words[i] = bytes_text(pairs[i]);
    command.configure.pairs = words;
    command.configure.count = count;
    return tuning_change(&tuning, &command, which);
}

static enum setting_fault change_one(const char *name, const char *value)
{
    uint32_t which;
    const char *const pair[] = {name, value};
    enum setting_fault fault = change(1, pair, &which);
    assert_int_equal(which, 0);
    return fault;
}

static void reset(void)
{
    options = (struct options){0};
    keys_reset(&options);
}

static void a_setting_takes_what_a_client_wants(void **state)
{
    (void)state;
    reset();
    assert_int_equal(change_one("memory-limit", "100mb"), SETTING_OK);
    assert_true(options.memory_max == 100 << 20);
    assert_int_equal(key_origin(key_find(bytes_text("memory-limit")), &options)->kind,
                     ORIGIN_CLIENT);
    assert_int_equal(change_one("memory-limit", "0"), SETTING_OK);
    assert_true(options.memory_max == 0);
}

static void a_client_goes_before_flags(void **state)
{
    (void)state;
    reset();
    const struct key *key = key_find(bytes_text("max-queues"));
    assert_int_equal(key_set(key, &options, "7", (struct origin){ORIGIN_FLAG, 0}), 0);
    assert_int_equal(change_one("max-queues", "8"), SETTING_OK);
    assert_true(options.queues_max == 8);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    reset();
    assert_int_equal(change_one("nosuch", "1"), SETTING_UNKNOWN);
    assert_int_equal(change_one("", ""), SETTING_UNKNOWN);
    assert_int_equal(change_one("max-queues", "many"), SETTING_BAD_VALUE);
    assert_int_equal(change_one("max-queues", ""), SETTING_BAD_VALUE);
    assert_int_equal(change_one("max-unsent", "1"), SETTING_BAD_VALUE);
}

static void what_needs_a_restart_or_is_a_file_stays(void **state)
{
    (void)state;
    static const char *const names[] = {"frame-max", "listen", "password-file", "insecure",
                                        "enable-debug-command"};
    reset();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(change_one(names[i], "yes"), SETTING_FIXED);
}

static void a_value_that_is_no_text_is_refused(void **state)
{
    (void)state;
    static const char zero[] = "5\0"
                               "6";
    static char longest[KEY_TEXT_SIZE + 1];
    struct bytes words[] = {bytes_text("max-queues"), bytes_of(zero, 3)};
    struct command command = {.kind = COMMAND_CONFIGURE, .configure = {words, 1}};
    uint32_t which;
    reset();
    assert_int_equal(tuning_change(&tuning, &command, &which), SETTING_BAD_VALUE);
    memset(longest, '1', sizeof longest);
    words[1] = bytes_of(longest, sizeof longest);
    assert_int_equal(tuning_change(&tuning, &command, &which), SETTING_BAD_VALUE);
}

static void of_several_all_are_changed_or_none(void **state)
{
    (void)state;
    static const char *const pairs[] = {"max-queues", "5",         "max-retained",
                                        "6",          "hello-max", "nothing"};
    uint32_t which;
    reset();
    assert_int_equal(change(3, pairs, &which), SETTING_BAD_VALUE);
    assert_int_equal(which, 2);
    assert_true(options.queues_max == 1000000 && options.retained_max == 100000);
    assert_int_equal(change(2, pairs, &which), SETTING_OK);
    assert_true(options.queues_max == 5 && options.retained_max == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_takes_what_a_client_wants),
        cmocka_unit_test(a_client_goes_before_flags),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(what_needs_a_restart_or_is_a_file_stays),
        cmocka_unit_test(a_value_that_is_no_text_is_refused),
        cmocka_unit_test(of_several_all_are_changed_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
