/* SPDX-License-Identifier: MIT */
/*
 * A configuration compiled once into what workers execute: ports, devices, loads, embedded servers, criteria.
 * Immutable after plan_compile and shared read-only by all workers; replaced whole. Everything is validated here,
 * before anything starts.
 *
 * The plan borrows texts from the configuration tree: the tree lives at least as long as the plan. Everything else
 * it owns. Members are for reading: the engine opens ports from them, traffic/ executes loads, results name them.
 */
#ifndef WEIR_TRAFFIC_PLAN_H
#define WEIR_TRAFFIC_PLAN_H

#include "base/alloc.h"
#include "config/schema.h"
#include "impair/impair.h"
#include "l7/l7.h"
#include "packet/guard.h"
#include "stack/ip_filter.h"
#include "stack/nd_router.h"
#include "stack/stack.h"
#include "traffic/plan_tunnel.h"
#include "traffic/schedule.h"

#define PLAN_NONE UINT32_MAX
#define PLAN_MAX_PORTS 16
#define PLAN_MAX_DEVICES 65536
#define PLAN_MAX_LOADS 64

enum plan_location { PLAN_MEM, PLAN_PACKET, PLAN_TAP, PLAN_PCAP, PLAN_TUNNEL, PLAN_XDP };

/* An interface of the kernel's. */
static inline bool plan_is_interface(enum plan_location kind)
{
    return kind == PLAN_PACKET || kind == PLAN_XDP || kind == PLAN_TAP;
}

/*
 * What a port's worker makes: mem -> memory_link_new (once for both ends), packet -> af_packet_link_new, tap ->
 * tap_links_new, pcap -> pcap_link_new, tunnel -> tunnel_port_new over what its location names.
 */
struct plan_port {
    const char *name;
    const char *location; /* as written: "mem:wire" */
    enum plan_location kind;
    const char *target; /* behind the colon */
    uint32_t peer;      /* mem: number of the port at the other end; else PLAN_NONE */
    uint32_t mtu;
    uint32_t frames;         /* of the link's pool */
    bool trust_checksums;    /* mem */
    const char *netns;       /* packet, xdp, tap, tunnel (of the link at its end): path or NULL */
    bool promiscuous;        /* packet, xdp */
    uint32_t address;        /* tap: of the kernel's side, host byte order; 0: none */
    uint8_t prefix_length;   /* of address */
    struct ip_addr address6; /* the same, of IPv6; unspecified: none */
    uint8_t prefix_length6;
    bool rx_checksum, tx_checksum, gro, tso, uso; /* packet, tap: offload */
    const char *read_file;                        /* pcap: replayed as received frames, or NULL */
    struct plan_tunnel tunnel;                    /* tunnel */
    const char *capture;                          /* file that gets all frames of this port both ways, or NULL */
    struct guard_rules guard; /* stop_at is TIME_NEVER: the engine adds max_duration_ns to its start */
    int64_t max_duration_ns;  /* TIME_NEVER: no cap */
    bool impaired;            /* `impair` acts on what this port sends */
    struct impair_settings impair;
    uint32_t first_device, n_devices; /* devices are sorted by port */
    uint32_t n_hosts, n_addresses;
    uint32_t n_leased; /* addresses that its hosts get by DHCP: the numbers of plan_lease.first */
    uint32_t max_client_connections, max_server_connections; /* of all its loads and servers */
};

/* Whether it leads out of here to stations that MACs name: not to the end of a tunnel of IP packets. */
static inline bool plan_port_is_ethernet(const struct plan_port *p)
{
    return plan_is_interface(p->kind) || (p->kind == PLAN_TUNNEL && p->tunnel.kind >= PLAN_TUNNEL_GRETAP);
}
/* A VXLAN tunnel of several networks, of which each host names its own. */
static inline bool plan_port_is_trunk(const struct plan_port *p)
{
    return p->kind == PLAN_TUNNEL && p->tunnel.first_vni != 0;
}

#define PLAN_MAX_GATEWAYS 4u

/* Addresses of a device, one a host: host i has first + i * step. The first range of a family is its main one. */
struct plan_range {
    struct ip_addr first;
    struct ip_addr gateways[PLAN_MAX_GATEWAYS]; /* the first one is used while it answers, then the next */
    uint8_t n_gateways;
    bool probe;            /* IPv4: asked for before it is used */
    uint8_t conflict;      /* IPv4: enum host_conflict */
    uint8_t prefix_length; /* of its family */
    uint32_t first_local;  /* the stack's local address index of host 0 (addresses are added in order) */
};

enum plan_dhcp { PLAN_DHCP_IPV4 = 1, PLAN_DHCP_IPV6 = 2 };

