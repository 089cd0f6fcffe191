/* SPDX-License-Identifier: MIT */
/*
 * Groups, members and stations, and the counting of their users: see group.h. What one user wants changes from one
 * filter to another; the records of the sources that it names are opened first, so that running out of them changes
 * nothing.
 */
#include "stack/group_report.h"

#include "stack/stack_internal.h"

#define WHEEL_SHIFT 20 /* 1.05 ms */

/* ---- life ---- */

static int make_pools(struct group_set *set, const struct stack_settings *t, const struct allocator *a)
{
    uint32_t members = t->max_groups + (t->group_reports == GROUP_REPORTS_ALL ? t->max_addresses : 0);
    int error = pool_init(&set->groups, a, members, sizeof(struct group), alignof(struct group));
    if (!error)
        error = pool_init(&set->members, a, members, sizeof(struct group_member), alignof(struct group_member));
    if (!error)
        error = pool_init(&set->sources, a, 2 * t->max_group_sources, sizeof(struct group_source),
                          alignof(struct group_source));
    if (!error)
        error = table_init(&set->by_address, a, members);
    if (!error)
        error = table_init(&set->by_member, a, members);
    if (!error)
        error = table_init(&set->link_locals, a, t->max_addresses);
    return error ? error : table_init(&set->by_source, a, 2 * t->max_group_sources);
}

int group_set_init(struct stack *s, int64_t now)
{
    struct group_set *set = &s->groups;
    int error = make_pools(set, &s->settings, s->allocator);
    if (error)
        return error;
    random_seed(&set->random, hash_sip13(&s->settings.secret, "groups", 6));
    uint32_t hosts = s->settings.max_addresses + 1;
    set->n_queriers = 2 * hosts; /* there are no more segments than hosts */
    set->queriers = alloc_array(s->allocator, set->n_queriers, sizeof *set->queriers, alignof(struct group_querier));
    set->stations = alloc_array(s->allocator, hosts, sizeof *set->stations, alignof(struct group_station));
    if (!set->queriers || !set->stations)
        return ERR_NO_MEMORY;
    uint32_t nodes = set->groups.capacity + set->members.capacity + hosts + set->n_queriers;
    return wheel_init(&set->wheel, s->allocator, nodes, WHEEL_SHIFT, now);
}

void group_set_free(struct stack *s)
{
    struct group_set *set = &s->groups;
    wheel_free(&set->wheel);
    if (set->queriers)
        alloc_free(s->allocator, set->queriers, set->n_queriers * sizeof *set->queriers);
    if (set->stations)
        alloc_free(s->allocator, set->stations, set->n_queriers / 2 * sizeof *set->stations);
    pool_free(&set->groups);
    pool_free(&set->members);
    pool_free(&set->sources);
    table_free(&set->by_address);
    table_free(&set->by_member);
    table_free(&set->link_locals);
    table_free(&set->by_source);
}

/* ---- sources ---- */

/* Owners are groups and members. */
static uint32_t owner_of_member(uint32_t member) { return 2 * member + 1; }
static uint32_t owner_of_group(uint32_t group) { return 2 * group; }

static uint32_t source_find(const struct group_set *set, uint32_t owner, const struct ip_addr *ip)
{
    uint32_t tag = host_ip_tag(owner, ip);
    for (uint32_t at = tag, i; (i = table_next(&set->by_source, tag, &at)) != 0;)
        if (group_source_at(set, i)->owner == owner && ip_addr_equal(&group_source_at(set, i)->ip, ip))
            return i;
    return 0;
}

static uint32_t source_new(struct group_set *set, uint32_t owner, const struct ip_addr *ip)
{
    uint32_t i = pool_get(&set->sources);
    if (i == POOL_NONE)
        return 0;
    *group_source_at(set, i) = (struct group_source){.owner = owner, .ip = *ip};
    int error = table_add(&set->by_source, host_ip_tag(owner, ip), i);
    assert(!error); /* it is as large as the pool */
    (void)error;
    return i;
}

