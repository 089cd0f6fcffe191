/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel. `tick` is the next tick to be called; a tick's four bytes are its slots on the four levels.
 *
 * Invariants:
 * 1. A node whose tick shares the upper three bytes with w->tick stands on level 0; otherwise on the level of the highest
 *    byte that differs; its slot is that byte of its own tick. So every node of a level comes before all nodes of the next.
 * 2. When w->tick enters the range of a slot on a level above 0, that slot's nodes must move down (cascade) before w->tick
 *    moves on. At most one level has such a slot, because the levels below are empty then.
 * 3. A slot's bit in `occupied` is set exactly when its ring is not empty.
 * 4. The due ring holds what is left of tick w->tick - 1; w->tick does not move before it is empty.
 * 5. No node stands more than HORIZON ahead of w->tick, so that on level 3 no node shares the top byte with a tick behind it.
 * 6. w->tick wraps at 2^32; `origin` then moves on, so that time_of() holds for w->tick always.
 */
#include "base/wheel.h"

#include "base/error.h"

#define SLOT_BITS 8
#define HEADS (WHEEL_LEVELS * WHEEL_SLOTS + 1) /* the last is the due ring's */
#define HORIZON ((uint64_t)(WHEEL_SLOTS - 1) << (SLOT_BITS * (WHEEL_LEVELS - 1)))
#define NO_SLOT WHEEL_SLOTS
/* Nodes that cascade in one advance, for each that it may call: a slot of a million does not stop the caller. */
#define MOVES_PER_CALL 8

static uint32_t head_of(const struct wheel *w, uint32_t level, uint32_t slot)
{
    return w->capacity + 1 + level * WHEEL_SLOTS + slot;
}

static uint32_t due_head(const struct wheel *w) { return w->capacity + HEADS; }

static bool ring_is_empty(const struct wheel *w, uint32_t head) { return w->nodes[head].next == head; }

static uint32_t slot_of(uint32_t tick, uint32_t level) { return (tick >> (SLOT_BITS * level)) & (WHEEL_SLOTS - 1); }

static bool is_occupied(const struct wheel *w, uint32_t level, uint32_t slot)
{
    return (w->occupied[level][slot / 64] >> (slot % 64)) & 1;
}

