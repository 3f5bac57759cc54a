/* Commands: what sessions ask of the engine. Everything a command points to is borrowed for the
 * call. */
#ifndef RINGPOST_CORE_COMMAND_H
#define RINGPOST_CORE_COMMAND_H

#include "core/queue.h"
#include "core/settings.h"
#include "frame/frame.h"

enum {
    PEER_NONE = UINT32_MAX, /* no connection's id */
    SPACES_COUNT = 16, /* separate sets of names of queues and values; topics have one for all */
};

enum command_kind {
    COMMAND_ATTACH, /* a connection begins */
    COMMAND_DETACH, /* it ended: its consumers and subscriptions end, its waiting pushes are
                       forgotten */
    COMMAND_PUSH,
    COMMAND_PUBLISH,
    COMMAND_CONSUME,
    COMMAND_CANCEL,
    COMMAND_CREDIT,
    COMMAND_SETTLE,
    COMMAND_TOUCH, /* the time of leases begins anew */
    COMMAND_SUBSCRIBE,
    COMMAND_UNSUBSCRIBE,
    COMMAND_DECLARE,
    COMMAND_SET,
    COMMAND_DELETE,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_KILL,
    COMMAND_HEARTBEAT,
    COMMAND_PING,
    COMMAND_PURGE, /* from here on answered with data */
    COMMAND_REDRIVE,
    COMMAND_PEEK, /* from here on nothing but a question */
    COMMAND_LIST,
    COMMAND_INFO,
    COMMAND_CLIENTS,
    COMMAND_TOPICS,
    COMMAND_STATS,
    COMMAND_SETTINGS,

    /* From here on each command says itself what answers it. Of a queue they see the ready messages,
     * a list; a name that has none is none, unless there is a value of that name. All may come to
     * `wrong-type`, when the name is the other kind's. */
    COMMAND_TAKE, /* messages off an end of a list: FRAMES, or `no-key`; nothing asked for: OK */
    COMMAND_WAIT, /* the same of the first list there is, or that there will be: FRAMES, `no-key` */
    COMMAND_FINISH, /* settles what was taken and is leased still: NUMBER of messages */
    COMMAND_LENGTH, /* of a list: NUMBER */
    COMMAND_RANGE,  /* messages of a list, which stay: FRAMES; none: OK; `no-key` */
    COMMAND_FIND,   /* places of messages: NUMBER or `no-key`; with a count an ANSWER of u64 each */
    COMMAND_REPLACE, /* one message: OK, `no-key`, `bad-index` */
    COMMAND_INSERT,  /* one message beside another: NUMBER, the length; 0: no list; -1: no other */
    COMMAND_REMOVE,  /* messages that are alike: NUMBER removed */
    COMMAND_TRIM,    /* all but a range: OK */
    COMMAND_GET,     /* a value: ANSWER, or `no-key` */
    COMMAND_PUT,     /* a value: OK, or `unmet`; when the old one is wanted, ANSWER or `no-key` */
    COMMAND_APPEND,  /* to a value: NUMBER, its size */
    COMMAND_ADD,  /* to a value that is a number: NUMBER, its sum; `not-a-number`, `out-of-range` */
    COMMAND_SIZE, /* of a value: NUMBER */
    COMMAND_EXISTS,  /* NUMBER 0 or 1 */
    COMMAND_TYPE,    /* NUMBER: enum key_type */
    COMMAND_DROP,    /* a list or a value: NUMBER 0 or 1 */
    COMMAND_RENAME,  /* a list or a value, over what has the other name: OK, `no-key` */
    COMMAND_EXPIRE,  /* drops it later: NUMBER 0 or 1 */
    COMMAND_PERSIST, /* not any more: NUMBER 0 or 1 */
    COMMAND_TTL,     /* NUMBER of milliseconds left; -1: for ever; -2: nothing there */
    COMMAND_KEYS,    /* ANSWER: where to go on u64, 0 at the end, then names: size u32 and bytes */
    COMMAND_KEYS_COUNT, /* NUMBER */
    COMMAND_FLUSH,      /* drops all there is: OK */
    COMMAND_WATCH,      /* OK */
    COMMAND_UNWATCH,    /* all that is watched: OK */
    COMMAND_BEGIN,      /* the peer's commands up to COMMIT are one: OK; `changed`, and each of them
                           then comes to `skipped`, when something watched has changed */
    COMMAND_COMMIT,     /* OK */
    COMMAND_CHANNELS,   /* names that are subscribed to: ANSWER of names, as KEYS without the u64 */
    COMMAND_LISTENERS,  /* subscriptions to the name itself: NUMBER */
    COMMAND_GLOBS,      /* different ones that are subscribed to: NUMBER */
    COMMAND_LABEL,      /* the connection, for listings: OK */
    COMMAND_EVICT,      /* ends connections that are as asked for: NUMBER of them */

