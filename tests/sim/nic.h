/* SPDX-License-Identifier: MIT */
/*
 * What a network card with TSO does, as a link over a link: takes GSO packets, frags and partial checksums, and puts
 * plain segments with complete checksums on the link below, which sees the same frames as without it. Received frames
 * pass as they are.
 */
#ifndef WEIR_TESTS_SIM_NIC_H
#define WEIR_TESTS_SIM_NIC_H

#include "packet/link.h"

/* gso_max: bytes of IP packet that it takes at once. Takes over lower. */
struct link *nic_new(struct link *lower, uint32_t gso_max);
/* GSO packets it was given. */
uint64_t nic_large_frames(const struct link *link);
/* Of these, such with their payload in frags. */
uint64_t nic_scattered_frames(const struct link *link);

#endif
