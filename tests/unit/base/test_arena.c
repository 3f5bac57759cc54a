#include "base/arena.h"

#include "base/array.h"
#include "check.h"
#include "seed.h"

#include <sanitizer/asan_interface.h>

static struct random seed;

static void sizes_are_rounded_to_a_class(void **state)
{
    (void)state;
    assert_int_equal(arena_fit(1), 512);
    assert_int_equal(arena_fit(512), 512);
    assert_int_equal(arena_fit(513), 1024);
    assert_int_equal(arena_fit(ARENA_PIECE_MAX - 1), ARENA_PIECE_MAX);
    assert_int_equal(arena_fit(ARENA_PIECE_MAX), ARENA_PIECE_MAX);
    assert_true(arena_fit(ARENA_PIECE_MAX + 1) < ARENA_PIECE_MAX + 128);
}

static void finishing_what_was_never_used_is_fine(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_finish(&arena);
    arena_init(&arena);
    arena_finish(&arena);
}

static void what_comes_back_last_goes_out_first(void **state)
{
    (void)state;
    struct arena arena;
    struct arena_span *spans[3], *span;
    void *pieces[3];
    arena_init(&arena);
    for (int i = 0; i < 3; i++)
        pieces[i] = arena_alloc(&arena, 2000, &spans[i]);
    arena_free(&arena, pieces[0], 2000, spans[0]);
    arena_free(&arena, pieces[2], 2000, spans[2]);
    void *again = arena_alloc(&arena, 1500, &span);
    assert_ptr_equal(again, pieces[2]);
    arena_free(&arena, again, 1500, span);
    arena_free(&arena, pieces[1], 2000, spans[1]);
    arena_finish(&arena);
}

static void spans_are_counted_as_memory_and_large_pieces_as_what_they_are(void **state)
{
    (void)state;
    struct arena arena;
    struct arena_span *small, *large;
    uint64_t before = memory_used();
    arena_init(&arena);
    void *piece = arena_alloc(&arena, 1, &small);
    assert_in_range(memory_used() - before, ARENA_PIECE_MAX, ARENA_PIECE_MAX + 4096);
    void *other = arena_alloc(&arena, 2 * ARENA_PIECE_MAX, &large);
    assert_in_range(memory_used() - before, 3 * ARENA_PIECE_MAX, 3 * ARENA_PIECE_MAX + 16384);
    arena_free(&arena, other, 2 * ARENA_PIECE_MAX, large);
    arena_free(&arena, piece, 1, small);
    arena_finish(&arena);
    assert_true(memory_used() == before);
}

static void a_span_that_came_back_serves_another_class(void **state)
{
    (void)state;
    struct arena arena;
    struct arena_span *span;
    arena_init(&arena);
    for (size_t size = ARENA_PIECE_MIN; size <= ARENA_PIECE_MAX; size *= 2) {
        void *piece = arena_alloc(&arena, size, &span);
        memset(piece, 0xaa, size);
        arena_free(&arena, piece, size, span);
        assert_int_equal(arena.blocks_count, 1);
    }
    arena_finish(&arena);
}

static void idle_blocks_go_back_to_the_system_except_one(void **state)
{
    (void)state;
    enum { PIECES = 3 * ARENA_BLOCK_SIZE / ARENA_PIECE_MAX };
    struct arena arena;
    struct arena_span *spans[PIECES];
    void *pieces[PIECES];
    arena_init(&arena);
    for (int i = 0; i < PIECES; i++)
        pieces[i] = arena_alloc(&arena, ARENA_PIECE_MAX, &spans[i]);
    assert_int_equal(arena.blocks_count, 3);
    for (int i = 0; i < PIECES; i++)
        arena_free(&arena, pieces[i], ARENA_PIECE_MAX, spans[i]);
    assert_int_equal(arena.blocks_count, 1);
    assert_int_equal(arena.size, 0);
    arena_finish(&arena);
}

