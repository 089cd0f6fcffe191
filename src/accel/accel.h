/* SPDX-License-Identifier: MIT */
/*
 * The near box of the accelerator: a bump in the wire with the clients at one link and the servers at the other. It
 * answers a client's SYN itself while the SYN goes on, takes the server's SYN-ACK away and translates what follows
 * (translate.h, rewrite.h). Everything else crosses as it is. RFC 9293, 7323, 2018; FEATURES Z1 to Z11, THREATS MB.
 *
 *     client          near box            server
 *        |--- SYN -------->|------ SYN -------->|      passed on, and answered at once with an initial sequence number
 *        |<-- SYN-ACK -----|                    |      of our own (RFC 6528)
 *        |--- ACK, data -->| holds              |      inside the window we promised, which goes out at once later on
 *        |                 |<----- SYN-ACK -----|      kept; the shift between the two numberings is known
 *        |<-- ACK ---------|------ ACK, data -->|      acknowledged when the server might have done so, or before the
 *        |                 |                    |      client would send it again (hold.c): nothing that was acknowledged
 *        |                 |                    |      can be lost, it is sent until the server acknowledges it
 *        |<= translated ==>|<==================>|
 *
 * What the box promises a client in the server's name: what that server said the last time (servers.h); of a server it
 * does not know, the least: an MSS that every host takes, no window scale, no SACK, no timestamps. Where the server says
 * something else, each segment is rewritten for whoever gets it.
 *
 * Failure is told as it is: the server's RST reaches the client in the client's numbers; a server that is silent is
 * asked again, and after server_timeout_ns the client gets RST. Bytes that were acknowledged and cannot be delivered end
 * in RST, never in FIN, and are counted. A server that answers about an older connection is told RST and asked again.
 *
 * Where that is asked for, SYNs to servers that speak TCP Fast Open wait for the first data and take it along:
 * fast_open.h.
 *
 * Somebody nearer to the wire may answer SYNs (answers.h) and translate established flows (shortcut.h) in its place.
 *
 * Passed untouched: what the configuration says (bypass.h), SYNs with data, a client's own Fast Open, MD5, AO or MPTCP,
 * fragments, what is not TCP, and every new connection while a table is full, or of a source that has enough (limits.h).
 * ECN is not negotiated through the box: the bits are cleared in the SYN.
 *
 * Beyond a rate of SYNs they are answered with cookies, and go on when these have come back (cookie.c). Flows may outlive
 * the process (store.h).
 *
 * Owns: flows, early data. Borrows: the two links. Sans I/O, one thread; `now` is an argument.
 */
#ifndef WEIR_ACCEL_ACCEL_H
#define WEIR_ACCEL_ACCEL_H

#include "accel/bypass.h"
#include "base/hash.h"
#include "packet/link.h"

#define ACCEL_BOOT_BYTES 16

enum accel_side {
    ACCEL_CLIENTS,
    ACCEL_SERVERS,
};

enum accel_role {
    ACCEL_NEAR,
    ACCEL_FAR, /* of a pair; see far.c. Alone (not paired) it is a bridge */
};

/* What happened, by name; names as in the results. */
/* clang-format off */
#define ACCEL_COUNTER_LIST(X)                                                                                          \
    X(flows_opened) X(flows_translated) X(flows_closed) X(flows_reset) X(resets_doubted) X(flows_idle)                 \
    X(syn_answered) X(syn_answered_again) X(syn_sent_again)                                                            \
    X(servers_learnt) X(servers_changed)                                                                               \
    X(early_bytes) X(early_bytes_sent_again) X(early_undelivered)                                                      \
    X(server_refused) X(server_silent) X(half_open_reset) X(icmp_translated)                                           \
    X(far_box_found) X(far_box_lost) X(sent_ahead) X(far_flows) X(far_held) X(far_early) X(far_bad_mark)               \
    X(far_syn_twice) X(far_answered_twice)                                                                             \
    X(fast_open_asked) X(fast_open_learnt) X(fast_open_sent) X(fast_open_sent_empty) X(fast_open_accepted)             \
    X(fast_open_refused) X(fast_open_forgotten) X(fast_open_lost)                                                      \
    X(cookies_sent) X(cookies_by_source) X(cookies_by_rate) X(cookies_by_openings) X(cookies_returned)                 \
    X(cookies_no_room) X(client_silent)                                                                                \
    X(shortcut_flows) X(shortcut_refused) X(shortcut_segments) X(shortcut_bytes)                                       \
    X(shortcut_answered) X(shortcut_withdrawn)                                                                         \
    X(restart_kept) X(restart_reset) X(restart_forgotten)                                                              \
    X(bypass_data) X(bypass_options) X(bypass_source) X(bypass_full) X(bypass_configured)                              \
    X(drop_bad_checksum) X(drop_bad_ack) X(drop_bad_reset) X(drop_out_of_order) X(drop_unexpected) X(drop_no_buffer)   \
    X(drop_no_room) X(drop_cannot_rewrite) X(drop_pending)
