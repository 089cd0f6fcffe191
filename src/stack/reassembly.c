/* SPDX-License-Identifier: MIT */
/*
 * Reassembly: see reassembly.h. Presence is a bit for each 8 bytes, and a second one says where a fragment begins:
 * whether a fragment overlaps, and whether it is an exact duplicate, costs a walk over its own bits. Since nothing
 * overlaps, a datagram is complete when as many bytes were received as its last fragment promised.
 */
#include "stack/reassembly.h"

#include "stack/icmpv6.h"
#include "stack/ipv4_input.h"
#include "stack/ipv6_input.h"

#define UNIT 8u
#define TCP_FIXED_HEADER 20u
#define TICK_BUDGET 64u
#define DRAIN_AT_ONCE 8u /* datagrams a fragment may push out beyond what it needs itself */
#define ECN_CE_BIT (1u << 3)
#define ECN_NOT_ECT_BIT (1u << 0)

/* A fragment: which part of a datagram's payload it is. */
struct piece {
    uint32_t from, to; /* payload bytes of the datagram */
    uint32_t id;
    uint32_t head;           /* bytes before its part: headers of IP, with IPv6 extensions and fragment header */
    uint32_t counted;        /* of these, what the length field of a whole datagram counts */
    uint32_t next_header_at; /* IPv6: offset from its header of what names the fragment header */
    bool last;
};

static struct reassembly *datagram_at(const struct reassembly_set *set, uint32_t index)
{
    return pool_at(&set->datagrams, index);
}
static struct reassembly_source *source_at(const struct reassembly_set *set, uint32_t index)
{
    return pool_at(&set->sources, index);
}

/* ---- life ---- */

int reassembly_init(struct reassembly_set *set, const struct stack_settings *t, const struct allocator *a)
{
    uint32_t datagrams = t->fragment_bytes_high / (uint32_t)sizeof(struct reassembly);
    int error = pool_init(&set->datagrams, a, datagrams, sizeof(struct reassembly), alignof(struct reassembly));
    if (!error)
        error =
            pool_init(&set->sources, a, datagrams, sizeof(struct reassembly_source), alignof(struct reassembly_source));
    if (!error)
        error = pool_init(&set->blocks, a, t->fragment_bytes_high / REASSEMBLY_BLOCK, REASSEMBLY_BLOCK, CACHE_LINE);
    if (!error)
        error = table_init(&set->table, a, datagrams);
    if (!error)
        error = table_init(&set->source_table, a, datagrams);
    if (!error)
        error = packet_pool_init(&set->whole, a, 1, PACKET_HEADROOM + REASSEMBLY_HEAD + UINT16_MAX, 0);
    return error;
}

void reassembly_free(struct reassembly_set *set)
{
    packet_pool_free(&set->whole);
    table_free(&set->source_table);
    table_free(&set->table);
    pool_free(&set->blocks);
    pool_free(&set->sources);
    pool_free(&set->datagrams);
}

/* ---- lists by age ---- */

static void list_append(struct reassembly_set *set, struct reassembly_list *list, enum reassembly_order order,
                        uint32_t index)
{
    struct reassembly_links *l = &datagram_at(set, index)->links[order];
    *l = (struct reassembly_links){.older = list->youngest};
    if (list->youngest)
        datagram_at(set, list->youngest)->links[order].younger = index;
    else
        list->oldest = index;
    list->youngest = index;
}

static void list_remove(struct reassembly_set *set, struct reassembly_list *list, enum reassembly_order order,
                        uint32_t index)
{
    struct reassembly_links l = datagram_at(set, index)->links[order];
    if (l.older)
        datagram_at(set, l.older)->links[order].younger = l.younger;
    else
        list->oldest = l.younger;
    if (l.younger)
        datagram_at(set, l.younger)->links[order].older = l.older;
    else
        list->youngest = l.older;
}

/* ---- finding, making, letting go ---- */

static uint32_t tag_of(const struct stack *s, const void *key, size_t bytes)
{
    return (uint32_t)hash_sip13(&s->settings.secret, key, bytes);
}

static uint32_t find(const struct reassembly_set *set, uint32_t tag, const struct reassembly_key *key)
{
    for (uint32_t at = tag, i; (i = table_next(&set->table, tag, &at)) != 0;)
        if (memcmp(&datagram_at(set, i)->key, key, sizeof *key) == 0)
            return i;
    return 0;
}