static void source_free(struct group_set *set, uint32_t i)
{
    const struct group_source *source = group_source_at(set, i);
    table_remove(&set->by_source, host_ip_tag(source->owner, &source->ip), i);
    pool_put(&set->sources, i);
}

uint32_t group_source_open(struct group_set *set, uint32_t member, const struct ip_addr *ip)
{
    struct group_member *m = group_member_at(set, member);
    uint32_t i = source_find(set, owner_of_member(member), ip);
    if (i || m->n_sources == GROUP_MAX_LISTED)
        return i;
    i = source_new(set, owner_of_member(member), ip);
    if (i) {
        group_source_at(set, i)->next = m->sources;
        m->sources = i;
        m->n_sources++;
    }
    return i;
}

static uint32_t group_source_open_of_group(struct group_set *set, uint32_t group, const struct ip_addr *ip)
{
    uint32_t i = source_find(set, owner_of_group(group), ip);
    if (i)
        return i;
    i = source_new(set, owner_of_group(group), ip);
    group_at(set, group)->sources += i != 0;
    return i;
}

static bool is_idle(const struct group_source *source)
{
    return source->include == 0 && source->exclude == 0 && source->tries == 0 && !source->asked;
}

/* Takes out of the list what nobody needs. */
static void drop_idle_sources(struct group_set *set, struct group_member *m)
{
    for (uint32_t *link = &m->sources, i; (i = *link) != 0;) {
        struct group_source *source = group_source_at(set, i);
        if (!is_idle(source)) {
            link = &source->next;
            continue;
        }
        *link = source->next;
        m->n_sources--;
        source_free(set, i);
    }
}

static void drop_idle_source_of_group(struct group_set *set, uint32_t group, const struct ip_addr *ip)
{
    uint32_t i = source_find(set, owner_of_group(group), ip);
    if (!i || !is_idle(group_source_at(set, i)))
        return;
    group_at(set, group)->sources--;
    source_free(set, i);
}

bool group_source_is_listed(const struct group_member *m, const struct group_source *source)
{
    if (m->users.exclude == 0)
        return source->include != 0;
    return source->exclude >= m->users.exclude && source->include == 0;
}

/* ---- stations ---- */

static uint32_t mac_tag(const struct host *h)
{
    return host_tag(h->segment, load_be32(h->mac + 2)) ^ load_be16(h->mac);
}

struct host *group_speaker(const struct stack *s, uint32_t station)
{
    struct host *h = host_at(&s->hosts, station);
    if (h && !h->v6)
        return h->state == HOST_USABLE ? h : NULL;
    if (!h || group_speaks_as(h))
        return h;
    uint32_t tag = mac_tag(h);
    for (uint32_t at = tag, i; (i = table_next(&s->groups.link_locals, tag, &at)) != 0;) {
        struct host *o = host_at(&s->hosts, i);
        if (o && o->segment == h->segment && group_speaks_as(o) && wire_eth_addr_equal(o->mac, h->mac))
            return o;
    }
    return h;
}

static struct group_querier *querier_of_host(struct stack *s, const struct host *h)
{
    return group_querier_of(&s->groups, h->segment, h->v6);
}

static void station_enter(struct stack *s, const struct host *h)
{
    struct group_station *n = group_station_at(&s->groups, h->index);
    struct group_querier *q = querier_of_host(s, h);
    *n = (struct group_station){.next = q->stations, .answer_at = TIME_NEVER};
    if (n->next)
        group_station_at(&s->groups, n->next)->prev = h->index;
    q->stations = h->index;
}

static void station_quit(struct stack *s, const struct host *h)
{
    struct group_station *n = group_station_at(&s->groups, h->index);
    struct group_querier *q = querier_of_host(s, h);
    if (q->next_walked == h->index)
        q->next_walked = n->next;
    if (n->next)
        group_station_at(&s->groups, n->next)->prev = n->prev;
    if (n->prev)
        group_station_at(&s->groups, n->prev)->next = n->next;
    else
        q->stations = n->next;
    n->answer_at = TIME_NEVER;
}

