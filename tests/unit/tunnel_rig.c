/* SPDX-License-Identifier: MIT */
/*
 * See tunnel_rig.h.
 */
#include "unit/tunnel_rig.h"

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "link/memory.h"

#define PORT 80
#define ECHO_ID 7
#define QUIET_TURNS 3u

static const struct hash_key SECRET = {3, 4};

struct ip_addr tunnel_rig_ip(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

/* ---- TCP ---- */

static uint8_t pattern(uint64_t offset) { return (uint8_t)(offset * 131 + (offset >> 8)); }

static void connected(void *context, struct tcp *c, int64_t now)
{
    struct tunnel_side *x = context;
    x->connected++;
    assert_int_equal(tcp_send(stack_tcp(x->stack), c, x->to_send, now), 0);
    tcp_close(stack_tcp(x->stack), c, now);
}

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct tunnel_side *x = context;
    for (uint32_t i = 0; i < length; i++)
        x->wrong += bytes[i] != pattern(x->received + i);
    x->received += length;
    tcp_consumed(stack_tcp(x->stack), c, length, now);
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct tunnel_side *x = context;
    (void)c, (void)now;
    x->closed++;
    x->normal += reason == TCP_CLOSE_NORMAL;
}

static const struct tcp_user user = {.connected = connected, .received = received, .pull = pull, .closed = closed};

static void ponged(void *context, const struct icmp_echo *e, int error, int64_t now)
{
    struct tunnel_side *x = context;
    (void)now;
    if (error)
        return;
    for (uint32_t i = 0; i < e->length; i++)
        x->wrong += e->bytes[i] != pattern(i);
    x->replies++;
}

/* ---- life ---- */

static void make_side(struct tunnel_rig *r, unsigned i, struct link *end, const struct tunnel_rig_options *o)
{
    struct tunnel_side *x = &r->side[i];
    struct impair_settings impair;
    struct guard_rules rules = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct stack_settings t;
    struct tcp_profile profile;
    impair_settings_default(&impair);
    impair.seed = 40 + i;
    impair.loss_ppb = o->loss_ppb;
    impair.delay_ns = o->loss_ppb ? NS_PER_MS : 0;
    assert_int_equal(impair_link_new(&impair, end, alloc_heap(), &x->link), 0);
    assert_int_equal(guard_init(&x->guard, &rules, NULL, r->now), 0);
    stack_settings_default(&t);
    t.max_addresses = o->addresses;
    t.max_neighbours = o->addresses + 64;
    t.tcp.max_connections = 64;
    t.tcp.links = 16;
    t.secret = (struct hash_key){i + 1, 99};
    t.tcp.secret = (struct hash_key){i + 11, 77};
    assert_int_equal(stack_new(&t, alloc_heap(), r->now, &x->stack), 0);
    assert_int_equal(stack_add_interface(x->stack, x->link, &x->guard), 0);
    x->v4 = tunnel_rig_host(r, i, 0, i ? "10.0.0.2" : "10.0.0.1", 24, 0);
    x->v6 = tunnel_rig_host(r, i, 0, i ? "2001:db8::2" : "2001:db8::1", 64, 0);
    assert_int_equal(tunnel_set_new(x->stack, &SECRET, alloc_heap(), &x->set), 0);
    assert_int_equal(icmp_echo_bind(x->stack, ECHO_ID, ponged, x), 0);
    tcp_profile_default(&profile);
    profile.time_wait_ns = 0;
    int number = tcp_register_user(stack_tcp(x->stack), &user, x, &profile);
    assert_true(number >= 0);
    x->user = (unsigned)number;
}

struct tunnel_rig *tunnel_rig_new_with(const struct tunnel_rig_options *o)
{
    struct tunnel_rig *r = calloc(1, sizeof *r);
    struct memory_settings m;
    struct link *ends[2];
    assert_non_null(r);
    r->now = 5 * NS_PER_S;
    memory_settings_default(&m);
    m.mtu = o->mtu;
    m.buffer_bytes = o->mtu + 256;
    assert_int_equal(memory_link_new(&m, alloc_heap(), "wire", ends), 0);
    for (unsigned i = 0; i < 2; i++)
        make_side(r, i, ends[i], o);
    return r;
}

struct tunnel_rig *tunnel_rig_new(void)
{
    return tunnel_rig_new_with(&(struct tunnel_rig_options){.mtu = 1500, .addresses = 64});
}

void tunnel_rig_free(struct tunnel_rig *r)
{
    for (unsigned i = 0; i < 2; i++)
        stack_delete(r->side[i].stack);
    for (unsigned i = 0; i < 2; i++)
        tunnel_set_delete(r->side[i].set);
    for (unsigned i = 0; i < 2; i++)
        link_close(r->side[i].link);
    free(r);
}

/* ---- time ---- */

