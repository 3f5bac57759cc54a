/*
 * Commands of the Redis protocol, cut anywhere on their way: at each cut the parser comes to what a
 * slow reader comes to who reads all of it again, and it wants no byte more than it needs.
 */
#include "choices.h"
#include "slow_resp.h"
#include "target.h"

#include "base/array.h"

#include <errno.h>
#include <stdlib.h>

enum {
    STEPS = 4,
    COMMANDS_MAX = 64, /* of a stream, for each of which the rest is copied */
};

/* What a client sends, and how it comes. */
struct stream {
    struct resp_limits limits;
    size_t steps[STEPS]; /* bytes that come at once, in turn */
    unsigned char *data;
    size_t size, taken, came;
    unsigned commands_count;
    struct resp_parser parser;
};

static struct resp_limits choose_limits(struct choices *choices)
{
    static const uint32_t counts[] = {INT32_MAX, 100, 10, 1};
    static const uint32_t word_sizes[] = {512 * 1024 * 1024, 16385, 100, 4};
    static const uint32_t sizes[] = {RESP_SIZE_MAX, 4096, 100, 20};
    unsigned how = choose_byte(choices);
    return (struct resp_limits){.words_max = counts[how % 4],
                                .word_size_max = word_sizes[how / 4 % 4],
                                .size_max = sizes[how / 16 % 4],
                                .is_stranger = how / 64 % 2};
}

/* What is left of the input, of which one byte may stand for as many as make a line too long. */
static void choose_data(struct choices *choices, struct stream *stream)
{
    size_t growth = choose_byte(choices);
    growth = growth < 240 ? 0 : RESP_LINE_MAX - 248 + growth;
    size_t at = choose_byte(choices);
    struct bytes left = choices->left;
    if (at >= left.size)
        growth = 0;
    stream->size = left.size + growth;
    stream->data = malloc(stream->size + 1);
    assert(stream->data);
    bytes_copy(stream->data, left);
    if (growth > 0) {
        memset(stream->data + at, left.data[at], growth);
        memcpy(stream->data + at + growth, left.data + at, left.size - at);
    }
}

static void choose_steps(struct choices *choices, struct stream *stream)
{
    for (unsigned i = 0; i < STEPS; i++)
        stream->steps[i] = 1 + choose_below(choices, 64);
}

/* Of a large stream the steps are large, too, since the slow reader begins anew at each. */
static size_t scale_of(const struct stream *stream)
{
    return stream->size < RESP_LINE_MAX / 2 ? 1 + stream->size / 256 : 1024;
}

/* A copy of just its size, so that a sanitizer sees who reads past it. */
static struct bytes copy_of(const struct stream *stream, size_t end)
{
    size_t size = end - stream->taken;
    unsigned char *copy = malloc(size ? size : 1);
    assert(copy);
    return bytes_copy(copy, bytes_of(stream->data + stream->taken, size));
}

static void check_same(const struct resp_parser *parser, struct bytes in,
                       const struct verdict *verdict)
{
    if (verdict->result < 0)
        assert(strcmp(parser->error, verdict->error) == 0);
    if (verdict->result <= 0)
        return;
    assert(parser->words_count == verdict->words_count);
    for (uint32_t i = 0; i < verdict->words_count; i++)
        assert(bytes_equal(resp_word(parser, in, i), verdict->words[i]));
}

/* A byte less than what is wanted would be of no use. */
static void check_wanted(const struct stream *stream, size_t size)
{
    size_t wanted = stream->parser.wanted, left = stream->size - stream->taken;
    assert(wanted > size);
    struct bytes less = copy_of(stream, stream->taken + (wanted - 1 < left ? wanted - 1 : left));
    struct verdict verdict = slow_parse(less, &stream->limits);
    assert(verdict.result == 0);
    verdict_free(&verdict);
    free((void *)less.data);
}

/* Reads on after more came. Returns 1 when there may be another command in it, 0 when there is none,
 * and an error when nothing is read any more. */
static int read_on(struct stream *stream)
{
    struct bytes in = copy_of(stream, stream->came);
    struct verdict verdict = slow_parse(in, &stream->limits);
    int result = resp_parse(&stream->parser, in, &stream->limits);
    assert(result == verdict.result);
    check_same(&stream->parser, in, &verdict);
    assert(stream->parser.words_capacity <= RESP_WORDS_KEPT_MAX + in.size);
    verdict_free(&verdict);
    free((void *)in.data);
    if (result == 0)
        check_wanted(stream, in.size);
    if (result <= 0)
        return result;
    stream->taken += (size_t)result;
    resp_parser_reset(&stream->parser);
    return ++stream->commands_count < COMMANDS_MAX ? 1 : -EBADMSG;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {bytes_of(data, size)};
    struct stream stream = {.limits = choose_limits(&choices)};
    choose_steps(&choices, &stream);
    choose_data(&choices, &stream);
    uint64_t before = memory_used();
    int result = 0;
    for (unsigned turn = 0; stream.came < stream.size && result == 0; turn++) {
        size_t step = stream.steps[turn % STEPS] * scale_of(&stream);
        size_t left = stream.size - stream.came;
        stream.came += step < left ? step : left;
        do
            result = read_on(&stream);
        while (result > 0);
    }
    resp_parser_finish(&stream.parser);
    assert(memory_used() == before);
    free(stream.data);
    return 0;
}
