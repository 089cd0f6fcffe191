/* SPDX-License-Identifier: MIT */
/*
 * Reports of group membership and answers to queries: see group_report.h. What is due is decided by the times in member
 * and station; the wheel only calls.
 *
 * A change is a report per group, since the counters of RFC 3376 5.1 belong to a group; the answer to a general query
 * is one per station, as many groups to a message as fit.
 */
#include "stack/group_report.h"

#include "stack/datagram.h"

#define TICK_BUDGET 256u
#define SOURCE_STEP 256u /* sources looked at for one query */
#define ROBUSTNESS 2u    /* RFC 3376 8.1 */
#define QUERY_INTERVAL_S 125u
#define UNSOLICITED_NS NS_PER_S            /* RFC 3376 8.11, RFC 3810 9.11 */
#define UNSOLICITED_OLD_NS (10 * NS_PER_S) /* RFC 2236 8.10, RFC 2710 7.10 */
#define SCOPE_LINK_LOCAL 2u

/* ---- nodes of the wheel: groups, members, stations, queriers ---- */

static uint32_t node_of_group(uint32_t group) { return group; }
static uint32_t node_of_member(const struct group_set *set, uint32_t member) { return set->groups.capacity + member; }
static uint32_t node_of_station(const struct group_set *set, uint32_t station)
{
    return set->groups.capacity + set->members.capacity + station;
}
static uint32_t node_of_querier(const struct group_set *set, uint32_t querier)
{
    return set->groups.capacity + set->members.capacity + set->n_queriers / 2 + querier + 1;
}

/* ---- versions ---- */

static const struct host *host_of(const struct stack *s, uint32_t station) { return &s->hosts.hosts[station]; }

static struct group_querier *querier_of(struct stack *s, uint32_t station)
{
    return group_querier_of(&s->groups, host_of(s, station)->segment, host_of(s, station)->v6);
}

static enum wire_group_version newest(const struct stack *s, bool v6)
{
    return v6 ? s->settings.mld_version + 1u : s->settings.igmp_version;
}

static enum wire_group_version version_on(const struct stack *s, uint32_t segment, bool v6)
{
    const struct group_querier *q = group_querier_of(&s->groups, segment, v6);
    enum wire_group_version most = newest(s, v6);
    if (most == WIRE_GROUP_V1 || s->now < q->v1_until)
        return WIRE_GROUP_V1;
    return most == WIRE_GROUP_V2 || s->now < q->v2_until ? WIRE_GROUP_V2 : WIRE_GROUP_V3;
}

static enum wire_group_version version_of(const struct stack *s, uint32_t station)
{
    return version_on(s, host_of(s, station)->segment, host_of(s, station)->v6);
}

static uint8_t robustness_of(const struct group_querier *q) { return q->robustness ? q->robustness : ROBUSTNESS; }

/* RFC 3376 8.12, RFC 3810 9.12: while an older querier is taken to be there. */
static int64_t older_until(const struct stack *s, const struct group_querier *q, int64_t response_ns)
{
    int64_t interval = q->interval_s ? q->interval_s : QUERY_INTERVAL_S;
    return s->now + robustness_of(q) * interval * NS_PER_S + response_ns;
}

/* ---- what is reported ---- */

bool group_is_reported(const struct stack *s, const struct ip_addr *group)
{
    if (s->settings.group_reports == GROUP_REPORTS_NONE)
        return false;
    if (ip_addr_is_v4(group))
        return ip_addr_to_v4(group) != GROUP_ALL_HOSTS;
    return (group->bytes[1] & 15u) >= SCOPE_LINK_LOCAL && !ip_addr_is_all_nodes(group); /* RFC 3810 section 6 */
}

static const struct ip_addr *group_of(const struct stack *s, const struct group_member *m)
{
    return &group_at(&s->groups, m->group)->address;
}

static bool wants_any(const struct group_member *m) { return m->users.exclude != 0 || m->users.include != 0; }

/* ---- timers ---- */

static int64_t random_delay(struct stack *s, int64_t longest)
{
    return longest <= 0 ? 0 : (int64_t)random_below(&s->groups.random, (uint64_t)longest) + 1;
}

static void arm_member(struct stack *s, uint32_t member)
{
    const struct group_member *m = group_member_at(&s->groups, member);
    wheel_arm(&s->groups.wheel, node_of_member(&s->groups, member), min_i64(m->change_at, m->answer_at));
}

