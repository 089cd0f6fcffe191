/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 messages: a DISCOVER byte by byte, captures against what tshark 4.0.17 says of them, options in pieces and in
 * overloaded fields, names, writing, and each way to be wrong (THREATS DH-01). Messages to be read end where memory
 * ends.
 */
#include "base/error.h"
#include "service/dhcp4_message.h"
#include "unit/wire_support.h"

/* A message under construction, from bytes: the fixed fields of a reply, then what a test adds. */
struct raw {
    uint8_t bytes[1500];
    size_t length;
};

static struct raw raw_reply(void)
{
    struct raw r = {.bytes = {2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78}, .length = 240};
    static const uint8_t cookie[4] = {99, 130, 83, 99}, mac[6] = {2, 0, 0, 0, 0, 1};
    memcpy(r.bytes + 28, mac, 6);
    memcpy(r.bytes + 236, cookie, 4);
    return r;
}

static void add(struct raw *r, const void *bytes, size_t n)
{
    memcpy(r->bytes + r->length, bytes, n);
    r->length += n;
}
#define ADD(r, ...) add(r, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void add_filled(struct raw *r, uint8_t code, uint8_t length, uint8_t first)
{
    ADD(r, code, length);
    for (unsigned i = 0; i < length; i++)
        ADD(r, (uint8_t)(first + i));
}

static struct dhcp4_message message;

static enum dhcp4_reject parse(const struct raw *r)
{
    return dhcp4_message_parse(at_end_of_memory(r->bytes, r->length), r->length, &message);
}

#define PUT(r, at, ...) memcpy((r)->bytes + (at), (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void an_offer_is_read_field_by_field(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    PUT(&r, 3, 1);
    PUT(&r, 8, 0, 7, 0x80, 0);
    PUT(&r, 12, 10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3, 10, 0, 0, 4);
    ADD(&r, 53, 1, 2, 54, 4, 10, 0, 0, 3, 0, 0, 51, 4, 0, 0, 0x0e, 0x10, 1, 4, 255, 255, 255, 0, 3, 8, 10, 0, 0, 9, 10,
        0, 0, 8);
    ADD(&r, 200, 3, 1, 2, 3, 12, 4, 'h', 'o', 's', 't', 255, 1, 2, 3);
    assert_int_equal(parse(&r), DHCP4_ACCEPTED);
    assert_int_equal(message.type, DHCP4_OFFER);
    assert_int_equal(message.header.hops, 1);
    assert_int_equal(message.header.xid, 0x12345678);
    assert_int_equal(message.header.secs, 7);
    assert_int_equal(message.header.flags, DHCP4_BROADCAST);
    assert_int_equal(message.header.ciaddr, 0x0a000001);
    assert_int_equal(message.header.yiaddr, 0x0a000002);
    assert_int_equal(message.header.siaddr, 0x0a000003);
    assert_int_equal(message.header.giaddr, 0x0a000004);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_SERVER_ID, 0), 0x0a000003);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_LEASE_TIME, 0), 3600);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_T1, 77), 77);
    assert_int_equal(message.option[DHCP4_ROUTER].length, 8);
    assert_memory_equal(message.option[DHCP4_HOST_NAME].bytes, "host", 4);
    assert_false(dhcp4_message_has(&message, DHCP4_DNS));
}

/* RFC 3396 5 and 7: pieces of an option are joined, options field first, then file, then sname. */
static void pieces_of_an_option_are_joined_in_the_order_of_the_fields(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5, 52, 1, 3, 15, 2, 'a', 'b', 54, 4, 1, 2, 3, 4, 15, 1, 'c', 255);
    PUT(&r, 108, 15, 2, 'd', 'e', 255);
    PUT(&r, 44, 0, 15, 1, 'f', 51, 4, 0, 0, 0, 60, 255);
    assert_int_equal(parse(&r), DHCP4_ACCEPTED);
    assert_int_equal(message.option[DHCP4_DOMAIN_NAME].length, 6);
    assert_memory_equal(message.option[DHCP4_DOMAIN_NAME].bytes, "abcdef", 6);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_LEASE_TIME, 0), 60);
}

