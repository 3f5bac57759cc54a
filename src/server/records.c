#include "server/records.h"

#include "base/array.h"
#include "frame/field.h"
#include "server/keys.h"

#include <stdlib.h>

enum { RECORD_EXTRA_SIZE = 64 }; /* bytes of an encoded record beside its texts, at most */

/* Takes the strings. */
static void add(struct records *records, struct record record)
{
    records->items = array_reserve(records->items, &records->capacity, records->count + 1,
                                   sizeof *records->items);
    records->items[records->count++] = record;
}

static char *copy(const char *text)
{
    return memory_copy(text, strlen(text));
}

static char *origin_text(const struct options *options, struct origin origin)
{
    char text[OPTIONS_PATH_SIZE + 16];
    snprintf(text, sizeof text, "%s:%u", options->config_file, origin.line);
    return copy(origin.kind == ORIGIN_FILE     ? text
                : origin.kind == ORIGIN_FLAG   ? "flag"
                : origin.kind == ORIGIN_CLIENT ? "client"
                                               : "default");
}

static void add_key(struct records *records, const struct options *options, const struct key *key)
{
    char value[KEY_TEXT_SIZE];
    key_format(key, options, value);
    add(records, (struct record){
                     .key = copy(key->name),
                     .value = copy(value),
                     .origin = origin_text(options, *key_origin(key, options)),
                     .needs_restart = key->needs_restart,
                 });
}

/* Where an entry stands, and which sections go before it for some of its names. */
static char *entry_origin(const struct options *options, const struct section *section,
                          const struct section_entry *entry)
{
    const struct policies *policies = &options->policies;
    const char *word = ", behind";
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        abort(); /* for want of memory */
    fprintf(to, "%s:%u", options->config_file, entry->line);
    for (size_t i = policies->sections_count; i-- > 0;) {
        const struct section *other = &policies->sections[i];
        if (!policies_is_behind(section, entry->key, other))
            continue;
        fprintf(to, "%s %s", word, (const char *)other->pattern.data);
        word = " and";
    }
    fclose(to);
    char *origin = memory_copy(text, size);
    free(text);
    return origin;
}

static void add_section(struct records *records, const struct options *options,
                        const struct section *section)
{
    for (unsigned i = 0; i < POLICY_KEYS_MAX && section->entries[i].key; i++) {
        const struct section_entry *entry = &section->entries[i];
        char key[POLICY_KEY_SIZE];
        if (strcmp(entry->key, "pattern") == 0)
            continue;
        snprintf(key, sizeof key, "%s %s %s", section->kind == POLICY_QUEUE ? "queue" : "topic",
                 (const char *)section->pattern.data, entry->key);
        add(records, (struct record){
                         .key = copy(key),
                         .value = copy(entry->value),
                         .origin = entry_origin(options, section, entry),
                     });
    }
}

void records_init(struct records *records, const struct options *options)
{
    *records = (struct records){0};
    for (size_t i = 0; key_at(i); i++)
        add_key(records, options, key_at(i));
    for (size_t i = options->policies.sections_count; i-- > 0;)
        add_section(records, options, &options->policies.sections[i]);
}

void records_finish(struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        memory_free(records->items[i].key);
        memory_free(records->items[i].value);
        memory_free(records->items[i].origin);
    }
    memory_free(records->items);
    *records = (struct records){0};
}

void records_write(const struct records *records, FILE *to)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct record *record = &records->items[i];
        fprintf(to, "%s\t%s\t%s\n", record->key, record->value, record->origin);
    }
}

/* A text as the value of a field, cut to what a field can hold. */
static size_t put_text(unsigned char *to, const char *key, const char *text)
{
    size_t size = strlen(text);
    return field_put_bytes(to, key, bytes_of(text, size < UINT16_MAX ? size : UINT16_MAX));
}

struct bytes records_encode(const struct records *records)
{
    unsigned char *text = NULL;
    size_t size = 0, capacity = 0;
    for (size_t i = 0; i < records->count; i++) {
        const struct record *record = &records->items[i];
        size_t begin = size;
        size_t need = strlen(record->key) + strlen(record->value) + strlen(record->origin);
        text = array_reserve(text, &capacity, size + need + RECORD_EXTRA_SIZE, 1);
        size += sizeof(uint32_t);
        size += put_text(text + size, "key", record->key);
        size += put_text(text + size, "value", record->value);
        size += put_text(text + size, "origin", record->origin);
        store_u32(text + begin, (uint32_t)(size - begin));
    }
    return bytes_of(text, size);
}

const struct record *records_find(const struct records *records, const char *key)
{
    for (size_t i = 0; i < records->count; i++)
        if (strcmp(records->items[i].key, key) == 0)
            return &records->items[i];
    return NULL;
}
