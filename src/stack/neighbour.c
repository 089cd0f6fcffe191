/* SPDX-License-Identifier: MIT */
/*
 * The neighbour table and its state machine. Each entry has one deadline, on a wheel; what is due is decided by its
 * state alone.
 *
 * Requests: at most one in arp_retry_ns to one destination (RFC 1122 2.3.2.1), arp_tries of them. A probe asks the
 * known station first and everybody after that, so that a station that changed its MAC without a word is found while
 * datagrams still go to the old one (with Neighbour Discovery, after it). Callbacks (TCP, users) may open and evict entries: one that is being worked on
 * across a callback is pinned.
 */
#include "stack/neighbour.h"

#include "stack/nd.h"
#include "stack/stack_internal.h"

#define WHEEL_SHIFT 20 /* 1.05 ms */
#define TICK_BUDGET 1024u
#define NO_PROGRESS (UINT32_C(1) << 31)     /* ticks ago: long over */
#define PEER_MAC 1u                         /* the last byte; of what is at the other end of a link with one peer */
#define DELAY_FIRST_PROBE_NS (5 * NS_PER_S) /* RFC 4861 section 10 */

static struct stack_settings *settings(struct stack *s) { return &s->settings; }

static uint32_t tick_of(int64_t now) { return (uint32_t)((uint64_t)now >> TCP_PROGRESS_SHIFT); }

int neighbour_set_init(struct stack *s, int64_t now)
{
    struct neighbour_set *set = &s->neighbours;
    uint32_t capacity = s->settings.max_neighbours + (s->settings.loop_frames != 0);
    int error = pool_init(&set->pool, s->allocator, capacity, sizeof(struct neighbour), alignof(struct neighbour));
    if (!error)
        error = table_init(&set->table, s->allocator, capacity);
    if (!error)
        error = wheel_init(&set->wheel, s->allocator, capacity, WHEEL_SHIFT, now);
    set->n_progress = capacity + 1;
    set->progress = alloc_array(s->allocator, set->n_progress, sizeof *set->progress, alignof(uint32_t));
    return !error && !set->progress ? ERR_NO_MEMORY : error;
}

/* ---- the lists of entries that may go ---- */

static bool listed(const struct neighbour *n) { return n->pins == 0 && n->state != NEIGHBOUR_PERMANENT; }

static struct neighbour_age *age_of(struct neighbour_set *set, const struct neighbour *n)
{
    return &set->age[n->confirmed ? NEIGHBOUR_CONFIRMED : NEIGHBOUR_UNCONFIRMED];
}

static void age_append(struct neighbour_set *set, uint32_t index)
{
    struct neighbour *n = neighbour_at(set, index);
    struct neighbour_age *age = age_of(set, n);
    n->prev = age->tail;
    n->next = 0;
    if (age->tail)
        neighbour_at(set, age->tail)->next = index;
    else
        age->head = index;
    age->tail = index;
}

static void age_remove(struct neighbour_set *set, uint32_t index)
{
    struct neighbour *n = neighbour_at(set, index);
    struct neighbour_age *age = age_of(set, n);
    if (n->prev)
        neighbour_at(set, n->prev)->next = n->next;
    else
        age->head = n->next;
    if (n->next)
        neighbour_at(set, n->next)->prev = n->prev;
    else
        age->tail = n->prev;
}

/* Sets what decides the list, and moves the entry to its young end. */
/* What routers say where it lives, or NULL. */
static struct ra_view *view_of(const struct stack *s, const struct neighbour *n)
{
    return host_domain(&s->hosts, n->domain)->ra;
}

static int64_t reachable_ns(const struct stack *s, const struct neighbour *n)
{
    const struct ra_view *v = view_of(s, n);
    return unlikely(v != NULL) && v->reachable_ns && !ip_addr_is_v4(&n->address) ? v->reachable_ns
                                                                                 : s->settings.arp_reachable_ns;
}

