#include "core/status.h"

#include <assert.h>

const char *status_text(enum status status)
{
    static const char *const texts[STATUS_ALL_COUNT] = {
        [STATUS_OK] = "done",
        [STATUS_PROTOCOL] = "these bytes are not the ringpost protocol",
        [STATUS_UNKNOWN_OP] = "no such op",
        [STATUS_BAD_FRAME] = "the frame does not have the shape its op needs",
        [STATUS_BAD_NAME] = "a name has 1 to 1024 bytes, and stands only where one belongs",
        [STATUS_BAD_FLAGS] = "a flag that is unknown or the broker's alone",
        [STATUS_TOO_LARGE] = "the frame is larger than the broker takes",
        [STATUS_HELLO] = "hello comes first, once, and in time",
        [STATUS_VERSION] = "this broker speaks version 1",
        [STATUS_BAD_FIELD] = "a field is unknown or its value out of range",
        [STATUS_NO_QUEUE] = "no queue of that name",
        [STATUS_EXISTS] = "the queue is declared with other settings",
        [STATUS_FULL] = "the queue is full",
        [STATUS_DELETED] = "the queue was deleted",
        [STATUS_NO_CONSUMER] = "no consumer of that id on this connection",
        [STATUS_NO_SUBSCRIPTION] = "no subscription of that id on this connection",
        [STATUS_ID_IN_USE] = "the id is in use on this connection",
        [STATUS_NOT_LEASED] = "some of these tags are not leased to this consumer",
        [STATUS_BAD_RANGE] = "the range is empty or wraps",
        [STATUS_CREDIT] = "more credit than can be counted",
        [STATUS_WINDOW] = "more pushes wait than the window allows",
        [STATUS_BAD_PATTERN] = "'>' stands last, and a pattern has at most 32 levels",
        [STATUS_KILLED] = "an operator ended the connection",
        [STATUS_CLOSING] = "the broker is ending",
        [STATUS_BAD_HEADER] = "the header block is malformed, or a value in it out of range",
        [STATUS_NO_READER] = "nobody is there",
        [STATUS_MEMORY] = "the broker is at its memory limit",
        [STATUS_DENIED] = "the password is missing or wrong",
        [STATUS_OVERFLOW] = "the subscription was over its bound",
        [STATUS_CONNECTIONS] = "max-connections is reached",
        [STATUS_FROM_ADDRESS] = "max-connections-per-address is reached",
        [STATUS_STRANGERS] = "max-strangers is reached",
        [STATUS_QUEUES] = "max-queues is reached",
        [STATUS_SUBSCRIPTIONS] = "max-subscriptions-per-connection is reached",
        [STATUS_SUBSCRIPTIONS_IN_ALL] = "max-subscriptions is reached",
        [STATUS_RETAINED] = "max-retained or max-retained-bytes is reached",
        [STATUS_DEAD] = "the connection was silent while it held leases",
        [STATUS_NO_CLIENT] = "no connection of that id",
        [STATUS_WRONG_TYPE] = "there is a value of that name",
        [STATUS_NO_KEY] = "nothing of that name",
        [STATUS_BAD_INDEX] = "no such place in the list",
        [STATUS_NOT_A_NUMBER] = "the value is not a number",
        [STATUS_OUT_OF_RANGE] = "the number would be out of range",
        [STATUS_UNMET] = "the condition is not met",
        [STATUS_CHANGED] = "what was watched has changed",
        [STATUS_SKIPPED] = "the transaction is not carried out",
        [STATUS_VALUES] = "max-values-bytes is reached",
    };
    assert(status < STATUS_ALL_COUNT);
    return texts[status];
}
