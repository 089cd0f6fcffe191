/* SPDX-License-Identifier: MIT */
/*
 * Heads built and configuration text checked, at preparation time.
 */
#include "l7/http1_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "l7/http1_scan.h"

static void add_bytes(struct http1_text *t, const void *bytes, size_t n)
{
    if (t->length + n <= t->room)
        memcpy(t->bytes + t->length, bytes, n);
    t->length += n;
}

void http1_text_add(struct http1_text *t, const char *s) { add_bytes(t, s, strlen(s)); }

void http1_text_add_number(struct http1_text *t, uint64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    add_bytes(t, digits + at, sizeof digits - at);
}

void http1_text_add_header(struct http1_text *t, const char *name, const char *value)
{
    http1_text_add(t, name);
    http1_text_add(t, ": ");
    http1_text_add(t, value);
    http1_text_add(t, "\r\n");
}

void http1_text_add_headers(struct http1_text *t, const struct http1_header *headers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        http1_text_add_header(t, headers[i].name, headers[i].value);
}

static int refuse_byte(const char *what, const char *text, size_t at, const char *allowed, char *message)
{
    snprintf(message, HTTP1_MESSAGE_BYTES, "%s: byte 0x%02x at position %zu; allowed are %s", what,
             (unsigned char)text[at], at, allowed);
    return ERR_INVALID;
}

int http1_check_value(const char *what, const char *value, char message[HTTP1_MESSAGE_BYTES])
{
    if (!value) {
        snprintf(message, HTTP1_MESSAGE_BYTES, "%s: no value given", what);
        return ERR_INVALID;
    }
    for (size_t i = 0; value[i]; i++)
        if (!scan_is_value((uint8_t)value[i]))
            return refuse_byte(what, value, i, "visible characters, spaces and tabs", message);
    return ERR_OK;
}

static int check_name(const char *name, const char *const *reserved, char *message)
{
    if (!name || !*name) {
        snprintf(message, HTTP1_MESSAGE_BYTES,
                 "header: the name is empty; allowed are letters, digits and !#$%%&'*+-.^_`|~");
        return ERR_INVALID;
    }
    for (size_t i = 0; name[i]; i++)
        if (!scan_is_token((uint8_t)name[i]))
            return refuse_byte("header name", name, i, "letters, digits and !#$%&'*+-.^_`|~", message);
    for (; *reserved; reserved++)
        if (strcasecmp(name, *reserved) == 0) {
            snprintf(message, HTTP1_MESSAGE_BYTES, "header %s: the engine sets it itself; use the setting for it",
                     *reserved);
            return ERR_INVALID;
        }
    return ERR_OK;
}

int http1_check_headers(const struct http1_header *headers, uint32_t n, const char *const *reserved,
                        char message[HTTP1_MESSAGE_BYTES])
{
    for (uint32_t i = 0; i < n; i++) {
        int error = check_name(headers[i].name, reserved, message);
        if (error)
            return error;
        char what[80];
        snprintf(what, sizeof what, "header %.60s", headers[i].name);
        error = http1_check_value(what, headers[i].value, message);
        if (error)
            return error;
    }
    return ERR_OK;
}

int http1_check_target(const char *target, char message[HTTP1_MESSAGE_BYTES])
{
    if (!target || (target[0] != '/' && strncasecmp(target, "http://", 7) != 0)) {
        snprintf(message, HTTP1_MESSAGE_BYTES, "target: found \"%.100s\"; it begins with / or http://",
                 target ? target : "");
        return ERR_INVALID;
    }
    for (size_t i = 0; target[i]; i++)
        if (!scan_is_target((uint8_t)target[i]) || target[i] == '#')
            return refuse_byte("target", target, i, "visible ASCII characters other than #", message);
    return ERR_OK;
}
