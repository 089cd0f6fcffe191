/* SPDX-License-Identifier: MIT */
/*
 * The trace of a scripted exchange, by layer: a neighbour that does not answer and one that does, a connection from its
 * SYN to its end, fragments that make a datagram for a port where nobody listens and fragments that overlap, and a
 * station that uses our address. The text of all layers is tests/golden/stack_trace.txt, which WEIR_GOLDEN=1 writes
 * anew; with the filter at one layer it is that layer's lines of it, and with none it is empty.
 */
#include "unit/stack_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/trace.h"

#define GOLDEN "tests/golden/stack_trace.txt"
#define TEXT_BYTES 8192u
#define START (1000 * NS_PER_S)
#define WEB 80
#define PEER_PORT 4321
#define HALF 32u

static const enum trace_layer layers[] = {TRACE_LINK, TRACE_ARP, TRACE_IP, TRACE_ICMP, TRACE_UDP, TRACE_TCP, TRACE_L7};

struct text {
    char bytes[TEXT_BYTES];
    size_t length;
};

static void PRINTF_LIKE(4, 5) add_line(void *context, enum trace_layer layer, int64_t now, const char *format, ...)
{
    struct text *t = context;
    va_list list;
    va_start(list, format);
    t->length += (size_t)snprintf(t->bytes + t->length, TEXT_BYTES - t->length, "%8.3f %-4s ",
                                  (double)(now - START) / 1e9, trace_layer_name(layer));
    t->length += (size_t)vsnprintf(t->bytes + t->length, TEXT_BYTES - t->length, format, list);
    va_end(list);
    assert_true(t->length + 1 < TEXT_BYTES);
    t->bytes[t->length++] = '\n';
    t->bytes[t->length] = 0;
}

/* ---- the exchange ---- */

static uint8_t f[RIG_FRAME_BYTES];

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct rig *r = context;
    (void)bytes;
    tcp_consumed(stack_tcp(r->stack), c, length, now);
    if (length == 0)
        tcp_close(stack_tcp(r->stack), c, now);
}

static void connected(void *context, struct tcp *c, int64_t now) { (void)context, (void)c, (void)now; }

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)context, (void)c, (void)reason, (void)now;
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c, (void)offset, (void)to, (void)length, (void)sum;
    return 0;
}

static const struct tcp_user user = {.connected = connected, .received = received, .pull = pull, .closed = closed};

static struct rig *begin(const struct trace *trace)
{
    struct stack_settings t;
    struct tcp_profile profile;
    stack_settings_default(&t);
    t.secret = (struct hash_key){1, 2};
    t.trace = t.tcp.trace = trace;
    struct rig *r = rig_new_with(&t);
    assert_int_equal(r->now, START);
    tcp_profile_default(&profile);
    assert_int_equal(tcp_register_user(stack_tcp(r->stack), &user, r, &profile), 0);
    assert_int_equal(tcp_listen(stack_tcp(r->stack), 0, r->us, WEB), 0);
    return r;
}

