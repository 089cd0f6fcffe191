/* SPDX-License-Identifier: MIT */
/*
 * What a host sends to one of the addresses of its own domain, its own among them: RFC 1122 3.2.1.3 has it stay inside. It leaves by an interface of
 * its own whose link is a queue of frames, as many as settings.loop_frames: what one turn puts there the next stack_receive takes out, so that nothing
 * is received while something is sent. Segments go there whole, without checksums.
 *
 * The way there is one neighbour without a domain, which nobody finds by address and nobody lists. The destination MAC of a frame begun by it names
 * the host that sends (loop_mac); the source MAC, once it is taken out, the host it is for, so that an answer turned round names its sender again.
 */
#ifndef WEIR_STACK_LOOP_H
#define WEIR_STACK_LOOP_H

#include "packet/guard.h"
#include "stack/host.h"
#include "stack/interface.h"

#define STACK_LOOP (STACK_MAX_INTERFACES - 1u) /* its number among the interfaces, the last of all */

struct loop {
    struct link link;
    struct guard guard; /* forbids nothing */
    struct packet_pool pool;
    struct packet *first, **end; /* on their way, by packet.next */
    uint32_t neighbour;          /* 0: there is no loop */
};

/* With 0 frames there is none, and own addresses are not reached. ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int loop_init(struct stack *s, uint32_t frames, int64_t now);
void loop_free(struct stack *s);
/* Takes a burst. Returns how many. */
unsigned loop_receive(struct stack *s, int64_t now);

/* The host with that address in a host's own domain, or NULL. */
struct host *loop_find(const struct stack *s, const struct host *from, const struct ip_addr *address);

struct arrival;
struct datagram;
/* Whether what came from the loop is from and to hosts of one domain (counted, else). Finds d->host. */
bool loop_deliverable(struct stack *s, const struct arrival *a, struct datagram *d);

/* Names a host in a frame of the loop, at one of its two MACs; and who is named, NULL: nobody any more. */
static inline void loop_mac(uint8_t *mac, uint32_t host) { store_be32(mac + 2, host); }
static inline struct host *loop_named(const struct host_set *set, const uint8_t *mac)
{
    return host_at(set, load_be32(mac + 2));
}

#endif
