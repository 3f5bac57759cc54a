#include "session/chat.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 64 };

/* What a word stands for; the copy is the caller's. */
static struct script spell(const char *word, size_t size)
{
    struct script spelled = {0};
    if (size > 2 && word[1] == '*') {
        for (unsigned long i = strtoul(word + 2, NULL, 10); i > 0; i--)
            script_put(&spelled, word, 1);
    } else if (size != 1 || word[0] != '_') {
        script_put(&spelled, word, size);
    }
    return spelled;
}

static void put_line(struct script *script, char kind, size_t number)
{
    char line[32];
    script_put(script, line, (size_t)snprintf(line, sizeof line, "%c%zu\r\n", kind, number));
}

void chat_put(struct script *script, const char *words)
{
    size_t starts[WORDS_MAX], sizes[WORDS_MAX], count = 0;
    for (size_t at = strspn(words, " "); words[at] && words[at] != '\n';
         at += strspn(words + at, " ")) {
        assert_true(count < WORDS_MAX);
        starts[count] = at;
        sizes[count] = strcspn(words + at, " \n");
        at += sizes[count++];
    }
    put_line(script, '*', count);
    for (size_t i = 0; i < count; i++) {
        struct script word = spell(words + starts[i], sizes[i]);
        put_line(script, '$', word.size);
        script_put(script, word.data, word.size);
        script_put(script, "\r\n", 2);
        script_finish(&word);
    }
}

void chat_say(struct talk *talk, uint32_t peer, const char *commands)
{
    struct script script = {0};
    if (!talk->conns[peer].is_there)
        talk_connect(talk, peer);
    for (const char *line = commands; *line; line += strcspn(line, "\n"), line += *line == '\n')
        chat_put(&script, line);
    talk_play(talk, peer, &script);
}

void chat_expect(struct talk *talk, uint32_t peer, const char *expected)
{
    talk_turn(talk);
    struct script *said = &talk->conns[peer].said;
    size_t used = 0;
    for (size_t at = 0; at < said->size; at++) {
        bool is_end = said->data[at] == '\r' && at + 1 < said->size && said->data[at + 1] == '\n';
        at += is_end;
        talk->text[used++] = is_end ? '|' : (char)said->data[at];
        assert_true(used < TALK_TEXT_MAX);
    }
    talk->text[used] = '\0';
    said->size = 0;
    assert_string_equal(talk->text, expected);
}

void chat(struct talk *talk, uint32_t peer, const char *commands, const char *expected)
{
    chat_say(talk, peer, commands);
    chat_expect(talk, peer, expected);
}
