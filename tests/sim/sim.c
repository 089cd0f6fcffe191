/* SPDX-License-Identifier: MIT */
/*
 * See sim.h.
 */
#include "sim_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "fast_open_server.h"
#include "link/memory.h"
#include "nic.h"
#include "support/cmocka_all.h"

#define START (100 * NS_PER_S)

/* ---- the user of a connection ---- */

static uint64_t pattern_word(uint64_t index, uint64_t salt)
{
    uint64_t x = (index + salt) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ (x >> 29);
}

static void pattern_fill(uint8_t *to, uint64_t offset, size_t length, uint64_t salt)
{
    for (size_t done = 0; done < length;) {
        uint64_t word = pattern_word((offset + done) / 8, salt);
        size_t skip = (offset + done) % 8, n = min_u64(8 - skip, length - done);
        memcpy(to + done, (uint8_t *)&word + skip, n);
        done += n;
    }
}

void sim_fail(struct sim *s, const char *why)
{
    if (!s->failure)
        s->failure = why;
}

static void user_connected(void *context, struct tcp *c, int64_t now)
{
    struct side *side = context;
    struct tcp_layer *t = stack_tcp(side->stack);
    side->ref = tcp_ref_of(t, c);
    if (side->to_send > 0 && tcp_send(t, c, side->to_send, now) < 0)
        sim_fail(side->sim, "tcp_send failed");
    if (!side->sim->cell->reset_at_end)
        tcp_close(t, c, now);
}

static void user_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct side *side = context;
    uint8_t expected[2048];
    for (uint32_t done = 0; done < length;) {
        uint32_t n = min_u32(length - done, sizeof expected);
        pattern_fill(expected, side->received + done, n, side->peer_salt);
        if (memcmp(expected, bytes + done, n) != 0)
            sim_fail(side->sim, "received bytes differ from those sent");
        done += n;
    }
    for (uint32_t i = 0; i < length; i++)
        side->stream = (side->stream ^ bytes[i]) * UINT64_C(1099511628211); /* FNV-1a */
    if (side->received == 0 && length > 0)
        side->first_at = now - START;
    side->received += length;
    if (length == 0)
        side->fin = true;
    tcp_consumed(stack_tcp(side->stack), c, length, now);
}

static size_t user_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    struct side *side = context;
    (void)c;
    pattern_fill(to, offset, length, side->salt);
    *sum = checksum_add(*sum, to, length);
    return length;
}

/* In uneven pieces. */
static unsigned user_lend(void *context, struct tcp *c, uint64_t offset, size_t length, struct packet_frag *pieces,
                          unsigned max)
{
    struct side *side = context;
    unsigned n = 0;
    (void)c;
    if (!side->lent || offset % 7 == 0) /* now and then it cannot */
        return 0;
    for (size_t done = 0; done < length && n < max; n++) {
        size_t left = length - done;
        size_t piece = n == max - 1 ? left : min_u64(left, 1 + (offset + done) % 9973);
        pieces[n] = (struct packet_frag){.bytes = side->lent + offset + done, .length = (uint32_t)piece};
        done += piece;
    }
    return n;
}

static void user_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct side *side = context;
    (void)c, (void)now;
    if (side->closed)
        sim_fail(side->sim, "closed twice");
    side->closed = true;
    side->reason = reason;
}

static const struct tcp_user user = {.connected = user_connected,
                                     .received = user_received,
                                     .pull = user_pull,
                                     .lend = user_lend,
                                     .closed = user_closed};

/* ---- the network ---- */

struct ip_addr sim_address(const struct sim *s, unsigned side)
{
    const struct ip_addr v6 = {{0xfd, [15] = (uint8_t)(side + 1)}};
    return s->cell->v6 ? v6 : ip_addr_from_v4(0x0a000001u + side);
}

bool sim_has_far(const struct sim *s) { return s->cell->pair == SIM_PAIR || s->cell->pair == SIM_PAIR_KNOWN; }

struct impair_settings sim_impairment(const struct sim *s, unsigned hop, uint64_t salt)
{
    struct impair_settings impair = s->cell->impair;
    if (s->cell->near && hop != 1)
        impair_settings_default(&impair);
    impair.seed = digest_mix(s->cell->seed, salt);
    return impair;
}

