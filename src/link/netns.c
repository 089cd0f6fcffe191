/* SPDX-License-Identifier: MIT */
/*
 * See netns.h.
 */
#define _GNU_SOURCE
#include "link/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define STAY INT32_MAX
#define NEEDS "another network namespace needs root or CAP_SYS_ADMIN"

int netns_refuse(char message[256], int error, const char *what, const char *name, const char *needs)
{
    bool denied = errno == EPERM || errno == EACCES;
    snprintf(message, 256, "%s %.80s: %s%s%s%s", what, name, strerror(errno), denied ? " (" : "", denied ? needs : "",
             denied ? ")" : "");
    return denied ? ERR_DENIED : error;
}

int netns_enter(const char *path, char message[256])
{
    if (!path)
        return STAY;
    int other = open(path, O_RDONLY | O_CLOEXEC);
    if (other < 0)
        return netns_refuse(message, ERR_NOT_FOUND, "network namespace", path, NEEDS);
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(other, CLONE_NEWNET) != 0) {
        int e = netns_refuse(message, ERR_SYSTEM, "network namespace", path, NEEDS);
        if (own >= 0)
            close(own);
        own = e;
    }
    close(other);
    return own;
}

int netns_leave(int own, char message[256])
{
    if (own == STAY)
        return 0;
    int e = setns(own, CLONE_NEWNET) == 0 ? 0 : ERR_SYSTEM;
    if (e)
        (void)netns_refuse(message, e, "this thread cannot return from", "another network namespace", NEEDS);
    close(own);
    return e;
}
