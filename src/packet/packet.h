/* SPDX-License-Identifier: MIT */
/*
 * One frame in memory. DESIGN section 3.
 *
 * A packet has one holder at a time, who passes it on or releases it. There are no reference counts: a second holder
 * gets a copy. It always returns to its `home`: the pool it came from, a return ring to another core's pool, or a
 * driver. The struct lies in the buffer in front of the bytes (or in a driver's private area), so that a frame is one
 * object.
 *
 *     buffer: [struct packet][headroom ...][data, len bytes][tailroom ...]
 *
 * Invariants: start <= data, data + len <= start + size. Headers are always linear. A packet whose `held` is set
 * belongs to somebody who took it out of a burst with packet_keep(); packet_release_burst() leaves it alone.
 */
#ifndef WEIR_PACKET_PACKET_H
#define WEIR_PACKET_PACKET_H

#include "base/alloc.h"
#include "base/time_ns.h"

struct packet;

/* Where a packet goes when its holder lets go. Embedded in pools, return rings and drivers. */
struct packet_home {
    /* Takes back n packets, which are no longer held. */
    void (*release)(struct packet_home *home, struct packet **packets, unsigned n);
    /*
     * Frames that holders above took with packet_keep, and how many they may take before they must copy (the low-water
     * rule).
     */
    uint32_t held;
    uint32_t held_max;
};

/* What is known of the transport checksum; virtio-net's header says the same. */
enum packet_checksum {
    PACKET_CHECKSUM_UNKNOWN,  /* rx: not looked at. tx: complete, nothing to do */
    PACKET_CHECKSUM_VERIFIED, /* rx: the link vouches for it */
    /* The field holds the pseudo-header sum: sum from checksum_start on, store at checksum_start + checksum_offset. */
    PACKET_CHECKSUM_PARTIAL,
};

enum packet_gso {
    PACKET_GSO_NONE,
    PACKET_GSO_TCP4,
    PACKET_GSO_TCP6,
    PACKET_GSO_UDP,
    PACKET_GSO_TUNNEL, /* TCP or UDP in VXLAN, its header at checksum_start: no link gives or takes it, drivers cut it */
};

/*
 * A piece of user memory behind the linear head. Released only when it is acknowledged and every transmission of it is.
 */
struct packet_frag {
    const uint8_t *bytes;
    uint32_t length;
    void (*release)(void *context, const uint8_t *bytes);
    void *context;
};

#define PACKET_MAX_FRAGS 17

/*
 * The first cache line is all that taking a packet from a pool initialises. Fields of the second are undefined until
 * somebody sets them; what tells whether they are valid is in the first.
 */
struct packet {
    CACHE_ALIGNED uint8_t *data; /* first byte of the frame (Ethernet header) */
    uint32_t len;                /* linear bytes */
    uint16_t vlan_tci;
    bool vlan_present : 1;  /* an 802.1Q tag that the link stripped (rx) or shall insert (tx) */
    bool held : 1;          /* taken by packet_keep */
    bool departure_set : 1; /* departure_ns is valid */
    uint8_t nfrags;         /* frags is valid when not 0 */
    struct packet_home *home;
    uint8_t *start;   /* buffer behind the struct */
    uint32_t size;    /* buffer bytes */
    uint32_t hash;    /* RSS or flow hash; 0: none */
    uint8_t checksum; /* enum packet_checksum */
    uint8_t gso;      /* enum packet_gso */
    uint16_t gso_size;
    uint16_t checksum_start;  /* offset from data */
    uint16_t checksum_offset; /* offset from checksum_start */
    uint16_t l3_offset;
    uint16_t l4_offset;
    uint32_t flow_mark; /* stateless flow this frame belongs to; 0: none */
    int64_t rx_ns;      /* arrival, on the axis of `now`; 0 for a packet that did not arrive */
    /* second cache line: seldom used */
    int64_t departure_ns; /* wanted (impair, pacing) or actual */
    struct packet *next;  /* for the holder's own lists */
    uint64_t holder_word; /* for the holder */
    struct packet *holder_link;
    struct packet_frag *frags;
};
static_assert(offsetof(struct packet, departure_ns) == CACHE_LINE && sizeof(struct packet) == 2 * CACHE_LINE,
              "a packet's hot fields fill one cache line");

static ALWAYS_INLINE uint32_t packet_headroom(const struct packet *p) { return (uint32_t)(p->data - p->start); }
static ALWAYS_INLINE uint32_t packet_tailroom(const struct packet *p) { return p->size - packet_headroom(p) - p->len; }

/* Linear bytes and frags. */
static inline size_t packet_total_length(const struct packet *p)
{
    size_t total = p->len;
    for (unsigned i = 0; i < p->nfrags; i++)
        total += p->frags[i].length;
    return total;
}

/*
 * An empty packet over a buffer of `size` bytes at `start`: no bytes, data `headroom` behind the start, every other
 * field of the first line 0.
 */
static ALWAYS_INLINE void packet_init(struct packet *p, struct packet_home *home, uint8_t *start, uint32_t size,
                                      uint32_t headroom)
{
    p->data = start + headroom;
    p->len = 0;
    p->vlan_tci = 0;
    p->vlan_present = false;
    p->held = false;
    p->departure_set = false;
    p->nfrags = 0;
    p->home = home;
    p->start = start;
    p->size = size;
    p->hash = 0;
    p->checksum = PACKET_CHECKSUM_UNKNOWN;
    p->gso = PACKET_GSO_NONE;
    p->gso_size = 0;
    p->checksum_start = 0;
    p->checksum_offset = 0;
    p->l3_offset = 0;
    p->l4_offset = 0;
    p->flow_mark = 0;
    p->rx_ns = 0;
}

