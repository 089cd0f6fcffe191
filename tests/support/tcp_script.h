/* SPDX-License-Identifier: MIT */
/*
 * One TCP layer, and a peer whose every segment the test writes. Sequence numbers in a script are relative: the peer's
 * to its ISN 0xFFFFFF00, ours to our ISN, so that a SYN has number 0 and the first byte 1, and wrapping happens in
 * nearly every test.
 */
#ifndef WEIR_TESTS_TCP_SCRIPT_H
#define WEIR_TESTS_TCP_SCRIPT_H

#include "tcp_wire.h"

#define PEER_ISN 0xFFFFFF00u
#define PEER_ADDRESS 9
#define PEER_PORT 4000
#define OUR_PORT 80
#define SCRIPT_STREAM 65536 /* received bytes that are kept */
#define MSS 1460u           /* what the peer offers */
#define S(n) (1u + (n)*MSS) /* where full segment n begins */

struct script {
    struct tcp_end end;
    int64_t now;
    struct seq our_isn;
    struct tcp_ref ref;
    uint16_t our_port;
    struct wire_tcp_options peer_options; /* sent with the peer's SYN; timestamps on all segments when present */
    /* what the user saw */
    bool connected, fin, closed, consume;
    enum tcp_close_reason reason;
    uint64_t received, acked;
    uint8_t last_byte;
    uint8_t stream[SCRIPT_STREAM];
    unsigned deadlines, refuse, closings, urgents;
    uint64_t urgent_mark, urgent_received; /* the last mark, and what had been received when it came */
};

extern const struct tcp_user script_user; /* its context is a struct script */

/* A segment of the peer in full. Numbers are relative, as below. */
struct script_segment {
    uint16_t flags, window, urgent;
    uint32_t seq, ack, payload;
    uint8_t fill;                              /* every byte of the payload; 0: the pattern 'a', 'b', ... */
    bool without_timestamps;                   /* even where peer_options has them */
    uint32_t sacks;                            /* blocks that follow */
    uint32_t sack[2 * WIRE_TCP_MAX_SACK];      /* left, right, left, right ... relative to our ISN */
    uint8_t raw_options[WIRE_TCP_MAX_OPTIONS]; /* instead of all others when raw_len is not 0; a multiple of 4 */
    uint32_t raw_len;
    struct wire_delivery as;
};

/*
 * The profile of a test's connections, and setups that make it anew for each test: the defaults, and those with
 * NewReno, whose window is easy to say.
 */
extern struct tcp_profile profile;
int script_defaults(void **state);
int script_newreno(void **state);

/* A layer with default settings and this profile. */
void script_begin(struct script *s, const struct tcp_profile *p);
void script_settings(struct tcp_settings *settings); /* those of script_begin */
void script_begin_with(struct script *s, const struct tcp_profile *p, const struct tcp_settings *settings);
/* Checks that nothing is left in any pool once everything has run out, and ends. */
void script_end(struct script *s);

/* The peer sends a segment: relative numbers, payload bytes 'a', 'b', …; ack is left out without TCP_ACK in flags. */
void script_give(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload);
void script_give_window(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload,
                        uint16_t window);
void script_give_segment(struct script *s, const struct script_segment *g);
/* An ACK without data that reports n blocks. */
void script_give_sack(struct script *s, uint32_t seq, uint32_t ack, uint32_t n, const uint32_t *blocks);
/* The same with one block, at the beginning of the peer's stream. */
void script_sack(struct script *s, uint32_t ack, uint32_t left, uint32_t right);
/* The next segment of ours must be exactly this (PSH is ignored); returns it. */
const struct wire_segment *script_expect(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack,
                                         uint32_t payload);
void script_expect_nothing(struct script *s);
/* Takes everything sent so far; returns how many segments that were. */
unsigned script_drain(struct script *s);
/* Lets virtual time pass, with all ticks that are due. */
void script_pass(struct script *s, int64_t ns);

/* Lets time pass until something is sent; returns how long that took. */
int64_t script_wait(struct script *s);

/* Shortest ways into a state; the peer offers a window of 65535 and s->peer_options. */
void script_to_syn_sent(struct script *s);
void script_to_syn_rcvd(struct script *s);
void script_to_established(struct script *s);                    /* passive */
void script_to_established_after(struct script *s, int64_t rtt); /* the handshake took this long */
void script_to_fin_wait_1(struct script *s);
void script_to_fin_wait_2(struct script *s);
void script_to_close_wait(struct script *s);
void script_to_closing(struct script *s);
void script_to_last_ack(struct script *s);
void script_to_time_wait(struct script *s);

struct tcp *script_connection(struct script *s); /* NULL when it ended */
void script_send(struct script *s, uint64_t bytes);
void script_send_segments(struct script *s, unsigned n); /* full ones; all must go at once */
enum tcp_state script_state(struct script *s);
const struct tcp_counters *script_counters(const struct script *s);
struct tcp_info script_info(struct script *s);
struct tcp_occupancy script_occupancy(const struct script *s);

#endif
