/* SPDX-License-Identifier: MIT */
/*
 * Telling a checksum that its sender left to a network card, and that no card filled in, from one that is wrong: TCP's
 * and UDP's field then holds the sum of the pseudo-header (CHECKSUM_PARTIAL of Linux). That is so of what a sender on
 * this machine puts on a veth pair, when it is looked at on the XDP hook.
 */
#ifndef WEIR_LINK_UNFILLED_H
#define WEIR_LINK_UNFILLED_H

#include "packet/packet.h"

/* The field holds the pseudo-header's sum, and that is not the checksum. False of what is no TCP or UDP, or not whole. */
bool checksum_is_unfilled(const struct packet *p);

#endif
