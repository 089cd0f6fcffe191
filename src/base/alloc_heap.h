/* SPDX-License-Identifier: MIT */
/*
 * The allocator over the C library and mmap, for engine/, cli/ and tests; nothing below engine/ includes this.
 *
 * Above ALLOC_HEAP_LARGE memory is mapped and becomes real page by page as it is touched: a huge capacity costs address
 * space only. Such areas may be backed by huge pages, which spares random access most of its TLB misses.
 */
#ifndef WEIR_BASE_ALLOC_HEAP_H
#define WEIR_BASE_ALLOC_HEAP_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"

#define ALLOC_HEAP_LARGE ((size_t)1 << 20)
#define ALLOC_HEAP_HUGE_PAGE ((size_t)2 << 20)

static inline size_t alloc_heap_page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* The bytes mapped for size: whole pages. 0 when that cannot be written. */
static inline size_t alloc_heap_mapped_size(size_t size)
{
    size_t page = alloc_heap_page();
    return size > SIZE_MAX - page ? 0 : (size + page - 1) & ~(page - 1);
}

/* Maps length bytes (whole pages) at a multiple of align, which may be more than a page. */
static inline void *alloc_heap_map(size_t length, size_t align)
{
    size_t page = alloc_heap_page();
    size_t slack = align > page ? align - page : 0;
    if (length == 0 || length > SIZE_MAX - slack)
        return NULL;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *mapped = mmap(NULL, length + slack, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    uint8_t *memory = mapped;
    size_t before = slack ? (align - ((uintptr_t)memory & (align - 1))) & (align - 1) : 0;
    if (before)
        munmap(memory, before);
    if (slack > before)
        munmap(memory + before + length, slack - before);
    return memory + before;
}

static inline void *alloc_heap_alloc(const struct allocator *self, size_t size, size_t align)
{
    (void)self;
    if (size > ALLOC_HEAP_LARGE) {
        size_t length = alloc_heap_mapped_size(size);
        bool huge = length >= ALLOC_HEAP_HUGE_PAGE;
        if (huge && align < ALLOC_HEAP_HUGE_PAGE)
            align = ALLOC_HEAP_HUGE_PAGE;
        void *memory = alloc_heap_map(length, align);
        if (memory && huge)
            (void)madvise(memory, length, MADV_HUGEPAGE);
        return memory;
    }
    if (align <= alignof(max_align_t))
        return calloc(1, size ? size : 1);
    size_t rounded = (size + align - 1) & ~(align - 1);
    void *memory = aligned_alloc(align, rounded ? rounded : align);
    return memory ? memset(memory, 0, size) : NULL;
}

static inline void alloc_heap_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    if (size > ALLOC_HEAP_LARGE)
        munmap(memory, alloc_heap_mapped_size(size));
    else
        free(memory);
}

static inline const struct allocator *alloc_heap(void)
{
    static const struct allocator heap = {.alloc = alloc_heap_alloc, .free = alloc_heap_free, .context = NULL};
    return &heap;
}

/*
 * The same, and every page is there from the start, so that none is missing when a packet comes: a first touch takes the
 * kernel up to milliseconds where pages are huge, or a hypervisor's. An area of more than half of what the machine has free
 * becomes real as it is touched.
 */
static inline void *alloc_heap_resident_alloc(const struct allocator *self, size_t size, size_t align)
{
    void *memory = alloc_heap_alloc(self, size, align);
    const size_t length = alloc_heap_mapped_size(size), free_pages = (size_t)sysconf(_SC_AVPHYS_PAGES);
    if (!memory || size <= ALLOC_HEAP_LARGE || length / alloc_heap_page() > free_pages / 2)
        return memory;
    if (madvise(memory, length, MADV_POPULATE_WRITE) < 0 && errno == EINVAL) /* before Linux 5.14 */
        memset(memory, 0, size);
    return memory;
}

static inline const struct allocator *alloc_heap_resident(void)
{
    static const struct allocator heap = {.alloc = alloc_heap_resident_alloc, .free = alloc_heap_free, .context = NULL};
    return &heap;
}

#endif
