#include "frame/field.h"

#include "check.h"
#include "seed.h"

#include <errno.h>

static struct random seed;

/* Parses a copy of just its own size, so that a sanitizer sees a read past the end. */
static int parse(const void *data, size_t size, struct field *field)
{
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    int result = field_parse(bytes_of(copy, size), field);
    free(copy);
    return result;
}

static void a_number_comes_back(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 255, UINT32_MAX, UINT64_MAX};
    for (int i = 0; i < 5; i++) {
        unsigned char room[64];
        struct field field;
        size_t size = field_put_number(room, "frame-max", numbers[i]);
        assert_int_equal(size, FIELD_HEAD_SIZE + 9 + 8);
        assert_int_equal(field_parse(bytes_of(room, size), &field), size);
        assert_true(field_is(&field, "frame-max"));
        assert_int_equal(field.kind, FIELD_NUMBER);
        assert_true(field.number == numbers[i]);
        assert_int_equal(field.value.size, 0);
    }
}

static void bytes_come_back(void **state)
{
    (void)state;
    static unsigned char room[70000], value[UINT16_MAX];
    static const size_t sizes[] = {0, 1, 8, 255, 256, UINT16_MAX};
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 6; i++) {
        struct field field;
        size_t size = field_put_bytes(room, "client", bytes_of(value, sizes[i]));
        assert_int_equal(field_parse(bytes_of(room, size), &field), size);
        assert_true(field_is(&field, "client"));
        assert_int_equal(field.kind, FIELD_BYTES);
        assert_true(bytes_equal(field.value, bytes_of(value, sizes[i])));
    }
}

static void the_layout_is_the_protocols(void **state)
{
    (void)state;
    unsigned char room[32];
    assert_int_equal(field_put_bytes(room, "ab", bytes_text("xyz")), 9);
    assert_memory_equal(room,
                        "\x02\x01\x03\x00"
                        "abxyz",
                        9);
    assert_int_equal(field_put_number(room, "n", 0x0102), 13);
    assert_memory_equal(room, "\x01\x00\x08\x00n\x02\x01\0\0\0\0\0\0", 13);
}

static void fields_follow_one_another(void **state)
{
    (void)state;
    unsigned char room[64];
    size_t first = field_put_number(room, "a", 7);
    size_t size = first + field_put_bytes(room + first, "b", bytes_text("text"));
    struct field field;
    struct bytes in = bytes_of(room, size);
    int taken = field_parse(in, &field);
    assert_int_equal(taken, first);
    in = bytes_of(in.data + taken, in.size - (size_t)taken);
    taken = field_parse(in, &field);
    assert_true(field_is(&field, "b"));
    assert_int_equal(taken, in.size);
    assert_int_equal(field_parse(bytes_of(in.data + taken, 0), &field), 0);
}

static void a_key_is_matched_whole(void **state)
{
    (void)state;
    unsigned char room[32];
    struct field field;
    field_parse(bytes_of(room, field_put_number(room, "window", 1)), &field);
    assert_true(field_is(&field, "window"));
    assert_false(field_is(&field, "window-bytes"));
    assert_false(field_is(&field, "windo"));
    assert_false(field_is(&field, ""));
}

static void a_field_cut_short_is_refused_at_every_byte(void **state)
{
    (void)state;
    unsigned char room[64];
    struct field field;
    size_t size = field_put_number(room, "frame-max", 1);
    for (size_t cut = 1; cut < size; cut++)
        assert_int_equal(parse(room, cut, &field), -EBADMSG);
    size = field_put_bytes(room, "client", bytes_text("hello"));
    for (size_t cut = 1; cut < size; cut++)
        assert_int_equal(parse(room, cut, &field), -EBADMSG);
}

static void sizes_and_kinds_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned char data[80];
        size_t size;
    } bad[] = {
        {{0, 1, 0, 0}, 4},                   /* no key */
        {{0, 1, 1, 0, 'v'}, 5},              /* no key, a value */
        {{65, 1, 0, 0}, 69},                 /* a key over FIELD_KEY_MAX */
        {{255, 1, 255, 255}, 80},            /* everything at its largest */
        {{1, 1, 255, 255, 'k', 'v'}, 80},    /* a value over the end */
        {{1, 2, 0, 0, 'k'}, 5},              /* an unknown kind */
        {{1, 255, 0, 0, 'k'}, 5},            /* an unknown kind */
        {{1, 0, 0, 0, 'k'}, 5},              /* a number of 0 bytes */
        {{1, 0, 4, 0, 'k', 1, 2, 3, 4}, 9},  /* a number of 4 bytes */
        {{1, 0, 9, 0, 'k', 1, 2, 3, 4}, 14}, /* a number of 9 bytes */
        {{1, 0, 8, 1, 'k', 1, 2, 3, 4}, 80}, /* a number of 264 bytes */
    };
    struct field field;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse(bad[i].data, bad[i].size, &field), -EBADMSG);
}

static void the_longest_key_is_accepted(void **state)
{
    (void)state;
    unsigned char data[FIELD_HEAD_SIZE + FIELD_KEY_MAX] = {FIELD_KEY_MAX, FIELD_BYTES, 0, 0};
    struct field field;
    memset(data + FIELD_HEAD_SIZE, 'k', FIELD_KEY_MAX);
    assert_int_equal(field_parse(bytes_of(data, sizeof data), &field), sizeof data);
    assert_int_equal(field.key.size, FIELD_KEY_MAX);
}

static void whatever_is_parsed_lies_within_the_input(void **state)
{
    (void)state;
    int parsed_count = 0;
    for (int round = 0; round < 200000; round++) {
        unsigned char data[40];
        size_t size = random_below(&seed, sizeof data + 1);
        for (size_t i = 0; i < size; i++)
            data[i] = (unsigned char)(i < 4 ? random_below(&seed, 12) : random_next(&seed));
        struct field field;
        int taken = field_parse(bytes_of(data, size), &field);
        if (size == 0)
            assert_int_equal(taken, 0);
        if (taken <= 0)
            continue;
        parsed_count++;
        assert_true((size_t)taken <= size);
        assert_true(field.key.data == data + FIELD_HEAD_SIZE);
        assert_true(field.key.size > 0 && field.key.size <= FIELD_KEY_MAX);
        if (field.kind == FIELD_BYTES)
            assert_true(field.value.data + field.value.size == data + taken);
    }
    assert_true(parsed_count > 100);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_comes_back),
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(the_layout_is_the_protocols),
        cmocka_unit_test(fields_follow_one_another),
        cmocka_unit_test(a_key_is_matched_whole),
        cmocka_unit_test(a_field_cut_short_is_refused_at_every_byte),
        cmocka_unit_test(sizes_and_kinds_out_of_range_are_refused),
        cmocka_unit_test(the_longest_key_is_accepted),
        cmocka_unit_test(whatever_is_parsed_lies_within_the_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
