#include "core/stage.h"

#include "base/array.h"
#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "core/peer.h"
#include "frame/field.h"
#include "frame/header.h"

#include <stdio.h>
#include <stdlib.h>

struct stage *stage_open(void)
{
    struct stage *stage = memory_create(sizeof *stage);
    stage->engine = engine_create((struct hash_key){1, 2});
    for (int i = 0; i < STAGE_PEERS_MAX; i++)
        stage->numbers[i] = 1;
    return stage;
}

void stage_close(struct stage *stage)
{
    for (uint32_t peer = 0; peer < STAGE_PEERS_MAX; peer++)
        if (stage->is_attached[peer])
            stage_detach(stage, peer);
    stage_skip(stage);
    while (stage->slices_count > 0)
        stage_sent_one(stage, stage->slices[0].peer);
    stage_tick(stage);
    assert_int_equal(stage->outbox.count, 0);
    assert_int_equal(engine_totals(stage->engine).holds, 0);
    engine_destroy(stage->engine);
    outbox_finish(&stage->outbox);
    free(stage->slices);
    free(stage);
}

void stage_apply(struct stage *stage, uint32_t peer, struct command command)
{
    command.peer = peer;
    if (command.kind != COMMAND_ATTACH && command.kind != COMMAND_DETACH) {
        command.ticket = stage->numbers[peer];
        stage->numbers[peer] += command_tickets(&command);
    }
    engine_apply(stage->engine, &command, stage->now, &stage->outbox);
    engine_check(stage->engine);
}

void stage_attach_window(struct stage *stage, uint32_t peer, uint32_t count, uint64_t size)
{
    stage_apply(stage, peer,
                (struct command){.kind = COMMAND_ATTACH,
                                 .attach = {.window_count = count, .window_size = size}});
    stage->is_attached[peer] = true;
}

void stage_attach(struct stage *stage, uint32_t peer)
{
    stage_attach_window(stage, peer, 65536, 64 * 1024 * 1024);
}

void stage_attach_each(struct stage *stage, uint32_t peer)
{
    stage_apply(stage, peer, (struct command){.kind = COMMAND_ATTACH, .attach = {.is_each = true}});
    stage->is_attached[peer] = true;
}

void stage_detach(struct stage *stage, uint32_t peer)
{
    stage_apply(stage, peer, (struct command){.kind = COMMAND_DETACH});
    stage->is_attached[peer] = false;
}

/* Applies a command with a run, and frees that. */
static void apply_with(struct stage *stage, uint32_t peer, struct command command, const char *name,
                       struct run run)
{
    char *copy = strdup(name);
    command.name = bytes_text(copy);
    command.run = run;
    stage_apply(stage, peer, command);
    free(copy);
    frames_free(&run);
}

static void apply_run(struct stage *stage, uint32_t peer, enum command_kind kind, const char *name,
                      struct run run)
{
    apply_with(stage, peer, (struct command){.kind = kind}, name, run);
}

void stage_push(struct stage *stage, uint32_t peer, const char *queue, const char *words)
{
    apply_run(stage, peer, COMMAND_PUSH, queue, frames_run(OP_PUSH, queue, words));
}

void stage_push_as(struct stage *stage, uint32_t peer, const char *queue, const char *words,
                   const char *how)
{
    const struct command command = {
        .kind = COMMAND_PUSH,
        .wants_number = true,
        .at_front = strstr(how, "front"),
        .is_whole = strstr(how, "whole"),
        .only_there = strstr(how, "there"),
    };
    apply_with(stage, peer, command, queue, frames_run(OP_PUSH, queue, words));
}

void stage_push_headed(struct stage *stage, uint32_t peer, const char *queue, const char *headers,
                       const char *word)
{
    apply_run(stage, peer, COMMAND_PUSH, queue, frames_headed(OP_PUSH, queue, headers, word));
}

void stage_publish(struct stage *stage, uint32_t peer, const char *topic, const char *words)
{
    apply_run(stage, peer, COMMAND_PUBLISH, topic, frames_run(OP_PUBLISH, topic, words));
}

void stage_publish_count(struct stage *stage, uint32_t peer, const char *topic, const char *words,
                         bool is_apart)
{
    struct run run = frames_run(OP_PUBLISH, topic, words);
    stage_apply(stage, peer,
                (struct command){.kind = COMMAND_PUBLISH,
                                 .name = bytes_text(topic),
                                 .run = run,
                                 .wants_number = true,
                                 .is_apart = is_apart});
    frames_free(&run);
}

