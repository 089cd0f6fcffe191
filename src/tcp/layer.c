/* SPDX-License-Identifier: MIT */
/*
 * The TCP layer as a whole: settings, making and ending it, users, ticks.
 */
#include "tcp/layer.h"

#include "tcp/plpmtud.h"
#include "tcp/receive.h"
#include "tcp/reclaim.h"
#include "tcp/timers.h"

void tcp_profile_default(struct tcp_profile *p)
{
    *p = (struct tcp_profile){
        .min_mss = 48,
        .receive_buffer = 262144,
        .max_in_flight = 16u << 20,
        .window_scaling = true,
        .timestamps = true,
        .sack = true,
        .rack = true,
        .tlp = true,
        .f_rto = true,
        .congestion = TCP_CUBIC,
        .ecn = TCP_ECN_PASSIVE,
        .mtu_probing = TCP_MTU_PROBING_BLACK_HOLE,
        .initial_window = 10,
        .slow_start_segments = 8,
        .restart_after_idle = true,
        .fixed_window = 65535,
        .delayed_ack_ns = 40 * NS_PER_MS,
        .rto_min_ns = 200 * NS_PER_MS,
        .rto_initial_ns = NS_PER_S,
        .rto_max_ns = 60 * NS_PER_S,
        .probe_min_ns = 10 * NS_PER_MS,
        .syn_retries = 6,
        .syn_ack_retries = 5,
        .data_retries = 15,
        .keepalive_interval_ns = 75 * NS_PER_S,
        .keepalive_probes = 9,
        .time_wait_ns = 60 * NS_PER_S,
        .fin_wait_2_ns = 60 * NS_PER_S,
        .syn_queue = 4096,
        .syn_cookies = TCP_COOKIES_WHEN_FULL,
        .ttl = 64,
    };
}

#define TCP_MAX_LISTENERS 65536u

void tcp_settings_default(struct tcp_settings *s)
{
    *s = (struct tcp_settings){
        .max_connections = 65536,
        .max_time_wait = 65536,
        .max_listeners = TCP_MAX_LISTENERS,
        .max_users = 16,
        .max_out_of_order_frames = 8192,
        .frame_bytes = 2048,
        .resets_per_second = 10000,
        .port_first = 32768,
        .port_last = 60999,
        .links = 1,
        .fast_path = true,
    };
}

#define MAX_TIME_NS (24 * INT64_C(86400) * NS_PER_S) /* half the circle of 2^32 ms */

static bool time_valid(int64_t ns) { return ns >= 0 && ns <= MAX_TIME_NS; }

/* RFC 9293 3.8.4: a time beyond the last probe must be on the circle too. */
static bool keepalive_valid(const struct tcp_profile *p)
{
    if (p->keepalive_idle_ns == 0)
        return true;
    return time_valid(p->keepalive_idle_ns) && p->keepalive_interval_ns > 0 && time_valid(p->keepalive_interval_ns) &&
           time_valid(p->keepalive_idle_ns + p->keepalive_probes * p->keepalive_interval_ns);
}

#define MAX_TIME_WAIT_NS (3600 * NS_PER_S) /* half the circle of a TIME_WAIT record is 2.3 h */

static bool profile_valid(const struct tcp_profile *p)
{
    if (p->time_wait_ns < 0 || p->time_wait_ns > MAX_TIME_WAIT_NS || !time_valid(p->user_timeout_ns) ||
        !time_valid(p->fin_wait_2_ns) || !time_valid(p->rto_initial_ns) || !keepalive_valid(p))
        return false;
    return p->min_mss >= 48 && p->receive_buffer >= 1 && p->receive_buffer <= (1u << 30) && p->max_in_flight >= 1 &&
           p->max_in_flight <= (1u << 30) && (unsigned)p->congestion < TCP_CONGESTION_COUNT &&
           (unsigned)p->ecn < TCP_ECN_COUNT && (unsigned)p->push < TCP_PUSH_COUNT &&
           (unsigned)p->syn_cookies < TCP_COOKIES_COUNT && (unsigned)p->mtu_probing < TCP_MTU_PROBING_COUNT &&
           p->initial_window >= 1 && p->initial_window <= 1000 && p->delayed_ack_ns >= 0 &&
           p->delayed_ack_ns < 500 * NS_PER_MS && p->rto_min_ns > 0 && p->rto_initial_ns > 0 &&
           p->rto_max_ns >= p->rto_min_ns && p->rto_max_ns <= 3600 * NS_PER_S && p->syn_retries < 255 &&
           p->syn_ack_retries < 255 && p->data_retries < 255 && p->keepalive_probes < 255 && p->ttl > 0 &&
           p->window_scale <= 14 && p->slow_start_segments >= 1 && p->slow_start_segments <= 65535 &&
           p->probe_min_ns >= 0 && p->probe_min_ns <= NS_PER_S;
}

int tcp_register_user(struct tcp_layer *t, const struct tcp_user *user, void *context,
                      const struct tcp_profile *profile)
{
    if (!profile_valid(profile) || !user->received || !user->pull || !user->closed)
        return ERR_INVALID;
    unsigned i = 0;
    while (i < t->settings.max_users && t->users[i].calls)
        i++;
    if (i == t->settings.max_users)
        return ERR_NO_SPACE;
    t->any_pairs |= profile->push == TCP_PUSH_PAIRS;
    t->users[i] = (struct tcp_registered){.calls = user, .context = context, .profile = *profile};
    return (int)i;
}

