#include "core/stage.h"

#include "check.h"
#include "frame/field.h"

#include <stdio.h>

enum { ROOM = 1 << 17 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

/* One record as "name subscriptions/wildcards/retained-bytes". */
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
    expect(s, "", 10, "..> 0/1/0, a.* 1/2/0, b 2/0/10, c 0/0/20");
    stage_unsubscribe(s, 2, 4);
    stage_unsubscribe(s, 1, 1);
    expect(s, "", 10, "a.* 1/2/0, b 1/0/10, c 0/0/20");
    stage_close(s);
}

static void a_list_is_read_page_by_page(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 1, 1, "a");
    stage_subscribe_wildcard(s, 1, 2, "a.>");
    stage_publish_flags(s, 1, "b", "x", PUBLISH_RETAIN);
    expect(s, "", 2, "a 1/0/0, a.> 0/1/0 …");
    expect(s, "a.>", 2, "b 0/0/10");
    expect(s, "a", 1, "a.> 0/1/0 …");
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
        snprintf(first, sizeof first, "%04u 1/1/0 …", i);
        expect(s, after, 1, first);
        snprintf(after, sizeof after, "%04u", i + 499);
    }
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_topics_there_are_none),
        cmocka_unit_test(names_patterns_and_what_is_retained_are_one_sorted_list),
        cmocka_unit_test(a_list_is_read_page_by_page),
        cmocka_unit_test(of_many_topics_the_first_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
