/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6 messages as they lie in UDP: RFC 8415 8, 9, 21; DNS options RFC 3646. No state.
 *
 * A parsed message refers to the caller's bytes where it holds values. Options that are not known, or that have no
 * meaning where they stand, are skipped. A message with an option that goes past its end, has a length that it cannot
 * have, or is there twice where it must not be, is rejected with a named reason. Inside an identity association what
 * RFC 8415 says to discard (times out of order, prefixes of impossible length) and what is beyond the caps is left out
 * and counted in `ignored`. A message is written by a writer whose error sticks.
 */
#ifndef WEIR_SERVICE_DHCP6_MESSAGE_H
#define WEIR_SERVICE_DHCP6_MESSAGE_H

#include "base/bytes.h"
#include "wire/ip_addr.h"

#define DHCP6_CLIENT_PORT 546u
#define DHCP6_SERVER_PORT 547u
#define DHCP6_INFINITE 0xffffffffu
#define DHCP6_IAS 4u    /* identity associations of a message */
#define DHCP6_LEASES 4u /* addresses or prefixes of one */
#define DHCP6_DUID_MAX 130u
#define DHCP6_MOST_ROOM 1232u /* fits into 1280 bytes of IPv6 */
#define DHCP6_HOPS 8u         /* HOP_COUNT_LIMIT, RFC 8415 7.6 */
#define DHCP6_RELAY_LEN 34u

enum dhcp6_type {
    DHCP6_SOLICIT = 1,
    DHCP6_ADVERTISE,
    DHCP6_REQUEST,
    DHCP6_CONFIRM,
    DHCP6_RENEW,
    DHCP6_REBIND,
    DHCP6_REPLY,
    DHCP6_RELEASE,
    DHCP6_DECLINE,
    DHCP6_RECONFIGURE,
    DHCP6_INFORMATION_REQUEST,
    DHCP6_RELAY_FORWARD,
    DHCP6_RELAY_REPLY,
};

enum dhcp6_option {
    DHCP6_OPT_CLIENT_ID = 1,
    DHCP6_OPT_SERVER_ID = 2,
    DHCP6_OPT_IA_NA = 3,
    DHCP6_OPT_IA_ADDRESS = 5,
    DHCP6_OPT_ORO = 6,
    DHCP6_OPT_PREFERENCE = 7,
    DHCP6_OPT_ELAPSED = 8,
    DHCP6_OPT_RELAY_MESSAGE = 9,
    DHCP6_OPT_STATUS = 13,
    DHCP6_OPT_RAPID_COMMIT = 14,
    DHCP6_OPT_INTERFACE_ID = 18,
    DHCP6_OPT_DNS = 23,
    DHCP6_OPT_DOMAINS = 24,
    DHCP6_OPT_IA_PD = 25,
    DHCP6_OPT_IA_PREFIX = 26,
    DHCP6_OPT_REFRESH = 32,
    DHCP6_OPT_SOL_MAX_RT = 82,
    DHCP6_OPT_INF_MAX_RT = 83,
};

enum dhcp6_status {
    DHCP6_SUCCESS,
    DHCP6_UNSPEC_FAIL,
    DHCP6_NO_ADDRS_AVAIL,
    DHCP6_NO_BINDING,
    DHCP6_NOT_ON_LINK,
    DHCP6_USE_MULTICAST,
    DHCP6_NO_PREFIX_AVAIL,
};

/* Why a message is rejected: name, text. */
// clang-format off
#define DHCP6_REJECT_LIST(X)                                                \
    X(SHORT, "shorter than its fixed fields")                               \
    X(TYPE, "not a message between client and server, or not of a relay")   \
    X(OPTION_PAST_END, "an option goes past the end of what it is in")      \
    X(OPTION_LENGTH, "an option of a length that it cannot have")           \
    X(DUID, "an identifier of less than 3 or more than 130 bytes")          \
    X(REPEATED, "an option twice that may be there once")                   \
    X(RELAY, "a relay message without a message in it, or too many hops")
// clang-format on

enum dhcp6_reject {
    DHCP6_ACCEPTED,
#define DHCP6_REJECT_ENUM(name, text) DHCP6_REJECT_##name,
    DHCP6_REJECT_LIST(DHCP6_REJECT_ENUM)
#undef DHCP6_REJECT_ENUM
        DHCP6_REJECTS
};