static uint32_t source_find(const struct reassembly_set *set, uint32_t tag, const struct ip_addr *address)
{
    for (uint32_t at = tag, i; (i = table_next(&set->source_table, tag, &at)) != 0;)
        if (ip_addr_equal(&source_at(set, i)->address, address))
            return i;
    return 0;
}

/* As many sources as datagrams, and tables as large as the pools: there is room for one more datagram. */
static uint32_t source_open(struct stack *s, const struct ip_addr *address)
{
    struct reassembly_set *set = &s->fragments;
    uint32_t tag = tag_of(s, address, sizeof *address);
    uint32_t index = source_find(set, tag, address);
    if (index)
        return index;
    index = pool_get(&set->sources);
    *source_at(set, index) = (struct reassembly_source){.address = *address, .tag = tag};
    int error = table_add(&set->source_table, tag, index);
    assert(!error);
    (void)error;
    return index;
}

static void account(struct reassembly_set *set, const struct reassembly *r, uint32_t bytes)
{
    set->bytes += bytes;
    source_at(set, r->source)->bytes += bytes;
}

/* Forgets its fragments; it stays where it is. */
static void empty(struct reassembly_set *set, struct reassembly *r)
{
    uint32_t bytes = r->blocks * REASSEMBLY_BLOCK;
    for (unsigned i = 0; r->blocks > 0; i++) {
        if (!r->block[i])
            continue;
        pool_put(&set->blocks, r->block[i]);
        r->block[i] = 0;
        r->blocks--;
    }
    set->bytes -= bytes;
    source_at(set, r->source)->bytes -= bytes;
    r->received = r->end = r->first = 0;
    r->ecn = 0;
    r->has_last = r->broadcast = r->group = false;
    memset(r->present, 0, sizeof r->present);
    memset(r->begins, 0, sizeof r->begins);
}

static void let_go(struct reassembly_set *set, uint32_t index)
{
    struct reassembly *r = datagram_at(set, index);
    struct reassembly_source *source = source_at(set, r->source);
    empty(set, r);
    list_remove(set, &set->list, REASSEMBLY_OF_ALL, index);
    list_remove(set, &source->list, REASSEMBLY_OF_SOURCE, index);
    table_remove(&set->table, r->tag, index);
    set->bytes -= (uint32_t)sizeof *r;
    source->bytes -= (uint32_t)sizeof *r;
    if (!source->list.oldest) {
        table_remove(&set->source_table, source->tag, r->source);
        pool_put(&set->sources, r->source);
    }
    pool_put(&set->datagrams, index);
}

/* Lets the oldest of a list go, `spared` apart; false: there is none. */
static bool evict(struct reassembly_set *set, const struct reassembly_list *list, enum reassembly_order order,
                  uint32_t spared)
{
    uint32_t index = list->oldest;
    if (index && index == spared)
        index = datagram_at(set, index)->links[order].younger;
    if (index)
        let_go(set, index);
    return index != 0;
}

/* Room for `bytes` more of all memory; the datagram at hand is spared. The largest one fits below either mark. */
static void make_room(struct stack *s, uint32_t bytes, uint32_t spared)
{
    struct reassembly_set *set = &s->fragments;
    set->draining |= set->bytes + bytes > s->settings.fragment_bytes_high;
    for (unsigned n = 0; set->draining; n++) {
        bool fits = set->bytes + bytes <= s->settings.fragment_bytes_high;
        set->draining = set->bytes + bytes > s->settings.fragment_bytes_low;
        if (!set->draining || (fits && n >= DRAIN_AT_ONCE) || !evict(set, &set->list, REASSEMBLY_OF_ALL, spared))
            return;
        STACK_DROP(s, TRACE_IP, frag_evicted);
    }
}

static void make_room_of_source(struct stack *s, uint32_t source, uint32_t bytes, uint32_t spared)
{
    struct reassembly_set *set = &s->fragments;
    struct reassembly_source *of = source_at(set, source);
    while (of->bytes + bytes > s->settings.fragment_source_bytes && evict(set, &of->list, REASSEMBLY_OF_SOURCE, spared))
        STACK_DROP(s, TRACE_IP, frag_source_limit);
}