static void fields_that_are_not_overloaded_are_not_read(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5, 52, 1, 1, 255);
    PUT(&r, 108, 15, 1, 'x', 255);
    PUT(&r, 44, 51, 200);
    assert_int_equal(parse(&r), DHCP4_ACCEPTED);
    assert_true(dhcp4_message_has(&message, DHCP4_DOMAIN_NAME));
    assert_false(dhcp4_message_has(&message, DHCP4_LEASE_TIME));
}

static void an_option_of_600_bytes_is_read_whole(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5);
    add_filled(&r, 60, 255, 0);
    add_filled(&r, 60, 255, 255);
    add_filled(&r, 60, 90, 254);
    ADD(&r, 255);
    assert_int_equal(parse(&r), DHCP4_ACCEPTED);
    assert_int_equal(message.option[DHCP4_CLASS_ID].length, 600);
    for (unsigned i = 0; i < 600; i++)
        assert_int_equal(message.option[DHCP4_CLASS_ID].bytes[i], (uint8_t)i);
}

/* RFC 3397 3, the example's compression. */
static void search_list_is_expanded(void **state)
{
    (void)state;
    static const uint8_t list[] = {3, 'e', 'n', 'g', 5,   'a', 'p', 'p', 'l', 'e', 3,   'c',  'o', 'm',
                                   0, 9,   'm', 'a', 'r', 'k', 'e', 't', 'i', 'n', 'g', 0xc0, 4};
    struct dhcp4_value v = {.bytes = list, .length = sizeof list};
    char name[256];
    assert_int_equal(dhcp4_search_name(&v, 0, name, sizeof name), 15);
    assert_string_equal(name, "eng.apple.com");
    assert_int_equal(dhcp4_search_name(&v, 15, name, sizeof name), sizeof list);
    assert_string_equal(name, "marketing.apple.com");
    assert_int_equal(dhcp4_search_name(&v, 0, name, 10), ERR_MALFORMED);
}

/* ---- captures ---- */

struct expected {
    uint8_t type;
    uint32_t xid, yiaddr, requested, lease, server;
};

struct seen {
    const struct expected *rows;
    unsigned n, accepted, of_reason[DHCP4_REJECTS];
};

static void check_frame(void *user, const uint8_t *frame, size_t length)
{
    struct seen *s = user;
    if (length < 42)
        return;
    enum dhcp4_reject reason = dhcp4_message_parse(at_end_of_memory(frame + 42, length - 42), length - 42, &message);
    s->of_reason[reason]++;
    if (reason != DHCP4_ACCEPTED)
        return;
    const struct expected *e = &s->rows[s->accepted++];
    assert_true(s->accepted <= s->n);
    assert_int_equal(message.type, e->type);
    assert_int_equal(message.header.xid, e->xid);
    assert_int_equal(message.header.yiaddr, e->yiaddr);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_REQUESTED_ADDRESS, 0), e->requested);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_LEASE_TIME, 0), e->lease);
    assert_int_equal(dhcp4_message_u32(&message, DHCP4_SERVER_ID, 0), e->server);
}

static void captures_are_read_as_tshark_reads_them(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {1, 0x7c0, 0, 0xc0a8d3c2, 0, 0},
        {2, 0x7c0, 0x80020661, 0, 900, 0x80020698},
        {3, 0x7c0, 0, 0xc0a8d3c2, 0, 0x80020698},
        {6, 0x7c0, 0, 0, 0, 0x80020698},
        {3, 0x7c0, 0, 0x800206bd, 0, 0},
        {5, 0x7c0, 0x800206bd, 0, 900, 0x80020698},
        {4, 0x7c0, 0, 0, 0, 0},
        {7, 0x79c, 0, 0, 0, 0},
        {8, 0x7c4, 0, 0x800206bd, 19841984, 0},
    };
    struct seen s = {.rows = rows, .n = ARRAY_SIZE(rows)};
    const char *folder = captures_folder_or_skip();
    assert_int_equal(capture_read(folder, "apps/dhcp.pcap", check_frame, &s), 9);
    assert_int_equal(s.accepted, 9);
}