static struct link *speak_fast_open(const struct sim *s, struct link *top)
{
    const enum sim_fast_open how = s->cell->fast_open;
    if (how == SIM_NO_FAST_OPEN || how == SIM_FAST_OPEN_NOBODY)
        return top;
    return fast_open_server_new(top, how == SIM_FAST_OPEN_DATA      ? FAST_OPEN_PATH_EATS_DATA
                                     : how == SIM_FAST_OPEN_OPTIONS ? FAST_OPEN_PATH_EATS_OPTIONS
                                                                    : FAST_OPEN_PATH_CLEAR);
}

static void make_side(struct sim *s, unsigned i, struct link *end)
{
    struct side *side = &s->side[i];
    const struct impair_settings impair = sim_impairment(s, i == 0 ? 0 : sim_has_far(s) ? 2 : 1, 77 + i);
    struct stack_settings settings;
    struct guard_rules rules;
    side->sim = s;
    side->to_send = s->cell->bytes[i];
    side->to_receive = s->cell->bytes[1 - i];
    side->salt = s->cell->seed + i;
    side->peer_salt = s->cell->seed + 1 - i;
    if (s->cell->lends[i]) {
        side->lent = malloc(side->to_send);
        assert(side->lent);
        pattern_fill(side->lent, 0, side->to_send, side->salt);
    }
    side->wire = digest_link_new(end, &s->digest);
    int e = impair_link_new(&impair, side->wire, alloc_heap(), &side->top);
    if (e == 0 && i == 1)
        side->top = speak_fast_open(s, side->top);
    if (e == 0 && s->cell->gso_max[i])
        side->top = nic_new(side->top, s->cell->gso_max[i]);
    guard_rules_default(&rules);
    e = e < 0 ? e : guard_init(&side->guard, &rules, NULL, s->now);
    stack_settings_default(&settings);
    settings.secret = (struct hash_key){digest_mix(s->cell->seed, i), 5};
    settings.tcp.secret = (struct hash_key){digest_mix(s->cell->seed, 9 + i), 6};
    settings.tcp.max_connections = 16;
    settings.tcp.max_out_of_order_frames = s->cell->frames ? s->cell->frames : 1024;
    settings.tcp.sent_records = s->cell->frames;
    settings.tcp.frame_bytes = s->cell->mtu + 64;
    settings.tcp.max_time_wait = 16;
    settings.merge_received = s->cell->merge[i];
    settings.max_addresses = 16;
    settings.max_neighbours = 16;
    e = e < 0 ? e : stack_new(&settings, alloc_heap(), s->now, &side->stack);
    assert(e == 0);
    struct host_settings host = s->cell->tags;
    struct ip_addr peer = sim_address(s, 1 - i);
    host.address = sim_address(s, i);
    host.prefix_length = s->cell->v6 ? 64 : 24;
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    e = stack_add_interface(side->stack, side->top, &side->guard);
    assert(e == 0);
    e = stack_add_host(side->stack, &host);
    assert(e == 1);
    e = stack_add_neighbour(side->stack, 1, &peer, macs[1 - i]);
    assert(e == 0);
    e = tcp_register_user(stack_tcp(side->stack), &user, side, &s->cell->profile);
    assert(e == 0);
    (void)e;
}

void sim_wire(struct sim *s, struct link *ends[2])
{
    struct memory_settings m;
    memory_settings_default(&m);
    m.mtu = s->cell->mtu;
    m.buffer_bytes = max_u32(m.buffer_bytes, m.mtu + 256);
    m.frames = s->cell->frames ? s->cell->frames : 8192;
    m.queue = s->cell->frames ? s->cell->frames : 4096;
    int e = memory_link_new(&m, alloc_heap(), "sim", ends);
    assert(e == 0);
    (void)e;
}

