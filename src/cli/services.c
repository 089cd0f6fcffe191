/* SPDX-License-Identifier: MIT */
/*
 * `weir services`: echo, discard and daytime over TCP and UDP on Weir's own stack (RFC 862, 863, 867), and their clients (--ask).
 *
 * One thread over an epoll. A TCP connection is read only while there is nothing of it to be written, so that a peer that does not read cannot make us keep
 * more than one buffer of it. Datagrams from the ports of small services are not answered: two of them would answer each other for ever.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "base/time_ns.h"
#include "cli/interrupt.h"
#include "cli/own_stack.h"
#include "engine/clock.h"

#define BUFFER_BYTES 16384u
#define MAX_CONNECTIONS 4096u
#define MAX_TIMEOUT_S 3600u
#define TURN_MS 200
#define LAST_WORDS_MS 20 /* in which the acknowledgement of the last FIN leaves */
#define LONGEST_DATAGRAM 65507u

enum service { ECHO_SERVICE, DISCARD_SERVICE, DAYTIME_SERVICE, SERVICES };
static const struct {
    const char *name;
    uint16_t port;
} services[SERVICES] = {{"echo", 7}, {"discard", 9}, {"daytime", 13}};

struct services_options {
    struct own_stack_options stack;
    const char *ask;
    bool datagrams;
    uint32_t bytes, timeout_s;
};

static const struct option_row options[] = {
    OWN_STACK_OPTIONS(struct services_options),
    {"ask", 0, "SERVICE", OPTION_TEXT, 0, offsetof(struct services_options, ask),
     "be a client: ask HOST for echo, discard or daytime"},
    {"udp", 'u', NULL, OPTION_FLAG, 0, offsetof(struct services_options, datagrams), "with --ask: by UDP"},
    {"size", 's', "BYTES", OPTION_COUNT, 16u << 20, offsetof(struct services_options, bytes),
     "with --ask: how much is sent to echo or discard (default: 64)"},
    {"wait", 'w', "SECONDS", OPTION_COUNT, MAX_TIMEOUT_S, offsetof(struct services_options, timeout_s),
     "with --ask: how long to wait (default: 5)"},
};

/* ---- daytime ---- */

/* Saturday, November 21, 2026 16:05:00-UTC */
static size_t write_daytime(char *to, size_t room)
{
    time_t now = time(NULL);
    struct tm t;
    return strftime(to, room, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", gmtime_r(&now, &t));
}

/* ---- serving ---- */

/* A listener, a UDP socket, or a connection. */
struct end {
    int fd;
    enum service service;
    bool listens, datagrams;
    uint32_t length, done; /* of what is to be written */
    char *bytes;           /* of a connection */
};

struct server {
    struct weir_stack *stack;
    int epoll;
    uint32_t connections;
    struct end fixed[2 * SERVICES];
    char datagram[LONGEST_DATAGRAM + 1];
};

static bool watch(const struct server *v, struct end *e, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = e};
    return weir_epoll_ctl(v->stack, v->epoll, operation, e->fd, &event) == 0;
}

static void end_connection(struct server *v, struct end *e)
{
    (void)weir_close(v->stack, e->fd);
    free(e->bytes);
    free(e);
    v->connections--;
}

/* Writes what there is. True while the connection goes on. */
static bool flush_connection(struct server *v, struct end *e)
{
    while (e->done < e->length) {
        ssize_t n = weir_send(v->stack, e->fd, e->bytes + e->done, e->length - e->done, 0);
        if (n < 0)
            return errno == EAGAIN && watch(v, e, EPOLL_CTL_MOD, EPOLLOUT);
        e->done += (uint32_t)n;
    }
    e->length = e->done = 0;
    return e->service != DAYTIME_SERVICE && watch(v, e, EPOLL_CTL_MOD, EPOLLIN);
}

