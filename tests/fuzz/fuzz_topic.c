/*
 * The topic matcher: subscriptions come and go, names are matched in between, and every answer,
 * remembered or not, is what comparing token by token, or with each glob, finds.
 */
#include "choices.h"
#include "core/glob.h"
#include "core/peer.h"
#include "core/topics.h"
#include "target.h"

enum { PEERS = 4, IDS = 8, LISTENERS_MAX = 64, NAME_SIZE_MAX = 96 };

struct name {
    unsigned char data[NAME_SIZE_MAX];
    size_t size;
};

/* What is known of a subscription besides the matcher. */
struct listener {
    struct subscription *subscription;
    struct name name;
};

struct world {
    struct choices choices;
    struct hash_key key;
    struct topics topics;
    struct peer peers[PEERS];
    struct match *memos[PEERS]; /* of what each peer published last */
    struct listener listeners[LISTENERS_MAX];
    unsigned listeners_count;
};

/* Few letters, so that names meet. */
static struct name choose_name(struct choices *choices)
{
    static const unsigned char letters[] = "a.b*.>c.?[-\\";
    struct name name = {.size = 1 + choose_below(choices, NAME_SIZE_MAX)};
    struct bytes chosen = choose_bytes(choices, name.size);
    name.size = chosen.size;
    for (size_t i = 0; i < chosen.size; i++)
        name.data[i] = letters[chosen.data[i] % (sizeof letters - 1)];
    return name;
}

static struct bytes name_bytes(const struct name *name)
{
    return bytes_of(name->data, name->size);
}

/* Token `index` of a name that has so many. */
static struct bytes token_at(const struct name *name, unsigned index)
{
    size_t start = 0, end;
    for (;; start = end + 1) {
        for (end = start; end < name->size && name->data[end] != '.';)
            end++;
        if (index-- == 0)
            return bytes_of(name->data + start, end - start);
    }
}

static unsigned count_tokens(const struct name *name)
{
    unsigned count = 1;
    for (size_t i = 0; i < name->size; i++)
        count += name->data[i] == '.';
    return count;
}

static bool is_pattern(const struct name *name)
{
    unsigned count = count_tokens(name);
    for (unsigned i = 0; i + 1 < count; i++)
        if (bytes_equal(token_at(name, i), bytes_text(">")))
            return false;
    return name->size > 0 && count <= 32;
}

/* Whether a message under `name` is one that `pattern` asks for. */
static bool covers(const struct name *pattern, const struct name *name)
{
    unsigned pattern_count = count_tokens(pattern), name_count = count_tokens(name);
    for (unsigned i = 0; i < pattern_count && i < name_count; i++) {
        struct bytes wanted = token_at(pattern, i);
        if (bytes_equal(wanted, bytes_text(">")))
            return true;
        if (!bytes_equal(wanted, bytes_text("*")) && !bytes_equal(wanted, token_at(name, i)))
            return false;
    }
    return pattern_count == name_count;
}

static bool hears(const struct listener *listener, const struct name *name)
{
    switch (listener->subscription->listening) {
    case LISTENING_PATTERN: return covers(&listener->name, name);
    case LISTENING_GLOB: return glob_matches(name_bytes(&listener->name), name_bytes(name));
    case LISTENING_NAME: return bytes_equal(name_bytes(&listener->name), name_bytes(name));
    default: return false;
    }
}

/* Whether a connection hears by one subscription before another. */
static bool comes_before(const struct subscription *a, const struct subscription *b)
{
    bool a_is_late = a->peer->is_each && a->listening == LISTENING_GLOB;
    bool b_is_late = b->peer->is_each && b->listening == LISTENING_GLOB;
    return a_is_late != b_is_late ? b_is_late : subscription_id(a) < subscription_id(b);
}

/* The subscription behind `last`, or the first if that is NULL, by which `peer` hears `name`; NULL
 * behind the last. */
static const struct subscription *next_heard(const struct world *world, const struct peer *peer,
                                             const struct name *name,
                                             const struct subscription *last)
{
    const struct subscription *next = NULL;
    for (unsigned i = 0; i < world->listeners_count; i++) {
        const struct listener *listener = &world->listeners[i];
        const struct subscription *subscription = listener->subscription;
        if (subscription->peer != peer || !hears(listener, name))
            continue;
        if (last && !comes_before(last, subscription))
            continue;
        if (!next || comes_before(subscription, next))
            next = subscription;
    }
    return next;
}

static void publish(struct world *world)
{
    struct match **memo = &world->memos[choose_below(&world->choices, PEERS)];
    struct name name = choose_name(&world->choices);
    if (name.size == 0)
        return;
    const struct match *match = topics_match(&world->topics, name_bytes(&name), memo);
    assert(match == *memo);
    uint32_t count = 0;
    for (unsigned i = 0; i < PEERS; i++) {
        const struct peer *peer = &world->peers[i];
        const struct subscription *heard = NULL;
        while ((heard = next_heard(world, peer, &name, heard))) {
            assert(count < match->count);
            assert(match->subscriptions[count] == heard);
            count++;
            if (!peer->is_each)
                break;
        }
    }
    assert(match->count == count && match->receivers_count == count);
}

static bool is_taken(const struct world *world, const struct peer *peer, uint32_t id)
{
    for (unsigned i = 0; i < world->listeners_count; i++) {
        const struct subscription *subscription = world->listeners[i].subscription;
        if (subscription->peer == peer && subscription_id(subscription) == id)
            return true;
    }
    return false;
}

static void subscribe(struct world *world, enum listening listening)
{
    unsigned place = choose_below(&world->choices, PEERS * IDS);
    struct peer *peer = &world->peers[place / IDS];
    struct name name = choose_name(&world->choices);
    assert(pattern_is_valid(name_bytes(&name)) == is_pattern(&name));
    bool is_possible = name.size > 0 && (listening != LISTENING_PATTERN || is_pattern(&name));
    if (!is_possible || world->listeners_count == LISTENERS_MAX || is_taken(world, peer, place))
        return;
    struct listener *listener = &world->listeners[world->listeners_count++];
    *listener =
        (struct listener){subscription_create(peer, place, &(struct topic_settings){0}), name};
    topics_add(&world->topics, listener->subscription, name_bytes(&name), listening);
}

static void unsubscribe(struct world *world)
{
    if (world->listeners_count == 0)
        return;
    unsigned at = choose_below(&world->choices, world->listeners_count);
    struct subscription *subscription = world->listeners[at].subscription;
    world->listeners[at] = world->listeners[--world->listeners_count];
    topics_remove(&world->topics, subscription);
    subscription_destroy(subscription);
}

static void act(struct world *world)
{
    switch (choose_below(&world->choices, 8)) {
    case 0: subscribe(world, LISTENING_NAME); break;
    case 1: subscribe(world, LISTENING_PATTERN); break;
    case 2: subscribe(world, LISTENING_GLOB); break;
    case 3: subscribe(world, LISTENING_APART); break;
    case 4: unsubscribe(world); break;
    default: publish(world); break;
    }
    topics_check(&world->topics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.choices = {bytes_of(data, size)}};
    world.key.k0 = choose_byte(&world.choices);
    topics_init(&world.topics, &world.key);
    for (uint32_t i = 0; i < PEERS; i++) {
        world.peers[i].id = i + 1;
        world.peers[i].is_each = i % 2;
    }
    while (choices_remain(&world.choices))
        act(&world);
    while (world.listeners_count > 0)
        unsubscribe(&world);
    for (unsigned i = 0; i < PEERS; i++)
        match_unref(world.memos[i]);
    topics_finish(&world.topics);
    return 0;
}
