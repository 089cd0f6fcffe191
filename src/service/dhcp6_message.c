/* SPDX-License-Identifier: MIT */
/*
 * Reading DHCPv6 messages: RFC 8415 21. See dhcp6_message.h. Nesting is of fixed depth (message, association, lease),
 * so nothing calls itself.
 */
#include "service/dhcp6_message.h"

#define LEAST_MAX_RT 60u /* RFC 8415 21.24: others are ignored */
#define MOST_MAX_RT 86400u
#define LEAST_DUID 3u /* a type and one byte */

const char *dhcp6_reject_text(enum dhcp6_reject reason)
{
    static const char *const texts[DHCP6_REJECTS] = {"accepted",
#define TEXT(name, text) text,
                                                     DHCP6_REJECT_LIST(TEXT)
#undef TEXT
    };
    return (unsigned)reason < DHCP6_REJECTS ? texts[reason] : "unknown reason";
}

/* The next option of a list; only where bytes are left. */
static enum dhcp6_reject next_option(struct cursor *c, uint16_t *code, struct dhcp6_value *v)
{
    *code = cursor_be16(c);
    v->length = cursor_be16(c);
    v->bytes = cursor_take(c, v->length);
    return c->failed ? DHCP6_REJECT_OPTION_PAST_END : DHCP6_ACCEPTED;
}

static void ignore(struct dhcp6_message *m) { m->ignored = (uint8_t)(m->ignored + (m->ignored < UINT8_MAX)); }

static enum dhcp6_reject read_status(const struct dhcp6_value *v, uint16_t *status)
{
    if (v->length < 2)
        return DHCP6_REJECT_OPTION_LENGTH;
    *status = load_be16(v->bytes);
    return DHCP6_ACCEPTED;
}

/* The options of a lease: only its status counts. */
static enum dhcp6_reject read_lease_options(const uint8_t *bytes, size_t length, struct dhcp6_lease *l)
{
    struct cursor c = cursor_over(bytes, length);
    enum dhcp6_reject reason = DHCP6_ACCEPTED;
    while (cursor_left(&c) > 0 && reason == DHCP6_ACCEPTED) {
        uint16_t code;
        struct dhcp6_value v;
        reason = next_option(&c, &code, &v);
        if (reason == DHCP6_ACCEPTED && code == DHCP6_OPT_STATUS)
            reason = read_status(&v, &l->status);
    }
    return reason;
}

static enum dhcp6_reject read_address(const struct dhcp6_value *v, struct dhcp6_lease *l)
{
    if (v->length < 24)
        return DHCP6_REJECT_OPTION_LENGTH;
    l->addr = ip_addr_from_v6(v->bytes);
    l->prefix_length = 128;
    l->preferred_s = load_be32(v->bytes + 16);
    l->valid_s = load_be32(v->bytes + 20);
    return read_lease_options(v->bytes + 24, v->length - 24u, l);
}

static enum dhcp6_reject read_prefix(const struct dhcp6_value *v, struct dhcp6_lease *l)
{
    if (v->length < 25)
        return DHCP6_REJECT_OPTION_LENGTH;
    l->preferred_s = load_be32(v->bytes);
    l->valid_s = load_be32(v->bytes + 4);
    l->prefix_length = v->bytes[8];
    l->addr = ip_addr_from_v6(v->bytes + 9);
    return read_lease_options(v->bytes + 25, v->length - 25u, l);
}

/* RFC 8415 21.6, 21.22: what is to be discarded. */
static bool lease_is_good(const struct dhcp6_lease *l, uint16_t code)
{
    if (l->preferred_s > l->valid_s || ip_addr_is_multicast(&l->addr))
        return false;
    return code == DHCP6_OPT_IA_ADDRESS || (l->prefix_length >= 1 && l->prefix_length <= 128);
}

static enum dhcp6_reject read_lease(struct dhcp6_message *m, struct dhcp6_ia *ia, uint16_t code,
                                    const struct dhcp6_value *v)
{
    struct dhcp6_lease l = {.status = DHCP6_SUCCESS};
    enum dhcp6_reject reason = code == DHCP6_OPT_IA_ADDRESS ? read_address(v, &l) : read_prefix(v, &l);
    if (reason != DHCP6_ACCEPTED)
        return reason;
    if (ia->n < DHCP6_LEASES && lease_is_good(&l, code))
        ia->lease[ia->n++] = l;
    else
        ignore(m);
    return DHCP6_ACCEPTED;
}

