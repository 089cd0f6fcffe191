/* SPDX-License-Identifier: MIT */
/*
 * TCP: the API between a stack below, users above (L7 carriers, sockets) and the clock. RFC 9293 and its companions.
 *
 * A `struct tcp_layer` is all of TCP on one core. Connections are `struct tcp` records that never move; users outside a
 * callback hold a `struct tcp_ref` {index, generation} and get the pointer back with tcp_get(). Inside a callback the
 * pointer is valid until the callback returns.
 *
 * Sans I/O: segments come in by tcp_input(), time as an argument, and nothing is sent while a segment is processed:
 * connections are marked, and tcp_output() lets them fill frames that the layer below lends. Only stateless replies
 * (RST, TIME_WAIT's ACK, challenge to a stranger) go out at once, through lower->reply.
 *
 * Bytes are named by 64-bit stream offsets, separately for each direction, beginning at 0 with the first byte of data.
 * TCP owns no send buffer: it asks the user for bytes [offset, offset + n), the first time and again for
 * retransmission, until they are acknowledged. Received in-order bytes are handed up where they lie in the frame; the
 * user copies what it wants to keep. The window opens again by tcp_consumed().
 *
 * Callbacks may call any verb on any connection. A record whose life ended in a callback is given back at the end of
 * the burst.
 */
#ifndef WEIR_TCP_TCP_H
#define WEIR_TCP_TCP_H

#include "base/alloc.h"
#include "base/hash.h"
#include "base/seq.h"
#include "base/time_ns.h"
#include "base/trace.h"
#include "packet/link.h"
#include "wire/ip_addr.h"
#include "wire/tcp.h"

struct tcp_layer;
struct tcp;

/* A connection as users hold it. index 0: none. */
struct tcp_ref {
    uint32_t index, generation;
};

/* Four-tuple with the local address interned by the stack: IPv6-ready and VRF-safe. 24 bytes without padding. */
struct flow_key {
    uint32_t local; /* stack's local address index, from 1 */
    struct ip_addr remote;
    uint16_t local_port, remote_port;
};

#define TCP_ANY_LOCAL 0u /* of either family */
#define TCP_ANY_LOCAL_V4 UINT32_MAX
#define TCP_ANY_LOCAL_V6 (UINT32_MAX - 1u)
#define TCP_LISTEN_WAYS 3u /* a segment finds its listener by: its address, any of its family, any */
static inline uint32_t tcp_listen_way(const struct flow_key *key, unsigned way)
{
    const uint32_t any = ip_addr_is_v4(&key->remote) ? TCP_ANY_LOCAL_V4 : TCP_ANY_LOCAL_V6;
    return way == 0 ? key->local : way == 1 ? any : TCP_ANY_LOCAL;
}

enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCP_SYN_RCVD,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
    TCP_STATE_COUNT
};
const char *tcp_state_name(enum tcp_state state);

/* Every cause for which something is not done, and everything counted; names as in the results. */
/* clang-format off */
#define TCP_COUNTER_LIST(X)                                                                                            \
    X(segments_received) X(segments_sent) X(bytes_received) X(bytes_sent)                                              \
    X(active_opens) X(passive_opens) X(established) X(closed) X(resets_received) X(resets_sent)                        \
    X(retransmitted_segments) X(retransmitted_bytes) X(rto_fired) X(fast_retransmits)                                  \
    X(rack_lost) X(tlp_probes) X(tlp_repairs) X(rescue_retransmits) X(spurious_rto) X(spurious_recoveries)                \
    X(dsack_received) X(dup_acks_received) X(out_of_order_segments) X(duplicate_segments)                              \
    X(zero_window_probes) X(keepalive_probes) X(delayed_acks) X(challenge_acks) X(acks_sent) X(fast_path)              \
    X(timeout_closed) X(stalled_aborted) X(refused) X(time_wait_entered) X(time_wait_recycled) X(time_wait_reused)     \
    X(mss_lowered) X(mtu_probes) X(mtu_probes_failed)                                                                  \
    X(syncookies_sent) X(syncookies_received) X(urgent_marks) X(ecn_agreed) X(ce_received) X(ecn_reductions)            \
    /* drops: a segment or request that was not accepted */                                                            \
    X(drop_no_connection) X(drop_bad_flags) X(drop_bad_ack)                                                            \
    X(drop_out_of_window) X(drop_paws) X(drop_no_timestamp) X(drop_no_ack_flag) X(drop_old_rst)                        \
    X(drop_syn_queue_full) X(drop_not_admitted) X(drop_no_record) X(drop_no_path) X(drop_no_work) X(drop_ooo_full)     \
    X(drop_ooo_runs) X(drop_after_close) X(drop_time_wait) X(drop_port_zero) X(drop_accept_full) X(drop_signature)     \
    X(syncookies_failed) X(reply_no_room) X(reset_limited)