/* ---- groups ---- */

uint32_t group_find(const struct group_set *set, uint32_t segment, const struct ip_addr *address)
{
    uint32_t tag = host_ip_tag(segment, address);
    for (uint32_t at = tag, i; (i = table_next(&set->by_address, tag, &at)) != 0;) {
        const struct group *g = group_at(set, i);
        if (ip_addr_equal(&g->address, address) && g->segment == segment)
            return i;
    }
    return 0;
}

static uint32_t group_open(struct group_set *set, uint32_t segment, const struct ip_addr *address)
{
    uint32_t i = group_find(set, segment, address);
    if (i)
        return i;
    i = pool_get(&set->groups);
    if (i == POOL_NONE)
        return 0;
    *group_at(set, i) = (struct group){.segment = segment, .address = *address, .heard_at = INT64_MIN};
    int error = table_add(&set->by_address, host_ip_tag(segment, address), i);
    assert(!error);
    (void)error;
    return i;
}

static void group_free(struct group_set *set, uint32_t i)
{
    const struct group *g = group_at(set, i);
    table_remove(&set->by_address, host_ip_tag(g->segment, &g->address), i);
    group_at(set, i)->next_walked = 0;
    group_at(set, i)->walk_again = false;
    pool_put(&set->groups, i);
}

/* ---- members ---- */

static uint32_t member_tag(uint32_t group, uint32_t station) { return host_tag(group, station); }

static uint32_t member_find(const struct group_set *set, uint32_t group, uint32_t station)
{
    uint32_t tag = member_tag(group, station);
    for (uint32_t at = tag, i; (i = table_next(&set->by_member, tag, &at)) != 0;)
        if (group_member_at(set, i)->group == group && group_member_at(set, i)->station == station)
            return i;
    return 0;
}

static void member_link(struct group_set *set, uint32_t i)
{
    struct group_member *m = group_member_at(set, i);
    struct group *g = group_at(set, m->group);
    struct group_station *n = group_station_at(set, m->station);
    if (g->members)
        group_member_at(set, g->members)->group_prev = i;
    if (n->members)
        group_member_at(set, n->members)->station_prev = i;
    m->group_next = g->members;
    m->station_next = n->members;
    g->members = n->members = i;
    g->n_members++;
    n->n_members++;
}

static void member_unlink_group(struct group_set *set, uint32_t i)
{
    const struct group_member *m = group_member_at(set, i);
    struct group *g = group_at(set, m->group);
    if (g->next_walked == i)
        g->next_walked = m->group_next;
    if (m->group_next)
        group_member_at(set, m->group_next)->group_prev = m->group_prev;
    if (m->group_prev)
        group_member_at(set, m->group_prev)->group_next = m->group_next;
    else
        g->members = m->group_next;
    g->n_members--;
}

static void member_unlink_station(struct group_set *set, uint32_t i)
{
    const struct group_member *m = group_member_at(set, i);
    struct group_station *n = group_station_at(set, m->station);
    if (n->next_answered == i)
        n->next_answered = m->station_next;
    if (m->station_next)
        group_member_at(set, m->station_next)->station_prev = m->station_prev;
    if (m->station_prev)
        group_member_at(set, m->station_prev)->station_next = m->station_next;
    else
        n->members = m->station_next;
    n->n_members--;
}

static uint32_t member_new(struct stack *s, uint32_t group, const struct host *h)
{
    struct group_set *set = &s->groups;
    uint32_t i = pool_get(&set->members), station = h->index;
    if (i == POOL_NONE)
        return 0;
    if (group_station_at(set, station)->n_members == 0)
        station_enter(s, h);
    *group_member_at(set, i) = (struct group_member){.group = group,
                                                     .station = station,
                                                     .live = true,
                                                     .change_at = TIME_NEVER,
                                                     .answer_at = TIME_NEVER,
                                                     .reported_at = INT64_MIN};
    member_link(set, i);
    int error = table_add(&set->by_member, member_tag(group, station), i);
    assert(!error);
    (void)error;
    return i;
}

