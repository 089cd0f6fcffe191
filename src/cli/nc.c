/* SPDX-License-Identifier: MIT */
/*
 * `weir nc`: standard input and output as the ends of a connection, or of an exchange of datagrams, on Weir's own stack; options as netcat-openbsd has them.
 *
 * Two threads: one copies from standard input to the socket, the other (the program's own) from the socket to standard output, and ends the program when there
 * is nothing more to come. The first may still wait for input then, and goes with the process.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time_ns.h"
#include "cli/own_stack.h"
#include "engine/clock.h"

#define MAX_PORT 65535u
#define MAX_SECONDS 86400u
#define COPY_BYTES 65536
#define LINGER_S 5
#define LAST_WORDS_MS 20 /* for the FIN to leave */
#define UDP_PROBE_MS 500 /* how long a closed port has time to say so */

struct nc_options {
    struct own_stack_options stack;
    bool listen, datagrams, zero, shut;
    uint32_t timeout_s, source_port;
};

static const struct option_row options[] = {
    OWN_STACK_OPTIONS(struct nc_options),
    {"listen", 'l', NULL, OPTION_FLAG, 0, offsetof(struct nc_options, listen),
     "wait for one connection, or with -u for the first datagram"},
    {"udp", 'u', NULL, OPTION_FLAG, 0, offsetof(struct nc_options, datagrams), "datagrams instead of a connection"},
    {"zero", 'z', NULL, OPTION_FLAG, 0, offsetof(struct nc_options, zero),
     "only see whether somebody listens there; nothing is copied"},
    {"shutdown", 'N', NULL, OPTION_FLAG, 0, offsetof(struct nc_options, shut),
     "at the end of the input tell the peer so (half-close)"},
    {"wait", 'w', "SECONDS", OPTION_COUNT, MAX_SECONDS, offsetof(struct nc_options, timeout_s),
     "give up connecting, and end a connection on which nothing moves, after that long"},
    {"port", 'p', "PORT", OPTION_COUNT, MAX_PORT, offsetof(struct nc_options, source_port), "our own port"},
};

struct nc {
    struct nc_options options;
    struct weir_stack *stack;
    int fd;
    struct sockaddr_in6 peer; /* IPv4 mapped */
    const char *host;
    _Atomic int64_t moved; /* when something last did */
};

static int failed(const struct nc *n, const char *what)
{
    (void)n;
    own_stack_complain(&nc_command, what);
    return EXIT_NOT_MET;
}

/* ---- copying ---- */

static void *send_input(void *context)
{
    static char bytes[COPY_BYTES];
    struct nc *n = context;
    size_t most = n->options.datagrams ? 16384 : sizeof bytes;
    for (ssize_t got; (got = read(STDIN_FILENO, bytes, most)) != 0;) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || weir_send(n->stack, n->fd, bytes, (size_t)got, 0) < 0)
            return NULL;
        atomic_store(&n->moved, clock_now());
    }
    if (n->options.shut)
        (void)weir_shutdown(n->stack, n->fd, SHUT_WR);
    return NULL;
}

/* How long to wait for the next thing to happen; -1: for ever. */
static int patience_ms(const struct nc *n)
{
    if (!n->options.timeout_s)
        return -1;
    int64_t left = n->options.timeout_s * NS_PER_S - (clock_now() - atomic_load(&n->moved));
    return left > 0 ? (int)(left / NS_PER_MS) + 1 : 0;
}

static bool write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, length);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Until the peer has no more, or nothing moves. */
static int receive_output(struct nc *n)
{
    static char bytes[COPY_BYTES];
    for (;;) {
        struct pollfd p = {.fd = n->fd, .events = POLLIN};
        int wait = patience_ms(n);
        if (weir_poll(n->stack, &p, 1, wait) == 0) {
            if (patience_ms(n) == 0)
                return EXIT_MET;
            continue;
        }
        ssize_t got = weir_recv(n->stack, n->fd, bytes, sizeof bytes, 0);
        if (got < 0)
            return failed(n, n->options.datagrams ? "receiving" : "the connection");
        if (got == 0 && !n->options.datagrams)
            return EXIT_MET;
        if (!write_all(bytes, (size_t)got))
            return failed(n, "standard output");
        atomic_store(&n->moved, clock_now());
    }
}

static int copy(struct nc *n)
{
    pthread_t thread;
    atomic_store(&n->moved, clock_now());
    if (pthread_create(&thread, NULL, send_input, n) != 0)
        return failed(n, "a thread");
    pthread_detach(thread);
    return receive_output(n);
}

/* ---- both ways to a peer ---- */

