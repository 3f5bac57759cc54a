#include "server/units.h"

#include "base/time.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Those of one kind stand together, smallest first; units_write takes the written ones alone. */
static const struct unit {
    enum unit_kind kind;
    const char *name;
    uint64_t factor;
    bool is_written;
} units[] = {
    {UNIT_COUNT, "", 1, true},
    {UNIT_SIZE, "", 1, true},
    {UNIT_SIZE, "b", 1, false},
    {UNIT_SIZE, "k", UINT64_C(1) << 10, false},
    {UNIT_SIZE, "kb", UINT64_C(1) << 10, true},
    {UNIT_SIZE, "m", UINT64_C(1) << 20, false},
    {UNIT_SIZE, "mb", UINT64_C(1) << 20, true},
    {UNIT_SIZE, "g", UINT64_C(1) << 30, false},
    {UNIT_SIZE, "gb", UINT64_C(1) << 30, true},
    {UNIT_DURATION, "ms", NS_PER_MS, true},
    {UNIT_DURATION, "s", NS_PER_S, true},
    {UNIT_DURATION, "m", 60 * NS_PER_S, true},
    {UNIT_DURATION, "h", 3600 * NS_PER_S, true},
    {UNIT_DURATION, "d", 24 * 3600 * NS_PER_S, true},
};

static const struct unit *units_end(void)
{
    return units + sizeof units / sizeof *units;
}

int units_read(enum unit_kind kind, const char *text, uint64_t *value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return -EINVAL;
    for (const struct unit *unit = units; unit < units_end(); unit++)
        if (unit->kind == kind && strcasecmp(end, unit->name) == 0) {
            *value = (uint64_t)number * unit->factor;
            return number <= UINT64_MAX / unit->factor ? 0 : -EINVAL;
        }
    *value = 0;
    return number == 0 && *end == '\0' ? 0 : -EINVAL;
}

void units_write(enum unit_kind kind, uint64_t value, char text[UNITS_TEXT_SIZE])
{
    const struct unit *best = NULL;
    for (const struct unit *unit = units; unit < units_end() && value > 0; unit++)
        if (unit->kind == kind && unit->is_written && value % unit->factor == 0)
            best = unit;
    assert(best || value == 0);
    snprintf(text, UNITS_TEXT_SIZE, "%llu%s", (unsigned long long)(best ? value / best->factor : 0),
             best ? best->name : "");
}
