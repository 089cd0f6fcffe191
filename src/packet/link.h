/* SPDX-License-Identifier: MIT */
/*
 * One queue of one driver as a table of functions. Drivers are in link/, links over links in impair/ and link/.
 *
 * One thread uses a link. No call blocks. Time is an argument, except for a driver that stamps arrivals itself.
 * tx_alloc never gives more packets than tx_burst has room for, and tx_burst takes every packet it is given (what
 * cannot be sent after all is dropped and counted). A packet from rx_burst belongs to the caller.
 */
#ifndef WEIR_PACKET_LINK_H
#define WEIR_PACKET_LINK_H

#include "packet/packet.h"

#define LINK_BURST 64u
#define LINK_NAME_BYTES 64
#define LINK_NOTE_BYTES 32

/* Drop causes at a link; names as in the results' ports[].drops. */
#define LINK_DROP_LIST(X)                                                                                              \
    X(RX_NO_BUFFER, rx_no_buffer) /* a frame came and no packet was free */                                            \
    X(RX_TOO_LONG, rx_too_long)   /* longer than a buffer */                                                           \
    X(RX_MALFORMED, rx_malformed) /* what stood for a frame could not be read */                                       \
    X(RX_UNFILLED, rx_unfilled)   /* its sender left the checksum to a card that is not there */                       \
    X(RX_NO_SOCKET, rx_no_socket) /* by a queue that is newer than the link: the kernel's stack has it */              \
    X(TX_NO_ROOM, tx_no_room)     /* the driver refused after all */                                                   \
    X(TX_ERROR, tx_error)         /* the system reported an error */                                                   \
    X(TX_MALFORMED, tx_malformed) /* packet_finish could not complete it */                                            \
    X(TX_GUARD, tx_guard)         /* the guard forbade it */                                                           \
    X(IMPAIR_LOSS, impair_loss)   /* lost on purpose */                                                                \
    X(IMPAIR_QUEUE, impair_queue) /* the impaired link's queue was full */

enum link_drop {
#define LINK_DROP_ENUM(name, text) LINK_DROP_##name,
    LINK_DROP_LIST(LINK_DROP_ENUM) LINK_DROP_COUNT
#undef LINK_DROP_ENUM
};

const char *link_drop_name(enum link_drop cause);

struct link_counters {
    uint64_t frames_rx, bytes_rx, frames_tx, bytes_tx; /* bytes without FCS */
    uint64_t drops[LINK_DROP_COUNT];
};

enum link_cap {
    LINK_CAP_RX_CHECKSUM = 1, /* may deliver PACKET_CHECKSUM_VERIFIED or PARTIAL */
    LINK_CAP_TX_CHECKSUM = 2, /* takes PACKET_CHECKSUM_PARTIAL */
    LINK_CAP_TSO = 4,         /* takes PACKET_GSO_TCP4/6 up to gso_max bytes */
    LINK_CAP_SCATTER = 8,     /* takes packets with frags */
    LINK_CAP_GRO = 16,        /* delivers GSO packets, so that merging by packet/gro gains nothing */
    /*
     * No segment with stations but one peer, which takes all: nobody asks for MACs and addresses (ARP, Neighbour
     * Discovery, DAD), and every next hop is there. Frames are IP with an Ethernet header that is not on the wire.
     */
    LINK_CAP_POINT_TO_POINT = 32,
    LINK_CAP_USO = 64, /* takes PACKET_GSO_UDP up to gso_max bytes */
};

/* What an empty packet is for. */
enum link_alloc {
    LINK_ALLOC_DATA,    /* a frame of at most mtu bytes of L3 packet */
    LINK_ALLOC_CONTROL, /* the same; may use the reserve */
    LINK_ALLOC_LARGE,   /* a GSO packet of up to gso_max bytes: only with LINK_CAP_TSO, otherwise none is given */
};

struct link;

