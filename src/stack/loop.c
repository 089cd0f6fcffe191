/* SPDX-License-Identifier: MIT */
/*
 * The loop: see loop.h. Its link hands out frames of 64 KB, so that a packet of any kind fits, and gets them back when the stack has taken them in.
 * A full queue is a link without room: TCP waits for the next turn, a datagram is dropped as tx_no_room.
 */
#include "stack/loop.h"

#include "stack/ipv4_input.h"
#include "stack/ipv6_input.h"

#define LINK_HEADER_MAX 22u /* Ethernet and two tags */

static struct loop *loop_of(struct link *link) { return container_of(link, struct loop, link); }

/* ---- the link ---- */

static unsigned loop_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct loop *l = loop_of(link);
    unsigned got = 0;
    for (; got < n && l->first; got++) {
        struct packet *p = packets[got] = l->first;
        l->first = p->next;
        p->rx_ns = now;
        link->counters.bytes_rx += p->len;
    }
    if (!l->first)
        l->end = &l->first;
    link->counters.frames_rx += got;
    return got;
}

static unsigned loop_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    (void)kind;
    return packet_pool_get(&loop_of(link)->pool, packets, n);
}

static void loop_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    (void)now;
    struct loop *l = loop_of(link);
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        p->next = NULL;
        *l->end = p;
        l->end = &p->next;
        link->counters.bytes_tx += p->len;
    }
    link->counters.frames_tx += n;
}

static const struct link_ops loop_ops = {
    .rx_burst = loop_rx_burst, .tx_alloc = loop_tx_alloc, .tx_burst = loop_tx_burst};

/* ---- life ---- */

static void open_neighbour(struct stack *s)
{
    s->loop.neighbour = pool_get(&s->neighbours.pool);
    *neighbour_at(&s->neighbours, s->loop.neighbour) = (struct neighbour){
        .pins = 1, .interface = STACK_LOOP, .state = NEIGHBOUR_FREE, .mac = {2}, .deadline = TIME_NEVER};
}

int loop_init(struct stack *s, uint32_t frames, int64_t now)
{
    struct loop *l = &s->loop;
    const struct guard_rules anything = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    if (frames == 0)
        return 0;
    *l = (struct loop){.link = {.ops = &loop_ops,
                                .name = "loop",
                                .mtu = UINT16_MAX,
                                .caps = LINK_CAP_RX_CHECKSUM | LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO | LINK_CAP_GRO,
                                .gso_max = UINT16_MAX,
                                .fd = -1}};
    l->end = &l->first;
    int error = guard_init(&l->guard, &anything, NULL, now);
    if (!error)
        error = packet_pool_init(&l->pool, s->allocator, frames, PACKET_HEADROOM + LINK_HEADER_MAX + UINT16_MAX, 0);
    if (!error)
        error = interface_init(&s->interfaces[STACK_LOOP], STACK_LOOP, &l->link, &l->guard, 0, s->allocator);
    if (!error)
        open_neighbour(s);
    return error;
}

void loop_free(struct stack *s)
{
    struct packet *burst[LINK_BURST];
    unsigned n;
    if (s->loop.neighbour) {
        interface_free(&s->interfaces[STACK_LOOP]);
        while ((n = loop_rx_burst(&s->loop.link, burst, LINK_BURST, s->now)) != 0)
            packet_release_burst(burst, n);
    }
    packet_pool_free(&s->loop.pool);
}

/* ---- in ---- */

struct host *loop_find(const struct stack *s, const struct host *from, const struct ip_addr *address)
{
    return host_find_in_domain(&s->hosts, from->segment, from->domain, address);
}

bool loop_deliverable(struct stack *s, const struct arrival *a, struct datagram *d)
{
    if (!loop_find(s, a->sender, &d->source)) {
        STACK_DROP(s, TRACE_IP, ip_bad_source);
        return false;
    }
    d->host = loop_find(s, a->sender, &d->destination);
    if (d->host) /* where an answer looks */
        loop_mac(a->packet->data + WIRE_ETH_ADDR_LEN, d->host->index);
    else
        STACK_DROP(s, TRACE_IP, ip_not_for_us);
    return d->host != NULL;
}

static void loop_input(struct stack *s, struct packet *p)
{
    struct arrival a = {.packet = p,
                        .eth = p->data,
                        .l3 = p->data + p->l3_offset,
                        .l3_len = p->len - p->l3_offset,
                        .sender = loop_named(&s->hosts, p->data)};
    s->counters.frames_looped++;
    if (a.sender && a.sender->v6)
        ipv6_input(s, &a);
    else if (a.sender)
        ipv4_input(s, &a);
    else
        STACK_DROP(s, TRACE_IP, ip_bad_source); /* its host was removed meanwhile */
}

unsigned loop_receive(struct stack *s, int64_t now)
{
    struct interface *itf = &s->interfaces[STACK_LOOP];
    unsigned n = link_rx_burst(itf->link, s->burst, LINK_BURST, now);
    s->counters.frames_received += n;
    s->input = itf;
    for (unsigned i = 0; i < n; i++)
        loop_input(s, s->burst[i]);
    tcp_flush(s);
    s->input = NULL;
    packet_release_burst(s->burst, n);
    return n;
}
