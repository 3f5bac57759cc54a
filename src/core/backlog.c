#include "core/backlog.h"

#include "base/array.h"
#include "core/chunk.h"
#include "frame/frame.h"

#include <assert.h>
#include <stdlib.h>

/*
 * What is missing is counted at the post behind it, so that it is told in its place; behind all that
 * waits a post without messages keeps the place. Numbers are given when messages go out: until then
 * something may still be dropped before them, or come between.
 */

/* Posts and lines. */

void backlog_store_init(struct backlog_store *store, struct arena *arena,
                        const struct hash_key *key)
{
    *store = (struct backlog_store){.arena = arena, .key = key};
    list_init(&store->over);
}

void backlog_store_finish(struct backlog_store *store)
{
    assert(list_is_empty(&store->over));
    for (struct list *link; (link = store->spare_posts);) {
        store->spare_posts = link->next;
        memory_free(list_entry(link, struct post, in_line));
    }
    for (struct list *link; (link = store->spare_lines);) {
        store->spare_lines = link->next;
        memory_free(list_entry(link, struct line, posts));
    }
}

static struct line *line_make(struct backlog_store *store, struct subscription *subscription)
{
    if (subscription->line)
        return subscription->line;
    struct line *line;
    if (store->spare_lines) {
        line = list_entry(store->spare_lines, struct line, posts);
        store->spare_lines = store->spare_lines->next;
    } else {
        line = memory_create(sizeof *line);
    }
    *line = (struct line){0};
    list_init(&line->posts);
    return subscription->line = line;
}

/* Lets go of the line when nothing is left in it. */
static void line_rest(struct backlog_store *store, struct subscription *subscription)
{
    struct line *line = subscription->line;
    if (!line || !list_is_empty(&line->posts))
        return;
    assert(line->count == 0 && line->size == 0 && line->latest.count == 0);
    list_remove(&line->over);
    table_finish(&line->latest);
    line->posts.next = store->spare_lines;
    store->spare_lines = &line->posts;
    subscription->line = NULL;
}

static struct post *post_of(struct list *in_line)
{
    return list_entry(in_line, struct post, in_line);
}

/* A post without messages, right before `next`, or behind all when that is NULL. */
static struct post *post_put(struct backlog *backlog, struct backlog_store *store,
                             struct subscription *subscription, struct post *next, uint64_t order)
{
    struct line *line = subscription->line;
    struct post *post;
    if (store->spare_posts) {
        post = post_of(store->spare_posts);
        store->spare_posts = store->spare_posts->next;
    } else {
        post = memory_create(sizeof *post);
    }
    *post = (struct post){.subscription = subscription, .order = order};
    list_insert_before(next ? &next->in_line : &line->posts, &post->in_line);
    list_insert_before(next ? &next->in_backlog : &backlog->posts, &post->in_backlog);
    backlog->posts_count++;
    return post;
}

/* Takes the post's messages out of its line's account. */
static void forget_messages(struct post *post)
{
    struct line *line = post->subscription->line;
    line->count -= post->slice.count;
    line->size -= post->slice.size;
    if (post->latest.name.size > 0)
        table_remove(&line->latest, &post->latest);
    post->latest = (struct table_entry){0};
}

static void post_remove(struct backlog *backlog, struct backlog_store *store, struct post *post)
{
    struct line *line = post->subscription->line;
    struct list *behind = post->in_line.next;
    if (line->late == post)
        line->late = behind == &line->posts ? NULL : post_of(behind);
    list_remove(&post->in_backlog);
    list_remove(&post->in_line);
    backlog->posts_count--;
    post->in_line.next = store->spare_posts;
    store->spare_posts = &post->in_line;
}

/* Adding. */

static bool has_room(const struct subscription *subscription, uint32_t count, uint32_t size)
{
    const struct line *line = subscription->line;
    return (uint64_t)line->count + count <= subscription_count_max(subscription) &&
           line->size + size <= subscription_size_max(subscription);
}

static bool is_newer(const struct post *post, const struct batch *batch)
{
    return post->order > batch->order ||
           (post->order == batch->order && post->slice.block == batch->slice.block &&
            post->slice.offset > batch->slice.offset);
}

/* The first post of the line that is newer than the batch, or NULL. Only what comes from a member that
 * left its group is late, and comes in order: it is looked for from where the last one was put. Where
 * messages take the place of others of their name, posts may be in another order. */