void stage_publish_flags(struct stage *stage, uint32_t peer, const char *topic, const char *words,
                         uint8_t flags)
{
    struct run run = frames_run(OP_PUBLISH, topic, words);
    unsigned char *frame = (unsigned char *)run.data;
    for (uint32_t i = 0; i < run.count; i++, frame += frame_size(frame))
        frame[1] = flags;
    run.head.flags = flags;
    apply_run(stage, peer, COMMAND_PUBLISH, topic, run);
}

void stage_push_alike(struct stage *stage, uint32_t peer, const char *queue, uint32_t count,
                      uint32_t size)
{
    apply_run(stage, peer, COMMAND_PUSH, queue, frames_alike(OP_PUSH, queue, count, size));
}

void stage_publish_alike(struct stage *stage, uint32_t peer, const char *topic, uint32_t count,
                         uint32_t size)
{
    apply_run(stage, peer, COMMAND_PUBLISH, topic, frames_alike(OP_PUBLISH, topic, count, size));
}

void stage_consume(struct stage *stage, uint32_t peer, uint32_t id, const char *queue, int flags,
                   uint32_t count, uint64_t size)
{
    struct command command = {.kind = COMMAND_CONSUME, .name = bytes_text(queue)};
    command.consumer.id = id;
    command.consumer.credit_count = count;
    command.consumer.credit_size = size;
    command.consumer.from_back = flags & CONSUME_BACK;
    command.consumer.no_ack = flags & CONSUME_NO_ACK;
    stage_apply(stage, peer, command);
}

void stage_cancel(struct stage *stage, uint32_t peer, uint32_t id)
{
    stage_apply(stage, peer, (struct command){.kind = COMMAND_CANCEL, .consumer.id = id});
}

void stage_credit(struct stage *stage, uint32_t peer, uint32_t id, uint32_t count, uint64_t size)
{
    stage_apply(
        stage, peer,
        (struct command){.kind = COMMAND_CREDIT, .consumer = {id, count, size, false, false}});
}

void stage_settle(struct stage *stage, uint32_t peer, uint32_t id, uint64_t tag, uint32_t count,
                  enum settle how)
{
    stage_apply(stage, peer,
                (struct command){.kind = COMMAND_SETTLE, .settle = {id, count, tag, how, 0}});
}

void stage_return(struct stage *stage, uint32_t peer, uint32_t id, uint64_t tag, uint32_t count,
                  uint64_t delay_ms)
{
    stage_apply(stage, peer,
                (struct command){.kind = COMMAND_SETTLE,
                                 .settle = {id, count, tag, SETTLE_RETURN, delay_ms}});
}

void stage_touch(struct stage *stage, uint32_t peer, uint32_t id, uint64_t tag, uint32_t count)
{
    stage_apply(
        stage, peer,
        (struct command){.kind = COMMAND_TOUCH, .settle = {.id = id, .count = count, .tag = tag}});
}

void stage_subscribe_to(struct stage *stage, uint32_t peer, uint32_t id, const char *name,
                        const struct listener *how)
{
    struct command command = {.kind = COMMAND_SUBSCRIBE, .name = bytes_text(name)};
    command.subscription.id = id;
    command.subscription.count_max = how->count_max;
    command.subscription.size_max = how->size_max;
    command.subscription.count_default = how->count_default;
    command.subscription.size_default = how->size_default;
    command.subscription.is_wildcard = how->is_wildcard;
    command.subscription.is_glob = how->is_glob;
    command.subscription.is_apart = how->is_apart;
    command.subscription.is_inbox = how->is_inbox;
    command.subscription.no_retained = how->no_retained;
    command.subscription.has_overflow = how->overflow != OVERFLOW_DROP_OLDEST;
    command.subscription.overflow = how->overflow;
    command.subscription.group = bytes_text(how->group ? how->group : "");
    stage_apply(stage, peer, command);
}

void stage_subscribe(struct stage *stage, uint32_t peer, uint32_t id, const char *topic)
{
    stage_subscribe_to(stage, peer, id, topic, &(struct listener){0});
}

void stage_subscribe_wildcard(struct stage *stage, uint32_t peer, uint32_t id, const char *pattern)
{
    stage_subscribe_to(stage, peer, id, pattern, &(struct listener){.is_wildcard = true});
}