static int64_t retry_ns(const struct stack *s, const struct neighbour *n)
{
    const struct ra_view *v = view_of(s, n);
    return unlikely(v != NULL) && v->retrans_ns && !ip_addr_is_v4(&n->address) ? v->retrans_ns
                                                                               : s->settings.arp_retry_ns;
}

static void set_state(struct stack *s, uint32_t index, enum neighbour_state state, bool confirmed)
{
    struct neighbour_set *set = &s->neighbours;
    struct neighbour *n = neighbour_at(set, index);
    if (listed(n))
        age_remove(set, index);
    if (n->state != state || state == NEIGHBOUR_REACHABLE)
        n->since = s->now;
    n->state = (uint8_t)state;
    n->confirmed = confirmed;
    if (listed(n))
        age_append(set, index);
    stack_tell(s, STACK_NEIGHBOUR_CHANGED, index);
    if (unlikely(view_of(s, n) != NULL))
        ra_neighbour_changed(s, view_of(s, n), &n->address);
}

static void let_go(struct stack *s, uint32_t index);

void neighbour_pin(struct stack *s, uint32_t index)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    if (listed(n))
        age_remove(&s->neighbours, index);
    n->pins++;
}

void neighbour_unpin(struct stack *s, uint32_t index)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    assert(n->pins > 0);
    n->pins--;
    if (listed(n))
        age_append(&s->neighbours, index);
    if (n->pins == 0 && unlikely(s->hosts.n_removed != 0) && s->hosts.hosts[n->asker].removed)
        let_go(s, index);
}

/* ---- finding, making, letting go ---- */

struct neighbour_key {
    uint32_t domain, zero;
    struct ip_addr address;
};
static_assert(sizeof(struct neighbour_key) == 24, "hashed as 24 bytes");

/* Keyed: anybody on the wire chooses addresses. */
static uint32_t tag_of(const struct stack *s, uint32_t domain, const struct ip_addr *address)
{
    struct neighbour_key key = {.domain = domain, .address = *address};
    return (uint32_t)hash_sip13_24bytes(&s->settings.secret, &key);
}

static bool is(const struct neighbour *n, uint32_t domain, const struct ip_addr *address)
{
    return n->domain == domain && ip_addr_equal(&n->address, address);
}

static uint32_t find_tagged(struct neighbour_set *set, uint32_t tag, uint32_t domain, const struct ip_addr *address)
{
    for (uint32_t at = tag, i; (i = table_next(&set->table, tag, &at)) != 0;)
        if (is(neighbour_at(set, i), domain, address))
            return set->last = i;
    return 0;
}

uint32_t neighbour_find(struct stack *s, uint32_t domain, const struct ip_addr *address)
{
    struct neighbour_set *set = &s->neighbours;
    if (is(neighbour_at(set, set->last), domain, address))
        return set->last;
    return find_tagged(set, tag_of(s, domain, address), domain, address);
}

static struct packet *dequeue(struct neighbour_set *set, struct neighbour *n)
{
    struct packet *p = n->queue;
    n->queue = p->next;
    n->queued--;
    set->waiting--;
    return p;
}

static void lose_queue(struct stack *s, struct neighbour *n)
{
    while (n->queue) {
        STACK_DROP(s, TRACE_ARP, resolve_failed);
        packet_release(dequeue(&s->neighbours, n));
    }
}

static void let_go(struct stack *s, uint32_t index)
{
    struct neighbour_set *set = &s->neighbours;
    struct neighbour *n = neighbour_at(set, index);
    assert(n->pins == 0);
    stack_tell(s, STACK_NEIGHBOUR_REMOVED, index);
    lose_queue(s, n);
    if (listed(n))
        age_remove(set, index);
    table_remove(&set->table, n->tag, index);
    wheel_disarm(&set->wheel, index);
    n->domain = 0;
    pool_put(&set->pool, index);
}

/* A datagram of ours waits for the answer. */
static bool waited_for(const struct neighbour *n) { return n->own && n->state == NEIGHBOUR_INCOMPLETE && n->queue; }

