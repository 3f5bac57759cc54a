#include "print.h"

#include "text.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void out_of_memory(void)
{
    fputs("ringpost: out of memory\n", stderr);
    exit(EX_SOFTWARE);
}

void print_begin(struct print *print, bool is_json)
{
    *print = (struct print){.is_json = is_json};
    if (is_json)
        print->object = cJSON_CreateObject();
    if (is_json && !print->object)
        out_of_memory();
}

/* cJSON's own numbers are doubles, which do not hold 64 bits. */
static void add_raw(struct cJSON *object, const char *key, const char *text)
{
    if (!cJSON_AddRawToObject(object, key, text))
        out_of_memory();
}

static void add_number(struct cJSON *object, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add_raw(object, key, text);
}

void print_number(struct print *print, const char *key, uint64_t number)
{
    if (print->is_json)
        add_number(print->object, key, number);
    else
        printf("%s: %" PRIu64 "\n", key, number);
}

void print_real(struct print *print, const char *key, double number)
{
    char text[40];
    snprintf(text, sizeof text, "%.3f", number);
    if (print->is_json)
        add_raw(print->object, key, text);
    else
        printf("%s: %s\n", key, text);
}

void print_flag(struct print *print, const char *key, bool is_set)
{
    if (print->is_json)
        add_raw(print->object, key, is_set ? "true" : "false");
    else
        printf("%s: %s\n", key, is_set ? "yes" : "no");
}

static void add_bytes(struct cJSON *object, const char *key, struct ringpost_bytes bytes)
{
    bool is_text = text_is_utf8(bytes) && (bytes.size == 0 || !memchr(bytes.data, 0, bytes.size));
    char base64_key[128];
    snprintf(base64_key, sizeof base64_key, "%s_base64", key);
    char *text = is_text ? text_copy_ended(bytes) : text_base64(bytes);
    if (!text || !cJSON_AddStringToObject(object, is_text ? key : base64_key, text))
        out_of_memory();
    free(text);
}

void print_bytes(struct print *print, const char *key, struct ringpost_bytes bytes)
{
    if (print->is_json) {
        add_bytes(print->object, key, bytes);
        return;
    }
    printf("%s: ", key);
    text_write_escaped(stdout, bytes, false);
    putchar('\n');
}

void print_text(struct print *print, const char *key, const char *text)
{
    print_bytes(print, key, ringpost_text(text));
}

const char *period_text(char text[PERIOD_SIZE], uint64_t us)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"d", 86400e6}, {"h", 3600e6}, {"min", 60e6}, {"s", 1e6}, {"ms", 1e3}, {"us", 1}};
    size_t at = 0;
    while (at < sizeof units / sizeof *units - 1 && (double)us < units[at].us)
        at++;
    snprintf(text, PERIOD_SIZE, "%.3g %s", (double)us / units[at].us, units[at].unit);
    return text;
}

void print_period(struct print *print, const char *key, uint64_t time, uint64_t parts)
{
    char text[PERIOD_SIZE];
    if (print->is_json)
        add_number(print->object, key, time);
    else
        printf("%s: %s\n", key, period_text(text, time * (1000000 / parts)));
}

static void add_header(struct cJSON *object, const struct ringpost_header *header)
{
    char key[65];
    snprintf(key, sizeof key, "%.*s", (int)header->key.size, (const char *)header->key.data);
    if (!text_is_utf8(ringpost_text(key)))
        return;
    if (header->bytes.data)
        add_bytes(object, key, header->bytes);
    else
        add_number(object, key, header->number);
}

void print_headers(struct print *print, struct ringpost_bytes headers)
{
    struct ringpost_header header;
    if (!print->is_json || headers.size == 0)
        return;
    struct cJSON *object = cJSON_AddObjectToObject(print->object, "headers");
    if (!object)
        out_of_memory();
    while (ringpost_header_next(&headers, &header) > 0)
        add_header(object, &header);
}

void print_end(struct print *print)
{
    if (!print->is_json)
        return;
    char *text = cJSON_PrintUnformatted(print->object);
    if (!text)
        out_of_memory();
    puts(text);
    cJSON_free(text);
    cJSON_Delete(print->object);
    print->object = NULL;
}

void print_body(struct ringpost_bytes body)
{
    if (isatty(STDOUT_FILENO))
        text_write_escaped(stdout, body, true);
    else if (body.size > 0)
        fwrite(body.data, 1, body.size, stdout);
    putchar('\n');
}

void print_name(struct ringpost_bytes name)
{
    text_write_escaped(stdout, name, false);
}

bool print_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (errno == EPIPE)
        return false;
    perror("ringpost: standard output");
    exit(EX_IOERR);
}
