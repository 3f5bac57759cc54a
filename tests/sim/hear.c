/* What a client hears: every frame is decoded by docs/PROTOCOL.md, and must be what is due. */
#include "base/time.h"
#include "fields.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

enum { HEAR_SIZE = 64 * 1024, LEVEL_MEMORY = 1 };

/* A frame that was heard. */
struct heard {
    uint8_t op, flags;
    struct bytes name, body, all;
};

static void hear_welcome(struct link *link, const struct heard *heard)
{
    struct bytes fields = bytes_of(heard->body.data + 4, heard->body.size - 4), server;
    uint64_t connection = 0, frame_max = 0, count = 0, size = 0;
    REQUIRE(!link->is_welcome && link->peer != 0, "a WELCOME that was not due");
    REQUIRE(load_u32(heard->body.data) == 1, "a WELCOME of another version");
    REQUIRE(fields_bytes(fields, "server", &server) && server.size > 9 &&
                memcmp(server.data, "ringpost/", 9) == 0,
            "a WELCOME from another server");
    REQUIRE(fields_number(fields, "connection", &connection) && connection == link->peer,
            "a WELCOME with the number of another connection");
    REQUIRE(fields_number(fields, "frame-max", &frame_max) && frame_max == WORLD_FRAME_MAX,
            "a WELCOME with a wrong frame-max");
    REQUIRE(fields_number(fields, "window", &count) && count == link->window_count &&
                fields_number(fields, "window-bytes", &size) && size == link->window_size,
            "a WELCOME with a window of %" PRIu64 " and %" PRIu64 " bytes", count, size);
    link->is_welcome = true;
}

static void hear_confirm(struct link *link, const struct heard *heard)
{
    uint64_t settled = load_u64(heard->body.data);
    REQUIRE(heard->body.size == 12 && load_u32(heard->body.data + 8) == LEVEL_MEMORY,
            "a CONFIRM of a strange shape or level");
    REQUIRE(settled >= link->confirmed, "CONFIRM %" PRIu64 " behind %" PRIu64, settled,
            link->confirmed);
    REQUIRE(settled <= link->said_count, "a CONFIRM of frames that were not said");
    for (uint64_t number = link->confirmed + 1; number <= settled; number++) {
        const struct said *said = link_said(link, number);
        REQUIRE(said->is_settled,
                "CONFIRM %" PRIu64 " covers frame %" PRIu64 ", which is not settled", settled,
                number);
        REQUIRE(said->status == STATUS_OK || said->is_told,
                "CONFIRM %" PRIu64 " covers frame %" PRIu64 ", whose ERROR did not come before",
                settled, number);
    }
    if (settled - link->confirmed >= 100)
        world_reach(WORLD_CONFIRM_LONG);
    if (link->dues_count > 0)
        world_reach(WORLD_CONFIRM_OVERTAKES);
    link->confirmed = settled;
}

/* An ERROR that speaks of the connection itself. */
static void hear_fatal(struct world *world, struct link *link, enum status status)
{
    bool is_late = status == STATUS_HELLO && link->peer == 0 && link->spoke_ns &&
                   sim_time(world->ring) >= link->spoke_ns + WORLD_HELLO_NS;
    REQUIRE(!link->is_fatal_told, "a second last ERROR");
    REQUIRE(is_late || (link->is_fatal && link->fatal_status == status),
            "the connection fails with status %d for no reason", status);
    if (is_late)
        world_reach(WORLD_HELLO_LATE);
    link->is_fatal = link->is_fatal_told = true;
}

static void hear_error(struct world *world, struct link *link, const struct heard *heard)
{
    const unsigned char *body = heard->body.data;
    REQUIRE(heard->body.size > 16 && load_u16(body + 14) == 0, "an ERROR of a strange shape");
    uint64_t first = load_u64(body);
    uint32_t count = load_u32(body + 8);
    uint16_t status = load_u16(body + 12);
    REQUIRE(status > STATUS_OK && status < STATUS_COUNT, "an ERROR of status %u", status);
    world_statuses_told[status]++;
    if (first == 0) {
        REQUIRE(count == 0, "an ERROR of the connection that counts frames");
        hear_fatal(world, link, status);
        return;
    }
    REQUIRE(count > 0 && first <= link->said_count && count <= link->said_count - first + 1,
            "an ERROR of frames that were not said");
    const struct said *named = link_said(link, first);
    for (uint64_t number = first; number < first + count; number++) {
        struct said *said = link_said(link, number);
        REQUIRE(said->op == named->op && (count == 1 || said->detail == named->detail),
                "an ERROR of frames of several ops or names");
        REQUIRE(said->is_settled && said->status == status,
                "ERROR %u for frame %" PRIu64 ", which %s %u", status, number,
                said->is_settled ? "came to" : "is not settled;", said->status);
        REQUIRE(!said->is_told, "a second ERROR for frame %" PRIu64, number);
        said->is_told = true;
    }
    if (count > 1)
        world_reach(named->is_malformed ? WORLD_RUN_REFUSED : WORLD_ERROR_RANGE);
    if (link->dues_count > 0)
        world_reach(WORLD_ERROR_OVERTAKES);
}

