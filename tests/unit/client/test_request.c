#include "fake.h"

#include "base/time.h"
#include "frame/field.h"

#include <errno.h>

static int setup(void **state)
{
    struct fake *fake = fake_create();
    fake_open(fake, NULL);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_destroy(*state);
    return 0;
}

static const struct ringpost_bytes QUEUE = {"jobs", 4};

/* The answer to the client's next request. */
static void answer(struct fake *fake, bool has_more, const void *data, size_t size)
{
    fake_put_reply(fake, fake_number(fake), has_more, bytes_of(data, size));
}

/* One record of LIST: a queue with a name and how many messages are ready. Returns its bytes. */
static size_t put_record(unsigned char *to, const char *name, uint64_t ready)
{
    size_t size = 4;
    size += field_put_bytes(to + size, "name", bytes_text(name));
    size += field_put_number(to + size, "ready", ready);
    store_u32(to, (uint32_t)size);
    return size;
}

static void declare_says_what_the_settings_say(void **state)
{
    struct fake *fake = *state;
    struct ringpost_settings settings = {.size = sizeof settings,
                                         .max_messages = 5,
                                         .max_bytes = 600,
                                         .when_full = RINGPOST_WHEN_FULL_HOLD};
    unsigned char fields[96];
    size_t size = field_put_number(fields, "max-messages", 5);
    size += field_put_number(fields + size, "max-bytes", 600);
    size += field_put_bytes(fields + size, "when-full", bytes_text("hold"));
    answer(fake, false, NULL, 0);
    assert_int_equal(ringpost_declare(fake->handle, QUEUE, &settings, WAIT_MS), 0);
    struct taken taken = fake_take(fake, OP_DECLARE);
    assert_bytes(bytes_to(taken.name), "jobs");
    assert_int_equal(taken.body.size, size);
    assert_memory_equal(taken.body.data, fields, size);
}

static void settings_can_say_none_and_nowhere(void **state)
{
    struct fake *fake = *state;
    static const char name[FRAME_NAME_MAX];
    struct ringpost_settings settings = {
        .size = sizeof settings,
        .when_full = RINGPOST_WHEN_FULL_DROP_OLDEST,
        .ttl_ms = RINGPOST_OFF,
        .delivery_limit = RINGPOST_OFF,
        .lease_max_ms = 1500,
        .dead_letter = ringpost_text(""),
        .pop_lease = RINGPOST_POP_LEASE_NONE,
    };
    unsigned char fields[256];
    size_t size = field_put_bytes(fields, "when-full", bytes_text("drop-oldest"));
    size += field_put_number(fields + size, "ttl", 0);
    size += field_put_number(fields + size, "delivery-limit", 0);
    size += field_put_number(fields + size, "lease-max", 1500);
    size += field_put_bytes(fields + size, "dead-letter", bytes_text(""));
    size += field_put_bytes(fields + size, "pop-lease", bytes_text("none"));
    answer(fake, false, NULL, 0);
    assert_int_equal(ringpost_set(fake->handle, QUEUE, &settings, WAIT_MS), 0);
    struct taken taken = fake_take(fake, OP_SET);
    assert_int_equal(taken.body.size, size);
    assert_memory_equal(taken.body.data, fields, size);
    settings = (struct ringpost_settings){
        .size = sizeof settings, 1, 1, 1, 1, 1, 1, {name, sizeof name}, 2};
    answer(fake, false, NULL, 0);
    assert_int_equal(ringpost_declare(fake->handle, QUEUE, &settings, WAIT_MS), 0);
    assert_true(fake_take(fake, OP_DECLARE).body.size > sizeof name);
}

static void redrive_tells_how_many_and_whether_some_are_left(void **state)
{
    struct fake *fake = *state;
    struct ringpost_redrive_options options = {
        .size = sizeof options, .count = 5, .to = ringpost_text("other")};
    uint64_t moved = 4, count = 0;
    int has_more = 0;
    answer(fake, true, &moved, sizeof moved);
    assert_int_equal(ringpost_redrive(fake->handle, QUEUE, &options, &count, &has_more, WAIT_MS),
                     0);
    assert_int_equal(count, 4);
    assert_int_equal(has_more, 1);
    struct taken taken = fake_take(fake, OP_REDRIVE);
    unsigned char fields[16];
    size_t size = field_put_bytes(fields, "to", bytes_text("other"));
    assert_int_equal(load_u32(taken.body.data), 5);
    assert_int_equal(taken.body.size, 4 + size);
    assert_memory_equal(taken.body.data + 4, fields, size);
    answer(fake, false, &moved, 7);
    assert_int_equal(ringpost_redrive(fake->handle, QUEUE, NULL, NULL, NULL, WAIT_MS), -EPROTO);
    assert_int_equal(fake_take(fake, OP_REDRIVE).body.size, 4);
}

