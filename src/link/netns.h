/* SPDX-License-Identifier: MIT */
/*
 * Opening things of another network namespace: this thread visits it and comes back.
 */
#ifndef WEIR_LINK_NETNS_H
#define WEIR_LINK_NETNS_H

#include "base/compiler.h"

/*
 * Moves this thread into the namespace at `path`; NULL: it stays. Returns what netns_leave wants, or ERR_NOT_FOUND,
 * ERR_DENIED, ERR_SYSTEM with a message (256 bytes).
 */
MUST_CHECK int netns_enter(const char *path, char message[256]);
/* Back. ERR_SYSTEM with a message when that fails. */
MUST_CHECK int netns_leave(int own, char message[256]);
/*
 * Says what failed on what, with errno's text and `needs` when rights were missing; returns `error`, or ERR_DENIED
 * where that was why.
 */
int netns_refuse(char message[256], int error, const char *what, const char *name, const char *needs);

#endif
