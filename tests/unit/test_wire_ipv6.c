/* SPDX-License-Identifier: MIT */
/*
 * IPv6: fixed and fragment headers round trip; the walk over extension headers against the answers measured on Linux
 * (THREATS 1.10) and RFC 8200, hostile rows IP6-01 to IP6-10, ND-03, FR-04 to FR-10 and FR-17.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000

static int print_ipv6(char *to, size_t size, const void *h) { return wire_ipv6_print(to, size, h); }
static int print_fragment(char *to, size_t size, const void *h) { return wire_ipv6_fragment_print(to, size, h); }

/* A packet under construction: the fixed header, then extension headers and payload in the order added. */
struct build {
    uint8_t bytes[4096];
    size_t length;
    size_t next_at; /* where the next header's number goes */
};

static void build_begin(struct build *b, const char *dst)
{
    memset(b, 0, sizeof *b);
    struct wire_ipv6 h = {.hop_limit = 64, .next_header = IP_PROTO_NONE};
    assert_int_equal(ip_addr_parse("2001:db8::1", 11, &h.src), 0);
    assert_int_equal(ip_addr_parse(dst, strlen(dst), &h.dst), 0);
    b->length = (size_t)wire_ipv6_build(b->bytes, &h);
    b->next_at = 6;
}

static void build_header(struct build *b, uint8_t number, const uint8_t *bytes, size_t n)
{
    assert_true(b->length + n <= sizeof b->bytes);
    b->bytes[b->next_at] = number;
    if (n > 0)
        memcpy(b->bytes + b->length, bytes, n);
    if (n > 0)
        b->bytes[b->length] = IP_PROTO_NONE;
    b->next_at = b->length;
    b->length += n;
    store_be16(b->bytes + 4, (uint16_t)(b->length - WIRE_IPV6_LEN));
}

/* A header of 8 bytes with the six given behind next header and length. */
static void build_small(struct build *b, uint8_t number, const uint8_t *six)
{
    uint8_t bytes[8] = {0};
    memcpy(bytes + 2, six, 6);
    build_header(b, number, bytes, sizeof bytes);
}

static void build_fragment(struct build *b, uint16_t offset, bool more)
{
    uint8_t bytes[8];
    wire_ipv6_fragment_build(bytes, &(struct wire_ipv6_fragment){.id = 7, .offset = offset, .more = more});
    build_header(b, IP_PROTO_FRAGMENT, bytes, sizeof bytes);
}

static void build_payload(struct build *b, uint8_t protocol, size_t n)
{
    b->bytes[b->next_at] = protocol;
    b->length += n;
    store_be16(b->bytes + 4, (uint16_t)(b->length - WIRE_IPV6_LEN));
}

static const uint8_t padn[6] = {1, 4, 0, 0, 0, 0};
static struct wire_ipv6_walk walked;

static void walk_present(const struct build *b, size_t present)
{
    wire_ipv6_walk(at_end_of_memory(b->bytes, present), present, &walked);
}

static void expect_accept(const struct build *b, uint8_t protocol, uint32_t offset)
{
    walk_present(b, b->length);
    assert_int_equal(walked.verdict, WIRE_IPV6_ACCEPT);
    assert_int_equal(walked.reason, WIRE_IPV6_GOOD);
    assert_int_equal(walked.protocol, protocol);
    assert_int_equal(walked.offset, offset);
    assert_int_equal(walked.end, b->length);
    assert_int_equal(b->bytes[walked.next_header_at], protocol);
}

static void expect_drop(const struct build *b, enum wire_ipv6_reason reason)
{
    walk_present(b, b->length);
    assert_int_equal(walked.verdict, WIRE_IPV6_DROP);
    assert_int_equal(walked.reason, reason);
}

static void expect_problem(const struct build *b, enum wire_ipv6_reason reason, uint8_t code, uint32_t pointer)
{
    walk_present(b, b->length);
    assert_int_equal(walked.verdict, WIRE_IPV6_PARAMETER_PROBLEM);
    assert_int_equal(walked.reason, reason);
    assert_int_equal(walked.problem_code, code);
    assert_int_equal(walked.problem_pointer, pointer);
}

