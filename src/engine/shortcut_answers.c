/* SPDX-License-Identifier: MIT */
/*
 * See shortcut_answers.h. The ring is that of the kernel (Documentation/bpf/ringbuf.rst): records of a header of eight
 * bytes and what was written, in pages that are mapped twice in a row, so that none is broken.
 */
#define _GNU_SOURCE /* MAP_POPULATE */
#include "engine/shortcut_answers.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

#define CLAIMS_A_FLOW 4u
#define LEAST_CLAIMS 65536u
#define RECORD_HEADER 8u
#define RECORD_BUSY (1u << 31)
#define RECORD_DISCARDED (1u << 30)

static_assert(SHORTCUT_SYN_BYTES == ACCEL_ANSWERED_BYTES, "the longest SYN");
static_assert(ACCEL_ANSWERS_MOST * (sizeof(struct shortcut_answered) + RECORD_HEADER) <= SHORTCUT_RING_BYTES,
              "the ring has room for all that may be answered");

struct shortcut_sizes shortcut_sizes_for(uint32_t max_flows, uint32_t max_servers, uint32_t max_sources)
{
    const uint32_t claims = round_up_pow2(max_u32(min_u32(max_flows, 1u << 24) * CLAIMS_A_FLOW, LEAST_CLAIMS));
    return (struct shortcut_sizes){
        .claims = claims, .servers = round_up_pow2(max_servers), .sources = round_up_pow2(max_sources)};
}

/* ---- the box's functions ---- */

static void begin(void *context, const struct hash_key *secret)
{
    const struct shortcut_answers *s = context;
    s->control->secret[0] = secret->k0;
    s->control->secret[1] = secret->k1;
    s->control->claims_mask = s->sizes.claims - 1;
    s->control->servers_mask = s->sizes.servers - 1;
    s->control->sources_mask = s->sizes.sources - 1;
}

/* The program may read it at any time. */
static void set_server(void *context, uint32_t place, const struct accel_server *server, int64_t until)
{
    const struct shortcut_answers *s = context;
    struct shortcut_server *to = &s->servers[place & (s->sizes.servers - 1)];
    (void)__atomic_add_fetch(&to->version, 1, __ATOMIC_SEQ_CST);
    to->until = server ? until : 0;
    if (server) {
        memcpy(to->address, server->address.bytes, sizeof to->address);
        to->port = server->port;
        to->vlan = server->vlan;
        to->mss = server->said.mss;
        to->wscale = server->said.wscale;
        to->present = server->said.present;
    }
    (void)__atomic_add_fetch(&to->version, 1, __ATOMIC_SEQ_CST);
}

static void set_source(void *context, uint32_t place, uint32_t most)
{
    const struct shortcut_answers *s = context;
    __atomic_store_n(&s->sources[place & (s->sizes.sources - 1)].most, most, __ATOMIC_RELEASE);
}

static void grant(void *context, uint32_t most)
{
    const struct shortcut_answers *s = context;
    __atomic_store_n(&s->control->most, most, __ATOMIC_RELEASE);
}

static uint64_t *claim_at(const struct shortcut_answers *s, uint32_t hash)
{
    return &s->claims[hash & (s->sizes.claims - 1)];
}

static bool claim(void *context, uint32_t hash)
{
    return __atomic_fetch_add(claim_at(context, hash), 1, __ATOMIC_SEQ_CST) >= SHORTCUT_PENDING;
}

static void release(void *context, uint32_t hash)
{
    (void)__atomic_fetch_sub(claim_at(context, hash), 1, __ATOMIC_SEQ_CST);
}

static void settle(void *context, uint32_t hash)
{
    (void)__atomic_fetch_sub(claim_at(context, hash), SHORTCUT_PENDING + 1, __ATOMIC_SEQ_CST);
}

