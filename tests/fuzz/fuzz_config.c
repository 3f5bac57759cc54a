/*
 * The configuration reader: a file that is refused is refused with lines that name the place, and
 * one that is taken says the same again when it is written anew from what was understood.
 */
#include "server/config.h"
#include "server/keys.h"
#include "server/records.h"
#include "target.h"

#include <stdlib.h>

#define PATH "f"

struct reading {
    struct options options;
    struct records records;
    char *errors;
    size_t errors_size;
    int result;
};

static void read_text(struct reading *reading, struct bytes text)
{
    *reading = (struct reading){.options = {.config_file = PATH}};
    keys_reset(&reading->options);
    FILE *errors = open_memstream(&reading->errors, &reading->errors_size);
    assert(errors);
    reading->result = config_read(&reading->options, PATH, text, errors);
    fclose(errors);
    if (reading->result == 0)
        records_init(&reading->records, &reading->options);
}

static void reading_finish(struct reading *reading)
{
    records_finish(&reading->records);
    options_finish(&reading->options);
    free(reading->errors);
}

static void check_refusal(const struct reading *reading)
{
    const char *line = reading->errors;
    assert(*line);
    while (*line) {
        unsigned number;
        assert(sscanf(line, "ringpostd: " PATH ":%u: ", &number) == 1);
        line = strchr(line, '\n') + 1;
    }
}

/* Writes the keys that the file has given, then its sections, with patterns as keys. */
static void write_anew(const struct options *options, FILE *to)
{
    char value[KEY_TEXT_SIZE];
    for (size_t i = 1; key_at(i); i++)
        if (key_origin(key_at(i), options)->kind == ORIGIN_FILE) {
            key_format(key_at(i), options, value);
            fprintf(to, "%s = %s\n", key_at(i)->name, value);
        }
    for (size_t i = 0; i < options->policies.sections_count; i++) {
        const struct section *section = &options->policies.sections[i];
        fprintf(to, "[%s x]\npattern=%s\n", section->kind == POLICY_QUEUE ? "queue" : "topic",
                (const char *)section->pattern.data);
        for (unsigned at = 0; at < POLICY_KEYS_MAX && section->entries[at].key; at++)
            if (strcmp(section->entries[at].key, "pattern") != 0)
                fprintf(to, "%s=%s\n", section->entries[at].key, section->entries[at].value);
    }
}

static void check_again(const struct reading *reading)
{
    struct reading again;
    char *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    assert(to);
    write_anew(&reading->options, to);
    fclose(to);
    read_text(&again, bytes_of(text, size));
    assert(again.result == 0 && again.records.count == reading->records.count);
    for (size_t i = 1; i < again.records.count; i++) { /* listen is not one line */
        assert(strcmp(again.records.items[i].key, reading->records.items[i].key) == 0);
        assert(strcmp(again.records.items[i].value, reading->records.items[i].value) == 0);
    }
    reading_finish(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading reading;
    read_text(&reading, bytes_of(data, size));
    assert((reading.result == 0) == (reading.errors_size == 0));
    if (reading.result < 0)
        check_refusal(&reading);
    else
        check_again(&reading);
    reading_finish(&reading);
    return 0;
}
