/* SPDX-License-Identifier: MIT */
/*
 * Several default gateways: RFC 1122 3.3.1.2 (3), 3.3.1.4 and 3.3.1.5. PEER, OTHER and GATEWAY are routers; FAR is
 * beyond them. A station that is "there" answers ARP.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "stack/control.h"
#include "stack/stack_internal.h"

static uint8_t body[8];

struct station {
    uint32_t address;
    const uint8_t *mac;
    bool there;
};
static struct station first, second, third;
static unsigned asked_first;

/* Answers what is asked; the last datagram of IPv4 that left by a MAC, or NULL. */
static const uint8_t *run(struct rig *r)
{
    static uint8_t by[6];
    const struct rig_frame *f;
    bool any = false;
    rig_transmit(r);
    while ((f = rig_next(r)) != NULL) {
        uint8_t answer[64];
        if (load_be16(f->bytes + 12) == ETHERTYPE_IPV4) {
            memcpy(by, f->bytes, 6);
            any = true;
            continue;
        }
        const uint32_t target = load_be32(f->bytes + 38);
        asked_first += target == first.address;
        struct station *all[] = {&first, &second, &third};
        for (unsigned i = 0; i < 3; i++)
            if (all[i]->address == target && all[i]->there && load_be16(f->bytes + 20) == WIRE_ARP_REQUEST)
                rig_input(r, answer, make_arp_reply(answer, target, all[i]->mac));
    }
    return any ? by : NULL;
}

static int send_far(struct rig *r)
{
    const struct udp_datagram d = {
        .local = r->us, .remote = v4(FAR), .local_port = 1000, .remote_port = 9, .bytes = body, .length = 4};
    return udp_send(r->stack, &d, r->now);
}

/* Seconds pass, with a datagram each; by whom the last one that left went. */
static const uint8_t *pass(struct rig *r, unsigned seconds)
{
    const uint8_t *by = NULL;
    for (unsigned i = 0; i < seconds; i++) {
        (void)send_far(r);
        const uint8_t *now = run(r);
        by = now ? now : by;
        rig_pass(r, NS_PER_S);
        now = run(r);
        by = now ? now : by;
    }
    return by;
}

static void add(struct rig *r, uint32_t gateway)
{
    const struct ip_addr all = v4(0), by = v4(gateway);
    assert_int_equal(stack_add_route(r->stack, r->us, &all, 0, &by), 0);
}

/* A host whose gateways are these three, in this order. */
static struct rig *with_three(void)
{
    struct rig *r = rig_new(); /* GATEWAY is the first */
    first = (struct station){GATEWAY, GATEWAY_MAC, true};
    second = (struct station){PEER, PEER_MAC, true};
    third = (struct station){OTHER, OTHER_MAC, true};
    asked_first = 0;
    add(r, PEER);
    add(r, OTHER);
    return r;
}

static void test_the_first_gateway_is_used_while_it_answers(void **state)
{
    (void)state;
    struct rig *r = with_three();
    for (unsigned i = 0; i < 10; i++)
        assert_memory_equal(pass(r, 20), GATEWAY_MAC, 6);
    assert_int_equal(rig_counters(r)->gateways_changed, 0);
    assert_int_equal(rig_counters(r)->neighbours_resolved, 1);
    rig_free(r);
}

static void test_a_dead_gateway_is_left_for_the_next(void **state)
{
    (void)state;
    struct rig *r = with_three();
    assert_memory_equal(pass(r, 2), GATEWAY_MAC, 6);
    first.there = false;
    assert_memory_equal(pass(r, 40), PEER_MAC, 6); /* reachable for 30 s, asked 3 times */
    assert_int_equal(rig_counters(r)->gateways_changed, 1);
    second.there = false;
    assert_memory_equal(pass(r, 40), OTHER_MAC, 6);
    rig_free(r);
}

static void test_one_that_never_answered_is_left_too(void **state)
{
    (void)state;
    struct rig *r = with_three();
    first.there = second.there = false;
    assert_memory_equal(pass(r, 15), OTHER_MAC, 6);
    assert_int_equal(rig_counters(r)->gateways_changed, 2);
    rig_free(r);
}

static void test_the_first_one_comes_back(void **state)
{
    (void)state;
    struct rig *r = with_three();
    first.there = false;
    assert_memory_equal(pass(r, 10), PEER_MAC, 6);
    first.there = true; /* asked for again after a while, and only because something is sent */
    assert_memory_equal(pass(r, 40), GATEWAY_MAC, 6);
    assert_int_equal(rig_counters(r)->gateways_changed, 2);
    rig_free(r);
}

static void test_it_is_not_asked_for_while_nothing_is_sent(void **state)
{
    (void)state;
    struct rig *r = with_three();
    first.there = false;
    assert_memory_equal(pass(r, 10), PEER_MAC, 6);
    asked_first = 0;
    for (unsigned i = 0; i < 300; i++) {
        rig_pass(r, NS_PER_S);
        (void)run(r);
    }
    assert_int_equal(asked_first, 0);
    assert_non_null(pass(r, 60));
    assert_in_range(asked_first, 3, 9); /* three requests in half a minute */
    rig_free(r);
}

static void test_with_all_dead_datagrams_are_refused_and_any_that_comes_is_taken(void **state)
{
    (void)state;
    struct rig *r = with_three();
    first.there = second.there = third.there = false;
    assert_null(pass(r, 30));
    second.there = true;
    assert_memory_equal(pass(r, 15), PEER_MAC, 6);
    rig_free(r);
}

