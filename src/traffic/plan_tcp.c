/* SPDX-License-Identifier: MIT */
/*
 * TCP settings of a plan's loads and servers: from the configuration to a tcp_profile.
 */
#include <string.h>

#include "traffic/plan_private.h"

void plan_tcp_profile(const struct tcp_config *from, struct tcp_profile *to)
{
    struct tcp_profile standard; /* for what plans do not say */
    tcp_profile_default(&standard);
    memset(to, 0, sizeof *to);
    to->restart_after_idle = standard.restart_after_idle;
    to->slow_start_segments = standard.slow_start_segments;
    to->push = standard.push;
    to->probe_min_ns = standard.probe_min_ns;
    to->mss = from->mss;
    to->min_mss = from->min_mss;
    to->receive_buffer = (uint32_t)from->receive_buffer;
    to->max_in_flight = (uint32_t)from->max_in_flight;
    to->window_scaling = from->window_scaling;
    to->timestamps = from->timestamps;
    to->sack = from->sack;
    to->rack = from->rack;
    to->tlp = from->tlp;
    to->f_rto = from->f_rto;
    to->pacing = from->pacing;
    to->nagle = from->nagle;
    to->quick_ack_bytes = from->quick_ack ? TCP_QUICK_ACK_ALWAYS : 0;
    to->ack_push = from->ack_push;
    to->congestion = (enum tcp_congestion)from->congestion;
    to->ecn = (enum tcp_ecn)from->ecn;
    to->mtu_probing = (enum tcp_mtu_probing)from->mtu_probing;
    to->initial_window = from->initial_window;
    to->fixed_window = (uint32_t)from->fixed_window;
    to->delayed_ack_ns = from->delayed_ack;
    to->rto_min_ns = from->rto_min;
    to->rto_initial_ns = from->rto_initial;
    to->rto_max_ns = from->rto_max;
    to->syn_retries = from->syn_retries;
    to->syn_ack_retries = from->syn_ack_retries;
    to->data_retries = from->data_retries;
    to->user_timeout_ns = from->user_timeout;
    to->keepalive_idle_ns = from->keepalive_idle;
    to->keepalive_interval_ns = from->keepalive_interval;
    to->keepalive_probes = from->keepalive_probes;
    to->time_wait_ns = from->time_wait;
    to->fin_wait_2_ns = from->fin_wait_2;
    to->syn_queue = from->syn_queue;
    to->syn_cookies = (enum tcp_cookies)from->syn_cookies;
    to->accept_limit = from->accept_limit;
    to->ttl = from->ttl;
    to->tos = from->tos;
}

bool plan_tcp_equal(const struct tcp_profile *a, const struct tcp_profile *b)
{
    return a->mss == b->mss && a->min_mss == b->min_mss && a->receive_buffer == b->receive_buffer &&
           a->max_in_flight == b->max_in_flight && a->window_scaling == b->window_scaling &&
           a->timestamps == b->timestamps && a->sack == b->sack && a->rack == b->rack && a->tlp == b->tlp &&
           a->f_rto == b->f_rto && a->pacing == b->pacing && a->nagle == b->nagle &&
           a->quick_ack_bytes == b->quick_ack_bytes && a->ack_push == b->ack_push && a->congestion == b->congestion &&
           a->ecn == b->ecn && a->mtu_probing == b->mtu_probing && a->initial_window == b->initial_window &&
           a->fixed_window == b->fixed_window && a->delayed_ack_ns == b->delayed_ack_ns &&
           a->rto_min_ns == b->rto_min_ns && a->rto_initial_ns == b->rto_initial_ns && a->rto_max_ns == b->rto_max_ns &&
           a->syn_retries == b->syn_retries && a->syn_ack_retries == b->syn_ack_retries &&
           a->data_retries == b->data_retries && a->user_timeout_ns == b->user_timeout_ns &&
           a->keepalive_idle_ns == b->keepalive_idle_ns && a->keepalive_interval_ns == b->keepalive_interval_ns &&
           a->keepalive_probes == b->keepalive_probes && a->time_wait_ns == b->time_wait_ns &&
           a->fin_wait_2_ns == b->fin_wait_2_ns && a->syn_queue == b->syn_queue && a->syn_cookies == b->syn_cookies &&
           a->accept_limit == b->accept_limit && a->ttl == b->ttl && a->tos == b->tos;
}

void plan_check_tcp(struct compiling *c, const struct tcp_config *tcp, const struct config_node *node, uint32_t mtu)
{
    if (tcp->mss > mtu - 40)
        config_errors_add(c->errors, node, "mss", "found %u, allowed at most %u: the port's MTU less 40", tcp->mss,
                          mtu - 40);
    if (tcp->rto_max < tcp->rto_min || tcp->rto_max < tcp->rto_initial)
        config_errors_add(c->errors, node, "rto_max",
                          "found less than rto_min or rto_initial, allowed at least as much");
}
