/* SPDX-License-Identifier: MIT */
/*
 * Settings of a run: the words of --so_flags, and sysctls as the scripts' stand-ins set them. A personality gives what RFCs leave open: `weir` is ours,
 * `linux` and `bsd` what scripts written for these insist on.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"
#include "wire/ip_text.h"

/* ---- numbers by name ---- */

enum knob_kind { KNOB_BOOL, KNOB_U8, KNOB_U16, KNOB_U32, KNOB_S, KNOB_MS };

struct knob {
    const char *name; /* a sysctl of net.ipv4 without that, or a word of ours */
    enum knob_kind kind;
    size_t at; /* in struct adapter_settings */
};

#define OF_TCP(member) offsetof(struct adapter_settings, tcp.member)
/* clang-format off */
static const struct knob knobs[] = {
    {"mtu", KNOB_U32, offsetof(struct adapter_settings, mtu)},
    {"receive_buffer", KNOB_U32, offsetof(struct adapter_settings, receive_buffer)},
    {"send_buffer", KNOB_U32, offsetof(struct adapter_settings, send_buffer)},
    {"somaxconn", KNOB_U32, offsetof(struct adapter_settings, backlog)},
    {"tcp_timestamps", KNOB_BOOL, OF_TCP(timestamps)},
    {"tcp_window_scaling", KNOB_BOOL, OF_TCP(window_scaling)},
    {"tcp_sack", KNOB_BOOL, OF_TCP(sack)},
    {"tcp_early_retrans", KNOB_BOOL, OF_TCP(tlp)},
    {"tcp_frto", KNOB_BOOL, OF_TCP(f_rto)},
    {"tcp_recovery", KNOB_BOOL, OF_TCP(rack)},
    {"tcp_syn_retries", KNOB_U32, OF_TCP(syn_retries)},
    {"tcp_synack_retries", KNOB_U32, OF_TCP(syn_ack_retries)},
    {"tcp_retries2", KNOB_U32, OF_TCP(data_retries)},
    {"tcp_keepalive_intvl", KNOB_S, OF_TCP(keepalive_interval_ns)},
    {"tcp_keepalive_probes", KNOB_U32, OF_TCP(keepalive_probes)},
    {"tcp_fin_timeout", KNOB_S, OF_TCP(fin_wait_2_ns)},
    {"tcp_slow_start_after_idle", KNOB_BOOL, OF_TCP(restart_after_idle)},
    {"initial_window", KNOB_U32, OF_TCP(initial_window)},
    {"delayed_ack_ms", KNOB_MS, OF_TCP(delayed_ack_ns)},
    {"ack_push", KNOB_BOOL, OF_TCP(ack_push)},
    {"rto_initial_ms", KNOB_MS, OF_TCP(rto_initial_ns)},
    {"rto_min_ms", KNOB_MS, OF_TCP(rto_min_ns)},
    {"pacing", KNOB_BOOL, OF_TCP(pacing)},
};
/* clang-format on */

static const struct knob *knob_named(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(knobs); i++)
        if (strcmp(knobs[i].name, name) == 0)
            return &knobs[i];
    return NULL;
}

static void put(void *to, enum knob_kind kind, uint64_t n)
{
    switch (kind) {
    case KNOB_BOOL:
        *(bool *)to = n != 0;
        break;
    case KNOB_U8:
        *(uint8_t *)to = (uint8_t)n;
        break;
    case KNOB_U16:
        *(uint16_t *)to = (uint16_t)n;
        break;
    case KNOB_U32:
        *(uint32_t *)to = (uint32_t)n;
        break;
    case KNOB_S:
        *(int64_t *)to = (int64_t)n * NS_PER_S;
        break;
    case KNOB_MS:
        *(int64_t *)to = (int64_t)n * NS_PER_MS;
        break;
    }
}

