/*
 * What a client hears, held against what it asked and against docs/PROTOCOL.md. Everything here
 * asserts: it knows the rules of a conversation, and nothing of how the broker keeps them.
 */
#ifndef RINGPOST_TESTS_FUZZ_HEARING_H
#define RINGPOST_TESTS_FUZZ_HEARING_H

#include "core/command.h"
#include "core/outbox.h"
#include "sent.h"

/* One frame of the client's. All zero: the session made no command of it. */
struct asked {
    enum command_kind kind;
    uint32_t id;        /* of the consumer or subscription it speaks of */
    uint64_t name_hash; /* of its queue */
    bool is_inbox;      /* it asks for one */
    bool is_settled, is_refused;
    bool is_answered; /* by a REPLY or an ERROR that was heard */
};

/* A consumer or subscription that the client knows to be there. */
struct known {
    uint32_t id;
    bool is_consumer;
    uint64_t name_hash; /* of a consumer's queue */
    uint64_t tag_next;  /* a subscription's messages have numbers */
};

/* A zeroed hearing has asked and heard nothing. */
struct hearing {
    struct asked *asked; /* by number */
    size_t asked_count, asked_capacity;
    struct known *known;
    size_t known_count, known_capacity;
    unsigned char *part; /* of a frame */
    size_t part_size, part_capacity;
    bool is_welcome, has_context;
    uint32_t context_id;
    uint64_t context_tag;
    uint64_t confirmed;
    uint64_t credit_count, message_count; /* of all consumers: what may come, what came */
};

void hearing_finish(struct hearing *hearing);

/* The session made `command` of what the client said. */
void hearing_ask(struct hearing *hearing, const struct command *command);

/* The session is told that frames are settled. */
void hearing_settle(struct hearing *hearing, const struct effect *effect);

/* The client hears `bytes`, after it has sent frames up to `number_last`. */
void hearing_hear(struct hearing *hearing, struct bytes bytes, uint64_t number_last,
                  const struct sent *sent);

/* All that was said is carried out and all that was answered is heard: only pushes may still wait. */
void hearing_check_end(const struct hearing *hearing);

#endif
