/* SPDX-License-Identifier: MIT */
/*
 * See wire_support.h. The random numbers are splitmix64: the same on every machine for the same seed.
 */
#include "unit/wire_support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARDED_MAX 65536u
#define CAPTURE_HEADER 24u
#define RECORD_HEADER 16u
#define LINKTYPE_ETHERNET 1u

uint64_t dice_u64(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t dice_below(struct dice *d, uint32_t n) { return (uint32_t)((dice_u64(d) >> 32) * n >> 32); }

bool dice_one_in(struct dice *d, uint32_t n) { return dice_below(d, n) == 0; }

void dice_bytes(struct dice *d, void *to, size_t n)
{
    uint8_t *p = to;
    for (size_t i = 0; i < n; i++)
        p[i] = dice_u8(d);
}

static uint8_t *guard_page(void)
{
    static uint8_t *guard;
    if (guard == NULL) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uint8_t *area = mmap(NULL, GUARDED_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(area, MAP_FAILED);
        assert_int_equal(mprotect(area + GUARDED_MAX, page, PROT_NONE), 0);
        guard = area + GUARDED_MAX;
    }
    return guard;
}

uint8_t *at_end_of_memory(const void *bytes, size_t n)
{
    assert_true(n <= GUARDED_MAX);
    uint8_t *to = guard_page() - n;
    if (n > 0)
        memcpy(to, bytes, n);
    return to;
}

const char *captures_folder_or_skip(void)
{
    const char *folder = getenv("WEIR_PCAPS");
    if (folder == NULL)
        folder = "../shared/pcaps";
    if (access(folder, R_OK) != 0) {
        print_message("no captures: the folder %s (environment variable WEIR_PCAPS) is not there\n", folder);
        skip();
    }
    return folder;
}

struct file {
    uint8_t *bytes;
    size_t length;
    bool big_endian;
};

static uint32_t file_u32(const struct file *f, size_t at)
{
    const uint8_t *p = f->bytes + at;
    if (f->big_endian)
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static bool file_load(struct file *f, const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        fail_msg("cannot open the capture %s", path);
    fseek(stream, 0, SEEK_END);
    f->length = (size_t)ftell(stream);
    rewind(stream);
    f->bytes = malloc(f->length + 1);
    assert_non_null(f->bytes);
    assert_int_equal(fread(f->bytes, 1, f->length, stream), f->length);
    fclose(stream);
    return f->length >= CAPTURE_HEADER;
}

/* Microseconds or nanoseconds, either byte order. */
static bool file_is_ethernet_capture(struct file *f)
{
    for (int big = 0; big < 2; big++) {
        f->big_endian = big != 0;
        uint32_t magic = file_u32(f, 0);
        if (magic == 0xa1b2c3d4u || magic == 0xa1b23c4du)
            return (file_u32(f, 20) & 0xffffu) == LINKTYPE_ETHERNET;
    }
    return false;
}

int capture_read(const char *folder, const char *name, capture_frame_fn *fn, void *user)
{
    struct file f = {.bytes = NULL};
    int frames = -1;
    if (file_load(&f, folder, name) && file_is_ethernet_capture(&f)) {
        frames = 0;
        for (size_t at = CAPTURE_HEADER; f.length - at >= RECORD_HEADER; frames++) {
            size_t length = file_u32(&f, at + 8);
            at += RECORD_HEADER;
            if (length > f.length - at || length > GUARDED_MAX)
                break;
            fn(user, at_end_of_memory(f.bytes + at, length), length);
            at += length;
        }
    }
    free(f.bytes);
    return frames;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && strcmp(name + n - s, suffix) == 0;
}

static void each_file_of(const char *folder, const char *sub, capture_file_fn *fn, void *user)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, sub);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[600];
        snprintf(name, sizeof name, "%s/%s", sub, entry->d_name);
        if (has_suffix(name, ".pcap"))
            fn(user, folder, name);
    }
    closedir(dir);
}

void capture_each_file(const char *folder, capture_file_fn *fn, void *user)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (entry->d_name[0] != '.')
            each_file_of(folder, entry->d_name, fn, user);
    closedir(dir);
}

void assert_prints(print_fn *print, const void *h, const char *expected)
{
    char text[512];
    size_t length = strlen(expected);
    assert_true(length < sizeof text);
    for (size_t size = 0; size <= length + 1; size++) {
        memset(text, '#', sizeof text);
        assert_int_equal(print(text, size, h), length);
        if (size == 0) {
            assert_int_equal(text[0], '#');
            continue;
        }
        assert_int_equal(strlen(text), size - 1);
        assert_memory_equal(text, expected, size - 1);
        assert_int_equal(text[size], '#');
    }
}
