/* SPDX-License-Identifier: MIT */
/*
 * Building heads at preparation time: a writer that counts what it is given and writes what fits, so that one
 * function first measures and then writes; and the checks of text that comes from configuration: RFC 9110 sections
 * 5.1 and 5.5, RFC 9112 section 3.2.
 */
#ifndef WEIR_L7_HTTP1_TEXT_H
#define WEIR_L7_HTTP1_TEXT_H

#include "l7/http1.h"

#define HTTP1_MESSAGE_BYTES 256

/* {0} measures: nothing is written, length counts. */
struct http1_text {
    uint8_t *bytes;
    size_t room;
    size_t length;
};

void http1_text_add(struct http1_text *t, const char *s);
void http1_text_add_number(struct http1_text *t, uint64_t n);
/* "name: value\r\n" */
void http1_text_add_header(struct http1_text *t, const char *name, const char *value);
void http1_text_add_headers(struct http1_text *t, const struct http1_header *headers, uint32_t n);

/*
 * ERR_INVALID with a message that names the header, the byte and what is allowed. `reserved` (NULL-terminated): names
 * that may not be given.
 */
MUST_CHECK int http1_check_headers(const struct http1_header *headers, uint32_t n, const char *const *reserved,
                                   char message[HTTP1_MESSAGE_BYTES]);
/* The value of `what`: no control characters, not NULL. */
MUST_CHECK int http1_check_value(const char *what, const char *value, char message[HTTP1_MESSAGE_BYTES]);
/* "/…" or "http://…", visible ASCII without '#'. */
MUST_CHECK int http1_check_target(const char *target, char message[HTTP1_MESSAGE_BYTES]);

#endif
