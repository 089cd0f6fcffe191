/* SPDX-License-Identifier: MIT */
/* See memory_pairs.h. An end that nobody has asked for yet is kept here. */
#include "posix/memory_pairs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "link/memory.h"

#define MAX_WAITING 64u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    char name[LINK_NAME_BYTES];
    struct link *end;
} waiting[MAX_WAITING];

static int make(const char *name, uint32_t mtu, struct link *ends[2])
{
    struct memory_settings s;
    memory_settings_default(&s);
    s.mtu = mtu ? mtu : s.mtu;
    s.buffer_bytes = max_u32(s.buffer_bytes, s.mtu + 14 + 8 + PACKET_HEADROOM);
    s.two_threads = true;
    s.trust_checksums = true;
    return memory_link_new(&s, alloc_heap(), name, ends);
}

static int open_locked(const char *name, uint32_t mtu, struct link **out)
{
    unsigned free_at = MAX_WAITING;
    for (unsigned i = 0; i < MAX_WAITING; i++) {
        if (!waiting[i].end) {
            free_at = i;
        } else if (strcmp(waiting[i].name, name) == 0) {
            *out = waiting[i].end;
            waiting[i].end = NULL;
            return 0;
        }
    }
    if (free_at == MAX_WAITING)
        return ERR_NO_SPACE;
    struct link *ends[2];
    int e = make(name, mtu, ends);
    if (e < 0)
        return e;
    *out = ends[0];
    waiting[free_at].end = ends[1];
    snprintf(waiting[free_at].name, sizeof waiting[free_at].name, "%s", name);
    return 0;
}

int memory_pair_open(const char *name, uint32_t mtu, struct link **out)
{
    if (strlen(name) >= LINK_NAME_BYTES)
        return ERR_INVALID;
    pthread_mutex_lock(&lock);
    int e = open_locked(name, mtu, out);
    pthread_mutex_unlock(&lock);
    return e;
}
