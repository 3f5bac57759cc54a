/* Pens write replies of the Redis protocol: into an output, or into text while it is not their turn. */
#ifndef RINGPOST_SESSION_PEN_H
#define RINGPOST_SESSION_PEN_H

#include "core/outbox.h"
#include "session/output.h"

struct pen {
    struct output *output; /* NULL: it writes into the text */
    struct text *text;
    uint32_t *written_size; /* grows by what it writes into the text; or NULL */
    uint8_t version;        /* of the protocol: 2 or 3 */
    struct bytes note;      /* what was noted for the reply when it was asked for */
};

/* Anything, as it is. */
void pen_put(struct pen *pen, struct bytes bytes);

/* `+text`; `text` has no end of a line in it. */
void pen_simple(struct pen *pen, const char *text);

/* `-text`: a code, a space and words. */
void pen_error(struct pen *pen, const char *text);

/* An error with a client's word in it, between two texts; a very long one is cut. */
void pen_error_with(struct pen *pen, const char *before, struct bytes word, const char *after);

/* What the engine refused, in Redis's words where it has them. */
void pen_status(struct pen *pen, enum status status);

void pen_integer(struct pen *pen, int64_t value);

/* `count` of them, each `step` more than the one before. */
void pen_integers(struct pen *pen, int64_t first, uint32_t step, uint32_t count);
void pen_bulk(struct pen *pen, struct bytes bytes);
void pen_digits(struct pen *pen, uint64_t value);  /* a number as a bulk */
void pen_text(struct pen *pen, struct bytes text); /* for people's eyes */
void pen_null(struct pen *pen);
void pen_null_array(struct pen *pen);

/* Heads of what `count` replies follow, or of as many pairs of them. */
void pen_array(struct pen *pen, size_t count);
void pen_map(struct pen *pen, size_t count);
void pen_set(struct pen *pen, size_t count);
void pen_push(struct pen *pen, size_t count);

/* Names as an array: the size of each u32, and its bytes. */
void pen_names(struct pen *pen, struct bytes names);

/* Messages as bulks. Returns whether the slice's hold was taken. */
bool pen_frames(struct pen *pen, const struct slice *slice);

#endif
