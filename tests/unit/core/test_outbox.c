#include "core/outbox.h"

#include "check.h"

static void expect(const struct effect *effect, uint32_t peer, uint64_t ticket, uint32_t count,
                   enum status status)
{
    assert_int_equal(effect->kind, EFFECT_SETTLED);
    assert_int_equal(effect->peer, peer);
    assert_int_equal(effect->ticket, ticket);
    assert_int_equal(effect->count, count);
    assert_int_equal(effect->status, status);
}

static void expect_empty(const struct effect *effect, enum effect_kind kind, uint32_t peer)
{
    assert_int_equal(effect->kind, kind);
    assert_int_equal(effect->peer, peer);
    assert_int_equal(effect->status, STATUS_OK);
    assert_int_equal(effect->id, 0);
    assert_int_equal(effect->deliveries, 0);
    assert_false(effect->has_more);
    assert_int_equal(effect->missed.count, 0);
    assert_null(effect->slice.block);
    assert_int_equal(effect->slice.size, 0);
}

static void an_effect_says_nothing_but_its_kind_and_peer_at_first(void **state)
{
    (void)state;
    struct outbox outbox = {0};
    for (uint32_t i = 0; i < 100; i++) {
        struct effect *effect = outbox_put(&outbox, EFFECT_GAP, i);
        expect_empty(effect, EFFECT_GAP, i);
        memset(effect, 0xff, sizeof *effect);
    }
    outbox.count = 0;
    expect_empty(outbox_put(&outbox, EFFECT_ENDED, 7), EFFECT_ENDED, 7);
    outbox_finish(&outbox);
    assert_null(outbox.effects);
}

static void what_goes_on_is_settled_together(void **state)
{
    (void)state;
    struct outbox outbox = {0};
    outbox_settle(&outbox, 1, 5, 2, STATUS_OK);
    outbox_settle(&outbox, 1, 7, 3, STATUS_OK);
    assert_int_equal(outbox.count, 1);
    expect(&outbox.effects[0], 1, 5, 5, STATUS_OK);
    outbox_finish(&outbox);
}

static void what_does_not_go_on_is_settled_apart(void **state)
{
    (void)state;
    struct outbox outbox = {0};
    outbox_settle(&outbox, 1, 5, 2, STATUS_OK);
    outbox_settle(&outbox, 1, 8, 1, STATUS_OK);
    outbox_settle(&outbox, 1, 9, 1, STATUS_FULL);
    outbox_settle(&outbox, 2, 10, 1, STATUS_FULL);
    outbox_put(&outbox, EFFECT_ANSWER, 2)->ticket = 11;
    outbox_settle(&outbox, 2, 11, 1, STATUS_FULL);
    assert_int_equal(outbox.count, 6);
    expect(&outbox.effects[0], 1, 5, 2, STATUS_OK);
    expect(&outbox.effects[1], 1, 8, 1, STATUS_OK);
    expect(&outbox.effects[2], 1, 9, 1, STATUS_FULL);
    expect(&outbox.effects[3], 2, 10, 1, STATUS_FULL);
    expect(&outbox.effects[5], 2, 11, 1, STATUS_FULL);
    outbox_finish(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_effect_says_nothing_but_its_kind_and_peer_at_first),
        cmocka_unit_test(what_goes_on_is_settled_together),
        cmocka_unit_test(what_does_not_go_on_is_settled_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
