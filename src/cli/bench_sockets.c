/* SPDX-License-Identifier: MIT */
/*
 * Bench sockets: the socket API of weir/socket.h beside the kernel's. By itself: Weir's stacks in this process, wired by a memory link, once embedded (a
 * thread a side) and once with the stacks' own threads, then the kernel's sockets over loopback. With a peer (bench/sockets): the kernel's or Weir's
 * sockets, the latter over WEIR_LINK, against `weir bench sockets --serve` elsewhere.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/bench.h"
#include "cli/bench_sockets.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "weir/socket.h"

#define SERVER_ADDRESS "198.18.0.1" /* RFC 2544 */
#define CLIENT_ADDRESS "198.18.0.2"
#define MESSAGE_BYTES 256

enum api { API_KERNEL, API_EMBEDDED, API_THREAD, API_COUNT };
static const char *const api_names[API_COUNT] = {"kernel", "embedded", "thread"};

static void record(struct bench_result *r, const char *peer, const struct bench_sockets_figures *f)
{
    bench_record_peer(r, peer, "throughput_to", "bit/s", f->to_bps);
    if (f->registered_bps > 0)
        bench_record_peer(r, peer, "throughput_to_registered", "bit/s", f->registered_bps);
    bench_record_peer(r, peer, "throughput_from", "bit/s", f->from_bps);
    if (f->pieces_bps > 0)
        bench_record_peer(r, peer, "throughput_from_pieces", "bit/s", f->pieces_bps);
    bench_record_peer(r, peer, "ping_pong_p50", "ns", f->p50_ns);
    bench_record_peer(r, peer, "ping_pong_p99", "ns", f->p99_ns);
    bench_record_peer(r, peer, "connections_per_second", "1/s", f->connections_per_second);
}

static struct weir_stack *open_stack(enum api api, const char *link, const char *address, char message[MESSAGE_BYTES])
{
    char prefixed[INET_ADDRSTRLEN + 3];
    snprintf(prefixed, sizeof prefixed, "%s/24", address);
    struct weir_interface i = {.size = sizeof i, .link = link, .address = prefixed};
    struct weir_stack_options o = {
        .size = sizeof o, .embedded = api == API_EMBEDDED, .interfaces = &i, .n_interfaces = 1};
    return weir_stack_new(&o, message, MESSAGE_BYTES);
}

/* ---- both ends in this process ---- */

struct side {
    pthread_t thread;
    enum api api;
    const char *own_address;
    atomic_bool *stop, *ready;
    int cpu; /* -1: any */
    int64_t run_ns;
    struct bench_sockets_figures figures;
    const char *what;
    int error; /* errno */
    char message[MESSAGE_BYTES];
};

/* False: there is no stack where there should be one. */
static bool begin_side(struct side *s, struct bench_end *e)
{
    if (s->cpu >= 0)
        cpu_pin(s->cpu);
    inet_pton(AF_INET, s->api == API_KERNEL ? "127.0.0.1" : SERVER_ADDRESS, &e->address);
    if (s->api == API_KERNEL)
        return true;
    e->stack = open_stack(s->api, "mem:bench-sockets", s->own_address, s->message);
    s->error = errno;
    s->what = "stack";
    return e->stack != NULL;
}

static void *serve(void *argument)
{
    struct side *s = argument;
    struct bench_end e = {.stack = NULL};
    if (begin_side(s, &e)) {
        s->what = "server";
        s->error = bench_sockets_serve(&e, s->stop, s->ready) < 0 ? errno : 0;
    }
    atomic_store(s->ready, true); /* whatever happened, nobody waits for it any longer */
    weir_stack_delete(e.stack);
    return NULL;
}

static void *measure(void *argument)
{
    struct side *s = argument;
    struct bench_end e = {.stack = NULL};
    if (begin_side(s, &e))
        s->error = bench_sockets_measure(&e, s->run_ns, &s->figures, &s->what) < 0 ? errno : 0;
    weir_stack_delete(e.stack);
    return NULL;
}

