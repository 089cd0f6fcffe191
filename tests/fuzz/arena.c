/* SPDX-License-Identifier: MIT */
/*
 * See arena.h. The area is read-only but for the pages that were written since it was last protected: the first write
 * to a page faults, the page is noted and writable from then on. Only noted pages are cleaned, and after some inputs
 * all are protected again, so that what one input used up costs the others little.
 *
 * Invariants, between two inputs:
 * 1. All of the area is poisoned, and sizes[] is zero.
 * 2. A page that is not noted is read-only, and as in `base`; without one it is zero.
 */
#include "fuzz/arena.h"

#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define RED_ZONE ((size_t)64)
#define GRAIN ((size_t)128) /* 16 bytes of shadow: AddressSanitizer fills such fast, and others bytewise */
#define PAGE ((size_t)4096)
#define PAGES (ARENA_BYTES / PAGE)
#define CLEANINGS 512u /* until all is protected again */
#define IMAGES 4u
#define MOST_BLOCKS 512u
#define MOST_OUTSIDE ((size_t)64 << 10)

/* Touches what is poisoned, and is no code under test. */
#define RAW __attribute__((no_sanitize("address", "undefined", "coverage"), no_builtin, noinline))

struct block {
    uint32_t at, size;
};

/* What arena_keep saw. */
struct image {
    size_t used, live;
    struct block blocks[MOST_BLOCKS];
    unsigned n_blocks, n_pages;
    uint16_t pages[PAGES];
    uint16_t place[PAGES]; /* of a page among these, from 1; 0: it is zero */
    uint8_t *bytes;        /* of the pages */
    uint8_t outside[MOST_OUTSIDE];
};

static _Alignas(4096) uint8_t area[ARENA_BYTES];
static uint32_t sizes[ARENA_BYTES / GRAIN]; /* one more than that of the block that begins there; 0: none does */
static size_t used, live;
static unsigned left, cleanings;
static bool failed;
static struct image images[IMAGES];
static const struct image *base; /* what the last world began as; NULL: empty */

static bool noted[PAGES];
static uint16_t notes[PAGES];
static unsigned n_notes;
static struct sigaction former;

/* ---- pages ---- */

RAW static void protect(void)
{
    for (unsigned i = 0; i < n_notes; i++)
        noted[notes[i]] = false;
    n_notes = 0;
    if (mprotect(area, ARENA_BYTES, PROT_READ) != 0)
        abort();
}

/* What is no write to a page of ours faults again, for who was there before. */
RAW static void fault(int signal, siginfo_t *info, void *context)
{
    size_t at = (uintptr_t)info->si_addr - (uintptr_t)area, page = at / PAGE;
    (void)context;
    if (at >= ARENA_BYTES || noted[page] || mprotect(area + page * PAGE, PAGE, PROT_READ | PROT_WRITE) != 0) {
        sigaction(signal, &former, NULL);
        return;
    }
    noted[page] = true;
    notes[n_notes++] = (uint16_t)page;
}

RAW static void copy_page(void *to, const void *from)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; i < PAGE / 8; i++)
        t[i] = f[i];
}

RAW static void clear_page(void *page)
{
    uint64_t *p = page;
    for (size_t i = 0; i < PAGE / 8; i++)
        p[i] = 0;
}

RAW static bool page_is_zero(const void *page)
{
    const uint64_t *p = page;
    uint64_t all = 0;
    for (size_t i = 0; i < PAGE / 8; i++)
        all |= p[i];
    return all == 0;
}

static void restore_page(unsigned page)
{
    unsigned place = base ? base->place[page] : 0;
    if (place)
        copy_page(area + page * PAGE, base->bytes + (place - 1) * PAGE);
    else
        clear_page(area + page * PAGE);
}

static void clean(const struct image *as)
{
    const struct image *was = base;
    base = as;
    for (unsigned i = 0; i < n_notes; i++)
        restore_page(notes[i]);
    for (unsigned i = 0; was && was != as && i < was->n_pages; i++)
        restore_page(was->pages[i]);
    for (unsigned i = 0; as && was != as && i < as->n_pages; i++)
        restore_page(as->pages[i]);
    if (++cleanings % CLEANINGS == 0)
        protect();
}

