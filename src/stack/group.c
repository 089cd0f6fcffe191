/* SPDX-License-Identifier: MIT */
/*
 * Multicast groups: see group.h. Entries of one group on one segment share a tag, so that the look-up of an arriving
 * datagram finds any of them.
 */
#include "stack/group.h"

#include "stack/stack_internal.h"

int group_set_init(struct group_set *set, const struct allocator *a, uint32_t capacity)
{
    int error = pool_init(&set->pool, a, capacity, sizeof(struct group), alignof(struct group));
    return error ? error : table_init(&set->table, a, capacity);
}

void group_set_free(struct group_set *set)
{
    pool_free(&set->pool);
    table_free(&set->table);
}

static struct group *group_at(const struct group_set *set, uint32_t index) { return pool_at(&set->pool, index); }

/* local 0: any. */
static uint32_t find(const struct group_set *set, uint32_t segment, const struct ip_addr *address, uint32_t local)
{
    uint32_t tag = host_ip_tag(segment, address);
    for (uint32_t at = tag, i; (i = table_next(&set->table, tag, &at)) != 0;) {
        const struct group *g = group_at(set, i);
        if (ip_addr_equal(&g->address, address) && g->segment == segment && (local == 0 || g->local == local))
            return i;
    }
    return 0;
}

uint32_t group_find(const struct group_set *set, uint32_t segment, const struct ip_addr *address)
{
    uint32_t i = find(set, segment, address, 0);
    return i ? group_at(set, i)->local : 0;
}

int group_join(struct group_set *set, const struct host *h, const struct ip_addr *address)
{
    uint32_t i = find(set, h->segment, address, h->index);
    if (i) {
        group_at(set, i)->members++;
        return 0;
    }
    i = pool_get(&set->pool);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    *group_at(set, i) = (struct group){.local = h->index, .segment = h->segment, .address = *address, .members = 1};
    return table_add(&set->table, host_ip_tag(h->segment, address), i);
}

int group_leave(struct group_set *set, const struct host *h, const struct ip_addr *address)
{
    uint32_t i = find(set, h->segment, address, h->index);
    if (!i)
        return ERR_NOT_FOUND;
    if (--group_at(set, i)->members != 0)
        return 0;
    table_remove(&set->table, host_ip_tag(h->segment, address), i);
    pool_put(&set->pool, i);
    return 0;
}

void group_leave_all(struct group_set *set, uint32_t local)
{
    for (uint32_t i = 1; i <= set->pool.touched; i++) {
        struct group *g = group_at(set, i);
        if (g->members == 0 || g->local != local)
            continue;
        g->members = 0;
        table_remove(&set->table, host_ip_tag(g->segment, &g->address), i);
        pool_put(&set->pool, i);
    }
}

static const struct host *member_of(const struct stack *s, uint32_t local, const struct ip_addr *group)
{
    const struct host *h = host_at(&s->hosts, local);
    return h && ip_addr_is_multicast(group) && ip_addr_is_v4(group) != h->v6 ? h : NULL;
}

int stack_join(struct stack *s, uint32_t local, const struct ip_addr *group)
{
    const struct host *h = member_of(s, local, group);
    return h ? group_join(&s->groups, h, group) : ERR_INVALID;
}

bool stack_has_joined(const struct stack *s, uint32_t local, const struct ip_addr *group)
{
    const struct host *h = member_of(s, local, group);
    bool all = h && !h->v6 && ip_addr_to_v4(group) == GROUP_ALL_HOSTS;
    return all || (h && group_find(&s->groups, h->segment, group));
}

int stack_leave(struct stack *s, uint32_t local, const struct ip_addr *group)
{
    const struct host *h = member_of(s, local, group);
    return h ? group_leave(&s->groups, h, group) : ERR_INVALID;
}
