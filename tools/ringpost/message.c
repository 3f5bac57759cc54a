#include "message.h"

#include "cli.h"

#include <string.h>

/* KEY=VALUE. */
static bool header_take(struct ringpost_header *header, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || strncmp(text, "x-", 2) != 0)
        return false;
    *header = (struct ringpost_header){
        .key = ringpost_bytes(text, (size_t)(equals - text)),
        .bytes = ringpost_text(equals + 1),
    };
    return header->key.size <= 64;
}

static struct ringpost_bytes text_or_none(const char *text)
{
    return text ? ringpost_text(text) : ringpost_bytes(NULL, 0);
}

int message_take(struct message *message, const struct options *options)
{
    *message = (struct message){.options = {
                                    .size = sizeof message->options,
                                    .reply_to = text_or_none(options->reply_to),
                                    .correlation_id = text_or_none(options->correlation_id),
                                    .retain = options->is_retained,
                                    .must = options->is_wanted,
                                }};
    if (options->ttl_ms > 0)
        message->options.ttl_ms = (uint64_t)options->ttl_ms;
    if (options->delay_ms > 0)
        message->options.delay_ms = (uint64_t)options->delay_ms;
    for (unsigned i = 0; i < options->headers.count; i++) {
        const char *text = options->headers.all[i];
        if (!header_take(&message->headers[i], text))
            return cli_usage("--header is x-KEY=VALUE, not %s", text);
    }
    message->options.headers = message->headers;
    message->options.header_count = options->headers.count;
    return 0;
}
