/* SPDX-License-Identifier: MIT */
/*
 * A box of the accelerator that is killed and started again on the table it left (THREATS MB-07, MB-09, MB-12, and
 * src/accel/store.h). A kill leaves the table as it was between two instructions: after each one that wrote to it, it is
 * kept aside, and a new box has to do the right thing with every one of these. What a killed box had in its own memory is
 * gone, also the early data.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <ucontext.h>

#include "accel/store.h"
#include "base/error.h"
#include "support/accel_wire.h"
#include "support/cmocka_all.h"
#include "support/sanitized.h"

#define STORE_MOST 16384u

static _Alignas(64) uint8_t store[STORE_MOST];
static const struct wire_tcp_options offer = {.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED,
                                              .mss = 1460};
static const struct wire_tcp_options says = {.present = TCP_OPT_MSS, .mss = 1460};

static int open_rig(void **state)
{
    (void)state;
    accel_wire_open();
    struct accel_settings *s = &accel_wire.settings;
    memset(store, 0, sizeof store);
    s->store = store;
    s->store_bytes = accel_store_bytes(s);
    memset(s->boot, 7, sizeof s->boot);
    assert_true(s->store_bytes <= sizeof store);
    accel_wire_box();
    return 0;
}

/* The next box has nothing but the table. */
static void start_again(void)
{
    static uint8_t left[STORE_MOST];
    memcpy(left, store, sizeof left);
    accel_wire_kill();
    accel_wire_take_all();
    memcpy(store, left, sizeof left);
    accel_wire.settings.secret = (struct hash_key){99, 98}; /* which it does not use */
    accel_wire_box();
}

static void client(uint16_t port, uint32_t isn, uint16_t flags, uint32_t at, const char *text)
{
    accel_wire_send(&(struct accel_shot){.port = port,
                                         .flags = flags,
                                         .seq = WIRE_CLIENT_ISN + 1 + at,
                                         .ack = isn + 1,
                                         .payload = text,
                                         .length = (uint32_t)strlen(text)});
}
static void server(uint16_t port, uint16_t flags, uint32_t at, uint32_t ack)
{
    accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                         .port = port,
                                         .flags = flags,
                                         .seq = WIRE_SERVER_ISN + 1 + at,
                                         .ack = WIRE_CLIENT_ISN + 1 + ack});
}

/* ---- MB-12: flows that go on ---- */

static void mb_12_a_box_killed_and_started_again_goes_on(void **state)
{
    (void)state;
    static const int64_t gaps_s[] = {0, 1, 10, 60};
    unsigned cases = 0;
    uint16_t port = 1000;
    for (unsigned g = 0; g < ARRAY_SIZE(gaps_s); g++) {
        for (unsigned how = 0; how < 4; how++, port++, cases++) {
            const uint32_t isn = accel_wire_join(port, &offer, &says);
            accel_wire_talk(port, isn, 0, 100);
            if (how == 1)
                server(port, TCP_ACK | TCP_FIN, 100, 100); /* half closed */
            if (how == 2)
                server(port, TCP_RST, 55, 0); /* a blind one: not believed */
            accel_wire_take_all();
            start_again();
            accel_wire.now += gaps_s[g] * NS_PER_S;
            accel_turn(accel_wire.box, accel_wire.now);
            accel_wire_expect_nothing();
            assert_int_equal(accel_wire_count(restart_reset) + accel_wire_count(restart_forgotten), 0);
            accel_wire_talk(port, isn, 100, 500);
            if (how == 3) {
                start_again(); /* and once more */
                accel_wire_talk(port, isn, 600, 1);
            }
            const uint32_t end = how == 3 ? 601 : 600;
            accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_RST, .seq = WIRE_CLIENT_ISN + 1 + end});
            accel_wire_expect(ACCEL_SERVERS, TCP_RST);
            start_again(); /* in ACCEL_RESET: stragglers are translated */
            assert_int_equal(accel_wire_count(restart_kept), 1);
            server(port, TCP_ACK, end, end);
            assert_int_equal(accel_wire_expect(ACCEL_CLIENTS, TCP_ACK).tcp.seq.v, isn + 1 + end);
            accel_wire_wait(0);
            accel_wire.now += 8000 * NS_PER_S; /* timers are there too */
            accel_wire_wait(8000);
            assert_int_equal(accel_wire.box->flows.pool.used, 0);
            accel_wire_take_all();
        }
    }
    print_message("MB-12: %u cases\n", cases);
}

