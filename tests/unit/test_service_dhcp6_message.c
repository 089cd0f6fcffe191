/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6 messages: a capture against what tshark 4.0.17 says of it, a REPLY byte by byte from RFC 8415 21, relay
 * envelopes, writing, and each way to be wrong (THREATS DH-01). Messages to be read end where memory ends.
 */
#include "base/error.h"
#include "service/dhcp6_message.h"
#include "unit/wire_support.h"

static struct dhcp6_message message;

static enum dhcp6_reject parse(const uint8_t *bytes, size_t n)
{
    return dhcp6_message_parse(at_end_of_memory(bytes, n), n, &message);
}

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

/* ---- reading ---- */

static const uint8_t reply[] = {
    7,    0xab, 0xcd, 0xef,                                                              /* REPLY */
    0,    1,    0,    10,   0,    3, 0,    1,    2,   0,  0,    0,    0,  1,             /* client, DUID-LL */
    0,    2,    0,    10,   0,    3, 0,    1,    2,   0,  0,    0,    0,  9,             /* server */
    0,    3,    0,    40,   0,    0, 0,    7,    0,   0,  0x0e, 0x10, 0,  0, 0x15, 0x18, /* IA_NA 7, 3600, 5400 */
    0,    5,    0,    24,                                                                /* address */
    0x20, 1,    0x0d, 0xb8, 0,    0, 0,    0,    0,   0,  0,    0,    0,  0, 0,    0x64, /* 2001:db8::64 */
    0,    0,    0x1c, 0x20, 0,    0, 0x2a, 0x30,                                         /* 7200, 10800 */
    0,    25,   0,    41,   0,    0, 0,    8,    0,   0,  0,    0,    0,  0, 0,    0,    /* IA_PD 8 */
    0,    26,   0,    25,   0,    0, 0,    60,   0,   0,  0,    90,   56,                /* 60, 90, /56 */
    0x20, 1,    0x0d, 0xb8, 0,    1, 0,    0,    0,   0,  0,    0,    0,  0, 0,    0,    /* 2001:db8:1:: */
    0,    7,    0,    1,    200,                                                         /* preference */
    0,    14,   0,    0,                                                                 /* rapid commit */
    0,    13,   0,    5,    0,    0, 'y',  'e',  's',                                    /* success */
    0,    23,   0,    16,   0x20, 1, 0x0d, 0xb8, 0,   0,  0,    0,    0,  0, 0,    0,    0, 0, 0, 0x35, /* DNS */
    0,    82,   0,    4,    0,    0, 0,    120,  0,   83, 0,    4,    0,  0, 0,    59, /* SOL_MAX_RT; too little */
    1,    0,    0,    2,    9,    9,                                                   /* unknown */
};

static void a_reply_is_read_option_by_option(void **state)
{
    (void)state;
    struct ip_addr a = addr("2001:db8::64"), p = addr("2001:db8:1::");
    assert_int_equal(parse(reply, sizeof reply), DHCP6_ACCEPTED);
    assert_int_equal(message.type, DHCP6_REPLY);
    assert_int_equal(message.xid, 0xabcdef);
    assert_true(dhcp6_value_equal(&message.client_id, reply + 8, 10));
    assert_true(dhcp6_value_equal(&message.server_id, reply + 22, 10));
    assert_int_equal(message.n_ias, 2);
    const struct dhcp6_ia *na = &message.ia[0], *pd = &message.ia[1];
    assert_true(na->kind == DHCP6_OPT_IA_NA && na->iaid == 7 && na->t1_s == 3600 && na->t2_s == 5400 && na->n == 1);
    assert_true(ip_addr_equal(&na->lease[0].addr, &a));
    assert_true(na->lease[0].preferred_s == 7200 && na->lease[0].valid_s == 10800);
    assert_int_equal(na->lease[0].prefix_length, 128);
    assert_true(pd->kind == DHCP6_OPT_IA_PD && pd->iaid == 8 && pd->n == 1 && pd->lease[0].prefix_length == 56);
    assert_true(ip_addr_equal(&pd->lease[0].addr, &p));
    assert_true(pd->lease[0].preferred_s == 60 && pd->lease[0].valid_s == 90);
    assert_int_equal(message.preference, 200);
    assert_true(message.rapid_commit);
    assert_int_equal(message.status, DHCP6_SUCCESS);
    assert_int_equal(message.dns.length, 16);
    assert_int_equal(message.sol_max_rt_s, 120);
    assert_int_equal(message.inf_max_rt_s, 0); /* below 60: RFC 8415 21.25 */
    assert_int_equal(message.ignored, 0);
}

