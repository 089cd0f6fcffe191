/* SPDX-License-Identifier: MIT */
/*
 * When early data is acknowledged to the client. Every acknowledgement is a round-trip sample of the client's (RFC 6298),
 * and Linux takes it from the clock, not from TSecr: what the box echoes cannot make it longer. An acknowledgement at
 * once would be a sample of microseconds for a path of many milliseconds: loss probes (RFC 8985 7.2: after two smoothed
 * round trips) and timeouts would come before the server can have answered, HyStart (RFC 9406) would take the true delay
 * for a queue and leave slow start. So early data is held, and acknowledged segment by segment, each a sample, when the
 * first of these is due:
 *
 *   truth     the server is there, and the segment has waited for as long as the server's SYN-ACK took
 *   timeout   the client's timer is about to fire: no RTO is shorter than 200 ms (Linux; others have more)
 *   probe     two segments or more wait, and the loss probe would send the last one again, since the client has no more:
 *             that one is shorter than it might be. With more to send the probe is new data, and harmless, and what is
 *             promised has room for it; a single segment is given 200 ms.
 *
 * The probe's time is that of RFC 8985 with what the client has seen: SYN-ACK, and these samples. Each acknowledgement
 * puts it off, by more from one to the next.
 *
 * What stays untrue is the sample of the SYN-ACK itself, which is what the box is for. See docs/manual/weir-accel.1.md.
 */
#include "accel/internal.h"

#define LEAST_CLIENT_RTO (190 * NS_PER_MS) /* 200 ms, less what timers are late by */
#define LEAST_PROBE (2 * NS_PER_MS)
#define LENIENCE                                                                                                       \
    (2 * NS_PER_MS) /* less than the truth by so much is no queue to HyStart: RFC 9406 MIN_RTT_THRESH is 4 ms */

/* What the client may send, from the last that was acknowledged. */
static uint16_t window_to_client(const struct accel_flow *f, const struct accel_opening *o)
{
    const struct seq edge = accel_early_edge(f, o);
    const uint32_t room = seq_gt(edge, o->acked) ? seq_len(o->acked, edge) : 0;
    return (uint16_t)min_u32(room >> f->told.wscale, UINT16_MAX);
}

static void tell(struct accel *a, struct accel_flow *f, uint32_t ts_ecr, int64_t now)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    struct wire_tcp_options options;
    accel_options_to_client(f, o, &options, now);
    options.ts_ecr = ts_ecr;
    const bool open = f->state != ACCEL_OPENING;
    const struct accel_own ack = {.to = ACCEL_CLIENTS,
                                  .seq = open ? seq_sub(f->server_end, f->shift.sequence) : seq_add(f->our_isn, 1),
                                  .ack = o->acked,
                                  .flags = TCP_ACK,
                                  .window = window_to_client(f, o),
                                  .options = &options};
    accel_send_own(a, f, &ack, now);
}

void accel_hold_tell(struct accel *a, struct accel_flow *f, int64_t now) { tell(a, f, f->client_ts, now); }

void accel_hold_segment(struct accel_flow *f, struct accel_opening *o, bool is_short, int64_t now)
{
    if (o->held_count < ACCEL_HELD)
        o->held[o->held_count++] = (struct accel_held){.ts_val = f->client_ts, .at = now};
    o->held[o->held_count - 1].end = o->early_end; /* more of them than there is room for are one */
    o->is_short = is_short;
}

void accel_hold_repeated(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (seq_eq(o->acked, o->early_end))
        accel_hold_tell(a, f, now);
    else
        o->repeated = true;
}

void accel_hold_acknowledged(struct accel_opening *o, struct seq ack)
{
    o->acked = seq_max(o->acked, ack);
    while (o->held_acked < o->held_count && seq_le(o->held[o->held_acked].end, o->acked))
        o->held_acked++;
}

/* When the client's loss probe would send again what is held, less a quarter; TIME_NEVER: it would not. */
static int64_t probe_at(const struct accel_flow *f, const struct accel_opening *o)
{
    if (o->held_count - o->held_acked < 2 || !o->is_short || !accel_told(f, TCP_OPT_SACK_PERMITTED))
        return TIME_NEVER;
    const int64_t last = o->held[o->held_count - 1].at, began = o->acked_at > last ? o->acked_at : last;
    return began + (2 * o->client_srtt_ns + LEAST_PROBE) * 3 / 4;
}

int64_t accel_hold_deadline(const struct accel_flow *f, const struct accel_opening *o)
{
    if (o->held_acked == o->held_count)
        return TIME_NEVER;
    const int64_t since = o->held[o->held_acked].at, probe = probe_at(f, o);
    int64_t at = since + LEAST_CLIENT_RTO;
    if (f->state != ACCEL_OPENING)
        at = min_i64(at, since + o->rtt_ns - max_i64(o->rtt_ns / 32, LENIENCE));
    return min_i64(at, probe);
}

void accel_hold_timer(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    while (now >= accel_hold_deadline(f, o)) {
        const struct accel_held *held = &o->held[o->held_acked++];
        o->acked = seq_max(o->acked, held->end);
        o->acked_at = now;
        o->client_srtt_ns += (now - held->at - o->client_srtt_ns) / 8; /* RFC 6298 2.3 */
        tell(a, f, held->ts_val, now);
    }
    if (o->repeated && seq_eq(o->acked, o->early_end)) {
        o->repeated = false;
        accel_hold_tell(a, f, now); /* what came twice is acknowledged twice: no loss, RFC 8985 7.4.2 */
    }
}
