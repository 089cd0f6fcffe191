/* SPDX-License-Identifier: MIT */
/*
 * A million buffers of random and half-random bytes through every codec; the laws of wire_laws.h hold and nothing is
 * read past the end. And the hostile bytes of the captures, each frame cut off at every length.
 */
#include "unit/wire_support.h"

#include "unit/wire_laws.h"

#define CASES 1000000

/* Makes the first bytes those of some header that parses, so that what is behind is looked at. */
static void disguise(struct dice *d, uint8_t *bytes, size_t n)
{
    static const uint8_t firsts[] = {0x45, 0x46, 0x4f, 0x60, 133, 134, 135, 136, 137, 3, 1};
    if (n >= 60 && dice_one_in(d, 2)) {
        bytes[0] = firsts[dice_below(d, sizeof firsts)];
        store_be16(bytes + (bytes[0] == 0x60 ? 4 : 2), (uint16_t)(bytes[0] == 0x60 ? n - 40 : n));
        if (bytes[0] >= 133)
            bytes[1] = 0;
    }
    if (n >= 30 && dice_one_in(d, 4)) {
        bytes[12] = dice_one_in(d, 2) ? 0x81 : (uint8_t)(dice_u8(d) & 0xf0);
        bytes[13] = 0;
    }
}

static void random_bytes_through_every_codec(void **state)
{
    (void)state;
    struct dice d = {23};
    for (int i = 0; i < CASES; i++) {
        uint8_t bytes[160];
        size_t n = dice_below(&d, sizeof bytes + 1);
        for (size_t at = 0; at < n; at += 8) {
            uint64_t word = dice_u64(&d);
            if (dice_one_in(&d, 2)) /* small numbers are more often lengths and kinds */
                word &= 0x0f0f0f0f0f0f0f0f;
            memcpy(bytes + at, &word, n - at < 8 ? n - at : 8);
        }
        disguise(&d, bytes, n);
        law_all(at_end_of_memory(bytes, n), n);
    }
}

static void cut_frame(void *user, const uint8_t *frame, size_t length)
{
    unsigned *frames = user;
    struct wire_eth h = {0};
    int n = wire_eth_parse(frame, length, WIRE_ETH_MAX_TAGS, &h);
    static uint8_t copy[65536];
    if (n < 0 || length > 400)
        return;
    size_t payload = length - (size_t)n;
    memcpy(copy, frame + n, payload);
    for (size_t cut = 0; cut <= payload; cut++)
        law_all(at_end_of_memory(copy, cut), cut);
    ++*frames;
}

static void cut_hostile_captures(void **state)
{
    (void)state;
    static const char *const names[] = {"arp/arp-too-long-tha.pcap",
                                        "icmp/icmp6-nd-short-options.pcap",
                                        "icmp/icmp_ext_oob_poc.pcap",
                                        "ip/covert_send6.pcap",
                                        "ip/decode-too-many-layers.pcap",
                                        "ip/ip-bogus-header-len.pcap",
                                        "ip/ip6_frag_asan.pcap",
                                        "ip/ip_printroute_asan.pcap",
                                        "ip/ip_ts_opts_asan.pcap",
                                        "ip/ipv4-malformed.pcap",
                                        "ip/ipv6_frag6_negative_len.pcap",
                                        "ip/ipv6_options.pcap",
                                        "ip/udp-length-heapoverflow.pcap",
                                        "ip6frag/frag-26.pcap",
                                        "tcp/tcp-auth-heapoverflow.pcap",
                                        "tcp/tcp-malformed.pcap",
                                        "tcp/tcp-opt-invalid-warning.pcap",
                                        "tcp/tcp_header_heapoverflow.pcap",
                                        "tcp/urgent11_cve_2019_12260.pcap"};
    const char *folder = captures_folder_or_skip();
    unsigned frames = 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        capture_read(folder, names[i], cut_frame, &frames);
    assert_true(frames > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_through_every_codec),
        cmocka_unit_test(cut_hostile_captures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
