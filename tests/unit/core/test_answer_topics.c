#include "core/stage.h"

#include "check.h"
#include "frame/field.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 1 << 17 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

/* One record as "name subscriptions/wildcards/globs/retained-bytes". */
static size_t tell(struct bytes fields, char *line, size_t size)
{
    struct field field;
    size_t used = 0;
    for (int cut; (cut = field_parse(fields, &field)) > 0;
         fields = bytes_of(fields.data + cut, fields.size - (size_t)cut))
        used +=
            (size_t)(field_is(&field, "name")
                         ? snprintf(line + used, size - used, "%.*s ", (int)field.value.size,
                                    (const char *)field.value.data)
                         : snprintf(line + used, size - used, "%s%lu",
                                    field_is(&field, "subscriptions") ? "" : "/", field.number));
    return used;
}

/* Asks for `count` topics behind `after`; "…" at the end stands for more. */
static void expect(struct stage *stage, const char *after, uint32_t count, const char *expected)
{
    static unsigned char answer[ROOM];
    static char text[ROOM];
    size_t used = 0;
    stage_skip(stage);
    stage_look(stage, 3, COMMAND_TOPICS, after, count, false);
    bool has_more = stage->outbox.effects[0].has_more;
    size_t size = stage_answer(stage, answer, sizeof answer);
    text[0] = '\0';
    for (size_t at = 0; at < size; at += load_u32(answer + at)) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", at ? ", " : "");
        used += tell(bytes_of(answer + at + 4, load_u32(answer + at) - 4), text + used,
                     sizeof text - used);
    }
    snprintf(text + used, sizeof text - used, "%s", has_more ? " …" : "");
    assert_string_equal(text, expected);
}

static void without_topics_there_are_none(void **state)
{
    (void)state;
    struct stage *s = open();
    expect(s, "", 10, "");
    stage_close(s);
}

static void names_patterns_and_what_is_retained_are_one_sorted_list(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 1, 1, "b");
    stage_subscribe(s, 2, 1, "b");
    stage_subscribe_wildcard(s, 1, 2, "a.*");
    stage_subscribe_wildcard(s, 2, 2, "a.*");
    stage_subscribe(s, 2, 3, "a.*");
    stage_subscribe_wildcard(s, 2, 4, "..>");
    stage_publish_flags(s, 1, "b", "x", PUBLISH_RETAIN);
    stage_publish_flags(s, 1, "c", "y:20", PUBLISH_RETAIN);
    stage_subscribe_to(s, 1, 9, "", &(struct listener){.is_inbox = true});
    stage_subscribe_glob(s, 1, 5, "a.*");
    stage_subscribe_apart(s, 1, 6, "apart");
    expect(s, "", 10, "..> 0/1/0/0, a.* 1/2/1/0, b 2/0/0/10, c 0/0/0/20");
    stage_unsubscribe(s, 2, 4);
    stage_unsubscribe(s, 1, 1);
    stage_unsubscribe(s, 1, 5);
    expect(s, "", 10, "a.* 1/2/0/0, b 1/0/0/10, c 0/0/0/20");
    stage_close(s);
}

static void a_list_is_read_page_by_page(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 1, 1, "a");
    stage_subscribe_wildcard(s, 1, 2, "a.>");
    stage_publish_flags(s, 1, "b", "x", PUBLISH_RETAIN);
    expect(s, "", 2, "a 1/0/0/0, a.> 0/1/0/0 …");
    expect(s, "a.>", 2, "b 0/0/0/10");
    expect(s, "a", 1, "a.> 0/1/0/0 …");
    expect(s, "b", 1, "");
    stage_close(s);
}

