#include "core/trie.h"

#include "check.h"
#include "core/naive_pattern.h"
#include "seed.h"

enum { PATTERNS_MAX = 26 };

static struct random seed;
static const struct hash_key key = {1, 2};

/* Up to 26 subscriptions, told by the letters a, b, c …, in the order of their patterns. */
struct bench {
    struct trie trie;
    struct subscription subscriptions[PATTERNS_MAX];
    struct found found;
};

static void open(struct bench *bench)
{
    *bench = (struct bench){.found = {0}};
    trie_init(&bench->trie);
}

static void add(struct bench *bench, int letter, const char *pattern)
{
    subscriber_set_add(trie_add(&bench->trie, &key, bytes_text(pattern)),
                       &bench->subscriptions[letter - 'a']);
}

static void remove_letter(struct bench *bench, int letter)
{
    struct subscriber_set *set = bench->subscriptions[letter - 'a'].set;
    subscriber_set_remove(&bench->subscriptions[letter - 'a']);
    trie_trim(&bench->trie, set);
}

static void close(struct bench *bench)
{
    for (int i = 0; i < PATTERNS_MAX; i++)
        if (bench->subscriptions[i].set)
            remove_letter(bench, 'a' + i);
    trie_finish(&bench->trie);
    free(bench->found.all);
}

/* Sees that `name` reaches the subscriptions of these letters, each once. */
static void expect_bytes(struct bench *bench, struct bytes name, const char *letters)
{
    char reached[PATTERNS_MAX + 1] = "";
    size_t used = 0;
    bench->found.count = 0;
    trie_match(&bench->trie, &key, name, &bench->found);
    assert_true(bench->found.count <= PATTERNS_MAX);
    for (int i = 0; i < PATTERNS_MAX; i++)
        for (size_t at = 0; at < bench->found.count; at++)
            if (bench->found.all[at] == &bench->subscriptions[i])
                reached[used++] = (char)('a' + i);
    reached[used] = '\0';
    assert_string_equal(reached, letters);
}

static void expect(struct bench *bench, const char *name, const char *letters)
{
    expect_bytes(bench, bytes_text(name), letters);
}

static void an_empty_trie_matches_nothing(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    expect(&b, "x", "");
    expect(&b, "", "");
    close(&b);
}

static void literal_tokens_match_themselves(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "orders.new");
    add(&b, 'b', "orders");
    expect(&b, "orders.new", "a");
    expect(&b, "orders", "b");
    expect(&b, "orders.old", "");
    expect(&b, "order.new", "");
    expect(&b, "orders.new.x", "");
    expect(&b, "orders.", "");
    close(&b);
}

static void a_star_stands_for_exactly_one_token(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "*");
    add(&b, 'b', "orders.*");
    add(&b, 'c', "*.new");
    add(&b, 'd', "*.*");
    add(&b, 'e', "a.*.c");
    expect(&b, "orders", "a");
    expect(&b, "orders.new", "bcd");
    expect(&b, "users.new", "cd");
    expect(&b, "a.b.c", "e");
    expect(&b, "a.b.d", "");
    expect(&b, "a.b.c.d", "");
    close(&b);
}

static void a_rest_stands_for_one_token_or_more(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', ">");
    add(&b, 'b', "orders.>");
    add(&b, 'c', "*.>");
    expect(&b, "orders", "a");
    expect(&b, "orders.new", "abc");
    expect(&b, "orders.new.x.y", "abc");
    expect(&b, "x.y", "ac");
    close(&b);
}

static void an_empty_token_is_a_token_like_any_other(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x.");
    add(&b, 'b', ".x");
    add(&b, 'c', "x..y");
    add(&b, 'd', "*.*");
    add(&b, 'e', "x.>");
    add(&b, 'f', ".");
    add(&b, 'g', "x.*.y");
    expect(&b, "x", "");
    expect(&b, "x.", "ade");
    expect(&b, ".x", "bd");
    expect(&b, "x..y", "ceg");
    expect(&b, ".", "df");
    expect(&b, "x..", "e");
    expect(&b, "", "");
    close(&b);
}

static void a_pattern_of_stars_alone_matches_the_empty_name(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "*");
    add(&b, 'b', ">");
    expect_bytes(&b, bytes_of("", 0), "ab");
    close(&b);
}

/* Names are opaque: a token of a name that looks like a wildcard is only a token. */
static void wildcards_in_a_name_are_no_wildcards(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "*");
    add(&b, 'b', ">");
    add(&b, 'c', "x.*");
    add(&b, 'd', "x.y");
    add(&b, 'e', "x.>");
    add(&b, 'f', "*.y");
    expect(&b, "*", "ab");
    expect(&b, ">", "ab");
    expect(&b, "x.*", "bce");
    expect(&b, "x.>", "bce");
    expect(&b, "*.y", "bf");
    expect(&b, ">.y", "bf");
    close(&b);
}

