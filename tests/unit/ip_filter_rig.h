/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the packet filter share: a filter with rules, packets made of texts and numbers, and a TCP
 * connection between INSIDE and OUTSIDE whose segments are made as two honest ends would.
 */
#ifndef WEIR_TESTS_UNIT_IP_FILTER_RIG_H
#define WEIR_TESTS_UNIT_IP_FILTER_RIG_H

#include "stack/ip_filter.h"
#include "support/counting_alloc.h"
#include "wire/tcp.h"

#define INSIDE "10.0.0.1"
#define OUTSIDE "192.0.2.1"

struct filter_rig {
    struct counting_alloc memory;
    struct ip_filter *filter;
    struct ip_filter_rules *rules;
    int64_t now;
};

void filter_init(struct filter_rig *r, uint32_t connections);
void filter_free(struct filter_rig *r);
/* Compiles rules, with the same default for all directions, and puts them in the place of those before. */
void filter_load(struct filter_rig *r, const struct ip_filter_rule *rules, uint32_t n,
                 enum ip_filter_verdict otherwise);
/*
 * Established and related pass; new ones pass from 10.0.0.0/8, and TCP to INSIDE's port 80; all else is dropped. Rule
 * numbers are 0, 1, 2.
 */
void filter_load_stateful(struct filter_rig *r);
enum ip_filter_verdict filter_judge(struct filter_rig *r, const struct ip_filter_packet *p);
/* That it is accepted, or dropped by the default. */
void filter_passes(struct filter_rig *r, const struct ip_filter_packet *p);
void filter_drops(struct filter_rig *r, const struct ip_filter_packet *p);
/* The class, or -1. */
int filter_class(struct filter_rig *r, const struct ip_filter_packet *p);

struct ip_addr filter_address(const char *text);
struct ip_prefix filter_prefix(const char *text);
/* FORWARD, 100 bytes long. */
struct ip_filter_packet filter_packet(uint8_t protocol, const char *source, uint16_t source_port,
                                      const char *destination, uint16_t destination_port);
struct ip_filter_packet filter_echo(const char *source, const char *destination, uint16_t id, bool request);
/* An unreachable from `router` to who sent p, about p. */
struct ip_filter_packet filter_error(const char *router, const struct ip_filter_packet *p);

/* One of two ends. */
struct talker {
    const char *address;
    uint16_t port, window;
    uint8_t shift; /* + 1, as in ip_filter_packet */
    uint32_t next; /* SND.NXT */
};

/* ends[0] opens. */
struct talk {
    struct talker ends[2];
};

/* From INSIDE:40000 to OUTSIDE:80; numbers begin just under 2^32. */
struct talk talk_of(uint16_t port);
/* The segment that end `from` sends next; its number advances. TCP_ACK acknowledges all that the other sent. */
struct ip_filter_packet talk_send(struct talk *t, unsigned from, uint16_t flags, uint32_t payload);
/* SYN, SYN-ACK, ACK, all of which pass. */
void talk_open(struct filter_rig *r, struct talk *t);

#endif