static void member_free(struct stack *s, uint32_t i)
{
    struct group_set *set = &s->groups;
    struct group_member *m = group_member_at(set, i);
    uint32_t group = m->group, station = m->station;
    while (m->sources) {
        uint32_t first = m->sources;
        m->sources = group_source_at(set, first)->next;
        source_free(set, first);
    }
    member_unlink_group(set, i);
    member_unlink_station(set, i);
    table_remove(&set->by_member, member_tag(group, m->station), i);
    m->live = false;
    pool_put(&set->members, i);
    if (group_at(set, group)->n_members == 0)
        group_free(set, group);
    if (group_station_at(set, station)->n_members == 0)
        station_quit(s, &s->hosts.hosts[station]);
}

static bool has_users(const struct group_users *u) { return u->exclude != 0 || u->include != 0; }

void group_member_settle(struct stack *s, uint32_t member)
{
    struct group_member *m = group_member_at(&s->groups, member);
    drop_idle_sources(&s->groups, m);
    if (!has_users(&m->users) && m->mode_tries == 0 && m->sources == 0)
        member_free(s, member);
}

/* One that only has something to say yet makes room for one that listens. */
static bool forget_one_leaving(struct stack *s)
{
    for (uint32_t i = 1; i <= s->groups.members.touched; i++) {
        const struct group_member *m = group_member_at(&s->groups, i);
        if (m->live && !has_users(&m->users)) {
            member_free(s, i);
            return true;
        }
    }
    return false;
}

static uint32_t member_of(const struct group_set *set, const struct host *h, const struct ip_addr *address)
{
    uint32_t group = group_find(set, h->segment, address);
    return group ? member_find(set, group, h->index) : 0;
}

static uint32_t member_open(struct stack *s, const struct host *h, const struct ip_addr *address)
{
    struct group_set *set = &s->groups;
    uint32_t member = member_of(set, h, address);
    if (member || (set->members.used == set->members.capacity && !forget_one_leaving(s)))
        return member;
    uint32_t group = group_open(set, h->segment, address);
    return group ? member_new(s, group, h) : 0;
}

/* ---- users ---- */

static bool is_filter(const struct ip_source_filter *f) { return f && (f->exclude || f->n != 0); }

static void count_users(struct group_users *u, const struct ip_source_filter *f, int by)
{
    if (f->exclude)
        u->exclude += (uint32_t)by;
    else
        u->include += (uint32_t)by;
}

static void count_source(struct group_source *source, bool exclude, int by)
{
    if (exclude)
        source->exclude += (uint32_t)by;
    else
        source->include += (uint32_t)by;
}

static void count_filter(struct group_set *set, uint32_t member, const struct ip_source_filter *f, int by)
{
    struct group_member *m = group_member_at(set, member);
    struct group *g = group_at(set, m->group);
    if (!is_filter(f))
        return;
    count_users(&m->users, f, by);
    count_users(&g->users, f, by);
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t of_member = source_find(set, owner_of_member(member), &f->sources[i]);
        uint32_t of_group = source_find(set, owner_of_group(m->group), &f->sources[i]);
        count_source(group_source_at(set, of_member), f->exclude, by);
        count_source(group_source_at(set, of_group), f->exclude, by);
    }
}

/* Is there such a user? */
static bool was_counted(const struct group_set *set, uint32_t member, const struct ip_source_filter *f)
{
    const struct group_member *m = group_member_at(set, member);
    if ((f->exclude ? m->users.exclude : m->users.include) == 0)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t source = source_find(set, owner_of_member(member), &f->sources[i]);
        if (!source ||
            (f->exclude ? group_source_at(set, source)->exclude : group_source_at(set, source)->include) == 0)
            return false;
    }
    return true;
}

