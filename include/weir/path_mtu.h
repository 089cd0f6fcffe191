/* SPDX-License-Identifier: MIT */
/*
 * How much fits into a datagram of a connected socket that arrives in one piece: RFC 8899, for programs whose peer
 * echoes or acknowledges. Routers may tell or not.
 *
 *     p = weir_path_mtu_new(stack, fd, NULL);
 *     for (;;) {
 *         bytes = weir_path_mtu_probe(p, &id);
 *         if (bytes > 0 && weir_send(stack, fd, a datagram of so many bytes with the id in it, bytes, 0) < 0 && errno == EMSGSIZE)
 *             weir_path_mtu_refused(p, id);
 *         wait for what comes, at most weir_path_mtu_wait_ns(p);
 *         for each answer to a probe: weir_path_mtu_answered(p, its id);
 *         other datagrams have at most weir_path_mtu_payload(p) bytes
 *     }
 *
 * One thread at a time uses one of these. All sizes are those of datagrams as the program sends them, without UDP's and
 * IP's headers.
 */
#ifndef WEIR_PATH_MTU_H
#define WEIR_PATH_MTU_H

#include "weir/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_path_mtu;

/* Everything but size may be left 0. */
struct weir_path_mtu_options {
    size_t size;          /* sizeof(struct weir_path_mtu_options) */
    uint32_t max_payload; /* no datagram is to be longer; 0: the path as it is known (IP_MTU) is all that bounds it */
    uint32_t step;        /* what would be gained less is not tried; 0: 1 */
    uint32_t max_probes;  /* so often is a size asked for; 0: 3 */
    int64_t probe_ns;     /* the longest that an answer takes, at least 1 s; 0: 16 s */
    /* The program notices that its datagrams get lost, and calls weir_path_mtu_black_hole; else the size is asked for each minute. */
    bool acknowledged;
};

/*
 * For a connected UDP socket, which from now on sends with IP_PMTUDISC_PROBE. options may be NULL. NULL with errno: EINVAL (values outside of what is said
 * above), ENOMEM, as weir_getsockopt, or ENOTCONN.
 */
struct weir_path_mtu *weir_path_mtu_new(struct weir_stack *stack, int fd, const struct weir_path_mtu_options *options);
void weir_path_mtu_delete(struct weir_path_mtu *p);
/* A probe of so many bytes is to be sent now, with an id in it that the answer brings back; 0: none. */
uint32_t weir_path_mtu_probe(struct weir_path_mtu *p, uint32_t *id);
/* How long weir_path_mtu_probe has nothing to do; negative: for ever. */
int64_t weir_path_mtu_wait_ns(const struct weir_path_mtu *p);
/* An answer. False: to no probe in question. Ids begin at random. */
bool weir_path_mtu_answered(struct weir_path_mtu *p, uint32_t id);
/* The probe was not sent: EMSGSIZE. */
void weir_path_mtu_refused(struct weir_path_mtu *p, uint32_t id);
/* The error queue (IP_RECVERR, IPV6_RECVERR) had an EMSGSIZE about this probe, with an MTU in ee_info. True: it is tried. */
bool weir_path_mtu_too_big(struct weir_path_mtu *p, uint32_t id, uint32_t mtu);
/* Datagrams of the present size do not arrive any more. */
void weir_path_mtu_black_hole(struct weir_path_mtu *p);
/* What a datagram may have that is no probe. */
uint32_t weir_path_mtu_payload(const struct weir_path_mtu *p);
/* Whether a search is over, and a size confirmed. */
bool weir_path_mtu_settled(const struct weir_path_mtu *p);

#ifdef __cplusplus
}
#endif

#endif
