#include "core/stage.h"

#include "check.h"
#include "core/frames.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOTS = 1000000, ROOM = 1 << 21 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 2; peer++)
        stage_attach(stage, peer);
    return stage;
}

static void apply_look(struct stage *stage, enum command_kind kind, const char *name,
                       uint32_t count, bool from_back)
{
    stage_skip(stage);
    stage_look(stage, 1, kind, name, count, from_back);
}

/* The last answer, which the caller frees; sees whether it says that there is more. */
static struct bytes take_answer(struct stage *stage, bool has_more)
{
    unsigned char *room = malloc(ROOM);
    assert_int_equal(stage->outbox.effects[stage->outbox.count - 1].has_more, has_more);
    return bytes_of(room, stage_answer(stage, room, ROOM));
}

static void peek_and_expect(struct stage *stage, uint32_t count, bool from_back,
                            const char *expected, bool has_more)
{
    char words[4096];
    apply_look(stage, COMMAND_PEEK, "q", count, from_back);
    struct bytes answer = take_answer(stage, has_more);
    frames_tell(answer, false, words, sizeof words);
    free((void *)answer.data);
    assert_string_equal(words, expected);
}

static uint32_t count_frames(struct bytes frames)
{
    uint32_t count = 0;
    for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at))
        count++;
    return count;
}

static void purge_answers_how_many_it_discarded(void **state)
{
    (void)state;
    struct stage *s = open();
    uint64_t purged;
    stage_declare(s, 1, "q", LOTS, LOTS, WHEN_FULL_REFUSE);
    stage_push(s, 1, "q", "a b c");
    stage_name(s, 1, COMMAND_PURGE, "q");
    assert_int_equal(stage_answer(s, &purged, sizeof purged), sizeof purged);
    assert_int_equal(purged, 3);
    stage_name(s, 1, COMMAND_PURGE, "q");
    stage_answer(s, &purged, sizeof purged);
    assert_int_equal(purged, 0);
    assert_int_equal(engine_totals(s->engine).settled, 3);
    stage_close(s);
}

static void peek_shows_what_would_be_delivered_next(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a bb c d");
    peek_and_expect(s, 3, false, "a bb c", true);
    peek_and_expect(s, 3, true, "d c bb", true);
    peek_and_expect(s, 4, false, "a bb c d", false);
    peek_and_expect(s, 100, true, "d c bb a", false);
    assert_int_equal(stage_info(s, "q", "ready"), 4);
    assert_int_equal(stage_info(s, "q", "delivered"), 0);
    stage_close(s);
}

static void peek_at_an_empty_queue_shows_nothing(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "q", LOTS, LOTS, WHEN_FULL_REFUSE);
    peek_and_expect(s, 3, false, "", false);
    peek_and_expect(s, 3, true, "", false);
    stage_close(s);
}

static void peek_leaves_out_what_is_leased(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b c d e");
    stage_consume(s, 2, 7, "q", 0, 4, LOTS);
    stage_tick(s);
    stage_settle(s, 2, 7, 2, 1, SETTLE_RETURN);
    peek_and_expect(s, 9, false, "b e", false);
    peek_and_expect(s, 9, true, "e b", false);
    peek_and_expect(s, 1, false, "b", true);
    stage_close(s);
}

static void peek_looks_across_segments(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a:300");
    stage_push(s, 1, "q", "b:900");
    stage_push(s, 1, "q", "c:2000 d");
    peek_and_expect(s, 3, false, "a b c", true);
    peek_and_expect(s, 4, true, "d c b a", false);
    stage_close(s);
}

static void peek_shows_at_most_1000_messages(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_alike(s, 1, "q", 1001, 10);
    apply_look(s, COMMAND_PEEK, "q", UINT32_MAX, false);
    struct bytes answer = take_answer(s, true);
    assert_int_equal(count_frames(answer), 1000);
    free((void *)answer.data);
    stage_close(s);
}

static void peek_shows_at_most_64_kib(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_alike(s, 1, "q", 65, 1024);
    apply_look(s, COMMAND_PEEK, "q", 100, false);
    struct bytes answer = take_answer(s, true);
    assert_int_equal(count_frames(answer), 64);
    free((void *)answer.data);
    stage_close(s);
}

static void peek_shows_the_first_message_however_large(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a:1000000 b");
    peek_and_expect(s, 9, false, "a", true);
    peek_and_expect(s, 9, true, "b", true);
    stage_close(s);
}

