/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: an LLDP agent that sends and hears any LLDPDUs while time passes. The first byte of each part of the input
 * is its length and the next one the seconds before it. What is accepted lies within its bytes, and written anew it
 * reads the same; the table never holds more than its bound, and nobody longer than said.
 */
#undef NDEBUG
#include <assert.h>

#include "fuzz/arena.h"
#include "service/lldp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sent(void *context, const uint8_t *bytes, size_t length)
{
    struct wire_lldp h;
    (void)context;
    assert(wire_lldp_parse(bytes, length, &h) == WIRE_LLDP_ACCEPTED);
}

static void check_value(const struct wire_lldp_value *v, const uint8_t *bytes, size_t n)
{
    assert(!v->bytes || (v->bytes >= bytes && v->bytes + v->length <= bytes + n));
}

static void check_message(const uint8_t *bytes, size_t n)
{
    static uint8_t to[2048];
    struct wire_lldp h, again;
    if (wire_lldp_parse(bytes, n, &h) != WIRE_LLDP_ACCEPTED)
        return;
    check_value(&h.chassis, bytes, n);
    check_value(&h.port, bytes, n);
    check_value(&h.port_description, bytes, n);
    check_value(&h.system_name, bytes, n);
    check_value(&h.system_description, bytes, n);
    check_value(&h.management, bytes, n);
    int length = wire_lldp_build(to, sizeof to, &h);
    assert(length > 0 && wire_lldp_parse(to, (size_t)length, &again) == WIRE_LLDP_ACCEPTED);
    assert(again.ttl_s == h.ttl_s && again.chassis.length == h.chassis.length && again.others == 0);
    assert(h.ttl_s == 0 || again.system_name.length == h.system_name.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lldp_settings s;
    struct lldp_agent *g = NULL;
    int64_t now = NS_PER_S;
    lldp_settings_default(&s);
    s.sends = true;
    s.send = sent;
    s.max_neighbours = 8;
    s.sent = (struct wire_lldp){.chassis_subtype = 7, .port_subtype = 7, .chassis = {data, 1}, .port = {data, 1}};
    if (size < 2 || lldp_agent_new(&s, arena_begin(), now, &g) < 0)
        return 0;
    while (size > 2) {
        size_t n = data[0] < size - 2 ? data[0] : size - 2;
        now += data[1] * NS_PER_S;
        check_message(data + 2, n);
        lldp_agent_tick(g, now);
        lldp_agent_input(g, data + 2, data + 2, n >= 6 ? n : 0, now);
        const struct lldp_neighbour *b;
        unsigned held = 0;
        for (uint32_t at = 0; (b = lldp_agent_next(g, &at)) != NULL; held++)
            assert(b->ends_ns > now && b->ends_ns <= now + 65535 * NS_PER_S);
        assert(held <= 8 && lldp_agent_deadline(g) > now);
        data += 2 + n;
        size -= 2 + n;
    }
    lldp_agent_stop(g);
    lldp_agent_delete(g);
    arena_end();
    return 0;
}