static struct post *find_newer(struct line *line, const struct batch *batch)
{
    const struct list *end = &line->posts;
    struct list *at = end->prev;
    if (at == end || !is_newer(post_of(at), batch))
        return NULL;
    if (line->late && line->latest.count == 0)
        at = &line->late->in_line;
    while (!is_newer(post_of(at), batch)) /* the last one is */
        at = at->next;
    while (at->prev != end && is_newer(post_of(at->prev), batch))
        at = at->prev;
    return line->late = post_of(at);
}

/* Joins the batch to the last post when it goes on right behind it. */
static bool join(struct backlog *backlog, const struct subscription *subscription,
                 const struct batch *batch)
{
    if (backlog->posts_count == 0)
        return false;
    struct post *last = list_entry(backlog->posts.prev, struct post, in_backlog);
    const struct slice *slice = &batch->slice;
    if (last->subscription != subscription || last->slice.block != slice->block ||
        last->slice.offset + last->slice.size != slice->offset ||
        last->is_retained != batch->is_retained ||
        (subscription_group(subscription) && last->order != batch->order))
        return false;
    last->slice.size += slice->size;
    last->slice.count += slice->count;
    return true;
}

static void hold_messages(struct post *post, const struct batch *batch)
{
    post->slice = batch->slice;
    post->is_retained = batch->is_retained;
    post->slice.block->holds_count++;
}

/* Puts the batch in its place, bound or not. */
static void put_in_order(struct backlog *backlog, struct backlog_store *store,
                         struct subscription *subscription, const struct batch *batch)
{
    struct post *newer = find_newer(subscription->line, batch);
    subscription->line->count += batch->slice.count;
    subscription->line->size += batch->slice.size;
    if (newer || !join(backlog, subscription, batch))
        hold_messages(post_put(backlog, store, subscription, newer, batch->order), batch);
}

/* Counts the batch as missing where it would have been. */
static uint64_t miss(struct backlog *backlog, struct backlog_store *store,
                     struct subscription *subscription, const struct batch *batch)
{
    struct line *line = subscription->line;
    struct post *behind = find_newer(line, batch);
    if (!behind && !list_is_empty(&line->posts) && post_of(line->posts.prev)->slice.count == 0)
        behind = post_of(line->posts.prev);
    if (!behind)
        behind = post_put(backlog, store, subscription, NULL, batch->order);
    behind->missed_count += batch->slice.count;
    behind->missed_size += batch->slice.size;
    return batch->slice.count;
}

/* Drops messages off the front of the post while the line is over its bound. */
static uint64_t drop_front(struct post *post)
{
    struct subscription *subscription = post->subscription;
    struct line *line = subscription->line;
    struct slice *slice = &post->slice;
    uint64_t dropped = 0;
    for (; slice->count > 0 && !has_room(subscription, 0, 0); dropped++) {
        uint32_t size = frame_size(slice->block->data + slice->offset);
        slice->offset += size;
        slice->size -= size;
        slice->count--;
        line->count--;
        line->size -= size;
        post->missed_size += size;
    }
    post->missed_count += dropped;
    return dropped;
}

/* What the first post has missed is told with the one behind it, if there is one. */
static void pass_on_missed(struct backlog *backlog, struct backlog_store *store, struct post *first)
{
    if (first->in_line.next == &first->subscription->line->posts)
        return;
    struct post *next = post_of(first->in_line.next);
    next->missed_count += first->missed_count;
    next->missed_size += first->missed_size;
    post_remove(backlog, store, first);
}

static uint64_t drop_oldest(struct backlog *backlog, struct backlog_store *store,
                            struct subscription *subscription)
{
    uint64_t dropped = 0;
    while (!has_room(subscription, 0, 0)) {
        struct post *first = post_of(subscription->line->posts.next);
        dropped += drop_front(first);
        if (first->slice.count > 0)
            break;
        if (first->slice.block) {
            forget_messages(first);
            chunk_release(first->slice.block, store->arena);
            first->slice.block = NULL;
        }
        pass_on_missed(backlog, store, first);
    }
    return dropped;
}

/* Cuts the first message off the front of the batch. */
static struct batch cut_first(struct batch *batch)
{
    struct batch first = *batch;
    first.slice.size = frame_size(slice_bytes(&batch->slice).data);
    first.slice.count = 1;
    batch->slice.offset += first.slice.size;
    batch->slice.size -= first.slice.size;
    batch->slice.count--;
    return first;
}