struct seen {
    unsigned n;
};

/* What tshark says of the capture's two messages. */
static void check_frame(void *user, const uint8_t *frame, size_t length)
{
    struct seen *s = user;
    static const uint8_t client[] = {0, 2, 0, 0, 0, 9, 'F', 'G', 'E', '1', '9', '4', '7', '1', '4', 'Q', 'S', 0};
    static const uint8_t server[] = {0, 1, 0, 1, 0x21, 0x54, 0xee, 0xe7, 0, 0x0c, 0x29, 0x70, 0x3d, 0xd8};
    struct ip_addr a = addr("2001:dba:100::30");
    assert_int_equal(parse(frame + 62, length - 62), DHCP6_ACCEPTED);
    assert_int_equal(message.xid, 0x9a0006);
    assert_int_equal(message.type, ++s->n);
    assert_true(dhcp6_value_equal(&message.client_id, client, sizeof client));
    assert_int_equal(message.n_ias, 1);
    assert_int_equal(message.ia[0].iaid, 0x1d00fcea);
    if (message.type == DHCP6_SOLICIT) {
        assert_true(message.ia[0].t1_s == 3600 && message.ia[0].t2_s == 5400 && message.ia[0].n == 0);
        assert_int_equal(message.oro.length, 14);
        assert_true(dhcp6_message_asks(&message, 23) && dhcp6_message_asks(&message, 242));
        assert_false(dhcp6_message_asks(&message, 25));
        return;
    }
    assert_true(dhcp6_value_equal(&message.server_id, server, sizeof server));
    assert_true(ip_addr_equal(&message.ia[0].lease[0].addr, &a));
    assert_true(message.ia[0].lease[0].preferred_s == 375 && message.ia[0].lease[0].valid_s == 600);
    assert_int_equal(message.dns.length, 16);
    assert_int_equal(message.domains.length, 13);
}

static void a_capture_is_read_as_tshark_reads_it(void **state)
{
    (void)state;
    struct seen s = {0};
    assert_int_equal(capture_read(captures_folder_or_skip(), "apps/dhcpv6.pcap", check_frame, &s), 2);
    assert_int_equal(s.n, 2);
}

/* RFC 8415 21.4, 21.6, 21.21, 21.22: void associations and leases are left out, the rest counts. */
static void what_is_to_be_discarded_is_left_out_and_counted(void **state)
{
    (void)state;
    uint8_t bytes[sizeof reply];
    memcpy(bytes, reply, sizeof reply);
    store_be32(bytes + 40, 6000);
    assert_int_equal(parse(bytes, sizeof bytes), DHCP6_ACCEPTED);
    assert_true(message.n_ias == 1 && message.ia[0].kind == DHCP6_OPT_IA_PD && message.ignored == 1);
    memcpy(bytes, reply, sizeof reply);
    store_be32(bytes + 68, 10801); /* preferred over valid */
    assert_int_equal(parse(bytes, sizeof bytes), DHCP6_ACCEPTED);
    assert_true(message.n_ias == 2 && message.ia[0].n == 0 && message.ignored == 1);
    memcpy(bytes, reply, sizeof reply);
    bytes[104] = 129; /* bits of the prefix */
    assert_int_equal(bytes[103], 90);
    assert_int_equal(parse(bytes, sizeof bytes), DHCP6_ACCEPTED);
    assert_true(message.n_ias == 2 && message.ia[1].n == 0 && message.ignored == 1);
}

