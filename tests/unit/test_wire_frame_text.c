/* SPDX-License-Identifier: MIT */
/*
 * wire/frame_text: golden lines of frames given byte by byte, and no read past the bytes present however a frame was
 * cut (each prefix lies in a heap block of its own size, for the address sanitizer). The captures of WEIR_PCAPS are
 * printed whole and cut.
 */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/pcap.h"
#include "wire/frame_text.h"

#define ETHERNET                                                                                                       \
    "ffffffffffff"                                                                                                     \
    "020000000001"

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t n = 0;
    unsigned value;
    for (; sscanf(hex, "%2x", &value) == 1; hex += 2)
        bytes[n++] = (uint8_t)value;
    return n;
}

static void shows(const char *hex, size_t captured, bool link, const char *expected)
{
    uint8_t bytes[512];
    char line[512];
    size_t n = from_hex(hex, bytes);
    int length = wire_frame_print(line, sizeof line, bytes, captured ? captured : n, link);
    assert_string_equal(line, expected);
    assert_int_equal(length, strlen(expected));
}

#define SYN                                                                                                            \
    "0800"                                                                                                             \
    "4500002c0001400040060000"                                                                                         \
    "0a0000010a000002"                                                                                                 \
    "03e80050"                                                                                                         \
    "00000001"                                                                                                         \
    "00000000"                                                                                                         \
    "6002ffff"                                                                                                         \
    "00000000"                                                                                                         \
    "020405b4"

static void frames_are_shown_header_by_header(void **state)
{
    (void)state;
    shows(ETHERNET SYN, 0, false,
          "10.0.0.1 > 10.0.0.2 proto 6 ttl 64 len 44 id 1 DF: 1000 > 80 SYN seq 1 win 65535 <mss 1460>");
    shows(ETHERNET SYN, 0, true,
          "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x0800: 10.0.0.1 > 10.0.0.2 proto 6 ttl 64 len 44 id 1 DF: "
          "1000 > 80 SYN seq 1 win 65535 <mss 1460>");
    shows(ETHERNET "81000005" SYN, 0, false,
          "vlan 5: 10.0.0.1 > 10.0.0.2 proto 6 ttl 64 len 44 id 1 DF: 1000 > 80 SYN seq 1 win 65535 <mss 1460>");
    shows(ETHERNET "0806"
                   "0001080006040001"
                   "020000000001"
                   "0a000001"
                   "000000000000"
                   "0a000002",
          0, false, "arp request who has 10.0.0.2 tell 10.0.0.1 (02:00:00:00:00:01 to 00:00:00:00:00:00)");
    shows(ETHERNET "0800"
                   "45000020000000000111"
                   "0000"
                   "0a0000010a000002"
                   "00010002000c0000"
                   "61626364",
          0, false, "10.0.0.1 > 10.0.0.2 proto 17 ttl 1 len 32 id 0: 1 > 2 udp len 12 no checksum");
    shows(ETHERNET "0800"
                   "45000020000000ff0111"
                   "0000"
                   "0a0000010a000002"
                   "00010002000c0000"
                   "61626364",
          0, false, "10.0.0.1 > 10.0.0.2 proto 17 ttl 1 len 32 id 0 offset 2040");
    shows(ETHERNET "8847"
                   "00010140"
                   "4500001c000000000101"
                   "0000"
                   "0a0000010a000002"
                   "0800000000010002",
          0, false,
          "mpls label 16 tc 0 ttl 64 bottom: 10.0.0.1 > 10.0.0.2 proto 1 ttl 1 len 28 id 0: icmp echo request id 1 seq "
          "2");
    shows(ETHERNET "88cc"
                   "0207",
          0, false, "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x88cc: data 2");
}

static void cut_frames_show_what_is_there(void **state)
{
    (void)state;
    shows(ETHERNET SYN, 10, false, "ethernet header malformed or cut to 10 bytes");
    shows(ETHERNET SYN, 15, false, "ip header malformed or cut to 1 byte");
    shows(ETHERNET SYN, 40, false, "10.0.0.1 > 10.0.0.2 proto 6 ttl 64 len 44 id 1 DF: tcp cut to 6 bytes");
    shows(ETHERNET SYN, 54, false, "10.0.0.1 > 10.0.0.2 proto 6 ttl 64 len 44 id 1 DF: 1000 > 80 SYN seq 1 win 65535");
}

static void a_small_buffer_gets_the_beginning_and_the_whole_length(void **state)
{
    (void)state;
    uint8_t bytes[512];
    char whole[512], part[512];
    size_t n = from_hex(ETHERNET SYN, bytes);
    int length = wire_frame_print(whole, sizeof whole, bytes, n, true);
    for (size_t size = 1; size <= (size_t)length + 1; size++) {
        memset(part, '#', sizeof part);
        assert_int_equal(wire_frame_print(part, size, bytes, n, true), length);
        assert_int_equal(strlen(part), size - 1);
        assert_memory_equal(part, whole, size - 1);
        assert_int_equal(part[size], '#');
    }
    assert_int_equal(wire_frame_print(NULL, 0, bytes, n, true), length);
}

/* Each prefix in a block of its size; returns how many lines were made. */
static unsigned print_cut(const struct pcap_record *r)
{
    char line[2048];
    unsigned n = 0;
    size_t whole = r->captured;
    for (size_t length = 0; length <= whole; length += length < 200 || length + 200 > whole ? 1 : 97, n++) {
        uint8_t *block = malloc(length ? length : 1);
        assert_non_null(block);
        memcpy(block, r->bytes, length);
        int printed = wire_frame_print(line, sizeof line, block, length, n & 1);
        assert_true(printed > 0);
        free(block);
    }
    return n;
}

static unsigned print_file(const char *path)
{
    struct pcap_reader *r;
    struct pcap_record record;
    char message[256];
    unsigned n = 0;
    if (pcap_reader_open_any(path, &r, message) != 0)
        return 0;
    while (pcap_reader_records(r) < 40 && pcap_reader_next(r, &record) == 1)
        n += print_cut(&record);
    pcap_reader_close(r);
    return n;
}

static void captures_are_printed_whole_and_cut(void **state)
{
    (void)state;
    const char *root = getenv("WEIR_PCAPS") ? getenv("WEIR_PCAPS") : "../shared/pcaps";
    unsigned lines = 0;
    DIR *folders = opendir(root);
    if (!folders) {
        print_message("no captures: %s is absent (WEIR_PCAPS names their folder)\n", root);
        skip();
    }
    for (struct dirent *folder; (folder = readdir(folders)) != NULL;) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", root, folder->d_name);
        DIR *files = folder->d_name[0] == '.' ? NULL : opendir(path);
        if (!files)
            continue;
        for (struct dirent *file; (file = readdir(files)) != NULL;) {
            snprintf(path, sizeof path, "%s/%s/%s", root, folder->d_name, file->d_name);
            lines += file->d_name[0] == '.' ? 0 : print_file(path);
        }
        closedir(files);
    }
    closedir(folders);
    print_message("%u lines\n", lines);
    assert_true(lines > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_shown_header_by_header),
        cmocka_unit_test(cut_frames_show_what_is_there),
        cmocka_unit_test(a_small_buffer_gets_the_beginning_and_the_whole_length),
        cmocka_unit_test(captures_are_printed_whole_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
