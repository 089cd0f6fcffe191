/* SPDX-License-Identifier: MIT */
/*
 * Making a TAP device and setting it up: one descriptor a queue, all through this thread's namespace while it visits
 * the settings' one. See tap.h.
 *
 * The kernel's side asks for packets of up to 64 KB and unfilled checksums by TUNSETOFFLOAD, as the settings say.
 * Buffered frames of ours are bounded (TUNSETSNDBUF), so that a reader that does not keep up shows as tx_no_room.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "link/netns.h"
#include "link/tap.h"
#include "link/tap_address6.h"

#define DEVICE "/dev/net/tun"
#define NEEDS "TAP needs root or CAP_NET_ADMIN"
#define SEND_BUFFER_BYTES (8 << 20)
#define MTU_MIN 68u    /* RFC 791 section 3.2 */
#define MTU_MAX 65521u /* the kernel's limit: 65535 less the Ethernet header */
#define USO_BOTH 0x60u /* TUN_F_USO4 | TUN_F_USO6, which the headers of Linux 6.1 do not have yet */

/* A device being opened. */
struct opening {
    const struct tap_settings *settings;
    struct ifreq request; /* with the name */
    int fds[TAP_MAX_QUEUES];
    unsigned queues; /* open */
    uint8_t mac[6];  /* ours */
    char *message;
};

static int refuse(struct opening *o, int error, const char *what)
{
    return netns_refuse(o->message, error, what, o->settings->name, NEEDS);
}

static int check_settings(const struct tap_settings *s, char message[256])
{
    size_t length = strlen(s->name);
    if (length == 0 || length >= IFNAMSIZ)
        snprintf(message, 256, "tap %.100s: the name has %zu characters, 1 to %d are allowed", s->name, length,
                 IFNAMSIZ - 1);
    else if (s->mtu < MTU_MIN || s->mtu > MTU_MAX)
        snprintf(message, 256, "tap %s: found mtu %u, allowed %u to %u", s->name, s->mtu, MTU_MIN, MTU_MAX);
    else if (s->queues == 0 || s->queues > TAP_MAX_QUEUES)
        snprintf(message, 256, "tap %s: found %u queues, allowed 1 to %u", s->name, s->queues, TAP_MAX_QUEUES);
    else if (s->prefix > 32)
        snprintf(message, 256, "tap %s: found a prefix of %u bits, allowed at most 32", s->name, s->prefix);
    else if (s->prefix6 > 128)
        snprintf(message, 256, "tap %s: found an IPv6 prefix of %u bits, allowed at most 128", s->name, s->prefix6);
    else
        return vnet_offload_check(&s->offload, s->name, message);
    return ERR_INVALID;
}

/* ---- queues ---- */

static int explain_attach(struct opening *o)
{
    switch (errno) {
    case EBUSY:
        snprintf(o->message, 256, "tap %s: another program has this device open", o->settings->name);
        return ERR_IN_USE;
    case EINVAL:
    case E2BIG:
        snprintf(o->message, 256, "tap %s: an interface of that name exists, and is no TAP device with %u queue%s",
                 o->settings->name, o->settings->queues, o->settings->queues == 1 ? "" : "s (multi_queue)");
        return ERR_UNSUPPORTED;
    default:
        return refuse(o, ERR_SYSTEM, "tap");
    }
}

/* One queue wants a device without multi_queue; an existing one may have it all the same. */
static int attach(struct opening *o, int fd)
{
    short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    o->request.ifr_flags = o->settings->queues > 1 ? flags | IFF_MULTI_QUEUE : flags;
    int e = ioctl(fd, TUNSETIFF, &o->request);
    if (e != 0 && errno == EINVAL && o->settings->queues == 1) {
        o->request.ifr_flags = flags | IFF_MULTI_QUEUE;
        e = ioctl(fd, TUNSETIFF, &o->request);
    }
    return e == 0 ? 0 : explain_attach(o);
}

/* UDP in packets of many datagrams comes where the kernel knows of it: Linux 6.2. */
static bool ask_for_offload(const struct vnet_offload *want, int fd)
{
    unsigned long features = want->rx_checksum ? TUN_F_CSUM : 0;
    if (want->gro)
        features |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    return (want->gro && ioctl(fd, TUNSETOFFLOAD, features | USO_BOTH) == 0) || ioctl(fd, TUNSETOFFLOAD, features) == 0;
}

