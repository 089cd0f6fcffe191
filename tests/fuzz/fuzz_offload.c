/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: packet/gro and packet/segment. Segments of three connections made from the input, some of them wrong or
 * changed anywhere, go through gro_burst; cutting what comes out gives back what went in, in order for each connection
 * and byte for byte, apart from what merging may change (gro.h): with DF the IP identification, a later TSval, padding.
 * In VXLAN it is cut into the same segments, with right headers around each. Then a byte of each merged packet is changed
 * and it is cut again: nothing worse than an error.
 *
 * Input: two bytes for where and how merged packets are changed (bit 6 of the second: in VXLAN; then bits 0 and 1 of the
 * first say IPv6 and UDP checksums around), then records of 8 bytes: bits 0-1 connection, 2 IPv6
 * and 5 DF (at its first segment), 3 timestamps, 4 TSval goes on, 6 no checksum, 7 padding; TCP flags; payload in units
 * of 16 bytes; a jump of the sequence number; one of the IP identification; where a byte is changed, by what (0: not);
 * bit 0: the checksums are made right after that, 1: the link vouches for them, 4-7 bytes of padding.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "packet/gro.h"
#include "packet/link.h"
#include "packet/segment.h"

#define FRAMES 256u
#define FRAME_BYTES 1024u
#define ETH 14u
#define RECORD 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct flow {
    bool begun, v6, df;
    uint32_t seq, tsval;
    uint16_t id;
};

static void *heap_alloc(const struct allocator *self, size_t size, size_t align)
{
    (void)self;
    return aligned_alloc(align < 64 ? 64 : align, (size + 63) & ~(size_t)63);
}

static void heap_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self, (void)size;
    free(memory);
}

/* ---- segments ---- */

static uint32_t write_ip(uint8_t *ip, const struct flow *f, unsigned connection, uint32_t l4_bytes)
{
    memset(ip, 0, 40);
    if (f->v6) {
        ip[0] = 0x60;
        store_be16(ip + 4, (uint16_t)l4_bytes);
        ip[6] = 6;
        ip[7] = 64;
        ip[8] = ip[24] = 0x20;
        ip[23] = (uint8_t)connection;
        return 40;
    }
    ip[0] = 0x45;
    store_be16(ip + 2, (uint16_t)(20 + l4_bytes));
    store_be16(ip + 4, f->id);
    store_be16(ip + 6, f->df ? 0x4000 : 0);
    ip[8] = 64;
    ip[9] = 6;
    store_be32(ip + 12, 0xc0000200u + connection);
    store_be32(ip + 16, 0xc0000264u);
    return 20;
}

/* The checksums of a frame as it is, where its headers are still what they were. */
static void seal(uint8_t *frame, uint32_t length)
{
    uint8_t *ip = frame + ETH;
    bool v6 = ip[0] >> 4 == 6;
    uint32_t header = v6 ? 40 : (ip[0] & 15u) * 4, l4_bytes = v6 ? load_be16(ip + 4) : load_be16(ip + 2) - header;
    if (header < 20 || ETH + header + 20 > length || l4_bytes < 20 || l4_bytes > length - ETH - header)
        return;
    uint8_t *tcp = ip + header;
    uint64_t pseudo =
        v6 ? checksum_pseudo_v6(ip + 8, ip + 24, 6, l4_bytes) : checksum_pseudo_v4(ip + 12, ip + 16, 6, l4_bytes);
    memset(tcp + 16, 0, 2);
    uint16_t sum = checksum_finish(checksum_add(pseudo, tcp, l4_bytes));
    memcpy(tcp + 16, &sum, 2);
    if (v6)
        return;
    memset(ip + 10, 0, 2);
    sum = checksum_finish(checksum_add(0, ip, header));
    memcpy(ip + 10, &sum, 2);
}

