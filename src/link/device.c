/* SPDX-License-Identifier: MIT */
/*
 * See device.h.
 */
#include "link/device.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "link/netns.h"

/* One question about the interface; r keeps its name. */
static int ask(int fd, unsigned long question, const char *needs, struct ifreq *r, const char *what, char message[256])
{
    if (ioctl(fd, question, r) == 0)
        return 0;
    return netns_refuse(message, errno == ENODEV ? ERR_NOT_FOUND : ERR_SYSTEM, what, r->ifr_name, needs);
}

/* Its index and hardware, the latter in r. */
static int find(int fd, const char *name, const char *needs, struct ifreq *r, int *index, char message[256])
{
    *r = (struct ifreq){0};
    if (strlen(name) >= sizeof r->ifr_name) {
        snprintf(message, 256, "interface %.100s: the name has %zu characters, at most %zu are allowed", name,
                 strlen(name), sizeof r->ifr_name - 1);
        return ERR_NOT_FOUND;
    }
    memcpy(r->ifr_name, name, strlen(name));
    int e = ask(fd, SIOCGIFINDEX, needs, r, "interface", message);
    *index = r->ifr_ifindex;
    if (e || (e = ask(fd, SIOCGIFHWADDR, needs, r, "MAC address of", message)) != 0)
        return e;
    uint16_t type = r->ifr_hwaddr.sa_family;
    if (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK)
        return 0;
    snprintf(message, 256, "interface %s has hardware type %u; only Ethernet (%u) is supported", r->ifr_name, type,
             ARPHRD_ETHER);
    return ERR_UNSUPPORTED;
}

int device_find(int fd, const char *name, const char *needs, int *index, bool *loopback, char message[256])
{
    struct ifreq r;
    int e = find(fd, name, needs, &r, index, message);
    *loopback = r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
    return e;
}

int device_describe(int fd, const char *name, const char *needs, struct link *l, int *index, char message[256])
{
    struct ifreq r;
    int e = find(fd, name, needs, &r, index, message);
    if (!e)
        memcpy(l->mac, r.ifr_hwaddr.sa_data, sizeof l->mac);
    if (!e && !(e = ask(fd, SIOCGIFMTU, needs, &r, "MTU of", message)))
        l->mtu = (uint32_t)r.ifr_mtu;
    if (!e && !(e = ask(fd, SIOCGIFFLAGS, needs, &r, "flags of", message)) && !(r.ifr_flags & IFF_UP)) {
        snprintf(message, 256, "interface %s is down; set it up first: ip link set %s up", r.ifr_name, r.ifr_name);
        return ERR_SYSTEM;
    }
    return e;
}

uint32_t device_rx_queues(int fd, const char *name)
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq r = {.ifr_data = (char *)&c};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%.*s", IFNAMSIZ - 1, name);
    return ioctl(fd, SIOCETHTOOL, &r) == 0 ? max_u32(c.rx_count + c.combined_count, 1) : 1;
}
