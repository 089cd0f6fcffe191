/* SPDX-License-Identifier: MIT */
/*
 * Telling who looks on: see watch.h. Why something happened to a frame is what was counted meanwhile, so that every
 * counter is a reason without more ado.
 */
#include "accel/internal.h"
#include "wire/text.h"

static const char *const counter_names[] = {
#define COUNTER_NAME(name) #name,
    ACCEL_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
};
#define COUNTERS ARRAY_SIZE(counter_names)
static_assert(sizeof(struct accel_counters) == COUNTERS * sizeof(uint64_t), "counters and nothing else");

const char *accel_fate_name(enum accel_fate fate)
{
    static const char *const names[ACCEL_FATES] = {"passed", "taken", "held", "released", "dropped", "own"};
    return names[fate];
}

/* The counters that differ; true: one that says the frame was dropped. */
static bool explain(const struct accel_counters *before, const struct accel_counters *now, char why[ACCEL_WHY_TEXT])
{
    uint64_t was[COUNTERS], is[COUNTERS];
    struct text t = text_into(why, ACCEL_WHY_TEXT);
    bool dropped = false;
    memcpy(was, before, sizeof was);
    memcpy(is, now, sizeof is);
    for (unsigned i = 0; i < COUNTERS; i++) {
        if (was[i] == is[i])
            continue;
        if (t.length)
            text_char(&t, ' ');
        text_string(&t, counter_names[i]);
        dropped |= strncmp(counter_names[i], "drop_", 5) == 0 && strcmp(counter_names[i], "drop_no_room") != 0;
    }
    return dropped;
}

static enum accel_side other(enum accel_side side) { return side == ACCEL_CLIENTS ? ACCEL_SERVERS : ACCEL_CLIENTS; }

static void tell(struct accel *a, enum accel_fate fate, enum accel_side to, struct packet *p, int64_t now)
{
    struct accel_watch *w = a->settings.watch;
    char why[ACCEL_WHY_TEXT];
    const bool dropped = explain(&w->before, &a->counters, why);
    if (fate == ACCEL_FATE_TAKEN && dropped)
        fate = ACCEL_FATE_DROPPED;
    w->settles(w->context, &(struct accel_sight){.fate = fate, .to = to, .packet = p, .why = why, .now = now});
}

enum accel_verdict accel_watched(struct accel *a, enum accel_side by, struct packet *p, int64_t now)
{
    static const enum accel_fate fates[] = {
        [ACCEL_DROP] = ACCEL_FATE_TAKEN, [ACCEL_PASS] = ACCEL_FATE_PASSED, [ACCEL_KEPT] = ACCEL_FATE_HELD};
    struct accel_watch *w = a->settings.watch;
    w->arrives(w->context, by, p, now);
    const enum accel_verdict verdict = accel_arrive(a, by, p, now);
    tell(a, fates[verdict], other(by), p, now);
    w->before = a->counters;
    return verdict;
}

void accel_watch_settles(struct accel *a, enum accel_fate fate, enum accel_side to, struct packet *p, int64_t now)
{
    if (unlikely(a->settings.watch))
        tell(a, fate, to, p, now);
}