static struct due hear_due(struct link *link, enum due_kind kind, const char *what)
{
    static const char *const names[] = {"a REPLY", "a message", "a GAP", "a LOST", "an ENDED"};
    const struct due *due = link_next_due(link);
    REQUIRE(due, "%s where nothing is due", what);
    REQUIRE(due->kind == kind, "%s where %s is due", what, names[due->kind]);
    link->dues_first++;
    link->dues_count--;
    return *due;
}

static void hear_reply(struct link *link, const struct heard *heard)
{
    struct due due = hear_due(link, DUE_REPLY, "a REPLY");
    struct bytes data = bytes_of(heard->body.data + 8, heard->body.size - 8);
    uint64_t number = load_u64(heard->body.data);
    REQUIRE(number == due.number, "a REPLY to frame %" PRIu64 ", not %" PRIu64, number, due.number);
    REQUIRE(heard->flags == (due.has_more ? 1 : 0), "a REPLY with wrong flags");
    REQUIRE(data.size == due.size && (data.size == 0 || link_hash(data) == due.data_hash),
            "a REPLY with other data than the answer");
    struct said *said = link_said(link, number);
    REQUIRE(!said->is_told, "frame %" PRIu64 " is answered twice", number);
    said->is_told = true;
    const struct command *command = &link->commands[said->detail];
    if (said->op == OP_CONSUME || said->op == OP_CANCEL)
        tags_clear(&link->consumers[command->consumer.id], said->op == OP_CONSUME);
}

static void hear_context(struct link *link, const struct heard *heard)
{
    const unsigned char *body = heard->body.data;
    REQUIRE(heard->body.size == 16, "a CONTEXT of a strange size");
    link->context.is_known = true;
    link->context.op = 0;
    link->context.id = load_u32(body);
    link->context.deliveries = load_u32(body + 4);
    link->context.tag = load_u64(body + 8);
    link->context.is_retained = heard->flags & CONTEXT_RETAINED;
    REQUIRE((heard->flags & ~CONTEXT_RETAINED) == (link->context.deliveries > 0 ? 1 : 0),
            "a CONTEXT with wrong flags");
}

/* That the context in force is that of the message. */
static void check_context(struct link *link, const struct due *due)
{
    REQUIRE(link->context.is_known, "a message without a CONTEXT");
    REQUIRE(link->context.op == 0 || link->context.op == due->op,
            "a message under the CONTEXT of another kind");
    REQUIRE(link->context.id == due->id, "a message for %u under the CONTEXT of %u", due->id,
            link->context.id);
    REQUIRE(link->context.tag == due->tag, "a message of tag %" PRIu64 " under tag %" PRIu64,
            due->tag, link->context.tag);
    REQUIRE(link->context.deliveries == due->deliveries,
            "a message that was delivered %u times, under a CONTEXT that says %u", due->deliveries,
            link->context.deliveries);
    REQUIRE(link->context.is_retained == due->is_retained, "a message wrongly told as retained");
    link->context.op = due->op;
}

static void hear_message(struct link *link, const struct heard *heard)
{
    uint8_t op_before = link->context.op;
    struct due due = hear_due(link, DUE_MESSAGE, "a message");
    REQUIRE(heard->op == due.op, "a message of op %02x, not %02x", heard->op, due.op);
    check_context(link, &due);
    REQUIRE(
        heard->all.size == due.size &&
            message_is(heard->all.data, due.op, due.name, due.message, due.size, &due.headers) &&
            (heard->op == OP_PUSH || heard->flags == due.flags),
        "a message that is not message %" PRIu64 " of link %" PRIu64, due.message & UINT32_MAX,
        due.message >> 32);
    world_tally.messages_heard++;
    if (due.is_first && op_before != 0)
        world_reach(WORLD_CONTEXT_KEPT);
    if (due.op == OP_PUSH && link->op_heard == OP_PUBLISH)
        world_reach(WORLD_CONTEXT_ALTERNATES);
    link->op_heard = due.op;
    link->context.tag++;
    if (due.op != OP_PUSH)
        return;
    tags_add(&link->consumers[due.id], due.tag);
    world_tally.redelivered += due.deliveries > 0;
    if (due.deliveries > 0)
        world_reach(WORLD_REDELIVERED);
}