static uint32_t make(struct stack *s, uint32_t tag, const struct reassembly_key *key)
{
    struct reassembly_set *set = &s->fragments;
    uint32_t bytes = (uint32_t)sizeof(struct reassembly);
    make_room(s, bytes, 0);
    uint32_t index = pool_get(&set->datagrams);
    assert(index != POOL_NONE); /* the high mark covers the pool */
    struct reassembly *r = datagram_at(set, index);
    *r = (struct reassembly){.tag = tag, .key = *key, .deadline = s->now + s->settings.fragment_timeout_ns};
    r->source = source_open(s, &key->source);
    r->serial = source_at(set, r->source)->serial;
    account(set, r, bytes);
    list_append(set, &set->list, REASSEMBLY_OF_ALL, index);
    list_append(set, &source_at(set, r->source)->list, REASSEMBLY_OF_SOURCE, index);
    make_room_of_source(s, r->source, 0, index);
    int error = table_add(&set->table, tag, index);
    assert(!error); /* as large as the pool */
    (void)error;
    return index;
}

static uint32_t open_datagram(struct stack *s, const struct datagram *d, const struct piece *p)
{
    struct reassembly_key key = {.source = d->source,
                                 .destination = d->destination,
                                 .host = d->host->index,
                                 .id = p->id,
                                 .protocol = d->host->v6 ? 0 : d->protocol};
    uint32_t tag = tag_of(s, &key, sizeof key);
    uint32_t index = find(&s->fragments, tag, &key);
    return index ? index : make(s, tag, &key);
}

/* ---- bits ---- */

static uint64_t word_mask(uint32_t word, uint32_t from, uint32_t to)
{
    uint64_t mask = ~UINT64_C(0);
    if (word == from / 64)
        mask &= ~UINT64_C(0) << (from % 64);
    if (word == (to - 1) / 64)
        mask &= ~UINT64_C(0) >> (63 - (to - 1) % 64);
    return mask;
}

/* How many of the bits [from, to) are set. */
static uint32_t bits_count(const uint64_t *bits, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t w = from / 64; from < to && w <= (to - 1) / 64; w++)
        n += (uint32_t)__builtin_popcountll(bits[w] & word_mask(w, from, to));
    return n;
}

static void bits_set(uint64_t *bits, uint32_t from, uint32_t to)
{
    for (uint32_t w = from / 64; w <= (to - 1) / 64; w++)
        bits[w] |= word_mask(w, from, to);
}

static bool bit(const uint64_t *bits, uint32_t at)
{
    return at / 64 < REASSEMBLY_WORDS && (bits[at / 64] >> (at % 64) & 1);
}

/* ---- one fragment ---- */

/* RFC 1858 3.2: a TCP header lies in one fragment. With IPv6 the first one must have it in any case (RFC 7112). */
static bool is_tiny(const struct piece *p, const struct datagram *d)
{
    return !d->host->v6 && d->protocol == IP_PROTO_TCP &&
           ((p->from == 0 && p->to < TCP_FIXED_HEADER) || p->from == UNIT);
}

/* What is wrong with a fragment by itself. */
static bool piece_ok(struct stack *s, const struct piece *p, const struct datagram *d)
{
    if (p->from == p->to)
        STACK_DROP(s, TRACE_IP, frag_empty);
    else if (!p->last && (p->to - p->from) % UNIT != 0)
        STACK_DROP(s, TRACE_IP, frag_bad_length);
    else if (p->to + p->counted > UINT16_MAX)
        STACK_DROP(s, TRACE_IP, frag_too_long);
    else if (is_tiny(p, d))
        STACK_DROP(s, TRACE_IP, frag_tiny);
    else if ((uint32_t)(d->bytes - d->eth) + p->head > REASSEMBLY_HEAD)
        STACK_DROP(s, TRACE_IP, frag_long_head);
    else
        return true;
    return false;
}

enum fit { FIT_NEW, FIT_DUPLICATE, FIT_OVERLAP, FIT_BAD_END };

