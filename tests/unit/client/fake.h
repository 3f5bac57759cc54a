/*
 * A broker that does what a test says: the other end of the client's socket, in the same thread. What it says can be sent before the
 * client asks, since the client reads only when it waits; so nothing ever waits for anybody.
 */
#ifndef RINGPOST_TESTS_UNIT_CLIENT_FAKE_H
#define RINGPOST_TESTS_UNIT_CLIENT_FAKE_H

#include "check.h"

#include "client/handle.h"

enum { FAKE_BUFFER_SIZE = 4 * 1024 * 1024, WAIT_MS = 5000 /* what no test ever waits out */ };

struct fake {
    int listener, fd; /* -1: none */
    char path[64], address[80];
    struct ringpost *handle;
    uint64_t liveness_ms; /* that its WELCOME tells; 0: none */

    unsigned char taken[FAKE_BUFFER_SIZE]; /* from the client */
    size_t taken_start, taken_end;

    bool is_recording; /* put writes here instead of to the client */
    unsigned char record[FAKE_BUFFER_SIZE];
    size_t record_size;
};

/* A frame from the client. Its bytes are lent until the next is taken. */
struct taken {
    struct frame_head head;
    struct bytes name, body;
};

/* The coarse clock, by which output grows late: it stands unless a test moves it. */
extern uint64_t fake_coarse_ms;

/* How many seconds later it is each time the client looks at the clock by which it waits. */
extern uint64_t fake_look_s;

/* Listens. There is one fake per process. */
struct fake *fake_create(void);
void fake_destroy(struct fake *fake);

/* Opens a handle on it that is connected; `options` (its server is replaced) may be NULL. */
struct ringpost *fake_open(struct fake *fake, const struct ringpost_options *options);

/* The two halves of that: a handle that has not connected; its connection made, with a grant of window. */
struct ringpost *fake_open_idle(struct fake *fake, const struct ringpost_options *options);
void fake_welcome(struct fake *fake, uint64_t window, uint64_t window_bytes, uint64_t frame_max);

/* Accepts the client, which must try to connect, and takes its HELLO. */
struct taken fake_accept(struct fake *fake);

/* Ends the connection. */
void fake_drop(struct fake *fake);

/* The client's next frame, which must be of `op`; fake_take_none: there must be none. */
struct taken fake_take(struct fake *fake, enum op op);
void fake_take_none(struct fake *fake);

/* Lets the client do what it can do. */
void fake_step(struct fake *fake);

/* The number that the client's next frame will have on this connection. */
uint64_t fake_number(const struct fake *fake);

/* Say things to the client. */
void fake_put_raw(struct fake *fake, const void *data, size_t size);
void fake_put(struct fake *fake, unsigned op, unsigned flags, struct bytes name, struct bytes body);
void fake_put_welcome(struct fake *fake, uint64_t window, uint64_t window_bytes,
                      uint64_t frame_max);
void fake_put_confirm(struct fake *fake, uint64_t settled);
void fake_put_error(struct fake *fake, uint64_t first, uint32_t count, int status,
                    const char *text);
void fake_put_reply(struct fake *fake, uint64_t number, bool has_more, struct bytes body);
void fake_put_lost(struct fake *fake, uint32_t id, uint64_t tag, uint32_t count);
void fake_put_context(struct fake *fake, uint32_t id, uint32_t deliveries, uint64_t tag);
void fake_put_push(struct fake *fake, const char *name, const char *body);
void fake_put_publish(struct fake *fake, const char *name, const char *body);
void fake_put_gap(struct fake *fake, uint32_t id, uint64_t first, uint64_t messages,
                  uint64_t bytes);
void fake_put_ended(struct fake *fake, uint32_t id, int status);
void fake_put_goaway(struct fake *fake, int status, const char *text);

/* The client consumes or subscribes, and the fake agrees. Returns the id. */
uint32_t fake_consume(struct fake *fake, const struct ringpost_consume_options *options);
uint32_t fake_subscribe(struct fake *fake, const char *topic, bool is_wildcard);

/* The next event, which must be there and of `kind`; or none. */
struct ringpost_event fake_next(struct fake *fake, int kind);
void fake_next_none(struct fake *fake);

static inline void assert_bytes(struct ringpost_bytes bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

#endif
