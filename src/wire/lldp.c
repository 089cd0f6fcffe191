/* SPDX-License-Identifier: MIT */
/*
 * LLDPDUs: see lldp.h.
 */
#include "wire/lldp.h"

#include "base/error.h"

#define HEADER_LEN 2u
#define MANDATORY 3u
#define NUMBERING_IF_INDEX 2u

const char *wire_lldp_reject_text(enum wire_lldp_reject reason)
{
    static const char *const texts[WIRE_LLDP_REJECTS] = {"accepted",
#define TEXT(name, text) text,
                                                         WIRE_LLDP_REJECT_LIST(TEXT)
#undef TEXT
    };
    return (unsigned)reason < WIRE_LLDP_REJECTS ? texts[reason] : "unknown reason";
}

/* ---- reading ---- */

struct tlv {
    uint8_t type;
    struct wire_lldp_value value;
};

static enum wire_lldp_reject next_tlv(struct cursor *c, struct tlv *out)
{
    uint16_t header = cursor_be16(c);
    if (c->failed)
        return WIRE_LLDP_REJECT_SHORT;
    out->type = (uint8_t)(header >> 9);
    out->value.length = header & 0x1ff;
    out->value.bytes = cursor_take(c, out->value.length);
    return c->failed ? WIRE_LLDP_REJECT_TLV_PAST_END : WIRE_LLDP_ACCEPTED;
}

/* A subtype and 1 to 255 bytes. */
static bool take_id(const struct tlv *t, uint8_t *subtype, struct wire_lldp_value *id)
{
    if (t->value.length < 2 || t->value.length > WIRE_LLDP_ID_MAX + 1 || t->value.bytes[0] == 0)
        return false;
    *subtype = t->value.bytes[0];
    *id = (struct wire_lldp_value){t->value.bytes + 1, (uint16_t)(t->value.length - 1)};
    return true;
}

static enum wire_lldp_reject take_mandatory(struct wire_lldp *h, const struct tlv *t)
{
    if (t->type == WIRE_LLDP_CHASSIS)
        return take_id(t, &h->chassis_subtype, &h->chassis) ? WIRE_LLDP_ACCEPTED : WIRE_LLDP_REJECT_CHASSIS;
    if (t->type == WIRE_LLDP_PORT)
        return take_id(t, &h->port_subtype, &h->port) ? WIRE_LLDP_ACCEPTED : WIRE_LLDP_REJECT_PORT;
    if (t->value.length < 2)
        return WIRE_LLDP_REJECT_TTL;
    h->ttl_s = load_be16(t->value.bytes);
    return WIRE_LLDP_ACCEPTED;
}

static bool take_text(struct wire_lldp_value *to, const struct wire_lldp_value *from)
{
    if (to->bytes || from->length > WIRE_LLDP_TEXT_MAX)
        return false;
    *to = *from;
    return true;
}

static bool take_capabilities(struct wire_lldp *h, const struct wire_lldp_value *v)
{
    if (h->has_capabilities || v->length != 4)
        return false;
    h->has_capabilities = true;
    h->capabilities = load_be16(v->bytes);
    h->enabled = load_be16(v->bytes + 2);
    return true;
}

/* Length, family, address, numbering, interface number, length of an object identifier (8.5.9). The first one counts. */
static bool take_management(struct wire_lldp *h, const struct wire_lldp_value *v)
{
    struct cursor c = cursor_over(v->bytes, v->length);
    uint8_t length = cursor_u8(&c), family = cursor_u8(&c);
    if (c.failed || length < 2 || length > WIRE_LLDP_ADDRESS_MAX + 1)
        return false;
    const uint8_t *address = cursor_take(&c, length - 1u);
    (void)cursor_u8(&c);
    uint32_t interface = cursor_be32(&c);
    (void)cursor_take(&c, cursor_u8(&c));
    if (c.failed)
        return false;
    if (h->management.bytes)
        return true;
    h->management_family = family;
    h->management = (struct wire_lldp_value){address, (uint16_t)(length - 1)};
    h->management_interface = interface;
    return true;
}

/* False: not of a form that the TLV may have. */
static bool take_optional(struct wire_lldp *h, const struct tlv *t)
{
    switch (t->type) {
    case WIRE_LLDP_PORT_DESCRIPTION:
        return take_text(&h->port_description, &t->value);
    case WIRE_LLDP_SYSTEM_NAME:
        return take_text(&h->system_name, &t->value);
    case WIRE_LLDP_SYSTEM_DESCRIPTION:
        return take_text(&h->system_description, &t->value);
    case WIRE_LLDP_CAPABILITIES:
        return take_capabilities(h, &t->value);
    case WIRE_LLDP_MANAGEMENT:
        return take_management(h, &t->value);
    default:
        h->others++;
        return true;
    }
}

static enum wire_lldp_reject take_tlv(struct wire_lldp *h, const struct tlv *t, unsigned position)
{
    bool mandatory = t->type >= WIRE_LLDP_CHASSIS && t->type <= WIRE_LLDP_TTL;
    if (position < MANDATORY && t->type != position + 1)
        return WIRE_LLDP_REJECT_ORDER;
    if (position < MANDATORY)
        return take_mandatory(h, t);
    if (mandatory)
        return WIRE_LLDP_REJECT_REPEATED;
    if (!take_optional(h, t))
        h->ignored++;
    return WIRE_LLDP_ACCEPTED;
}