static enum fit fit_of(const struct reassembly *r, const struct piece *p)
{
    uint32_t from = p->from / UNIT, to = (p->to + UNIT - 1) / UNIT;
    if (r->has_last && (p->to > r->end || (p->last && p->to != r->end)))
        return FIT_BAD_END;
    if (!r->has_last && p->last && p->to < r->end)
        return FIT_BAD_END;
    uint32_t there = bits_count(r->present, from, to);
    if (there == 0)
        return FIT_NEW;
    bool whole = there == to - from && bit(r->begins, from) && bits_count(r->begins, from + 1, to) == 0;
    bool ends = bit(r->begins, to) || !bit(r->present, to);
    bool last_before = r->has_last && r->end == p->to;
    return whole && ends && p->last == last_before ? FIT_DUPLICATE : FIT_OVERLAP;
}

static uint32_t blocks_missing(const struct reassembly *r, const struct piece *p)
{
    uint32_t missing = 0;
    for (uint32_t b = p->from / REASSEMBLY_BLOCK; b <= (p->to - 1) / REASSEMBLY_BLOCK; b++)
        missing += r->block[b] == 0;
    return missing;
}

/* Blocks for a piece; other datagrams make room. */
static void reserve(struct stack *s, uint32_t index, const struct piece *p)
{
    struct reassembly_set *set = &s->fragments;
    struct reassembly *r = datagram_at(set, index);
    uint32_t bytes = blocks_missing(r, p) * REASSEMBLY_BLOCK;
    make_room_of_source(s, r->source, bytes, index);
    make_room(s, bytes, index);
    account(set, r, bytes);
    for (uint32_t b = p->from / REASSEMBLY_BLOCK; b <= (p->to - 1) / REASSEMBLY_BLOCK; b++) {
        if (r->block[b])
            continue;
        r->block[b] = pool_get(&set->blocks);
        assert(r->block[b] != POOL_NONE); /* the high mark covers the pool */
        r->blocks++;
    }
}

static void copy_in(const struct reassembly_set *set, const struct reassembly *r, const struct piece *p,
                    const uint8_t *bytes)
{
    for (uint32_t at = p->from; at < p->to;) {
        uint32_t in_block = at % REASSEMBLY_BLOCK, n = min_u32(p->to - at, REASSEMBLY_BLOCK - in_block);
        memcpy((uint8_t *)pool_at(&set->blocks, r->block[at / REASSEMBLY_BLOCK]) + in_block, bytes, n);
        bytes += n;
        at += n;
    }
}

static void keep_head(struct reassembly *r, const struct piece *piece, const struct datagram *d)
{
    const struct packet *p = d->packet;
    uint32_t l3 = (uint32_t)(d->bytes - d->eth);
    r->l3_offset = (uint8_t)l3;
    r->head_len = (uint16_t)(l3 + piece->head);
    r->fragment_header = (uint16_t)(d->host->v6 ? r->head_len - WIRE_IPV6_FRAGMENT_LEN : r->head_len);
    r->next_header_at = (uint16_t)(l3 + piece->next_header_at);
    memcpy(r->head, d->eth, r->head_len);
    r->vlan_present = p->vlan_present;
    r->vlan_tci = p->vlan_tci;
    r->first = d->l4_len;
}

static void store(struct stack *s, uint32_t index, const struct piece *p, const struct datagram *d)
{
    struct reassembly *r = datagram_at(&s->fragments, index);
    reserve(s, index, p);
    copy_in(&s->fragments, r, p, d->l4);
    if (p->from == 0)
        keep_head(r, p, d);
    bits_set(r->present, p->from / UNIT, (p->to + UNIT - 1) / UNIT);
    bits_set(r->begins, p->from / UNIT, p->from / UNIT + 1);
    r->received += p->to - p->from;
    r->end = max_u32(r->end, p->to);
    r->has_last |= p->last;
    r->ecn |= (uint8_t)(1u << (d->tos & 3u));
    r->broadcast |= d->broadcast;
    r->group |= d->group;
}

/* ---- the whole ---- */

/* `head` bytes of the first fragment's and `bytes` of payload as a frame; NULL while one is being delivered. */
static struct packet *gather(struct reassembly_set *set, const struct reassembly *r, uint32_t head, uint32_t bytes)
{
    struct packet *p;
    if (packet_pool_get(&set->whole, &p, 1) == 0)
        return NULL;
    memcpy(p->data, r->head, head);
    for (uint32_t at = 0; at < bytes; at += REASSEMBLY_BLOCK)
        memcpy(p->data + head + at, pool_at(&set->blocks, r->block[at / REASSEMBLY_BLOCK]),
               min_u32(bytes - at, REASSEMBLY_BLOCK));
    p->len = head + bytes;
    p->l3_offset = r->l3_offset;
    p->l4_offset = (uint16_t)head;
    p->vlan_present = r->vlan_present;
    p->vlan_tci = r->vlan_tci;
    return p;
}