static void what_is_beyond_the_caps_is_left_out_and_counted(void **state)
{
    (void)state;
    uint8_t to[1200];
    struct dhcp6_writer w;
    struct dhcp6_ia ia = {.kind = DHCP6_OPT_IA_NA, .n = 1};
    dhcp6_writer_begin(&w, to, sizeof to);
    dhcp6_writer_header(&w, DHCP6_REPLY, 1);
    for (unsigned i = 0; i < DHCP6_IAS + 3; i++)
        dhcp6_writer_ia(&w, &ia);
    int n = dhcp6_writer_end(&w);
    assert_int_equal(parse(to, (size_t)n), DHCP6_ACCEPTED);
    assert_true(message.n_ias == DHCP6_IAS && message.ignored == 3);
}

/* ---- relay agents ---- */

static void envelopes_are_opened_and_written(void **state)
{
    (void)state;
    uint8_t to[200];
    struct dhcp6_writer w;
    struct dhcp6_relay outer = {.type = DHCP6_RELAY_REPLY,
                                .hops = 1,
                                .link = addr("::"),
                                .peer = addr("fe80::2"),
                                .interface_id = {(const uint8_t *)"eth0", 4}};
    struct dhcp6_relay inner = {.type = DHCP6_RELAY_REPLY, .link = addr("2001:db8::1"), .peer = addr("fe80::3")}, r;
    dhcp6_writer_begin(&w, to, sizeof to);
    size_t first = dhcp6_writer_relay(&w, &outer), second = dhcp6_writer_relay(&w, &inner);
    dhcp6_writer_header(&w, DHCP6_REPLY, 77);
    dhcp6_writer_close(&w, second);
    dhcp6_writer_close(&w, first);
    int n = dhcp6_writer_end(&w);
    assert_int_equal(n, 34 + 8 + 4 + 34 + 4 + 4);
    uint8_t *bytes = at_end_of_memory(to, (size_t)n);
    assert_int_equal(dhcp6_relay_parse(bytes, (size_t)n, &r), DHCP6_ACCEPTED);
    assert_true(r.hops == 1 && ip_addr_equal(&r.peer, &outer.peer) && ip_addr_equal(&r.link, &outer.link));
    assert_true(dhcp6_value_equal(&r.interface_id, "eth0", 4));
    assert_int_equal(dhcp6_relay_parse(r.message.bytes, r.message.length, &r), DHCP6_ACCEPTED);
    assert_true(ip_addr_equal(&r.peer, &inner.peer) && ip_addr_equal(&r.link, &inner.link) && !r.interface_id.bytes);
    assert_int_equal(dhcp6_message_parse(r.message.bytes, r.message.length, &message), DHCP6_ACCEPTED);
    assert_int_equal(message.xid, 77);
}

/* ---- writing ---- */

static void a_message_is_written_byte_by_byte(void **state)
{
    (void)state;
    uint8_t to[sizeof reply];
    struct dhcp6_writer w;
    struct dhcp6_ia na = {.kind = 3, .iaid = 7, .t1_s = 3600, .t2_s = 5400, .n = 1};
    struct dhcp6_ia pd = {.kind = 25, .iaid = 8, .n = 1};
    na.lease[0] =
        (struct dhcp6_lease){.addr = addr("2001:db8::64"), .prefix_length = 128, .preferred_s = 7200, .valid_s = 10800};
    pd.lease[0] =
        (struct dhcp6_lease){.addr = addr("2001:db8:1::"), .prefix_length = 56, .preferred_s = 60, .valid_s = 90};
    dhcp6_writer_begin(&w, to, sizeof to);
    dhcp6_writer_header(&w, DHCP6_REPLY, 0xabcdef);
    dhcp6_writer_bytes(&w, DHCP6_OPT_CLIENT_ID, reply + 8, 10);
    dhcp6_writer_bytes(&w, DHCP6_OPT_SERVER_ID, reply + 22, 10);
    dhcp6_writer_ia(&w, &na);
    dhcp6_writer_ia(&w, &pd);
    int n = dhcp6_writer_end(&w);
    assert_true(n > 0);
    assert_memory_equal(to, reply, (size_t)n);
    assert_int_equal(n, 4 + 14 + 14 + 44 + 45);
}

