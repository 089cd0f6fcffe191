/* SPDX-License-Identifier: MIT */
/*
 * The stack of the program: made at the first call that needs it, from the environment that `weir exec` has set, and drained when the program ends. After a
 * fork it stays the parent's. One process at a time uses a link: whoever does holds an abstract AF_UNIX name in the program's network namespace.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "preload/preload.h"

#define MOST_INTERFACES 16
#define DRAIN_MS 5000
#define MOST_NAME_SERVERS 16u

static _Atomic(struct weir_stack *) stack;
static _Atomic pid_t forked_from; /* the process whose stack we lost */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

bool is_inside(void) { return inside; }

struct weir_stack *stack_now(void) { return atomic_load_explicit(&stack, memory_order_acquire); }

void say_once(enum topic topic, const char *format, ...)
{
    static atomic_bool said[TOPIC_COUNT];
    char text[400];
    if (atomic_exchange(&said[topic], true))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dprintf(STDERR_FILENO, "weir exec: %s\n", text);
}

struct weir_stack *stack_of(const struct file *f)
{
    struct weir_stack *s = stack_now();
    if (likely(s && file_kind(f) == WEIR))
        return s;
    if (file_kind(f) == UNDECIDED) /* deciding failed, with errno */
        return NULL;
    say_once(TOPIC_LOST,
             "process %d uses a socket that it has from process %d: sockets of Weir stay with the process "
             "that made them",
             (int)getpid(), (int)atomic_load(&forked_from));
    errno = ENETDOWN;
    return NULL;
}

/* ---- the environment ---- */

static void read_mac(const char *text, uint8_t mac[6])
{
    (void)sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]);
}

/* WEIR_INTERFACES: interfaces divided by ';', each of words key=value. False: an unknown key. */
static bool read_word(char *word, struct weir_interface *i)
{
    char *value = strchr(word, '=');
    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(word, "link") == 0)
        i->link = value;
    else if (strcmp(word, "address") == 0)
        i->address = value;
    else if (strcmp(word, "gateway") == 0)
        i->gateway = value;
    else if (strcmp(word, "address6") == 0)
        i->address6 = value;
    else if (strcmp(word, "gateway6") == 0)
        i->gateway6 = value;
    else if (strcmp(word, "vlan") == 0)
        i->vlan = value;
    else if (strcmp(word, "mpls") == 0)
        i->mpls = value;
    else if (strcmp(word, "without") == 0)
        i->without = value;
    else if (strcmp(word, "autoconf") == 0)
        i->autoconf = true;
    else if (strcmp(word, "temporary") == 0)
        i->temporary = true;
    else if (strcmp(word, "redirects") == 0)
        i->redirects = true;
    else if (strcmp(word, "probe") == 0)
        i->probe = true;
    else if (strcmp(word, "conflict") == 0)
        i->conflict = (enum weir_conflict)strtoul(value, NULL, 10);
    else if (strcmp(word, "kernel_address") == 0)
        i->kernel_address = value;
    else if (strcmp(word, "dhcp_timeout_ms") == 0)
        i->dhcp_timeout_ms = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(word, "kernel_address6") == 0)
        i->kernel_address6 = value;
    else if (strcmp(word, "netns") == 0)
        i->netns = value;
    else if (strcmp(word, "mac") == 0)
        read_mac(value, i->mac);
    else if (strcmp(word, "mtu") == 0)
        i->mtu = (uint32_t)strtoul(value, NULL, 10);
    else
        return false;
    return true;
}

/* How many; -1: what is there is not of that form. The texts are in `text`. */
static int read_interfaces(char *text, struct weir_interface *out)
{
    char *rest = text, *one;
    int n = 0;
    while ((one = strsep(&rest, ";")) != NULL) {
        if (n == MOST_INTERFACES)
            return -1;
        out[n] = (struct weir_interface){.size = sizeof out[n]};
        for (char *word; (word = strsep(&one, " ")) != NULL;)
            if (*word && !read_word(word, &out[n]))
                return -1;
        n++;
    }
    return n;
}

/* ---- one process a link ---- */

static int claim(const struct weir_interface *i, char *message, size_t bytes)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "weir-exec %s %s", i->link ? i->link : "",
                          i->netns ? i->netns : "");
    if ((size_t)length > sizeof name.sun_path - 1)
        length = sizeof name.sun_path - 1;
    int fd = kernel()->socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (unsigned)length);
    if (fd >= 0 && kernel()->bind(fd, (struct sockaddr *)&name, size) == 0)
        return 0; /* held until the process ends */
    snprintf(message, bytes, "link %s: another process under weir exec uses it", i->link);
    if (fd >= 0)
        kernel()->close(fd);
    errno = EBUSY;
    return -1;
}