const char *dhcp6_reject_text(enum dhcp6_reject reason);

/* NULL when it was not there. */
struct dhcp6_value {
    const uint8_t *bytes;
    uint16_t length;
};

/* An address or a prefix. */
struct dhcp6_lease {
    struct ip_addr addr;
    uint8_t prefix_length; /* 128: an address */
    uint16_t status;
    uint32_t preferred_s, valid_s;
};

struct dhcp6_ia {
    uint16_t kind; /* DHCP6_OPT_IA_NA or _PD */
    uint16_t status;
    uint32_t iaid, t1_s, t2_s;
    uint8_t n;
    struct dhcp6_lease lease[DHCP6_LEASES];
};

struct dhcp6_message {
    uint8_t type;
    uint8_t preference; /* 0: also when absent */
    uint16_t status;    /* enum dhcp6_status */
    uint32_t xid;
    bool rapid_commit;
    uint16_t elapsed_cs;
    uint32_t sol_max_rt_s, inf_max_rt_s, refresh_s; /* 0: absent, or not to be heeded */
    struct dhcp6_value client_id, server_id, oro, dns, domains;
    uint8_t n_ias;
    uint8_t ignored; /* stops at 255 */
    struct dhcp6_ia ia[DHCP6_IAS];
};

struct dhcp6_relay {
    uint8_t type, hops;
    struct ip_addr link, peer;
    struct dhcp6_value interface_id, message;
};

/* Reads a message between client and server. `out` is valid when DHCP6_ACCEPTED is returned. */
MUST_CHECK enum dhcp6_reject dhcp6_message_parse(const uint8_t *bytes, size_t length, struct dhcp6_message *out);
/* Reads one relay agent's envelope: RELAY-FORW or RELAY-REPL. */
MUST_CHECK enum dhcp6_reject dhcp6_relay_parse(const uint8_t *bytes, size_t length, struct dhcp6_relay *out);
/* Whether the option request option names the code. */
bool dhcp6_message_asks(const struct dhcp6_message *m, uint16_t code);
static inline bool dhcp6_value_equal(const struct dhcp6_value *a, const void *bytes, size_t length)
{
    return a->bytes && a->length == length && memcmp(a->bytes, bytes, length) == 0;
}

/*
 * The names of a search list (RFC 3646 4, RFC 1035 3.1) as text with spaces between, as many as fit whole. Its length; 0 and
 * no text when it is malformed or has other characters than letters, digits, '-' and '_'.
 */
size_t dhcp6_names_print(const struct dhcp6_value *list, char *to, size_t room);

/* ---- writing ---- */

struct dhcp6_writer {
    uint8_t *message;
    size_t at, room;
    bool failed;
};

void dhcp6_writer_begin(struct dhcp6_writer *w, uint8_t *to, size_t room);
void dhcp6_writer_header(struct dhcp6_writer *w, enum dhcp6_type type, uint32_t xid);
void dhcp6_writer_put(struct dhcp6_writer *w, const void *bytes, size_t length);
/* An option that others are put into; close() with what open() gave, innermost first. */
MUST_CHECK size_t dhcp6_writer_open(struct dhcp6_writer *w, uint16_t code);
void dhcp6_writer_close(struct dhcp6_writer *w, size_t opened);
void dhcp6_writer_bytes(struct dhcp6_writer *w, uint16_t code, const void *bytes, size_t length);
void dhcp6_writer_u16(struct dhcp6_writer *w, uint16_t code, uint16_t value);
void dhcp6_writer_u32(struct dhcp6_writer *w, uint16_t code, uint32_t value);
void dhcp6_writer_status(struct dhcp6_writer *w, enum dhcp6_status status);
/* With its leases, and its status when that is not success. */
void dhcp6_writer_ia(struct dhcp6_writer *w, const struct dhcp6_ia *ia);
/* The envelope of a relay agent with its interface identifier; the message follows, then close() with the result. */
MUST_CHECK size_t dhcp6_writer_relay(struct dhcp6_writer *w, const struct dhcp6_relay *r);
/* The length, or ERR_NO_SPACE. */
MUST_CHECK int dhcp6_writer_end(struct dhcp6_writer *w);

#endif
