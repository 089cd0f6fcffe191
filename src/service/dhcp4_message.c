/* SPDX-License-Identifier: MIT */
/*
 * Reading DHCPv4 messages: RFC 2131 2 and 4.1, RFC 2132, RFC 3396. See dhcp4_message.h.
 * The fields of options are walked twice at most: once to find each option and its whole length, once more to join
 * those that came in pieces.
 */
#include "service/dhcp4_message.h"

#include "base/error.h"

#define COOKIE 0x63825363u
#define SNAME_AT 44u
#define SNAME_LEN 64u
#define FILE_AT 108u
#define FILE_LEN 128u
#define LEAST_MAX_SIZE 576u

struct rule {
    uint8_t code, least, unit, most;
};

static const struct rule rules[DHCP4_OPTIONS] = {
#define RULE(name, code, least, unit, most) {code, least, unit, most},
    DHCP4_OPTION_LIST(RULE)
#undef RULE
};

/* By code: enum dhcp4_option + 1; 0: not read. */
static const uint8_t option_of[256] = {
#define OPTION_OF(name, code, least, unit, most) [code] = DHCP4_##name + 1,
    DHCP4_OPTION_LIST(OPTION_OF)
#undef OPTION_OF
};

const char *dhcp4_reject_text(enum dhcp4_reject reason)
{
    static const char *const texts[DHCP4_REJECTS] = {"accepted",
#define TEXT(name, text) text,
                                                     DHCP4_REJECT_LIST(TEXT)
#undef TEXT
    };
    return (unsigned)reason < DHCP4_REJECTS ? texts[reason] : "unknown reason";
}

/* A field of options: the next one. code END or a reason ends it. */
struct walk {
    struct cursor at;
    uint8_t code;
    struct dhcp4_value value;
};

static enum dhcp4_reject next_option(struct walk *w)
{
    do {
        if (cursor_left(&w->at) == 0)
            return DHCP4_REJECT_NO_END;
        w->code = cursor_u8(&w->at);
    } while (w->code == DHCP4_CODE_PAD);
    if (w->code == DHCP4_CODE_END)
        return DHCP4_ACCEPTED;
    w->value.length = cursor_u8(&w->at);
    w->value.bytes = cursor_take(&w->at, w->value.length);
    return w->at.failed ? DHCP4_REJECT_OPTION_PAST_END : DHCP4_ACCEPTED;
}

/* What was found of the options: where the first piece is, how long all are, how many. */
struct found {
    struct dhcp4_value first;
    uint32_t total;
    uint16_t pieces;
};

static enum dhcp4_reject scan_field(const uint8_t *field, size_t length, bool overloaded, struct found *found)
{
    struct walk w = {.at = cursor_over(field, length)};
    for (;;) {
        enum dhcp4_reject reason = next_option(&w);
        if (reason != DHCP4_ACCEPTED || w.code == DHCP4_CODE_END)
            return reason;
        if (w.code == DHCP4_CODE_OVERLOAD && overloaded)
            return DHCP4_REJECT_OVERLOAD;
        unsigned option = option_of[w.code];
        if (option == 0)
            continue;
        struct found *f = &found[option - 1];
        if (f->pieces++ == 0)
            f->first = w.value;
        f->total += w.value.length;
    }
}

/* RFC 3396 5: the pieces of one option, in the order of their fields. The field was scanned: it has no faults. */
static void join_field(const uint8_t *field, size_t length, uint8_t code, uint8_t **to)
{
    struct walk w = {.at = cursor_over(field, length)};
    while (next_option(&w) == DHCP4_ACCEPTED && w.code != DHCP4_CODE_END) {
        if (w.code != code)
            continue;
        memcpy(*to, w.value.bytes, w.value.length);
        *to += w.value.length;
    }
}

/* The fields of options in the order in which they are read (RFC 2131 4.1). */
struct fields {
    struct {
        const uint8_t *bytes;
        size_t length;
    } of[3];
    unsigned n;
};

static void add_field(struct fields *f, const uint8_t *bytes, size_t length)
{
    f->of[f->n].bytes = bytes;
    f->of[f->n++].length = length;
}

