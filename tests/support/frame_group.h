/* SPDX-License-Identifier: MIT */
/*
 * IGMP and MLD frames byte by byte, as frame_make.h has it for others: from PEER_MAC, with the TTL or hop limit and the
 * Router Alert that their RFCs ask for, or without.
 */
#ifndef WEIR_TESTS_SUPPORT_FRAME_GROUP_H
#define WEIR_TESTS_SUPPORT_FRAME_GROUP_H

#include "support/frame_make6.h"
#include "wire/igmp.h"
#include "wire/mld.h"

/* How a frame is made. */
struct group_envelope {
    struct ip_addr source, destination;
    uint8_t ttl;
    bool router_alert;
};
/* As it should be: from a router (192.0.2.254, fe80::fe) to where the message belongs. */
struct group_envelope group_envelope_for(bool v6, const struct wire_group_message *m);
/* Any message behind such headers; its checksum is set. */
uint32_t make_group_bytes(uint8_t *to, const struct group_envelope *e, uint8_t *message, uint32_t length);
/* A message, with m->bytes_length bytes of sources or records. */
uint32_t make_group(uint8_t *to, const struct group_envelope *e, const struct wire_group_message *m);

#endif
