#include "server/config.h"

#include "check.h"
#include "server/keys.h"
#include "server/records.h"

#include <errno.h>
#include <stdlib.h>

/* A configuration that was read from a file named `f`. */
struct reading {
    struct options options;
    struct records records;
    char *errors;
    size_t errors_size;
    int result;
};

static void read_bytes(struct reading *reading, struct bytes text)
{
    *reading = (struct reading){.options = {.config_file = "f"}};
    keys_reset(&reading->options);
    FILE *errors = open_memstream(&reading->errors, &reading->errors_size);
    reading->result = config_read(&reading->options, "f", text, errors);
    fclose(errors);
    records_init(&reading->records, &reading->options);
}

static void done(struct reading *reading)
{
    records_finish(&reading->records);
    options_finish(&reading->options);
    free(reading->errors);
}

static void read_good(struct reading *reading, const char *text)
{
    read_bytes(reading, bytes_text(text));
    assert_string_equal(reading->errors, "");
    assert_int_equal(reading->result, 0);
}

static void expect_fault_in(struct bytes text, const char *fault)
{
    struct reading reading;
    read_bytes(&reading, text);
    assert_int_equal(reading.result, -EINVAL);
    if (!strstr(reading.errors, fault))
        fail_msg("'%s' is not in '%s'", fault, reading.errors);
    done(&reading);
}

static void expect_fault(const char *text, const char *fault)
{
    expect_fault_in(bytes_text(text), fault);
}

static void expect(const struct reading *reading, const char *key, const char *value,
                   const char *origin)
{
    const struct record *record = records_find(&reading->records, key);
    assert_non_null(record);
    assert_string_equal(record->value, value);
    assert_string_equal(record->origin, origin);
}

static void keys_take_their_values_and_remember_their_lines(void **state)
{
    struct reading reading;
    (void)state;
    read_good(&reading, "\xEF\xBB\xBF# comment\n\n  frame-max = 4mb ; why\r\nlisten=[::1]:1\n"
                        "\tlisten\t:\tunix:/a b");
    expect(&reading, "frame-max", "4mb", "f:3");
    expect(&reading, "listen", "[::1]:1 unix:/a b", "f:5");
    expect(&reading, "ready-file", "", "default");
    done(&reading);
}

static void sections_become_policies_the_most_specific_last(void **state)
{
    struct reading reading;
    (void)state;
    read_good(&reading, "[queue jobs.urgent]\nmax-messages = 10\n"
                        "[topic a.>]\noverflow = keep-last\nmax-messages=5\nmax-bytes = 1kb\n"
                        "retained = off\n"
                        "[queue jobs.>]\nmax-messages = 1000\nwhen-full = drop-oldest\nttl = 30s\n"
                        "max-bytes = 1mb\ndelivery-limit = 0\ndead-letter =\nlease-max = 2m\n"
                        "pop-lease = connection\npattern = jobs.>\n");
    const struct policies *policies = &reading.options.policies;
    assert_int_equal(policies->queues_count, 2);
    assert_int_equal(policies->topics_count, 1);
    struct queue_settings settings = queue_settings_default();
    queue_policies_merge(&settings, policies->queues, 2, bytes_text("jobs.urgent"));
    assert_int_equal(settings.count_max, 10);
    assert_int_equal(settings.size_max, 1 << 20);
    assert_int_equal(settings.when_full, WHEN_FULL_DROP_OLDEST);
    assert_int_equal(settings.ttl_ms, 30000);
    assert_int_equal(settings.delivery_limit, 0);
    assert_int_equal(settings.lease_max_ms, 120000);
    assert_int_equal(settings.pop_lease, POP_LEASE_CONNECTION);
    assert_int_equal(settings.dead_letter.size, 0);
    assert_non_null(settings.dead_letter.data);
    assert_int_equal(policies->topics[0].settings.overflow, OVERFLOW_KEEP_LAST);
    assert_int_equal(policies->topics[0].settings.count_max, 5);
    assert_true(policies->topics[0].settings.no_retained);
    assert_int_equal(policies->topics[0].settings.size_max, 1024);
    done(&reading);
}

static void records_say_which_of_overlapping_patterns_goes_before(void **state)
{
    struct reading reading;
    (void)state;
    read_good(&reading, "[queue a.>]\nmax-messages = 1\nttl = 1s\n[queue a.*.c]\nmax-messages = 2\n"
                        "[queue a.b.*]\nmax-messages = 3\n[queue b.>]\nmax-messages = 4\n"
                        "[topic a.b]\nmax-messages = 5\n[queue a.d]\nttl = 2s\n");
    expect(&reading, "queue a.> max-messages", "1", "f:2, behind a.b.* and a.*.c");
    expect(&reading, "queue a.> ttl", "1s", "f:3, behind a.d");
    expect(&reading, "queue a.*.c max-messages", "2", "f:5, behind a.b.*");
    expect(&reading, "queue a.b.* max-messages", "3", "f:7");
    expect(&reading, "queue b.> max-messages", "4", "f:9");
    expect(&reading, "topic a.b max-messages", "5", "f:11");
    done(&reading);
}