static void set_occupied(struct wheel *w, uint32_t level, uint32_t slot)
{
    w->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void clear_occupied(struct wheel *w, uint32_t level, uint32_t slot)
{
    w->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static void ring_reset(struct wheel *w, uint32_t head)
{
    w->nodes[head].next = head;
    w->nodes[head].prev = head;
}

static void ring_append(struct wheel *w, uint32_t head, uint32_t node)
{
    uint32_t last = w->nodes[head].prev;
    w->nodes[node].next = head;
    w->nodes[node].prev = last;
    w->nodes[last].next = node;
    w->nodes[head].prev = node;
}

/* Takes a node out of its ring, and the slot's bit with the last one. */
static void ring_remove(struct wheel *w, uint32_t node)
{
    uint32_t next = w->nodes[node].next, prev = w->nodes[node].prev;
    w->nodes[prev].next = next;
    w->nodes[next].prev = prev;
    w->nodes[node].next = 0;
    if (next == prev && next > w->capacity && next != due_head(w)) {
        uint32_t head = next - (w->capacity + 1);
        clear_occupied(w, head / WHEEL_SLOTS, head % WHEEL_SLOTS);
    }
}

/* Time of w->tick. */
static int64_t time_of_tick(const struct wheel *w) { return w->origin + (int64_t)((uint64_t)w->tick << w->shift); }

/* Time of the due ring's tick, the one before. */
static int64_t time_of_due(const struct wheel *w) { return time_of_tick(w) - (INT64_C(1) << w->shift); }

/* Time of the tick that comes `ahead` ticks after w->tick, or TIME_NEVER where that cannot be written. */
static int64_t time_ahead(const struct wheel *w, uint64_t ahead)
{
    int64_t time;
    if (__builtin_add_overflow(time_of_tick(w), (int64_t)(ahead << w->shift), &time))
        return TIME_NEVER;
    return time;
}

/* The ticks from w->tick to the first not before the deadline, at most the horizon. */
static uint32_t ticks_until(const struct wheel *w, int64_t deadline)
{
    int64_t base = time_of_tick(w);
    if (deadline <= base)
        return 0;
    uint64_t distance = (uint64_t)deadline - (uint64_t)base - 1;
    return (uint32_t)min_u64((distance >> w->shift) + 1, HORIZON);
}

/* How many ticks, from w->tick on, have begun at `now`. */
static uint64_t ticks_passed(const struct wheel *w, int64_t now)
{
    int64_t base = time_of_tick(w);
    if (now < base)
        return 0;
    return (((uint64_t)now - (uint64_t)base) >> w->shift) + 1;
}

int wheel_init(struct wheel *w, const struct allocator *a, uint32_t capacity, uint32_t shift, int64_t now)
{
    *w = (struct wheel){.capacity = capacity, .shift = shift, .origin = now, .allocator = a};
    if (capacity == 0 || capacity >= UINT32_MAX - HEADS || shift < 10 || shift > 30)
        return ERR_INVALID;
    w->nodes = alloc_array(a, (size_t)capacity + 1 + HEADS, sizeof *w->nodes, CACHE_LINE);
    if (!w->nodes)
        return ERR_NO_MEMORY;
    for (uint32_t head = capacity + 1; head <= due_head(w); head++)
        ring_reset(w, head);
    return ERR_OK;
}

void wheel_free(struct wheel *w)
{
    if (w->nodes)
        alloc_free(w->allocator, w->nodes, ((size_t)w->capacity + 1 + HEADS) * sizeof *w->nodes);
    *w = (struct wheel){0};
}

/* Puts a node, in no ring, where its tick belongs (invariant 1). */
static void place(struct wheel *w, uint32_t node)
{
    uint32_t tick = w->nodes[node].tick;
    uint32_t differ = tick ^ w->tick;
    uint32_t level = differ < WHEEL_SLOTS ? 0 : (31u - (uint32_t)__builtin_clz(differ)) / SLOT_BITS;
    uint32_t slot = slot_of(tick, level);
    ring_append(w, head_of(w, level, slot), node);
    set_occupied(w, level, slot);
}

void wheel_arm(struct wheel *w, uint32_t node, int64_t deadline)
{
    assert(node != 0 && node <= w->capacity);
    if (deadline == TIME_NEVER)
        return;
    uint32_t ahead = ticks_until(w, deadline);
    if (w->nodes[node].next != 0) {
        /* Counted from the due ring's tick, the earliest one in which a node can stand. */
        uint32_t stands_at = w->nodes[node].tick - (w->tick - 1);
        if (stands_at <= ahead + 1)
            return;
        ring_remove(w, node);
    } else {
        w->armed++;
    }
    w->nodes[node].tick = w->tick + ahead;
    place(w, node);
}

void wheel_disarm(struct wheel *w, uint32_t node)
{
    assert(node != 0 && node <= w->capacity);
    if (w->nodes[node].next == 0)
        return;
    ring_remove(w, node);
    w->armed--;
}

/* The first occupied slot at or after `from` on a level, or NO_SLOT. */
static uint32_t find_occupied(const struct wheel *w, uint32_t level, uint32_t from)
{
    for (uint32_t word = from / 64; word < WHEEL_SLOTS / 64; word++) {
        uint64_t bits = w->occupied[level][word];
        if (word == from / 64)
            bits &= UINT64_MAX << (from % 64);
        if (bits)
            return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return NO_SLOT;
}

/* The level that has a slot whose range w->tick has entered (invariant 2), or 0. */
static uint32_t level_to_cascade(const struct wheel *w)
{
    for (uint32_t level = 1; level < WHEEL_LEVELS; level++)
        if (is_occupied(w, level, slot_of(w->tick, level)))
            return level;
    return 0;
}

struct next_slot {
    uint32_t level, slot;
    uint32_t ahead; /* ticks from w->tick to the beginning of the slot */
};

/* The first slot in time that holds a node, when no cascade is due; false when there is none. */
static bool find_next(const struct wheel *w, struct next_slot *found)
{
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        uint32_t slot = find_occupied(w, level, slot_of(w->tick, level));
        if (slot == NO_SLOT && level == WHEEL_LEVELS - 1)
            slot = find_occupied(w, level, 0);
        if (slot == NO_SLOT)
            continue;
        uint32_t bits = SLOT_BITS * level;
        uint32_t begin = (w->tick >> bits << bits) + ((slot - slot_of(w->tick, level)) << bits);
        *found = (struct next_slot){.level = level, .slot = slot, .ahead = begin - w->tick};
        return true;
    }
    return false;
}

/* Moves w->tick over ticks in which nothing is due. */
static void skip_ticks(struct wheel *w, uint64_t ticks)
{
    uint64_t tick = w->tick + ticks;
    w->origin += (int64_t)((tick >> 32 << 32) << w->shift);
    w->tick = (uint32_t)tick;
}

/* Moves the ring of a level-0 slot, whose tick is w->tick, to the due ring, which is empty. */
static void take_due(struct wheel *w, uint32_t slot)
{
    struct wheel_node *from = &w->nodes[head_of(w, 0, slot)];
    uint32_t head = due_head(w);
    w->nodes[head].next = from->next;
    w->nodes[head].prev = from->prev;
    w->nodes[from->next].prev = head;
    w->nodes[from->prev].next = head;
    ring_reset(w, head_of(w, 0, slot));
    clear_occupied(w, 0, slot);
}

/* Moves nodes down while *moves lasts; false when some are left. */
static bool cascade(struct wheel *w, uint64_t *moves)
{
    uint32_t level = level_to_cascade(w);
    if (level == 0)
        return true;
    uint32_t head = head_of(w, level, slot_of(w->tick, level));
    while (!ring_is_empty(w, head)) {
        if (*moves == 0)
            return false;
        --*moves;
        uint32_t node = w->nodes[head].next;
        prefetch_write(&w->nodes[w->nodes[node].next]);
        ring_remove(w, node);
        place(w, node);
    }
    return true;
}

/* Goes on to the next slot that begins within the *passed ticks, or over all of them when there is none. */
static void step(struct wheel *w, uint64_t *passed)
{
    struct next_slot next;
    if (!find_next(w, &next) || next.ahead >= *passed) {
        skip_ticks(w, *passed);
        *passed = 0;
        return;
    }
    skip_ticks(w, next.ahead);
    *passed -= next.ahead;
    if (next.level == 0) {
        take_due(w, next.slot);
        skip_ticks(w, 1);
        *passed -= 1;
    }
}

/* The first node of the due ring, taken off the wheel. */
static uint32_t pop_due(struct wheel *w)
{
    uint32_t node = w->nodes[due_head(w)].next;
    prefetch_write(&w->nodes[w->nodes[node].next]);
    ring_remove(w, node);
    w->armed--;
    return node;
}

unsigned wheel_advance(struct wheel *w, int64_t now, unsigned budget, wheel_due_fn *due, void *context)
{
    if (now < time_of_due(w))
        return 0;
    uint64_t passed = ticks_passed(w, now);
    uint64_t moves = (uint64_t)budget * MOVES_PER_CALL;
    unsigned called = 0;
    for (;;) {
        for (; !ring_is_empty(w, due_head(w)); called++) {
            if (called == budget)
                return called;
            due(context, pop_due(w), now);
        }
        if (!cascade(w, &moves) || passed == 0)
            return called;
        step(w, &passed);
    }
}

int64_t wheel_next(const struct wheel *w)
{
    struct next_slot next;
    if (!ring_is_empty(w, due_head(w)))
        return time_of_due(w);
    if (level_to_cascade(w) != 0)
        return time_of_tick(w);
    return find_next(w, &next) ? time_ahead(w, next.ahead) : TIME_NEVER;
}