static void declare_leaves_the_defaults_to_the_broker(void **state)
{
    struct fake *fake = *state;
    answer(fake, false, NULL, 0);
    assert_int_equal(ringpost_declare(fake->handle, QUEUE, NULL, WAIT_MS), 0);
    assert_int_equal(fake_take(fake, OP_DECLARE).body.size, 0);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    struct fake *fake = *state;
    struct ringpost_settings settings = {.size = sizeof settings, .when_full = 4};
    assert_int_equal(ringpost_declare(fake->handle, QUEUE, &settings, WAIT_MS), -EINVAL);
    settings.when_full = -1;
    assert_int_equal(ringpost_declare(fake->handle, QUEUE, &settings, WAIT_MS), -EINVAL);
    settings = (struct ringpost_settings){.size = sizeof settings, .ttl_ms = -2};
    assert_int_equal(ringpost_set(fake->handle, QUEUE, &settings, WAIT_MS), -EINVAL);
    static const char name[FRAME_NAME_MAX + 1];
    settings =
        (struct ringpost_settings){.size = sizeof settings, .dead_letter = {name, sizeof name}};
    assert_int_equal(ringpost_set(fake->handle, QUEUE, &settings, WAIT_MS), -EINVAL);
    assert_int_equal(ringpost_declare(fake->handle, ringpost_text(""), NULL, WAIT_MS), -EINVAL);
    fake_take_none(fake);
}

static void each_request_has_its_op(void **state)
{
    struct fake *fake = *state;
    static const struct {
        int (*call)(struct ringpost *handle, struct ringpost_bytes queue, int timeout_ms);
        enum op op;
    } calls[] = {
        {ringpost_delete, OP_DELETE}, {ringpost_pause, OP_PAUSE}, {ringpost_resume, OP_RESUME}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        answer(fake, false, NULL, 0);
        assert_int_equal(calls[i].call(fake->handle, QUEUE, WAIT_MS), 0);
        struct taken taken = fake_take(fake, calls[i].op);
        assert_bytes(bytes_to(taken.name), "jobs");
        assert_int_equal(taken.body.size, 0);
        assert_int_equal(calls[i].call(fake->handle, ringpost_text(""), WAIT_MS), -EINVAL);
    }
}

static void a_refused_request_says_why(void **state)
{
    struct fake *fake = *state;
    fake_put_error(fake, 1, 1, RINGPOST_STATUS_NO_QUEUE, "none of that name");
    assert_int_equal(ringpost_delete(fake->handle, QUEUE, WAIT_MS), -ENOENT);
    assert_int_equal(ringpost_status(fake->handle), RINGPOST_STATUS_NO_QUEUE);
    assert_string_equal(ringpost_error_text(fake->handle), "none of that name");
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
    fake_next_none(fake);
}

static void purge_tells_how_many(void **state)
{
    struct fake *fake = *state;
    uint64_t purged = 77, count = 0;
    answer(fake, false, &purged, sizeof purged);
    assert_int_equal(ringpost_purge(fake->handle, QUEUE, &count, WAIT_MS), 0);
    assert_int_equal(count, 77);
    answer(fake, false, &purged, sizeof purged);
    assert_int_equal(ringpost_purge(fake->handle, QUEUE, NULL, WAIT_MS), 0);
    answer(fake, false, &purged, 7);
    assert_int_equal(ringpost_purge(fake->handle, QUEUE, &count, WAIT_MS), -EPROTO);
}