enum wire_lldp_reject wire_lldp_parse(const uint8_t *bytes, size_t length, struct wire_lldp *out)
{
    struct cursor c = cursor_over(bytes, min_size(length, WIRE_LLDP_MOST));
    struct tlv t = {0};
    *out = (struct wire_lldp){0};
    for (unsigned position = 0; cursor_left(&c) > 0; position++) {
        enum wire_lldp_reject reason = next_tlv(&c, &t);
        if (reason == WIRE_LLDP_ACCEPTED && t.type == WIRE_LLDP_END && position >= MANDATORY)
            return t.value.length == 0 ? WIRE_LLDP_ACCEPTED : WIRE_LLDP_REJECT_END;
        if (reason == WIRE_LLDP_ACCEPTED)
            reason = take_tlv(out, &t, position);
        if (reason != WIRE_LLDP_ACCEPTED)
            return reason;
    }
    return out->chassis.bytes && out->port.bytes && t.type >= WIRE_LLDP_TTL ? WIRE_LLDP_ACCEPTED
                                                                            : WIRE_LLDP_REJECT_ORDER;
}

/* ---- writing ---- */

struct writer {
    uint8_t *at, *end;
    bool failed;
};

/* Room for a TLV's value, or NULL. */
static uint8_t *put_tlv(struct writer *w, uint8_t type, size_t length)
{
    if (w->failed || (size_t)(w->end - w->at) < HEADER_LEN + length) {
        w->failed = true;
        return NULL;
    }
    store_be16(w->at, (uint16_t)((unsigned)type << 9 | (unsigned)length));
    uint8_t *value = w->at + HEADER_LEN;
    w->at += HEADER_LEN + length;
    return value;
}

static void put_id(struct writer *w, uint8_t type, uint8_t subtype, const struct wire_lldp_value *id)
{
    uint8_t *to = put_tlv(w, type, 1u + id->length);
    if (!to)
        return;
    to[0] = subtype;
    memcpy(to + 1, id->bytes, id->length);
}

static void put_text(struct writer *w, uint8_t type, const struct wire_lldp_value *text)
{
    uint8_t *to = text->bytes ? put_tlv(w, type, text->length) : NULL;
    if (to)
        memcpy(to, text->bytes, text->length);
}

static void put_management(struct writer *w, const struct wire_lldp *h)
{
    size_t n = h->management.length;
    uint8_t *to = h->management.bytes ? put_tlv(w, WIRE_LLDP_MANAGEMENT, n + 8) : NULL;
    if (!to)
        return;
    to[0] = (uint8_t)(n + 1);
    to[1] = h->management_family;
    memcpy(to + 2, h->management.bytes, n);
    to[n + 2] = NUMBERING_IF_INDEX;
    store_be32(to + n + 3, h->management_interface);
    to[n + 7] = 0;
}

static void put_optional(struct writer *w, const struct wire_lldp *h)
{
    put_text(w, WIRE_LLDP_PORT_DESCRIPTION, &h->port_description);
    put_text(w, WIRE_LLDP_SYSTEM_NAME, &h->system_name);
    put_text(w, WIRE_LLDP_SYSTEM_DESCRIPTION, &h->system_description);
    uint8_t *to = h->has_capabilities ? put_tlv(w, WIRE_LLDP_CAPABILITIES, 4) : NULL;
    if (to) {
        store_be16(to, h->capabilities);
        store_be16(to + 2, h->enabled);
    }
    put_management(w, h);
}

static bool id_ok(uint8_t subtype, const struct wire_lldp_value *id)
{
    return subtype != 0 && id->bytes && id->length > 0 && id->length <= WIRE_LLDP_ID_MAX;
}

int wire_lldp_build(uint8_t *to, size_t room, const struct wire_lldp *h)
{
    struct writer w = {.at = to, .end = to + room};
    if (!id_ok(h->chassis_subtype, &h->chassis) || !id_ok(h->port_subtype, &h->port) ||
        h->port_description.length > WIRE_LLDP_TEXT_MAX || h->system_name.length > WIRE_LLDP_TEXT_MAX ||
        h->system_description.length > WIRE_LLDP_TEXT_MAX || h->management.length > WIRE_LLDP_ADDRESS_MAX)
        return ERR_INVALID;
    put_id(&w, WIRE_LLDP_CHASSIS, h->chassis_subtype, &h->chassis);
    put_id(&w, WIRE_LLDP_PORT, h->port_subtype, &h->port);
    uint8_t *ttl = put_tlv(&w, WIRE_LLDP_TTL, 2);
    if (ttl)
        store_be16(ttl, h->ttl_s);
    if (h->ttl_s != 0)
        put_optional(&w, h);
    (void)put_tlv(&w, WIRE_LLDP_END, 0);
    return w.failed ? ERR_NO_SPACE : (int)(w.at - to);
}
