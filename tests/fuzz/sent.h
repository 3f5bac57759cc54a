/* The messages that anybody ever sent, byte for byte, and what the broker may have made of them. */
#ifndef RINGPOST_TESTS_FUZZ_SENT_H
#define RINGPOST_TESTS_FUZZ_SENT_H

#include "base/table.h"
#include "frame/frame.h"

/* A zeroed one knows no message. */
struct sent {
    struct table frames; /* as they were sent */
    struct table cores;  /* what stays of a message of a queue, whatever becomes of it */
    bool are_moved;      /* somebody redrove messages, perhaps to another queue */
};

void sent_finish(struct sent *sent);

/* Takes note of frames that are sent at `now`. */
void sent_add(struct sent *sent, const struct run *run, uint64_t now);

/* Whether that was sent. */
bool sent_has(const struct sent *sent, struct bytes frame);

/* Whether that was sent, or is a dead letter or a second try of what was. */
bool sent_has_kin(const struct sent *sent, struct bytes frame);

/* Before this time nobody may be given the frame; 0 when it is not as it was sent. */
uint64_t sent_due(const struct sent *sent, struct bytes frame);

#endif
