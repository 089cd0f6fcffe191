/* SPDX-License-Identifier: MIT */
/*
 * Whole frames: who watches an interface sees every frame, both ways, before anything else happens to it; frames sent
 * by users pass the guard like all others.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

struct watcher {
    struct rig *rig;
    unsigned received, sent;
    uint8_t last[FRAME_MAKE_BYTES];
    uint32_t length;
    unsigned replies;     /* frames to send from within the callback, one for each call */
    uint64_t ip_received; /* the stack's counter at the last call */
};

static const uint8_t body[2048] = "the bytes of a frame";

static int send_frame(struct rig *r, const uint8_t *frame, uint32_t length)
{
    struct ip_piece piece = {frame, length};
    return stack_frame_send(r->stack, 0, &piece, 1, r->now);
}

static void on_seen(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    struct watcher *x = context;
    assert_int_equal(interface, 0);
    assert_int_equal(now, x->rig->now);
    x->received += !sent;
    x->sent += sent;
    memcpy(x->last, p->data, p->len);
    x->length = p->len;
    if (!sent)
        x->ip_received = rig_counters(x->rig)->ipv4_received;
    if (x->replies) {
        uint8_t f[64];
        x->replies--;
        make_eth(f, PEER_MAC, US_MAC, ETHERTYPE_LLDP);
        memset(f + 14, 0, 46);
        assert_int_equal(send_frame(x->rig, f, 60), 0);
    }
}

static void watch(struct rig *r, struct watcher *x)
{
    *x = (struct watcher){.rig = r};
    assert_int_equal(stack_frame_listen(r->stack, 0, on_seen, x), 0);
}

static void test_every_frame_is_seen_both_ways(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct watcher x;
    watch(r, &x);
    uint8_t f[FRAME_MAKE_BYTES];
    uint32_t n = make_echo_request(f, PEER, US, 1, 1, body, 30);
    rig_input(r, f, n);
    assert_int_equal(x.received, 1);
    assert_int_equal(x.sent, 1);
    assert_memory_equal(x.last, PEER_MAC, 6); /* the reply, with its MACs and all */
    assert_int_equal(x.length, n);
    const struct rig_frame *reply = rig_next(r);
    assert_memory_equal(x.last, reply->bytes, n);
    /* what the stack itself would throw away */
    static const uint32_t short_ones[] = {0, 1, 13, 14};
    for (size_t i = 0; i < ARRAY_SIZE(short_ones); i++)
        rig_input(r, f, short_ones[i]);
    memcpy(f, OTHER_MAC, 6);
    rig_input(r, f, n);
    assert_int_equal(x.received, 6);
    assert_memory_equal(x.last, f, n);
    assert_int_equal(x.sent, 1);
    rig_free(r);
}

static void test_a_frame_is_seen_before_the_stack_sees_it(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct watcher x;
    watch(r, &x);
    uint8_t f[128];
    rig_input(r, f, make_udp(f, PEER, 1, US, 9, body, 1));
    assert_int_equal(x.received, 1);
    assert_int_equal(x.ip_received, 0);
    rig_input(r, f, make_ipv4(f, PEER, US, 200, body, 0));
    assert_int_equal(x.ip_received, 1);
    assert_int_equal(rig_counters(r)->ipv4_received, 2);
    assert_int_equal(stack_frame_unlisten(r->stack, 0, on_seen, &x), 0);
    rig_input(r, f, make_udp(f, PEER, 1, US, 9, body, 1));
    assert_int_equal(x.received, 2);
    assert_int_equal(stack_frame_unlisten(r->stack, 0, on_seen, &x), ERR_NOT_FOUND);
    rig_free(r);
}

static void test_a_watcher_may_send(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct watcher x;
    watch(r, &x);
    x.replies = 100; /* more than a burst: the queue is flushed while it is shown */
    uint8_t f[128];
    rig_input(r, f, make_udp(f, PEER, 1, OTHER, 9, body, 1));
    for (unsigned i = 0; i < 110; i++)
        rig_transmit(r);
    assert_int_equal(x.replies, 0);
    assert_int_equal(x.sent, 100);
    unsigned n = 0;
    for (const struct rig_frame *g; (g = rig_next(r)) != NULL; n++)
        assert_int_equal(load_be16(g->bytes + 12), ETHERTYPE_LLDP);
    assert_int_equal(n, 100);
    rig_free(r);
}