static uint32_t write_tcp(uint8_t *tcp, const struct flow *f, const uint8_t *r, uint32_t payload)
{
    static const uint8_t stamps[4] = {1, 1, 8, 10};
    uint32_t header = r[0] & 8 ? 32 : 20;
    memset(tcp, 0, header);
    store_be16(tcp, 1000);
    store_be16(tcp + 2, 80);
    store_be32(tcp + 4, f->seq);
    store_be32(tcp + 8, 77);
    tcp[12] = (uint8_t)(header << 2);
    tcp[13] = r[1] ^ 0x10; /* so that 0 is ACK */
    store_be16(tcp + 14, 500);
    if (header == 32) {
        memcpy(tcp + 20, stamps, 4);
        store_be32(tcp + 24, f->tsval);
        store_be32(tcp + 28, 9);
    }
    for (uint32_t i = 0; i < payload; i++)
        tcp[header + i] = (uint8_t)((f->seq + i) * 13);
    return header + payload;
}

static void make(struct packet *p, struct flow *flows, const uint8_t *r)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    unsigned connection = (r[0] & 3u) % 3;
    struct flow *f = &flows[connection];
    if (!f->begun)
        *f = (struct flow){.begun = true, .v6 = r[0] & 4, .df = r[0] & 32, .seq = 0xffffff00u, .tsval = 0xfffffffeu};
    uint32_t payload = r[2] % 48u * 16u;
    f->seq += (uint32_t)(int8_t)r[3];
    f->id = (uint16_t)(f->id + r[4]);
    f->tsval += r[0] >> 4 & 1;
    memcpy(p->data, macs, 12);
    store_be16(p->data + 12, f->v6 ? 0x86dd : 0x0800);
    uint32_t l4_bytes = (r[0] & 8 ? 32 : 20) + payload;
    uint32_t header = write_ip(p->data + ETH, f, connection, l4_bytes);
    write_tcp(p->data + ETH + header, f, r, payload);
    p->len = ETH + header + l4_bytes;
    f->seq += payload;
    f->id++;
    if (r[0] & 128) { /* padding; before the checksums: a length that is changed may count it in */
        memset(p->data + p->len, 0, r[7] >> 4);
        p->len += r[7] >> 4;
    }
    if (!(r[0] & 64))
        seal(p->data, p->len);
    if (r[6]) {
        p->data[r[5] % p->len] ^= r[6];
        if (r[7] & 1)
            seal(p->data, p->len);
    }
    if (r[7] & 2 && (r[6] ? r[7] & 1 : !(r[0] & 64)))
        p->checksum = PACKET_CHECKSUM_VERIFIED;
}

/* ---- comparing ---- */

struct frame {
    uint8_t bytes[FRAME_BYTES];
    uint32_t length;
    bool found;
};

static bool same_connection(const uint8_t *a, const uint8_t *b)
{
    if (memcmp(a, b, ETH) != 0)
        return false;
    if (a[12] == 8)
        return memcmp(a + ETH + 12, b + ETH + 12, 12) == 0;
    return memcmp(a + ETH + 8, b + ETH + 8, 36) == 0;
}

/* TCP over IP with lengths that hold, so that its connection is seen. */
static bool is_plain(const struct frame *f)
{
    const uint8_t *ip = f->bytes + ETH;
    bool v6 = f->bytes[12] == 0x86;
    uint32_t header = v6 ? 40 : 20, length = v6 ? 40u + load_be16(ip + 4) : load_be16(ip + 2);
    bool tcp = v6 ? ip[0] >> 4 == 6 && ip[6] == 6 : ip[0] == 0x45 && ip[9] == 6 && (load_be16(ip + 6) & 0x3fff) == 0;
    if (!tcp || ETH + length > f->length || length < header + 20)
        return false;
    uint32_t tcp_header = (ip[header + 12] >> 4) * 4u;
    return tcp_header >= 20 && tcp_header <= length - header;
}

