#include "core/topics.h"

#include "check.h"
#include "core/naive_glob.h"
#include "core/naive_pattern.h"
#include "core/peer.h"
#include "seed.h"

#include <stdio.h>

enum { PEERS = 4, SUBSCRIPTIONS_MAX = 32 };

static struct random seed;
static const struct hash_key key = {1, 2};
static const struct topic_settings usual;

/* Subscriptions by peer and id: peer 2's subscription 7 is told as "2:7". */
struct bench {
    struct topics topics;
    struct peer peers[PEERS];
    struct subscription *subscriptions[SUBSCRIPTIONS_MAX];
    const char *names[SUBSCRIPTIONS_MAX];
    struct match *memo;
};

static struct bench *open(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    topics_init(&bench->topics, &key);
    for (uint32_t i = 0; i < PEERS; i++)
        bench->peers[i].id = i;
    return bench;
}

static void add_to(struct bench *bench, uint32_t peer, uint32_t id, const char *name,
                   enum listening listening)
{
    size_t at = 0;
    while (bench->subscriptions[at])
        at++;
    bench->subscriptions[at] = subscription_create(&bench->peers[peer], id, &usual);
    bench->names[at] = name;
    topics_add(&bench->topics, bench->subscriptions[at], bytes_text(name), listening);
    topics_check(&bench->topics);
}

static void add(struct bench *bench, uint32_t peer, uint32_t id, const char *name, bool is_wildcard)
{
    add_to(bench, peer, id, name, is_wildcard ? LISTENING_PATTERN : LISTENING_NAME);
}

static void add_glob(struct bench *bench, uint32_t peer, uint32_t id, const char *glob)
{
    add_to(bench, peer, id, glob, LISTENING_GLOB);
}

static void remove_at(struct bench *bench, size_t at)
{
    topics_remove(&bench->topics, bench->subscriptions[at]);
    topics_check(&bench->topics);
    subscription_destroy(bench->subscriptions[at]);
    bench->subscriptions[at] = NULL;
}

static void remove_one(struct bench *bench, uint32_t peer, uint32_t id)
{
    for (size_t at = 0; at < SUBSCRIPTIONS_MAX; at++) {
        struct subscription *one = bench->subscriptions[at];
        if (one && one->peer->id == peer && subscription_id(one) == id) {
            remove_at(bench, at);
            return;
        }
    }
    fail_msg("there is no %u:%u", peer, id);
}

static void close(struct bench *bench)
{
    for (size_t at = 0; at < SUBSCRIPTIONS_MAX; at++)
        if (bench->subscriptions[at])
            remove_at(bench, at);
    match_unref(bench->memo);
    topics_finish(&bench->topics);
    free(bench);
}

static void expect_memo(struct bench *bench, const char *name, struct match **memo,
                        const char *expected)
{
    char reached[512] = "";
    size_t used = 0;
    const struct match *match = topics_match(&bench->topics, bytes_text(name), memo);
    assert_ptr_equal(match, *memo);
    for (uint32_t i = 0; i < match->count; i++)
        used += (size_t)snprintf(reached + used, sizeof reached - used, "%s%u:%u", i ? " " : "",
                                 match->subscriptions[i]->peer->id,
                                 subscription_id(match->subscriptions[i]));
    assert_string_equal(reached, expected);
}

static void expect(struct bench *bench, const char *name, const char *expected)
{
    expect_memo(bench, name, &bench->memo, expected);
}

/* The same, and whether the match had to be found anew. */
static void expect_anew(struct bench *bench, const char *name, const char *expected, bool is_anew)
{
    uint64_t before = bench->topics.matched_count;
    expect(bench, name, expected);
    assert_int_equal(bench->topics.matched_count - before, is_anew);
}

static void a_name_nobody_listens_to_reaches_nobody(void **state)
{
    (void)state;
    struct bench *b = open();
    expect(b, "t", "");
    add(b, 1, 1, "t", false);
    expect(b, "u", "");
    close(b);
}

static void a_literal_name_is_matched_whole(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 1, "a.b", false);
    add(b, 1, 2, "a.*", false);
    add(b, 1, 3, ">", false);
    expect(b, "a.b", "1:1");
    expect(b, "a.*", "1:2");
    expect(b, ">", "1:3");
    expect(b, "a", "");
    expect(b, "a.b.c", "");
    close(b);
}