/* clang-format on */

struct tcp_counters {
#define TCP_COUNTER_FIELD(name) uint64_t name;
    TCP_COUNTER_LIST(TCP_COUNTER_FIELD)
#undef TCP_COUNTER_FIELD
};

/* ---- settings ---- */

/* RFC 4987: when a SYN is answered without keeping state. */
enum tcp_cookies { TCP_COOKIES_OFF, TCP_COOKIES_WHEN_FULL, TCP_COOKIES_ALWAYS, TCP_COOKIES_COUNT };
/* When the path's MTU is searched for by sending (RFC 4821); Linux's tcp_mtu_probing. */
enum tcp_mtu_probing { TCP_MTU_PROBING_OFF, TCP_MTU_PROBING_BLACK_HOLE, TCP_MTU_PROBING_ALWAYS, TCP_MTU_PROBING_COUNT };

/* RFC 3168: when ECN is used. */
enum tcp_ecn { TCP_ECN_OFF, TCP_ECN_ON, TCP_ECN_PASSIVE, TCP_ECN_COUNT };

/*
 * Which segments carry PSH beside the last of what there is to send: the last of a small window and all that is sent
 * again; or every second one of those sent at once (Linux's frames of two segments).
 */
enum tcp_push { TCP_PUSH_WINDOW, TCP_PUSH_PAIRS, TCP_PUSH_COUNT };

enum tcp_congestion { TCP_NEWRENO, TCP_CUBIC, TCP_FIXED, TCP_CONGESTION_COUNT };

#define TCP_QUICK_ACK_ALWAYS UINT64_MAX