static uint64_t get(const void *from, enum knob_kind kind)
{
    switch (kind) {
    case KNOB_BOOL:
        return *(const bool *)from;
    case KNOB_U8:
        return *(const uint8_t *)from;
    case KNOB_U16:
        return *(const uint16_t *)from;
    case KNOB_U32:
        return *(const uint32_t *)from;
    case KNOB_S:
        return (uint64_t)(*(const int64_t *)from / NS_PER_S);
    case KNOB_MS:
        break;
    }
    return (uint64_t)(*(const int64_t *)from / NS_PER_MS);
}

static bool number(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 0);
    return end != text && *end == '\0' && *out <= UINT32_MAX;
}

static int set_knob(struct adapter_settings *s, const struct knob *k, const char *value)
{
    uint64_t n;
    if (!number(value, &n))
        return ERR_INVALID;
    put((char *)s + k->at, k->kind, n);
    return 0;
}

/* ---- sysctls that are no single number, or mean nothing here ---- */

/* "least default most" */
static int set_triple(struct adapter_settings *s, const char *value, bool receive)
{
    unsigned long least, middle, most;
    if (sscanf(value, "%lu %lu %lu", &least, &middle, &most) != 3 || middle > UINT32_MAX)
        return ERR_INVALID;
    *(receive ? &s->receive_buffer : &s->send_buffer) = (uint32_t)middle;
    if (!receive)
        return 0;
    s->tcp.window_scale = 0; /* Linux offers the scale of the largest buffer there might be */
    while (s->tcp.window_scale < 14 && most >> s->tcp.window_scale > 65535)
        s->tcp.window_scale++;
    return 0;
}

static int set_ecn(struct adapter_settings *s, const char *value)
{
    static const enum tcp_ecn modes[] = {TCP_ECN_OFF, TCP_ECN_ON, TCP_ECN_PASSIVE};
    uint64_t n;
    if (!number(value, &n) || n >= ARRAY_SIZE(modes))
        return ERR_INVALID;
    s->tcp.ecn = modes[n];
    return 0;
}

static int set_congestion(struct adapter_settings *s, const char *value)
{
    bool cubic = strcmp(value, "cubic") == 0;
    if (!cubic && strcmp(value, "reno") != 0)
        return ERR_INVALID;
    s->tcp.congestion = cubic ? TCP_CUBIC : TCP_NEWRENO;
    return 0;
}

static int set_mtu_probing(struct adapter_settings *s, const char *value)
{
    uint64_t n;
    if (!number(value, &n) || n >= TCP_MTU_PROBING_COUNT)
        return ERR_INVALID;
    s->tcp.mtu_probing = (enum tcp_mtu_probing)n;
    return 0;
}

/* These say how segments are put together in large frames, or have no part in what leaves; any value will do. */
static const char *const without_effect[] = {
    "tcp_tso_win_divisor", "tcp_min_tso_segs", "tcp_pacing_ss_ratio", "tcp_pacing_ca_ratio",
    "tcp_ecn_option",      "tcp_fastopen",     "tcp_fastopen_key",    "tcp_fastopen_blackhole_timeout_sec"};
/* And these we know by one value only. */
static const struct {
    const char *name, *value;
} fixed[] = {{"tcp_dsack", "1"},
             {"tcp_fack", "0"},
             {"tcp_reordering", "3"},
             {"tcp_syncookies", "1"},
             {"tcp_notsent_lowat", "4294967295"}};

static int check_others(const char *name, const char *value)
{
    for (unsigned i = 0; i < ARRAY_SIZE(without_effect); i++)
        if (strcmp(without_effect[i], name) == 0)
            return 0;
    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
        if (strcmp(fixed[i].name, name) == 0)
            return strcmp(fixed[i].value, value) == 0 ? 0 : ERR_INVALID;
    return ERR_NOT_FOUND;
}

static const char *base_name(const char *name)
{
    static const char *const prefixes[] = {"net.ipv4.", "net.core."};
    for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return name;
}

