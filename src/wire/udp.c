/* SPDX-License-Identifier: MIT */
/*
 * UDP headers as text; parsing and building are inline in udp.h (RFC 768).
 */
#include "wire/udp.h"

#include "wire/text.h"

int wire_udp_print(char *to, size_t size, const struct wire_udp *h)
{
    struct text t = text_into(to, size);
    text_u64(&t, h->src_port);
    text_field(&t, " > ", h->dst_port);
    text_field(&t, " udp len ", h->length);
    if (h->checksum == 0)
        text_string(&t, " no checksum");
    return text_finish(&t);
}
