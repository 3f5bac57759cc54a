/* The Redis protocol's words: commands to the engine's, effects to replies and messages. */
#ifndef RINGPOST_SESSION_RESP_H
#define RINGPOST_SESSION_RESP_H

#include "session/call.h"
#include "session/channels.h"
#include "session/composer.h"
#include "session/multi.h"
#include "session/step.h"

enum {
    RESP_ROOM_SIZE = 64 * 1024 * 1024, /* bytes of a command besides one message */
    RESP_RUN_COUNT_MAX = 4096,         /* commands that become one of the engine's */
    RESP_RUN_SIZE_MAX = 256 * 1024,    /* bytes of messages behind which none is added to a run */
    RESP_NAME_MAX = 1024,              /* bytes of a client's name of its own */
    RESP_NAMES_KEPT_MAX = 16,          /* for which room is kept between commands */
};

/* What a session in the Redis protocol remembers. */
struct resp {
    struct resp_parser parser;
    struct call call; /* without a row: none */
    struct replies replies;
    struct composer composer;
    struct multi multi;
    struct text name;                          /* the client's own */
    struct text library_name, library_version; /* as its library says */
    const struct row *row_memo;
    uint64_t ticket_next;
    uint8_t version; /* of the protocol: 2 or 3 */
    uint8_t space;
    bool is_admitted;          /* it gave the password, or none is needed */
    bool is_watching;          /* names */
    bool is_forgetting;        /* them: the engine is told before anything else */
    uint32_t parsed_size;      /* of the command that the parser holds; 0: it is not whole */
    bool is_spent;             /* what it holds is over */
    bool is_skipping;          /* it was refused, and is passed over */
    struct channels *channels; /* NULL: it has subscribed to nothing yet */
    struct bytes *names;       /* that a command in the engine's hands refers to */
    size_t names_capacity;
    bool is_leaving; /* nothing more is taken, and once all is replied to the session ends */
    struct {         /* as it was before the transaction whose outcome is not known yet */
        uint8_t version, space;
        struct text name;
    } before;
};

struct resp *resp_create(void);
void resp_destroy(struct resp *resp);

/* Whether it is in the middle of something that nothing may come between. */
bool resp_is_busy(const struct resp *resp);

/* Whether the client has not given the password that it needs. */
bool resp_is_stranger(const struct session *session);

/* Takes a command off the input, or goes on with one. */
enum step resp_step(struct session *session, struct command *command);

/* Puts an effect into words; false when its slice is not taken. */
bool resp_effect(struct session *session, const struct effect *effect);

/* Says why the connection ends, and ends it. */
void resp_fail(struct session *session, enum status status);

/* Gives back memory that is needed for no longer than a turn. */
void resp_rest(struct resp *resp);

/* What was queued is not carried out, and nothing is watched any more. */
void resp_forget_transaction(struct resp *resp);

/* Has the commands of a transaction end. */
void resp_end_transaction(struct call *call, struct command *command);

/* The session ends once all that was asked is replied to. */
void resp_leave(struct session *session);

/* Has the engine know the client's own name. */
enum outcome resp_label(struct call *call, struct command *command, reply_say *say);

/* Whether it may stand in listings. */
bool resp_is_plain(struct bytes text);
#define RESP_BAD_NAME "ERR Client names cannot contain spaces, newlines or special characters."

#endif