/* What a cookie was sent for before comes back after. */
static void mb_12_cookies_outlive_the_box(void **state)
{
    (void)state;
    struct accel_caught c;
    accel_wire_kill();
    memset(store, 0, sizeof store);
    accel_wire.settings.syn_rate = 1;
    accel_wire_box();
    accel_wire_send(&(struct accel_shot){.port = 7, .flags = TCP_SYN, .seq = 1});
    accel_wire_take_all();
    accel_wire_send(&(struct accel_shot){.flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = &offer});
    c = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    start_again();
    client(0, c.tcp.seq.v, TCP_ACK, 0, "");
    accel_wire_expect(ACCEL_SERVERS, TCP_SYN);
    accel_wire_expect(ACCEL_SERVERS, TCP_RST); /* of the first one */
    assert_int_equal(accel_wire_count(cookies_returned), 1);
    print_message("MB-12: %u cases\n", 1);
}

/* ---- MB-07: what was acknowledged, and cannot be delivered ---- */

/* Both ends are reset, in the numbers of each; nobody is told FIN. */
static void expect_resets(uint32_t isn, uint32_t server_at, uint32_t client_at)
{
    struct accel_caught c = accel_wire_expect(ACCEL_SERVERS, TCP_RST);
    assert_int_equal(c.tcp.seq.v, WIRE_CLIENT_ISN + 1 + server_at);
    c = accel_wire_expect(ACCEL_CLIENTS, TCP_RST | TCP_ACK);
    assert_int_equal(c.tcp.seq.v, isn + 1 + client_at);
    accel_wire_expect_nothing();
}

static void mb_07_a_killed_box_resets_what_it_cannot_deliver(void **state)
{
    (void)state;
    unsigned cases = 0;
    uint64_t undelivered = 0;
    for (uint16_t how = 0; how < 8; how++, cases++) {
        const uint16_t port = (uint16_t)(2000 + how);
        const uint32_t isn = accel_wire_ask(port, &offer);
        uint32_t sent = 0;
        if (how >= 1)
            client(port, isn, TCP_ACK, 0, "");
        if (how >= 2)
            client(port, isn, how == 6 ? TCP_ACK | TCP_FIN : TCP_ACK, 0, "early");
        if (how == 3 || how == 5)
            accel_wire_wait(195); /* acknowledged */
        if (how >= 4) {
            accel_wire_answer(port, &says);
            sent = how == 6 ? 6 : 5;
        }
        if (how == 7)
            server(port, TCP_ACK, 0, 2); /* of two bytes */
        accel_wire_take_all();
        start_again();
        if (how % 2)
            accel_wire_wait(3); /* by its timer, or because something comes */
        else
            client(port, isn, TCP_ACK, 0, "early");
        expect_resets(isn, sent, 0);
        undelivered += accel_wire_count(early_undelivered);
        assert_int_equal(accel_wire_count(early_undelivered), how == 3 || how >= 4);
        assert_true(accel_wire_count(restart_reset) == 1 && accel_wire_count(restart_kept) == 0);
        accel_wire_wait(12000);
        assert_true(accel_wire.box->flows.pool.used == 0 && accel_wire.box->openings.used == 0);
        accel_wire_take_all();
    }
    print_message("MB-07: %u cases, %u of them undelivered\n", cases, (unsigned)undelivered);
}