/* With IPv6, protocol and the place of l4 are found by another walk over its headers. */
static struct datagram describe(struct stack *s, const struct reassembly *r, struct packet *p)
{
    const uint8_t *ip = p->data + p->l3_offset;
    bool v6 = s->hosts.hosts[r->key.host].v6;
    return (struct datagram){.packet = p,
                             .eth = p->data,
                             .bytes = ip,
                             .l4 = p->data + p->l4_offset,
                             .l4_len = p->len - p->l4_offset,
                             .host = &s->hosts.hosts[r->key.host],
                             .source = r->key.source,
                             .destination = r->key.destination,
                             .protocol = r->key.protocol,
                             .tos = v6 ? (uint8_t)(load_be16(ip) >> 4) : ip[1],
                             .ttl = v6 ? ip[7] : ip[8],
                             .broadcast = r->broadcast,
                             .group = r->group,
                             .fragments = true};
}

static void complete_v4(uint8_t *ip, uint32_t header_len, uint32_t total, bool congested)
{
    ip[1] |= congested ? 3u : 0;
    store_be16(ip + 2, (uint16_t)total);
    store_be16(ip + 6, 0);
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, ip, header_len));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

/* The header says that it is whole, and congestion experienced when one fragment did: RFC 3168 5.3. */
static void complete_header(const struct reassembly *r, struct packet *p, bool v6)
{
    uint8_t *ip = p->data + p->l3_offset;
    uint32_t total = p->len - p->l3_offset;
    bool congested = r->ecn & ECN_CE_BIT;
    if (!v6) {
        complete_v4(ip, (uint32_t)(p->l4_offset - p->l3_offset), total, congested);
        return;
    }
    ip[1] |= congested ? 0x30u : 0;
    store_be16(ip + 4, (uint16_t)(total - WIRE_IPV6_LEN));
    p->data[r->next_header_at] = r->head[r->fragment_header]; /* what the fragment header named */
}

/* RFC 3168 5.3: fragments that are not ECN-capable beside such that are: somebody on the way is broken, or lies. */
static bool ecn_ok(uint8_t ecn) { return !(ecn & ECN_NOT_ECT_BIT) || ecn == ECN_NOT_ECT_BIT; }

/* The length that the header of the whole will say. */
static uint32_t said_length(const struct reassembly *r, bool v6)
{
    return (uint32_t)(r->fragment_header - r->l3_offset) + r->end - (v6 ? WIRE_IPV6_LEN : 0);
}

static void deliver_whole(struct stack *s, const struct datagram *d)
{
    if (d->host->v6) {
        s->counters.ipv6_reassembled++;
        ipv6_deliver(s, d);
    } else {
        s->counters.ipv4_reassembled++;
        ip_deliver(s, d);
    }
}

static void deliver(struct stack *s, uint32_t index)
{
    struct reassembly_set *set = &s->fragments;
    struct reassembly *r = datagram_at(set, index);
    bool v6 = s->hosts.hosts[r->key.host].v6;
    if (!ecn_ok(r->ecn)) {
        STACK_DROP(s, TRACE_IP, frag_bad_ecn);
        let_go(set, index);
        return;
    }
    if (said_length(r, v6) > UINT16_MAX) {
        STACK_DROP(s, TRACE_IP, frag_too_long);
        let_go(set, index);
        return;
    }
    struct packet *p = gather(set, r, r->fragment_header, r->end);
    assert(p); /* deliveries do not nest */
    complete_header(r, p, v6);
    STACK_TRACE(s, TRACE_IP, "reassembled: %u bytes", r->end);
    struct datagram d = describe(s, r, p);
    let_go(set, index);
    deliver_whole(s, &d);
    tcp_flush(s); /* the frame goes back now */
    packet_release(p);
}

static void kill_datagram(struct stack *s, uint32_t index, enum fit why)
{
    if (why == FIT_OVERLAP)
        STACK_DROP(s, TRACE_IP, frag_overlap);
    else
        STACK_DROP(s, TRACE_IP, frag_bad_end);
    let_go(&s->fragments, index);
}