static void cookies_that_tshark_calls_bad_are_rejected(void **state)
{
    (void)state;
    static const struct expected rows[] = {{1, 0x1000, 0, 0, 0, 0}, {1, 0x3000, 0, 0, 0, 0}};
    struct seen s = {.rows = rows, .n = ARRAY_SIZE(rows)};
    const char *folder = captures_folder_or_skip();
    assert_int_equal(capture_read(folder, "apps/dhcp_bad_cookie_option_retention.pcap", check_frame, &s), 5);
    assert_int_equal(s.accepted, 2);
    assert_int_equal(s.of_reason[DHCP4_REJECT_COOKIE], 3);
}

/* ---- writing ---- */

static const struct dhcp4_header request_header = {
    .op = 1, .htype = 1, .hlen = 6, .xid = 0xa1b2c3d4, .secs = 3, .flags = 0x8000, .chaddr = {2, 0, 0, 0, 0, 9}};

/* Figure 1 and table 2 of RFC 2131 by hand. */
static void a_discover_is_written_byte_by_byte(void **state)
{
    (void)state;
    uint8_t to[DHCP4_LEAST_ROOM];
    uint8_t want[300] = {1, 1, 6, 0, 0xa1, 0xb2, 0xc3, 0xd4, 0, 3, 0x80, 0};
    static const uint8_t options[] = {99, 130, 83, 99, 53,   1,  1, 50, 4, 10, 0,  0,
                                      7,  57,  2,  5,  0xc0, 55, 3, 1,  3, 6,  255};
    memcpy(want + 28, request_header.chaddr, 6);
    memcpy(want + 236, options, sizeof options);
    struct dhcp4_writer w;
    dhcp4_writer_begin(&w, to, sizeof to, &request_header, DHCP4_DISCOVER);
    dhcp4_writer_u32(&w, DHCP4_CODE_REQUESTED_ADDRESS, 0x0a000007);
    dhcp4_writer_u16(&w, DHCP4_CODE_MAX_SIZE, 1472);
    dhcp4_writer_bytes(&w, DHCP4_CODE_PARAMETER_LIST, "\1\3\6", 3);
    assert_int_equal(dhcp4_writer_end(&w), 300);
    assert_memory_equal(to, want, 300);
}

static void what_does_not_fit_goes_on_in_file_and_sname(void **state)
{
    (void)state;
    uint8_t to[DHCP4_LEAST_ROOM], value[200];
    struct dhcp4_writer w;
    memset(value, 'v', sizeof value);
    dhcp4_writer_begin(&w, to, sizeof to, &request_header, DHCP4_ACK);
    dhcp4_writer_bytes(&w, 60, value, 200);
    dhcp4_writer_bytes(&w, 12, value, 120); /* file */
    dhcp4_writer_bytes(&w, 15, value, 60);  /* sname */
    assert_false(dhcp4_writer_fits(&w, 60));
    int n = dhcp4_writer_end(&w);
    assert_true(n > 0 && n <= (int)sizeof to);
    assert_int_equal(to[108], 12);
    assert_int_equal(to[44], 15);
    assert_int_equal(dhcp4_message_parse(at_end_of_memory(to, (size_t)n), (size_t)n, &message), DHCP4_ACCEPTED);
    assert_int_equal(*message.option[DHCP4_OVERLOAD].bytes, 3);
    assert_int_equal(message.option[DHCP4_HOST_NAME].length, 120);
    assert_int_equal(message.option[DHCP4_DOMAIN_NAME].length, 60);
}

static void a_message_that_does_not_fit_is_no_message(void **state)
{
    (void)state;
    uint8_t to[DHCP4_SHORTEST], value[255] = {0};
    struct dhcp4_writer w;
    dhcp4_writer_begin(&w, to, sizeof to, &request_header, DHCP4_ACK);
    dhcp4_writer_bytes(&w, 60, value, 255);
    dhcp4_writer_bytes(&w, 12, "x", 1);
    assert_int_equal(dhcp4_writer_end(&w), ERR_NO_SPACE);
}

