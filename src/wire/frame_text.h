/* SPDX-License-Identifier: MIT */
/*
 * A whole Ethernet frame as one line of text, header by header with the print functions of this folder's codecs. For
 * people; it judges nothing, and shows what is present of frames that were cut when captured.
 */
#ifndef WEIR_WIRE_FRAME_TEXT_H
#define WEIR_WIRE_FRAME_TEXT_H

#include "base/compiler.h"

#define WIRE_FRAME_MAX_LABELS 8u

/*
 * captured bytes of a frame are present. With `link`, the line begins with the Ethernet header; VLAN tags are always
 * told. Always terminated; returns the length it would have had.
 */
int wire_frame_print(char *to, size_t size, const uint8_t *frame, size_t captured, bool link);

#endif
