#include "fake.h"

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

/* Answers that are records, put together field by field. */
struct page {
    unsigned char data[1024];
    size_t size, record;
};

static void begin(struct page *page)
{
    page->record = page->size;
    page->size += 4;
}

static void number(struct page *page, const char *key, uint64_t value)
{
    page->size += field_put_number(page->data + page->size, key, value);
    store_u32(page->data + page->record, (uint32_t)(page->size - page->record));
}

static void text(struct page *page, const char *key, const char *value)
{
    page->size += field_put_bytes(page->data + page->size, key, bytes_text(value));
    store_u32(page->data + page->record, (uint32_t)(page->size - page->record));
}

static void answer(struct fake *fake, bool has_more, const struct page *page)
{
    fake_put_reply(fake, fake_number(fake), has_more, bytes_of(page->data, page->size));
}

static void clients_come_by_id_page_after_page(void **state)
{
    struct fake *fake = *state;
    struct page page = {0};
    struct ringpost_cursor *cursor;
    struct ringpost_client client = {.size = sizeof client};
    static const char *const keys[] = {"consumers",    "subscriptions", "leased",
                                       "unsent-bytes", "backlog",       "waiting"};
    begin(&page);
    number(&page, "connection", 7);
    text(&page, "client", "worker");
    text(&page, "address", "127.0.0.1:99");
    for (uint64_t i = 0; i < 6; i++)
        number(&page, keys[i], 100 + i);
    answer(fake, true, &page);
    assert_int_equal(ringpost_clients(fake->handle, &cursor), 0);
    assert_int_equal(ringpost_clients_next(cursor, &client, WAIT_MS), 1);
    assert_bytes(client.client, "worker");
    assert_bytes(client.address, "127.0.0.1:99");
    const uint64_t figures[] = {client.consumers,    client.subscriptions, client.leased,
                                client.unsent_bytes, client.backlog,       client.waiting};
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(figures[i], 100 + i);
    struct taken taken = fake_take(fake, OP_CLIENTS);
    assert_int_equal(taken.body.size, 8);
    assert_int_equal(load_u32(taken.body.data), 1000);
    assert_int_equal(load_u32(taken.body.data + 4), 0);
    page.size = 0;
    begin(&page);
    number(&page, "connection", 8);
    begin(&page);
    number(&page, "connection", 8);
    answer(fake, false, &page);
    assert_int_equal(ringpost_clients_next(cursor, &client, WAIT_MS), 1);
    assert_int_equal(client.connection, 8);
    assert_int_equal(load_u32(fake_take(fake, OP_CLIENTS).body.data + 4), 7);
    assert_int_equal(ringpost_clients_next(cursor, &client, WAIT_MS), -EPROTO);
    ringpost_cursor_close(cursor);
}

static void kill_names_the_connection(void **state)
{
    struct fake *fake = *state;
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_kill(fake->handle, 7, WAIT_MS), 0);
    struct taken taken = fake_take(fake, OP_KILL);
    assert_int_equal(taken.body.size, 4);
    assert_int_equal(load_u32(taken.body.data), 7);
    fake_put_error(fake, 2, 1, RINGPOST_STATUS_NO_CLIENT, "none");
    assert_int_equal(ringpost_kill(fake->handle, 7, WAIT_MS), -ENOENT);
}

static void topics_come_by_name(void **state)
{
    struct fake *fake = *state;
    struct page page = {0};
    struct ringpost_cursor *cursor;
    struct ringpost_topic topic = {.size = sizeof topic};
    begin(&page);
    text(&page, "name", "a");
    number(&page, "subscriptions", 1);
    number(&page, "wildcards", 2);
    number(&page, "globs", 4);
    number(&page, "retained-bytes", 3);
    answer(fake, true, &page);
    assert_int_equal(ringpost_topics(fake->handle, &cursor), 0);
    assert_int_equal(ringpost_topics_next(cursor, &topic, WAIT_MS), 1);
    assert_bytes(topic.name, "a");
    assert_int_equal(topic.subscriptions, 1);
    assert_int_equal(topic.wildcards, 2);
    assert_int_equal(topic.globs, 4);
    assert_int_equal(topic.retained_bytes, 3);
    fake_take(fake, OP_TOPICS);
    answer(fake, false, &page);
    assert_int_equal(ringpost_topics_next(cursor, &topic, WAIT_MS), -EPROTO);
    assert_bytes(bytes_to(fake_take(fake, OP_TOPICS).name), "a");
    ringpost_cursor_close(cursor);
}

static void settings_say_where_they_are_from(void **state)
{
    struct fake *fake = *state;
    struct page page = {0};
    struct ringpost_cursor *cursor;
    struct ringpost_setting setting = {.size = sizeof setting};
    begin(&page);
    text(&page, "key", "frame-max");
    text(&page, "value", "1mb");
    text(&page, "origin", "ringpost.conf:3");
    answer(fake, false, &page);
    assert_int_equal(ringpost_config(fake->handle, &cursor), 0);
    assert_int_equal(ringpost_config_next(cursor, &setting, WAIT_MS), 1);
    assert_bytes(setting.key, "frame-max");
    assert_bytes(setting.value, "1mb");
    assert_bytes(setting.origin, "ringpost.conf:3");
    assert_int_equal(ringpost_config_next(cursor, &setting, WAIT_MS), 0);
    assert_int_equal(fake_take(fake, OP_SETTINGS).body.size, 0);
    ringpost_cursor_close(cursor);
}

static void a_listing_that_brings_nothing_new_ends(void **state)
{
    struct fake *fake = *state;
    struct page page = {0};
    struct ringpost_cursor *cursor;
    struct ringpost_topic topic = {.size = sizeof topic};
    struct ringpost_client client = {.size = sizeof client};
    answer(fake, true, &page);
    assert_int_equal(ringpost_topics(fake->handle, &cursor), 0);
    assert_int_equal(ringpost_topics_next(cursor, &topic, WAIT_MS), -EPROTO);
    assert_int_equal(ringpost_clients_next(cursor, &client, WAIT_MS), -EINVAL);
    ringpost_cursor_close(cursor);
    begin(&page);
    number(&page, "connection", (uint64_t)UINT32_MAX + 1);
    answer(fake, false, &page);
    assert_int_equal(ringpost_clients(fake->handle, &cursor), 0);
    assert_int_equal(ringpost_clients_next(cursor, &client, WAIT_MS), -EPROTO);
    ringpost_cursor_close(cursor);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients_come_by_id_page_after_page),
        TEST(kill_names_the_connection),
        TEST(topics_come_by_name),
        TEST(settings_say_where_they_are_from),
        TEST(a_listing_that_brings_nothing_new_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