/* ---- blocks ---- */

/* Up to the next grain: behind a block is red zone in any case. */
static void poison(size_t at, size_t size)
{
    __asan_poison_memory_region(area + at, (size + GRAIN - 1) & ~(GRAIN - 1));
}

static void unpoison(size_t at, size_t size)
{
    size_t most = size & ~(GRAIN - 1);
    if (most)
        __asan_unpoison_memory_region(area + at, most);
    __asan_unpoison_memory_region(area + at + most, size - most);
}

static void hand_out(size_t at, size_t size)
{
    sizes[at / GRAIN] = (uint32_t)size + 1;
    unpoison(at, size);
}

static void *arena_alloc(const struct allocator *self, size_t size, size_t align)
{
    (void)self;
    if (align < GRAIN)
        align = GRAIN;
    size_t at = (used + RED_ZONE + align - 1) & ~(align - 1);
    if (left == 0 || size > ARENA_BYTES || at >= ARENA_BYTES - size) {
        failed = true;
        return NULL;
    }
    if (left != UINT32_MAX)
        left--;
    used = at + size;
    live += size;
    hand_out(at, size);
    return area + at;
}

static void arena_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    if (!memory)
        return;
    size_t at = (size_t)((uint8_t *)memory - area);
    if (at >= ARENA_BYTES || at % GRAIN != 0 || sizes[at / GRAIN] != size + 1)
        abort();
    sizes[at / GRAIN] = 0;
    live -= size;
    poison(at, size);
}

static const struct allocator allocator = {.alloc = arena_alloc, .free = arena_free};

/* ---- an input's memory ---- */

static void open_area(void)
{
    const struct sigaction ours = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    __asan_poison_memory_region(area, ARENA_BYTES);
    if (sigaction(SIGSEGV, &ours, &former) != 0)
        abort();
    protect();
}

static void begin(const struct image *as)
{
    static bool opened;
    if (!opened)
        open_area();
    opened = true;
    if (live != 0)
        abort();
    clean(as);
    used = live = 0;
    left = UINT32_MAX;
    failed = false;
}

const struct allocator *arena_begin(void)
{
    begin(NULL);
    return &allocator;
}

void arena_fail_from(unsigned n) { left = n; }

bool arena_failed(void) { return failed; }

void arena_end(void)
{
    if (live != 0)
        abort();
}

/* ---- what is made once ---- */

static void keep_blocks(struct image *m)
{
    for (size_t i = 0; i * GRAIN < used; i++)
        if (sizes[i]) {
            if (m->n_blocks == MOST_BLOCKS)
                abort();
            m->blocks[m->n_blocks++] = (struct block){(uint32_t)(i * GRAIN), sizes[i] - 1};
        }
}

static void keep_pages(struct image *m)
{
    m->bytes = malloc(n_notes * PAGE);
    if (!m->bytes)
        abort();
    for (unsigned i = 0; i < n_notes; i++) {
        const uint8_t *page = area + notes[i] * PAGE;
        if (page_is_zero(page))
            continue;
        copy_page(m->bytes + m->n_pages * PAGE, page);
        m->pages[m->n_pages++] = notes[i];
        m->place[notes[i]] = (uint16_t)m->n_pages;
    }
}

void arena_keep(unsigned which, const void *outside, size_t bytes)
{
    struct image *m = &images[which];
    if (which >= IMAGES || m->bytes || bytes > MOST_OUTSIDE || failed)
        abort();
    m->used = used;
    m->live = live;
    keep_blocks(m);
    keep_pages(m);
    memcpy(m->outside, outside, bytes);
    base = m; /* and what is noted may differ */
}

bool arena_again(unsigned which, void *outside, size_t bytes)
{
    const struct image *m = &images[which];
    if (!m->bytes)
        return false;
    begin(m);
    used = m->used;
    live = m->live;
    for (unsigned i = 0; i < m->n_blocks; i++)
        hand_out(m->blocks[i].at, m->blocks[i].size);
    memcpy(outside, m->outside, bytes);
    return true;
}
