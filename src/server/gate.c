#include "server/gate.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

void gate_finish(struct gate *gate)
{
    assert(gate_is_empty(gate));
    memory_free(gate->entries);
    *gate = (struct gate){0};
}

void gate_put(struct gate *gate, const struct effect *effect, uint64_t mark)
{
    if (gate->first == gate->count)
        gate->first = gate->count = 0;
    gate->entries =
        array_reserve(gate->entries, &gate->capacity, gate->count + 1, sizeof *gate->entries);
    gate->entries[gate->count++] = (struct gate_entry){*effect, mark, false};
}

struct gate_entry *gate_next(struct gate *gate, size_t *at)
{
    while (*at < gate->count) {
        struct gate_entry *entry = &gate->entries[(*at)++];
        if (!entry->is_gone)
            return entry;
    }
    return NULL;
}

void gate_remove(struct gate *gate, struct gate_entry *entry)
{
    entry->is_gone = true;
    while (gate->first < gate->count && gate->entries[gate->first].is_gone)
        gate->first++;
}