static void wildcards_are_only_whole_tokens(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x*.y");
    add(&b, 'b', ">x.y");
    add(&b, 'c', "**");
    expect(&b, "x*.y", "a");
    expect(&b, "xx.y", "");
    expect(&b, ">x.y", "b");
    expect(&b, "**", "c");
    expect(&b, "xx", "");
    close(&b);
}

static void several_subscriptions_share_a_pattern(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x.*");
    add(&b, 'b', "x.*");
    add(&b, 'c', "x.*");
    expect(&b, "x.y", "abc");
    remove_letter(&b, 'a');
    expect(&b, "x.y", "bc");
    close(&b);
}

static void a_prefix_goes_when_it_leads_nowhere(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x.y.z");
    add(&b, 'b', "x");
    add(&b, 'c', "x.y.*");
    assert_int_equal(b.trie.edges_count, 4);
    remove_letter(&b, 'a');
    assert_int_equal(b.trie.edges_count, 3);
    expect(&b, "x.y.z", "c");
    remove_letter(&b, 'c');
    assert_int_equal(b.trie.edges_count, 1);
    assert_int_equal(b.trie.tokens.count, 1);
    expect(&b, "x.y.z", "");
    expect(&b, "x", "b");
    remove_letter(&b, 'b');
    assert_int_equal(b.trie.tokens.count, 0);
    close(&b);
}

static void a_prefix_stays_while_it_stands_for_something(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x");
    add(&b, 'b', "x.y");
    remove_letter(&b, 'a');
    expect(&b, "x.y", "b");
    add(&b, 'a', "x");
    remove_letter(&b, 'b');
    expect(&b, "x", "a");
    close(&b);
}

static void a_wildcard_that_went_matches_no_more(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x.*");
    add(&b, 'b', "x.>");
    add(&b, 'c', "x.y");
    remove_letter(&b, 'a');
    expect(&b, "x.y", "bc");
    remove_letter(&b, 'b');
    expect(&b, "x.y", "c");
    add(&b, 'a', "x.*");
    expect(&b, "x.y", "ac");
    close(&b);
}

static void one_word_at_two_places_is_two_prefixes(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "x.x.x");
    add(&b, 'b', "y.x");
    expect(&b, "x.x.x", "a");
    expect(&b, "y.x", "b");
    expect(&b, "x.x", "");
    remove_letter(&b, 'a');
    expect(&b, "y.x", "b");
    close(&b);
}

static void the_first_token_of_a_pattern_is_known(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, 'a', "orders.*.x");
    add(&b, 'b', ">");
    add(&b, 'c', ".x");
    assert_true(bytes_equal(trie_first_of(&b.trie, b.subscriptions[0].set), bytes_text("orders")));
    assert_true(bytes_equal(trie_first_of(&b.trie, b.subscriptions[1].set), bytes_text(">")));
    assert_true(bytes_equal(trie_first_of(&b.trie, b.subscriptions[2].set), bytes_text("")));
    assert_true(bytes_equal(pattern_first_token(bytes_text("a.b.c")), bytes_text("a")));
    assert_true(bytes_equal(pattern_first_token(bytes_text("abc")), bytes_text("abc")));
    assert_int_equal(pattern_first_token(bytes_of(NULL, 0)).size, 0);
    close(&b);
}

/* Every level can be reached in two ways, so that a matcher that tries them all would never end. */
static void the_deepest_patterns_are_matched_in_no_time(void **state)
{
    (void)state;
    struct bench b;
    char name[2 * TOPIC_LEVELS_MAX], pattern[2 * TOPIC_LEVELS_MAX];
    open(&b);
    for (int i = 0; i < 2 * TOPIC_LEVELS_MAX - 1; i++)
        name[i] = i % 2 ? '.' : 'x';
    name[2 * TOPIC_LEVELS_MAX - 1] = '\0';
    for (int letter = 0; letter < PATTERNS_MAX; letter++) {
        for (size_t i = 0; i < sizeof name; i++)
            pattern[i] = name[i] == 'x' && random_below(&seed, 2) ? '*' : name[i];
        add(&b, 'a' + letter, pattern);
    }
    expect(&b, name, "abcdefghijklmnopqrstuvwxyz");
    name[0] = 'y';
    b.found.count = 0;
    trie_match(&b.trie, &key, bytes_text(name), &b.found);
    assert_true(b.found.count < PATTERNS_MAX);
    close(&b);
}