static bool set_timeout(struct nc *n)
{
    const struct timeval t = {.tv_sec = n->options.timeout_s};
    return !n->options.timeout_s || weir_setsockopt(n->stack, n->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0;
}

static bool bind_to(struct nc *n, uint32_t port)
{
    const int on = 1;
    const struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    return weir_setsockopt(n->stack, n->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           weir_bind(n->stack, n->fd, (const struct sockaddr *)(const void *)&a, sizeof a) == 0;
}

/* Nobody says that nobody is there. */
static int probe_datagram(struct nc *n)
{
    struct pollfd p = {.fd = n->fd, .events = POLLIN};
    if (weir_send(n->stack, n->fd, "X", 1, 0) < 0)
        return failed(n, n->host);
    if (weir_poll(n->stack, &p, 1, UDP_PROBE_MS) > 0 && (p.revents & POLLERR)) {
        errno = ECONNREFUSED;
        return failed(n, n->host);
    }
    return EXIT_MET;
}

static int report(struct nc *n)
{
    int result = n->options.datagrams ? probe_datagram(n) : EXIT_MET;
    if (result == EXIT_MET)
        fprintf(stderr, "Connection to %s %u port [%s] succeeded!\n", n->host, ntohs(n->peer.sin6_port),
                n->options.datagrams ? "udp" : "tcp");
    return result;
}

static int connect_out(struct nc *n)
{
    if ((n->options.source_port && !bind_to(n, n->options.source_port)) || !set_timeout(n))
        return failed(n, "the socket");
    if (weir_connect(n->stack, n->fd, (const struct sockaddr *)(const void *)&n->peer, sizeof n->peer) < 0) {
        errno = errno == EINPROGRESS ? ETIMEDOUT : errno;
        return failed(n, n->host);
    }
    return n->options.zero ? report(n) : copy(n);
}

/* The first datagram stays to be read by copy(). */
static int await_datagram(struct nc *n)
{
    socklen_t length = sizeof n->peer;
    struct sockaddr *peer = (struct sockaddr *)(void *)&n->peer;
    char byte;
    if (weir_recvfrom(n->stack, n->fd, &byte, 1, MSG_PEEK, peer, &length) < 0 ||
        weir_connect(n->stack, n->fd, peer, length) < 0)
        return failed(n, "waiting for a datagram");
    return copy(n);
}

static int await_connection(struct nc *n)
{
    int listener = n->fd;
    if (weir_listen(n->stack, listener, 1) < 0 || (n->fd = weir_accept(n->stack, listener, NULL, NULL)) < 0)
        return failed(n, "waiting for a connection");
    (void)weir_close(n->stack, listener);
    return set_timeout(n) ? copy(n) : failed(n, "the socket");
}

static int listen_in(struct nc *n)
{
    if (!bind_to(n, ntohs(n->peer.sin6_port)))
        return failed(n, "the port");
    return n->options.datagrams ? await_datagram(n) : await_connection(n);
}

/* ---- the command ---- */

static int read_peer(struct nc *n, const struct operands *words)
{
    if (words->count != (n->options.listen ? 1 : 2))
        return command_refuse(
            &nc_command, "found %u operands after LOCATION, allowed: HOST PORT, or with --listen PORT", words->count);
    const char *text = words->list[words->count - 1];
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (*end || text[0] < '0' || text[0] > '9' || port < 1 || port > MAX_PORT)
        return command_refuse(&nc_command, "port: found '%.60s', allowed: 1 to 65535", text);
    if (n->options.listen && (n->options.zero || n->options.source_port))
        return command_refuse(&nc_command, "found --listen with --zero or --port, allowed one of them");
    n->peer = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    n->host = words->list[0];
    if (!n->options.listen && !own_stack_host(&nc_command, n->host, &n->peer.sin6_addr))
        return EXIT_USAGE;
    return EXIT_MET;
}

static int exchange(struct nc *n)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = LINGER_S};
    n->fd = weir_socket(n->stack, AF_INET6, n->options.datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (n->fd < 0)
        return failed(n, "a socket");
    int result = n->options.listen ? listen_in(n) : connect_out(n);
    (void)weir_setsockopt(n->stack, n->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)weir_close(n->stack, n->fd); /* everything that was sent has arrived */
    (void)weir_poll(n->stack, NULL, 0, LAST_WORDS_MS);
    return result;
}

static int run_nc(int argc, char **argv)
{
    static struct nc n; /* the thread that reads input may outlive this call */
    struct operands words;
    int result = options_parse(&nc_command, argc, argv, &n.options, &words);
    if (result != OPTIONS_READY)
        return result;
    const char *location = own_stack_location(&n.options.stack, &words);
    result = read_peer(&n, &words);
    if (result == EXIT_MET)
        result = own_stack_open(&nc_command, location, &n.options.stack, &n.stack);
    if (result != EXIT_MET)
        return result;
    return exchange(&n);
}

const struct command nc_command = {
    .name = "nc",
    .summary = "a small netcat on our own stack",
    .operands = "[LOCATION] [HOST] PORT",
    .min_operands = 1,
    .max_operands = 3,
    .description =
        "Connects to PORT of HOST, an address, from Weir's own stack at LOCATION (packet:IFNAME, xdp:IFNAME, "
        "tap:NAME,\n"
        "tunnel:KIND,...), or waits there for a connection (--listen). Standard input goes to the peer, and what "
        "comes\n"
        "from it to standard output, until the peer closes. Exit code 0: connected and ended in order; 1: not.",
    .examples = "  weir nc packet:eth1 198.18.0.1 80 -a 198.18.0.10/24 -N <request\n"
                "  weir nc packet:eth1 -l 9000 -a 198.18.0.10/24 >file\n"
                "  weir nc packet:eth1 198.18.0.1 53 -u -z -a 198.18.0.10/24\n"
                "  weir nc packet:eth1 2001:db8::1 80 -a 2001:db8::a/64\n"
                "  weir nc -c host.yaml 198.18.0.1 80",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .run = run_nc,
};