static bool serve_connection(struct server *v, struct end *e)
{
    if (e->length > 0)
        return flush_connection(v, e);
    ssize_t n = weir_recv(v->stack, e->fd, e->bytes, BUFFER_BYTES, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    e->length = e->service == ECHO_SERVICE ? (uint32_t)n : 0;
    return flush_connection(v, e);
}

static struct end *new_connection(enum service service, int fd)
{
    struct end *e = calloc(1, sizeof *e);
    char *bytes = malloc(BUFFER_BYTES);
    if (!e || !bytes) {
        free(e);
        free(bytes);
        return NULL;
    }
    *e = (struct end){.fd = fd, .service = service, .bytes = bytes};
    return e;
}

static void accept_one(struct server *v, const struct end *listener)
{
    int fd = weir_accept4(v->stack, listener->fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct end *e = v->connections < MAX_CONNECTIONS ? new_connection(listener->service, fd) : NULL;
    if (!e) {
        (void)weir_close(v->stack, fd);
        return;
    }
    v->connections++;
    if (e->service == DAYTIME_SERVICE)
        e->length = (uint32_t)write_daytime(e->bytes, BUFFER_BYTES);
    if (!watch(v, e, EPOLL_CTL_ADD, EPOLLIN) || (e->length && !flush_connection(v, e)))
        end_connection(v, e);
}

/* Another such service, with which we would talk for ever: echo, discard, daytime, quote, chargen, time. */
static bool is_small_service(uint16_t port)
{
    return port == 7 || port == 9 || port == 13 || port == 17 || port == 19 || port == 37;
}

static void serve_datagram(struct server *v, const struct end *e)
{
    struct sockaddr_in6 from;
    socklen_t length = sizeof from;
    struct sockaddr *name = (struct sockaddr *)(void *)&from;
    ssize_t n = weir_recvfrom(v->stack, e->fd, v->datagram, sizeof v->datagram, MSG_DONTWAIT, name, &length);
    if (n < 0 || e->service == DISCARD_SERVICE || is_small_service(ntohs(from.sin6_port)))
        return;
    if (e->service == DAYTIME_SERVICE)
        n = (ssize_t)write_daytime(v->datagram, sizeof v->datagram);
    (void)weir_sendto(v->stack, e->fd, v->datagram, (size_t)n, MSG_DONTWAIT, name, length);
}

static void serve(struct server *v, struct end *e)
{
    if (e->datagrams)
        serve_datagram(v, e);
    else if (e->listens)
        accept_one(v, e);
    else if (!serve_connection(v, e))
        end_connection(v, e);
}

static bool open_service(struct server *v, struct end *e, enum service service, bool datagrams)
{
    const struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(services[service].port)};
    *e = (struct end){.service = service, .datagrams = datagrams, .listens = !datagrams};
    e->fd = weir_socket(v->stack, AF_INET6, (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    return e->fd >= 0 && weir_bind(v->stack, e->fd, (const struct sockaddr *)(const void *)&a, sizeof a) == 0 &&
           (datagrams || weir_listen(v->stack, e->fd, 128) == 0) && watch(v, e, EPOLL_CTL_ADD, EPOLLIN);
}

static bool open_services(struct server *v)
{
    v->epoll = weir_epoll_create1(v->stack, 0);
    for (unsigned i = 0; i < SERVICES; i++)
        if (!open_service(v, &v->fixed[2 * i], (enum service)i, false) ||
            !open_service(v, &v->fixed[2 * i + 1], (enum service)i, true))
            return false;
    return v->epoll >= 0;
}

/* where: the address, or the file that has them. */
static int run_server(struct weir_stack *stack, const char *where)
{
    static struct server v;
    struct epoll_event events[64];
    v.stack = stack;
    if (!open_services(&v)) {
        own_stack_complain(&services_command, "the services");
        return EXIT_REFUSED;
    }
    interrupt_install(-1);
    for (unsigned i = 0; i < SERVICES; i++)
        printf("%s on %s, port %u, TCP and UDP\n", services[i].name, where, services[i].port);
    fflush(stdout);
    while (interrupt_count() == 0) {
        int n = weir_epoll_wait(stack, v.epoll, events, ARRAY_SIZE(events), TURN_MS);
        for (int i = 0; i < n; i++)
            serve(&v, events[i].data.ptr);
    }
    return flush_standard_output();
}

/* ---- asking ---- */

struct client {
    const struct services_options *options;
    struct weir_stack *stack;
    enum service service;
    int fd;
    const char *host;
    char *sent, *got;
};

static int not_met(const struct client *c)
{
    errno = errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno;
    own_stack_complain(&services_command, c->host);
    return EXIT_NOT_MET;
}

/* A piece of the text goes and comes back; the next only then. */
static bool echo_piece(struct client *c, size_t at, size_t length)
{
    if (weir_send(c->stack, c->fd, c->sent + at, length, 0) != (ssize_t)length)
        return false;
    int flags = c->options->datagrams ? 0 : MSG_WAITALL;
    return weir_recv(c->stack, c->fd, c->got + at, length, flags) == (ssize_t)length;
}

static int ask_echo(struct client *c)
{
    size_t most = c->options->datagrams ? 1472 : BUFFER_BYTES;
    int64_t begin = clock_now();
    for (size_t at = 0; at < c->options->bytes; at += most) {
        size_t left = c->options->bytes - at;
        if (!echo_piece(c, at, left < most ? left : most))
            return not_met(c);
    }
    double ms = (double)(clock_now() - begin) / (double)NS_PER_MS;
    if (memcmp(c->sent, c->got, c->options->bytes) != 0) {
        complain("services: %s: other bytes came back than were sent", c->host);
        return EXIT_NOT_MET;
    }
    printf("%u bytes echoed by %s in %.3f ms\n", c->options->bytes, c->host, ms);
    return flush_standard_output();
}

static int ask_discard(struct client *c)
{
    size_t most = c->options->datagrams ? 1472 : BUFFER_BYTES;
    for (size_t at = 0; at < c->options->bytes; at += most) {
        size_t left = c->options->bytes - at;
        if (weir_send(c->stack, c->fd, c->sent + at, left < most ? left : most, 0) < 0)
            return not_met(c);
    }
    printf("%u bytes sent to %s\n", c->options->bytes, c->host);
    return flush_standard_output();
}

static int ask_daytime(struct client *c)
{
    char text[256];
    size_t length = 0;
    if (c->options->datagrams && weir_send(c->stack, c->fd, "", 0, 0) < 0)
        return not_met(c);
    for (ssize_t n; length < sizeof text; length += (size_t)n) {
        n = weir_recv(c->stack, c->fd, text + length, sizeof text - length, 0);
        if (n < 0)
            return not_met(c);
        if (n == 0)
            break;
        if (c->options->datagrams) {
            length = (size_t)n;
            break;
        }
    }
    fwrite(text, 1, length, stdout);
    return flush_standard_output();
}

static bool reach(struct client *c, const struct sockaddr_in6 *to)
{
    const struct timeval t = {.tv_sec = c->options->timeout_s};
    const struct linger linger = {.l_onoff = 1, .l_linger = (int)c->options->timeout_s};
    c->fd = weir_socket(c->stack, AF_INET6, c->options->datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
    return c->fd >= 0 && weir_setsockopt(c->stack, c->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0 &&
           weir_setsockopt(c->stack, c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 &&
           weir_setsockopt(c->stack, c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0 &&
           weir_connect(c->stack, c->fd, (const struct sockaddr *)(const void *)to, sizeof *to) == 0;
}

/* A connection is closed from both ends before the stack ends: else its peer would send its FIN to nobody. */
static void part(struct client *c)
{
    char rest[512];
    if (!c->options->datagrams && weir_shutdown(c->stack, c->fd, SHUT_WR) == 0)
        while (weir_recv(c->stack, c->fd, rest, sizeof rest, 0) > 0)
            ;
    (void)weir_close(c->stack, c->fd);
    (void)weir_poll(c->stack, NULL, 0, LAST_WORDS_MS);
}

static int ask(struct client *c, const struct sockaddr_in6 *to)
{
    static int (*const asks[SERVICES])(struct client *) = {ask_echo, ask_discard, ask_daytime};
    c->sent = malloc(c->options->bytes);
    c->got = calloc(1, c->options->bytes);
    int result = EXIT_REFUSED;
    if (c->sent && c->got) {
        for (uint32_t i = 0; i < c->options->bytes; i++)
            c->sent[i] = (char)(' ' + i * 7 % 95);
        result = reach(c, to) ? asks[c->service](c) : not_met(c);
        if (result == EXIT_MET)
            part(c);
        else if (c->fd >= 0)
            (void)weir_close(c->stack, c->fd);
    }
    free(c->sent);
    free(c->got);
    return result;
}

static int run_client(struct weir_stack *stack, const struct services_options *o, enum service service,
                      const char *host, struct in6_addr address)
{
    struct client c = {.options = o, .stack = stack, .service = service, .fd = -1, .host = host};
    const struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(services[service].port), .sin6_addr = address};
    return ask(&c, &to);
}

/* ---- the command ---- */

static int find_service(const char *name)
{
    for (int i = 0; i < SERVICES; i++)
        if (strcmp(services[i].name, name) == 0)
            return i;
    (void)command_refuse(&services_command, "--ask: found '%.60s', allowed: echo, discard, daytime", name);
    return -1;
}

static int check(const struct services_options *o, const struct operands *words)
{
    if (words->count != (o->ask ? 1 : 0))
        return command_refuse(&services_command, "found %u operands after LOCATION, allowed: none, or with --ask HOST",
                              words->count);
    return EXIT_MET;
}

static int run_services(int argc, char **argv)
{
    struct services_options o = {.bytes = 64, .timeout_s = 5};
    struct operands words;
    struct weir_stack *stack;
    struct in6_addr host = {0};
    int service = 0, result = options_parse(&services_command, argc, argv, &o, &words);
    if (result != OPTIONS_READY)
        return result;
    const char *location = own_stack_location(&o.stack, &words);
    result = check(&o, &words);
    if (result == EXIT_MET && o.ask &&
        ((service = find_service(o.ask)) < 0 || !own_stack_host(&services_command, words.list[0], &host)))
        result = EXIT_USAGE;
    if (result == EXIT_MET)
        result = own_stack_open(&services_command, location, &o.stack, &stack);
    if (result != EXIT_MET)
        return result;
    if (o.ask)
        result = run_client(stack, &o, (enum service)service, words.list[0], host);
    else
        result = run_server(stack, o.stack.config ? o.stack.config : o.stack.address);
    weir_stack_delete(stack);
    return result;
}

const struct command services_command = {
    .name = "services",
    .summary = "serve echo, discard and daytime, or ask for them",
    .operands = "[LOCATION] [HOST]",
    .max_operands = 2,
    .description =
        "Serves echo (RFC 862, port 7), discard (RFC 863, port 9) and daytime (RFC 867, port 13) over TCP and UDP on\n"
        "Weir's own stack at LOCATION (packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:KIND,...), until Ctrl-C. With --ask "
        "it is the\n"
        "client of one of them at HOST. Exit code 0: served, or answered as it should; 1: no or a wrong answer.",
    .examples = "  weir services packet:eth1 -a 198.18.0.10/24\n"
                "  weir services -c host.yaml\n"
                "  weir services packet:eth1 198.18.0.1 --ask echo -a 198.18.0.10/24 -s 1000000\n"
                "  weir services packet:eth1 198.18.0.1 --ask daytime -u -a 198.18.0.10/24\n"
                "  weir services packet:eth1 2001:db8::1 --ask echo -a 2001:db8::a/64",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run_services,
};
