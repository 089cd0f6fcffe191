/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 messages as they lie in UDP: RFC 2131 2, options RFC 2132, long options RFC 3396, domain search RFC 3397,
 * relay agent information RFC 3046, classless routes RFC 3442. No state.
 *
 * A parsed message refers to the caller's bytes and to itself (`joined`), so it is not copied. Options that are not in
 * the list are skipped. Anything that is wrong makes the whole message rejected with a named reason: a client that
 * acts on half a message configures half a host. A message is written by a writer whose error sticks; what does not
 * fit into the options field goes on in the fields file and sname (option overload).
 */
#ifndef WEIR_SERVICE_DHCP4_MESSAGE_H
#define WEIR_SERVICE_DHCP4_MESSAGE_H

#include "base/bytes.h"

#define DHCP4_SERVER_PORT 67u
#define DHCP4_CLIENT_PORT 68u
#define DHCP4_HEADER_LEN 240u  /* with the magic cookie */
#define DHCP4_SHORTEST 300u    /* what is written is padded to this: BOOTP relays drop less */
#define DHCP4_LEAST_ROOM 548u  /* what every client and server takes: 576 bytes of IPv4, RFC 2131 2 */
#define DHCP4_MOST_ROOM 1472u  /* the longest we write */
#define DHCP4_LONGEST 4096u    /* what is read: we never ask for more than DHCP4_MOST_ROOM */
#define DHCP4_JOINED_MAX 1024u /* bytes of options that came in several pieces */
#define DHCP4_BROADCAST 0x8000u
#define DHCP4_INFINITE 0xffffffffu
#define DHCP4_ETHERNET 1u

enum dhcp4_op { DHCP4_BOOTREQUEST = 1, DHCP4_BOOTREPLY = 2 };

enum dhcp4_type {
    DHCP4_DISCOVER = 1,
    DHCP4_OFFER,
    DHCP4_REQUEST,
    DHCP4_DECLINE,
    DHCP4_ACK,
    DHCP4_NAK,
    DHCP4_RELEASE,
    DHCP4_INFORM,
};

/* Options that are read: name, code, least length, unit that the length is a multiple of, greatest length (0: any). */
// clang-format off
#define DHCP4_OPTION_LIST(X)              \
    X(SUBNET_MASK, 1, 4, 4, 4)            \
    X(ROUTER, 3, 4, 4, 0)                 \
    X(DNS, 6, 4, 4, 0)                    \
    X(HOST_NAME, 12, 1, 1, 0)             \
    X(DOMAIN_NAME, 15, 1, 1, 0)           \
    X(MTU, 26, 2, 2, 2)                   \
    X(BROADCAST_ADDRESS, 28, 4, 4, 4)     \
    X(NTP, 42, 4, 4, 0)                   \
    X(REQUESTED_ADDRESS, 50, 4, 4, 4)     \
    X(LEASE_TIME, 51, 4, 4, 4)            \
    X(OVERLOAD, 52, 1, 1, 1)              \
    X(MESSAGE_TYPE, 53, 1, 1, 1)          \
    X(SERVER_ID, 54, 4, 4, 4)             \
    X(PARAMETER_LIST, 55, 1, 1, 0)        \
    X(ERROR_TEXT, 56, 1, 1, 0)            \
    X(MAX_SIZE, 57, 2, 2, 2)              \
    X(T1, 58, 4, 4, 4)                    \
    X(T2, 59, 4, 4, 4)                    \
    X(CLASS_ID, 60, 1, 1, 0)              \
    X(CLIENT_ID, 61, 2, 1, 0)             \
    X(RELAY_AGENT, 82, 2, 1, 0)           \
    X(DOMAIN_SEARCH, 119, 1, 1, 0)        \
    X(CLASSLESS_ROUTES, 121, 5, 1, 0)

/* Why a message is rejected: name, text. */
#define DHCP4_REJECT_LIST(X)                                                            \
    X(SHORT, "shorter than the fixed fields and the cookie")                            \
    X(LONG, "longer than 4096 bytes")                                                   \
    X(OP, "op neither 1 nor 2")                                                         \
    X(HARDWARE, "hardware address longer than 16 bytes, or not 6 on Ethernet")          \
    X(COOKIE, "no magic cookie")                                                        \
    X(OPTION_PAST_END, "an option goes past the end of its field")                      \
    X(NO_END, "a field of options without the end option")                              \
    X(OVERLOAD, "option overload not 1 to 3, or inside an overloaded field")            \
    X(OPTION_LENGTH, "an option of a length that it cannot have")                       \
    X(TOO_LONG, "options in pieces of more than 1024 bytes together")                   \
    X(TYPE, "no message type, or one that is not 1 to 8")                               \
    X(MASK, "a subnet mask of no bits, or with holes")                                  \
    X(MAX_SIZE, "a maximum message size under 576")                                     \
    X(SEARCH, "domain search list with a bad label or compression pointer")             \
    X(RELAY_AGENT, "relay agent information whose sub-options do not fill it")          \
    X(ROUTES, "classless routes of more than 32 bits, or cut off")
