#include "check.h"

#include "client/output.h"

static void bytes_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct output output;
    assert_int_equal(output_init(&output), 0);
    uint32_t in = 0, out = 0;
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < 200; i++) {
            unsigned char *place = output_append(&output, 4);
            assert_non_null(place);
            store_u32(place, in++);
        }
        while (output_size(&output) > 400) {
            assert_int_equal(load_u32(output.data + output.start), out++);
            output_consume(&output, 4);
        }
    }
    assert_true(output.capacity <= OUTPUT_MAX);
    output_finish(&output);
}

static void a_large_output_gives_its_memory_back(void **state)
{
    (void)state;
    struct output output;
    assert_int_equal(output_init(&output), 0);
    assert_non_null(output_append(&output, 4 * OUTPUT_KEEP_MAX));
    assert_true(output.capacity >= 4 * OUTPUT_KEEP_MAX);
    output_consume(&output, 4 * OUTPUT_KEEP_MAX);
    assert_int_equal(output.capacity, OUTPUT_MAX);
    output_finish(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_large_output_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
