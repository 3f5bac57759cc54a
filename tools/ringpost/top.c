#include "cli.h"
#include "print.h"
#include "sample.h"
#include "screen.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    INTERVAL_NS = 1000000000,
    WATCH_TIMEOUT_MS = 1000, /* a broker that is away does not stop the drawing */
    NUMBER_WIDTH = 6,
    FIGURES_WIDTH = 9 * (NUMBER_WIDTH + 1), /* behind the name */
    NAME_WIDTH_MIN = 8,
    HEAD_LINES = 3,
};

struct top {
    struct cli *cli;
    struct sample before, now;
    int timeout_ms; /* of a sample */
    int error;      /* of the last one */
};

/* A number in at most five characters. */
static void put_number(FILE *to, double number)
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;
    for (; number >= 999.5 && unit < sizeof units - 2; unit++)
        number /= 1000;
    if (unit == 0)
        fprintf(to, " %*.0f", NUMBER_WIDTH, number);
    else
        fprintf(to, " %*.*f%c", NUMBER_WIDTH - 1,
                number < 9.995   ? 2
                : number < 99.95 ? 1
                                 : 0,
                number, units[unit]);
}

/* A time in at most six characters. */
static void put_period(FILE *to, uint64_t us)
{
    char text[PERIOD_SIZE], *from = text, *at = text;
    (void)period_text(text, us);
    for (; *from; from++) {
        if (*from != ' ')
            *at++ = *from;
    }
    *at = 0;
    fprintf(to, " %*s", NUMBER_WIDTH, text);
}

/* The name, made fit for a terminal, in so many columns; a character takes one. */
static void put_name(FILE *to, const struct sample_row *row, int width)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return;
    text_write_escaped(memory, ringpost_bytes(row->name, row->name_size), false);
    fclose(memory);
    int column = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_first = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (is_first && column == width)
            break;
        column += is_first;
        fputc(text[i], to);
    }
    fprintf(to, "%*s", width - column, "");
    free(text);
}

static void put_row(FILE *to, const struct sample_row *row, int name_width)
{
    put_name(to, row, name_width);
    put_number(to, (double)row->ready);
    put_number(to, (double)row->leased);
    put_number(to, (double)row->delayed);
    put_number(to, (double)row->waiting);
    put_number(to, row->in);
    put_number(to, row->out);
    if (row->oldest_ready_ms == RINGPOST_NONE)
        fprintf(to, " %*s", NUMBER_WIDTH, "-");
    else
        put_period(to, row->oldest_ready_ms * 1000);
    put_period(to, row->waited_p50_us);
    put_period(to, row->waited_p99_us);
    fputc('\n', to);
}

static void put_head(FILE *to, const struct top *top, int name_width)
{
    static const char *const names[] = {"READY", "LEASED", "DELAY", "HELD", "IN/s",
                                        "OUT/s", "OLDEST", "P50",   "P99"};
    double in = 0, out = 0;
    uint64_t ready = 0, leased = 0, delayed = 0;
    for (size_t i = 0; i < top->now.count; i++) {
        const struct sample_row *row = &top->now.rows[i];
        in += row->in;
        out += row->out;
        ready += row->ready;
        leased += row->leased;
        delayed += row->delayed;
    }
    fprintf(to, "%s  %zu queues, %" PRIu64 " connections%s%s\n",
            ringpost_server_name(top->cli->handle), top->now.count, top->now.connections,
            top->error ? "  " : "", top->error ? strerror(-top->error) : "");
    fprintf(to,
            "ready %" PRIu64 "  leased %" PRIu64 "  delayed %" PRIu64 "  in %.0f/s  out %.0f/s\n",
            ready, leased, delayed, in, out);
    fprintf(to, "%-*s", name_width, "QUEUE");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fprintf(to, " %*s", NUMBER_WIDTH, names[i]);
    fputc('\n', to);
}

