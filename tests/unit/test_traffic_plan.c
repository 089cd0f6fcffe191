/* SPDX-License-Identifier: MIT */
/*
 * Plans: what a good configuration compiles to, and the exact message for everything that can be wrong with one.
 * Each faulty configuration is the good one with something set, as by `--set`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l7/http1.h"
#include "support/cmocka_all.h"
#include "support/traffic_rig.h"
#include "traffic/plan_private.h"
#include "unit/traffic_plan_faults.h"

static const char good[] =
    "ports:\n"
    "  - {name: left, location: \"mem:wire\"}\n"
    "  - {name: right, location: \"mem:wire\"}\n"
    "  - {name: up, location: \"packet:eth7\", netns: /run/netns/a, guard: {allowed: [192.0.2.0/24, 198.18.0.0/15]}}\n"
    "devices:\n"
    "  - {name: servers, port: right, ipv4: {address: 10.0.2.1/16}, count: 4}\n"
    "  - {name: clients, port: left, ipv4: {address: 10.0.1.1/16}, count: 250}\n"
    "  - {name: far, port: up, ipv4: {address: 192.0.2.10/24, gateway: 192.0.2.1}, count: 3, step: 2, mac: "
    "\"02:00:00:00:00:fe\"}\n"
    "loads:\n"
    "  - name: web\n"
    "    client: clients\n"
    "    server:\n"
    "      device: servers\n"
    "      http:\n"
    "        routes:\n"
    "          - {path: /a, size: 1KiB}\n"
    "          - {path: /b/*, sizes: [{size: 1KiB, weight: 3}, {size: 1MiB}]}\n"
    "          - {path: /echo, echo: true, methods: [post, put]}\n"
    "    http:\n"
    "      urls:\n"
    "        - {path: /a, weight: 3}\n"
    "        - {path: /b/c}\n"
    "    schedule:\n"
    "      - {ramp: 2s, transactions_per_second: 1000}\n"
    "      - {hold: 3s}\n"
    "  - name: outside\n"
    "    client: [far]\n"
    "    server: {address: 198.18.0.1, port: 8080}\n"
    "    http: {urls: [{path: /x, length: 10, digest: 0xff}]}\n"
    "    max_transactions: 20k\n"
    "    schedule: [{hold: 1s, connections_per_second: 0.5}]\n";

/* ---- good plans ---- */

static void options_of_ports_to_the_kernel_are_taken_over(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile("ports:\n"
                                 "  - {name: a, location: \"tap:weir0\", netns: /run/netns/b, address: 10.1.2.3/25, "
                                 "offload: {tso: false, uso: false}}\n"
                                 "  - {name: b, location: \"packet:eth0\", offload: {rx_checksum: false, "
                                 "gro: false}}\n"
                                 "  - {name: c, location: \"packet:eth1\"}\n"
                                 "  - {name: e, location: \"packet:eth2\", offload: {tx_checksum: false, tso: false}}\n"
                                 "devices: [{name: d, port: a, ipv4: {address: 10.1.2.4/25}}]\n"
                                 "loads: [{name: l, client: d, server: {address: 10.1.2.3}, http: {urls: [{path: /}]}, "
                                 "schedule: [{hold: 1s, concurrent: 1}]}]\n",
                                 &tree);
    const struct plan_port *a = &p->ports[0], *b = &p->ports[1], *c = &p->ports[2], *e = &p->ports[3];
    assert_int_equal(a->kind, PLAN_TAP);
    assert_string_equal(a->target, "weir0");
    assert_string_equal(a->netns, "/run/netns/b");
    assert_int_equal(a->address, 0x0a010203);
    assert_int_equal(a->prefix_length, 25);
    assert_true(a->rx_checksum && a->tx_checksum && a->gro && !a->tso && !a->uso);
    assert_true(!b->rx_checksum && b->tx_checksum && !b->gro && b->tso && b->uso);
    assert_true(c->rx_checksum && c->tx_checksum && c->gro && c->tso && c->uso && c->address == 0);
    assert_true(e->rx_checksum && !e->tx_checksum && e->gro && !e->tso && !e->uso);
    plan_free(p);
    config_tree_free(tree);
}

