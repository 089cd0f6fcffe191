/* SPDX-License-Identifier: MIT */
/*
 * See trace.h.
 */
#include "accel/trace.h"

#include <stdio.h>

#include "accel/internal.h"
#include "wire/text.h"

bool accel_glance_at(struct packet *p, enum accel_side by, struct accel_glance *out)
{
    struct accel_arrival v;
    struct wire_tcp_options o;
    if (!accel_arrival_of(p, by, 0, &v))
        return false;
    accel_options_of(&v, &o);
    out->key = v.key;
    out->tcp = v.tcp;
    out->payload_length = v.payload_length;
    (void)wire_tcp_options_print(out->options, sizeof out->options, &o);
    return true;
}

static void put_time(struct text *t, int64_t ns)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld.%09lld", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S));
    text_string(t, text);
}

static void put_end(struct text *t, const struct ip_addr *a, uint16_t port)
{
    char text[IP_ADDR_TEXT];
    const bool v4 = ip_addr_is_v4(a);
    (void)ip_addr_print(text, sizeof text, a);
    text_string(t, v4 ? " " : " [");
    text_string(t, text);
    text_field(t, v4 ? ":" : "]:", port);
}

static void put_flags(struct text *t, uint16_t flags)
{
    char text[48];
    (void)wire_tcp_flags_print(text, sizeof text, flags);
    text_string(t, text);
}

static void put_segment(struct text *t, const struct accel_glance *g)
{
    put_flags(t, g->tcp.flags);
    text_field(t, " seq ", g->tcp.seq.v);
    if (g->tcp.flags & TCP_ACK)
        text_field(t, " ack ", g->tcp.ack.v);
    text_field(t, " win ", g->tcp.window);
    if (g->tcp.flags & TCP_URG)
        text_field(t, " urg ", g->tcp.urgent);
    text_string(t, g->options);
    text_field(t, " len ", g->payload_length);
}

int accel_trace_changes(char to[ACCEL_TRACE_LINE], const struct accel_glance *was, const struct accel_glance *is)
{
    struct text t = text_into(to, ACCEL_TRACE_LINE);
    if (was->tcp.flags != is->tcp.flags)
        put_flags(&t, is->tcp.flags);
    if (!seq_eq(was->tcp.seq, is->tcp.seq))
        text_field(&t, " seq ", is->tcp.seq.v);
    if (is->tcp.flags & TCP_ACK && !seq_eq(was->tcp.ack, is->tcp.ack))
        text_field(&t, " ack ", is->tcp.ack.v);
    if (was->tcp.window != is->tcp.window)
        text_field(&t, " win ", is->tcp.window);
    if (strcmp(was->options, is->options) != 0)
        text_string(&t, is->options[0] ? is->options : " <>");
    if (was->payload_length != is->payload_length)
        text_field(&t, " len ", is->payload_length);
    return text_finish(&t);
}

static void put_changes(struct text *t, const struct accel_glance *was, const struct accel_glance *is)
{
    char text[ACCEL_TRACE_LINE];
    if (accel_trace_changes(text, was, is) == 0)
        return;
    text_string(t, " ->");
    text_string(t, text);
}

static const char *way_of(const struct accel_sight *s)
{
    const bool to_client = s->to == ACCEL_CLIENTS;
    if (s->fate == ACCEL_FATE_OWN)
        return to_client ? " box>c" : " box>s";
    return to_client ? " s>c" : " c>s";
}

int accel_trace_print(char to[ACCEL_TRACE_LINE], const struct accel_sight *s, const struct accel_glance *before,
                      const struct accel_glance *after, int64_t shift_ns)
{
    struct text t = text_into(to, ACCEL_TRACE_LINE);
    const struct accel_glance *was = before ? before : after;
    put_time(&t, s->now + shift_ns);
    text_string(&t, way_of(s));
    put_end(&t, &was->key.client, was->key.client_port);
    put_end(&t, &was->key.server, was->key.server_port);
    if (was->key.vlan)
        text_field(&t, " vlan ", was->key.vlan);
    put_segment(&t, was);
    if (before && s->fate == ACCEL_FATE_PASSED)
        put_changes(&t, before, after);
    text_string(&t, ": ");
    text_string(&t, accel_fate_name(s->fate));
    if (s->why[0]) {
        text_string(&t, " (");
        text_string(&t, s->why);
        text_char(&t, ')');
    }
    text_char(&t, '\n');
    return text_finish(&t);
}
