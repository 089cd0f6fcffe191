/* SPDX-License-Identifier: MIT */
/*
 * Groups that a socket has joined: see membership.h. The errors are Linux's (net/ipv4/igmp.c as observed), which the
 * cases of tests/semantics compare call by call.
 */
#include "socket/membership.h"

#include "socket/datagram.h"

#define LISTS 256u

struct source_list {
    uint32_t next_free; /* the pool's */
    struct ip_addr sources[MEMBERSHIP_MAX_SOURCES];
};

int memberships_init(struct socket_layer *l)
{
    return pool_init(&l->source_lists, l->allocator, LISTS, sizeof(struct source_list), alignof(struct source_list));
}

void memberships_free(struct socket_layer *l) { pool_free(&l->source_lists); }

static struct source_list *list_of(const struct socket_layer *l, const struct membership *m)
{
    return pool_at(&l->source_lists, m->list);
}

const struct ip_addr *membership_sources(const struct socket_layer *l, const struct membership *m)
{
    return m->list ? list_of(l, m)->sources : NULL;
}

struct membership *membership_find(const struct socket *s, const struct ip_addr *group, uint32_t local)
{
    struct datagram_socket *g = s->datagram;
    for (uint32_t i = 0; i < g->n_groups; i++)
        if (ip_addr_equal(&g->groups[i].group, group) && g->groups[i].local == local)
            return &g->groups[i];
    return NULL;
}

/* ---- what the stack knows ---- */

static struct ip_source_filter filter_of(const struct socket_layer *l, const struct membership *m)
{
    return (struct ip_source_filter){.exclude = m->exclude, .n = m->n, .sources = membership_sources(l, m)};
}

static int tell(struct socket *s, const struct membership *m, const struct ip_source_filter *is, int64_t now)
{
    const struct ip_source_filter was = filter_of(s->layer, m);
    int e = stack_listen(s->layer->stack, m->local, &m->group, &was, is, now);
    return e == ERR_NO_SPACE ? -ENOBUFS : e == ERR_INVALID ? -EINVAL : 0;
}

/* The filter becomes another one; the sources may be those of the list itself. */
static int replace(struct socket *s, struct membership *m, bool exclude, const struct ip_addr *sources, uint32_t n,
                   int64_t now)
{
    const struct ip_source_filter is = {.exclude = exclude, .n = n, .sources = sources};
    if (n != 0 && m->list == 0 && (m->list = pool_get(&s->layer->source_lists)) == POOL_NONE)
        return -ENOBUFS;
    int e = tell(s, m, &is, now);
    if (e < 0)
        return e;
    m->exclude = exclude;
    m->n = n;
    if (n != 0)
        memmove(list_of(s->layer, m)->sources, sources, n * sizeof *sources);
    return 0;
}

/* ---- coming and going ---- */

int membership_join(struct socket *s, const struct ip_addr *group, uint32_t local, bool exclude, int64_t now)
{
    struct datagram_socket *g = s->datagram;
    struct membership m = {.group = *group, .local = local};
    if (local == 0)
        return -ENODEV;
    if (membership_find(s, group, local))
        return -EADDRINUSE;
    if (g->n_groups == DATAGRAM_MAX_GROUPS || replace(s, &m, exclude, NULL, 0, now) < 0)
        return -ENOBUFS;
    g->groups[g->n_groups++] = m;
    return 0;
}

static void leave(struct socket *s, struct membership *m, int64_t now)
{
    (void)tell(s, m, NULL, now); /* its local address may be gone */
    if (m->list)
        pool_put(&s->layer->source_lists, m->list);
    *m = s->datagram->groups[--s->datagram->n_groups];
}

int membership_leave(struct socket *s, const struct ip_addr *group, uint32_t local, int64_t now)
{
    struct membership *m = membership_find(s, group, local);
    if (!m)
        return -EADDRNOTAVAIL;
    leave(s, m, now);
    return 0;
}

void membership_leave_all(struct socket *s, int64_t now)
{
    while (s->datagram->n_groups)
        leave(s, s->datagram->groups, now);
}

/* ---- sources ---- */

static uint32_t most_sources(const struct ip_addr *group)
{
    return ip_addr_is_v4(group) ? MEMBERSHIP_MAX_SOURCES_V4 : MEMBERSHIP_MAX_SOURCES;
}

/* Its place among the sources; n: it is not there. */
static uint32_t place_of(const struct socket_layer *l, const struct membership *m, const struct ip_addr *source)
{
    const struct ip_addr *sources = membership_sources(l, m);
    uint32_t i = 0;
    while (i < m->n && !ip_addr_equal(&sources[i], source))
        i++;
    return i;
}

static int add_source(struct socket *s, struct membership *m, const struct ip_addr *source, int64_t now)
{
    struct ip_addr sources[MEMBERSHIP_MAX_SOURCES];
    if (m->n >= most_sources(&m->group))
        return -ENOBUFS;
    if (place_of(s->layer, m, source) < m->n)
        return -EADDRNOTAVAIL;
    if (m->n)
        memcpy(sources, membership_sources(s->layer, m), m->n * sizeof *sources);
    sources[m->n] = *source;
    return replace(s, m, m->exclude, sources, m->n + 1, now);
}

static int drop_source(struct socket *s, struct membership *m, const struct ip_addr *source, int64_t now)
{
    struct ip_addr sources[MEMBERSHIP_MAX_SOURCES];
    uint32_t place = place_of(s->layer, m, source);
    if (place == m->n)
        return -EADDRNOTAVAIL;
    if (m->n == 1 && !m->exclude) {
        leave(s, m, now);
        return 0;
    }
    memcpy(sources, membership_sources(s->layer, m), m->n * sizeof *sources);
    sources[place] = sources[m->n - 1];
    return replace(s, m, m->exclude, sources, m->n - 1, now);
}

int membership_change(struct socket *s, const struct membership_change *c, int64_t now)
{
    if (c->local == 0)
        return -ENODEV;
    struct membership *m = membership_find(s, &c->group, c->local);
    if (!m || (m->list && m->exclude != c->exclude))
        return -EINVAL;
    int e = m->exclude != c->exclude ? replace(s, m, c->exclude, NULL, 0, now) : 0;
    if (e < 0)
        return e;
    return c->add ? add_source(s, m, &c->source, now) : drop_source(s, m, &c->source, now);
}

int membership_set(struct socket *s, const struct membership_change *c, const struct ip_addr *sources, uint32_t n,
                   int64_t now)
{
    if (c->local == 0)
        return -ENODEV;
    if (!c->exclude && n == 0)
        return membership_leave(s, &c->group, c->local, now);
    struct membership *m = membership_find(s, &c->group, c->local);
    if (!m)
        return -EINVAL;
    int e = replace(s, m, c->exclude, sources, n, now);
    if (e == 0 && n == 0 && m->list) {
        pool_put(&s->layer->source_lists, m->list);
        m->list = 0;
    }
    return e;
}

/* ---- what comes ---- */

bool membership_allows(const struct socket *s, const struct ip_addr *group, uint32_t local,
                       const struct ip_addr *source)
{
    const struct datagram_socket *g = s->datagram;
    for (uint32_t i = 0; i < g->n_groups; i++) {
        const struct membership *m = &g->groups[i];
        if (ip_addr_equal(&m->group, group) && stack_on_one_segment(s->layer->stack, m->local, local))
            return (place_of(s->layer, m, source) < m->n) != m->exclude;
    }
    return s->ip_flags & IP_FLAG_ALL;
}