// clang-format on

enum dhcp4_option {
#define DHCP4_OPTION_ENUM(name, code, least, unit, most) DHCP4_##name,
    DHCP4_OPTION_LIST(DHCP4_OPTION_ENUM)
#undef DHCP4_OPTION_ENUM
        DHCP4_OPTIONS
};

enum dhcp4_option_code {
#define DHCP4_OPTION_CODE(name, code, least, unit, most) DHCP4_CODE_##name = code,
    DHCP4_OPTION_LIST(DHCP4_OPTION_CODE)
#undef DHCP4_OPTION_CODE
        DHCP4_CODE_PAD = 0,
    DHCP4_CODE_END = 255
};

enum dhcp4_reject {
    DHCP4_ACCEPTED,
#define DHCP4_REJECT_ENUM(name, text) DHCP4_REJECT_##name,
    DHCP4_REJECT_LIST(DHCP4_REJECT_ENUM)
#undef DHCP4_REJECT_ENUM
        DHCP4_REJECTS
};

/* Text of a reason; never NULL. */
const char *dhcp4_reject_text(enum dhcp4_reject reason);

/* An option's value: NULL when it was not there. */
struct dhcp4_value {
    const uint8_t *bytes;
    uint16_t length;
};

struct dhcp4_header {
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr; /* host order */
    uint8_t chaddr[16];
};

struct dhcp4_message {
    struct dhcp4_header header;
    uint8_t type; /* enum dhcp4_type */
    struct dhcp4_value option[DHCP4_OPTIONS];
    uint16_t joined_len;
    uint8_t joined[DHCP4_JOINED_MAX];
};

/* Reads a whole message; `out` is valid when DHCP4_ACCEPTED is returned, and as long as the bytes are. */
MUST_CHECK enum dhcp4_reject dhcp4_message_parse(const uint8_t *bytes, size_t length, struct dhcp4_message *out);

static inline bool dhcp4_message_has(const struct dhcp4_message *m, enum dhcp4_option o)
{
    return m->option[o].bytes != NULL;
}
/* The first four bytes of an option whose length is at least 4; otherwise when it is absent. */
static inline uint32_t dhcp4_message_u32(const struct dhcp4_message *m, enum dhcp4_option o, uint32_t otherwise)
{
    return m->option[o].bytes ? load_be32(m->option[o].bytes) : otherwise;
}
static inline uint16_t dhcp4_message_u16(const struct dhcp4_message *m, enum dhcp4_option o, uint16_t otherwise)
{
    return m->option[o].bytes ? load_be16(m->option[o].bytes) : otherwise;
}

/* A reader of a value; of no bytes when it is absent. */
static inline struct cursor dhcp4_value_cursor(const struct dhcp4_value *v)
{
    static const uint8_t nothing[1];
    return cursor_over(v->bytes ? v->bytes : nothing, v->length);
}

/*
 * The name of a domain search list that begins at `at`, as text with dots; size of at least 256 holds any. Returns
 * where the next one begins (the list's length after the last), or ERR_MALFORMED.
 */
MUST_CHECK int dhcp4_search_name(const struct dhcp4_value *list, size_t at, char *to, size_t size);

/* ---- writing ---- */

struct dhcp4_writer {
    uint8_t *message;
    uint16_t at, end; /* of the field that is written now; end leaves room for its end option */
    uint16_t options_len;
    uint8_t field;    /* 0 options, 1 file, 2 sname */
    uint8_t overload; /* value of the option, once it is needed */
    bool failed;
};

/* room: DHCP4_SHORTEST at least, of which the options field takes what the header leaves. */
void dhcp4_writer_begin(struct dhcp4_writer *w, uint8_t *to, size_t room, const struct dhcp4_header *h,
                        enum dhcp4_type type);
/* Whether an option of this length can still be written. */
bool dhcp4_writer_fits(const struct dhcp4_writer *w, size_t length);
/* Longer values than 255 bytes are cut in pieces (RFC 3396). Nothing is written of what does not fit, and it fails. */
void dhcp4_writer_bytes(struct dhcp4_writer *w, uint8_t code, const void *bytes, size_t length);
void dhcp4_writer_u16(struct dhcp4_writer *w, uint8_t code, uint16_t value);
void dhcp4_writer_u32(struct dhcp4_writer *w, uint8_t code, uint32_t value);
/* The message's length, at least DHCP4_SHORTEST, or ERR_NO_SPACE when something did not fit. */
MUST_CHECK int dhcp4_writer_end(struct dhcp4_writer *w);

#endif
