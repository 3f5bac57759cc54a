/* The ring on the kernel that runs here. */
#include "base/time.h"
#include "ring/ring.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, PATIENCE_S = 10, BIG = 2 * 1024 * 1024 };

/* A ring whose events are taken one by one. */
static struct {
    struct ring *ring;
    struct ring_event events[RING_EVENTS_MAX];
    unsigned next, count;
} bench;

static char folder[64];

static void bench_open(struct ring_options options)
{
    int result = ring_create(&bench.ring, &options);
    if (result < 0) {
        static char text[2000];
        ring_explain(result, text, sizeof text);
        printf("%s", text);
        exit(SKIPPED);
    }
    bench.next = bench.count = 0;
}

static void bench_close(void)
{
    ring_destroy(bench.ring);
    bench.ring = NULL;
}

/* The next event; fails if none comes. */
static struct ring_event next_event(void)
{
    uint64_t deadline = ring_now(bench.ring) + PATIENCE_S * NS_PER_S;
    while (bench.next == bench.count) {
        assert_true(ring_now(bench.ring) < deadline);
        bench.next = 0;
        bench.count = ring_wait(bench.ring, deadline, bench.events);
    }
    return bench.events[bench.next++];
}

static struct ring_event event_of(const struct io *io)
{
    struct ring_event event = next_event();
    assert_ptr_equal(event.io, io);
    return event;
}

/* Submits what was started, and sees that no event comes of it. */
static void submit_quietly(void)
{
    assert_int_equal(bench.next, bench.count);
    assert_int_equal(ring_wait(bench.ring, 0, bench.events), 0);
}

static struct ring_address loopback(void)
{
    return (struct ring_address){.kind = RING_ADDRESS_TCP4, .host = {127, 0, 0, 1}};
}

static struct ring_address loopback6(void)
{
    return (struct ring_address){.kind = RING_ADDRESS_TCP6, .host = {[15] = 1}};
}

static struct ring_address unix_address(const char *name)
{
    struct ring_address address = {.kind = RING_ADDRESS_UNIX};
    snprintf(address.path, sizeof address.path, "%s/%s", folder, name);
    return address;
}

static int client_connect(const struct ring_address *address, uint16_t port)
{
    struct sockaddr_storage name = {0};
    struct sockaddr_in *tcp4 = (struct sockaddr_in *)&name;
    struct sockaddr_in6 *tcp6 = (struct sockaddr_in6 *)&name;
    struct sockaddr_un *local = (struct sockaddr_un *)&name;
    socklen_t size = 0;
    switch (address->kind) {
    case RING_ADDRESS_TCP4:
        *tcp4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&tcp4->sin_addr, address->host, 4);
        size = sizeof *tcp4;
        break;
    case RING_ADDRESS_TCP6:
        *tcp6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&tcp6->sin6_addr, address->host, 16);
        size = sizeof *tcp6;
        break;
    case RING_ADDRESS_UNIX:
        local->sun_family = AF_UNIX;
        memcpy(local->sun_path, address->path, sizeof local->sun_path);
        size = sizeof *local;
        break;
    }
    int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&name, size) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* A connection over loopback: the client's end and the server's. */
struct pair {
    int client, server;
};

static struct pair pair_open(void)
{
    struct ring_address address = loopback();
    struct io accepting = {0};
    int listener = ring_listen(bench.ring, &address);
    assert_true(listener >= 0);
    ring_accept(bench.ring, &accepting, listener);
    submit_quietly();
    struct pair pair;
    pair.client = client_connect(&address, ring_listen_port(bench.ring, listener));
    assert_true(pair.client >= 0);
    pair.server = event_of(&accepting).result;
    assert_true(pair.server >= 0);
    ring_cancel(bench.ring, &accepting);
    assert_true(event_of(&accepting).is_last);
    ring_close(bench.ring, listener);
    return pair;
}

