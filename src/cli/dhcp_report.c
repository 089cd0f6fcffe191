/* SPDX-License-Identifier: MIT */
/*
 * What `weir dhcp client` found out, as a table and as JSON.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/histogram.h"
#include "base/time_ns.h"
#include "cli/dhcp.h"
#include "cli/output.h"
#include "config/json.h"
#include "wire/eth.h"

#define JSON_INDENT 2u
#define MOST_ROWS 50u

static const char *const latency_names[DHCP_LATENCIES] = {"offer", "ack", "bound", "renew"};
static const char *const latency_texts[DHCP_LATENCIES] = {"discover to offer", "request to ack", "begin to bound",
                                                          "renewal"};
static const struct {
    const char *name;
    uint32_t ppm;
} quantiles[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p999", 999000}};

struct words {
    char text[IP_ADDR_PREFIX_TEXT];
};

static struct words address_text(const struct ip_addr *a)
{
    struct words w = {"-"};
    if (!ip_addr_is_unspecified(a))
        ip_addr_print(w.text, sizeof w.text, a);
    return w;
}

static struct words leased_text(const struct dhcp_view *v)
{
    struct words w = {"-"};
    struct ip_prefix p = {.addr = v->address, .length = v->prefix_length};
    if (!ip_addr_is_unspecified(&v->address))
        ip_prefix_print(w.text, sizeof w.text, &p);
    return w;
}

static struct words prefix_text(const struct ip_prefix *p)
{
    struct words w = {"-"};
    if (p->length > 0)
        ip_prefix_print(w.text, sizeof w.text, p);
    return w;
}

static double ms(int64_t ns) { return (double)ns / (double)NS_PER_MS; }

/* Clients that got a lease, a second, from the first one's begin to the last one's lease. */
static double rate(const struct dhcp_totals *t)
{
    return t->last_bound_ns > 0
               ? (double)t->latencies[DHCP_LATENCY_BOUND].count / ((double)t->last_bound_ns / (double)NS_PER_S)
               : 0;
}

/* ---- text ---- */

static void print_row(const struct dhcp_totals *t, uint32_t i)
{
    struct dhcp_view v;
    char mac[WIRE_ETH_ADDR_TEXT];
    const struct dhcp_steps *s = &t->steps[i];
    dhcp_clients_view(t->clients, i, &v);
    wire_eth_addr_print(mac, sizeof mac, v.mac);
    printf("%-17s  %-10s  %-*s  ", mac, v.state, t->v6 ? 28 : 18, leased_text(&v).text);
    printf("%-*s  ", t->v6 ? 28 : 15, t->v6 ? prefix_text(&v.delegated).text : address_text(&v.router).text);
    if (v.bound)
        printf("%8u  ", v.lease_s);
    else
        printf("%8s  ", "-");
    const int64_t at[] = {s->offer_ns, s->ack_ns, s->bound_ns};
    for (unsigned k = 0; k < ARRAY_SIZE(at); k++) {
        if (at[k] >= 0)
            printf("%10.3f", ms(at[k] - s->began_ns));
        else
            printf("%10s", "-");
    }
    putchar('\n');
}

static void print_latency(const struct dhcp_totals *t, unsigned which)
{
    const struct histogram *h = &t->latencies[which];
    if (h->count == 0)
        return;
    printf("%-17s  min %.3f  mean %.3f", latency_texts[which], ms((int64_t)h->min), ms((int64_t)histogram_mean(h)));
    for (unsigned i = 0; i < ARRAY_SIZE(quantiles); i++)
        printf("  %s %.3f", quantiles[i].name, ms((int64_t)histogram_quantile(h, quantiles[i].ppm)));
    printf("  max %.3f ms\n", ms((int64_t)h->max));
}

void dhcp_report_print(const struct dhcp_totals *t)
{
    uint32_t rows = min_u32(t->count, MOST_ROWS);
    printf("\n%-17s  %-10s  %-*s  %-*s  %8s  %10s%10s%10s\n", "mac", "state", t->v6 ? 28 : 18, "address",
           t->v6 ? 28 : 15, t->v6 ? "prefix" : "router", "lease s", "offer ms", "ack ms", "bound ms");
    for (uint32_t i = 0; i < rows; i++)
        print_row(t, i);
    if (rows < t->count)
        printf("and %u more\n", t->count - rows);
    printf("\n%u of %u clients have a lease", t->bound, t->count);
    if (t->last_bound_ns > 0)
        printf(", %.3f a second", rate(t));
    printf("; renewed %" PRIu64 ", lost %" PRIu64 ", conflicts %" PRIu64 "\n", t->renewed, t->lost, t->conflicts);
    for (unsigned i = 0; i < DHCP_LATENCIES; i++)
        print_latency(t, i);
}

/* ---- JSON ---- */

static void put_address(struct json_writer *w, const char *name, const struct ip_addr *a)
{
    if (!ip_addr_is_unspecified(a))
        json_member_string(w, name, address_text(a).text);
}