static void hosts_of_a_trunk_name_their_network(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p =
        rig_compile("ports: [{name: a, netns: /run/netns/b, location: "
                    "\"tunnel:vxlan,vni=5,vnis=4095-8191,local=10.0.0.1/24,remote=10.0.0.2,over=packet:e\"}]\n"
                    "devices:\n"
                    "  - {name: own, port: a, ipv4: {address: 10.1.2.3/24}}\n"
                    "  - {name: named, port: a, vni: 5, ipv4: {address: 10.1.2.4/24}}\n"
                    "  - {name: first, port: a, vni: 4095, ipv4: {address: 10.1.2.4/24}}\n"
                    "  - {name: last, port: a, vni: 8191, ipv4: {address: 10.1.2.4/24}}\n"
                    "loads: [{name: l, client: own, server: {address: 10.1.2.9}, http: {urls: [{path: /}]}, "
                    "schedule: [{hold: 1s, concurrent: 1}]}]\n",
                    &tree);
    static const uint32_t vnis[] = {0, 0, 4095, 8191};
    assert_string_equal(p->ports[0].netns, "/run/netns/b");
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(p->devices[i].vni, vnis[i]);
        assert_int_equal(p->devices[i].vlan_count, 0);
    }
    plan_free(p);
    config_tree_free(tree);
}

static void ports_devices_and_shares_are_laid_out(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);

    assert_int_equal(p->n_ports, 3);
    assert_int_equal(p->ports[0].peer, 1);
    assert_int_equal(p->ports[1].peer, 0);
    assert_int_equal(p->ports[2].peer, PLAN_NONE);
    assert_string_equal(p->ports[2].target, "eth7");
    assert_string_equal(p->ports[2].netns, "/run/netns/a");
    assert_int_equal(p->ports[0].guard.n_allowed, 0);
    assert_int_equal(p->ports[2].guard.n_allowed, 2);
    assert_int_equal(p->ports[2].max_duration_ns, TIME_NEVER);

    /* devices in the order of their ports */
    assert_string_equal(p->devices[0].name, "clients");
    assert_string_equal(p->devices[1].name, "servers");
    assert_string_equal(p->devices[2].name, "far");
    assert_int_equal(p->ports[0].n_hosts, 250);
    assert_int_equal(p->devices[0].ranges[0].first_local, 1);
    const struct ip_addr far = plan_range_address(&p->devices[2], &p->devices[2].ranges[0], 2);
    assert_int_equal(ip_addr_to_v4(&far), 0xc000020e);

    uint8_t mac[6];
    plan_device_mac(&p->devices[0], 1, mac);
    assert_memory_equal(mac, ((uint8_t[]){2, 0, 10, 0, 1, 2}), 6);
    plan_device_mac(&p->devices[2], 2, mac);
    assert_memory_equal(mac, ((uint8_t[]){2, 0, 0, 0, 1, 0}), 6);
    plan_free(p);
    config_tree_free(tree);
}

static void loads_know_their_servers_and_defaults(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    const struct plan_load *web = &p->loads[0], *outside = &p->loads[1];

    assert_int_equal(p->n_servers, 1);
    assert_int_equal(web->server, 0);
    assert_int_equal(web->server_hosts, 4);
    assert_int_equal(web->server_port, 80);
    assert_int_equal(web->schedule.n_phases, 2);
    assert_int_equal(web->schedule.count, 1000 + 3000);
    assert_int_equal(web->max_connections, 1000);
    assert_int_equal(web->requests_per_connection, 0);
    assert_int_equal(web->backlog, 1000);
    assert_int_equal(web->total_weight, 4);
    assert_string_equal(web->requests[0].label, "GET /a");
    assert_string_equal(web->requests[0].checks, "status 200, 1024 bytes, digest");
    assert_string_equal(web->requests[1].checks, "status 200");
    assert_int_equal(p->servers[0].max_connections, 1000 + 250 + 256);
    assert_true(p->servers[0].has_clients);

    assert_int_equal(outside->server_device, PLAN_NONE);
    assert_int_equal(outside->server, PLAN_NONE);
    assert_int_equal(outside->server_port, 8080);
    assert_int_equal(outside->requests_per_connection, 1);
    assert_int_equal(outside->schedule.count, 1);
    assert_string_equal(outside->requests[0].checks, "status 200 to 399, 10 bytes, digest");
    assert_int_equal(outside->pass.max_failed_connections, 0);
    assert_true(outside->pass.max_late == UINT64_MAX);
    assert_int_equal(p->duration_ns, 5 * NS_PER_S);
    assert_int_equal(p->drain_ns, 5 * NS_PER_S);
    plan_free(p);
    config_tree_free(tree);
}

