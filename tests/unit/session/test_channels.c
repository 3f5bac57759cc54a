#include "session/channels.h"

#include "base/random.h"
#include "check.h"
#include "frame/frame.h"
#include "seed.h"

#include <stdio.h>

static struct random seed;
static const struct hash_key key = {1, 2};

static struct channel *find(const struct channels *channels, enum channel_kind kind,
                            const char *name)
{
    return channels_find(channels, kind, bytes_text(name));
}

static struct channel *add(struct channels *channels, enum channel_kind kind, const char *name,
                           uint64_t ticket)
{
    return channels_add(channels, kind, bytes_text(name), ticket);
}

static void without_channels_there_are_none(void **state)
{
    (void)state;
    assert_true(channels_are_empty(NULL));
    assert_int_equal(channels_count(NULL, CHANNEL_SHARD), 0);
    channels_settle(NULL, 1, 1, STATUS_OK);
    channels_undo(NULL, 1);
    channels_destroy(NULL);
}

static void a_name_is_another_in_each_kind(void **state)
{
    (void)state;
    struct channels *c = channels_create(&key);
    struct channel *name = add(c, CHANNEL_NAME, "a", 1), *pattern = add(c, CHANNEL_PATTERN, "a", 2),
                   *shard = add(c, CHANNEL_SHARD, "a", 3);
    assert_ptr_equal(find(c, CHANNEL_NAME, "a"), name);
    assert_ptr_equal(find(c, CHANNEL_PATTERN, "a"), pattern);
    assert_ptr_equal(find(c, CHANNEL_SHARD, "a"), shard);
    assert_ptr_equal(channels_of(c, channel_id(pattern)), pattern);
    assert_int_equal(channels_count(c, CHANNEL_NAME), 2);
    assert_int_equal(channels_count(c, CHANNEL_PATTERN), 2);
    assert_int_equal(channels_count(c, CHANNEL_SHARD), 1);
    channels_destroy(c);
}

static void one_that_ends_is_there_until_that_is_done(void **state)
{
    (void)state;
    struct channels *c = channels_create(&key);
    struct channel *first = add(c, CHANNEL_NAME, "a", 1);
    uint32_t id = channel_id(first);
    channels_end(c, first, 2);
    assert_null(find(c, CHANNEL_NAME, "a"));
    assert_true(channels_are_empty(c));
    struct channel *second = add(c, CHANNEL_NAME, "a", 3);
    assert_int_not_equal(channel_id(second), id);
    assert_ptr_equal(channels_of(c, id), first);
    channels_settle(c, 1, 3, STATUS_OK);
    assert_null(channels_of(c, id));
    assert_ptr_equal(find(c, CHANNEL_NAME, "a"), second);
    channels_destroy(c);
}

static void one_that_is_refused_is_not_there(void **state)
{
    (void)state;
    struct channels *c = channels_create(&key);
    struct channel *refused = add(c, CHANNEL_PATTERN, "a", 1);
    channels_end(c, refused, 2);
    add(c, CHANNEL_PATTERN, "b", 3);
    channels_settle(c, 1, 1, STATUS_SUBSCRIPTIONS);
    channels_settle(c, 2, 1, STATUS_NO_SUBSCRIPTION);
    channels_settle(c, 3, 1, STATUS_SUBSCRIPTIONS);
    assert_true(channels_are_empty(c));
    assert_null(channels_first(c, CHANNEL_PATTERN));
    assert_int_equal(c->ids.count, 0);
    channels_destroy(c);
}

static void changes_may_be_answered_in_any_order(void **state)
{
    (void)state;
    struct channels *c = channels_create(&key);
    add(c, CHANNEL_NAME, "a", 1);
    add(c, CHANNEL_NAME, "b", 2);
    add(c, CHANNEL_NAME, "c", 5);
    channels_settle(c, 5, 1, STATUS_MEMORY);
    channels_settle(c, 2, 1, STATUS_OK);
    assert_int_equal(c->changes_count, 3);
    channels_settle(c, 1, 1, STATUS_MEMORY);
    assert_int_equal(c->changes_count, 0);
    assert_null(find(c, CHANNEL_NAME, "a"));
    assert_non_null(find(c, CHANNEL_NAME, "b"));
    assert_null(find(c, CHANNEL_NAME, "c"));
    channels_destroy(c);
}

