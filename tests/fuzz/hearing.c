#include "hearing.h"

#include "base/array.h"
#include "base/hash.h"
#include "frame/field.h"
#include "frame/frame.h"

#include <stdlib.h>

static const struct hash_key KEY = {3, 4};

void hearing_finish(struct hearing *hearing)
{
    free(hearing->asked);
    free(hearing->known);
    free(hearing->part);
    *hearing = (struct hearing){0};
}

/* The frame of that number; room is made for all before it. */
static struct asked *asked_at(struct hearing *hearing, uint64_t number)
{
    if (number >= hearing->asked_count) {
        hearing->asked = array_reserve(hearing->asked, &hearing->asked_capacity, number + 1,
                                       sizeof *hearing->asked);
        memset(hearing->asked + hearing->asked_count, 0,
               (number + 1 - hearing->asked_count) * sizeof *hearing->asked);
        hearing->asked_count = number + 1;
    }
    return &hearing->asked[number];
}

static uint32_t id_of(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_CONSUME:
    case COMMAND_CANCEL: return command->consumer.id;
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE: return command->subscription.id;
    default: return 0;
    }
}

void hearing_ask(struct hearing *hearing, const struct command *command)
{
    bool is_run = command->kind == COMMAND_PUSH || command->kind == COMMAND_PUBLISH;
    for (uint32_t i = 0; i < (is_run ? command->run.count : 1); i++) {
        struct asked *asked = asked_at(hearing, command->ticket + i);
        assert(!asked->kind && !asked->is_answered);
        asked->kind = command->kind;
        asked->id = id_of(command);
        asked->name_hash = hash_bytes(&KEY, command->name);
        asked->is_inbox = command->kind == COMMAND_SUBSCRIBE && command->subscription.is_inbox;
    }
    if (command->kind == COMMAND_CONSUME || command->kind == COMMAND_CREDIT)
        hearing->credit_count += command->consumer.credit_count;
}

void hearing_settle(struct hearing *hearing, const struct effect *effect)
{
    bool is_answer = effect->kind == EFFECT_ANSWER;
    for (uint32_t i = 0; i < (is_answer ? 1 : effect->count); i++) {
        struct asked *asked = asked_at(hearing, effect->ticket + i);
        assert(asked->kind && !asked->is_settled);
        asked->is_settled = true;
        asked->is_refused = !is_answer && effect->status != STATUS_OK;
    }
}

static struct known *known_find(const struct hearing *hearing, bool is_consumer, uint32_t id)
{
    for (size_t i = 0; i < hearing->known_count; i++)
        if (hearing->known[i].id == id && hearing->known[i].is_consumer == is_consumer)
            return &hearing->known[i];
    return NULL;
}

static void known_add(struct hearing *hearing, const struct asked *asked)
{
    bool is_consumer = asked->kind == COMMAND_CONSUME;
    assert(!known_find(hearing, is_consumer, asked->id));
    hearing->known = array_reserve(hearing->known, &hearing->known_capacity,
                                   hearing->known_count + 1, sizeof *hearing->known);
    hearing->known[hearing->known_count++] =
        (struct known){asked->id, is_consumer, asked->name_hash, 1};
}

static void known_remove(struct hearing *hearing, bool is_consumer, uint32_t id)
{
    struct known *known = known_find(hearing, is_consumer, id);
    assert(known);
    *known = hearing->known[--hearing->known_count];
}

static void hear_welcome(struct hearing *hearing, struct bytes body)
{
    struct field field;
    assert(!hearing->is_welcome);
    assert(body.size > 4 && load_u32(body.data) == PROTOCOL_VERSION);
    hearing->is_welcome = true;
    for (size_t at = 4; at < body.size;) {
        int size = field_parse(bytes_of(body.data + at, body.size - at), &field);
        assert(size > 0);
        at += (size_t)size;
    }
}

