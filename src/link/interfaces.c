/* SPDX-License-Identifier: MIT */
/*
 * Asking the kernel for its interfaces: one rtnetlink dump (RTM_GETLINK), then ethtool's questions for each. An
 * interface that disappears meanwhile, or a driver that does not answer, leaves those facts unknown.
 */
#include "link/interfaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "link/features.h"
#include "link/xdp_offer.h"

#define DUMP_BYTES 65536u
#define FIRST_CAPACITY 16u
#define SPEED_WORDS 32u

const char *interface_offload_name(enum interface_offload offload)
{
    static const char *const names[] = {
#define INTERFACE_OFFLOAD_NAME(name, text) #text,
        INTERFACE_OFFLOAD_LIST(INTERFACE_OFFLOAD_NAME)
#undef INTERFACE_OFFLOAD_NAME
    };
    return names[offload];
}

const char *interface_xdp_name(enum interface_xdp xdp)
{
    static const char *const names[] = {
#define INTERFACE_XDP_NAME(name, text) text,
        INTERFACE_XDP_LIST(INTERFACE_XDP_NAME)
#undef INTERFACE_XDP_NAME
    };
    return names[xdp];
}

/* ---- the dump ---- */

static struct interface_facts *add(struct interface_list *list)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : FIRST_CAPACITY;
        struct interface_facts *grown =
            alloc_array(list->allocator, capacity, sizeof *grown, alignof(struct interface_facts));
        if (!grown)
            return NULL;
        if (list->count)
            memcpy(grown, list->facts, list->count * sizeof *grown);
        alloc_free(list->allocator, list->facts, list->capacity * sizeof *grown);
        list->facts = grown;
        list->capacity = capacity;
    }
    struct interface_facts *f = &list->facts[list->count++];
    *f = (struct interface_facts){.index = 0};
    return f;
}

static void copy_text(char *to, size_t size, struct rtattr *a)
{
    size_t length = strnlen(RTA_DATA(a), RTA_PAYLOAD(a));
    length = length < size - 1 ? length : size - 1;
    memcpy(to, RTA_DATA(a), length);
    to[length] = '\0';
}

static uint32_t number_of(struct rtattr *a)
{
    uint32_t value = 0;
    if (RTA_PAYLOAD(a) >= sizeof value)
        memcpy(&value, RTA_DATA(a), sizeof value);
    return value;
}

typedef void attribute_fn(struct interface_facts *f, struct rtattr *a);

static void each_attribute(struct interface_facts *f, void *attributes, size_t length, attribute_fn *take)
{
    uint8_t *at = attributes;
    while (length >= sizeof(struct rtattr)) {
        struct rtattr *a = (void *)at;
        if (a->rta_len < sizeof *a || a->rta_len > length)
            return;
        take(f, a);
        size_t step = min_u64(RTA_ALIGN((size_t)a->rta_len), length);
        at += step;
        length -= step;
    }
}

/* The kind of a virtual interface, such as "veth", until ethtool knows better. */
static void take_kind(struct interface_facts *f, struct rtattr *a)
{
    if (a->rta_type == IFLA_INFO_KIND)
        copy_text(f->driver, sizeof f->driver, a);
}

static void take_attribute(struct interface_facts *f, struct rtattr *a)
{
    switch (a->rta_type) {
    case IFLA_IFNAME:
        copy_text(f->name, sizeof f->name, a);
        break;
    case IFLA_MTU:
        f->mtu = number_of(a);
        break;
    case IFLA_ADDRESS:
        if (RTA_PAYLOAD(a) == sizeof f->mac)
            memcpy(f->mac, RTA_DATA(a), sizeof f->mac);
        break;
    case IFLA_NUM_RX_QUEUES:
        f->rx_queues = number_of(a);
        break;
    case IFLA_NUM_TX_QUEUES:
        f->tx_queues = number_of(a);
        break;
    case IFLA_LINKINFO:
        each_attribute(f, RTA_DATA(a), RTA_PAYLOAD(a), take_kind);
        break;
    default:
        break;
    }
}

static int take_interface(struct interface_list *list, struct nlmsghdr *m)
{
    struct ifinfomsg *info = NLMSG_DATA(m);
    if (m->nlmsg_len < NLMSG_LENGTH(sizeof *info))
        return 0;
    struct interface_facts *f = add(list);
    if (!f)
        return ERR_NO_MEMORY;
    f->index = (uint32_t)info->ifi_index;
    f->hardware = info->ifi_type;
    f->up = info->ifi_flags & IFF_UP;
    f->running = info->ifi_flags & IFF_LOWER_UP; /* IFF_RUNNING follows the carrier up to a second later */
    f->ethernet = info->ifi_type == ARPHRD_ETHER || info->ifi_type == ARPHRD_LOOPBACK;
    each_attribute(f, IFLA_RTA(info), m->nlmsg_len - NLMSG_LENGTH(sizeof *info), take_attribute);
    return 0;
}

