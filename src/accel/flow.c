/* SPDX-License-Identifier: MIT */
/*
 * See flow.h.
 */
#include "accel/flow.h"

#include "wire/eth.h"

int accel_flows_init(struct accel_flows *f, const struct allocator *records, const struct allocator *a, uint32_t max,
                     const struct hash_key *secret)
{
    f->secret = *secret;
    int error = pool_init(&f->pool, records, max, sizeof(struct accel_flow), _Alignof(struct accel_flow));
    if (error < 0)
        return error;
    error = table_init(&f->by_key, a, max);
    if (error < 0)
        pool_free(&f->pool);
    return error;
}

void accel_flows_free(struct accel_flows *f)
{
    table_free(&f->by_key);
    pool_free(&f->pool);
}

uint16_t accel_outer_vid(const struct packet *p)
{
    if (p->vlan_present)
        return p->vlan_tci & 0xfffu;
    return wire_eth_is_tpid(load_be16(p->data + 12)) ? load_be16(p->data + 14) & 0xfffu : 0;
}

void accel_key_of(const struct accel_segment *s, enum accel_side from, struct accel_key *out)
{
    const uint8_t *ip = s->packet->data + s->headers.l3, *tcp = accel_segment_tcp(s);
    const bool v6 = s->headers.v6;
    const struct ip_addr source = v6 ? ip_addr_from_v6(ip + 8) : ip_addr_from_v4(load_be32(ip + 12));
    const struct ip_addr destination = v6 ? ip_addr_from_v6(ip + 24) : ip_addr_from_v4(load_be32(ip + 16));
    const bool by_client = from == ACCEL_CLIENTS;
    const uint16_t source_port = load_be16(tcp), destination_port = load_be16(tcp + 2);
    *out = (struct accel_key){.client = by_client ? source : destination,
                              .server = by_client ? destination : source,
                              .client_port = by_client ? source_port : destination_port,
                              .server_port = by_client ? destination_port : source_port,
                              .vlan = accel_outer_vid(s->packet)};
}

static uint32_t tag_of(const struct accel_flows *f, const struct accel_key *key)
{
    return (uint32_t)hash_sip13(&f->secret, key, sizeof *key);
}

uint32_t accel_flow_find(const struct accel_flows *f, const struct accel_key *key)
{
    const uint32_t tag = tag_of(f, key);
    for (uint32_t at = tag, i; (i = table_next(&f->by_key, tag, &at)) != 0;)
        if (memcmp(&accel_flow_at(f, i)->key, key, sizeof *key) == 0)
            return i;
    return POOL_NONE;
}

int accel_flow_index(struct accel_flows *f, uint32_t i)
{
    return table_add(&f->by_key, tag_of(f, &accel_flow_at(f, i)->key), i);
}

uint32_t accel_flow_add(struct accel_flows *f, const struct accel_key *key)
{
    const uint32_t i = pool_get(&f->pool);
    if (i == POOL_NONE)
        return POOL_NONE;
    *accel_flow_at(f, i) = (struct accel_flow){.key = *key};
    if (accel_flow_index(f, i) < 0) {
        pool_put(&f->pool, i);
        return POOL_NONE;
    }
    return i;
}

void accel_flow_remove(struct accel_flows *f, uint32_t i)
{
    struct accel_flow *flow = accel_flow_at(f, i);
    table_remove(&f->by_key, tag_of(f, &flow->key), i);
    accel_flow_publish(flow, ACCEL_FREE); /* before the free list writes into the key */
    pool_put(&f->pool, i);
}
