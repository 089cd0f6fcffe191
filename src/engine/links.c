/* SPDX-License-Identifier: MIT */
/*
 * Opening the links of a plan: see links.h.
 */
#include "engine/links.h"

#include <stdio.h>

#include "base/error.h"
#include "engine/clock.h"
#include "engine/tunnel_port.h"
#include "link/af_packet.h"
#include "link/af_xdp.h"
#include "link/memory.h"
#include "link/pcap.h"
#include "link/tap.h"

/* The two ends of a memory link of which q is one port. */
static int open_ends(const struct plan_port *q, uint32_t frames, const struct allocator *a, struct link *ends[2])
{
    struct memory_settings s;
    memory_settings_default(&s);
    s.mtu = q->mtu;
    s.frames = frames;
    s.buffer_bytes = max_u32(s.buffer_bytes, q->mtu + 14 + 8 + PACKET_HEADROOM);
    s.two_threads = true;
    s.trust_checksums = q->trust_checksums;
    return memory_link_new(&s, a, q->target, ends);
}

static int open_memory(const struct plan *p, uint32_t port, const struct allocator *a, struct port_link *links)
{
    const struct plan_port *q = &p->ports[port];
    struct link *ends[2];
    if (links[port].top) /* made with its peer */
        return 0;
    int e = open_ends(q, max_u32(q->frames, p->ports[q->peer].frames), a, ends);
    if (e < 0)
        return e;
    links[port].top = ends[0];
    links[q->peer].top = ends[1];
    return 0;
}

static struct vnet_offload offload_of(const struct plan_port *q)
{
    return (struct vnet_offload){
        .rx_checksum = q->rx_checksum, .tx_checksum = q->tx_checksum, .gro = q->gro, .tso = q->tso, .uso = q->uso};
}

static int open_packet(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256])
{
    struct af_packet_settings s;
    af_packet_settings_default(&s);
    s.interface = q->target;
    s.netns = q->netns;
    s.frames = q->frames;
    s.promiscuous = q->promiscuous;
    s.offload = offload_of(q);
    return af_packet_link_new(&s, a, out, message);
}

static int open_xdp(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256])
{
    struct af_xdp_settings s;
    af_xdp_settings_default(&s);
    s.interface = q->target;
    s.netns = q->netns;
    s.frames = q->frames;
    s.promiscuous = q->promiscuous;
    return af_xdp_link_new(&s, a, out, message);
}

static int open_tap(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256])
{
    struct tap_settings s;
    tap_settings_default(&s);
    s.name = q->target;
    s.netns = q->netns;
    s.mtu = q->mtu;
    s.frames = q->frames;
    s.address = q->address;
    s.prefix = q->prefix_length;
    s.address6 = q->address6;
    s.prefix6 = q->prefix_length6;
    s.offload = offload_of(q);
    return tap_links_new(&s, a, out, message);
}

static int open_pcap(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256])
{
    struct pcap_link_settings s;
    pcap_link_settings_default(&s);
    s.read_path = q->read_file;
    s.write_path = q->target;
    s.frames = q->frames;
    return pcap_link_new(&s, a, out, message);
}

static int open_outside(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256]);

/* The link below it first. At most PLAN_TUNNEL_NESTING deep: plan_ports looked. */
static int open_tunnel(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256])
{
    struct plan_port below;
    struct link *under;
    int e = plan_port_default(q->tunnel.over, &below, message);
    below.netns = q->netns;
    if (e < 0 || (e = open_outside(&below, a, &under, message)) < 0)
        return e;
    e = tunnel_port_new(&q->tunnel, q->name, under, a, out, message);
    if (e < 0)
        link_close(under);
    return e;
}

/* A port's mtu is what its stack may send; the driver must carry it. */
static int fit_mtu(const struct plan_port *q, struct link *l, char message[256])
{
    if (q->mtu > l->mtu) {
        snprintf(message, 256, "found mtu %u, allowed at most %u, which is what the link has", q->mtu, l->mtu);
        return ERR_INVALID;
    }
    l->mtu = q->mtu;
    return 0;
}