static enum dhcp4_reject scan_fields(const uint8_t *bytes, size_t length, struct fields *f, struct found *found)
{
    add_field(f, bytes + DHCP4_HEADER_LEN, length - DHCP4_HEADER_LEN);
    enum dhcp4_reject reason = scan_field(f->of[0].bytes, f->of[0].length, false, found);
    const struct found *overload = &found[DHCP4_OVERLOAD];
    if (reason != DHCP4_ACCEPTED || overload->pieces == 0)
        return reason;
    if (overload->total != 1 || overload->first.length != 1)
        return DHCP4_REJECT_OVERLOAD;
    uint8_t which = *overload->first.bytes;
    if (which < 1 || which > 3)
        return DHCP4_REJECT_OVERLOAD;
    if (which & 1)
        add_field(f, bytes + FILE_AT, FILE_LEN);
    if (which & 2)
        add_field(f, bytes + SNAME_AT, SNAME_LEN);
    for (unsigned i = 1; i < f->n && reason == DHCP4_ACCEPTED; i++)
        reason = scan_field(f->of[i].bytes, f->of[i].length, true, found);
    return reason;
}

static enum dhcp4_reject take_option(struct dhcp4_message *m, const struct fields *fields, const struct found *found,
                                     unsigned option)
{
    const struct rule *r = &rules[option];
    const struct found *f = &found[option];
    if (f->pieces == 0)
        return DHCP4_ACCEPTED;
    if (f->total < r->least || f->total % r->unit || (r->most && f->total > r->most))
        return DHCP4_REJECT_OPTION_LENGTH;
    m->option[option] = f->first;
    if (f->pieces == 1)
        return DHCP4_ACCEPTED;
    if (f->total > DHCP4_JOINED_MAX - m->joined_len)
        return DHCP4_REJECT_TOO_LONG;
    uint8_t *to = m->joined + m->joined_len;
    m->option[option] = (struct dhcp4_value){.bytes = to, .length = (uint16_t)f->total};
    m->joined_len = (uint16_t)(m->joined_len + f->total);
    for (unsigned i = 0; i < fields->n; i++)
        join_field(fields->of[i].bytes, fields->of[i].length, r->code, &to);
    return DHCP4_ACCEPTED;
}

static enum dhcp4_reject take_options(struct dhcp4_message *m, const struct fields *fields, const struct found *found)
{
    enum dhcp4_reject reason = DHCP4_ACCEPTED;
    for (unsigned i = 0; i < DHCP4_OPTIONS && reason == DHCP4_ACCEPTED; i++)
        reason = take_option(m, fields, found, i);
    return reason;
}

/* ---- values ---- */

static bool mask_is_good(uint32_t mask) { return mask != 0 && (~mask & (~mask + 1)) == 0; }

static bool relay_agent_is_good(const struct dhcp4_value *v)
{
    struct cursor c = dhcp4_value_cursor(v);
    while (!c.failed && cursor_left(&c) > 0) {
        (void)cursor_u8(&c);
        (void)cursor_take(&c, cursor_u8(&c));
    }
    return !c.failed;
}

static bool routes_are_good(const struct dhcp4_value *v)
{
    struct cursor c = dhcp4_value_cursor(v);
    while (!c.failed && cursor_left(&c) > 0) {
        unsigned bits = cursor_u8(&c);
        if (bits > 32)
            return false;
        (void)cursor_take(&c, (bits + 7) / 8 + 4);
    }
    return !c.failed;
}

static bool search_is_good(const struct dhcp4_value *v)
{
    char name[256];
    for (int at = 0; at < v->length;)
        if ((at = dhcp4_search_name(v, (size_t)at, name, sizeof name)) < 0)
            return false;
    return true;
}

static enum dhcp4_reject check_values(const struct dhcp4_message *m)
{
    const struct dhcp4_value *type = &m->option[DHCP4_MESSAGE_TYPE];
    if (!type->bytes || *type->bytes < DHCP4_DISCOVER || *type->bytes > DHCP4_INFORM)
        return DHCP4_REJECT_TYPE;
    if (!mask_is_good(dhcp4_message_u32(m, DHCP4_SUBNET_MASK, 0xffffffffu)))
        return DHCP4_REJECT_MASK;
    if (dhcp4_message_u16(m, DHCP4_MAX_SIZE, LEAST_MAX_SIZE) < LEAST_MAX_SIZE)
        return DHCP4_REJECT_MAX_SIZE;
    if (!relay_agent_is_good(&m->option[DHCP4_RELAY_AGENT]))
        return DHCP4_REJECT_RELAY_AGENT;
    if (!routes_are_good(&m->option[DHCP4_CLASSLESS_ROUTES]))
        return DHCP4_REJECT_ROUTES;
    return search_is_good(&m->option[DHCP4_DOMAIN_SEARCH]) ? DHCP4_ACCEPTED : DHCP4_REJECT_SEARCH;
}

