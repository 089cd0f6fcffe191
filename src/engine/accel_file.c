/* SPDX-License-Identifier: MIT */
/*
 * See accel_file.h.
 */
#define _GNU_SOURCE /* O_CLOEXEC, O_NOFOLLOW */
#include "engine/accel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accel/store.h"
#include "base/error.h"

static int system_error(const char *path, const char *what, int error, char message[256])
{
    (void)snprintf(message, 256, "table %s: %s: %s", path, what, strerror(error));
    return ERR_SYSTEM;
}

static int digit_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* A UUID in text. False: the kernel does not say. */
static bool read_boot(uint8_t boot[ACCEL_BOOT_BYTES])
{
    char text[64] = "";
    unsigned digits = 0;
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    memset(boot, 0, ACCEL_BOOT_BYTES);
    for (ssize_t i = 0; i < n && digits < 2 * ACCEL_BOOT_BYTES; i++) {
        const int digit = digit_of(text[i]);
        if (digit < 0)
            continue;
        boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | digit);
        digits++;
    }
    return digits == 2 * ACCEL_BOOT_BYTES;
}

static int open_and_lock(struct accel_file *f, const char *path, char message[256])
{
    struct stat st;
    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd < 0)
        return system_error(path, "open", errno, message);
    if (fstat(f->fd, &st) < 0)
        return system_error(path, "stat", errno, message);
    if (!S_ISREG(st.st_mode) || st.st_mode & 077) {
        (void)snprintf(message, 256, "table %s: found %s, allowed a file that its owner alone may read and write", path,
                       S_ISREG(st.st_mode) ? "a file that others may use" : "no regular file");
        return ERR_INVALID;
    }
    if (flock(f->fd, LOCK_EX | LOCK_NB) < 0) {
        (void)snprintf(message, 256, "table %s: found it in use by another box, allowed a file of its own for each",
                       path);
        return ERR_IN_USE;
    }
    return 0;
}

static int refuse(const char *path, enum accel_store_fit fit, const struct accel_settings *s, char message[256])
{
    static const char *const found[] = {
        [ACCEL_STORE_FOREIGN] = "something that is no table of weir accel",
        [ACCEL_STORE_OTHER_VERSION] = "the table of another version",
        [ACCEL_STORE_OTHER_SIZE] = "a table of another size",
        [ACCEL_STORE_OTHER_KEY] = "the table of a box with another key or role",
    };
    (void)snprintf(message, 256,
                   "table %s: found %s, allowed one with max_flows %u, max_openings %u and this key and role, or none: "
                   "remove it to begin anew",
                   path, found[fit], s->max_flows, s->max_openings);
    return ERR_INVALID;
}

/* Whether the file can be used, or is empty for it. */
static int look(const struct accel_file *f, const char *path, const struct accel_settings *s, bool *anew,
                char message[256])
{
    union {
        struct accel_store_header header;
        uint8_t bytes[sizeof(struct accel_store_header)];
    } start;
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return system_error(path, "stat", errno, message);
    const ssize_t n = pread(f->fd, start.bytes, sizeof start, 0);
    if (n < 0)
        return system_error(path, "read", errno, message);
    const size_t bytes = (size_t)n < sizeof start ? (size_t)n : (size_t)st.st_size;
    const enum accel_store_fit fit = accel_store_look(start.bytes, bytes, s);
    *anew = fit == ACCEL_STORE_EMPTY || fit == ACCEL_STORE_OTHER_BOOT;
    return *anew || fit == ACCEL_STORE_FITS ? 0 : refuse(path, fit, s, message);
}

/* All of it is there, so that no store into it fails later for lack of space. */
static int reserve(const struct accel_file *f, const char *path, bool anew, char message[256])
{
    if (anew && ftruncate(f->fd, 0) < 0)
        return system_error(path, "truncate", errno, message);
    const int error = posix_fallocate(f->fd, 0, (off_t)f->bytes);
    return error ? system_error(path, "reserve", error, message) : 0;
}

int accel_file_open(struct accel_file *f, const char *path, struct accel_settings *s, char message[256])
{
    bool anew = false;
    *f = (struct accel_file){.fd = -1, .bytes = accel_store_bytes(s)};
    if (!read_boot(s->boot))
        return system_error("/proc/sys/kernel/random/boot_id", "read", EIO, message);
    int error = open_and_lock(f, path, message);
    if (error == 0)
        error = look(f, path, s, &anew, message);
    if (error == 0)
        error = reserve(f, path, anew, message);
    if (error < 0)
        return error;
    void *memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, f->fd, 0);
    if (memory == MAP_FAILED)
        return system_error(path, "map", errno, message);
    f->memory = s->store = memory;
    s->store_bytes = f->bytes;
    return 0;
}

void accel_file_close(struct accel_file *f)
{
    if (f->memory)
        (void)munmap(f->memory, f->bytes);
    if (f->fd > 0)
        (void)close(f->fd);
    *f = (struct accel_file){.fd = -1};
}
