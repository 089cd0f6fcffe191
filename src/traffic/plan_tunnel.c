/* SPDX-License-Identifier: MIT */
/*
 * See plan_tunnel.h.
 */
#include "traffic/plan_tunnel.h"

#include <stdio.h>
#include <string.h>

#include "config/address.h"

#define KINDS "ipip, gre, gretap, vxlan"
#define MAX_VNI 0xffffffu
#define OVER "over="

#define IPIP (1u << PLAN_TUNNEL_IPIP)
#define GRE (1u << PLAN_TUNNEL_GRE | 1u << PLAN_TUNNEL_GRETAP)
#define VXLAN (1u << PLAN_TUNNEL_VXLAN)
#define ALL (IPIP | GRE | VXLAN)

struct reading {
    struct plan_tunnel *to;
    const char *value;
    size_t length;
};

/* ---- values ---- */

static bool read_number(const struct reading *r, uint64_t least, uint64_t most, uint32_t *to)
{
    uint64_t value = 0;
    if (r->length == 0 || r->length > 10)
        return false;
    for (size_t i = 0; i < r->length; i++) {
        if (r->value[i] < '0' || r->value[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(r->value[i] - '0');
    }
    *to = (uint32_t)value;
    return value >= least && value <= most;
}

static bool read_local(struct reading *r)
{
    size_t length;
    struct plan_tunnel *t = r->to;
    char text[64];
    if (r->length >= sizeof text)
        return false;
    memcpy(text, r->value, r->length);
    text[r->length] = '\0';
    t->has_local = config_address_split(text, 128, &length, &t->prefix_length) &&
                   config_address_any(text, length, t->local.bytes) && t->prefix_length > 0 &&
                   t->prefix_length <= ip_addr_bits(&t->local);
    return t->has_local;
}

static bool read_remote(struct reading *r)
{
    struct plan_tunnel *t = r->to;
    if (t->n_remotes == PLAN_TUNNEL_REMOTES || !config_address_any(r->value, r->length, t->remotes[t->n_remotes].bytes))
        return false;
    return !ip_addr_is_unspecified(&t->remotes[t->n_remotes++]);
}

static bool read_gateway(struct reading *r) { return config_address_any(r->value, r->length, r->to->gateway.bytes); }
static bool read_key(struct reading *r) { return r->to->has_key = read_number(r, 0, UINT32_MAX, &r->to->key); }
static bool read_vni(struct reading *r) { return r->to->has_vni = read_number(r, 0, MAX_VNI, &r->to->vni); }
static bool read_ttl(struct reading *r) { return read_number(r, 1, 255, &r->to->ttl); }
static bool read_dscp(struct reading *r) { return read_number(r, 0, 63, &r->to->dscp); }
static bool read_port(struct reading *r) { return read_number(r, 1, 65535, &r->to->udp_port); }
static bool read_age(struct reading *r) { return read_number(r, 1, 1000000, &r->to->age_s); }

static bool read_vnis(struct reading *r)
{
    const char *dash = memchr(r->value, '-', r->length);
    if (!dash)
        return false;
    struct reading first = {.value = r->value, .length = (size_t)(dash - r->value)};
    struct reading last = {.value = dash + 1, .length = r->length - first.length - 1};
    return read_number(&first, 1, MAX_VNI, &r->to->first_vni) && read_number(&last, 1, MAX_VNI, &r->to->last_vni) &&
           r->to->first_vni <= r->to->last_vni && r->to->last_vni - r->to->first_vni < PLAN_TUNNEL_VNIS;
}

#define SWITCH(name)                                                                                                   \
    static bool read_##name(struct reading *r) { return (r->to->name = r->value == NULL); }
SWITCH(checksum)
SWITCH(sequence)
SWITCH(fragment)
SWITCH(accept_unknown)
SWITCH(no_learn)
SWITCH(udp_checksum)
SWITCH(zero_checksum6)
#undef SWITCH

/* ---- keys ---- */

static const struct {
    const char *name;
    unsigned kinds;
    bool (*read)(struct reading *r);
    const char *allowed;
} keys[] = {
    {"local", ALL, read_local, "an address with the length of its subnet, such as 198.18.0.1/24"},
    {"remote", ALL, read_remote, "an address such as 198.18.0.2, at most 16 of them"},
    {"gateway", ALL, read_gateway, "an address such as 198.18.0.254"},
    {"ttl", ALL, read_ttl, "1 to 255"},
    {"dscp", ALL, read_dscp, "0 to 63"},
    {"fragment", ALL, read_fragment, "no value"},
    {"key", GRE, read_key, "0 to 4294967295"},
    {"checksum", GRE, read_checksum, "no value"},
    {"sequence", GRE, read_sequence, "no value"},
    {"vni", VXLAN, read_vni, "0 to 16777215"},
    {"vnis", VXLAN, read_vnis, "FIRST-LAST, at most 65536 of 1 to 16777215"},
    {"port", VXLAN, read_port, "1 to 65535"},
    {"age", VXLAN, read_age, "seconds, 1 to 1000000"},
    {"accept-unknown", VXLAN, read_accept_unknown, "no value"},
    {"no-learning", VXLAN, read_no_learn, "no value"},
    {"udp-checksum", VXLAN, read_udp_checksum, "no value"},
    {"zero-checksum6", VXLAN, read_zero_checksum6, "no value"},
};

static bool is_named(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

static bool refuse_key(const struct plan_tunnel *t, const char *text, size_t length, char message[256])
{
    int n = snprintf(message, 256, "tunnel: found \"%.*s\", allowed", (int)min_u64(length, 40), text);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].kinds & 1u << t->kind)
            n += snprintf(message + n, 256 - (size_t)n, " %s", keys[i].name);
    return false;
}

/* "key" or "key=value". */
static bool read_pair(struct plan_tunnel *t, const char *text, size_t length, char message[256])
{
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : length;
    struct reading r = {.to = t, .value = equals ? equals + 1 : NULL, .length = equals ? length - name - 1 : 0};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!is_named(keys[i].name, text, name) || !(keys[i].kinds & 1u << t->kind))
            continue;
        if (keys[i].read(&r))
            return true;
        snprintf(message, 256, "tunnel: %s: found \"%.*s\", allowed %s", keys[i].name, (int)min_u64(r.length, 60),
                 r.value ? r.value : "", keys[i].allowed);
        return false;
    }
    return refuse_key(t, text, length, message);
}

