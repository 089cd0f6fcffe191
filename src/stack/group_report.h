/* SPDX-License-Identifier: MIT */
/*
 * Reports of group membership: IGMPv1 (RFC 1112), v2 (RFC 2236), v3 (RFC 3376), MLDv1 (RFC 2710), v2 (RFC 3810), the
 * host's side. A change is reported at once and again robustness-1 times, each within the unsolicited report interval;
 * queries are answered within their response time; of versions 1 and 2, another station's report makes ours needless
 * and the last to have reported says that it leaves.
 *
 * The version spoken on a segment is the oldest of its queriers' (RFC 3376 7.2.1) and of the settings. A timer belongs
 * to the version that it was set in and does nothing in another one. Everything is on one wheel; a query is passed on to
 * at most GROUP_STEP stations or members at a time, the rest follows tick by tick.
 */
#ifndef WEIR_STACK_GROUP_REPORT_H
#define WEIR_STACK_GROUP_REPORT_H

#include "stack/group.h"

#define GROUP_STEP 64u

struct datagram;

/* Users of a member changed: reports what has to be. */
void group_changed(struct stack *s, uint32_t member);
/* A station has an address to report from that it had not. */
void group_station_named(struct stack *s, uint32_t station);
/* Is the group one that is reported at all? */
bool group_is_reported(const struct stack *s, const struct ip_addr *group);

/* A query or a report of somebody else, checked, on a segment. */
void group_hear(struct stack *s, const struct datagram *d, const struct wire_group_message *m);
void group_tick(struct stack *s, int64_t now);

/* ---- igmp.c, mld.c ---- */
void igmp_input(struct stack *s, const struct datagram *d);
void mld_input(struct stack *s, const struct datagram *d);

/* ---- group_send.c ---- */

/* A report of version 3 under construction. */
struct group_report {
    uint32_t station; /* 0: nothing is open */
    struct packet *packet;
    uint8_t *message, *record, *at, *end;
    struct host *host;
    uint16_t records;
};
/*
 * Begins a record, in a message of its own when `sources` would not fit into this one. False: no frame. Then adds a
 * source to it; false: it does not fit (which takes an MTU of less than 600).
 */
bool group_report_record(struct stack *s, struct group_report *r, uint32_t station,
                         const struct wire_group_record *head, uint32_t sources);
bool group_report_source(struct group_report *r, const struct ip_addr *source);
void group_report_send(struct stack *s, struct group_report *r);
/* A report or leave of versions 1 and 2. */
void group_send_older(struct stack *s, uint32_t station, const struct ip_addr *group, enum wire_group_kind kind,
                      enum wire_group_version version);

#endif