static void a_duration_holds_the_last_level_until_then(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct config_error error;
    struct config_errors errors = {0};
    struct plan *p;
    const struct plan_options options = {.duration_ns = 10 * NS_PER_S};

    assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
    assert_int_equal(plan_compile(tree, &options, &rig_allocator, &p, &errors), 0);
    assert_int_equal(p->duration_ns, 10 * NS_PER_S);
    assert_int_equal(p->loads[0].schedule.n_phases, 2);
    assert_int_equal(p->loads[0].schedule.phases[1].duration_ns, 8 * NS_PER_S);
    assert_int_equal(p->loads[0].schedule.count, 1000 + 8000);
    assert_int_equal(p->loads[1].schedule.count, 5);
    plan_free(p);
    config_tree_free(tree);
}

/* The good configuration for so long; the caller frees both. */
static struct plan *compile_for(int64_t duration_ns, struct config_tree **tree)
{
    struct config_error error;
    struct config_errors errors = {0};
    struct plan *p;
    const struct plan_options options = {.duration_ns = duration_ns};

    assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, tree, &error), 0);
    assert_int_equal(plan_compile(*tree, &options, &rig_allocator, &p, &errors), 0);
    return p;
}

static void assert_described(const struct plan *p, const char *line)
{
    struct json_buffer text = {0};

    assert_int_equal(plan_describe(p, json_buffer_sink, &text), 0);
    if (!strstr(text.bytes, line))
        fail_msg("not in the description: %sbut:\n%s", line, text.bytes);
    json_buffer_free(&text);
}

static void a_duration_cuts_schedules_there(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = compile_for(3 * NS_PER_S, &tree);

    assert_int_equal(p->duration_ns, 3 * NS_PER_S);
    assert_int_equal(p->loads[0].schedule.n_phases, 2);
    assert_int_equal(p->loads[0].schedule.duration_ns, 3 * NS_PER_S);
    assert_int_equal(p->loads[0].schedule.phases[1].duration_ns, NS_PER_S);
    assert_int_equal(p->loads[0].schedule.count, 1000 + 1000);
    assert_described(p, "    hold 1s at 1000 transactions_per_second: 1000 transactions\n");
    plan_free(p);
    config_tree_free(tree);

    /* in the middle of the ramp, which goes up no faster than before */
    p = compile_for(NS_PER_S, &tree);
    assert_int_equal(p->loads[0].schedule.n_phases, 1);
    assert_int_equal(p->loads[0].schedule.count, 250);
    assert_int_equal(p->loads[0].schedule.peak, 500000);
    assert_described(p, "    ramp 1s from 0 to 500 transactions_per_second: 250 transactions\n");
    plan_free(p);
    config_tree_free(tree);
}

static void the_configured_duration_cuts_as_the_option_does(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct config_error error;
    struct config_errors errors = {0};
    struct plan *p;

    assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
    assert_int_equal(config_set(tree, "duration=3s", &error), 0);
    assert_int_equal(plan_compile(tree, NULL, &rig_allocator, &p, &errors), 0);
    assert_int_equal(p->loads[0].schedule.count, 1000 + 1000);
    plan_free(p);
    config_tree_free(tree);
}