static void info_tells_every_figure(void **state)
{
    struct fake *fake = *state;
    static const char *const keys[] = {
        "declared",       "paused",       "ready",         "ready-bytes",   "leased",
        "leased-bytes",   "waiting",      "consumers",     "max-messages",  "max-bytes",
        "accepted",       "acknowledged", "rejected",      "purged",        "delivered",
        "returned",       "refused",      "delayed",       "delayed-bytes", "ttl",
        "delivery-limit", "lease-max",    "dead-lettered", "discarded",     "expired",
        "overflowed",     "exhausted",    "oldest-ready",  "oldest-leased", "waited-p50",
        "waited-p99",     "waited-max",   "worked-p50",    "worked-p99",    "worked-max"};
    unsigned char fields[2048];
    size_t size = field_put_bytes(fields, "of-tomorrow", bytes_text("what?"));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        size += field_put_number(fields + size, keys[i], 100 + i);
    size += field_put_number(fields + size, "too", 1);
    size += field_put_bytes(fields + size, "when-full", bytes_text("drop-oldest"));
    size += field_put_bytes(fields + size, "dead-letter", bytes_text("grave"));
    size += field_put_bytes(fields + size, "pop-lease", bytes_text("connection"));
    answer(fake, false, fields, size);
    struct ringpost_info info = {.size = sizeof info};
    assert_int_equal(ringpost_info(fake->handle, QUEUE, &info, WAIT_MS), 0);
    const uint64_t figures[] = {
        info.declared,         info.paused,        info.ready,         info.ready_bytes,
        info.leased,           info.leased_bytes,  info.waiting,       info.consumers,
        info.max_messages,     info.max_bytes,     info.accepted,      info.acknowledged,
        info.rejected,         info.purged,        info.delivered,     info.returned,
        info.refused,          info.delayed,       info.delayed_bytes, info.ttl_ms,
        info.delivery_limit,   info.lease_max_ms,  info.dead_lettered, info.discarded,
        info.expired,          info.overflowed,    info.exhausted,     info.oldest_ready_ms,
        info.oldest_leased_ms, info.waited_p50_us, info.waited_p99_us, info.waited_max_us,
        info.worked_p50_us,    info.worked_p99_us, info.worked_max_us};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(figures[i], 100 + i);
    assert_int_equal(info.when_full, RINGPOST_WHEN_FULL_DROP_OLDEST);
    assert_int_equal(info.pop_lease, RINGPOST_POP_LEASE_CONNECTION);
    assert_bytes(info.dead_letter, "grave");
    assert_bytes(info.name, "jobs");
}

static void info_fills_only_what_its_caller_knows(void **state)
{
    struct fake *fake = *state;
    unsigned char fields[96];
    size_t size = field_put_number(fields, "declared", 1);
    size += field_put_number(fields + size, "ready", 2);
    struct ringpost_info info = {.size = offsetof(struct ringpost_info, ready), .ready = 99};
    answer(fake, false, fields, size);
    assert_int_equal(ringpost_info(fake->handle, QUEUE, &info, WAIT_MS), 0);
    assert_int_equal(info.declared, 1);
    assert_int_equal(info.ready, 99);
    info.size = sizeof info;
    answer(fake, false, fields, size);
    assert_int_equal(ringpost_info(fake->handle, QUEUE, &info, WAIT_MS), 0);
    assert_true(info.oldest_ready_ms == RINGPOST_NONE);
    info.size = 8;
    answer(fake, false, fields, size);
    assert_int_equal(ringpost_info(fake->handle, QUEUE, &info, WAIT_MS), -EINVAL);
    info.size = sizeof info;
    answer(fake, false, fields, size - 1);
    assert_int_equal(ringpost_info(fake->handle, QUEUE, &info, WAIT_MS), -EPROTO);
}

static void list_fetches_pages_as_it_goes(void **state)
{
    struct fake *fake = *state;
    unsigned char page[256];
    size_t size = put_record(page, "a", 1);
    size += put_record(page + size, "b", 2);
    struct ringpost_cursor *cursor;
    struct ringpost_info info = {.size = sizeof info};
    assert_int_equal(ringpost_list(fake->handle, &cursor), 0);
    fake_take_none(fake);
    answer(fake, true, page, size);
    assert_int_equal(ringpost_list_next(cursor, &info, WAIT_MS), 1);
    assert_bytes(info.name, "a");
    assert_int_equal(info.ready, 1);
    assert_int_equal(fake_take(fake, OP_LIST).name.size, 0);
    assert_int_equal(ringpost_list_next(cursor, &info, 0), 1);
    assert_bytes(info.name, "b");
    fake_take_none(fake);
    answer(fake, false, page, put_record(page, "c", 3));
    assert_int_equal(ringpost_list_next(cursor, &info, WAIT_MS), 1);
    assert_bytes(info.name, "c");
    assert_bytes(bytes_to(fake_take(fake, OP_LIST).name), "b");
    assert_int_equal(ringpost_list_next(cursor, &info, 0), 0);
    ringpost_cursor_close(cursor);
}

static size_t put_record_of(unsigned char *to, const char *name, uint64_t database)
{
    size_t size = put_record(to, name, 1);
    size += field_put_number(to + size, "database", database);
    store_u32(to, (uint32_t)size);
    return size;
}

