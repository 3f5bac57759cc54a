#include "core/taker.h"

#include "base/array.h"

#include <assert.h>

struct taker *taker_create(const struct pop *pop, uint32_t names_count)
{
    assert(!pop->peer->taker);
    size_t size = sizeof(struct taker) + names_count * sizeof(struct taker_place);
    struct taker *taker = memory_create(size + pop->to.size);
    taker->pop = *pop;
    taker->pop.to = bytes_copy((unsigned char *)taker + size, pop->to);
    pop->peer->taker = taker;
    return taker;
}

void taker_join(struct taker *taker, struct queue *queue)
{
    struct taker_place *place = &taker->places[taker->places_count++];
    place->taker = taker;
    place->queue = queue;
    list_push_back(&queue->takers, &place->link);
}

void takers_move(struct queue *from, struct queue *to)
{
    struct list *link;
    while ((link = list_pop_front(&from->takers))) {
        list_entry(link, struct taker_place, link)->queue = to;
        list_push_back(&to->takers, link);
    }
}

void taker_destroy(struct taker *taker)
{
    assert(taker->pop.peer->taker == taker && taker->timer.at == 0);
    for (uint32_t i = 0; i < taker->places_count; i++)
        list_remove(&taker->places[i].link);
    taker->pop.peer->taker = NULL;
    memory_free(taker);
}

void takers_check(const struct queue *queue)
{
    for (const struct list *link = queue->takers.next; link != &queue->takers; link = link->next) {
        const struct taker_place *place = list_entry(link, struct taker_place, link);
        assert(place->queue == queue && place->taker->pop.peer->taker == place->taker);
        assert(taker_place_which(place) < place->taker->places_count);
    }
}