static void pair_close(struct pair pair)
{
    close(pair.client);
    ring_close(bench.ring, pair.server);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void client_read(int fd, void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = read(fd, (char *)data + at, size - at);
        assert_true(count > 0);
        at += (size_t)count;
    }
}

static void pattern_fill(unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
}

/* Runs a client through accept, receive, send and end. */
static void echo(const struct ring_address *address, bool is_tcp)
{
    struct io accepting = {0}, receiving = {0}, sending = {0};
    int listener = ring_listen(bench.ring, address);
    assert_true(listener >= 0);
    ring_accept(bench.ring, &accepting, listener);
    submit_quietly();
    uint16_t port = is_tcp ? ring_listen_port(bench.ring, listener) : 0;
    int client = client_connect(address, port);
    struct ring_event accepted = event_of(&accepting);
    assert_true(accepted.result >= 0 && !accepted.is_last);
    assert_true(fcntl(accepted.result, F_GETFD) & FD_CLOEXEC);
    if (is_tcp) {
        assert_int_equal(option_of(accepted.result, IPPROTO_TCP, TCP_NODELAY), 1);
        assert_int_equal(option_of(accepted.result, SOL_SOCKET, SO_KEEPALIVE), 1);
        assert_int_equal(option_of(accepted.result, IPPROTO_TCP, TCP_KEEPIDLE), 15);
        assert_int_equal(option_of(accepted.result, IPPROTO_TCP, TCP_KEEPINTVL), 5);
        assert_int_equal(option_of(accepted.result, IPPROTO_TCP, TCP_KEEPCNT), 3);
    }

    ring_recv(bench.ring, &receiving, accepted.result);
    assert_int_equal(write(client, "hello", 5), 5);
    struct ring_event received = event_of(&receiving);
    assert_int_equal(received.result, 5);
    assert_false(received.is_last);
    assert_memory_equal(received.data, "hello", 5);

    struct iovec pieces[] = {{(void *)received.data, 5}, {", you", 5}};
    ring_send(bench.ring, &sending, accepted.result, pieces, 2);
    struct ring_event sent = event_of(&sending);
    assert_int_equal(sent.result, 10);
    assert_true(sent.is_last);
    assert_null(sent.data);
    ring_buffer_return(bench.ring, received.buffer);
    char answer[10];
    client_read(client, answer, sizeof answer);
    assert_memory_equal(answer, "hello, you", 10);

    close(client);
    struct ring_event end = event_of(&receiving);
    assert_int_equal(end.result, 0);
    assert_true(end.is_last);
    assert_null(end.data);
    ring_close(bench.ring, accepted.result);
    ring_cancel(bench.ring, &accepting);
    assert_int_equal(event_of(&accepting).result, -ECANCELED);
    ring_close(bench.ring, listener);
}

static void a_client_is_served_over_every_kind_of_address(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct ring_address address = loopback();
    echo(&address, true);
    address = loopback6();
    echo(&address, true);
    address = unix_address("echo");
    echo(&address, false);
    bench_close();
}

static void the_base_features_alone_suffice(void **state)
{
    (void)state;
    bench_open((struct ring_options){.is_base_only = true});
    struct ring_address address = loopback();
    echo(&address, true);
    bench_close();
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    uint64_t deadline = ring_now(bench.ring) + 20 * NS_PER_MS;
    unsigned turns = 0;
    do {
        assert_int_equal(ring_wait(bench.ring, deadline, bench.events), 0);
        turns++;
    } while (ring_now(bench.ring) < deadline && turns < 100);
    assert_true(ring_now(bench.ring) >= deadline);
    assert_true(turns < 10); /* it slept */
    bench_close();
}

static void a_poll_tells_when_a_descriptor_can_be_read(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct io polling = {0};
    int fd = eventfd(0, EFD_CLOEXEC);
    ring_poll(bench.ring, &polling, fd);
    submit_quietly();
    assert_int_equal(eventfd_write(fd, 1), 0);
    struct ring_event event = event_of(&polling);
    assert_int_equal(event.result, POLLIN);
    assert_true(event.is_last);
    ring_close(bench.ring, fd);
    bench_close();
}

