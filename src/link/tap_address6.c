/* SPDX-License-Identifier: MIT */
/*
 * See tap_address6.h.
 */
#include "link/tap_address6.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

struct flags_attribute {
    struct rtattr head;
    uint32_t flags;
};

struct address_attribute {
    struct rtattr head;
    struct ip_addr address;
};

struct request {
    struct nlmsghdr head;
    struct ifaddrmsg address;
    struct address_attribute local;
    struct flags_attribute flags;
};

static void fill(struct request *r, unsigned index, const struct ip_addr *address, uint8_t prefix)
{
    *r = (struct request){
        .head = {.nlmsg_len = sizeof *r,
                 .nlmsg_type = RTM_NEWADDR,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .address = {.ifa_family = AF_INET6, .ifa_prefixlen = prefix, .ifa_index = index},
        .local = {.head = {.rta_len = sizeof r->local, .rta_type = IFA_LOCAL}, .address = *address},
        .flags = {.head = {.rta_len = sizeof r->flags, .rta_type = IFA_FLAGS}, .flags = IFA_F_NODAD},
    };
}

/* Sends the request and reads its acknowledgement. */
static int exchange(int fd, const struct request *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    if (send(fd, r, sizeof *r, 0) < 0)
        return errno;
    ssize_t n = recv(fd, &answer, sizeof answer, 0);
    if (n < 0)
        return errno;
    if ((size_t)n < offsetof(typeof(answer), rest) || answer.head.nlmsg_type != NLMSG_ERROR)
        return EPROTO;
    return -answer.error.error == EEXIST ? 0 : -answer.error.error;
}

int tap_address6_add(const char *name, const struct ip_addr *address, uint8_t prefix)
{
    struct request r;
    unsigned index = if_nametoindex(name);
    if (index == 0)
        return errno;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return errno;
    fill(&r, index, address, prefix);
    int error = exchange(fd, &r);
    close(fd);
    return error;
}
