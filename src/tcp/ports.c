/* SPDX-License-Identifier: MIT */
/*
 * Numbers that must not be guessed: local ports (RFC 6056 section 3.3.4, double-hash) and initial sequence numbers (RFC
 * 6528).
 */
#include "tcp/layer.h"

/* A port is given up as unavailable after so many occupied ones in a row. */
#define PORT_TRIES 256

static uint64_t keyed(const struct tcp_layer *t, const struct flow_key *key, uint64_t purpose)
{
    struct hash_key k = {t->settings.secret.k0 ^ purpose, t->settings.secret.k1 + purpose};
    return hash_sip24(&k, key, sizeof *key);
}

uint16_t tcp_choose_port(struct tcp_layer *t, const struct flow_key *wanted, int64_t now)
{
    struct flow_key key = *wanted;
    key.local_port = 0;
    uint64_t h = keyed(t, &key, 1);
    uint32_t range = (uint32_t)(t->settings.port_last - t->settings.port_first) + 1;
    uint32_t *counter = &t->port_counters[(h >> 32) % TCP_PORT_COUNTERS];
    for (uint32_t tries = min_u32(range, PORT_TRIES); tries > 0; tries--) {
        key.local_port = (uint16_t)(t->settings.port_first + ((uint32_t)h + (*counter)++) % range);
        struct tcp_timewait *tw = NULL;
        if (!tcp_lookup(t, &key, tcp_flow_hash(t, &key), &tw) && (!tw || tcp_timewait_expired(tw, now)))
            return key.local_port;
    }
    return 0;
}

/* ISN = M + F(four-tuple, secret), M a clock of 4 microseconds. */
struct seq tcp_initial_sequence(const struct tcp_layer *t, const struct flow_key *key, int64_t now)
{
    return seq_of((uint32_t)((uint64_t)now / 4000u) + (uint32_t)keyed(t, key, 2));
}
