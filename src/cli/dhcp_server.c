/* SPDX-License-Identifier: MIT */
/*
 * `weir dhcp server`: serves what a configuration says, and shows the leases: on a terminal as a table that is renewed
 * each second, elsewhere as a line whenever something changed, and at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/dhcp.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "config/json.h"
#include "dhcp/server_config.h"
#include "dhcp/servers.h"
#include "engine/clock.h"
#include "engine/solo.h"
#include "wire/eth.h"

#define MOST_ROWS 30u
#define SHOW_EVERY_NS NS_PER_S
#define DUID_LEN 10u

struct serving {
    const struct dhcp_options *options;
    struct input input;
    struct config_tree *tree;
    struct dhcp_server_config config;
    struct dhcp_server_plan plan;
    struct plan_port port;
    struct solo solo;
    struct dhcp4_serving *v4;
    struct dhcp6_serving *v6;
    struct output json;
    uint8_t mac[6], duid[DUID_LEN];
    uint64_t shown; /* sum of the counters at the last line */
    unsigned lines; /* of the table on the terminal */
    bool silent;
};

/* ---- leases ---- */

static const char *state_name(uint8_t state)
{
    static const char *const names[] = {"free", "offered", "bound", "declined", "remembered"};
    return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

struct lease_row {
    char address[IP_ADDR_PREFIX_TEXT], mac[WIRE_ETH_ADDR_TEXT];
    const char *state;
    double left_s; /* negative: for ever */
};

static struct lease_row row_of(const struct lease_binding *b, int64_t now)
{
    struct lease_row r = {.mac = "-", .state = state_name(b->state), .left_s = -1};
    if (!wire_eth_is_zero(b->mac))
        wire_eth_addr_print(r.mac, sizeof r.mac, b->mac);
    if (b->expires_ns != TIME_NEVER)
        r.left_s = (double)max_i64(b->expires_ns - now, 0) / (double)NS_PER_S;
    return r;
}

typedef void row_fn(void *context, const struct lease_row *row);

static void for_each_lease(const struct serving *v, row_fn *seen, void *context)
{
    int64_t now = clock_now();
    const struct lease_binding *b;
    if (v->v4)
        for (uint32_t at = 0; (b = lease_table_next(dhcp4_server_leases(dhcp4_serving_server(v->v4)), &at)) != NULL;) {
            struct lease_row row = row_of(b, now);
            ipv4_addr_print(row.address, sizeof row.address, b->address);
            seen(context, &row);
        }
    if (v->v6)
        for (uint32_t at = 0; (b = lease_table_next(dhcp6_server_leases(dhcp6_serving_server(v->v6)), &at)) != NULL;) {
            struct lease_row row = row_of(b, now);
            struct ip_prefix p = dhcp6_server_leased(dhcp6_serving_server(v->v6), b);
            ip_prefix_print(row.address, sizeof row.address, &p);
            seen(context, &row);
        }
}

struct tally {
    uint64_t rows, bound, offered, declined;
    bool print;
};

static void tally_row(void *context, const struct lease_row *r)
{
    struct tally *t = context;
    t->rows++;
    t->bound += strcmp(r->state, "bound") == 0;
    t->offered += strcmp(r->state, "offered") == 0;
    t->declined += strcmp(r->state, "declined") == 0;
    if (!t->print || t->rows > MOST_ROWS)
        return;
    printf("%-43s  %-17s  %-10s  ", r->address, r->mac, r->state);
    if (r->left_s < 0)
        puts(strcmp(r->state, "remembered") == 0 ? "-" : "for ever");
    else
        printf("%.0f s\n", r->left_s);
}

static struct tally print_table(const struct serving *v)
{
    struct tally t = {.print = true};
    printf("%-43s  %-17s  %-10s  %s\n", "leased", "mac", "state", "ends in");
    for_each_lease(v, tally_row, &t);
    if (t.rows > MOST_ROWS)
        printf("and %" PRIu64 " more\n", t.rows - MOST_ROWS);
    return t;
}

static void print_sum(const struct serving *v, const struct tally *t)
{
    printf("%" PRIu64 " bound, %" PRIu64 " offered, %" PRIu64 " declined", t->bound, t->offered, t->declined);
    if (v->v4) {
        const struct dhcp4_server_counters *c = dhcp4_server_counters(dhcp4_serving_server(v->v4));
        printf("; v4: offers %" PRIu64 ", acks %" PRIu64 ", naks %" PRIu64 ", releases %" PRIu64 ", declines %" PRIu64,
               c->offers, c->acks, c->naks, c->releases, c->declines);
    }
    if (v->v6) {
        const struct dhcp6_server_counters *c = dhcp6_server_counters(dhcp6_serving_server(v->v6));
        printf("; v6: advertises %" PRIu64 ", replies %" PRIu64 ", released %" PRIu64 ", declined %" PRIu64,
               c->advertises, c->replies, c->released, c->declined);
    }
    putchar('\n');
}

/* ---- what is shown meanwhile ---- */

static uint64_t activity(const struct serving *v)
{
    uint64_t n = 0;
    n += v->v4 ? dhcp4_serving_counters(v->v4)->received : 0;
    n += v->v6 ? dhcp6_serving_counters(v->v6)->received : 0;
    return n;
}

static void show_table(struct serving *v)
{
    if (v->lines > 0)
        printf("\033[%uA\033[J", v->lines);
    struct tally t = print_table(v);
    print_sum(v, &t);
    v->lines = 2 + (unsigned)(t.rows > MOST_ROWS ? MOST_ROWS + 1 : t.rows);
    fflush(stdout);
}

static void show(struct serving *v)
{
    uint64_t now = activity(v);
    if (v->silent || v->options->quiet)
        return;
    if (isatty(STDOUT_FILENO)) {
        show_table(v);
    } else if (now != v->shown) {
        struct tally t = {.print = false};
        for_each_lease(v, tally_row, &t);
        print_sum(v, &t);
        fflush(stdout);
    }
    v->shown = now;
}

/* ---- JSON ---- */

static void put_row(void *context, const struct lease_row *r)
{
    struct json_writer *w = context;
    json_begin_object(w);
    json_member_string(w, "leased", r->address);
    if (r->mac[0] != '-')
        json_member_string(w, "mac", r->mac);
    json_member_string(w, "state", r->state);
    if (r->left_s >= 0)
        json_member_double(w, "ends_in_s", r->left_s);
    json_end_object(w);
}

static void put_counters(struct json_writer *w, const struct serving *v)
{
    if (v->v4) {
        const struct dhcp4_server_counters *c = dhcp4_server_counters(dhcp4_serving_server(v->v4));
        json_member_object(w, "ipv4");
#define PUT(name, text) json_member_u64(w, #name, c->name);
        DHCP4_SERVER_COUNTER_LIST(PUT)
        json_end_object(w);
    }
    if (v->v6) {
        const struct dhcp6_server_counters *c = dhcp6_server_counters(dhcp6_serving_server(v->v6));
        json_member_object(w, "ipv6");
        DHCP6_SERVER_COUNTER_LIST(PUT)
#undef PUT
        json_end_object(w);
    }
}

static int write_json(struct serving *v)
{
    struct json_writer w;
    output_begin(&v->json);
    json_writer_init(&w, output_sink, &v->json, 2);
    json_begin_object(&w);
    json_member_u64(&w, "schema", 1);
    json_member_string(&w, "location", v->config.location);
    put_counters(&w, v);
    json_key(&w, "leases");
    json_begin_array(&w);
    for_each_lease(v, put_row, &w);
    json_end_array(&w);
    json_end_object(&w);
    if (json_finish(&w) < 0)
        v->json.failed = true;
    return output_finish(&v->json);
}

/* ---- the configuration ---- */

static int print_errors(const struct config_errors *errors)
{
    uint32_t listed = config_errors_listed(errors);
    for (uint32_t i = 0; i < listed; i++)
        fprintf(stderr, "%s\n", errors->list[i].text);
    if (errors->count > listed)
        complain("and %u more problems", errors->count - listed);
    return EXIT_USAGE;
}

static int parse(struct serving *v, const char *file)
{
    struct config_error error;
    int result = input_read(&v->input, file, config_limits_default().input_bytes);
    if (result != EXIT_MET)
        return result;
    int e = config_tree_parse(v->input.name, v->input.bytes, v->input.length, &v->tree, &error);
    for (uint32_t i = 0; e == 0 && i < v->options->sets.count; i++)
        e = config_set(v->tree, v->options->sets.list[i], &error);
    if (e == 0)
        return EXIT_MET;
    fprintf(stderr, "%s\n", error.text);
    return e == ERR_NO_MEMORY ? EXIT_REFUSED : EXIT_USAGE;
}

static int read_config(struct serving *v, const char *file)
{
    struct config_errors errors = {0};
    char message[256];
    int result = parse(v, file);
    if (result != EXIT_MET)
        return result;
    if (config_bind(config_tree_root(v->tree), &dhcp_server_schema, &v->config, &errors) < 0)
        return print_errors(&errors);
    if (plan_port_default(v->config.location, &v->port, message) < 0 || !plan_port_is_ethernet(&v->port))
        config_errors_add(&errors, v->config.node, "location", "found \"%.60s\", allowed " DHCP_LOCATIONS,
                          v->config.location);
    int e = dhcp_server_plan_make(&v->config, alloc_heap(), &v->plan, &errors);
    if (errors.count > 0)
        return print_errors(&errors);
    v->port.netns = v->config.netns;
    if (v->config.kernel_address_given) {
        v->port.address = v->config.kernel_address.address;
        v->port.prefix_length = v->config.kernel_address.length;
    }
    return e < 0 ? EXIT_REFUSED : EXIT_MET;
}

/* ---- the servers ---- */

static int add_host(struct serving *v, struct ip_addr address, uint8_t length)
{
    struct host_settings h = {.address = address,
                              .prefix_length = length,
                              .vlan_count = v->config.vlan > 0,
                              .vlan = {{.tpid = ETHERTYPE_VLAN, .tci = v->config.vlan}}};
    memcpy(h.mac, v->mac, sizeof h.mac);
    return stack_add_host(v->solo.stack, &h);
}

static int start4(struct serving *v)
{
    int local = add_host(v, ip_addr_from_v4(v->config.address.address), v->config.address.length);
    if (local < 0)
        return local;
    const struct dhcp_server_place place = {.stack = v->solo.stack, .local = (uint32_t)local, .vlan = v->config.vlan};
    if (getrandom(&v->plan.v4.key, sizeof v->plan.v4.key, 0) != sizeof v->plan.v4.key)
        return ERR_SYSTEM;
    return dhcp4_serving_new(&place, &v->plan.v4, alloc_heap(), clock_now(), &v->v4);
}

static int start6(struct serving *v)
{
    int near = add_host(v, ip_addr_link_local(v->mac), 64);
    if (near < 0)
        return near;
    int other = v->config.address6_given
                    ? add_host(v, ip_addr_from_v6(v->config.address6.address), v->config.address6.length)
                    : 0;
    if (other < 0)
        return other;
    const struct dhcp_server_place place = {.stack = v->solo.stack, .local = (uint32_t)near, .vlan = v->config.vlan};
    store_be32(v->duid, 3u << 16 | 1); /* DUID-LL, Ethernet */
    memcpy(v->duid + 4, v->mac, sizeof v->mac);
    v->plan.v6.duid = v->duid;
    v->plan.v6.duid_len = sizeof v->duid;
    if (getrandom(&v->plan.v6.key, sizeof v->plan.v6.key, 0) != sizeof v->plan.v6.key)
        return ERR_SYSTEM;
    return dhcp6_serving_new(&place, &v->plan.v6, alloc_heap(), clock_now(), &v->v6);
}

static int start(struct serving *v)
{
    char message[256];
    const struct solo_needs needs = {.addresses = 0};
    int e = solo_open(&v->solo, &v->port, &needs, message);
    if (e < 0) {
        complain("dhcp: %s", message);
        return exit_code_of(e);
    }
    memcpy(v->mac, v->config.mac_given ? v->config.mac : v->solo.link->mac, sizeof v->mac);
    if (v->config.ipv4)
        e = start4(v);
    if (e >= 0 && v->config.ipv6)
        e = start6(v);
    if (e >= 0)
        return EXIT_MET;
    complain("dhcp: %s: %s: found settings that no server can have (addresses of the server outside of every subnet "
             "or in two places, pools that overlap, two reservations of one address or client), or no memory",
             v->input.name, err_text(e));
    return exit_code_of(e);
}

static int64_t deadline(const struct serving *v)
{
    int64_t at = TIME_NEVER;
    if (v->v4)
        at = min_i64(at, dhcp4_serving_deadline(v->v4));
    return v->v6 ? min_i64(at, dhcp6_serving_deadline(v->v6)) : at;
}

static void turn(struct serving *v)
{
    int64_t now = clock_now();
    if (v->v4)
        dhcp4_serving_turn(v->v4, now);
    if (v->v6)
        dhcp6_serving_turn(v->v6, now);
    unsigned moved = solo_turn(&v->solo, now);
    solo_rest(&v->solo, moved, deadline(v));
}

static int serve(struct serving *v)
{
    int64_t end = v->options->hold_ns ? clock_now() + v->options->hold_ns : TIME_NEVER, next = clock_now();
    interrupt_install(-1);
    if (!v->silent)
        printf("DHCP on %s%s%s\n", v->config.location, v->v4 ? ", IPv4" : "", v->v6 ? ", IPv6" : "");
    fflush(stdout);
    while (interrupt_count() == 0 && clock_now() < end) {
        turn(v);
        if (clock_now() < next)
            continue;
        show(v);
        next += SHOW_EVERY_NS;
    }
    if (!v->silent) {
        struct tally t = print_table(v);
        print_sum(v, &t);
    }
    if (v->json.file && write_json(v) != EXIT_MET)
        return EXIT_REFUSED;
    return flush_standard_output();
}

static void close_all(struct serving *v)
{
    dhcp4_serving_delete(v->v4);
    dhcp6_serving_delete(v->v6);
    solo_close(&v->solo);
    output_abandon(&v->json);
    dhcp_server_plan_free(&v->plan);
    config_tree_free(v->tree);
    input_free(&v->input);
}

int dhcp_server_run(const struct dhcp_options *o, const char *file)
{
    struct serving *v = calloc(1, sizeof *v);
    if (!v)
        return EXIT_REFUSED;
    v->options = o;
    int result = read_config(v, file);
    if (result == EXIT_MET && !o->check)
        result = output_open(&v->json, o->json);
    v->silent = v->json.file == stdout;
    if (result == EXIT_MET && !o->check)
        result = start(v);
    if (result == EXIT_MET && !o->check)
        result = serve(v);
    close_all(v);
    free(v);
    return result;
}