static void hear_confirm(struct hearing *hearing, struct bytes body, uint64_t number_last)
{
    assert(body.size == 12 && load_u32(body.data + 8) == 1);
    uint64_t settled = load_u64(body.data);
    assert(settled > hearing->confirmed && settled <= number_last);
    for (uint64_t number = hearing->confirmed + 1; number <= settled; number++) {
        const struct asked *asked = asked_at(hearing, number);
        assert(asked->kind ? asked->is_settled : asked->is_answered);
        assert(!asked->is_refused || asked->is_answered);
    }
    hearing->confirmed = settled;
}

static void hear_error(struct hearing *hearing, struct bytes body, uint64_t number_last)
{
    assert(body.size > 16 && load_u16(body.data + 14) == 0);
    uint64_t first = load_u64(body.data), count = load_u32(body.data + 8);
    unsigned status = load_u16(body.data + 12);
    assert(status > STATUS_OK && status < STATUS_COUNT);
    if (first == 0) {
        assert(count == 0);
        return;
    }
    assert(hearing->is_welcome && count > 0);
    assert(first > hearing->confirmed && first + count - 1 <= number_last);
    for (uint64_t number = first; number < first + count; number++) {
        struct asked *asked = asked_at(hearing, number);
        assert(!asked->is_answered && asked->is_settled == (asked->kind != 0));
        assert(asked->is_refused == asked->is_settled);
        assert(asked->kind == hearing->asked[first].kind);
        asked->is_answered = true;
    }
}

static void check_fields(struct bytes data)
{
    struct field field;
    int size;
    while ((size = field_parse(data, &field)) > 0)
        data = bytes_of(data.data + size, data.size - (size_t)size);
    assert(size == 0);
}

/* The sum of fields with these keys, of which each is there once. */
static uint64_t sum_of(struct bytes data, const char *const *keys, unsigned count)
{
    struct field field;
    uint64_t sum = 0;
    for (int size; (size = field_parse(data, &field)) > 0;
         data = bytes_of(data.data + size, data.size - (size_t)size))
        for (unsigned i = 0; i < count; i++)
            if (field_is(&field, keys[i]))
                sum += field.number;
    return sum;
}

/* What came into a queue is in it or has left it, and each that died has a reason. */
static void check_queue(struct bytes data)
{
    static const char *const all[] = {"accepted",     "dead-lettered", "discarded", "ready",
                                      "leased",       "delayed",       "rejected",  "expired",
                                      "acknowledged", "overflowed",    "exhausted", "purged"};
    check_fields(data);
    uint64_t accepted = sum_of(data, all, 1), died = sum_of(data, all + 1, 2);
    uint64_t held = sum_of(data, all + 3, 3), acknowledged = sum_of(data, all + 8, 1);
    assert(accepted == held + acknowledged + died);
    assert(died == sum_of(data, all + 6, 2) + sum_of(data, all + 9, 3));
}

/* Records of the form | size u32 | fields |. */
static void check_records(struct bytes data, void check_record(struct bytes))
{
    while (data.size > 0) {
        assert(data.size >= 4);
        uint32_t size = load_u32(data.data);
        assert(size > 4 && size <= data.size);
        check_record(bytes_of(data.data + 4, size - 4));
        data = bytes_of(data.data + size, data.size - size);
    }
}

/* A message of the queue of that name. A dead letter has the name of the queue it was sent to. */
static void check_message(const struct run *run, uint64_t name_hash, const struct sent *sent)
{
    struct bytes frame = bytes_of(run->data, run->size);
    assert(run->head.op == OP_PUSH && sent_has_kin(sent, frame));
    if (sent_has(sent, frame) && !sent->are_moved)
        assert(hash_bytes(&KEY, run_name(run)) == name_hash);
}

static void check_messages(struct bytes data, uint64_t name_hash, const struct sent *sent)
{
    struct run run;
    while (data.size > 0) {
        int size = frame_cut(data, UINT32_MAX, &run);
        assert(size > 0);
        check_message(&run, name_hash, sent);
        data = bytes_of(data.data + size, data.size - (size_t)size);
    }
}