static void hear_gap(struct link *link, const struct heard *heard)
{
    struct due due = hear_due(link, DUE_GAP, "a GAP");
    const unsigned char *body = heard->body.data;
    REQUIRE(heard->body.size == 32 && load_u32(body) == due.id && load_u32(body + 4) == 0 &&
                load_u64(body + 8) == due.tag && load_u64(body + 16) == due.missed_count &&
                load_u64(body + 24) == due.missed_size,
            "a GAP that is not what subscription %u missed", due.id);
    world_reach(WORLD_GAP_HEARD);
}

static void hear_lost(struct link *link, const struct heard *heard)
{
    struct due due = hear_due(link, DUE_LOST, "a LOST");
    const unsigned char *body = heard->body.data;
    REQUIRE(heard->body.size == 16 && load_u32(body) == due.id && load_u32(body + 4) == due.size &&
                load_u64(body + 8) == due.tag,
            "a LOST that is not what consumer %u has lost", due.id);
    tags_forget(&link->consumers[due.id], due.tag, due.size);
    world_reach(WORLD_LOST_HEARD);
}

static void hear_ended(struct link *link, const struct heard *heard)
{
    struct due due = hear_due(link, DUE_ENDED, "an ENDED");
    REQUIRE(heard->body.size == 8 && load_u32(heard->body.data) == due.id &&
                load_u16(heard->body.data + 4) == due.status &&
                load_u16(heard->body.data + 6) == 0 &&
                heard->flags == (due.is_subscription ? ENDED_SUBSCRIPTION : 0),
            "an ENDED that is not that of %u", due.id);
    world_statuses_told[due.status]++;
    if (!due.is_subscription)
        tags_clear(&link->consumers[due.id], false);
    world_reach(WORLD_ENDED_HEARD);
}

/* Whether the broker may take the client for dead. */
static bool may_be_dead(const struct world *world, const struct link *link)
{
    bool is_silent = sim_time(world->ring) >= link->sent_ns + WORLD_LIVENESS_NS;
    return link->has_heartbeats && (is_silent || link->was_silent);
}

static void hear_goaway(struct world *world, struct link *link, const struct heard *heard)
{
    REQUIRE(heard->body.size > 4 && load_u16(heard->body.data + 2) == 0,
            "a GOAWAY of a strange shape");
    enum status status = load_u16(heard->body.data);
    REQUIRE(!link->is_goodbye && ((status == STATUS_CLOSING && world->is_ending) ||
                                  (status == STATUS_KILLED && link->is_killed) ||
                                  (status == STATUS_DEAD && may_be_dead(world, link))),
            "a GOAWAY of status %d for no reason", status);
    if (status == STATUS_DEAD)
        world_reach(WORLD_DEAD_HEARD);
    link->is_goodbye = true;
    world_statuses_told[status]++;
    world_reach(WORLD_GOAWAY_HEARD);
}

static void hear_frame(struct world *world, struct link *link, const struct heard *heard)
{
    bool may_be_first = heard->op == OP_WELCOME || heard->op == OP_ERROR || heard->op == OP_GOAWAY;
    REQUIRE(link->is_welcome || may_be_first, "op %02x before WELCOME", heard->op);
    bool is_message = heard->op == OP_PUSH || heard->op == OP_PUBLISH;
    REQUIRE(is_message || heard->name.size == 0, "op %02x with a name", heard->op);
    bool may_have_flags =
        is_message || heard->op == OP_REPLY || heard->op == OP_CONTEXT || heard->op == OP_ENDED;
    REQUIRE(may_have_flags || heard->flags == 0, "op %02x with flags", heard->op);
    switch (heard->op) {
    case OP_WELCOME: hear_welcome(link, heard); break;
    case OP_CONFIRM: hear_confirm(link, heard); break;
    case OP_ERROR: hear_error(world, link, heard); break;
    case OP_REPLY: hear_reply(link, heard); break;
    case OP_CONTEXT: hear_context(link, heard); break;
    case OP_PUSH:
    case OP_PUBLISH: hear_message(link, heard); break;
    case OP_GAP: hear_gap(link, heard); break;
    case OP_LOST: hear_lost(link, heard); break;
    case OP_ENDED: hear_ended(link, heard); break;
    case OP_GOAWAY: hear_goaway(world, link, heard); break;
    default: REQUIRE(false, "op %02x from the broker", heard->op);
    }
}

