/* SPDX-License-Identifier: MIT */
/*
 * The SYN to the server by Fast Open: see fast_open.h.
 */
#include "accel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define EMPTY_OPTION_BYTES 4u

/* ---- the client's SYN ---- */

static bool may(const struct accel *a, const struct accel_flow *f, int64_t now)
{
    if (!a->settings.fast_open || accel_servers_fast_open(&a->servers, &f->key, now) == ACCEL_SERVER_SPEAKS_NOT)
        return false;
    return !a->settings.paired ||
           (accel_servers_find(&a->servers, &f->key, now) && !accel_servers_far(&a->servers, &f->key, now));
}

/* The option, with NOPs in front so that it takes a multiple of 4 bytes; returns these. */
static uint32_t put_option(uint8_t to[ACCEL_FAST_OPEN_OPTION_MAX], const uint8_t *cookie, uint32_t length)
{
    const uint32_t bytes = (2 + length + 3) / 4 * 4, at = bytes - 2 - length;
    memset(to, TCP_KIND_NOP, at);
    to[at] = TCP_KIND_FAST_OPEN;
    to[at + 1] = (uint8_t)(2 + length);
    if (length)
        memcpy(to + at + 2, cookie, length);
    return bytes;
}

static bool fits(const struct accel_opening *o, const struct accel_fast_open_cookie *cookie)
{
    uint8_t option[ACCEL_FAST_OPEN_OPTION_MAX];
    return o->syn_options_length + put_option(option, cookie->bytes, cookie->length) <= WIRE_TCP_MAX_OPTIONS;
}

static void ask(struct accel *a, struct accel_opening *o, struct accel_arrival *v)
{
    uint8_t option[ACCEL_FAST_OPEN_OPTION_MAX];
    if (accel_insert_option(&v->segment, option, put_option(option, NULL, 0)) < 0)
        return;
    o->fast_open = ACCEL_FAST_OPEN_ASKED;
    ACCEL_COUNT(a, fast_open_asked);
}

void accel_fast_open_begin(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (!may(a, f, v->now))
        return;
    const struct accel_fast_open_cookie *cookie = accel_fast_open_cookie_find(&a->cookies, &f->key, v->now);
    if (!cookie) {
        ask(a, o, v);
    } else if (fits(o, cookie)) {
        o->fast_open = ACCEL_FAST_OPEN_HELD;
        o->syn_tries = 0;
    }
}

/* ---- the SYN that was held ---- */

/* What the server takes in a SYN with so many bytes of options, by what it said the last time: RFC 7413 4.1.2. */
static uint32_t room_in_syn(const struct accel *a, const struct accel_flow *f, uint32_t options)
{
    const uint32_t ip = ip_addr_is_v4(&f->key.server) ? WIRE_IPV4_MIN : WIRE_IPV6_LEN;
    const uint32_t most = min_u32(f->told.mss, a->links[ACCEL_SERVERS]->mtu - ip - WIRE_TCP_MIN);
    return most > options ? most - options : 0;
}

/* False: it did not go. */
static bool send_with_cookie(struct accel *a, struct accel_flow *f, struct accel_opening *o, int64_t now)
{
    const struct accel_fast_open_cookie *cookie = accel_fast_open_cookie_find(&a->cookies, &f->key, now);
    uint8_t options[WIRE_TCP_MAX_OPTIONS + ACCEL_FAST_OPEN_OPTION_MAX];
    if (!cookie || !fits(o, cookie))
        return false;
    const uint32_t front = put_option(options, cookie->bytes, cookie->length);
    memcpy(options + front, o->syn_options, o->syn_options_length);
    const uint32_t length = front + o->syn_options_length;
    const uint32_t bytes = min_u32(accel_early_bytes(f, o), room_in_syn(a, f, length));
    const struct accel_own syn = {.to = ACCEL_SERVERS,
                                  .seq = f->client_isn,
                                  .flags = TCP_SYN,
                                  .window = o->syn_window,
                                  .raw_options = options,
                                  .raw_options_length = length,
                                  .payload = bytes ? pool_at(&a->buffers, o->buffer) : NULL,
                                  .payload_length = bytes};
    if (!accel_send_own(a, f, &syn, now))
        return false;
    o->in_syn = (uint16_t)bytes;
    return true;
}

static void send_held(struct accel *a, struct accel_flow *f, int64_t now)
{
    struct accel_opening *o = accel_opening_of(a, f);
    o->fast_open = ACCEL_FAST_OPEN_WITHOUT;
    if (!(f->flags & ACCEL_CLIENT_THERE) || !send_with_cookie(a, f, o, now)) {
        accel_send_syn(a, f, now);
        return;
    }
    o->fast_open = ACCEL_FAST_OPEN_SENT;
    o->syn_at = now;
    o->syn_tries++;
    if (o->in_syn)
        ACCEL_COUNT(a, fast_open_sent);
    else
        ACCEL_COUNT(a, fast_open_sent_empty);
}