/* What connections of one user have in common. */
struct tcp_profile {
    uint16_t mss;                          /* of segments of either direction, at most; 0: from the path MTU */
    uint16_t min_mss;                      /* floor for the peer's MSS; default 48 */
    uint32_t receive_buffer;               /* bytes of window at most; default 262144 */
    uint32_t max_in_flight;                /* bytes sent and not acknowledged at most; default 16 MiB */
    bool window_scaling, timestamps, sack; /* offered and accepted; default true */
    bool wscale_first;                     /* a SYN's options in FreeBSD's order; default false: Linux's */
    bool rack, tlp, f_rto;                 /* RFC 8985 (with SACK), RFC 5682; default true */
    bool nagle;                            /* default false: load generators send whole messages */
    uint64_t quick_ack_bytes;              /* of a connection's first: no delayed ACK; default 0 */
    bool ack_push;                         /* acknowledge a PSH segment at once; default false */
    bool ack_push_waits; /* of a user who answered the last: or with data, else by tcp_acknowledge(); default false */
    enum tcp_push push;  /* default TCP_PUSH_WINDOW */
    enum tcp_congestion congestion;                 /* default TCP_CUBIC */
    enum tcp_ecn ecn;                               /* default TCP_ECN_PASSIVE: when the peer asks for it, as Linux */
    bool pacing;                                    /* default false: bursts, as Linux without the fq queue */
    enum tcp_mtu_probing mtu_probing;               /* default TCP_MTU_PROBING_BLACK_HOLE */
    uint8_t window_scale;                           /* offered at least; default 0: what receive_buffer needs */
    uint32_t initial_window;                        /* segments; default 10 (RFC 6928) */
    uint32_t slow_start_segments;                   /* cwnd grows by at most an ACK; default 8 (RFC 9406) */
    bool grow_by_delivered;                         /* not by what SACKs or duplicates told before; default false */
    bool restart_after_idle;                        /* cwnd halves with each idle RTO (RFC 2861); default true */
    uint32_t fixed_window;                          /* bytes, for TCP_FIXED */
    int64_t delayed_ack_ns;                         /* default 40 ms; RFC 9293: under 500 ms */
    int64_t rto_min_ns, rto_initial_ns, rto_max_ns; /* default 200 ms, 1 s, 60 s */
    bool rto_min_of_variance;                       /* RTO = SRTT + at least rto_min_ns, as Linux; default false */
    int64_t probe_min_ns;                           /* a tail loss probe waits that long at least; default 10 ms */
    uint32_t syn_retries, syn_ack_retries;          /* default 6, 5 */
    uint32_t data_retries;                          /* RTOs in a row before the connection fails; default 15 */
    int64_t user_timeout_ns;       /* unacknowledged data older than that fails the connection; 0: off */
    int64_t keepalive_idle_ns;     /* 0: off (default) */
    int64_t keepalive_interval_ns; /* default 75 s */
    uint32_t keepalive_probes;     /* default 9 */
    int64_t time_wait_ns;          /* 2MSL; default 60 s, at most 1 h; 0: no TIME_WAIT */
    int64_t fin_wait_2_ns;         /* orphaned FIN-WAIT-2 ends then; default 60 s; 0: never */
    uint32_t syn_queue;            /* embryos a listener may have; default 4096 */
    uint32_t accept_limit;         /* established connections of all its listeners; default 0: no limit */
    enum tcp_cookies syn_cookies;  /* default TCP_COOKIES_WHEN_FULL: when the listener has syn_queue embryos */
    uint8_t ttl, tos;              /* default 64, 0 */
};
void tcp_profile_default(struct tcp_profile *p);

#define TCP_PROGRESS_SHIFT 20 /* 1.05 ms */

struct tcp_settings {
    uint32_t max_connections; /* records */
    uint32_t max_active;      /* works: connections with something in flight, buffered or timed; 0: max_connections */
    uint32_t max_time_wait;   /* default 65536; oldest recycled */
    uint32_t max_listeners;   /* default 65536, which is the most */
    uint32_t max_users;       /* tables of callbacks with a profile; default 16, at most 4096 */
    uint32_t max_out_of_order_frames; /* frames held for reassembly, all connections; default 8192 */
    /* Of the pool that out-of-order data is copied into when it may not hold the driver's frame; default 2048 */
    uint32_t frame_bytes;
    uint32_t resets_per_second;     /* to segments without connection; default 10000; 0: no limit */
    uint32_t sent_records;          /* further send records; default 4 * max_active, at most 2^20 */
    uint16_t port_first, port_last; /* ephemeral ports; default 32768, 60999 */
    uint32_t links;                 /* output FIFOs; default 1 */
    /*
     * Where the lower layer wants to know that a path works (RFC 4861 7.3.1), or NULL: at a path's id, which is below
     * what it has room for, `now >> TCP_PROGRESS_SHIFT` of when a connection over it got further last.
     */
    uint32_t *progress;
    bool fast_path;            /* default true; off: every segment takes the long way (must be equal) */
    struct hash_key secret;    /* ISNs, ports, table hash */
    const struct trace *trace; /* or NULL */
};
void tcp_settings_default(struct tcp_settings *s);

/* ---- the layer below ---- */

/* A doubly linked list of connections (through their works): an output FIFO, or those that wait for one neighbour. */
struct tcp_list {
    uint32_t head, tail;
};

struct tcp_path {
    uint32_t id;  /* the lower layer's handle; pinned until path_close */
    uint16_t mtu; /* bytes of IP packet that get to the peer */
    /* What the link takes: from it comes the MSS that we advertise, whatever is known of the way out (RFC 6691). */
    uint16_t link_mtu;
    uint8_t link; /* output FIFO number */
    /*
     * Bytes of IP packet that the link cuts into segments by itself; 0: it does not. All paths of a link say the same
     */
    uint32_t gso_max;
};

