#include "client/request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Puts the question behind what was settled before. */
static int put(struct ringpost *handle, const struct question *question)
{
    assert(handle->link.state == LINK_UP);
    int error = sources_stage(handle);
    if (error)
        return error;
    unsigned char *body =
        link_frame(handle, question->op, question->flags, question->name, question->body_size);
    if (!body)
        return -ENOMEM;
    memcpy(body, question->body, question->body_size);
    return 0;
}

int request_call(struct ringpost *handle, const struct question *question, struct wait *wait)
{
    handle_enter(handle);
    int error = link_await_up(handle, wait);
    if (!error)
        error = put(handle, question);
    return handle_leave(handle, error ? error : request_await(handle, wait));
}

void request_begin(struct request *request, uint64_t correlation)
{
    request->state = REQUEST_WAITING;
    request->number = 0; /* of no frame */
    request->correlation = correlation;
}

int request_finish(struct ringpost *handle, struct wait *wait)
{
    struct request *request = &handle->request;
    int error = 0;
    while (request->state == REQUEST_WAITING && !error)
        error = link_turn_aside(handle, wait);
    if (request->state == REQUEST_FAILED)
        error = request->error;
    else if (request->state == REQUEST_REPLIED)
        error = 0;
    request->state = REQUEST_NONE;
    return error;
}

int request_await(struct ringpost *handle, struct wait *wait)
{
    request_begin(&handle->request, 0);
    handle->request.number = handle->base + handle->window.last;
    return request_finish(handle, wait);
}

void request_answer(struct request *request, struct bytes reply, bool has_more)
{
    unsigned char *copy = NULL;
    if (reply.size > 0) {
        copy = malloc(reply.size);
        if (!copy) {
            request->state = REQUEST_FAILED;
            request->error = -ENOMEM;
            return;
        }
        memcpy(copy, reply.data, reply.size);
    }
    free(request->reply);
    request->reply = copy;
    request->reply_size = reply.size;
    request->has_more = has_more;
    request->state = REQUEST_REPLIED;
}

struct bytes request_take_reply(struct request *request)
{
    struct bytes reply = bytes_of(request->reply, request->reply_size);
    request->reply = NULL;
    request->reply_size = 0;
    return reply;
}
