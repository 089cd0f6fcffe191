/* SPDX-License-Identifier: MIT */
/*
 * See xdp_target.h. Debian 12's headers do not have the family, so its numbers stand here (Documentation/netlink/specs/netdev.yaml).
 */
#define _GNU_SOURCE
#include "link/xdp_target.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

#define FAMILY "netdev"
#define DEVICE_GET 1
#define DEVICE_INDEX 1
#define DEVICE_XDP_FEATURES 3
#define TAKES_FRAMES 4u /* NETDEV_XDP_ACT_NDO_XMIT */
#define ANSWER_BYTES 8192u

struct question {
    struct nlmsghdr head;
    struct genlmsghdr generic;
    struct nlattr attribute;
    uint8_t value[16];
};

/* One question with one attribute. The bytes of the answer's attributes, or an errno below 0. */
static int ask(int fd, const struct question *q, uint8_t answer[ANSWER_BYTES], const uint8_t **attributes)
{
    if (send(fd, q, q->head.nlmsg_len, 0) < 0)
        return -errno;
    const ssize_t got = recv(fd, answer, ANSWER_BYTES, 0);
    if (got < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN))
        return got < 0 ? -errno : -EPROTO;
    struct nlmsghdr head;
    memcpy(&head, answer, sizeof head);
    if (head.nlmsg_type == NLMSG_ERROR) {
        int error;
        memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
        return error < 0 ? error : -EPROTO;
    }
    if (head.nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN || head.nlmsg_len > (size_t)got)
        return -EPROTO;
    *attributes = answer + NLMSG_HDRLEN + GENL_HDRLEN;
    return (int)(head.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
}

static size_t aligned(size_t bytes) { return (bytes + 3) & ~(size_t)3; }

/* Copies `size` bytes of an attribute of this type. */
static bool find(const uint8_t *at, size_t bytes, unsigned type, void *out, size_t size)
{
    struct nlattr a;
    for (size_t step; bytes >= sizeof a; at += step, bytes -= step) {
        memcpy(&a, at, sizeof a);
        step = aligned(a.nla_len);
        if (a.nla_len < sizeof a || step > bytes)
            return false;
        if ((a.nla_type & NLA_TYPE_MASK) != (int)type || a.nla_len < sizeof a + size)
            continue;
        memcpy(out, at + sizeof a, size);
        return true;
    }
    return false;
}

static struct question question_of(uint16_t family, uint8_t command, uint16_t attribute, const void *value, size_t size)
{
    struct question q = {.head = {.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST},
                         .generic = {.cmd = command, .version = 1},
                         .attribute = {.nla_type = attribute, .nla_len = (uint16_t)(sizeof q.attribute + size)}};
    memcpy(q.value, value, size);
    q.head.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + GENL_HDRLEN + aligned(sizeof q.attribute + size));
    return q;
}

/* The features, or an errno below 0: ENOENT where the kernel does not know the family. */
static int features_of(int fd, unsigned index, uint64_t *features)
{
    uint8_t answer[ANSWER_BYTES];
    const uint8_t *attributes;
    uint16_t family;
    struct question q = question_of(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, FAMILY, sizeof FAMILY);
    int bytes = ask(fd, &q, answer, &attributes);
    if (bytes < 0)
        return bytes;
    if (!find(attributes, (size_t)bytes, CTRL_ATTR_FAMILY_ID, &family, sizeof family))
        return -EPROTO;
    q = question_of(family, DEVICE_GET, DEVICE_INDEX, &index, sizeof index);
    bytes = ask(fd, &q, answer, &attributes);
    if (bytes < 0)
        return bytes;
    return find(attributes, (size_t)bytes, DEVICE_XDP_FEATURES, features, sizeof *features) ? 0 : -EPROTO;
}

int xdp_target_check(const char *interface, unsigned index, char message[256])
{
    uint64_t features = 0;
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    const int error = fd < 0 ? -errno : features_of(fd, index, &features);
    if (fd >= 0)
        close(fd);
    if (error == -ENOENT) {
        snprintf(message, 256, "the kernel does not say whether %.80s takes frames from XDP; Linux 6.3 does",
                 interface);
        return ERR_UNSUPPORTED;
    }
    if (error) {
        snprintf(message, 256, "XDP features of %.80s: %s", interface, strerror(-error));
        return ERR_SYSTEM;
    }
    if (features & TAKES_FRAMES)
        return 0;
    snprintf(
        message, 256,
        "%.80s takes no frames from XDP now; of a veth the other end has to merge segments: ethtool -K PEER gro on",
        interface);
    return ERR_UNSUPPORTED;
}
