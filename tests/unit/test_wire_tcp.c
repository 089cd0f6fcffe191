/* SPDX-License-Identifier: MIT */
/*
 * TCP headers and options: literal segments as Linux sends them, round trips, hostile rows TC-01 and TC-03 to TC-11.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 50000

struct segment {
    struct wire_tcp h;
    struct wire_tcp_options o;
};

static int print_segment(char *to, size_t size, const void *p)
{
    const struct segment *s = p;
    return wire_tcp_print(to, size, &s->h, &s->o);
}

/* Linux's SYN: MSS 1460, SACK permitted, timestamps 1 and 0, NOP, window scale 7. */
static const uint8_t syn[40] = {0x03, 0xe8, 0, 80, 0xff, 0xff, 0xff, 0, 0, 0,    0, 0, 0xa0, 0x02,
                                0xfa, 0xf0, 0, 0,  0,    0,    2,    4, 5, 0xb4, 4, 2, 8,    10,
                                0,    0,    0, 1,  0,    0,    0,    0, 1, 3,    3, 7};
/* Its ACK: NOP, NOP, timestamps. */
static const uint8_t ack[32] = {0x03, 0xe8, 0, 80, 0xff, 0xff, 0xff, 1,  0, 0, 0, 9, 0x80, 0x10, 0x01, 0xf6,
                                0x12, 0x34, 0, 0,  1,    1,    8,    10, 0, 0, 0, 2, 0,    0,    0,    3};

static void syn_is_read_and_rebuilt(void **state)
{
    (void)state;
    struct segment s;
    uint8_t again[WIRE_TCP_MAX];
    assert_int_equal(wire_tcp_parse(syn, sizeof syn, &s.h), 40);
    assert_int_equal(wire_tcp_options_parse(syn + 20, 20, &s.o), 0);
    assert_int_equal(s.h.flags, TCP_SYN);
    assert_int_equal(s.h.seq.v, 0xffffff00);
    assert_int_equal(s.h.window, 64240);
    assert_int_equal(s.o.present, TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE);
    assert_int_equal(s.o.mss, 1460);
    assert_int_equal(s.o.wscale, 7);
    assert_int_equal(s.o.ts_val, 1);
    assert_int_equal(wire_tcp_build(again, &s.h, &s.o), 40);
    assert_memory_equal(again, syn, 40);
    assert_prints(print_segment, &s, "1000 > 80 SYN seq 4294967040 win 64240 <mss 1460,sackOK,ts 1 0,wscale 7>");
}

static void ack_is_read_and_rebuilt(void **state)
{
    (void)state;
    struct segment s;
    uint8_t again[WIRE_TCP_MAX];
    assert_int_equal(wire_tcp_parse(ack, sizeof ack, &s.h), 32);
    assert_int_equal(wire_tcp_options_parse(ack + 20, 12, &s.o), 0);
    assert_int_equal(s.o.present, TCP_OPT_TIMESTAMPS);
    assert_true(s.o.ts_val == 2 && s.o.ts_ecr == 3);
    assert_int_equal(wire_tcp_build(again, &s.h, &s.o), 32);
    assert_memory_equal(again, ack, 32);
    assert_prints(print_segment, &s, "1000 > 80 ACK seq 4294967041 ack 9 win 502 <ts 2 3>");
    assert_int_equal(wire_tcp_build(again, &s.h, NULL), 20);
    assert_int_equal(wire_tcp_parse(again, 20, &s.h), 20);
}

static void other_options_as_text(void **state)
{
    (void)state;
    static const uint8_t cookie[4] = {0xab, 1, 2, 3};
    struct segment s = {.h = {.src_port = 1, .dst_port = 2, .flags = 0x1ff, .urgent = 5}};
    s.o.present = TCP_OPT_SACK | TCP_OPT_FAST_OPEN | TCP_OPT_AO | TCP_OPT_MPTCP;
    s.o.fast_open = cookie;
    s.o.fast_open_len = 4;
    s.o.sack_count = 2;
    s.o.sack[0] = (struct wire_sack_block){{1}, {2}};
    s.o.sack[1] = (struct wire_sack_block){{5}, {7}};
    assert_prints(
        print_segment, &s,
        "1 > 2 FIN,SYN,RST,PSH,ACK,URG,ECE,CWR,AE seq 0 ack 0 win 0 urg 5 <ao,tfo ab010203,sack 1-2 5-7,mptcp>");
    s = (struct segment){.o.present = TCP_OPT_MD5};
    assert_prints(print_segment, &s, "0 > 0 none seq 0 win 0 <md5>");
    s.o.present = 0;
    assert_prints(print_segment, &s, "0 > 0 none seq 0 win 0");
}

