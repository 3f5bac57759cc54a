/* What clients say wrong: the rows of docs/PROTOCOL.md, section 9. */
#include "encode.h"
#include "fields.h"
#include "world.h"

enum { HEAD_SIZE = 8, HELLO_MAX = 4096, NAME_SIZE_MAX = 1024 };

/* What each op needs. */
struct shape {
    enum { NO_NAME, NEEDS_NAME, ANY_NAME } name;
    uint8_t flags;
    int body_size; /* -1: any; -2: fields, perhaps behind a number */
};

enum { ANY_BODY = -1, FIELDS_BODY = -2 };

static struct shape shape_of(enum op op)
{
    switch (op) {
    case OP_PUSH: return (struct shape){NEEDS_NAME, MESSAGE_HEADERS, ANY_BODY};
    case OP_PUBLISH:
        return (struct shape){
            NEEDS_NAME, MESSAGE_HEADERS | PUBLISH_RETAIN | PUBLISH_MUST | PUBLISH_INBOX, ANY_BODY};
    case OP_CONSUME: return (struct shape){NEEDS_NAME, 3, 16};
    case OP_CREDIT:
    case OP_ACK:
    case OP_RETURN:
    case OP_REJECT:
    case OP_TOUCH: return (struct shape){NO_NAME, 0, 16};
    case OP_SUBSCRIBE: return (struct shape){NEEDS_NAME, SUBSCRIBE_WILDCARD | SUBSCRIBE_INBOX, 16};
    case OP_CANCEL:
    case OP_KILL:
    case OP_UNSUBSCRIBE: return (struct shape){NO_NAME, 0, 4};
    case OP_DECLARE:
    case OP_SET:
    case OP_REDRIVE: return (struct shape){NEEDS_NAME, 0, FIELDS_BODY};
    case OP_PEEK: return (struct shape){NEEDS_NAME, 1, 4};
    case OP_LIST:
    case OP_TOPICS: return (struct shape){ANY_NAME, 0, 4};
    case OP_CLIENTS: return (struct shape){NO_NAME, 0, 8};
    case OP_STATS:
    case OP_SETTINGS:
    case OP_HEARTBEAT:
    case OP_PING: return (struct shape){NO_NAME, 0, 0};
    default: return (struct shape){NEEDS_NAME, 0, 0};
    }
}

/* Frames that stay. */

/* Says a malformed frame whose body is zeros; returns the body. */
static unsigned char *say(struct link *link, uint8_t op, uint8_t flags, struct bytes name,
                          size_t body_size, enum status status)
{
    unsigned char *body = encode_frame(&link->out, op, flags, name, body_size);
    if (body_size > 0)
        memset(body, 0, body_size);
    struct said *said =
        link_note(link, op, (uint32_t)(HEAD_SIZE + name.size + body_size), UINT32_MAX);
    said->is_malformed = said->is_settled = true;
    said->status = (uint8_t)status;
    return body;
}

static size_t body_of(struct random *random, struct shape shape)
{
    return shape.body_size < 0 ? random_below(random, 40) : (size_t)shape.body_size;
}

static void say_unknown_op(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    uint8_t op = (uint8_t)(OP_HEARTBEAT + 1 + random_below(random, 0xFF - OP_HEARTBEAT));
    uint8_t flags = (uint8_t)random_below(random, 256);
    say(link, op, flags, world->commands.names.queues[0], random_below(random, 100),
        STATUS_UNKNOWN_OP);
}

static void say_second_hello(struct world *world, struct link *link)
{
    (void)world;
    say(link, OP_HELLO, 0, (struct bytes){0}, 4, STATUS_HELLO);
}

static enum op any_op(struct world *world)
{
    return (enum op)(OP_PUSH + random_below(&world->commands.random, OP_HEARTBEAT - OP_PUSH + 1));
}

static void say_name_past_end(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    size_t body_size = random_below(random, 20);
    unsigned char *body =
        say(link, (uint8_t)any_op(world), 0, (struct bytes){0}, body_size, STATUS_BAD_FRAME);
    unsigned char *head = body - HEAD_SIZE + 2;
    encode_number(&head, body_size + 1 + random_below(random, 2000), 2);
}

static void say_bad_name(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    static const unsigned char name[NAME_SIZE_MAX + 100];
    enum op op = any_op(world);
    struct shape shape = shape_of(op);
    struct bytes wrong = {name, 0};
    if (shape.name == ANY_NAME || dice_chance(random, 30))
        wrong.size = NAME_SIZE_MAX + 1 + random_below(random, 99);
    else if (shape.name == NO_NAME)
        wrong.size = 1 + random_below(random, 20);
    say(link, (uint8_t)op, 0, wrong, body_of(random, shape), STATUS_BAD_NAME);
}