void tcp_unregister_user(struct tcp_layer *t, unsigned user)
{
    assert(tcp_user_known(t, user));
    t->users[user].retired = true;
    if (t->users[user].connections == 0)
        t->users[user].calls = NULL;
}

uint32_t tcp_max_users(const struct tcp_layer *t) { return t->settings.max_users; }

static bool settings_valid(const struct tcp_settings *s)
{
    return s->max_connections >= 1 && s->max_connections < TCP_TIME_WAIT_BIT / 2 && s->max_time_wait >= 1 &&
           s->max_time_wait < TCP_TIME_WAIT_BIT / 2 && s->port_first >= 1 && s->port_first <= s->port_last &&
           s->links >= 1 && s->links <= TCP_MAX_LINKS && s->max_out_of_order_frames >= 1 && s->max_listeners >= 1 &&
           s->max_listeners <= TCP_MAX_LISTENERS && s->max_users >= 1 && s->max_users <= TCP_MAX_USERS;
}

static int init_pools(struct tcp_layer *t, const struct allocator *a, int64_t now)
{
    const struct tcp_settings *s = &t->settings;
    uint32_t active = s->max_active;
    uint32_t ooo_copies = max_u32(s->max_out_of_order_frames / 4, 64);
    int e;
    if ((e = pool_init(&t->records, a, s->max_connections, sizeof(struct tcp), CACHE_LINE)) < 0 ||
        (e = pool_init(&t->works, a, active, sizeof(struct tcp_work), CACHE_LINE)) < 0 ||
        (e = pool_init(&t->sent, a, s->sent_records, sizeof(struct sent_record), 8)) < 0 ||
        (e = pool_init(&t->mtu_searches, a, min_u32(active, TCP_MAX_MTU_SEARCHES), sizeof(struct mtu_search), 8)) < 0 ||
        (e = pool_init(&t->listeners, a, s->max_listeners, sizeof(struct tcp_listener), 8)) < 0 ||
        (e = pool_init(&t->timewaits, a, s->max_time_wait, sizeof(struct tcp_timewait), 4)) < 0 ||
        (e = table_init(&t->table, a, s->max_connections + s->max_time_wait)) < 0 ||
        (e = table_init(&t->listen_table, a, s->max_listeners)) < 0 ||
        (e = wheel_init(&t->wheel, a, s->max_connections, TCP_TIMER_SHIFT, now)) < 0 ||
        (e = packet_pool_init(&t->ooo_pool, a, ooo_copies, s->frame_bytes + PACKET_HEADROOM, 0)) < 0)
        return e;
    return 0;
}

int tcp_layer_new(const struct tcp_settings *s, const struct tcp_lower *lower, void *lower_context,
                  const struct allocator *a, int64_t now, struct tcp_layer **out)
{
    *out = NULL;
    if (!settings_valid(s))
        return ERR_INVALID;
    struct tcp_layer *t = alloc_zeroed(a, sizeof *t, CACHE_LINE);
    if (!t)
        return ERR_NO_MEMORY;
    t->settings = *s;
    t->allocator = a;
    t->lower = lower;
    t->lower_context = lower_context;
    if (t->settings.max_active == 0)
        t->settings.max_active = s->max_connections;
    if (t->settings.sent_records == 0)
        t->settings.sent_records = min_u32(4 * min_u32(t->settings.max_active, 1u << 18), 1u << 20);
    t->ts_offset = (uint32_t)(s->secret.k0 ^ (s->secret.k1 >> 32));
    t->users = alloc_zeroed(a, s->max_users * sizeof *t->users, CACHE_LINE);
    int e = t->users ? init_pools(t, a, now) : ERR_NO_MEMORY;
    if (e < 0) {
        tcp_layer_delete(t);
        return e;
    }
    *out = t;
    return 0;
}

void tcp_layer_delete(struct tcp_layer *t)
{
    if (!t)
        return;
    if (t->records.objects && t->works.objects)
        for (uint32_t i = 1; i <= t->records.touched; i++)
            if (tcp_at(t, i)->work && (tcp_at(t, i)->state != TCP_CLOSED || (tcp_at(t, i)->flags & TCPF_DEAD)))
                tcp_detach(t, tcp_at(t, i));
    receive_release_drained(t);
    packet_pool_free(&t->ooo_pool);
    wheel_free(&t->wheel);
    table_free(&t->listen_table);
    table_free(&t->table);
    pool_free(&t->timewaits);
    pool_free(&t->listeners);
    pool_free(&t->mtu_searches);
    pool_free(&t->sent);
    pool_free(&t->works);
    pool_free(&t->records);
    if (t->users)
        alloc_free(t->allocator, t->users, t->settings.max_users * sizeof *t->users);
    alloc_free(t->allocator, t, sizeof *t);
}

void tcp_tick(struct tcp_layer *t, int64_t now, unsigned budget)
{
    wheel_advance(&t->wheel, now, budget, timers_due, t);
    tcp_timewait_expire(t, now);
    if (unlikely(t->pressure > 0))
        reclaim_stalled(t, now);
    tcp_bury_dead(t);
    receive_release_drained(t);
}

int64_t tcp_next_deadline(const struct tcp_layer *t) { return wheel_next(&t->wheel); }

const struct tcp_counters *tcp_counters(const struct tcp_layer *t) { return &t->counters; }

void tcp_get_occupancy(const struct tcp_layer *t, struct tcp_occupancy *out)
{
    *out = (struct tcp_occupancy){.connections = t->records.used,
                                  .active = t->works.used,
                                  .time_wait = t->timewaits.used,
                                  .sent_records = t->sent.used,
                                  .out_of_order_frames = t->ooo_frames};
}
