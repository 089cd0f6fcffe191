/* SPDX-License-Identifier: MIT */
/*
 * Path MTU discovery for datagrams: see dplpmtud.h. `size` stays while a size is asked for repeatedly, so that a late
 * answer to any of its probes counts; it is 0 as soon as something else is to be asked for.
 */
#include "stack/dplpmtud.h"

#include "base/error.h"

#include <string.h>

#define LEAST_MTU 68u
#define LEAST_MTU_V6 1280u
#define BASE_V4 1200u
#define LARGEST 65535u

/* Ascending: links and what tunnels leave of them. */
static const uint16_t well_known[] = {
    296,  508,  576,  1006, 1280,                   /* SLIP, X.25, RFC 791, the least of IPv6 */
    1300, 1340, 1352, 1360, 1372, 1380, 1392, 1400, /* tunnels of mobile networks and IPsec */
    1408, 1412, 1420, 1430, 1436, 1440, 1442, 1450, /* WireGuard, VXLAN over IPv6 and IPv4 */
    1454, 1460, 1462, 1464, 1468, 1472, 1476, 1480, /* L2TP, GRE, IP in IP */
    1488, 1492, 1496, 1500,                         /* MPLS, PPPoE, a tag, Ethernet */
    2002, 4352, 4464, 7981, 8166, 8450, 8896, 8950, 9000, 9180, 9216, 16384, 17914, 32000,
};
#define WELL_KNOWN (sizeof well_known / sizeof well_known[0])

/* ---- settings ---- */

static uint32_t less(uint32_t a, uint32_t b) { return a < b ? a : b; }

void dplpmtud_settings_default(struct dplpmtud_settings *s, bool v4, uint32_t link_mtu)
{
    uint32_t max = less(link_mtu, LARGEST);
    *s = (struct dplpmtud_settings){.min = less(v4 ? LEAST_MTU : LEAST_MTU_V6, max),
                                    .base = less(v4 ? BASE_V4 : LEAST_MTU_V6, max),
                                    .max = max,
                                    .headers = 0,
                                    .step = 1,
                                    .max_probes = 3,
                                    .probe_ns = 16 * NS_PER_S,
                                    .raise_ns = 600 * NS_PER_S,
                                    .confirm_ns = 60 * NS_PER_S};
}

static bool settings_ok(const struct dplpmtud_settings *s)
{
    return s->min >= LEAST_MTU && s->base >= s->min && s->max >= s->base && s->max <= LARGEST && s->headers < s->min &&
           s->step > 0 && s->step <= LARGEST && s->max_probes > 0 && s->probe_ns >= DPLPMTUD_LEAST_PROBE_NS &&
           s->raise_ns > 0 && s->confirm_ns >= 0 && s->confirm_ns < s->raise_ns;
}

int dplpmtud_init(struct dplpmtud *m, const struct dplpmtud_settings *s)
{
    if (!settings_ok(s))
        return ERR_INVALID;
    *m = (struct dplpmtud){.settings = *s, .id_first = s->first_id, .id_next = s->first_id};
    dplpmtud_disconnected(m);
    return 0;
}

const char *dplpmtud_state_name(enum dplpmtud_state state)
{
    static const char *const names[] = {
#define DPLPMTUD_STATE_NAME(name) #name,
        DPLPMTUD_STATE_LIST(DPLPMTUD_STATE_NAME)
#undef DPLPMTUD_STATE_NAME
    };
    return names[state];
}

/* ---- states ---- */

static void ask_anew(struct dplpmtud *m)
{
    m->in_flight = false;
    m->size = m->count = 0;
}

static bool below_base(const struct dplpmtud *m) { return m->plpmtu < m->settings.base; }

/* The least that a further search could bring is worth a probe. */
static bool has_room(const struct dplpmtud *m)
{
    return m->high > m->plpmtu && m->high - m->plpmtu >= m->settings.step;
}

static void complete(struct dplpmtud *m, int64_t now)
{
    m->state = below_base(m) ? DPLPMTUD_ERROR : DPLPMTUD_SEARCH_COMPLETE;
    m->searching = false;
    m->hint = 0;
    m->raise_at = now + m->settings.raise_ns;
    m->confirm_at = m->settings.confirm_ns ? now + m->settings.confirm_ns : TIME_NEVER;
}

static void complete_if_nothing_is_left(struct dplpmtud *m, int64_t now)
{
    if (m->searching && !m->doubt && m->hint == 0 && !has_room(m))
        complete(m, now);
}

/* Of plpmtu that was confirmed; below base only base is of interest first. */
static void search(struct dplpmtud *m, int64_t now)
{
    m->state = below_base(m) ? DPLPMTUD_ERROR : DPLPMTUD_SEARCHING;
    m->searching = true;
    m->high = below_base(m) ? m->settings.base : m->settings.max;
    complete_if_nothing_is_left(m, now);
}

static void enter_base(struct dplpmtud *m)
{
    ask_anew(m);
    m->state = DPLPMTUD_BASE;
    m->plpmtu = m->settings.base;
    m->high = m->settings.max;
    m->searching = m->exact = false;
    m->doubt = true;
}

