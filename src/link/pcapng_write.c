/* SPDX-License-Identifier: MIT */
/*
 * Writing pcapng blocks: draft-ietf-opsawg-pcapng. One section with one interface or two in nanoseconds; each frame is an
 * Enhanced Packet Block, with its direction where that is known. Comments of packets are cut, so that their overhead is
 * bounded.
 */
#include <sys/utsname.h>

#include "link/pcap_writer.h"

#define RESOLUTION_NS 9u
#define SECTION_LENGTH_UNKNOWN UINT32_MAX /* both halves */

/* Begins a block; end_block fills in its length. Returns where it begins. */
static uint32_t begin_block(struct pcap_writer *w, uint32_t type)
{
    uint32_t at = w->used;
    pcap_put32(w, type);
    pcap_put32(w, 0);
    return at;
}

static void end_block(struct pcap_writer *w, uint32_t at)
{
    uint32_t length = w->used + 4 - at;
    memcpy(w->buffer + at + 4, &length, sizeof length);
    pcap_put32(w, length);
}

static void pad(struct pcap_writer *w, uint32_t length)
{
    static const uint8_t zeros[4];
    pcap_put_bytes(w, zeros, -length & 3u);
}

static void put_option(struct pcap_writer *w, enum pcapng_option code, const void *value, uint32_t length)
{
    pcap_put16(w, (uint16_t)code);
    pcap_put16(w, (uint16_t)length);
    pcap_put_bytes(w, value, length);
    pad(w, length);
}

static uint32_t text_length(const char *text) { return (uint32_t)min_u64(strlen(text), PCAP_TEXT_MAX); }

static void put_text(struct pcap_writer *w, enum pcapng_option code, const char *text)
{
    if (text && *text)
        put_option(w, code, text, text_length(text));
}

static void end_options(struct pcap_writer *w) { put_option(w, PCAPNG_OPTION_END, "", 0); }

void pcapng_put_section(struct pcap_writer *w, const struct pcap_writer_settings *s)
{
    struct utsname system;
    uint32_t at = begin_block(w, PCAPNG_BLOCK_SECTION);
    pcap_put32(w, PCAPNG_BYTE_ORDER);
    pcap_put16(w, PCAPNG_VERSION_MAJOR);
    pcap_put16(w, 0);
    pcap_put32(w, SECTION_LENGTH_UNKNOWN);
    pcap_put32(w, SECTION_LENGTH_UNKNOWN);
    put_text(w, PCAPNG_OPTION_COMMENT, s->comment);
    if (uname(&system) == 0) {
        put_text(w, PCAPNG_SECTION_HARDWARE, system.machine);
        put_text(w, PCAPNG_SECTION_OS, system.sysname);
    }
    put_text(w, PCAPNG_SECTION_APPLICATION, "weir " WEIR_VERSION);
    end_options(w);
    end_block(w, at);
}

/* The filter as libpcap's expression: its text behind a byte that says so. */
static void put_filter(struct pcap_writer *w, const char *filter)
{
    char value[1 + PCAP_TEXT_MAX] = {0};
    if (!filter || !*filter)
        return;
    uint32_t length = text_length(filter);
    memcpy(value + 1, filter, length);
    put_option(w, PCAPNG_INTERFACE_FILTER, value, 1 + length);
}

void pcapng_put_interface(struct pcap_writer *w, const char *name, const char *filter)
{
    const uint8_t resolution = RESOLUTION_NS;
    uint32_t at = begin_block(w, PCAPNG_BLOCK_INTERFACE);
    pcap_put16(w, PCAP_LINK_ETHERNET);
    pcap_put16(w, 0);
    pcap_put32(w, w->snap_length);
    put_text(w, PCAPNG_INTERFACE_NAME, name);
    put_option(w, PCAPNG_INTERFACE_RESOLUTION, &resolution, sizeof resolution);
    put_filter(w, filter);
    end_options(w);
    end_block(w, at);
}

static void put_time(struct pcap_writer *w, int64_t time_ns)
{
    uint64_t units = (uint64_t)max_i64(time_ns, 0);
    pcap_put32(w, (uint32_t)(units >> 32));
    pcap_put32(w, (uint32_t)units);
}

void pcapng_put_packet(struct pcap_writer *w, const struct pcap_record *record, uint32_t captured)
{
    uint32_t at = begin_block(w, PCAPNG_BLOCK_ENHANCED), flags = record->direction;
    const uint32_t comment = pcap_comment_length(record);
    pcap_put32(w, record->interface);
    put_time(w, record->time_ns);
    pcap_put32(w, captured);
    pcap_put32(w, record->original);
    pcap_put_bytes(w, record->bytes, captured);
    pad(w, captured);
    if (comment)
        put_option(w, PCAPNG_OPTION_COMMENT, record->comment, comment);
    if (flags)
        put_option(w, PCAPNG_PACKET_FLAGS, &flags, sizeof flags);
    if (flags || comment)
        end_options(w);
    end_block(w, at);
}

static void put_time_option(struct pcap_writer *w, enum pcapng_option code, int64_t time_ns)
{
    pcap_put16(w, (uint16_t)code);
    pcap_put16(w, 8);
    put_time(w, time_ns);
}

static void put_count(struct pcap_writer *w, enum pcapng_option code, uint64_t count)
{
    if (count != UINT64_MAX)
        put_option(w, code, &count, sizeof count);
}

void pcapng_put_statistics(struct pcap_writer *w, const struct pcap_statistics *s)
{
    uint32_t at = begin_block(w, PCAPNG_BLOCK_STATISTICS);
    pcap_put32(w, 0);
    put_time(w, s->end_ns);
    put_time_option(w, PCAPNG_STATISTICS_START, s->start_ns);
    put_time_option(w, PCAPNG_STATISTICS_END, s->end_ns);
    put_count(w, PCAPNG_STATISTICS_RECEIVED, s->received);
    put_count(w, PCAPNG_STATISTICS_DROPPED, s->dropped);
    put_count(w, PCAPNG_STATISTICS_ACCEPTED, s->accepted);
    put_count(w, PCAPNG_STATISTICS_OS_DROPPED, s->os_dropped);
    put_count(w, PCAPNG_STATISTICS_DELIVERED, s->delivered);
    end_options(w);
    end_block(w, at);
}
