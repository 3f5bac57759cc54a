#include "session/multi.h"

#include "base/array.h"

void multi_finish(struct multi *multi)
{
    text_finish(&multi->queue);
    memory_free(multi->spans);
    *multi = (struct multi){0};
}

static void put_number(struct multi *multi, uint32_t number)
{
    store_u32(text_reserve(&multi->queue, sizeof number), number);
}

bool multi_put(struct multi *multi, const unsigned char *words, const struct resp_span *spans,
               uint32_t words_count)
{
    size_t size = MULTI_COMMAND_COST;
    for (uint32_t i = 0; i < words_count; i++)
        size += sizeof *spans + spans[i].size;
    if (size > MULTI_SIZE_MAX - multi->size)
        return false;
    put_number(multi, words_count);
    for (uint32_t i = 0; i < words_count; i++) {
        put_number(multi, spans[i].size);
        bytes_copy(text_reserve(&multi->queue, spans[i].size),
                   bytes_of(words + spans[i].offset, spans[i].size));
    }
    multi->size += size;
    multi->count++;
    return true;
}

uint32_t multi_take(struct multi *multi, const unsigned char **words)
{
    assert(multi->count > 0);
    struct bytes queue = text_bytes(&multi->queue);
    uint32_t words_count = load_u32(queue.data);
    size_t at = sizeof words_count;
    multi->spans =
        array_reserve(multi->spans, &multi->spans_capacity, words_count, sizeof *multi->spans);
    for (uint32_t i = 0; i < words_count; i++) {
        uint32_t size = load_u32(queue.data + at);
        at += sizeof size;
        multi->spans[i] = (struct resp_span){.offset = (uint32_t)at, .size = size};
        at += size;
    }
    text_take(&multi->queue, at);
    multi->count--;
    *words = queue.data;
    return words_count;
}