static void exhausted_buffers_end_a_receive_and_their_return_lets_it_go_on(void **state)
{
    (void)state;
    enum { BUFFERS = 4, SIZE = 64, TOTAL = 40 * SIZE };
    static unsigned char sent[TOTAL], got[TOTAL];
    bench_open((struct ring_options){.buffers = BUFFERS, .buffer_size = SIZE});
    struct pair pair = pair_open();
    pattern_fill(sent, TOTAL);
    assert_int_equal(write(pair.client, sent, TOTAL), TOTAL);

    struct io receiving = {0};
    uint16_t lent[BUFFERS];
    unsigned lent_count = 0, starved_count = 0;
    size_t size = 0;
    ring_recv(bench.ring, &receiving, pair.server);
    while (size < TOTAL) {
        struct ring_event event = event_of(&receiving);
        if (event.result > 0) {
            assert_true(lent_count < BUFFERS);
            memcpy(got + size, event.data, (size_t)event.result);
            size += (size_t)event.result;
            lent[lent_count++] = event.buffer;
        } else {
            assert_int_equal(event.result, -ENOBUFS);
            assert_true(event.is_last);
            assert_int_equal(lent_count, BUFFERS);
            starved_count++;
            while (lent_count)
                ring_buffer_return(bench.ring, lent[--lent_count]);
        }
        if (event.is_last)
            ring_recv(bench.ring, &receiving, pair.server);
    }
    assert_memory_equal(got, sent, TOTAL);
    assert_true(starved_count >= TOTAL / SIZE / BUFFERS - 1);
    ring_shutdown(bench.ring, pair.server, SHUT_RDWR);
    while (!event_of(&receiving).is_last)
        ;
    pair_close(pair);
    bench_close();
}

static void a_full_completion_queue_loses_nothing(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    bench_open((struct ring_options){.entries = 2, .completions = 8});
    static struct io polling[COUNT];
    memset(polling, 0, sizeof polling);
    int fd = eventfd(1, EFD_CLOEXEC);
    for (int i = 0; i < COUNT; i++)
        ring_poll(bench.ring, &polling[i], fd);
    bool is_seen[COUNT] = {false};
    for (int seen_count = 0; seen_count < COUNT;) {
        unsigned count = ring_wait(bench.ring, 0, bench.events);
        assert_true(count > 0 && count <= 8); /* all are done, so there is no need to wait */
        for (unsigned i = 0; i < count; i++, seen_count++) {
            struct ring_event event = bench.events[i];
            size_t index = (size_t)(event.io - polling);
            assert_true(index < COUNT && !is_seen[index] && event.is_last);
            assert_int_equal(event.result, POLLIN);
            is_seen[index] = true;
        }
    }
    submit_quietly();
    ring_close(bench.ring, fd);
    bench_close();
}