void stage_subscribe_glob(struct stage *stage, uint32_t peer, uint32_t id, const char *glob)
{
    stage_subscribe_to(stage, peer, id, glob, &(struct listener){.is_glob = true});
}

void stage_subscribe_apart(struct stage *stage, uint32_t peer, uint32_t id, const char *topic)
{
    stage_subscribe_to(stage, peer, id, topic, &(struct listener){.is_apart = true});
}

void stage_subscribe_bound(struct stage *stage, uint32_t peer, uint32_t id, const char *topic,
                           uint32_t count_max, uint64_t size_max)
{
    stage_subscribe_to(stage, peer, id, topic,
                       &(struct listener){.count_max = count_max, .size_max = size_max});
}

void stage_unsubscribe(struct stage *stage, uint32_t peer, uint32_t id)
{
    stage_apply(stage, peer, (struct command){.kind = COMMAND_UNSUBSCRIBE, .subscription.id = id});
}

void stage_declare(struct stage *stage, uint32_t peer, const char *queue, uint64_t count_max,
                   uint64_t size_max, enum when_full when_full)
{
    struct command command = {.kind = COMMAND_DECLARE, .name = bytes_text(queue)};
    command.settings =
        (struct queue_settings){.count_max = count_max,
                                .size_max = size_max,
                                .when_full = when_full,
                                .given = SETTING_COUNT_MAX | SETTING_SIZE_MAX | SETTING_WHEN_FULL};
    stage_apply(stage, peer, command);
}

static void put_setting(struct queue_settings *settings, const struct field *field)
{
    static const char *const keys[] = {"max-messages",   "max-bytes",   "when-full", "ttl",
                                       "delivery-limit", "dead-letter", "lease-max", "pop-lease"};
    enum { COUNT = sizeof keys / sizeof *keys };
    unsigned setting = 0;
    while (setting < COUNT && !field_is(field, keys[setting]))
        setting++;
    assert_true(setting < COUNT);
    assert_true(queue_setting_put(settings, 1u << setting, field->number, field->value));
}

void stage_settings(struct stage *stage, uint32_t peer, enum command_kind kind, const char *queue,
                    const char *settings)
{
    unsigned char room[512];
    struct command command = {.kind = kind, .name = bytes_text(queue)};
    struct bytes fields = bytes_of(room, frames_put_fields(room, settings));
    struct field field;
    for (int size; (size = field_parse(fields, &field)) > 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size))
        put_setting(&command.settings, &field);
    stage_apply(stage, peer, command);
}

void stage_redrive(struct stage *stage, uint32_t peer, const char *queue, uint32_t count,
                   const char *to)
{
    stage_apply(stage, peer,
                (struct command){.kind = COMMAND_REDRIVE,
                                 .name = bytes_text(queue),
                                 .redrive = {count, bytes_text(to)}});
}

void stage_take(struct stage *stage, uint32_t peer, const char *queue, uint32_t count,
                const struct taking *how)
{
    struct command command = {.kind = COMMAND_TAKE, .space = how->space};
    command.name = bytes_text(queue);
    command.take.count = count;
    command.take.from_back = how->from_back;
    command.take.is_each = how->is_each;
    stage_apply(stage, peer, command);
}

void stage_wait(struct stage *stage, uint32_t peer, const char *queues, uint32_t count,
                const struct taking *how)
{
    struct bytes names[STAGE_NAMES_MAX];
    char *copy = strdup(queues), *rest = copy, *to = strdup(how->to ? how->to : ""), *name;
    struct command command = {.kind = COMMAND_WAIT, .space = how->space};
    command.take.names = names;
    command.take.count = count;
    command.take.from_back = how->from_back;
    command.take.is_now = how->is_now;
    command.take.is_move = how->to != NULL;
    command.take.to_front = how->to_front;
    command.take.to = bytes_text(to);
    command.take.timeout_ns = ns_of_ms(how->timeout_ms);
    while ((name = strsep(&rest, " "))) {
        assert_true(command.take.names_count < STAGE_NAMES_MAX);
        names[command.take.names_count++] = bytes_text(name);
    }
    stage_apply(stage, peer, command);
    free(copy);
    free(to);
}

void stage_range(struct stage *stage, uint32_t peer, enum command_kind kind, const char *queue,
                 int64_t start, int64_t stop)
{
    stage_apply(stage, peer,
                (struct command){.kind = kind, .name = bytes_text(queue), .range = {start, stop}});
}