static void begin(struct sim *s)
{
    struct link *ends[2];
    sim_wire(s, ends);
    if (s->cell->accel)
        sim_append_box(s, ACCEL_NEAR, &ends[1]);
    if (sim_has_far(s))
        sim_append_box(s, ACCEL_FAR, &ends[1]);
    make_side(s, 0, ends[0]);
    make_side(s, 1, ends[1]);
    struct flow_key key = {.local = 1, .remote = sim_address(s, 1), .remote_port = SIM_PORT};
    int e = tcp_listen(stack_tcp(s->side[1].stack), 0, TCP_ANY_LOCAL, SIM_PORT);
    assert(e == 0);
    e = tcp_connect(stack_tcp(s->side[0].stack), 0, &key, 0, s->now, &s->side[0].ref);
    assert(e == 0);
    (void)e;
}

static void turn_until_quiet(struct sim *s)
{
    uint64_t n;
    do {
        n = 0 - s->digest.frames; /* a frame let go by an impaired link has not arrived yet */
        n += sim_turn_boxes(s);   /* before the sides, which take at once what its links let go */
        for (unsigned i = 0; i < 2; i++) {
            n += stack_receive(s->side[i].stack, s->now);
            n += stack_transmit(s->side[i].stack, s->now);
        }
        n += s->digest.frames;
    } while (n > 0);
}

static int64_t next_event(struct sim *s)
{
    int64_t at = TIME_NEVER;
    for (unsigned i = 0; i < 2; i++) {
        at = min_i64(at, stack_next_deadline(s->side[i].stack));
        at = min_i64(at, link_next_deadline(s->side[i].top));
    }
    for (unsigned i = 0; i < 2 && s->box[i]; i++)
        at = min_i64(at, accel_next_deadline(s->box[i]));
    return at;
}

/* An abort is due when everything arrived. */
static void maybe_reset(struct sim *s)
{
    struct side *a = &s->side[0], *b = &s->side[1];
    struct tcp *c = tcp_get(stack_tcp(a->stack), a->ref);
    if (s->cell->reset_at_end && c && a->received == a->to_receive && b->received == b->to_receive)
        tcp_abort(stack_tcp(a->stack), c, s->now);
}

static bool both_closed(const struct sim *s) { return s->side[0].closed && s->side[1].closed; }

/*
 * The RST never arrived: side 1 has nothing in flight that would find out, and may stay open for ever. Whatever timers
 * a stack has then say nothing.
 */
static bool lost_reset(const struct sim *s) { return s->cell->reset_at_end && s->side[0].closed; }

static void run(struct sim *s)
{
    int64_t stall = 2 * s->cell->profile.rto_max_ns + NS_PER_S; /* no longer than this without any event */
    while (!both_closed(s) && !s->failure) {
        if (s->cell->stop_after_ns > 0 && s->now - START >= s->cell->stop_after_ns)
            return;
        turn_until_quiet(s);
        maybe_reset(s);
        sim_maybe_kill(s);
        int64_t next = next_event(s);
        if (both_closed(s))
            break;
        if (next - s->now > stall && stack_output_pending(s->side[0].stack)) {
            next = s->now + 1; /* an abort just now: its RST goes out with the next turn */
        } else if (next - s->now > stall) {
            if (!lost_reset(s))
                sim_fail(s, next == TIME_NEVER ? "nothing will ever happen again, and the connection is open"
                                               : "stall: no event for twice the largest RTO");
            break;
        }
        s->now = max_i64(next, s->now + 1);
    }
}

static void check_end(struct sim *s)
{
    for (unsigned i = 0; i < 2 && !s->failure; i++) {
        const struct side *side = &s->side[i];
        if (side->received != side->to_receive)
            sim_fail(s, "not all bytes arrived");
        else if (!s->cell->reset_at_end && (!side->fin || side->reason != TCP_CLOSE_NORMAL))
            sim_fail(s, "did not end normally");
    }
}

static void check_leaks(struct sim *s)
{
    int64_t until = s->now + SIM_SETTLE;
    while (!s->failure) {
        turn_until_quiet(s);
        int64_t next = next_event(s);
        if (next > until)
            break;
        s->now = max_i64(next, s->now + 1);
    }
    s->now = until;
    turn_until_quiet(s);
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_occupancy o;
        tcp_get_occupancy(stack_tcp(s->side[i].stack), &o);
        bool open = s->cell->reset_at_end && i == 1 && !s->side[1].closed; /* its RST was lost */
        if (!open && (o.connections || o.active || o.time_wait || o.sent_records || o.out_of_order_frames))
            sim_fail(s, "a pool is not empty after everything ended");
    }
}