static void a_submission_queue_of_two_takes_many_sends(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    bench_open((struct ring_options){.entries = 2, .completions = 64});
    struct pair pairs[COUNT];
    struct io sending[COUNT] = {0};
    struct iovec pieces[COUNT][2];
    char bytes[COUNT][2];
    for (int i = 0; i < COUNT; i++)
        pairs[i] = pair_open();
    for (int i = 0; i < COUNT; i++) {
        bytes[i][0] = (char)('a' + i);
        bytes[i][1] = (char)('A' + i);
        pieces[i][0] = (struct iovec){&bytes[i][0], 1};
        pieces[i][1] = (struct iovec){&bytes[i][1], 1};
        ring_send(bench.ring, &sending[i], pairs[i].server, pieces[i], 2);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(next_event().result, 2);
    for (int i = 0; i < COUNT; i++) {
        char got[2];
        client_read(pairs[i].client, got, 2);
        assert_memory_equal(got, bytes[i], 2);
        pair_close(pairs[i]);
    }
    bench_close();
}

static void a_cancelled_receive_ends_and_can_start_again(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct pair pair = pair_open();
    struct io receiving = {0};
    for (int i = 0; i < 3; i++) {
        ring_recv(bench.ring, &receiving, pair.server);
        if (i != 1) /* once submitted before, once together with the cancel */
            submit_quietly();
        ring_cancel(bench.ring, &receiving);
        struct ring_event event = event_of(&receiving);
        assert_true(event.result == -ECANCELED || event.result == -ENOBUFS);
        assert_true(event.is_last && !receiving.is_active);
    }
    submit_quietly();
    pair_close(pair);
    bench_close();
}

static void a_cancel_that_comes_late_hits_nobody(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    int ready = eventfd(1, EFD_CLOEXEC), silent = eventfd(0, EFD_CLOEXEC);
    struct io polling = {0};
    for (int i = 0; i < 100; i++) {
        ring_poll(bench.ring, &polling, ready);
        ring_cancel(bench.ring, &polling); /* done before the cancel is looked at */
        struct ring_event event = event_of(&polling);
        assert_true(event.is_last);
        /* The same io in the same slot, which the old cancel must not meet. */
        ring_poll(bench.ring, &polling, silent);
        submit_quietly();
        ring_cancel(bench.ring, &polling);
        ring_cancel(bench.ring, &polling);
        assert_int_equal(event_of(&polling).result, -ECANCELED);
        submit_quietly();
    }
    ring_close(bench.ring, ready);
    ring_close(bench.ring, silent);
    bench_close();
}

static void shutting_down_ends_a_receive_so_that_the_descriptor_can_be_closed(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct pair pair = pair_open();
    struct io receiving = {0};
    ring_recv(bench.ring, &receiving, pair.server);
    submit_quietly();
    ring_shutdown(bench.ring, pair.server, SHUT_RDWR);
    ring_cancel(bench.ring, &receiving);
    struct ring_event event = event_of(&receiving);
    assert_true(event.is_last && event.result <= 0);
    char byte;
    assert_int_equal(read(pair.client, &byte, 1), 0);
    pair_close(pair);
    bench_close();
}

static void descriptors_that_come_again_at_once_are_not_confused(void **state)
{
    (void)state;
    enum { ROUNDS = 300 };
    bench_open((struct ring_options){0});
    struct ring_address address = loopback();
    struct io accepting = {0};
    int listener = ring_listen(bench.ring, &address);
    uint16_t port = ring_listen_port(bench.ring, listener);
    ring_accept(bench.ring, &accepting, listener);
    submit_quietly();
    for (int i = 0; i < ROUNDS; i++) {
        int client = client_connect(&address, port);
        int fd = event_of(&accepting).result;
        struct io *receiving =
            calloc(1, sizeof *receiving); /* so that a sanitizer sees a late touch */
        ring_recv(bench.ring, receiving, fd);
        if (i % 2)
            assert_int_equal(write(client, &i, sizeof i), (ssize_t)sizeof i);
        ring_shutdown(bench.ring, fd, SHUT_RDWR);
        ring_cancel(bench.ring, receiving);
        bool is_last = false;
        while (!is_last) {
            struct ring_event event = event_of(receiving);
            is_last = event.is_last;
            if (event.data) {
                assert_memory_equal(event.data, &i, sizeof i);
                ring_buffer_return(bench.ring, event.buffer);
            }
        }
        free(receiving);
        ring_close(bench.ring, fd);
        close(client);
    }
    ring_cancel(bench.ring, &accepting);
    assert_true(event_of(&accepting).is_last);
    ring_close(bench.ring, listener);
    bench_close();
}

static void small_buffer_set(int fd, int option)
{
    int size = 16 * 1024;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &size, sizeof size), 0);
}