static bool evict(struct stack *s, enum neighbour_need need)
{
    struct neighbour_set *set = &s->neighbours;
    uint32_t oldest = set->age[NEIGHBOUR_UNCONFIRMED].head;
    if (!oldest && need != NEIGHBOUR_HEARD)
        oldest = set->age[NEIGHBOUR_CONFIRMED].head;
    if (!oldest || (need == NEIGHBOUR_OWN && waited_for(neighbour_at(set, oldest))))
        return false;
    s->counters.neighbours_evicted++;
    let_go(s, oldest);
    return true;
}

uint32_t neighbour_open(struct stack *s, uint32_t domain, const struct ip_addr *address, uint32_t asker,
                        enum neighbour_need need)
{
    struct neighbour_set *set = &s->neighbours;
    if (likely(is(neighbour_at(set, set->last), domain, address)))
        return set->last;
    uint32_t tag = tag_of(s, domain, address);
    uint32_t index = find_tagged(set, tag, domain, address);
    if (index)
        return index;
    const uint8_t interface = s->hosts.hosts[asker].interface;
    const bool known = interface_has_one_peer(&s->interfaces[interface]);
    if (!known && need == NEIGHBOUR_OWN && set->waiting >= s->settings.resolve_queue_total) {
        STACK_DROP(s, TRACE_ARP, resolve_queue_full);
        return 0;
    }
    if (set->pool.used == set->pool.capacity && !evict(s, need)) {
        STACK_DROP(s, TRACE_ARP, arp_table_full);
        return 0;
    }
    index = pool_get(&set->pool);
    struct neighbour *n = neighbour_at(set, index);
    *n = (struct neighbour){.state = NEIGHBOUR_INCOMPLETE,
                            .address = *address,
                            .domain = domain,
                            .asker = asker,
                            .interface = interface,
                            .tag = tag,
                            .own = need == NEIGHBOUR_OWN,
                            .ask_at = INT64_MIN,
                            .deadline = TIME_NEVER,
                            .since = s->now};
    set->progress[index] = tick_of(s->now) - NO_PROGRESS;
    int error = table_add(&set->table, tag, index);
    assert(!error); /* as large as the pool */
    (void)error;
    age_append(set, index);
    if (unlikely(known)) {
        n->mac[sizeof n->mac - 1] = PEER_MAC;
        set_state(s, index, NEIGHBOUR_REACHABLE, true);
    }
    return set->last = index;
}

void neighbour_set_free(struct stack *s)
{
    struct neighbour_set *set = &s->neighbours;
    for (uint32_t i = 1; i <= set->pool.touched; i++) {
        struct neighbour *n = neighbour_at(set, i);
        while (n->domain && n->queue)
            packet_release(dequeue(set, n));
    }
    pool_free(&set->pool);
    table_free(&set->table);
    wheel_free(&set->wheel);
    alloc_free(s->allocator, set->progress, set->n_progress * sizeof *set->progress);
}

/* ---- asking ---- */

static void arm(struct neighbour_set *set, uint32_t index, int64_t deadline)
{
    neighbour_at(set, index)->deadline = deadline;
    if (deadline != TIME_NEVER)
        wheel_arm(&set->wheel, index, deadline);
}

/* ARP asks the known station once; Neighbour Discovery asks nobody else in that state (RFC 4861 7.3.3). */
static void send_request(struct stack *s, const struct neighbour *n, struct host *asker)
{
    bool probe = n->state == NEIGHBOUR_PROBE;
    if (asker->v6)
        nd_send_solicitation(s, asker, &n->address, probe ? n->mac : NULL);
    else
        arp_send_request(s, asker, ip_addr_to_v4(&n->address), probe && n->tries == 0 ? n->mac : NULL);
}

/* Sends a request unless one went out less than arp_retry_ns ago; in both cases the deadline is when the next may go.
 */
static void ask(struct stack *s, uint32_t index)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    if (s->now >= n->ask_at) {
        n->ask_at = s->now + retry_ns(s, n);
        if (host_at(&s->hosts, n->asker))
            send_request(s, n, &s->hosts.hosts[n->asker]);
        n->tries++;
    }
    arm(&s->neighbours, index, n->ask_at);
}

