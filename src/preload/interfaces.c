/* SPDX-License-Identifier: MIT */
/*
 * Interfaces by the C library's functions, whose inner sockets are the kernel's: getifaddrs, if_nameindex, if_nametoindex, if_indextoname. They tell of the
 * stack's interfaces, as its netlink sockets and ioctls do; without a stack, of the kernel's. What they return lies as the C library's does - one block of
 * getifaddrs, a block and its names of if_nameindex - so that freeifaddrs and if_freenameindex are the C library's own.
 */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>

#include "preload/preload.h"

/* ---- asking the stack ---- */

/* A dump's messages, one after the other. */
struct dump {
    char *bytes;
    size_t length;
};

/* True: that was the last part. */
static bool is_last(const char *part, size_t length)
{
    for (size_t at = 0; at + sizeof(struct nlmsghdr) <= length;) {
        struct nlmsghdr h;
        memcpy(&h, part + at, sizeof h);
        if (h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR || h.nlmsg_len < sizeof h)
            return true;
        at += NLMSG_ALIGN(h.nlmsg_len);
    }
    return false;
}

static bool read_parts(struct weir_stack *s, int fd, struct dump *d)
{
    static const size_t part = 32768;
    for (;;) {
        char *more = realloc(d->bytes, d->length + part);
        if (!more)
            return false;
        d->bytes = more;
        ssize_t n = weir_recv(s, fd, more + d->length, part, 0);
        if (n <= 0)
            return false;
        size_t at = d->length;
        d->length += (size_t)n;
        if (is_last(d->bytes + at, (size_t)n))
            return true;
    }
}

/* The bytes are the caller's to free. False with errno. */
static bool ask(struct weir_stack *s, uint16_t type, struct dump *d)
{
    struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } request = {.head = {.nlmsg_len = sizeof request, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    *d = (struct dump){.bytes = NULL};
    int fd = weir_socket(s, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    bool good = fd >= 0 && weir_send(s, fd, &request, sizeof request, 0) == sizeof request && read_parts(s, fd, d);
    int error = errno;
    if (fd >= 0)
        (void)weir_close(s, fd);
    if (!good) {
        free(d->bytes);
        *d = (struct dump){.bytes = NULL};
    }
    errno = error;
    return good;
}

/* The dump's next message of a type, or NULL. */
static const struct nlmsghdr *next_message(const struct dump *d, size_t *at, uint16_t type)
{
    while (*at + sizeof(struct nlmsghdr) <= d->length) {
        const struct nlmsghdr *h = (const void *)(d->bytes + *at);
        if (h->nlmsg_len < sizeof *h || h->nlmsg_len > d->length - *at)
            return NULL;
        *at += NLMSG_ALIGN(h->nlmsg_len);
        if (h->nlmsg_type == type)
            return h;
    }
    return NULL;
}

static const void *body_of(const struct nlmsghdr *h) { return (const char *)h + NLMSG_HDRLEN; }

/* An attribute behind a body; NULL: it is not there, or shorter than that. */
static const void *attribute(const struct nlmsghdr *h, size_t body, uint16_t type, size_t bytes)
{
    size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(body);
    while (at + sizeof(struct rtattr) <= h->nlmsg_len) {
        const struct rtattr *a = (const void *)((const char *)h + at);
        if (a->rta_len < sizeof *a || a->rta_len > h->nlmsg_len - at)
            return NULL;
        if (a->rta_type == type)
            return a->rta_len >= RTA_LENGTH(bytes) ? (const char *)a + RTA_LENGTH(0) : NULL;
        at += RTA_ALIGN(a->rta_len);
    }
    return NULL;
}

static void copy_name(char out[IF_NAMESIZE], const struct nlmsghdr *link)
{
    const char *name = attribute(link, sizeof(struct ifinfomsg), IFLA_IFNAME, 1);
    if (name)
        strncpy(out, name, IF_NAMESIZE - 1);
}

/* ---- getifaddrs ---- */

/* An entry with what it points to. */
struct entry {
    struct ifaddrs a;
    char name[IF_NAMESIZE];
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_ll ll;
    } address, mask, broadcast;
    struct rtnl_link_stats statistics;
};

static void point_to_own(struct entry *e)
{
    e->a.ifa_name = e->name;
    e->a.ifa_addr = &e->address.any;
    e->a.ifa_broadaddr = &e->broadcast.any;
}

static void put_mac(struct sockaddr_ll *out, const struct ifinfomsg *i, const void *mac)
{
    *out = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = i->ifi_index, .sll_hatype = i->ifi_type};
    if (mac) {
        out->sll_halen = 6;
        memcpy(out->sll_addr, mac, 6);
    }
}

