/* Structs of figures, read from the fields that carry them. */
#ifndef RINGPOST_CLIENT_INFO_H
#define RINGPOST_CLIENT_INFO_H

#include "frame/field.h"
#include "ringpost.h"

/* A member that a field fills: a uint64_t, or a struct ringpost_bytes that borrows from the field. */
struct figure {
    const char *key;
    enum field_kind kind;
    size_t offset;
};

/*
 * Fills the members of `to` that the fields name. Others stay as they are, and unknown fields are passed
 * over. Returns 0, or -EPROTO when these are not fields.
 */
int figures_parse(struct bytes fields, const struct figure *figures, size_t count, void *to);

/*
 * Copies a struct to a caller who knows `size` bytes of it, and told so in its first member. Returns 0, or -EINVAL
 * when that is less than that member itself.
 */
int figures_give(void *to, size_t to_size, void *from, size_t from_size);

/* Fills all of `info` but its size. Returns 0 or -EPROTO. */
int info_parse(struct ringpost_info *info, struct bytes fields);

/* Copies it to a caller, as figures_give does; -EINVAL also when he does not know the name. */
int info_give(struct ringpost_info *to, struct ringpost_info *info);

#endif