/* TC-01: every data offset against every number of bytes. */
static void data_offset_is_checked(void **state)
{
    (void)state;
    uint8_t segment[64];
    struct wire_tcp h = {0};
    memset(segment, 1, sizeof segment);
    for (unsigned offset = 0; offset < 16; offset++) {
        segment[12] = (uint8_t)(offset << 4);
        for (size_t n = 0; n <= sizeof segment; n++) {
            int expected = (int)offset * 4;
            if (n < 20)
                expected = ERR_TRUNCATED;
            else if (offset < 5)
                expected = ERR_MALFORMED;
            else if (offset * 4 > n)
                expected = ERR_TRUNCATED;
            assert_int_equal(wire_tcp_parse(at_end_of_memory(segment, n), n, &h), expected);
        }
    }
}

static void every_fixed_header_round_trips(void **state)
{
    (void)state;
    struct dice d = {19};
    for (int i = 0; i < CASES; i++) {
        uint8_t bytes[20], again[WIRE_TCP_MAX];
        struct wire_tcp h = {0}, parsed = {0};
        dice_bytes(&d, bytes, sizeof bytes);
        bytes[12] = (uint8_t)(0x50 | (bytes[12] & 1)); /* the reserved bits are sent as zero */
        assert_int_equal(wire_tcp_parse(bytes, 20, &h), 20);
        assert_int_equal(wire_tcp_build(again, &h, NULL), 20);
        assert_memory_equal(bytes, again, 20);
        bytes[12] |= (uint8_t)(dice_u8(&d) & 0x0e);
        assert_int_equal(wire_tcp_parse(bytes, 20, &parsed), 20);
        assert_true(wire_tcp_equal(&h, &parsed));
    }
}

struct known_option {
    const char *what;
    uint8_t bytes[34];
    uint8_t length;
    uint16_t bit;
};

