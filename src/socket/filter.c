/* SPDX-License-Identifier: MIT */
/*
 * See filter.h: socket(7), SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER, and SO_GET_FILTER.
 */
#include "socket/filter.h"
#include "socket/options.h"

#include <linux/if_ether.h>
#include <net/if_arp.h>

struct filter_program {
    size_t n;
    struct sock_filter code[];
};

static bool has_filters(const struct socket *s) { return s->type != SOCK_STREAM && s->domain != AF_NETLINK; }

static size_t size_of(size_t n) { return sizeof(struct filter_program) + n * sizeof(struct sock_filter); }

void filter_remove(struct socket *s)
{
    struct filter_program *f = s->datagram->filter;
    s->datagram->filter = NULL;
    if (f)
        alloc_free(s->layer->allocator, f, size_of(f->n));
}

static int attach(struct socket *s, const void *value, socklen_t length)
{
    struct sock_fprog given;
    if (length != sizeof given)
        return -EINVAL;
    memcpy(&given, value, sizeof given);
    if (!given.filter || given.len == 0 || given.len > CBPF_MAX_INSTRUCTIONS)
        return -EINVAL;
    struct filter_program *f = alloc_zeroed(s->layer->allocator, size_of(given.len), 8);
    if (!f)
        return -ENOMEM;
    f->n = given.len;
    memcpy(f->code, given.filter, f->n * sizeof *f->code);
    if (!cbpf_check(f->code, f->n)) {
        alloc_free(s->layer->allocator, f, size_of(f->n));
        return -EINVAL;
    }
    filter_remove(s);
    s->datagram->filter = f;
    return 0;
}

static int lock(struct socket *s, const void *value, socklen_t length)
{
    int on;
    int e = option_int(value, length, &on);
    if (e < 0)
        return e;
    if (s->datagram->filter_locked && !on)
        return -EPERM;
    s->datagram->filter_locked = on != 0;
    return 0;
}

int option_filter_set(struct socket *s, int name, const void *value, socklen_t length)
{
    if (name != SO_ATTACH_FILTER && name != SO_DETACH_FILTER && name != SO_LOCK_FILTER)
        return -ENOPROTOOPT;
    if (!has_filters(s))
        return -EOPNOTSUPP;
    if (name == SO_LOCK_FILTER)
        return lock(s, value, length);
    if (s->datagram->filter_locked)
        return -EPERM;
    if (name == SO_ATTACH_FILTER)
        return attach(s, value, length);
    if (!s->datagram->filter)
        return -ENOENT;
    filter_remove(s);
    return 0;
}

/* Its length counts instructions. */
static int give(const struct socket *s, void *value, socklen_t *length)
{
    const struct filter_program *f = s->datagram->filter;
    size_t n = f ? f->n : 0;
    if (*length && *length < n)
        return -EINVAL;
    if (*length && n)
        memcpy(value, f->code, n * sizeof *f->code);
    *length = (socklen_t)n;
    return 0;
}

int option_filter_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    if (!has_filters(s) || (name != SO_GET_FILTER && name != SO_LOCK_FILTER))
        return -ENOPROTOOPT;
    return name == SO_GET_FILTER ? give(s, value, length) : option_give_int(value, length, s->datagram->filter_locked);
}

uint32_t filter_pass(const struct socket *s, const struct cbpf_packet *p)
{
    const struct filter_program *f = s->datagram->filter;
    return f ? min_u32(cbpf_run(f->code, p), p->length - p->data) : p->length - p->data;
}

bool filter_record(struct socket *s, const struct record *r, struct ip_piece *pieces, uint32_t n, uint32_t hidden,
                   uint32_t network)
{
    struct cbpf_packet p = {.pieces = pieces,
                            .n_pieces = n,
                            .link = CBPF_NOWHERE,
                            .network = network,
                            .protocol = ETH_P_IP,
                            .ifindex = record_interface(s->layer, r),
                            .hardware_type = ARPHRD_ETHER,
                            .random = &s->layer->random};
    for (uint32_t i = 0; i < n; i++)
        p.length += (uint32_t)pieces[i].length;
    uint32_t keep = filter_pass(s, &p), header = hidden ? (uint32_t)pieces[0].length : 0;
    if (keep == 0 && p.length != 0) {
        s->layer->counters.drop_filter++;
        return false;
    }
    n = pieces_trim(pieces, n, max_u32(keep, header));
    if (!record_add(s, &s->datagram->received, r, pieces + hidden, n - hidden))
        return false;
    socket_notify(s, POLLIN | POLLRDNORM);
    return true;
}

uint32_t pieces_trim(struct ip_piece *pieces, uint32_t n, size_t keep)
{
    for (uint32_t i = 0; i < n; i++) {
        pieces[i].length = min_size(pieces[i].length, keep);
        keep -= pieces[i].length;
        if (keep == 0)
            return i + 1;
    }
    return n;
}
