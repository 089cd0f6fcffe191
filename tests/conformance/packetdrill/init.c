/* SPDX-License-Identifier: MIT */
/*
 * What the shared object exports: packetdrill's entry point, and getsockopt for pre-loading, because packetdrill reads TCP_INFO, TCP_CC_INFO and SO_MEMINFO
 * by the system call itself. There is one adapter a process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

#define EXPORT __attribute__((visibility("default")))

static struct adapter *the_adapter;

static void free_adapter(void *user)
{
    the_adapter = NULL;
    adapter_delete(user);
}

static struct adapter *start(const char *flags)
{
    struct adapter_settings s;
    char message[256] = "";
    if (!settings_parse(&s, flags, message)) {
        fprintf(stderr, "weir: %s\n", message);
        return NULL;
    }
    struct adapter *a = adapter_new(&s);
    int e = a ? control_start(a) : 0;
    if (e < 0)
        fprintf(stderr, "weir: no commands from scripts: %s\n", strerror(-e));
    return a;
}

EXPORT void packetdrill_interface_init(const char *flags, struct packetdrill_interface *out);
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *out)
{
    the_adapter = start(flags);
    if (!the_adapter)
        exit(EXIT_FAILURE); /* packetdrill would call through nothing */
    *out = (struct packetdrill_interface){.userdata = the_adapter, .free = free_adapter};
    calls_fill(out);
    events_fill(out);
}

typedef int getsockopt_fn(int fd, int level, int name, void *value, socklen_t *length);

static bool is_ours(int fd)
{
    if (!the_adapter)
        return false;
    adapter_lock(the_adapter);
    bool ours = file_of(the_adapter, fd) != NULL;
    adapter_unlock(the_adapter);
    return ours;
}

EXPORT getsockopt_fn getsockopt;
int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    if (is_ours(fd))
        return adapter_get_option(the_adapter, fd, level, name, value, length);
    getsockopt_fn *next;
    void *symbol = dlsym(RTLD_NEXT, "getsockopt");
    memcpy(&next, &symbol, sizeof next);
    if (next)
        return next(fd, level, name, value, length);
    errno = ENOSYS;
    return -1;
}
