/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a DHCPv6 message, and as a relay agent's envelope. What is accepted refers to bytes inside
 * the input; its associations, written anew, parse to the same; the message in an envelope lies in it.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "service/dhcp6_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct dhcp6_value *v, const uint8_t *bytes, size_t size)
{
    assert(!v->bytes || (v->bytes >= bytes && v->bytes + v->length <= bytes + size));
}

static void check_message(const struct dhcp6_message *m, const uint8_t *bytes, size_t size)
{
    const struct dhcp6_value *values[] = {&m->client_id, &m->server_id, &m->oro, &m->dns, &m->domains};
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
        check_value(values[i], bytes, size);
    assert(m->n_ias <= DHCP6_IAS && m->client_id.length <= DHCP6_DUID_MAX && m->xid <= 0xffffff);
    for (unsigned i = 0; i < m->n_ias; i++) {
        const struct dhcp6_ia *ia = &m->ia[i];
        assert(ia->n <= DHCP6_LEASES && (ia->t1_s <= ia->t2_s || ia->t2_s == 0));
        for (unsigned j = 0; j < ia->n; j++)
            assert(ia->lease[j].preferred_s <= ia->lease[j].valid_s && ia->lease[j].prefix_length >= 1 &&
                   ia->lease[j].prefix_length <= 128);
    }
}

static void check_again(const struct dhcp6_message *m)
{
    uint8_t to[DHCP6_MOST_ROOM];
    struct dhcp6_writer w;
    struct dhcp6_message again;
    dhcp6_writer_begin(&w, to, sizeof to);
    dhcp6_writer_header(&w, (enum dhcp6_type)m->type, m->xid);
    for (unsigned i = 0; i < m->n_ias; i++)
        dhcp6_writer_ia(&w, &m->ia[i]);
    int length = dhcp6_writer_end(&w);
    assert(length > 0);
    enum dhcp6_reject reason = dhcp6_message_parse(to, (size_t)length, &again);
    assert(reason == DHCP6_ACCEPTED && again.ignored == 0 && again.n_ias == m->n_ias);
    assert(again.type == m->type && again.xid == m->xid);
    for (unsigned i = 0; i < m->n_ias; i++) {
        const struct dhcp6_ia *a = &m->ia[i], *b = &again.ia[i];
        assert(a->kind == b->kind && a->iaid == b->iaid && a->t1_s == b->t1_s && a->t2_s == b->t2_s && a->n == b->n &&
               a->status == b->status);
        for (unsigned j = 0; j < a->n; j++)
            assert(ip_addr_equal(&a->lease[j].addr, &b->lease[j].addr) &&
                   a->lease[j].prefix_length == b->lease[j].prefix_length &&
                   a->lease[j].valid_s == b->lease[j].valid_s && a->lease[j].status == b->lease[j].status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp6_message m;
    struct dhcp6_relay r;
    enum dhcp6_reject reason = dhcp6_message_parse(data, size, &m);
    assert(dhcp6_reject_text(reason) != NULL);
    if (reason == DHCP6_ACCEPTED) {
        check_message(&m, data, size);
        check_again(&m);
        (void)dhcp6_message_asks(&m, DHCP6_OPT_DNS);
    }
    if (dhcp6_relay_parse(data, size, &r) == DHCP6_ACCEPTED) {
        check_value(&r.message, data, size);
        check_value(&r.interface_id, data, size);
        assert(r.hops <= DHCP6_HOPS);
    }
    return 0;
}