static void set_change_timer(struct stack *s, uint32_t member, int64_t delay)
{
    struct group_member *m = group_member_at(&s->groups, member);
    m->change_at = s->now + delay;
    m->change_set_at = s->now;
    m->change_version = (uint8_t)version_of(s, m->station);
    arm_member(s, member);
}

/* Unless it answers earlier than that anyway; one of another version does not count. */
static void set_answer_timer(struct stack *s, uint32_t member, int64_t delay)
{
    struct group_member *m = group_member_at(&s->groups, member);
    uint8_t version = (uint8_t)version_of(s, m->station);
    if (m->answer_at != TIME_NEVER && m->answer_version == version && m->answer_at <= s->now + delay)
        return;
    m->answer_at = s->now + delay;
    m->answer_set_at = s->now;
    m->answer_version = version;
    arm_member(s, member);
}

/* ---- changes: RFC 3376 5.1, RFC 3810 6.1 ---- */

static void forget_change(struct stack *s, struct group_member *m)
{
    m->mode_tries = 0;
    m->change_at = TIME_NEVER;
    for (uint32_t i = m->sources; i; i = group_source_at(&s->groups, i)->next)
        group_source_at(&s->groups, i)->tries = 0;
}

/* Takes over what is wanted now as what was reported. True when a source of the list came or went. */
static bool note_sources(struct stack *s, const struct group_member *m, uint8_t tries)
{
    bool any = false;
    for (uint32_t i = m->sources; i; i = group_source_at(&s->groups, i)->next) {
        struct group_source *source = group_source_at(&s->groups, i);
        bool listed = group_source_is_listed(m, source);
        if (source->listed != listed && tries)
            source->tries = tries;
        any |= source->listed != listed;
        source->listed = listed;
    }
    return any;
}

static bool note_change_v3(struct stack *s, struct group_member *m, uint8_t tries)
{
    bool excludes = m->users.exclude != 0;
    if (excludes == m->excludes)
        return note_sources(s, m, tries);
    forget_change(s, m);
    (void)note_sources(s, m, 0);
    m->mode_tries = tries;
    m->excludes = excludes;
    return true;
}

/* Of versions 1 and 2 only coming and going count. */
static bool note_change_older(struct stack *s, struct group_member *m, uint8_t tries)
{
    bool listens = wants_any(m);
    (void)note_sources(s, m, 0);
    m->excludes = m->users.exclude != 0;
    if (listens == m->listens)
        return false;
    forget_change(s, m);
    m->mode_tries = listens ? tries : 1;
    return true;
}

void group_changed(struct stack *s, uint32_t member)
{
    struct group_member *m = group_member_at(&s->groups, member);
    uint8_t tries = robustness_of(querier_of(s, m->station));
    bool newest_version = version_of(s, m->station) == WIRE_GROUP_V3;
    bool changed = newest_version ? note_change_v3(s, m, tries) : note_change_older(s, m, tries);
    m->listens = wants_any(m);
    if (!group_is_reported(s, group_of(s, m)))
        forget_change(s, m);
    else if (changed)
        set_change_timer(s, member, 0);
}

static bool has_pending_source(const struct stack *s, const struct group_member *m)
{
    for (uint32_t i = m->sources; i; i = group_source_at(&s->groups, i)->next)
        if (group_source_at(&s->groups, i)->tries)
            return true;
    return false;
}

/* Which sources of a member a record has. */
enum pick {
    PICK_LISTED,       /* its filter */
    PICK_NEW_LISTED,   /* came into the list, and it is to be said */
    PICK_NEW_UNLISTED, /* went out of it */
    PICK_ASKED_LISTED, /* asked about */
    PICK_ASKED_UNLISTED,
};

static bool picked(const struct group_source *source, enum pick pick)
{
    switch (pick) {
    case PICK_LISTED:
        return source->listed;
    case PICK_NEW_LISTED:
        return source->listed && source->tries;
    case PICK_NEW_UNLISTED:
        return !source->listed && source->tries;
    case PICK_ASKED_LISTED:
        return source->listed && source->asked;
    default:
        return !source->listed && source->asked;
    }
}

/* A record with sources; without any it is left out, but for one that says all of a filter. */
static void add_record(struct stack *s, struct group_report *r, const struct group_member *m,
                       enum wire_group_record_type type, enum pick pick)
{
    const struct wire_group_record head = {.type = (uint8_t)type, .group = *group_of(s, m)};
    bool begun = pick == PICK_LISTED;
    if (begun && !group_report_record(s, r, m->station, &head, m->n_sources))
        return;
    for (uint32_t i = m->sources; i; i = group_source_at(&s->groups, i)->next) {
        const struct group_source *source = group_source_at(&s->groups, i);
        if (!picked(source, pick))
            continue;
        if (!begun && !group_report_record(s, r, m->station, &head, m->n_sources))
            return;
        begun = true;
        if (!group_report_source(r, &source->ip))
            return;
    }
}

