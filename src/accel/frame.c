/* SPDX-License-Identifier: MIT */
/*
 * Segments that the box makes itself, in the name of one end for the other. They begin with the link header that the
 * client's SYN had, turned round for the client.
 */
#include "accel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define TTL 64

static void put_link_header(uint8_t *to, const struct accel_opening *o, enum accel_side side)
{
    memcpy(to, o->link_header, o->link_header_length);
    if (side == ACCEL_SERVERS)
        return;
    memcpy(to, o->link_header + 6, 6);
    memcpy(to + 6, o->link_header, 6);
}

static uint32_t put_ip_header(uint8_t *to, const struct ip_addr *from, const struct ip_addr *dest, uint8_t tclass,
                              uint32_t bytes)
{
    if (ip_addr_is_v4(dest)) {
        const struct wire_ipv4 h = {.src = ip_addr_to_v4(from),
                                    .dst = ip_addr_to_v4(dest),
                                    .total_len = (uint16_t)(WIRE_IPV4_MIN + bytes),
                                    .tos = tclass,
                                    .flags = WIRE_IPV4_DF,
                                    .ttl = TTL,
                                    .protocol = IP_PROTO_TCP};
        return (uint32_t)wire_ipv4_build20(to, &h);
    }
    const struct wire_ipv6 h = {.src = *from,
                                .dst = *dest,
                                .payload_len = (uint16_t)bytes,
                                .traffic_class = tclass,
                                .next_header = IP_PROTO_TCP,
                                .hop_limit = TTL};
    return (uint32_t)wire_ipv6_build(to, &h);
}

/* Header and options; returns their bytes. */
static uint32_t put_tcp_header(uint8_t *to, const struct accel_flow *f, const struct accel_own *own)
{
    const bool to_client = own->to == ACCEL_CLIENTS;
    const struct wire_tcp h = {.src_port = to_client ? f->key.server_port : f->key.client_port,
                               .dst_port = to_client ? f->key.client_port : f->key.server_port,
                               .seq = own->seq,
                               .ack = own->ack,
                               .flags = own->flags,
                               .window = own->window};
    int length = wire_tcp_build(to, &h, own->options);
    assert(length > 0);
    if (own->mark) {
        memmove(to + WIRE_TCP_MIN + ACCEL_MARK_BYTES, to + WIRE_TCP_MIN, (size_t)length - WIRE_TCP_MIN);
        accel_mark_write(to + WIRE_TCP_MIN, *own->mark);
        length += (int)ACCEL_MARK_BYTES;
        to[12] = (uint8_t)(length / 4 << 4);
    }
    if (own->raw_options_length == 0)
        return (uint32_t)length;
    memcpy(to + WIRE_TCP_MIN, own->raw_options, own->raw_options_length);
    to[12] = (uint8_t)((WIRE_TCP_MIN + own->raw_options_length) / 4 << 4);
    return WIRE_TCP_MIN + own->raw_options_length;
}

bool accel_send_own(struct accel *a, const struct accel_flow *f, const struct accel_own *own, int64_t now)
{
    return accel_send_framed(a, f, accel_opening_of(a, f), own, now);
}

bool accel_send_framed(struct accel *a, const struct accel_flow *f, const struct accel_opening *o,
                       const struct accel_own *own, int64_t now)
{
    struct link *l = a->links[own->to];
    struct packet *p;
    if (link_tx_alloc(l, &p, 1, LINK_ALLOC_DATA) == 0) {
        ACCEL_COUNT(a, drop_no_room);
        return false;
    }
    const bool to_client = own->to == ACCEL_CLIENTS;
    const struct ip_addr *from = to_client ? &f->key.server : &f->key.client;
    const struct ip_addr *to = to_client ? &f->key.client : &f->key.server;
    uint8_t tcp[WIRE_TCP_MAX];
    const uint32_t header = put_tcp_header(tcp, f, own), bytes = header + own->payload_length;
    put_link_header(p->data, o, own->to);
    uint32_t at = o->link_header_length;
    at += put_ip_header(p->data + at, from, to, o->traffic_class, bytes);
    memcpy(p->data + at, tcp, header);
    if (own->payload_length)
        memcpy(p->data + at + header, own->payload, own->payload_length);
    p->len = at + bytes;
    const uint16_t checksum = wire_l4_checksum(from, to, IP_PROTO_TCP, p->data + at, bytes);
    memcpy(p->data + at + WIRE_TCP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    p->vlan_present = o->vlan_stripped;
    p->vlan_tci = o->vlan_tci;
    accel_watch_settles(a, ACCEL_FATE_OWN, own->to, p, now);
    link_tx_burst(l, &p, 1, now);
    return true;
}

/* ---- timestamps, where an end expects them and the other end's do not do ---- */

static uint32_t milliseconds(int64_t now) { return (uint32_t)(now / NS_PER_MS); }

uint32_t accel_server_clock(const struct accel_flow *f, int64_t now) { return milliseconds(now) + f->our_isn.v; }
/* For a server to whom the client's SYN spoke of timestamps: they go on from there. */
static uint32_t client_clock(const struct accel_flow *f, int64_t now) { return milliseconds(now) + f->client_clock; }

void accel_options_to_server(const struct accel_flow *f, struct wire_tcp_options *o, int64_t now)
{
    *o = (struct wire_tcp_options){0};
    if (!accel_said(f, TCP_OPT_TIMESTAMPS))
        return;
    o->present = TCP_OPT_TIMESTAMPS;
    o->ts_val = accel_told(f, TCP_OPT_TIMESTAMPS) ? f->client_ts : client_clock(f, now);
    o->ts_ecr = f->server_ts;
}

/*
 * Until the server has answered, the clock stands still: a server may not believe an echo of what it has not sent, and
 * what the client echoes then is translated to the TSval of the server's SYN-ACK.
 */
void accel_options_to_client(const struct accel_flow *f, const struct accel_opening *opening,
                             struct wire_tcp_options *o, int64_t now)
{
    *o = (struct wire_tcp_options){0};
    if (!accel_told(f, TCP_OPT_TIMESTAMPS))
        return;
    o->present = TCP_OPT_TIMESTAMPS;
    o->ts_ecr = f->client_ts;
    if (f->state == ACCEL_OPENING)
        o->ts_val = opening->told_ts;
    else if (accel_said(f, TCP_OPT_TIMESTAMPS))
        o->ts_val = f->server_ts - f->shift.timestamp;
    else
        o->ts_val = accel_server_clock(f, now);
}

bool accel_reset_server(struct accel *a, const struct accel_flow *f, int64_t now)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    struct accel_own rst = {.to = ACCEL_SERVERS, .seq = o->next, .flags = TCP_RST};
    if (o->fast_open == ACCEL_FAST_OPEN_HELD)
        return true; /* it knows of nothing */
    if (!accel_send_own(a, f, &rst, now))
        return false;
    rst.seq = seq_add(rst.seq, o->in_syn);
    return f->state != ACCEL_OPENING || o->in_syn == 0 || accel_send_own(a, f, &rst, now);
}

void accel_reset_client(struct accel *a, struct accel_flow *f, int64_t now)
{
    const bool open = f->state != ACCEL_OPENING;
    const struct accel_own rst = {.to = ACCEL_CLIENTS,
                                  .seq = open ? seq_sub(f->server_end, f->shift.sequence) : seq_add(f->our_isn, 1),
                                  .ack = f->client_end,
                                  .flags = TCP_RST | TCP_ACK};
    accel_send_own(a, f, &rst, now);
    accel_opening_end(a, f);
    accel_flow_state_set(a, f, ACCEL_RESET, now);
}
