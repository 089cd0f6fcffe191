/* SPDX-License-Identifier: MIT */
/*
 * packet/fit: what link_tx_burst makes of packets that a link cannot take whole. The link here writes down what reaches
 * it; it has as many frames as a test allows it.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "offload_rig.h"
#include "packet/link.h"
#include "support/counting_alloc.h"

#define PAYLOAD 5000u
#define GSO_SIZE 1000u
#define BIG (PACKET_HEADROOM + 65536u + 64u)

struct sink {
    struct link link;
    struct packet_pool pool;
    unsigned allowed; /* frames that tx_alloc still gives */
    unsigned frames;
    uint64_t bytes;
    unsigned gso, frags, partial;
    uint32_t payload_seen;
    uint32_t headers; /* of each frame; 0: OFFLOAD_HEADERS */
};

static struct counting_alloc counting;
static struct packet_pool big;
static struct sink sink;

static unsigned sink_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct sink *s = container_of(l, struct sink, link);
    assert_int_equal(kind, LINK_ALLOC_DATA);
    n = packet_pool_get(&s->pool, packets, min_u32(n, s->allowed));
    s->allowed -= n;
    return n;
}

static void check_bytes(struct sink *s, const uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], offload_byte(s->payload_seen++ % PAYLOAD));
}

static void sink_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct sink *s = container_of(l, struct sink, link);
    assert_int_equal(now, 42);
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        s->frames++;
        s->bytes += packet_total_length(p);
        s->gso += p->gso != PACKET_GSO_NONE;
        s->frags += p->nfrags;
        s->partial += p->checksum == PACKET_CHECKSUM_PARTIAL;
        uint32_t headers = s->headers ? s->headers : OFFLOAD_HEADERS;
        check_bytes(s, p->data + headers, p->len - headers);
        for (unsigned k = 0; k < p->nfrags; k++)
            check_bytes(s, p->frags[k].bytes, p->frags[k].length);
    }
    packet_release_burst(packets, n);
}

static const struct link_ops sink_ops = {.tx_alloc = sink_tx_alloc, .tx_burst = sink_tx_burst};

static int set_up(void **state)
{
    (void)state;
    const struct allocator *a = counting_alloc_init(&counting);
    sink = (struct sink){.link = {.ops = &sink_ops, .mtu = 1500}, .allowed = 1000};
    assert_int_equal(packet_pool_init(&big, a, 4, BIG, 0), 0);
    assert_int_equal(packet_pool_init(&sink.pool, a, 128, 2048, 0), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    packet_pool_free(&big);
    packet_pool_free(&sink.pool);
    assert_int_equal(counting.live_blocks, 0);
    return 0;
}

static uint8_t memory[PAYLOAD];
static struct packet_frag pieces[PACKET_MAX_FRAGS];

static struct packet *get(uint32_t payload, uint16_t gso_size, unsigned n_frags)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&big, &p, 1), 1);
    offload_fill(p, payload, gso_size);
    if (n_frags)
        offload_scatter(p, 10, n_frags, memory, pieces);
    return p;
}

static void send_one(struct packet *p) { link_tx_burst(&sink.link, &p, 1, 42); }

static void offer(uint32_t caps)
{
    sink.link.caps = caps;
    sink.link.gso_max = caps & LINK_CAP_TSO ? 65535 : 0;
}

#define CHECKSUM LINK_CAP_TX_CHECKSUM
#define TSO LINK_CAP_TSO
#define SCATTER LINK_CAP_SCATTER

