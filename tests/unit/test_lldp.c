/* SPDX-License-Identifier: MIT */
/*
 * LLDP: LLDPDUs byte by byte from IEEE 802.1AB-2016 8, each way to be wrong, and the agent's times and neighbours.
 * LLDPDUs to be read end where memory ends.
 */
#include "base/alloc_heap.h"
#include "base/error.h"
#include "service/lldp.h"
#include "unit/wire_support.h"

static const uint8_t pdu[] = {
    0x02, 0x07, 4,    2,    0,    0,    0,    0,    1,                /* chassis, a MAC */
    0x04, 0x05, 5,    'e',  't',  'h',  '0',                          /* port, an interface name */
    0x06, 0x02, 0,    121,                                            /* 121 s */
    0x08, 0x04, 'e',  't',  'h',  '0',                                /* port description */
    0x0a, 0x02, 's',  'w',                                            /* system name */
    0x0c, 0x03, 'o',  'n',  'e',                                      /* system description */
    0x0e, 0x04, 0,    0x14, 0,    0x04,                               /* bridge and router, bridge enabled */
    0x10, 0x0c, 5,    1,    192,  0,    2,    1,    2, 0, 0, 0, 7, 0, /* management 192.0.2.1, interface 7 */
    0xfe, 0x06, 0x00, 0x80, 0xc2, 1,    0x00, 0x2a,                   /* an organization's */
    0x00, 0x00,
};
#define TTL_AT 19u

static struct wire_lldp message;

static enum wire_lldp_reject parse(const uint8_t *bytes, size_t n)
{
    return wire_lldp_parse(at_end_of_memory(bytes, n), n, &message);
}

static bool value_is(const struct wire_lldp_value *v, const char *text)
{
    return v->length == strlen(text) && memcmp(v->bytes, text, v->length) == 0;
}

/* ---- codec ---- */

static void an_lldpdu_is_read_and_written_the_same(void **state)
{
    (void)state;
    uint8_t again[WIRE_LLDP_MOST];
    assert_int_equal(parse(pdu, sizeof pdu), WIRE_LLDP_ACCEPTED);
    assert_int_equal(message.chassis_subtype, WIRE_LLDP_CHASSIS_MAC);
    assert_int_equal(message.chassis.length, 6);
    assert_true(value_is(&message.port, "eth0"));
    assert_int_equal(message.ttl_s, 121);
    assert_true(value_is(&message.system_name, "sw") && value_is(&message.system_description, "one"));
    assert_true(message.has_capabilities);
    assert_int_equal(message.capabilities, WIRE_LLDP_CAP_BRIDGE | WIRE_LLDP_CAP_ROUTER);
    assert_int_equal(message.enabled, WIRE_LLDP_CAP_BRIDGE);
    assert_int_equal(message.management_interface, 7);
    assert_memory_equal(message.management.bytes, "\xc0\x00\x02\x01", 4);
    assert_int_equal(message.others, 1);
    assert_int_equal(message.ignored, 0);
    int length = wire_lldp_build(again, sizeof again, &message);
    assert_int_equal(length, sizeof pdu - 8); /* but for the organization's */
    assert_memory_equal(again, pdu, sizeof pdu - 10);
    assert_int_equal(wire_lldp_build(again, (size_t)length - 1, &message), ERR_NO_SPACE);
    message.chassis.length = 0;
    assert_int_equal(wire_lldp_build(again, sizeof again, &message), ERR_INVALID);
}

static void every_cut_is_rejected_or_ends_between_tlvs(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (size_t n = 0; n < sizeof pdu; n++)
        accepted += parse(pdu, n) == WIRE_LLDP_ACCEPTED;
    assert_int_equal(accepted, 7); /* behind the time to live, and behind each of the six after it */
    print_message("cuts: %u cases\n", (unsigned)sizeof pdu);
}