static enum dhcp6_reject read_ia_options(struct dhcp6_message *m, struct dhcp6_ia *ia, struct cursor *c)
{
    uint16_t inside = ia->kind == DHCP6_OPT_IA_NA ? DHCP6_OPT_IA_ADDRESS : DHCP6_OPT_IA_PREFIX;
    enum dhcp6_reject reason = DHCP6_ACCEPTED;
    while (cursor_left(c) > 0 && reason == DHCP6_ACCEPTED) {
        uint16_t code;
        struct dhcp6_value v;
        reason = next_option(c, &code, &v);
        if (reason != DHCP6_ACCEPTED)
            break;
        if (code == inside)
            reason = read_lease(m, ia, code, &v);
        else if (code == DHCP6_OPT_STATUS)
            reason = read_status(&v, &ia->status);
    }
    return reason;
}

/* RFC 8415 21.4, 21.21: T1 after T2 makes the association void. */
static enum dhcp6_reject read_ia(struct dhcp6_message *m, uint16_t code, const struct dhcp6_value *v)
{
    struct dhcp6_ia ia = {.kind = code};
    struct cursor c = cursor_over(v->bytes, v->length);
    ia.iaid = cursor_be32(&c);
    ia.t1_s = cursor_be32(&c);
    ia.t2_s = cursor_be32(&c);
    if (c.failed)
        return DHCP6_REJECT_OPTION_LENGTH;
    enum dhcp6_reject reason = read_ia_options(m, &ia, &c);
    if (reason != DHCP6_ACCEPTED)
        return reason;
    if (m->n_ias < DHCP6_IAS && (ia.t1_s <= ia.t2_s || ia.t2_s == 0))
        m->ia[m->n_ias++] = ia;
    else
        ignore(m);
    return DHCP6_ACCEPTED;
}

static enum dhcp6_reject read_once(const struct dhcp6_value *v, struct dhcp6_value *to, bool length_is_good)
{
    if (!length_is_good)
        return DHCP6_REJECT_OPTION_LENGTH;
    if (to->bytes)
        return DHCP6_REJECT_REPEATED;
    *to = *v;
    return DHCP6_ACCEPTED;
}

static enum dhcp6_reject read_duid(const struct dhcp6_value *v, struct dhcp6_value *to)
{
    if (v->length < LEAST_DUID || v->length > DHCP6_DUID_MAX)
        return DHCP6_REJECT_DUID;
    return read_once(v, to, true);
}

static enum dhcp6_reject read_seconds(const struct dhcp6_value *v, uint32_t *to, uint32_t least, uint32_t most)
{
    if (v->length != 4)
        return DHCP6_REJECT_OPTION_LENGTH;
    uint32_t seconds = load_be32(v->bytes);
    if (seconds >= least && seconds <= most)
        *to = seconds;
    return DHCP6_ACCEPTED;
}

static enum dhcp6_reject read_number(struct dhcp6_message *m, uint16_t code, const struct dhcp6_value *v)
{
    static const uint8_t lengths[] = {
        [DHCP6_OPT_PREFERENCE] = 1, [DHCP6_OPT_ELAPSED] = 2, [DHCP6_OPT_RAPID_COMMIT] = 0};
    if (v->length != lengths[code])
        return DHCP6_REJECT_OPTION_LENGTH;
    if (code == DHCP6_OPT_PREFERENCE)
        m->preference = v->bytes[0];
    else if (code == DHCP6_OPT_ELAPSED)
        m->elapsed_cs = load_be16(v->bytes);
    else
        m->rapid_commit = true;
    return DHCP6_ACCEPTED;
}

static enum dhcp6_reject read_option(struct dhcp6_message *m, uint16_t code, const struct dhcp6_value *v)
{
    switch (code) {
    case DHCP6_OPT_CLIENT_ID:
        return read_duid(v, &m->client_id);
    case DHCP6_OPT_SERVER_ID:
        return read_duid(v, &m->server_id);
    case DHCP6_OPT_IA_NA:
    case DHCP6_OPT_IA_PD:
        return read_ia(m, code, v);
    case DHCP6_OPT_ORO:
        return read_once(v, &m->oro, v->length % 2 == 0);
    case DHCP6_OPT_DNS:
        return read_once(v, &m->dns, v->length > 0 && v->length % 16 == 0);
    case DHCP6_OPT_DOMAINS:
        return read_once(v, &m->domains, v->length > 0);
    case DHCP6_OPT_STATUS:
        return read_status(v, &m->status);
    case DHCP6_OPT_PREFERENCE:
    case DHCP6_OPT_ELAPSED:
    case DHCP6_OPT_RAPID_COMMIT:
        return read_number(m, code, v);
    case DHCP6_OPT_SOL_MAX_RT:
        return read_seconds(v, &m->sol_max_rt_s, LEAST_MAX_RT, MOST_MAX_RT);
    case DHCP6_OPT_INF_MAX_RT:
        return read_seconds(v, &m->inf_max_rt_s, LEAST_MAX_RT, MOST_MAX_RT);
    case DHCP6_OPT_REFRESH:
        return read_seconds(v, &m->refresh_s, 1, UINT32_MAX);
    default:
        return DHCP6_ACCEPTED;
    }
}

