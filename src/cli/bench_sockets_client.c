/* SPDX-License-Identifier: MIT */
/*
 * What `weir bench sockets` measures, from the client's end: throughput both ways over one connection, a byte to and fro (blocking calls), and connections a
 * second, SLOTS of them at once on an epoll. Throughput to the server counts until the server has read everything.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/histogram.h"
#include "cli/bench_sockets.h"
#include "engine/clock.h"

#define BUFFER_BYTES (128u << 10)
#define SLOTS 32u /* connections at once */
#define WARM_UP_DIVISOR 5

struct client {
    const struct bench_end *end;
    int64_t run_ns;
    uint8_t *buffer;
    struct histogram *times;
};

static int open_service(const struct client *c, enum bench_service service)
{
    int fd = bench_end_socket(c->end, false);
    if (fd >= 0 && bench_end_connect(c->end, fd, (uint16_t)(BENCH_SOCKETS_PORT + service)) < 0) {
        bench_end_close(c->end, fd);
        return -1;
    }
    return fd;
}

static double rate_per_second(uint64_t n, int64_t ns) { return (double)n * 1e9 / (double)ns; }

/* ---- throughput ---- */

/* memory -1: the bytes are copied. */
static int move_to(struct client *c, int fd, int memory, double *bps)
{
    uint64_t bytes = 0;
    int64_t begin = clock_now();
    for (uint64_t number = 1; clock_now() - begin < c->run_ns; number++) {
        ssize_t n = memory >= 0 ? bench_end_send_registered(c->end, fd, memory, BUFFER_BYTES, number)
                                : bench_end_send(c->end, fd, c->buffer, BUFFER_BYTES);
        if (n < 0)
            return -1;
        bytes += (uint64_t)n;
    }
    if (bench_end_finish(c->end, fd) < 0 || bench_end_receive(c->end, fd, c->buffer, 1) != 0)
        return -1;
    *bps = 8 * rate_per_second(bytes, clock_now() - begin);
    return 0;
}

static int move_registered(struct client *c, int fd, double *bps)
{
    uint8_t *bytes = calloc(1, BUFFER_BYTES); /* while it is sent, the buffer is used to read the end */
    int memory = bytes ? bench_end_register(c->end, bytes, BUFFER_BYTES) : -1;
    int result = memory < 0 ? -1 : move_to(c, fd, memory, bps);
    if (memory >= 0 && bench_end_unregister(c->end, memory) < 0)
        result = -1;
    free(bytes);
    return result;
}

static int move_from(struct client *c, int fd, bool pieces, double *bps)
{
    uint64_t bytes = 0;
    int64_t begin = clock_now(), now;
    while ((now = clock_now()) - begin < c->run_ns) {
        ssize_t n =
            pieces ? bench_end_receive_pieces(c->end, fd) : bench_end_receive(c->end, fd, c->buffer, BUFFER_BYTES);
        if (n <= 0)
            return -1;
        bytes += (uint64_t)n;
    }
    *bps = 8 * rate_per_second(bytes, now - begin);
    return 0;
}

/* ---- a byte to and fro ---- */

static int ping(struct client *c, int fd, int64_t *ns)
{
    int64_t begin = clock_now();
    if (bench_end_send(c->end, fd, c->buffer, 1) != 1 || bench_end_receive(c->end, fd, c->buffer, 1) != 1)
        return -1;
    *ns = clock_now() - begin;
    return 0;
}

static int ping_pong(struct client *c, int fd, struct bench_sockets_figures *f)
{
    int64_t begin = clock_now(), ns;
    histogram_reset(c->times);
    for (int64_t at; (at = clock_now() - begin) < c->run_ns;) {
        if (ping(c, fd, &ns) < 0)
            return -1;
        if (at > c->run_ns / WARM_UP_DIVISOR)
            histogram_record(c->times, (uint64_t)ns);
    }
    f->p50_ns = (double)histogram_quantile(c->times, 500000);
    f->p99_ns = (double)histogram_quantile(c->times, 990000);
    return 0;
}

/* ---- connections ---- */

/* A connection on its way is known by its descriptor and what it waits for next. */
enum step { STEP_CONNECT, STEP_ECHO, STEP_END };

static int begin_one(struct client *c, int epoll)
{
    int fd = bench_end_socket(c->end, true);
    if (fd < 0)
        return -1;
    if (bench_end_connect(c->end, fd, BENCH_SOCKETS_PORT + BENCH_ONE) < 0 && errno != EINPROGRESS)
        return -1;
    return bench_end_control(c->end, epoll, EPOLL_CTL_ADD, fd, EPOLLOUT, (uint64_t)STEP_CONNECT << 32 | (uint32_t)fd);
}

