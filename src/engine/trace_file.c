/* SPDX-License-Identifier: MIT */
/*
 * See trace_file.h.
 */
#define _GNU_SOURCE
#include "engine/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 320u

static void PRINTF_LIKE(4, 5) write_line(void *context, enum trace_layer layer, int64_t now, const char *format, ...)
{
    const struct trace_file *t = context;
    char line[LINE_BYTES];
    int head = snprintf(line, sizeof line, "%12.6f %-6s ", (double)(now - t->began) / 1e9, trace_layer_name(layer));
    va_list list;
    va_start(list, format);
    int n = head + vsnprintf(line + head, sizeof line - (size_t)head, format, list);
    va_end(list);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n] = '\n';
    (void)!write(t->fd - 1, line, (size_t)n + 1); /* a full disk stops no program */
}

int trace_file_open(struct trace_file *t, const char *path, const char *layers, int64_t now, char message[256])
{
    unsigned bits = TRACE_ALL;
    *t = (struct trace_file){.began = now};
    if (!path)
        return 0;
    if (layers && !trace_layers_read(layers, &bits)) {
        snprintf(message, 256, "trace_layers: found \"%.60s\", allowed are " TRACE_LAYERS_ALLOWED, layers);
        return -EINVAL;
    }
    int fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                                    : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        int e = errno;
        snprintf(message, 256, "trace: %.180s: %s", path, strerror(e));
        return -e;
    }
    t->fd = fd + 1;
    t->trace = (struct trace){.layers = bits, .write = write_line, .context = t};
    return 0;
}

void trace_file_close(struct trace_file *t)
{
    if (t->fd)
        close(t->fd - 1);
    *t = (struct trace_file){.fd = 0};
}
