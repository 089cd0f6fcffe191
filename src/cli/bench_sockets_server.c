/* SPDX-License-Identifier: MIT */
/*
 * The server of `weir bench sockets`: one thread, one level-triggered epoll, four services. What an event is about is in its user word: the service, and
 * whether it is a listener's.
 */
#include <errno.h>

#include "cli/bench_sockets.h"

#define BUFFER_BYTES (128u << 10)
#define EVENTS 64
#define LOOK_MS 50 /* for *stop */
#define LISTENER 0x100u

struct server {
    const struct bench_end *end;
    int epoll;
    uint8_t buffer[BUFFER_BYTES];
};

static uint64_t user_word(int fd, unsigned what) { return (uint64_t)what << 32 | (uint32_t)fd; }

static int watch(struct server *s, int fd, unsigned what)
{
    uint32_t events = what == BENCH_SOURCE ? EPOLLOUT : EPOLLIN;
    return bench_end_control(s->end, s->epoll, EPOLL_CTL_ADD, fd, events, user_word(fd, what));
}

/* Connections that end before they are accepted, and the like, are not the server's end. */
static void accept_all(struct server *s, int listener, unsigned service)
{
    int fd;
    while ((fd = bench_end_accept(s->end, listener)) >= 0)
        if (watch(s, fd, service) < 0)
            bench_end_close(s->end, fd);
}

/* False: the connection is over. */
static bool serve(struct server *s, int fd, enum bench_service service)
{
    if (service == BENCH_SOURCE)
        return bench_end_send(s->end, fd, s->buffer, sizeof s->buffer) > 0 || errno == EAGAIN;
    ssize_t n = bench_end_receive(s->end, fd, s->buffer, sizeof s->buffer);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (service == BENCH_DISCARD)
        return true;
    return bench_end_send(s->end, fd, s->buffer, (size_t)n) == n && service == BENCH_ECHO;
}

static void handle(struct server *s, const struct epoll_event *event)
{
    int fd = (int)(uint32_t)event->data.u64;
    unsigned what = (unsigned)(event->data.u64 >> 32);
    if (what & LISTENER)
        accept_all(s, fd, what & ~LISTENER);
    else if (!serve(s, fd, (enum bench_service)what))
        bench_end_close(s->end, fd);
}

static int listen_all(struct server *s, int listeners[BENCH_SERVICES])
{
    for (unsigned i = 0; i < BENCH_SERVICES; i++) {
        listeners[i] = bench_end_listen(s->end, (uint16_t)(BENCH_SOCKETS_PORT + i));
        if (listeners[i] < 0 || watch(s, listeners[i], LISTENER | i) < 0)
            return -1;
    }
    return 0;
}

static int run(struct server *s, const atomic_bool *stop)
{
    struct epoll_event events[EVENTS];
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        int n = bench_end_wait(s->end, s->epoll, events, EVENTS, LOOK_MS);
        if (n < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < n; i++)
            handle(s, &events[i]);
    }
    return 0;
}

int bench_sockets_serve(const struct bench_end *e, const atomic_bool *stop, atomic_bool *ready)
{
    struct server s = {.end = e, .epoll = bench_end_epoll(e)};
    int listeners[BENCH_SERVICES] = {-1, -1, -1, -1};
    int result = s.epoll < 0 ? -1 : listen_all(&s, listeners);
    if (result == 0) {
        if (ready)
            atomic_store(ready, true);
        result = run(&s, stop);
    }
    for (unsigned i = 0; i < BENCH_SERVICES; i++)
        if (listeners[i] >= 0)
            bench_end_close(e, listeners[i]);
    if (s.epoll >= 0)
        bench_end_close(e, s.epoll);
    return result;
}