static int failed(struct bench_result *r, enum api api, const struct side *s)
{
    return bench_fail(r, ERR_SYSTEM, "%s: %s: %s", api_names[api], s->what ? s->what : "thread",
                      s->message[0] ? s->message : strerror(s->error));
}

static int measure_here(enum api api, int64_t run_ns, struct bench_result *r, const char *peer)
{
    atomic_bool stop = false, ready = false;
    bool pinned = api != API_THREAD && cpu_count() > 1;
    struct side server = {.api = api, .own_address = SERVER_ADDRESS, .stop = &stop, .ready = &ready, .cpu = -1};
    struct side client = {.api = api, .own_address = CLIENT_ADDRESS, .run_ns = run_ns, .cpu = -1};
    if (pinned) {
        client.cpu = cpu_nth(0);
        server.cpu = cpu_nth(1);
    }
    server.error = pthread_create(&server.thread, NULL, serve, &server);
    if (server.error)
        return failed(r, api, &server);
    while (!atomic_load(&ready))
        clock_sleep(NS_PER_MS);
    client.error = pthread_create(&client.thread, NULL, measure, &client);
    if (!client.error)
        pthread_join(client.thread, NULL);
    atomic_store(&stop, true);
    pthread_join(server.thread, NULL);
    if (server.error)
        return failed(r, api, &server);
    if (client.error)
        return failed(r, api, &client);
    record(r, peer, &client.figures);
    return 0;
}

/* ---- one end in this process ---- */

static int api_of(const struct bench_options *o, struct bench_result *r)
{
    for (int i = 0; i < API_COUNT; i++)
        if (strcmp(o->api ? o->api : "embedded", api_names[i]) == 0)
            return i;
    return bench_fail(r, ERR_INVALID, "--api: found '%.40s', allowed: kernel, embedded, thread", o->api);
}

static int measure_peer(const struct bench_options *o, struct bench_result *r)
{
    char message[MESSAGE_BYTES] = "";
    struct weir_stack_options with = {.size = sizeof with};
    struct bench_end e = {.stack = NULL};
    struct bench_sockets_figures f = {0};
    const char *what = "stack";
    int api = api_of(o, r);
    if (api < 0)
        return api;
    if (inet_pton(AF_INET, o->peer, &e.address) != 1)
        return bench_fail(r, ERR_INVALID, "--peer: found '%.40s', allowed is an IPv4 address", o->peer);
    with.embedded = api == API_EMBEDDED;
    if (api != API_KERNEL) {
        e.stack = weir_stack_new(&with, message, sizeof message);
        if (!e.stack || weir_interface_add_default(e.stack, message, sizeof message) < 0) {
            weir_stack_delete(e.stack);
            return bench_fail(r, ERR_SYSTEM, "%s", message);
        }
    }
    int result = bench_sockets_measure(&e, o->run_ns, &f, &what);
    int error = errno;
    weir_stack_delete(e.stack);
    if (result < 0)
        return bench_fail(r, ERR_SYSTEM, "%s: %s", what, strerror(error));
    record(r, NULL, &f);
    return 0;
}

static atomic_bool interrupted;
static void interrupt(int signal)
{
    (void)signal;
    atomic_store(&interrupted, true);
}

/* The kernel's sockets serve on every address until a signal ends it. */
static int serve_kernel(struct bench_result *r)
{
    struct bench_end e = {.address.s_addr = htonl(INADDR_ANY)};
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return bench_sockets_serve(&e, &interrupted, NULL) < 0 ? bench_fail(r, ERR_SYSTEM, "server: %s", strerror(errno))
                                                           : 0;
}

int bench_sockets(const struct bench_options *o, struct bench_result *r)
{
    if (o->serve)
        return serve_kernel(r);
    if (o->peer)
        return measure_peer(o, r);
    int e = measure_here(API_EMBEDDED, o->run_ns, r, NULL);
    if (e == 0)
        e = measure_here(API_THREAD, o->run_ns, r, "own threads");
    return e < 0 ? e : measure_here(API_KERNEL, o->run_ns, r, "kernel, loopback");
}