enum tcp_frame_result { TCP_FRAME_OK, TCP_FRAME_NO_ROOM, TCP_FRAME_UNRESOLVED };

/* A frame lent for one segment. */
struct tcp_frame {
    struct packet *packet;
    uint8_t *l4;           /* where the TCP header goes; room for mtu (large: gso_max) - IP header bytes */
    uint64_t pseudo_sum;   /* source, destination and protocol, without length (base/checksum.h) */
    bool partial_checksum; /* the link completes checksums: store the folded pseudo sum with length */
    uint16_t gso_size;     /* set by TCP: payload bytes of each segment of a large frame; 0: the frame is one segment */
    uint16_t mtu;          /* with reply_open: bytes of IP packet */
    uint8_t link;          /* the lower layer's: by which link it leaves */
    /* Of a large frame: place for PACKET_MAX_FRAGS, where its link takes pieces; else NULL */
    struct packet_frag *frags;
    struct tcp_list *waiters; /* with TCP_FRAME_UNRESOLVED: where the connection shall wait for tcp_path_ready() */
};

struct tcp_lower {
    /* Finds and pins a path. 0, ERR_NO_ROUTE, ERR_NO_MEMORY. */
    int (*path_open)(void *context, uint32_t local, const struct ip_addr *remote, struct tcp_path *out);
    void (*path_close)(void *context, uint32_t path);
    /* RFC 1122 4.2.3.5: three timeouts in a row on a path. May be NULL. */
    void (*path_doubt)(void *context, uint32_t path);
    /*
     * control: a segment without data; large: one with gso_size, up to the path's gso_max; without room, a smaller one
     * is asked for.
     */
    enum tcp_frame_result (*frame_open)(void *context, const struct flow_key *key, uint32_t path, enum link_alloc kind,
                                        struct tcp_frame *out);
    /* The segment of l4_bytes is complete; sent with ttl and tos. Takes the packet. */
    void (*frame_send)(void *context, struct tcp_frame *frame, uint32_t l4_bytes, uint8_t ttl, uint8_t tos);
    /* Gives back a frame that is not wanted. */
    void (*frame_drop)(void *context, struct tcp_frame *frame);
    /*
     * A frame back to where `to` came from, addresses and MACs reversed; complete with frame_send. NO_ROOM: counted
     * reply_no_room.
     */
    enum tcp_frame_result (*reply_open)(void *context, const struct packet *to, struct tcp_frame *out);
    /* Something was marked for output on a link whose FIFO was empty. May be NULL. */
    void (*output_wanted)(void *context, uint8_t link);
};

/*
 * A received segment, decoded and with verified checksum; many at once when the packet's gso says so (TSO, LRO, GRO).
 */
struct tcp_segment {
    struct packet *packet;
    struct flow_key key;
    uint32_t hash; /* tcp_flow_hash(layer, &key) */
    struct wire_tcp h;
    const uint8_t *options;
    const uint8_t *payload; /* up to the end of the packet's linear bytes; what is missing is in its frags */
    uint32_t payload_len;   /* in all */
    uint32_t skip; /* TCP's: bytes at the front that are out of the window; payload_len and h.seq are without them */
    uint8_t tos;   /* for ECN */
};

/* ---- users ---- */

enum tcp_close_reason {
    TCP_CLOSE_NORMAL,      /* both directions finished */
    TCP_CLOSE_RESET,       /* peer's RST */
    TCP_CLOSE_REFUSED,     /* RST (or hard ICMP error) in answer to our SYN */
    TCP_CLOSE_TIMEOUT,     /* retransmissions, keep-alive or user timeout ran out */
    TCP_CLOSE_UNREACHABLE, /* neighbour or route failed while connecting */
    TCP_CLOSE_ABORTED,     /* tcp_abort() here, or the listener was closed */
    TCP_CLOSE_NO_MEMORY,   /* a pool ran out, and the peer's window was shut for long */
    TCP_CLOSE_REASON_COUNT
};
const char *tcp_close_reason_name(enum tcp_close_reason reason);

