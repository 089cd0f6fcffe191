/* SPDX-License-Identifier: MIT */
/*
 * The configuration of a DHCP server: its tables are sound, it becomes the settings of the machines, and what no server
 * can have is refused with its place.
 */
#include "support/cmocka_all.h"

#include "base/alloc_heap.h"
#include "dhcp/server_config.h"

struct read {
    struct config_tree *tree;
    struct dhcp_server_config config;
    struct dhcp_server_plan plan;
    struct config_errors errors;
    int result;
};

static void read_text(struct read *r, const char *text)
{
    struct config_error error;
    *r = (struct read){.tree = NULL};
    assert_int_equal(config_tree_parse("file", text, strlen(text), &r->tree, &error), 0);
    r->result = config_bind(config_tree_root(r->tree), &dhcp_server_schema, &r->config, &r->errors);
    if (r->result == 0)
        r->result = dhcp_server_plan_make(&r->config, alloc_heap(), &r->plan, &r->errors);
}

static void read_free(struct read *r)
{
    dhcp_server_plan_free(&r->plan);
    config_tree_free(r->tree);
}

static void the_tables_are_sound(void **state)
{
    (void)state;
    struct config_error error;
    assert_int_equal(config_schema_check(&dhcp_server_schema, &error), 0);
}

#define POOL "{subnet: 192.0.2.0/24, first: 192.0.2.10, last: 192.0.2.20"
#define V4(rest) "location: packet:x\naddress: 192.0.2.1/24\nipv4:\n  pools: [" POOL rest

static void pools_options_and_reservations_become_settings(void **state)
{
    (void)state;
    struct read r;
    read_text(&r, V4(", router: 192.0.2.1, dns: [192.0.2.2, 192.0.2.3], domain: a.example, lease: 2h, options: "
                     "[{code: 26, hex: 0578}, {code: 66, text: boot}]}]\n"
                     "  reservations: [{address: 192.0.2.5, mac: \"02:00:00:00:00:05\"}, {address: 192.0.2.6, "
                     "client_id: \"ff01\"}]\n"));
    assert_int_equal(r.result, 0);
    const struct dhcp4_pool_settings *p = &r.plan.v4.pools[0];
    assert_int_equal(p->network, 0xc0000200);
    assert_int_equal(p->first, 0xc000020a);
    assert_int_equal(p->dns[1], 0xc0000203);
    assert_int_equal(p->lease_s, 7200);
    assert_string_equal(p->domain, "a.example");
    assert_int_equal(p->n_options, 2);
    assert_int_equal(p->options[0].length, 2);
    assert_memory_equal(p->options[0].bytes, "\x05\x78", 2);
    assert_memory_equal(p->options[1].bytes, "boot", 4);
    assert_int_equal(r.plan.v4.n_reservations, 2);
    assert_int_equal(r.plan.v4.reservations[0].mac[5], 5);
    assert_memory_equal(r.plan.v4.reservations[1].client_id, "\xff\x01", 2);
    read_free(&r);
}

static void links_and_names_become_settings(void **state)
{
    (void)state;
    struct read r;
    read_text(&r, "location: packet:x\nipv6:\n  rapid_commit: true\n  links: [{subnet: \"2001:db8:1::/64\", first: "
                  "\"2001:db8:1::10\", addresses: 5, delegate: \"2001:db8:8000::/40\", delegations: 65536, domain: "
                  "ab.example, preferred: 1m, valid: 2m}]\n");
    assert_int_equal(r.result, 0);
    const struct dhcp6_link_settings *l = &r.plan.v6.links[0];
    assert_int_equal(l->addresses, 5);
    assert_int_equal(l->prefix_length, 56);
    assert_int_equal(l->valid_s, 120);
    assert_int_equal(l->domains_len, 12);
    assert_memory_equal(l->domains, "\2ab\7example", 12);
    assert_true(r.plan.v6.rapid_commit);
    read_free(&r);
}

static void what_no_server_can_have_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"location: packet:x\n", "neither ipv4 nor ipv6"},
        {"location: packet:x\nipv4: {pools: [" POOL "}]}\n", "ipv4 without address"},
        {V4(", router: 192.0.3.1}]\n"), "router outside of the subnet"},
        {V4(", options: [{code: 26}]}]\n"), "neither text nor hex"},
        {V4(", options: [{code: 26, text: a, hex: \"00\"}]}]\n"), "text and hex"},
        {V4(", options: [{code: 26, hex: \"0g\"}]}]\n"), "pairs of hexadecimal digits"},
        {V4("}]\n  reservations: [{address: 192.0.2.5}]\n"), "neither mac nor client_id"},
        {V4(", other: 1}]\n"), "other"},
        {"location: packet:x\naddress: 192.0.2.1/24\nipv4: {pools: [{subnet: 192.0.2.0/24, first: 192.0.2.9, last: "
         "192.0.2.8}]}\n",
         "not in the subnet"},
        {"location: packet:x\nipv6: {links: [{subnet: \"2001:db8::/64\", addresses: 1}]}\n", "required: the first"},
        {"location: packet:x\nipv6: {links: [{subnet: \"2001:db8::/64\", delegations: 2, delegate: "
         "\"2001:db8:1::/56\"}]}\n",
         "delegate has room for"},
        {"location: packet:x\nipv6: {links: [{subnet: \"2001:db8::/64\", domain: a..b}]}\n", "labels of 1 to 63"},
        {"location: packet:x\nipv6: {links: [{subnet: \"2001:db8::/64\", preferred: 2m, valid: 1m}]}\n",
         "less than preferred"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct read r;
        read_text(&r, cases[i].text);
        assert_int_equal(r.result, ERR_INVALID);
        assert_true(r.errors.count >= 1);
        if (!strstr(r.errors.list[0].text, cases[i].says))
            fail_msg("expected \"%s\" in \"%s\"", cases[i].says, r.errors.list[0].text);
        assert_non_null(strstr(r.errors.list[0].text, "file:"));
        read_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test(pools_options_and_reservations_become_settings),
        cmocka_unit_test(links_and_names_become_settings),
        cmocka_unit_test(what_no_server_can_have_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