#pragma weak __asan_region_is_poisoned

static void a_sanitizer_knows_what_is_handed_out(void **state)
{
    (void)state;
    struct arena arena;
    struct arena_span *spans[2];
    unsigned char *pieces[2];
    if (!__asan_region_is_poisoned)
        return;
    arena_init(&arena);
    for (int i = 0; i < 2; i++)
        pieces[i] = arena_alloc(&arena, 1000, &spans[i]);
    assert_null(__asan_region_is_poisoned(pieces[0], 1024));
    assert_ptr_equal(__asan_region_is_poisoned(pieces[1], 1025), pieces[1] + 1024);
    arena_free(&arena, pieces[0], 1000, spans[0]);
    assert_ptr_equal(__asan_region_is_poisoned(pieces[0], 1), pieces[0]);
    assert_null(__asan_region_is_poisoned(pieces[1], 1024));
    arena_free(&arena, pieces[1], 1000, spans[1]);
    arena_finish(&arena);
    assert_null(__asan_region_is_poisoned(pieces[0], 1));
}

struct piece {
    unsigned char *data;
    size_t size;
    struct arena_span *span;
    unsigned char mark;
};

static size_t random_size(void)
{
    switch (random_below(&seed, 8)) {
    case 0: return 1 + random_below(&seed, 3 * ARENA_PIECE_MAX);
    case 1: return (size_t)ARENA_PIECE_MIN << random_below(&seed, ARENA_CLASSES);
    default: return 1 + random_below(&seed, 5000);
    }
}

static void piece_take(struct arena *arena, struct piece *piece)
{
    piece->size = random_size();
    piece->data = arena_alloc(arena, piece->size, &piece->span);
    piece->mark = (unsigned char)random_next(&seed);
    assert_true((uintptr_t)piece->data % 16 == 0);
    memset(piece->data, piece->mark, arena_fit(piece->size));
}

/* Sees that nobody else wrote into the piece, then gives it back. */
static void piece_return(struct arena *arena, struct piece *piece)
{
    for (size_t i = 0; i < arena_fit(piece->size); i++)
        if (piece->data[i] != piece->mark)
            fail_msg("byte %zu of a piece of %zu bytes was overwritten", i, piece->size);
    arena_free(arena, piece->data, piece->size, piece->span);
    piece->data = NULL;
}

static void pieces_do_not_overlap_and_are_all_counted(void **state)
{
    (void)state;
    enum { PIECES = 300, STEPS = 5000 };
    struct arena arena;
    struct piece pieces[PIECES] = {0};
    size_t size = 0, limit = 0;
    arena_init(&arena);
    for (int step = 0; step < STEPS; step++) {
        if (step % 1000 == 0)
            limit = 1 + random_below(&seed, PIECES);
        struct piece *piece = &pieces[random_below(&seed, limit)];
        if (piece->data) {
            size -= arena_fit(piece->size);
            piece_return(&arena, piece);
        } else {
            piece_take(&arena, piece);
            size += arena_fit(piece->size);
        }
        assert_int_equal(arena.size, size);
    }
    for (int i = 0; i < PIECES; i++)
        if (pieces[i].data)
            piece_return(&arena, &pieces[i]);
    assert_int_equal(arena.size, 0);
    assert_true(arena.blocks_count <= 1);
    arena_finish(&arena);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_rounded_to_a_class),
        cmocka_unit_test(finishing_what_was_never_used_is_fine),
        cmocka_unit_test(what_comes_back_last_goes_out_first),
        cmocka_unit_test(spans_are_counted_as_memory_and_large_pieces_as_what_they_are),
        cmocka_unit_test(a_span_that_came_back_serves_another_class),
        cmocka_unit_test(idle_blocks_go_back_to_the_system_except_one),
        cmocka_unit_test(a_sanitizer_knows_what_is_handed_out),
        cmocka_unit_test(pieces_do_not_overlap_and_are_all_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
