#include "base/table.h"

#include "check.h"
#include "seed.h"

static struct random seed;

static void nothing_is_found_in_an_empty_table(void **state)
{
    (void)state;
    struct table table = {0};
    size_t at = 0;
    assert_null(table_find(&table, 7, bytes_text("a")));
    assert_null(table_next(&table, &at));
    table_finish(&table);
}

static void names_of_one_hash_are_told_apart(void **state)
{
    (void)state;
    struct table table = {0};
    struct table_entry a = {5, bytes_text("a")}, b = {5, bytes_text("b")};
    table_insert(&table, &a);
    assert_null(table_find(&table, 5, bytes_text("b")));
    table_insert(&table, &b);
    assert_ptr_equal(table_find(&table, 5, bytes_text("a")), &a);
    assert_ptr_equal(table_find(&table, 5, bytes_text("b")), &b);
    table_remove(&table, &a);
    assert_null(table_find(&table, 5, bytes_text("a")));
    assert_ptr_equal(table_find(&table, 5, bytes_text("b")), &b);
    table_finish(&table);
}

static void a_finished_table_is_empty_again(void **state)
{
    (void)state;
    struct table table = {0};
    struct table_entry a = {5, bytes_text("a")};
    table_insert(&table, &a);
    table_finish(&table);
    assert_int_equal(table.count, 0);
    assert_null(table_find(&table, 5, bytes_text("a")));
    table_insert(&table, &a);
    assert_ptr_equal(table_find(&table, 5, bytes_text("a")), &a);
    table_finish(&table);
}

static void a_walk_meets_every_entry_once(void **state)
{
    (void)state;
    struct table table = {0};
    struct table_entry entries[100] = {0};
    bool is_seen[100] = {0};
    for (uint64_t i = 0; i < 100; i++) {
        entries[i].hash = i;
        table_insert(&table, &entries[i]);
    }
    size_t at = 0, count = 0;
    for (struct table_entry *entry; (entry = table_next(&table, &at)); count++) {
        assert_false(is_seen[entry->hash]);
        is_seen[entry->hash] = true;
    }
    assert_int_equal(count, 100);
    table_finish(&table);
}

/* Few hashes for many names, so that entries crowd and wrap around. */
static void it_agrees_with_a_list_of_what_is_in(void **state)
{
    (void)state;
    enum { NAMES = 200, STEPS = 20000 };
    struct table table = {0};
    struct table_entry entries[NAMES] = {0};
    char names[NAMES][8];
    bool is_in[NAMES] = {0};
    size_t count = 0, goal = 0;
    for (int i = 0; i < NAMES; i++) {
        int size = snprintf(names[i], sizeof names[i], "n%d", i);
        entries[i] =
            (struct table_entry){random_below(&seed, 50), bytes_of(names[i], (size_t)size)};
    }
    for (int step = 0; step < STEPS; step++) {
        if (step % 500 == 0)
            goal = random_below(&seed, NAMES + 1);
        size_t i = random_below(&seed, NAMES);
        if (is_in[i] && count > goal) {
            table_remove(&table, &entries[i]);
            is_in[i] = false;
            count--;
        } else if (!is_in[i] && count < goal) {
            table_insert(&table, &entries[i]);
            is_in[i] = true;
            count++;
        }
        assert_int_equal(table.count, count);
        assert_true(4 * table.count <= 3 * table.capacity || table.count == 0);
        for (size_t j = step % 10; j < NAMES; j += 10)
            assert_ptr_equal(table_find(&table, entries[j].hash, entries[j].name),
                             is_in[j] ? &entries[j] : NULL);
    }
    table_finish(&table);
}

/* Entries of two tables that are walked together. */
enum { CROWD = 3000 };

struct crowd {
    struct table tables[2];
    struct table_entry entries[CROWD]; /* their hash is their number; every third in the second */
    bool is_in[CROWD], was_in[CROWD];  /* now, and all the time */
    unsigned seen[CROWD];
};

static void toggle(struct crowd *crowd, size_t i)
{
    struct table *table = &crowd->tables[i % 3 == 0];
    if (crowd->is_in[i])
        table_remove(table, &crowd->entries[i]);
    else
        table_insert(table, &crowd->entries[i]);
    crowd->is_in[i] = !crowd->is_in[i];
    crowd->was_in[i] = false;
}

/* The places from `first` on that one piece can have in both. */
static uint64_t look_at_piece(struct crowd *crowd, uint64_t first)
{
    uint64_t last = table_piece_last(&crowd->tables[0], first);
    uint64_t other = table_piece_last(&crowd->tables[1], first);
    last = last < other ? last : other;
    for (int i = 0; i < 2; i++) {
        struct table_piece piece = {.first = first, .last = last};
        for (struct table_entry *entry; (entry = table_piece_next(&crowd->tables[i], &piece));)
            crowd->seen[entry->hash]++;
    }
    return last + 1;
}

static void a_walk_in_pieces_meets_what_is_there_throughout_once(void **state)
{
    (void)state;
    static struct crowd crowd;
    for (size_t i = 0; i < CROWD; i++) {
        crowd.entries[i].hash = i;
        if (random_below(&seed, 2))
            toggle(&crowd, i);
    }
    for (int round = 0; round < 20; round++) {
        uint64_t goal = random_below(&seed, CROWD + 1), first = 0;
        memcpy(crowd.was_in, crowd.is_in, sizeof crowd.is_in);
        memset(crowd.seen, 0, sizeof crowd.seen);
        do {
            first = look_at_piece(&crowd, first);
            size_t i = random_below(&seed, CROWD);
            if (crowd.is_in[i] == (i >= goal))
                toggle(&crowd, i);
        } while (first != 0);
        for (size_t i = 0; i < CROWD; i++)
            assert_in_range(crowd.seen[i], crowd.was_in[i], 1);
    }
    for (int i = 0; i < 2; i++)
        table_finish(&crowd.tables[i]);
}

static void a_walk_in_pieces_of_nothing_is_one_piece(void **state)
{
    (void)state;
    struct table table = {0};
    struct table_piece piece = {.first = 5, .last = table_piece_last(&table, 5)};
    assert_true(piece.last == UINT64_MAX);
    assert_null(table_piece_next(&table, &piece));
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_an_empty_table),
        cmocka_unit_test(names_of_one_hash_are_told_apart),
        cmocka_unit_test(a_finished_table_is_empty_again),
        cmocka_unit_test(a_walk_meets_every_entry_once),
        cmocka_unit_test(a_walk_in_pieces_meets_what_is_there_throughout_once),
        cmocka_unit_test(a_walk_in_pieces_of_nothing_is_one_piece),
        cmocka_unit_test(it_agrees_with_a_list_of_what_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