/* Cuts a frame off what was heard; false when it is not whole. */
static bool cut_frame(struct link *link, struct heard *heard)
{
    size_t there = buffer_size(&link->in);
    if (there < 8)
        return false;
    const unsigned char *frame = buffer_front(&link->in);
    size_t name_size = load_u16(frame + 2), size = load_u32(frame + 4);
    REQUIRE(frame[0] & 0x80, "byte %02x in an op's place", frame[0]);
    REQUIRE(size >= 8 + name_size && size <= WORLD_FRAME_MAX + 128 * 1024,
            "a frame of %zu bytes with a name of %zu", size, name_size);
    if (there < size)
        return false;
    *heard = (struct heard){
        .op = frame[0],
        .flags = frame[1],
        .name = bytes_of(frame + 8, name_size),
        .body = bytes_of(frame + 8 + name_size, size - 8 - name_size),
        .all = bytes_of(frame, size),
    };
    buffer_take(&link->in, size);
    return true;
}

/* The end. */

/* That a client which has only ended its own sending was told all that it was owed. */
static void check_told_all(const struct link *link)
{
    REQUIRE(link->dues_count == 0, "the broker ends with %zu frames due", link->dues_count);
    REQUIRE(buffer_size(&link->in) == 0, "the broker ends in the midst of a frame");
    uint64_t taken = link->taken;
    while (taken < link->said_count && link_said(link, taken + 1)->is_malformed)
        taken++;
    REQUIRE(taken == link->said_count || link_said(link, taken + 1)->end > link->sent_size,
            "the broker ends without taking frame %" PRIu64, taken + 1);
    for (uint64_t number = 1; number <= link->sent_count; number++)
        REQUIRE(link_said(link, number)->status == STATUS_OK || link_said(link, number)->is_told,
                "the broker ends without an ERROR for frame %" PRIu64, number);
    world_reach(WORLD_HALF_TOLD_ALL);
}

static void hear_end(struct world *world, struct link *link, bool is_reset)
{
    uint64_t now = sim_time(world->ring);
    bool is_silent = link->peer == 0 && now >= link->opened_ns + WORLD_SILENT_NS;
    bool is_late = link->peer == 0 && link->spoke_ns && now >= link->spoke_ns + WORLD_HELLO_NS;
    bool is_dead = link->is_goodbye || may_be_dead(world, link);
    bool may_reset = world->swarm.has_resets || world->is_ending || link->is_fatal ||
                     (link->redis && link->redis->is_leaving) || link->is_killed || is_silent ||
                     is_late || is_dead || (world->swarm.has_aborts && link->peer == 0);
    if (is_reset) {
        REQUIRE(may_reset, "the broker breaks a connection for no reason");
    } else {
        /* Last words can come too late to be heard. */
        bool may_part = link->is_fatal
                            ? now >= link->fatal_ns + CONN_PART_NS
                            : is_late && now >= link->spoke_ns + WORLD_HELLO_NS + CONN_PART_NS;
        /* For a stranger whose first byte is still on its way there is no language to say it in. */
        may_part |= link->peer == 0 && world->is_ending;
        /* And what Redis clients are told of an end are no words at all. */
        may_part |= link->redis && (link->redis->is_leaving || world->is_ending || is_late);
        REQUIRE(link->is_half_closed || link->is_fatal_told || link->is_goodbye ||
                    link->is_killed || is_silent || is_dead || may_part,
                "the broker ends a connection for no reason");
        bool is_ordinary = !link->is_fatal && !link->is_killed && !world->is_ending && !is_silent &&
                           !is_late && !is_dead;
        if (link->is_half_closed && is_ordinary && !link->redis &&
            now < link->half_ns + CONN_PART_NS)
            check_told_all(link);
        if (is_silent && !link->is_fatal)
            world_reach(WORLD_SILENT);
    }
    link->is_over = true;
    if (link->is_rude && !is_reset)
        world_reach(WORLD_RUDE);
    else
        world_leave(world, link, LEAVE_FIN);
}

void world_hear(struct world *world, struct link *link, size_t size_max)
{
    size_t size;
    do {
        size_t room = size_max < HEAR_SIZE ? size_max : HEAR_SIZE;
        size = sim_recv(world->ring, link->wire, buffer_room(&link->in, room), room);
        buffer_grow(&link->in, size);
        size_max -= size;
        while (link->redis && redis_hear(world, link))
            ;
        for (struct heard heard; !link->redis && cut_frame(link, &heard);) {
            world->trace = hash_mix(world->trace ^ load_u64(heard.all.data));
            hear_frame(world, link, &heard);
        }
    } while (size > 0 && size_max > 0);
    enum sim_state state = sim_state(world->ring, link->wire);
    if (state != SIM_OPEN && sim_recv_size(world->ring, link->wire) == 0 && !link->is_over)
        hear_end(world, link, state == SIM_RESET);
}
