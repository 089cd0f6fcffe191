/* SPDX-License-Identifier: MIT */
/*
 * The pcapng format on disk (draft-ietf-opsawg-pcapng), for its reader and its writer.
 *
 *     a block:   type, total length, body padded to 4 bytes, total length once more (32 bits each)
 *     an option: code, length (16 bits each), value padded to 4 bytes; code 0 ends the list
 *
 * A section begins with its header block, which tells the byte order; interfaces are numbered from 0 in the order of
 * their blocks in a section.
 */
#ifndef WEIR_LINK_PCAPNG_FORMAT_H
#define WEIR_LINK_PCAPNG_FORMAT_H

#define PCAPNG_BLOCK_SECTION 0x0a0d0d0au /* the same in either byte order */
#define PCAPNG_BLOCK_INTERFACE 1u
#define PCAPNG_BLOCK_PACKET 2u /* obsolete, still read */
#define PCAPNG_BLOCK_SIMPLE 3u
#define PCAPNG_BLOCK_STATISTICS 5u
#define PCAPNG_BLOCK_ENHANCED 6u

#define PCAPNG_BYTE_ORDER 0x1a2b3c4du
#define PCAPNG_VERSION_MAJOR 1u
#define PCAPNG_BLOCK_OVERHEAD 12u /* type and both lengths */
#define PCAPNG_SECTION_BYTES 16u  /* fixed parts of bodies */
#define PCAPNG_INTERFACE_BYTES 8u
#define PCAPNG_PACKET_BYTES 20u
#define PCAPNG_SIMPLE_BYTES 4u
#define PCAPNG_STATISTICS_BYTES 12u
#define PCAPNG_MAX_INTERFACES 1024u /* a section's that are read */

enum pcapng_option {
    PCAPNG_OPTION_END = 0,
    PCAPNG_OPTION_COMMENT = 1,
    PCAPNG_SECTION_HARDWARE = 2,
    PCAPNG_SECTION_OS = 3,
    PCAPNG_SECTION_APPLICATION = 4,
    PCAPNG_INTERFACE_NAME = 2,
    PCAPNG_INTERFACE_RESOLUTION = 9, /* 1 byte: negative power of 10, or with the high bit of 2; default 6 */
    PCAPNG_INTERFACE_FILTER = 11,    /* 1 byte 0, then the expression */
    PCAPNG_INTERFACE_OS = 12,
    PCAPNG_INTERFACE_FCS = 13,
    PCAPNG_INTERFACE_OFFSET = 14, /* 8 bytes, signed: seconds to add */
    PCAPNG_PACKET_FLAGS = 2,      /* bits 0 and 1: 1 inbound, 2 outbound */
    PCAPNG_STATISTICS_START = 2,
    PCAPNG_STATISTICS_END = 3,
    PCAPNG_STATISTICS_RECEIVED = 4,
    PCAPNG_STATISTICS_DROPPED = 5,
    PCAPNG_STATISTICS_ACCEPTED = 6,
    PCAPNG_STATISTICS_OS_DROPPED = 7,
    PCAPNG_STATISTICS_DELIVERED = 8,
};

#endif
