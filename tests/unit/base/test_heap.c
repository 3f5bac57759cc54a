#include "base/heap.h"

#include "base/array.h"
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECES = 16 * 1024, PIECE_SIZE = 512 };

/* Bytes of this process that are in memory. */
static size_t resident_size(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Takes pieces, fills them and frees all but the last, which it returns. */
static void *leave_pieces(struct heap *heap)
{
    static void *pieces[PIECES + 1];
    for (unsigned i = 0; i < PIECES + 1; i++)
        pieces[i] = memset(memory_create(PIECE_SIZE), 1, PIECE_SIZE);
    assert_false(heap_has_shrunk(heap));
    for (unsigned i = 0; i < PIECES; i++)
        memory_free(pieces[i]);
    return pieces[PIECES];
}

static void what_was_freed_below_something_goes_back_each_time(void **state)
{
    (void)state;
    struct heap heap = {0};
    void *last[3];
    size_t before = resident_size();
    for (unsigned i = 0; i < 3; i++) {
        last[i] = leave_pieces(&heap);
        assert_true(resident_size() > before + PIECES * PIECE_SIZE / 2);
        assert_true(heap_has_shrunk(&heap));
        heap_trim(&heap);
        assert_false(heap_has_shrunk(&heap));
        assert_true(resident_size() < before + HEAP_SPARE_MAX);
    }
    for (unsigned i = 0; i < 3; i++)
        memory_free(last[i]);
}

static void a_small_part_that_was_freed_is_not_worth_a_trim(void **state)
{
    (void)state;
    struct heap heap = {0};
    void *much = memory_create(10 * HEAP_SPARE_MAX), *some = memory_create(HEAP_SPARE_MAX + 1);
    assert_false(heap_has_shrunk(&heap));
    memory_free(some);
    assert_false(heap_has_shrunk(&heap));
    memory_free(much);
    assert_true(heap_has_shrunk(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_freed_below_something_goes_back_each_time),
        cmocka_unit_test(a_small_part_that_was_freed_is_not_worth_a_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
