/* SPDX-License-Identifier: MIT */
/*
 * Writing DHCPv4 messages: RFC 2131 2 and 4.1, RFC 3396. See dhcp4_message.h.
 * The writer fills the options field, then file, then sname; each keeps a byte for its end option, and the options
 * field three more for the option overload, which says at the end which of the others are in use.
 */
#include "base/error.h"
#include "service/dhcp4_message.h"

#define COOKIE 0x63825363u
#define SNAME_AT 44u
#define FILE_AT 108u
#define FILE_END 236u
#define OVERLOAD_LEN 3u

static void write_header(uint8_t *to, const struct dhcp4_header *h)
{
    to[0] = h->op;
    to[1] = h->htype;
    to[2] = h->hlen;
    to[3] = h->hops;
    store_be32(to + 4, h->xid);
    store_be16(to + 8, h->secs);
    store_be16(to + 10, h->flags);
    store_be32(to + 12, h->ciaddr);
    store_be32(to + 16, h->yiaddr);
    store_be32(to + 20, h->siaddr);
    store_be32(to + 24, h->giaddr);
    memcpy(to + 28, h->chaddr, sizeof h->chaddr);
    store_be32(to + FILE_END, COOKIE);
}

void dhcp4_writer_begin(struct dhcp4_writer *w, uint8_t *to, size_t room, const struct dhcp4_header *h,
                        enum dhcp4_type type)
{
    assert(room >= DHCP4_SHORTEST);
    size_t taken = min_size(room, DHCP4_MOST_ROOM);
    memset(to, 0, taken);
    write_header(to, h);
    *w = (struct dhcp4_writer){
        .message = to, .at = DHCP4_HEADER_LEN, .end = (uint16_t)(taken - OVERLOAD_LEN - 1), .options_len = 0};
    uint8_t byte = (uint8_t)type;
    dhcp4_writer_bytes(w, DHCP4_CODE_MESSAGE_TYPE, &byte, 1);
}

/* Ends the field that is full and goes on in the next one. */
static void next_field(struct dhcp4_writer *w)
{
    assert(w->field < 2);
    if (w->field == 0)
        w->options_len = w->at;
    else
        w->message[w->at] = DHCP4_CODE_END;
    w->field++;
    w->at = w->field == 1 ? FILE_AT : SNAME_AT;
    w->end = (w->field == 1 ? FILE_END : FILE_AT) - 1;
    w->overload = (uint8_t)(w->overload | w->field);
}

static void put_piece(struct dhcp4_writer *w, uint8_t code, const uint8_t *bytes, size_t length)
{
    w->message[w->at++] = code;
    w->message[w->at++] = (uint8_t)length;
    memcpy(w->message + w->at, bytes, length);
    w->at = (uint16_t)(w->at + length);
}

/* The longest value that the field takes as one piece, or -1 when there is no room for a code and a length. */
static int field_room(const struct dhcp4_writer *w) { return (int)w->end - (int)w->at - 2; }

/* Conservative for values that have to be cut: two bytes for each 255. */
bool dhcp4_writer_fits(const struct dhcp4_writer *w, size_t length)
{
    static const int of_fields[] = {0, FILE_END - FILE_AT - 3, FILE_AT - SNAME_AT - 3};
    size_t together = 0;
    bool whole = false;
    for (unsigned field = w->field; field <= 2; field++) {
        int room = field == w->field ? field_room(w) : of_fields[field];
        if (room < 0)
            continue;
        whole |= (size_t)room >= length;
        together += (size_t)(room - room / 255 * 2);
    }
    return length > 255 ? together >= length : whole;
}

/* An option that needs no pieces stays in one field (RFC 2131 4.1); only longer ones are cut (RFC 3396). */
void dhcp4_writer_bytes(struct dhcp4_writer *w, uint8_t code, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    w->failed |= !dhcp4_writer_fits(w, length);
    if (w->failed)
        return;
    int least = length <= 255 ? (int)length : 1;
    do {
        while (field_room(w) < least)
            next_field(w);
        size_t piece = min_size(min_size(length, 255), (size_t)field_room(w));
        put_piece(w, code, from, piece);
        from += piece;
        length -= piece;
    } while (length > 0);
}

void dhcp4_writer_u16(struct dhcp4_writer *w, uint8_t code, uint16_t value)
{
    uint8_t bytes[2];
    store_be16(bytes, value);
    dhcp4_writer_bytes(w, code, bytes, sizeof bytes);
}

void dhcp4_writer_u32(struct dhcp4_writer *w, uint8_t code, uint32_t value)
{
    uint8_t bytes[4];
    store_be32(bytes, value);
    dhcp4_writer_bytes(w, code, bytes, sizeof bytes);
}

int dhcp4_writer_end(struct dhcp4_writer *w)
{
    if (w->failed)
        return ERR_NO_SPACE;
    uint16_t at = w->at;
    if (w->field > 0) {
        w->message[at] = DHCP4_CODE_END;
        at = w->options_len;
        w->message[at++] = DHCP4_CODE_OVERLOAD;
        w->message[at++] = 1;
        w->message[at++] = w->overload;
    }
    w->message[at++] = DHCP4_CODE_END;
    return (int)max_u32(at, DHCP4_SHORTEST);
}
