/* SPDX-License-Identifier: MIT */
/*
 * Lines that loads and servers have in common; for facts.c and facts_load.c.
 */
#ifndef WEIR_CLI_FACTS_PRIVATE_H
#define WEIR_CLI_FACTS_PRIVATE_H

#include "cli/facts.h"

/* Values within a line. */
void facts_write_causes(const struct cause_counts *causes, const struct sheet *s);
/* A line each. */
void facts_write_closed_by(const uint64_t closed_by[TCP_CLOSE_REASON_COUNT], const struct sheet *s);
void facts_write_status(const uint64_t by_status[STATUS_COUNTS], const struct sheet *s);

#endif