static void a_slow_reader_gets_every_byte(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct pair pair = pair_open();
    small_buffer_set(pair.server, SO_SNDBUF);
    unsigned char *sent = malloc(BIG), *got = malloc(BIG);
    pattern_fill(sent, BIG);
    struct io sending = {0};
    size_t out = 0, in = 0;
    struct iovec pieces[3];
    while (in < BIG) {
        if (!sending.is_active && out < BIG) {
            size_t left = BIG - out;
            pieces[0] = (struct iovec){sent + out, left / 3};
            pieces[1] = (struct iovec){sent + out + left / 3, left / 3};
            pieces[2] = (struct iovec){sent + out + left / 3 * 2, left - left / 3 * 2};
            ring_send(bench.ring, &sending, pair.server, pieces, 3);
        }
        unsigned count = ring_wait(bench.ring, ring_now(bench.ring), bench.events);
        for (unsigned i = 0; i < count; i++) {
            assert_true(bench.events[i].result > 0 && bench.events[i].is_last);
            out += (size_t)bench.events[i].result;
        }
        ssize_t size =
            recv(pair.client, got + in, BIG - in < 50000 ? BIG - in : 50000, MSG_DONTWAIT);
        in += size > 0 ? (size_t)size : 0;
    }
    assert_memory_equal(got, sent, BIG);
    if (sending.is_active) /* its last bytes came before its event */
        assert_true(event_of(&sending).is_last);
    free(sent);
    free(got);
    pair_close(pair);
    bench_close();
}

static void a_host_that_lives_is_never_silent_though_it_owes_what_nobody_reads(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct pair pair = pair_open();
    unsigned char *data = calloc(1, BIG);
    uint64_t silent_ns = 1;
    size_t size = 0;
    assert_false(ring_silence(bench.ring, pair.server, &silent_ns));
    for (ssize_t count; (count = send(pair.server, data, BIG, MSG_DONTWAIT)) > 0;)
        size += (size_t)count;
    assert_true(ring_silence(bench.ring, pair.server, &silent_ns));
    assert_int_equal(silent_ns, 0);
    while (size > 0) {
        size_t piece = size < BIG ? size : BIG;
        client_read(pair.client, data, piece);
        size -= piece;
    }
    while (ring_silence(bench.ring, pair.server, &silent_ns)) /* until the last acknowledgement */
        assert_int_equal(silent_ns, 0);
    free(data);
    pair_close(pair);
    bench_close();
}

static void a_send_cut_by_a_cancel_tells_how_much_went_out(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct pair pair = pair_open();
    small_buffer_set(pair.server, SO_SNDBUF);
    unsigned char *sent = malloc(BIG), *got = malloc(BIG);
    pattern_fill(sent, BIG);
    struct io sending = {0};
    struct iovec all = {sent, BIG};
    ring_send(bench.ring, &sending, pair.server, &all, 1);
    submit_quietly(); /* the client does not read, so it cannot end */
    ring_cancel(bench.ring, &sending);
    struct ring_event event = event_of(&sending);
    assert_true(event.is_last && event.result > 0 && event.result < BIG);
    ring_shutdown(bench.ring, pair.server, SHUT_WR);
    client_read(pair.client, got, (size_t)event.result);
    assert_memory_equal(got, sent, (size_t)event.result);
    assert_int_equal(read(pair.client, got, 1), 0);
    free(sent);
    free(got);
    pair_close(pair);
    bench_close();
}

static void sending_to_a_peer_that_has_gone_is_an_error_and_no_signal(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct pair pair = pair_open();
    struct linger abruptly = {.l_onoff = 1};
    assert_int_equal(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &abruptly, sizeof abruptly), 0);
    close(pair.client);
    struct io sending = {0}, receiving = {0};
    struct iovec piece = {"x", 1};
    ring_recv(bench.ring, &receiving, pair.server);
    struct ring_event event = event_of(&receiving);
    assert_int_equal(event.result, -ECONNRESET);
    assert_true(event.is_last);
    ring_send(bench.ring, &sending, pair.server, &piece, 1);
    event = event_of(&sending);
    assert_int_equal(event.result, -EPIPE);
    assert_true(event.is_last);
    ring_close(bench.ring, pair.server);
    bench_close();
}

