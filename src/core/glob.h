/* Globs: patterns that are held against a name byte by byte, whatever its tokens. */
#ifndef RINGPOST_CORE_GLOB_H
#define RINGPOST_CORE_GLOB_H

#include "base/bytes.h"

/*
 * Whether the whole name matches:
 *
 *     *         any bytes, or none
 *     ?         any byte
 *     [ab-d\]]  one of these: bytes, ranges, escaped bytes; [^…] any other; the end closes it too
 *     \x        the byte x; at the end, itself
 *
 * A range takes bytes as signed numbers and may be upside down. No name at all matches nothing but no
 * glob. Takes at most about as many steps as the glob's size times the name's.
 */
bool glob_matches(struct bytes glob, struct bytes name);

/* What every name that matches begins with: the bytes before the first that is not itself. */
struct bytes glob_prefix(struct bytes glob);

#endif