/* The same without a kill: the server is silent, refuses, or goes away with some of it. */
static void mb_07_a_server_that_dies_is_told_by_reset(void **state)
{
    (void)state;
    unsigned cases = 0;
    for (uint16_t how = 0; how < 6; how++, cases++) {
        const uint16_t port = (uint16_t)(3000 + how);
        const uint64_t before = accel_wire_count(early_undelivered);
        const uint32_t isn = accel_wire_ask(port, &offer);
        client(port, isn, how % 2 ? TCP_ACK | TCP_FIN : TCP_ACK, 0, "early");
        accel_wire_wait(195);
        accel_wire_take_all();
        if (how / 2 == 1)
            accel_wire_send(&(struct accel_shot){
                .from = ACCEL_SERVERS, .port = port, .flags = TCP_RST | TCP_ACK, .ack = WIRE_CLIENT_ISN + 1});
        if (how / 2 == 2)
            accel_wire_answer(port, &says);
        unsigned resets = 0;
        for (unsigned s = 0; s < 600; s++) {
            struct accel_caught c;
            while (accel_wire_catch(ACCEL_CLIENTS, &c)) {
                assert_false(c.tcp.flags & TCP_FIN);
                resets += (c.tcp.flags & TCP_RST) != 0 && c.tcp.seq.v == isn + 1;
            }
            while (accel_wire_catch(ACCEL_SERVERS, &c))
                ;
            accel_wire_wait(1000);
        }
        assert_int_equal(resets, 1);
        assert_int_equal(accel_wire_count(early_undelivered), before + 1);
        assert_true(accel_wire.box->flows.pool.used == 0 && accel_wire.box->buffers.used == 0);
    }
    print_message("MB-07: %u cases\n", cases);
}

/* ---- MB-09: whatever is in the table ---- */

/* Every byte of it damaged, one at a time, and in the end all: a box comes up or says why not, and its invariants hold. */
static void mb_09_a_table_that_is_not_right_is_not_believed(void **state)
{
    (void)state;
    static uint8_t was[STORE_MOST];
    struct accel_wire *w = &accel_wire;
    unsigned cases = 0, refused = 0;
    const size_t bytes = w->settings.store_bytes;
    (void)accel_wire_join(1000, &offer, &says);
    const uint32_t isn = accel_wire_ask(1001, &offer);
    client(1001, isn, TCP_ACK, 0, "early");
    accel_wire_take_all();
    memcpy(was, store, sizeof was);
    accel_wire_kill();
    for (size_t i = 0; i<bytes; i += i> 2048 ? 7 : 1, cases++) {
        memcpy(store, was, sizeof was);
        store[i] ^= 0xff;
        const int e = accel_new(&w->settings, &w->counting.allocator, w->ends[0][0], w->ends[1][0], w->now, &w->box);
        if (e < 0) {
            w->box = NULL;
            assert_true(e == ERR_INVALID && i < sizeof(struct accel_store_header));
            refused++;
            continue;
        }
        assert_null(accel_check(w->box));
        accel_wire_wait(5);
        client(1001, isn, TCP_ACK, 0, "early");
        server(1000, TCP_ACK, 0, 0);
        assert_null(accel_check(w->box));
        accel_wire_take_all();
        accel_wire_kill();
    }
    print_message("MB-09: %u refused\nMB-09: %u cases\n", refused, cases);
}

static void mb_09_a_table_of_another_box_is_refused(void **state)
{
    (void)state;
    struct accel_settings s = accel_wire.settings;
    accel_wire_kill();
    const size_t bytes = s.store_bytes;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_FITS);
    assert_int_equal(accel_store_look(store, 0, &s), ACCEL_STORE_EMPTY);
    assert_int_equal(accel_store_look(store, 16, &s), ACCEL_STORE_FOREIGN);
    s.max_flows++;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_OTHER_SIZE);
    s.max_flows--, s.paired = true;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_OTHER_KEY);
    s.paired = false, s.role = ACCEL_FAR;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_OTHER_KEY);
    s.role = ACCEL_NEAR, s.boot[3]++;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_OTHER_BOOT);
    s.boot[3]--;
    struct accel_store_header *h = (struct accel_store_header *)(void *)store;
    h->version++;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_OTHER_VERSION);
    h->version--, h->magic = 5;
    assert_int_equal(accel_store_look(store, bytes, &s), ACCEL_STORE_FOREIGN);
    print_message("MB-09: %u cases\n", 9);
}

/* ---- a kill at any moment ---- */

enum step { SYN, ACK, EARLY, TOLD, ANSWER, DELIVERED, TALK, FINS, NEW_SYN, ENDED };
#define IMAGES_MOST 6000u