static uint64_t drop_newest(struct backlog *backlog, struct backlog_store *store,
                            struct subscription *subscription, struct batch batch)
{
    uint64_t dropped = 0;
    while (batch.slice.count > 0) {
        struct batch one = cut_first(&batch);
        if (has_room(subscription, 1, one.slice.size))
            put_in_order(backlog, store, subscription, &one);
        else
            dropped += miss(backlog, store, subscription, &one);
    }
    return dropped;
}

/* The message takes the place of the older one of its name, which is missing right before it. */
static uint64_t replace(struct backlog_store *store, struct post *post, const struct batch *one)
{
    bool is_late = is_newer(post, one);
    post->missed_count++;
    post->missed_size += is_late ? one->slice.size : post->slice.size;
    if (is_late)
        return 1;
    struct line *line = post->subscription->line;
    line->size += one->slice.size;
    line->size -= post->slice.size;
    chunk_release(post->slice.block, store->arena);
    hold_messages(post, one);
    post->order = one->order;
    post->latest.name = frame_name(slice_bytes(&post->slice).data);
    return 1;
}

static uint64_t keep_last(struct backlog *backlog, struct backlog_store *store,
                          struct subscription *subscription, struct batch batch)
{
    struct line *line = subscription->line;
    uint64_t dropped = 0;
    while (batch.slice.count > 0) {
        struct batch one = cut_first(&batch);
        struct bytes name = frame_name(slice_bytes(&one.slice).data);
        uint64_t hash = hash_bytes(store->key, name);
        struct table_entry *entry = table_find(&line->latest, hash, name);
        if (entry) {
            dropped += replace(store, list_entry(entry, struct post, latest), &one);
            continue;
        }
        struct post *newer = find_newer(line, &one);
        struct post *post = post_put(backlog, store, subscription, newer, one.order);
        hold_messages(post, &one);
        line->count++;
        line->size += one.slice.size;
        post->latest = (struct table_entry){hash, name};
        table_insert(&line->latest, &post->latest);
    }
    return dropped + drop_oldest(backlog, store, subscription);
}

uint64_t backlog_add(struct backlog *backlog, struct backlog_store *store,
                     struct subscription *subscription, const struct batch *batch)
{
    assert(batch->slice.count > 0 && batch->slice.block->kind == BLOCK_CHUNK);
    struct line *line = line_make(store, subscription);
    if (subscription->overflow == OVERFLOW_KEEP_LAST)
        return keep_last(backlog, store, subscription, *batch);
    bool has_room_for_all = has_room(subscription, batch->slice.count, batch->slice.size);
    if (!has_room_for_all && subscription->overflow == OVERFLOW_DROP_NEWEST)
        return drop_newest(backlog, store, subscription, *batch);
    put_in_order(backlog, store, subscription, batch);
    if (has_room_for_all)
        return 0;
    if (subscription->overflow == OVERFLOW_DROP_OLDEST)
        return drop_oldest(backlog, store, subscription);
    if (!list_is_linked(&line->over))
        list_push_back(&store->over, &line->over);
    return 0;
}

/* Taking. */

static struct post take(struct backlog *backlog, struct backlog_store *store, struct post *post)
{
    struct subscription *subscription = post->subscription;
    struct post taken = *post;
    forget_messages(post);
    post_remove(backlog, store, post);
    line_rest(store, subscription);
    return taken;
}

struct post backlog_take(struct backlog *backlog, struct backlog_store *store)
{
    assert(backlog->posts_count > 0);
    return take(backlog, store, list_entry(backlog->posts.next, struct post, in_backlog));
}

struct post backlog_take_of(struct backlog *backlog, struct backlog_store *store,
                            struct subscription *subscription)
{
    return take(backlog, store, post_of(subscription->line->posts.next));
}

void backlog_check(const struct backlog *backlog)
{
    uint64_t count = 0;
    for (struct list *link = backlog->posts.next; link != &backlog->posts;
         link = link->next, count++) {
        const struct post *post = list_entry(link, struct post, in_backlog);
        assert(post->slice.count > 0 ? post->slice.block != NULL : post->missed_count > 0);
        assert(has_room(post->subscription, 0, 0));
    }
    assert(count == backlog->posts_count);
}
