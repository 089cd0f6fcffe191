/* SPDX-License-Identifier: MIT */
/*
 * The path MTU of a connected socket: see weir/path_mtu.h. A clock and the socket's options around stack/dplpmtud.
 */
#include "weir/path_mtu.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc_heap.h"
#include "engine/clock.h"
#include "stack/dplpmtud.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

struct weir_path_mtu {
    struct dplpmtud search;
    uint32_t headers;
};

struct weir_path_mtu_family {
    int level, discover, probe, mtu;
    uint32_t header;
};
static const struct weir_path_mtu_family ipv4 = {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, IP_MTU, WIRE_IPV4_MIN};
static const struct weir_path_mtu_family ipv6 = {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, IPV6_MTU,
                                                 WIRE_IPV6_LEN};

/* An IPv6 socket may have an IPv4 peer. NULL with errno. */
static const struct weir_path_mtu_family *family_of(struct weir_stack *stack, int fd)
{
    struct sockaddr_storage peer;
    struct sockaddr_in6 in6;
    socklen_t length = sizeof peer;
    if (weir_getpeername(stack, fd, (struct sockaddr *)&peer, &length) < 0)
        return NULL;
    memcpy(&in6, &peer, sizeof in6);
    return peer.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) ? &ipv6 : &ipv4;
}

static int known_mtu(struct weir_stack *stack, int fd, const struct weir_path_mtu_family *f)
{
    int mtu = 0;
    socklen_t length = sizeof mtu;
    return weir_getsockopt(stack, fd, f->level, f->mtu, &mtu, &length) < 0 ? -1 : mtu;
}

static void apply(struct dplpmtud_settings *s, const struct weir_path_mtu_options *o)
{
    if (o->max_payload && o->max_payload < s->max - s->headers)
        s->max = o->max_payload + s->headers;
    s->base = s->base < s->max ? s->base : s->max;
    s->min = s->min < s->max ? s->min : s->max;
    s->step = o->step ? o->step : s->step;
    s->max_probes = o->max_probes ? o->max_probes : s->max_probes;
    s->probe_ns = o->probe_ns ? o->probe_ns : s->probe_ns;
    s->confirm_ns = o->acknowledged ? 0 : s->confirm_ns;
}

/* 0, or -1 with errno. */
static int settings_of(struct weir_stack *stack, int fd, const struct weir_path_mtu_family *f,
                       const struct weir_path_mtu_options *o, struct dplpmtud_settings *s)
{
    int mtu = known_mtu(stack, fd, f);
    if (mtu < 0)
        return -1;
    dplpmtud_settings_default(s, f == &ipv4, (uint32_t)mtu);
    s->headers = f->header + WIRE_UDP_LEN;
    if (getrandom(&s->first_id, sizeof s->first_id, 0) != sizeof s->first_id)
        return -1;
    if (o && o->size < sizeof *o) {
        errno = EINVAL;
        return -1;
    }
    if (o)
        apply(s, o);
    return 0;
}

static struct weir_path_mtu *make(const struct dplpmtud_settings *s)
{
    struct dplpmtud search;
    if (dplpmtud_init(&search, s) < 0) {
        errno = EINVAL;
        return NULL;
    }
    struct weir_path_mtu *p = alloc_zeroed(alloc_heap(), sizeof *p, alignof(struct weir_path_mtu));
    if (!p) {
        errno = ENOMEM;
        return NULL;
    }
    *p = (struct weir_path_mtu){.search = search, .headers = s->headers};
    dplpmtud_connected(&p->search, clock_now());
    return p;
}

struct weir_path_mtu *weir_path_mtu_new(struct weir_stack *stack, int fd, const struct weir_path_mtu_options *options)
{
    struct dplpmtud_settings s;
    const struct weir_path_mtu_family *f = family_of(stack, fd);
    if (!f || settings_of(stack, fd, f, options, &s) < 0)
        return NULL;
    struct weir_path_mtu *p = make(&s);
    if (!p || weir_setsockopt(stack, fd, f->level, f->discover, &f->probe, sizeof f->probe) == 0)
        return p;
    weir_path_mtu_delete(p);
    return NULL;
}

void weir_path_mtu_delete(struct weir_path_mtu *p)
{
    int error = errno;
    if (p)
        alloc_free(alloc_heap(), p, sizeof *p);
    errno = error;
}

uint32_t weir_path_mtu_probe(struct weir_path_mtu *p, uint32_t *id)
{
    uint32_t size = dplpmtud_probe(&p->search, clock_now(), id);
    return size ? size - p->headers : 0;
}

int64_t weir_path_mtu_wait_ns(const struct weir_path_mtu *p)
{
    int64_t at = dplpmtud_deadline(&p->search);
    return at == TIME_NEVER ? -1 : max_i64(at - clock_now(), 0);
}

bool weir_path_mtu_answered(struct weir_path_mtu *p, uint32_t id)
{
    return dplpmtud_answered(&p->search, id, clock_now());
}

void weir_path_mtu_refused(struct weir_path_mtu *p, uint32_t id) { dplpmtud_refused(&p->search, id, clock_now()); }

bool weir_path_mtu_too_big(struct weir_path_mtu *p, uint32_t id, uint32_t mtu)
{
    return dplpmtud_probe_too_big(&p->search, id, mtu, clock_now());
}

void weir_path_mtu_black_hole(struct weir_path_mtu *p) { dplpmtud_black_hole(&p->search, clock_now()); }

uint32_t weir_path_mtu_payload(const struct weir_path_mtu *p) { return dplpmtud_payload(&p->search); }

bool weir_path_mtu_settled(const struct weir_path_mtu *p)
{
    return dplpmtud_at_rest(&p->search) && dplpmtud_state(&p->search) != DPLPMTUD_DISABLED;
}