static int set_offload(struct opening *o, int fd)
{
    int header = sizeof(struct virtio_net_hdr), buffer = SEND_BUFFER_BYTES;
    if (ioctl(fd, TUNSETVNETHDRSZ, &header) != 0 || !ask_for_offload(&o->settings->offload, fd))
        return refuse(o, ERR_SYSTEM, "offload of tap");
    (void)ioctl(fd, TUNSETSNDBUF, &buffer); /* a wish */
    return 0;
}

static int open_queue(struct opening *o)
{
    int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return netns_refuse(o->message,
                            errno == ENOENT || errno == ENODEV || errno == ENXIO ? ERR_NOT_FOUND : ERR_SYSTEM,
                            "tap: " DEVICE " for", o->settings->name, NEEDS ", and the right to open " DEVICE);
    int e = attach(o, fd);
    if (!e)
        e = set_offload(o, fd);
    if (e)
        close(fd);
    else
        o->fds[o->queues++] = fd;
    return e;
}

/* ---- the interface ---- */

static int put(struct opening *o, int socket, unsigned long what, const char *name)
{
    return ioctl(socket, what, &o->request) == 0 ? 0 : refuse(o, ERR_SYSTEM, name);
}

static void put_address(struct ifreq *r, uint32_t address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(&r->ifr_addr, &in, sizeof in);
}

static int set_address(struct opening *o, int socket)
{
    const struct tap_settings *s = o->settings;
    put_address(&o->request, s->address);
    int e = put(o, socket, SIOCSIFADDR, "address of tap");
    put_address(&o->request, s->prefix ? UINT32_MAX << (32 - s->prefix) : 0);
    return e ? e : put(o, socket, SIOCSIFNETMASK, "prefix of tap");
}

static int set_address6(struct opening *o)
{
    const struct tap_settings *s = o->settings;
    errno = tap_address6_add(s->name, &s->address6, s->prefix6);
    return errno == 0 ? 0 : refuse(o, ERR_SYSTEM, "IPv6 address of tap");
}

/* Our MAC address: the kernel's side's with one bit turned. */
static int read_mac(struct opening *o, int socket)
{
    int e = put(o, socket, SIOCGIFHWADDR, "MAC address of tap");
    if (e)
        return e;
    memcpy(o->mac, o->request.ifr_hwaddr.sa_data, sizeof o->mac);
    o->mac[5] ^= 1;
    o->mac[0] = (uint8_t)((o->mac[0] | 2) & ~1);
    return 0;
}

static int set_up(struct opening *o)
{
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return refuse(o, ERR_SYSTEM, "socket for tap");
    o->request.ifr_mtu = (int)o->settings->mtu;
    int e = put(o, s, SIOCSIFMTU, "MTU of tap");
    if (!e)
        e = read_mac(o, s);
    if (!e && o->settings->address)
        e = set_address(o, s);
    if (!e)
        e = put(o, s, SIOCGIFFLAGS, "flags of tap");
    o->request.ifr_flags |= IFF_UP;
    if (!e)
        e = put(o, s, SIOCSIFFLAGS, "bringing up tap");
    if (!e && !ip_addr_is_unspecified(&o->settings->address6))
        e = set_address6(o);
    close(s);
    return e;
}

/* ---- all of it ---- */

static int open_device(struct opening *o)
{
    int e = 0;
    memcpy(o->request.ifr_name, o->settings->name, strlen(o->settings->name));
    while (!e && o->queues < o->settings->queues)
        e = open_queue(o);
    return e ? e : set_up(o);
}

static int open_in_namespace(struct opening *o)
{
    int own = netns_enter(o->settings->netns, o->message);
    if (own < 0)
        return own;
    int e = open_device(o);
    char message[256];
    int back = netns_leave(own, e ? message : o->message);
    return e ? e : back;
}

/* One link a queue; each takes its descriptor, also when it fails. */
static int make_links(struct opening *o, const struct allocator *a, struct link **out)
{
    unsigned made = 0;
    int e = 0;
    for (; made < o->queues && !e; made++)
        e = tap_link_over(o->fds[made], o->mac, o->settings, a, &out[made], o->message);
    if (!e)
        return 0;
    for (unsigned i = made; i < o->queues; i++)
        close(o->fds[i]);
    for (unsigned i = 0; i + 1 < made; i++)
        link_close(out[i]);
    return e;
}

int tap_links_new(const struct tap_settings *s, const struct allocator *a, struct link **out, char message[256])
{
    struct opening o = {.settings = s, .message = message};
    message[0] = 0;
    int e = check_settings(s, message);
    if (!e)
        e = open_in_namespace(&o);
    if (!e)
        return make_links(&o, a, out);
    for (unsigned i = 0; i < o.queues; i++)
        close(o.fds[i]);
    return e;
}
