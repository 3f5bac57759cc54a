#include "server/address.h"

#include "check.h"

#include <errno.h>

static void addresses_read_back_as_they_were_written(void **state)
{
    static const char *const texts[] = {"127.0.0.1:7464", "0.0.0.0:0",          "[::1]:65535",
                                        "[::]:1",         "unix:/run/ringpost", "unix:a b"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ring_address address;
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_parse(texts[i], &address), 0);
        address_format(&address, address.port, text);
        assert_string_equal(text, texts[i]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {
        "",      "7464",   "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:1b",
        "[::1]", "[::1:1", "::1:7464",  "here:1",     "[127.0.0.1]:1",   "unix:",
        ":7464", "[]:1",   "[:1",       "1.2.3:4",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ring_address address;
        if (address_parse(texts[i], &address) != -EINVAL)
            fail_msg("'%s' is taken", texts[i]);
    }
}

static void only_loopback_and_unix_sockets_are_local(void **state)
{
    static const struct {
        const char *text;
        bool is_local;
    } cases[] = {
        {"127.0.0.1:1", true},  {"127.9.9.9:1", true},
        {"localhost:1", true},  {"[::1]:1", true},
        {"unix:/x", true},      {"0.0.0.0:1", false},
        {"[::]:1", false},      {"192.168.0.1:1", false},
        {"[fe80::1]:1", false}, {"[::ffff:10.0.0.1]:1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ring_address address;
        assert_int_equal(address_parse(cases[i].text, &address), 0);
        assert_true(address_is_local(&address) == cases[i].is_local);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_read_back_as_they_were_written),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(only_loopback_and_unix_sockets_are_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
