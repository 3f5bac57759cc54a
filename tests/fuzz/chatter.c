#include "chatter.h"

#include "base/array.h"
#include "session/resp_table.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WORDS_MORE_MAX = 5,          /* besides those that a command needs */
    LONG_SIZE = 3000,            /* bytes of a long word */
    SAID_SIZE_MAX = 1024 * 1024, /* after so much, words are short */
    RUN_COUNT_MAX = 40,          /* commands alike */
};

/* Names of both kinds, so that lists, values and channels meet, and what options are made of. */
static const char *const vocabulary[] = {
    "a",
    "b",
    "c",
    "d",
    "a",
    "b",
    "",
    "x",
    "yy",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "-2",
    "10",
    "100",
    "0.001",
    "16",
    "1.5",
    "-9223372036854775808",
    "9223372036854775807",
    "*",
    "a*",
    "?",
    "[a-c]",
    "left",
    "right",
    "count",
    "before",
    "after",
    "rank",
    "maxlen",
    "nx",
    "xx",
    "gt",
    "lt",
    "get",
    "ex",
    "px",
    "exat",
    "pxat",
    "keepttl",
    "match",
    "type",
    "list",
    "string",
    "id",
    "addr",
    "skipme",
    "yes",
    "no",
    "on",
    "off",
    "pubsub",
    "normal",
    "auth",
    "default",
    "setname",
    "lib-name",
    "async",
    "sync",
    "encoding",
    CHATTER_PASSWORD,
};
enum { VOCABULARY = sizeof vocabulary / sizeof *vocabulary };

void chatter_finish(struct chatter *chatter)
{
    free(chatter->data);
    *chatter = (struct chatter){0};
}

static void put(struct chatter *chatter, struct bytes bytes)
{
    if (bytes.size == 0)
        return;
    chatter->data = array_reserve(chatter->data, &chatter->capacity, chatter->size + bytes.size, 1);
    bytes_copy(chatter->data + chatter->size, bytes);
    chatter->size += bytes.size;
    chatter->said_size += bytes.size;
}

static void put_head(struct chatter *chatter, char kind, size_t number)
{
    char line[32];
    put(chatter, bytes_of(line, (size_t)snprintf(line, sizeof line, "%c%zu\r\n", kind, number)));
}

static void put_word(struct chatter *chatter, struct bytes word)
{
    put_head(chatter, '$', word.size);
    put(chatter, word);
    put(chatter, bytes_text("\r\n"));
}

static struct bytes choose_word(const struct chatter *chatter, struct choices *choices)
{
    static const char filling[LONG_SIZE];
    unsigned which = choose_byte(choices);
    if (which == 255 && chatter->said_size < SAID_SIZE_MAX)
        return bytes_of(filling, LONG_SIZE);
    if (which >= 250)
        return choose_bytes(choices, which - 250);
    return bytes_text(vocabulary[which % VOCABULARY]);
}

static const struct row *choose_row(struct choices *choices)
{
    const struct row_group *group = resp_groups[choose_byte(choices) % resp_groups_count];
    return &group->rows[choose_byte(choices) % group->rows_count];
}

/* How many words stand behind the names of a command and its subcommand. */
static unsigned choose_count(const struct row *row, unsigned names_count, struct choices *choices)
{
    unsigned least = (unsigned)abs(row->arity);
    unsigned count = least > names_count ? least - names_count : 0, more = choose_byte(choices);
    if (more < 8)
        return count > 0 ? count - 1 : 0;
    if (row->arity < 0 || more >= 248)
        count += more % (WORDS_MORE_MAX + 1);
    return count;
}

void chatter_command(struct chatter *chatter, struct choices *choices)
{
    const struct row *row = choose_row(choices), *container = NULL;
    if (row->subcommands_count > 0 && choose_below(choices, 8) > 0) {
        container = row;
        row = &row->subcommands[choose_byte(choices) % row->subcommands_count];
    }
    unsigned names_count = container ? 2 : 1, count = choose_count(row, names_count, choices);
    size_t begin = chatter->size;
    put_head(chatter, '*', names_count + count);
    if (container)
        put_word(chatter, bytes_text(container->name));
    put_word(chatter, bytes_text(row->name));
    for (unsigned i = 0; i < count; i++)
        put_word(chatter, choose_word(chatter, choices));
    size_t size = chatter->size - begin;
    for (unsigned left = choose_byte(choices), i = 0;
         left >= 192 && i < left % RUN_COUNT_MAX && chatter->said_size < SAID_SIZE_MAX; i++) {
        chatter->data = array_reserve(chatter->data, &chatter->capacity, chatter->size + size, 1);
        put(chatter, bytes_of(chatter->data + begin, size));
    }
}

void chatter_password(struct chatter *chatter, struct choices *choices)
{
    put_head(chatter, '*', 2);
    put_word(chatter, bytes_text("auth"));
    put_word(chatter, bytes_text(choose_below(choices, 4) > 0 ? CHATTER_PASSWORD : "wrong"));
}

void chatter_raw(struct chatter *chatter, struct choices *choices)
{
    put(chatter, choose_bytes(choices, choose_byte(choices)));
}

struct bytes chatter_take(struct chatter *chatter, size_t size)
{
    size = size < chatter->size ? size : chatter->size;
    unsigned char *taken = malloc(size + 1);
    if (size > 0) {
        memcpy(taken, chatter->data, size);
        memmove(chatter->data, chatter->data + size, chatter->size - size);
    }
    chatter->size -= size;
    return bytes_of(taken, size);
}