static int wait_next(struct client *c, int epoll, int fd, enum step step)
{
    return bench_end_control(c->end, epoll, EPOLL_CTL_MOD, fd, EPOLLIN, (uint64_t)step << 32 | (uint32_t)fd);
}

/* 1: it is over; 0: it goes on. */
static int go_on(struct client *c, int epoll, uint64_t user)
{
    int fd = (int)(uint32_t)user;
    enum step step = (enum step)(user >> 32);
    if (step == STEP_CONNECT)
        return bench_end_send(c->end, fd, c->buffer, 1) != 1 ? -1 : wait_next(c, epoll, fd, STEP_ECHO);
    ssize_t n = bench_end_receive(c->end, fd, c->buffer, 2);
    if (n == 1 && step == STEP_ECHO)
        n = bench_end_receive(c->end, fd, c->buffer, 1); /* the end often came along */
    else if (n > 0 || step == STEP_ECHO)
        return -1;
    if (n < 0)
        return errno == EAGAIN ? wait_next(c, epoll, fd, STEP_END) : -1;
    bench_end_close(c->end, fd);
    return n == 0 ? 1 : -1;
}

static int turn(struct client *c, int epoll, uint64_t *done, bool more)
{
    struct epoll_event events[SLOTS];
    int n = bench_end_wait(c->end, epoll, events, SLOTS, 1000);
    if (n == 0)
        errno = ETIMEDOUT;
    if (n <= 0)
        return -1;
    for (int i = 0; i < n; i++) {
        int over = go_on(c, epoll, events[i].data.u64);
        if (over < 0 || (over && more && begin_one(c, epoll) < 0))
            return -1;
        *done += over > 0;
    }
    return 0;
}

static int connect_many(struct client *c, int epoll, double *rate)
{
    uint64_t done = 0, at_end;
    for (unsigned i = 0; i < SLOTS; i++)
        if (begin_one(c, epoll) < 0)
            return -1;
    int64_t begin = clock_now(), now;
    while ((now = clock_now()) - begin < c->run_ns)
        if (turn(c, epoll, &done, true) < 0)
            return -1;
    *rate = rate_per_second(done, now - begin);
    for (at_end = done + SLOTS; done < at_end;)
        if (turn(c, epoll, &done, false) < 0)
            return -1;
    return 0;
}

/* ---- all of it ---- */

enum step_over_one { TO, REGISTERED, FROM, PIECES, PING };

static int measure_on(struct client *c, enum step_over_one step, int fd, struct bench_sockets_figures *f)
{
    switch (step) {
    case TO:
        return move_to(c, fd, -1, &f->to_bps);
    case REGISTERED:
        return move_registered(c, fd, &f->registered_bps);
    case FROM:
    case PIECES:
        return move_from(c, fd, step == PIECES, step == PIECES ? &f->pieces_bps : &f->from_bps);
    case PING:
        break;
    }
    return ping_pong(c, fd, f);
}

static int measure_one(struct client *c, enum step_over_one step, struct bench_sockets_figures *f)
{
    static const enum bench_service services[] = {BENCH_DISCARD, BENCH_DISCARD, BENCH_SOURCE, BENCH_SOURCE, BENCH_ECHO};
    int fd = open_service(c, services[step]);
    if (fd < 0)
        return -1;
    int result = measure_on(c, step, fd, f);
    int error = errno;
    bench_end_close(c->end, fd);
    errno = error;
    return result;
}

static int measure(struct client *c, struct bench_sockets_figures *f, const char **what)
{
    static const char *const names[] = {"throughput to the server", "throughput to the server from registered memory",
                                        "throughput from the server", "throughput from the server in pieces",
                                        "a byte to and fro"};
    for (int i = TO; i <= PING; i++) {
        *what = names[i];
        if (((i != PIECES && i != REGISTERED) || c->end->stack) && measure_one(c, (enum step_over_one)i, f) < 0)
            return -1;
    }
    *what = "connections";
    int epoll = bench_end_epoll(c->end);
    int result = epoll < 0 ? -1 : connect_many(c, epoll, &f->connections_per_second);
    int error = errno;
    if (epoll >= 0)
        bench_end_close(c->end, epoll);
    errno = error;
    return result;
}

int bench_sockets_measure(const struct bench_end *e, int64_t run_ns, struct bench_sockets_figures *f, const char **what)
{
    struct client c = {
        .end = e, .run_ns = run_ns, .buffer = calloc(1, BUFFER_BYTES), .times = calloc(1, sizeof *c.times)};
    int result = -1;
    *what = "memory";
    if (c.buffer && c.times)
        result = measure(&c, f, what);
    free(c.buffer);
    free(c.times);
    return result;
}
