/* SPDX-License-Identifier: MIT */
/*
 * The series of a run as comma-separated values (quoted by RFC 4180, lines end with LF): a header whose names carry the
 * units, then one row for each sample of each load that has clients, and of each server that has none here, by the name
 * of its load. Counts are those of the row's span, so that a column adds up to the total of the run.
 */
#ifndef WEIR_CLI_CSV_H
#define WEIR_CLI_CSV_H

#include <stdio.h>

#include "cli/series.h"

void csv_write(FILE *file, const struct plan *p, const struct series *s);

#endif