static void an_embedded_server_takes_as_many_handshakes_as_its_loads_may_begin(void **state)
{
    (void)state;
    static const struct {
        const char *set[3];
        uint32_t expected;
    } cases[] = {
        {{"loads[0].max_connections=1000"}, 4096},
        {{"loads[0].max_connections=40000"}, (40000 + 10000 + 256) / 4}, /* on each of four addresses */
        {{"loads[0].max_connections=40000", "loads[0].tcp={syn_queue: 7}"}, 7},
        {{"loads[0].max_connections=40000", "loads[0].server.tcp={syn_queue: 4096}"}, 4096},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct config_tree *tree;
        struct config_error error;
        struct config_errors errors = {0};
        struct plan *p;
        assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
        for (size_t k = 0; cases[i].set[k]; k++)
            if (config_set(tree, cases[i].set[k], &error) != 0)
                fail_msg("%s", error.text);
        if (plan_compile(tree, NULL, &rig_allocator, &p, &errors) != 0)
            fail_msg("%s", errors.list[0].text);
        assert_int_equal(p->servers[0].tcp.syn_queue, cases[i].expected);
        plan_free(p);
        config_tree_free(tree);
    }
}

/* Its text; free it. */
static char *read_example(const char *name)
{
    char *text = calloc(1, 65536);
    FILE *f = fopen(name, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, 65535, f) > 0);
    (void)fclose(f);
    return text;
}

static void the_examples_compile(void **state)
{
    (void)state;
    static const char *const files[] = {"examples/web.yaml", "examples/nginx.yaml"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *text = read_example(files[i]);
        struct config_tree *tree;
        struct plan *p = rig_compile(text, &tree);
        assert_true(p->duration_ns > 0 && p->n_loads == 1);
        plan_free(p);
        config_tree_free(tree);
        free(text);
    }
}

/* ---- what comes from outside ---- */

static const struct http1_file page = {.path = "index.html", .bytes = (const uint8_t *)"hello", .length = 5};

static int one_page(void *context, const char *root, const struct http1_file **files, uint32_t *n_files,
                    char message[512])
{
    unsigned *calls = context;
    ++*calls;
    if (strcmp(root, "examples/www") != 0) {
        (void)snprintf(message, 512, "found %s, allowed examples/www", root);
        return ERR_INVALID;
    }
    *files = &page;
    *n_files = 1;
    return 0;
}

static void no_hash_begin(void *state) { *(uint8_t *)state = 0; }
static void no_hash_add(void *state, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        *(uint8_t *)state ^= bytes[i];
}
static void no_hash_end(void *state, uint8_t *digest) { *digest = *(uint8_t *)state; }
static const struct http1_hash no_hash = {"sha256", 1, 1, no_hash_begin, no_hash_add, no_hash_end};

static void files_and_hashes_come_from_outside(void **state)
{
    (void)state;
    unsigned calls = 0;
    const struct plan_services services = {.open_root = one_page, .context = &calls, .sha256 = &no_hash};
    const struct plan_options options = {.services = &services};
    struct config_errors errors = {0};
    struct config_error error;
    struct config_tree *tree;
    struct plan *p = NULL;
    char *text = read_example("examples/server.yaml");

    assert_int_equal(config_tree_parse("server.yaml", text, strlen(text), &tree, &error), 0);
    if (plan_compile(tree, &options, &rig_allocator, &p, &errors) != 0)
        fail_msg("%s", errors.list[0].text);
    assert_int_equal(calls, 1);
    assert_int_equal(p->duration_ns, 0); /* endless */
    assert_int_equal(p->servers[0].max_connections, 20000);
    assert_int_equal(p->servers[0].spare_connections, 20000 / 8 + 64);
    assert_int_equal(p->servers[0].idle_timeout_ns, 60 * NS_PER_S);
    plan_free(p);
    config_tree_free(tree);
    free(text);
}