static void literal_names_and_patterns_match_together(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 3, 1, "a.b", false);
    add(b, 1, 1, "a.*", true);
    add(b, 2, 1, ">", true);
    expect(b, "a.b", "1:1 2:1 3:1");
    expect(b, "a.c", "1:1 2:1");
    close(b);
}

static void a_match_that_reaches_very_many_is_kept_by_its_publisher_alone(void **state)
{
    (void)state;
    static struct peer peers[TOPICS_CACHED_MAX + 1];
    struct subscription *subscriptions[TOPICS_CACHED_MAX + 1];
    struct bench *b = open();
    for (uint32_t i = 0; i <= TOPICS_CACHED_MAX; i++) {
        peers[i].id = i;
        subscriptions[i] = subscription_create(&peers[i], 1, &usual);
        topics_add(&b->topics, subscriptions[i], bytes_text("t"), LISTENING_NAME);
    }
    const struct match *match = topics_match(&b->topics, bytes_text("t"), &b->memo);
    assert_int_equal(match->count, TOPICS_CACHED_MAX + 1);
    assert_int_equal(match->refs_count, 1);
    assert_ptr_equal(topics_match(&b->topics, bytes_text("t"), &b->memo), match);
    for (uint32_t i = 0; i <= TOPICS_CACHED_MAX; i++) {
        topics_remove(&b->topics, subscriptions[i]);
        subscription_destroy(subscriptions[i]);
    }
    close(b);
}

static void a_connection_is_reached_once_by_its_lowest_id(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 9, "a.b", false);
    add(b, 1, 5, "a.*", true);
    add(b, 1, 7, ">", true);
    add(b, 2, 6, "*.b", true);
    add(b, 2, UINT32_MAX, "a.b", false);
    expect(b, "a.b", "1:5 2:6");
    remove_one(b, 1, 5);
    expect(b, "a.b", "1:7 2:6");
    remove_one(b, 2, 6);
    expect(b, "a.b", "1:7 2:4294967295");
    close(b);
}

static void one_connection_may_listen_to_a_name_twice(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 5, "t", false);
    add(b, 1, 4, "t", false);
    expect(b, "t", "1:4");
    remove_one(b, 1, 4);
    expect(b, "t", "1:5");
    close(b);
}

static void a_pattern_has_its_rest_last_and_levels_within_bounds(void **state)
{
    (void)state;
    static const char *const good[] = {"*", ">",  "a.>",  "*.>",  "a",
                                       ".", "..", ">a.b", "a.b>", ">>"};
    static const char *const bad[] = {"", ">.", ">.a", "a.>.b", "a.>.", "*.>.>"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pattern_is_valid(bytes_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pattern_is_valid(bytes_text(bad[i])));
    char deep[2 * TOPIC_LEVELS_MAX + 2];
    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 2 ? '.' : '*';
    assert_true(pattern_is_valid(bytes_of(deep, 2 * TOPIC_LEVELS_MAX - 1)));
    assert_false(pattern_is_valid(bytes_of(deep, 2 * TOPIC_LEVELS_MAX)));
    assert_false(pattern_is_valid(bytes_of(deep, 2 * TOPIC_LEVELS_MAX + 1)));
}

static void a_match_is_remembered(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 1, "a.*", true);
    expect_anew(b, "a.b", "1:1", true);
    expect_anew(b, "a.b", "1:1", false);
    expect_anew(b, "a.c", "1:1", true);
    expect_anew(b, "a.b", "1:1", false);
    expect_anew(b, "b", "", true);
    expect_anew(b, "b", "", false);
    close(b);
}

static void changes_elsewhere_leave_a_match_standing(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 1, "a.b", false);
    expect(b, "a.b", "1:1");
    add(b, 2, 1, "x.b", false);
    add(b, 2, 2, "y.*", true);
    remove_one(b, 2, 2);
    expect_anew(b, "a.b", "1:1", false);
    close(b);
}

static void a_match_is_forgotten_when_a_literal_name_changes(void **state)
{
    (void)state;
    struct bench *b = open();
    expect(b, "a.b", "");
    add(b, 1, 1, "a.b", false);
    expect(b, "a.b", "1:1");
    add(b, 2, 1, "a.b", false);
    expect(b, "a.b", "1:1 2:1");
    remove_one(b, 1, 1);
    expect(b, "a.b", "2:1");
    remove_one(b, 2, 1);
    expect(b, "a.b", "");
    close(b);
}