struct plan_device {
    const char *name;
    uint32_t port;
    uint32_t count, step;
    struct plan_range *ranges; /* IPv4's, then IPv6's; their local addresses follow each other */
    uint32_t n_ranges;
    uint8_t dhcp;       /* what comes by DHCP: bits of enum plan_dhcp */
    uint32_t leases[2]; /* by family, v6: how; PLAN_NONE: not, and in plans of hosts alone */
    uint8_t mac[6];     /* of host 0; host i has mac + i; all zero: see plan_device_mac */
    uint8_t vlan_count;
    struct host_vlan vlan[2];
    uint32_t vni;      /* on a trunk of VXLAN networks, in place of tags; 0: its own network */
    uint32_t vlan_key; /* equal for devices on the same VLAN or network */
    uint8_t mpls_count;
    struct host_label mpls[HOST_MAX_LABELS];
};

/* How the hosts of a device get addresses of one family by DHCP, each as a client with the MAC address of its own. */
struct plan_lease {
    uint32_t device;
    uint32_t first; /* of host 0 among those of its port, for traffic_set_leased() */
    uint32_t rate;  /* hosts that begin, a second */
    bool v6, probe, release;
    uint8_t prefix_length6;  /* IPv6: what is on the link */
    struct ip_addr gateway6; /* unspecified: none */
    int64_t timeout_ns;
};

struct plan_router_address {
    uint32_t port;
    struct ip_addr address;
    uint8_t prefix_length;
    uint8_t mac[6]; /* all zero: the link's */
    uint8_t vlan_count;
    struct host_vlan vlan[2];
    uint32_t vni; /* as plan_device.vni */
    uint32_t vrf;
    uint8_t mpls_count;
    struct host_label mpls[HOST_MAX_LABELS];
};
struct plan_router_route {
    struct ip_prefix prefix;
    struct ip_addr gateway; /* unspecified: on the link */
    uint32_t address;       /* the one of the router's addresses by which it leaves, of its VRF */
};
struct plan_filter {
    const struct ip_filter_rule *rules;
    const char *const *names; /* of the rules */
    uint32_t n_rules;
    struct ip_filter_policy policy;
    uint32_t connections;
};
/* Router advertisements on the link of one of the router's addresses; settings.local is the engine's to fill in. */
struct plan_advertise {
    uint32_t address;
    struct stack_router_settings settings;
};
#define PLAN_MAX_VRFS 64u
struct plan_vrf {
    uint32_t number;
    struct plan_filter *filter; /* NULL: none */
};
struct plan_router {
    struct plan_router_address *addresses;
    uint32_t n_addresses;
    struct plan_router_route *routes;
    uint32_t n_routes;
    struct plan_advertise *advertise;
    uint32_t n_advertise;
    struct plan_vrf *vrfs; /* of the addresses, each once, in their order */
    uint32_t n_vrfs;
    bool fill_options; /* see stack/forward.h */
};

#define PLAN_PAIR_KEY_BYTES 16

/* Ports first <= last; 0 to 65535: all. */
struct plan_bypass {
    bool by_client, by_server; /* whether the prefix counts */
    struct ip_prefix client, server;
    uint16_t client_ports[2], server_ports[2];
};

enum plan_shortcut { PLAN_SHORTCUT_OFF, PLAN_SHORTCUT_AUTO, PLAN_SHORTCUT_REQUIRED };

/* A box of an accelerator between two ports; settings as in accel/accel.h. */
struct plan_accelerator {
    uint32_t clients, servers; /* ports */
    uint32_t max_flows, max_openings, max_servers, early_buffers;
    uint32_t max_sources, source_flows, source_syn_rate, syn_rate;
    int64_t server_timeout_ns, server_memory_ns, idle_timeout_ns, closed_timeout_ns;
    bool paired; /* by this key: */
    bool far;
    uint8_t key[PLAN_PAIR_KEY_BYTES];
    int64_t syn_twice_from_ns;
    bool fast_open;
    uint32_t fast_open_cookies;
    int64_t fast_open_wait_ns;
    const struct plan_bypass *bypass; /* connections that pass untouched */
    uint32_t n_bypass;
    const char *table, *log, *prometheus; /* files, or NULL */
    enum plan_shortcut shortcut;          /* translating established connections on the kernel's XDP hook */
};