static struct {
    uint8_t (*images)[STORE_MOST];
    uint8_t *steps;
    unsigned n;
    size_t bytes;
    enum step step;
    uint32_t isn;
} torture_of;

static void look(void)
{
    const unsigned n = torture_of.n;
    if (n && (n == IMAGES_MOST || memcmp(torture_of.images[n - 1], store, torture_of.bytes) == 0))
        return;
    memcpy(torture_of.images[n], store, torture_of.bytes);
    torture_of.steps[n] = (uint8_t)torture_of.step;
    torture_of.n++;
}

#if defined(__x86_64__) && !defined(SANITIZED)
static void on_step(int number) { (void)number, look(); }

/* Every instruction raises SIGTRAP (tests/support/steps.c). */
static void each_instruction(bool on)
{
    struct sigaction action = {0};
    action.sa_handler = on_step;
    sigaction(SIGTRAP, &action, NULL);
    if (on)
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orl $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
    else
        __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andl $0xfffffeff, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
}
#else
static void each_instruction(bool on) { (void)on, look(); }
#endif

static void give(enum step step, const struct accel_shot *shot)
{
    torture_of.step = step;
    uint8_t f[WIRE_FRAME];
    struct packet *p;
    const uint32_t bytes = accel_wire_build(shot, f);
    struct link *l = accel_wire.ends[shot->from][1];
    assert_int_equal(link_tx_alloc(l, &p, 1, LINK_ALLOC_DATA), 1);
    memcpy(p->data, f, bytes);
    p->len = bytes;
    link_tx_burst(l, &p, 1, accel_wire.now);
    each_instruction(true);
    accel_turn(accel_wire.box, accel_wire.now);
    each_instruction(false);
}

static void life_of_a_flow(void)
{
    struct accel_caught c;
    const uint32_t here = WIRE_CLIENT_ISN + 1, there = WIRE_SERVER_ISN + 1;
    give(SYN, &(struct accel_shot){.flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = &offer});
    assert_true(accel_wire_catch(ACCEL_CLIENTS, &c));
    const uint32_t us = torture_of.isn = c.tcp.seq.v;
    give(ACK, &(struct accel_shot){.flags = TCP_ACK, .seq = here, .ack = us + 1});
    give(EARLY, &(struct accel_shot){.flags = TCP_ACK, .seq = here, .ack = us + 1, .payload = "early", .length = 5});
    accel_wire.now += 195 * NS_PER_MS;
    torture_of.step = TOLD;
    each_instruction(true);
    accel_turn(accel_wire.box, accel_wire.now);
    each_instruction(false);
    give(ANSWER,
         &(struct accel_shot){
             .from = ACCEL_SERVERS, .flags = TCP_SYN | TCP_ACK, .seq = WIRE_SERVER_ISN, .ack = here, .options = &says});
    give(DELIVERED, &(struct accel_shot){.from = ACCEL_SERVERS, .flags = TCP_ACK, .seq = there, .ack = here + 5});
    give(TALK, &(struct accel_shot){.flags = TCP_ACK, .seq = here + 5, .ack = us + 1, .payload = "more", .length = 4});
    give(FINS, &(struct accel_shot){.flags = TCP_ACK | TCP_FIN, .seq = here + 9, .ack = us + 1});
    give(FINS, &(struct accel_shot){.from = ACCEL_SERVERS, .flags = TCP_ACK | TCP_FIN, .seq = there, .ack = here + 10});
    give(FINS, &(struct accel_shot){.flags = TCP_ACK, .seq = here + 10, .ack = us + 2});
    give(NEW_SYN, &(struct accel_shot){.flags = TCP_SYN, .seq = here + 100000, .options = &offer});
    accel_wire_take_all();
    give(ENDED, &(struct accel_shot){.flags = TCP_RST, .seq = here + 100001});
    accel_wire.now += 20 * NS_PER_S;
    each_instruction(true);
    accel_turn(accel_wire.box, accel_wire.now);
    each_instruction(false);
    accel_wire_take_all();
}