static void fill_link(struct entry *e, const struct nlmsghdr *h)
{
    const struct ifinfomsg *i = body_of(h);
    const void *statistics = attribute(h, sizeof *i, IFLA_STATS, sizeof e->statistics);
    point_to_own(e);
    copy_name(e->name, h);
    e->a.ifa_flags = i->ifi_flags;
    put_mac(&e->address.ll, i, attribute(h, sizeof *i, IFLA_ADDRESS, 6));
    put_mac(&e->broadcast.ll, i, attribute(h, sizeof *i, IFLA_BROADCAST, 6));
    if (statistics) {
        memcpy(&e->statistics, statistics, sizeof e->statistics);
        e->a.ifa_data = &e->statistics;
    }
}

static void put_address(struct sockaddr_in *out, const void *address)
{
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    memcpy(&out->sin_addr, address, sizeof out->sin_addr);
}

static void put_address6(struct sockaddr_in6 *out, const void *address)
{
    *out = (struct sockaddr_in6){.sin6_family = AF_INET6};
    memcpy(&out->sin6_addr, address, sizeof out->sin6_addr);
}

static bool fill_address4(struct entry *e, const struct nlmsghdr *h)
{
    const struct ifaddrmsg *i = body_of(h);
    const void *local = attribute(h, sizeof *i, IFA_LOCAL, 4), *broadcast = attribute(h, sizeof *i, IFA_BROADCAST, 4);
    uint32_t mask = htonl((uint32_t)(UINT64_C(0xffffffff) << (32 - min_u32(i->ifa_prefixlen, 32))));
    if (!local)
        return false;
    put_address(&e->address.in, local);
    put_address(&e->mask.in, &mask);
    if (broadcast)
        put_address(&e->broadcast.in, broadcast);
    else
        e->a.ifa_broadaddr = NULL;
    return true;
}