/* Fragments of one datagram come close together: after many others, the identification is that of another datagram. */
static void check_distance(struct stack *s, uint32_t index)
{
    struct reassembly *r = datagram_at(&s->fragments, index);
    uint32_t serial = ++source_at(&s->fragments, r->source)->serial;
    uint32_t distance = serial - r->serial, most = s->settings.fragment_max_distance;
    r->serial = serial;
    if (most == 0 || distance <= most || r->received == 0)
        return;
    STACK_DROP(s, TRACE_IP, frag_too_far);
    empty(&s->fragments, r);
}

static void take_in(struct stack *s, const struct datagram *d, const struct piece *p)
{
    if (!piece_ok(s, p, d))
        return;
    uint32_t index = open_datagram(s, d, p);
    check_distance(s, index);
    struct reassembly *r = datagram_at(&s->fragments, index);
    enum fit fit = fit_of(r, p);
    if (fit == FIT_DUPLICATE) {
        STACK_DROP(s, TRACE_IP, frag_duplicate);
    } else if (fit != FIT_NEW) {
        kill_datagram(s, index, fit);
    } else {
        store(s, index, p, d);
        if (r->has_last && r->received == r->end)
            deliver(s, index);
    }
}

void reassembly_input_v4(struct stack *s, const struct datagram *d, const struct wire_ipv4 *ip)
{
    const struct piece p = {.from = ip->fragment_offset,
                            .to = ip->fragment_offset + d->l4_len,
                            .id = ip->id,
                            .head = ip->header_len,
                            .counted = ip->header_len,
                            .last = !(ip->flags & WIRE_IPV4_MF)};
    s->counters.ipv4_fragments_received++;
    take_in(s, d, &p);
}

void reassembly_input_v6(struct stack *s, const struct datagram *d, const struct wire_ipv6_walk *w)
{
    const struct piece p = {.from = w->frag.offset,
                            .to = w->frag.offset + d->l4_len,
                            .id = w->frag.id,
                            .head = w->offset,
                            .counted = w->fragment_at - WIRE_IPV6_LEN,
                            .next_header_at = w->fragment_next_at,
                            .last = !w->frag.more};
    s->counters.ipv6_fragments_received++;
    take_in(s, d, &p);
}

/* ---- time ---- */

static void say_timeout(struct stack *s, const struct datagram *d)
{
    if (d->host->v6)
        icmpv6_send_error(s, d, WIRE_ICMPV6_TIME_EXCEEDED, WIRE_ICMPV6_REASSEMBLY_EXCEEDED, 0);
    else
        icmp_send_error(s, d, WIRE_ICMP_TIME_EXCEEDED, WIRE_ICMP_REASSEMBLY_EXCEEDED, 0);
}

/* RFC 1122 3.3.2, RFC 8200 4.5: the sender hears of it when its first fragment came. */
static void give_up(struct stack *s, uint32_t index)
{
    struct reassembly_set *set = &s->fragments;
    struct reassembly *r = datagram_at(set, index);
    STACK_DROP(s, TRACE_IP, frag_timeout);
    struct packet *p = r->first ? gather(set, r, r->head_len, r->first) : NULL;
    if (p) {
        struct datagram d = describe(s, r, p);
        say_timeout(s, &d);
        packet_release(p);
    }
    let_go(set, index);
}

void reassembly_forget_host(struct stack *s, uint32_t local)
{
    struct reassembly_set *set = &s->fragments;
    for (uint32_t i = set->list.oldest, younger; i; i = younger) {
        younger = datagram_at(set, i)->links[REASSEMBLY_OF_ALL].younger;
        if (datagram_at(set, i)->key.host != local)
            continue;
        STACK_DROP(s, TRACE_IP, frag_evicted);
        let_go(set, i);
    }
}

void reassembly_tick(struct stack *s, int64_t now)
{
    struct reassembly_set *set = &s->fragments;
    for (unsigned n = 0; n < TICK_BUDGET && reassembly_deadline(set) <= now; n++)
        give_up(s, set->list.oldest);
}

int64_t reassembly_deadline(const struct reassembly_set *set)
{
    return set->list.oldest ? datagram_at(set, set->list.oldest)->deadline : TIME_NEVER;
}