static void check_answer(const struct asked *asked, struct bytes data, const struct sent *sent)
{
    switch (asked->kind) {
    case COMMAND_PURGE:
    case COMMAND_REDRIVE: assert(data.size == 8); break;
    case COMMAND_SUBSCRIBE: assert(data.size == (asked->is_inbox ? 32 : 0)); break;
    case COMMAND_PEEK: check_messages(data, asked->name_hash, sent); break;
    case COMMAND_LIST: check_records(data, check_queue); break;
    case COMMAND_CLIENTS:
    case COMMAND_TOPICS:
    case COMMAND_SETTINGS: check_records(data, check_fields); break;
    case COMMAND_INFO: check_queue(data); break;
    case COMMAND_STATS: check_fields(data); break;
    default: assert(data.size == 0); break;
    }
}

static bool wants_reply(enum command_kind kind)
{
    return kind >= COMMAND_CONSUME && kind != COMMAND_CREDIT && kind != COMMAND_SETTLE &&
           kind != COMMAND_TOUCH && kind != COMMAND_HEARTBEAT;
}

/* Whether the answer may say that there is more. */
static bool is_page(enum command_kind kind)
{
    return kind == COMMAND_PEEK || kind == COMMAND_LIST || kind == COMMAND_CLIENTS ||
           kind == COMMAND_TOPICS || kind == COMMAND_REDRIVE;
}

static void hear_reply(struct hearing *hearing, unsigned flags, struct bytes body,
                       const struct sent *sent)
{
    assert(body.size >= 8);
    uint64_t number = load_u64(body.data);
    assert(number > 0 && number < hearing->asked_count);
    struct asked *asked = &hearing->asked[number];
    assert(asked->is_settled && !asked->is_refused && !asked->is_answered);
    assert(wants_reply(asked->kind) && flags <= (is_page(asked->kind) ? REPLY_MORE : 0));
    asked->is_answered = true;
    check_answer(asked, bytes_of(body.data + 8, body.size - 8), sent);
    if (asked->kind == COMMAND_CONSUME || asked->kind == COMMAND_SUBSCRIBE)
        known_add(hearing, asked);
    if (asked->kind == COMMAND_CANCEL || asked->kind == COMMAND_UNSUBSCRIBE)
        known_remove(hearing, asked->kind == COMMAND_CANCEL, asked->id);
}

static void hear_context(struct hearing *hearing, unsigned flags, struct bytes body)
{
    assert(body.size == 16);
    uint32_t deliveries = load_u32(body.data + 4);
    assert((flags & ~CONTEXT_RETAINED) == (deliveries ? CONTEXT_REDELIVERED : 0u));
    hearing->has_context = true;
    hearing->context_id = load_u32(body.data);
    hearing->context_tag = load_u64(body.data + 8);
}

static void hear_message(struct hearing *hearing, const struct run *run, const struct sent *sent)
{
    bool is_queue = run->head.op == OP_PUSH;
    assert(hearing->has_context);
    struct known *known = known_find(hearing, is_queue, hearing->context_id);
    assert(known);
    assert(hearing->context_tag == known->tag_next);
    hearing->context_tag++;
    known->tag_next++;
    if (!is_queue) {
        assert(sent_has(sent, bytes_of(run->data, run->size)));
        return;
    }
    check_message(run, known->name_hash, sent);
    assert(hearing->message_count < hearing->credit_count);
    hearing->message_count++;
}

static void hear_gap(struct hearing *hearing, struct bytes body)
{
    assert(body.size == 32 && load_u32(body.data + 4) == 0);
    struct known *known = known_find(hearing, false, load_u32(body.data));
    uint64_t count = load_u64(body.data + 16);
    assert(known && known->tag_next == load_u64(body.data + 8) && count > 0);
    assert(load_u64(body.data + 24) / FRAME_HEAD_SIZE >= count);
    known->tag_next += count;
}