static void begin(struct stack *s, uint32_t index, enum neighbour_state state)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    n->tries = 0;
    set_state(s, index, state, state == NEIGHBOUR_PROBE && n->confirmed);
    ask(s, index);
}

void neighbour_forget(struct stack *s, uint32_t index)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    if (n->pins == 0) {
        let_go(s, index);
        return;
    }
    lose_queue(s, n);
    wheel_disarm(&s->neighbours.wheel, index);
    n->deadline = TIME_NEVER;
    n->ask_at = INT64_MIN;
    memset(n->mac, 0, sizeof n->mac);
    set_state(s, index, NEIGHBOUR_INCOMPLETE, false);
    if (n->waiters.head)
        ask(s, index);
}

static bool is_v6(const struct neighbour *n) { return !ip_addr_is_v4(&n->address); }

/* A stale entry is used: with ARP it is asked about at once, with Neighbour Discovery after a while. */
static void use_stale(struct stack *s, uint32_t index, uint32_t asker)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    n->asker = asker;
    if (!is_v6(n)) {
        begin(s, index, NEIGHBOUR_PROBE);
        return;
    }
    set_state(s, index, NEIGHBOUR_DELAY, n->confirmed);
    arm(&s->neighbours, index, s->now + DELAY_FIRST_PROBE_NS);
}

bool neighbour_use_slow(struct stack *s, uint32_t index, uint32_t asker)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    switch ((enum neighbour_state)n->state) {
    case NEIGHBOUR_STALE:
        use_stale(s, index, asker);
        return true;
    case NEIGHBOUR_INCOMPLETE:
        if (n->deadline == TIME_NEVER)
            begin(s, index, NEIGHBOUR_INCOMPLETE);
        return false;
    case NEIGHBOUR_FAILED:
        if (s->now >= n->deadline) {
            n->asker = asker;
            begin(s, index, NEIGHBOUR_INCOMPLETE);
        }
        return false;
    case NEIGHBOUR_PROBE:
    case NEIGHBOUR_DELAY:
    case NEIGHBOUR_REACHABLE:
    case NEIGHBOUR_PERMANENT:
        return true;
    case NEIGHBOUR_FREE: /* the loop */
        loop_mac(n->mac, asker);
        return true;
    }
    return false;
}

/* ---- the queue ---- */

bool neighbour_has_room(const struct stack *s, const struct neighbour *n)
{
    return n->queued != 0 || s->neighbours.waiting < s->settings.resolve_queue_total;
}

void neighbour_enqueue(struct stack *s, uint32_t index, struct packet *frame)
{
    struct neighbour_set *set = &s->neighbours;
    struct neighbour *n = neighbour_at(set, index);
    assert(neighbour_has_room(s, n));
    if (n->queued == settings(s)->resolve_queue_frames || set->waiting == settings(s)->resolve_queue_total) {
        STACK_DROP(s, TRACE_ARP, resolve_queue_full);
        packet_release(dequeue(set, n));
    }
    struct packet **end = &n->queue;
    while (*end)
        end = &(*end)->next;
    frame->next = NULL;
    *end = frame;
    n->queued++;
    set->waiting++;
}

static void send_queue(struct stack *s, struct neighbour *n)
{
    while (n->queue)
        ip_send_waiting(s, dequeue(&s->neighbours, n), n->mac);
}

/* Nobody answered: each datagram is reported to whoever sent it. */
static void fail_queue(struct stack *s, struct neighbour *n)
{
    while (n->queue) {
        struct packet *p = dequeue(&s->neighbours, n);
        STACK_DROP(s, TRACE_ARP, resolve_failed);
        icmp_report_unsent(s, p);
        packet_release(p);
    }
}

/* ---- what becomes known ---- */

