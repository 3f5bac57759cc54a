/*
 * Sessions: one conversation each, bytes to commands and effects to bytes. Pure: a session calls
 * nobody, and never assumes that an answer comes before the next command.
 */
#ifndef RINGPOST_SESSION_SESSION_H
#define RINGPOST_SESSION_SESSION_H

#include "core/command.h"
#include "core/outbox.h"
#include "session/facts.h"
#include "session/input.h"
#include "session/native.h"
#include "session/output.h"
#include "session/resp.h"

enum {
    WINDOW_COUNT_MAX = 65536,           /* frames that may be unsettled on a connection */
    WINDOW_SIZE_MAX = 64 * 1024 * 1024, /* bytes of them */
    ANSWERS_PAUSE_SIZE = 256 * 1024,    /* bytes of unread answers at which no more is read */
    COMMANDS_TURN_MAX = 1024,           /* commands taken before their answers are put into words */
    SHORT_SIZE_MAX = 4096, /* when memory is short: bytes of a frame whose end is waited for, and
                              of unread answers at which no more is read */
};

struct session_limits {
    uint32_t frame_max;         /* bytes of a frame */
    uint64_t hello_timeout_ns;  /* from the first byte to the end of hello */
    uint64_t silent_timeout_ns; /* without any byte */
    uint64_t epoch_ns;          /* what the time of day has more than the session's */
    uint64_t liveness_ns;       /* silence of a client that has leases and sends heartbeats */
    uint32_t hello_max;         /* bytes of a hello; 0: FRAME_HELLO_MAX */
    const struct session_facts *facts; /* borrowed; NULL: none are known */
    struct hash_key key;               /* keeps strangers from choosing hash buckets */
    bool may_debug;                    /* clients may have the broker sleep */
    struct bytes password;             /* that a hello must have; empty: none */
    bool is_memory_short; /* over the limit: nothing large is kept, see SHORT_SIZE_MAX */
    bool is_memory_full;  /* far over it: questions whose answer is data are refused too */
    bool is_turn_full;    /* so much was answered in this turn that the rest waits for the next */
};

enum session_state {
    SESSION_HELLO,  /* not yet introduced */
    SESSION_OPEN,   /* commands come */
    SESSION_CLOSED, /* it has said its last words; input is ignored */
};

/* Which protocol a client speaks; its first byte tells. */
enum language { LANGUAGE_UNKNOWN, LANGUAGE_NATIVE, LANGUAGE_RESP };

struct session {
    uint32_t peer;
    enum session_state state;
    enum language language;
    enum status refusal; /* what a client that is not let in is told once it has spoken */
    const struct session_limits *limits; /* borrowed, and may change: frame_max only between
                                            sessions */
    struct output output;
    struct input input;
    bool is_ending;  /* the broker is: it takes only what settles leases, or asks for nothing */
    bool is_stalled; /* nothing is taken until a large answer has come */
    bool is_waiting; /* and that may last: what comes is kept, and the client's end is seen */
    bool is_keeping; /* the input is what could not be taken yet, not what is not whole */
    uint32_t commands_count;           /* taken in this turn */
    uint64_t opened_ns, first_byte_ns; /* first_byte_ns 0: none yet */
    uint64_t now;                      /* when it was last fed */

    const char *complaint; /* what the client did that the log should say; NULL: nothing */

    struct native native;
    struct resp *resp; /* NULL in another language */
};

/* A session for a connection that begins at `now`. It borrows the limits. */
void session_init(struct session *session, uint32_t peer, const struct session_limits *limits,
                  uint64_t now);

/* Frees it. Its output has been emptied. */
void session_finish(struct session *session);

/* Lends the session bytes that came, until session_next has returned false. */
void session_feed(struct session *session, struct bytes input, uint64_t now);

/* Takes the next command out of what was fed; false when it needs more bytes, or when answers have to be given, or
 * read by the client, or the turn has to end, before it takes more: session_is_stalled. What the command borrows
 * lives until the next call. */
bool session_next(struct session *session, struct command *command);

/* Puts an effect into words. Takes the effect's slice, unless it returns false: then nobody will
 * read it, and the caller releases it. */
bool session_effect(struct session *session, const struct effect *effect);

/* Begins another turn: what the last one's commands came to has been told by session_effect. */
void session_turn(struct session *session);

/* Whether there is something to send that should not wait. To be asked once a turn, before
 * output_begin. */
bool session_wants_send(struct session *session);

/* When session_expire has something to do, or TIME_NEVER. */
uint64_t session_deadline(const struct session *session);

/* Does what is due at `now`. */
void session_expire(struct session *session, uint64_t now);

/* Announces the end: until session_end, what asks for more is refused with `closing`. */
void session_announce_end(struct session *session);

/* Says goodbye, unless that was announced, and closes. */
void session_end(struct session *session, enum status status);

/* Has a client that is not let in be told why, and closes, as soon as it has spoken: before that
 * nobody knows its language. */
void session_refuse(struct session *session, enum status status);

/* Bytes that a client may say before it is let in. */
uint32_t session_hello_max(const struct session *session);

/* Whether a client that gave `password` is let in. How long it takes says nothing of the right one. */
bool session_admits(const struct session *session, struct bytes password);

/* Whether it keeps input that session_next will not take yet. */
bool session_is_stalled(const struct session *session);

/* Whether session_next would take some of that now. */
bool session_can_resume(const struct session *session);

/* Whether the client leaves so many answers unread that nothing more should be received from it. */
bool session_is_clogged(const struct session *session);

#endif