/* Lists from behind `name` and sees that it is queues of these names. */
static void list_and_expect(struct stage *stage, const char *name, uint32_t count,
                            const char *expected, bool has_more)
{
    char names[4096] = "", fields[4096];
    size_t used = 0;
    apply_look(stage, COMMAND_LIST, name, count, false);
    struct bytes answer = take_answer(stage, has_more);
    for (size_t at = 0; at < answer.size; at += load_u32(answer.data + at)) {
        uint32_t size = load_u32(answer.data + at);
        assert_true(size > 4 && size <= answer.size - at);
        frames_tell_fields(bytes_of(answer.data + at + 4, size - 4), fields, sizeof fields);
        char *end = strchr(fields, ' ');
        assert_memory_equal(fields, "name=", 5);
        assert_non_null(strstr(fields, " refused="));
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s", used ? " " : "",
                                 (int)(end - fields - 5), fields + 5);
    }
    free((void *)answer.data);
    assert_string_equal(names, expected);
}

static void list_names_queues_in_the_order_of_bytes(void **state)
{
    (void)state;
    struct stage *s = open();
    static const char *const names[] = {"b", "ab", "a", "\xff", "B", "aa"};
    for (int i = 0; i < 6; i++)
        stage_push(s, 1, names[i], "x");
    list_and_expect(s, "", 100, "B a aa ab b \xff", false);
    list_and_expect(s, "", 2, "B a", true);
    list_and_expect(s, "a", 2, "aa ab", true);
    list_and_expect(s, "ab", 2, "b \xff", false);
    list_and_expect(s, "\xff", 2, "", false);
    list_and_expect(s, "a0", 1, "aa", true);
    stage_close(s);
}

/* Lists from behind `name` of a space on; queues of other spaces than 0 are told as "name/space". */
static void list_onward_and_expect(struct stage *stage, uint8_t space, const char *name,
                                   uint32_t count, const char *expected, bool has_more)
{
    char names[256] = "";
    size_t used = 0;
    stage_skip(stage);
    stage_apply(stage, 1,
                (struct command){.kind = COMMAND_LIST,
                                 .space = space,
                                 .name = bytes_text(name),
                                 .look = {.count = count, .is_onward = true}});
    struct bytes answer = take_answer(stage, has_more);
    for (size_t at = 0; at < answer.size; at += load_u32(answer.data + at)) {
        char fields[4096], *database;
        frames_tell_fields(bytes_of(answer.data + at + 4, load_u32(answer.data + at) - 4), fields,
                           sizeof fields);
        database = strstr(fields, " database=");
        used += (size_t)snprintf(names + used, sizeof names - used, "%.*s",
                                 (int)strcspn(fields + 5, " "), fields + 5);
        if (database)
            used += (size_t)snprintf(names + used, sizeof names - used, "/%.*s",
                                     (int)strcspn(database + 10, " "), database + 10);
        used += (size_t)snprintf(names + used, sizeof names - used, " ");
    }
    free((void *)answer.data);
    assert_string_equal(names, expected);
}

static void list_goes_on_through_the_spaces_when_it_is_asked_to(void **state)
{
    (void)state;
    struct stage *s = open();
    static const struct {
        uint8_t space;
        const char *name;
    } queues[] = {{0, "b"}, {0, "a"}, {15, "a"}, {5, "c"}, {5, "a"}};
    for (int i = 0; i < 5; i++)
        stage_apply(s, 1,
                    (struct command){.kind = COMMAND_DECLARE,
                                     .space = queues[i].space,
                                     .name = bytes_text(queues[i].name)});
    stage_skip(s);
    list_and_expect(s, "", 9, "a b", false);
    list_onward_and_expect(s, 0, "", 9, "a b a/5 c/5 a/15 ", false);
    list_onward_and_expect(s, 0, "", 2, "a b ", true);
    list_onward_and_expect(s, 0, "b", 1, "a/5 ", true);
    list_onward_and_expect(s, 5, "a", 2, "c/5 a/15 ", false);
    list_onward_and_expect(s, 15, "a", 2, "", false);
    stage_close(s);
}

static void list_without_queues_is_empty(void **state)
{
    (void)state;
    struct stage *s = open();
    list_and_expect(s, "", 5, "", false);
    stage_close(s);
}

static void list_goes_on_where_it_ended_until_all_are_named(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    struct stage *s = open();
    char name[32], last[32] = "";
    uint32_t count = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "queue-%04d", i * 7919 % COUNT);
        stage_push(s, 1, name, "x");
    }
    for (bool has_more = true; has_more;) {
        apply_look(s, COMMAND_LIST, last, UINT32_MAX, false);
        has_more = s->outbox.effects[s->outbox.count - 1].has_more;
        struct bytes answer = take_answer(s, has_more);
        assert_true(answer.size < 66 * 1024);
        for (size_t at = 0; at < answer.size; at += load_u32(answer.data + at), count++) {
            snprintf(name, sizeof name, "queue-%04u", count);
            assert_memory_equal(answer.data + at + 4 + 4 + 4, name, strlen(name));
            memcpy(last, name, sizeof last);
        }
        free((void *)answer.data);
    }
    assert_int_equal(count, COUNT);
    stage_close(s);
}