static void packets_are_cut_or_joined_as_the_link_needs_it(void **state)
{
    (void)state;
    static const struct {
        uint32_t caps;
        uint16_t gso_size;
        unsigned n_frags;
        unsigned frames, gso, frags, partial; /* what arrives */
    } rows[] = {
        {CHECKSUM | TSO | SCATTER, 1000, 3, 1, 1, 3, 1},
        {CHECKSUM | TSO | SCATTER, 1000, 0, 1, 1, 0, 1},
        {CHECKSUM | TSO, 1000, 3, 5, 0, 0, 5},
        {CHECKSUM | TSO, 1000, 0, 1, 1, 0, 1},
        {CHECKSUM | SCATTER, 1000, 3, 5, 0, 0, 5},
        {CHECKSUM, 1000, 3, 5, 0, 0, 5},
        {0, 1000, 3, 5, 0, 0, 0},
        {0, 999, 0, 6, 0, 0, 0},
        {SCATTER, 6000, 2, 1, 0, 2, 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        sink.frames = sink.gso = sink.frags = sink.partial = 0;
        sink.payload_seen = 0;
        offer(rows[i].caps);
        send_one(get(PAYLOAD, rows[i].gso_size, rows[i].n_frags));
        assert_int_equal(sink.frames, rows[i].frames);
        assert_int_equal(sink.gso, rows[i].gso);
        assert_int_equal(sink.frags, rows[i].frags);
        assert_int_equal(sink.partial, rows[i].partial);
        assert_int_equal(sink.payload_seen, PAYLOAD);
    }
}

static void frags_of_one_frame_are_made_linear(void **state)
{
    (void)state;
    offer(0);
    send_one(get(1000, 1448, 3));
    assert_int_equal(sink.frames, 1);
    assert_int_equal(sink.frags, 0);
    assert_int_equal(sink.partial, 1); /* the driver completes it */
}

static void order_is_kept_among_others(void **state)
{
    (void)state;
    struct packet *p[4] = {get(PAYLOAD, 6000, 0), get(PAYLOAD, GSO_SIZE, 0), get(PAYLOAD, 6000, 0),
                           get(PAYLOAD, GSO_SIZE, 0)};
    offer(0);
    link_tx_burst(&sink.link, p, 4, 42);
    assert_int_equal(sink.frames, 12);
    assert_int_equal(sink.payload_seen, 4 * PAYLOAD);
}

static void more_segments_than_a_burst_are_cut_in_turns(void **state)
{
    (void)state;
    offer(0);
    send_one(get(PAYLOAD, 10, 0));
    assert_int_equal(sink.frames, 500);
    assert_int_equal(sink.payload_seen, PAYLOAD);
}

static uint64_t drops(enum link_drop cause) { return sink.link.counters.drops[cause]; }

static void where_frames_run_short_the_segments_left_are_counted(void **state)
{
    (void)state;
    offer(0);
    sink.allowed = 3;
    send_one(get(PAYLOAD, GSO_SIZE, 0));
    assert_int_equal(sink.frames, 3);
    assert_int_equal(drops(LINK_DROP_TX_NO_ROOM), 2);
    sink.payload_seen = 0;
    send_one(get(1000, 1448, 2));
    assert_int_equal(drops(LINK_DROP_TX_NO_ROOM), 3);
}

static void what_cannot_be_cut_or_does_not_fit_is_counted(void **state)
{
    (void)state;
    offer(0);
    struct packet *p = get(PAYLOAD, GSO_SIZE, 0);
    p->gso_size = 0;
    send_one(p);
    assert_int_equal(drops(LINK_DROP_TX_MALFORMED), 1);
    send_one(get(PAYLOAD, 4000, 0)); /* two segments over the link's frames */
    assert_int_equal(drops(LINK_DROP_TX_MALFORMED), 3);
    send_one(get(PAYLOAD, 6000, 2)); /* one frame of 5,066 bytes */
    assert_int_equal(drops(LINK_DROP_TX_MALFORMED), 4);
    assert_int_equal(sink.frames, 0);
}

static void a_GSO_packet_longer_than_the_link_takes_or_complete_is_cut(void **state)
{
    (void)state;
    offer(CHECKSUM | TSO);
    sink.link.gso_max = PAYLOAD;
    send_one(get(PAYLOAD, GSO_SIZE, 0));
    assert_int_equal(sink.frames, 5);
    sink.link.gso_max = 65535;
    struct packet *p = get(PAYLOAD, GSO_SIZE, 0);
    p->checksum = PACKET_CHECKSUM_VERIFIED;
    send_one(p);
    assert_int_equal(sink.frames, 10);
}

/* Below an MPLS label no link cuts. */
static void a_labelled_GSO_packet_is_cut_for_every_link(void **state)
{
    (void)state;
    offer(CHECKSUM | TSO | SCATTER);
    for (unsigned frags = 0; frags < 3; frags++) {
        struct packet *p = get(PAYLOAD, GSO_SIZE, frags);
        p->data -= 4;
        p->len += 4;
        memmove(p->data, p->data + 4, 14);
        store_be16(p->data + 12, 0x8847);
        store_be32(p->data + 14, 100u << 12 | 1u << 8 | 64u);
        p->l3_offset = (uint16_t)(p->l3_offset + 4);
        p->l4_offset = (uint16_t)(p->l4_offset + 4);
        p->checksum_start = (uint16_t)(p->checksum_start + 4);
        sink.frames = sink.gso = sink.partial = sink.payload_seen = 0;
        sink.headers = OFFLOAD_HEADERS + 4;
        send_one(p);
        assert_int_equal(sink.frames, 5);
        assert_int_equal(sink.gso, 0);
        assert_int_equal(sink.partial, 5);
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(packets_are_cut_or_joined_as_the_link_needs_it),
        CASE(frags_of_one_frame_are_made_linear),
        CASE(order_is_kept_among_others),
        CASE(more_segments_than_a_burst_are_cut_in_turns),
        CASE(where_frames_run_short_the_segments_left_are_counted),
        CASE(what_cannot_be_cut_or_does_not_fit_is_counted),
        CASE(a_GSO_packet_longer_than_the_link_takes_or_complete_is_cut),
        CASE(a_labelled_GSO_packet_is_cut_for_every_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
