#include "server/door.h"

#include "base/array.h"
#include "base/list.h"
#include "base/time.h"
#include "server/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of each kind of refusal one line in so much time says how many there were, however many come. */
#define LOG_INTERVAL_NS (10 * NS_PER_S)

/* Where guests come from. */
struct host {
    struct table_entry entry;
    unsigned char address[16];
    uint64_t guests_count;
};

static const struct refusal {
    enum status status;
    const char *what;
} refusals[DOOR_REFUSALS] = {
    {STATUS_CONNECTIONS, "refused connections: max-connections is reached"},
    {STATUS_FROM_ADDRESS, "refused connections: max-connections-per-address is reached"},
    {STATUS_STRANGERS, "refused connections: max-strangers is reached"},
    {STATUS_OK, "turned connections away: no descriptor is free; raise LimitNOFILE= or ulimit -n"},
};

void door_finish(struct door *door)
{
    assert(door->guests_count == 0 && door->hosts.count == 0);
    table_finish(&door->hosts);
    *door = (struct door){0};
}

/* STATUS_OK stands for the want of descriptors. */
static void log_refusal(struct door *door, enum status status, uint64_t now)
{
    size_t at = 0;
    while (refusals[at].status != status)
        at++;
    door->refusals[at].count++;
    if (door->refusals[at].told_ns && now < door->refusals[at].told_ns + LOG_INTERVAL_NS)
        return;
    log_line("%s (%" PRIu64 " so far)", refusals[at].what, door->refusals[at].count);
    door->refusals[at].told_ns = now > 0 ? now : 1;
}

void door_is_blocked(struct door *door, uint64_t now)
{
    log_refusal(door, STATUS_OK, now);
}

static struct host *find_host(struct door *door, struct bytes address)
{
    struct table_entry *entry = table_find(&door->hosts, hash_bytes(&door->key, address), address);
    return entry ? list_entry(entry, struct host, entry) : NULL;
}

static struct host *make_host(struct door *door, struct bytes address)
{
    struct host *host = memory_create(sizeof *host);
    memcpy(host->address, address.data, address.size);
    host->entry.name = bytes_of(host->address, address.size);
    host->entry.hash = hash_bytes(&door->key, address);
    table_insert(&door->hosts, &host->entry);
    return host;
}

enum status door_enter(struct door *door, struct guest *guest, const struct ring_address *from,
                       uint64_t now)
{
    const struct door_limits *limits = &door->limits;
    bool has_address = from && from->kind != RING_ADDRESS_UNIX;
    struct bytes address = has_address
                               ? bytes_of(from->host, from->kind == RING_ADDRESS_TCP4 ? 4 : 16)
                               : bytes_of(NULL, 0);
    struct host *host = has_address ? find_host(door, address) : NULL;
    enum status status = STATUS_OK;
    if (limits->guests_max && door->guests_count >= limits->guests_max)
        status = STATUS_CONNECTIONS;
    else if (limits->per_address_max && host && host->guests_count >= limits->per_address_max)
        status = STATUS_FROM_ADDRESS;
    else if (limits->strangers_max && door->strangers_count >= limits->strangers_max)
        status = STATUS_STRANGERS;
    if (status != STATUS_OK) {
        log_refusal(door, status, now);
        return status;
    }
    guest->host = has_address && !host ? make_host(door, address) : host;
    if (guest->host)
        guest->host->guests_count++;
    guest->is_counted = guest->is_stranger = true;
    door->guests_count++;
    door->strangers_count++;
    return STATUS_OK;
}

void door_know(struct door *door, struct guest *guest)
{
    if (!guest->is_stranger)
        return;
    assert(door->strangers_count > 0);
    door->strangers_count--;
    guest->is_stranger = false;
}

void door_leave(struct door *door, struct guest *guest)
{
    door_know(door, guest);
    if (guest->is_counted) {
        assert(door->guests_count > 0);
        door->guests_count--;
    }
    if (guest->host && --guest->host->guests_count == 0) {
        table_remove(&door->hosts, &guest->host->entry);
        memory_free(guest->host);
    }
    *guest = (struct guest){0};
}