/* A box on one of these: the flow is whole, or its ends are told; and there at all, once a client was answered. */
static void check_image(unsigned i, unsigned *kept, unsigned *reset, unsigned *absent)
{
    const enum step step = (enum step)torture_of.steps[i];
    struct accel_caught c;
    memcpy(store, torture_of.images[i], torture_of.bytes);
    accel_wire_box();
    struct accel *box = accel_wire.box;
    assert_null(accel_check(box));
    const uint64_t flows = box->flows.pool.used, whole = accel_wire_count(restart_kept);
    assert_true(flows <= 1);
    if (flows == 0 && step > SYN && step < NEW_SYN)
        fail_msg("image %u in step %d: the flow is gone", i, step);
    if (flows && !whole && step >= TALK && step < NEW_SYN)
        fail_msg("image %u in step %d: the flow is not kept", i, step);
    if (whole && step < DELIVERED)
        fail_msg("image %u in step %d: early data is lost without a word", i, step);
    if (whole && step < NEW_SYN) {
        accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                             .flags = TCP_ACK,
                                             .seq = WIRE_SERVER_ISN + 1,
                                             .ack = WIRE_CLIENT_ISN + 6,
                                             .payload = "x",
                                             .length = 1});
        c = accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
        assert_int_equal(c.tcp.seq.v, torture_of.isn + 1);
        client(0, torture_of.isn, TCP_ACK, 5, "y");
        c = accel_wire_expect(ACCEL_SERVERS, TCP_ACK);
        assert_int_equal(c.tcp.ack.v, WIRE_SERVER_ISN + 1);
    }
    accel_wire_wait(3);
    unsigned resets = 0;
    while (accel_wire_catch(ACCEL_CLIENTS, &c)) {
        assert_int_equal(c.tcp.flags, TCP_RST | TCP_ACK);
        if (step < NEW_SYN)
            assert_int_equal(c.tcp.seq.v, torture_of.isn + 1);
        resets++;
    }
    while (accel_wire_catch(ACCEL_SERVERS, &c)) {
        assert_int_equal(c.tcp.flags, TCP_RST);
        assert_true(step >= NEW_SYN || c.tcp.seq.v == WIRE_CLIENT_ISN + 1 || c.tcp.seq.v == WIRE_CLIENT_ISN + 6);
        resets++;
    }
    assert_int_equal(resets, flows && !whole ? 2 : 0);
    *kept += whole != 0, *reset += flows && !whole, *absent += flows == 0;
    accel_wire_kill();
}

static void mb_07_09_a_kill_between_any_two_stores(void **state)
{
    (void)state;
    struct accel_wire *w = &accel_wire;
    unsigned kept = 0, reset = 0, absent = 0;
    accel_wire_kill();
    memset(store, 0, sizeof store);
    w->settings.max_flows = w->settings.max_openings = 2;
    torture_of.bytes = w->settings.store_bytes = accel_store_bytes(&w->settings);
    torture_of.images = malloc(IMAGES_MOST * sizeof *torture_of.images);
    torture_of.steps = malloc(IMAGES_MOST);
    assert_true(torture_of.images && torture_of.steps);
    accel_wire_box();
    life_of_a_flow();
    assert_true(torture_of.n < IMAGES_MOST);
    accel_wire_kill();
    for (unsigned i = 0; i < torture_of.n; i++)
        check_image(i, &kept, &reset, &absent);
    free(torture_of.images);
    free(torture_of.steps);
    print_message("MB-07, MB-09: %u times the flow was kept, %u times its ends were reset, %u times there was none\n",
                  kept, reset, absent);
    print_message("MB-07: %u cases\n", torture_of.n);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_rig, accel_wire_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(mb_12_a_box_killed_and_started_again_goes_on),     CASE(mb_12_cookies_outlive_the_box),
        CASE(mb_07_a_killed_box_resets_what_it_cannot_deliver), CASE(mb_07_a_server_that_dies_is_told_by_reset),
        CASE(mb_09_a_table_that_is_not_right_is_not_believed),  CASE(mb_09_a_table_of_another_box_is_refused),
        CASE(mb_07_09_a_kill_between_any_two_stores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
