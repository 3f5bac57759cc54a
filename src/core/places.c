#include "core/places.h"

#include <assert.h>

static struct segment *neighbour(const struct queue *queue, const struct segment *segment,
                                 bool towards_front)
{
    struct list *link = towards_front ? segment->link.prev : segment->link.next;
    return link == &queue->segments ? NULL : list_entry(link, struct segment, link);
}

void places_begin(struct places *places, struct queue *queue, bool from_back)
{
    struct segment *segment = from_back ? queue->back : queue->front;
    *places = (struct places){
        .queue = queue,
        .segment = segment,
        .at = segment ? segment_edge(segment, from_back) : 0,
        .from_back = from_back,
    };
}

/* The segment in which a message lies that so many others stand before, seen from one end; what is
 * left of `*before` are those in the segment. */
static struct segment *find(struct queue *queue, bool from_back, uint64_t *before)
{
    struct segment *segment = from_back ? queue->back : queue->front;
    while (*before >= segment->ready_count) {
        *before -= segment->ready_count;
        segment = neighbour(queue, segment, from_back);
    }
    return segment;
}

void places_seek(struct places *places, struct queue *queue, uint64_t place, bool from_back)
{
    assert(place < queue->ready_count);
    uint64_t behind = queue->ready_count - 1 - place;
    bool is_nearer_back = behind < place;
    uint64_t before = is_nearer_back ? behind : place;
    struct segment *segment = find(queue, is_nearer_back, &before);
    if (is_nearer_back != from_back)
        before = segment->ready_count - 1 - before;
    *places = (struct places){
        .queue = queue,
        .segment = segment,
        .at = segment_seek(segment, from_back, (uint32_t)before),
        .from_back = from_back,
    };
}

bool places_next(struct places *places, uint32_t count_max, struct stretch *stretch)
{
    while (places->segment && !segment_next_ready(places->segment, places->from_back, count_max,
                                                  &places->at, stretch)) {
        places->segment = neighbour(places->queue, places->segment, places->from_back);
        if (places->segment)
            places->at = segment_edge(places->segment, places->from_back);
    }
    return places->segment;
}