static void what_is_wrong_outside_is_said_at_its_place(void **state)
{
    (void)state;
    unsigned calls = 0;
    const struct plan_services services = {.open_root = one_page, .context = &calls};
    const struct plan_options options = {.services = &services};
    struct config_errors errors = {0};
    struct config_error error;
    struct config_tree *tree;
    struct plan *p = NULL;

    assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
    assert_int_equal(config_set(tree, "loads[0].server.http.routes[0]={path: /*, root: nowhere}", &error), 0);
    assert_int_equal(plan_compile(tree, &options, &rig_allocator, &p, &errors), ERR_INVALID);
    assert_string_equal(errors.list[0].text,
                        "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].root: "
                        "found nowhere, allowed examples/www");
    config_tree_free(tree);
}

/* The digest that examples/nginx.yaml names is that of the file as its comment says it is made. */
static void the_digests_of_the_nginx_example_are_those_of_its_files(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        uint64_t digest;
    } files[] = {{64, 0x2764c349ea056d5a},
                 {1024, 0x475f63328b1b6d7a},
                 {16384, 0x9324513796735567},
                 {262144, 0x2e1eb1120db9a983},
                 {1048576, 0x861027ccadbf07ee}};

    uint8_t *text = malloc(1048576);
    for (size_t i = 0; i < 1048576; i++)
        text[i] = (uint8_t) "weir\n"[i % 5];
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_true(http1_digest(HTTP1_DIGEST_START, text, files[i].bytes) == files[i].digest);
    free(text);
}

static void the_schema_is_sound(void **state)
{
    (void)state;
    struct config_error error;

    if (config_schema_check(&plan_schema, &error) != 0)
        fail_msg("%s", error.text);
}

static void tcp_defaults_are_those_of_tcp(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    struct tcp_profile expected;

    memset(&expected, 0, sizeof expected);
    tcp_profile_default(&expected);
    const struct tcp_profile *found = &p->loads[0].tcp;
#define SAME(member) assert_true(found->member == expected.member)
    SAME(mss), SAME(min_mss), SAME(receive_buffer), SAME(max_in_flight), SAME(window_scaling), SAME(timestamps),
        SAME(sack);
    SAME(rack), SAME(tlp), SAME(f_rto), SAME(nagle), SAME(quick_ack_bytes), SAME(window_scale),
        SAME(slow_start_segments), SAME(push), SAME(restart_after_idle), SAME(grow_by_delivered),
        SAME(rto_min_of_variance), SAME(probe_min_ns), SAME(ack_push), SAME(congestion), SAME(ecn), SAME(mtu_probing),
        SAME(initial_window), SAME(fixed_window);
    SAME(delayed_ack_ns), SAME(rto_min_ns), SAME(rto_initial_ns), SAME(rto_max_ns), SAME(syn_retries),
        SAME(syn_ack_retries);
    SAME(data_retries), SAME(user_timeout_ns), SAME(keepalive_idle_ns), SAME(keepalive_interval_ns),
        SAME(keepalive_probes);
    SAME(time_wait_ns), SAME(fin_wait_2_ns), SAME(syn_queue), SAME(syn_cookies), SAME(accept_limit), SAME(ttl),
        SAME(tos);
#undef SAME
    plan_free(p);
    config_tree_free(tree);
}

static void stacks_are_sized_from_the_plan(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    struct stack_settings s;
    struct plan_memory m;

    plan_stack_settings(p, 0, &s);
    assert_int_equal(s.tcp.max_connections, 1000 + 1024);
    assert_true(s.max_addresses >= 250);
    assert_int_equal(s.tcp.max_time_wait, 65536);
    assert_int_equal(s.tcp.port_first, 10000);
    plan_stack_settings(p, 1, &s);
    assert_int_equal(s.tcp.max_connections, 1506 + 1024);
    plan_memory_estimate(p, 0, &m);
    assert_int_equal(m.total_bytes, m.tcp_bytes + m.traffic_bytes + m.stack_bytes + m.link_bytes);
    assert_true(m.idle_connection_bytes <= 256);
    plan_free(p);
    config_tree_free(tree);
}

/* ---- think times ---- */