static void a_name_of_separators_alone_is_matched_in_no_time(void **state)
{
    (void)state;
    struct bench b;
    char name[1024];
    open(&b);
    add(&b, 'a', ">");
    add(&b, 'b', "*.*.>");
    add(&b, 'c', "....");
    memset(name, '.', sizeof name);
    expect_bytes(&b, bytes_of(name, sizeof name), "ab");
    expect_bytes(&b, bytes_of(name, 4), "abc");
    close(&b);
}

/* More nodes than are made together, more edges than fit at first; all but a few go and come again. */
static void many_patterns_come_and_go(void **state)
{
    (void)state;
    enum { MANY = 3 * TRIE_PAGE };
    static struct subscription many[MANY];
    struct bench b;
    char name[32];
    open(&b);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "n-%d.%d.*", i % 7, i);
            subscriber_set_add(trie_add(&b.trie, &key, bytes_text(name)), &many[i]);
        }
        assert_int_equal(trie_check(&b.trie), MANY);
        assert_int_equal(b.trie.edges_count, 7 + 2 * MANY);
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "n-%d.%d.x", i % 7, i);
            b.found.count = 0;
            trie_match(&b.trie, &key, bytes_text(name), &b.found);
            assert_int_equal(b.found.count, 1);
            assert_ptr_equal(b.found.all[0], &many[i]);
        }
        for (int i = 0; i < MANY; i++) {
            struct subscriber_set *set = many[i].set;
            subscriber_set_remove(&many[i]);
            trie_trim(&b.trie, set);
        }
        assert_int_equal(b.trie.edges_count, 0);
        assert_int_equal(b.trie.nodes_end, 1 + 7 + 2 * MANY);
    }
    close(&b);
}

/* Tokens from so few that they often agree; `>` only where it may stand. */
static void random_name(char *to, bool is_pattern)
{
    static const char *const tokens[] = {"a", "b", "", "aa", "*", "*"};
    uint64_t count = 1 + random_below(&seed, 4);
    *to = '\0';
    for (uint64_t i = 0; i < count; i++) {
        const char *token = tokens[random_below(&seed, 6)];
        if (is_pattern && i + 1 == count && random_below(&seed, 4) == 0)
            token = ">";
        to += snprintf(to, 8, "%s%s", i ? "." : "", token);
    }
}

static void it_agrees_with_the_definition(void **state)
{
    (void)state;
    struct bench b;
    char patterns[PATTERNS_MAX][64], name[64], expected[PATTERNS_MAX + 1];
    open(&b);
    for (int step = 0; step < 20000; step++) {
        int i = (int)random_below(&seed, PATTERNS_MAX);
        if (b.subscriptions[i].set) {
            remove_letter(&b, 'a' + i);
        } else {
            random_name(patterns[i], true);
            add(&b, 'a' + i, patterns[i]);
        }
        random_name(name, false);
        size_t used = 0;
        for (int j = 0; j < PATTERNS_MAX; j++)
            if (b.subscriptions[j].set && naive_matches(patterns[j], name))
                expected[used++] = (char)('a' + j);
        expected[used] = '\0';
        expect(&b, name, expected);
    }
    close(&b);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_trie_matches_nothing),
        cmocka_unit_test(literal_tokens_match_themselves),
        cmocka_unit_test(a_star_stands_for_exactly_one_token),
        cmocka_unit_test(a_rest_stands_for_one_token_or_more),
        cmocka_unit_test(an_empty_token_is_a_token_like_any_other),
        cmocka_unit_test(a_pattern_of_stars_alone_matches_the_empty_name),
        cmocka_unit_test(wildcards_in_a_name_are_no_wildcards),
        cmocka_unit_test(wildcards_are_only_whole_tokens),
        cmocka_unit_test(several_subscriptions_share_a_pattern),
        cmocka_unit_test(a_prefix_goes_when_it_leads_nowhere),
        cmocka_unit_test(a_prefix_stays_while_it_stands_for_something),
        cmocka_unit_test(a_wildcard_that_went_matches_no_more),
        cmocka_unit_test(one_word_at_two_places_is_two_prefixes),
        cmocka_unit_test(the_first_token_of_a_pattern_is_known),
        cmocka_unit_test(the_deepest_patterns_are_matched_in_no_time),
        cmocka_unit_test(a_name_of_separators_alone_is_matched_in_no_time),
        cmocka_unit_test(many_patterns_come_and_go),
        cmocka_unit_test(it_agrees_with_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