/* Options of random lengths in random room: what was written is read again, whichever fields it went to. */
static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const uint8_t codes[] = {12, 15, 56, 60, 61, 55};
    static const enum dhcp4_option options[] = {DHCP4_HOST_NAME, DHCP4_DOMAIN_NAME, DHCP4_ERROR_TEXT,
                                                DHCP4_CLASS_ID,  DHCP4_CLIENT_ID,   DHCP4_PARAMETER_LIST};
    struct dice d = {.state = 4242};
    unsigned overloaded = 0, written = 0;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t to[DHCP4_MOST_ROOM], value[600];
        uint16_t lengths[6] = {0};
        struct dhcp4_writer w;
        dice_bytes(&d, value, sizeof value);
        size_t room = DHCP4_SHORTEST + dice_below(&d, DHCP4_MOST_ROOM - DHCP4_SHORTEST + 1);
        dhcp4_writer_begin(&w, at_end_of_memory(to, room), room, &request_header, DHCP4_INFORM);
        for (unsigned i = 0; i < 6; i++) {
            uint16_t length = (uint16_t)(2 + dice_below(&d, dice_one_in(&d, 8) ? 590 : 90));
            if (!dhcp4_writer_fits(&w, length))
                continue;
            lengths[i] = length;
            dhcp4_writer_bytes(&w, codes[i], value + i, length);
        }
        int n = dhcp4_writer_end(&w);
        assert_true(n >= (int)DHCP4_SHORTEST && n <= (int)room);
        enum dhcp4_reject reason = dhcp4_message_parse(w.message, (size_t)n, &message);
        if (reason == DHCP4_REJECT_TOO_LONG)
            continue; /* several options in pieces */
        assert_int_equal(reason, DHCP4_ACCEPTED);
        overloaded += dhcp4_message_has(&message, DHCP4_OVERLOAD);
        for (unsigned i = 0; i < 6; i++) {
            written += lengths[i] > 0;
            assert_int_equal(message.option[options[i]].length, lengths[i]);
            if (lengths[i])
                assert_memory_equal(message.option[options[i]].bytes, value + i, lengths[i]);
        }
    }
    assert_true(overloaded > 1000 && written > 50000);
}

/* ---- DH-01: each way to be wrong ---- */

struct wrong {
    const char *what;
    enum dhcp4_reject reason;
    uint8_t length;
    uint8_t options[40];
};

