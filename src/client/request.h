/* Calls that the broker answers one by one, and waiting for the answer. */
#ifndef RINGPOST_CLIENT_REQUEST_H
#define RINGPOST_CLIENT_REQUEST_H

#include "client/link.h"

enum { QUESTION_BODY_MAX = 1536 }; /* DECLARE with all its fields */

/* What to ask. */
struct question {
    enum op op;
    unsigned flags;
    struct bytes name;
    unsigned char body[QUESTION_BODY_MAX];
    size_t body_size;
};

/*
 * Asks and waits. Returns 0 with the answer in handle->request, -errno for the broker's refusal or the wait's end; then it can be
 * that the broker did it all the same.
 */
int request_call(struct ringpost *handle, const struct question *question, struct wait *wait);

/* The same for a question that was put out already, as the last frame. */
int request_await(struct ringpost *handle, struct wait *wait);

/*
 * The two halves of that, for a frame whose answer can come while it is put out: begins before that, and then
 * request.number is told the frame's number. With a correlation its answer comes to the inbox.
 */
void request_begin(struct request *request, uint64_t correlation);
int request_finish(struct ringpost *handle, struct wait *wait);

/* Whether the REPLY to the frame of that number is what the call waits for. */
static inline bool request_is_for(const struct request *request, uint64_t number)
{
    return request->state == REQUEST_WAITING && request->correlation == 0 &&
           request->number == number;
}

/* The answer came; it is copied. */
void request_answer(struct request *request, struct bytes reply, bool has_more);

/* Moves the answer's bytes to the caller, who frees them. */
struct bytes request_take_reply(struct request *request);

#endif