static void literal_header_is_read(void **state)
{
    (void)state;
    static const uint8_t packet[44] = {0x6a, 0xb1, 0x23, 0x45, 0, 4, 17, 64, 0x20, 1,    0x0d, 0xb8, 0, 0, 0,
                                       0,    0,    0,    0,    0, 0, 0,  0,  1,    0xff, 2,    0,    0, 0, 0,
                                       0,    0,    0,    0,    0, 0, 0,  0,  0,    1,    1,    2,    3, 4};
    struct wire_ipv6 h = {0};
    uint8_t again[40];
    assert_int_equal(wire_ipv6_parse(packet, sizeof packet, &h), 40);
    assert_int_equal(h.traffic_class, 0xab);
    assert_int_equal(h.flow_label, 0x12345);
    assert_int_equal(h.payload_len, 4);
    assert_int_equal(h.next_header, 17);
    assert_int_equal(h.hop_limit, 64);
    assert_true(ip_addr_is_multicast(&h.dst));
    assert_int_equal(wire_ipv6_build(again, &h), 40);
    assert_memory_equal(again, packet, 40);
    assert_prints(print_ipv6, &h, "2001:db8::1 > ff02::1 next 17 hlim 64 len 4 class 171 flow 0x12345");
    for (size_t n = 0; n < sizeof packet; n++)
        assert_int_equal(wire_ipv6_parse(at_end_of_memory(packet, n), n, &h), ERR_TRUNCATED);
    for (unsigned version = 0; version < 16; version++) {
        uint8_t other[44];
        memcpy(other, packet, sizeof other);
        other[0] = (uint8_t)(version << 4);
        assert_int_equal(wire_ipv6_parse(other, sizeof other, &h), version == 6 ? 40 : ERR_UNSUPPORTED);
    }
}

static void every_header_round_trips(void **state)
{
    (void)state;
    struct dice d = {9};
    for (int i = 0; i < CASES; i++) {
        uint8_t bytes[40 + 65535], again[40];
        struct wire_ipv6 h = {0}, parsed = {0};
        dice_bytes(&d, bytes, 40);
        bytes[0] = (uint8_t)(0x60 | (bytes[0] & 15));
        assert_int_equal(wire_ipv6_parse(bytes, sizeof bytes, &h), 40);
        assert_int_equal(wire_ipv6_build(again, &h), 40);
        assert_memory_equal(bytes, again, 40);
        assert_int_equal(wire_ipv6_parse(bytes, sizeof bytes, &parsed), 40);
        assert_true(wire_ipv6_equal(&h, &parsed));
    }
}

static void every_fragment_header_round_trips(void **state)
{
    (void)state;
    struct dice d = {10};
    for (int i = 0; i < CASES; i++) {
        struct wire_ipv6_fragment h = {
            .id = dice_u32(&d), .offset = dice_u16(&d) & 0xfff8u, .next_header = dice_u8(&d)};
        struct wire_ipv6_fragment parsed;
        h.more = dice_one_in(&d, 2);
        uint8_t bytes[8];
        assert_int_equal(wire_ipv6_fragment_build(bytes, &h), 8);
        assert_int_equal(wire_ipv6_fragment_parse(bytes, 8, &parsed), 8);
        assert_true(wire_ipv6_fragment_equal(&h, &parsed));
        size_t n = dice_below(&d, 8);
        assert_int_equal(wire_ipv6_fragment_parse(at_end_of_memory(bytes, n), n, &parsed), ERR_TRUNCATED);
    }
    const struct wire_ipv6_fragment h = {.id = 0xab, .offset = 1448, .more = true, .next_header = 6};
    assert_prints(print_fragment, &h, "frag id 0x000000ab offset 1448 more next 6");
}

