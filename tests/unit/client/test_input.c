#include "check.h"

#include "client/input.h"

enum { SIZE_MAX_OF_FRAME = 1024 * 1024 };

/* Stands in for a receive: `size` bytes, perhaps over several rooms. Returns how many rooms it took. */
static int receive(struct input *input, const unsigned char *data, size_t size)
{
    int rooms = 0;
    while (size > 0) {
        int room = input_reserve(input, SIZE_MAX_OF_FRAME);
        assert_true(room > 0);
        size_t part = size < (size_t)room ? size : (size_t)room;
        memcpy(input_room(input), data, part);
        input->last->end += part;
        /* Stands in for the scan. */
        struct block *last = input->last;
        while (last->end - last->scanned >= FRAME_HEAD_SIZE &&
               frame_size(last->data + last->scanned) <= last->end - last->scanned)
            last->scanned += frame_size(last->data + last->scanned);
        data += part;
        size -= part;
        rooms++;
    }
    return rooms;
}

static size_t frame_make(unsigned char *to, uint32_t size, unsigned char fill)
{
    memset(to, fill, size);
    frame_head_store(to, (struct frame_head){.op = OP_PUSH, .size = size});
    return size;
}

static void frame_read(struct input *input, uint32_t size, unsigned char fill)
{
    const unsigned char *frame = input_peek(input);
    assert_non_null(frame);
    assert_int_equal(frame_size(frame), size);
    for (uint32_t i = FRAME_HEAD_SIZE; i < size; i++)
        assert_int_equal(frame[i], fill);
    input->first->read += size;
}

static void what_is_read_makes_room_in_one_block(void **state)
{
    (void)state;
    static unsigned char frame[1000];
    struct input input;
    assert_int_equal(input_init(&input), 0);
    frame_make(frame, sizeof frame, 1);
    for (int i = 0; i < 1000; i++) {
        receive(&input, frame, sizeof frame);
        frame_read(&input, sizeof frame, 1);
        assert_null(input_peek(&input));
    }
    assert_ptr_equal(input.first, input.last);
    assert_null(input.spare);
    input_finish(&input);
}

static void what_is_lent_stays_where_it_is(void **state)
{
    (void)state;
    static unsigned char frame[100000];
    struct input input;
    assert_int_equal(input_init(&input), 0);
    frame_make(frame, sizeof frame, 1);
    receive(&input, frame, sizeof frame);
    const unsigned char *lent = input_peek(&input);
    input.first->read += sizeof frame;
    input.is_lent = true;
    frame_make(frame, sizeof frame, 2);
    for (int i = 0; i < 10; i++)
        receive(&input, frame, sizeof frame);
    for (size_t i = FRAME_HEAD_SIZE; i < sizeof frame; i++)
        assert_int_equal(lent[i], 1);
    input.is_lent = false;
    for (int i = 0; i < 10; i++)
        frame_read(&input, sizeof frame, 2);
    assert_null(input_peek(&input));
    input_finish(&input);
}

static void a_large_frame_grows_with_what_came(void **state)
{
    (void)state;
    static unsigned char frame[SIZE_MAX_OF_FRAME];
    struct input input;
    assert_int_equal(input_init(&input), 0);
    frame_make(frame, sizeof frame, 3);
    receive(&input, frame, 1000);
    int room = input_reserve(&input, SIZE_MAX_OF_FRAME);
    assert_true(room < 2 * INPUT_BLOCK_SIZE);
    assert_true(receive(&input, frame + 1000, sizeof frame - 1000) < 10);
    frame_read(&input, sizeof frame, 3);
    assert_null(input_peek(&input));
    input_finish(&input);
}

static void blank_frames_do_not_pile_up_behind_an_unread_one(void **state)
{
    (void)state;
    unsigned char frame[20];
    struct input input;
    assert_int_equal(input_init(&input), 0);
    frame_make(frame, sizeof frame, 4);
    receive(&input, frame, sizeof frame);
    for (int i = 0; i < 1000000; i++) {
        assert_true(input_reserve(&input, SIZE_MAX_OF_FRAME) > 0);
        memcpy(input_room(&input), frame, sizeof frame);
        input.last->end += sizeof frame;
        input_blank(&input);
        input.last->scanned += sizeof frame;
    }
    assert_ptr_equal(input.first, input.last);
    frame_read(&input, sizeof frame, 4);
    input_finish(&input);
}

static void blank_frames_do_not_pile_up_while_something_is_lent(void **state)
{
    (void)state;
    unsigned char frame[20];
    struct input input;
    assert_int_equal(input_init(&input), 0);
    frame_make(frame, sizeof frame, 5);
    receive(&input, frame, sizeof frame);
    const unsigned char *lent = input_peek(&input);
    input.first->read += sizeof frame;
    input.is_lent = true;
    for (int i = 0; i < 1000000; i++) {
        assert_true(input_reserve(&input, SIZE_MAX_OF_FRAME) > 0);
        memcpy(input_room(&input), frame, sizeof frame);
        input.last->end += sizeof frame;
        input_blank(&input);
        input.last->scanned += sizeof frame;
    }
    assert_int_equal(lent[FRAME_HEAD_SIZE], 5);
    assert_ptr_equal(input.first->next, input.last);
    assert_int_equal(input_backlog(&input), 0);
    input_finish(&input);
}

static void a_notice_always_finds_room(void **state)
{
    (void)state;
    static unsigned char frame[60000];
    unsigned char body[32] = {0};
    struct input input;
    assert_int_equal(input_init(&input), 0);
    frame_make(frame, sizeof frame, 6);
    for (int i = 0; i < 100; i++) {
        /* Until the block is as full as can be, with part of a frame at its end. */
        int room = input_reserve(&input, SIZE_MAX_OF_FRAME);
        for (int left = room; left > 0;) {
            int part = left < (int)sizeof frame ? left : (int)sizeof frame;
            memcpy(input_room(&input), frame, (size_t)part);
            input.last->end += (size_t)part;
            input.last->scanned += part == (int)sizeof frame ? sizeof frame : 0;
            left -= part;
        }
        input_truncate(&input);
        input_notice(&input, OP_LINK_LOST, body, sizeof body);
    }
    int count = 0;
    for (unsigned char *at; (at = input_peek(&input)); input.first->read += frame_size(at))
        count += at[0] == OP_LINK_LOST;
    assert_int_equal(count, 100);
    input_finish(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_makes_room_in_one_block),
        cmocka_unit_test(what_is_lent_stays_where_it_is),
        cmocka_unit_test(a_large_frame_grows_with_what_came),
        cmocka_unit_test(blank_frames_do_not_pile_up_behind_an_unread_one),
        cmocka_unit_test(blank_frames_do_not_pile_up_while_something_is_lent),
        cmocka_unit_test(a_notice_always_finds_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
