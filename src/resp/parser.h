/* Commands of the Redis protocol as clients write them: arrays of bulk strings, or lines of words.
 * Read as Redis 7.0 reads them. */
#ifndef RINGPOST_RESP_PARSER_H
#define RINGPOST_RESP_PARSER_H

#include "base/bytes.h"

/*
 *  *3\r\n        three words           LPUSH jobs "a job"\r\n     a line is a command, too
 *  $5\r\n        of five bytes
 *  LPUSH\r\n
 *  $4\r\n
 *  jobs\r\n …
 */
enum {
    RESP_LINE_MAX = 64 * 1024,              /* bytes of a line without its end */
    RESP_SIZE_MAX = 1024 * 1024 * 1024,     /* bytes, the largest limit of a whole command */
    RESP_WORD_SIZE_MAX = 512 * 1024 * 1024, /* bytes of a word, beyond which Redis takes none */
    RESP_STRANGER_WORDS_MAX = 10,           /* of one who has not given the password */
    RESP_STRANGER_WORD_MAX = 16 * 1024,     /* bytes */
    RESP_WORDS_KEPT_MAX = 256,              /* for which room is kept between commands */
    RESP_ERROR_SIZE = 40,                   /* of the longest error, with its end */
};

struct resp_limits {
    uint32_t words_max;
    uint32_t word_size_max; /* bytes */
    uint32_t size_max; /* bytes of a whole command, at most RESP_SIZE_MAX; its last line may end
                               behind that */
    bool is_stranger;  /* who has not given the password, of which even less is read */
};

struct resp_span {
    uint32_t offset, size;
};

/* How far one command has been read. Zeroed: at its start. */
struct resp_parser {
    struct resp_span *words;
    size_t words_capacity;
    uint32_t words_count;        /* read */
    uint32_t words_left;         /* announced and not read */
    uint32_t position;           /* all before it is read */
    uint32_t searched;           /* up to here there is no end of the line at `position` */
    uint32_t wanted;             /* bytes up to which the command must grow to be read on */
    uint32_t word_size;          /* of the word at `position` */
    uint32_t skip_size;          /* bytes of it, with its end, that are still to be passed over */
    bool has_count, has_size;    /* of words, of the word at `position` */
    unsigned char *unquoted;     /* words of a line, which lie here without their quotes */
    char error[RESP_ERROR_SIZE]; /* what follows `Protocol error: ` */
};

/*
 * Reads on in a command. `in` is all there is of it, from its first byte; what was there before is
 * unchanged. Returns the command's size, 0 while it is not whole, or -EBADMSG for never. A command
 * without words is none.
 */
int resp_parse(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits);

/*
 * Passes over a command of which nothing is wanted, though resp_parse found it not to be whole: an
 * array whose count was read. `in` is what there is of it and was not passed over before. Returns how
 * many bytes are now, or -EBADMSG for never; it is over when no words are left.
 */
int resp_skip(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits);

/* Word `index` of the whole command `in`. Lives until the reset, and as long as `in` does. */
static inline struct bytes resp_word(const struct resp_parser *parser, struct bytes in,
                                     uint32_t index)
{
    assert(index < parser->words_count);
    struct resp_span span = parser->words[index];
    return bytes_of((parser->unquoted ? parser->unquoted : in.data) + span.offset, span.size);
}

/* To the start of another command. */
void resp_parser_reset(struct resp_parser *parser);

/* Frees it. */
void resp_parser_finish(struct resp_parser *parser);

#endif