struct link_ops {
    /* Up to n received packets. */
    unsigned (*rx_burst)(struct link *link, struct packet **packets, unsigned n, int64_t now);
    /* Up to n empty packets to fill and hand to tx_burst. */
    unsigned (*tx_alloc)(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind);
    /* Takes all n packets, of this link's tx_alloc or any other home. Called through link_tx_burst. */
    void (*tx_burst)(struct link *link, struct packet **packets, unsigned n, int64_t now);
    /* How many frames tx_burst has room for now, those that tx_alloc gave included. NULL: any number. */
    uint32_t (*tx_room)(struct link *link);
    /*
     * When rx_burst or tx_burst wants to be called next because of time (impair); TIME_NEVER when only frames wake it.
     */
    int64_t (*next_deadline)(struct link *link);
    /*
     * Of a link through another interface of the same stack (tunnel/): sends on what tx_burst keeps. Called once a turn,
     * while the stack works on nothing else. NULL: tx_burst sends.
     */
    void (*push)(struct link *link, int64_t now);
    /*
     * Asks that the descriptor becomes readable at the next frame; false when frames are already waiting. NULL: poll
     * only.
     */
    bool (*arm)(struct link *link);
    /*
     * Gives back the frames that wait in it, which may be another link's; before any of them is closed. NULL: none
     * wait.
     */
    void (*flush)(struct link *link);
    /* Releases all it owns. Packets still held by others must be released before. */
    void (*close)(struct link *link);
};

struct link {
    const struct link_ops *ops;
    struct link_counters counters;
    char name[LINK_NAME_BYTES];
    char note[LINK_NOTE_BYTES]; /* how a driver could open it, where that is not always the same; "": nothing to tell */
    uint8_t mac[6];
    uint32_t mtu;       /* bytes of L3 packet */
    uint32_t caps;      /* enum link_cap */
    uint32_t gso_max;   /* bytes of L3 packet with LINK_CAP_TSO or _USO; else 0 */
    uint32_t rss_key;   /* 0: no RSS */
    uint32_t nesting;   /* tunnels that a frame goes through before it is on a wire */
    int fd;             /* pollable, or -1 */
    bool tags_in_mtu;   /* VLAN tags take their bytes from mtu, but for one of 0x8100; of a driver */
    struct link *lower; /* of a link over a link, which owns it and counts its own drops; NULL: a driver */
};

static inline unsigned link_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    return l->ops->rx_burst(l, packets, n, now);
}
static inline unsigned link_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    if (kind == LINK_ALLOC_LARGE && !(l->caps & LINK_CAP_TSO))
        return 0;
    return l->ops->tx_alloc(l, packets, n, kind);
}
/* What a link needs to take a GSO packet whole; 0: none takes it. */
static inline uint32_t link_cap_to_cut(const struct packet *p)
{
    if (p->gso == PACKET_GSO_TUNNEL)
        return 0;
    return p->gso == PACKET_GSO_UDP ? LINK_CAP_USO : LINK_CAP_TSO;
}
/* The way out for packets some of which are GSO or have frags: see packet/fit.c. */
void link_tx_burst_fitted(struct link *l, struct packet **packets, unsigned n, int64_t now);
/* Sends n packets; what the link cannot take whole is cut or made linear first. */
static ALWAYS_INLINE void link_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    unsigned special = 0;
    for (unsigned i = 0; i < n; i++)
        special |= packets[i]->gso | (unsigned)packets[i]->nfrags;
    if (likely(!special))
        l->ops->tx_burst(l, packets, n, now);
    else
        link_tx_burst_fitted(l, packets, n, now);
}
static inline uint32_t link_tx_room(struct link *l) { return l->ops->tx_room ? l->ops->tx_room(l) : UINT32_MAX; }
static inline int64_t link_next_deadline(struct link *l)
{
    return l->ops->next_deadline ? l->ops->next_deadline(l) : TIME_NEVER;
}
/* Of a link and those below it. */
static inline uint32_t link_nesting(const struct link *l)
{
    uint32_t most = 0;
    for (; l; l = l->lower)
        most = l->nesting > most ? l->nesting : most;
    return most;
}
/* Through all links of a stack of them. */
static inline void link_flush(struct link *l)
{
    for (; l; l = l->lower)
        if (l->ops->flush)
            l->ops->flush(l);
}
static inline void link_close(struct link *l)
{
    if (l)
        l->ops->close(l);
}

#endif
