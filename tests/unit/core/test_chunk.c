#include "core/chunk.h"

#include "check.h"

struct bench {
    struct arena arena;
    struct chunk_store store;
};

static void open(struct bench *bench)
{
    *bench = (struct bench){0};
    arena_init(&bench->arena);
}

static void close(struct bench *bench)
{
    chunk_store_finish(&bench->store, &bench->arena);
    arena_finish(&bench->arena);
}

static struct slice put(struct bench *bench, const char *text)
{
    struct slice slice;
    uint32_t size = (uint32_t)strlen(text);
    memcpy(chunk_put(&bench->store, &bench->arena, size, &slice), text, size);
    return slice;
}

static struct slice put_size(struct bench *bench, uint32_t size)
{
    struct slice slice;
    memset(chunk_put(&bench->store, &bench->arena, size, &slice), 'x', size);
    assert_int_equal(slice.size, size);
    return slice;
}

static void release(struct bench *bench, struct slice slice)
{
    chunk_release(slice.block, &bench->arena);
}

static void pieces_lie_behind_one_another(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct slice first = put(&b, "hello "), second = put(&b, "world");
    assert_ptr_equal(first.block, second.block);
    assert_int_equal(second.offset, first.offset + first.size);
    assert_memory_equal(slice_bytes(&first).data, "hello world", 11);
    release(&b, first);
    release(&b, second);
    close(&b);
}

static void each_piece_holds_the_chunk(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct slice first = put(&b, "a"), second = put(&b, "b");
    chunk_store_finish(&b.store, &b.arena);
    release(&b, first);
    assert_memory_equal(slice_bytes(&second).data, "b", 1);
    release(&b, second);
    assert_int_equal(b.arena.size, 0);
    close(&b);
}

static void a_piece_keeps_no_more_than_its_chunk_alive(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct slice kept[100];
    for (int i = 0; i < 100; i++) {
        kept[i] = put(&b, "a");
        for (int k = 0; k < 30; k++)
            release(&b, put_size(&b, CHUNK_SIZE / 4));
    }
    assert_true(b.arena.size <= 101 * CHUNK_SIZE);
    for (int i = 0; i < 100; i++)
        release(&b, kept[i]);
    close(&b);
}

static void a_large_piece_has_a_chunk_of_its_own(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct slice small = put(&b, "a"), large = put_size(&b, 1000000), next = put(&b, "b");
    assert_ptr_equal(small.block, next.block);
    assert_int_equal(next.offset, small.offset + 1);
    assert_int_equal(large.block->holds_count, 1);
    release(&b, large);
    assert_int_equal(b.arena.size, CHUNK_SIZE);
    release(&b, small);
    release(&b, next);
    close(&b);
}

static void a_piece_of_nothing_is_a_hold_all_the_same(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct slice nothing = put_size(&b, 0);
    assert_int_equal(nothing.block->holds_count, 2);
    release(&b, nothing);
    close(&b);
}

static void an_idle_store_keeps_no_memory(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct slice one = put(&b, "a");
    chunk_store_rest(&b.store, &b.arena);
    assert_ptr_equal(b.store.open, one.block);
    release(&b, one);
    chunk_store_rest(&b.store, &b.arena);
    assert_null(b.store.open);
    assert_int_equal(b.arena.size, 0);
    chunk_store_rest(&b.store, &b.arena);
    close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_lie_behind_one_another),
        cmocka_unit_test(each_piece_holds_the_chunk),
        cmocka_unit_test(a_piece_keeps_no_more_than_its_chunk_alive),
        cmocka_unit_test(a_large_piece_has_a_chunk_of_its_own),
        cmocka_unit_test(a_piece_of_nothing_is_a_hold_all_the_same),
        cmocka_unit_test(an_idle_store_keeps_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
