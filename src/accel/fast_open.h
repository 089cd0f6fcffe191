/* SPDX-License-Identifier: MIT */
/*
 * TCP Fast Open (RFC 7413) of a near box alone, towards servers that speak it, for clients that know nothing of it.
 *
 *     client          near box              server
 *        |--- SYN -------->|--- SYN, ask ----->|      a client's first connection to the server: an empty option is put in
 *        |<-- SYN-ACK -----|<-- SYN-ACK, C ----|      the cookie is learnt, and no client sees it
 *
 *        |--- SYN -------->| is held           |      a later one: until the first data is there, for at most
 *        |<-- SYN-ACK -----|                   |      fast_open_wait_ns
 *        |--- ACK, data -->|--- SYN, C, data ->|      as much as the server's MSS takes beside the options
 *        |                 |<-- SYN-ACK -------|      of the SYN alone (refused: the data is sent again), or of data too
 *        |                 |<-- answer --------|
 *        |<-- answer ------|--- ACK, rest ---->|      may come before our ACK
 *
 * A cookie is bound to the client's address (RFC 7413 4.1.2) and is found by it, the server's address and port, and the
 * VLAN; never by the client's port. The table has a fixed size, known by a keyed hash of 64 bits, and a newer cookie takes
 * the place of an older one that falls on the same slot: what is lost that way, or mistaken, costs the server a refusal
 * and the client nothing. A cookie is believed for as long as what a server said (servers.h), from when it last worked.
 *
 * A cookie is only spent for a client that has acknowledged our SYN-ACK, so that a forged SYN makes no server believe in its
 * address; for one that has not by the end of the wait the SYN goes without. A client that has, but sends nothing, may
 * wait for a server that speaks first: the SYN goes with the cookie alone, and that server may speak at once.
 *
 * What goes wrong (RFC 7413 4.1.3.1), and what follows:
 *
 *   the data is not acknowledged   sent again behind the handshake; after two refusals in a row without a new cookie the
 *                                  cookie is forgotten, and asked for again
 *   silence, or RST                the SYN goes again without option and data. Where that is answered the server is one that
 *                                  does not speak Fast Open; if it did before, only when that happens twice in a row: it was
 *                                  a loss
 *   no cookie when asked           the server does not speak it
 *
 * Of a server that does not speak it SYNs are neither held nor changed, for as long as what servers said is believed.
 *
 * SYNs with data may be delivered twice (RFC 7413 2.1, 6.1): once more after the connection is over, to an application
 * that then sees the request again. That is why this is off unless it is asked for.
 *
 * Of a pair (pair.h): where a far box is known, or not yet known to be absent, SYNs have the pair's mark and no Fast Open.
 * What such a connection says of a server is not refreshed by those without mark, so that a far box is looked for again.
 */
#ifndef WEIR_ACCEL_FAST_OPEN_H
#define WEIR_ACCEL_FAST_OPEN_H

#include "accel/flow.h"

#define ACCEL_FAST_OPEN_COOKIE_MAX 16u /* RFC 7413 4.1.1 */
#define ACCEL_FAST_OPEN_OPTION_MAX 20u /* kind, length, the longest cookie, and padding */

/* What becomes of a connection's SYN to the server. */
enum accel_fast_open {
    ACCEL_FAST_OPEN_OFF,      /* none of all this */
    ACCEL_FAST_OPEN_WITHOUT,  /* it was held, and went without */
    ACCEL_FAST_OPEN_ASKED,    /* with an empty option */
    ACCEL_FAST_OPEN_HELD,     /* it has not gone yet */
    ACCEL_FAST_OPEN_SENT,     /* with a cookie, and perhaps with data */
    ACCEL_FAST_OPEN_GIVEN_UP, /* asked or sent, and then once more without */
};

struct accel_fast_open_cookie {
    uint64_t tag;
    int64_t at; /* learnt, or accepted last */
    uint8_t bytes[ACCEL_FAST_OPEN_COOKIE_MAX];
    uint8_t length; /* 0: an empty slot */
    uint8_t refusals;
};

struct accel_fast_open_cookies {
    struct accel_fast_open_cookie *slots;
    uint32_t n; /* a power of two */
    int64_t memory_ns;
    struct hash_key secret;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_INVALID (max is 0 or more than 2^24). */
MUST_CHECK int accel_fast_open_cookies_init(struct accel_fast_open_cookies *c, const struct allocator *a, uint32_t max,
                                            int64_t memory_ns, const struct hash_key *secret);
void accel_fast_open_cookies_free(struct accel_fast_open_cookies *c);
/* The cookie of this flow's client for its server, or NULL. Valid until the next call that is not a find. */
const struct accel_fast_open_cookie *accel_fast_open_cookie_find(const struct accel_fast_open_cookies *c,
                                                                 const struct accel_key *key, int64_t now);
/* 4 to 16 bytes. False: it is the one that was known. */
bool accel_fast_open_cookie_learn(struct accel_fast_open_cookies *c, const struct accel_key *key, const uint8_t *bytes,
                                  uint8_t length, int64_t now);
void accel_fast_open_cookie_accepted(struct accel_fast_open_cookies *c, const struct accel_key *key, int64_t now);
/* True: it is forgotten. */
bool accel_fast_open_cookie_refused(struct accel_fast_open_cookies *c, const struct accel_key *key, int64_t now);

#endif