/* Messages come in runs of one name, which one ERROR can refuse. */
static void say_bad_flags(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    enum op op = dice_chance(random, 40) ? OP_PUSH : any_op(world);
    struct shape shape = shape_of(op);
    struct bytes name =
        shape.name == NEEDS_NAME ? world->commands.names.queues[0] : (struct bytes){0};
    uint8_t flag = (uint8_t)(1 << random_below(random, 8));
    while (flag & shape.flags)
        flag = (uint8_t)(flag << 1);
    uint64_t count = shape.body_size == ANY_BODY ? 1 + random_below(random, 4) : 1;
    for (uint64_t i = 0; i < count; i++)
        say(link, (uint8_t)op, flag, name, body_of(random, shape), STATUS_BAD_FLAGS);
}

static void say_bad_body(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    enum op op;
    do {
        op = any_op(world);
    } while (op == OP_PUSH || op == OP_PUBLISH);
    struct shape shape = shape_of(op);
    struct bytes name =
        shape.name == NEEDS_NAME ? world->commands.names.queues[0] : (struct bytes){0};
    size_t size = random_below(random, 30);
    if (shape.body_size == FIELDS_BODY)
        size = op == OP_REDRIVE ? random_below(random, 2) ? 5 + size : size % 4 : 1 + size;
    else if (size == (size_t)shape.body_size || (op == OP_RETURN && size == 24) ||
             (op == OP_LIST && size == 8))
        size++;
    say(link, (uint8_t)op, 0, name, size, STATUS_BAD_FRAME); /* a key of no size is no field */
}

/* Writes one field that DECLARE and SET refuse; returns its bytes. */
static size_t put_bad_setting(struct random *random, unsigned char *to)
{
    static const unsigned char name[NAME_SIZE_MAX + 1];
    switch (random_below(random, 10)) {
    case 0: return fields_put_number(to, "max-massages", 7);
    case 1: return fields_put_number(to, "max-messages", 0);
    case 2: return fields_put_bytes(to, "max-bytes", bytes_text("12345678"));
    case 3: return fields_put_bytes(to, "when-full", bytes_text("burst"));
    case 4: return fields_put_bytes(to, "ttl", bytes_text("7s"));
    case 5: return fields_put_number(to, "delivery-limit", 65536);
    case 6: return fields_put_number(to, "dead-letter", 1);
    case 7: return fields_put_bytes(to, "dead-letter", bytes_of(name, sizeof name));
    case 8: return fields_put_bytes(to, "pop-lease", bytes_text("connections"));
    default: return fields_put_bytes(to, "lease-max", bytes_text(""));
    }
}

static size_t put_bad_target(struct random *random, unsigned char *to, struct bytes queue)
{
    switch (random_below(random, 4)) {
    case 0: return fields_put_number(to, "to", 1);
    case 1: return fields_put_bytes(to, "to", (struct bytes){0});
    case 2: return fields_put_bytes(to, "to", queue); /* where it comes from */
    default: return fields_put_bytes(to, "from", queue);
    }
}

static void say_bad_field(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    struct bytes queue = world->commands.names.queues[0];
    unsigned char fields[ENCODE_FIELDS_MAX];
    enum op op = (enum op)ONE_OF(random, OP_DECLARE, OP_SET, OP_REDRIVE);
    size_t skip = op == OP_REDRIVE ? 4 : 0;
    size_t size =
        op == OP_REDRIVE ? put_bad_target(random, fields, queue) : put_bad_setting(random, fields);
    unsigned char *body = say(link, (uint8_t)op, 0, queue, skip + size, STATUS_BAD_FIELD);
    memcpy(body + skip, fields, size);
}

/* Writes a header block that is refused; returns its bytes. */
static size_t put_bad_block(struct random *random, unsigned char *to)
{
    size_t size = 4;
    switch (random_below(random, 9)) {
    case 0: return random_below(random, 4); /* not even a size */
    case 1: store_u32(to, 3); return 10;
    case 2: store_u32(to, 11); return 10;
    case 3:
        store_u32(to, 8);
        memset(to + 4, 0, 4);
        return 8; /* a key of no size */
    case 4: size += fields_put_number(to + size, "ttl", 0); break;
    case 5: size += fields_put_bytes(to + size, "delay", bytes_text("12345678")); break;
    case 6: size += fields_put_number(to + size, "reply-to", 1); break;
    case 7: size += fields_put_number(to + size, "dead-queue", 1); break;
    case 8: size += fields_put_bytes(to + size, "dead-times", bytes_text("1")); break;
    }
    store_u32(to, (uint32_t)size);
    return size;
}

static void say_bad_header(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    unsigned char block[64] = {0};
    size_t size = put_bad_block(random, block);
    uint8_t op = dice_chance(random, 70) ? OP_PUSH : OP_PUBLISH;
    unsigned char *body =
        say(link, op, MESSAGE_HEADERS, world->commands.names.queues[0], size, STATUS_BAD_HEADER);
    memcpy(body, block, size);
}