static void a_message_that_does_not_fit_is_no_message(void **state)
{
    (void)state;
    uint8_t to[40];
    for (size_t room = 0; room < 30; room++) {
        struct dhcp6_writer w;
        dhcp6_writer_begin(&w, at_end_of_memory(to, room), room);
        dhcp6_writer_header(&w, DHCP6_SOLICIT, 1);
        dhcp6_writer_bytes(&w, DHCP6_OPT_CLIENT_ID, reply, 10);
        size_t opened = dhcp6_writer_open(&w, DHCP6_OPT_IA_NA);
        dhcp6_writer_u32(&w, 5, 1);
        dhcp6_writer_close(&w, opened);
        assert_int_equal(dhcp6_writer_end(&w), ERR_NO_SPACE);
    }
}

/* ---- DH-01 ---- */

struct wrong {
    const char *what;
    enum dhcp6_reject reason;
    uint8_t length;
    uint8_t bytes[60];
};

static void dh_01_each_bad_dhcpv6_option_rejects_the_message_by_its_reason(void **state)
{
    (void)state;
#define W(what, reason, ...)                                                                                           \
    {                                                                                                                  \
        what, DHCP6_REJECT_##reason, sizeof(const uint8_t[]){__VA_ARGS__}, { __VA_ARGS__ }                             \
    }
    static const struct wrong rows[] = {
        W("three bytes", SHORT, 1, 0, 0),
        W("type 0", TYPE, 0, 0, 0, 1),
        W("a relay message as a client's", TYPE, 12, 0, 0, 1),
        W("half a code", OPTION_PAST_END, 1, 0, 0, 1, 0),
        W("no length", OPTION_PAST_END, 1, 0, 0, 1, 0, 1, 0),
        W("length past the end", OPTION_PAST_END, 1, 0, 0, 1, 0, 1, 0, 5, 1, 2, 3, 4),
        W("length 65535", OPTION_PAST_END, 1, 0, 0, 1, 0, 99, 0xff, 0xff, 1),
        W("identifier of two bytes", DUID, 1, 0, 0, 1, 0, 1, 0, 2, 0, 3),
        W("identifier twice", REPEATED, 1, 0, 0, 1, 0, 1, 0, 3, 0, 3, 1, 0, 1, 0, 3, 0, 3, 1),
        W("association of 11 bytes", OPTION_LENGTH, 1, 0, 0, 1, 0, 3, 0, 11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
        W("address of 23 bytes", OPTION_LENGTH, 1, 0, 0, 1, 0, 3, 0, 39, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0,
          23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        W("address past its association", OPTION_PAST_END, 1, 0, 0, 1, 0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
          0, 5, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        W("prefix of 4 bytes", OPTION_LENGTH, 1, 0, 0, 1, 0, 25, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 0, 4,
          1, 2, 3, 4),
        W("status of one byte", OPTION_LENGTH, 1, 0, 0, 1, 0, 13, 0, 1, 0),
        W("status in an association, cut off", OPTION_LENGTH, 1, 0, 0, 1, 0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
          0, 0, 13, 0, 1, 0),
        W("odd option request", OPTION_LENGTH, 1, 0, 0, 1, 0, 6, 0, 3, 0, 23, 0),
        W("preference of two bytes", OPTION_LENGTH, 2, 0, 0, 1, 0, 7, 0, 2, 0, 0),
        W("elapsed time of one byte", OPTION_LENGTH, 2, 0, 0, 1, 0, 8, 0, 1, 0),
        W("rapid commit with a byte", OPTION_LENGTH, 2, 0, 0, 1, 0, 14, 0, 1, 0),
        W("half a name server", OPTION_LENGTH, 2, 0, 0, 1, 0, 23, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0),
        W("SOL_MAX_RT of 3 bytes", OPTION_LENGTH, 2, 0, 0, 1, 0, 82, 0, 3, 0, 0, 0),
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        enum dhcp6_reject reason = parse(rows[i].bytes, rows[i].length);
        if (reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].what, dhcp6_reject_text(reason));
    }
#undef W
    print_message("DH-01: %u cases\n", (unsigned)ARRAY_SIZE(rows));
}

static void dh_01_bad_envelopes_are_rejected(void **state)
{
    (void)state;
    struct dhcp6_relay r;
    uint8_t bytes[48] = {12, 0, [34] = 0, 9, 0, 4, 1, 0, 0, 1};
    assert_int_equal(dhcp6_relay_parse(at_end_of_memory(bytes, 42), 42, &r), DHCP6_ACCEPTED);
    for (size_t n = 0; n < 42; n++)
        assert_int_not_equal(dhcp6_relay_parse(at_end_of_memory(bytes, n), n, &r), DHCP6_ACCEPTED);
    assert_int_equal(dhcp6_relay_parse(bytes, 34, &r), DHCP6_REJECT_RELAY);
    bytes[1] = 9;
    assert_int_equal(dhcp6_relay_parse(bytes, 42, &r), DHCP6_REJECT_RELAY);
    bytes[0] = 7;
    assert_int_equal(dhcp6_relay_parse(bytes, 42, &r), DHCP6_REJECT_TYPE);
    print_message("DH-01: %u cases\n", 46u);
}

static void dh_01_a_dhcpv6_message_cut_off_inside_an_option_is_rejected(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (size_t n = sizeof reply; n-- > 0;)
        accepted += parse(reply, n) == DHCP6_ACCEPTED;
    assert_int_equal(accepted, 11); /* between options */
    print_message("DH-01: %u cases\n", (unsigned)sizeof reply);
}

static void every_reason_has_its_own_text(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DHCP6_REJECTS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(dhcp6_reject_text(i), dhcp6_reject_text(j));
    assert_string_equal(dhcp6_reject_text(DHCP6_REJECTS), "unknown reason");
}

static void prints(const char *bytes, uint16_t length, size_t room, const char *expected)
{
    const struct dhcp6_value v = {(const uint8_t *)bytes, length};
    char text[256];
    memset(text, 'x', sizeof text);
    assert_int_equal(dhcp6_names_print(&v, text, room), strlen(expected));
    assert_string_equal(text, expected);
}
#define PRINTS(bytes, room, expected) prints(bytes, sizeof(bytes) - 1, room, expected)

static void a_search_list_is_text_that_can_do_no_harm(void **state)
{
    (void)state;
    PRINTS("\7example\3net\0", 256, "example.net");
    PRINTS("\7example\3net\0\2a-\2_b\0", 256, "example.net a-._b");
    PRINTS("\7example\3net\0\1a\0", 14, "example.net a");
    PRINTS("\7example\3net\0\1a\0", 13, "example.net"); /* whole names, and the end of the text */
    PRINTS("\7example\3net\0\1a\0", 5, "a");
    PRINTS("", 256, "");
    PRINTS("\7example\3net", 256, ""); /* no end */
    PRINTS("\7exam", 256, "");
    PRINTS("\1a\0\100"
           "b\0",
           256, "");                /* no label is that long */
    PRINTS("\1a\0\300\0", 256, ""); /* nor compressed */
    PRINTS("\4a\nb \0", 256, "");
    PRINTS("\0", 256, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_read_option_by_option),
        cmocka_unit_test(a_search_list_is_text_that_can_do_no_harm),
        cmocka_unit_test(a_capture_is_read_as_tshark_reads_it),
        cmocka_unit_test(what_is_to_be_discarded_is_left_out_and_counted),
        cmocka_unit_test(what_is_beyond_the_caps_is_left_out_and_counted),
        cmocka_unit_test(envelopes_are_opened_and_written),
        cmocka_unit_test(a_message_is_written_byte_by_byte),
        cmocka_unit_test(a_message_that_does_not_fit_is_no_message),
        cmocka_unit_test(dh_01_each_bad_dhcpv6_option_rejects_the_message_by_its_reason),
        cmocka_unit_test(dh_01_bad_envelopes_are_rejected),
        cmocka_unit_test(dh_01_a_dhcpv6_message_cut_off_inside_an_option_is_rejected),
        cmocka_unit_test(every_reason_has_its_own_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