static void a_match_is_forgotten_when_a_pattern_of_its_first_token_changes(void **state)
{
    (void)state;
    struct bench *b = open();
    expect(b, "a.b", "");
    add(b, 1, 1, "a.*", true);
    expect(b, "a.b", "1:1");
    add(b, 2, 1, "a.>", true);
    expect(b, "a.b", "1:1 2:1");
    remove_one(b, 1, 1);
    expect(b, "a.b", "2:1");
    close(b);
}

static void a_match_is_forgotten_when_a_pattern_without_a_first_token_changes(void **state)
{
    (void)state;
    struct bench *b = open();
    expect(b, "a.b", "");
    add(b, 1, 1, "*.b", true);
    expect(b, "a.b", "1:1");
    add(b, 2, 1, ">", true);
    expect(b, "a.b", "1:1 2:1");
    remove_one(b, 1, 1);
    expect(b, "a.b", "2:1");
    remove_one(b, 2, 1);
    expect(b, "a.b", "");
    close(b);
}

static void members_of_groups_stand_behind_connections_group_by_group(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 2, 1, "t", false);
    add(b, 3, 1, "*", true);
    add(b, 1, 1, "t", false);
    add(b, 1, 2, ">", true);
    add(b, 2, 2, "t", false);
    add(b, 3, 2, "t", false);
    group_join(&b->topics.groups, &key, b->subscriptions[1], bytes_text("x"));
    group_join(&b->topics.groups, &key, b->subscriptions[3], bytes_text("y"));
    group_join(&b->topics.groups, &key, b->subscriptions[4], bytes_text("x"));
    group_join(&b->topics.groups, &key, b->subscriptions[5], bytes_text("x"));
    expect(b, "t", "1:1 2:1 2:2 3:1 3:2 1:2");
    assert_int_equal(b->memo->alone_count, 2);
    expect(b, "u", "3:1 1:2");
    assert_int_equal(b->memo->alone_count, 0);
    for (size_t at = 0; at < SUBSCRIPTIONS_MAX; at++)
        if (b->subscriptions[at])
            group_leave(&b->topics.groups, b->subscriptions[at]);
    close(b);
}

static void an_inbox_is_seen_by_its_name_alone(void **state)
{
    (void)state;
    struct bench *b = open();
    struct subscription *inbox = subscription_create(&b->peers[2], 7, &usual);
    add(b, 1, 1, ">", true);
    expect(b, "secret", "1:1");
    topics_add(&b->topics, inbox, bytes_text("secret"), LISTENING_INBOX);
    topics_check(&b->topics);
    expect_anew(b, "secret", "1:1", false);
    assert_ptr_equal(topics_inbox(&b->topics, bytes_text("secret")), inbox);
    assert_null(topics_inbox(&b->topics, bytes_text("secret2")));
    topics_remove(&b->topics, inbox);
    assert_null(topics_inbox(&b->topics, bytes_text("secret")));
    subscription_destroy(inbox);
    close(b);
}

static void globs_match_with_names_and_patterns(void **state)
{
    (void)state;
    struct bench *b = open();
    add_glob(b, 0, 1, "a*");
    add(b, 1, 1, "a.b", false);
    add_glob(b, 2, 1, "*b");
    add(b, 3, 1, "a.>", true);
    expect(b, "a.b", "0:1 1:1 2:1 3:1");
    expect(b, "a.c", "0:1 3:1");
    expect(b, "ab", "0:1 2:1");
    expect(b, "c", "");
    close(b);
}

static void a_connection_that_is_reached_by_each_hears_names_before_globs(void **state)
{
    (void)state;
    struct bench *b = open();
    b->peers[2].is_each = true;
    add_glob(b, 2, 3, "a*");
    add_glob(b, 2, 1, "*b");
    add(b, 2, 5, "a.b", false);
    add_glob(b, 1, 3, "a*");
    add_glob(b, 1, 2, "a.?");
    add(b, 1, 5, "a.b", false);
    expect(b, "a.b", "1:2 2:5 2:1 2:3");
    assert_true(b->memo->has_repeats);
    assert_int_equal(b->memo->receivers_count, 4);
    expect(b, "ab", "1:3 2:1 2:3");
    expect(b, "ac", "1:3 2:3");
    assert_false(b->memo->has_repeats);
    close(b);
}