static void a_long_pattern_stands_in_its_section(void **state)
{
    struct reading reading;
    (void)state;
    char text[256];
    snprintf(text, sizeof text, "[queue long]\npattern = %0150d\nmax-messages = 7\n", 0);
    read_good(&reading, text);
    struct queue_settings settings = {0};
    char name[160];
    snprintf(name, sizeof name, "%0150d", 0);
    queue_policies_merge(&settings, reading.options.policies.queues, 1, bytes_text(name));
    assert_int_equal(settings.count_max, 7);
    done(&reading);
}

static void every_fault_is_told_with_file_and_line(void **state)
{
    (void)state;
    expect_fault("\nnope = 1\n", "f:2: unknown key 'nope'\n");
    expect_fault("frame-max = 1\n", "f:1: frame-max takes SIZE of 4kb to 64mb, not '1'\n");
    expect_fault("frame-max\n", "f:1: neither [SECTION] nor KEY = VALUE\n");
    expect_fault("frame-max = 4mb\nframe-max = 4mb\n", "f:2: frame-max is given in line 1 already");
    expect_fault("[queue a]\nttl = 1s\nttl = 2s\n", "f:3: ttl is given in line 2 already\n");
    expect_fault("[queue a]\nframe-max = 4mb\n", "f:2: unknown key 'frame-max' of a queue\n");
    expect_fault("[topic a]\nttl = 1s\n", "f:2: unknown key 'ttl' of a topic\n");
    expect_fault("[queue a]\nttl = 99999999999999d\n", "f:2: ttl takes a DURATION");
    expect_fault("[queue a]\nttl = 30\n", "f:2: ttl takes a DURATION");
    expect_fault("[queue a]\nmax-messages = 0\n", "f:2: max-messages takes a COUNT");
    expect_fault("[queue a]\nwhen-full = maybe\n", "f:2: when-full takes refuse, hold or");
    expect_fault("[queue a]\npop-lease = yes\n", "f:2: pop-lease takes none or connection, not");
    expect_fault("[queue a]\ndelivery-limit = 65536\n", "f:2: delivery-limit takes");
    expect_fault("[topic a]\nmax-messages = 4294967296\n", "f:2: max-messages takes");
    expect_fault("[topic a]\noverflow = maybe\n", "f:2: overflow takes");
    expect_fault("[topic a]\nretained = maybe\n", "f:2: retained takes on or off, not 'maybe'\n");
    expect_fault("[topic a]\nmax-bytes = 0\n", "f:2: max-bytes takes a SIZE of at least 1");
    expect_fault("[queue]\n", "f:1: a section is [queue PATTERN] or [topic PATTERN]\n");
    expect_fault("[queues a]\n", "f:1: a section is");
    expect_fault("[queue a\n", "f:1: a section's name ends with ']'\n");
    expect_fault("[queue >.a]\n", "f:1: a pattern has");
    expect_fault("[queue a]\npattern =\n", "f:1: a pattern has");
    expect_fault("[queue a]\nttl=1s\n[queue b]\npattern = a\n",
                 "f:3: this queue pattern has a section in line 1 already\n");
    expect_fault_in(bytes_of("frame-max = 4mb\0\n", 17), "f:1: ");
}

static void what_the_library_would_cut_is_refused(void **state)
{
    char text[512];
    struct reading reading;
    (void)state;
    snprintf(text, sizeof text, "ready-file = %0186d\n", 0);
    read_good(&reading, text);
    done(&reading);
    snprintf(text, sizeof text, "ready-file = %0187d\n", 0);
    expect_fault(text, "f:1: a line has at most 199 bytes\n");
    snprintf(text, sizeof text, "[queue %043d]\nttl = 1s\n", 0);
    read_good(&reading, text);
    assert_int_equal(reading.options.policies.queues[0].pattern.size, 43);
    done(&reading);
    snprintf(text, sizeof text, "[queue %044d]\nttl = 1s\n", 0);
    expect_fault(text, "f:1: a section's name has at most 49 bytes");
}

static void many_faults_end_in_silence(void **state)
{
    char text[1024] = "";
    struct reading reading;
    (void)state;
    for (int i = 0; i < 100; i++)
        memcpy(text + 5 * (size_t)i, "a=1\n\n", 6);
    read_bytes(&reading, bytes_text(text));
    assert_int_equal(reading.result, -EINVAL);
    assert_non_null(strstr(reading.errors, "f:39: "));
    assert_null(strstr(reading.errors, "f:41: "));
    done(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_take_their_values_and_remember_their_lines),
        cmocka_unit_test(sections_become_policies_the_most_specific_last),
        cmocka_unit_test(records_say_which_of_overlapping_patterns_goes_before),
        cmocka_unit_test(a_long_pattern_stands_in_its_section),
        cmocka_unit_test(every_fault_is_told_with_file_and_line),
        cmocka_unit_test(what_the_library_would_cut_is_refused),
        cmocka_unit_test(many_faults_end_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
