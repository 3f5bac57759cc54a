/* The whole of a handle: what the modules of the client share. */
#ifndef RINGPOST_CLIENT_HANDLE_H
#define RINGPOST_CLIENT_HANDLE_H

#include "client/address.h"
#include "client/heartbeat.h"
#include "client/input.h"
#include "client/output.h"
#include "client/source.h"
#include "client/window.h"
#include "ringpost.h"

#include "base/random.h"

#include <sys/types.h>

enum {
    CLIENT_NAME_MAX = 255, /* bytes */
    PASSWORD_MAX = 1024,   /* bytes */
    SERVER_NAME_SIZE = 64,
    ERROR_TEXT_SIZE = 256,
};

/*
 * DOWN -> CONNECTING -> GREETING -> UP     a failure on the way, or a loss, leads back to DOWN,
 *                                          or to CLOSED when nobody wants a new connection
 */
enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_GREETING, LINK_UP, LINK_CLOSED };

struct link {
    enum link_state state;
    int fd;                  /* -1 when there is none */
    uint64_t timer_ns;       /* DOWN: when to try again; CONNECTING, GREETING: when to give up */
    uint64_t up_ns;          /* UP: since when */
    uint32_t rounds;         /* how often in a row no address would do, or not for long */
    int error;               /* why the last attempt failed */
    bool is_writable;        /* the socket took all it was given */
    bool is_drained;         /* the socket gave all it had */
    bool is_output_waiting;  /* something was put out since the last write ... */
    bool is_output_urgent;   /* ... that the broker should have soon */
    uint64_t output_tick_ns; /* when it was put out, by the coarse clock */
    uint64_t output_written; /* bytes written since the last receive */
    struct address_list addresses;
    struct random random;
};

/* What the scan must remember from frame to frame. */
struct scanner {
    uint32_t size_max; /* of a frame from the broker */
    bool has_context;  /* a CONTEXT came over this connection ... */
    uint32_t context;  /* ... and this source is the one of the last */
    bool is_hello_refused;
};

/* What the reader of events must remember from event to event. It is behind the scan. */
struct reader {
    uint32_t epoch;        /* the connection whose bytes are being read */
    struct source *source; /* what the messages belong to, or NULL to pass over them */
    uint64_t tag;          /* of the next message; of a topic: its number */
    uint32_t deliveries;
    bool is_retained; /* the next ones were published before the subscription */
};

/* The call that waits for its answer: at most one at a time. */
struct request {
    enum { REQUEST_NONE, REQUEST_WAITING, REQUEST_REPLIED, REQUEST_FAILED } state;
    uint64_t number;      /* as the handle counts */
    uint64_t correlation; /* of the answer that is to come to the inbox; 0: a REPLY is to come */
    int error;            /* of a FAILED one */
    unsigned char
        *reply; /* of a REPLIED one: what stands behind the number; the handle's to free */
    size_t reply_size;
    bool has_more;
};

struct config {
    char client[CLIENT_NAME_MAX + 1];
    char password[PASSWORD_MAX + 1];
    uint32_t window;
    uint64_t window_bytes;
    uint32_t credit_messages;
    uint64_t credit_bytes;
    uint64_t connect_timeout_ns, backoff_min_ns, backoff_max_ns;
    uint64_t backlog_max;
    bool is_reconnecting;
};

struct ringpost {
    struct link link;
    struct output output;
    struct window window;
    struct input input;
    struct scanner scanner;
    struct reader reader;
    struct source_table sources;
    struct request request;
    uint32_t inbox_id;         /* the source that answers come to, or 0 */
    uint64_t correlation_last; /* of the last request */
    struct heartbeat heartbeat;
    pid_t pid;          /* of the process that opened it */
    uint64_t base;      /* the handle's number of a frame, less its number on this connection */
    uint32_t epoch;     /* connections that were up so far */
    uint32_t frame_max; /* the broker's, of the last one */
    int flush_error;    /* the first since the last flush, or 0 */
    int status;         /* of the last refusal */
    char text[ERROR_TEXT_SIZE];
    char server[SERVER_NAME_SIZE];
    struct config config;
};

static inline struct bytes bytes_from(struct ringpost_bytes bytes)
{
    return bytes_of(bytes.data, bytes.size);
}

static inline struct ringpost_bytes bytes_to(struct bytes bytes)
{
    return ringpost_bytes(bytes.data, bytes.size);
}

/* Around what changes the handle; the result goes through. */
static inline void handle_enter(struct ringpost *handle)
{
    heartbeat_enter(&handle->heartbeat);
}

static inline int handle_leave(struct ringpost *handle, int result)
{
    heartbeat_leave(&handle->heartbeat);
    return result;
}

static inline bool name_is_valid(struct ringpost_bytes name)
{
    return name.size > 0 && name.size <= FRAME_NAME_MAX;
}

/* Copies text from the broker for people, cut to `room` with its ending zero; control bytes become '?'. */
void text_copy(char *to, size_t room, struct bytes text);

/*
 * Copies a struct of options, which begins with its size as its writer knew it, to `to`. What it lacks becomes
 * zero. NULL for `from`: all is zero. Returns 0, or -EINVAL when it sets what this library does not know.
 */
int options_copy(void *to, size_t to_size, const void *from);

#endif
