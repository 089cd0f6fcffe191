/* SPDX-License-Identifier: MIT */
/*
 * What servers said in their SYN-ACKs, remembered for the next client: by address and port, in a table of fixed size
 * where a newer server takes the place of an older one that falls on the same slot.
 */
#ifndef WEIR_ACCEL_SERVERS_H
#define WEIR_ACCEL_SERVERS_H

#include "accel/flow.h"

/* Whether a server speaks TCP Fast Open: fast_open.h. */
enum accel_server_fast_open {
    ACCEL_SERVER_UNKNOWN,
    ACCEL_SERVER_SPEAKS,  /* it took data in a SYN */
    ACCEL_SERVER_DOUBTED, /* the same, and the last SYN by Fast Open was not answered */
    ACCEL_SERVER_SPEAKS_NOT,
};

struct accel_server {
    struct ip_addr address;
    uint16_t port, vlan;
    struct accel_promise said; /* mss 0: an empty slot */
    bool far;                  /* a far box stands before it */
    uint8_t fast_open;         /* enum accel_server_fast_open */
    int64_t at, fast_open_at;
    int64_t rtt_ns; /* to a far box and back, so far as it is believed */
};

struct accel_servers {
    struct accel_server *slots;
    uint32_t n; /* a power of two */
    int64_t memory_ns;
    struct hash_key secret;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY, ERR_INVALID (max is 0 or more than 2^24). */
MUST_CHECK int accel_servers_init(struct accel_servers *s, const struct allocator *a, uint32_t max, int64_t memory_ns,
                                  const struct hash_key *secret);
void accel_servers_free(struct accel_servers *s);
/* What the server of this flow said; NULL: it is not known, or no longer. */
const struct accel_promise *accel_servers_find(const struct accel_servers *s, const struct accel_key *key, int64_t now);
/* Its place in `slots`. */
uint32_t accel_servers_place(const struct accel_servers *s, const struct accel_key *key);
/* Whether it is known that a far box stands before it. */
bool accel_servers_far(const struct accel_servers *s, const struct accel_key *key, int64_t now);
void accel_servers_learn(struct accel_servers *s, const struct accel_key *key, const struct accel_promise *said,
                         bool far, int64_t now);
/*
 * The round trip to a far box, as measured: a shorter one is believed at once, and a longer one, which may be a busy
 * machine's, by an eighth each time. 0: there is none, or it is not known.
 */
int64_t accel_servers_rtt(const struct accel_servers *s, const struct accel_key *key, int64_t now);
void accel_servers_measured(struct accel_servers *s, const struct accel_key *key, int64_t rtt_ns);
enum accel_server_fast_open accel_servers_fast_open(const struct accel_servers *s, const struct accel_key *key,
                                                    int64_t now);
/* Of a server that is known; otherwise nothing is remembered. */
void accel_servers_set_fast_open(struct accel_servers *s, const struct accel_key *key, enum accel_server_fast_open is,
                                 int64_t now);

#endif
