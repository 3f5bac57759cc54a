/* Requests: what the frames of each op must look like, and what they ask of the engine. Source:
 * docs/PROTOCOL.md, sections 3 to 8. */
#ifndef RINGPOST_SESSION_REQUEST_H
#define RINGPOST_SESSION_REQUEST_H

#include "core/command.h"
#include "core/status.h"
#include "frame/field.h"

/* What a frame of an op must look like. */
struct rule {
    enum command_kind kind;
    enum { NAME_NONE, NAME_NEEDED, NAME_ALLOWED } name;
    uint8_t flags;
    bool is_free;      /* the body is a message or fields, behind `body_size` bytes */
    uint8_t body_size; /* else it has this size */
    uint8_t more_size; /* or so much more */
    bool wants_reply;
    bool is_lazy;  /* nobody waits for its CONFIRM */
    bool is_large; /* the answer is, or costs much: it comes before the next frame is looked at */
};

/* The rule for an op that a client may send after its hello, or NULL. */
const struct rule *request_rule(uint8_t op);

/* Whether frames have the shape that their op needs; `rule` is NULL for an unknown one. */
enum status request_check(const struct rule *rule, const struct run *run);

/* Whether it must be answered before the next frame is looked at. */
bool request_is_large(const struct rule *rule, const struct command *command);

/* Whether a broker that is ending still takes such frames. */
bool request_is_taken_at_end(uint8_t op);

/* Fills the command's arguments from frames whose shape is right. It borrows from them. */
enum status request_read(struct command *command, const struct run *run);

/* Reads one setting of a queue; false when the broker does not know it or its value is out of range.
 */
bool request_setting(const struct field *field, struct queue_settings *settings);

/* What a client says of itself. */
struct introduction {
    uint64_t window_count, window_size;
    struct bytes client; /* borrowed */
    bool has_heartbeats;
    struct bytes password; /* borrowed */
};

/* Reads HELLO's fields; false when they are malformed. */
bool introduction_read(struct bytes fields, struct introduction *client);

#endif
