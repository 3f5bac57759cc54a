/* The native protocol's words: frames to commands, effects to frames. Source: docs/PROTOCOL.md. */
#ifndef RINGPOST_SESSION_NATIVE_H
#define RINGPOST_SESSION_NATIVE_H

#include "core/command.h"
#include "core/outbox.h"
#include "session/slots.h"
#include "session/step.h"

enum {
    CONFIRM_LAZY_COUNT = 256, /* frames that may be settled unconfirmed when nobody waits for it */
};

struct session;

/* What a session in the native protocol remembers. */
struct native {
    uint64_t number_next; /* of the next frame */
    struct slots slots;   /* what is not settled */
    uint64_t confirmed;   /* the last CONFIRM */
    uint64_t lazy_count_max;
    uint32_t skip_size; /* bytes still to come of a frame that was refused before its end */
    bool is_confirm_due;
    bool has_heartbeats; /* as the client has announced */

    struct { /* what the client takes the next message for */
        bool is_known;
        uint8_t op, flags;
        uint32_t id, deliveries;
        uint64_t tag;
    } context;
};

void native_init(struct native *native);
void native_finish(struct native *native);

/* The largest frame that the session takes now. */
uint32_t native_frame_max(const struct session *session);

/* Takes a run of messages, or one other frame, off the input. */
enum step native_step(struct session *session, struct command *command);

/* Puts an effect into words; false when its slice is not taken. */
bool native_effect(struct session *session, const struct effect *effect);

/* Adds the CONFIRM that is due to what is said, if one is. */
void native_confirm(struct session *session);

/* Says that the broker ends, or why the connection does. */
void native_goodbye(struct session *session, enum status status);

/* Says why the connection ends, and ends it. */
void native_fail(struct session *session, enum status status);

#endif
