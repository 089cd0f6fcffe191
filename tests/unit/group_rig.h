/* SPDX-License-Identifier: MIT */
/*
 * Words for tests of IGMP and MLD: one stack with a host of each family, whose reports are read back as text and whose
 * link, if wanted, has a querier. Groups are G, H and I, sources a to z; a test is written once and run for both
 * families.
 *
 * A report of version 3 reads "TO_EX G a b, ALLOW H c", with sources in order; one of version 2 "report G" or "leave G";
 * of version 1 "report1 G". Where it goes, its TTL, Router Alert, source, checksums and frame address are asserted.
 */
#ifndef WEIR_TESTS_UNIT_GROUP_RIG_H
#define WEIR_TESTS_UNIT_GROUP_RIG_H

#include "support/frame_group.h"
#include "unit/stack_rig.h"

struct group_rig {
    struct rig *r;
    bool v6;
    uint32_t us; /* US, or the link-local address of US_MAC */
    char text[1024];
};

void group_rig_settings(struct stack_settings *t);
/* Settings may be NULL. */
void group_rig_open(struct group_rig *x, bool v6, const struct stack_settings *t);
void group_rig_close(struct group_rig *x);

struct ip_addr group_named(const struct group_rig *x, char name);
/* A listener's filter changes: "-" none, "" every source, "!ab" every one but these, "ab" these alone. */
int group_listen(struct group_rig *x, char group, const char *was, const char *is);
/* The same of any local address. */
int group_listen_at(struct group_rig *x, uint32_t local, char group, const char *was, const char *is);

/* A query of a version arrives; group 0: a general one. */
void group_query(struct group_rig *x, unsigned version, char group, const char *sources, uint32_t max_response_ms);
/* With robustness and query interval. */
void group_query_saying(struct group_rig *x, uint32_t max_response_ms, uint8_t robustness, uint32_t interval_s);
/* Another station's report, of version 1 or 2. */
void group_other_reports(struct group_rig *x, unsigned version, char group);

/* What was said until now, or within so many milliseconds: all of it, "; " between frames; "" nothing. */
const char *group_said(struct group_rig *x);
const char *group_said_within(struct group_rig *x, int64_t ms);
/* Lets time pass in steps until something is said, at most so long. Returns the milliseconds, -1: nothing. */
int64_t group_wait(struct group_rig *x, int64_t most_ms);
/* Is a datagram to the group from this source handed up? */
bool group_hears(struct group_rig *x, char group, char source);

#endif