static void upper_header_is_found_behind_every_extension(void **state)
{
    (void)state;
    static const uint8_t routing[6] = {0, 0, 0, 0, 0, 0}, alert[6] = {5, 2, 0, 3, 1, 0};
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_payload(&b, IP_PROTO_TCP, 20);
    expect_accept(&b, IP_PROTO_TCP, 40);
    assert_int_equal(walked.next_header_at, 6);
    assert_int_equal(walked.header_count, 0);
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_HOP_BY_HOP, alert);
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_small(&b, IP_PROTO_ROUTING, routing);
    build_fragment(&b, 0, false);
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_payload(&b, IP_PROTO_UDP, 8);
    expect_accept(&b, IP_PROTO_UDP, 80);
    assert_int_equal(walked.header_count, 5);
    assert_true(walked.router_alert && walked.router_alert_value == 3);
    assert_true(walked.fragment_header && !walked.fragment);
    assert_int_equal(walked.fragment_at, 64);
    assert_int_equal(walked.fragment_next_at, 56);
}

static void other_protocols_end_the_walk(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 256; number++) {
        struct build b;
        build_begin(&b, "2001:db8::2");
        build_payload(&b, (uint8_t)number, 16);
        if (!wire_ipv6_is_extension((uint8_t)number))
            expect_accept(&b, (uint8_t)number, 40);
    }
}

/* IP6-01 */
static void payload_length_past_the_bytes_is_dropped(void **state)
{
    (void)state;
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_HOP_BY_HOP, padn);
    build_payload(&b, IP_PROTO_TCP, 20);
    for (size_t n = 0; n < b.length; n++) {
        walk_present(&b, n);
        assert_int_equal(walked.verdict, WIRE_IPV6_DROP);
        assert_int_equal(walked.reason, WIRE_IPV6_TRUNCATED);
    }
    walk_present(&b, b.length + 6); /* a link's padding */
    assert_int_equal(walked.verdict, WIRE_IPV6_ACCEPT);
    assert_int_equal(walked.end, b.length);
    b.bytes[0] = 0x45;
    expect_drop(&b, WIRE_IPV6_BAD_VERSION);
}

/* IP6-02: every length of every extension header. */
static void extension_past_the_packet_is_dropped(void **state)
{
    (void)state;
    static const uint8_t numbers[] = {IP_PROTO_HOP_BY_HOP, IP_PROTO_DESTINATION_OPTIONS, IP_PROTO_ROUTING};
    static const uint8_t skipped[6] = {0x1e, 4, 0, 0, 0, 0}; /* an unknown option that may be skipped */
    for (size_t i = 0; i < sizeof numbers; i++) {
        for (unsigned size = 0; size < 256; size++) {
            struct build b;
            build_begin(&b, "2001:db8::2");
            build_small(&b, numbers[i], skipped);
            b.bytes[41] = (uint8_t)size;
            b.bytes[43] = numbers[i] == IP_PROTO_ROUTING ? 0 : 4;
            if (size == 0)
                expect_accept(&b, IP_PROTO_NONE, 48);
            else
                expect_drop(&b, WIRE_IPV6_TRUNCATED);
        }
    }
}

/* IP6-02: option length 255, 0 and the ones that just fit. */
static void option_lengths_are_bounded_by_their_header(void **state)
{
    (void)state;
    for (unsigned length = 0; length < 256; length++) {
        uint8_t bytes[16] = {0, 1, 0x1e, (uint8_t)length};
        struct build b;
        build_begin(&b, "2001:db8::2");
        build_header(&b, IP_PROTO_DESTINATION_OPTIONS, bytes, sizeof bytes);
        if (length >= 5 && length <= 12)
            expect_accept(&b, IP_PROTO_NONE, 56);
        else
            expect_drop(&b, WIRE_IPV6_BAD_OPTION); /* past the header, or more than 7 bytes of padding behind it */
    }
}

/* IP6-03 with the oracle's pointers; 10 is answered even to multicast, 11 is not. */
static void unknown_options_act_by_their_high_bits(void **state)
{
    (void)state;
    for (unsigned action = 0; action < 4; action++) {
        for (unsigned multicast = 0; multicast < 2; multicast++) {
            uint8_t option[6] = {(uint8_t)(action << 6 | 0x1e), 4};
            struct build b;
            build_begin(&b, multicast ? "ff02::1" : "2001:db8::2");
            build_small(&b, IP_PROTO_DESTINATION_OPTIONS, option);
            build_payload(&b, IP_PROTO_UDP, 8);
            if (action == 0)
                expect_accept(&b, IP_PROTO_UDP, 48);
            else if (action == 1 || (action == 3 && multicast))
                expect_drop(&b, WIRE_IPV6_UNKNOWN_OPTION);
            else
                expect_problem(&b, WIRE_IPV6_UNKNOWN_OPTION, 2, 42);
        }
    }
}