static void exponential_think_times_have_the_mean_and_the_quantiles(void **state)
{
    (void)state;
    static int64_t table[PLAN_THINK_STEPS];
    const int64_t mean = 250 * NS_PER_MS;
    int64_t sum = 0;

    plan_think_table(mean, table);
    for (uint32_t i = 0; i < PLAN_THINK_STEPS; i++) {
        assert_true(i == 0 || table[i] > table[i - 1]);
        sum += table[i];
    }
    assert_int_equal(sum, mean * PLAN_THINK_STEPS);
    /* -ln(1 - (i + 1/2) / 4096) times 250 ms */
    assert_in_range(table[0], 30518, 30520);
    assert_in_range(table[2047], 173225766, 173225768);
    assert_in_range(table[4000], 939659978, 939659981);
}

/* ---- what plans say ---- */

static void a_plan_describes_itself(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "duration 5s, then up to 5s to drain; seed 1\n",
        "  left  mem:wire, MTU 1500, 250 hosts, wired to right\n",
        "    guard: 192.0.2.0/24, 198.18.0.0/15\n",
        "  clients  on left, 250 hosts, 10.0.1.1 to 10.0.1.250/16\n",
        "  far  on up, 3 hosts, 192.0.2.10 to 192.0.2.14/24 in steps of 2, gateway 192.0.2.1\n",
        "  web  http on port 80 of servers, 3 routes, at most 1506 connections\n",
        "  web  http from clients to servers port 80\n",
        "    ramp 2s from 0 to 1000 transactions_per_second: 1000 transactions\n",
        "    hold 3s at 1000 transactions_per_second: 3000 transactions\n",
        "    open loop: latency counts from due time, up to 1000 launches wait, late after 10ms\n",
        "    at most 1000 connections, any number of requests on each; the client closes first\n",
        "    timeouts: connect 10s, transaction 30s\n",
        "    2MSL 60s, at most 65536 in TIME_WAIT; 55536000 address and port pairs allow 925600 connections a second\n",
        "      GET /a (3 of 4): status 200, 1024 bytes, digest\n",
        "  outside  http from far to 198.18.0.1 port 8080\n",
        "    hold 1s at 0.500 connections_per_second: 1 connections\n",
        "    ends after 20000 transactions\n",
    };
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    struct json_buffer text = {0};

    assert_int_equal(plan_describe(p, json_buffer_sink, &text), 0);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (!strstr(text.bytes, lines[i]))
            fail_msg("not in the description: %sbut:\n%s", lines[i], text.bytes);
    json_buffer_free(&text);
    plan_free(p);
    config_tree_free(tree);
}

/* ---- faulty plans ---- */

static void every_fault_is_named_with_its_place(void **state)
{
    (void)state;
    const char *show = getenv("WEIR_SHOW_FAULTS");

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct config_tree *tree;
        struct config_error error;
        struct config_errors errors = {0};
        struct plan *p = NULL;
        assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
        for (size_t k = 0; k < ARRAY_SIZE(faults[i].set) && faults[i].set[k]; k++)
            if (config_set(tree, faults[i].set[k], &error) != 0)
                fail_msg("%s", error.text);
        int result = plan_compile(tree, NULL, &rig_allocator, &p, &errors);
        if (show)
            print_message("%s\n", errors.list[0].text);
        else if (result != ERR_INVALID || strcmp(errors.list[0].text, faults[i].message) != 0)
            fail_msg("--set %s:\n  found    %s\n  expected %s", faults[i].set[0], errors.list[0].text,
                     faults[i].message);
        plan_free(p);
        config_tree_free(tree);
    }
}