static void resolved(struct stack *s, uint32_t index, const uint8_t *mac, enum neighbour_state state, bool confirmed)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    bool was_unknown = n->state == NEIGHBOUR_INCOMPLETE || n->state == NEIGHBOUR_FAILED;
    n->answered = state == NEIGHBOUR_REACHABLE || (n->answered && wire_eth_addr_equal(n->mac, mac));
    memcpy(n->mac, mac, sizeof n->mac);
    set_state(s, index, state, confirmed);
    arm(&s->neighbours, index, state == NEIGHBOUR_REACHABLE ? s->now + reachable_ns(s, n) : TIME_NEVER);
    if (!was_unknown)
        return;
    s->counters.neighbours_resolved++;
    STACK_TRACE(s, TRACE_ARP, "neighbour %u resolved", index);
    send_queue(s, n);
    if (unlikely(s->spare_gateways != 0))
        gateway_known(s, index);
    if (n->waiters.head)
        tcp_path_ready(s->tcp, &n->waiters, true, s->now);
}

void neighbour_confirm(struct stack *s, uint32_t index, const uint8_t *mac)
{
    if (neighbour_at(&s->neighbours, index)->state != NEIGHBOUR_PERMANENT)
        resolved(s, index, mac, NEIGHBOUR_REACHABLE, true);
}

void neighbour_set_permanent(struct stack *s, uint32_t index, const uint8_t *mac)
{
    resolved(s, index, mac, NEIGHBOUR_PERMANENT, true);
}

/* Two stations answer, or somebody lies: the first one counts until it can be asked again. */
static bool confirmed_just_now(const struct stack *s, const struct neighbour *n)
{
    bool doubted =
        n->state == NEIGHBOUR_STALE || n->state == NEIGHBOUR_DELAY || (n->state == NEIGHBOUR_PROBE && n->tries == 0);
    bool stays = doubted ? n->answered : n->state == NEIGHBOUR_REACHABLE;
    return stays && s->now < n->ask_at;
}

static void become_stale(struct stack *s, uint32_t index)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    n->deadline = TIME_NEVER;
    set_state(s, index, NEIGHBOUR_STALE, n->confirmed);
}

void neighbour_hear(struct stack *s, uint32_t index, const uint8_t *mac)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    bool known = n->state >= NEIGHBOUR_STALE;
    if (known && wire_eth_addr_equal(n->mac, mac))
        return;
    if (n->state == NEIGHBOUR_PERMANENT || confirmed_just_now(s, n)) {
        STACK_DROP(s, TRACE_ARP, arp_unsolicited);
        if (n->state != NEIGHBOUR_PERMANENT) /* RFC 4861 7.2.3, a MUST; of ARP so that probes find out who is right */
            become_stale(s, index);
        return;
    }
    resolved(s, index, mac, NEIGHBOUR_STALE, n->confirmed);
}

/* 7.2.5: what names another MAC must be allowed to override, and where none is known it must name one. */
static bool is_believed(const struct neighbour *n, const struct neighbour_news *news)
{
    if (n->state <= NEIGHBOUR_FAILED)
        return news->mac != NULL;
    bool other = news->mac && !wire_eth_addr_equal(news->mac, n->mac);
    return !other || (news->override && n->state != NEIGHBOUR_PERMANENT);
}

/* What a believed advertisement does to an entry whose MAC is known. */
static void advertised_known(struct stack *s, uint32_t index, const struct neighbour_news *news)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, index);
    uint8_t mac[sizeof n->mac];
    memcpy(mac, news->mac ? news->mac : n->mac, sizeof mac);
    if (news->solicited)
        resolved(s, index, mac, NEIGHBOUR_REACHABLE, true);
    else if (!wire_eth_addr_equal(mac, n->mac))
        resolved(s, index, mac, NEIGHBOUR_STALE, n->confirmed);
}

static void not_believed(struct stack *s, uint32_t index)
{
    STACK_DROP(s, TRACE_ARP, nd_unsolicited);
    if (neighbour_at(&s->neighbours, index)->state == NEIGHBOUR_REACHABLE)
        become_stale(s, index);
}