/* IP6-04 */
static void hop_by_hop_is_only_allowed_first(void **state)
{
    (void)state;
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_small(&b, IP_PROTO_HOP_BY_HOP, padn);
    expect_problem(&b, WIRE_IPV6_HOP_BY_HOP_MISPLACED, 1, 40);
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_HOP_BY_HOP, padn);
    build_small(&b, IP_PROTO_HOP_BY_HOP, padn);
    expect_problem(&b, WIRE_IPV6_HOP_BY_HOP_MISPLACED, 1, 40);
    build_begin(&b, "ff02::1");
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_small(&b, IP_PROTO_HOP_BY_HOP, padn);
    expect_drop(&b, WIRE_IPV6_HOP_BY_HOP_MISPLACED);
}

static void eight_options_a_header_are_the_most(void **state)
{
    (void)state;
    static const uint8_t numbers[] = {IP_PROTO_HOP_BY_HOP, IP_PROTO_DESTINATION_OPTIONS};
    for (size_t i = 0; i < sizeof numbers; i++) {
        for (unsigned options = 1; options <= 20; options++) {
            uint8_t bytes[48] = {0};
            size_t n = (2 + 2 * options + 7) / 8 * 8;
            bytes[1] = (uint8_t)(n / 8 - 1);
            for (unsigned o = 0; o < options; o++)
                bytes[2 + 2 * o] = 0x1e;
            struct build b;
            build_begin(&b, "2001:db8::2");
            build_header(&b, numbers[i], bytes, n);
            if (options <= 8)
                expect_accept(&b, IP_PROTO_NONE, (uint32_t)(40 + n));
            else
                expect_drop(&b, WIRE_IPV6_TOO_MANY_OPTIONS);
        }
    }
}

static void eight_headers_are_the_most(void **state)
{
    (void)state;
    for (unsigned headers = 1; headers <= 40; headers++) {
        struct build b;
        build_begin(&b, "2001:db8::2");
        for (unsigned i = 0; i < headers; i++)
            build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
        if (headers <= 8)
            expect_accept(&b, IP_PROTO_NONE, 40 + 8 * headers);
        else
            expect_drop(&b, WIRE_IPV6_TOO_MANY_HEADERS);
    }
}

static void eight_headers_are_the_most_in_a_first_fragment(void **state)
{
    (void)state;
    for (unsigned behind = 0; behind <= 40; behind++) {
        struct build b;
        build_begin(&b, "2001:db8::2");
        build_fragment(&b, 0, true);
        for (unsigned i = 0; i < behind; i++)
            build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
        build_payload(&b, IP_PROTO_UDP, 8);
        if (behind <= 7)
            expect_accept(&b, behind == 0 ? IP_PROTO_UDP : IP_PROTO_DESTINATION_OPTIONS, 48);
        else
            expect_drop(&b, WIRE_IPV6_TOO_MANY_HEADERS);
    }
}

/* IP6-05, any routing type. */
static void routing_header_counts_only_with_segments_left(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type += 3) {
        for (unsigned left = 0; left < 256; left += 5) {
            uint8_t routing[6] = {(uint8_t)type, (uint8_t)left};
            struct build b;
            build_begin(&b, "2001:db8::2");
            build_small(&b, IP_PROTO_ROUTING, routing);
            build_payload(&b, IP_PROTO_TCP, 20);
            if (left == 0)
                expect_accept(&b, IP_PROTO_TCP, 48);
            else
                expect_problem(&b, WIRE_IPV6_ROUTING, 0, 42);
        }
    }
}