    /* From here on a server carries them out, unless engine_skips; the engine has no part in them, and
     * answers that nothing can be changed, or that it has slept. */
    COMMAND_CONFIGURE, /* changes settings, all or none: NUMBER, enum setting_fault of the pair `id` */
    COMMAND_SLEEP,     /* serves nobody for a while: OK */
};

/* Why a setting is not changed. */
enum setting_fault {
    SETTING_OK,
    SETTING_UNKNOWN,   /* there is none of that name */
    SETTING_FIXED,     /* not by clients, or not while the broker runs */
    SETTING_BAD_VALUE, /* it does not take that */
};

/* What a name is. */
enum key_type { KEY_NONE, KEY_LIST, KEY_VALUE };

enum put_condition { PUT_ALWAYS, PUT_NEW, PUT_THERE };

/* When EXPIRE does something; they add up. */
enum {
    EXPIRE_NEW = 1 << 0,     /* when it has no deadline yet */
    EXPIRE_THERE = 1 << 1,   /* when it has one */
    EXPIRE_LATER = 1 << 2,   /* when that was earlier; none is later than any */
    EXPIRE_EARLIER = 1 << 3, /* when that was later */
};

struct command {
    enum command_kind kind;
    uint8_t space;   /* of the name, where it is not a topic's; below SPACES_COUNT */
    uint32_t peer;   /* which connection; its effects name it */
    uint64_t ticket; /* what its effects name; frame i of a run is ticket + i */
    struct bytes
        name; /* of the queue, topic or pattern, where there is one: 1 to FRAME_NAME_MAX bytes */
    union {
        struct {
            uint32_t window_count;        /* pushes that may wait at once */
            uint64_t window_size;         /* bytes of them */
            struct bytes client, address; /* for listings */
            bool is_each; /* messages are delivered once for each matching subscription: to a name
                             first, then to globs, by id */
        } attach;
        struct {
            struct run run;
            bool wants_number; /* the answer is a NUMBER: PUSH: the length of the list, as it grows;
                                  PUBLISH: how many it reaches of subscriptions, where
                                  each is given it, other connections, and groups */
            bool at_front;     /* PUSH: to the front, the last of them first */
            bool is_whole;     /* PUSH: all or none, under one ticket, before anybody takes any */
            bool only_there;   /* PUSH: only to a list that there is: else NUMBER 0 */
            bool is_apart;     /* PUBLISH: to those who subscribed apart */
        };                     /* PUSH, PUBLISH */
        struct {
            uint32_t id;
            uint32_t credit_count;
            uint64_t credit_size;
            bool from_back, no_ack;
        } consumer; /* CONSUME, CANCEL, CREDIT */
        struct {
            uint32_t id;
            uint32_t count;
            uint64_t tag;
            enum settle how;
            uint64_t delay_ms; /* of a return */
        } settle;              /* SETTLE, TOUCH */
        struct {
            uint32_t id;
            uint32_t count_max;     /* 0: the default */
            uint64_t size_max;      /* 0: the default */
            uint32_t count_default; /* when no policy says otherwise; 0: as for all */
            uint64_t size_default;
            bool is_wildcard, is_inbox;
            bool is_glob;     /* see core/glob.h */
            bool is_apart;    /* a name in a space of its own, which no pattern matches; no group */
            bool no_retained; /* retained messages are not wanted */
            bool has_overflow; /* else the default */
            enum overflow overflow;
            struct bytes group; /* empty: none */
        } subscription;         /* SUBSCRIBE, UNSUBSCRIBE */
        struct {
            struct queue_settings settings; /* those given */
            bool declares;                  /* SET: makes it a declared queue, if it is not */
        };                                  /* DECLARE, SET */
        struct {
            uint32_t count;  /* 0: all */
            struct bytes to; /* empty: where each came from */
        } redrive;
        struct {
            uint32_t count;
            uint32_t after; /* CLIENTS */
            bool is_whole;  /* CLIENTS: whatever the count, and in no order */
            bool from_back; /* PEEK */
            bool is_onward; /* LIST: and behind them those of the spaces behind */
        } look;             /* PEEK, LIST, CLIENTS, TOPICS */
        bool has_spaces;    /* STATS: with how many names each space has */
        uint32_t client;    /* KILL */
        struct {
            const struct bytes *names; /* WAIT: of which the first that is a list counts */
            uint32_t names_count;      /* at least 1 */
            uint32_t count;            /* messages, at most; WAIT: at least 1 */
            bool from_back;
            bool is_each; /* TAKE: `count` commands of one message each */
            bool is_now;  /* WAIT: for nothing; as in a transaction */
            bool is_move; /* WAIT: one message, which is pushed to `to` */
            bool to_front;
            struct bytes to;
            uint64_t timeout_ns; /* WAIT; 0: none */
        } take;                  /* TAKE, WAIT */
        struct {
            enum settle how;   /* ACKNOWLEDGE or RETURN */
            uint64_t delay_ms; /* of a return */
            bool is_all;       /* whatever the queue: there is no name */
        } finish;
        struct {
            int64_t start, stop; /* places from 0 on, both in; below 0: from the end, -1 the last */
        } range;                 /* RANGE, TRIM */
        struct {
            struct bytes body; /* FIND, REMOVE: what is looked for; INSERT: beside what */
            int64_t rank;      /* FIND: the how manieth match, below 0 from the back */
            int64_t count; /* FIND: places, 0 all; REMOVE: messages, below 0 from the back, 0 all */
            uint64_t look_max; /* FIND: messages looked at; 0: all */
            bool has_count;    /* FIND */
            bool is_before;    /* INSERT */
            int64_t index;     /* REPLACE */
            struct run run;    /* INSERT, REPLACE: the new message */
        } edit;                /* FIND, REPLACE, INSERT, REMOVE */
        struct {
            struct bytes value; /* PUT, APPEND */
            enum put_condition condition;
            uint64_t
                deadline_ms; /* PUT: it is dropped after this millisecond of the engine's clock;
                                     TIME_NEVER: not */
            bool keeps_deadline, wants_old; /* PUT */
            bool is_dropped;                /* GET: and dropped */
            int64_t by;                     /* ADD */
        } value;                            /* GET, PUT, APPEND, ADD */
        struct {
            struct bytes to;      /* RENAME */
            uint64_t deadline_ms; /* EXPIRE: as of PUT; at once when it is not later than now */
            unsigned conditions;  /* EXPIRE: EXPIRE_… */
        } key;                    /* RENAME, EXPIRE */
        struct {
            uint64_t from;  /* KEYS: 0, or as the last answer said */
            uint32_t count; /* KEYS: names looked at, about; 0: all at once */
            bool has_glob;
            struct bytes glob;  /* names that match it */
            enum key_type type; /* KEYS; KEY_NONE: any */
            bool is_apart;      /* CHANNELS, LISTENERS */
        } names;                /* KEYS, CHANNELS, LISTENERS */
        bool is_bare; /* BEGIN, COMMIT: whatever has changed, and what is watched stays so */
        struct {
            const struct bytes *pairs; /* each a name and a value */
            uint32_t count;            /* of pairs */
        } configure;                   /* CONFIGURE */
        uint64_t sleep_ns;             /* SLEEP */
        bool is_every_space;           /* FLUSH */
        struct bytes label;            /* LABEL */
        struct {
            uint32_t client;      /* PEER_NONE: any */
            struct bytes address; /* empty: any */
            enum { EVICT_ANY, EVICT_SUBSCRIBERS, EVICT_OTHERS } which;
            bool spares_own; /* not the one that asks */
        } evict;             /* EVICT */
    };
};

/* How many tickets a command has, one behind the other. */
static inline uint32_t command_tickets(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_PUSH: return command->is_whole ? 1 : command->run.count;
    case COMMAND_PUBLISH: return command->run.count;
    case COMMAND_TAKE: return command->take.is_each ? command->take.count : 1;
    default: return 1;
    }
}

#endif
