/* SPDX-License-Identifier: MIT */
/*
 * VLAN tags and MPLS labels of a host as text, outermost first, divided by commas. No state.
 *
 *     tag     ID[/PRIORITY][@TPID]    42    100/3,42    100@8100,42
 *     label   LABEL[/TC][@TTL]        100   100,2000/5  16@64
 *
 * ID is 1 to 4094, PRIORITY and TC are 0 to 7, TPID is 8100 or 88a8 (8100 when it is not said, but 88a8 of the outer one of
 * two: QinQ), LABEL 16 to 1048575, TTL 1 to 255.
 */
#ifndef WEIR_STACK_HOST_TEXT_H
#define WEIR_STACK_HOST_TEXT_H

#include "stack/stack.h"

#define HOST_VLANS_TEXT 32u  /* "4094/7@88a8,4094/7@88a8" */
#define HOST_LABELS_TEXT 64u /* four times "1048575/7@255," */
/* For messages: what is allowed. */
#define HOST_VLANS_ALLOWED "a tag of 1 to 4094, or two such as 100,42, each with its priority as in 42/3"
#define HOST_LABELS_ALLOWED "up to four labels of 16 to 1048575 such as 100,200, each with its class as in 100/5"

/* Sets vlan_count and vlan. 0, or ERR_INVALID; then nothing is changed. */
MUST_CHECK int host_vlans_parse(const char *text, struct host_settings *out);
/* The same of mpls_count and mpls. */
MUST_CHECK int host_labels_parse(const char *text, struct host_settings *out);
/* Always terminated; without tags "". What is printed is parsed to the same. */
void host_vlans_print(char to[HOST_VLANS_TEXT], const struct host_vlan *vlans, unsigned n);
void host_labels_print(char to[HOST_LABELS_TEXT], const struct host_label *labels, unsigned n);

#endif
