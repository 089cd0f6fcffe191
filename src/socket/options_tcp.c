/* SPDX-License-Identifier: MIT */
/*
 * Options of streams: tcp(7). What TCP itself acts upon is in the socket's profile (profiles.c); ranges and errors are Linux's.
 */
#include "socket/linux_tcp.h"
#include "socket/options.h"

#include <string.h>

#define MAX_KEEP_S 32767
#define MAX_KEEP_PROBES 127
#define MAX_SYN_RETRIES 127

static const struct {
    const char *name;
    enum tcp_congestion congestion;
} algorithms[] = {{"cubic", TCP_CUBIC}, {"reno", TCP_NEWRENO}};

static bool within(int value, int least, int most) { return value >= least && value <= most; }

/* ---- keep-alive ---- */

int option_tcp_keepalive(struct socket *s, int64_t now)
{
    struct tcp_profile p = *profile_of(s);
    p.keepalive_idle_ns = s->keepalive ? s->stream.keep_idle_s * NS_PER_S : 0;
    return profile_set(s, &p, now);
}

static int set_keep_idle(struct socket *s, int seconds, int64_t now)
{
    if (!within(seconds, 1, MAX_KEEP_S))
        return -EINVAL;
    s->stream.keep_idle_s = seconds;
    return option_tcp_keepalive(s, now);
}

/* Linux counts the SYN-ACKs that it would send in that time, which double their distance up to 120 s, and says when the last one is over. */
static uint32_t deferral(int seconds)
{
    uint32_t at = seconds > 0, step = 1;
    while (seconds > 0 && at < (uint32_t)seconds) {
        step = min_u32(2 * step, 120);
        at += step;
    }
    return at;
}

/* ---- what is in the profile ---- */

static int change_profile(struct tcp_profile *p, int name, int value)
{
    switch (name) {
    case TCP_NODELAY:
        p->nagle = value == 0;
        return 0;
    case TCP_QUICKACK:
        p->quick_ack_bytes = value != 0 ? TCP_QUICK_ACK_ALWAYS : 0;
        return 0;
    case TCP_MAXSEG:
        p->mss = (uint16_t)value;
        return value == 0 || within(value, 88, 32767) ? 0 : -EINVAL;
    case TCP_KEEPINTVL:
        p->keepalive_interval_ns = value * NS_PER_S;
        return within(value, 1, MAX_KEEP_S) ? 0 : -EINVAL;
    case TCP_KEEPCNT:
        p->keepalive_probes = (uint32_t)value;
        return within(value, 1, MAX_KEEP_PROBES) ? 0 : -EINVAL;
    case TCP_SYNCNT:
        p->syn_retries = (uint32_t)value;
        return within(value, 1, MAX_SYN_RETRIES) ? 0 : -EINVAL;
    case TCP_USER_TIMEOUT:
        p->user_timeout_ns = value * NS_PER_MS;
        return value >= 0 ? 0 : -EINVAL;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_congestion(struct socket *s, const char *name, socklen_t length, int64_t now)
{
    struct tcp_profile p = *profile_of(s);
    size_t n = strnlen(name, length);
    for (unsigned i = 0; i < ARRAY_SIZE(algorithms); i++)
        if (strlen(algorithms[i].name) == n && memcmp(algorithms[i].name, name, n) == 0) {
            p.congestion = algorithms[i].congestion;
            return profile_set(s, &p, now);
        }
    return length < 1 ? -EINVAL : -ENOENT;
}

static int set_cork(struct socket *s, bool on, int64_t now)
{
    s->stream.cork = on;
    if (!on)
        stream_uncork(s, now);
    return 0;
}

int option_tcp_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now)
{
    int n;
    if (name == TCP_CONGESTION)
        return set_congestion(s, value, length, now);
    int e = option_int(value, length, &n);
    if (e < 0)
        return e;
    switch (name) {
    case TCP_CORK:
        return set_cork(s, n != 0, now);
    case TCP_DEFER_ACCEPT:
        s->stream.defer_s = deferral(n);
        return 0;
    case TCP_KEEPIDLE:
        return set_keep_idle(s, n, now);
    default:
        break;
    }
    struct tcp_profile p = *profile_of(s);
    e = change_profile(&p, name, n);
    if (e == 0)
        e = profile_set(s, &p, now);
    if (e == 0 && name == TCP_NODELAY && n != 0)
        stream_push(s, now); /* tcp(7): also while TCP_CORK is set */
    return e;
}

/* ---- reading ---- */

static int maximum_segment(const struct socket *s)
{
    const struct tcp *c = tcp_get(s->layer->tcp, s->stream.ref);
    struct tcp_info info;
    if (!c || !s->stream.connected)
        return profile_of(s)->mss ? profile_of(s)->mss : 536;
    tcp_get_info(s->layer->tcp, c, &info);
    return (int)info.mss;
}

static int get_int(const struct socket *s, int name, int *out)
{
    const struct tcp_profile *p = profile_of(s);
    switch (name) {
    case TCP_NODELAY:
        *out = !p->nagle;
        return 0;
    case TCP_QUICKACK:
        *out = p->quick_ack_bytes == TCP_QUICK_ACK_ALWAYS;
        return 0;
    case TCP_CORK:
        *out = s->stream.cork;
        return 0;
    case TCP_MAXSEG:
        *out = maximum_segment(s);
        return 0;
    case TCP_KEEPIDLE:
        *out = s->stream.keep_idle_s;
        return 0;
    case TCP_KEEPINTVL:
        *out = (int)(p->keepalive_interval_ns / NS_PER_S);
        return 0;
    case TCP_KEEPCNT:
        *out = (int)p->keepalive_probes;
        return 0;
    case TCP_SYNCNT:
        *out = (int)p->syn_retries;
        return 0;
    case TCP_USER_TIMEOUT:
        *out = (int)(p->user_timeout_ns / NS_PER_MS);
        return 0;
    case TCP_DEFER_ACCEPT:
        *out = (int)s->stream.defer_s;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int get_congestion(const struct socket *s, void *value, socklen_t *length)
{
    char name[16] = {0}; /* TCP_CA_NAME_MAX */
    for (unsigned i = 0; i < ARRAY_SIZE(algorithms); i++)
        if (algorithms[i].congestion == profile_of(s)->congestion)
            memcpy(name, algorithms[i].name, strlen(algorithms[i].name));
    return option_give(value, length, name, sizeof name);
}

int option_tcp_get(struct socket *s, int name, void *value, socklen_t *length, int64_t now)
{
    int n;
    if (name == TCP_CONGESTION)
        return get_congestion(s, value, length);
    if (name == TCP_INFO)
        return option_tcp_info(s, value, length, now);
    if (name == TCP_CC_INFO) /* of neither algorithm is there more, as of Linux's */
        return option_give(value, length, "", 0);
    int e = get_int(s, name, &n);
    return e < 0 ? e : option_give_int(value, length, n);
}