int settings_sysctl(struct adapter_settings *s, const char *name, const char *value)
{
    name = base_name(name);
    const struct knob *k = knob_named(name);
    if (k)
        return set_knob(s, k, value);
    if (strcmp(name, "tcp_rmem") == 0 || strcmp(name, "tcp_wmem") == 0)
        return set_triple(s, value, name[4] == 'r');
    if (strcmp(name, "tcp_ecn") == 0)
        return set_ecn(s, value);
    if (strcmp(name, "tcp_congestion_control") == 0)
        return set_congestion(s, value);
    if (strcmp(name, "tcp_mtu_probing") == 0)
        return set_mtu_probing(s, value);
    return check_others(name, value);
}

int settings_sysctl_get(const struct adapter_settings *s, const char *name, char *value, size_t bytes)
{
    const struct knob *k = knob_named(base_name(name));
    if (!k)
        return ERR_NOT_FOUND;
    snprintf(value, bytes, "%llu", (unsigned long long)get((const char *)s + k->at, k->kind));
    return 0;
}

/* ---- personalities ---- */

static void be_linux(struct adapter_settings *s)
{
    s->tcp.rto_min_of_variance = true;
    s->tcp.push = TCP_PUSH_PAIRS;
    s->tcp.slow_start_segments = 65535;
    s->tcp.grow_by_delivered = true;
    s->tcp.probe_min_ns = 2 * NS_PER_MS;
    s->tcp.quick_ack_bytes = 16 * 1460;
    s->tcp.nagle = true;
    s->tcp.window_scale = 7;
}

/* FreeBSD: a window of 65535 to begin with, a minimum RTO of 230 ms with its slop, one delayed ACK of 40 ms. */
static void be_bsd(struct adapter_settings *s)
{
    s->tcp.rto_min_ns = 230 * NS_PER_MS;
    s->tcp.nagle = true;
    s->tcp.window_scale = 6;
    s->tcp.wscale_first = true;
    s->receive_buffer = 65536;
    s->send_buffer = 32768;
}

static bool set_personality(struct adapter_settings *s, const char *name)
{
    if (strcmp(name, "linux") == 0)
        be_linux(s);
    else if (strcmp(name, "bsd") == 0)
        be_bsd(s);
    else
        return strcmp(name, "weir") == 0;
    return true;
}

/* ---- the words ---- */

static void set_defaults(struct adapter_settings *s)
{
    struct socket_settings sockets;
    socket_settings_default(&sockets);
    *s = (struct adapter_settings){.mtu = 1500, .local = ip_addr_from_v4(0xc0a80001), .tcp = sockets.tcp};
    s->receive_buffer = sockets.receive_buffer;
    s->send_buffer = sockets.send_buffer;
    s->backlog = sockets.max_backlog;
}

static bool set_word(struct adapter_settings *s, const char *name, const char *value)
{
    struct ip_addr remote;
    if (strcmp(name, "local_ip") == 0)
        return ip_addr_parse(value, strlen(value), &s->local) == 0 && ip_addr_is_v4(&s->local);
    if (strcmp(name, "remote_ip") == 0) /* whatever is not ours is behind the router */
        return ip_addr_parse(value, strlen(value), &remote) == 0 && ip_addr_is_v4(&remote);
    if (strcmp(name, "personality") == 0)
        return set_personality(s, value);
    return settings_sysctl(s, name, value) == 0;
}

bool settings_parse(struct adapter_settings *s, const char *flags, char message[256])
{
    char text[1024], *rest = text, *word;
    set_defaults(s);
    snprintf(text, sizeof text, "%s", flags ? flags : "");
    while ((word = strtok_r(rest, " ,", &rest)) != NULL) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (value && set_word(s, word, value))
            continue;
        snprintf(message, 256,
                 "so_flags: found \"%.60s%s%.60s\", allowed are local_ip=A remote_ip=A (IPv4) mtu=N "
                 "personality=weir|linux|bsd and the knobs of README.md",
                 word, value ? "=" : "", value ? value : "");
        return false;
    }
    if (s->mtu >= 576 && s->mtu <= 65535)
        return true;
    snprintf(message, 256, "so_flags: mtu: found %u, allowed 576 to 65535", s->mtu);
    return false;
}