/* IP6-06, RFC 2675 section 3. */
static void jumbo_payload_is_never_accepted(void **state)
{
    (void)state;
    uint8_t jumbo[6] = {0xc2, 4, 0, 0, 0, 100};
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_HOP_BY_HOP, jumbo);
    expect_problem(&b, WIRE_IPV6_JUMBO, 0, 42); /* with a payload length */
    store_be16(b.bytes + 4, 0);
    expect_problem(&b, WIRE_IPV6_JUMBO, 0, 44); /* below 65536 */
    store_be32(b.bytes + 44, 70000);
    expect_drop(&b, WIRE_IPV6_JUMBO);
    b.bytes[43] = 3;
    expect_drop(&b, WIRE_IPV6_BAD_OPTION);
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_HOP_BY_HOP, padn);
    build_payload(&b, IP_PROTO_UDP, 8);
    store_be16(b.bytes + 4, 0);
    expect_problem(&b, WIRE_IPV6_JUMBO, 0, 4); /* no option that explains the zero */
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, jumbo);
    expect_problem(&b, WIRE_IPV6_UNKNOWN_OPTION, 2, 42); /* not a destination option */
}

static void zero_payload_length_is_an_empty_packet(void **state)
{
    (void)state;
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_payload(&b, IP_PROTO_TCP, 0);
    walk_present(&b, b.length + 20);
    assert_int_equal(walked.verdict, WIRE_IPV6_ACCEPT);
    assert_int_equal(walked.offset, 40);
    assert_int_equal(walked.end, 40);
}

/* IP6-07 */
static void padding_is_short_and_zero(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= 12; n++) { /* n bytes of Pad1, then an option over the rest of 14 */
        uint8_t bytes[16] = {0, 1};
        bytes[2 + n] = 0x1e;
        bytes[3 + n] = (uint8_t)(12 - n);
        struct build b;
        build_begin(&b, "2001:db8::2");
        build_header(&b, IP_PROTO_DESTINATION_OPTIONS, bytes, sizeof bytes);
        if (n <= 7)
            expect_accept(&b, IP_PROTO_NONE, 56);
        else
            expect_drop(&b, WIRE_IPV6_BAD_OPTION);
    }
    for (unsigned at = 2; at < 6; at++) {
        uint8_t covert[6] = {1, 4};
        covert[at] = 'x';
        struct build b;
        build_begin(&b, "2001:db8::2");
        build_small(&b, IP_PROTO_DESTINATION_OPTIONS, covert);
        expect_drop(&b, WIRE_IPV6_BAD_OPTION);
    }
}

/* IP6-09: AH of length 0 is an unknown protocol like any other. */
static void authentication_and_encryption_end_the_walk(void **state)
{
    (void)state;
    static const uint8_t ah[12] = {IP_PROTO_TCP, 0};
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_header(&b, IP_PROTO_AH, ah, sizeof ah);
    b.bytes[40] = IP_PROTO_AH;
    expect_accept(&b, IP_PROTO_AH, 48);
    assert_int_equal(walked.next_header_at, 40);
    build_begin(&b, "2001:db8::2");
    build_payload(&b, IP_PROTO_ESP, 3);
    expect_accept(&b, IP_PROTO_ESP, 40);
}

/* The upper protocol's pointer for 4/1 in the oracle is 6. */
static void unknown_protocol_is_named_at_its_offset(void **state)
{
    (void)state;
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_payload(&b, 253, 8);
    expect_accept(&b, 253, 40);
    assert_int_equal(walked.next_header_at, 6);
    build_begin(&b, "2001:db8::2");
    build_payload(&b, IP_PROTO_NONE, 8); /* IP6-10 */
    expect_accept(&b, IP_PROTO_NONE, 40);
}

static void fragments_are_handed_over_with_their_place(void **state)
{
    (void)state;
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_fragment(&b, 1448, true);
    build_payload(&b, IP_PROTO_TCP, 16);
    expect_accept(&b, IP_PROTO_TCP, 56);
    assert_true(walked.fragment_header && walked.fragment);
    assert_int_equal(walked.frag.offset, 1448);
    assert_int_equal(walked.frag.id, 7);
    assert_true(walked.frag.more);
    assert_int_equal(walked.fragment_at, 48);
    assert_int_equal(walked.fragment_next_at, 40);
}

