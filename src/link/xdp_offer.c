/* SPDX-License-Identifier: MIT */
/*
 * Two questions to the kernel: which number the family has, then a dump of its devices. See xdp_offer.h.
 *
 * Older system headers lack linux/netdev.h: the constants that are needed of it stand here.
 */
#include "link/xdp_offer.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 32768u
#define ATTRIBUTE_HEADER sizeof(struct nlattr)
#define ALIGNED(length) (((length) + 3u) & ~(size_t)3)
#define FAMILY "netdev"
#define CMD_DEV_GET 1u
#define A_DEV_IFINDEX 1u
#define A_DEV_XDP_FEATURES 3u
#define ACT_BASIC 1u
#define ACT_XSK_ZEROCOPY 8u

struct question {
    struct nlmsghdr header;
    struct genlmsghdr generic;
    struct nlattr attribute; /* of the first question only */
    char name[8];
};

struct answers {
    int fd;
    uint8_t *bytes;
    struct interface_list *list;
    uint16_t family; /* 0: the kernel has none */
};

/* Copies an attribute of that size; false: it has another. */
static bool copy_attribute(const struct nlattr *a, void *to, size_t size)
{
    if (a->nla_len != ATTRIBUTE_HEADER + size)
        return false;
    memcpy(to, (const uint8_t *)a + ATTRIBUTE_HEADER, size);
    return true;
}

static void take_family(struct answers *s, const struct nlattr *a)
{
    if (a->nla_type == CTRL_ATTR_FAMILY_ID)
        (void)copy_attribute(a, &s->family, sizeof s->family);
}

struct device {
    uint32_t index;
    uint64_t features;
};

static void take_device_part(struct device *d, const struct nlattr *a)
{
    if (a->nla_type == A_DEV_IFINDEX)
        (void)copy_attribute(a, &d->index, sizeof d->index);
    else if (a->nla_type == A_DEV_XDP_FEATURES)
        (void)copy_attribute(a, &d->features, sizeof d->features);
}

static void take_device(struct answers *s, const struct device *d)
{
    for (uint32_t i = 0; i < s->list->count; i++)
        if (s->list->facts[i].index == d->index)
            s->list->facts[i].xdp = d->features & ACT_XSK_ZEROCOPY ? INTERFACE_XDP_ZERO_COPY
                                    : d->features & ACT_BASIC      ? INTERFACE_XDP_NATIVE
                                                                   : INTERFACE_XDP_GENERIC;
}

/* The attributes of one message. */
static void take_message(struct answers *s, const struct nlmsghdr *m)
{
    struct device d = {0};
    const uint8_t *at = (const uint8_t *)m + NLMSG_LENGTH(GENL_HDRLEN), *end = (const uint8_t *)m + m->nlmsg_len;
    while (at + ATTRIBUTE_HEADER <= end) {
        const struct nlattr *a = (const void *)at;
        if (a->nla_len < ATTRIBUTE_HEADER || a->nla_len > (size_t)(end - at))
            break;
        if (m->nlmsg_type == GENL_ID_CTRL)
            take_family(s, a);
        else
            take_device_part(&d, a);
        at += min_size(ALIGNED((size_t)a->nla_len), (size_t)(end - at));
    }
    if (m->nlmsg_type != GENL_ID_CTRL && d.index)
        take_device(s, &d);
}

/* The messages of one answer; true when there are more to come. */
static bool take_messages(struct answers *s, size_t length)
{
    struct nlmsghdr *m = (void *)s->bytes;
    bool more = false;
    for (; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
        if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
            return false;
        more = m->nlmsg_flags & NLM_F_MULTI;
        take_message(s, m);
    }
    return more;
}

static void ask(struct answers *s, const struct question *q)
{
    if (send(s->fd, q, q->header.nlmsg_len, 0) < 0)
        return;
    ssize_t got;
    do
        got = recv(s->fd, s->bytes, ANSWER_BYTES, 0);
    while (got > 0 && take_messages(s, (size_t)got));
}

static void ask_both(struct answers *s)
{
    struct question q = {
        .header = {.nlmsg_len = sizeof q, .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1},
        .generic = {.cmd = CTRL_CMD_GETFAMILY, .version = 1},
        .attribute = {.nla_len = ATTRIBUTE_HEADER + sizeof FAMILY, .nla_type = CTRL_ATTR_FAMILY_NAME},
        .name = FAMILY};
    ask(s, &q);
    if (!s->family)
        return;
    q.header = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
                                 .nlmsg_type = s->family,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                                 .nlmsg_seq = 2};
    q.generic = (struct genlmsghdr){.cmd = CMD_DEV_GET, .version = 1};
    ask(s, &q);
}

void xdp_offers_read(struct interface_list *list)
{
    struct answers s = {.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), .list = list};
    if (s.fd < 0)
        return;
    s.bytes = alloc_array(list->allocator, ANSWER_BYTES, 1, alignof(struct nlmsghdr));
    if (s.bytes)
        ask_both(&s);
    alloc_free(list->allocator, s.bytes, ANSWER_BYTES);
    close(s.fd);
}
