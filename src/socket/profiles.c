/* SPDX-License-Identifier: MIT */
/*
 * The TCP profiles that streams use: each different combination of options is registered once at TCP, whose numbers we take over. They are found by a hash:
 * every connection that comes, and every option that is set, looks for one.
 */
#include "socket/private.h"

int profiles_init(struct socket_layer *l)
{
    l->max_profiles = tcp_max_users(l->tcp);
    l->profiles = alloc_array(l->allocator, l->max_profiles, sizeof *l->profiles, CACHE_LINE);
    return l->profiles ? 0 : ERR_NO_MEMORY;
}

void profiles_free(struct socket_layer *l)
{
    if (l->profiles)
        alloc_free(l->allocator, l->profiles, l->max_profiles * sizeof *l->profiles);
}

static uint16_t *chain_of(struct socket_layer *l, const struct tcp_profile *p)
{
    return &l->profile_chains[hash_sip13(&l->settings.secret, p, sizeof *p) % SOCKET_PROFILE_CHAINS];
}

/* The place of its number on the chain, from 1; where there is none, the chain's end. */
static uint16_t *find(struct socket_layer *l, const struct tcp_profile *p)
{
    uint16_t *at = chain_of(l, p);
    while (*at && memcmp(&l->profiles[*at - 1].profile, p, sizeof *p) != 0)
        at = &l->profiles[*at - 1].next;
    return at;
}

int profile_take(struct socket_layer *l, const struct tcp_profile *p)
{
    uint16_t *at = find(l, p);
    if (*at) {
        l->profiles[*at - 1].users++;
        return *at - 1;
    }
    int number = tcp_register_user(l->tcp, &stream_user, l, p);
    if (number < 0)
        return number == ERR_INVALID ? -EINVAL : -ENOBUFS;
    memcpy(&l->profiles[number].profile, p, sizeof *p); /* padding too: they are compared as bytes */
    l->profiles[number].users = 1;
    l->profiles[number].next = 0;
    *at = (uint16_t)(number + 1);
    return number;
}

void profile_drop(struct socket_layer *l, unsigned number)
{
    assert(l->profiles[number].users > 0);
    if (--l->profiles[number].users > 0)
        return;
    uint16_t *at = find(l, &l->profiles[number].profile);
    assert(*at == number + 1);
    *at = l->profiles[number].next;
    tcp_unregister_user(l->tcp, number);
}

int profile_set(struct socket *s, const struct tcp_profile *p, int64_t now)
{
    struct socket_layer *l = s->layer;
    int number = profile_take(l, p);
    if (number < 0)
        return number;
    struct tcp *c = tcp_get(l->tcp, s->stream.ref);
    if (c)
        tcp_set_user(l->tcp, c, (unsigned)number, now);
    if (s->stream.listening)
        (void)tcp_listener_set_user(l->tcp, listen_local(s), s->local.port, (unsigned)number);
    profile_drop(l, s->stream.profile);
    s->stream.profile = (uint16_t)number;
    return 0;
}
