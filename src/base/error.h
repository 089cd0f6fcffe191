/* SPDX-License-Identifier: MIT */
/*
 * One list of errors: name, text, errno. Functions return 0 or a positive count on success and a negative
 * enum err on failure. errno values appear only at the socket layer and the program's edge.
 */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

#define ERR_LIST(X)                                                                                                    \
    X(ERR_NO_MEMORY, "out of memory", 12)                                                                              \
    X(ERR_INVALID, "invalid argument", 22)                                                                             \
    X(ERR_TRUNCATED, "truncated", 74)                                                                                  \
    X(ERR_MALFORMED, "malformed", 74)                                                                                  \
    X(ERR_CHECKSUM, "wrong checksum", 74)                                                                              \
    X(ERR_UNSUPPORTED, "not supported", 95)                                                                            \
    X(ERR_NO_SPACE, "no space left", 28)                                                                               \
    X(ERR_AGAIN, "try again later", 11)                                                                                \
    X(ERR_NOT_FOUND, "not found", 2)                                                                                   \
    X(ERR_EXISTS, "exists already", 17)                                                                                \
    X(ERR_IN_USE, "address in use", 98)                                                                                \
    X(ERR_NO_PORTS, "no free local port", 99)                                                                          \
    X(ERR_NO_ROUTE, "no route to the destination", 113)                                                                \
    X(ERR_UNREACHABLE, "destination unreachable", 113)                                                                 \
    X(ERR_REFUSED, "connection refused", 111)                                                                          \
    X(ERR_RESET, "connection reset by peer", 104)                                                                      \
    X(ERR_TIMED_OUT, "timed out", 110)                                                                                 \
    X(ERR_ABORTED, "connection aborted", 103)                                                                          \
    X(ERR_CLOSED, "closed", 32)                                                                                        \
    X(ERR_PROTOCOL, "protocol error", 71)                                                                              \
    X(ERR_DENIED, "permission denied", 13)                                                                             \
    X(ERR_SYSTEM, "system call failed", 5)

/* The values are -1, -2, … in the order of the list. */
enum err_ordinal {
#define ERR_ORDINAL(name, text, posix) name##_ORDINAL,
    ERR_LIST(ERR_ORDINAL)
#undef ERR_ORDINAL
        ERR_COUNT
};

enum err {
    ERR_OK = 0,
#define ERR_ENUM(name, text, posix) name = -(name##_ORDINAL + 1),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* Text for an error; "unknown error" for values not in the list. Never NULL. */
const char *err_text(int error);
/* Name such as "ERR_TRUNCATED". Never NULL. */
const char *err_name(int error);
/* The errno value users of the socket API expect (Linux numbering); EIO for values not in the list. */
int err_to_errno(int error);

#endif