/* What a segment looks like apart from what merging may change. */
static void level(struct frame *f, const struct frame *original)
{
    uint8_t *ip = f->bytes + ETH;
    bool v6 = ip[0] >> 4 == 6;
    const uint8_t *was = original->bytes + ETH;
    uint8_t *tcp = ip + (v6 ? 40 : 20);
    if (!v6 && ip[6] & 0x40)
        memcpy(ip + 4, was + 4, 2);
    if (tcp[12] >> 4 == 8)
        memcpy(tcp + 24, was + (v6 ? 40 : 20) + 24, 4);
    seal(f->bytes, f->length);
}

/* A frame that went through as it was; those before it of its connection have been seen. */
static void find_unmerged(struct frame *originals, unsigned n, const struct packet *p)
{
    const struct frame *overtaken[LINK_BURST];
    unsigned i = 0, n_overtaken = 0;
    for (; i < n; i++) {
        const struct frame *o = &originals[i];
        if (o->found)
            continue;
        if (o->length == p->len && memcmp(o->bytes, p->data, p->len) == 0)
            break;
        overtaken[n_overtaken++] = o;
    }
    assert(i < n);
    originals[i].found = true;
    for (unsigned k = 0; k < n_overtaken && is_plain(&originals[i]); k++)
        assert(!is_plain(overtaken[k]) || !same_connection(overtaken[k]->bytes, p->data));
}

/* A segment that was cut out is the next of its connection, without the padding that it came with. */
static void find_cut(struct frame *originals, unsigned n, const struct packet *p)
{
    unsigned i = 0;
    while (i < n && (originals[i].found || !is_plain(&originals[i]) || !same_connection(originals[i].bytes, p->data)))
        i++;
    assert(i < n);
    struct frame copy = {.length = p->len}, *o = &originals[i];
    memcpy(copy.bytes, p->data, p->len);
    seal(copy.bytes, copy.length);
    assert(memcmp(p->data, copy.bytes, p->len) == 0); /* its checksums were right */
    level(&copy, o);
    assert(copy.length <= o->length && memcmp(copy.bytes, o->bytes, copy.length) == 0);
    o->found = true;
}

static void cut(struct packet_pool *pool, const struct packet *p, struct frame *originals, unsigned n)
{
    struct packet_segmenter s;
    struct packet *to;
    int count = packet_segment_begin(&s, p, false);
    assert(count == 1 + p->nfrags);
    while (packet_segment_left(&s) > 0) {
        assert(packet_pool_get(pool, &to, 1) == 1);
        assert(packet_segment_next(&s, to) == 0);
        find_cut(originals, n, to);
        packet_release(to);
    }
}

/* ---- in a tunnel ---- */

/* Puts VXLAN around a merged packet, as a kernel's VXLAN device gives it; the bytes that it has then in front. */
static uint32_t wrap(struct packet *p, bool v6, bool checksum)
{
    const uint32_t inner = (uint32_t)packet_total_length(p), around = ETH + (v6 ? 40 : 20) + 16;
    p->data -= around;
    p->len += around;
    p->checksum_start = (uint16_t)(p->checksum_start + around);
    memset(p->data, 0, around);
    store_be16(p->data + 12, v6 ? 0x86dd : 0x0800);
    const struct flow outer = {.v6 = v6, .id = 0xffff};
    uint8_t *udp = p->data + ETH + write_ip(p->data + ETH, &outer, 9, 16 + inner);
    p->data[ETH + (v6 ? 6 : 9)] = 17;
    store_be16(udp + 2, 4789);
    store_be16(udp + 4, (uint16_t)(16 + inner));
    store_be16(udp + 6, checksum ? 0x1234 : 0);
    udp[8] = 8;
    p->gso = PACKET_GSO_TUNNEL;
    return around;
}

/* What lies around a segment is right. */
static void check_around(const struct packet *p, bool v6, bool checksum)
{
    const uint8_t *ip = p->data + ETH, *udp = ip + (v6 ? 40 : 20);
    const uint32_t length = p->len - (uint32_t)(udp - p->data);
    assert(v6 || checksum_ok(checksum_add(0, ip, 20)));
    assert((v6 ? load_be16(ip + 4) : load_be16(ip + 2) - 20u) == length && load_be16(udp + 4) == length);
    assert((load_be16(udp + 6) != 0) == checksum);
    const uint64_t pseudo =
        v6 ? checksum_pseudo_v6(ip + 8, ip + 24, 17, length) : checksum_pseudo_v4(ip + 12, ip + 16, 17, length);
    assert(!checksum || checksum_ok(checksum_add(pseudo, udp, length)));
}

