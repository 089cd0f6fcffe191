/* SPDX-License-Identifier: MIT */
/*
 * Reading pcapng: draft-ietf-opsawg-pcapng. Blocks are walked one after the other; those that are no packets,
 * interfaces or sections are passed over. Like the classic reader it believes nothing: no length makes it allocate, a
 * packet longer than PCAP_RECORD_MAX is malformed, and the first bad block ends the reading. Packets of a Simple Packet
 * Block have no time: they get that of the packet before.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "link/pcap_reader.h"

#define DEFAULT_RESOLUTION 6u
#define MAGIC_BYTES 4u
#define POWERS 20u /* 10^19 is the last in 64 bits */
#define FCS_BITS_FROM 8u

__extension__ typedef unsigned __int128 u128;

struct block {
    uint32_t type, left; /* bytes of the body that were not read yet */
    uint32_t total;
};

static int read_bytes(struct pcap_reader *r, uint8_t *to, uint32_t length)
{
    return fread(to, 1, length, r->file) == length ? 0 : ERR_TRUNCATED;
}

/* The next bytes of a block's body. */
static int take(struct pcap_reader *r, struct block *b, uint8_t *to, uint32_t length)
{
    if (length > b->left)
        return ERR_MALFORMED;
    b->left -= length;
    return read_bytes(r, to, length);
}

static int skip(struct pcap_reader *r, uint32_t length)
{
    uint8_t scratch[4096];
    while (length > 0) {
        uint32_t part = min_u32(length, sizeof scratch);
        if (read_bytes(r, scratch, part) != 0)
            return ERR_TRUNCATED;
        length -= part;
    }
    return 0;
}

/* What is left of the block; its length must stand behind it once more. */
static int end_block(struct pcap_reader *r, const struct block *b)
{
    uint8_t trailer[4];
    int error = skip(r, b->left);
    if (!error)
        error = read_bytes(r, trailer, sizeof trailer);
    if (!error && pcap_get32(r, trailer) != b->total)
        error = ERR_MALFORMED;
    return error;
}

static int set_length(struct block *b, uint32_t total, uint32_t already)
{
    if (total % 4 != 0 || total < PCAPNG_BLOCK_OVERHEAD + already)
        return ERR_MALFORMED;
    b->total = total;
    b->left = total - PCAPNG_BLOCK_OVERHEAD - already;
    return 0;
}

/* ---- sections and interfaces ---- */

int pcapng_read_section(struct pcap_reader *r)
{
    uint8_t start[8 + MAGIC_BYTES], magic[MAGIC_BYTES];
    struct block b = {.type = PCAPNG_BLOCK_SECTION};
    int error = read_bytes(r, start, 8);
    if (error)
        return error;
    memcpy(magic, start + 4, sizeof magic);
    r->swapped = false;
    r->swapped = pcap_get32(r, magic) == __builtin_bswap32(PCAPNG_BYTE_ORDER);
    if (pcap_get32(r, magic) != PCAPNG_BYTE_ORDER)
        return ERR_MALFORMED;
    error = set_length(&b, pcap_get32(r, start), MAGIC_BYTES);
    if (!error)
        error = take(r, &b, start, PCAPNG_SECTION_BYTES - MAGIC_BYTES);
    if (!error && pcap_get16(r, start) != PCAPNG_VERSION_MAJOR)
        error = ERR_UNSUPPORTED;
    r->n_interfaces = 0;
    return error ? error : end_block(r, &b);
}

/* The option stands for bits; some write the bytes of an Ethernet FCS. */
static uint8_t fcs_bytes_of(uint8_t value) { return (uint8_t)(value >= FCS_BITS_FROM ? value / 8 : value); }

static void take_option(struct pcap_reader *r, struct pcapng_interface *to, uint32_t code, const uint8_t *value,
                        uint32_t length)
{
    if (code == PCAPNG_INTERFACE_RESOLUTION && length >= 1)
        to->resolution = value[0];
    if (code == PCAPNG_INTERFACE_FCS && length >= 1)
        to->fcs_bytes = fcs_bytes_of(value[0]);
    if (code == PCAPNG_INTERFACE_OFFSET && length >= 8) {
        uint64_t seconds;
        memcpy(&seconds, value, sizeof seconds);
        to->offset_s = (int64_t)(r->swapped ? __builtin_bswap64(seconds) : seconds);
    }
}

static void take_options(struct pcap_reader *r, struct pcapng_interface *to, const uint8_t *at, uint32_t left)
{
    while (left >= 4) {
        uint32_t code = pcap_get16(r, at), length = pcap_get16(r, at + 2);
        uint32_t padded = (length + 3) & ~3u;
        if (code == PCAPNG_OPTION_END || length > left - 4)
            return;
        take_option(r, to, code, at + 4, length);
        if (padded > left - 4)
            return;
        at += 4 + padded;
        left -= 4 + padded;
    }
}