/* clang-format on */

struct accel_counters {
#define ACCEL_COUNTER_FIELD(name) uint64_t name;
    ACCEL_COUNTER_LIST(ACCEL_COUNTER_FIELD)
#undef ACCEL_COUNTER_FIELD
};

struct accel_answers;
struct accel_shortcut;
struct accel_watch;
struct accel_settings {
    uint32_t max_flows;     /* default 65,536 */
    uint32_t max_openings;  /* connections whose handshake or early data are under way; default 4,096 */
    uint32_t max_servers;   /* whose options are remembered; default 4,096 */
    uint32_t early_buffers; /* of 65,535 bytes; default 1,024 */
    /* limits.h; a source is an IPv4 address or an IPv6 /64, and 0 means no limit */
    uint32_t max_sources;      /* that are counted apart; default 65,536 */
    uint32_t source_flows;     /* beyond, SYNs pass; default 32,768 */
    uint32_t source_syn_rate;  /* SYNs a second from one source, beyond which they get cookies; default 1,000 */
    uint32_t syn_rate;         /* the same from all; default 10,000 */
    int64_t server_timeout_ns; /* a server that does not answer; default 20 s */
    int64_t server_memory_ns;  /* what a server said is believed that long; default 10 min */
    int64_t idle_timeout_ns;   /* a connection without a segment; default 2 h 4 min (RFC 5382 REQ-5) */
    int64_t closed_timeout_ns; /* after both FINs were acknowledged; default 2 min */
    struct hash_key secret;    /* from the system: flows, initial sequence numbers */
    /*
     * paired: boxes at both ends of the network know each other by pair_key (pair.h). wall_ns: what the wall clock is ahead
     * of `now`.
     */
    bool paired;
    enum accel_role role;
    struct hash_key pair_key;
    int64_t wall_ns;
    /* Near: from this round trip to the far box on a server gets SYNs twice (far.c); default 10 ms; 0: never. */
    int64_t syn_twice_from_ns;
    /* A near box alone saves the server's round trip too, with servers that speak TCP Fast Open: fast_open.h. */
    bool fast_open;
    uint32_t fast_open_cookies; /* pairs of client and server whose cookie is remembered; default 65,536 */
    int64_t fast_open_wait_ns;  /* what a SYN waits for data; default 5 ms */
    /*
     * Flows that outlive the process: accel_store_bytes() of memory that does, at a multiple of 64, zero or as an earlier
     * box left it (store.h); NULL: none. `boot` is of the machine's start, since which `now` counts.
     */
    void *store;
    size_t store_bytes;
    uint8_t boot[ACCEL_BOOT_BYTES];
    const struct accel_bypass *bypass; /* these pass untouched; borrowed, outlives the box */
    uint32_t bypass_count;
    struct accel_watch *watch; /* who looks on (watch.h), or NULL; borrowed as well */
    /* Who translates established flows in the box's place (shortcut.h), or NULL; borrowed as well, not at a far box. */
    const struct accel_shortcut *shortcut;
    /* Who answers SYNs in its place (answers.h), or NULL; the same. */
    const struct accel_answers *answers;
};
void accel_settings_default(struct accel_settings *s);

struct accel;
/*
 * Frames that come in by one link leave by the other. ERR_NO_MEMORY, ERR_INVALID (a zero, Fast Open at a far box, a store
 * of other settings).
 */
MUST_CHECK int accel_new(const struct accel_settings *s, const struct allocator *a, struct link *clients,
                         struct link *servers, int64_t now, struct accel **out);
void accel_delete(struct accel *a);

/* Takes a burst from each link, and does what is due. Returns the frames taken. */
unsigned accel_turn(struct accel *a, int64_t now);
/* When accel_turn wants to be called at the latest, frames apart. */
int64_t accel_next_deadline(const struct accel *a);
const struct accel_counters *accel_counters(const struct accel *a);
/* What the shortcut has done so far gets into the counters. */
void accel_shortcut_count(struct accel *a);
/* No SYN is answered in the box's place from now on; those that were are taken. The box turns no more. */
void accel_answers_end(struct accel *a, int64_t now);
/* Flows in the table, and of these the ones that are opening or have early data. */
void accel_occupancy(const struct accel *a, uint32_t *flows, uint32_t *openings);
/* Invariants, for tests: NULL or what is wrong. Linear in the flows. */
const char *accel_check(const struct accel *a);

#endif
