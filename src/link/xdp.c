/* SPDX-License-Identifier: MIT */
/*
 * See xdp.h.
 */
#define _GNU_SOURCE
#include "link/xdp.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "link/netns.h"

#if WEIR_XDP

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#define NEEDS "XDP needs root, or CAP_NET_ADMIN and CAP_BPF"

static int tell_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level, (void)format, (void)arguments;
    return 0;
}

void xdp_quiet(void) { libbpf_set_print(tell_nothing); }

/* Its descriptor, or -1 with errno. */
static int attach(int program, unsigned interface, unsigned mode_flag)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode_flag);
    int fd = bpf_link_create(program, (int)interface, BPF_XDP, &options);
    if (fd < 0)
        errno = -fd;
    return fd < 0 ? -1 : fd;
}

static int attach_here(int program, const char *interface, bool only_native, struct xdp_attachment *out,
                       char message[256])
{
    unsigned index = if_nametoindex(interface);
    if (index == 0)
        return netns_refuse(message, ERR_NOT_FOUND, "interface", interface, NEEDS);
    out->mode = XDP_NATIVE;
    out->fd = attach(program, index, XDP_FLAGS_DRV_MODE);
    if (out->fd < 0 && errno != EBUSY && errno != EPERM && !only_native) {
        out->mode = XDP_GENERIC;
        out->fd = attach(program, index, XDP_FLAGS_SKB_MODE);
    }
    if (out->fd >= 0)
        return 0;
    if (errno != EBUSY && errno != EEXIST)
        return netns_refuse(message, errno == EOPNOTSUPP || errno == EINVAL ? ERR_UNSUPPORTED : ERR_SYSTEM, "XDP on",
                            interface, NEEDS);
    snprintf(message, 256, "XDP on %.80s: another program is attached to this interface", interface);
    return ERR_IN_USE;
}

int xdp_attach(int program, const char *interface, const char *netns, bool only_native, struct xdp_attachment *out,
               char message[256])
{
    out->fd = -1;
    int own = netns_enter(netns, message);
    if (own < 0)
        return own;
    int e = attach_here(program, interface, only_native, out, message);
    char way_back[256];
    int back = netns_leave(own, way_back);
    if (back && !e) {
        xdp_detach(out);
        snprintf(message, 256, "%s", way_back);
        e = back;
    }
    return e;
}

#else

void xdp_quiet(void) {}

int xdp_attach(int program, const char *interface, const char *netns, bool only_native, struct xdp_attachment *out,
               char message[256])
{
    (void)program, (void)netns, (void)only_native;
    out->fd = -1;
    snprintf(message, 256, "XDP on %.80s: this weir was built without XDP (ENABLE_XDP=OFF)", interface);
    return ERR_UNSUPPORTED;
}

#endif

void xdp_detach(struct xdp_attachment *x)
{
    if (x->fd >= 0)
        close(x->fd);
    x->fd = -1;
}

const char *xdp_mode_name(enum xdp_mode mode) { return mode == XDP_NATIVE ? "native" : "generic"; }