static int read_interface(struct pcap_reader *r, struct block *b)
{
    uint32_t length = b->left;
    if (length < PCAPNG_INTERFACE_BYTES || length > sizeof r->bytes || r->n_interfaces == PCAPNG_MAX_INTERFACES)
        return ERR_MALFORMED;
    int error = take(r, b, r->bytes, length);
    if (error)
        return error;
    struct pcapng_interface *i = &r->interfaces[r->n_interfaces++];
    *i = (struct pcapng_interface){.link_type = pcap_get16(r, r->bytes),
                                   .snap_length = pcap_get32(r, r->bytes + 4),
                                   .resolution = DEFAULT_RESOLUTION};
    take_options(r, i, r->bytes + PCAPNG_INTERFACE_BYTES, length - PCAPNG_INTERFACE_BYTES);
    return end_block(r, b);
}

/* ---- packets ---- */

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* Units of the interface's resolution as nanoseconds since 1970, held within [0, INT64_MAX]. */
static int64_t to_ns(const struct pcapng_interface *i, uint64_t units)
{
    unsigned exponent = i->resolution & 0x7fu;
    u128 ns = units;
    if (i->resolution & 0x80)
        ns = ns * NS_PER_S >> exponent;
    else if (exponent <= 9)
        ns *= power_of_ten(9 - exponent);
    else
        ns = exponent - 9 < POWERS ? ns / power_of_ten(exponent - 9) : 0;
    int64_t whole = ns > INT64_MAX ? INT64_MAX : (int64_t)ns, offset, sum;
    if (__builtin_mul_overflow(i->offset_s, NS_PER_S, &offset) || __builtin_add_overflow(whole, offset, &sum))
        return i->offset_s < 0 ? 0 : INT64_MAX;
    return max_i64(sum, 0);
}

/* The packet's bytes and the end of its block. */
static int read_packet(struct pcap_reader *r, struct block *b, const struct pcapng_interface *i,
                       struct pcap_record *out)
{
    if (out->captured > PCAP_RECORD_MAX)
        return ERR_MALFORMED;
    out->bytes = r->bytes;
    out->link_type = i->link_type;
    out->original = max_u32(out->original, out->captured);
    int error = take(r, b, r->bytes, out->captured);
    if (!error)
        error = end_block(r, b);
    if (!error && r->ethernet_only && i->link_type != PCAP_LINK_ETHERNET)
        error = ERR_UNSUPPORTED;
    if (error)
        return error;
    pcap_strip_fcs(out, i->fcs_bytes);
    return 1;
}

/* Enhanced packets, and the obsolete ones, whose interface number is the upper half of the same word. */
static int read_enhanced(struct pcap_reader *r, struct block *b, struct pcap_record *out)
{
    uint8_t head[PCAPNG_PACKET_BYTES];
    int error = take(r, b, head, sizeof head);
    if (error)
        return error;
    uint32_t number = b->type == PCAPNG_BLOCK_PACKET ? pcap_get16(r, head) : pcap_get32(r, head);
    if (number >= r->n_interfaces)
        return ERR_MALFORMED;
    const struct pcapng_interface *i = &r->interfaces[number];
    uint64_t units = (uint64_t)pcap_get32(r, head + 4) << 32 | pcap_get32(r, head + 8);
    *out = (struct pcap_record){
        .time_ns = to_ns(i, units), .captured = pcap_get32(r, head + 12), .original = pcap_get32(r, head + 16)};
    return read_packet(r, b, i, out);
}

/* All the packet up to the first interface's snap length; how much that is, only the block's length tells. */
static int read_simple(struct pcap_reader *r, struct block *b, struct pcap_record *out)
{
    uint8_t head[PCAPNG_SIMPLE_BYTES];
    int error = take(r, b, head, sizeof head);
    if (error || r->n_interfaces == 0)
        return error ? error : ERR_MALFORMED;
    const struct pcapng_interface *i = &r->interfaces[0];
    uint32_t original = pcap_get32(r, head);
    uint32_t captured = i->snap_length ? min_u32(original, i->snap_length) : original;
    *out = (struct pcap_record){.time_ns = r->last_ns, .captured = captured, .original = original};
    return read_packet(r, b, i, out);
}

/* One block: 1 and a record; 0 when it was no packet. */
static int read_block(struct pcap_reader *r, struct block *b, struct pcap_record *out)
{
    switch (b->type) {
    case PCAPNG_BLOCK_INTERFACE:
        return read_interface(r, b);
    case PCAPNG_BLOCK_ENHANCED:
    case PCAPNG_BLOCK_PACKET:
        return read_enhanced(r, b, out);
    case PCAPNG_BLOCK_SIMPLE:
        return read_simple(r, b, out);
    default:
        return end_block(r, b);
    }
}

/* What follows a block's type. */
static int read_rest(struct pcap_reader *r, uint32_t type, struct pcap_record *out)
{
    uint8_t length[4];
    struct block b = {.type = type};
    if (type == PCAPNG_BLOCK_SECTION)
        return pcapng_read_section(r);
    int error = read_bytes(r, length, sizeof length);
    if (!error)
        error = set_length(&b, pcap_get32(r, length), 0);
    return error ? error : read_block(r, &b, out);
}

int pcapng_next(struct pcap_reader *r, struct pcap_record *out)
{
    for (;;) {
        uint8_t type[4];
        size_t got = fread(type, 1, sizeof type, r->file);
        if (got < sizeof type)
            return got == 0 && !ferror(r->file) ? 0 : ERR_TRUNCATED;
        int result = read_rest(r, pcap_get32(r, type), out);
        if (result != 0)
            return result;
    }
}