static void test_gateways_that_go(void **state)
{
    (void)state;
    struct rig *r = with_three();
    const struct ip_addr none = {{0}}, all = v4(0);
    struct ip_addr hop, far = v4(FAR);
    first.there = false;
    assert_memory_equal(pass(r, 10), PEER_MAC, 6);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &none, r->now), 0);
    assert_true(stack_next_hop(r->stack, r->us, &far, &hop));
    assert_int_equal(ip_addr_to_v4(&hop), PEER);
    assert_int_equal(stack_remove_route(r->stack, r->us, &all, 0, r->now), 0);
    assert_true(stack_next_hop(r->stack, r->us, &far, &hop));
    assert_int_equal(ip_addr_to_v4(&hop), OTHER);
    assert_int_equal(stack_remove_route(r->stack, r->us, &all, 0, r->now), 0);
    assert_false(stack_next_hop(r->stack, r->us, &far, &hop));
    for (unsigned i = 0; i < 16; i++)
        add(r, PEER);
    const struct ip_addr by = v4(PEER);
    assert_int_equal(stack_add_route(r->stack, r->us, &all, 0, &by), ERR_NO_SPACE);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    rig_free(r);
}

/* ---- connections ---- */

static enum tcp_frame_result open_frame(struct rig *r, const struct tcp_path *path, struct tcp_frame *f)
{
    const struct flow_key key = {.local = r->us, .remote = v4(FAR), .local_port = 1, .remote_port = 2};
    *f = (struct tcp_frame){0};
    return stack_tcp_lower.frame_open(r->stack, &key, path->id, LINK_ALLOC_DATA, f);
}

/* The station to which the next frame of a connection goes, or NULL: it waits. */
static const uint8_t *next_hop_of(struct rig *r, const struct tcp_path *path)
{
    static uint8_t mac[6];
    struct tcp_frame f;
    enum tcp_frame_result e = open_frame(r, path, &f);
    if (e == TCP_FRAME_OK) {
        memcpy(mac, f.packet->data, 6);
        stack_tcp_lower.frame_drop(r->stack, &f);
    }
    (void)run(r);
    return e == TCP_FRAME_OK ? mac : NULL;
}

static void test_a_connection_is_carried_by_the_next_gateway(void **state)
{
    (void)state;
    struct rig *r = with_three();
    struct tcp_path path;
    const struct ip_addr far = v4(FAR);
    assert_int_equal(stack_tcp_lower.path_open(r->stack, r->us, &far, &path), 0);
    assert_null(next_hop_of(r, &path)); /* asks */
    assert_memory_equal(next_hop_of(r, &path), GATEWAY_MAC, 6);
    first.there = false;
    stack_tcp_lower.path_doubt(r->stack, path.id); /* it gets no further: RFC 1122 4.2.3.5 */
    for (unsigned i = 0; i < 12; i++) {
        (void)next_hop_of(r, &path);
        rig_pass(r, NS_PER_S);
        (void)run(r);
    }
    assert_int_equal(rig_counters(r)->gateways_changed, 1);
    assert_memory_equal(next_hop_of(r, &path), PEER_MAC, 6);
    first.there = true; /* the connection itself keeps asking for it */
    for (unsigned i = 0; i < 12; i++) {
        (void)next_hop_of(r, &path);
        rig_pass(r, NS_PER_S);
        (void)run(r);
    }
    assert_memory_equal(next_hop_of(r, &path), GATEWAY_MAC, 6);
    stack_tcp_lower.path_close(r->stack, path.id);
    rig_free(r);
}

static void on_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context, (void)c, (void)bytes, (void)length, (void)now;
}

static size_t on_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c, (void)offset, (void)to, (void)length, (void)sum;
    return 0;
}

static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)c, (void)reason, (void)now;
    (*(unsigned *)context)++;
}

static void test_a_connection_attempt_goes_on_by_the_next_gateway(void **state)
{
    (void)state;
    static const struct tcp_user calls = {.received = on_received, .pull = on_pull, .closed = on_closed};
    struct rig *r = with_three();
    struct tcp_profile p;
    struct tcp_ref ref;
    unsigned closed = 0;
    const uint8_t *by = NULL;
    const struct flow_key key = {.local = r->us, .remote = v4(FAR), .local_port = 5000, .remote_port = 80};
    first.there = false;
    tcp_profile_default(&p);
    int user = tcp_register_user(stack_tcp(r->stack), &calls, &closed, &p);
    assert_int_equal(tcp_connect(stack_tcp(r->stack), (unsigned)user, &key, 0, r->now, &ref), 0);
    for (unsigned i = 0; i < 50 && !by; i++) {
        by = run(r);
        rig_pass(r, 100 * NS_PER_MS);
    }
    assert_non_null(by); /* as soon as the first has failed */
    assert_memory_equal(by, PEER_MAC, 6);
    assert_int_equal(closed, 0);
    tcp_abort_local(stack_tcp(r->stack), r->us, r->now);
    rig_forget_frames(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_gateway_is_used_while_it_answers),
        cmocka_unit_test(test_a_dead_gateway_is_left_for_the_next),
        cmocka_unit_test(test_one_that_never_answered_is_left_too),
        cmocka_unit_test(test_the_first_one_comes_back),
        cmocka_unit_test(test_it_is_not_asked_for_while_nothing_is_sent),
        cmocka_unit_test(test_with_all_dead_datagrams_are_refused_and_any_that_comes_is_taken),
        cmocka_unit_test(test_gateways_that_go),
        cmocka_unit_test(test_a_connection_is_carried_by_the_next_gateway),
        cmocka_unit_test(test_a_connection_attempt_goes_on_by_the_next_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
