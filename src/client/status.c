#include "ringpost.h"

#include <errno.h>

/* The one list of what the broker answers, as the header documents it. */
static const struct status_entry {
    const char *name;
    int error;
} STATUSES[] = {
    [RINGPOST_STATUS_NONE] = {"none", 0},
    [RINGPOST_STATUS_PROTOCOL] = {"protocol", -EPROTO},
    [RINGPOST_STATUS_UNKNOWN_OP] = {"unknown-op", -EOPNOTSUPP},
    [RINGPOST_STATUS_BAD_FRAME] = {"bad-frame", -EBADMSG},
    [RINGPOST_STATUS_BAD_NAME] = {"bad-name", -EINVAL},
    [RINGPOST_STATUS_BAD_FLAGS] = {"bad-flags", -EINVAL},
    [RINGPOST_STATUS_TOO_LARGE] = {"too-large", -EMSGSIZE},
    [RINGPOST_STATUS_HELLO] = {"hello", -EPROTO},
    [RINGPOST_STATUS_VERSION] = {"version", -EPROTONOSUPPORT},
    [RINGPOST_STATUS_BAD_FIELD] = {"bad-field", -EINVAL},
    [RINGPOST_STATUS_NO_QUEUE] = {"no-queue", -ENOENT},
    [RINGPOST_STATUS_EXISTS] = {"exists", -EEXIST},
    [RINGPOST_STATUS_FULL] = {"full", -ENOSPC},
    [RINGPOST_STATUS_DELETED] = {"deleted", -EIDRM},
    [RINGPOST_STATUS_NO_CONSUMER] = {"no-consumer", -ESRCH},
    [RINGPOST_STATUS_NO_SUBSCRIPTION] = {"no-subscription", -ESRCH},
    [RINGPOST_STATUS_ID_IN_USE] = {"id-in-use", -EBUSY},
    [RINGPOST_STATUS_NOT_LEASED] = {"not-leased", -ESTALE},
    [RINGPOST_STATUS_BAD_RANGE] = {"bad-range", -ERANGE},
    [RINGPOST_STATUS_CREDIT] = {"credit", -EOVERFLOW},
    [RINGPOST_STATUS_WINDOW] = {"window", -EBUSY},
    [RINGPOST_STATUS_BAD_PATTERN] = {"bad-pattern", -EINVAL},
    [RINGPOST_STATUS_KILLED] = {"killed", -ECONNABORTED},
    [RINGPOST_STATUS_CLOSING] = {"closing", -ESHUTDOWN},
    [RINGPOST_STATUS_BAD_HEADER] = {"bad-header", -EINVAL},
    [RINGPOST_STATUS_NO_READER] = {"no-reader", -ENOENT},
    [RINGPOST_STATUS_MEMORY] = {"memory", -ENOMEM},
    [RINGPOST_STATUS_DENIED] = {"denied", -EACCES},
    [RINGPOST_STATUS_OVERFLOW] = {"overflow", -EOVERFLOW},
    [RINGPOST_STATUS_TOO_MANY_CONNECTIONS] = {"too-many-connections", -EDQUOT},
    [RINGPOST_STATUS_TOO_MANY_FROM_ADDRESS] = {"too-many-from-address", -EDQUOT},
    [RINGPOST_STATUS_TOO_MANY_STRANGERS] = {"too-many-strangers", -EDQUOT},
    [RINGPOST_STATUS_TOO_MANY_QUEUES] = {"too-many-queues", -EDQUOT},
    [RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS] = {"too-many-subscriptions", -EDQUOT},
    [RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS_IN_ALL] = {"too-many-subscriptions-in-all", -EDQUOT},
    [RINGPOST_STATUS_TOO_MANY_RETAINED] = {"too-many-retained", -EDQUOT},
    [RINGPOST_STATUS_DEAD] = {"dead", -ETIMEDOUT},
    [RINGPOST_STATUS_NO_CLIENT] = {"no-client", -ENOENT},
    [RINGPOST_STATUS_WRONG_TYPE] = {"wrong-type", -EEXIST},
};

static const struct status_entry *status_entry(int status)
{
    static const struct status_entry other = {"unknown", -EREMOTEIO};
    unsigned count = sizeof STATUSES / sizeof *STATUSES;
    return status >= 0 && (unsigned)status < count ? &STATUSES[status] : &other;
}

const char *ringpost_status_name(int status)
{
    return status_entry(status)->name;
}

int ringpost_status_errno(int status)
{
    return status_entry(status)->error;
}