/* FR-08 to FR-10 with the oracle's pointers. */
static void fragment_faults(void **state)
{
    (void)state;
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_fragment(&b, 0, true);
    build_payload(&b, IP_PROTO_UDP, 13);
    expect_problem(&b, WIRE_IPV6_FRAGMENT_MISALIGNED, 0, 4);
    build_begin(&b, "2001:db8::2");
    build_fragment(&b, 65528, false);
    build_payload(&b, IP_PROTO_UDP, 1480);
    expect_problem(&b, WIRE_IPV6_FRAGMENT_TOO_FAR, 0, 42);
    build_begin(&b, "2001:db8::2");
    build_fragment(&b, 65528, false);
    build_payload(&b, IP_PROTO_UDP, 7);
    expect_accept(&b, IP_PROTO_UDP, 48);
    build_begin(&b, "2001:db8::2");
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    build_fragment(&b, 65520, false);
    build_payload(&b, IP_PROTO_UDP, 8);
    expect_problem(&b, WIRE_IPV6_FRAGMENT_TOO_FAR, 0, 50); /* the unfragmentable part counts */
    build_begin(&b, "2001:db8::2");
    build_fragment(&b, 0, true);
    expect_drop(&b, WIRE_IPV6_FRAGMENT_EMPTY);
    build_begin(&b, "ff02::1");
    build_fragment(&b, 0, true);
    build_payload(&b, IP_PROTO_UDP, 13);
    expect_drop(&b, WIRE_IPV6_FRAGMENT_MISALIGNED);
}

/* FR-04, FR-05: the oracle answers 4/3. */
static void first_fragment_holds_the_whole_chain(void **state)
{
    (void)state;
    static const struct {
        uint8_t protocol;
        size_t least;
    } rows[] = {{IP_PROTO_TCP, 24}, {IP_PROTO_UDP, 8}, {IP_PROTO_ICMPV6, 8}, {253, 8}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t n = 8; n <= 32; n += 8) {
            struct build b;
            build_begin(&b, "2001:db8::2");
            build_fragment(&b, 0, true);
            build_payload(&b, rows[i].protocol, n);
            if (n >= rows[i].least)
                expect_accept(&b, rows[i].protocol, 48);
            else
                expect_problem(&b, WIRE_IPV6_CHAIN_INCOMPLETE, 3, 0);
        }
    }
    struct build b;
    build_begin(&b, "2001:db8::2");
    build_fragment(&b, 0, true);
    build_small(&b, IP_PROTO_DESTINATION_OPTIONS, padn);
    b.bytes[49] = 1; /* one unit more than there is */
    b.bytes[48] = IP_PROTO_TCP;
    expect_problem(&b, WIRE_IPV6_CHAIN_INCOMPLETE, 3, 0);
    b.bytes[49] = 0;
    expect_problem(&b, WIRE_IPV6_CHAIN_INCOMPLETE, 3, 0); /* no TCP header behind it */
    build_payload(&b, IP_PROTO_TCP, 24);
    expect_accept(&b, IP_PROTO_DESTINATION_OPTIONS, 48);
    assert_true(walked.fragment);
}

/* FR-17 */
static void nested_fragment_headers_are_dropped(void **state)
{
    (void)state;
    for (unsigned atomic = 0; atomic < 2; atomic++) {
        for (unsigned headers = 2; headers <= 40; headers++) {
            struct build b;
            build_begin(&b, "2001:db8::2");
            for (unsigned i = 0; i < headers; i++)
                build_fragment(&b, 0, !atomic);
            build_payload(&b, IP_PROTO_TCP, 24);
            expect_drop(&b, WIRE_IPV6_FRAGMENT_NESTED);
        }
    }
}

static void reasons_have_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WIRE_IPV6_REASON_COUNT; i++) {
        assert_string_not_equal(wire_ipv6_reason_text((enum wire_ipv6_reason)i), "unknown reason");
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(wire_ipv6_reason_text((enum wire_ipv6_reason)i),
                                    wire_ipv6_reason_text((enum wire_ipv6_reason)j));
    }
    assert_string_equal(wire_ipv6_reason_text(WIRE_IPV6_REASON_COUNT), "unknown reason");
}

