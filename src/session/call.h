/*
 * Calls: commands of the Redis protocol while they are carried out. Each has a row in the table with
 * a handler, which says what is wrong with it, replies, or asks the engine and says how what comes of
 * that is put into words.
 */
#ifndef RINGPOST_SESSION_CALL_H
#define RINGPOST_SESSION_CALL_H

#include "core/command.h"
#include "resp/parser.h"
#include "session/replies.h"

struct resp;
struct row;
struct session;

/* What a handler has done. */
enum outcome {
    CALL_DONE, /* all that is to be said was, and nothing is asked */
    CALL_ASKS, /* the command asks the engine something; the handler is called again */
    CALL_LAST, /* the same, but it is done then */
};

struct call {
    struct session *session;
    struct resp *resp; /* the session's */
    const struct row *row;
    const unsigned char *words; /* what the spans are of */
    const struct resp_span *spans;
    uint32_t words_count; /* the command's own name is one of them */
    uint32_t step;        /* how often the handler has been called for it before */
    uint32_t size;        /* bytes of the input that it is */
    uint32_t taken_size;  /* those that it takes, with others alike */
    uint32_t same_size;   /* bytes that those share with it; 0: not known yet */
    bool is_inside;   /* of a transaction, whose commands are carried out together: nothing waits */
    uint64_t context; /* the handler's own, 0 at its first step */
};

/* Puts a call one step forward. `command` is zeroed but for peer, space and ticket. */
typedef enum outcome call_handler(struct call *call, struct command *command);

static inline struct bytes call_word(const struct call *call, uint32_t index)
{
    assert(index < call->words_count);
    return bytes_of(call->words + call->spans[index].offset, call->spans[index].size);
}

/* Whether a word is this one, in letters of either case; `text` is in lower case. */
bool call_word_is(const struct call *call, uint32_t index, const char *text);

/* Why a word may not be a name; NULL when it may. */
const char *call_name_fault(const struct call *call, uint32_t index);

/* Has a command ask for names that match a word; false when it is longer than names are, which is
 * said then: such a one could take long to match. */
bool call_glob(struct call *call, uint32_t index, struct command *command);

/* A pen for words that are no answer of the engine's. */
struct pen call_pen(struct call *call);

/* Replies `OK`, or an error; that is all then. */
enum outcome call_ok(struct call *call);
enum outcome call_fail(struct call *call, const char *error);

/* An error with a client's word in it, between two texts. */
enum outcome call_fail_with(struct call *call, const char *before, struct bytes word,
                            const char *after);

/* That an option is not known or lacks something. */
enum outcome call_fail_syntax(struct call *call);

/* That a subcommand has too many words or too few. */
enum outcome call_fail_arguments(struct call *call);

/* Replies which subcommands there are; NULL ends the lines, and what is said of HELP follows. */
enum outcome call_help(struct call *call, const char *const *lines);

/* Reads a whole number; false when it is none, or not within the bounds, which was said then. */
bool call_integer(struct call *call, uint32_t index, int64_t *value);
bool call_integer_within(struct call *call, uint32_t index, int64_t least, int64_t most,
                         const char *error, int64_t *value);

/* Nothing more is taken from the client until the last reply expected is settled. */
void call_stall(struct call *call);

/* The same, and the client is known to wait for a message. */
void call_wait(struct call *call);

/* Expects a reply to the next `count` tickets, the first of which the command has. */
struct reply *call_expect(struct call *call, uint32_t count, reply_say *say);

/* Asks of a kind, and of a name if the row has a key, what is replied to by `say`; all in one step. */
enum outcome call_ask(struct call *call, struct command *command, enum command_kind kind,
                      reply_say *say);

/*
 * For a call of `count` engine commands that are one: which of them this step is to ask. It is `count`
 * when the command is one of the brackets that stand around them. With a say they are joined: one
 * reply says what they all came to; else each that is asked expects its own.
 */
uint32_t call_item(struct call *call, struct command *command, uint32_t count, reply_say *say);

/* What such a step has done. */
enum outcome call_item_outcome(const struct call *call, uint32_t count);

/* Takes the next command along if it is there, whole, and the same as the call but for its last
 * word, of `size_max` bytes at most. */
bool call_take_alike(struct call *call, size_t size_max, struct bytes *last_word);

/* Takes the next command along if it is there, whole, and the same as the call. */
bool call_take_same(struct call *call);

/* Makes a run of messages for `name` of the words from `first` to `last`; false when that would be too
 * large, which was said then. */
bool call_compose(struct call *call, enum op op, struct bytes name, uint32_t first, uint32_t last);

/* Adds the last words of commands that are alike, which are taken along. */
void call_compose_alike(struct call *call, struct bytes name);

#endif