static void list_goes_on_in_the_database_where_it_ended(void **state)
{
    struct fake *fake = *state;
    unsigned char page[256];
    size_t size = put_record(page, "b", 1);
    size += put_record_of(page + size, "a", 5);
    struct ringpost_cursor *cursor;
    struct ringpost_info info = {.size = sizeof info};
    assert_int_equal(ringpost_list(fake->handle, &cursor), 0);
    answer(fake, true, page, size);
    assert_int_equal(ringpost_list_next(cursor, &info, WAIT_MS), 1);
    assert_int_equal(info.database, 0);
    assert_int_equal(load_u32(fake_take(fake, OP_LIST).body.data + 4), 0);
    assert_int_equal(ringpost_list_next(cursor, &info, WAIT_MS), 1);
    assert_int_equal(info.database, 5);
    answer(fake, false, page, put_record_of(page, "b", 5));
    assert_int_equal(ringpost_list_next(cursor, &info, WAIT_MS), 1);
    struct taken taken = fake_take(fake, OP_LIST);
    assert_bytes(bytes_to(taken.name), "a");
    assert_int_equal(load_u32(taken.body.data + 4), 5);
    assert_int_equal(ringpost_list_next(cursor, &info, 0), 0);
    ringpost_cursor_close(cursor);
}

/* Walks over a list of one page; returns how it ends. */
static int walk(struct fake *fake, bool has_more, const unsigned char *page, size_t size)
{
    struct ringpost_cursor *cursor;
    struct ringpost_info info = {.size = sizeof info};
    answer(fake, has_more, page, size);
    assert_int_equal(ringpost_list(fake->handle, &cursor), 0);
    int result;
    while ((result = ringpost_list_next(cursor, &info, WAIT_MS)) == 1)
        continue;
    ringpost_cursor_close(cursor);
    return result;
}

static void a_list_that_cannot_be_ends_the_walk(void **state)
{
    struct fake *fake = *state;
    unsigned char page[256] = {0};
    assert_int_equal(walk(fake, false, page, 0), 0);
    assert_int_equal(walk(fake, true, page, 0), -EPROTO);
    size_t size = put_record(page, "b", 1);
    assert_int_equal(walk(fake, false, page, size), 0);
    assert_int_equal(walk(fake, false, page, size - 1), -EPROTO);
    assert_int_equal(walk(fake, false, page, 3), -EPROTO);
    size += put_record(page + size, "b", 1);
    assert_int_equal(walk(fake, false, page, size), -EPROTO);
    store_u32(page, 3);
    assert_int_equal(walk(fake, false, page, size), -EPROTO);
    size = put_record(page, "", 1);
    assert_int_equal(walk(fake, false, page, size), -EPROTO);
    size = put_record_of(page, "a", UINT64_C(1) << 32);
    assert_int_equal(walk(fake, false, page, size), -EPROTO);
    size = put_record_of(page, "a", 5);
    size += put_record_of(page + size, "b", 4);
    assert_int_equal(walk(fake, false, page, size), -EPROTO);
}

static void peek_lends_messages(void **state)
{
    struct fake *fake = *state;
    static const unsigned char frames[] = "\x81\0\4\0\x0d\0\0\0jobsx\x81\0\4\0\x0c\0\0\0jobs";
    struct ringpost_cursor *cursor;
    struct ringpost_message message;
    answer(fake, true, frames, sizeof frames - 1);
    assert_int_equal(ringpost_peek(fake->handle, QUEUE, 7, 1, &cursor, WAIT_MS), 0);
    struct taken taken = fake_take(fake, OP_PEEK);
    assert_int_equal(taken.head.flags, PEEK_BACK);
    assert_int_equal(load_u32(taken.body.data), 7);
    assert_int_equal(ringpost_peek_has_more(cursor), 1);
    assert_int_equal(ringpost_peek_next(cursor, &message), 1);
    assert_bytes(message.name, "jobs");
    assert_bytes(message.body, "x");
    assert_int_equal(ringpost_peek_next(cursor, &message), 1);
    assert_bytes(message.body, "");
    assert_int_equal(ringpost_peek_next(cursor, &message), 0);
    ringpost_cursor_close(cursor);
}

