#include "core/retained.h"

#include "check.h"
#include "core/frames.h"
#include "frame/field.h"
#include "frame/header.h"

#include <stdio.h>

static const struct hash_key key = {1, 2};

static struct retained_store open(void)
{
    struct retained_store store;
    retained_init(&store, &key);
    return store;
}

/* Whether the message fits, as it then is retained. */
static bool put(struct retained_store *store, const char *name, const char *word)
{
    struct run run = frames_run(OP_PUBLISH, name, word);
    bool fits = retained_fits(store, run.data);
    if (fits)
        retained_put(store, run.data);
    frames_free(&run);
    return fits;
}

static bool put_empty(struct retained_store *store, const char *name)
{
    struct run run = frames_alike(OP_PUBLISH, name, 1, FRAME_HEAD_SIZE + (uint32_t)strlen(name));
    bool fits = retained_fits(store, run.data);
    retained_put(store, run.data);
    frames_free(&run);
    return fits;
}

/* Tells the messages that a name or pattern finds, in their order. */
static void expect(struct retained_store *store, const char *name, bool is_pattern,
                   const char *expected)
{
    char line[256] = "", word[64];
    size_t count, used = 0;
    struct retained *const *found = retained_match(store, bytes_text(name), is_pattern, &count);
    for (size_t i = 0; i < count; i++) {
        frames_tell(bytes_of(found[i]->frame, found[i]->size), false, word, sizeof word);
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%.*s=%s", i ? " " : "",
                                 (int)found[i]->entry.name.size, found[i]->entry.name.data, word);
    }
    assert_string_equal(line, expected);
}

static void the_last_message_of_a_name_is_kept(void **state)
{
    (void)state;
    struct retained_store s = open();
    put(&s, "t", "a:30");
    put(&s, "t", "b");
    expect(&s, "t", false, "t=b");
    assert_int_equal(s.size, 10);
    retained_finish(&s);
}

static void names_and_patterns_find_what_they_match_in_the_order_of_names(void **state)
{
    (void)state;
    struct retained_store s = open();
    static const char *const names[] = {"b", "a.b", "a", "a.c", "*", "a.b.c"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(&s, names[i], "x");
    expect(&s, "a.*", true, "a.b=x a.c=x");
    expect(&s, ">", true, "*=x a=x a.b=x a.b.c=x a.c=x b=x");
    expect(&s, "*", false, "*=x");
    expect(&s, "c", false, "");
    expect(&s, "c.>", true, "");
    retained_finish(&s);
}

static void an_empty_message_clears(void **state)
{
    (void)state;
    struct retained_store s = open();
    put(&s, "t", "a");
    assert_true(put_empty(&s, "t"));
    assert_true(put_empty(&s, "u"));
    expect(&s, ">", true, "");
    assert_int_equal(s.size, 0);
    retained_finish(&s);
}

static void a_message_of_headers_alone_is_empty(void **state)
{
    (void)state;
    struct retained_store s = open();
    unsigned char frame[64];
    size_t size = FRAME_HEAD_SIZE + 1 + HEADER_SIZE_MIN;
    put(&s, "t", "a");
    size += field_put_bytes(frame + size, "x-y", bytes_text("z"));
    frame_head_store(frame, (struct frame_head){OP_PUBLISH, MESSAGE_HEADERS, 1, (uint32_t)size});
    frame[FRAME_HEAD_SIZE] = 't';
    store_u32(frame + FRAME_HEAD_SIZE + 1, (uint32_t)size - FRAME_HEAD_SIZE - 1);
    retained_put(&s, frame);
    expect(&s, "t", false, "");
    retained_finish(&s);
}

static void there_is_a_bound_of_messages(void **state)
{
    (void)state;
    struct retained_store s = open();
    s.count_max = 2;
    assert_true(put(&s, "a", "x"));
    assert_true(put(&s, "b", "x"));
    assert_false(put(&s, "c", "x"));
    assert_true(put(&s, "b", "y"));
    assert_true(put_empty(&s, "a"));
    assert_true(put(&s, "c", "x"));
    expect(&s, ">", true, "b=y c=x");
    retained_finish(&s);
}

static void there_is_a_bound_of_bytes(void **state)
{
    (void)state;
    struct retained_store s = open();
    s.size_max = 50;
    assert_true(put(&s, "a", "x:30"));
    assert_false(put(&s, "b", "x:21"));
    assert_true(put(&s, "b", "x:20"));
    assert_false(put(&s, "a", "y:31"));
    assert_true(put(&s, "a", "y:12"));
    assert_true(put(&s, "b", "y:38"));
    expect(&s, ">", true, "a=y b=y");
    retained_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_message_of_a_name_is_kept),
        cmocka_unit_test(names_and_patterns_find_what_they_match_in_the_order_of_names),
        cmocka_unit_test(an_empty_message_clears),
        cmocka_unit_test(a_message_of_headers_alone_is_empty),
        cmocka_unit_test(there_is_a_bound_of_messages),
        cmocka_unit_test(there_is_a_bound_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
