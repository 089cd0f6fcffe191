/* SPDX-License-Identifier: MIT */
/*
 * The only writer of TCP headers: segments of a connection, and stateless replies.
 */
#ifndef WEIR_TCP_SEGMENT_H
#define WEIR_TCP_SEGMENT_H

#include "tcp/layer.h"

/* What a segment of a connection shall carry. */
struct segment_spec {
    uint16_t flags; /* enum wire_tcp_flag; ACK is added in synchronised states */
    struct seq seq;
    uint64_t offset;   /* stream offset of the payload */
    uint32_t payload;  /* bytes to pull from the user */
    bool fresh;        /* the payload goes for the first time */
    uint16_t gso_size; /* of a large frame: payload bytes of each segment that it becomes; 0: one segment */
    bool mtu_probe;    /* larger than snd_mss, to find out whether it arrives */
};

/* Segments of at most `size` bytes that `payload` bytes make; at least one. */
static inline uint32_t segment_count(uint32_t payload, uint32_t size)
{
    return payload > size ? (payload + size - 1) / size : 1;
}

/* Payload bytes that fit into the next segment: snd_mss less the SACK blocks it carries. */
uint32_t segment_payload_limit(const struct tcp *c, const struct tcp_work *w);
/* Fills the frame and hands it to the lower layer. Notes that everything received is acknowledged. */
void segment_send(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *frame,
                  const struct segment_spec *spec, int64_t now);
/* SYN or SYN-ACK with its options. */
void segment_send_syn(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *frame, int64_t now);
/* RFC 9293 3.10.7.1: the RST that answers a segment without connection. Never answers an RST; limited by settings. */
void segment_reply_reset(struct tcp_layer *t, const struct tcp_segment *to, int64_t now);
/* The SYN-ACK of a SYN cookie; its MSS is the profile's. False when there was no room. */
bool segment_reply_syn_ack(struct tcp_layer *t, const struct tcp_segment *to, struct seq isn,
                           const struct tcp_profile *p, bool ecn, struct wire_tcp_options *o);
/* An ACK that answers `to` without a connection's work (TIME_WAIT). ts_recent NULL: no timestamps. */
void segment_reply_ack(struct tcp_layer *t, const struct tcp_segment *to, struct seq seq, struct seq ack,
                       const uint32_t *ts_recent, int64_t now);

/* The window to advertise now, in bytes; moves the right edge only by worthwhile steps (RFC 9293 3.8.6.2.2). */
uint32_t segment_window(const struct tcp_layer *t, const struct tcp *c);

#endif
