#include "server/door.h"

#include "base/time.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { GUESTS = 8 };

/* A door and those who come to it; what it logs goes to a file. */
struct street {
    struct door door;
    struct guest guests[GUESTS];
    uint64_t now;
    FILE *log;
    int stderr_fd;
};

static void open_street(struct street *street, struct door_limits limits)
{
    *street = (struct street){.door = {.limits = limits, .key = {1, 2}}, .now = NS_PER_S};
    street->log = tmpfile();
    assert_non_null(street->log);
    street->stderr_fd = dup(STDERR_FILENO);
    dup2(fileno(street->log), STDERR_FILENO);
}

static unsigned close_street(struct street *street)
{
    unsigned lines = 0;
    for (int i = 0; i < GUESTS; i++)
        door_leave(&street->door, &street->guests[i]);
    door_finish(&street->door);
    dup2(street->stderr_fd, STDERR_FILENO);
    close(street->stderr_fd);
    rewind(street->log);
    for (int c; (c = fgetc(street->log)) != EOF;)
        lines += c == '\n';
    fclose(street->log);
    return lines;
}

static enum status enter(struct street *street, int guest, int host)
{
    struct ring_address from = {.kind = RING_ADDRESS_TCP4, .host = {10, 0, 0, (unsigned char)host}};
    return door_enter(&street->door, &street->guests[guest], host ? &from : NULL, street->now);
}

static void there_may_be_so_many_guests(void **state)
{
    struct street street;
    (void)state;
    open_street(&street, (struct door_limits){.guests_max = 2});
    assert_int_equal(enter(&street, 0, 0), STATUS_OK);
    assert_int_equal(enter(&street, 1, 0), STATUS_OK);
    assert_int_equal(enter(&street, 2, 0), STATUS_CONNECTIONS);
    door_know(&street.door, &street.guests[0]);
    assert_int_equal(enter(&street, 2, 0), STATUS_CONNECTIONS);
    door_leave(&street.door, &street.guests[0]);
    assert_int_equal(enter(&street, 2, 0), STATUS_OK);
    close_street(&street);
}

static void so_many_may_come_from_one_address(void **state)
{
    struct street street;
    (void)state;
    open_street(&street, (struct door_limits){.per_address_max = 2});
    assert_int_equal(enter(&street, 0, 1), STATUS_OK);
    assert_int_equal(enter(&street, 1, 1), STATUS_OK);
    assert_int_equal(enter(&street, 2, 1), STATUS_FROM_ADDRESS);
    assert_int_equal(enter(&street, 3, 2), STATUS_OK);
    assert_int_equal(enter(&street, 4, 0), STATUS_OK);
    door_leave(&street.door, &street.guests[1]);
    assert_int_equal(enter(&street, 2, 1), STATUS_OK);
    assert_int_equal(street.door.hosts.count, 2);
    close_street(&street);
}

static void strangers_are_counted_until_they_are_known(void **state)
{
    struct street street;
    (void)state;
    open_street(&street, (struct door_limits){.strangers_max = 2});
    assert_int_equal(enter(&street, 0, 0), STATUS_OK);
    assert_int_equal(enter(&street, 1, 0), STATUS_OK);
    assert_int_equal(enter(&street, 2, 0), STATUS_STRANGERS);
    door_know(&street.door, &street.guests[0]);
    door_know(&street.door, &street.guests[0]);
    assert_int_equal(enter(&street, 2, 0), STATUS_OK);
    assert_int_equal(enter(&street, 3, 0), STATUS_STRANGERS);
    door_leave(&street.door, &street.guests[1]);
    assert_int_equal(enter(&street, 3, 0), STATUS_OK);
    close_street(&street);
}

static void one_who_was_refused_is_not_counted_and_can_leave_all_the_same(void **state)
{
    struct street street;
    (void)state;
    open_street(&street, (struct door_limits){.guests_max = 1, .per_address_max = 1});
    assert_int_equal(enter(&street, 0, 1), STATUS_OK);
    assert_int_equal(enter(&street, 1, 1), STATUS_CONNECTIONS);
    door_leave(&street.door, &street.guests[1]);
    assert_int_equal(street.door.guests_count, 1);
    assert_int_equal(street.door.hosts.count, 1);
    close_street(&street);
}

static void many_refusals_are_few_lines(void **state)
{
    struct street street;
    (void)state;
    open_street(&street, (struct door_limits){.guests_max = 1, .strangers_max = 1});
    assert_int_equal(enter(&street, 0, 0), STATUS_OK);
    for (int i = 0; i < 1000; i++, street.now += 11 * NS_PER_MS) {
        assert_int_equal(enter(&street, 1, 0), STATUS_CONNECTIONS);
        door_is_blocked(&street.door, street.now);
    }
    assert_int_equal(close_street(&street), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_may_be_so_many_guests),
        cmocka_unit_test(so_many_may_come_from_one_address),
        cmocka_unit_test(strangers_are_counted_until_they_are_known),
        cmocka_unit_test(one_who_was_refused_is_not_counted_and_can_leave_all_the_same),
        cmocka_unit_test(many_refusals_are_few_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