void stage_name(struct stage *stage, uint32_t peer, enum command_kind kind, const char *name)
{
    stage_apply(stage, peer, (struct command){.kind = kind, .name = bytes_text(name)});
}

void stage_look(struct stage *stage, uint32_t peer, enum command_kind kind, const char *name,
                uint32_t count, bool from_back)
{
    stage_apply(stage, peer,
                (struct command){.kind = kind,
                                 .name = bytes_text(name),
                                 .look = {.count = count, .from_back = from_back}});
}

void stage_tick(struct stage *stage)
{
    engine_tick(stage->engine, stage->now, &stage->outbox);
    engine_check(stage->engine);
    assert_true(engine_deadline(stage->engine) > stage->now);
}

void stage_pass(struct stage *stage, uint64_t ms)
{
    stage->now += ms * NS_PER_MS;
    stage_tick(stage);
}

static size_t tell_messages(const struct effect *effect, char *line, size_t size)
{
    size_t used = 0;
    if (effect->kind == EFFECT_MESSAGE)
        used = (size_t)snprintf(line, size, "s%u %s", effect->id,
                                effect->is_retained ? "retained " : "");
    else if (effect->deliveries == 0)
        used = (size_t)snprintf(line, size, "c%u @%lu ", effect->id, effect->tag);
    else
        used = (size_t)snprintf(line, size, "c%u @%lu again %u: ", effect->id, effect->tag,
                                effect->deliveries);
    frames_tell(slice_bytes(&effect->slice), effect->slice.is_reversed, line + used, size - used);
    if (line[used] == '\0')
        return used + (size_t)snprintf(line + used, size - used, "%u frames", effect->slice.count);
    return used + strlen(line + used);
}

static size_t tell_numbers(const struct effect *effect, char *line, size_t size)
{
    int64_t first = effect->numbers.first, count = effect->numbers.count,
            step = effect->numbers.step;
    size_t used = (size_t)snprintf(line, size, "#%lu number %ld", effect->ticket, first);
    if (count > 1 && step > 0)
        used += (size_t)snprintf(line + used, size - used, " to %ld", first + (count - 1) * step);
    else if (count > 1)
        used += (size_t)snprintf(line + used, size - used, " x%ld", count);
    return used;
}

/* One effect in words, without its peer. */
static size_t tell(const struct effect *effect, char *line, size_t size)
{
    size_t used;
    switch (effect->kind) {
    case EFFECT_SETTLED: {
        const char *what = effect->status == STATUS_OK ? "ok" : status_text(effect->status);
        used = (size_t)snprintf(line, size, "#%lu %s", effect->ticket, what);
        if (effect->count != 1)
            used += (size_t)snprintf(line + used, size - used, " x%u", effect->count);
        return used;
    }
    case EFFECT_ANSWER:
        return (size_t)snprintf(line, size, "#%lu answer %u bytes%s", effect->ticket,
                                effect->slice.size, effect->has_more ? " more" : "");
    case EFFECT_DELIVER:
    case EFFECT_MESSAGE: return tell_messages(effect, line, size);
    case EFFECT_GAP:
        return (size_t)snprintf(line, size, "s%u gap @%lu %lu, %lu bytes", effect->id, effect->tag,
                                effect->missed.count, effect->missed.size);
    case EFFECT_LOST:
        return (size_t)snprintf(line, size, "c%u lost @%lu x%u", effect->id, effect->tag,
                                effect->count);
    case EFFECT_KILLED:
        return (size_t)snprintf(line, size, "ended: %s", status_text(effect->status));
    case EFFECT_ENDED:
        return (size_t)snprintf(line, size, "%c%u ended: %s", effect->is_subscription ? 's' : 'c',
                                effect->id, status_text(effect->status));
    case EFFECT_NUMBER: return tell_numbers(effect, line, size);
    case EFFECT_FRAMES:
        used = (size_t)snprintf(line, size, "#%lu of %u from %u%s: ", effect->ticket, effect->total,
                                effect->id, effect->has_more ? " more" : "");
        frames_tell(slice_bytes(&effect->slice), effect->slice.is_reversed, line + used,
                    size - used);
        return used + strlen(line + used);
    }
    return 0;
}

