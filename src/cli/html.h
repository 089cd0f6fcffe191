/* SPDX-License-Identifier: MIT */
/*
 * Text into HTML or SVG: everything that has a meaning there is escaped, control characters and broken UTF-8 become U+FFFD.
 */
#ifndef WEIR_CLI_HTML_H
#define WEIR_CLI_HTML_H

#include <stdio.h>

#include "base/compiler.h"

void html_text(FILE *file, const char *text);
void html_bytes(FILE *file, const char *bytes, size_t length);

#endif