static void each_way_to_be_wrong_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        enum wire_lldp_reject reason;
    } rows[] = {
        {"", 0, WIRE_LLDP_REJECT_ORDER},
        {"\x02", 1, WIRE_LLDP_REJECT_SHORT},
        {"\x02\x07\x04\x01", 4, WIRE_LLDP_REJECT_TLV_PAST_END},
        {"\x04\x02\x05x", 4, WIRE_LLDP_REJECT_ORDER},
        {"\x00\x00", 2, WIRE_LLDP_REJECT_ORDER},
        {"\x02\x01\x04", 3, WIRE_LLDP_REJECT_CHASSIS},
        {"\x02\x02\x00x", 4, WIRE_LLDP_REJECT_CHASSIS},
        {"\x02\x02\x07x\x02\x02\x07x", 8, WIRE_LLDP_REJECT_ORDER},
        {"\x02\x02\x07x\x04\x01\x05", 7, WIRE_LLDP_REJECT_PORT},
        {"\x02\x02\x07x\x04\x02\x05y\x06\x01\x00", 11, WIRE_LLDP_REJECT_TTL},
        {"\x02\x02\x07x\x04\x02\x05y\x06\x02\x00\x01\x06\x02\x00\x02", 16, WIRE_LLDP_REJECT_REPEATED},
        {"\x02\x02\x07x\x04\x02\x05y\x06\x02\x00\x01\x00\x01z", 15, WIRE_LLDP_REJECT_END},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        enum wire_lldp_reject reason = parse((const uint8_t *)rows[i].bytes, rows[i].n);
        if (reason != rows[i].reason)
            fail_msg("row %u: %s", i, wire_lldp_reject_text(reason));
    }
    print_message("rejects: %u cases\n", (unsigned)ARRAY_SIZE(rows));
}

static void optional_tlvs_of_wrong_length_are_left_out(void **state)
{
    (void)state;
    static const uint8_t odd[] = {0x02, 2, 7, 'x',  0x04, 2, 7, 'y', 0x06, 2, 0,   1,    0x0e, 3,
                                  0,    0, 0, 0x10, 3,    9, 1, 2,   0x0a, 1, 'a', 0x0a, 1,    'b'};
    assert_int_equal(parse(odd, sizeof odd), WIRE_LLDP_ACCEPTED);
    assert_int_equal(message.ignored, 3);
    assert_false(message.has_capabilities);
    assert_null(message.management.bytes);
    assert_true(value_is(&message.system_name, "a"));
}

/* ---- the agent ---- */

struct port {
    struct lldp_agent *agent;
    struct lldp_settings settings;
    int64_t now;
    unsigned sent, changes[4];
    uint16_t last_ttl;
};

static void sends(void *context, const uint8_t *bytes, size_t length)
{
    struct port *p = context;
    struct wire_lldp h;
    assert_int_equal(wire_lldp_parse(bytes, length, &h), WIRE_LLDP_ACCEPTED);
    p->sent++;
    p->last_ttl = h.ttl_s;
}

static void changed(void *context, enum lldp_change what, const struct lldp_neighbour *n)
{
    struct port *p = context;
    assert_true(n->chassis_len > 0);
    p->changes[what]++;
}

static void port_init(struct port *p, bool speaks)
{
    *p = (struct port){.now = NS_PER_S};
    lldp_settings_default(&p->settings);
    p->settings.sends = speaks;
    p->settings.send = sends;
    p->settings.changed = changed;
    p->settings.context = p;
    p->settings.max_neighbours = 4;
    p->settings.sent = (struct wire_lldp){.chassis_subtype = WIRE_LLDP_CHASSIS_LOCAL,
                                          .port_subtype = WIRE_LLDP_PORT_LOCAL,
                                          .chassis = {(const uint8_t *)"me", 2},
                                          .port = {(const uint8_t *)"p", 1}};
    assert_int_equal(lldp_agent_new(&p->settings, alloc_heap(), p->now, &p->agent), 0);
}

static void pass(struct port *p, int64_t ns)
{
    for (int64_t end = p->now + ns; p->now < end; p->now += 100 * NS_PER_MS)
        if (lldp_agent_deadline(p->agent) <= p->now)
            lldp_agent_tick(p->agent, p->now);
}

static void hear(struct port *p, char chassis, uint16_t ttl_s)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    uint8_t bytes[] = {0x02, 2, 7, (uint8_t)chassis, 0x04, 2, 7, 'y', 0x06, 2, (uint8_t)(ttl_s >> 8), (uint8_t)ttl_s};
    lldp_agent_input(p->agent, mac, bytes, sizeof bytes, p->now);
}

static void it_sends_fast_at_first_then_each_interval_and_says_that_it_goes(void **state)
{
    (void)state;
    struct port p;
    port_init(&p, true);
    pass(&p, 5 * NS_PER_S);
    assert_int_equal(p.sent, 4);
    assert_int_equal(p.last_ttl, 121);
    pass(&p, 60 * NS_PER_S);
    assert_int_equal(p.sent, 6);
    hear(&p, 'a', 100);
    pass(&p, 5 * NS_PER_S);
    assert_int_equal(p.sent, 10); /* a new neighbour is told at once who we are */
    lldp_agent_stop(p.agent);
    assert_int_equal(p.sent, 11);
    assert_int_equal(p.last_ttl, 0);
    pass(&p, 60 * NS_PER_S);
    assert_int_equal(p.sent, 11);
    lldp_agent_delete(p.agent);
}