static void dh_01_each_bad_option_rejects_the_message_by_its_reason(void **state)
{
    (void)state;
#define W(what, reason, ...)                                                                                           \
    {                                                                                                                  \
        what, DHCP4_REJECT_##reason, sizeof(const uint8_t[]){__VA_ARGS__}, { __VA_ARGS__ }                             \
    }
    static const struct wrong rows[] = {
        W("length past the end", OPTION_PAST_END, 53, 1, 5, 12, 9, 'x', 255),
        W("code without a length", OPTION_PAST_END, 53, 1, 5, 12),
        W("no end", NO_END, 53, 1, 5),
        W("pads without an end", NO_END, 53, 1, 5, 0, 0, 0),
        W("overload of 0", OVERLOAD, 53, 1, 5, 52, 1, 0, 255),
        W("overload of 4", OVERLOAD, 53, 1, 5, 52, 1, 4, 255),
        W("overload of two bytes", OVERLOAD, 53, 1, 5, 52, 2, 1, 1, 255),
        W("overload twice", OVERLOAD, 53, 1, 5, 52, 1, 1, 52, 1, 2, 255),
        W("overload of nothing", OVERLOAD, 53, 1, 5, 52, 0, 255),
        W("overload of fields that do not end", NO_END, 53, 1, 5, 52, 1, 3, 255),
        W("lease of no bytes", OPTION_LENGTH, 53, 1, 5, 51, 0, 255),
        W("lease of three bytes", OPTION_LENGTH, 53, 1, 5, 51, 3, 1, 2, 3, 255),
        W("lease twice", OPTION_LENGTH, 53, 1, 5, 51, 4, 0, 0, 0, 1, 51, 4, 0, 0, 0, 1, 255),
        W("mask of no bytes", OPTION_LENGTH, 53, 1, 5, 1, 0, 255),
        W("mask of no bits", MASK, 53, 1, 5, 1, 4, 0, 0, 0, 0, 255),
        W("mask with a hole", MASK, 53, 1, 5, 1, 4, 255, 0, 255, 0, 255),
        W("no router", OPTION_LENGTH, 53, 1, 5, 3, 0, 255),
        W("half a router", OPTION_LENGTH, 53, 1, 5, 3, 6, 1, 2, 3, 4, 5, 6, 255),
        W("half a name server", OPTION_LENGTH, 53, 1, 5, 6, 2, 1, 2, 255),
        W("server identifier of 5", OPTION_LENGTH, 53, 1, 5, 54, 5, 1, 2, 3, 4, 5, 255),
        W("client identifier of 1", OPTION_LENGTH, 53, 1, 5, 61, 1, 1, 255),
        W("no type", TYPE, 51, 4, 0, 0, 0, 1, 255),
        W("type 0", TYPE, 53, 1, 0, 255),
        W("type 9", TYPE, 53, 1, 9, 255),
        W("type twice", OPTION_LENGTH, 53, 1, 5, 53, 1, 2, 255),
        W("maximum size 575", MAX_SIZE, 53, 1, 1, 57, 2, 2, 0x3f, 255),
        W("relay agent cut off", RELAY_AGENT, 53, 1, 5, 82, 3, 1, 4, 9, 255),
        W("relay agent without a length", RELAY_AGENT, 53, 1, 5, 82, 4, 1, 1, 9, 2, 255),
        W("route of 33 bits", ROUTES, 53, 1, 5, 121, 9, 33, 1, 2, 3, 4, 5, 6, 7, 8, 255),
        W("route cut off", ROUTES, 53, 1, 5, 121, 6, 24, 10, 0, 0, 1, 2, 255),
        W("search: pointer to itself", SEARCH, 53, 1, 5, 119, 2, 0xc0, 0, 255),
        W("search: pointer forward", SEARCH, 53, 1, 5, 119, 6, 1, 'a', 0xc0, 4, 0, 0, 255),
        W("search: pointers in a loop", SEARCH, 53, 1, 5, 119, 8, 1, 'a', 0xc0, 4, 1, 'b', 0xc0, 0, 255),
        W("search: pointer past the end", SEARCH, 53, 1, 5, 119, 2, 0xc0, 99, 255),
        W("search: half a pointer", SEARCH, 53, 1, 5, 119, 3, 1, 'a', 0xc0, 255),
        W("search: label past the end", SEARCH, 53, 1, 5, 119, 3, 9, 'a', 0, 255),
        W("search: label of kind 0x40", SEARCH, 53, 1, 5, 119, 3, 0x41, 'a', 0, 255),
        W("search: no final zero", SEARCH, 53, 1, 5, 119, 2, 1, 'a', 255),
        W("search: the root", SEARCH, 53, 1, 5, 119, 1, 0, 255),
    };
#undef W
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct raw r = raw_reply();
        memset(r.bytes + 44, 0, 192);
        add(&r, rows[i].options, rows[i].length);
        enum dhcp4_reject reason = parse(&r);
        if (reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].what, dhcp4_reject_text(reason));
    }
    print_message("DH-01: %u cases\n", (unsigned)ARRAY_SIZE(rows));
}

static void dh_01_an_overload_inside_an_overloaded_field_is_no_loop(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5, 52, 1, 1, 255);
    PUT(&r, 108, 52, 1, 2, 255);
    assert_int_equal(parse(&r), DHCP4_REJECT_OVERLOAD);
    print_message("DH-01: %u cases\n", 1u);
}

static void dh_01_an_option_past_the_end_of_an_overloaded_field_is_rejected(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5, 52, 1, 2, 255);
    PUT(&r, 44, 12, 63, 'x'); /* would run into file */
    assert_int_equal(parse(&r), DHCP4_REJECT_OPTION_PAST_END);
    print_message("DH-01: %u cases\n", 1u);
}