static int add_interfaces(struct weir_stack *s, char *message, size_t bytes)
{
    struct weir_interface interfaces[MOST_INTERFACES];
    const char *given = getenv("WEIR_INTERFACES");
    if (!given)
        return weir_interface_add_default(s, message, bytes);
    char *text = strdup(given);
    int n = text ? read_interfaces(text, interfaces) : -1, result = n < 0 ? -1 : 0;
    if (n < 0) {
        snprintf(message, bytes, "WEIR_INTERFACES: found \"%.100s\", allowed is what weir exec sets", given);
        errno = EINVAL;
    }
    for (int i = 0; i < n && result == 0; i++) {
        result = claim(&interfaces[i], message, bytes);
        if (result == 0)
            result = weir_interface_add(s, &interfaces[i], message, bytes);
    }
    free(text);
    return result;
}

/* ---- the stack ---- */

/* WEIR_RESOLV_CONF: a file in the form of resolv.conf(5), for programs and resolvers that are told to read it. */
static void write_name_servers(struct weir_stack *s)
{
    struct in6_addr servers[MOST_NAME_SERVERS];
    char text[INET6_ADDRSTRLEN], search[256];
    const char *path = getenv("WEIR_RESOLV_CONF");
    FILE *file = path ? fopen(path, "we") : NULL;
    if (path && !file)
        say_once(TOPIC_RESOLV, "%s: %s", path, strerror(errno));
    if (!file)
        return;
    if (weir_search_domains(s, search, sizeof search) > 0)
        fprintf(file, "search %s\n", search);
    unsigned n = weir_name_servers(s, servers, MOST_NAME_SERVERS);
    for (unsigned i = 0; i < n; i++) {
        bool v4 = IN6_IS_ADDR_V4MAPPED(&servers[i]);
        fprintf(file, "nameserver %s\n",
                v4 ? inet_ntop(AF_INET, servers[i].s6_addr + 12, text, sizeof text)
                   : inet_ntop(AF_INET6, &servers[i], text, sizeof text));
    }
    fclose(file);
}

static struct weir_stack *make_stack(void)
{
    struct weir_stack_options o = {.size = sizeof o,
                                   .defer_signals = true,
                                   .no_loopback = true, /* the kernel's */
                                   .trace = getenv("WEIR_TRACE"),
                                   .trace_layers = getenv("WEIR_TRACE_LAYERS")};
    char message[256] = "";
    struct weir_stack *s = weir_stack_new(&o, message, sizeof message);
    if (s && add_interfaces(s, message, sizeof message) == 0) {
        write_name_servers(s);
        return s;
    }
    int error = errno;
    say_once(TOPIC_STACK, "no stack for process %d: %s", (int)getpid(), message[0] ? message : strerror(error));
    weir_stack_delete(s);
    errno = error;
    return NULL;
}

/* The environment's stack belongs to whoever forked us, and its link can have one stack only. */
static struct weir_stack *refuse_second(void)
{
    say_once(TOPIC_STACK,
             "process %d was forked by process %d, whose stack cannot be shared: a program under weir exec "
             "makes its sockets in one process",
             (int)getpid(), (int)atomic_load(&forked_from));
    errno = ENETDOWN;
    return NULL;
}

struct weir_stack *stack_get(void)
{
    struct weir_stack *s = stack_now();
    if (likely(s != NULL))
        return s;
    if (atomic_load(&forked_from))
        return refuse_second();
    pthread_mutex_lock(&start_lock);
    s = stack_now();
    if (!s) {
        inside = true;
        s = make_stack();
        inside = false;
        atomic_store_explicit(&stack, s, memory_order_release);
    }
    pthread_mutex_unlock(&start_lock);
    return s;
}

/* ---- the beginning and the end ---- */

static void before_fork(void)
{
    pthread_mutex_lock(&start_lock);
    pthread_mutex_lock(&undecided_lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&undecided_lock);
    pthread_mutex_unlock(&start_lock);
}

static void in_child(void)
{
    signals_begin();
    table_forked();
    if (stack_now())
        atomic_store(&forked_from, getppid());
    atomic_store(&stack, NULL);
    after_fork();
}

__attribute__((constructor)) static void begin(void)
{
    kernel_resolve();
    signals_begin();
    (void)pthread_atfork(before_fork, after_fork, in_child);
}

/* What the program wrote is delivered, as the kernel would do it: every socket is closed, and gets some time. */
static void drain(void)
{
    struct weir_stack *s = stack_now();
    if (!s || memory_is_borrowed())
        return;
    for (int fd = 0; file_next(&fd, INT32_MAX); fd++)
        file_remove(fd);
    (void)weir_drain(s, DRAIN_MS);
}

__attribute__((destructor)) static void finish(void) { drain(); }

EXPORT void _exit(int status)
{
    drain();
    kernel()->_exit(status);
    __builtin_unreachable();
}

EXPORT void _Exit(int status) { _exit(status); }