bool neighbour_advertised(struct stack *s, uint32_t index, const struct neighbour_news *news)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    bool believed = is_believed(n, news);
    if (believed)
        n->not_router = !news->router;
    if (n->state == NEIGHBOUR_PERMANENT)
        return believed;
    if (!believed)
        not_believed(s, index);
    else if (n->state > NEIGHBOUR_FAILED)
        advertised_known(s, index, news);
    else
        resolved(s, index, news->mac, news->solicited ? NEIGHBOUR_REACHABLE : NEIGHBOUR_STALE, news->solicited);
    return believed;
}

/* ---- time ---- */

static void fail(struct stack *s, uint32_t index)
{
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    s->counters.neighbours_failed++;
    STACK_TRACE(s, TRACE_ARP, "no answer from neighbour %u after %u requests", index, (unsigned)n->tries);
    set_state(s, index, NEIGHBOUR_FAILED, false);
    arm(&s->neighbours, index, s->now + settings(s)->arp_failed_ns);
    neighbour_pin(s, index);
    fail_queue(s, n);
    bool other = unlikely(s->spare_gateways != 0) && gateway_failed(s, index);
    if (n->waiters.head)
        tcp_path_ready(s->tcp, &n->waiters, other, s->now);
    neighbour_unpin(s, index);
}

static void failed_long_enough(struct stack *s, uint32_t index)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, index);
    if (n->waiters.head || n->queue)
        begin(s, index, NEIGHBOUR_INCOMPLETE);
    else if (n->pins == 0)
        let_go(s, index);
}

/* What a connection told since a moment: RFC 4861 7.3.1 and 7.3.3. True: the entry is confirmed by it. */
static bool progress_confirms(struct stack *s, uint32_t index, int64_t since)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, index);
    int64_t ago = (int64_t)(tick_of(s->now) - s->neighbours.progress[index]) << TCP_PROGRESS_SHIFT;
    if (ago >= reachable_ns(s, n) || s->now - ago < since)
        return false;
    if (n->state != NEIGHBOUR_REACHABLE)
        set_state(s, index, NEIGHBOUR_REACHABLE, n->confirmed);
    arm(&s->neighbours, index, s->now - ago + reachable_ns(s, n));
    return true;
}

void neighbour_doubt(struct stack *s, uint32_t index)
{
    if (neighbour_at(&s->neighbours, index)->state == NEIGHBOUR_REACHABLE)
        become_stale(s, index);
}

static void neighbour_due(void *context, uint32_t index, int64_t now)
{
    struct stack *s = context;
    struct neighbour *n = neighbour_at(&s->neighbours, index);
    if (now < n->deadline) { /* moved later since it was armed */
        arm(&s->neighbours, index, n->deadline);
        return;
    }
    switch ((enum neighbour_state)n->state) {
    case NEIGHBOUR_DELAY:
        if (!progress_confirms(s, index, n->since))
            begin(s, index, NEIGHBOUR_PROBE);
        break;
    case NEIGHBOUR_INCOMPLETE:
    case NEIGHBOUR_PROBE:
        if (n->state == NEIGHBOUR_PROBE && progress_confirms(s, index, n->since))
            break;
        if (n->tries < settings(s)->arp_tries)
            ask(s, index);
        else if (n->state == NEIGHBOUR_PROBE && is_v6(n))
            begin(s, index, NEIGHBOUR_INCOMPLETE); /* RFC 4861 7.3.3: what is known is forgotten; the group is asked */
        else
            fail(s, index);
        break;
    case NEIGHBOUR_REACHABLE:
        if (!progress_confirms(s, index, INT64_MIN))
            become_stale(s, index);
        break;
    case NEIGHBOUR_FAILED:
        failed_long_enough(s, index);
        break;
    case NEIGHBOUR_FREE:
    case NEIGHBOUR_STALE:
    case NEIGHBOUR_PERMANENT:
        break;
    }
}

void neighbour_tick(struct stack *s, int64_t now)
{
    wheel_advance(&s->neighbours.wheel, now, TICK_BUDGET, neighbour_due, s);
}
