/* SPDX-License-Identifier: MIT */
/*
 * Three of ethtool's questions: how many features there are, their names, and the bits of those that are on.
 */
#include "link/features.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define MAX_FEATURES 256u
#define WORD_BITS 32u

struct question {
    int fd;
    const char *interface;
};

static bool ask(const struct question *q, void *command)
{
    struct ifreq r = {.ifr_data = command};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%.*s", IFNAMSIZ - 1, q->interface);
    return ioctl(q->fd, SIOCETHTOOL, &r) == 0;
}

static uint32_t count_features(const struct question *q)
{
    union {
        struct ethtool_sset_info info;
        uint32_t room[sizeof(struct ethtool_sset_info) / 4 + 1];
    } c = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES}};
    return ask(q, &c) && c.info.sset_mask ? c.info.data[0] : 0;
}

/* Which of the n features has this name; n: none. */
static uint32_t number_of(const struct question *q, const char *feature, uint32_t n)
{
    union {
        struct ethtool_gstrings names;
        uint8_t room[sizeof(struct ethtool_gstrings) + MAX_FEATURES * ETH_GSTRING_LEN];
    } s = {.names = {.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = n}};
    if (!ask(q, &s))
        return n;
    uint32_t i = 0;
    while (i < n && strncmp((const char *)s.names.data + (size_t)i * ETH_GSTRING_LEN, feature, ETH_GSTRING_LEN) != 0)
        i++;
    return i;
}

static bool is_active(const struct question *q, uint32_t i)
{
    struct ethtool_get_features_block block;
    union {
        struct ethtool_gfeatures features;
        uint8_t room[sizeof(struct ethtool_gfeatures) + MAX_FEATURES / WORD_BITS * sizeof block];
    } f = {.features = {.cmd = ETHTOOL_GFEATURES, .size = MAX_FEATURES / WORD_BITS}};
    if (!ask(q, &f))
        return false;
    memcpy(&block, f.room + sizeof f.features + i / WORD_BITS * sizeof block, sizeof block);
    return block.active >> i % WORD_BITS & 1;
}

bool feature_is_on(int fd, const char *interface, const char *feature)
{
    const struct question q = {.fd = fd, .interface = interface};
    uint32_t n = count_features(&q);
    if (n == 0 || n > MAX_FEATURES)
        return false;
    uint32_t i = number_of(&q, feature, n);
    return i < n && is_active(&q, i);
}