static void receivers_are_connections_and_groups(void **state)
{
    (void)state;
    struct bench *b = open();
    for (uint32_t peer = 0; peer < PEERS; peer++)
        add(b, peer, 1, "t", false);
    add(b, 0, 2, "t", false);
    add(b, 1, 2, "*", true);
    expect(b, "t", "0:1 1:1 2:1 3:1");
    assert_int_equal(b->memo->receivers_count, 4);
    group_join(&b->topics.groups, &key, b->subscriptions[0], bytes_text("x"));
    group_join(&b->topics.groups, &key, b->subscriptions[2], bytes_text("y"));
    group_join(&b->topics.groups, &key, b->subscriptions[3], bytes_text("y"));
    match_unref(b->memo);
    b->memo = NULL;
    b->topics.generation++;
    expect(b, "t", "0:2 1:1 0:1 2:1 3:1");
    assert_int_equal(b->memo->receivers_count, 4);
    for (size_t at = 0; at < 4; at++)
        group_leave(&b->topics.groups, b->subscriptions[at]);
    close(b);
}

static void a_match_is_forgotten_when_a_glob_changes(void **state)
{
    (void)state;
    static const char *const globs[] = {"*", "a*", "a.*", "a.b", "?.b"};
    struct bench *b = open();
    add(b, 0, 1, "a.b", false);
    for (size_t i = 0; i < sizeof globs / sizeof *globs; i++) {
        expect(b, "a.b", "0:1");
        add_glob(b, 1, 1, globs[i]);
        expect(b, "a.b", "0:1 1:1");
        remove_one(b, 1, 1);
    }
    expect(b, "a.b", "0:1");
    close(b);
}

static void a_glob_with_a_first_token_leaves_other_matches_standing(void **state)
{
    (void)state;
    struct bench *b = open();
    expect(b, "x.b", "");
    add_glob(b, 1, 1, "a.*");
    remove_one(b, 1, 1);
    expect_anew(b, "x.b", "", false);
    close(b);
}

static void what_is_apart_is_seen_by_its_name_alone(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 1, "t", false);
    add_glob(b, 1, 2, "*");
    expect(b, "t", "1:1");
    add_to(b, 2, 1, "t", LISTENING_APART);
    add_to(b, 3, 1, "t", LISTENING_APART);
    expect_anew(b, "t", "1:1", false);
    assert_int_equal(topics_apart(&b->topics, bytes_text("t"))->count, 2);
    assert_int_equal(topics_named(&b->topics, bytes_text("t"))->count, 1);
    remove_one(b, 2, 1);
    remove_one(b, 3, 1);
    assert_null(topics_apart(&b->topics, bytes_text("t")));
    close(b);
}

static void every_memo_is_forgotten_together(void **state)
{
    (void)state;
    struct bench *b = open();
    struct match *first = NULL, *second = NULL;
    add(b, 1, 1, "t", false);
    expect_memo(b, "t", &first, "1:1");
    expect_memo(b, "t", &second, "1:1");
    assert_ptr_equal(first, second);
    assert_int_equal(first->refs_count, 3);
    remove_one(b, 1, 1);
    expect_memo(b, "t", &second, "");
    expect_memo(b, "t", &first, "");
    assert_ptr_equal(first, second);
    match_unref(first);
    match_unref(second);
    close(b);
}

static void a_memo_of_one_name_is_not_taken_for_another(void **state)
{
    (void)state;
    struct bench *b = open();
    add(b, 1, 1, "t", false);
    add(b, 2, 1, "tt", false);
    expect(b, "t", "1:1");
    expect(b, "tt", "2:1");
    expect(b, "t", "1:1");
    close(b);
}

/* More names than are remembered, so that each place is taken by another many times. */
static void a_match_that_is_displaced_is_found_again(void **state)
{
    (void)state;
    struct bench *b = open();
    char name[16];
    add(b, 1, 1, "n.*", true);
    add(b, 2, 1, "n.7", false);
    struct match *memo = NULL;
    expect_memo(b, "n.7", &memo, "1:1 2:1");
    for (int i = 0; i < 3 * TOPICS_CACHE_SIZE; i++) {
        snprintf(name, sizeof name, "n.%d", i);
        expect(b, name, i == 7 ? "1:1 2:1" : "1:1");
    }
    uint64_t before = b->topics.matched_count;
    expect_memo(b, "n.7", &memo, "1:1 2:1");
    assert_int_equal(b->topics.matched_count, before);
    expect(b, "n.7", "1:1 2:1");
    match_unref(memo);
    close(b);
}

