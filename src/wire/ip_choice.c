/* SPDX-License-Identifier: MIT */
/*
 * See ip_choice.h. Each rule is a comparison; the first that decides is the answer.
 */
#include "wire/ip_choice.h"

#define SCOPE_LINK 2u
#define SCOPE_SITE 5u
#define SCOPE_GLOBAL 14u

static const struct ip_policy default_rows[] = {
    {{{[15] = 1}}, 128, 50, 0},         /* ::1 */
    {{{0}}, 0, 40, 1},                  /* everything else */
    {{{[10] = 0xff, 0xff}}, 96, 35, 4}, /* IPv4 */
    {{{0x20, 0x02}}, 16, 30, 2},        /* 6to4 */
    {{{0x20, 0x01, 0, 0}}, 32, 5, 5},   /* Teredo */
    {{{0xfc}}, 7, 3, 13},               /* unique local */
    {{{0}}, 96, 1, 3},                  /* IPv4-compatible */
    {{{0xfe, 0xc0}}, 10, 1, 11},        /* site-local */
    {{{0x3f, 0xfe}}, 16, 1, 12},        /* 6bone */
};
const struct ip_policies ip_policies_default = {default_rows, sizeof default_rows / sizeof default_rows[0]};

static struct ip_policy policy_of(const struct ip_policies *policies, const struct ip_addr *a)
{
    struct ip_policy best = {.precedence = 0};
    bool any = false;
    for (size_t i = 0; i < policies->n; i++) {
        const struct ip_policy *p = &policies->rows[i];
        if ((any && p->length <= best.length) || !ip_addr_same_bits(&p->prefix, a, p->length))
            continue;
        best = *p;
        any = true;
    }
    return best;
}

unsigned ip_choice_scope(const struct ip_addr *a)
{
    if (ip_addr_is_v4(a))
        return ip_addr_is_link_local(a) || ip_addr_is_loopback(a) ? SCOPE_LINK : SCOPE_GLOBAL;
    if (a->bytes[0] == 0xff)
        return a->bytes[1] & 0xf;
    if (ip_addr_is_link_local(a) || ip_addr_is_loopback(a))
        return SCOPE_LINK;
    return (load_be16(a->bytes) & 0xffc0u) == 0xfec0u ? SCOPE_SITE : SCOPE_GLOBAL;
}

/* CommonPrefixLen(S, D). */
static unsigned common_bits(const struct ip_source *s, const struct ip_addr *d)
{
    unsigned n = 0;
    while (n < s->bits && ip_addr_same_bits(&s->address, d, n + 1))
        n++;
    return n;
}

/* For what is good to have: -1 when only a has it. */
static int wanted(bool a, bool b) { return (int)b - (int)a; }
/* For what had better be high. */
static int higher(unsigned a, unsigned b) { return a == b ? 0 : a > b ? -1 : 1; }

/* Rule 2: the smallest scope that still reaches the destination. */
static int source_scope(unsigned a, unsigned b, unsigned d)
{
    if (a == b)
        return 0;
    if (a < b)
        return a < d ? 1 : -1;
    return b < d ? -1 : 1;
}

static bool label_matches(const struct ip_policies *policies, const struct ip_addr *source, const struct ip_addr *d)
{
    return policy_of(policies, source).label == policy_of(policies, d).label;
}

/* Rule 4: at home is best, then a home address. */
static int home(const struct ip_source *a, const struct ip_source *b)
{
    int both = wanted(a->home && a->care_of, b->home && b->care_of);
    return both ? both : wanted(a->home && !b->home && b->care_of, b->home && !a->home && a->care_of);
}

int ip_source_compare(const struct ip_policies *policies, const struct ip_source *a, const struct ip_source *b,
                      const struct ip_addr *d)
{
    int order = wanted(ip_addr_equal(&a->address, d), ip_addr_equal(&b->address, d));
    if (!order)
        order = source_scope(ip_choice_scope(&a->address), ip_choice_scope(&b->address), ip_choice_scope(d));
    if (!order)
        order = wanted(!a->deprecated, !b->deprecated);
    if (!order)
        order = home(a, b);
    if (!order)
        order = wanted(a->outgoing, b->outgoing);
    if (!order)
        order = wanted(label_matches(policies, &a->address, d), label_matches(policies, &b->address, d));
    if (!order)
        order = wanted(a->temporary, b->temporary);
    return order ? order : higher(common_bits(a, d), common_bits(b, d));
}

static bool scope_matches(const struct ip_destination *x)
{
    return ip_choice_scope(&x->address) == ip_choice_scope(&x->source.address);
}

/* Rules 1 to 5. */
static int compare_sources(const struct ip_policies *policies, const struct ip_destination *a,
                           const struct ip_destination *b)
{
    int order = wanted(a->usable, b->usable);
    if (order || !a->usable)
        return order;
    order = wanted(scope_matches(a), scope_matches(b));
    if (!order)
        order = wanted(!a->source.deprecated, !b->source.deprecated);
    if (!order)
        order = home(&a->source, &b->source);
    if (!order)
        order = wanted(label_matches(policies, &a->source.address, &a->address),
                       label_matches(policies, &b->source.address, &b->address));
    return order;
}

int ip_destination_compare(const struct ip_policies *policies, const struct ip_destination *a,
                           const struct ip_destination *b)
{
    int order = compare_sources(policies, a, b);
    if (!order)
        order = higher(policy_of(policies, &a->address).precedence, policy_of(policies, &b->address).precedence);
    if (!order)
        order = higher(ip_choice_scope(&b->address), ip_choice_scope(&a->address));
    if (order || !a->usable || ip_addr_is_v4(&a->address) != ip_addr_is_v4(&b->address))
        return order;
    return higher(common_bits(&a->source, &a->address), common_bits(&b->source, &b->address));
}

void ip_destination_sort(const struct ip_policies *policies, struct ip_destination *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct ip_destination moved = list[i];
        size_t at = i;
        for (; at > 0 && ip_destination_compare(policies, &moved, &list[at - 1]) < 0; at--)
            list[at] = list[at - 1];
        list[at] = moved;
    }
}