/* The driver of a port that needs no other port. */
static int open_outside(const struct plan_port *q, const struct allocator *a, struct link **out, char message[256])
{
    switch (q->kind) {
    case PLAN_PACKET:
        return open_packet(q, a, out, message);
    case PLAN_XDP:
        return open_xdp(q, a, out, message);
    case PLAN_TAP:
        return open_tap(q, a, out, message);
    case PLAN_PCAP:
        return open_pcap(q, a, out, message);
    case PLAN_TUNNEL:
        return open_tunnel(q, a, out, message);
    case PLAN_MEM:
        break;
    }
    return ERR_INVALID;
}

static int open_driver(const struct plan *p, uint32_t port, const struct allocator *a, struct port_link *links,
                       char message[256])
{
    const struct plan_port *q = &p->ports[port];
    if (q->kind == PLAN_MEM)
        return open_memory(p, port, a, links);
    int e = open_outside(q, a, &links[port].top, message);
    return e < 0 ? e : fit_mtu(q, links[port].top, message);
}

/* Puts impairment and capture over a port's driver. */
static int wrap(const struct plan_port *q, const struct allocator *a, struct port_link *l, char message[256])
{
    int e;
    if (q->impaired) {
        if ((e = impair_link_new(&q->impair, l->top, a, &l->impair)) < 0)
            return e;
        l->top = l->impair;
    }
    if (q->capture) {
        struct link *capture;
        if ((e = capture_link_new(l->top, q->capture, a, &capture, message)) < 0)
            return e;
        capture_link_set_epoch(capture, clock_epoch());
        l->top = capture;
    }
    return 0;
}

static void explain(const struct plan_port *q, int e, char message[256])
{
    char why[256];
    snprintf(why, sizeof why, "%s", message[0] ? message : err_text(e));
    snprintf(message, 256, "port %.32s (%.48s): %.160s", q->name, q->location, why);
}

int links_open(const struct plan *p, const struct allocator *a, struct port_link links[PLAN_MAX_PORTS],
               char message[256])
{
    for (uint32_t i = 0; i < PLAN_MAX_PORTS; i++)
        links[i] = (struct port_link){NULL, NULL};
    int e = 0;
    uint32_t i = 0;
    message[0] = 0;
    for (; i < p->n_ports && e == 0; i++)
        e = open_driver(p, i, a, links, message);
    if (e == 0)
        for (i = 0; i < p->n_ports && e == 0; i++)
            e = wrap(&p->ports[i], a, &links[i], message);
    if (e < 0) {
        explain(&p->ports[i - 1], e, message);
        links_close(p, links);
    }
    return e;
}

int links_open_alone(const struct plan_port *q, const struct allocator *a, struct link *ends[2], char message[256])
{
    message[0] = 0;
    ends[1] = NULL;
    int e = q->kind == PLAN_MEM ? open_ends(q, q->frames, a, ends) : open_outside(q, a, &ends[0], message);
    if (e < 0 && !message[0])
        snprintf(message, 256, "%.100s: %s", q->location, err_text(e));
    return e;
}

void links_close(const struct plan *p, struct port_link links[PLAN_MAX_PORTS])
{
    for (uint32_t i = 0; i < p->n_ports; i++) /* a bridge's frames wait in one link and belong to the other */
        link_flush(links[i].top);
    for (uint32_t i = 0; i < p->n_ports; i++) {
        link_close(links[i].top);
        links[i].top = NULL;
    }
}

static const struct link *driver_of(const struct link *l)
{
    while (l->lower)
        l = l->lower;
    return l;
}

const char *links_note(const struct link *top) { return driver_of(top)->note; }

static void add_drops(struct link_counters *to, const uint64_t drops[LINK_DROP_COUNT])
{
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        to->drops[i] += drops[i];
}

void links_read_counters(const struct link *top, struct link_counters *out)
{
    const struct link *driver = driver_of(top);
    *out = driver->counters;
    for (const struct link *l = top; l != driver; l = l->lower)
        add_drops(out, l->counters.drops);
    const struct link *under = tunnel_port_under(top);
    if (under) {
        struct link_counters below;
        links_read_counters(under, &below);
        add_drops(out, below.drops);
    }
}