static void who_only_listens_never_sends(void **state)
{
    (void)state;
    struct port p;
    port_init(&p, false);
    hear(&p, 'a', 10);
    pass(&p, 60 * NS_PER_S);
    lldp_agent_stop(p.agent);
    assert_int_equal(p.sent, 0);
    lldp_agent_delete(p.agent);
}

static void neighbours_come_age_and_leave(void **state)
{
    (void)state;
    struct port p;
    port_init(&p, false);
    hear(&p, 'a', 10);
    hear(&p, 'b', 20);
    hear(&p, 'a', 10);
    assert_int_equal(p.changes[LLDP_ADDED], 2);
    assert_int_equal(p.changes[LLDP_CHANGED], 0);
    pass(&p, 11 * NS_PER_S);
    assert_int_equal(p.changes[LLDP_AGED], 1);
    hear(&p, 'b', 0);
    assert_int_equal(p.changes[LLDP_LEFT], 1);
    hear(&p, 'b', 0);
    const struct lldp_counters *c = lldp_agent_counters(p.agent);
    assert_int_equal(c->drop_unknown, 1);
    uint32_t at = 0;
    assert_null(lldp_agent_next(p.agent, &at));
    lldp_agent_delete(p.agent);
}

static void a_full_table_keeps_whom_it_has_and_counts_each_drop(void **state)
{
    (void)state;
    struct port p;
    port_init(&p, true);
    for (char i = 'a'; i < 'a' + 20; i++)
        hear(&p, i, 100);
    const struct lldp_counters *c = lldp_agent_counters(p.agent);
    assert_int_equal(c->added, 4);
    assert_int_equal(c->drop_full, 16);
    uint32_t n = 0;
    for (uint32_t at = 0; lldp_agent_next(p.agent, &at);)
        n++;
    assert_int_equal(n, 4);
    lldp_agent_input(p.agent, (const uint8_t[6]){2}, (const uint8_t *)"\x02\x03\x07me\x04\x02\x07p\x06\x02\x00\x01", 13,
                     p.now);
    assert_int_equal(c->drop_own, 1);
    lldp_agent_input(p.agent, (const uint8_t[6]){2}, (const uint8_t *)"\x02", 1, p.now);
    assert_int_equal(c->drop_malformed, 1);
    assert_int_equal(c->malformed[WIRE_LLDP_REJECT_SHORT], 1);
    lldp_agent_delete(p.agent);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct port p;
    struct lldp_agent *none = NULL;
    port_init(&p, true);
    struct lldp_settings s = p.settings;
    s.interval_ns = NS_PER_S - 1;
    assert_int_equal(lldp_agent_new(&s, alloc_heap(), 0, &none), ERR_INVALID);
    s = p.settings;
    s.sent.chassis.length = 0;
    assert_int_equal(lldp_agent_new(&s, alloc_heap(), 0, &none), ERR_INVALID);
    s = p.settings;
    s.max_neighbours = LLDP_NEIGHBOURS_MAX + 1;
    assert_int_equal(lldp_agent_new(&s, alloc_heap(), 0, &none), ERR_INVALID);
    lldp_agent_delete(p.agent);
}

static void identifiers_are_printed_without_what_could_move_a_cursor(void **state)
{
    (void)state;
    char text[64];
    lldp_id_print(text, sizeof text, true, false, (const uint8_t *)"\x02\0\0\0\0\x01", 6);
    assert_string_equal(text, "02:00:00:00:00:01");
    lldp_id_print(text, sizeof text, false, true, (const uint8_t *)"\x01\xc0\x00\x02\x01", 5);
    assert_string_equal(text, "192.0.2.1");
    lldp_id_print(text, sizeof text, false, false, (const uint8_t *)"a\x1b[2J", 5);
    assert_string_equal(text, "a.[2J");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_lldpdu_is_read_and_written_the_same),
        cmocka_unit_test(every_cut_is_rejected_or_ends_between_tlvs),
        cmocka_unit_test(each_way_to_be_wrong_has_its_reason),
        cmocka_unit_test(optional_tlvs_of_wrong_length_are_left_out),
        cmocka_unit_test(it_sends_fast_at_first_then_each_interval_and_says_that_it_goes),
        cmocka_unit_test(who_only_listens_never_sends),
        cmocka_unit_test(neighbours_come_age_and_leave),
        cmocka_unit_test(a_full_table_keeps_whom_it_has_and_counts_each_drop),
        cmocka_unit_test(settings_that_cannot_be_are_refused),
        cmocka_unit_test(identifiers_are_printed_without_what_could_move_a_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
