/* Talks: sessions on one engine, bytes in and what they say told as text, with time and sending in
 * the test's hands. */
#ifndef RINGPOST_TESTS_UNIT_SESSION_TALK_H
#define RINGPOST_TESTS_UNIT_SESSION_TALK_H

#include "core/engine.h"
#include "session/session.h"

enum { TALK_CONNS_MAX = 6, TALK_TEXT_MAX = 1 << 18 };

/* Bytes that grow at their end. A zeroed script is empty. */
struct script {
    unsigned char *data;
    size_t size, capacity;
};

void script_finish(struct script *script);
void script_put(struct script *script, const void *data, size_t size);

/* One frame as the arguments say, true or not. */
void script_frame(struct script *script, int op, int flags, const char *name, const void *body,
                  size_t body_size);

/* Frames whose body is some numbers: `shape` says of what size, as "4 4 8". */
void script_numbers(struct script *script, int op, int flags, const char *name, const char *shape,
                    ...);

/* Frames of OP_PUSH or OP_PUBLISH, one for each word. */
void script_messages(struct script *script, int op, const char *name, const char *words);

/* One frame whose body is fields, or a PUSH or PUBLISH with headers and a word: both as
 * frames_headed takes them. */
void script_fields(struct script *script, int op, const char *name, const char *fields);
void script_headed(struct script *script, int op, const char *name, const char *headers,
                   const char *word);

void script_hello(struct script *script);

struct talk_conn {
    struct session session;
    bool is_there, is_attached;
    bool is_blocked;      /* its sends are not finished until talk_unblock */
    size_t send_size_max; /* bytes that one send takes at most; 0: all */
    struct script said;   /* by the broker, and not looked at yet */
};

struct talk {
    struct engine *engine;
    struct outbox outbox;
    struct session_limits limits;
    uint64_t now;
    bool is_unchecked; /* leaves engine_check out: for long tests */
    struct talk_conn conns[TALK_CONNS_MAX];
    char text[TALK_TEXT_MAX];
};

struct talk *talk_open(void);

/* Hangs up on everyone and sees that nothing remains. */
void talk_close(struct talk *talk);

/* A new connection, before or behind its hello. */
void talk_connect(struct talk *talk, uint32_t peer);
void talk_hello(struct talk *talk, uint32_t peer);

/* The connection's end: the broker forgets it. */
void talk_hang_up(struct talk *talk, uint32_t peer);

/* Has the connection hear `bytes`, which are gone when the call returns. */
void talk_hear(struct talk *talk, uint32_t peer, struct bytes bytes);

/* Has it hear a script, which is emptied. */
void talk_play(struct talk *talk, uint32_t peer, struct script *script);

/* Ends the turn: effects become words, every connection that is not blocked sends, and those that
 * kept input back take it up; and again while there is something due. */
void talk_turn(struct talk *talk);

/* Finishes the send in flight and lets the connection send again. */
void talk_unblock(struct talk *talk, uint32_t peer);

/*
 * Ends the turn and tells in `text` what the connection was sent since the last time, a line each:
 *     WELCOME            CONFIRM 5              ERROR 3+2 full         REPLY 4: 16 bytes more
 *     CONTEXT 7 @1       CONTEXT 7 @4 again 2   PUSH q: a              PUBLISH t: a
 *     GAP 3: 2, 30 bytes ENDED 7 deleted        GOAWAY closing           LOST 7 @1 x3
 */
void talk_tell(struct talk *talk, uint32_t peer);

/* Tells it and fails unless it is `expected`. */
void talk_expect(struct talk *talk, uint32_t peer, const char *expected);

/* Has the peer say one frame and a PING behind it: the broker refuses the frame with that status, and goes on. */
void talk_expect_refusal(struct talk *talk, uint32_t peer, struct script *script,
                         const char *status);

/* Throws away what the connection was sent. */
void talk_skip(struct talk *talk, uint32_t peer);

struct session *talk_session(struct talk *talk, uint32_t peer);

#endif
