/* SPDX-License-Identifier: MIT */
/*
 * See answers.h.
 */
#include "accel/answers.h"

#include "accel/internal.h"

static uint32_t place_of(const struct accel *a, const struct accel_key *key)
{
    return (uint32_t)hash_sip24(&a->settings.secret, key, sizeof *key);
}

static struct accel_flow *find(const struct accel *a, const struct accel_key *key)
{
    const uint32_t i = accel_flow_find(&a->flows, key);
    return i == POOL_NONE ? NULL : accel_flow_at(&a->flows, i);
}

/* ---- what is known there ---- */

void accel_answers_begin(struct accel *a)
{
    const struct accel_answers *s = a->settings.answers;
    s->begin(s->context, &a->settings.secret);
    for (uint32_t i = 1; i <= a->flows.pool.touched; i++)
        if (accel_flow_at(&a->flows, i)->state != ACCEL_FREE)
            accel_answers_claim_it(a, accel_flow_at(&a->flows, i));
}

void accel_answers_claim_it(struct accel *a, const struct accel_flow *f)
{
    const struct accel_answers *s = a->settings.answers;
    (void)s->claim(s->context, place_of(a, &f->key));
}

void accel_answers_release_it(struct accel *a, const struct accel_flow *f)
{
    const struct accel_answers *s = a->settings.answers;
    s->release(s->context, place_of(a, &f->key));
}

void accel_answers_learn_it(struct accel *a, const struct accel_key *key)
{
    const struct accel_answers *s = a->settings.answers;
    const uint32_t place = accel_servers_place(&a->servers, key);
    const struct accel_server *server = &a->servers.slots[place];
    const bool is_left_alone =
        accel_is_bypass_of(a->settings.bypass, a->settings.bypass_count, &server->address, server->port);
    s->server(s->context, place, is_left_alone ? NULL : server, server->at + a->servers.memory_ns);
}

void accel_answers_count_it(struct accel *a, const struct accel_key *key, int64_t now)
{
    const struct accel_answers *s = a->settings.answers;
    const uint32_t place = accel_limits_place(&a->limits, key);
    const uint32_t left = min_u32(accel_limits_left(&a->limits, key, now), ACCEL_ANSWERS_OF_SOURCE);
    s->source(s->context, place, a->limits.sources[place].answered + left);
}

void accel_answers_grant_them(struct accel *a, int64_t now)
{
    const struct accel_answers *s = a->settings.answers;
    uint32_t left = min_u32(accel_limits_left_in_all(&a->limits, now), ACCEL_ANSWERS_MOST);
    left = min_u32(left, accel_openings_left(a) / 2);
    left = min_u32(left, accel_flows_left(a) / 2);
    if (left <= accel_answers_to_come(a))
        return; /* none is taken back: it may have been answered by now */
    a->granted = a->answered + left;
    s->grant(s->context, a->granted);
}

/* ---- what was answered ---- */

/* The SYN becomes a flow, in a packet that goes on to the server. */
static void take(struct accel *a, const struct accel_answered *answered, struct packet *p, int64_t now, bool can_leave)
{
    const struct accel_answers *s = a->settings.answers;
    struct accel_arrival v;
    memcpy(p->data, answered->frame, answered->length);
    p->len = answered->length;
    bool on = false;
    if (accel_arrival_of(p, ACCEL_CLIENTS, now, &v)) {
        a->limits.sources[accel_limits_place(&a->limits, &v.key)].answered++;
        on = !find(a, &v.key) && accel_client_answered(a, &v, answered);
        accel_answers_count_it(a, &v.key, now);
        s->settle(s->context, place_of(a, &v.key));
    }
    if (on && can_leave)
        link_tx_burst(a->links[ACCEL_SERVERS], &p, 1, now);
    else if (can_leave)
        packet_release(p);
    else if (on)
        ACCEL_COUNT(a, drop_no_room); /* and it is sent again */
}

static void take_beside_link(struct accel *a, const struct accel_answered *answered, int64_t now)
{
    struct packet p;
    uint8_t bytes[ACCEL_ANSWERED_BYTES];
    packet_init(&p, NULL, bytes, sizeof bytes, 0);
    take(a, answered, &p, now, false);
}

unsigned accel_answers_take_them(struct accel *a, int64_t now)
{
    const struct accel_answers *s = a->settings.answers;
    struct accel_answered answered;
    struct packet *p;
    unsigned n = 0;
    while (s->next(s->context, &answered)) {
        n++;
        a->answered++;
        assert(answered.length <= ACCEL_ANSWERED_BYTES);
        if (link_tx_alloc(a->links[ACCEL_SERVERS], &p, 1, LINK_ALLOC_DATA))
            take(a, &answered, p, now, true);
        else
            take_beside_link(a, &answered, now);
    }
    return n;
}

void accel_answers_end(struct accel *a, int64_t now)
{
    const struct accel_answers *s = a->settings.answers;
    if (!s)
        return;
    s->grant(s->context, a->answered);
    (void)accel_answers_take_them(a, now);
}

/* ---- and what comes beside it ---- */

bool accel_answers_enter(struct accel *a, const struct accel_arrival *v, struct accel_flow **f)
{
    const struct accel_answers *s = a->settings.answers;
    const uint32_t place = place_of(a, &v->key);
    *f = NULL;
    if (!s->claim(s->context, place))
        return true;
    (void)accel_answers_take_them(a, v->now);
    *f = find(a, &v->key);
    if (*f)
        return true;
    const bool pending = s->claim(s->context, place);
    s->release(s->context, place);
    return !pending;
}

void accel_answers_leave(struct accel *a, const struct accel_arrival *v)
{
    const struct accel_answers *s = a->settings.answers;
    s->release(s->context, place_of(a, &v->key));
}