/* The picture of a sample: as many rows as there are lines for, the longest waiting first. */
static void put_picture(FILE *to, const struct top *top, struct screen_size size)
{
    const struct sample_row **rows = sample_sorted(&top->now);
    int name_width = size.columns - FIGURES_WIDTH;
    if (name_width < NAME_WIDTH_MIN)
        name_width = NAME_WIDTH_MIN;
    put_head(to, top, name_width);
    for (size_t i = 0; rows && i < top->now.count && (int)i < size.lines - HEAD_LINES; i++)
        put_row(to, rows[i], name_width);
    free(rows);
}

static void draw(const struct top *top)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return;
    put_picture(memory, top, screen_size());
    fclose(memory);
    screen_draw(text, size);
    free(text);
}

static void print_row(const struct sample_row *row)
{
    struct print print;
    print_begin(&print, true);
    print_bytes(&print, "name", ringpost_bytes(row->name, row->name_size));
    print_number(&print, "ready", row->ready);
    print_number(&print, "leased", row->leased);
    print_number(&print, "delayed", row->delayed);
    print_number(&print, "waiting", row->waiting);
    print_real(&print, "in_per_second", row->in);
    print_real(&print, "out_per_second", row->out);
    if (row->oldest_ready_ms != RINGPOST_NONE)
        print_number(&print, "oldest_ready", row->oldest_ready_ms);
    print_number(&print, "waited_p50", row->waited_p50_us);
    print_number(&print, "waited_p99", row->waited_p99_us);
    print_end(&print);
}

static void print_sample(const struct top *top)
{
    const struct sample_row **rows = top->cli->options.is_json ? sample_sorted(&top->now) : NULL;
    if (!top->cli->options.is_json)
        put_picture(stdout, top, (struct screen_size){screen_size().columns, INT32_MAX});
    for (size_t i = 0; rows && i < top->now.count; i++)
        print_row(rows[i]);
    free(rows);
}

/* Takes a sample. What happens to the connection is of interest only here. */
static void take(struct top *top)
{
    struct ringpost_event event;
    struct sample sample;
    while (ringpost_next(top->cli->handle, &event, 0) > 0)
        continue;
    top->error = sample_take(&sample, top->cli->handle, top->timeout_ms);
    if (top->error) {
        sample_finish(&sample);
        return;
    }
    sample_finish(&top->before);
    top->before = top->now;
    top->now = sample;
    sample_compare(&top->now, &top->before);
}

/* Draws until the user has seen enough. */
static int watch(struct top *top)
{
    bool is_over = false;
    if (top->timeout_ms > WATCH_TIMEOUT_MS)
        top->timeout_ms = WATCH_TIMEOUT_MS;
    screen_open();
    while (!is_over) {
        uint64_t until_ns = sample_clock_ns() + INTERVAL_NS;
        take(top);
        do {
            draw(top);
            is_over = screen_wait(until_ns);
        } while (!is_over && sample_clock_ns() < until_ns);
    }
    screen_close();
    return EX_OK;
}

/* Writes a sample each second, or one and no more. */
static int list(struct top *top)
{
    take(top);
    do {
        uint64_t until_ns = sample_clock_ns() + INTERVAL_NS;
        while (sample_clock_ns() < until_ns)
            (void)screen_wait(until_ns);
        take(top);
        if (top->error)
            return cli_fail(top->cli, "top", top->error);
        print_sample(top);
    } while (print_flush() && !top->cli->options.is_once);
    return EX_OK;
}

int top_run(struct cli *cli)
{
    struct top top = {.cli = cli, .timeout_ms = cli->options.timeout_ms};
    bool is_list = cli->options.is_once || cli->options.is_json;
    if (!is_list && !screen_is_there())
        return cli_usage("top needs a terminal; for scripts there are --once and --json");
    int code = cli_open(cli, true);
    if (code)
        return code;
    code = is_list ? list(&top) : watch(&top);
    sample_finish(&top.before);
    sample_finish(&top.now);
    return code;
}