static void say_bad_range(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    static const uint64_t ranges[][2] = {
        {0, 1}, {1, 0}, {5, UINT64_MAX - 3}, {UINT32_MAX, UINT64_MAX}};
    enum op op = (enum op)ONE_OF(random, OP_ACK, OP_RETURN, OP_REJECT, OP_TOUCH, OP_PEEK, OP_LIST,
                                 OP_CLIENTS);
    if (op == OP_CLIENTS) {
        say(link, (uint8_t)op, 0, (struct bytes){0}, 8, STATUS_BAD_RANGE);
        return;
    }
    if (op == OP_PEEK || op == OP_LIST) {
        say(link, (uint8_t)op, 0, world->commands.names.queues[0], 4, STATUS_BAD_RANGE);
        return;
    }
    const uint64_t *range = ranges[random_below(random, sizeof ranges / sizeof *ranges)];
    unsigned char *body = say(link, (uint8_t)op, 0, (struct bytes){0}, 16, STATUS_BAD_RANGE);
    body += 4;
    encode_number(&body, range[0], 4);
    encode_number(&body, range[1], 8);
}

/* What ends the connection. */

static void become_fatal(struct world *world, struct link *link, enum status status)
{
    link->is_fatal = true;
    link->fatal_ns = sim_time(world->ring);
    link->fatal_status = status;
    link->fatal_number = link->said_count + 1;
}

/* A head that no frame can have, and a frame behind it that nobody will look at. */
static void say_fatal(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    enum { NO_OP, TOO_SHORT, TOO_LONG } kind = (int)random_below(random, 3);
    uint8_t op =
        kind == NO_OP ? (uint8_t)random_below(random, FRAME_OP_BIT) : (uint8_t)any_op(world);
    uint64_t size = kind == TOO_SHORT  ? random_below(random, HEAD_SIZE)
                    : kind == TOO_LONG ? WORLD_FRAME_MAX + 1 + random_below(random, 1 << 30)
                                       : HEAD_SIZE + random_below(random, 1000);
    unsigned char *to = encode_frame(&link->out, op, 0, (struct bytes){0}, 0) - sizeof(uint32_t);
    encode_number(&to, size, sizeof(uint32_t));
    become_fatal(world, link, kind == TOO_LONG ? STATUS_TOO_LARGE : STATUS_PROTOCOL);
    encode_frame(&link->out, OP_PING, 0, (struct bytes){0}, 0);
}

void world_say_bad_hello(struct world *world, struct link *link)
{
    static const struct {
        uint8_t op, flags, name_size, version;
        size_t size; /* bytes of the body: the version, and zeros */
        enum status status;
    } hellos[] = {
        {OP_PING, 0, 0, 0, 0, STATUS_HELLO},
        {OP_PUSH, 0, 1, 1, 12, STATUS_HELLO},
        {OP_WELCOME, 0, 0, 1, 4, STATUS_HELLO},
        {OP_HELLO, 0, 0, 1, HELLO_MAX - HEAD_SIZE + 1, STATUS_TOO_LARGE},
        {OP_HELLO, 0, 0, 1, 3, STATUS_BAD_FRAME},
        {OP_HELLO, 0, 0, 1, 9, STATUS_BAD_FRAME},
        {OP_HELLO, 0, 1, 1, 4, STATUS_BAD_NAME},
        {OP_HELLO, 4, 0, 1, 4, STATUS_BAD_FLAGS},
        {OP_HELLO, 0, 0, 0, 4, STATUS_VERSION},
        {OP_HELLO, 0, 0, 2, 4, STATUS_VERSION},
    };
    size_t at = random_below(&world->commands.random, sizeof hellos / sizeof *hellos);
    struct bytes name = bytes_of("n", hellos[at].name_size);
    unsigned char *body =
        encode_frame(&link->out, hellos[at].op, hellos[at].flags, name, hellos[at].size);
    memset(body, 0, hellos[at].size);
    if (hellos[at].size > 0)
        body[0] = hellos[at].version;
    become_fatal(world, link, hellos[at].status);
    link->fatal_number = 0;
}

void world_say_bad(struct world *world, struct link *link)
{
    static void (*const kinds[])(struct world *, struct link *) = {
        say_unknown_op, say_second_hello, say_name_past_end, say_bad_name,   say_bad_flags,
        say_bad_body,   say_bad_field,    say_bad_range,     say_bad_header,
    };
    if (dice_chance(&world->commands.random, 8))
        say_fatal(world, link);
    else
        kinds[random_below(&world->commands.random, sizeof kinds / sizeof *kinds)](world, link);
}