static void messages_that_cannot_be_are_not_lent(void **state)
{
    struct fake *fake = *state;
    static const struct {
        const char *frame;
        size_t size;
    } frames[] = {
        {"\x81\0\4\0\x0d\0\0", 7},               /* a part of a head */
        {"\x81\0\4\0\x0d\0\0\0jobs", 12},        /* a part of a frame */
        {"\x82\0\4\0\x0d\0\0\0jobsx", 13},       /* no message of a queue */
        {"\x81\0\6\0\x0d\0\0\0jobsx", 13},       /* a name that runs past the end */
        {"\x81\0\0\0\0\0\0\0", 8},               /* smaller than its head */
        {"\x81\0\4\0\xff\xff\xff\xffjobsx", 13}, /* larger than can be */
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct ringpost_cursor *cursor;
        struct ringpost_message message;
        answer(fake, false, frames[i].frame, frames[i].size);
        assert_int_equal(ringpost_peek(fake->handle, QUEUE, 7, 0, &cursor, WAIT_MS), 0);
        assert_int_equal(ringpost_peek_next(cursor, &message), -EPROTO);
        assert_int_equal(ringpost_peek_has_more(cursor), 0);
        ringpost_cursor_close(cursor);
    }
}

static void stats_lend_figures(void **state)
{
    struct fake *fake = *state;
    unsigned char fields[96];
    size_t size = field_put_number(fields, "queues", 3);
    size += field_put_bytes(fields + size, "name", bytes_text("me"));
    struct ringpost_cursor *cursor;
    struct ringpost_figure figure;
    answer(fake, false, fields, size);
    assert_int_equal(ringpost_stats(fake->handle, &cursor, WAIT_MS), 0);
    fake_take(fake, OP_STATS);
    assert_int_equal(ringpost_stats_next(cursor, &figure), 1);
    assert_bytes(figure.key, "queues");
    assert_int_equal(figure.number, 3);
    assert_null(figure.text.data);
    assert_int_equal(ringpost_stats_next(cursor, &figure), 1);
    assert_bytes(figure.text, "me");
    assert_int_equal(ringpost_stats_next(cursor, &figure), 0);
    ringpost_cursor_close(cursor);
    answer(fake, false, fields, size - 1);
    assert_int_equal(ringpost_stats(fake->handle, &cursor, WAIT_MS), 0);
    assert_int_equal(ringpost_stats_next(cursor, &figure), 1);
    assert_int_equal(ringpost_stats_next(cursor, &figure), -EPROTO);
    ringpost_cursor_close(cursor);
}

static void a_cursor_is_good_for_its_own_kind(void **state)
{
    struct fake *fake = *state;
    struct ringpost_cursor *list, *stats;
    struct ringpost_message message;
    struct ringpost_figure figure;
    struct ringpost_info info = {.size = sizeof info};
    assert_int_equal(ringpost_list(fake->handle, &list), 0);
    answer(fake, false, NULL, 0);
    assert_int_equal(ringpost_stats(fake->handle, &stats, WAIT_MS), 0);
    assert_int_equal(ringpost_peek_next(list, &message), -EINVAL);
    assert_int_equal(ringpost_peek_has_more(list), 0);
    assert_int_equal(ringpost_stats_next(list, &figure), -EINVAL);
    assert_int_equal(ringpost_list_next(stats, &info, WAIT_MS), -EINVAL);
    ringpost_cursor_close(list);
    ringpost_cursor_close(stats);
    ringpost_cursor_close(NULL);
    assert_int_equal(ringpost_peek(fake->handle, ringpost_text(""), 1, 0, &list, 0), -EINVAL);
    assert_null(list);
    fake_put_error(fake, fake_number(fake), 1, RINGPOST_STATUS_BAD_RANGE, "");
    assert_int_equal(ringpost_peek(fake->handle, QUEUE, 0, 0, &list, WAIT_MS), -ERANGE);
    assert_null(list);
}

static void ping_tells_how_long_it_took(void **state)
{
    struct fake *fake = *state;
    uint64_t round_trip_ns = 0;
    answer(fake, false, NULL, 0);
    fake_look_s = 1;
    assert_int_equal(ringpost_ping(fake->handle, &round_trip_ns, -1), 0);
    fake_look_s = 0;
    assert_true(round_trip_ns >= NS_PER_S);
    fake_take(fake, OP_PING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(declare_says_what_the_settings_say, setup, teardown),
        cmocka_unit_test_setup_teardown(declare_leaves_the_defaults_to_the_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(each_request_has_its_op, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_request_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(purge_tells_how_many, setup, teardown),
        cmocka_unit_test_setup_teardown(info_tells_every_figure, setup, teardown),
        cmocka_unit_test_setup_teardown(info_fills_only_what_its_caller_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_can_say_none_and_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(redrive_tells_how_many_and_whether_some_are_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(list_fetches_pages_as_it_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(list_goes_on_in_the_database_where_it_ended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_list_that_cannot_be_ends_the_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(peek_lends_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_that_cannot_be_are_not_lent, setup, teardown),
        cmocka_unit_test_setup_teardown(stats_lend_figures, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cursor_is_good_for_its_own_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(ping_tells_how_long_it_took, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
