/* SPDX-License-Identifier: MIT */
/*
 * The TCP profiles that streams use: each different combination of options is registered once at TCP, whose numbers we take over. There are few of them, so
 * they are searched one by one.
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

int profile_take(struct socket_layer *l, const struct tcp_profile *p)
{
    for (uint32_t i = 0; i < l->max_profiles; i++)
        if (l->profiles[i].users > 0 && memcmp(&l->profiles[i].profile, p, sizeof *p) == 0) {
            l->profiles[i].users++;
            return (int)i;
        }
    int number = tcp_register_user(l->tcp, &stream_user, l, p);
    if (number < 0)
        return number == ERR_INVALID ? -EINVAL : -ENOBUFS;
    memcpy(&l->profiles[number].profile, p, sizeof *p); /* padding too: they are compared as bytes */
    l->profiles[number].users = 1;
    return number;
}

void profile_drop(struct socket_layer *l, unsigned number)
{
    assert(l->profiles[number].users > 0);
    if (--l->profiles[number].users == 0)
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
        (void)tcp_listener_set_user(l->tcp, s->local_index, s->local.port, (unsigned)number);
    profile_drop(l, s->stream.profile);
    s->stream.profile = (uint16_t)number;
    return 0;
}