/*
 * Callbacks of one kind of user; constant. `context` is what was registered. All but received, pull and closed may be
 * NULL. After closed() the connection does not exist for its user any more.
 */
struct tcp_user {
    /*
     * A listener got a SYN, or the ACK that answers a SYN cookie: return 0 to accept (and set *word), anything else
     * drops it (counted drop_not_admitted).
     */
    int (*admit)(void *context, const struct flow_key *key, uint64_t *word);
    /* The handshake is complete, active or passive. */
    void (*connected)(void *context, struct tcp *c, int64_t now);
    /*
     * In-order data, valid during the call. length 0: the peer's FIN (once, after all data). The user consumes by
     * tcp_consumed().
     */
    void (*received)(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now);
    /*
     * The peer has urgent data before stream offset `mark` (RFC 6093), which moved ahead; the data itself comes in
     * line, by received.
     */
    void (*urgent)(void *context, struct tcp *c, uint64_t mark, int64_t now);
    /*
     * Write the bytes [offset, offset + length) of the outgoing stream to `to` and add them to *sum (checksum_copy,
     * outq_read). All of it was promised by tcp_send(), so all of it must be there. Returns length.
     */
    size_t (*pull)(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum);
    /*
     * Says where the bytes [offset, offset + length) lie instead of writing them: in at most `max` pieces (bytes and
     * length are set, without release), which stay as they are until they are acknowledged and the frames of this turn
     * have left. Returns how many; 0: they shall be pulled. May be NULL.
     */
    unsigned (*lend)(void *context, struct tcp *c, uint64_t offset, size_t length, struct packet_frag *pieces,
                     unsigned max);
    /* Everything before offset is acknowledged and will not be asked for again. */
    void (*acked)(void *context, struct tcp *c, uint64_t offset, int64_t now);
    /* The deadline set by tcp_set_deadline passed. */
    void (*deadline)(void *context, struct tcp *c, int64_t now);
    /* The end. Called exactly once for each connection that tcp_connect made or admit accepted. */
    void (*closed)(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now);
};

/* ---- verbs ---- */

/* ERR_NO_MEMORY, ERR_INVALID. The lower layer and settings->trace outlive it. */
MUST_CHECK int tcp_layer_new(const struct tcp_settings *s, const struct tcp_lower *lower, void *lower_context,
                             const struct allocator *a, int64_t now, struct tcp_layer **out);
/* Connections end without a word: no callback, no frame. Held frames are released. */
void tcp_layer_delete(struct tcp_layer *t);

/*
 * The user's number (from 0), ERR_NO_SPACE, or ERR_INVALID for a profile out of range. Table and context outlive the
 * layer. A user whose connections differ in their profiles registers each profile, with the same table and context.
 */
MUST_CHECK int tcp_register_user(struct tcp_layer *t, const struct tcp_user *user, void *context,
                                 const struct tcp_profile *profile);
/*
 * No listener has the number, and nobody uses it for new ones. It is given again once no connection has it; one in
 * TIME_WAIT then takes its successor's time_wait_ns if it has to start again.
 */
void tcp_unregister_user(struct tcp_layer *t, unsigned user);
/*
 * Gives a connection another profile of its user (a number with the same table). What depends on the handshake (MSS,
 * window scale, timestamps, SACK, ECN) stays as agreed; congestion control starts afresh with the window it has when
 * the algorithm differs.
 */
void tcp_set_user(struct tcp_layer *t, struct tcp *c, unsigned user, int64_t now);
unsigned tcp_user_of(const struct tcp *c);
uint32_t tcp_max_users(const struct tcp_layer *t); /* of the settings */
/* The same for connections that a listener takes from now on. ERR_NOT_FOUND, ERR_INVALID. */
int tcp_listener_set_user(struct tcp_layer *t, uint32_t local, uint16_t port, unsigned user);

