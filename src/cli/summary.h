/* SPDX-License-Identifier: MIT */
/*
 * The summary at the end of a run, as text for people.
 */
#ifndef WEIR_CLI_SUMMARY_H
#define WEIR_CLI_SUMMARY_H

#include <stdio.h>

#include "cli/facts.h"

void summary_write(FILE *file, const char *name, const struct facts *f);
/* "passed", "failed", with "interrupted" where it was. */
const char *summary_verdict(const struct results *r);

#endif