void accel_fast_open_data(struct accel *a, struct accel_flow *f, int64_t now)
{
    const struct accel_opening *o = accel_opening_of(a, f);
    if (o->fast_open == ACCEL_FAST_OPEN_HELD && accel_early_bytes(f, o))
        send_held(a, f, now);
}

int64_t accel_syn_deadline(const struct accel *a, const struct accel_opening *o)
{
    if (o->fast_open == ACCEL_FAST_OPEN_HELD)
        return o->syn_at + a->settings.fast_open_wait_ns;
    return o->syn_at + (NS_PER_S << (o->syn_tries - 1));
}

void accel_syn_due(struct accel *a, struct accel_flow *f, int64_t now)
{
    if (accel_opening_of(a, f)->fast_open == ACCEL_FAST_OPEN_HELD)
        send_held(a, f, now);
    else
        accel_send_syn(a, f, now);
}

/* ---- the server's answer ---- */

void accel_fast_open_give_up(struct accel_opening *o)
{
    if (o->fast_open == ACCEL_FAST_OPEN_ASKED || o->fast_open == ACCEL_FAST_OPEN_SENT)
        o->fast_open = ACCEL_FAST_OPEN_GIVEN_UP;
}

bool accel_fast_open_acknowledges(const struct accel_flow *f, const struct accel_opening *o, struct seq ack)
{
    const struct seq first = seq_add(f->client_isn, 1);
    return o->fast_open != ACCEL_FAST_OPEN_HELD && seq_ge(ack, first) && seq_le(ack, seq_add(first, o->in_syn));
}

static void accepted(struct accel *a, struct accel_flow *f, struct accel_opening *o, const struct accel_arrival *v)
{
    o->una = o->next = v->tcp.ack;
    accel_hold_acknowledged(o, o->una);
    accel_fast_open_cookie_accepted(&a->cookies, &f->key, v->now);
    accel_servers_set_fast_open(&a->servers, &f->key, ACCEL_SERVER_SPEAKS, v->now);
    ACCEL_COUNT(a, fast_open_accepted);
}

/* The one with a new cookie is of our own making: the old one had grown old. */
static void refused(struct accel *a, const struct accel_flow *f, bool new_cookie, int64_t now)
{
    ACCEL_COUNT(a, fast_open_refused);
    if (!new_cookie && accel_fast_open_cookie_refused(&a->cookies, &f->key, now))
        ACCEL_COUNT(a, fast_open_forgotten);
}

/* Only the SYN without was answered. */
static void lost(struct accel *a, const struct accel_flow *f, int64_t now)
{
    const enum accel_server_fast_open known = accel_servers_fast_open(&a->servers, &f->key, now);
    accel_servers_set_fast_open(&a->servers, &f->key,
                                known == ACCEL_SERVER_SPEAKS ? ACCEL_SERVER_DOUBTED : ACCEL_SERVER_SPEAKS_NOT, now);
    ACCEL_COUNT(a, fast_open_lost);
}

void accel_fast_open_answered(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    struct wire_tcp_options options;
    if (o->fast_open < ACCEL_FAST_OPEN_ASKED)
        return;
    accel_options_of(v, &options);
    const bool cookie = options.present & TCP_OPT_FAST_OPEN && options.fast_open_len;
    const bool given_up = o->fast_open == ACCEL_FAST_OPEN_GIVEN_UP && !cookie;
    if (cookie && accel_fast_open_cookie_learn(&a->cookies, &f->key, options.fast_open, options.fast_open_len, v->now))
        ACCEL_COUNT(a, fast_open_learnt);
    if (seq_gt(v->tcp.ack, o->una))
        accepted(a, f, o, v);
    else if (given_up)
        lost(a, f, v->now);
    else if (o->in_syn)
        refused(a, f, cookie, v->now);
    else if (o->fast_open == ACCEL_FAST_OPEN_ASKED && !cookie)
        accel_servers_set_fast_open(&a->servers, &f->key, ACCEL_SERVER_SPEAKS_NOT, v->now);
}

/* The port may be closed, or somebody does not like the option: only the SYN without can tell. */
bool accel_fast_open_reset(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (o->fast_open == ACCEL_FAST_OPEN_GIVEN_UP && o->in_syn && seq_gt(v->tcp.ack, o->una))
        return true; /* to the SYN with data, and late */
    if (o->fast_open != ACCEL_FAST_OPEN_ASKED && o->fast_open != ACCEL_FAST_OPEN_SENT)
        return false;
    accel_send_syn(a, f, v->now); /* which gives up */
    return true;
}
