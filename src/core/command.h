/* Commands: what sessions ask of the engine. Everything a command points to is borrowed for the
 * call. */
#ifndef RINGPOST_CORE_COMMAND_H
#define RINGPOST_CORE_COMMAND_H

#include "core/queue.h"
#include "core/settings.h"
#include "frame/frame.h"

enum { PEER_NONE = UINT32_MAX }; /* no connection's id */

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
};

struct command {
    enum command_kind kind;
    uint32_t peer;   /* which connection; its effects name it */
    uint64_t ticket; /* what its effects name; frame i of a run is ticket + i */
    struct bytes
        name; /* of the queue, topic or pattern, where there is one: 1 to FRAME_NAME_MAX bytes */
    union {
        struct {
            uint32_t window_count;        /* pushes that may wait at once */
            uint64_t window_size;         /* bytes of them */
            struct bytes client, address; /* for listings */
        } attach;
        struct run run; /* PUSH, PUBLISH */
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
            uint32_t count_max; /* 0: the default */
            uint64_t size_max;  /* 0: the default */
            bool is_wildcard, is_inbox;
            bool no_retained;  /* retained messages are not wanted */
            bool has_overflow; /* else the default */
            enum overflow overflow;
            struct bytes group;         /* empty: none */
        } subscription;                 /* SUBSCRIBE, UNSUBSCRIBE */
        struct queue_settings settings; /* DECLARE, SET: those given */
        struct {
            uint32_t count;  /* 0: all */
            struct bytes to; /* empty: where each came from */
        } redrive;
        struct {
            uint32_t count;
            uint32_t after; /* CLIENTS */
            bool from_back; /* PEEK */
        } look;             /* PEEK, LIST, CLIENTS, TOPICS */
        uint32_t client;    /* KILL */
    };
};

#endif