void sim_run(const struct sim_cell *c, struct sim_result *out)
{
    struct sim s = {.cell = c, .now = START, .digest = {.value = 1}};
    begin(&s);
    run(&s);
    *out = (struct sim_result){.virtual_ns = s.now - START, .received = {s.side[0].received, s.side[1].received}};
    if (c->stop_after_ns == 0) {
        check_end(&s);
        check_leaks(&s);
    }
    out->failure = s.failure;
    out->digest = s.digest.value;
    out->frames = s.digest.frames;
    for (unsigned i = 0; i < 2; i++) {
        out->tcp[i] = *tcp_counters(stack_tcp(s.side[i].stack));
        out->stream[i] = s.side[i].stream;
        out->first_byte_ns[i] = s.side[i].first_at;
        out->large_frames[i] = c->gso_max[i] ? nic_large_frames(s.side[i].top) : 0;
    }
    for (unsigned i = 0; i < 2; i++)
        stack_delete(s.side[i].stack);
    sim_end_boxes(&s, out);
    for (unsigned i = 0; i < 2; i++) {
        out->lent_frames[i] = c->gso_max[i] ? nic_scattered_frames(s.side[i].top) : 0;
        link_close(s.side[i].top);
        free(s.side[i].lent);
    }
}

void sim_cell_default(struct sim_cell *c)
{
    memset(c, 0, sizeof *c);
    impair_settings_default(&c->impair);
    tcp_profile_default(&c->profile);
    c->profile.data_retries = 250; /* a cell is about repair, not about giving up */
    c->profile.syn_retries = 250;
    c->profile.syn_ack_retries = 250;
    c->profile.fin_wait_2_ns = 0; /* the other direction may take hours */
    c->profile.time_wait_ns = SIM_TIME_WAIT;
    c->bytes[0] = c->bytes[1] = 1 << 20;
    c->mtu = 1500;
}

void sim_cell_print(const struct sim_cell *c, char *text, size_t size)
{
    const struct impair_settings *m = &c->impair;
    snprintf(text, size,
             "seed %llu loss %.2f%% burst %.2f%% reorder %.0f%% dup %.0f%% corrupt %.2f%% delay %lld ms jitter %lld ms "
             "cc %d sack %d ts %d ws %d mtu %u gso %u %u lends %d %d merge %d %d ipv%d tags %u labels %u%s",
             (unsigned long long)c->seed, m->loss_ppb / 1e7, m->burst_enter_ppb / 1e7, m->reorder_ppb / 1e7,
             m->duplicate_ppb / 1e7, m->corrupt_ppb / 1e7, (long long)(m->delay_ns / NS_PER_MS),
             (long long)(m->jitter_ns / NS_PER_MS), (int)c->profile.congestion, c->profile.sack, c->profile.timestamps,
             c->profile.window_scaling, c->mtu, c->gso_max[0], c->gso_max[1], c->lends[0], c->lends[1], c->merge[0],
             c->merge[1], c->v6 ? 6 : 4, c->tags.vlan_count, c->tags.mpls_count, c->reset_at_end ? " reset" : "");
}

static void print_box(const struct accel_counters *c)
{
#define PRINT_COUNTER(name)                                                                                            \
    if (c->name)                                                                                                       \
        print_error("  %s %llu\n", #name, (unsigned long long)c->name);
    ACCEL_COUNTER_LIST(PRINT_COUNTER)
#undef PRINT_COUNTER
}

bool sim_cell_passes(const struct sim_cell *c, struct sim_result *out)
{
    char text[300];
    sim_run(c, out);
    if (!out->failure)
        return true;
    sim_cell_print(c, text, sizeof text);
    print_error("WEIR_SIM_SEED=%llu: %s\n  %s\n  after %llu frames, %.3f s\n", (unsigned long long)c->seed,
                out->failure, text, (unsigned long long)out->frames, (double)out->virtual_ns / 1e9);
    print_box(&out->accel);
    print_box(&out->far);
    return false;
}

uint64_t sim_setting(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}
