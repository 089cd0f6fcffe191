/* SPDX-License-Identifier: MIT */
/*
 * Values of a result sheet, for any renderer: see sheet.h.
 */
#include "cli/sheet.h"

#include <stdarg.h>

#include "cli/format.h"

void sheet_count(const struct sheet *s, const char *name, uint64_t n)
{
    s->ops->value(s->to, name, format_count(n).s, false);
}

void sheet_trouble(const struct sheet *s, const char *name, uint64_t n)
{
    s->ops->value(s->to, name, format_count(n).s, n > 0);
}

void sheet_say(const struct sheet *s, const char *name, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    s->ops->value(s->to, name, text, false);
}