static void what_does_not_take_place_is_undone(void **state)
{
    (void)state;
    struct channels *c = channels_create(&key);
    struct channel *a = add(c, CHANNEL_NAME, "a", 1);
    channels_end(c, a, 11);
    channels_end(c, add(c, CHANNEL_NAME, "a", 12), 13);
    add(c, CHANNEL_NAME, "b", 14);
    channels_undo(c, 10);
    channels_settle(c, 11, 4, STATUS_SKIPPED);
    channels_settle(c, 1, 1, STATUS_OK);
    assert_ptr_equal(find(c, CHANNEL_NAME, "a"), a);
    assert_null(find(c, CHANNEL_NAME, "b"));
    assert_int_equal(channels_count(c, CHANNEL_NAME), 1);
    assert_int_equal(c->ids.count, 1);
    assert_int_equal(c->changes_count, 0);
    channels_destroy(c);
}

static void expect_preface(struct channels *channels, struct channel *channel, uint8_t version,
                           const char *expected)
{
    const struct preface *preface = channels_preface(channels, channel, version);
    assert_int_equal(preface->size, strlen(expected));
    assert_memory_equal(preface->text, expected, preface->size);
}

static void prefaces_are_in_the_words_of_the_version(void **state)
{
    (void)state;
    struct channels *c = channels_create(&key);
    struct channel *name = add(c, CHANNEL_NAME, "a", 1),
                   *pattern = add(c, CHANNEL_PATTERN, "a*", 2),
                   *shard = add(c, CHANNEL_SHARD, "s", 3);
    expect_preface(c, name, 2, "*3\r\n$7\r\nmessage\r\n");
    expect_preface(c, pattern, 2, "*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n");
    expect_preface(c, shard, 2, "*3\r\n$8\r\nsmessage\r\n");
    expect_preface(c, name, 3, ">3\r\n$7\r\nmessage\r\n");
    expect_preface(c, pattern, 3, ">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n");
    assert_ptr_equal(channels_preface(c, name, 3),
                     channels_preface(c, add(c, CHANNEL_NAME, "b", 4), 3));
    channels_destroy(c);
}

static void the_preface_of_the_longest_pattern_fits(void **state)
{
    (void)state;
    char longest[FRAME_NAME_MAX];
    struct channels *c = channels_create(&key);
    memset(longest, '*', sizeof longest);
    struct channel *pattern =
        channels_add(c, CHANNEL_PATTERN, bytes_of(longest, sizeof longest), 1);
    assert_int_equal(channels_preface(c, pattern, 3)->size,
                     strlen(">4|$8|pmessage|$1024||") + 5 + sizeof longest);
    channels_destroy(c);
}

/* Names come and go, in pipelines of any length; what the client sees is what it asked for. */
static void what_is_asked_for_is_there(void **state)
{
    (void)state;
    enum { NAMES = 8 };
    struct channels *c = channels_create(&key);
    bool is_there[NAMES] = {false};
    char name[4];
    uint64_t ticket = 0, settled = 0;
    for (int step = 0; step < 20000; step++) {
        int i = (int)random_below(&seed, NAMES);
        snprintf(name, sizeof name, "%d", i);
        struct channel *channel = find(c, CHANNEL_NAME, name);
        assert_int_equal(channel != NULL, is_there[i]);
        if (channel)
            channels_end(c, channel, ++ticket);
        else
            add(c, CHANNEL_NAME, name, ++ticket);
        is_there[i] = !is_there[i];
        uint32_t count = (uint32_t)random_below(&seed, ticket - settled + 1);
        channels_settle(c, settled + 1, count, STATUS_OK);
        settled += count;
        assert_int_equal(c->changes_count, ticket - settled);
    }
    channels_settle(c, settled + 1, (uint32_t)(ticket - settled), STATUS_OK);
    assert_int_equal(c->ids.count, c->names.count);
    channels_destroy(c);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_channels_there_are_none),
        cmocka_unit_test(a_name_is_another_in_each_kind),
        cmocka_unit_test(one_that_ends_is_there_until_that_is_done),
        cmocka_unit_test(one_that_is_refused_is_not_there),
        cmocka_unit_test(changes_may_be_answered_in_any_order),
        cmocka_unit_test(what_does_not_take_place_is_undone),
        cmocka_unit_test(prefaces_are_in_the_words_of_the_version),
        cmocka_unit_test(the_preface_of_the_longest_pattern_fits),
        cmocka_unit_test(what_is_asked_for_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
