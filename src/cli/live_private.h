/* SPDX-License-Identifier: MIT */
/*
 * The picture of the live table, without a terminal; for live.c and tests.
 */
#ifndef WEIR_CLI_LIVE_PRIVATE_H
#define WEIR_CLI_LIVE_PRIVATE_H

#include "cli/live.h"

/* Lines of at most `width` characters, at most `height` of them: a bar, then a table with a row for each load. */
void live_compose(FILE *to, const struct live_state *s, unsigned width, unsigned height);

#endif