enum dhcp6_reject dhcp6_message_parse(const uint8_t *bytes, size_t length, struct dhcp6_message *out)
{
    if (length < 4)
        return DHCP6_REJECT_SHORT;
    if (bytes[0] < DHCP6_SOLICIT || bytes[0] > DHCP6_INFORMATION_REQUEST)
        return DHCP6_REJECT_TYPE;
    *out = (struct dhcp6_message){.type = bytes[0], .xid = load_be32(bytes) & 0xffffffu};
    struct cursor c = cursor_over(bytes + 4, length - 4);
    enum dhcp6_reject reason = DHCP6_ACCEPTED;
    while (cursor_left(&c) > 0 && reason == DHCP6_ACCEPTED) {
        uint16_t code;
        struct dhcp6_value v;
        reason = next_option(&c, &code, &v);
        if (reason == DHCP6_ACCEPTED)
            reason = read_option(out, code, &v);
    }
    return reason;
}

enum dhcp6_reject dhcp6_relay_parse(const uint8_t *bytes, size_t length, struct dhcp6_relay *out)
{
    if (length < 1)
        return DHCP6_REJECT_SHORT;
    if (bytes[0] != DHCP6_RELAY_FORWARD && bytes[0] != DHCP6_RELAY_REPLY)
        return DHCP6_REJECT_TYPE;
    if (length < DHCP6_RELAY_LEN)
        return DHCP6_REJECT_SHORT;
    *out = (struct dhcp6_relay){.type = bytes[0], .hops = bytes[1]};
    out->link = ip_addr_from_v6(bytes + 2);
    out->peer = ip_addr_from_v6(bytes + 18);
    struct cursor c = cursor_over(bytes + DHCP6_RELAY_LEN, length - DHCP6_RELAY_LEN);
    enum dhcp6_reject reason = DHCP6_ACCEPTED;
    while (cursor_left(&c) > 0 && reason == DHCP6_ACCEPTED) {
        uint16_t code;
        struct dhcp6_value v;
        reason = next_option(&c, &code, &v);
        if (reason == DHCP6_ACCEPTED && code == DHCP6_OPT_RELAY_MESSAGE)
            reason = read_once(&v, &out->message, true);
        else if (reason == DHCP6_ACCEPTED && code == DHCP6_OPT_INTERFACE_ID)
            reason = read_once(&v, &out->interface_id, true);
    }
    if (reason == DHCP6_ACCEPTED && (!out->message.bytes || out->hops > DHCP6_HOPS))
        reason = DHCP6_REJECT_RELAY;
    return reason;
}

bool dhcp6_message_asks(const struct dhcp6_message *m, uint16_t code)
{
    for (unsigned i = 0; i + 2 <= m->oro.length; i += 2)
        if (load_be16(m->oro.bytes + i) == code)
            return true;
    return false;
}

static bool is_name_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* One name from `at`, written behind `*length`, or left out when it has no room. Where the next one begins; 0: malformed. */
static size_t print_name(const struct dhcp6_value *list, size_t at, char *to, size_t room, size_t *length)
{
    size_t begin = *length, n = begin;
    while (at < list->length && list->bytes[at] != 0) {
        size_t label = list->bytes[at++];
        if (label > 63 || label >= list->length - at)
            return 0;
        if (n > 0 && n < room)
            to[n] = n == begin ? ' ' : '.';
        n += n > 0;
        for (; label > 0; label--, at++, n++) {
            if (!is_name_character(list->bytes[at]))
                return 0;
            if (n < room)
                to[n] = (char)list->bytes[at];
        }
    }
    *length = n < room ? n : begin;
    return at < list->length ? at + 1 : 0;
}

size_t dhcp6_names_print(const struct dhcp6_value *list, char *to, size_t room)
{
    size_t length = 0, at = 0;
    while (at < list->length && (at = print_name(list, at, to, room, &length)) != 0)
        ;
    length = at == 0 ? 0 : length;
    to[length] = 0;
    return length;
}