static void dh_01_bad_fixed_fields_are_rejected(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, value;
        enum dhcp4_reject reason;
    } rows[] = {{0, 0, DHCP4_REJECT_OP},       {0, 3, DHCP4_REJECT_OP},        {2, 17, DHCP4_REJECT_HARDWARE},
                {2, 5, DHCP4_REJECT_HARDWARE}, {236, 98, DHCP4_REJECT_COOKIE}, {239, 0, DHCP4_REJECT_COOKIE}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct raw r = raw_reply();
        ADD(&r, 53, 1, 5, 255);
        r.bytes[rows[i].at] = rows[i].value;
        assert_int_equal(parse(&r), rows[i].reason);
    }
    print_message("DH-01: %u cases\n", (unsigned)ARRAY_SIZE(rows));
}

static void dh_01_a_message_cut_off_anywhere_is_rejected(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    unsigned cases = 0;
    ADD(&r, 53, 1, 5, 51, 4, 0, 0, 0, 60, 12, 3, 'a', 'b', 'c', 255);
    assert_int_equal(parse(&r), DHCP4_ACCEPTED);
    for (r.length--; r.length > 0; r.length--, cases++)
        assert_int_not_equal(parse(&r), DHCP4_ACCEPTED);
    print_message("DH-01: %u cases\n", cases);
}

static void dh_01_more_in_pieces_than_there_is_room_for_is_rejected(void **state)
{
    (void)state;
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5);
    for (unsigned i = 0; i < 4; i++)
        add_filled(&r, 60, 255, 0);
    add_filled(&r, 60, 4, 0);
    ADD(&r, 255);
    assert_int_equal(parse(&r), DHCP4_ACCEPTED); /* 1024 */
    r.length--;
    add_filled(&r, 60, 1, 0);
    ADD(&r, 255);
    assert_int_equal(parse(&r), DHCP4_REJECT_TOO_LONG);
    print_message("DH-01: %u cases\n", 2u);
}

/* So that what a message costs is bounded. */
static void dh_01_a_message_of_more_than_4096_bytes_is_rejected(void **state)
{
    (void)state;
    static uint8_t bytes[DHCP4_LONGEST + 1];
    struct raw r = raw_reply();
    ADD(&r, 53, 1, 5);
    memcpy(bytes, r.bytes, r.length);
    bytes[DHCP4_LONGEST - 1] = 255;
    assert_int_equal(dhcp4_message_parse(bytes, DHCP4_LONGEST, &message), DHCP4_ACCEPTED);
    assert_int_equal(dhcp4_message_parse(bytes, DHCP4_LONGEST + 1, &message), DHCP4_REJECT_LONG);
    print_message("DH-01: %u cases\n", 2u);
}

static void every_reason_has_its_own_text(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DHCP4_REJECTS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(dhcp4_reject_text(i), dhcp4_reject_text(j));
    assert_string_equal(dhcp4_reject_text(DHCP4_REJECTS), "unknown reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_read_field_by_field),
        cmocka_unit_test(pieces_of_an_option_are_joined_in_the_order_of_the_fields),
        cmocka_unit_test(fields_that_are_not_overloaded_are_not_read),
        cmocka_unit_test(an_option_of_600_bytes_is_read_whole),
        cmocka_unit_test(search_list_is_expanded),
        cmocka_unit_test(captures_are_read_as_tshark_reads_them),
        cmocka_unit_test(cookies_that_tshark_calls_bad_are_rejected),
        cmocka_unit_test(a_discover_is_written_byte_by_byte),
        cmocka_unit_test(what_does_not_fit_goes_on_in_file_and_sname),
        cmocka_unit_test(a_message_that_does_not_fit_is_no_message),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(dh_01_each_bad_option_rejects_the_message_by_its_reason),
        cmocka_unit_test(dh_01_an_overload_inside_an_overloaded_field_is_no_loop),
        cmocka_unit_test(dh_01_an_option_past_the_end_of_an_overloaded_field_is_rejected),
        cmocka_unit_test(dh_01_bad_fixed_fields_are_rejected),
        cmocka_unit_test(dh_01_a_message_cut_off_anywhere_is_rejected),
        cmocka_unit_test(dh_01_more_in_pieces_than_there_is_room_for_is_rejected),
        cmocka_unit_test(dh_01_a_message_of_more_than_4096_bytes_is_rejected),
        cmocka_unit_test(every_reason_has_its_own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