/* ---- the domain search list: RFC 3397 2, RFC 1035 4.1.4 ---- */

struct name {
    char *to;
    size_t size, length;
};

static bool add_label(struct name *n, const uint8_t *label, size_t length)
{
    if (n->length + length + 1 >= n->size || n->length + length + 1 > 254)
        return false;
    memcpy(n->to + n->length, label, length);
    n->length += length;
    n->to[n->length++] = '.';
    return true;
}

int dhcp4_search_name(const struct dhcp4_value *list, size_t at, char *to, size_t size)
{
    struct name n = {.to = to, .size = size};
    size_t limit = at; /* pointers go to before this: each further back, so that there is no loop */
    size_t next = 0;   /* behind the name, known at its end or first pointer */
    for (;;) {
        if (at >= list->length)
            return ERR_MALFORMED;
        uint8_t length = list->bytes[at++];
        if (length >= 0xc0) {
            if (at >= list->length)
                return ERR_MALFORMED;
            size_t target = (size_t)(length & 0x3fu) << 8 | list->bytes[at++];
            if (next == 0)
                next = at;
            if (target >= limit)
                return ERR_MALFORMED;
            at = limit = target;
            continue;
        }
        if (length == 0)
            break;
        if (length > 63 || length > list->length - at || !add_label(&n, list->bytes + at, length))
            return ERR_MALFORMED;
        at += length;
    }
    if (n.length == 0 || size == 0)
        return ERR_MALFORMED;
    to[n.length - 1] = '\0';
    return (int)(next ? next : at);
}

/* ---- the message ---- */

static void read_header(const uint8_t *b, struct dhcp4_header *h)
{
    h->op = b[0];
    h->htype = b[1];
    h->hlen = b[2];
    h->hops = b[3];
    h->xid = load_be32(b + 4);
    h->secs = load_be16(b + 8);
    h->flags = load_be16(b + 10);
    h->ciaddr = load_be32(b + 12);
    h->yiaddr = load_be32(b + 16);
    h->siaddr = load_be32(b + 20);
    h->giaddr = load_be32(b + 24);
    memcpy(h->chaddr, b + 28, sizeof h->chaddr);
}

static enum dhcp4_reject check_header(const uint8_t *bytes, const struct dhcp4_header *h)
{
    if (h->op != DHCP4_BOOTREQUEST && h->op != DHCP4_BOOTREPLY)
        return DHCP4_REJECT_OP;
    if (h->hlen > sizeof h->chaddr || (h->htype == DHCP4_ETHERNET && h->hlen != 6))
        return DHCP4_REJECT_HARDWARE;
    return load_be32(bytes + 236) == COOKIE ? DHCP4_ACCEPTED : DHCP4_REJECT_COOKIE;
}

enum dhcp4_reject dhcp4_message_parse(const uint8_t *bytes, size_t length, struct dhcp4_message *out)
{
    struct fields fields = {.n = 0};
    struct found found[DHCP4_OPTIONS] = {{.pieces = 0}};
    if (length < DHCP4_HEADER_LEN)
        return DHCP4_REJECT_SHORT;
    if (length > DHCP4_LONGEST)
        return DHCP4_REJECT_LONG;
    memset(out, 0, offsetof(struct dhcp4_message, joined));
    read_header(bytes, &out->header);
    enum dhcp4_reject reason = check_header(bytes, &out->header);
    if (reason == DHCP4_ACCEPTED)
        reason = scan_fields(bytes, length, &fields, found);
    if (reason == DHCP4_ACCEPTED)
        reason = take_options(out, &fields, found);
    if (reason == DHCP4_ACCEPTED)
        reason = check_values(out);
    if (reason == DHCP4_ACCEPTED)
        out->type = *out->option[DHCP4_MESSAGE_TYPE].bytes;
    return reason;
}
