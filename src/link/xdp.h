/* SPDX-License-Identifier: MIT */
/*
 * Programs on the kernel's XDP hook: where a driver hands up a frame, before the kernel's stack sees it. Needs CAP_NET_ADMIN and CAP_BPF; another network
 * namespace CAP_SYS_ADMIN. What is attached is gone when its descriptor is closed, and so when the process ends, however that comes about.
 */
#ifndef WEIR_LINK_XDP_H
#define WEIR_LINK_XDP_H

#include "base/compiler.h"

enum xdp_mode {
    XDP_NATIVE,  /* the driver runs it */
    XDP_GENERIC, /* the kernel runs it for a driver that cannot, on packets it has built already */
};

struct xdp_attachment {
    int fd; /* -1: none */
    enum xdp_mode mode;
};

/*
 * Attaches a loaded program (its descriptor) to an interface in a network namespace (a path; NULL: the caller's), native where the driver can, or else
 * generic unless only_native. ERR_NOT_FOUND (no such interface or namespace), ERR_IN_USE (another program is attached there), ERR_DENIED, ERR_UNSUPPORTED
 * (also: built without XDP), ERR_SYSTEM; message (256 bytes) then says what was found.
 */
MUST_CHECK int xdp_attach(int program, const char *interface, const char *netns, bool only_native,
                          struct xdp_attachment *out, char message[256]);
void xdp_detach(struct xdp_attachment *x);
/* "native" or "generic". */
const char *xdp_mode_name(enum xdp_mode mode);
/* libbpf tells nothing on stderr: what failed, its callers say. Before the first program is loaded. */
void xdp_quiet(void);

#endif