/* Keeps the slices that the effects brought, and forgets the effects. */
static void take_effects(struct stage *stage)
{
    for (size_t i = 0; i < stage->outbox.count; i++) {
        const struct effect *effect = &stage->outbox.effects[i];
        if (!effect_has_slice(effect))
            continue;
        stage->slices = array_reserve(stage->slices, &stage->slices_capacity,
                                      stage->slices_count + 1, sizeof *stage->slices);
        uint32_t peer = effect->kind == EFFECT_ANSWER ? PEER_NONE : effect->peer;
        stage->slices[stage->slices_count++] = (struct stage_slice){peer, effect->slice};
    }
    stage->outbox.count = 0;
}

void stage_tell(struct stage *stage)
{
    size_t used = 0;
    stage->text[0] = '\0';
    for (size_t i = 0; i < stage->outbox.count; i++) {
        const struct effect *effect = &stage->outbox.effects[i];
        used += (size_t)snprintf(stage->text + used, STAGE_TEXT_MAX - used, "%u ", effect->peer);
        used += tell(effect, stage->text + used, STAGE_TEXT_MAX - used);
        assert_true(used + 2 < STAGE_TEXT_MAX);
        memcpy(stage->text + used++, "\n", 2);
    }
    take_effects(stage);
}

void stage_expect(struct stage *stage, const char *expected)
{
    stage_tell(stage);
    assert_string_equal(stage->text, expected);
}

void stage_skip(struct stage *stage)
{
    take_effects(stage);
}

size_t stage_answer(struct stage *stage, void *to, size_t size)
{
    assert_true(stage->outbox.count > 0);
    const struct effect *effect = &stage->outbox.effects[stage->outbox.count - 1];
    assert_int_equal(effect->kind, EFFECT_ANSWER);
    struct bytes bytes = slice_bytes(&effect->slice);
    assert_true(bytes.size <= size);
    memcpy(to, bytes.data, bytes.size);
    take_effects(stage);
    return bytes.size;
}

uint64_t stage_unsent(const struct stage *stage, uint32_t peer)
{
    uint64_t size = 0;
    for (size_t i = 0; i < stage->slices_count; i++)
        if (stage->slices[i].peer == peer)
            size += stage->slices[i].slice.size;
    return size;
}

void stage_sent_one(struct stage *stage, uint32_t peer)
{
    size_t at = 0;
    while (at < stage->slices_count && stage->slices[at].peer != peer)
        at++;
    assert_true(at < stage->slices_count);
    struct stage_slice sent = stage->slices[at];
    stage->slices_count--;
    memmove(stage->slices + at, stage->slices + at + 1,
            (stage->slices_count - at) * sizeof *stage->slices);
    engine_release(stage->engine, sent.peer, &sent.slice, stage->now);
    engine_check(stage->engine);
}

void stage_sent(struct stage *stage, uint32_t peer)
{
    while (stage_unsent(stage, peer) > 0)
        stage_sent_one(stage, peer);
}

/* Asks as a peer that is there for that alone. */
static uint32_t asker(struct stage *stage)
{
    enum { ASKER = STAGE_PEERS_MAX - 1 };
    stage_skip(stage);
    if (!stage->is_attached[ASKER])
        stage_attach(stage, ASKER);
    return ASKER;
}

void stage_expect_ready(struct stage *stage, const char *queue, const char *expected)
{
    static unsigned char room[1 << 17];
    static char text[1 << 17];
    size_t used = 0;
    stage_look(stage, asker(stage), COMMAND_PEEK, queue, 1000, false);
    size_t size = stage_answer(stage, room, sizeof room);
    text[0] = '\0';
    for (size_t at = 0; at < size; at += frame_size(room + at)) {
        frames_tell(bytes_of(room + at, frame_size(room + at)), false, text + used,
                    sizeof text - used);
        used += strlen(text + used);
        if (header_of(room + at).size > 0) {
            text[used++] = ' ';
            frames_tell_headers(room + at, text + used, sizeof text - used);
            used += strlen(text + used);
        }
        text[used++] = '\n';
        text[used] = '\0';
    }
    assert_string_equal(text, expected);
}

uint64_t stage_info(struct stage *stage, const char *queue, const char *key)
{
    unsigned char room[4096];
    struct field field;
    stage_name(stage, asker(stage), COMMAND_INFO, queue);
    struct bytes fields = bytes_of(room, stage_answer(stage, room, sizeof room));
    for (int size; (size = field_parse(fields, &field)) > 0;) {
        if (field_is(&field, key))
            return field.number;
        fields = bytes_of(fields.data + size, fields.size - (size_t)size);
    }
    fail_msg("no field %s", key);
    return 0;
}