static void info_tells_all_about_a_queue(void **state)
{
    (void)state;
    struct stage *s = open();
    char text[4096];
    stage_declare(s, 1, "q", 8, 5000, WHEN_FULL_HOLD);
    stage_push(s, 1, "q", "a b:20 c d e f g h i:6000 j k");
    stage_consume(s, 2, 7, "q", 0, 4, LOTS);
    stage_tick(s);
    stage_settle(s, 2, 7, 1, 1, SETTLE_REJECT);
    stage_settle(s, 2, 7, 3, 1, SETTLE_RETURN);
    stage_settle(s, 2, 7, 4, 1, SETTLE_ACKNOWLEDGE);
    stage_tick(s);
    stage_name(s, 1, COMMAND_PAUSE, "q");
    stage_skip(s);
    stage_name(s, 1, COMMAND_INFO, "q");
    struct bytes answer = take_answer(s, false);
    frames_tell_fields(answer, text, sizeof text);
    free((void *)answer.data);
    assert_string_equal(text, "name=q declared=1 paused=1 ready=7 ready-bytes=70 leased=1 "
                              "leased-bytes=20 delayed=0 delayed-bytes=0 waiting=0 consumers=1 "
                              "max-messages=8 max-bytes=5000 when-full=hold ttl=0 "
                              "delivery-limit=16 dead-letter=q.dead lease-max=0 pop-lease=none "
                              "accepted=10 "
                              "acknowledged=1 dead-lettered=1 discarded=0 rejected=1 expired=0 "
                              "overflowed=0 exhausted=0 purged=0 delivered=4 returned=1 refused=1 "
                              "oldest-ready=0 oldest-leased=0 waited-p50=0 waited-p99=0 "
                              "waited-max=0 worked-p50=0 worked-p99=0 worked-max=0");
    stage_close(s);
}

static void stats_tell_about_everything(void **state)
{
    (void)state;
    struct stage *s = open();
    char text[4096], memory[64];
    stage_declare(s, 1, "q", 4, LOTS, WHEN_FULL_HOLD);
    stage_push(s, 1, "q", "a b c d e");
    stage_declare(s, 1, "r", 1, LOTS, WHEN_FULL_REFUSE);
    stage_push(s, 1, "r", "f g h");
    stage_consume(s, 2, 7, "q", 0, 2, LOTS);
    stage_subscribe_bound(s, 2, 5, "t", 1, 0);
    stage_publish(s, 1, "t", "x y z");
    stage_tick(s);
    stage_settle(s, 2, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_skip(s);
    uint64_t bytes = engine_totals(s->engine).memory;
    stage_name(s, 1, COMMAND_STATS, "");
    struct bytes answer = take_answer(s, false);
    frames_tell_fields(answer, text, sizeof text);
    free((void *)answer.data);
    char *rest = strstr(text, " message-memory=");
    assert_non_null(rest);
    snprintf(memory, sizeof memory, " message-memory=%lu", bytes);
    assert_string_equal(rest, memory);
    *rest = '\0';
    assert_string_equal(
        text, "connections=2 queues=2 consumers=1 subscriptions=1 ready=3 leased=1 "
              "delayed=0 waiting=1 accepted=5 delivered=2 settled=1 refused=2 published=3 "
              "sent=1 missed=2 overflowed=0 retained=0 retained-bytes=0 values=0 values-bytes=0 "
              "topics=1 globs=0 apart=0 taking=0");
    stage_close(s);
}

static void what_is_gone_still_counts_in_the_stats(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b");
    stage_name(s, 1, COMMAND_DELETE, "q");
    struct engine_totals totals = engine_totals(s->engine);
    assert_int_equal(totals.queues, 0);
    assert_int_equal(totals.ready, 0);
    assert_int_equal(totals.accepted, 2);
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purge_answers_how_many_it_discarded),
        cmocka_unit_test(peek_shows_what_would_be_delivered_next),
        cmocka_unit_test(peek_at_an_empty_queue_shows_nothing),
        cmocka_unit_test(peek_leaves_out_what_is_leased),
        cmocka_unit_test(peek_looks_across_segments),
        cmocka_unit_test(peek_shows_at_most_1000_messages),
        cmocka_unit_test(peek_shows_at_most_64_kib),
        cmocka_unit_test(peek_shows_the_first_message_however_large),
        cmocka_unit_test(list_names_queues_in_the_order_of_bytes),
        cmocka_unit_test(list_goes_on_through_the_spaces_when_it_is_asked_to),
        cmocka_unit_test(list_without_queues_is_empty),
        cmocka_unit_test(list_goes_on_where_it_ended_until_all_are_named),
        cmocka_unit_test(info_tells_all_about_a_queue),
        cmocka_unit_test(stats_tell_about_everything),
        cmocka_unit_test(what_is_gone_still_counts_in_the_stats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
