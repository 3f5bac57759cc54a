#include "base/heap.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Pieces that were filled and freed, below one that stays. */
static void *leave_pieces(void)
{
    static void *pieces[PIECES];
    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i] = malloc(PIECE_SIZE);
        assert_non_null(pieces[i]);
        memset(pieces[i], 1, PIECE_SIZE);
    }
    void *last = malloc(PIECE_SIZE);
    for (unsigned i = 0; i < PIECES; i++)
        free(pieces[i]);
    return last;
}

static void what_was_freed_below_something_goes_back(void **state)
{
    (void)state;
    size_t before = resident_size();
    void *last = leave_pieces();
    assert_true(resident_size() > before + PIECES * PIECE_SIZE / 2);
    heap_trim();
    assert_true(resident_size() < before + HEAP_SPARE_MAX);
    free(last);
}

static void it_goes_back_each_time(void **state)
{
    (void)state;
    void *last[3];
    size_t before = resident_size();
    for (unsigned i = 0; i < 3; i++) {
        last[i] = leave_pieces();
        heap_trim();
        assert_true(resident_size() < before + HEAP_SPARE_MAX);
    }
    for (unsigned i = 0; i < 3; i++)
        free(last[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_freed_below_something_goes_back),
        cmocka_unit_test(it_goes_back_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
