/* SPDX-License-Identifier: MIT */
/*
 * Result files: see output.h.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int refused(const char *path, int error)
{
    complain("cannot write %s: %s", strcmp(path, "-") == 0 ? "standard output" : path, strerror(error));
    return EXIT_REFUSED;
}

int output_open(struct output *o, const char *path)
{
    *o = (struct output){.path = path};
    if (!path)
        return EXIT_MET;
    if (strcmp(path, "-") == 0) {
        o->file = stdout;
        return EXIT_MET;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    o->created = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return refused(path, errno);
    o->file = fdopen(fd, "w");
    if (!o->file) {
        int error = errno;
        close(fd);
        return refused(path, error);
    }
    return EXIT_MET;
}

void output_begin(struct output *o)
{
    struct stat s;
    int fd = fileno(o->file);
    if (o->file != stdout && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && ftruncate(fd, 0) != 0)
        o->failed = true;
    o->created = false;
    errno = 0;
}

int output_finish(struct output *o)
{
    FILE *file = o->file;
    o->file = NULL;
    bool failed = fflush(file) != 0 || ferror(file) || o->failed;
    int error = errno;
    if (file != stdout && fclose(file) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    return failed ? refused(o->path, error ? error : EIO) : EXIT_MET;
}

void output_abandon(struct output *o)
{
    if (o->file && o->file != stdout)
        fclose(o->file);
    if (o->created)
        unlink(o->path);
    *o = (struct output){.path = NULL};
}

int output_sink(void *context, const char *bytes, size_t length)
{
    struct output *o = context;
    return fwrite(bytes, 1, length, o->file) == length ? 0 : ERR_SYSTEM;
}