/* Sources that are only still to be reported as gone are in the way of new ones. */
static void forget_gone_sources(struct group_set *set, struct group_member *m)
{
    for (uint32_t i = m->sources; i; i = group_source_at(set, i)->next) {
        struct group_source *source = group_source_at(set, i);
        if (source->include == 0 && source->exclude == 0) {
            source->tries = 0;
            source->asked = false;
        }
    }
    drop_idle_sources(set, m);
}

static bool open_sources(struct group_set *set, uint32_t member, const struct ip_source_filter *f)
{
    struct group_member *m = group_member_at(set, member);
    if (m->n_sources + f->n > GROUP_MAX_LISTED)
        forget_gone_sources(set, m);
    for (uint32_t i = 0; i < f->n; i++)
        if (!group_source_open(set, member, &f->sources[i]) ||
            !group_source_open_of_group(set, m->group, &f->sources[i]))
            return false;
    return true;
}

static void drop_sources_of_group(struct group_set *set, uint32_t group, const struct ip_source_filter *f)
{
    for (uint32_t i = 0; f && i < f->n; i++)
        drop_idle_source_of_group(set, group, &f->sources[i]);
}

static int change_filter(struct stack *s, uint32_t member, const struct ip_source_filter *was,
                         const struct ip_source_filter *is)
{
    struct group_set *set = &s->groups;
    uint32_t group = group_member_at(set, member)->group;
    int error = 0;
    if (is_filter(was) && !was_counted(set, member, was))
        error = ERR_NOT_FOUND;
    else if (is_filter(is) && !open_sources(set, member, is))
        error = ERR_NO_SPACE;
    if (!error) {
        count_filter(set, member, was, -1);
        count_filter(set, member, is, 1);
    }
    drop_sources_of_group(set, group, was);
    drop_sources_of_group(set, group, is);
    if (!error)
        group_changed(s, member);
    group_member_settle(s, member);
    return error;
}

/* ---- the users' side ---- */

static const struct host *member_host(const struct stack *s, uint32_t local, const struct ip_addr *group)
{
    const struct host *h = host_at(&s->hosts, local);
    return h && ip_addr_is_multicast(group) && ip_addr_is_v4(group) != h->v6 ? h : NULL;
}

static bool filter_ok(const struct host *h, const struct ip_source_filter *f)
{
    for (uint32_t i = 0; f && i < f->n; i++)
        if (ip_addr_is_v4(&f->sources[i]) == h->v6 || ip_addr_is_multicast(&f->sources[i]))
            return false;
    return true;
}

int stack_listen(struct stack *s, uint32_t local, const struct ip_addr *group, const struct ip_source_filter *was,
                 const struct ip_source_filter *is, int64_t now)
{
    const struct host *h = member_host(s, local, group);
    s->now = now;
    if (!h || !filter_ok(h, was) || !filter_ok(h, is))
        return ERR_INVALID;
    if (!is_filter(was) && !is_filter(is))
        return 0;
    if (is_filter(is) && is->n > s->settings.group_sources)
        return ERR_NO_SPACE;
    uint32_t member = is_filter(is) ? member_open(s, h, group) : member_of(&s->groups, h, group);
    if (!member)
        return is_filter(is) ? ERR_NO_SPACE : ERR_NOT_FOUND;
    return change_filter(s, member, was, is);
}

static const struct ip_source_filter everything = {.exclude = true};

int stack_join(struct stack *s, uint32_t local, const struct ip_addr *group, int64_t now)
{
    return stack_listen(s, local, group, NULL, &everything, now);
}

int stack_leave(struct stack *s, uint32_t local, const struct ip_addr *group, int64_t now)
{
    return stack_listen(s, local, group, &everything, NULL, now);
}

bool stack_on_one_segment(const struct stack *s, uint32_t a, uint32_t b)
{
    const struct host *one = host_at(&s->hosts, a), *other = host_at(&s->hosts, b);
    return one && other && one->segment == other->segment;
}

