#include "core/subscription.h"

#include "base/array.h"
#include "core/chunk.h"
#include "frame/frame.h"

#include <assert.h>
#include <stdlib.h>

struct subscription *subscription_create(struct peer *peer, uint32_t id, uint32_t count_max,
                                         uint64_t size_max)
{
    struct subscription *subscription = memory_create(sizeof *subscription);
    subscription->entry.hash = id;
    subscription->peer = peer;
    subscription->count_max = count_max ? count_max : SUBSCRIPTION_COUNT_DEFAULT;
    subscription->size_max = size_max ? size_max : SUBSCRIPTION_SIZE_DEFAULT;
    list_init(&subscription->waiting);
    return subscription;
}

void subscription_destroy(struct subscription *subscription)
{
    assert(list_is_empty(&subscription->waiting) && !subscription->set);
    memory_free(subscription);
}

static struct post *post_take(struct post_pool *pool)
{
    if (!pool->spare)
        return memory_create(sizeof(struct post));
    struct post *post = list_entry(pool->spare, struct post, in_backlog);
    pool->spare = pool->spare->next;
    *post = (struct post){0};
    return post;
}

static void post_return(struct post_pool *pool, struct post *post)
{
    post->in_backlog.next = pool->spare;
    pool->spare = &post->in_backlog;
}

void post_pool_finish(struct post_pool *pool)
{
    while (pool->spare) {
        struct post *post = list_entry(pool->spare, struct post, in_backlog);
        pool->spare = pool->spare->next;
        memory_free(post);
    }
}

static void post_unlink(struct backlog *backlog, struct post *post)
{
    post->subscription->waiting_count -= post->slice.count;
    post->subscription->waiting_size -= post->slice.size;
    list_remove(&post->in_backlog);
    list_remove(&post->in_subscription);
    backlog->posts_count--;
}

static bool is_over_bound(const struct subscription *subscription)
{
    return subscription->waiting_count > subscription->count_max ||
           subscription->waiting_size > subscription->size_max;
}

/* Drops messages off the front of a post until the subscription is within its bound, and the post
 * with its last. */
static uint64_t drop_oldest(struct backlog *backlog, struct post_pool *pool, struct arena *arena,
                            struct post *post)
{
    struct subscription *subscription = post->subscription;
    struct slice *slice = &post->slice;
    uint64_t dropped = 0;
    for (; slice->count > 0 && is_over_bound(subscription); dropped++) {
        uint32_t size = frame_size(slice->block->data + slice->offset);
        slice->offset += size;
        slice->size -= size;
        slice->count--;
        subscription->waiting_count--;
        subscription->waiting_size -= size;
        subscription->missed_size += size;
    }
    subscription->missed_count += dropped;
    if (slice->count > 0)
        return dropped;
    if (slice->block)
        chunk_release(slice->block, arena);
    slice->block = NULL;
    /* The last post stays, as the place of the gap. */
    if (post->in_subscription.next != &subscription->waiting) {
        post_unlink(backlog, post);
        post_return(pool, post);
    }
    return dropped;
}

/* Joins the slice to the last post when it goes on right behind it. */
static bool join(struct backlog *backlog, struct subscription *subscription,
                 const struct slice *slice)
{
    if (backlog->posts_count == 0)
        return false;
    struct post *last = list_entry(backlog->posts.prev, struct post, in_backlog);
    if (last->subscription != subscription || last->slice.block != slice->block ||
        last->slice.offset + last->slice.size != slice->offset)
        return false;
    last->slice.size += slice->size;
    last->slice.count += slice->count;
    return true;
}

uint64_t backlog_add(struct backlog *backlog, struct post_pool *pool, struct arena *arena,
                     struct subscription *subscription, const struct slice *slice)
{
    assert(slice->count > 0 && slice->block->kind == BLOCK_CHUNK);
    subscription->waiting_count += slice->count;
    subscription->waiting_size += slice->size;
    if (!join(backlog, subscription, slice)) {
        struct post *post = post_take(pool);
        post->subscription = subscription;
        post->slice = *slice;
        slice->block->holds_count++;
        list_push_back(&backlog->posts, &post->in_backlog);
        list_push_back(&subscription->waiting, &post->in_subscription);
        backlog->posts_count++;
    }
    uint64_t dropped = 0;
    while (is_over_bound(subscription)) {
        struct post *oldest = list_entry(subscription->waiting.next, struct post, in_subscription);
        dropped += drop_oldest(backlog, pool, arena, oldest);
    }
    return dropped;
}

struct post backlog_take(struct backlog *backlog, struct post_pool *pool)
{
    assert(backlog->posts_count > 0);
    struct post *post = list_entry(backlog->posts.next, struct post, in_backlog);
    post_unlink(backlog, post);
    struct post taken = *post;
    post_return(pool, post);
    return taken;
}

void backlog_drop(struct backlog *backlog, struct post_pool *pool, struct arena *arena,
                  struct subscription *subscription)
{
    subscription->missed_count += subscription->waiting_count;
    subscription->missed_size += subscription->waiting_size;
    while (!list_is_empty(&subscription->waiting)) {
        struct post *post = list_entry(subscription->waiting.next, struct post, in_subscription);
        if (post->slice.block)
            chunk_release(post->slice.block, arena);
        post_unlink(backlog, post);
        post_return(pool, post);
    }
    assert(subscription->waiting_count == 0 && subscription->waiting_size == 0);
}

void backlog_check(const struct backlog *backlog)
{
    uint64_t count = 0;
    for (struct list *link = backlog->posts.next; link != &backlog->posts;
         link = link->next, count++) {
        const struct post *post = list_entry(link, struct post, in_backlog);
        assert(post->slice.count > 0 ? post->slice.block != NULL
                                     : post->subscription->missed_count > 0);
        assert(!is_over_bound(post->subscription));
    }
    assert(count == backlog->posts_count);
}
