/* SPDX-License-Identifier: MIT */
/*
 * Commands of scripts: stand-ins for sysctl, tc, ip, ethtool and sockstat (command.c) find us by the environment variable WEIR_PACKETDRILL, an abstract
 * socket's name, and send their arguments, each with its 0. The answer is the exit status as one byte, then what they print.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "adapter.h"
#include "socket/private.h"

#define MAX_ARGUMENTS 64
#define TEXT_BYTES 4096

struct command {
    int n;
    const char *argument[MAX_ARGUMENTS];
    char text[TEXT_BYTES];
    size_t length;
};

static int say(struct command *c, int status, const char *format, const char *what)
{
    c->length += (size_t)snprintf(c->text + c->length, sizeof c->text - c->length, format, what);
    c->length = min_size(c->length, sizeof c->text - 1);
    return status;
}

static bool has(const struct command *c, const char *word)
{
    for (int i = 1; i < c->n; i++)
        if (strcmp(c->argument[i], word) == 0)
            return true;
    return false;
}

/* ---- sysctl ---- */

static int set_one(struct adapter *a, struct command *c, const char *name, const char *value)
{
    struct adapter_settings s = a->settings;
    int e = settings_sysctl(&s, name, value);
    if (e == ERR_NOT_FOUND)
        return say(c, 1, "weir: %s: no such sysctl here\n", name);
    if (e < 0)
        return say(c, 1, "weir: %s: no such value here\n", name);
    a->settings = s;
    socket_layer_set_defaults(a->sockets, &s.tcp, s.send_buffer, s.receive_buffer);
    return 0;
}

static int show_one(struct adapter *a, struct command *c, const char *name)
{
    char value[64];
    if (settings_sysctl_get(&a->settings, name, value, sizeof value) < 0)
        return say(c, 1, "weir: %s: no such sysctl here\n", name);
    return say(c, 0, "%s\n", value);
}

static int one_sysctl(struct adapter *a, struct command *c, const char *text)
{
    static const char proc[] = "/proc/sys/";
    char name[256];
    snprintf(name, sizeof name, "%s", strncmp(text, proc, strlen(proc)) == 0 ? text + strlen(proc) : text);
    char *value = strchr(name, '=');
    if (value)
        *value++ = '\0';
    for (char *p = name; *p; p++)
        *p = *p == '/' ? '.' : *p;
    return value ? set_one(a, c, name, value) : show_one(a, c, name);
}

static int do_sysctl(struct adapter *a, struct command *c)
{
    int status = 0;
    for (int i = 1; i < c->n; i++)
        if (c->argument[i][0] != '-')
            status |= one_sysctl(a, c, c->argument[i]);
    return status;
}

/* In the end scripts that used it run a file that sets all back: nothing of ours outlives them. */
static int do_set_sysctls(struct adapter *a, struct command *c)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/sysctl_restore_%d.sh", (int)getpid());
    FILE *f = fopen(path, "w");
    if (!f)
        return say(c, 1, "weir: %s: cannot be written\n", path);
    fputs("#!/bin/sh\nrm -f \"$0\"\n", f);
    (void)fchmod(fileno(f), 0755);
    fclose(f);
    return do_sysctl(a, c);
}

/* ---- the interface ---- */

/* A queue of no packets lets nothing out; fq paces. */
static int do_tc(struct adapter *a, struct command *c)
{
    if (!has(c, "qdisc"))
        return say(c, 1, "weir: tc: only qdisc is known here%s\n", "");
    bool none = has(c, "limit") && has(c, "0");
    a->settings.tcp.pacing = has(c, "fq");
    socket_layer_set_defaults(a->sockets, &a->settings.tcp, a->settings.send_buffer, a->settings.receive_buffer);
    a->wire.shut = none && !has(c, "delete");
    return 0;
}

/* Metrics of the past are not kept, so that flushing them is easy. */
static int do_ip(struct adapter *a, struct command *c)
{
    (void)a;
    return has(c, "tcp_metrics") ? 0 : say(c, 1, "weir: ip: only tcp_metrics is known here%s\n", "");
}

/* Our link never cuts or merges. */
static int do_ethtool(struct adapter *a, struct command *c)
{
    (void)a;
    return has(c, "-K") ? 0 : say(c, 1, "weir: ethtool: only -K is known here%s\n", "");
}

/* ---- sockets ---- */

static const char *state_of(struct adapter *a, struct socket *s)
{
    struct tcp *t = tcp_get(stack_tcp(a->stack), s->stream.ref);
    return s->stream.listening ? "LISTEN" : tcp_state_name(t ? tcp_state_of(t) : TCP_CLOSED);
}

static int do_sockstat(struct adapter *a, struct command *c)
{
    for (int fd = 0; fd < ADAPTER_MAX_FILES; fd++) {
        struct socket *s = a->files[fd].socket;
        char line[128];
        if (!s || s->type != SOCK_STREAM)
            continue;
        snprintf(line, sizeof line, "tcp4 %d %u %u %s\n", fd, s->local.port, s->remote.port, state_of(a, s));
        say(c, 0, "%s", line);
    }
    return 0;
}

/* ---- the thread ---- */

static int perform(struct adapter *a, struct command *c)
{
    static const struct {
        const char *name;
        int (*perform)(struct adapter *a, struct command *c);
    } commands[] = {{"sysctl", do_sysctl},   {"set_sysctls.py", do_set_sysctls}, {"tc", do_tc}, {"ip", do_ip},
                    {"ethtool", do_ethtool}, {"sockstat", do_sockstat}};
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i].name, c->argument[0]) == 0)
            return commands[i].perform(a, c);
    return say(c, 127, "weir: %s: no such command here\n", c->argument[0]);
}

static void split(struct command *c, const char *bytes, size_t n)
{
    c->n = 0;
    for (size_t at = 0; at < n && c->n < MAX_ARGUMENTS; at += strlen(bytes + at) + 1)
        c->argument[c->n++] = bytes + at;
}

static void serve(struct adapter *a, int fd)
{
    static const char nothing[] = "";
    char bytes[TEXT_BYTES + 1];
    struct command c = {.length = 0, .argument = {nothing}};
    ssize_t n = read(fd, bytes, TEXT_BYTES);
    if (n <= 0)
        return;
    bytes[n] = '\0';
    split(&c, bytes, (size_t)n);
    adapter_lock(a);
    char status = (char)perform(a, &c);
    adapter_unlock(a);
    struct iovec answer[2] = {{&status, 1}, {c.text, c.length}};
    (void)!writev(fd, answer, 2);
}

static void *control_thread(void *argument)
{
    struct adapter *a = argument;
    int fd;
    while ((fd = accept4(a->control, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        serve(a, fd);
        close(fd);
    }
    return NULL;
}

static int listen_as(const char *name)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(u.sun_path + 1, name, n);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&u, length) == 0 && listen(fd, 4) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

int control_start(struct adapter *a)
{
    char name[64];
    snprintf(name, sizeof name, "weir-packetdrill-%d", (int)getpid());
    a->control = listen_as(name);
    if (a->control < 0)
        return a->control;
    if (pthread_create(&a->control_thread, NULL, control_thread, a) != 0) {
        close(a->control);
        a->control = -1;
        return -EAGAIN;
    }
    return setenv("WEIR_PACKETDRILL", name, 1) == 0 ? 0 : -errno;
}

void control_stop(struct adapter *a)
{
    if (a->control < 0)
        return;
    shutdown(a->control, SHUT_RDWR);
    pthread_join(a->control_thread, NULL);
    close(a->control);
    a->control = -1;
}
