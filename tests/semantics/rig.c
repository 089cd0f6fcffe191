/* SPDX-License-Identifier: MIT */
/*
 * The program: semantics kernel T-NETNS P-NETNS [CASE...], or semantics weir TAP P-NETNS [CASE...]. It runs all cases, or those named, in the order of their
 * names, and writes their transcripts to its output. A case that makes no progress for twenty seconds ends the program with its name.
 */
#include "semantics.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>

#define MAX_DESCRIPTORS 64
#define HANGS_AFTER_S 20
#define WAIT_TRIES 500 /* of ten milliseconds */
#define FENCE_PORT 999

static struct semantics_case *cases;
static const struct semantics_case *running;
static int case_number;
static struct {
    int fds[MAX_DESCRIPTORS];
    int n;
} opened[2]; /* T, P */
static int t_fence, p_fence;

/* ---- the transcript ---- */

void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

long note_call(char end, const char *text, long result)
{
    if (result < 0)
        note("%c %s = %ld %s", end, text, result, strerrorname_np(errno));
    else
        note("%c %s = %ld", end, text, result);
    return result;
}

static void remember(char end, int fd)
{
    int which = end == 'P';
    if (opened[which].n < MAX_DESCRIPTORS)
        opened[which].fds[opened[which].n++] = fd;
}

int note_descriptor(char end, const char *text, long result)
{
    if (result < 0)
        return (int)note_call(end, text, result);
    note("%c %s = a descriptor", end, text);
    remember(end, (int)result);
    return (int)result;
}

void note_bytes(const void *bytes, long length)
{
    const unsigned char *b = bytes;
    printf("    %ld bytes \"", length < 0 ? 0 : length);
    for (long i = 0; i < length && i < 40; i++)
        printf(b[i] >= ' ' && b[i] < 127 ? "%c" : "\\x%02x", b[i]);
    puts(length > 40 ? "...\"" : "\"");
}

long must(long result, const char *text)
{
    if (result < 0) {
        note("impossible: %s: %s", text, strerror(errno));
        fprintf(stderr, "%s: %s: %s\n", running ? running->name : "set up", text, strerror(errno));
        exit(2);
    }
    return result;
}

/* ---- addresses ---- */

uint16_t port_of(int n) { return n == PORT0 ? 0 : (uint16_t)(2000 + 10 * case_number + n); }

const struct sockaddr *address_of(const char *ip, int port)
{
    static struct sockaddr_in ring[16];
    static unsigned next;
    struct sockaddr_in *a = &ring[next++ % 16];
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port_of(port))};
    inet_pton(AF_INET, ip, &a->sin_addr);
    return (const struct sockaddr *)a;
}

static const char *port_text(uint16_t port)
{
    static char text[16];
    if (port >= port_of(0) && port < port_of(0) + 10)
        snprintf(text, sizeof text, "port%u", port - port_of(0));
    else if (port >= 32768)
        return "ephemeral";
    else
        snprintf(text, sizeof text, "%u", port);
    return text;
}

void note_address(const void *address, socklen_t length)
{
    struct sockaddr_in a = {0};
    char ip[INET_ADDRSTRLEN];
    memcpy(&a, address, length < sizeof a ? length : sizeof a);
    inet_ntop(AF_INET, &a.sin_addr, ip, sizeof ip);
    if (a.sin_family == AF_INET)
        note("    %s %s [%u]", ip, port_text(ntohs(a.sin_port)), length);
    else
        note("    family %d [%u]", a.sin_family, length);
}

static void note_end(const char *text, int (*call)(int, struct sockaddr *, socklen_t *), int fd)
{
    struct sockaddr_in a = {0};
    socklen_t n = sizeof a;
    errno = 0;
    if (note_call('T', text, call(fd, (struct sockaddr *)&a, &n)) == 0)
        note_address(&a, n);
}

void note_name(int fd) { note_end("getsockname", test_end->getsockname, fd); }
void note_peer(int fd) { note_end("getpeername", test_end->getpeername, fd); }