static void those_who_wait_are_turned_away_through_the_reserve(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct ring_address address = loopback(), from;
    int listener = ring_listen(bench.ring, &address);
    assert_false(ring_turn_away(bench.ring, listener));
    int first = client_connect(&address, ring_listen_port(bench.ring, listener));
    int second = client_connect(&address, ring_listen_port(bench.ring, listener));
    assert_int_equal(ring_peer(bench.ring, first, &from), 0);
    assert_int_equal(from.kind, RING_ADDRESS_TCP4);
    assert_memory_equal(from.host, address.host, 4);
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){(rlim_t)second + 1, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    assert_true(dup(first) < 0);
    assert_true(ring_turn_away(bench.ring, listener));
    assert_true(ring_turn_away(bench.ring, listener));
    assert_false(ring_turn_away(bench.ring, listener));
    setrlimit(RLIMIT_NOFILE, &limit);
    char byte;
    assert_int_equal(read(first, &byte, 1), 0);
    assert_int_equal(read(second, &byte, 1), 0);
    close(first);
    close(second);
    ring_close(bench.ring, listener);
    bench_close();
}

static void accepting_without_free_descriptors_ends_and_goes_on_when_there_are_some(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct ring_address address = loopback();
    struct io accepting = {0};
    int listener = ring_listen(bench.ring, &address);
    int client = client_connect(&address, ring_listen_port(bench.ring, listener));
    int lowest_free = dup(client);
    close(lowest_free);
    struct rlimit limit, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)lowest_free, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0); /* counts when an accept starts */
    ring_accept(bench.ring, &accepting, listener);
    struct ring_event event = next_event();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(event.result, -EMFILE);
    assert_true(event.is_last);

    ring_accept(bench.ring, &accepting, listener);
    event = event_of(&accepting);
    assert_true(event.result >= 0 && !event.is_last);
    bench_close();
    close(event.result);
    close(client);
    close(listener);
}

static void a_unix_listener_is_for_its_owner_alone(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct ring_address address = unix_address("private");
    mode_t before = umask(0);
    int listener = ring_listen(bench.ring, &address);
    umask(before);
    struct stat status;
    assert_int_equal(stat(address.path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0600);
    ring_close(bench.ring, listener);
    assert_int_equal(stat(address.path, &status), -1);
    bench_close();
}

static void a_unix_path_is_replaced_only_if_nobody_listens_on_it(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct ring_address address = unix_address("path");
    int listener = ring_listen(bench.ring, &address);
    assert_true(listener >= 0);
    assert_int_equal(ring_listen(bench.ring, &address), -EADDRINUSE);
    ring_close(bench.ring, listener);

    struct sockaddr_un name = {.sun_family = AF_UNIX}; /* what a crash leaves */
    memcpy(name.sun_path, address.path, sizeof name.sun_path);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&name, sizeof name), 0);
    close(dead);
    assert_int_equal(access(address.path, F_OK), 0);
    int second = ring_listen(bench.ring, &address);
    assert_true(second >= 0);
    assert_true(client_connect(&address, 0) >= 0);

    assert_int_equal(unlink(address.path), 0);
    int file = open(address.path, O_CREAT | O_WRONLY, 0600);
    ring_close(bench.ring, second); /* the file is somebody else's now */
    assert_int_equal(access(address.path, F_OK), 0);
    assert_int_equal(ring_listen(bench.ring, &address), -ENOTSOCK);
    close(file);
    unlink(address.path);
    address.path[0] = 0;
    assert_int_equal(ring_listen(bench.ring, &address), -EINVAL);
    bench_close();
}