static void send_change_v3(struct stack *s, struct group_member *m)
{
    struct group_report r = {.station = 0};
    if (m->mode_tries) {
        add_record(s, &r, m, m->excludes ? WIRE_GROUP_TO_EXCLUDE : WIRE_GROUP_TO_INCLUDE, PICK_LISTED);
        m->mode_tries--;
    } else {
        add_record(s, &r, m, m->excludes ? WIRE_GROUP_BLOCK_OLD : WIRE_GROUP_ALLOW_NEW, PICK_NEW_LISTED);
        add_record(s, &r, m, m->excludes ? WIRE_GROUP_ALLOW_NEW : WIRE_GROUP_BLOCK_OLD, PICK_NEW_UNLISTED);
    }
    group_report_send(s, &r);
    for (uint32_t i = m->sources; i; i = group_source_at(&s->groups, i)->next) {
        struct group_source *source = group_source_at(&s->groups, i);
        if (source->tries)
            source->tries--;
    }
}

static void send_older_report(struct stack *s, struct group_member *m, enum wire_group_version version)
{
    group_send_older(s, m->station, group_of(s, m), WIRE_GROUP_REPORT, version);
    m->reported_at = s->now;
}

/* RFC 2236 section 3: the last one to have reported says that it leaves. */
static bool was_last_to_report(const struct stack *s, const struct group_member *m)
{
    return m->reported_at != INT64_MIN && group_at(&s->groups, m->group)->heard_at <= m->reported_at;
}

static void send_change_older(struct stack *s, struct group_member *m, enum wire_group_version version)
{
    const struct group *g = group_at(&s->groups, m->group);
    if (m->listens && g->heard_at > m->change_set_at) {
        m->mode_tries = 0;
        return;
    }
    if (m->listens)
        send_older_report(s, m, version);
    else if (version == WIRE_GROUP_V2 && was_last_to_report(s, m))
        group_send_older(s, m->station, &g->address, WIRE_GROUP_LEAVE, version);
    m->mode_tries--;
}

static void change_due(struct stack *s, uint32_t member)
{
    struct group_member *m = group_member_at(&s->groups, member);
    enum wire_group_version version = version_of(s, m->station);
    m->change_at = TIME_NEVER;
    if (version != m->change_version) /* RFC 3376 7.2.1: another version cancels what is pending */
        forget_change(s, m);
    else if (version == WIRE_GROUP_V3)
        send_change_v3(s, m);
    else if (m->mode_tries)
        send_change_older(s, m, version);
    if (m->mode_tries || has_pending_source(s, m))
        set_change_timer(s, member, random_delay(s, version == WIRE_GROUP_V3 ? UNSOLICITED_NS : UNSOLICITED_OLD_NS));
}

/* ---- answers: RFC 3376 5.2, RFC 3810 6.2 and 6.3 ---- */

static void forget_asked(struct stack *s, struct group_member *m)
{
    m->asked_sources = false;
    for (uint32_t i = m->sources; i; i = group_source_at(&s->groups, i)->next)
        group_source_at(&s->groups, i)->asked = false;
}

static void add_filter(struct stack *s, struct group_report *r, const struct group_member *m)
{
    if (wants_any(m))
        add_record(s, r, m, m->excludes ? WIRE_GROUP_IS_EXCLUDE : WIRE_GROUP_IS_INCLUDE, PICK_LISTED);
}

static void answer_v3(struct stack *s, struct group_member *m)
{
    struct group_report r = {.station = 0};
    if (!m->asked_sources)
        add_filter(s, &r, m);
    else if (wants_any(m))
        add_record(s, &r, m, WIRE_GROUP_IS_INCLUDE, m->excludes ? PICK_ASKED_UNLISTED : PICK_ASKED_LISTED);
    group_report_send(s, &r);
}

static void answer_due(struct stack *s, uint32_t member)
{
    struct group_member *m = group_member_at(&s->groups, member);
    enum wire_group_version version = version_of(s, m->station);
    m->answer_at = TIME_NEVER;
    if (version == m->answer_version && version == WIRE_GROUP_V3)
        answer_v3(s, m);
    else if (version == m->answer_version && m->listens && group_at(&s->groups, m->group)->heard_at <= m->answer_set_at)
        send_older_report(s, m, version);
    forget_asked(s, m);
}

