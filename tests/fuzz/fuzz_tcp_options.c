/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: TCP options. Both parsing paths agree, NOPs in front change nothing, what was parsed is built and parses
 * to the same (tests/unit/wire_laws.h); and a second reading of the options, written from RFC 9293 3.2 and Linux's
 * rules, gives the same.
 */
#include "unit/wire_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The first option of a kind with one of its right sizes among the well-formed ones, or NULL. */
static const uint8_t *find(const uint8_t *bytes, size_t length, uint8_t kind, bool (*right_size)(unsigned))
{
    size_t at = 0;
    while (at < length) {
        uint8_t found = bytes[at];
        if (found == TCP_KIND_END)
            return NULL;
        if (found == TCP_KIND_NOP) {
            at += 1;
            continue;
        }
        if (at + 1 == length || bytes[at + 1] < 2 || at + bytes[at + 1] > length)
            return NULL;
        if (found == kind && right_size(bytes[at + 1]))
            return bytes + at;
        at += bytes[at + 1];
    }
    return NULL;
}

static bool is_2(unsigned size) { return size == 2; }
static bool is_3(unsigned size) { return size == 3; }
static bool is_4(unsigned size) { return size == 4; }
static bool is_10(unsigned size) { return size == 10; }
static bool is_sack(unsigned size) { return size == 10 || size == 18 || size == 26 || size == 34; }
static bool is_cookie(unsigned size) { return size == 2 || (size >= 6 && size <= 18 && size % 2 == 0); }

static void agree(const uint8_t *found, bool present) { assert((found != NULL) == present); }

static void second_reading(const uint8_t *bytes, size_t length, const struct wire_tcp_options *o)
{
    const uint8_t *mss = find(bytes, length, TCP_KIND_MSS, is_4);
    const uint8_t *wscale = find(bytes, length, TCP_KIND_WSCALE, is_3);
    const uint8_t *timestamps = find(bytes, length, TCP_KIND_TIMESTAMPS, is_10);
    const uint8_t *sack = find(bytes, length, TCP_KIND_SACK, is_sack);
    const uint8_t *cookie = find(bytes, length, TCP_KIND_FAST_OPEN, is_cookie);
    agree(find(bytes, length, TCP_KIND_SACK_PERMITTED, is_2), (o->present & TCP_OPT_SACK_PERMITTED) != 0);
    agree(mss, (o->present & TCP_OPT_MSS) != 0);
    agree(wscale, (o->present & TCP_OPT_WSCALE) != 0);
    agree(timestamps, (o->present & TCP_OPT_TIMESTAMPS) != 0);
    agree(sack, (o->present & TCP_OPT_SACK) != 0);
    agree(cookie, (o->present & TCP_OPT_FAST_OPEN) != 0);
    assert(mss == NULL || o->mss == (mss[2] << 8 | mss[3]));
    assert(wscale == NULL || o->wscale == wscale[2]);
    assert(timestamps == NULL || o->ts_val == load_be32(timestamps + 2));
    assert(timestamps == NULL || o->ts_ecr == load_be32(timestamps + 6));
    assert(sack == NULL || o->sack_count == (sack[1] - 2) / 8);
    assert(cookie == NULL || (o->fast_open == cookie + 2 && o->fast_open_len == cookie[1] - 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct wire_tcp_options o;
    law_tcp_options(bytes, length);
    wire_tcp_options_parse(bytes, length, &o);
    second_reading(bytes, length, &o);
    return 0;
}