static const struct known_option known[] = {
    {"MSS", {2, 4, 5, 0xb4}, 4, TCP_OPT_MSS},
    {"window scale", {3, 3, 255}, 3, TCP_OPT_WSCALE}, /* TC-11: given as sent */
    {"SACK permitted", {4, 2}, 2, TCP_OPT_SACK_PERMITTED},
    {"SACK 1", {5, 10, 0, 0, 0, 1, 0, 0, 0, 2}, 10, TCP_OPT_SACK},
    {"SACK 4", {5, 34, 0, 0, 0, 1, 0, 0, 0, 2}, 34, TCP_OPT_SACK},
    {"timestamps", {8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, 10, TCP_OPT_TIMESTAMPS},
    {"MD5", {19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 18, TCP_OPT_MD5},
    {"AO", {29, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, 16, TCP_OPT_AO},
    {"cookie request", {34, 2}, 2, TCP_OPT_FAST_OPEN},
    {"cookie", {34, 10, 1, 2, 3, 4, 5, 6, 7, 8}, 10, TCP_OPT_FAST_OPEN},
    {"MPTCP", {30, 12, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}, 12, TCP_OPT_MPTCP},
};

static unsigned parse(const uint8_t *options, size_t n, struct wire_tcp_options *out)
{
    return wire_tcp_options_parse(at_end_of_memory(options, n), n, out);
}

/* TC-04: every option at every offset, behind NOPs, with NOPs or END and garbage behind it. */
static void every_option_at_every_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        for (size_t at = 0; at + known[i].length <= 40; at++) {
            for (unsigned tail = 0; tail < 2; tail++) {
                uint8_t options[40];
                struct wire_tcp_options o, alone;
                memset(options, 1, sizeof options);
                memcpy(options + at, known[i].bytes, known[i].length);
                if (tail == 1 && at + known[i].length < 40) {
                    memset(options + at + known[i].length, 2, 40 - at - known[i].length);
                    options[at + known[i].length] = 0;
                }
                assert_int_equal(wire_tcp_options_parse(known[i].bytes, known[i].length, &alone), 0);
                assert_int_equal(parse(options, 40, &o), 0);
                assert_int_equal(o.present, known[i].bit);
                assert_true(wire_tcp_options_equal(&o, &alone));
            }
        }
    }
}

static void nops_alone_are_nothing(void **state)
{
    (void)state;
    uint8_t options[40];
    struct wire_tcp_options o;
    memset(options, 1, sizeof options);
    for (size_t n = 0; n <= 40; n++) {
        assert_int_equal(parse(options, n, &o), 0);
        assert_int_equal(o.present, 0);
    }
}

static bool is_right_size(unsigned kind, unsigned size)
{
    switch (kind) {
    case TCP_KIND_MSS:
        return size == 4;
    case TCP_KIND_WSCALE:
        return size == 3;
    case TCP_KIND_SACK_PERMITTED:
        return size == 2;
    case TCP_KIND_SACK:
        return size == 10 || size == 18 || size == 26 || size == 34;
    case TCP_KIND_TIMESTAMPS:
        return size == 10;
    case TCP_KIND_MD5:
        return size == 18;
    case TCP_KIND_AO:
        return size >= 4;
    case TCP_KIND_MPTCP:
        return size >= 3;
    case TCP_KIND_FAST_OPEN:
        return size == 2 || (size >= 6 && size <= 18 && size % 2 == 0);
    default:
        return false;
    }
}

/*
 * TC-03, TC-09: every kind with every length, between an MSS that stays and a window scale that is only reached by
 * whole options.
 */
static void every_kind_with_every_length(void **state)
{
    (void)state;
    for (unsigned kind = 2; kind < 256; kind++) {
        for (unsigned size = 0; size < 256; size++) {
            uint8_t options[40];
            struct wire_tcp_options o;
            memset(options, 1, sizeof options);
            options[4] = (uint8_t)kind;
            options[5] = (uint8_t)size;
            memcpy(options, (const uint8_t[]){2, 4, 5, 0xb4}, 4);
            bool whole = size >= 2 && size <= 33;
            if (whole)
                memcpy(options + 4 + size, (const uint8_t[]){3, 3, 7}, 3);
            bool ends = size < 2 || size > 36;
            bool good = is_right_size(kind, size) && !ends && kind != TCP_KIND_MSS;
            unsigned bad = parse(options, 40, &o);
            assert_true(o.present & TCP_OPT_MSS);
            assert_int_equal(o.mss, 1460);
            assert_int_equal(bad, good && !(kind == TCP_KIND_WSCALE && whole) ? 0 : 1);
            assert_int_equal((o.present & TCP_OPT_WSCALE) != 0, whole || (kind == TCP_KIND_WSCALE && good));
        }
    }
}

static void kind_without_length_ends_the_parse(void **state)
{
    (void)state;
    for (unsigned kind = 2; kind < 256; kind++) {
        const uint8_t options[4] = {1, 1, 1, (uint8_t)kind};
        struct wire_tcp_options o;
        assert_int_equal(parse(options, 4, &o), 1);
        assert_int_equal(o.present, 0);
    }
}

/* TC-05 */
static void first_of_two_wins(void **state)
{
    (void)state;
    struct wire_tcp_options o;
    static const uint8_t twice[] = {2, 4, 0, 1, 2, 4, 0, 2, 3,  3, 1, 3, 3, 2, 8, 10, 0,
                                    0, 0, 1, 0, 0, 0, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0,  2};
    assert_int_equal(parse(twice, sizeof twice, &o), 3);
    assert_true(o.mss == 1 && o.wscale == 1 && o.ts_val == 1 && o.ts_ecr == 1);
    static const uint8_t sacks[] = {5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 18, 0, 0,
                                    0, 3,  0, 0, 0, 4, 0, 0, 0, 5, 0, 0,  0, 6};
    assert_int_equal(parse(sacks, sizeof sacks, &o), 1);
    assert_true(o.sack_count == 1 && o.sack[0].left.v == 1);
    static const uint8_t cookies[] = {34, 2, 34, 6, 1, 2, 3, 4};
    assert_int_equal(parse(cookies, sizeof cookies, &o), 1);
    assert_int_equal(o.fast_open_len, 0);
    uint8_t signatures[36] = {29, 16};
    memcpy(signatures + 16, (const uint8_t[]){19, 18}, 2);
    assert_int_equal(parse(signatures, 34, &o), 1);
    assert_true(o.present == TCP_OPT_AO && o.signature_len == 14);
    static const uint8_t wrong_then_right[] = {2, 3, 9, 2, 4, 0, 7, 1};
    assert_int_equal(parse(wrong_then_right, sizeof wrong_then_right, &o), 1);
    assert_int_equal(o.mss, 7);
}

/* TC-06, TC-09: values are for TCP to judge. */
static void values_are_given_as_sent(void **state)
{
    (void)state;
    static const uint8_t mss[] = {0, 1, 8, 48, 255};
    struct wire_tcp_options o;
    for (size_t i = 0; i < sizeof mss; i++) {
        assert_int_equal(parse((const uint8_t[]){2, 4, 0, mss[i]}, 4, &o), 0);
        assert_int_equal(o.mss, mss[i]);
    }
    assert_int_equal(parse((const uint8_t[]){5, 10, 0, 0, 0, 9, 0, 0, 0, 1}, 10, &o), 0);
    assert_true(o.sack[0].left.v == 9 && o.sack[0].right.v == 1);
}

/* The short path and the general one give the same for all lengths and beginnings close to it. */
static void short_path_equals_the_general_one(void **state)
{
    (void)state;
    struct dice d = {20};
    for (int i = 0; i < CASES; i++) {
        uint8_t options[16];
        struct wire_tcp_options a, b;
        dice_bytes(&d, options, sizeof options);
        store_be32(options, WIRE_TCP_TS_PREFIX);
        if (dice_one_in(&d, 2))
            options[dice_below(&d, 4)] ^= (uint8_t)(1u << dice_below(&d, 8));
        size_t n = dice_one_in(&d, 2) ? 12 : dice_below(&d, 17);
        assert_int_equal(parse(options, n, &a), wire_tcp_options_parse_general(options, n, &b));
        assert_true(a.present == b.present && a.ts_val == b.ts_val && a.ts_ecr == b.ts_ecr && a.mss == b.mss);
        assert_true(a.sack_count == b.sack_count && a.signature_len == b.signature_len &&
                    a.fast_open_len == b.fast_open_len);
    }
}

static void random_small_options(struct dice *d, struct wire_tcp_options *o, const uint8_t *pool)
{
    if (o->present & TCP_OPT_MSS)
        o->mss = dice_u16(d);
    if (o->present & TCP_OPT_WSCALE)
        o->wscale = dice_u8(d);
    if (o->present & TCP_OPT_TIMESTAMPS) {
        o->ts_val = dice_u32(d);
        o->ts_ecr = dice_u32(d);
    }
    if (o->present & TCP_OPT_FAST_OPEN) {
        o->fast_open = pool;
        o->fast_open_len = (uint8_t)(dice_one_in(d, 3) ? 0 : 4 + 2 * dice_below(d, 7));
    }
}

static void random_options(struct dice *d, struct wire_tcp_options *o, const uint8_t *pool)
{
    memset(o, 0, sizeof *o);
    o->present = (uint16_t)dice_below(d, 256);
    if (dice_one_in(d, 2)) /* often few of them, so that they fit */
        o->present &= (uint16_t)dice_below(d, 256);
    if ((o->present & TCP_OPT_MD5) != 0)
        o->present &= (uint16_t)~TCP_OPT_AO;
    random_small_options(d, o, pool);
    if (o->present & TCP_OPT_MD5)
        o->signature_len = 16;
    if (o->present & TCP_OPT_AO)
        o->signature_len = (uint8_t)(2 + dice_below(d, 37));
    if (o->signature_len > 0)
        o->signature = pool + 8;
    if ((o->present & TCP_OPT_SACK) == 0)
        return;
    o->sack_count = (uint8_t)(1 + dice_below(d, 4));
    for (unsigned i = 0; i < o->sack_count; i++)
        o->sack[i] = (struct wire_sack_block){{dice_u32(d)}, {dice_u32(d)}};
}

static unsigned packed_length(const struct wire_tcp_options *o)
{
    unsigned n = 0;
    n += o->present & TCP_OPT_MSS ? 4 : 0;
    n += o->present & TCP_OPT_SACK_PERMITTED ? 2 : 0;
    n += o->present & TCP_OPT_TIMESTAMPS ? 10 : 0;
    n += o->present & TCP_OPT_WSCALE ? 3 : 0;
    n += o->present & (TCP_OPT_MD5 | TCP_OPT_AO) ? o->signature_len + 2u : 0;
    n += o->present & TCP_OPT_FAST_OPEN ? o->fast_open_len + 2u : 0;
    n += o->present & TCP_OPT_SACK ? 2 + 8u * o->sack_count : 0;
    return n;
}

static void parse_after_build_is_the_identity(void **state)
{
    (void)state;
    struct dice d = {21};
    unsigned built = 0;
    uint8_t pool[64];
    dice_bytes(&d, pool, sizeof pool);
    for (int i = 0; i < CASES; i++) {
        struct wire_tcp h = {.src_port = dice_u16(&d),
                             .dst_port = dice_u16(&d),
                             .seq = {dice_u32(&d)},
                             .ack = {dice_u32(&d)},
                             .window = dice_u16(&d),
                             .checksum = dice_u16(&d),
                             .urgent = dice_u16(&d)};
        struct wire_tcp parsed = {0};
        struct wire_tcp_options o, parsed_options;
        h.flags = dice_u16(&d) & 0x1ff;
        random_options(&d, &o, pool);
        uint8_t to[WIRE_TCP_MAX + 1];
        to[WIRE_TCP_MAX] = 0x5a;
        int n = wire_tcp_build(to, &h, &o);
        assert_int_equal(to[WIRE_TCP_MAX], 0x5a);
        assert_int_equal(n == ERR_NO_SPACE, packed_length(&o) > 40);
        if (n < 0)
            continue;
        built++;
        assert_int_equal(n % 4, 0);
        assert_int_equal(wire_tcp_parse(to, (size_t)n, &parsed), n);
        assert_true(wire_tcp_equal(&h, &parsed));
        assert_int_equal(wire_tcp_options_parse(to + 20, (size_t)n - 20, &parsed_options), 0);
        assert_true(wire_tcp_options_equal(&o, &parsed_options));
        uint8_t again[WIRE_TCP_MAX];
        assert_int_equal(wire_tcp_build(again, &parsed, &parsed_options), n);
        assert_memory_equal(to, again, (size_t)n);
    }
    assert_true(built > CASES / 4);
}

/* The layouts Linux uses, so that middleboxes and fast paths see what they know. */
static void layouts_are_those_of_linux(void **state)
{
    (void)state;
    static const uint8_t with_sack[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4};
    static const uint8_t without_timestamps[] = {2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7};
    const struct wire_tcp h = {.flags = TCP_ACK};
    struct wire_tcp_options o = {
        .present = TCP_OPT_TIMESTAMPS | TCP_OPT_SACK, .ts_val = 1, .ts_ecr = 2, .sack_count = 1};
    o.sack[0] = (struct wire_sack_block){{3}, {4}};
    uint8_t to[WIRE_TCP_MAX];
    assert_int_equal(wire_tcp_build(to, &h, &o), 20 + sizeof with_sack);
    assert_memory_equal(to + 20, with_sack, sizeof with_sack);
    o = (struct wire_tcp_options){
        .present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_WSCALE, .mss = 1460, .wscale = 7};
    assert_int_equal(wire_tcp_build(to, &h, &o), 20 + sizeof without_timestamps);
    assert_memory_equal(to + 20, without_timestamps, sizeof without_timestamps);
    o = (struct wire_tcp_options){.present = TCP_OPT_TIMESTAMPS | TCP_OPT_SACK, .sack_count = 3};
    assert_int_equal(wire_tcp_build(to, &h, &o), 60);
    o.sack_count = 4;
    assert_int_equal(wire_tcp_build(to, &h, &o), ERR_NO_SPACE);
}

static void what_would_read_back_differently_is_not_built(void **state)
{
    (void)state;
    static const uint8_t bytes[40];
    const struct wire_tcp h = {.flags = TCP_ACK};
    const struct wire_tcp_options bad[] = {
        {.present = TCP_OPT_SACK},
        {.present = TCP_OPT_SACK, .sack_count = 5},
        {.present = TCP_OPT_MD5, .signature = bytes, .signature_len = 15},
        {.present = TCP_OPT_AO, .signature = bytes, .signature_len = 1},
        {.present = TCP_OPT_AO, .signature = bytes, .signature_len = 39},
        {.present = TCP_OPT_AO | TCP_OPT_MD5, .signature = bytes, .signature_len = 16},
        {.present = TCP_OPT_FAST_OPEN, .fast_open = bytes, .fast_open_len = 2},
        {.present = TCP_OPT_FAST_OPEN, .fast_open = bytes, .fast_open_len = 5},
        {.present = TCP_OPT_FAST_OPEN, .fast_open = bytes, .fast_open_len = 18},
    };
    uint8_t to[WIRE_TCP_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(wire_tcp_build(to, &h, &bad[i]), ERR_INVALID);
    const struct wire_tcp_options mptcp = {.present = TCP_OPT_MPTCP};
    assert_int_equal(wire_tcp_build(to, &h, &mptcp), 20);
}

/* Each cut of a full set of options parses what is whole and nothing more. */
static void options_cut_at_every_length(void **state)
{
    (void)state;
    struct wire_tcp_options o;
    for (size_t n = 0; n <= 20; n++) {
        uint16_t expected = 0;
        expected |= n >= 4 ? TCP_OPT_MSS : 0;
        expected |= n >= 6 ? TCP_OPT_SACK_PERMITTED : 0;
        expected |= n >= 16 ? TCP_OPT_TIMESTAMPS : 0;
        expected |= n >= 20 ? TCP_OPT_WSCALE : 0;
        bool whole = n == 0 || n == 4 || n == 6 || n == 16 || n == 17 || n == 20;
        assert_int_equal(parse(syn + 20, n, &o), whole ? 0 : 1);
        assert_int_equal(o.present, expected);
    }
}

static void random_options_end_within_the_bytes(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {0, 1, 2, 3, 4, 5, 8, 19, 29, 30, 34, 254};
    struct dice d = {22};
    for (int i = 0; i < 500000; i++) {
        uint8_t options[40];
        struct wire_tcp_options o;
        for (size_t at = 0; at < sizeof options; at++)
            options[at] = dice_one_in(&d, 2) ? kinds[dice_below(&d, sizeof kinds)] : (uint8_t)dice_below(&d, 40);
        size_t n = dice_below(&d, 41);
        const uint8_t *bytes = at_end_of_memory(options, n);
        unsigned bad = wire_tcp_options_parse(bytes, n, &o);
        assert_true(bad <= n);
        assert_true(o.sack_count <= WIRE_TCP_MAX_SACK);
        if (o.present & TCP_OPT_FAST_OPEN)
            assert_true(o.fast_open >= bytes && o.fast_open + o.fast_open_len <= bytes + n);
        if (o.present & (TCP_OPT_MD5 | TCP_OPT_AO))
            assert_true(o.signature >= bytes && o.signature + o.signature_len <= bytes + n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_is_read_and_rebuilt),
        cmocka_unit_test(ack_is_read_and_rebuilt),
        cmocka_unit_test(other_options_as_text),
        cmocka_unit_test(data_offset_is_checked),
        cmocka_unit_test(every_fixed_header_round_trips),
        cmocka_unit_test(every_option_at_every_offset),
        cmocka_unit_test(nops_alone_are_nothing),
        cmocka_unit_test(every_kind_with_every_length),
        cmocka_unit_test(kind_without_length_ends_the_parse),
        cmocka_unit_test(first_of_two_wins),
        cmocka_unit_test(values_are_given_as_sent),
        cmocka_unit_test(short_path_equals_the_general_one),
        cmocka_unit_test(parse_after_build_is_the_identity),
        cmocka_unit_test(layouts_are_those_of_linux),
        cmocka_unit_test(what_would_read_back_differently_is_not_built),
        cmocka_unit_test(options_cut_at_every_length),
        cmocka_unit_test(random_options_end_within_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