/* The record at the head of the ring; NULL: there is none, or it is being written. */
static const uint8_t *head(const struct shortcut_answers *s, uint32_t *header)
{
    const unsigned long at = *s->consumed;
    if (at == __atomic_load_n(s->made, __ATOMIC_ACQUIRE))
        return NULL;
    const uint8_t *record = s->records + (at & (SHORTCUT_RING_BYTES - 1));
    *header = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
    return *header & RECORD_BUSY ? NULL : record + RECORD_HEADER;
}

static void go_behind(struct shortcut_answers *s)
{
    __atomic_store_n(s->consumed, *s->consumed + s->record, __ATOMIC_RELEASE);
    s->record = 0;
}

static bool next(void *context, struct accel_answered *out)
{
    struct shortcut_answers *s = context;
    const uint8_t *record;
    uint32_t header;
    go_behind(s);
    while ((record = head(s, &header)) != NULL) {
        s->record = ((header & ~RECORD_DISCARDED) + RECORD_HEADER + 7) & ~7u;
        if (!(header & RECORD_DISCARDED)) {
            const struct shortcut_answered *a = (const void *)record;
            *out = (struct accel_answered){.frame = a->frame,
                                           .length = min_u32(a->length, SHORTCUT_SYN_BYTES),
                                           .isn = seq_of(a->isn),
                                           .at = a->at,
                                           .told = {.mss = a->mss, .wscale = a->wscale, .present = a->present}};
            return true;
        }
        go_behind(s);
    }
    return false;
}

/* ---- memory ---- */

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static size_t whole_pages(size_t bytes) { return (bytes + page() - 1) / page() * page(); }

static void *map(int descriptor, size_t bytes, int protection, size_t from)
{
    void *at = mmap(NULL, whole_pages(bytes), protection, MAP_SHARED | MAP_POPULATE, descriptor, (off_t)from);
    return at == MAP_FAILED ? NULL : at;
}

static bool map_ring(struct shortcut_answers *s, int descriptor)
{
    s->ring = descriptor;
    s->consumed = map(descriptor, page(), PROT_READ | PROT_WRITE, 0);
    const uint8_t *rest = map(descriptor, page() + 2 * SHORTCUT_RING_BYTES, PROT_READ, page());
    s->made = (const void *)rest;
    s->records = rest ? rest + page() : NULL;
    return s->consumed && rest;
}

int shortcut_answers_open(struct shortcut_answers *s, const struct shortcut_maps *maps,
                          const struct shortcut_sizes *sizes)
{
    const int both = PROT_READ | PROT_WRITE;
    *s = (struct shortcut_answers){.sizes = *sizes};
    s->control = map(maps->control, sizeof *s->control, both, 0);
    s->claims = map(maps->claims, sizes->claims * sizeof *s->claims, both, 0);
    s->servers = map(maps->servers, sizes->servers * sizeof *s->servers, both, 0);
    s->sources = map(maps->sources, sizes->sources * sizeof *s->sources, both, 0);
    const bool ring = map_ring(s, maps->ring);
    if (!s->control || !s->claims || !s->servers || !s->sources || !ring) {
        shortcut_answers_close(s);
        return ERR_SYSTEM;
    }
    s->hook = (struct accel_answers){.begin = begin,
                                     .server = set_server,
                                     .source = set_source,
                                     .grant = grant,
                                     .claim = claim,
                                     .release = release,
                                     .next = next,
                                     .settle = settle,
                                     .context = s};
    return 0;
}

static void unmap(void *at, size_t bytes)
{
    if (at)
        (void)munmap(at, whole_pages(bytes));
}

void shortcut_answers_close(struct shortcut_answers *s)
{
    unmap(s->control, sizeof *s->control);
    unmap(s->claims, s->sizes.claims * sizeof *s->claims);
    unmap(s->servers, s->sizes.servers * sizeof *s->servers);
    unmap(s->sources, s->sizes.sources * sizeof *s->sources);
    unmap(s->consumed, page());
    unmap((void *)(uintptr_t)s->made, page() + 2 * SHORTCUT_RING_BYTES);
    *s = (struct shortcut_answers){.ring = -1};
}
