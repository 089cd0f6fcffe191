/* SPDX-License-Identifier: MIT */
/*
 * Between the files of plan compilation. Each step reads the configuration as written, adds what it finds wrong to
 * the errors, and goes on as far as later steps can use what it made; plan_compile gives the plan out only when no
 * error was added.
 */
#ifndef WEIR_TRAFFIC_PLAN_PRIVATE_H
#define WEIR_TRAFFIC_PLAN_PRIVATE_H

#include "traffic/plan.h"
#include "traffic/plan_config.h"

struct compiling {
    const struct plan_config *config;
    struct plan *plan;
    struct config_errors *errors;
    const struct plan_services *services; /* or NULL */
};

/*
 * Memory that lives as long as the plan, zeroed, aligned for anything. NULL: out of memory, which was added to the
 * errors.
 */
void *plan_alloc(struct compiling *c, size_t count, size_t size);
/* A text in that memory, as printf makes it. */
const char *plan_print(struct compiling *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* Room for a list of names in a message; longer lists end in "…". */
#define PLAN_NAMES_TEXT 256
/* Appends name to a list "a, b, c". */
void plan_names_add(char text[PLAN_NAMES_TEXT], const char *name);

/* In the place of devices, loads and servers. */
void plan_compile_router(struct compiling *c);
void plan_compile_accelerator(struct compiling *c);
void plan_compile_advertise(struct compiling *c, const struct advertise_config *from, struct plan_advertise *to);
/* NULL after an error was added for a lack of memory. */
struct plan_filter *plan_compile_filter(struct compiling *c, const struct filter_config *from);
/* The labels of a configuration; how many. And whether two devices have the same. */
uint8_t plan_compile_labels(const struct label_config *from, uint32_t n, struct host_label *to);
bool plan_same_labels(const struct plan_device *a, const struct plan_device *b);
/* A prefix of either family, with its family's length. */
static inline struct ip_prefix plan_prefix_of(const struct config_prefix *from)
{
    const struct ip_addr addr = ip_addr_from_v6(from->address);
    return (struct ip_prefix){.addr = addr, .length = (uint8_t)(from->length - (ip_addr_is_v4(&addr) ? 96 : 0))};
}
/* The port of that name; PLAN_NONE after an error was added. */
uint32_t plan_need_port(struct compiling *c, const struct config_node *node, const char *name);
/* The steps, in order. */
void plan_compile_ports(struct compiling *c);
void plan_compile_devices(struct compiling *c);
void plan_compile_leases(struct compiling *c); /* not for hosts alone */
void plan_compile_impairments(struct compiling *c);
void plan_compile_loads(struct compiling *c);
void plan_compile_servers(struct compiling *c);
/* After the servers: whether clients and servers reach each other. */
void plan_check_reach(struct compiling *c);
/* The protocol's part of every load; after the servers. */
void plan_compile_protocols(struct compiling *c);

/* PLAN_NONE when there is none of that name. */
uint32_t plan_find_port(const struct compiling *c, const char *name);
uint32_t plan_find_device(const struct compiling *c, const char *name);
/* Whether one of the device's hosts has the address, at all or among those of one range. */
bool plan_device_has(const struct plan_device *d, const struct ip_addr *address);
bool plan_range_has(const struct plan_device *d, const struct plan_range *r, const struct ip_addr *address);
/* Whether an address is on the range's subnet. */
bool plan_range_is_near(const struct plan_range *r, const struct ip_addr *address);
void plan_list_devices(const struct compiling *c, char text[PLAN_NAMES_TEXT]);

/* Configuration of the load or server with that number: loads keep their order. */
static inline const struct load_config *plan_load_config(const struct compiling *c, uint32_t load)
{
    return &c->config->loads[load];
}
/* The load that describes a server. */
uint32_t plan_server_load(const struct compiling *c, uint32_t server);

/* How many: all. */
uint8_t plan_compile_vlans(const struct vlan_config *from, uint32_t n, struct host_vlan to[2]);
/* The network of a host at a port, 0: the port's own. Adds an error where the port has no such network, or tags go with it. */
uint32_t plan_compile_vni(struct compiling *c, const struct config_node *node, const struct plan_port *on, uint32_t vni,
                          uint32_t n_vlans);
void plan_tcp_profile(const struct tcp_config *from, struct tcp_profile *to);
bool plan_tcp_equal(const struct tcp_profile *a, const struct tcp_profile *b);
/* Checks what the schema's limits cannot express; node is the map, mtu that of the port. */
void plan_check_tcp(struct compiling *c, const struct tcp_config *tcp, const struct config_node *node, uint32_t mtu);
void plan_compile_criteria(const struct pass_config *from, struct plan_criteria *to);
/* PLAN_THINK_STEPS quantiles of an exponential distribution, in integers, whose mean is exactly `mean`. */
void plan_think_table(int64_t mean, int64_t table[PLAN_THINK_STEPS]);

extern const struct config_schema plan_pass_schema, plan_vlan_schema, plan_label_schema, plan_router_schema,
    plan_filter_schema, plan_advertise_schema, plan_lease_schema, plan_accelerator_schema;

#endif
