/* SPDX-License-Identifier: MIT */
/*
 * The asker's side of a box's socket: see box_control.h.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/box_control.h"

static int choose(const glob_t *found, char path[BOX_CONTROL_PATH], char message[256])
{
    if (found->gl_pathc == 0) {
        (void)snprintf(message, 256, "found no running weir accel in /run/weir, $TMPDIR or /tmp");
        return ERR_NOT_FOUND;
    }
    if (found->gl_pathc > 1) {
        (void)snprintf(message, 256, "found %zu sockets (%.80s, %.80s%s), allowed one: name it by --control",
                       found->gl_pathc, found->gl_pathv[0], found->gl_pathv[1], found->gl_pathc > 2 ? ", ..." : "");
        return ERR_NOT_FOUND;
    }
    (void)snprintf(path, BOX_CONTROL_PATH, "%s", found->gl_pathv[0]);
    return 0;
}

int box_control_find(char path[BOX_CONTROL_PATH], char message[256])
{
    char pattern[4096];
    glob_t found;
    const char *temporary = getenv("TMPDIR");
    (void)glob("/run/weir/accel-*.sock", 0, NULL, &found);
    (void)glob("/tmp/accel-*.sock", GLOB_APPEND, NULL, &found);
    if (temporary && *temporary && strcmp(temporary, "/tmp") != 0) {
        (void)snprintf(pattern, sizeof pattern, "%.3000s/accel-*.sock", temporary);
        (void)glob(pattern, GLOB_APPEND, NULL, &found);
    }
    const int error = choose(&found, path, message);
    globfree(&found);
    return error;
}

static bool read_all(int fd, void *to, size_t length)
{
    uint8_t *at = to;
    while (length) {
        const ssize_t n = recv(fd, at, length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ECONNRESET;
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

static int give_up(int fd, int error, const char *path, const char *why, char message[256])
{
    (void)snprintf(message, 256, "cannot ask %.107s: %s", path, why);
    if (fd >= 0)
        close(fd);
    return error;
}

int box_control_ask(const char *path, struct box_control_head *head, char message[256])
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path)
        return give_up(-1, ERR_SYSTEM, path, "the path is longer than 107 bytes", message);
    memcpy(at.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        send(fd, "flows\n", 6, MSG_NOSIGNAL) != 6 || !read_all(fd, head, sizeof *head))
        return give_up(fd, ERR_SYSTEM, path, strerror(errno), message);
    if (memcmp(head->magic, "weirflow", sizeof head->magic) != 0 || head->version != BOX_CONTROL_VERSION ||
        head->view_bytes != sizeof(struct accel_view))
        return give_up(fd, ERR_UNSUPPORTED, path, "it is of another version of weir", message);
    return fd;
}

int box_control_next(int fd, struct accel_view *out)
{
    if (!read_all(fd, out, sizeof *out))
        return ERR_SYSTEM;
    return out->state != ACCEL_FREE;
}