static void all_faults_are_reported_at_once(void **state)
{
    (void)state;
    static const char bad[] =
        "ports: [{name: a, location: \"mem:x\"}, {name: a, location: \"dpdk:y\"}]\n"
        "devices: [{name: d, port: b, ipv4: {address: 10.0.0.0/24}}]\n"
        "loads: [{name: l, client: e, server: {device: d}, http: {urls: [{path: /}]}, schedule: []}]\n";
    struct config_tree *tree;
    struct config_error error;
    struct config_errors errors = {0};
    struct plan *p;

    assert_int_equal(config_tree_parse("bad.yaml", bad, sizeof bad - 1, &tree, &error), 0);
    assert_int_equal(plan_compile(tree, NULL, &rig_allocator, &p, &errors), ERR_INVALID);
    assert_null(p);
    static const char *const expected[] = {
        "bad.yaml:1:46: ports[1].name: found \"a\" a second time, allowed once",
        "bad.yaml:1:59: ports[1].location: found \"dpdk:y\", which is not in this version, allowed mem:NAME, "
        "packet:IFNAME, xdp:IFNAME, tap:NAME, pcap:FILE, tunnel:KIND,...",
        "bad.yaml:1:29: ports[0].location: found 1 port at \"mem:x\", allowed exactly two",
        "bad.yaml:2:27: devices[0].port: found \"b\", which is no port, allowed a, a",
        "bad.yaml:3:27: loads[0].client: found \"e\", which is no device, allowed d",
        "bad.yaml:3:47: loads[0].server.device: found \"d\", which is no device, allowed d",
        "bad.yaml:3:9: loads[0]: found no schedule, allowed a list of phases such as {hold: 10s, "
        "transactions_per_second: 1000}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_string_equal(errors.list[i].text, expected[i]);
    assert_int_equal(errors.count, ARRAY_SIZE(expected));
    config_tree_free(tree);
}

/*
 * Wherever an allocation fails, compiling ends with an error and nothing leaks (the leak checker of the sanitizers
 * looks).
 */
struct scarce {
    struct allocator allocator;
    unsigned left;
};
static void *scarce_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct scarce *s = self->context;
    return s->left == 0 ? NULL : (s->left--, rig_allocator.alloc(&rig_allocator, size, align));
}
static void scarce_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    rig_allocator.free(&rig_allocator, memory, size);
}

static void running_out_of_memory_is_an_error_everywhere(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct config_error error;
    struct plan *p = NULL;

    assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
    for (unsigned allocations = 0; !p; allocations++) {
        struct scarce scarce = {.left = allocations};
        struct config_errors errors = {0};
        scarce.allocator = (struct allocator){.alloc = scarce_alloc, .free = scarce_free, .context = &scarce};
        int result = plan_compile(tree, NULL, &scarce.allocator, &p, &errors);
        assert_true(p ? result == 0 && errors.count == 0 : result != 0 && errors.count > 0);
        plan_free(p);
        assert_true(allocations < 1000);
    }
    config_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_ports_to_the_kernel_are_taken_over),
        cmocka_unit_test(hosts_of_a_trunk_name_their_network),
        cmocka_unit_test(ports_devices_and_shares_are_laid_out),
        cmocka_unit_test(loads_know_their_servers_and_defaults),
        cmocka_unit_test(a_duration_holds_the_last_level_until_then),
        cmocka_unit_test(a_duration_cuts_schedules_there),
        cmocka_unit_test(the_configured_duration_cuts_as_the_option_does),
        cmocka_unit_test(an_embedded_server_takes_as_many_handshakes_as_its_loads_may_begin),
        cmocka_unit_test(the_examples_compile),
        cmocka_unit_test(files_and_hashes_come_from_outside),
        cmocka_unit_test(what_is_wrong_outside_is_said_at_its_place),
        cmocka_unit_test(the_digests_of_the_nginx_example_are_those_of_its_files),
        cmocka_unit_test(the_schema_is_sound),
        cmocka_unit_test(tcp_defaults_are_those_of_tcp),
        cmocka_unit_test(stacks_are_sized_from_the_plan),
        cmocka_unit_test(exponential_think_times_have_the_mean_and_the_quantiles),
        cmocka_unit_test(a_plan_describes_itself),
        cmocka_unit_test(every_fault_is_named_with_its_place),
        cmocka_unit_test(all_faults_are_reported_at_once),
        cmocka_unit_test(running_out_of_memory_is_an_error_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