bool stack_has_joined(const struct stack *s, uint32_t local, const struct ip_addr *group)
{
    const struct host *h = member_host(s, local, group);
    if (!h)
        return false;
    uint32_t i = group_find(&s->groups, h->segment, group);
    return (!h->v6 && ip_addr_to_v4(group) == GROUP_ALL_HOSTS) || (i && has_users(&group_at(&s->groups, i)->users));
}

/* ---- the data path ---- */

struct host *group_hearer(struct stack *s, uint32_t segment, const struct ip_addr *address)
{
    uint32_t i = group_find(&s->groups, segment, address);
    if (!i || !has_users(&group_at(&s->groups, i)->users))
        return NULL;
    const struct group_member *m = group_member_at(&s->groups, group_at(&s->groups, i)->members);
    return host_at(&s->hosts, m->station);
}

bool group_allows(const struct stack *s, uint32_t segment, const struct ip_addr *group, const struct ip_addr *source)
{
    uint32_t i = group_find(&s->groups, segment, group);
    const struct group *g = group_at(&s->groups, i);
    if (!i || g->sources == 0)
        return true;
    uint32_t named = source_find(&s->groups, owner_of_group(i), source);
    if (!named)
        return g->users.exclude != 0;
    const struct group_source *n = group_source_at(&s->groups, named);
    return n->include != 0 || g->users.exclude > n->exclude;
}

/* ---- hosts ---- */

static bool reports_solicited(const struct stack *s, const struct host *h)
{
    return h->v6 && s->settings.group_reports == GROUP_REPORTS_ALL;
}

/* RFC 3590 section 4: what its station reported without an address it reports once more. */
void group_host_ready(struct stack *s, const struct host *h)
{
    const struct group_querier *q = querier_of_host(s, h);
    if (!group_speaks_as(h))
        return;
    for (uint32_t i = q->unnamed ? q->stations : 0; i; i = group_station_at(&s->groups, i)->next)
        if (group_station_at(&s->groups, i)->unnamed && wire_eth_addr_equal(s->hosts.hosts[i].mac, h->mac))
            group_station_named(s, i);
}

void group_host_added(struct stack *s, const struct host *h)
{
    if (!h->v6)
        return;
    if (ip_addr_is_link_local(&h->ip)) {
        int error = table_add(&s->groups.link_locals, mac_tag(h), h->index);
        assert(!error); /* it has room for all hosts */
        (void)error;
        group_host_ready(s, h);
    }
    struct ip_addr group = ip_addr_solicited_node(&h->ip);
    if (reports_solicited(s, h) && stack_join(s, h->index, &group, s->now) != 0)
        STACK_DROP(s, TRACE_ARP, group_table_full);
}

/* Its users are counted no more. */
static void forget_users(struct group_set *set, const struct group_member *m)
{
    struct group *g = group_at(set, m->group);
    g->users.exclude -= m->users.exclude;
    g->users.include -= m->users.include;
    for (uint32_t i = m->sources; i; i = group_source_at(set, i)->next) {
        const struct group_source *mine = group_source_at(set, i);
        uint32_t of_group = source_find(set, owner_of_group(m->group), &mine->ip);
        if (!of_group)
            continue;
        group_source_at(set, of_group)->exclude -= mine->exclude;
        group_source_at(set, of_group)->include -= mine->include;
        drop_idle_source_of_group(set, m->group, &mine->ip);
    }
}

void group_host_removed(struct stack *s, const struct host *h)
{
    struct group_set *set = &s->groups;
    if (h->v6 && ip_addr_is_link_local(&h->ip))
        table_remove(&set->link_locals, mac_tag(h), h->index);
    while (group_station_at(set, h->index)->n_members) {
        uint32_t member = group_station_at(set, h->index)->members;
        forget_users(set, group_member_at(set, member));
        member_free(s, member);
    }
}