static void test_watchers_are_few(void **state)
{
    (void)state;
    enum { MOST = 8 };
    struct rig *r = rig_new();
    struct watcher x[MOST + 1];
    for (unsigned i = 0; i < MOST; i++)
        watch(r, &x[i]);
    assert_int_equal(stack_frame_listen(r->stack, 0, on_seen, &x[MOST]), ERR_NO_SPACE);
    assert_int_equal(stack_frame_listen(r->stack, 1, on_seen, &x[MOST]), ERR_INVALID);
    assert_int_equal(stack_frame_listen(r->stack, 0, NULL, &x[MOST]), ERR_INVALID);
    assert_int_equal(stack_frame_unlisten(r->stack, 1, on_seen, &x[0]), ERR_NOT_FOUND);
    uint8_t f[128];
    rig_input(r, f, make_udp(f, PEER, 1, OTHER, 9, body, 1));
    for (unsigned i = 0; i < MOST; i++)
        assert_int_equal(x[i].received, 1);
    rig_free(r);
}

static void test_a_frame_leaves_as_it_was_given(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[FRAME_MAKE_BYTES];
    make_eth(f, OTHER_MAC, PEER_MAC, ETHERTYPE_LLDP); /* from whom and to whom it likes */
    memcpy(f + 14, body, 1500);
    struct ip_piece pieces[3] = {{f, 5}, {f + 5, 100}, {f + 105, 1514 - 105}};
    assert_int_equal(stack_frame_send(r->stack, 0, pieces, 3, r->now), 0);
    assert_true(stack_output_pending(r->stack));
    rig_transmit(r);
    const struct rig_frame *g = rig_next(r);
    assert_int_equal(g->length, 1514);
    assert_memory_equal(g->bytes, f, 1514);
    assert_int_equal(send_frame(r, f, 1515), ERR_NO_SPACE);
    insert_tag(f, 1514, 0x8100, 5);
    assert_int_equal(send_frame(r, f, 1518), 0); /* a tag comes on top */
    assert_int_equal(send_frame(r, f, 1519), ERR_NO_SPACE);
    assert_int_equal(send_frame(r, f, 14), 0);
    assert_int_equal(send_frame(r, f, 13), ERR_INVALID);
    assert_int_equal(stack_frame_send(r->stack, 0, NULL, 0, r->now), ERR_INVALID);
    assert_int_equal(stack_frame_send(r->stack, 1, pieces, 3, r->now), ERR_INVALID);
    pieces[2].length = SIZE_MAX;
    assert_int_equal(stack_frame_send(r->stack, 0, pieces, 3, r->now), ERR_NO_SPACE);
    rig_transmit(r);
    assert_int_equal(r->count, 2);
    rig_free(r);
}

static void test_a_link_without_room_is_counted(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    r->room = 0;
    assert_int_equal(send_frame(r, body, 100), ERR_AGAIN);
    assert_int_equal(rig_counters(r)->tx_no_room, 1);
    rig_free(r);
}

static void test_the_guard_has_the_last_word(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct watcher x;
    watch(r, &x);
    struct guard_rules rules = {.stop_at = TIME_NEVER}; /* neither multicast nor odd EtherTypes */
    assert_int_equal(guard_init(&r->guard, &rules, NULL, r->now), 0);
    uint8_t f[128] = {0};
    make_eth(f, PEER_MAC, US_MAC, ETHERTYPE_LLDP);
    assert_int_equal(send_frame(r, f, 60), 0);
    rig_transmit(r);
    expect_nothing(r);
    assert_int_equal(x.sent, 1);
    assert_int_equal(r->guard.denied[GUARD_ETHERTYPE], 1);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_is_seen_both_ways),
        cmocka_unit_test(test_a_frame_is_seen_before_the_stack_sees_it),
        cmocka_unit_test(test_a_watcher_may_send),
        cmocka_unit_test(test_watchers_are_few),
        cmocka_unit_test(test_a_frame_leaves_as_it_was_given),
        cmocka_unit_test(test_a_link_without_room_is_counted),
        cmocka_unit_test(test_the_guard_has_the_last_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