/*
 * Accepts on a local address and port; an address goes before TCP_ANY_LOCAL_V4 and _V6, these before TCP_ANY_LOCAL. 0,
 * ERR_IN_USE, ERR_NO_SPACE, ERR_INVALID (port 0).
 */
MUST_CHECK int tcp_listen(struct tcp_layer *t, unsigned user, uint32_t local, uint16_t port);
/* Stops accepting and resets every embryo. ERR_NOT_FOUND. */
int tcp_unlisten(struct tcp_layer *t, uint32_t local, uint16_t port, int64_t now);

/*
 * Opens a connection; the SYN goes out with the next output. key->local_port 0: chosen by RFC 6056 (double-hash).
 * 0 and *out; ERR_NO_PORTS, ERR_IN_USE, ERR_NO_ROUTE, ERR_NO_MEMORY (no record or work), ERR_INVALID.
 */
MUST_CHECK int tcp_connect(struct tcp_layer *t, unsigned user, const struct flow_key *key, uint64_t word, int64_t now,
                           struct tcp_ref *out);

struct tcp *tcp_get(struct tcp_layer *t, struct tcp_ref ref); /* NULL when it ended */
struct tcp_ref tcp_ref_of(const struct tcp_layer *t, const struct tcp *c);
uint64_t tcp_word(const struct tcp *c);
void tcp_set_word(struct tcp *c, uint64_t word);
const struct flow_key *tcp_key(const struct tcp *c);
enum tcp_state tcp_state_of(const struct tcp *c);

/*
 * Promises `bytes` more bytes of stream. 0; ERR_CLOSED after tcp_close; ERR_NO_MEMORY when no work is free (nothing
 * promised).
 */
MUST_CHECK int tcp_send(struct tcp_layer *t, struct tcp *c, uint64_t bytes, int64_t now);
/* The same, the last of these bytes marked urgent: RFC 9293 3.8.5. Also ERR_INVALID: no bytes. */
MUST_CHECK int tcp_send_urgent(struct tcp_layer *t, struct tcp *c, uint64_t bytes, int64_t now);
/*
 * The user has more for the stream than it promised, so that the last segment of what it promised is not pushed, until
 * it says otherwise, closes, or all is acknowledged.
 */
void tcp_more_follows(struct tcp_layer *t, struct tcp *c, bool more);
/* Where the peer's urgent data ends that was not handed up yet, as a stream offset; 0: there is none. */
uint64_t tcp_urgent_mark(const struct tcp_layer *t, const struct tcp *c);
/*
 * The stream ends after what was promised: FIN. Idempotent. ERR_NO_MEMORY when no work is free (the connection is
 * aborted then).
 */
int tcp_close(struct tcp_layer *t, struct tcp *c, int64_t now);
/* RST, and closed(TCP_CLOSE_ABORTED) before it returns. */
void tcp_abort(struct tcp_layer *t, struct tcp *c, int64_t now);
/* The user is done with n received bytes: the window opens. */
void tcp_consumed(struct tcp_layer *t, struct tcp *c, uint32_t n, int64_t now);
/*
 * During received(): the frame whose last bytes were handed up, for a user who keeps it (packet_keep) instead of copying them; NULL when there is none to be
 * kept. And gives one back that was kept so: with the next tcp_output or tcp_tick, as the burst that it came with may not be over.
 */
struct packet *tcp_received_packet(const struct tcp_layer *t);
void tcp_release_packet(struct tcp_layer *t, struct packet *p);
/* One deadline a connection, 1 ms resolution, at most 24 days ahead; TIME_NEVER takes it off. */
void tcp_set_deadline(struct tcp_layer *t, struct tcp *c, int64_t at, int64_t now);
/* Bytes of stream, sent side: acknowledged, and promised in all; received side: handed up. */
uint64_t tcp_acked_offset(const struct tcp *c);
uint64_t tcp_promised_offset(const struct tcp_layer *t, const struct tcp *c);
uint64_t tcp_received_offset(const struct tcp *c);

