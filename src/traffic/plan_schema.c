/* SPDX-License-Identifier: MIT */
/*
 * The keys of a configuration: one table for each map, from the leaves up to the whole file. Defaults stand here
 * and nowhere else; those of `tcp` equal tcp_profile_default (a test compares them).
 */
#include "l7/http1.h"
#include "traffic/plan.h"
#include "traffic/plan_private.h"

#define FLAG(type, member) .given_offset = CONFIG_GIVEN(type, member)

/* ---- ports ---- */

static const struct config_field guard_fields[] = {
    {CONFIG_ITEMS(struct guard_config, allowed), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_PREFIX, .items_min = 1,
     .items_max = GUARD_MAX_PREFIXES,
     .doc = "Prefixes that frames may go to; otherwise private, benchmarking and documentation ranges (on mem: every "
            "address)"},
    {CONFIG_MEMBER(struct guard_config, max_bits_per_second), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Cap on what leaves the port; 0: none"},
    {CONFIG_MEMBER(struct guard_config, max_frames), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Frames that may leave the port in all; 0: no cap"},
    {CONFIG_MEMBER(struct guard_config, max_duration), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .doc = "Nothing leaves the port later than this after the start; 0: no cap"},
    {CONFIG_MEMBER(struct guard_config, allow_multicast), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Whether broadcast and multicast other than ARP may leave"},
    {CONFIG_MEMBER(struct guard_config, allow_ethertypes), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Whether frames other than IP and ARP may leave"},
};
static const struct config_schema guard_schema = CONFIG_SCHEMA(
    "guard", struct guard_config, guard_fields, "What may leave a port; everything else is dropped and counted");

static const struct config_field offload_fields[] = {
    {CONFIG_MEMBER(struct offload_config, rx_checksum), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Received checksums that the kernel has verified, or not yet filled in, are not computed again"},
    {CONFIG_MEMBER(struct offload_config, tx_checksum), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Checksums of what is sent are left to the kernel or the network card"},
    {CONFIG_MEMBER(struct offload_config, gro), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "TCP segments and UDP datagrams are received merged, up to 64 KB at once; needs rx_checksum"},
    {CONFIG_MEMBER(struct offload_config, tso), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "TCP is sent up to 64 KB at once, and cut by the kernel or the network card; needs tx_checksum"},
    {CONFIG_MEMBER(struct offload_config, uso), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     FLAG(struct offload_config, uso_given),
     .doc =
         "The same of UDP datagrams that are sent together (UDP_SEGMENT), from Linux 6.2 on; off without tx_checksum"},
};
static const struct config_schema offload_schema =
    CONFIG_SCHEMA_SELF("offload", struct offload_config, offload_fields, node,
                       "What is left to the kernel; each on or off gives equal bytes");

static const struct config_field port_fields[] = {
    {CONFIG_MEMBER(struct port_config, name), .type = CONFIG_TYPE_STRING, .required = true, .min = "1", .max = "32",
     .doc = "Name of the port"},
    {CONFIG_MEMBER(struct port_config, location), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .max = "1023",
     .doc =
         "mem:NAME (two ports of one NAME are wired to each other), packet:IFNAME, xdp:IFNAME, tap:NAME (made if it is "
         "not there), pcap:FILE, tunnel:KIND,... (weir(1))"},
    {CONFIG_MEMBER(struct port_config, mtu), .type = CONFIG_TYPE_U32, .fallback = "1500", .min = "576", .max = "9216",
     FLAG(struct port_config, mtu_given),
     .doc = "Bytes of IP packet that may be sent; what the link carries must be at least that. Of a tunnel, what its "
            "headers leave of 1500"},
    {CONFIG_MEMBER(struct port_config, frames), .type = CONFIG_TYPE_U32, .fallback = "8192", .min = "512",
     .max = "1048576", .doc = "Frame buffers of the port"},
    {CONFIG_MEMBER(struct port_config, trust_checksums), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     FLAG(struct port_config, trust_checksums_given),
     .doc = "mem: only: the link vouches for checksums, nobody computes them"},
    {CONFIG_MEMBER(struct port_config, promiscuous), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     FLAG(struct port_config, promiscuous_given), .doc = "packet: and xdp: only: receive frames for every MAC address"},
    {CONFIG_MEMBER(struct port_config, netns), .type = CONFIG_TYPE_STRING, .min = "1", .max = "255",
     .doc = "packet:, xdp:, tap: and tunnel: only: path of the network namespace that holds the interface"},
    {CONFIG_MEMBER(struct port_config, address), .type = CONFIG_TYPE_IPV4_PREFIX,
     FLAG(struct port_config, address_given),
     .doc = "tap: only: address of the kernel's side with its prefix length: 10.0.0.2/24"},
    {CONFIG_MEMBER(struct port_config, address6), .type = CONFIG_TYPE_IPV6_PREFIX,
     FLAG(struct port_config, address6_given),
     .doc = "tap: only: IPv6 address of the kernel's side, beside or instead of address: 2001:db8::2/64"},
    {CONFIG_MEMBER(struct port_config, offload), .type = CONFIG_TYPE_OPTIONAL, .schema = &offload_schema,
     .doc = "packet: and tap: only: what is left to the kernel; otherwise all of it"},
    {CONFIG_MEMBER(struct port_config, read_file), .type = CONFIG_TYPE_STRING, .min = "1", .max = "255",
     .doc = "pcap: only: a capture whose frames are received, by their times"},
    {CONFIG_MEMBER(struct port_config, capture), .type = CONFIG_TYPE_STRING, .min = "1", .max = "255",
     .doc = "File that gets all frames of the port, both ways: pcapng when its name ends so, else pcap"},
    {CONFIG_MEMBER(struct port_config, guard), .type = CONFIG_TYPE_MAP, .schema = &guard_schema,
     .doc = "What may leave the port"},
};
static const struct config_schema port_schema =
    CONFIG_SCHEMA_SELF("port", struct port_config, port_fields, node, "Where frames leave and arrive; one worker each");

/* ---- devices ---- */

static const struct config_choice conflicts[] = {
    {"defend", HOST_CONFLICT_DEFEND, "go on, with one announcement in 10 s: RFC 5227 2.4 (c)"},
    {"defend_once", HOST_CONFLICT_DEFEND_ONCE,
     "the same, but give the address up when it happens again within 10 s: (b)"},
    {"give_up", HOST_CONFLICT_GIVE_UP, "give the address up at once: (a)"},
    {0},
};
static const struct config_field ipv4_fields[] = {
    {CONFIG_MEMBER(struct ipv4_config, address), .type = CONFIG_TYPE_IPV4_PREFIX, .required = true,
     .doc = "Address of the first host with its prefix length: 10.0.0.1/16"},
    {CONFIG_ITEMS(struct ipv4_config, gateway), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV4, .alone = true,
     .items_max = PLAN_MAX_GATEWAYS,
     .doc = "Default gateways: each is taken when those before it do not answer; 0.0.0.0: none"},
    {CONFIG_MEMBER(struct ipv4_config, probe), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Ask whether somebody has the address before it is used, some 6 s (RFC 5227 2.1); loads wait "
            "for it"},
    {CONFIG_MEMBER(struct ipv4_config, conflict), .type = CONFIG_TYPE_ENUM, .choices = conflicts, .fallback = "defend",
     .doc = "What to do when somebody else uses the address:"},
    {CONFIG_ITEMS(struct ipv4_config, more), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV4_PREFIX, .items_max = 15,
     .doc = "Further addresses of the first host; the next hosts count up alike"},
};
static const struct config_schema ipv4_schema =
    CONFIG_SCHEMA_SELF("ipv4", struct ipv4_config, ipv4_fields, node, "IPv4 addresses of a device");

static const struct config_field ipv6_fields[] = {
    {CONFIG_MEMBER(struct ipv6_config, address), .type = CONFIG_TYPE_IPV6_PREFIX, .required = true,
     .doc = "Address of the first host with its prefix length: 2001:db8::1/64"},
    {CONFIG_ITEMS(struct ipv6_config, gateway), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV6, .alone = true,
     .items_max = PLAN_MAX_GATEWAYS,
     .doc = "Default routers, by addresses on the subnet or link-local ones: each is taken when those before it do not "
            "answer; ::: none"},
    {CONFIG_ITEMS(struct ipv6_config, more), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV6_PREFIX, .items_max = 15,
     .doc = "Further addresses of the first host, such as a link-local one; the next hosts count up alike"},
};
static const struct config_schema ipv6_schema =
    CONFIG_SCHEMA_SELF("ipv6", struct ipv6_config, ipv6_fields, node, "IPv6 addresses of a device");

static const struct config_choice tpids[] = {
    {"x8100", 0x8100, "802.1Q"},
    {"x88a8", 0x88a8, "802.1ad, the outer tag of QinQ"},
    {0},
};
static const struct config_field vlan_fields[] = {
    {CONFIG_MEMBER(struct vlan_config, id), .type = CONFIG_TYPE_U16, .required = true, .min = "1", .max = "4094",
     .doc = "VLAN number"},
    {CONFIG_MEMBER(struct vlan_config, priority), .type = CONFIG_TYPE_U8, .fallback = "0", .max = "7",
     .doc = "802.1p priority"},
    {CONFIG_MEMBER(struct vlan_config, tpid), .type = CONFIG_TYPE_ENUM, .choices = tpids, .fallback = "x8100",
     .doc = "Tag protocol"},
};
const struct config_schema plan_vlan_schema = CONFIG_SCHEMA("vlan", struct vlan_config, vlan_fields, "One VLAN tag");

static const struct config_field label_fields[] = {
    {CONFIG_MEMBER(struct label_config, label), .type = CONFIG_TYPE_U32, .required = true, .min = "16",
     .max = "1048575", .doc = "MPLS label"},
    {CONFIG_MEMBER(struct label_config, tc), .type = CONFIG_TYPE_U8, .fallback = "0", .max = "7",
     .doc = "Traffic class"},
    {CONFIG_MEMBER(struct label_config, ttl), .type = CONFIG_TYPE_U8, .fallback = "255", .min = "1",
     .doc = "Time to live of the label; that of the IP header is its own"},
};
const struct config_schema plan_label_schema =
    CONFIG_SCHEMA("label", struct label_config, label_fields, "One entry of an MPLS label stack");

static const struct config_choice dhcp_families[] = {
    {"none", 0, "no address by DHCP"},
    {"ipv4", PLAN_DHCP_IPV4, "DHCPv4"},
    {"ipv6", PLAN_DHCP_IPV6, "DHCPv6"},
    {"both", PLAN_DHCP_IPV4 | PLAN_DHCP_IPV6, "both"},
    {0},
};
static const struct config_field device_fields[] = {
    {CONFIG_MEMBER(struct device_config, name), .type = CONFIG_TYPE_STRING, .required = true, .min = "1", .max = "32",
     .doc = "Name of the device"},
    {CONFIG_MEMBER(struct device_config, port), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .doc = "Name of the port it is connected to"},
    {CONFIG_MEMBER(struct device_config, mac), .type = CONFIG_TYPE_MAC, FLAG(struct device_config, mac_given),
     .doc =
         "MAC address of the first host, the next ones count up; otherwise 02:00 followed by the IPv4 address, or 06 "
         "and a hash of the IPv6 address; with dhcp alone 02 and a hash of the device's name and the location"},
    {CONFIG_MEMBER(struct device_config, ipv4), .type = CONFIG_TYPE_OPTIONAL, .schema = &ipv4_schema,
     .doc = "IPv4 addresses; a device has these, IPv6 ones, or both"},
    {CONFIG_MEMBER(struct device_config, ipv6), .type = CONFIG_TYPE_OPTIONAL, .schema = &ipv6_schema,
     .doc = "IPv6 addresses"},
    {CONFIG_MEMBER(struct device_config, dhcp), .type = CONFIG_TYPE_ENUM, .choices = dhcp_families, .fallback = "none",
     .doc = "Addresses by DHCP, instead of those of that family:"},
    {CONFIG_MEMBER(struct device_config, lease), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_lease_schema,
     .doc = "How, with loads; for weir exec, nc and services see --dhcp-timeout"},
    {CONFIG_ITEMS(struct device_config, vlans), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &plan_vlan_schema, .items_max = 2, .doc = "VLAN tags, outermost first"},
    {CONFIG_MEMBER(struct device_config, vni), .type = CONFIG_TYPE_U32, .fallback = "0", .max = "16777215",
     .doc =
         "At a tunnel:vxlan,... port with vnis=FIRST-LAST: the network, instead of tags; otherwise that of its vni="},
    {CONFIG_ITEMS(struct device_config, mpls), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &plan_label_schema, .items_max = HOST_MAX_LABELS,
     .doc = "MPLS labels of unicast datagrams, outermost first"},
    {CONFIG_MEMBER(struct device_config, count), .type = CONFIG_TYPE_U32, .fallback = "1", .min = "1", .max = "1000000",
     .doc = "How many hosts this entry makes"},
    {CONFIG_MEMBER(struct device_config, step), .type = CONFIG_TYPE_U32, .fallback = "1", .min = "1", .max = "16777216",
     .doc = "Distance between the addresses of two hosts"},
};
static const struct config_schema device_schema =
    CONFIG_SCHEMA_SELF("device", struct device_config, device_fields, node, "Emulated hosts");

/* ---- tcp ---- */

static const struct config_choice congestions[] = {
    {"newreno", TCP_NEWRENO, "RFC 5681 and 6582"},
    {"cubic", TCP_CUBIC, "RFC 9438"},
    {"fixed", TCP_FIXED, "a constant window of fixed_window bytes"},
    {0},
};
static const struct config_choice ecn_uses[] = {
    {"off", TCP_ECN_OFF, "never"},
    {"on", TCP_ECN_ON, "asked for, and agreed to when the peer asks"},
    {"passive", TCP_ECN_PASSIVE, "when the peer asks for it"},
    {0},
};
static const struct config_choice cookies[] = {
    {"off", TCP_COOKIES_OFF, "never; what finds the queue full is dropped"},
    {"when_full", TCP_COOKIES_WHEN_FULL, "while syn_queue handshakes are in progress"},
    {"always", TCP_COOKIES_ALWAYS, "for every handshake"},
    {0},
};
static const struct config_choice mtu_probings[] = {
    {"off", TCP_MTU_PROBING_OFF, "never; only what routers say lowers the MSS"},
    {"black_hole", TCP_MTU_PROBING_BLACK_HOLE, "when full segments do not arrive and no router says why"},
    {"always", TCP_MTU_PROBING_ALWAYS, "from 1024 bytes upwards"},
    {0},
};
static const struct config_field tcp_fields[] = {
    {CONFIG_MEMBER(struct tcp_config, mss), .type = CONFIG_TYPE_U16, .fallback = "0", .max = "9176",
     .doc = "Largest segment, of either direction; 0: from the MTU"},
    {CONFIG_MEMBER(struct tcp_config, min_mss), .type = CONFIG_TYPE_U16, .fallback = "48", .min = "48", .max = "1460",
     .doc = "Floor for the peer's MSS"},
    {CONFIG_MEMBER(struct tcp_config, receive_buffer), .type = CONFIG_TYPE_SIZE, .fallback = "256KiB", .min = "1KiB",
     .max = "1GiB", .doc = "Largest receive window"},
    {CONFIG_MEMBER(struct tcp_config, max_in_flight), .type = CONFIG_TYPE_SIZE, .fallback = "16MiB", .min = "1KiB",
     .max = "1GiB", .doc = "Bytes sent and not acknowledged at most"},
    {CONFIG_MEMBER(struct tcp_config, window_scaling), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Window scale option"},
    {CONFIG_MEMBER(struct tcp_config, timestamps), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Timestamps option"},
    {CONFIG_MEMBER(struct tcp_config, sack), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Selective acknowledgement"},
    {CONFIG_MEMBER(struct tcp_config, rack), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "With SACK, losses are found by time (RFC 8985), otherwise by RFC 6675"},
    {CONFIG_MEMBER(struct tcp_config, tlp), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "With rack, tail loss probes (RFC 8985)"},
    {CONFIG_MEMBER(struct tcp_config, f_rto), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Spurious timeouts are found out and taken back (RFC 5682)"},
    {CONFIG_MEMBER(struct tcp_config, nagle), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Nagle's algorithm"},
    {CONFIG_MEMBER(struct tcp_config, quick_ack), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "No delayed ACKs"},
    {CONFIG_MEMBER(struct tcp_config, ack_push), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Acknowledge pushed segments at once"},
    {CONFIG_MEMBER(struct tcp_config, congestion), .type = CONFIG_TYPE_ENUM, .choices = congestions,
     .fallback = "cubic", .doc = "Congestion control"},
    {CONFIG_MEMBER(struct tcp_config, ecn), .type = CONFIG_TYPE_ENUM, .choices = ecn_uses, .fallback = "passive",
     .doc = "Explicit congestion notification (RFC 3168)"},
    {CONFIG_MEMBER(struct tcp_config, pacing), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Data leaves spread over the round-trip time, at 2 cwnd / SRTT in slow start and 1.2 afterwards"},
    {CONFIG_MEMBER(struct tcp_config, mtu_probing), .type = CONFIG_TYPE_ENUM, .choices = mtu_probings,
     .fallback = "black_hole", .doc = "When the path's MTU is found out by sending (RFC 4821)"},
    {CONFIG_MEMBER(struct tcp_config, initial_window), .type = CONFIG_TYPE_U32, .fallback = "10", .min = "1",
     .max = "1000", .doc = "Initial congestion window in segments"},
    {CONFIG_MEMBER(struct tcp_config, fixed_window), .type = CONFIG_TYPE_SIZE, .fallback = "65535B", .min = "1KiB",
     .max = "1GiB", .doc = "Window of congestion: fixed"},
    {CONFIG_MEMBER(struct tcp_config, delayed_ack), .type = CONFIG_TYPE_DURATION, .fallback = "40ms", .min = "0",
     .max = "499ms", .doc = "How long an ACK may wait"},
    {CONFIG_MEMBER(struct tcp_config, rto_min), .type = CONFIG_TYPE_DURATION, .fallback = "200ms", .min = "1ms",
     .max = "60s", .doc = "Smallest retransmission timeout"},
    {CONFIG_MEMBER(struct tcp_config, rto_initial), .type = CONFIG_TYPE_DURATION, .fallback = "1s", .min = "1ms",
     .max = "60s", .doc = "Retransmission timeout before the first measurement"},
    {CONFIG_MEMBER(struct tcp_config, rto_max), .type = CONFIG_TYPE_DURATION, .fallback = "60s", .min = "1s",
     .max = "1h", .doc = "Largest retransmission timeout"},
    {CONFIG_MEMBER(struct tcp_config, syn_retries), .type = CONFIG_TYPE_U32, .fallback = "6", .max = "100",
     .doc = "Retransmissions of a SYN before the attempt fails"},
    {CONFIG_MEMBER(struct tcp_config, syn_ack_retries), .type = CONFIG_TYPE_U32, .fallback = "5", .max = "100",
     .doc = "The same of a SYN-ACK"},
    {CONFIG_MEMBER(struct tcp_config, data_retries), .type = CONFIG_TYPE_U32, .fallback = "15", .min = "1",
     .max = "100", .doc = "Retransmission timeouts in a row before the connection fails"},
    {CONFIG_MEMBER(struct tcp_config, user_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "24h", .doc = "Data unacknowledged for so long fails the connection; 0: off"},
    {CONFIG_MEMBER(struct tcp_config, keepalive_idle), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "24h", .doc = "Idle time before keep-alive probes; 0: none"},
    {CONFIG_MEMBER(struct tcp_config, keepalive_interval), .type = CONFIG_TYPE_DURATION, .fallback = "75s", .min = "1s",
     .max = "24h", .doc = "Time between two keep-alive probes"},
    {CONFIG_MEMBER(struct tcp_config, keepalive_probes), .type = CONFIG_TYPE_U32, .fallback = "9", .min = "1",
     .max = "100", .doc = "Unanswered probes before the connection fails"},
    {CONFIG_MEMBER(struct tcp_config, time_wait), .type = CONFIG_TYPE_DURATION, .fallback = "60s", .min = "0",
     .max = "10m", .doc = "2MSL: how long the end that closes first stays in TIME_WAIT; 0: not at all"},
    {CONFIG_MEMBER(struct tcp_config, fin_wait_2), .type = CONFIG_TYPE_DURATION, .fallback = "60s", .min = "0",
     .max = "1h", .doc = "How long FIN-WAIT-2 waits for the peer's FIN; 0: for ever"},
    {CONFIG_MEMBER(struct tcp_config, syn_queue), .type = CONFIG_TYPE_U32, .fallback = "4096", .min = "1",
     .max = "1048576", FLAG(struct tcp_config, syn_queue_given),
     .doc = "Handshakes a listener may have in progress; an embedded server's listeners have room for all its "
            "connections unless this is given"},
    {CONFIG_MEMBER(struct tcp_config, syn_cookies), .type = CONFIG_TYPE_ENUM, .choices = cookies,
     .fallback = "when_full", .doc = "SYN cookies of a server: handshakes without state"},
    {CONFIG_MEMBER(struct tcp_config, accept_limit), .type = CONFIG_TYPE_U32, .fallback = "0",
     .doc = "Established connections that a server's listeners may have; 0: as many as there is room for"},
    {CONFIG_MEMBER(struct tcp_config, ttl), .type = CONFIG_TYPE_U8, .fallback = "64", .min = "1",
     .doc = "IP time to live"},
    {CONFIG_MEMBER(struct tcp_config, tos), .type = CONFIG_TYPE_U8, .fallback = "0", .doc = "IP type of service byte"},
};
static const struct config_schema tcp_schema =
    CONFIG_SCHEMA("tcp", struct tcp_config, tcp_fields, "Settings of a load's or server's connections");

/* ---- http ---- */

static const struct config_field size_fields[] = {
    {CONFIG_MEMBER(struct size_config, size), .type = CONFIG_TYPE_SIZE, .required = true, .doc = "Bytes of body"},
    {CONFIG_MEMBER(struct size_config, weight), .type = CONFIG_TYPE_U32, .fallback = "1", .min = "1", .max = "1000000",
     .doc = "How often it is drawn, relative to the others"},
};
static const struct config_schema size_schema =
    CONFIG_SCHEMA("size", struct size_config, size_fields, "One size of a distribution");

static const struct config_choice hashes[] = {
    {"none", 0, "no"},
    {"sha256", 1, "SHA-256"},
    {0},
};
static const struct config_choice path_meanings[] = {
    {"nothing", HTTP1_FROM_PATH_NOTHING, "nothing"},
    {"size", HTTP1_FROM_PATH_SIZE, "bytes of a generated body: 1500, 64k, 100M, 10G (powers of 1024)"},
    {"status", HTTP1_FROM_PATH_STATUS, "the status of the response"},
    {"delay", HTTP1_FROM_PATH_DELAY, "milliseconds before the response"},
    {0},
};
static const struct config_choice delay_distributions[] = {
    {"fixed", HTTP1_DELAY_FIXED, "always delay"},
    {"uniform", HTTP1_DELAY_UNIFORM, "uniform from 0 to twice delay"},
    {"exponential", HTTP1_DELAY_EXPONENTIAL, "exponential with the mean delay"},
    {0},
};
static const struct config_choice fault_kinds[] = {
    {"status", HTTP1_FAULT_STATUS, "an error's status instead of the response"},
    {"reset", HTTP1_FAULT_RESET, "RST instead of the response"},
    {"close", HTTP1_FAULT_CLOSE, "FIN in the middle of the response"},
    {"stall", HTTP1_FAULT_STALL, "nothing more from the middle of the response on"},
    {0},
};
static const struct config_field fault_fields[] = {
    {CONFIG_MEMBER(struct fault_config, kind), .type = CONFIG_TYPE_ENUM, .choices = fault_kinds, .required = true,
     .doc = "What happens"},
    {CONFIG_MEMBER(struct fault_config, probability), .type = CONFIG_TYPE_PROBABILITY, .fallback = "100%",
     .doc = "How often"},
    {CONFIG_MEMBER(struct fault_config, status), .type = CONFIG_TYPE_U16, .fallback = "503", .min = "400", .max = "599",
     .doc = "kind: status only: which"},
};
static const struct config_schema fault_schema =
    CONFIG_SCHEMA_SELF("fault", struct fault_config, fault_fields, node, "Something that goes wrong on purpose");

static const struct config_choice methods[] = {
    {"get", HTTP1_GET, "GET"},
    {"post", HTTP1_POST, "POST"},
    {"put", HTTP1_PUT, "PUT"},
    {"delete", HTTP1_DELETE, "DELETE"},
    {"head", HTTP1_HEAD, "HEAD"},
    {"options", HTTP1_OPTIONS, "OPTIONS"},
    {0},
};
static const struct config_field route_fields[] = {
    {CONFIG_MEMBER(struct route_config, path), .type = CONFIG_TYPE_STRING, .required = true, .min = "1", .max = "2048",
     .doc = "Path that is answered; a prefix when it ends in *"},
    {CONFIG_ITEMS(struct route_config, methods), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_ENUM, .choices = methods,
     .items_min = 1, .items_max = HTTP1_METHOD_COUNT,
     .doc = "Methods that are answered, others get 405; otherwise all, with root get and head. OPTIONS is answered 204 "
            "unless it is listed"},
    {CONFIG_MEMBER(struct route_config, status), .type = CONFIG_TYPE_U16, .fallback = "200", .min = "200", .max = "599",
     .doc = "Status of the response"},
    {CONFIG_MEMBER(struct route_config, size), .type = CONFIG_TYPE_SIZE, FLAG(struct route_config, size_given),
     .doc = "A generated body of so many bytes"},
    {CONFIG_ITEMS(struct route_config, sizes), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &size_schema, .items_min = 1, .items_max = 256,
     .doc = "Generated bodies whose sizes are drawn by weight"},
    {CONFIG_MEMBER(struct route_config, body), .type = CONFIG_TYPE_STRING, .doc = "The body itself"},
    {CONFIG_MEMBER(struct route_config, echo), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "The request's body comes back"},
    {CONFIG_MEMBER(struct route_config, digest), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "The 16 hexadecimal digits of the request body's digest come back"},
    {CONFIG_MEMBER(struct route_config, hash), .type = CONFIG_TYPE_ENUM, .choices = hashes, .fallback = "none",
     .doc = "A JSON text comes back: {\"length\": bytes of the request's body, \"sha256\": hexadecimal digits}"},
    {CONFIG_MEMBER(struct route_config, root), .type = CONFIG_TYPE_STRING, .min = "1", .max = "4096",
     .doc = "Directory whose files are served under path, which ends in /*; they are read before anything starts"},
    {CONFIG_MEMBER(struct route_config, index), .type = CONFIG_TYPE_STRING, .fallback = "index.html", .min = "1",
     .max = "255", .doc = "File that stands for its directory"},
    {CONFIG_MEMBER(struct route_config, from_path), .type = CONFIG_TYPE_ENUM, .choices = path_meanings,
     .fallback = "nothing", .doc = "What the rest of the target behind path, which ends in /*, says"},
    {CONFIG_MEMBER(struct route_config, close), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "The server closes the connection behind the response"},
    {CONFIG_MEMBER(struct route_config, chunk_size), .type = CONFIG_TYPE_SIZE, .fallback = "0", .max = "1GiB",
     .doc = "Body in chunks of this size; 0: Content-Length"},
    {CONFIG_MEMBER(struct route_config, close_delimited), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "No length: the body ends with the connection"},
    {CONFIG_MEMBER(struct route_config, delay), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0", .max = "1h",
     .doc = "Time before the response"},
    {CONFIG_MEMBER(struct route_config, delay_distribution), .type = CONFIG_TYPE_ENUM, .choices = delay_distributions,
     .fallback = "fixed", .doc = "Distribution of the delay"},
    {CONFIG_ITEMS(struct route_config, faults), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &fault_schema, .items_min = 1, .items_max = 16,
     .doc = "What goes wrong; one at most is drawn for a request, their probabilities add up to at most 1"},
    {CONFIG_MEMBER(struct route_config, rate), .type = CONFIG_TYPE_SIZE, .fallback = "0", .max = "1TiB",
     .doc = "Bytes of body a second that are written on average at most; 0: as fast as possible"},
    {CONFIG_MEMBER(struct route_config, read_rate), .type = CONFIG_TYPE_SIZE, .fallback = "0", .max = "1TiB",
     .doc = "Bytes of the request's body a second that are read; 0: as fast as possible"},
    {CONFIG_MEMBER(struct route_config, content_type), .type = CONFIG_TYPE_STRING, .min = "1", .max = "256",
     .doc = "Content-Type; otherwise application/octet-stream"},
    {CONFIG_MEMBER(struct route_config, headers), .type = CONFIG_TYPE_NODE,
     .doc = "Further headers: a map of name: value"},
};
static const struct config_schema route_schema =
    CONFIG_SCHEMA_SELF("route", struct route_config, route_fields, node,
                       "What the embedded server answers; the first matching route counts");

static const struct config_field http_server_fields[] = {
    {CONFIG_ITEMS(struct http_server_config, routes), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &route_schema, .required = true, .items_min = 1, .items_max = 1024,
     .doc = "What is answered; no route: 404"},
    {CONFIG_MEMBER(struct http_server_config, max_requests), .type = CONFIG_TYPE_U32, .fallback = "0",
     .doc = "Requests after which the server closes a connection; 0: never"},
    {CONFIG_MEMBER(struct http_server_config, header_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "0",
     .min = "0", .max = "1h", .doc = "Time from a request's first byte to the end of its head, else 408; 0: any"},
    {CONFIG_MEMBER(struct http_server_config, body_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "24h", .doc = "Time for a request's body, else 408; 0: any"},
    {CONFIG_MEMBER(struct http_server_config, body_min_rate), .type = CONFIG_TYPE_SIZE, .fallback = "0", .max = "1TiB",
     .doc = "Each so many bytes of body add a second to body_timeout; 0: none does"},
    {CONFIG_MEMBER(struct http_server_config, server_name), .type = CONFIG_TYPE_STRING, .min = "1", .max = "64",
     .doc = "Server header; otherwise none"},
};
static const struct config_schema http_server_schema = CONFIG_SCHEMA_SELF(
    "http_server", struct http_server_config, http_server_fields, node, "The embedded HTTP/1.1 server");

static const struct config_field url_fields[] = {
    {CONFIG_MEMBER(struct url_config, path), .type = CONFIG_TYPE_STRING, .required = true, .min = "1", .max = "4096",
     .doc = "Path and query"},
    {CONFIG_MEMBER(struct url_config, method), .type = CONFIG_TYPE_ENUM, .choices = methods, .fallback = "get",
     .doc = "Method"},
    {CONFIG_MEMBER(struct url_config, weight), .type = CONFIG_TYPE_U32, .fallback = "1", .min = "1", .max = "1000000",
     .doc = "How often it is drawn, relative to the others"},
    {CONFIG_MEMBER(struct url_config, body), .type = CONFIG_TYPE_STRING, .doc = "Body of the request"},
    {CONFIG_MEMBER(struct url_config, body_size), .type = CONFIG_TYPE_SIZE, .max = "1TiB",
     FLAG(struct url_config, body_size_given), .doc = "A generated body of so many bytes instead"},
    {CONFIG_MEMBER(struct url_config, chunk_size), .type = CONFIG_TYPE_SIZE, .fallback = "0", .max = "1GiB",
     .doc = "Body in chunks of this size; 0: Content-Length"},
    {CONFIG_MEMBER(struct url_config, headers), .type = CONFIG_TYPE_NODE,
     .doc = "Further headers: a map of name: value"},
    {CONFIG_MEMBER(struct url_config, status), .type = CONFIG_TYPE_U16, .fallback = "0", .max = "599",
     .doc = "Status that the response must have; 0: any of 200 to 399"},
    {CONFIG_MEMBER(struct url_config, length), .type = CONFIG_TYPE_SIZE, FLAG(struct url_config, length_given),
     .doc = "Bytes of body that the response must have"},
    {CONFIG_MEMBER(struct url_config, digest), .type = CONFIG_TYPE_U64, FLAG(struct url_config, digest_given),
     .doc = "Digest that the response's body must have: 0x and 16 hexadecimal digits"},
};
static const struct config_schema url_schema =
    CONFIG_SCHEMA_SELF("url", struct url_config, url_fields, node, "One request, and what its response must be");

static const struct config_choice orders[] = {
    {"weighted", PLAN_ORDER_WEIGHTED, "drawn by weight"},
    {"sequence", PLAN_ORDER_SEQUENCE, "one after the other, from the first on each new connection"},
    {"random", PLAN_ORDER_RANDOM, "drawn, all equally often"},
    {0},
};
static const struct config_choice verifications[] = {
    {"status", PLAN_VERIFY_STATUS, "only the status"},
    {"length", PLAN_VERIFY_LENGTH, "status and, where it is known, length"},
    {"digest", PLAN_VERIFY_DIGEST, "status and, where they are known, length and digest"},
    {0},
};
static const struct config_field http_client_fields[] = {
    {CONFIG_ITEMS(struct http_client_config, urls), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &url_schema, .required = true, .items_min = 1, .items_max = 65536, .doc = "What is requested"},
    {CONFIG_MEMBER(struct http_client_config, order), .type = CONFIG_TYPE_ENUM, .choices = orders,
     .fallback = "weighted", .doc = "How the next URL is chosen"},
    {CONFIG_MEMBER(struct http_client_config, verify), .type = CONFIG_TYPE_ENUM, .choices = verifications,
     .fallback = "digest",
     .doc = "What is checked; an embedded server's lengths and digests are known without being given"},
    {CONFIG_MEMBER(struct http_client_config, pipeline), .type = CONFIG_TYPE_U32, .fallback = "1", .min = "1",
     .max = "64", .doc = "Requests that may wait for their responses on one connection"},
    {CONFIG_MEMBER(struct http_client_config, host), .type = CONFIG_TYPE_STRING, .min = "1", .max = "255",
     .doc = "Host header; otherwise the server's address"},
    {CONFIG_MEMBER(struct http_client_config, headers), .type = CONFIG_TYPE_NODE,
     .doc = "Headers of every request: a map of name: value"},
};
static const struct config_schema http_client_schema =
    CONFIG_SCHEMA_SELF("http", struct http_client_config, http_client_fields, node, "The HTTP/1.1 client");

/* ---- loads ---- */

static const struct config_choice overloads[] = {
    {"drop", PLAN_OVERLOAD_DROP, "their SYNs are dropped"},
    {"answer", PLAN_OVERLOAD_ANSWER, "an eighth more is taken, and their first request answered 503"},
    {0},
};
static const struct config_choice families[] = {
    {"auto", PLAN_FAMILY_AUTO, "IPv4 where clients and servers have it, else IPv6"},
    {"ipv4", PLAN_FAMILY_IPV4, "IPv4"},
    {"ipv6", PLAN_FAMILY_IPV6, "IPv6"},
    {0},
};
static const struct config_field server_fields[] = {
    {CONFIG_MEMBER(struct server_config, device), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "Device of this file whose hosts answer"},
    {CONFIG_MEMBER(struct server_config, address), .type = CONFIG_TYPE_ADDRESS,
     FLAG(struct server_config, address_given), .doc = "Outside server instead, IPv4 or IPv6"},
    {CONFIG_MEMBER(struct server_config, family), .type = CONFIG_TYPE_ENUM, .choices = families, .fallback = "auto",
     FLAG(struct server_config, family_given), .doc = "With device: which of its addresses are used"},
    {CONFIG_MEMBER(struct server_config, port), .type = CONFIG_TYPE_U16, .fallback = "80", .min = "1",
     .doc = "TCP port"},
    {CONFIG_MEMBER(struct server_config, max_connections), .type = CONFIG_TYPE_U32, .fallback = "0", .max = "20000000",
     .doc = "Connections the embedded server takes at once; 0: as many as its loads may open"},
    {CONFIG_MEMBER(struct server_config, overload), .type = CONFIG_TYPE_ENUM, .choices = overloads, .fallback = "drop",
     .doc = "What happens to connections beyond max_connections"},
    {CONFIG_MEMBER(struct server_config, idle_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "24h", .doc = "A connection on which nothing moves for so long is ended; 0: never"},
    {CONFIG_MEMBER(struct server_config, http), .type = CONFIG_TYPE_OPTIONAL, .schema = &http_server_schema,
     .doc = "What the embedded server answers; one load describes it, others may use it"},
    {CONFIG_MEMBER(struct server_config, tcp), .type = CONFIG_TYPE_OPTIONAL, .schema = &tcp_schema,
     .doc = "TCP settings of the embedded server; otherwise those of the load"},
};
static const struct config_schema server_schema =
    CONFIG_SCHEMA_SELF("server", struct server_config, server_fields, node, "Whom a load is sent to");

#define TARGET(name_, number, type_, doc_)                                                                             \
    {                                                                                                                  \
        CONFIG_NAMED(name_, struct phase_config, value[number]), .type = type_,                                        \
                                                                 FLAG(struct phase_config, given[number]), .doc = doc_ \
    }
static const struct config_field phase_fields[] = {
    {CONFIG_MEMBER(struct phase_config, ramp), .type = CONFIG_TYPE_DURATION, .min = "1ms", .max = "4h",
     FLAG(struct phase_config, ramp_given),
     .doc = "From the level before (0 at the start) to this one within this time"},
    {CONFIG_MEMBER(struct phase_config, hold), .type = CONFIG_TYPE_DURATION, .min = "1ms", .max = "8784h",
     FLAG(struct phase_config, hold_given),
     .doc = "This level for this time; without a level: that of the phase before"},
    TARGET("connections_per_second", SCHEDULE_CONNECTIONS, CONFIG_TYPE_MILLI, "New connections"),
    TARGET("transactions_per_second", SCHEDULE_TRANSACTIONS, CONFIG_TYPE_MILLI, "Transactions"),
    TARGET("concurrent", SCHEDULE_CONCURRENT, CONFIG_TYPE_QUANTITY, "Connections open at once"),
    TARGET("bits_per_second", SCHEDULE_BITS, CONFIG_TYPE_QUANTITY, "Application bits, both directions together"),
};
static const struct config_schema phase_schema = CONFIG_SCHEMA_SELF(
    "phase", struct phase_config, phase_fields, node, "One phase of a schedule: a ramp or a hold of one target");

static const struct config_field pass_fields[] = {
    {CONFIG_MEMBER(struct pass_config, max_failed_connections), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Connections that may fail"},
    {CONFIG_MEMBER(struct pass_config, max_failed_transactions), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Transactions that may fail"},
    {CONFIG_MEMBER(struct pass_config, max_late), .type = CONFIG_TYPE_QUANTITY,
     FLAG(struct pass_config, max_late_given), .doc = "Launches that may be late"},
    {CONFIG_MEMBER(struct pass_config, max_dropped), .type = CONFIG_TYPE_QUANTITY,
     FLAG(struct pass_config, max_dropped_given), .doc = "Launches that may be dropped"},
    {CONFIG_MEMBER(struct pass_config, min_completed_transactions), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Transactions that must complete"},
    {CONFIG_MEMBER(struct pass_config, min_connections_per_second), .type = CONFIG_TYPE_MILLI, .fallback = "0",
     .doc = "Connections established, over the last phase"},
    {CONFIG_MEMBER(struct pass_config, min_transactions_per_second), .type = CONFIG_TYPE_MILLI, .fallback = "0",
     .doc = "Transactions completed, over the last phase"},
    {CONFIG_MEMBER(struct pass_config, min_bits_per_second), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Application bits both ways, over the last phase"},
    {CONFIG_MEMBER(struct pass_config, max_connect_p99), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .doc = "99th percentile of the time to connect; 0: any"},
    {CONFIG_MEMBER(struct pass_config, max_first_byte_p99), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .doc = "99th percentile of the time to the first byte; 0: any"},
    {CONFIG_MEMBER(struct pass_config, max_transaction_p50), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .doc = "Median transaction time; 0: any"},
    {CONFIG_MEMBER(struct pass_config, max_transaction_p99), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .doc = "99th percentile of the transaction time; 0: any"},
};
const struct config_schema plan_pass_schema =
    CONFIG_SCHEMA("pass", struct pass_config, pass_fields, "What a run must reach for exit code 0");

static const struct config_choice loops[] = {
    {"open", 0, "launches keep to their due times and wait in the backlog; latency counts from due time"},
    {"closed", 1, "what cannot be launched when it is due is dropped; latency counts from sending"},
    {0},
};
static const struct config_choice closes[] = {
    {"client", PLAN_CLOSE_CLIENT, "the client sends the first FIN and stays in TIME_WAIT"},
    {"server", PLAN_CLOSE_SERVER, "the last request says Connection: close, the server sends the first FIN"},
    {"reset", PLAN_CLOSE_RESET, "the client sends RST, nobody stays in TIME_WAIT"},
    {0},
};
static const struct config_choice thinks[] = {
    {"fixed", PLAN_THINK_FIXED, "always think_time"},
    {"uniform", PLAN_THINK_UNIFORM, "uniform from 0 to twice think_time"},
    {"exponential", PLAN_THINK_EXPONENTIAL, "exponential with the mean think_time"},
    {0},
};
static const struct config_field load_fields[] = {
    {CONFIG_MEMBER(struct load_config, name), .type = CONFIG_TYPE_STRING, .required = true, .min = "1", .max = "32",
     .doc = "Name of the load"},
    {CONFIG_MEMBER(struct load_config, client), .type = CONFIG_TYPE_NODE,
     .doc = "Device, or list of devices, that sends the load; none: only the server is there"},
    {CONFIG_MEMBER(struct load_config, server), .type = CONFIG_TYPE_MAP, .schema = &server_schema, .required = true,
     .doc = "Whom it is sent to"},
    {CONFIG_MEMBER(struct load_config, http), .type = CONFIG_TYPE_OPTIONAL, .schema = &http_client_schema,
     .doc = "HTTP requests"},
    {CONFIG_ITEMS(struct load_config, schedule), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &phase_schema, .items_max = SCHEDULE_MAX_PHASES, .doc = "Phases of one target, one after the other"},
    {CONFIG_MEMBER(struct load_config, max_transactions), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Transactions after which the load ends, before its schedule does; when all loads have ended the run does; "
            "0: no limit"},
    {CONFIG_MEMBER(struct load_config, loop), .type = CONFIG_TYPE_ENUM, .choices = loops, .fallback = "open",
     .doc = "What happens to launches that cannot be carried out when they are due"},
    {CONFIG_MEMBER(struct load_config, backlog), .type = CONFIG_TYPE_QUANTITY, FLAG(struct load_config, backlog_given),
     .doc = "Launches that may wait (loop: open); otherwise one second's worth at the peak rate"},
    {CONFIG_MEMBER(struct load_config, max_connections), .type = CONFIG_TYPE_U32, .min = "1", .max = "20000000",
     FLAG(struct load_config, max_connections_given),
     .doc = "Connections open at once; otherwise the peak of concurrent, two seconds of connections_per_second, one of "
            "transactions_per_second"},
    {CONFIG_MEMBER(struct load_config, requests_per_connection), .type = CONFIG_TYPE_U32,
     FLAG(struct load_config, requests_per_connection_given),
     .doc = "Requests before a connection is closed, 0: no limit; otherwise 1 for connections_per_second and 0 else"},
    {CONFIG_MEMBER(struct load_config, close), .type = CONFIG_TYPE_ENUM, .choices = closes, .fallback = "client",
     .doc = "Who closes first"},
    {CONFIG_MEMBER(struct load_config, think_time), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "24h",
     .doc = "Mean pause before a connection's next request (connections_per_second, concurrent); steps of 1 ms"},
    {CONFIG_MEMBER(struct load_config, think_distribution), .type = CONFIG_TYPE_ENUM, .choices = thinks,
     .fallback = "fixed", .doc = "Distribution of think times"},
    {CONFIG_MEMBER(struct load_config, connect_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "10s", .min = "0",
     .max = "1h", .doc = "Time an attempt to connect may take; 0: as long as SYNs are repeated"},
    {CONFIG_MEMBER(struct load_config, transaction_timeout), .type = CONFIG_TYPE_DURATION, .fallback = "30s",
     .min = "0", .max = "24h", .doc = "Time a transaction may take from its sending; 0: any"},
    {CONFIG_MEMBER(struct load_config, retry_pause), .type = CONFIG_TYPE_DURATION, .fallback = "1s", .min = "1ms",
     .max = "1h", .doc = "concurrent: pause before a failed connection is replaced"},
    {CONFIG_MEMBER(struct load_config, late_after), .type = CONFIG_TYPE_DURATION, .fallback = "10ms", .min = "0",
     .max = "1h", .doc = "A launch this much behind its due time counts as late"},
    {CONFIG_MEMBER(struct load_config, tcp), .type = CONFIG_TYPE_MAP, .schema = &tcp_schema, .doc = "TCP settings"},
    {CONFIG_MEMBER(struct load_config, pass), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_pass_schema,
     .doc = "Criteria of this load instead of report.pass"},
};
static const struct config_schema load_schema =
    CONFIG_SCHEMA_SELF("load", struct load_config, load_fields, node, "Stateful application load");

/* ---- impairments ---- */

static const struct config_choice directions[] = {
    {"tx", IMPAIRMENT_TX, "frames that leave the port"},
    {"rx", IMPAIRMENT_RX, "frames that arrive (mem: only)"},
    {"both", IMPAIRMENT_BOTH, "all frames (mem: only)"},
    {0},
};
static const struct config_choice distributions[] = {
    {"uniform", IMPAIR_UNIFORM, "plus or minus jitter"},
    {"normal", IMPAIR_NORMAL, "jitter is the standard deviation"},
    {0},
};
static const struct config_field impairment_fields[] = {
    {CONFIG_MEMBER(struct impairment_config, port), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .doc = "Name of the port"},
    {CONFIG_MEMBER(struct impairment_config, direction), .type = CONFIG_TYPE_ENUM, .choices = directions,
     .fallback = "tx", .doc = "Which frames"},
    {CONFIG_MEMBER(struct impairment_config, loss), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "Random loss"},
    {CONFIG_MEMBER(struct impairment_config, burst_enter), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "Gilbert-Elliott: from the good to the bad state"},
    {CONFIG_MEMBER(struct impairment_config, burst_leave), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "Gilbert-Elliott: back to the good state"},
    {CONFIG_MEMBER(struct impairment_config, burst_loss), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "Gilbert-Elliott: loss in the bad state"},
    {CONFIG_MEMBER(struct impairment_config, duplicate), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "Duplication"},
    {CONFIG_MEMBER(struct impairment_config, corrupt), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "One bit flipped"},
    {CONFIG_MEMBER(struct impairment_config, reorder), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .doc = "Reordering"},
    {CONFIG_MEMBER(struct impairment_config, reorder_gap), .type = CONFIG_TYPE_U32, .fallback = "3", .min = "1",
     .max = "1024", .doc = "Later frames that overtake (without delay)"},
    {CONFIG_MEMBER(struct impairment_config, delay), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "1h", .doc = "Delay"},
    {CONFIG_MEMBER(struct impairment_config, jitter), .type = CONFIG_TYPE_DURATION, .fallback = "0", .min = "0",
     .max = "1h", .doc = "Variation of the delay"},
    {CONFIG_MEMBER(struct impairment_config, distribution), .type = CONFIG_TYPE_ENUM, .choices = distributions,
     .fallback = "uniform", .doc = "Distribution of the jitter"},
    {CONFIG_MEMBER(struct impairment_config, jitter_keeps_order), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Jitter alone does not reorder"},
    {CONFIG_MEMBER(struct impairment_config, bits_per_second), .type = CONFIG_TYPE_QUANTITY, .fallback = "0",
     .doc = "Line rate, 24 bytes of overhead for each frame; 0: no limit"},
    {CONFIG_MEMBER(struct impairment_config, queue_frames), .type = CONFIG_TYPE_U32, .fallback = "4096", .min = "1",
     .max = "1048576", .doc = "Frames that may wait for delay and rate"},
};
static const struct config_schema impairment_schema = CONFIG_SCHEMA_SELF(
    "impairment", struct impairment_config, impairment_fields, node, "Harm done to frames on purpose");

/* ---- the whole ---- */

static const struct config_field stack_fields[] = {
    {CONFIG_MEMBER(struct stack_config, max_time_wait), .type = CONFIG_TYPE_U32, .fallback = "65536", .min = "1",
     .max = "16777216", .doc = "TIME_WAIT records of each port; beyond that the oldest is recycled and counted"},
    {CONFIG_MEMBER(struct stack_config, first_port), .type = CONFIG_TYPE_U16, .fallback = "10000", .min = "1",
     .doc = "First local port of clients"},
    {CONFIG_MEMBER(struct stack_config, last_port), .type = CONFIG_TYPE_U16, .fallback = "65535", .min = "1",
     .doc = "Last local port of clients"},
    {CONFIG_MEMBER(struct stack_config, fast_path), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "TCP's fast path; off: every segment takes the long way"},
    {CONFIG_MEMBER(struct stack_config, answer_echo), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Hosts answer pings"},
    {CONFIG_MEMBER(struct stack_config, flow_labels), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "TCP and UDP over IPv6 have a flow label for each flow (RFC 6437); otherwise 0"},
};
static const struct config_schema stack_schema =
    CONFIG_SCHEMA("stack", struct stack_config, stack_fields, "Settings of every port's stack");

static const struct config_field report_fields[] = {
    {CONFIG_MEMBER(struct report_config, pass), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_pass_schema,
     .doc = "Criteria for every load; without any: no failed connection, no failed transaction"},
};
static const struct config_schema report_schema =
    CONFIG_SCHEMA("report", struct report_config, report_fields, "What is judged");

static const struct config_field plan_fields[] = {
    {CONFIG_MEMBER(struct plan_config, description), .type = CONFIG_TYPE_STRING, .doc = "For people"},
    {CONFIG_ITEMS(struct plan_config, ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP, .schema = &port_schema,
     .required = true, .items_min = 1, .items_max = PLAN_MAX_PORTS, .doc = "Where frames leave and arrive"},
    {CONFIG_ITEMS(struct plan_config, devices), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &device_schema, .items_min = 1, .items_max = PLAN_MAX_DEVICES, .doc = "Emulated hosts"},
    {CONFIG_ITEMS(struct plan_config, loads), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP, .schema = &load_schema,
     .items_min = 1, .items_max = PLAN_MAX_LOADS, .doc = "What the hosts do"},
    {CONFIG_ITEMS(struct plan_config, impairments), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &impairment_schema, .items_max = 2 * PLAN_MAX_PORTS, .doc = "Harm done to frames on purpose"},
    {CONFIG_MEMBER(struct plan_config, router), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_router_schema,
     .doc = "For weir router, in the place of devices and loads"},
    {CONFIG_MEMBER(struct plan_config, accelerator), .type = CONFIG_TYPE_OPTIONAL, .schema = &plan_accelerator_schema,
     .doc = "For weir accel, in the place of devices and loads"},
    {CONFIG_MEMBER(struct plan_config, stack), .type = CONFIG_TYPE_MAP, .schema = &stack_schema,
     .doc = "Settings of every port's stack"},
    {CONFIG_MEMBER(struct plan_config, report), .type = CONFIG_TYPE_MAP, .schema = &report_schema,
     .doc = "What is judged"},
    {CONFIG_MEMBER(struct plan_config, seed), .type = CONFIG_TYPE_U64, .fallback = "1",
     .doc = "Seed of everything that is drawn"},
    {CONFIG_MEMBER(struct plan_config, duration), .type = CONFIG_TYPE_DURATION, .min = "1ms", .max = "8784h",
     FLAG(struct plan_config, duration_given),
     .doc = "Length of the load: schedules are cut there, or their last level is held until then; otherwise the "
            "longest schedule"},
    {CONFIG_MEMBER(struct plan_config, drain), .type = CONFIG_TYPE_DURATION, .fallback = "5s", .min = "0", .max = "1h",
     .doc = "Time in which what was begun may finish at the end"},
};
const struct config_schema plan_schema =
    CONFIG_SCHEMA_SELF("configuration", struct plan_config, plan_fields, node, "A run of weir");