enum plan_family { PLAN_FAMILY_AUTO, PLAN_FAMILY_IPV4, PLAN_FAMILY_IPV6 };
enum plan_overload { PLAN_OVERLOAD_DROP, PLAN_OVERLOAD_ANSWER };
enum plan_close { PLAN_CLOSE_CLIENT, PLAN_CLOSE_SERVER, PLAN_CLOSE_RESET };
enum plan_order { PLAN_ORDER_WEIGHTED, PLAN_ORDER_SEQUENCE, PLAN_ORDER_RANDOM };
enum plan_think { PLAN_THINK_NONE, PLAN_THINK_FIXED, PLAN_THINK_UNIFORM, PLAN_THINK_EXPONENTIAL };
enum plan_verify { PLAN_VERIFY_STATUS, PLAN_VERIFY_LENGTH, PLAN_VERIFY_DIGEST };

/* A prepared request in two forms: one that keeps the connection, one that announces its end. */
struct plan_request {
    void *keep, *close; /* of the load's protocol */
    uint32_t weight;
    uint64_t cumulative; /* weights up to and with this one */
    const char *label;   /* "GET /index.html" */
    const char *checks;  /* "status 200, 1024 bytes, digest" */
};

#define PLAN_THINK_STEPS 4096

struct plan_criteria {
    uint64_t max_failed_connections, max_failed_transactions, max_late, max_dropped; /* UINT64_MAX: no criterion */
    uint64_t min_completed_transactions;                                             /* 0: no criterion, as all below */
    uint64_t min_connections_per_second, min_transactions_per_second; /* thousandths, over the last phase */
    uint64_t min_bits_per_second;
    int64_t max_connect_p99_ns, max_first_byte_p99_ns, max_transaction_p50_ns, max_transaction_p99_ns;
};

struct traffic_protocol; /* traffic/protocol.h */

struct plan_load {
    const char *name;
    const struct traffic_protocol *protocol; /* NULL with a server but no client */
    uint32_t *clients;                       /* device numbers; none: this load is only a server */
    uint32_t n_clients;
    uint32_t n_client_ports;
    uint32_t client_ports[PLAN_MAX_PORTS]; /* ascending; share i of the schedule is carried out on client_ports[i] */
    uint32_t server_device;                /* PLAN_NONE: an outside address */
    struct ip_addr server_address;         /* of the first server host, or the outside address */
    uint32_t server_hosts, server_step;
    uint16_t server_port;
    uint32_t server; /* number in plan->servers, or PLAN_NONE */
    struct schedule schedule;
    struct tcp_profile tcp;
    bool closed_loop;
    uint32_t max_connections;         /* of the whole load; each share gets its part, rounded up */
    uint32_t requests_per_connection; /* 0: no limit */
    uint32_t pipeline;
    enum plan_close close;
    enum plan_order order;
    enum plan_think think;
    int64_t think_min_ns, think_max_ns; /* fixed: both; uniform: bounds; exponential: max is the mean */
    int64_t *think_table;               /* exponential: PLAN_THINK_STEPS quantiles */
    int64_t connect_timeout_ns, transaction_timeout_ns, retry_pause_ns, late_after_ns;
    uint64_t backlog;
    uint64_t max_transactions; /* of the whole load, then it ends; UINT64_MAX: no limit */
    struct plan_request *requests;
    uint32_t n_requests;
    uint64_t total_weight;
    /* Of a transaction on average, both ways, where it can be known; for pacing bits_per_second */
    uint64_t expected_bytes;
    void *client_config; /* for the protocol's client engine */
    struct plan_criteria pass;
    const struct config_node *node;
};

/* An embedded server: listens on every address of a device. */
struct plan_server {
    const char *name; /* that of the load that describes it */
    const struct traffic_protocol *protocol;
    uint32_t device;
    uint16_t port;
    uint32_t max_connections;
    uint32_t spare_connections; /* beyond these, to be answered that there is no room */
    int64_t idle_timeout_ns;    /* 0: none */
    struct tcp_profile tcp;
    void *config; /* for the protocol's server engine */
    uint32_t n_routes;
    bool has_clients; /* some load of the plan uses it; else it ends its idle connections itself when draining */
};

struct plan {
    const struct allocator *allocator;
    uint64_t seed;
    int64_t duration_ns; /* from the start to the drain: the longest schedule, or what was configured; 0: endless */
    bool ends_by_count;  /* all loads have max_transactions: the run ends when they have ended */
    int64_t drain_ns;    /* how long the drain may take before what is left is stopped */
    struct plan_port ports[PLAN_MAX_PORTS];
    uint32_t n_ports;
    struct plan_device *devices;
    uint32_t n_devices;
    struct plan_lease *leases; /* sorted by port, as devices */
    uint32_t n_leases;
    struct plan_load *loads;
    uint32_t n_loads;
    struct plan_server *servers;
    uint32_t n_servers;
    struct plan_accelerator *accelerator; /* NULL: none; else the plan is one for a bridge */
    struct plan_router *router;           /* NULL: none; then there are no devices, loads and servers */
    uint32_t max_time_wait;
    uint16_t port_first, port_last;
    bool fast_path, answer_echo, flow_labels;
    struct plan_block *blocks; /* memory it owns */
};

