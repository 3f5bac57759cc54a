#include "core/globs.h"

#include "base/array.h"
#include "check.h"
#include "core/naive_glob.h"
#include "core/peer.h"
#include "seed.h"

static struct random seed;
static const struct hash_key key = {1, 2};
static const struct topic_settings usual;

enum { GLOBS_MAX = 64 };

/* One subscription for each glob, by its place. */
struct bench {
    struct globs globs;
    struct subscription *subscriptions[GLOBS_MAX];
    struct found found;
};

static struct peer nobody;

static void add(struct bench *bench, uint32_t at, struct bytes glob)
{
    bench->subscriptions[at] = subscription_create(&nobody, at, &usual);
    subscriber_set_add(globs_add(&bench->globs, &key, glob), bench->subscriptions[at]);
    globs_check(&bench->globs);
}

static void take_out(struct bench *bench, uint32_t at)
{
    struct subscriber_set *set = bench->subscriptions[at]->set;
    subscriber_set_remove(bench->subscriptions[at]);
    globs_trim(&bench->globs, set);
    globs_check(&bench->globs);
    subscription_destroy(bench->subscriptions[at]);
    bench->subscriptions[at] = NULL;
}

static void close(struct bench *bench)
{
    for (uint32_t at = 0; at < GLOBS_MAX; at++)
        if (bench->subscriptions[at])
            take_out(bench, at);
    globs_finish(&bench->globs);
    memory_free(bench->found.all);
}

static uint64_t match(struct bench *bench, struct bytes name)
{
    uint64_t places = 0;
    bench->found.count = 0;
    globs_match(&bench->globs, &key, name, &bench->found);
    for (size_t i = 0; i < bench->found.count; i++) {
        uint64_t place = UINT64_C(1) << subscription_id(bench->found.all[i]);
        assert_false(places & place);
        places |= place;
    }
    return places;
}

static void a_glob_is_found_whatever_it_begins_with(void **state)
{
    (void)state;
    static const char *const globs[] = {"*",      "news.*",  "news.?",  "n*",
                                        "news.a", "[n]ews*", "\\news.a"};
    enum { COUNT = sizeof globs / sizeof *globs };
    struct bench b = {.found = {0}};
    for (uint32_t at = 0; at < COUNT; at++)
        add(&b, at, bytes_text(globs[at]));
    assert_int_equal(match(&b, bytes_text("news.a")), (1 << COUNT) - 1);
    assert_int_equal(match(&b, bytes_text("news.ab")), 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5);
    assert_int_equal(match(&b, bytes_text("news")), 1 << 0 | 1 << 3 | 1 << 5);
    assert_int_equal(match(&b, bytes_text("x")), 1 << 0);
    close(&b);
}

static void those_of_one_text_are_one_glob(void **state)
{
    (void)state;
    struct bench b = {.found = {0}};
    add(&b, 0, bytes_text("a*"));
    add(&b, 1, bytes_text("a*"));
    add(&b, 2, bytes_text("a?"));
    assert_int_equal(b.globs.globs.count, 2);
    assert_int_equal(match(&b, bytes_text("ab")), 7);
    take_out(&b, 0);
    assert_int_equal(b.globs.globs.count, 2);
    assert_int_equal(match(&b, bytes_text("ab")), 6);
    take_out(&b, 1);
    assert_int_equal(b.globs.globs.count, 1);
    close(&b);
}

static void a_glob_of_the_largest_size_is_found(void **state)
{
    (void)state;
    unsigned char text[FRAME_NAME_MAX];
    struct bench b = {.found = {0}};
    memset(text, 'x', sizeof text);
    add(&b, 0, bytes_of(text, sizeof text));
    text[sizeof text - 1] = '*';
    add(&b, 1, bytes_of(text, sizeof text));
    text[sizeof text - 1] = 'x';
    assert_int_equal(match(&b, bytes_of(text, sizeof text)), 3);
    assert_int_equal(match(&b, bytes_of(text, sizeof text - 1)), 2);
    assert_int_equal(match(&b, bytes_of(text, sizeof text - 2)), 0);
    close(&b);
}

static struct bytes draw(unsigned char *room, size_t size_max)
{
    static const char letters[] = "aab*?[\\.";
    size_t size = 1 + random_below(&seed, size_max);
    for (size_t i = 0; i < size; i++)
        room[i] = (unsigned char)letters[random_below(&seed, sizeof letters - 1)];
    return bytes_of(room, size);
}

static void what_is_found_is_what_matches(void **state)
{
    (void)state;
    unsigned char texts[GLOBS_MAX][8], name_room[6];
    struct bytes globs[GLOBS_MAX];
    struct bench b = {.found = {0}};
    for (int step = 0; step < 20000; step++) {
        uint32_t at = (uint32_t)random_below(&seed, GLOBS_MAX);
        if (b.subscriptions[at]) {
            take_out(&b, at);
        } else {
            globs[at] = draw(texts[at], sizeof texts[at]);
            add(&b, at, globs[at]);
        }
        struct bytes name = draw(name_room, sizeof name_room);
        uint64_t expected = 0;
        for (uint32_t i = 0; i < GLOBS_MAX; i++)
            if (b.subscriptions[i] && naive_glob_matches(globs[i], name))
                expected |= UINT64_C(1) << i;
        assert_int_equal(match(&b, name), expected);
    }
    close(&b);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_is_found_whatever_it_begins_with),
        cmocka_unit_test(those_of_one_text_are_one_glob),
        cmocka_unit_test(a_glob_of_the_largest_size_is_found),
        cmocka_unit_test(what_is_found_is_what_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
