/* SPDX-License-Identifier: MIT */
/*
 * The verdict of a run as JUnit XML, as Jenkins, GitLab and others read it: a suite for each load, whose cases are the
 * criteria; a load without criteria has one that is skipped. Figures are the suite's properties, the result sheet is
 * its output. Every text that comes from a configuration is escaped; what XML cannot hold becomes U+FFFD.
 */
#ifndef WEIR_CLI_JUNIT_H
#define WEIR_CLI_JUNIT_H

#include <stdio.h>

#include "cli/report.h"

/* ERR_OK, or ERR_NO_MEMORY. */
MUST_CHECK int junit_write(FILE *file, const struct report *r);

#endif