/* There is nothing below min to fall back to. */
static void enter_error(struct dplpmtud *m)
{
    if (m->settings.min == m->settings.base) {
        dplpmtud_disconnected(m);
        return;
    }
    ask_anew(m);
    m->state = DPLPMTUD_ERROR;
    m->plpmtu = m->settings.min;
    m->high = m->settings.base - 1;
    m->searching = m->doubt = true;
    m->exact = false;
    if (m->hint > m->high)
        m->hint = 0;
}

void dplpmtud_connected(struct dplpmtud *m, int64_t now)
{
    if (m->state != DPLPMTUD_DISABLED)
        return;
    if (m->counters.probes == 0)
        m->sent_at = now;
    enter_base(m);
}

void dplpmtud_disconnected(struct dplpmtud *m)
{
    ask_anew(m);
    m->state = DPLPMTUD_DISABLED;
    m->plpmtu = m->settings.base;
    m->high = m->settings.max;
    m->searching = m->doubt = m->exact = m->routers_wrong = false;
    m->hint = m->told = 0;
    m->raise_at = m->confirm_at = TIME_NEVER;
}

void dplpmtud_black_hole(struct dplpmtud *m, int64_t now)
{
    (void)now;
    if (m->state != DPLPMTUD_SEARCHING && m->state != DPLPMTUD_SEARCH_COMPLETE)
        return;
    m->counters.black_holes++;
    m->routers_wrong = false;
    m->told = m->hint = 0;
    enter_base(m);
}

/* ---- a size fails ---- */

static void present_size_failed(struct dplpmtud *m, int64_t now)
{
    if (m->state == DPLPMTUD_BASE)
        enter_error(m);
    else if (m->state == DPLPMTUD_ERROR && m->plpmtu == m->settings.min)
        dplpmtud_disconnected(m);
    else if (m->state == DPLPMTUD_ERROR)
        enter_base(m);
    else
        dplpmtud_black_hole(m, now);
}

static void size_failed(struct dplpmtud *m, bool lost, int64_t now)
{
    uint32_t size = m->size;
    m->counters.failed++;
    ask_anew(m);
    if (size <= m->plpmtu) {
        present_size_failed(m, now);
        return;
    }
    m->high = less(m->high, size - 1);
    if (m->hint > m->high)
        m->hint = 0;
    m->exact = false;
    m->doubt = lost; /* by its size, if the present one still arrives */
    complete_if_nothing_is_left(m, now);
}

/* ---- time ---- */

static void probe_timer(struct dplpmtud *m, int64_t now)
{
    m->in_flight = false;
    m->counters.lost++;
    if (++m->count >= m->settings.max_probes)
        size_failed(m, true, now);
}

static void raise_timer(struct dplpmtud *m, int64_t now)
{
    ask_anew(m);
    m->doubt = m->exact = m->routers_wrong = false;
    m->told = 0;
    search(m, now);
}

static bool rests(const struct dplpmtud *m)
{
    return m->state == DPLPMTUD_SEARCH_COMPLETE || (m->state == DPLPMTUD_ERROR && !m->searching);
}

static void run_timers(struct dplpmtud *m, int64_t now)
{
    if (m->in_flight && now - m->sent_at >= m->settings.probe_ns)
        probe_timer(m, now);
    if (!rests(m) || m->in_flight)
        return;
    if (now >= m->raise_at) {
        raise_timer(m, now);
    } else if (now >= m->confirm_at) {
        m->confirm_at = TIME_NEVER;
        m->doubt = true;
    }
}

/* ---- what is asked for ---- */

/* The middle one of those that would be a gain; 0: there is none. */
static uint32_t middle_of_well_known(uint32_t from, uint32_t to)
{
    unsigned first = 0, end;
    while (first < WELL_KNOWN && well_known[first] < from)
        first++;
    for (end = first; end < WELL_KNOWN && well_known[end] <= to; end++)
        ;
    return end > first ? well_known[first + (end - first) / 2] : 0;
}

static bool is_well_known(uint32_t size) { return middle_of_well_known(size, size) != 0; }

static uint32_t next_size(const struct dplpmtud *m)
{
    uint32_t least = m->plpmtu + m->settings.step;
    uint32_t ceiling = m->state == DPLPMTUD_ERROR ? m->settings.base : m->settings.max;
    if (m->hint > m->plpmtu)
        return m->hint;
    if (m->doubt)
        return m->plpmtu;
    if (m->exact)
        return less(least, m->high);
    if (m->high == ceiling)
        return m->high;
    uint32_t known = middle_of_well_known(least, m->high);
    if (known)
        return known;
    return is_well_known(m->plpmtu) ? less(least, m->high) : m->plpmtu + (m->high - m->plpmtu + 1) / 2;
}

static bool wants_probe(const struct dplpmtud *m) { return m->searching || m->doubt; }

/* RFC 8899 3, 7: at least a round trip from one probe to the next. */
static int64_t earliest(const struct dplpmtud *m) { return m->sent_at + m->rtt_ns; }