/* A merged packet is cut alike in a tunnel and outside of one. */
static void cut_in_tunnel(struct packet_pool *pool, struct packet *p, bool v6, bool checksum, bool partial)
{
    struct packet plain = *p;
    struct packet_segmenter a, b;
    struct packet *to[2];
    const int count = packet_segment_begin(&a, &plain, false);
    const uint32_t around = wrap(p, v6, checksum);
    assert(count > 0 && packet_segment_begin(&b, p, partial) == count && b.around.count == 1);
    for (int i = 0; i < count; i++) {
        assert(packet_pool_get(pool, to, 2) == 2);
        assert(packet_segment_next(&a, to[0]) == 0 && packet_segment_next(&b, to[1]) == 0);
        assert(packet_finish(to[1]) == 0 && to[1]->len == to[0]->len + around);
        assert(memcmp(to[0]->data, to[1]->data + around, to[0]->len) == 0);
        check_around(to[1], v6, checksum);
        packet_release_burst(to, 2);
    }
}

/* Cutting what no GRO made. */
static void cut_changed(struct packet_pool *pool, struct packet *p, uint8_t at, uint8_t by, bool partial)
{
    struct packet_segmenter s;
    struct packet *to;
    p->data[at % p->len] ^= by;
    if (by & 1)
        p->gso_size = (uint16_t)(by * 2u);
    if (by & 2)
        p->gso = (by >> 2 & 7u) % (PACKET_GSO_TUNNEL + 1);
    if (by & 32)
        p->checksum_start = at;
    int count = packet_segment_begin(&s, p, partial);
    assert(count > 0 || count == ERR_MALFORMED);
    for (int i = 0; i < count; i++) {
        assert(packet_pool_get(pool, &to, 1) == 1);
        int result = packet_segment_next(&s, to);
        packet_release(to);
        if (result < 0)
            return;
    }
    assert(count <= 0 || packet_segment_left(&s) == 0);
}

static void remember(struct frame *f, const struct packet *p)
{
    memcpy(f->bytes, p->data, p->len);
    f->length = p->len;
    f->found = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct allocator heap = {.alloc = heap_alloc, .free = heap_free};
    static struct packet_pool pool;
    static struct gro gro;
    static struct frame originals[LINK_BURST];
    struct flow flows[3] = {{0}};
    struct packet *p[LINK_BURST];
    if (!pool.capacity)
        assert(packet_pool_init(&pool, &heap, FRAMES, FRAME_BYTES + PACKET_HEADROOM, 0) == 0 &&
               gro_init(&gro, &heap, 6) == 0);
    unsigned n = 0;
    for (size_t at = 2; at + RECORD <= size && n < LINK_BURST; at += RECORD, n++) {
        assert(packet_pool_get(&pool, &p[n], 1) == 1);
        make(p[n], flows, data + at);
        remember(&originals[n], p[n]);
    }
    unsigned left = n ? gro_burst(&gro, p, n) : 0;
    for (unsigned i = 0; i < left; i++)
        if (p[i]->gso == PACKET_GSO_NONE)
            find_unmerged(originals, n, p[i]);
        else
            cut(&pool, p[i], originals, n);
    for (unsigned i = 0; i < n; i++)
        assert(originals[i].found);
    for (unsigned i = 0; i < left; i++)
        if (p[i]->gso != PACKET_GSO_NONE) {
            if (data[1] & 64)
                cut_in_tunnel(&pool, p[i], data[0] & 1, data[0] & 2, i & 1);
            cut_changed(&pool, p[i], data[0], data[1], i & 1);
        }
    packet_release_burst(p, left);
    assert(pool.free_count == FRAMES && gro.lists.used == 0);
    return 0;
}