int note_option(int fd, int level, int name, const char *text)
{
    int value = 0;
    socklen_t n = sizeof value;
    errno = 0;
    if (note_call('T', text, test_end->getsockopt(fd, level, name, &value, &n)) == 0)
        note("    %d [%u]", value, n);
    return value;
}

/* ---- waiting ---- */

void note_events(unsigned events)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{POLLIN, "IN"},         {POLLPRI, "PRI"},       {POLLOUT, "OUT"},       {POLLERR, "ERR"},
                 {POLLHUP, "HUP"},       {POLLNVAL, "NVAL"},     {POLLRDNORM, "RDNORM"}, {POLLRDBAND, "RDBAND"},
                 {POLLWRNORM, "WRNORM"}, {POLLWRBAND, "WRBAND"}, {POLLRDHUP, "RDHUP"}};
    printf("   ");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (events & names[i].bit)
            printf(" %s", names[i].name);
    puts(events ? "" : " nothing");
}

static unsigned events_of(const struct api *api, int fd, unsigned asked, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = (short)asked};
    return api->poll(&p, 1, timeout_ms) < 0 ? POLLNVAL : (unsigned short)p.revents;
}

void note_wait(char end, const char *text, int fd, unsigned events)
{
    const struct api *api = end == 'T' ? test_end : &kernel_peer;
    unsigned found = 0;
    for (int tries = 0; tries < WAIT_TRIES && (events_of(api, fd, events, 10) & events) != events; tries++)
        usleep(100);
    found = events_of(api, fd, ALL_EVENTS, 0);
    note("%c %s is ready:", end, text);
    note_events(found);
}

void note_ready(const char *text, int fd)
{
    note("T %s now:", text);
    note_events(events_of(test_end, fd, ALL_EVENTS, 0));
}

static void pass_fence(const struct api *from, int from_fd, const char *to_address, const struct api *to, int to_fd)
{
    static uint32_t count;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(FENCE_PORT)};
    inet_pton(AF_INET, to_address, &a.sin_addr);
    uint32_t sent = ++count, got = 0;
    must(from->sendto(from_fd, &sent, sizeof sent, 0, (struct sockaddr *)&a, sizeof a), "fence out");
    while (got != sent)
        must(to->recv(to_fd, &got, sizeof got, 0), "fence in");
}

void arrived(void) { pass_fence(&kernel_peer, p_fence, T_ADDRESS, test_end, t_fence); }
void departed(void) { pass_fence(test_end, t_fence, P_ADDRESS, &kernel_peer, p_fence); }

static struct later {
    pthread_t thread;
    void (*what)(int fd);
    int fd;
    bool there;
} later;

static void *run_later(void *argument)
{
    const struct later *l = argument;
    usleep(20000); /* the call of T blocks, most likely: its result is the same if not */
    l->what(l->fd);
    return NULL;
}

void soon(void (*what)(int fd), int fd)
{
    later.what = what;
    later.fd = fd;
    later.there = true;
    must(-pthread_create(&later.thread, NULL, run_later, &later), "thread");
}

/* ---- settings ---- */

static int made(char end, const struct api *api, int type)
{
    int fd = (int)must(api->socket(AF_INET, type, 0), "socket");
    remember(end, fd);
    return fd;
}

int t_stream(void) { return made('T', test_end, SOCK_STREAM); }
int p_stream(void) { return made('P', &kernel_peer, SOCK_STREAM); }
int t_datagram(void) { return made('T', test_end, SOCK_DGRAM); }
int p_datagram(void) { return made('P', &kernel_peer, SOCK_DGRAM); }

int p_listener(int port)
{
    int fd = p_stream();
    MUST(kernel_peer.bind(fd, AT_P(port), LEN));
    MUST(kernel_peer.listen(fd, 64));
    return fd;
}

int t_listener(int port, int backlog)
{
    int fd = t_stream();
    MUST(test_end->bind(fd, AT_T(port), LEN));
    MUST(test_end->listen(fd, backlog));
    return fd;
}