static void check_walk(const uint8_t *packet, size_t n)
{
    struct wire_ipv6_walk w;
    wire_ipv6_walk(at_end_of_memory(packet, n), n, &w);
    assert_true(w.header_count <= WIRE_IPV6_MAX_HEADERS);
    assert_int_equal(w.verdict == WIRE_IPV6_ACCEPT, w.reason == WIRE_IPV6_GOOD);
    if (w.verdict == WIRE_IPV6_ACCEPT) {
        assert_in_range(w.offset, 40, w.end);
        assert_in_range(w.end, 40, n);
        assert_int_equal(packet[w.next_header_at], w.protocol);
        assert_true(w.fragment || !wire_ipv6_is_extension(w.protocol));
    }
    if (w.verdict == WIRE_IPV6_PARAMETER_PROBLEM)
        assert_true(w.problem_pointer < n && (packet[24] != 0xff || w.problem_code == 2));
}

/* Headers of likely numbers, lengths and options; the invariants hold and nothing is read past the end. */
static void random_chains_keep_the_invariants(void **state)
{
    (void)state;
    static const uint8_t numbers[] = {0, 60, 43, 44, 6, 17, 58, 59, 50, 51, 253};
    static const uint8_t likely_bytes[] = {0, 0, 0, 0, 1, 1, 2, 4, 5, 6, 0x1e, 0x5e, 0x9e, 0xc2, 43, 44, 60};
    struct dice d = {11};
    unsigned accepted = 0;
    for (int i = 0; i < 300000; i++) {
        uint8_t packet[200] = {0x60};
        size_t n = 40 + dice_below(&d, 160);
        for (size_t at = 40; at < n; at++)
            packet[at] = likely_bytes[dice_below(&d, sizeof likely_bytes)];
        for (size_t at = 40; at + 8 <= n; at += 8)
            packet[at] = numbers[dice_below(&d, sizeof numbers)];
        packet[6] = numbers[dice_below(&d, sizeof numbers)];
        packet[24] = dice_one_in(&d, 4) ? 0xff : 0x20;
        store_be16(packet + 4, (uint16_t)(dice_one_in(&d, 8) ? 0 : n - 40));
        check_walk(packet, n);
        accepted += wire_ipv6_walk(packet, n, &walked) == WIRE_IPV6_ACCEPT;
    }
    assert_in_range(accepted, 10000, 290000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_header_is_read),
        cmocka_unit_test(every_header_round_trips),
        cmocka_unit_test(every_fragment_header_round_trips),
        cmocka_unit_test(upper_header_is_found_behind_every_extension),
        cmocka_unit_test(other_protocols_end_the_walk),
        cmocka_unit_test(payload_length_past_the_bytes_is_dropped),
        cmocka_unit_test(extension_past_the_packet_is_dropped),
        cmocka_unit_test(option_lengths_are_bounded_by_their_header),
        cmocka_unit_test(unknown_options_act_by_their_high_bits),
        cmocka_unit_test(hop_by_hop_is_only_allowed_first),
        cmocka_unit_test(eight_options_a_header_are_the_most),
        cmocka_unit_test(eight_headers_are_the_most),
        cmocka_unit_test(eight_headers_are_the_most_in_a_first_fragment),
        cmocka_unit_test(routing_header_counts_only_with_segments_left),
        cmocka_unit_test(jumbo_payload_is_never_accepted),
        cmocka_unit_test(zero_payload_length_is_an_empty_packet),
        cmocka_unit_test(padding_is_short_and_zero),
        cmocka_unit_test(authentication_and_encryption_end_the_walk),
        cmocka_unit_test(unknown_protocol_is_named_at_its_offset),
        cmocka_unit_test(fragments_are_handed_over_with_their_place),
        cmocka_unit_test(fragment_faults),
        cmocka_unit_test(first_fragment_holds_the_whole_chain),
        cmocka_unit_test(nested_fragment_headers_are_dropped),
        cmocka_unit_test(reasons_have_texts),
        cmocka_unit_test(random_chains_keep_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
