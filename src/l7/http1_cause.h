/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be wrong with an HTTP/1.1 conversation, each with a name that counters and scripts may rely on
 * and the status with which a server answers it (0: with none, the connection just ends). One list.
 */
#ifndef WEIR_L7_HTTP1_CAUSE_H
#define WEIR_L7_HTTP1_CAUSE_H

#include "base/compiler.h"

#define HTTP1_CAUSE_LIST(X)                                                                                            \
    X(NONE, "none", 0)                                                                                                 \
    /* start lines: RFC 9112 sections 3 and 4 */                                                                       \
    X(BAD_METHOD, "bad_method", 400)                                                                                   \
    X(UNKNOWN_METHOD, "unknown_method", 501)                                                                           \
    X(BAD_TARGET, "bad_target", 400)                                                                                   \
    X(BAD_VERSION, "bad_version", 400)                                                                                 \
    X(UNSUPPORTED_VERSION, "unsupported_version", 505)                                                                 \
    X(BAD_STATUS_LINE, "bad_status_line", 0)                                                                           \
    X(LINE_TOO_LONG, "line_too_long", 414)                                                                             \
    /* lines and fields: RFC 9112 sections 2.2 and 5 */                                                                \
    X(BARE_LF, "bare_lf", 400)                                                                                         \
    X(BARE_CR, "bare_cr", 400)                                                                                         \
    X(BAD_HEADER_NAME, "bad_header_name", 400)                                                                         \
    X(OBS_FOLD, "obs_fold", 400)                                                                                       \
    X(NUL_IN_HEADER, "nul_in_header", 400)                                                                             \
    X(CONTROL_IN_HEADER, "control_in_header", 400)                                                                     \
    X(TOO_MANY_HEADERS, "too_many_headers", 431)                                                                       \
    X(HEADERS_TOO_LARGE, "headers_too_large", 431)                                                                     \
    X(MISSING_HOST, "missing_host", 400)                                                                               \
    X(DUPLICATE_HOST, "duplicate_host", 400)                                                                           \
    X(UNKNOWN_EXPECTATION, "unknown_expectation", 417)                                                                 \
    /* message length: RFC 9112 sections 6 and 7 */                                                                    \
    X(BAD_CONTENT_LENGTH, "bad_content_length", 400)                                                                   \
    X(NEGATIVE_CONTENT_LENGTH, "negative_content_length", 400)                                                         \
    X(CONTENT_LENGTH_OVERFLOW, "content_length_overflow", 400)                                                         \
    X(CONTENT_LENGTH_CONFLICT, "content_length_conflict", 400)                                                         \
    X(LENGTH_AND_ENCODING, "content_length_with_transfer_encoding", 400)                                               \
    X(BAD_TRANSFER_ENCODING, "bad_transfer_encoding", 400)                                                             \
    X(UNSUPPORTED_ENCODING, "unsupported_transfer_encoding", 501)                                                      \
    X(ENCODING_IN_HTTP_1_0, "transfer_encoding_in_http_1_0", 400)                                                      \
    X(BODY_TOO_LARGE, "body_too_large", 413)                                                                           \
    X(BAD_CHUNK_SIZE, "bad_chunk_size", 400)                                                                           \
    X(CHUNK_SIZE_OVERFLOW, "chunk_size_overflow", 400)                                                                 \
    X(CHUNK_LINE_TOO_LONG, "chunk_line_too_long", 400)                                                                 \
    X(BAD_CHUNK_END, "bad_chunk_end", 400)                                                                             \
    /* conversation */                                                                                                 \
    X(PEER_CLOSED, "peer_closed", 0)                                                                                   \
    X(UNSOLICITED_RESPONSE, "unsolicited_response", 0)                                                                 \
    X(UNEXPECTED_UPGRADE, "unexpected_upgrade", 0)                                                                     \
    X(TOO_MANY_INFORMATIONAL, "too_many_informational", 0)                                                             \
    X(STATUS_MISMATCH, "status_mismatch", 0)                                                                           \
    X(LENGTH_MISMATCH, "length_mismatch", 0)                                                                           \
    X(DIGEST_MISMATCH, "digest_mismatch", 0)                                                                           \
    X(CONNECTION_ABORTED, "connection_aborted", 0)                                                                     \
    X(HEADER_TIMEOUT, "header_timeout", 408)                                                                           \
    X(BODY_TIMEOUT, "body_timeout", 408)                                                                               \
    X(INJECTED_RESET, "injected_reset", 0)                                                                             \
    X(INJECTED_CLOSE, "injected_close", 0)                                                                             \
    X(INJECTED_STALL, "injected_stall", 0)                                                                             \
    X(HELD_INPUT_OVERFLOW, "held_input_overflow", 0)                                                                   \
    X(NO_MEMORY, "no_memory", 0)

enum http1_cause {
#define HTTP1_CAUSE_ENUM(id, name, status) HTTP1_CAUSE_##id,
    HTTP1_CAUSE_LIST(HTTP1_CAUSE_ENUM)
#undef HTTP1_CAUSE_ENUM
        HTTP1_CAUSE_COUNT
};

/* The stable name. Never NULL. */
const char *http1_cause_name(enum http1_cause cause);
/* The status of a server's answer; 0: none. */
uint16_t http1_cause_status(enum http1_cause cause);

#endif