static void a_taken_port_is_refused(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    struct ring_address address = loopback();
    int listener = ring_listen(bench.ring, &address);
    address.port = ring_listen_port(bench.ring, listener);
    assert_true(address.port != 0);
    assert_int_equal(ring_listen(bench.ring, &address), -EADDRINUSE);
    ring_close(bench.ring, listener);
    bench_close();
}

static void destroying_a_ring_ends_what_is_in_flight(void **state)
{
    (void)state;
    bench_open((struct ring_options){.entries = 2});
    struct pair pair = pair_open();
    struct ring_address tcp = loopback(), local = unix_address("gone");
    int listeners[] = {ring_listen(bench.ring, &tcp), ring_listen(bench.ring, &local)};
    tcp.port = ring_listen_port(bench.ring, listeners[0]);
    int early = client_connect(&local, 0);
    struct io accepting[2] = {0}, receiving = {0}, sending = {0};
    struct iovec piece = {"never", 5};
    ring_accept(bench.ring, &accepting[0], listeners[0]);
    ring_accept(bench.ring, &accepting[1], listeners[1]);
    ring_recv(bench.ring, &receiving, pair.server); /* no place: submits, and accepts unseen */
    ring_send(bench.ring, &sending, pair.server, &piece, 1);
    bench_close();
    assert_int_equal(access(local.path, F_OK), -1);
    close(pair.server);
    close(listeners[0]);
    close(listeners[1]);
    assert_int_equal(client_connect(&tcp, tcp.port), -ECONNREFUSED); /* nobody holds it still */
    char byte; /* what was not submitted never went, and what was accepted is closed */
    assert_int_equal(read(pair.client, &byte, 1), 0);
    assert_int_equal(read(early, &byte, 1), 0);
    close(pair.client);
    close(early);
}

static void a_buffer_returned_twice_stops_the_program(void **state)
{
    (void)state;
    bench_open((struct ring_options){0});
    bench_close();
    pid_t child = fork();
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka's would go on */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        bench_open((struct ring_options){0});
        ring_buffer_return(bench.ring, 0);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_uring.XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_served_over_every_kind_of_address),
        cmocka_unit_test(the_base_features_alone_suffice),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(a_poll_tells_when_a_descriptor_can_be_read),
        cmocka_unit_test(exhausted_buffers_end_a_receive_and_their_return_lets_it_go_on),
        cmocka_unit_test(a_full_completion_queue_loses_nothing),
        cmocka_unit_test(a_submission_queue_of_two_takes_many_sends),
        cmocka_unit_test(a_cancelled_receive_ends_and_can_start_again),
        cmocka_unit_test(a_cancel_that_comes_late_hits_nobody),
        cmocka_unit_test(shutting_down_ends_a_receive_so_that_the_descriptor_can_be_closed),
        cmocka_unit_test(descriptors_that_come_again_at_once_are_not_confused),
        cmocka_unit_test(a_slow_reader_gets_every_byte),
        cmocka_unit_test(a_host_that_lives_is_never_silent_though_it_owes_what_nobody_reads),
        cmocka_unit_test(a_send_cut_by_a_cancel_tells_how_much_went_out),
        cmocka_unit_test(sending_to_a_peer_that_has_gone_is_an_error_and_no_signal),
        cmocka_unit_test(those_who_wait_are_turned_away_through_the_reserve),
        cmocka_unit_test(accepting_without_free_descriptors_ends_and_goes_on_when_there_are_some),
        cmocka_unit_test(a_unix_listener_is_for_its_owner_alone),
        cmocka_unit_test(a_unix_path_is_replaced_only_if_nobody_listens_on_it),
        cmocka_unit_test(a_taken_port_is_refused),
        cmocka_unit_test(destroying_a_ring_ends_what_is_in_flight),
        cmocka_unit_test(a_buffer_returned_twice_stops_the_program),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
