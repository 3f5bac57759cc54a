#include "link.h"

#include "base/hash.h"
#include "encode.h"

void link_open(struct link *link, int wire, uint32_t serial, uint64_t now)
{
    assert(link->state == LINK_FREE);
    *link = (struct link){
        .state = LINK_OPEN,
        .wire = wire,
        .serial = serial,
        .is_reading = true,
        .opened_ns = now,
        .send_limit = UINT64_MAX,
    };
}

void link_finish(struct link *link)
{
    redis_destroy(link->redis);
    buffer_finish(&link->out);
    buffer_finish(&link->in);
    for (int id = 0; id < TWIN_IDS; id++)
        free(link->consumers[id].tags);
    free(link->said);
    free(link->commands);
    free(link->dues);
    *link = (struct link){0};
}

struct said *link_note(struct link *link, enum op op, uint32_t size, uint32_t detail)
{
    link->out_size += size;
    link->said =
        array_reserve(link->said, &link->said_capacity, link->said_count + 1, sizeof *link->said);
    struct said *said = &link->said[link->said_count++];
    *said = (struct said){.op = (uint8_t)op, .size = size, .detail = detail, .end = link->out_size};
    return said;
}

/* Only the tags that its client has not settled yet are a consumer's. */
static void note_settle(struct link *link, const struct command *command)
{
    tags_forget(&link->consumers[command->settle.id], command->settle.tag, command->settle.count);
}

void link_say(struct link *link, const struct command *command, uint32_t name,
              const struct headers *headers)
{
    enum op op = encode_op(command);
    if (op == OP_PUSH || op == OP_PUBLISH) {
        const struct run *run = &command->run;
        memcpy(buffer_room(&link->out, run->size), run->data, run->size);
        buffer_grow(&link->out, run->size);
        for (uint32_t at = 0; at < run->size; at += frame_size(run->data + at)) {
            struct said *said = link_note(link, op, frame_size(run->data + at), name);
            said->is_first = at == 0;
            said->headers = *headers++;
            said->flags = run->head.flags;
        }
        return;
    }
    size_t before = buffer_size(&link->out);
    encode_command(&link->out, command);
    link->commands = array_reserve(link->commands, &link->commands_capacity,
                                   link->commands_count + 1, sizeof *link->commands);
    link->commands[link->commands_count] = *command;
    link_note(link, op, (uint32_t)(buffer_size(&link->out) - before),
              (uint32_t)link->commands_count++);
    if (command->kind == COMMAND_SETTLE)
        note_settle(link, command);
}

bool link_wants_reply(enum op op)
{
    return op != OP_PUSH && op != OP_PUBLISH && op != OP_CREDIT && op != OP_ACK &&
           op != OP_RETURN && op != OP_REJECT && op != OP_TOUCH && op != OP_HEARTBEAT;
}

struct due *link_owe(struct link *link, enum due_kind kind)
{
    if (link->dues_count == 0)
        link->dues_first = 0;
    size_t end = link->dues_first + link->dues_count++;
    link->dues = array_reserve(link->dues, &link->dues_capacity, end + 1, sizeof *link->dues);
    link->dues[end] = (struct due){.kind = kind};
    return &link->dues[end];
}

uint64_t link_settled(const struct link *link)
{
    uint64_t number = link->confirmed;
    while (number < link->said_count && link_said(link, number + 1)->is_settled)
        number++;
    return number;
}

uint64_t link_hash(struct bytes bytes)
{
    uint64_t hash = bytes.size;
    for (size_t at = 0; at < bytes.size; at += sizeof hash) {
        uint64_t word = 0;
        memcpy(&word, bytes.data + at,
               bytes.size - at < sizeof word ? bytes.size - at : sizeof word);
        hash = hash_mix(hash ^ word) + at;
    }
    return hash;
}

void tags_forget(struct tags *tags, uint64_t tag, uint32_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < tags->count; i++)
        if (tags->tags[i] < tag || tags->tags[i] - tag >= count)
            tags->tags[left++] = tags->tags[i];
    tags->count = left;
}

void tags_clear(struct tags *tags, bool is_there)
{
    tags->is_there = is_there;
    tags->count = 0;
    tags->next = 1;
}

void tags_add(struct tags *tags, uint64_t tag)
{
    tags->tags = array_reserve(tags->tags, &tags->capacity, tags->count + 1, sizeof *tags->tags);
    tags->tags[tags->count++] = tag;
    tags->next = tag + 1;
}