struct tcp_info {
    enum tcp_state state;
    uint32_t mss, cwnd_bytes, ssthresh_bytes, in_flight_bytes, send_window, receive_window;
    uint32_t advertised_mss;
    /* not acknowledged cumulatively; of it: sacked, taken for lost, sent again; the last two as RFC 6675 counts them */
    uint32_t unacked_bytes, sacked_bytes, lost_bytes, again_bytes;
    uint8_t retries, probes, backoff; /* timeouts and zero-window probes in a row, doublings of the timeout */
    int64_t srtt_ns, rttvar_ns, rto_ns, min_rtt_ns; /* the last: RACK's of late; 0: none */
    uint64_t bytes_acked, bytes_received;
    uint32_t retransmits; /* segments, this connection */
    bool parked, timestamps, sack, ecn;
    bool recovering, after_timeout, after_mark; /* a window reduction is under way; because of a timeout, of ECN */
    bool reordering;                            /* was seen, */
    uint8_t displaced_segments;                 /* by so many at most, or more than 255 */
    uint8_t send_wscale, receive_wscale;
};
void tcp_get_info(const struct tcp_layer *t, const struct tcp *c, struct tcp_info *out);

/* ---- driven by the stack ---- */

uint32_t tcp_flow_hash(const struct tcp_layer *t, const struct flow_key *key);
/*
 * Processes n segments in order. Frames stay the caller's unless held (packet_keep). The caller releases the whole
 * burst before it calls tcp_output or tcp_tick, which give back frames that were held.
 */
void tcp_input(struct tcp_layer *t, struct tcp_segment *segments, unsigned n, int64_t now);
/*
 * Fills frames for marked connections of one link until nothing is marked or the link has no room. Returns the segments
 * sent.
 */
unsigned tcp_output(struct tcp_layer *t, uint8_t link, int64_t now);
bool tcp_output_pending(const struct tcp_layer *t, uint8_t link);
/*
 * Nobody has anything to say just now: ACKs of PSH segments that waited for data to go with (ack_push_waits) go with the
 * next tcp_output, as else after the delay. True when there are some.
 */
bool tcp_acknowledge(struct tcp_layer *t);
/* Runs timers that are due, at most `budget`. */
void tcp_tick(struct tcp_layer *t, int64_t now, unsigned budget);
int64_t tcp_next_deadline(const struct tcp_layer *t);

/*
 * The neighbour of those who wait on the list can be reached (or not: those still connecting end with
 * TCP_CLOSE_UNREACHABLE).
 */
void tcp_path_ready(struct tcp_layer *t, struct tcp_list *waiters, bool reachable, int64_t now);
enum tcp_icmp_kind { TCP_ICMP_SOFT, TCP_ICMP_HARD, TCP_ICMP_TOO_BIG };
enum tcp_icmp_verdict {
    TCP_ICMP_IGNORED,  /* it quotes nothing in flight, or changes nothing */
    TCP_ICMP_NOTED,    /* an error that may pass; a "too big" that contradicts what arrived: retransmission decides */
    TCP_ICMP_BELIEVED, /* acted upon */
};
/* An ICMP error quoting a segment of ours: RFC 5927 checks; MTU is used with TOO_BIG. */
enum tcp_icmp_verdict tcp_icmp_error(struct tcp_layer *t, const struct flow_key *key, struct seq quoted,
                                     enum tcp_icmp_kind kind, uint32_t mtu, int64_t now);

/*
 * A local address is not ours any more: its connections are reset, as by tcp_abort, and its TIME_WAIT is over.
 * Listeners stay. Linear in all connections.
 */
void tcp_abort_local(struct tcp_layer *t, uint32_t local, int64_t now);
/* Has it a listener, or a connection whose RST has not left yet? Linear in all connections. */
bool tcp_uses_local(const struct tcp_layer *t, uint32_t local);

const struct tcp_counters *tcp_counters(const struct tcp_layer *t);
struct tcp_occupancy {
    uint32_t connections, active, time_wait, sent_records, out_of_order_frames;
};
/* What is in use now: all zero after everything ended. */
void tcp_get_occupancy(const struct tcp_layer *t, struct tcp_occupancy *out);

#endif