static bool hears(const struct bench *bench, size_t at, const char *name)
{
    const char *wanted = bench->names[at];
    switch (bench->subscriptions[at]->listening) {
    case LISTENING_PATTERN: return naive_matches(wanted, name);
    case LISTENING_GLOB: return naive_glob_matches(bytes_text(wanted), bytes_text(name));
    case LISTENING_NAME: return strcmp(wanted, name) == 0;
    default: return false;
    }
}

/* Whom `name` reaches by definition, told like a match. */
static void tell_naively(const struct bench *bench, const char *name, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t peer = 0; peer < PEERS; peer++) {
        uint32_t lowest = UINT32_MAX;
        for (size_t at = 0; at < SUBSCRIPTIONS_MAX; at++) {
            const struct subscription *one = bench->subscriptions[at];
            if (one && one->peer->id == peer && subscription_id(one) < lowest &&
                hears(bench, at, name))
                lowest = subscription_id(one);
        }
        if (lowest < UINT32_MAX)
            used += (size_t)snprintf(text + used, size - used, "%s%u:%u", used ? " " : "", peer,
                                     lowest);
    }
}

/* Names and patterns of few tokens, asked after while subscriptions come and go. */
static void what_is_remembered_is_what_would_be_found(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "a.b", "b.a", "a.a", "a.b.a", "*"};
    static const char *const patterns[] = {"a", "a.*", "*", ">", "*.a", "b.>", "a.b.a", "*.*"};
    static const enum listening listenings[] = {LISTENING_NAME, LISTENING_PATTERN, LISTENING_GLOB,
                                                LISTENING_APART};
    struct bench *b = open();
    char expected[512];
    for (uint32_t step = 0; step < 20000; step++) {
        size_t at = random_below(&seed, 20);
        if (random_below(&seed, 4) == 0 && b->subscriptions[at])
            remove_at(b, at);
        else if (random_below(&seed, 4) == 0 && !b->subscriptions[19])
            add_to(b, (uint32_t)random_below(&seed, PEERS), step, patterns[random_below(&seed, 8)],
                   listenings[random_below(&seed, 4)]);
        const char *name = names[random_below(&seed, 7)];
        tell_naively(b, name, expected, sizeof expected);
        expect(b, name, expected);
    }
    assert_true(b->topics.matched_count < 15000);
    close(b);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_nobody_listens_to_reaches_nobody),
        cmocka_unit_test(a_literal_name_is_matched_whole),
        cmocka_unit_test(literal_names_and_patterns_match_together),
        cmocka_unit_test(a_match_that_reaches_very_many_is_kept_by_its_publisher_alone),
        cmocka_unit_test(a_connection_is_reached_once_by_its_lowest_id),
        cmocka_unit_test(one_connection_may_listen_to_a_name_twice),
        cmocka_unit_test(a_pattern_has_its_rest_last_and_levels_within_bounds),
        cmocka_unit_test(a_match_is_remembered),
        cmocka_unit_test(changes_elsewhere_leave_a_match_standing),
        cmocka_unit_test(a_match_is_forgotten_when_a_literal_name_changes),
        cmocka_unit_test(a_match_is_forgotten_when_a_pattern_of_its_first_token_changes),
        cmocka_unit_test(a_match_is_forgotten_when_a_pattern_without_a_first_token_changes),
        cmocka_unit_test(members_of_groups_stand_behind_connections_group_by_group),
        cmocka_unit_test(an_inbox_is_seen_by_its_name_alone),
        cmocka_unit_test(globs_match_with_names_and_patterns),
        cmocka_unit_test(a_connection_that_is_reached_by_each_hears_names_before_globs),
        cmocka_unit_test(receivers_are_connections_and_groups),
        cmocka_unit_test(a_match_is_forgotten_when_a_glob_changes),
        cmocka_unit_test(a_glob_with_a_first_token_leaves_other_matches_standing),
        cmocka_unit_test(what_is_apart_is_seen_by_its_name_alone),
        cmocka_unit_test(every_memo_is_forgotten_together),
        cmocka_unit_test(a_memo_of_one_name_is_not_taken_for_another),
        cmocka_unit_test(a_match_that_is_displaced_is_found_again),
        cmocka_unit_test(what_is_remembered_is_what_would_be_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
