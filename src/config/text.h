/* SPDX-License-Identifier: MIT */
/*
 * A text being put together in the caller's bounded buffer, for messages. It is always closed by a NUL; what does not
 * fit is left out, whole characters at a time, while length goes on counting as snprintf does.
 */
#ifndef WEIR_CONFIG_TEXT_H
#define WEIR_CONFIG_TEXT_H

#include <stdarg.h>

#include "config/tree.h"

struct config_text {
    char *bytes;
    size_t size;   /* of the buffer, > 0 */
    size_t length; /* of the whole text, without NUL; may exceed what fits */
};

struct config_text config_text_into(char *bytes, size_t size);
void config_text_add(struct config_text *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Adds bytes that may hold anything: control characters and what is not UTF-8 are shown as \n, \x1b, \u0085. */
void config_text_add_escaped(struct config_text *t, const char *bytes, size_t length);
/* The same in double quotes, quotes inside escaped, cut after some 48 characters with an ellipsis. */
void config_text_add_quoted(struct config_text *t, const char *bytes, size_t length);

/* Fills *error: "NAME:LINE:COLUMN: format", without line and column where line is 0. */
void config_error_set(struct config_error *error, const char *name, uint32_t line, uint32_t column, const char *format,
                      ...) PRINTF_LIKE(5, 6);
/* Adds to a text set before. */
void config_error_add(struct config_error *error, const char *format, ...) PRINTF_LIKE(2, 3);
void config_error_add_list(struct config_error *error, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

#endif