/* Lets go of one packet (also a held one); its frags are released first. */
void packet_release(struct packet *p);
/* Lets go of those of a burst that nobody took with packet_keep; runs with one home are handed back together. */
void packet_release_burst(struct packet **packets, unsigned n);

#define PACKET_HEADROOM 128u

/*
 * A pool of frames of one size, owned by one thread. Part of it is a reserve that only packet_pool_get_reserved may use
 * (ACKs, control).
 */
struct packet_pool {
    struct packet_home home;
    struct packet **free;
    uint32_t free_count;
    uint32_t capacity;
    uint32_t reserve;
    uint32_t buffer_bytes;
    uint64_t exhausted; /* packets asked for and not given */
    uint8_t *memory;
    size_t stride;       /* bytes from one packet to the next */
    bool borrows_memory; /* of packet_pool_init_over */
    const struct allocator *allocator;
};

/*
 * capacity frames with buffer_bytes each (headroom included; at least PACKET_HEADROOM + 64), of which `reserve` are
 * kept back; holders may keep up to half of the others. ERR_NO_MEMORY, ERR_INVALID.
 */
MUST_CHECK int packet_pool_init(struct packet_pool *pool, const struct allocator *a, uint32_t capacity,
                                uint32_t buffer_bytes, uint32_t reserve);
/*
 * The same over the caller's memory, which has to outlive the pool: packet i lies at memory + i * stride (a multiple of
 * CACHE_LINE, as memory is), with all of the stride behind the struct as its buffer.
 */
MUST_CHECK int packet_pool_init_over(struct packet_pool *pool, const struct allocator *a, void *memory, size_t stride,
                                     uint32_t capacity, uint32_t reserve);
/*
 * Says that n frames which are out will not come home: whom they were lent to is gone. Only packet_pool_free may follow.
 */
void packet_pool_write_off(struct packet_pool *pool, uint32_t n);
/* All frames must be home or written off. */
void packet_pool_free(struct packet_pool *pool);
/*
 * Up to n packets as packet_init makes them, with PACKET_HEADROOM bytes of headroom; the last released first. Returns
 * how many.
 */
unsigned packet_pool_get(struct packet_pool *pool, struct packet **packets, unsigned n);
/* One packet, from the reserve if need be; NULL when even that is empty. */
struct packet *packet_pool_get_reserved(struct packet_pool *pool);

/*
 * Holds a packet past its burst: the frame itself (marked held) while its home allows it, otherwise a copy of its bytes
 * [from, from + length) relative to data in a frame of `own`, whose data then is that range (within the linear bytes).
 * In both cases the result's data/len are that range. With from 0 everything known of the frame stays with it;
 * otherwise what described the cut-off headers (offsets, checksum and GSO state, VLAN tag) is cleared. NULL when a copy
 * was needed and own is empty (counted there), or its frames are too small. The holder releases the result with
 * packet_release(), or passes it on after packet_unhold().
 */
struct packet *packet_keep(struct packet *p, uint32_t from, uint32_t length, struct packet_pool *own);
/* Ends holding without releasing: whoever gets the packet next may treat it like any other. */
static inline void packet_unhold(struct packet *p)
{
    if (p->held) {
        p->held = false;
        p->home->held--;
    }
}
/* What is known of a packet beside its bytes: tag, hash, checksum and GSO state, offsets, mark, times. */
void packet_copy_state(struct packet *to, const struct packet *from);
/*
 * Copies the bytes (frags made linear) and all that is known of them to an empty packet, behind the headroom it has.
 * False when they do not fit.
 */
MUST_CHECK bool packet_copy_to(struct packet *to, const struct packet *from);
/* The same to a packet from `pool`. NULL when the pool is empty (counted there) or its frames are too small. */
struct packet *packet_copy(const struct packet *p, struct packet_pool *pool);

/*
 * Makes a packet plain for a link that cannot do what it asks for: makes frags linear, completes a partial checksum,
 * inserts a stripped VLAN tag. Cutting of GSO packets is done before, by packet_segment() (packet/segment). 0, or
 * ERR_NO_SPACE (no headroom for the tag, no tailroom for the frags), ERR_MALFORMED (checksum range outside the frame,
 * no Ethernet header to tag, or a GSO packet); then the packet is still valid.
 */
MUST_CHECK int packet_finish(struct packet *p);
/* Only completes the partial checksum of a linear packet, which then is PACKET_CHECKSUM_UNKNOWN. 0, ERR_MALFORMED. */
MUST_CHECK int packet_complete_checksum(struct packet *p);
/*
 * Only inserts the stripped VLAN tag (vlan_present) and moves the offsets behind it. 0, ERR_NO_SPACE, ERR_MALFORMED as
 * above.
 */
MUST_CHECK int packet_insert_vlan(struct packet *p);
static ALWAYS_INLINE bool packet_is_plain(const struct packet *p)
{
    return p->checksum != PACKET_CHECKSUM_PARTIAL && !p->vlan_present && p->nfrags == 0 && p->gso == PACKET_GSO_NONE;
}

#endif
