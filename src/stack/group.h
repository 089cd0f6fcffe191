/* SPDX-License-Identifier: MIT */
/*
 * Multicast groups: who listens to what, and to which sources. RFC 1112 section 7, RFC 3376 sections 2 and 3, RFC 3810
 * sections 3 and 4. Routers hear of it from group_report.h.
 *
 * A group is an address on a segment; a station is one of our local addresses there (RFC 3376's interface), by its
 * index; a member is a station that listens to a group, or still has to say that it does not. Users (sockets) each want
 * everything but some sources, or some sources alone. They are counted, not kept: by group, which decides what is
 * heard, and by member, which decides what is reported. A source that users name is a record found by {owner, address};
 * those of a member are a list of at most GROUP_MAX_LISTED.
 *
 * Owned by the stack; only its users and its hosts add to it, so the tables are not keyed. Invariants: a member has
 * users, or reports still to send, or is none; a group has members or is none; a station with members is in its
 * segment's list.
 * 224.0.0.1, ff02::1 and solicited-node groups are heard without joining (ipv4_input.c, ipv6_input.c).
 */
#ifndef WEIR_STACK_GROUP_H
#define WEIR_STACK_GROUP_H

#include "base/pool.h"
#include "base/random.h"
#include "base/table.h"
#include "base/wheel.h"
#include "stack/host.h"
#include "wire/group_message.h"

#define GROUP_ALL_HOSTS 0xe0000001u /* 224.0.0.1 */
#define GROUP_MAX_SOURCES 64u       /* of one user */
#define GROUP_MAX_LISTED (2u * GROUP_MAX_SOURCES)

/* How many want everything but some sources, and how many some sources alone. */
struct group_users {
    uint32_t exclude, include;
};

struct group_source {
    uint32_t owner; /* while free, the pool's */
    uint32_t next;  /* of a member's list */
    struct ip_addr ip;
    uint32_t exclude, include; /* users that name it */
    uint8_t tries;             /* reports still to be sent about it */
    bool listed;               /* in the source list of RFC 3376 3.2, as far as reported */
    bool asked;                /* by a query that waits for its answer */
};

struct group {
    uint32_t segment;     /* while free, the pool's */
    uint32_t next_walked; /* a query is being passed on: the next member; 0: none */
    struct ip_addr address;
    struct group_users users;
    uint32_t sources; /* that any user names */
    uint32_t members; /* first, through group_next */
    uint32_t n_members;
    int64_t heard_at; /* somebody else reported it (versions 1 and 2) */
    bool walk_again;
    int64_t walk_delay_ns;
};

struct group_member {
    uint32_t group; /* while free, the pool's */
    uint32_t station;
    uint32_t group_next, group_prev, station_next, station_prev;
    struct group_users users;
    uint32_t sources; /* first of a list */
    uint32_t n_sources;
    bool live;          /* false: free */
    bool excludes;      /* the filter mode, as far as reported */
    bool listens;       /* the same: is there anything it wants to hear? */
    bool asked_sources; /* what is asked about is only the sources that say so */
    uint8_t mode_tries; /* reports still to be sent about the mode, or of versions 1 and 2 about joining */
    uint8_t change_version, answer_version; /* the timer belongs to this version (enum wire_group_version) */
    int64_t change_at, change_set_at;       /* a report of a change; TIME_NEVER */
    int64_t answer_at, answer_set_at;       /* an answer to a query; TIME_NEVER */
    int64_t reported_at;                    /* versions 1 and 2: the last time */
};

struct group_station {
    uint32_t members, n_members; /* first, through station_next */
    uint32_t next, prev;         /* on its segment */
    bool unnamed;                /* it reported from the unspecified address: RFC 3590 */
    uint8_t answer_version;
    int64_t answer_at;      /* of all its groups, to a general query; TIME_NEVER */
    uint32_t next_answered; /* the member with which an answer under way goes on; 0: none */
    int64_t spread_ns;      /* versions 1 and 2: each group answers within that */
};

/* What is known of the querier of one family on a segment. RFC 3376 4.1.6, 4.1.7 and 7.2.1. */
struct group_querier {
    uint32_t stations;    /* first of the segment */
    uint32_t next_walked; /* a general query is being passed on: the next station; 0: none */
    bool walk_again;
    int64_t walk_delay_ns;
    bool unnamed;               /* of some station */
    int64_t v1_until, v2_until; /* older versions are spoken */
    uint32_t interval_s;        /* 0: not known */
    uint8_t robustness;         /* the same */
};

struct group_set {
    struct pool groups, members, sources;
    struct table by_address;        /* {segment, group} */
    struct table by_member;         /* {group, station} */
    struct table by_source;         /* {owner, address} */
    struct table link_locals;       /* {segment, MAC} -> a host with a link-local IPv6 address */
    struct group_station *stations; /* of the host with that index */
    struct group_querier *queriers; /* of segment n: 2 n and, of IPv6, 2 n + 1 */
    uint32_t n_queriers;
    struct wheel wheel; /* members, stations, groups, queriers: group_report.c */
    struct random random;
};

MUST_CHECK int group_set_init(struct stack *s, int64_t now);
void group_set_free(struct stack *s);

static inline struct group *group_at(const struct group_set *set, uint32_t i) { return pool_at(&set->groups, i); }
static inline struct group_member *group_member_at(const struct group_set *set, uint32_t i)
{
    return pool_at(&set->members, i);
}
static inline struct group_station *group_station_at(const struct group_set *set, uint32_t i)
{
    return &set->stations[i];
}
static inline struct group_source *group_source_at(const struct group_set *set, uint32_t i)
{
    return pool_at(&set->sources, i);
}
static inline struct group_querier *group_querier_of(const struct group_set *set, uint32_t segment, bool v6)
{
    return &set->queriers[2 * segment + v6];
}

/* The group's index on a segment, or 0. */
uint32_t group_find(const struct group_set *set, uint32_t segment, const struct ip_addr *address);
/* A host that hears it there, or NULL. */
struct host *group_hearer(struct stack *s, uint32_t segment, const struct ip_addr *address);
/* Does anybody there want to hear this source? True also for what is heard without joining. */
bool group_allows(const struct stack *s, uint32_t segment, const struct ip_addr *group, const struct ip_addr *source);

/* Whether RFC 3376 3.2 has a source in the list of a member: of those excluded, or of those included. */
bool group_source_is_listed(const struct group_member *m, const struct group_source *source);
/* A source of a member, found or made; 0: there is no room. */
uint32_t group_source_open(struct group_set *set, uint32_t member, const struct ip_addr *ip);
/* Forgets sources of a member that nobody names and nothing has to be said of, and the member when the same is true of it. */
void group_member_settle(struct stack *s, uint32_t member);

/* A host came: its solicited-node group where such are reported. And it is gone: it listens to nothing. */
void group_host_added(struct stack *s, const struct host *h);
void group_host_removed(struct stack *s, const struct host *h);
/* Its address may be used from now on. */
void group_host_ready(struct stack *s, const struct host *h);
/* Can MLD messages come from its address? */
static inline bool group_speaks_as(const struct host *h)
{
    return ip_addr_is_link_local(&h->ip) && h->state == HOST_USABLE;
}
/*
 * The host from whose address a station reports: itself, with IPv6 the link-local one of its MAC where there is one.
 * NULL: an IPv4 address that is not ours yet.
 */
struct host *group_speaker(const struct stack *s, uint32_t station);

#endif
