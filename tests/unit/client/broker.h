/*
 * A fake that answers by itself, as a broker to which everything is fine: each time the client would wait for it. For a
 * program linked with --wrap=poll.
 */
#ifndef RINGPOST_TESTS_UNIT_CLIENT_BROKER_H
#define RINGPOST_TESTS_UNIT_CLIENT_BROKER_H

#include "fake.h"

struct broker {
    struct fake *fake;
    uint64_t confirm_max;                /* it confirms no frame behind this one ... */
    bool is_leaving;                     /* ... and hangs up once it has taken a message */
    bool is_patient;                     /* it waits for the client to speak while that waits */
    uint32_t messages_max;               /* that a consumer or a subscription is sent, each ... */
    uint32_t message_size;               /* ... of so many bytes */
    uint64_t window;                     /* frames that it grants */
    uint64_t number;                     /* of the last frame on this connection */
    uint64_t heartbeats_count;           /* ever */
    uint64_t taken_count;                /* messages; their bodies count up from "1" */
    uint32_t inbox;                      /* that the client has; 0: none */
    uint64_t settled_count;              /* messages that were sent and came to an end */
    int consumers_count, listened_count; /* consumers and subscriptions on this connection */
    unsigned connections_count;          /* ever */
    size_t told_size;                    /* bytes of the fake's record that are written */
};

/* The broker of a fake, which answers until broker_finish. */
void broker_init(struct broker *broker, struct fake *fake);
void broker_finish(struct broker *broker);

/* Takes what the client has written, and answers. */
void broker_turn(struct broker *broker);

/* Hangs up. */
void broker_drop(struct broker *broker);

#endif