struct http1_file;
struct http1_hash;
/* What a plan needs of the world outside, given by who compiles it; both may be NULL. */
struct plan_services {
    /*
     * The files below a directory, as l7/http1.h wants them; they outlive the plan. 0, or ERR_INVALID or ERR_NO_MEMORY
     * with a message that says what was found and what is allowed.
     */
    int (*open_root)(void *context, const char *root, const struct http1_file **files, uint32_t *n_files,
                     char message[512]);
    void *context;
    const struct http1_hash *sha256;
};

/* Overrides of the command line; zero them first. */
struct plan_options {
    int64_t duration_ns;                  /* 0: as configured */
    const struct plan_services *services; /* NULL: files and hashes are errors */
    bool hosts_only;                      /* ports and devices, for a program's stack: loads are errors */
};

/*
 * Compiles the tree's root. options may be NULL. 0 and *out; ERR_INVALID (errors says what and where),
 * ERR_NO_MEMORY (also in errors).
 */
MUST_CHECK int plan_compile(const struct config_tree *tree, const struct plan_options *options,
                            const struct allocator *a, struct plan **out, struct config_errors *errors);
void plan_free(struct plan *p); /* NULL is allowed */

/* The schema of the whole configuration, for documentation and checks. */
extern const struct config_schema plan_schema;

/* Two ports with neither devices nor loads: frames are passed between them. */
bool plan_is_bridge(const struct plan *p);

/* What the stack of a port's worker needs; trace and the secrets are the caller's to set. */
void plan_stack_settings(const struct plan *p, uint32_t port, struct stack_settings *out);

/*
 * Estimate in bytes for a port's worker at its peak, all connections open and busy: TCP records, works, hosts,
 * traffic's own pools, frames.
 */
struct plan_memory {
    uint64_t idle_connection_bytes; /* one end of an idle connection */
    uint64_t busy_connection_bytes; /* what it takes in addition while something is in flight */
    uint64_t tcp_bytes, traffic_bytes, stack_bytes, link_bytes, total_bytes;
};
void plan_memory_estimate(const struct plan *p, uint32_t port, struct plan_memory *out);

/* The kinds of location that ports may have, such as "packet:"; NULL behind the last. */
const char *plan_location_prefix(unsigned number);

/*
 * A port at a location (borrowed) with the defaults of the configuration, its mtu apart, which is the link's.
 * ERR_INVALID: no such location; message (256 bytes) then says what was found and what is allowed.
 */
MUST_CHECK int plan_port_default(const char *location, struct plan_port *to, char message[256]);

/* Writes text for people: what `weir check` prints. Errors of the sink. */
MUST_CHECK int plan_describe(const struct plan *p, json_sink_fn *sink, void *context);

/*
 * Connections that a load may have at once on each of its ports: its part of max_connections; for concurrent a
 * quarter more, because connections that are closing do not count towards the level.
 */
uint32_t plan_share_connections(const struct plan_load *load);

struct ip_addr plan_range_address(const struct plan_device *d, const struct plan_range *r, uint32_t i);
/* A MAC made of an address: 02:00 and the four bytes of IPv4, or 06 and a hash. That of host i of a device. */
void plan_address_mac(const struct ip_addr *a, uint8_t mac[6]);
void plan_device_mac(const struct plan_device *d, uint32_t i, uint8_t mac[6]);
/* Its main addresses of a family, or NULL. */
const struct plan_range *plan_device_range(const struct plan_device *d, bool v6);
/*
 * From which of a client's addresses the load goes out: those on the servers' subnet, else those with a gateway, else
 * the first of the family. NULL: it has none of that family.
 */
const struct plan_range *plan_load_source(const struct plan_load *load, const struct plan_device *client);
/* By which lease a client's hosts get the address for a load; NULL: they have one of their own, or none. */
const struct plan_lease *plan_load_lease(const struct plan *p, const struct plan_load *load,
                                         const struct plan_device *client);
/* Whether a device has addresses of a family, its own or by DHCP. */
bool plan_device_gives(const struct plan_device *d, bool v6);
/* How many addresses DHCP adds to a port's stack. */
uint32_t plan_leased_addresses(const struct plan *p, uint32_t port);
/* Some hosts have to get or to test their addresses before loads begin. */
bool plan_has_to_prepare(const struct plan *p);
struct ip_addr plan_server_address(const struct plan_load *load, uint32_t i);

#endif