static void ask_for_neighbours(struct rig *r)
{
    struct udp_datagram d = {.local = r->us, .remote = v4(OTHER), .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    for (unsigned i = 0; i < 40; i++)
        rig_pass(r, NS_PER_S / 10);
    rig_forget_frames(r);
    rig_resolve(r, r->us, PEER, PEER_MAC);
}

static void segment(struct rig *r, uint16_t flags, uint32_t seq, uint32_t ack)
{
    rig_pass(r, NS_PER_MS);
    rig_input(r, f, make_tcp(f, PEER, PEER_PORT, US, WEB, flags, seq, ack, NULL, 0));
}

static void connect_and_close(struct rig *r)
{
    segment(r, TCP_SYN, 0xffffff00u, 0);
    struct wire_ipv4 ip;
    const struct rig_frame *syn_ack = expect_ipv4(r, IP_PROTO_TCP, &ip);
    uint32_t isn = load_be32(syn_ack->bytes + 34 + 4);
    segment(r, TCP_ACK, 0xffffff01u, isn + 1);
    segment(r, TCP_FIN | TCP_ACK, 0xffffff01u, isn + 1);
    segment(r, TCP_ACK, 0xffffff02u, isn + 2);
    rig_forget_frames(r);
}

static void fragment(struct rig *r, uint16_t id, uint32_t offset, bool more)
{
    uint8_t whole[2 * HALF] = {0};
    struct wire_udp u = {.src_port = 9, .dst_port = 9, .length = sizeof whole};
    wire_udp_build(whole, &u);
    rig_pass(r, NS_PER_MS);
    rig_input(r, f, make_fragment(f, PEER, id, IP_PROTO_UDP, offset, more, whole + offset, HALF));
}

static void send_fragments(struct rig *r)
{
    fragment(r, 1, 0, true);
    fragment(r, 1, HALF, false);
    fragment(r, 2, 0, true);
    fragment(r, 2, HALF / 2, false);
    rig_forget_frames(r);
}

static void use_our_address(struct rig *r)
{
    rig_pass(r, NS_PER_MS);
    rig_input(r, f, make_arp(f, BROADCAST_MAC, OTHER_MAC, WIRE_ARP_REQUEST, OTHER_MAC, US, ZERO_MAC, US));
    rig_forget_frames(r);
}

static void trace_of(unsigned bits, struct text *t)
{
    const struct trace trace = {.layers = bits, .write = add_line, .context = t};
    t->length = 0;
    t->bytes[0] = 0;
    struct rig *r = begin(&trace);
    ask_for_neighbours(r);
    connect_and_close(r);
    send_fragments(r);
    use_our_address(r);
    rig_free(r);
}

/* ---- the file ---- */

static void write_golden(const struct text *t)
{
    FILE *file = fopen(GOLDEN, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(t->bytes, 1, t->length, file), t->length);
    assert_int_equal(fclose(file), 0);
}

static void read_golden(struct text *t)
{
    FILE *file = fopen(GOLDEN, "r");
    assert_non_null(file);
    t->length = fread(t->bytes, 1, TEXT_BYTES - 1, file);
    t->bytes[t->length] = 0;
    fclose(file);
}

static void test_the_trace_of_all_layers_is_the_golden_file(void **state)
{
    static struct text ours, golden;
    (void)state;
    trace_of((unsigned)-1, &ours);
    if (getenv("WEIR_GOLDEN"))
        write_golden(&ours);
    read_golden(&golden);
    assert_string_equal(ours.bytes, golden.bytes);
}

/* The lines whose second word is the layer. */
static void keep_layer(const struct text *all, const char *name, struct text *out)
{
    char word[8];
    out->length = 0;
    out->bytes[0] = 0;
    for (const char *line = all->bytes, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        assert_int_equal(sscanf(line, "%*s %7s", word), 1);
        if (strcmp(word, name) != 0)
            continue;
        memcpy(out->bytes + out->length, line, (size_t)(end + 1 - line));
        out->length += (size_t)(end + 1 - line);
        out->bytes[out->length] = 0;
    }
}

static void test_the_filter_leaves_one_layer_s_lines(void **state)
{
    static struct text ours, golden, expected;
    unsigned with_lines = 0;
    (void)state;
    read_golden(&golden);
    for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
        trace_of(layers[i], &ours);
        keep_layer(&golden, trace_layer_name(layers[i]), &expected);
        assert_string_equal(ours.bytes, expected.bytes);
        with_lines += ours.length > 0;
    }
    assert_true(with_lines >= 4); /* arp, ip, udp, tcp */
    trace_of(0, &ours);
    assert_int_equal(ours.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_trace_of_all_layers_is_the_golden_file),
        cmocka_unit_test(test_the_filter_leaves_one_layer_s_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
