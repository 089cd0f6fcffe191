/* SPDX-License-Identifier: MIT */
/*
 * Reading a file: see input.h. Pipes and devices are read like files; a size that is not known before is found by
 * reading.
 */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_CAPACITY ((size_t)16 << 10)

static int refused(const char *name)
{
    int error = errno;
    complain("cannot read %s: %s", name, strerror(error));
    return error == ENOENT || error == ENOTDIR || error == EISDIR || error == ENAMETOOLONG ? EXIT_USAGE : EXIT_REFUSED;
}

static bool grow(struct input *in)
{
    size_t capacity = in->capacity ? 2 * in->capacity : FIRST_CAPACITY;
    char *bytes = realloc(in->bytes, capacity);
    if (!bytes)
        return false;
    in->bytes = bytes;
    in->capacity = capacity;
    return true;
}

static int read_all(struct input *in, int fd, size_t limit)
{
    for (;;) {
        if (in->length == in->capacity && !grow(in))
            return refused(in->name);
        ssize_t n = read(fd, in->bytes + in->length, in->capacity - in->length);
        if (n == 0)
            return EXIT_MET;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refused(in->name);
        in->length += (size_t)n;
        if (in->length > limit) {
            complain("%s is too large: a configuration may have %zu MiB", in->name, limit >> 20);
            return EXIT_USAGE;
        }
    }
}

int input_read(struct input *in, const char *path, size_t limit)
{
    bool standard = strcmp(path, "-") == 0;
    *in = (struct input){.name = standard ? "standard input" : path};
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refused(in->name);
    int result = read_all(in, fd, limit);
    if (!standard)
        close(fd);
    if (result != EXIT_MET)
        input_free(in);
    return result;
}

void input_free(struct input *in)
{
    free(in->bytes);
    *in = (struct input){.name = in->name};
}