static void member_due(struct stack *s, uint32_t member)
{
    struct group_member *m = group_member_at(&s->groups, member);
    if (!m->live)
        return;
    if (m->change_at <= s->now)
        change_due(s, member);
    if (m->answer_at <= s->now)
        answer_due(s, member);
    arm_member(s, member);
    group_member_settle(s, member);
}

/* ---- a station answers for all its groups ---- */

static void arm_station(struct stack *s, uint32_t station, int64_t at)
{
    wheel_arm(&s->groups.wheel, node_of_station(&s->groups, station), at);
}

static void answer_member(struct stack *s, struct group_report *r, uint32_t member, int64_t spread)
{
    struct group_member *m = group_member_at(&s->groups, member);
    if (!wants_any(m) || !group_is_reported(s, group_of(s, m)))
        return;
    if (spread)
        set_answer_timer(s, member, random_delay(s, spread));
    else
        add_filter(s, r, m);
}

/* Some members; the others in the next tick. */
static void answer_step(struct stack *s, uint32_t station)
{
    struct group_station *n = group_station_at(&s->groups, station);
    struct group_report r = {.station = 0};
    if (version_of(s, station) != n->answer_version)
        n->next_answered = 0;
    for (unsigned i = 0; i < GROUP_STEP && n->next_answered; i++) {
        uint32_t member = n->next_answered;
        n->next_answered = group_member_at(&s->groups, member)->station_next;
        answer_member(s, &r, member, n->spread_ns);
    }
    group_report_send(s, &r);
    if (n->next_answered)
        arm_station(s, station, s->now);
}

static void station_due(struct stack *s, uint32_t station)
{
    struct group_station *n = group_station_at(&s->groups, station);
    if (n->next_answered == 0 && n->answer_at <= s->now) {
        n->answer_at = TIME_NEVER;
        n->next_answered = n->members;
    }
    answer_step(s, station);
    arm_station(s, station, n->answer_at);
}

/* A general query, once within this delay. */
static void ask_station(struct stack *s, uint32_t station, int64_t delay)
{
    struct group_station *n = group_station_at(&s->groups, station);
    enum wire_group_version version = version_of(s, station);
    if (n->n_members == 0)
        return;
    n->spread_ns = version == WIRE_GROUP_V3 ? 0 : max_i64(delay, 1);
    int64_t at = s->now + (version == WIRE_GROUP_V3 ? random_delay(s, delay) : 0);
    bool pending = n->answer_at != TIME_NEVER && n->answer_version == version;
    n->answer_version = (uint8_t)version;
    if (!pending || at < n->answer_at)
        n->answer_at = at;
    arm_station(s, station, n->answer_at);
}

void group_station_named(struct stack *s, uint32_t station)
{
    group_station_at(&s->groups, station)->unnamed = false;
    ask_station(s, station, 0);
}

/* ---- queries are passed on ---- */

static void walk_querier(struct stack *s, uint32_t number)
{
    struct group_querier *q = &s->groups.queriers[number];
    for (unsigned i = 0; i < GROUP_STEP && q->next_walked; i++) {
        uint32_t station = q->next_walked;
        q->next_walked = group_station_at(&s->groups, station)->next;
        ask_station(s, station, q->walk_delay_ns);
    }
    if (q->next_walked == 0 && q->walk_again) {
        q->next_walked = q->stations;
        q->walk_again = false;
    }
    if (q->next_walked)
        wheel_arm(&s->groups.wheel, node_of_querier(&s->groups, number), s->now);
}

static void general_query(struct stack *s, uint32_t number, int64_t delay)
{
    struct group_querier *q = &s->groups.queriers[number];
    q->walk_delay_ns = delay;
    q->walk_again = q->next_walked != 0;
    if (q->next_walked)
        return;
    q->next_walked = q->stations;
    walk_querier(s, number);
}

static void walk_group(struct stack *s, uint32_t group)
{
    struct group *g = group_at(&s->groups, group);
    for (unsigned i = 0; i < GROUP_STEP && g->next_walked; i++) {
        uint32_t member = g->next_walked;
        struct group_member *m = group_member_at(&s->groups, member);
        g->next_walked = m->group_next;
        forget_asked(s, m);
        if (wants_any(m))
            set_answer_timer(s, member, random_delay(s, g->walk_delay_ns));
    }
    if (g->next_walked == 0 && g->walk_again) {
        g->next_walked = g->members;
        g->walk_again = false;
    }
    if (g->next_walked)
        wheel_arm(&s->groups.wheel, node_of_group(group), s->now);
}

