#include "check.h"

#include "client/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static void good_lists_are_taken(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "127.0.0.1:7464",
        "localhost",
        "broker.example:1",
        "[::1]:7464",
        "[fe80::1%lo]:65535",
        "[::1]",
        "unix:/run/ringpost",
        "unix:relative",
        "a:1,b:2",
        "unix:/x,[::]:1,10.0.0.1",
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct address_list list;
        assert_int_equal(address_list_init(&list, lists[i]), 0);
        address_list_finish(&list);
    }
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    char path[200] = "unix:";
    memset(path + 5, 'p', sizeof path - 6);
    char host[400];
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = 0;
    const char *const lists[] = {
        "",
        ":",
        ":7464",
        "host:",
        "host:0",
        "host:65536",
        "host:+1",
        "host:1x",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[]:1",
        "unix:",
        "a,",
        ",a",
        "a,,b",
        "h:1:2",
        "host:99999999999999999999",
        path,
        host,
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct address_list list;
        assert_int_equal(address_list_init(&list, lists[i]), -EINVAL);
    }
}

static void addresses_come_in_turn_and_again(void **state)
{
    (void)state;
    struct address_list list;
    assert_int_equal(address_list_init(&list, "127.0.0.1:1,unix:/tmp/x,[::1]"), 0);
    for (int round = 0; round < 2; round++) {
        struct sockaddr_storage address;
        socklen_t size;
        assert_int_equal(address_list_next(&list, &address, &size), 1);
        const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
        assert_int_equal(four->sin_family, AF_INET);
        assert_int_equal(ntohs(four->sin_port), 1);
        assert_int_equal(ntohl(four->sin_addr.s_addr), INADDR_LOOPBACK);
        assert_int_equal(address_list_next(&list, &address, &size), 1);
        assert_int_equal(address.ss_family, AF_UNIX);
        assert_string_equal(((const struct sockaddr_un *)&address)->sun_path, "/tmp/x");
        assert_int_equal(address_list_next(&list, &address, &size), 1);
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
        assert_int_equal(six->sin6_family, AF_INET6);
        assert_int_equal(ntohs(six->sin6_port), 7464);
        assert_int_equal(address_list_next(&list, &address, &size), 0);
    }
    address_list_finish(&list);
}

static void rewinding_starts_with_the_first(void **state)
{
    (void)state;
    struct address_list list;
    struct sockaddr_storage address;
    socklen_t size;
    assert_int_equal(address_list_init(&list, "127.0.0.1:1,127.0.0.1:2"), 0);
    assert_int_equal(address_list_next(&list, &address, &size), 1);
    address_list_rewind(&list);
    assert_int_equal(address_list_next(&list, &address, &size), 1);
    assert_int_equal(ntohs(((const struct sockaddr_in *)&address)->sin_port), 1);
    address_list_finish(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lists_are_taken),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(addresses_come_in_turn_and_again),
        cmocka_unit_test(rewinding_starts_with_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
