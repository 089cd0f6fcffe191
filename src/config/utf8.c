/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 (RFC 3629), decoded by the table of its section 4: the lead byte gives the length and the range of the second
 * byte. An invalid sequence is as long as its part that could have become valid (Unicode 3.9, "maximal subpart").
 */
#include "config/utf8.h"

struct lead {
    uint8_t first, last; /* lead bytes */
    uint8_t more;        /* continuation bytes */
    uint8_t low, high;   /* range of the second byte */
    uint8_t mask;        /* of the lead byte's payload */
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf, 0x1f}, {0xe0, 0xe0, 2, 0xa0, 0xbf, 0x0f}, {0xe1, 0xec, 2, 0x80, 0xbf, 0x0f},
    {0xed, 0xed, 2, 0x80, 0x9f, 0x0f}, {0xee, 0xef, 2, 0x80, 0xbf, 0x0f}, {0xf0, 0xf0, 3, 0x90, 0xbf, 0x07},
    {0xf1, 0xf3, 3, 0x80, 0xbf, 0x07}, {0xf4, 0xf4, 3, 0x80, 0x8f, 0x07},
};

static const struct lead *lead_find(uint8_t byte)
{
    for (size_t i = 0; i < ARRAY_SIZE(leads); i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

struct config_utf8 config_utf8_decode_long(const uint8_t *p, size_t left)
{
    const struct lead *lead = lead_find(p[0]);
    struct config_utf8 bad = {.code = 0xfffd, .length = 1, .valid = false};
    if (!lead)
        return bad;
    uint32_t code = p[0] & lead->mask;
    for (unsigned i = 1; i <= lead->more; i++) {
        uint8_t low = i == 1 ? lead->low : 0x80, high = i == 1 ? lead->high : 0xbf;
        bad.length = i;
        if (i >= left || p[i] < low || p[i] > high)
            return bad;
        code = code << 6 | (p[i] & 0x3f);
    }
    return (struct config_utf8){.code = code, .length = lead->more + 1u, .valid = true};
}

bool config_utf8_must_escape(uint32_t code)
{
    if (code < 0x20)
        return code != '\t' && code != '\n' && code != '\r';
    return (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 || code == 0xfeff || code == 0xfffe ||
           code == 0xffff;
}