static bool fill_address6(struct entry *e, const struct nlmsghdr *h)
{
    const struct ifaddrmsg *i = body_of(h);
    const void *address = attribute(h, sizeof *i, IFA_ADDRESS, 16);
    struct in6_addr mask = {.s6_addr = {0}};
    if (!address)
        return false;
    for (unsigned bit = 0; bit < min_u32(i->ifa_prefixlen, 128); bit++)
        mask.s6_addr[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    put_address6(&e->address.in6, address);
    put_address6(&e->mask.in6, &mask);
    if (IN6_IS_ADDR_LINKLOCAL(&e->address.in6.sin6_addr))
        e->address.in6.sin6_scope_id = i->ifa_index;
    e->a.ifa_broadaddr = NULL;
    return true;
}

/* Its link is among the entries before it. False: it is none of ours to tell. */
static bool fill_address(struct entry *e, const struct nlmsghdr *h, const struct entry *links, size_t n_links)
{
    const struct ifaddrmsg *i = body_of(h);
    const struct entry *link = links;
    while (link < links + n_links && (unsigned)link->address.ll.sll_ifindex != i->ifa_index)
        link++;
    if (link == links + n_links)
        return false;
    point_to_own(e);
    memcpy(e->name, link->name, sizeof e->name);
    e->a.ifa_flags = link->a.ifa_flags;
    e->a.ifa_netmask = &e->mask.any;
    return i->ifa_family == AF_INET6 ? fill_address6(e, h) : fill_address4(e, h);
}

static size_t count(const struct dump *d, uint16_t type)
{
    size_t n = 0;
    for (size_t at = 0; next_message(d, &at, type);)
        n++;
    return n;
}

static size_t fill(struct entry *out, const struct dump *links, const struct dump *addresses)
{
    size_t n = 0, n_links, at = 0;
    for (const struct nlmsghdr *h; (h = next_message(links, &at, RTM_NEWLINK)) != NULL; n++)
        fill_link(&out[n], h);
    n_links = n;
    at = 0;
    for (const struct nlmsghdr *h; (h = next_message(addresses, &at, RTM_NEWADDR)) != NULL;)
        n += fill_address(&out[n], h, out, n_links);
    for (size_t i = 1; i < n; i++)
        out[i - 1].a.ifa_next = &out[i].a;
    return n;
}

static int list_addresses(struct weir_stack *s, struct ifaddrs **out)
{
    struct dump links, addresses;
    struct entry *entries = NULL;
    int result = -1;
    *out = NULL;
    if (!ask(s, RTM_GETLINK, &links))
        return -1;
    if (ask(s, RTM_GETADDR, &addresses)) {
        size_t n = count(&links, RTM_NEWLINK) + count(&addresses, RTM_NEWADDR);
        entries = n ? calloc(n, sizeof *entries) : NULL;
        result = n == 0 || entries ? 0 : -1;
        if (entries && fill(entries, &links, &addresses) > 0)
            *out = &entries->a;
        free(addresses.bytes);
    }
    free(links.bytes);
    if (!*out)
        free(entries);
    return result;
}

EXPORT int getifaddrs(struct ifaddrs **out)
{
    struct weir_stack *s = is_inside() ? NULL : stack_get();
    return s ? list_addresses(s, out) : kernel()->getifaddrs(out);
}

/* ---- names and numbers ---- */

static struct if_nameindex *list_names(const struct dump *links)
{
    struct if_nameindex *list = calloc(count(links, RTM_NEWLINK) + 1, sizeof *list);
    size_t n = 0, at = 0;
    for (const struct nlmsghdr *h; list && (h = next_message(links, &at, RTM_NEWLINK)) != NULL; n++) {
        const struct ifinfomsg *i = body_of(h);
        char name[IF_NAMESIZE] = "";
        copy_name(name, h);
        list[n] = (struct if_nameindex){.if_index = (unsigned)i->ifi_index, .if_name = strdup(name)};
        if (!list[n].if_name) {
            list[n].if_index = 0;
            if_freenameindex(list);
            list = NULL;
        }
    }
    return list;
}

EXPORT struct if_nameindex *if_nameindex(void)
{
    struct weir_stack *s = is_inside() ? NULL : stack_get();
    struct dump links;
    if (!s)
        return kernel()->if_nameindex();
    if (!ask(s, RTM_GETLINK, &links))
        return NULL;
    struct if_nameindex *list = list_names(&links);
    free(links.bytes);
    return list;
}

static int request(struct weir_stack *s, unsigned long number, struct ifreq *r)
{
    int fd = weir_socket(s, AF_INET, SOCK_DGRAM, 0);
    int result = fd < 0 ? -1 : weir_ioctl(s, fd, number, r), error = errno;
    if (fd >= 0)
        (void)weir_close(s, fd);
    errno = error;
    return result;
}

EXPORT unsigned if_nametoindex(const char *name)
{
    struct weir_stack *s = is_inside() ? NULL : stack_get();
    struct ifreq r = {.ifr_ifindex = 0};
    if (!s)
        return kernel()->if_nametoindex(name);
    if (strlen(name) >= IF_NAMESIZE) {
        errno = ENODEV;
        return 0;
    }
    strncpy(r.ifr_name, name, IF_NAMESIZE - 1);
    return request(s, SIOCGIFINDEX, &r) < 0 ? 0 : (unsigned)r.ifr_ifindex;
}

EXPORT char *if_indextoname(unsigned index, char name[IF_NAMESIZE])
{
    struct weir_stack *s = is_inside() ? NULL : stack_get();
    struct ifreq r = {.ifr_ifindex = (int)index};
    if (!s)
        return kernel()->if_indextoname(index, name);
    if (request(s, SIOCGIFNAME, &r) < 0) {
        if (errno == ENODEV)
            errno = ENXIO;
        return NULL;
    }
    memcpy(name, r.ifr_name, IF_NAMESIZE);
    return name;
}