uint32_t dplpmtud_probe(struct dplpmtud *m, int64_t now, uint32_t *id)
{
    run_timers(m, now);
    if (m->in_flight || !wants_probe(m) || now < earliest(m))
        return 0;
    if (m->size == 0) {
        m->size = m->state == DPLPMTUD_BASE ? m->plpmtu : next_size(m);
        m->id_first = m->id_next;
    }
    *id = m->id_next++;
    m->in_flight = true;
    m->sent_at = now;
    m->counters.probes++;
    return m->size;
}

int64_t dplpmtud_deadline(const struct dplpmtud *m)
{
    if (m->in_flight)
        return m->sent_at + m->settings.probe_ns;
    if (wants_probe(m))
        return earliest(m);
    return rests(m) ? min_i64(m->raise_at, m->confirm_at) : TIME_NEVER;
}

bool dplpmtud_at_rest(const struct dplpmtud *m) { return !wants_probe(m) && !m->in_flight; }

/* ---- answers ---- */

static bool is_of_size(const struct dplpmtud *m, uint32_t id)
{
    return m->size != 0 && id - m->id_first < m->id_next - m->id_first;
}

static void note_round_trip(struct dplpmtud *m, uint32_t id, int64_t now)
{
    if (m->in_flight && id == m->id_next - 1 && now - m->sent_at > m->rtt_ns)
        m->rtt_ns = now - m->sent_at;
}

static void size_arrived(struct dplpmtud *m, uint32_t size, int64_t now)
{
    bool was_below = below_base(m);
    m->doubt = false;
    if (size > m->plpmtu) {
        m->plpmtu = size;
        m->exact = size == m->told;
    }
    if (m->told && size > m->told)
        m->routers_wrong = true;
    if (m->hint <= m->plpmtu)
        m->hint = 0;
    if (m->state == DPLPMTUD_BASE || (was_below && !below_base(m)))
        search(m, now);
    else if (m->searching)
        complete_if_nothing_is_left(m, now);
    else if (m->settings.confirm_ns)
        m->confirm_at = now + m->settings.confirm_ns;
}

bool dplpmtud_answered(struct dplpmtud *m, uint32_t id, int64_t now)
{
    if (!is_of_size(m, id)) {
        m->counters.answers_ignored++;
        return false;
    }
    uint32_t size = m->size;
    m->counters.confirmed++;
    note_round_trip(m, id, now);
    ask_anew(m);
    size_arrived(m, size, now);
    return true;
}

void dplpmtud_refused(struct dplpmtud *m, uint32_t id, int64_t now)
{
    if (is_of_size(m, id))
        size_failed(m, false, now);
}

/* ---- routers ---- */

/* RFC 8899 4.6.2, and 8: below base only after base itself was asked for. */
static void take_hint(struct dplpmtud *m, uint32_t mtu, bool of_probe, int64_t now)
{
    m->told = m->hint = mtu;
    if (m->state == DPLPMTUD_BASE) {
        if (of_probe)
            enter_error(m);
    } else if (m->state == DPLPMTUD_ERROR && mtu < m->plpmtu) {
        enter_error(m);
    } else if (mtu < m->plpmtu) {
        m->counters.black_holes++;
        enter_base(m);
    } else {
        ask_anew(m);
        m->exact = mtu == m->plpmtu;
        if (m->exact && !m->doubt)
            complete(m, now);
    }
}

static bool hear(struct dplpmtud *m, uint32_t quoted, uint32_t mtu, bool of_probe, int64_t now)
{
    if (m->state == DPLPMTUD_DISABLED || m->routers_wrong || mtu < m->settings.min || mtu >= quoted) {
        m->counters.hints_ignored++;
        return false;
    }
    m->counters.hints++;
    take_hint(m, mtu, of_probe, now);
    return true;
}

bool dplpmtud_probe_too_big(struct dplpmtud *m, uint32_t id, uint32_t mtu, int64_t now)
{
    return hear(m, is_of_size(m, id) ? m->size : 0, mtu, true, now);
}

bool dplpmtud_packet_too_big(struct dplpmtud *m, uint32_t mtu, int64_t now)
{
    return hear(m, m->plpmtu, mtu, false, now);
}

/* ---- invariants ---- */

bool dplpmtud_check(const struct dplpmtud *m)
{
    const struct dplpmtud_settings *s = &m->settings;
    bool in_range = m->plpmtu >= s->min && m->plpmtu <= s->max && below_base(m) == (m->state == DPLPMTUD_ERROR);
    bool flight_ok = !m->in_flight || (m->size >= s->min && m->size <= s->max && m->count < s->max_probes);
    bool hint_ok = m->hint == 0 || (m->hint >= s->min && m->hint <= s->max);
    bool state_ok = m->state != DPLPMTUD_BASE || (m->doubt && m->plpmtu == s->base);
    bool disabled_ok = m->state != DPLPMTUD_DISABLED || (!wants_probe(m) && !m->in_flight && m->size == 0);
    return in_range && flight_ok && hint_ok && state_ok && disabled_ok && m->high <= s->max &&
           (m->state != DPLPMTUD_SEARCH_COMPLETE || !m->searching);
}