/* The messages of one answer; 1 when the dump is complete. */
static int take_messages(struct interface_list *list, uint8_t *bytes, size_t length)
{
    struct nlmsghdr *m = (void *)bytes;
    for (; NLMSG_OK(m, length); m = NLMSG_NEXT(m, length)) {
        if (m->nlmsg_type == NLMSG_DONE)
            return 1;
        if (m->nlmsg_type == NLMSG_ERROR)
            return ERR_SYSTEM;
        if (m->nlmsg_type == RTM_NEWLINK && take_interface(list, m) != 0)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int dump(struct interface_list *list, int fd)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
    } question = {.header = {.nlmsg_len = sizeof question,
                             .nlmsg_type = RTM_GETLINK,
                             .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                             .nlmsg_seq = 1},
                  .info = {.ifi_family = AF_UNSPEC}};
    if (send(fd, &question, sizeof question, 0) < 0)
        return ERR_SYSTEM;
    uint8_t *bytes = alloc_array(list->allocator, DUMP_BYTES, 1, alignof(struct nlmsghdr));
    if (!bytes)
        return ERR_NO_MEMORY;
    int result = 0;
    while (result == 0) {
        ssize_t got = recv(fd, bytes, DUMP_BYTES, 0);
        if (got < 0 && errno == EINTR)
            continue;
        result = got <= 0 ? ERR_SYSTEM : take_messages(list, bytes, (size_t)got);
    }
    alloc_free(list->allocator, bytes, DUMP_BYTES);
    return result < 0 ? result : 0;
}

/* ---- ethtool ---- */

static bool ask(int fd, const struct interface_facts *f, void *command)
{
    struct ifreq r = {0};
    memcpy(r.ifr_name, f->name, sizeof f->name);
    r.ifr_data = command;
    return ioctl(fd, SIOCETHTOOL, &r) == 0;
}

static void ask_driver(int fd, struct interface_facts *f)
{
    struct ethtool_drvinfo d = {.cmd = ETHTOOL_GDRVINFO};
    if (!ask(fd, f, &d))
        return;
    if (d.driver[0])
        snprintf(f->driver, sizeof f->driver, "%.*s", (int)sizeof f->driver - 1, d.driver);
    snprintf(f->bus, sizeof f->bus, "%.*s", (int)sizeof f->bus - 1, d.bus_info);
}

/* The first answer says, as a negative number, how many words the masks have. */
static void ask_speed(int fd, struct interface_facts *f)
{
    union {
        struct ethtool_link_settings settings;
        uint32_t room[sizeof(struct ethtool_link_settings) / 4 + 3 * SPEED_WORDS];
    } l = {.settings = {.cmd = ETHTOOL_GLINKSETTINGS}};
    if (!ask(fd, f, &l) || l.settings.link_mode_masks_nwords >= 0 ||
        l.settings.link_mode_masks_nwords < -(int)SPEED_WORDS)
        return;
    int8_t words = (int8_t)-l.settings.link_mode_masks_nwords;
    memset(&l, 0, sizeof l);
    l.settings.cmd = ETHTOOL_GLINKSETTINGS;
    l.settings.link_mode_masks_nwords = words;
    if (ask(fd, f, &l) && l.settings.speed != (uint32_t)SPEED_UNKNOWN)
        f->speed_mbps = l.settings.speed;
}

static void ask_queues(int fd, struct interface_facts *f)
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    if (!ask(fd, f, &c))
        return;
    f->rx_queues = c.rx_count + c.combined_count;
    f->tx_queues = c.tx_count + c.combined_count;
}

static void ask_offload(int fd, struct interface_facts *f)
{
    static const uint32_t questions[INTERFACE_OFFLOAD_COUNT] = {
        [INTERFACE_RX_CHECKSUM] = ETHTOOL_GRXCSUM,
        [INTERFACE_TX_CHECKSUM] = ETHTOOL_GTXCSUM,
        [INTERFACE_SCATTER] = ETHTOOL_GSG,
        [INTERFACE_TSO] = ETHTOOL_GTSO,
        [INTERFACE_GSO] = ETHTOOL_GGSO,
        [INTERFACE_GRO] = ETHTOOL_GGRO,
    };
    f->offload[INTERFACE_USO] = feature_is_on(fd, f->name, FEATURE_USO);
    for (unsigned i = 0; i < INTERFACE_OFFLOAD_COUNT; i++) {
        if (!questions[i])
            continue;
        struct ethtool_value v = {.cmd = questions[i]};
        f->offload[i] = ask(fd, f, &v) && v.data;
    }
}

/* ---- both ---- */

int interface_list_read(const struct allocator *a, struct interface_list *out)
{
    *out = (struct interface_list){.allocator = a};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return ERR_SYSTEM;
    int result = dump(out, fd);
    for (uint32_t i = 0; i < out->count; i++) {
        ask_driver(fd, &out->facts[i]);
        ask_speed(fd, &out->facts[i]);
        ask_queues(fd, &out->facts[i]);
        ask_offload(fd, &out->facts[i]);
    }
    close(fd);
    xdp_offers_read(out);
    if (result < 0)
        interface_list_free(out);
    return result;
}

void interface_list_free(struct interface_list *list)
{
    alloc_free(list->allocator, list->facts, list->capacity * sizeof *list->facts);
    *list = (struct interface_list){.allocator = list->allocator};
}

static int try_socket(int family)
{
    int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

int interface_try_packet_socket(void) { return try_socket(AF_PACKET); }

int interface_try_xdp_socket(void) { return WEIR_XDP ? try_socket(AF_XDP) : EOPNOTSUPP; }

int interface_try_tun_device(void)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}
