/* SPDX-License-Identifier: MIT */
/*
 * A prepared request: one block of memory that holds this record, the head, a small body behind it, and a pattern
 * block where the body is generated. Constant after http1_request_prepare; the client engine references its bytes.
 */
#ifndef WEIR_L7_HTTP1_REQUEST_H
#define WEIR_L7_HTTP1_REQUEST_H

#include "l7/http1.h"
#include "l7/http1_body.h"

struct http1_request {
    const uint8_t *bytes;  /* the head, and the body where it is small */
    uint32_t bytes_length; /* of that */
    uint8_t method;
    bool close;
    bool streamed; /* the body follows by http1_body_write */
    struct http1_expect expect;
    struct http1_body body;
    uint64_t wire_bytes;
    const struct allocator *allocator;
    size_t size; /* of the block */
};

#endif
