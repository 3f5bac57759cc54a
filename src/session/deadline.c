#include "session/deadline.h"

#include "base/time.h"
#include "session/resp_table.h"
#include "session/session.h"

/* From the client's unit to milliseconds of the time of day; false when 64 bits do not hold them. */
static bool to_day(int64_t said, unsigned how, int64_t day_now_ms, int64_t *day_ms)
{
    if ((how & DEADLINE_AHEAD) && said <= 0)
        return false;
    if ((how & DEADLINE_SECONDS) && __builtin_mul_overflow(said, 1000, &said))
        return false;
    return !__builtin_add_overflow(said, how & DEADLINE_ABSOLUTE ? 0 : day_now_ms, day_ms);
}

bool deadline_read(struct call *call, uint32_t index, unsigned how, uint64_t *deadline_ms)
{
    int64_t said, day_ms;
    int64_t epoch_ms = (int64_t)(call->session->limits->epoch_ns / NS_PER_MS);
    int64_t now_ms = (int64_t)(call->session->now / NS_PER_MS);
    if (!call_integer(call, index, &said))
        return false;
    if (!to_day(said, how, now_ms + epoch_ms, &day_ms)) {
        call_fail_with(call, "ERR invalid expire time in '", bytes_text(call->row->name),
                       "' command");
        return false;
    }
    *deadline_ms = day_ms > epoch_ms ? (uint64_t)(day_ms - epoch_ms) : 0;
    return true;
}
