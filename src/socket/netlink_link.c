/* SPDX-License-Identifier: MIT */
/*
 * Interfaces by netlink: RTM_NEWLINK, RTM_GETLINK, RTM_SETLINK. They come from the configuration and stay; up, down and the MTU can be changed. Counters are
 * the link's. VLANs are shown as links on those below, and go with them.
 */
#include "socket/netlink_private.h"

#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <net/if_arp.h>

#define QUEUE_LENGTH 1000u
#define CHANGEABLE (IFF_UP)

enum { OPERATION_DOWN = 2, OPERATION_UP = 6 }; /* RFC 2863, as IF_OPER_DOWN and IF_OPER_UP of linux/if.h */

/* ---- showing ---- */

static uint64_t dropped(const struct link_counters *c, bool received)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        n += (i <= LINK_DROP_RX_MALFORMED) == received ? c->drops[i] : 0;
    return n;
}

static void put_counters(struct netlink_writer *w, const struct link_counters *c)
{
    const struct rtnl_link_stats64 wide = {.rx_packets = c->frames_rx,
                                           .tx_packets = c->frames_tx,
                                           .rx_bytes = c->bytes_rx,
                                           .tx_bytes = c->bytes_tx,
                                           .rx_dropped = dropped(c, true),
                                           .tx_dropped = dropped(c, false)};
    const struct rtnl_link_stats narrow = {.rx_packets = (uint32_t)wide.rx_packets,
                                           .tx_packets = (uint32_t)wide.tx_packets,
                                           .rx_bytes = (uint32_t)wide.rx_bytes,
                                           .tx_bytes = (uint32_t)wide.tx_bytes,
                                           .rx_dropped = (uint32_t)wide.rx_dropped,
                                           .tx_dropped = (uint32_t)wide.tx_dropped};
    netlink_put(w, IFLA_STATS64, &wide, sizeof wide);
    netlink_put(w, IFLA_STATS, &narrow, sizeof narrow);
}

static void put_properties(struct netlink_writer *w, const struct interface_view *v)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    bool up = v->flags & IFF_UP;
    netlink_put_text(w, IFLA_IFNAME, v->name);
    netlink_put_u32(w, IFLA_TXQLEN, QUEUE_LENGTH);
    netlink_put_u8(w, IFLA_OPERSTATE, up ? OPERATION_UP : OPERATION_DOWN);
    netlink_put_u8(w, IFLA_LINKMODE, 0);
    netlink_put_u32(w, IFLA_MTU, v->mtu);
    netlink_put_u32(w, IFLA_MIN_MTU, 68);
    netlink_put_u32(w, IFLA_MAX_MTU, v->mtu_max);
    netlink_put_u32(w, IFLA_GROUP, 0);
    netlink_put_u32(w, IFLA_PROMISCUITY, 0);
    netlink_put_u8(w, IFLA_CARRIER, up);
    netlink_put_text(w, IFLA_QDISC, "noqueue");
    netlink_put(w, IFLA_ADDRESS, v->mac, sizeof v->mac);
    netlink_put(w, IFLA_BROADCAST, broadcast, sizeof broadcast);
}

static void put_vlan(struct netlink_writer *w, const struct interface_view *v)
{
    const struct ifla_vlan_flags flags = {.flags = VLAN_FLAG_REORDER_HDR, .mask = UINT32_MAX};
    uint16_t id = v->tag.tci;
    uint8_t protocol[2];
    store_be16(protocol, v->tag.tpid);
    netlink_put_u32(w, IFLA_LINK, (uint32_t)v->below);
    uint32_t info = netlink_nest(w, IFLA_LINKINFO);
    netlink_put_text(w, IFLA_INFO_KIND, "vlan");
    uint32_t data = netlink_nest(w, IFLA_INFO_DATA);
    netlink_put(w, IFLA_VLAN_PROTOCOL, protocol, sizeof protocol);
    netlink_put(w, IFLA_VLAN_ID, &id, sizeof id);
    netlink_put(w, IFLA_VLAN_FLAGS, &flags, sizeof flags);
    netlink_unnest(w, data);
    netlink_unnest(w, info);
}

bool netlink_write_link(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack, int index)
{
    struct interface_view v;
    if (!interface_view(stack, index, &v))
        return true;
    const struct ifinfomsg fixed = {.ifi_family = AF_UNSPEC,
                                    .ifi_type = ARPHRD_ETHER,
                                    .ifi_index = index,
                                    .ifi_flags = v.flags | (v.flags & IFF_UP ? 1u << 16 : 0)}; /* IFF_LOWER_UP */
    netlink_begin(w, h, &fixed, sizeof fixed);
    put_properties(w, &v);
    if (v.counters)
        put_counters(w, v.counters);
    if (v.below)
        put_vlan(w, &v);
    return netlink_end(w);
}

