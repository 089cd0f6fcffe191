/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a DHCPv4 message. What is accepted has options within the message or within what was joined,
 * of lengths that they can have; written anew it parses to the same. Names of a search list are bounded and end.
 * With bit 7 of the first byte set, the rest are options only, behind good fixed fields.
 */
#undef NDEBUG
#include <assert.h>

#include "service/dhcp4_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t codes[DHCP4_OPTIONS] = {
#define CODE(name, code, least, unit, most) code,
    DHCP4_OPTION_LIST(CODE)
#undef CODE
};

static void check_bounds(const struct dhcp4_message *m, const uint8_t *bytes, size_t size)
{
    for (unsigned i = 0; i < DHCP4_OPTIONS; i++) {
        const struct dhcp4_value *v = &m->option[i];
        if (!v->bytes)
            continue;
        bool own = v->bytes >= bytes && v->bytes + v->length <= bytes + size;
        bool joined = v->bytes >= m->joined && v->bytes + v->length <= m->joined + m->joined_len;
        assert(own || joined);
    }
}

static void check_search(const struct dhcp4_message *m)
{
    const struct dhcp4_value *v = &m->option[DHCP4_DOMAIN_SEARCH];
    char name[256];
    for (int at = 0; at < v->length;) {
        int next = dhcp4_search_name(v, (size_t)at, name, sizeof name);
        assert(next > at);
        at = next;
    }
}

static void check_again(const struct dhcp4_message *m)
{
    uint8_t to[DHCP4_MOST_ROOM];
    struct dhcp4_writer w;
    struct dhcp4_message again;
    dhcp4_writer_begin(&w, to, sizeof to, &m->header, (enum dhcp4_type)m->type);
    for (unsigned i = 0; i < DHCP4_OPTIONS; i++)
        if (m->option[i].bytes && i != DHCP4_OVERLOAD && i != DHCP4_MESSAGE_TYPE)
            dhcp4_writer_bytes(&w, codes[i], m->option[i].bytes, m->option[i].length);
    int length = dhcp4_writer_end(&w);
    if (length < 0)
        return;
    enum dhcp4_reject reason = dhcp4_message_parse(to, (size_t)length, &again);
    if (reason == DHCP4_REJECT_TOO_LONG)
        return;
    assert(reason == DHCP4_ACCEPTED && memcmp(&again.header, &m->header, sizeof again.header) == 0);
    for (unsigned i = 0; i < DHCP4_OPTIONS; i++)
        if (i != DHCP4_OVERLOAD)
            assert(again.option[i].length == m->option[i].length &&
                   (!again.option[i].length ||
                    memcmp(again.option[i].bytes, m->option[i].bytes, again.option[i].length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[65536];
    struct dhcp4_message m;
    if (size < 1 || size > 4096)
        return 0;
    size_t length = size - 1;
    if (data[0] & 0x80) {
        static const uint8_t cookie[4] = {99, 130, 83, 99};
        memset(bytes, 0, DHCP4_HEADER_LEN);
        bytes[0] = bytes[1] = 1;
        bytes[2] = 6;
        memcpy(bytes + 236, cookie, 4);
        memcpy(bytes + 240, data + 1, length);
        memcpy(bytes + 44, data + 1, length < 192 ? length : 192);
        length += DHCP4_HEADER_LEN;
    } else {
        memcpy(bytes, data + 1, length);
    }
    enum dhcp4_reject reason = dhcp4_message_parse(bytes, length, &m);
    assert(dhcp4_reject_text(reason) != NULL);
    if (reason != DHCP4_ACCEPTED)
        return 0;
    check_bounds(&m, bytes, length);
    check_search(&m);
    check_again(&m);
    return 0;
}
