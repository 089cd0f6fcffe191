/* SPDX-License-Identifier: MIT */
/*
 * The box's side: see box_control.h.
 */
#define _GNU_SOURCE /* accept4 */
#include "engine/box_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

#define LOOK_EVERY_NS (10 * NS_PER_MS)
#define WAIT_NS NS_PER_MS          /* for an asker that does not read */
#define PATIENCE_NS (5 * NS_PER_S) /* and then it has gone */
#define NUMBERS_A_PIECE 512u

/* ---- the socket ---- */

static bool address_of(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof out->sun_path)
        return false;
    memcpy(out->sun_path, path, strlen(path) + 1);
    return true;
}

/* What a process that was killed has left behind. */
static bool is_left_behind(const struct sockaddr_un *at)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static bool bind_to(int fd, const struct sockaddr_un *at)
{
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) == 0)
        return true;
    if (errno != EADDRINUSE || !is_left_behind(at) || unlink(at->sun_path) != 0) {
        errno = errno == ECONNREFUSED ? EADDRINUSE : errno;
        return false;
    }
    return bind(fd, (const struct sockaddr *)at, sizeof *at) == 0;
}

/* Only whoever the box runs as may ask. */
static int listen_at(const char *path)
{
    struct sockaddr_un at;
    if (!address_of(path, &at))
        return ERR_INVALID;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_SYSTEM;
    const mode_t before = umask(0177);
    const bool bound = bind_to(fd, &at);
    umask(before);
    if (bound && listen(fd, 8) == 0)
        return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return ERR_SYSTEM;
}

static const char *default_folder(void)
{
    const char *temporary = getenv("TMPDIR");
    (void)mkdir("/run/weir", 0755);
    if (access("/run/weir", W_OK) == 0)
        return "/run/weir";
    return temporary && *temporary ? temporary : "/tmp";
}

int box_control_open(struct box_control *c, const char *path, const struct accel *a, char message[256])
{
    char by_pid[4096];
    *c = (struct box_control){.accel = a, .listening = -1, .asker = -1};
    if (!path) {
        (void)snprintf(by_pid, sizeof by_pid, "%.3000s/accel-%ld.sock", default_folder(), (long)getpid());
        path = by_pid;
    }
    const int fd = listen_at(path);
    if (fd < 0) {
        (void)snprintf(message, 256, "cannot listen at %.120s: %s", path,
                       fd == ERR_INVALID ? "the path is longer than 107 bytes" : strerror(errno));
        return fd;
    }
    (void)snprintf(c->path, sizeof c->path, "%s", path);
    c->listening = fd;
    return 0;
}

static void hang_up(struct box_control *c)
{
    if (c->asker >= 0)
        close(c->asker);
    c->asker = -1;
    c->begin = c->end = 0;
}

void box_control_close(struct box_control *c)
{
    if (c->listening < 0)
        return;
    hang_up(c);
    close(c->listening);
    (void)unlink(c->path);
    c->listening = -1;
}

/* ---- an asker ---- */

static void look(struct box_control *c, int64_t now)
{
    c->look_at = now + LOOK_EVERY_NS;
    c->asker = accept4(c->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (c->asker < 0)
        return;
    c->asked = c->ended = false;
    c->progress_at = now;
    c->look_at = now;
}

static void begin_answer(struct box_control *c)
{
    struct box_control_head head = {
        .magic = "weirflo", .version = BOX_CONTROL_VERSION, .view_bytes = sizeof(struct accel_view)};
    head.magic[7] = 'w';
    accel_occupancy(c->accel, &head.flows, &head.openings);
    memcpy(c->piece, &head, sizeof head);
    c->end = sizeof head;
    c->next = 1;
    c->asked = true;
}

static void read_question(struct box_control *c)
{
    static const char flows[] = "flows\n";
    char text[16];
    const ssize_t n = recv(c->asker, text, sizeof text, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == sizeof flows - 1 && memcmp(text, flows, sizeof flows - 1) == 0)
        begin_answer(c);
    else
        hang_up(c);
}

/* The next flows, and behind the last one the end. */
static void fill_piece(struct box_control *c, int64_t now)
{
    const uint32_t behind = accel_view_end(c->accel), until = min_u32(behind, c->next + NUMBERS_A_PIECE);
    c->begin = c->end = 0;
    for (; c->next < until && c->end < BOX_CONTROL_PIECE * sizeof(struct accel_view); c->next++) {
        struct accel_view v;
        if (!accel_view_at(c->accel, c->next, now, &v))
            continue;
        memcpy(c->piece + c->end, &v, sizeof v);
        c->end += (uint32_t)sizeof v;
    }
    c->ended = c->next >= behind;
    if (!c->ended)
        return;
    memset(c->piece + c->end, 0, sizeof(struct accel_view));
    c->end += (uint32_t)sizeof(struct accel_view);
}

static void send_piece(struct box_control *c, int64_t now)
{
    const ssize_t n = send(c->asker, c->piece + c->begin, c->end - c->begin, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        hang_up(c);
        return;
    }
    c->look_at = n < 0 ? now + WAIT_NS : now;
    if (n > 0) {
        c->begin += (uint32_t)n;
        c->progress_at = now;
    }
}

static void answer(struct box_control *c, int64_t now)
{
    c->look_at = now;
    if (c->begin == c->end && !c->ended)
        fill_piece(c, now);
    if (c->begin < c->end)
        send_piece(c, now);
    if (c->asker >= 0 && c->ended && c->begin == c->end)
        hang_up(c);
}

void box_control_turn(struct box_control *c, int64_t now)
{
    if (likely(now < c->look_at) || c->listening < 0)
        return;
    if (c->asker < 0) {
        look(c, now);
        return;
    }
    if (now > c->progress_at + PATIENCE_NS) {
        hang_up(c);
        return;
    }
    c->look_at = now + WAIT_NS;
    if (!c->asked)
        read_question(c);
    if (c->asker >= 0 && c->asked)
        answer(c, now);
}

int64_t box_control_deadline(const struct box_control *c)
{
    return c->listening < 0 || c->asker < 0 ? TIME_NEVER : c->look_at;
}

void box_control_wake(struct box_control *c) { c->look_at = 0; }
