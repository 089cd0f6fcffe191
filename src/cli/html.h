/* SPDX-License-Identifier: MIT */
/*
 * Text into HTML, SVG or XML: everything that has a meaning there is escaped; control characters, broken UTF-8 and what
 * no XML may hold become U+FFFD.
 */
#ifndef WEIR_CLI_HTML_H
#define WEIR_CLI_HTML_H

#include <stdio.h>

#include "base/compiler.h"

void html_text(FILE *file, const char *text);
void html_bytes(FILE *file, const char *bytes, size_t length);

#endif