/* Leases that are over, of messages that were delivered. */
static void hear_lost(const struct hearing *hearing, struct bytes body)
{
    assert(body.size == 16);
    const struct known *known = known_find(hearing, true, load_u32(body.data));
    uint64_t count = load_u32(body.data + 4), tag = load_u64(body.data + 8);
    assert(known && tag > 0 && count > 0);
    assert(tag < known->tag_next && count <= known->tag_next - tag);
}

static void hear_ended(struct hearing *hearing, unsigned flags, struct bytes body)
{
    bool is_consumer = !(flags & ENDED_SUBSCRIPTION);
    assert(body.size == 8 && load_u16(body.data + 6) == 0);
    assert(load_u16(body.data + 4) == (is_consumer ? STATUS_DELETED : STATUS_OVERFLOW));
    known_remove(hearing, is_consumer, load_u32(body.data));
}

static void hear_goaway(struct bytes body)
{
    assert(body.size > 4 && load_u16(body.data + 2) == 0);
    unsigned status = load_u16(body.data);
    assert(status == STATUS_CLOSING || status == STATUS_KILLED);
}

static void hear_frame(struct hearing *hearing, const struct run *run, uint64_t number_last,
                       const struct sent *sent)
{
    const struct frame_head *head = &run->head;
    struct bytes body = run_body(run);
    bool is_message = head->op == OP_PUSH || head->op == OP_PUBLISH;
    assert(is_message || head->name_size == 0);
    assert(head->flags == 0 || is_message || head->op == OP_REPLY || head->op == OP_CONTEXT ||
           head->op == OP_ENDED);
    assert(hearing->is_welcome || head->op == OP_WELCOME || head->op == OP_ERROR ||
           head->op == OP_GOAWAY);
    switch (head->op) {
    case OP_WELCOME: hear_welcome(hearing, body); break;
    case OP_CONFIRM: hear_confirm(hearing, body, number_last); break;
    case OP_ERROR: hear_error(hearing, body, number_last); break;
    case OP_REPLY: hear_reply(hearing, head->flags, body, sent); break;
    case OP_CONTEXT: hear_context(hearing, head->flags, body); break;
    case OP_PUSH:
    case OP_PUBLISH: hear_message(hearing, run, sent); break;
    case OP_GAP: hear_gap(hearing, body); break;
    case OP_ENDED: hear_ended(hearing, head->flags, body); break;
    case OP_LOST: hear_lost(hearing, body); break;
    case OP_GOAWAY: hear_goaway(body); break;
    default: assert(!"an op of the broker's");
    }
}

void hearing_hear(struct hearing *hearing, struct bytes bytes, uint64_t number_last,
                  const struct sent *sent)
{
    if (bytes.size == 0)
        return;
    hearing->part =
        array_reserve(hearing->part, &hearing->part_capacity, hearing->part_size + bytes.size, 1);
    memcpy(hearing->part + hearing->part_size, bytes.data, bytes.size);
    hearing->part_size += bytes.size;
    size_t at = 0;
    struct run run;
    int size;
    while ((size = frame_cut(bytes_of(hearing->part + at, hearing->part_size - at), UINT32_MAX,
                             &run)) > 0) {
        hear_frame(hearing, &run, number_last, sent);
        at += (size_t)size;
    }
    assert(size == 0);
    hearing->part_size -= at;
    memmove(hearing->part, hearing->part + at, hearing->part_size);
}

void hearing_check_end(const struct hearing *hearing)
{
    assert(hearing->part_size == 0);
    for (size_t number = 1; number < hearing->asked_count; number++) {
        const struct asked *asked = &hearing->asked[number];
        assert(asked->is_settled || asked->is_answered || asked->kind == COMMAND_PUSH);
        if (asked->is_settled)
            assert(asked->is_answered == (asked->is_refused || wants_reply(asked->kind)));
    }
}
