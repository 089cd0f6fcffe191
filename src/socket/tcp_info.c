/* SPDX-License-Identifier: MIT */
/*
 * TCP_INFO in Linux's layout: what we know is filled, all else is 0.
 */
#include "socket/linux_tcp.h"
#include "socket/options.h"

#define UNCONNECTED_MSS 536u
#define UNCONNECTED_CWND 10u
#define REORDERING 3u /* sysctl tcp_reordering: what SACK takes for reordering */

static uint32_t us(int64_t ns) { return (uint32_t)(ns / NS_PER_US); }

/* Linux's numbers of the states. */
static uint8_t state_number(const struct socket *s, enum tcp_state state)
{
    static const uint8_t numbers[TCP_STATE_COUNT] = {
        [TCP_CLOSED] = 7,      [TCP_LISTEN] = 10,    [TCP_SYN_SENT] = 2,   [TCP_SYN_RCVD] = 3,
        [TCP_ESTABLISHED] = 1, [TCP_FIN_WAIT_1] = 4, [TCP_FIN_WAIT_2] = 5, [TCP_CLOSE_WAIT] = 8,
        [TCP_CLOSING] = 11,    [TCP_LAST_ACK] = 9,   [TCP_TIME_WAIT] = 6};
    return numbers[s->stream.listening ? TCP_LISTEN : state];
}

static uint8_t options_of(const struct tcp_info *i)
{
    bool scaled = i->send_wscale > 0 || i->receive_wscale > 0;
    return (uint8_t)((i->timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (i->sack ? TCPI_OPT_SACK : 0) |
                     (scaled ? TCPI_OPT_WSCALE : 0) | (i->ecn ? TCPI_OPT_ECN : 0));
}

static uint32_t segments(uint32_t bytes, uint32_t mss) { return mss ? (bytes + mss - 1) / mss : 0; }

static uint8_t recovery_state(const struct tcp_info *i)
{
    if (!i->recovering)
        return i->sacked_bytes > 0 ? TCP_CA_Disorder : TCP_CA_Open;
    return i->after_timeout ? TCP_CA_Loss : i->after_mark ? TCP_CA_CWR : TCP_CA_Recovery;
}

static void fill(struct linux_tcp_info *o, const struct socket *s, const struct tcp_info *i)
{
    o->tcpi_options = options_of(i);
    o->tcpi_snd_wscale = i->send_wscale & 15u;
    o->tcpi_rcv_wscale = i->receive_wscale & 15u;
    o->tcpi_ca_state = recovery_state(i);
    o->tcpi_retransmits = i->retries;
    o->tcpi_probes = i->probes;
    o->tcpi_backoff = i->backoff;
    o->tcpi_rto = us(i->rto_ns);
    o->tcpi_snd_mss = i->mss;
    o->tcpi_rcv_mss = i->advertised_mss;
    o->tcpi_advmss = i->advertised_mss;
    o->tcpi_unacked = segments(i->unacked_bytes, i->mss);
    o->tcpi_sacked = segments(i->sacked_bytes, i->mss);
    o->tcpi_lost = segments(i->lost_bytes, i->mss);
    o->tcpi_retrans = segments(i->again_bytes, i->mss);
    o->tcpi_rtt = us(i->srtt_ns);
    o->tcpi_rttvar = us(i->rttvar_ns);
    o->tcpi_min_rtt = i->min_rtt_ns ? us(i->min_rtt_ns) : ~0u;
    o->tcpi_snd_cwnd = segments(i->cwnd_bytes, i->mss);
    o->tcpi_snd_ssthresh = i->ssthresh_bytes >= INT32_MAX / 2 ? INT32_MAX : segments(i->ssthresh_bytes, i->mss);
    o->tcpi_snd_wnd = i->send_window;
    o->tcpi_rcv_space = i->receive_window;
    o->tcpi_reordering = max_u32(i->displaced_segments, REORDERING);
    o->tcpi_reord_seen = i->reordering;
    o->tcpi_total_retrans = i->retransmits;
    o->tcpi_bytes_acked = i->bytes_acked;
    o->tcpi_bytes_received = i->bytes_received;
    uint64_t sent = min_u64(i->bytes_acked + i->unacked_bytes, s->stream.out.end); /* a FIN is no byte */
    o->tcpi_bytes_sent = sent;
    o->tcpi_notsent_bytes = (uint32_t)(s->stream.out.end - sent);
}

/* What Linux says of a socket without a connection; a listener's queue is in place of segments. */
static void rest(struct linux_tcp_info *o, const struct socket *s)
{
    const struct tcp_profile *p = profile_of(s);
    o->tcpi_snd_mss = p->mss ? p->mss : UNCONNECTED_MSS;
    o->tcpi_rcv_mss = UNCONNECTED_MSS;
    o->tcpi_rto = us(p->rto_initial_ns);
    o->tcpi_reordering = REORDERING;
    o->tcpi_snd_cwnd = UNCONNECTED_CWND;
    if (s->stream.listening) {
        o->tcpi_unacked = s->stream.waiting;
        o->tcpi_sacked = s->stream.backlog;
    }
}

int option_tcp_info(struct socket *s, void *value, socklen_t *length, int64_t now)
{
    struct linux_tcp_info o = {0};
    struct tcp_info i = {.state = TCP_CLOSED};
    const struct tcp *c = tcp_get(s->layer->tcp, s->stream.ref);
    rest(&o, s);
    if (c) {
        tcp_get_info(s->layer->tcp, c, &i);
        fill(&o, s, &i);
        o.tcpi_pmtu = stack_path_mtu(s->layer->stack, s->local_index, &s->remote.ip, now);
    }
    o.tcpi_state = state_number(s, i.state);
    return option_give(value, length, &o, sizeof o);
}