/* Rules 3 and 5 of RFC 3376 5.2: only these sources, besides those asked about already. */
static void ask_sources(struct stack *s, uint32_t member, const struct wire_group_message *q, int64_t delay)
{
    struct group_member *m = group_member_at(&s->groups, member);
    bool pending = m->answer_at != TIME_NEVER;
    bool v6 = host_of(s, m->station)->v6;
    if (!wants_any(m))
        return;
    if (!pending || m->asked_sources) {
        m->asked_sources = true;
        for (uint32_t i = 0; i < q->count && m->asked_sources; i++) {
            struct ip_addr ip = wire_group_address(q->bytes, v6, i);
            uint32_t source = group_source_open(&s->groups, member, &ip);
            if (source)
                group_source_at(&s->groups, source)->asked = true;
            else
                forget_asked(s, m); /* no room to remember: the whole filter answers as well */
        }
    }
    set_answer_timer(s, member, random_delay(s, delay));
}

static void group_query(struct stack *s, uint32_t group, const struct wire_group_message *q,
                        enum wire_group_version version, int64_t delay)
{
    struct group *g = group_at(&s->groups, group);
    bool sources = version == WIRE_GROUP_V3 && q->count != 0 && q->count * g->n_members <= SOURCE_STEP;
    for (uint32_t i = sources ? g->members : 0; i; i = group_member_at(&s->groups, i)->group_next)
        ask_sources(s, i, q, delay);
    if (sources)
        return;
    g->walk_delay_ns = delay;
    g->walk_again = g->next_walked != 0;
    if (g->next_walked)
        return;
    g->next_walked = g->members;
    walk_group(s, group);
}

/* ---- what is heard ---- */

/* RFC 3376 7.2.1, RFC 3810 8.2.1; of IGMPv2 only general queries tell. */
static void note_querier(struct stack *s, struct group_querier *q, bool v6, const struct wire_group_message *m)
{
    int64_t response = m->max_response_ms * NS_PER_MS;
    if (m->version == WIRE_GROUP_V1)
        q->v1_until = older_until(s, q, response);
    else if (m->version == WIRE_GROUP_V2 && (v6 || ip_addr_is_unspecified(&m->group)))
        q->v2_until = older_until(s, q, response);
    if (m->version != WIRE_GROUP_V3)
        return;
    if (m->robustness)
        q->robustness = m->robustness;
    if (m->interval_s)
        q->interval_s = m->interval_s;
}

static void query(struct stack *s, const struct datagram *d, const struct wire_group_message *m)
{
    uint32_t segment = d->host->segment;
    bool v6 = d->host->v6;
    s->counters.group_queries_received++;
    note_querier(s, group_querier_of(&s->groups, segment, v6), v6, m);
    enum wire_group_version version = version_on(s, segment, v6);
    int64_t delay = (version == WIRE_GROUP_V1 ? 10000 : m->max_response_ms) * NS_PER_MS;
    uint32_t group = group_find(&s->groups, segment, &m->group);
    if (ip_addr_is_unspecified(&m->group))
        general_query(s, 2 * segment + v6, delay);
    else if (group && group_is_reported(s, &m->group))
        group_query(s, group, m, version, delay);
}

static void others_report(struct stack *s, const struct datagram *d, const struct wire_group_message *m)
{
    uint32_t group = group_find(&s->groups, d->host->segment, &m->group);
    s->counters.group_reports_received++;
    if (group)
        group_at(&s->groups, group)->heard_at = s->now;
}

void group_hear(struct stack *s, const struct datagram *d, const struct wire_group_message *m)
{
    if (m->kind == WIRE_GROUP_QUERY)
        query(s, d, m);
    else if (m->kind == WIRE_GROUP_REPORT)
        others_report(s, d, m);
    else
        STACK_DROP(s, TRACE_IP, group_ignored); /* for routers */
}

/* ---- time ---- */

static void group_due(void *context, uint32_t node, int64_t now)
{
    struct stack *s = context;
    const struct group_set *set = &s->groups;
    (void)now;
    if (node <= set->groups.capacity) {
        walk_group(s, node);
        return;
    }
    node -= set->groups.capacity;
    if (node <= set->members.capacity) {
        member_due(s, node);
        return;
    }
    node -= set->members.capacity;
    if (node <= set->n_queriers / 2)
        station_due(s, node);
    else
        walk_querier(s, node - set->n_queriers / 2 - 1);
}

void group_tick(struct stack *s, int64_t now) { wheel_advance(&s->groups.wheel, now, TICK_BUDGET, group_due, s); }