/* More names than one answer holds, added in no order; each has a pattern of the same text. */
static void of_many_topics_the_first_come_first(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct stage *s = open();
    char name[16], after[16] = "";
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%04u", i * 2003 % MANY);
        stage_subscribe(s, 1, i, name);
        stage_subscribe_wildcard(s, 2, i, name);
        stage_skip(s);
    }
    for (uint32_t i = 0; i < MANY; i += 500) {
        char first[64];
        snprintf(first, sizeof first, "%04u 1/1/0/0 …", i);
        expect(s, after, 1, first);
        snprintf(after, sizeof after, "%04u", i + 499);
    }
    stage_close(s);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Asks which names are subscribed to; told sorted, each with a space behind it. */
static void expect_channels(struct stage *stage, const char *glob, bool is_apart,
                            const char *expected)
{
    static unsigned char answer[ROOM];
    char *names[16], text[256] = "";
    size_t count = 0, used = 0;
    struct command command = {.kind = COMMAND_CHANNELS};
    command.names.has_glob = glob != NULL;
    command.names.glob = bytes_text(glob ? glob : "");
    command.names.is_apart = is_apart;
    stage_skip(stage);
    stage_apply(stage, 3, command);
    size_t size = stage_answer(stage, answer, sizeof answer);
    for (size_t at = 0; at < size; at += 4 + load_u32(answer + at))
        names[count++] = strndup((char *)answer + at + 4, load_u32(answer + at));
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s ", names[i]);
        free(names[i]);
    }
    assert_string_equal(text, expected);
}

static void channels_are_names_that_are_subscribed_to(void **state)
{
    (void)state;
    struct stage *s = open();
    expect_channels(s, NULL, false, "");
    stage_subscribe(s, 1, 1, "ab");
    stage_subscribe(s, 2, 1, "ab");
    stage_subscribe(s, 1, 2, "b");
    stage_subscribe_wildcard(s, 1, 3, "c");
    stage_subscribe_glob(s, 1, 4, "d");
    stage_subscribe_apart(s, 1, 5, "ae");
    stage_subscribe_to(s, 1, 6, "", &(struct listener){.is_inbox = true});
    expect_channels(s, NULL, false, "ab b ");
    expect_channels(s, "a*", false, "ab ");
    expect_channels(s, NULL, true, "ae ");
    expect_channels(s, "b", true, "");
    stage_close(s);
}

static void listeners_are_those_of_the_name_itself(void **state)
{
    (void)state;
    struct stage *s = open();
    struct command command = {.kind = COMMAND_LISTENERS, .name = bytes_text("t")};
    stage_subscribe(s, 1, 1, "t");
    stage_subscribe(s, 2, 1, "t");
    stage_subscribe_glob(s, 3, 1, "t");
    stage_subscribe_apart(s, 3, 2, "t");
    stage_skip(s);
    stage_apply(s, 3, command);
    command.names.is_apart = true;
    stage_apply(s, 3, command);
    command.name = bytes_text("u");
    stage_apply(s, 3, command);
    stage_expect(s, "3 #3 number 2\n3 #4 number 1\n3 #5 number 0\n");
    stage_close(s);
}

static void globs_are_counted_by_their_text(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_glob(s, 1, 1, "t*");
    stage_subscribe_glob(s, 2, 1, "t*");
    stage_subscribe_glob(s, 2, 2, "t?");
    stage_subscribe_wildcard(s, 2, 3, "t.*");
    stage_skip(s);
    stage_name(s, 3, COMMAND_GLOBS, "");
    stage_unsubscribe(s, 2, 2);
    stage_name(s, 3, COMMAND_GLOBS, "");
    stage_expect(s, "3 #1 number 2\n2 #4 ok\n3 #2 number 1\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_topics_there_are_none),
        cmocka_unit_test(names_patterns_and_what_is_retained_are_one_sorted_list),
        cmocka_unit_test(a_list_is_read_page_by_page),
        cmocka_unit_test(of_many_topics_the_first_come_first),
        cmocka_unit_test(channels_are_names_that_are_subscribed_to),
        cmocka_unit_test(listeners_are_those_of_the_name_itself),
        cmocka_unit_test(globs_are_counted_by_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