void stream_pair_from(char end, int *t, int *p)
{
    if (end == 'T') {
        int listener = p_listener(9);
        *t = t_stream();
        MUST(test_end->connect(*t, AT_P(9), LEN));
        *p = (int)MUST(kernel_peer.accept(listener, NULL, NULL));
        remember('P', *p);
    } else {
        int listener = t_listener(8, 8);
        *p = p_stream();
        MUST(kernel_peer.connect(*p, AT_T(8), LEN));
        *t = (int)MUST(test_end->accept(listener, NULL, NULL));
        remember('T', *t);
    }
}

void stream_pair(int *t, int *p) { stream_pair_from('T', t, p); }

void datagram_pair(int *t, int *p)
{
    *t = t_datagram();
    *p = p_datagram();
    MUST(test_end->bind(*t, AT_T(0), LEN));
    MUST(kernel_peer.bind(*p, AT_P(1), LEN));
    MUST(test_end->connect(*t, AT_P(1), LEN));
    MUST(kernel_peer.connect(*p, AT_T(0), LEN));
}

static void forget(char end, int fd)
{
    for (int i = 0; i < opened[end == 'P'].n; i++)
        if (opened[end == 'P'].fds[i] == fd)
            opened[end == 'P'].fds[i] = -1;
}

void reset_by_peer(int p)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    MUST(kernel_peer.setsockopt(p, SOL_SOCKET, SO_LINGER, &none, sizeof none));
    MUST(kernel_peer.close(p));
    forget('P', p);
    arrived();
}

void settle(int t, int p)
{
    int left = 1;
    while (left) {
        MUST(test_end->ioctl(t, SIOCOUTQ, &left));
        if (left)
            usleep(1000);
    }
    left = 1;
    while (left) {
        MUST(kernel_peer.ioctl(p, SIOCOUTQ, &left));
        if (left)
            usleep(1000);
    }
}

/* ---- running ---- */

const struct semantics_case *case_running(void) { return running; }

void case_register(struct semantics_case *c)
{
    struct semantics_case **at = &cases;
    while (*at && strcmp((*at)->name, c->name) < 0)
        at = &(*at)->next;
    c->next = *at;
    *at = c;
}

/* Descriptors that the case has closed itself may be somebody's by now only if the case opened it: closing twice does no harm. */
static void close_all(char end, const struct api *api)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    int which = end == 'P';
    while (opened[which].n > 0) {
        int fd = opened[which].fds[--opened[which].n];
        (void)api->setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        (void)api->close(fd);
    }
}

static void run(const struct semantics_case *c)
{
    running = c;
    note("== %s", c->name);
    alarm(HANGS_AFTER_S);
    c->run();
    if (later.there)
        pthread_join(later.thread, NULL);
    later.there = false;
    close_all('T', test_end);
    close_all('P', &kernel_peer);
    arrived();
    departed();
    alarm(0);
    fflush(stdout);
}

static bool is_wanted(const char *name, char **names)
{
    if (!*names)
        return true;
    for (; *names; names++)
        if (strstr(name, *names))
            return true;
    return false;
}

static void on_alarm(int signal)
{
    (void)signal;
    fflush(stdout);
    fprintf(stderr, "%s hangs\n", running->name);
    _exit(3);
}

static int fence(char end, const struct api *api, const char *ip)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(FENCE_PORT)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    int fd = made(end, api, SOCK_DGRAM);
    forget(end, fd);
    must(api->bind(fd, (struct sockaddr *)&a, sizeof a), "bind the fence");
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s kernel T-NETNS P-NETNS [CASE...] | weir TAP P-NETNS [CASE...]\n", argv[0]);
        return 2;
    }
    const struct rlimit many = {.rlim_cur = 8192, .rlim_max = 8192};
    (void)setrlimit(RLIMIT_NOFILE, &many);
    bool weir = strcmp(argv[1], "weir") == 0;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    kernel_use('P', argv[3]);
    if (weir)
        weir_use(argv[3], argv[2]);
    else
        kernel_use('T', argv[2]);
    t_fence = fence('T', test_end, T_ADDRESS);
    p_fence = fence('P', &kernel_peer, P_ADDRESS);
    arrived();
    departed();
    for (const struct semantics_case *c = cases; c; c = c->next, case_number++)
        if (is_wanted(c->name, argv + 4))
            run(c);
    if (weir)
        weir_end();
    return 0;
}