static void put_step(struct json_writer *w, const char *name, int64_t ns)
{
    if (ns >= 0)
        json_member_i64(w, name, ns);
}

static void put_dns(struct json_writer *w, const struct dhcp_view *v)
{
    json_key(w, "dns");
    json_begin_array(w);
    for (unsigned i = 0; i < ARRAY_SIZE(v->dns); i++)
        if (!ip_addr_is_unspecified(&v->dns[i]))
            json_put_string(w, address_text(&v->dns[i]).text);
    json_end_array(w);
}

static void put_values(struct json_writer *w, const struct dhcp_totals *t, const struct dhcp_view *v)
{
    put_address(w, "address", &v->address);
    if (!ip_addr_is_unspecified(&v->address))
        json_member_u64(w, "prefix_length", v->prefix_length);
    if (v->delegated.length > 0)
        json_member_string(w, "delegated", prefix_text(&v->delegated).text);
    put_address(w, "router", &v->router);
    put_address(w, "server", &v->server);
    if (!t->v6)
        put_dns(w, v);
    if (v->mtu)
        json_member_u64(w, "mtu", v->mtu);
    json_member_u64(w, "lease_s", v->lease_s);
    json_member_u64(w, "t1_s", v->t1_s);
    json_member_u64(w, "t2_s", v->t2_s);
    if (v->expires_ns != TIME_NEVER)
        json_member_double(w, "ends_in_s", (double)(v->expires_ns - t->now) / (double)NS_PER_S);
}

static void put_lease(struct json_writer *w, const struct dhcp_totals *t, uint32_t i)
{
    struct dhcp_view v;
    char mac[WIRE_ETH_ADDR_TEXT];
    const struct dhcp_steps *s = &t->steps[i];
    dhcp_clients_view(t->clients, i, &v);
    wire_eth_addr_print(mac, sizeof mac, v.mac);
    json_begin_object(w);
    json_member_string(w, "mac", mac);
    json_member_string(w, "state", v.state);
    json_member_bool(w, "bound", v.bound);
    if (v.bound)
        put_values(w, t, &v);
    json_member_object(w, "at_ns");
    put_step(w, "began", s->began_ns);
    put_step(w, "offer", s->offer_ns);
    put_step(w, "ack", s->ack_ns);
    put_step(w, "bound", s->bound_ns);
    json_end_object(w);
    json_end_object(w);
}

static void put_latency(struct json_writer *w, const struct dhcp_totals *t, unsigned which)
{
    const struct histogram *h = &t->latencies[which];
    if (h->count == 0)
        return;
    json_member_object(w, latency_names[which]);
    json_member_u64(w, "count", h->count);
    json_member_u64(w, "min", h->min);
    json_member_u64(w, "mean", histogram_mean(h));
    for (unsigned i = 0; i < ARRAY_SIZE(quantiles); i++)
        json_member_u64(w, quantiles[i].name, histogram_quantile(h, quantiles[i].ppm));
    json_member_u64(w, "max", h->max);
    json_end_object(w);
}

static void put_counters(struct json_writer *w, const struct dhcp_totals *t)
{
    json_member_object(w, "counters");
    if (t->v6) {
        const struct dhcp6_client_counters *c = dhcp_clients_counters6(t->clients);
#define PUT(name, text) json_member_u64(w, #name, c->name);
        DHCP6_CLIENT_COUNTER_LIST(PUT)
    } else {
        const struct dhcp4_client_counters *c = dhcp_clients_counters4(t->clients);
        DHCP4_CLIENT_COUNTER_LIST(PUT)
#undef PUT
    }
    json_member_u64(w, "unsent", dhcp_clients_counters(t->clients)->unsent);
    json_end_object(w);
}

static void put_totals(struct json_writer *w, const struct dhcp_totals *t)
{
    json_begin_object(w);
    json_member_u64(w, "schema", 1);
    json_member_string(w, "location", t->location);
    json_member_string(w, "family", t->v6 ? "ipv6" : "ipv4");
    json_member_u64(w, "clients", t->count);
    json_member_u64(w, "bound", t->bound);
    json_member_u64(w, "renewed", t->renewed);
    json_member_u64(w, "lost", t->lost);
    json_member_u64(w, "conflicts", t->conflicts);
    json_member_u64(w, "refused", t->refused);
    json_member_double(w, "leases_per_second", rate(t));
    json_member_object(w, "latency_ns");
    for (unsigned i = 0; i < DHCP_LATENCIES; i++)
        put_latency(w, t, i);
    json_end_object(w);
    put_counters(w, t);
    json_key(w, "leases");
    json_begin_array(w);
    for (uint32_t i = 0; i < t->count; i++)
        put_lease(w, t, i);
    json_end_array(w);
    json_end_object(w);
}

int dhcp_report_json(const struct dhcp_totals *t, struct output *to)
{
    struct json_writer w;
    output_begin(to);
    json_writer_init(&w, output_sink, to, JSON_INDENT);
    put_totals(&w, t);
    if (json_finish(&w) < 0)
        to->failed = true;
    return output_finish(to);
}
