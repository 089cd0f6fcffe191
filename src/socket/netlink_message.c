/* SPDX-License-Identifier: MIT */
/*
 * Netlink messages as bytes: header, fixed part, attributes, each aligned to 4 (linux/netlink.h). Writing is bounded by the writer's room, reading by the
 * lengths that were checked against what is there; nothing is read through a structure laid over the bytes.
 */
#include "socket/netlink_private.h"

/* ---- writing ---- */

/* Zeroed room, or NULL. */
static uint8_t *claim(struct netlink_writer *w, size_t size)
{
    size_t aligned = netlink_align(size);
    if (w->full || aligned > w->room - w->length) {
        w->full = true;
        return NULL;
    }
    uint8_t *at = w->bytes + w->length;
    memset(at, 0, aligned);
    w->length += (uint32_t)aligned;
    return at;
}

void netlink_begin(struct netlink_writer *w, const struct netlink_head *h, const void *fixed, size_t size)
{
    struct nlmsghdr header = {
        .nlmsg_type = h->type, .nlmsg_flags = h->flags, .nlmsg_seq = h->sequence, .nlmsg_pid = h->port};
    w->full = false;
    w->message = w->length;
    uint8_t *at = claim(w, NETLINK_HEADER + size);
    if (!at)
        return;
    memcpy(at, &header, sizeof header);
    memcpy(at + NETLINK_HEADER, fixed, size);
}

void netlink_put(struct netlink_writer *w, uint16_t type, const void *value, size_t length)
{
    struct nlattr a = {.nla_type = type, .nla_len = (uint16_t)(NETLINK_ATTRIBUTE + length)};
    uint8_t *at = claim(w, NETLINK_ATTRIBUTE + length);
    if (!at)
        return;
    memcpy(at, &a, sizeof a);
    if (length)
        memcpy(at + NETLINK_ATTRIBUTE, value, length);
}

void netlink_put_u32(struct netlink_writer *w, uint16_t type, uint32_t value)
{
    netlink_put(w, type, &value, sizeof value);
}
void netlink_put_u8(struct netlink_writer *w, uint16_t type, uint8_t value) { netlink_put(w, type, &value, 1); }
void netlink_put_text(struct netlink_writer *w, uint16_t type, const char *text)
{
    netlink_put(w, type, text, strlen(text) + 1);
}

void netlink_put_ip(struct netlink_writer *w, uint16_t type, const struct ip_addr *ip)
{
    if (ip_addr_is_v4(ip))
        netlink_put(w, type, ip->bytes + 12, 4);
    else
        netlink_put(w, type, ip->bytes, sizeof ip->bytes);
}

uint32_t netlink_nest(struct netlink_writer *w, uint16_t type)
{
    uint32_t at = w->length;
    netlink_put(w, type, NULL, 0);
    return at;
}

void netlink_unnest(struct netlink_writer *w, uint32_t opened)
{
    uint16_t length = (uint16_t)(w->length - opened);
    if (!w->full)
        memcpy(w->bytes + opened + offsetof(struct nlattr, nla_len), &length, sizeof length);
}

bool netlink_end(struct netlink_writer *w)
{
    if (w->full) {
        w->length = w->message;
        return false;
    }
    uint32_t length = w->length - w->message;
    memcpy(w->bytes + w->message + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof length);
    return true;
}

/* ---- reading ---- */

int netlink_attributes(const uint8_t *bytes, size_t length, struct netlink_attribute *out, unsigned count)
{
    struct nlattr a;
    memset(out, 0, count * sizeof *out);
    while (length >= sizeof a) {
        memcpy(&a, bytes, sizeof a);
        if (a.nla_len < NETLINK_ATTRIBUTE || a.nla_len > length)
            return -EINVAL;
        unsigned type = a.nla_type & (unsigned)NLA_TYPE_MASK;
        if (type < count)
            out[type] =
                (struct netlink_attribute){.bytes = bytes + NETLINK_ATTRIBUTE, .length = a.nla_len - NETLINK_ATTRIBUTE};
        size_t step = min_size(netlink_align(a.nla_len), length);
        bytes += step;
        length -= step;
    }
    return 0;
}

int netlink_get_u32(const struct netlink_attribute *a, uint32_t *out)
{
    if (!a->bytes)
        return 0;
    if (a->length < sizeof *out)
        return -EINVAL;
    memcpy(out, a->bytes, sizeof *out);
    return 0;
}

int netlink_get_ip(const struct netlink_attribute *a, uint8_t family, struct ip_addr *out)
{
    if (!a->bytes)
        return 0;
    if (a->length != (family == AF_INET6 ? 16 : 4))
        return -EINVAL;
    *out = family == AF_INET6 ? ip_addr_from_v6(a->bytes) : ip_addr_from_v4(load_be32(a->bytes));
    return family == AF_INET6 && ip_addr_is_v4(out) ? -EINVAL : 0;
}

int netlink_get_name(const struct netlink_attribute *a, char out[IFNAMSIZ])
{
    if (!a->bytes)
        return 0;
    size_t length = strnlen((const char *)a->bytes, a->length);
    if (length == 0 || length >= IFNAMSIZ)
        return -EINVAL;
    memcpy(out, a->bytes, length);
    out[length] = 0;
    return 0;
}

int netlink_read(struct netlink_request *r, void *fixed, size_t size, struct netlink_attribute *a, unsigned count)
{
    if (r->length < size)
        return netlink_refuse(r, -EINVAL, "the message is too short for its type");
    memcpy(fixed, r->body, size);
    size_t skip = min_size(netlink_align(size), r->length);
    int e = netlink_attributes(r->body + skip, r->length - skip, a, count);
    return e < 0 ? netlink_refuse(r, e, "an attribute's length goes beyond the message") : 0;
}