static bool read_kind(struct plan_tunnel *t, const char *text, size_t length)
{
    static const char *const kinds[] = {"ipip", "gre", "gretap", "vxlan"};
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (is_named(kinds[i], text, length)) {
            t->kind = (enum plan_tunnel_kind)i;
            return true;
        }
    return false;
}

/* ---- what must be there ---- */

static bool check_ends(const struct plan_tunnel *t, char message[256])
{
    bool vxlan = t->kind == PLAN_TUNNEL_VXLAN;
    for (uint32_t i = 0; i < t->n_remotes; i++)
        if (ip_addr_is_v4(&t->remotes[i]) != ip_addr_is_v4(&t->local)) {
            snprintf(message, 256, "tunnel: remote: found another family than local has, allowed the same");
            return false;
        }
    if (!ip_addr_is_unspecified(&t->gateway) && ip_addr_is_v4(&t->gateway) != ip_addr_is_v4(&t->local)) {
        snprintf(message, 256, "tunnel: gateway: found another family than local has, allowed the same");
        return false;
    }
    if (!vxlan && t->n_remotes > 1) {
        snprintf(message, 256, "tunnel: remote: found %u, allowed one; several only of vxlan", t->n_remotes);
        return false;
    }
    return true;
}

static bool check(const struct plan_tunnel *t, char message[256])
{
    const char *missing = !t->has_local                                                      ? "local"
                          : t->n_remotes == 0                                                ? "remote"
                          : t->kind == PLAN_TUNNEL_VXLAN && !t->has_vni && t->first_vni == 0 ? "vni"
                                                                                             : NULL;
    if (missing)
        snprintf(message, 256, "tunnel: %s is missing", missing);
    return !missing && check_ends(t, message);
}

bool plan_tunnel_read(const char *text, struct plan_tunnel *to, char message[256])
{
    *to = (struct plan_tunnel){.kind = PLAN_TUNNEL_IPIP};
    size_t length = strcspn(text, ",");
    if (!read_kind(to, text, length)) {
        snprintf(message, 256, "tunnel: found \"%.*s\", allowed %s", (int)min_u64(length, 60), text, KINDS);
        return false;
    }
    for (text += length; *text == ','; text += length) {
        text++;
        if (strncmp(text, OVER, strlen(OVER)) == 0) {
            to->over = text + strlen(OVER);
            return check(to, message);
        }
        length = strcspn(text, ",");
        if (!read_pair(to, text, length, message))
            return false;
    }
    snprintf(message, 256, "tunnel: over is missing: the location below, such as over=packet:eth1, at the end");
    return false;
}

uint32_t plan_tunnel_overhead(const struct plan_tunnel *t)
{
    uint32_t ip = ip_addr_is_v4(&t->local) ? 20 : 40;
    uint32_t gre = 4u + 4u * ((uint32_t)t->has_key + (uint32_t)t->checksum + (uint32_t)t->sequence);
    switch (t->kind) {
    case PLAN_TUNNEL_IPIP:
        return ip;
    case PLAN_TUNNEL_GRE:
        return ip + gre;
    case PLAN_TUNNEL_GRETAP:
        return ip + gre + 14;
    case PLAN_TUNNEL_VXLAN:
        break;
    }
    return ip + 8 + 8 + 14;
}