static bool dump_links(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w)
{
    const struct netlink_head h = {.type = RTM_NEWLINK, .flags = d->flags, .sequence = d->sequence, .port = d->port};
    struct stack_link link;
    for (uint32_t i; (i = stack_next_link(l->stack, d->at, &link)) != 0; d->at = i)
        if (!netlink_write_link(w, &h, l->stack, (int)i))
            return false;
    return true;
}

/* ---- one of them ---- */

/* By index or by name. */
static int find(struct netlink_request *r, const struct ifinfomsg *fixed, const struct netlink_attribute *a)
{
    const struct stack *stack = r->layer->stack;
    struct interface_view v;
    char name[IFNAMSIZ] = "";
    if (fixed->ifi_index > 0)
        return interface_view(stack, fixed->ifi_index, &v) ? fixed->ifi_index : -ENODEV;
    if (netlink_get_name(&a[IFLA_IFNAME], name) < 0)
        return netlink_refuse(r, -EINVAL, "an interface is named by its index or by a name of 1 to 15 characters");
    if (!name[0] && r->header.nlmsg_type == RTM_GETLINK && !a[IFLA_ALT_IFNAME].bytes)
        return -EINVAL;
    int index = name[0] ? interface_find(stack, name) : 0;
    return index ? index : -ENODEV;
}

static int get_link(struct netlink_request *r)
{
    struct ifinfomsg fixed;
    struct netlink_attribute a[IFLA_MAX + 1];
    uint8_t bytes[NETLINK_PART_BYTES];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    int e = netlink_read(r, &fixed, sizeof fixed, a, IFLA_MAX + 1);
    int index = e < 0 ? e : find(r, &fixed, a);
    if (index < 0)
        return index;
    const struct netlink_head h = netlink_answer(r, RTM_NEWLINK);
    (void)netlink_write_link(&w, &h, r->layer->stack, index);
    return netlink_reply(r, &w);
}

/* ---- changing ---- */

static int check_change(struct netlink_request *r, const struct ifinfomsg *fixed, const struct netlink_attribute *a)
{
    for (unsigned i = 1; i <= IFLA_MAX; i++) {
        bool known = i == IFLA_IFNAME || i == IFLA_ALT_IFNAME || i == IFLA_MTU || i == IFLA_EXT_MASK;
        if (a[i].bytes && !known)
            return netlink_refuse(r, -EOPNOTSUPP, "of an interface up, down and the MTU can be changed");
    }
    if (fixed->ifi_change & ~(unsigned)CHANGEABLE && fixed->ifi_change != UINT32_MAX)
        return netlink_refuse(r, -EOPNOTSUPP, "of an interface's flags only UP can be changed");
    return 0;
}

static int change(struct netlink_request *r, const struct ifinfomsg *fixed, const struct netlink_attribute *a,
                  int index)
{
    struct stack *stack = r->layer->stack;
    unsigned interface = (unsigned)index - 1;
    struct interface_view v;
    uint32_t mtu = 0;
    bool changes = a[IFLA_MTU].bytes || (fixed->ifi_change & IFF_UP);
    if (changes && interface_view(stack, index, &v) && v.below)
        return netlink_refuse(r, -EOPNOTSUPP, "a VLAN is up, and has an MTU, as the link that it is on");
    int e = netlink_get_u32(&a[IFLA_MTU], &mtu);
    if (e == 0 && a[IFLA_MTU].bytes && stack_set_mtu(stack, interface, mtu, r->now) < 0)
        return netlink_refuse(r, -EINVAL, "the MTU is less than 68 or more than the link's");
    if (e == 0 && (fixed->ifi_change & IFF_UP))
        (void)stack_set_up(stack, interface, fixed->ifi_flags & IFF_UP, r->now);
    return e;
}

static int set_link(struct netlink_request *r)
{
    struct ifinfomsg fixed;
    struct netlink_attribute a[IFLA_MAX + 1];
    int e = netlink_read(r, &fixed, sizeof fixed, a, IFLA_MAX + 1);
    int index = e < 0 ? e : find(r, &fixed, a);
    if (index == -ENODEV && (r->header.nlmsg_flags & NLM_F_CREATE))
        return netlink_refuse(r, -EOPNOTSUPP, "Weir's interfaces come from its configuration");
    if (index < 0)
        return index;
    if (r->header.nlmsg_flags & NLM_F_EXCL)
        return -EEXIST;
    e = check_change(r, &fixed, a);
    return e < 0 ? e : change(r, &fixed, a, index);
}

const struct netlink_object netlink_links = {
    .make = set_link, .get = get_link, .set = set_link, .dump = dump_links, .any_family = true};
