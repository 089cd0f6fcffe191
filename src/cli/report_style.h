/* SPDX-License-Identifier: MIT */
/*
 * The style sheet of the report: light and dark by the reader's preference, ink on paper. For report.c.
 */
#ifndef WEIR_CLI_REPORT_STYLE_H
#define WEIR_CLI_REPORT_STYLE_H

extern const char report_style[];

#endif