/* stack_receive sends too, and does not say so. */
void tunnel_rig_settle(struct tunnel_rig *r)
{
    for (unsigned quiet = 0, turns = 0; quiet < QUIET_TURNS && turns < 10000; turns++) {
        unsigned moved = 0;
        for (unsigned i = 0; i < 2; i++) {
            moved += stack_receive(r->side[i].stack, r->now);
            moved += stack_transmit(r->side[i].stack, r->now);
        }
        quiet = moved ? 0 : quiet + 1;
    }
}

void tunnel_rig_run(struct tunnel_rig *r, int64_t ns, bool (*done)(const struct tunnel_rig *r))
{
    int64_t end = r->now + ns;
    for (tunnel_rig_settle(r); r->now < end && !(done && done(r)); tunnel_rig_settle(r)) {
        int64_t next = min_i64(stack_next_deadline(r->side[0].stack), stack_next_deadline(r->side[1].stack));
        r->now = next > r->now ? min_i64(next, end) : r->now + NS_PER_US;
    }
}

/* ---- tunnels ---- */

int tunnel_rig_add(struct tunnel_rig *r, unsigned side, const struct tunnel_settings *t, struct link **link)
{
    struct tunnel_side *x = &r->side[side];
    assert_int_equal(tunnel_add(x->set, t, r->now, link), 0);
    int number = stack_add_interface(x->stack, *link, &x->guard);
    assert_true(number > 0);
    return number;
}

uint32_t tunnel_rig_host(struct tunnel_rig *r, unsigned side, int interface, const char *address, uint8_t length,
                         uint32_t vni)
{
    const struct host_settings h = {
        .interface = (unsigned)interface, .address = tunnel_rig_ip(address), .prefix_length = length, .vni = vni};
    int local = stack_add_host(r->side[side].stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

void tunnel_rig_pipe(struct tunnel_rig *r, const struct tunnel_settings *t, const uint32_t under[2],
                     const char *const address[2], uint32_t inside[2])
{
    struct ip_addr ends[2];
    for (unsigned i = 0; i < 2; i++)
        assert_true(stack_local_address(r->side[i].stack, under[i], &ends[i]));
    for (unsigned i = 0; i < 2; i++) {
        struct tunnel_settings mine = *t;
        struct link *link;
        mine.local = under[i];
        mine.mac[5] = (uint8_t)(t->mac[5] + i);
        if (mine.kind != TUNNEL_VXLAN)
            mine.remote = ends[1 - i];
        int interface = tunnel_rig_add(r, i, &mine, &link);
        if (mine.kind == TUNNEL_VXLAN)
            assert_int_equal(tunnel_add_remote(link, mine.vni, &ends[1 - i], r->now), 0);
        inside[i] = tunnel_rig_host(r, i, interface, address[i], strchr(address[i], ':') ? 64 : 24, 0);
    }
}

/* ---- traffic ---- */

static bool was_answered(const struct tunnel_rig *r) { return r->side[0].replies != 0; }

bool tunnel_rig_ping(struct tunnel_rig *r, uint32_t local, const char *remote, uint32_t bytes)
{
    static uint8_t body[65536];
    struct tunnel_side *x = &r->side[0];
    const struct icmp_echo e = {
        .local = local, .remote = tunnel_rig_ip(remote), .id = ECHO_ID, .bytes = body, .length = bytes};
    for (uint32_t i = 0; i < bytes; i++)
        body[i] = pattern(i);
    x->replies = 0;
    x->wrong = 0;
    if (icmp_echo_send(x->stack, &e, r->now) != 0)
        return false;
    tunnel_rig_run(r, 2 * NS_PER_S, was_answered);
    return x->replies == 1 && x->wrong == 0;
}

static bool both_closed(const struct tunnel_rig *r) { return r->side[0].closed && r->side[1].closed; }

bool tunnel_rig_transfer(struct tunnel_rig *r, uint32_t local, const char *remote, uint64_t bytes)
{
    const struct flow_key key = {.local = local, .remote = tunnel_rig_ip(remote), .remote_port = PORT};
    struct tcp_ref ref;
    bool good = true;
    for (unsigned i = 0; i < 2; i++) {
        struct tunnel_side *x = &r->side[i];
        x->connected = x->closed = x->normal = 0;
        x->received = x->wrong = 0;
        x->to_send = bytes;
    }
    int error = tcp_listen(stack_tcp(r->side[1].stack), r->side[1].user, TCP_ANY_LOCAL, PORT);
    assert_true(error == 0 || error == ERR_IN_USE);
    assert_int_equal(tcp_connect(stack_tcp(r->side[0].stack), r->side[0].user, &key, 0, r->now, &ref), 0);
    tunnel_rig_run(r, 600 * NS_PER_S, both_closed);
    for (unsigned i = 0; i < 2; i++) {
        const struct tunnel_side *x = &r->side[i];
        good = good && x->connected == 1 && x->normal == 1 && x->received == bytes && x->wrong == 0;
    }
    return good;
}
