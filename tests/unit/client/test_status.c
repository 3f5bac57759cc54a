#include "check.h"

#include "ringpost.h"

#include <errno.h>

/* The table at the top of ringpost.h. */
static const struct {
    const char *name;
    int error;
} rows[] = {
    {"none", 0},
    {"protocol", -EPROTO},
    {"unknown-op", -EOPNOTSUPP},
    {"bad-frame", -EBADMSG},
    {"bad-name", -EINVAL},
    {"bad-flags", -EINVAL},
    {"too-large", -EMSGSIZE},
    {"hello", -EPROTO},
    {"version", -EPROTONOSUPPORT},
    {"bad-field", -EINVAL},
    {"no-queue", -ENOENT},
    {"exists", -EEXIST},
    {"full", -ENOSPC},
    {"deleted", -EIDRM},
    {"no-consumer", -ESRCH},
    {"no-subscription", -ESRCH},
    {"id-in-use", -EBUSY},
    {"not-leased", -ESTALE},
    {"bad-range", -ERANGE},
    {"credit", -EOVERFLOW},
    {"window", -EBUSY},
    {"bad-pattern", -EINVAL},
    {"killed", -ECONNABORTED},
    {"closing", -ESHUTDOWN},
    {"bad-header", -EINVAL},
    {"no-reader", -ENOENT},
    {"memory", -ENOMEM},
    {"denied", -EACCES},
    {"overflow", -EOVERFLOW},
    {"too-many-connections", -EDQUOT},
    {"too-many-from-address", -EDQUOT},
    {"too-many-strangers", -EDQUOT},
    {"too-many-queues", -EDQUOT},
    {"too-many-subscriptions", -EDQUOT},
    {"too-many-subscriptions-in-all", -EDQUOT},
    {"too-many-retained", -EDQUOT},
    {"dead", -ETIMEDOUT},
    {"no-client", -ENOENT},
    {"wrong-type", -EEXIST},
};

static void every_status_has_its_name_and_error(void **state)
{
    (void)state;
    for (int status = 0; status <= RINGPOST_STATUS_WRONG_TYPE; status++) {
        assert_string_equal(ringpost_status_name(status), rows[status].name);
        assert_int_equal(ringpost_status_errno(status), rows[status].error);
    }
}

static void a_status_of_tomorrow_is_a_refusal_all_the_same(void **state)
{
    (void)state;
    static const int statuses[] = {-1, RINGPOST_STATUS_WRONG_TYPE + 1, 65535};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(ringpost_status_name(statuses[i]), "unknown");
        assert_int_equal(ringpost_status_errno(statuses[i]), -EREMOTEIO);
    }
}

static void the_version_is_that_of_the_header(void **state)
{
    (void)state;
    assert_string_equal(ringpost_version(), RINGPOST_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_name_and_error),
        cmocka_unit_test(a_status_of_tomorrow_is_a_refusal_all_the_same),
        cmocka_unit_test(the_version_is_that_of_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
