/* SPDX-License-Identifier: MIT */
/*
 * The classic capture file format on disk (draft-ietf-opsawg-pcap), for its reader and its writer.
 *
 *     file header:   magic, version major and minor (16 bits each), two reserved words, snap length, link type
 *     record header: seconds, fraction, captured length, original length; then the captured bytes
 *
 * The link type's upper bits: length of the FCS in 16-bit words (4 bits), a reserved bit, whether that length is valid.
 */
#ifndef WEIR_LINK_PCAP_FORMAT_H
#define WEIR_LINK_PCAP_FORMAT_H

#define PCAP_FILE_HEADER_BYTES 24u
#define PCAP_RECORD_HEADER_BYTES 16u
#define PCAP_MAGIC_US 0xa1b2c3d4u
#define PCAP_MAGIC_NS 0xa1b23c4du
#define PCAP_VERSION_MAJOR 2u
#define PCAP_VERSION_MINOR 4u
#define PCAP_LINK_TYPE_MASK 0xffffu
#define PCAP_LINK_FCS_PRESENT 0x04000000u
#define PCAP_LINK_FCS_SHIFT 28

#endif
