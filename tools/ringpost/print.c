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
static void add_raw(struct print *print, const char *key, const char *text)
{
    if (!cJSON_AddRawToObject(print->object, key, text))
        out_of_memory();
}

void print_number(struct print *print, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    if (print->is_json)
        add_raw(print, key, text);
    else
        printf("%s: %s\n", key, text);
}

void print_real(struct print *print, const char *key, double number)
{
    char text[40];
    snprintf(text, sizeof text, "%.3f", number);
    if (print->is_json)
        add_raw(print, key, text);
    else
        printf("%s: %s\n", key, text);
}

void print_flag(struct print *print, const char *key, bool is_set)
{
    if (print->is_json)
        add_raw(print, key, is_set ? "true" : "false");
    else
        printf("%s: %s\n", key, is_set ? "yes" : "no");
}

static void add_bytes(struct print *print, const char *key, struct ringpost_bytes bytes)
{
    bool is_text = text_is_utf8(bytes) && (bytes.size == 0 || !memchr(bytes.data, 0, bytes.size));
    char base64_key[64];
    snprintf(base64_key, sizeof base64_key, "%s_base64", key);
    char *text = is_text ? text_copy_ended(bytes) : text_base64(bytes);
    if (!text || !cJSON_AddStringToObject(print->object, is_text ? key : base64_key, text))
        out_of_memory();
    free(text);
}

void print_bytes(struct print *print, const char *key, struct ringpost_bytes bytes)
{
    if (print->is_json) {
        add_bytes(print, key, bytes);
        return;
    }
    printf("%s: ", key);
    text_write_escaped(stdout, bytes, false);
    putchar('\n');
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
