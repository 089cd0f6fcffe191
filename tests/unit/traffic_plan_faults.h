/* SPDX-License-Identifier: MIT */
/*
 * Faulty configurations for test_traffic_plan.c: what is set in the good one, and the message that must come first.
 */
#ifndef TESTS_UNIT_TRAFFIC_PLAN_FAULTS_H
#define TESTS_UNIT_TRAFFIC_PLAN_FAULTS_H

struct fault {
    const char *set[3]; /* up to three assignments, as by --set */
    const char *message;
};

static const struct fault faults[] = {
    {{"ports[0].location=\"mem:other\""},
     "--set ports[0].location: ports[0].location: found 1 port at \"mem:other\", allowed exactly two"},
    {{"ports[0].location=\"mem:\""},
     "--set ports[0].location: ports[0].location: found \"mem:\" without anything behind the colon, allowed mem:NAME, "
     "packet:IFNAME, xdp:IFNAME, tap:NAME, pcap:FILE, tunnel:KIND,..."},
    {{"ports[0].location=\"dpdk:0\""},
     "--set ports[0].location: ports[0].location: found \"dpdk:0\", which is not in this version, allowed mem:NAME, "
     "packet:IFNAME, xdp:IFNAME, tap:NAME, pcap:FILE, tunnel:KIND,..."},
    {{"ports[0].location=\"dpdk:eth0\""},
     "--set ports[0].location: ports[0].location: found \"dpdk:eth0\", which is not in this version, allowed mem:NAME, "
     "packet:IFNAME, xdp:IFNAME, tap:NAME, pcap:FILE, tunnel:KIND,..."},
    {{"ports[0].location=\"eth0\""},
     "--set ports[0].location: ports[0].location: found \"eth0\", allowed mem:NAME, packet:IFNAME, xdp:IFNAME, "
     "tap:NAME, "
     "pcap:FILE, tunnel:KIND,..."},
    {{"ports[2].location=\"tunnel:stt,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: found \"stt\", allowed ipip, gre, gretap, vxlan"},
    {{"ports[2].location=\"tunnel:gre,local=10.0.0.1/24,remote=10.0.0.2\""},
     "--set ports[2].location: ports[2].location: tunnel: over is missing: the location below, such as "
     "over=packet:eth1, "
     "at the end"},
    {{"ports[2].location=\"tunnel:gre,remote=10.0.0.2,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: local is missing"},
    {{"ports[2].location=\"tunnel:gre,local=10.0.0.1/24,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: remote is missing"},
    {{"ports[2].location=\"tunnel:gre,local=10.0.0.1/24,remote=10.0.0.2,remote=10.0.0.3,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: remote: found 2, allowed one; several only of vxlan"},
    {{"ports[2].location=\"tunnel:gre,local=10.0.0.1/24,remote=2001:db8::1,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: remote: found another family than local has, allowed the "
     "same"},
    {{"ports[2].location=\"tunnel:vxlan,local=10.0.0.1/24,remote=10.0.0.2,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: vni is missing"},
    {{"ports[2].location=\"tunnel:vxlan,vni=16777216,local=10.0.0.1/24,remote=10.0.0.2,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: vni: found \"16777216\", allowed 0 to 16777215"},
    {{"ports[2].location=\"tunnel:vxlan,vnis=1-65537,local=10.0.0.1/24,remote=10.0.0.2,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: vnis: found \"1-65537\", allowed FIRST-LAST, at most 65536 "
     "of 1 "
     "to 16777215"},
    {{"ports[2].location=\"tunnel:vxlan,vnis=100-200,local=10.0.0.1/24,remote=10.0.0.2,over=tap:x\"",
      "devices[2].vni=99"},
     "--set devices[2].vni: devices[2].vni: found 99, allowed 100 to 200 as port \"up\" has"},
    {{"ports[2].location=\"tunnel:vxlan,vnis=100-200,local=10.0.0.1/24,remote=10.0.0.2,over=tap:x\"",
      "devices[2].vlans=[{id: 150}]"},
     "--set devices[2].vlans: devices[2].vlans: found on port \"up\", which has vnis, allowed there: vni"},
    {{"devices[2].vni=42"},
     "--set devices[2].vni: devices[2].vni: found on port \"up\" (packet:eth7), allowed only on tunnel:vxlan,... with "
     "vnis=FIRST-LAST"},
    {{"devices[2].vni=16777216"},
     "--set devices[2].vni: devices[2].vni: found the integer 16777216, allowed an integer from 0 to 16777215"},
    {{"ports[2].location=\"tunnel:ipip,key=1,local=10.0.0.1/24,remote=10.0.0.2,over=tap:x\""},
     "--set ports[2].location: ports[2].location: tunnel: found \"key=1\", allowed local remote gateway ttl dscp "
     "fragment"},
    {{"ports[2].location=\"tunnel:ipip,local=10.0.0.1/24,remote=10.0.0.2,over=mem:wire\""},
     "--set ports[2].location: ports[2].location: tunnel: over: found \"mem:wire\", allowed packet:IFNAME, xdp:IFNAME, "
     "tap:NAME, "
     "tunnel:KIND,..."},
    {{"ports[1].name=left"}, "--set ports[1].name: ports[1].name: found \"left\" a second time, allowed once"},
    {{"ports[1].mtu=9000"},
     "--set ports[1].mtu: ports[1].mtu: found 9000, allowed 1500 as at the other end, port \"left\""},
    {{"ports[1].trust_checksums=true"},
     "--set ports[1].trust_checksums: ports[1].trust_checksums: found true, allowed false as at the other end, port "
     "\"left\""},
    {{"ports[0].netns=/run/netns/x"},
     "--set ports[0].netns: ports[0].netns: found on a port at \"mem:wire\", allowed only on packet:, xdp:, tap: "
     "and tunnel: ports"},
    {{"ports[0].offload.tso=false"},
     "--set ports[0].offload.tso: ports[0].offload: found on a port at \"mem:wire\", allowed only on packet: and tap: "
     "ports"},
    {{"ports[2].location=\"xdp:eth7\"", "ports[2].offload.tso=false"},
     "--set ports[2].offload.tso: ports[2].offload: found on a port at \"xdp:eth7\", allowed only on packet: and tap: "
     "ports"},
    {{"ports[2].address=10.0.0.1/8"},
     "--set ports[2].address: ports[2].address: found on a port at \"packet:eth7\", allowed only on tap: ports"},
    {{"ports[2].offload.rx_checksum=false"},
     "--set ports[2].offload.rx_checksum: ports[2].offload.gro: found true with rx_checksum: false, allowed with "
     "rx_checksum: true"},
    {{"ports[2].offload={tx_checksum: false}"},
     "--set ports[2].offload: ports[2].offload.tso: found true with tx_checksum: false, allowed with tx_checksum: "
     "true"},
    {{"ports[2].offload={tx_checksum: false, tso: false, uso: true}"},
     "--set ports[2].offload: ports[2].offload.uso: found true with tx_checksum: false, allowed with tx_checksum: "
     "true"},
    {{"ports[2].location=\"tap:t\"", "ports[2].address=224.0.0.1/8"},
     "--set ports[2].address: ports[2].address: found 224.0.0.1, allowed unicast addresses"},
    {{"ports[2].trust_checksums=true"},
     "--set ports[2].trust_checksums: ports[2].trust_checksums: found on a port at \"packet:eth7\", allowed only on "
     "mem: ports"},
    {{"ports[2].read_file=x.pcap"},
     "--set ports[2].read_file: ports[2].read_file: found on a port at \"packet:eth7\", allowed only on pcap: ports"},
    {{"ports[0].promiscuous=false"},
     "--set ports[0].promiscuous: ports[0].promiscuous: found on a port at \"mem:wire\", allowed only on packet: "
     "and xdp: ports"},
    {{"ports[0].mtu=100"},
     "--set ports[0].mtu: ports[0].mtu: found the integer 100, allowed an integer from 576 to 9216"},
    {{"ports[0].colour=blue"},
     "--set ports[0].colour: ports[0].colour: found the unknown key \"colour\", allowed name, location, mtu, frames, "
     "trust_checksums, promiscuous, netns, address, address6, offload, read_file, capture, guard"},
    {{"ports[2].guard.allowed=[10.0.0.0/8, 300.1.1.1/8]"},
     "--set ports[2].guard.allowed: ports[2].guard.allowed[1]: found the text \"300.1.1.1/8\", allowed an address with "
     "prefix length such as 192.0.2.1/24 or 2001:db8::1/64"},
    {{"devices[0].port=nowhere"},
     "--set devices[0].port: devices[0].port: found \"nowhere\", which is no port, allowed left, right, up"},
    {{"devices[1].name=servers"},
     "--set devices[1].name: devices[1].name: found \"servers\" a second time, allowed once"},
    {{"devices[1].ipv4.address=10.0.2.3/16"},
     "test.yaml:6:50: devices[0].ipv4.address: found 10.0.2.3, which device \"clients\" has too, allowed only once"},
    {{"devices[1].ipv4.address=10.0.255.200/16"},
     "--set devices[1].ipv4.address: devices[1].ipv4.address: found 10.1.0.193 as the address of host 250 of 250, "
     "allowed 10.0.0.1 to 10.0.255.254"},
    {{"devices[1].ipv4.address=10.0.0.0/16"},
     "--set devices[1].ipv4.address: devices[1].ipv4.address: found 10.0.0.0 as the address of host 1 of 250, allowed "
     "10.0.0.1 to 10.0.255.254"},
    {{"devices[1].ipv4.address=255.255.255.250/8"},
     "--set devices[1].ipv4.address: devices[1].ipv4.address: found 255.255.255.250, allowed unicast addresses"},
    {{"devices[1].ipv4.address=224.0.0.1/16"},
     "--set devices[1].ipv4.address: devices[1].ipv4.address: found 224.0.0.1, allowed unicast addresses"},
    {{"devices[1].ipv4.address=10.0.1.1/31"},
     "--set devices[1].ipv4.address: devices[1].ipv4.address: found prefix length 31, allowed 1 to 30"},
    {{"devices[2].ipv4.gateway=192.0.3.1"},
     "--set devices[2].ipv4.gateway: devices[2].ipv4.gateway: found 192.0.3.1, allowed addresses in 192.0.2.0/24"},
    {{"devices[2].ipv4.gateway=192.0.2.12"},
     "--set devices[2].ipv4.gateway: devices[2].ipv4.gateway: found 192.0.2.12, which is one of the device's own "
     "addresses"},
    {{"devices[2].mac=\"01:00:00:00:00:01\""},
     "--set devices[2].mac: devices[2].mac: found 01:00:00:00:00:01, allowed unicast addresses"},
    {{"devices[1].count=0"},
     "--set devices[1].count: devices[1].count: found the integer 0, allowed an integer from 1 to 1000000"},
    {{"devices[1].vlans=[{id: 1}, {id: 2}, {id: 3}]"},
     "--set devices[1].vlans: devices[1].vlans: found a list of 3, allowed a list of at most 2 items, each a map"},
    {{"devices[1].mpls=[{label: 15}]"},
     "--set devices[1].mpls: devices[1].mpls[0].label: found the integer 15, allowed an integer from 16 to 1048575"},
    {{"devices[1].mpls=[{label: 16}, {label: 17}, {label: 18}, {label: 19}, {label: 20}]"},
     "--set devices[1].mpls: devices[1].mpls: found a list of 5, allowed a list of at most 4 items, each a map"},
    {{"devices[1].ipv4=10.0.0.1/8"},
     "--set devices[1].ipv4: devices[1].ipv4: found the text \"10.0.0.1/8\", allowed a map"},
    {{"loads[1].name=web"}, "--set loads[1].name: loads[1].name: found \"web\" a second time, allowed once"},
    {{"loads[0].client=nobody"},
     "--set loads[0].client: loads[0].client: found \"nobody\", which is no device, allowed servers, clients, far"},
    {{"loads[0].client=[clients, clients]"},
     "--set loads[0].client: loads[0].client[1]: found \"clients\" a second time, allowed once"},
    {{"loads[0].client=[]"},
     "--set loads[0].client: loads[0].client: found an empty list, allowed at least one device"},
    {{"loads[0].client=7"},
     "--set loads[0].client: loads[0].client: found the integer 7, allowed a device or a list of devices: servers, "
     "clients, far"},
    {{"loads[0].server.device=nobody"},
     "--set loads[0].server.device: loads[0].server.device: found \"nobody\", which is no device, allowed servers, "
     "clients, far"},
    {{"loads[0].server.address=10.0.0.9"},
     "--set loads[0].server.address: loads[0].server.address: found both device and address, allowed one of them"},
    {{"loads[1].server={port: 80}"},
     "--set loads[1].server: loads[1].server: found neither device nor address, allowed one of them"},
    {{"loads[1].server.http={routes: [{path: /, size: 1}]}"},
     "--set loads[1].server.http: loads[1].server.http: found settings of an embedded server for an outside address, "
     "allowed with device"},
    {{"loads[0].client=far"},
     "test.yaml:13:15: loads[0].server.device: found \"servers\" on port \"right\" (mem:wire), which is not wired to "
     "port \"up\" (packet:eth7) of the client \"far\""},
    {{"loads[0].client=servers"},
     "test.yaml:13:15: loads[0].server.device: found \"servers\", which is on port \"right\" as the client \"servers\" "
     "is, allowed devices on another port"},
    {{"devices[1].vlans=[{id: 7}]"},
     "test.yaml:13:15: loads[0].server.device: found \"servers\", whose VLAN tags differ from those of the client "
     "\"clients\""},
    {{"devices[1].mpls=[{label: 100}]"},
     "test.yaml:13:15: loads[0].server.device: found \"servers\", whose MPLS labels differ from those of the client "
     "\"clients\""},
    {{"devices[1].ipv4.address=10.1.1.1/16"},
     "test.yaml:13:7: loads[0].server: found 10.0.2.1, which device \"clients\" cannot reach: it is not in "
     "10.1.0.0/16, and a memory link has no routers"},
    {{"devices[0].ipv4.address=10.0.2.1/25"},
     "test.yaml:13:7: loads[0].server: found 10.0.1.1, which device \"servers\" cannot reach: it is not in "
     "10.0.2.0/25, and a memory link has no routers"},
    {{"loads[1].server.address=10.9.9.9"},
     "test.yaml:28:13: loads[1].server: found 10.9.9.9 as destination of port \"up\", whose guard allows only "
     "192.0.2.0/24, 198.18.0.0/15"},
    {{"loads[1].server.address=192.0.2.1", "devices[2].ipv4.gateway=0.0.0.0", "ports[2].guard.allowed=[198.18.0.0/15]"},
     "test.yaml:28:13: loads[1].server: found 192.0.2.1 as destination of port \"up\", whose guard allows only "
     "198.18.0.0/15"},
    {{"devices[2].ipv4.gateway=0.0.0.0"},
     "test.yaml:28:13: loads[1].server: found 198.18.0.1, which device \"far\" cannot reach: it is not in "
     "192.0.2.0/24, and the device has no gateway"},
    {{"loads[1].server.address=192.0.2.12"},
     "--set loads[1].server.address: loads[1].server.address: found 192.0.2.12, an address of device \"far\", allowed "
     "others' addresses (or device: far)"},
    {{"loads[1].server.address=224.0.0.1", "ports[2].guard.allowed=[0.0.0.0/0]"},
     "--set loads[1].server.address: loads[1].server.address: found 224.0.0.1, allowed unicast addresses"},
    {{"loads[1].client=clients"},
     "test.yaml:28:23: loads[1].server.address: found 198.18.0.1 behind port \"left\" (mem:wire), allowed a device: "
     "nobody else is on a memory link"},
    {{"loads[0].server.http=null", "loads[0].server={device: servers}"},
     "--set loads[0].server: loads[0].server: found no load that says what port 80 of device \"servers\" answers, "
     "allowed server.http.routes here or in another load"},
    {{"loads[1].server={device: servers, http: {routes: [{path: /, size: 1}]}}", "loads[1].client=clients"},
     "--set loads[1].server: loads[1].server.http: found a second description of port 80 of device \"servers\", which "
     "load \"web\" describes, allowed one"},
    {{"loads[1]={name: alone, server: {device: servers, port: 81}}"},
     "--set loads[1]: loads[1]: found neither client nor server.http, allowed at least one of them"},
    {{"loads[1]={name: alone, server: {device: servers, port: 81, http: {routes: [{path: /, size: 1}]}}, http: {urls: "
      "[{path: /}]}}"},
     "--set loads[1]: loads[1].http: found requests without a client, allowed together with client"},
    {{"loads[1]={name: alone, server: {device: servers, port: 81, http: {routes: [{path: /, size: 1}]}}, schedule: "
      "[{hold: 1s, concurrent: 1}]}"},
     "--set loads[1]: loads[1].schedule: found without a client, allowed together with client"},
    {{"loads[1]={name: x, client: far, server: {address: 198.18.0.1}, schedule: [{hold: 1s, concurrent: 1}]}"},
     "--set loads[1]: loads[1]: found no requests, allowed http"},
    {{"loads[0].schedule=[{hold: 1s}]"},
     "--set loads[0].schedule: loads[0].schedule[0]: found no target, allowed connections_per_second, "
     "transactions_per_second, concurrent, bits_per_second"},
    {{"loads[0].schedule=[{ramp: 1s}]"},
     "--set loads[0].schedule: loads[0].schedule[0]: found no target, allowed connections_per_second, "
     "transactions_per_second, concurrent, bits_per_second"},
    {{"loads[0].schedule=[{transactions_per_second: 5}]"},
     "--set loads[0].schedule: loads[0].schedule[0]: found neither ramp nor hold, allowed one of them"},
    {{"loads[0].schedule=[{ramp: 1s, hold: 1s, concurrent: 5}]"},
     "--set loads[0].schedule: loads[0].schedule[0]: found both ramp and hold, allowed one of them"},
    {{"loads[0].schedule=[{hold: 1s, concurrent: 5, bits_per_second: 5}]"},
     "--set loads[0].schedule: loads[0].schedule[0]: found 2 targets, allowed one"},
    {{"loads[0].schedule=[{hold: 1s, concurrent: 5}, {hold: 1s, bits_per_second: 5}]"},
     "--set loads[0].schedule: loads[0].schedule[1].bits_per_second: found bits_per_second, allowed concurrent as in "
     "the phases before"},
    {{"loads[0].schedule=[{hold: 1s, transactions_per_second: 401M}]"},
     "--set loads[0].schedule: loads[0].schedule[0].transactions_per_second: found a value that is too large, allowed "
     "up to 400M"},
    {{"loads[0].schedule=[{hold: 1s, concurrent: 21M}]"},
     "--set loads[0].schedule: loads[0].schedule[0].concurrent: found a value that is too large, allowed up to 20M"},
    {{"loads[0].schedule=[{hold: 1s, transactions_per_second: 0.0005}]"},
     "--set loads[0].schedule: loads[0].schedule[0].transactions_per_second: found the number 0.0005 (it is not a "
     "whole number of thousandths), allowed a number such as 0.5, 10k or 2.5M (k M G T)"},
    {{"loads[0].schedule=[{ramp: 5h, transactions_per_second: 5}]"},
     "--set loads[0].schedule: loads[0].schedule[0].ramp: found the text \"5h\", allowed a duration such as 10s, 250ms "
     "or 1.5us (units ns us ms s m h) from 1ms to 4h"},
    {{"loads[0].schedule=[{hold: 1s, concurrent: 50}]", "loads[0].max_connections=49"},
     "--set loads[0].max_connections: loads[0].max_connections: found 49, allowed at least 50, the peak of concurrent"},
    {{"loads[0].requests_per_connection=0", "loads[0].schedule=[{hold: 1s, connections_per_second: 5}]"},
     "--set loads[0].requests_per_connection: loads[0].requests_per_connection: found 0 with connections_per_second, "
     "allowed at least 1: connections must end"},
    {{"loads[0].think_time=1s"},
     "--set loads[0].think_time: loads[0].think_time: found with transactions_per_second, allowed with "
     "connections_per_second and concurrent: a rate decides itself when to send"},
    {{"loads[0].think_time=0.5ms", "loads[0].schedule=[{hold: 1s, concurrent: 5}]"},
     "--set loads[0].think_time: loads[0].think_time: found less than 1ms, allowed 0 or 1ms and more"},
    {{"loads[0].loop=closed", "loads[0].backlog=5"},
     "--set loads[0].backlog: loads[0].backlog: found with loop: closed, allowed with loop: open"},
    {{"loads[0].loop=sideways"},
     "--set loads[0].loop: loads[0].loop: found the text \"sideways\", allowed one of open, closed"},
    {{"loads[0].tcp.mss=1461"},
     "--set loads[0].tcp.mss: loads[0].tcp.mss: found 1461, allowed at most 1460: the port's MTU less 40"},
    {{"loads[0].tcp={rto_min: 5s, rto_max: 2s}"},
     "--set loads[0].tcp: loads[0].tcp.rto_max: found less than rto_min or rto_initial, allowed at least as much"},
    {{"loads[0].tcp.fixed_window=0"},
     "--set loads[0].tcp.fixed_window: loads[0].tcp.fixed_window: found the integer 0, allowed a size such as 64, 1KiB "
     "or 100MB (units B kB MB GB TB KiB MiB GiB TiB) from 1KiB to 1GiB"},
    {{"loads[0].server.tcp={mss: 2000}"},
     "--set loads[0].server.tcp: loads[0].server.tcp.mss: found 2000, allowed at most 1460: the port's MTU less 40"},
    {{"stack={first_port: 2000, last_port: 1000}"},
     "--set stack: stack.last_port: found 1000, allowed 2000 (first_port) to 65535"},
    {{"loads[0].http.urls=[{path: /nothing}]"},
     "--set loads[0].http.urls: loads[0].http.urls[0].path: found \"/nothing\", which no route of the server answers, "
     "allowed /a, /b/*, /echo (or status: 404)"},
    {{"loads[0].http.urls=[{path: /echo}]"},
     "--set loads[0].http.urls: loads[0].http.urls[0].method: found GET, which route \"/echo\" of the server does not "
     "allow (or status: 405)"},
    {{"loads[0].http.urls=[{path: \"/a b\"}]", "loads[0].server.http.routes=[{path: \"/*\", size: 1}]"},
     "--set loads[0].http.urls: loads[0].http.urls[0]: target: byte 0x20 at position 2; allowed are visible ASCII "
     "characters other than #"},
    {{"loads[0].http.urls=[{path: /echo, method: post, body: x, body_size: 1KiB}]"},
     "--set loads[0].http.urls: loads[0].http.urls[0].body_size: found both body and body_size, allowed one of them"},
    {{"loads[0].http.urls=[{path: /a, chunk_size: 10}]"},
     "--set loads[0].http.urls: loads[0].http.urls[0].chunk_size: found without a body, allowed with body or "
     "body_size"},
    {{"loads[0].http.urls=[{path: /a, digest: 0x1}]", "loads[0].http.verify=length"},
     "--set loads[0].http.urls: loads[0].http.urls[0].digest: found with verify: length, allowed with verify: digest"},
    {{"loads[0].http.urls=[{path: /a, length: 5}]", "loads[0].http.verify=status"},
     "--set loads[0].http.urls: loads[0].http.urls[0].length: found with verify: status, allowed with verify: length "
     "or digest"},
    {{"loads[0].http.urls=[{path: /a, method: head, digest: 0x1}]"},
     "--set loads[0].http.urls: loads[0].http.urls[0].digest: found with method: head, whose responses have no body"},
    {{"loads[0].http.headers=[a]"},
     "--set loads[0].http.headers: loads[0].http.headers: found a list of 1, allowed a map such as {Accept: "
     "text/html}"},
    {{"loads[0].http.headers={Host: x}"},
     "test.yaml:21:11: loads[0].http.urls[0]: header Host: the engine sets it itself; use the setting for it"},
    {{"loads[0].http.headers={Accept: [x]}"},
     "--set loads[0].http.headers: loads[0].http.headers.Accept: found a list of 1, allowed a text"},
    {{"loads[0].server.http.routes=[{path: /a}]"},
     "--set loads[0].server.http.routes: loads[0].server.http.routes[0]: found 0 of size, sizes, body, echo, digest, "
     "root, hash, from_path: size, allowed exactly one"},
    {{"loads[0].server.http.routes=[{path: /a, size: 1, echo: true}]"},
     "--set loads[0].server.http.routes: loads[0].server.http.routes[0]: found 2 of size, sizes, body, echo, digest, "
     "root, hash, from_path: size, allowed exactly one"},
    {{"loads[0].server.http.routes=[{path: a, size: 1}]"},
     "--set loads[0].server.http.routes: loads[0].server.http.routes[0].path: found \"a\", allowed paths that begin "
     "with /, or *"},
    {{"loads[0].server.http.routes=[{path: /a, size: 1, close_delimited: true, chunk_size: 5}]"},
     "--set loads[0].server.http.routes: loads[0].server.http.routes[0].chunk_size: found with close_delimited, "
     "allowed one of them"},
    {{"loads[0].server.http.routes=[{path: /a, size: 1, content_type: \"a\\nb\"}]"},
     "--set loads[0].server.http.routes: loads[0].server.http.routes: routes[0]: content_type: byte 0x0a at position "
     "1; allowed are visible characters, spaces and tabs"},
    {{"impairments=[{port: nowhere}]"},
     "--set impairments: impairments[0].port: found \"nowhere\", which is no port, allowed left, right, up"},
    {{"impairments=[{port: up, direction: both}]"},
     "--set impairments: impairments[0].direction: found both on a port at \"packet:eth7\", allowed tx (rx and both: "
     "on mem: ports)"},
    {{"impairments=[{port: left, loss: 1%}, {port: right, direction: rx}]"},
     "--set impairments: impairments[1]: found a second impairment of what port \"left\" sends, allowed one"},
    {{"impairments=[{port: left, loss: 2}]"},
     "--set impairments: impairments[0].loss: found the integer 2, allowed a probability such as 1% or 0.01, from 0 to "
     "1"},
    {{"loads=[{name: n0, server: {device: servers, port: 81, http: {routes: [{path: /, size: 1}]}}}, {name: n1, "
      "server: {device: servers, port: 82, http: {routes: [{path: /, size: 1}]}}}, {name: n2, server: {device: "
      "servers, port: 83, http: {routes: [{path: /, size: 1}]}}}, {name: n3, server: {device: servers, port: 84, http: "
      "{routes: [{path: /, size: 1}]}}}, {name: n4, server: {device: servers, port: 85, http: {routes: [{path: /, "
      "size: 1}]}}}, {name: n5, server: {device: servers, port: 86, http: {routes: [{path: /, size: 1}]}}}, {name: n6, "
      "server: {device: servers, port: 87, http: {routes: [{path: /, size: 1}]}}}, {name: n7, server: {device: "
      "servers, port: 88, http: {routes: [{path: /, size: 1}]}}}, {name: n8, server: {device: servers, port: 89, http: "
      "{routes: [{path: /, size: 1}]}}}, {name: n9, server: {device: servers, port: 90, http: {routes: [{path: /, "
      "size: 1}]}}}, {name: n10, server: {device: servers, port: 91, http: {routes: [{path: /, size: 1}]}}}, {name: "
      "n11, server: {device: servers, port: 92, http: {routes: [{path: /, size: 1}]}}}, {name: n12, server: {device: "
      "servers, port: 93, http: {routes: [{path: /, size: 1}]}}}, {name: n13, server: {device: servers, port: 94, "
      "http: {routes: [{path: /, size: 1}]}}}, {name: n14, server: {device: servers, port: 95, http: {routes: [{path: "
      "/, size: 1}]}}}, {name: n15, server: {device: servers, port: 96, http: {routes: [{path: /, size: 1}]}}}, {name: "
      "n16, server: {device: servers, port: 97, http: {routes: [{path: /, size: 1}]}}}]",
      "duration=1s"},
     "test.yaml:3:5: ports[1]: found 17 servers and different tcp settings on one port, allowed 16"},
    {{"seed=-1"}, "--set seed: seed: found the integer -1, allowed an integer from 0 to 18446744073709551615"},
    {{"duration=0"},
     "--set duration: duration: found the integer 0, allowed a duration such as 10s, 250ms or 1.5us (units ns us ms s "
     "m h) from 1ms to 8784h"},
    {{"loads[0].server.http.routes[0]={path: /a, from_path: size}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].path: found \"/a\" with from_path, allowed "
     "paths that end in /*"},
    {{"loads[0].server.http.routes[0]={path: /a*, root: x}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].path: found \"/a*\" with root, allowed "
     "paths that end in /*"},
    {{"loads[0].server.http.routes[0]={path: /*, root: x, size: 1}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0]: found 2 of size, sizes, body, echo, "
     "digest, root, hash, from_path: size, allowed exactly one"},
    {{"loads[0].server.http.routes[0]={path: /*, from_path: delay}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0]: found 0 of size, sizes, body, echo, "
     "digest, root, hash, from_path: size, allowed exactly one"},
    {{"loads[0].server.http.routes[0]={path: /*, root: x}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].root: found \"x\", allowed only where files "
     "can be read"},
    {{"loads[0].server.http.routes[0]={path: /, hash: sha256}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].hash: found sha256, which this program was "
     "built without"},
    {{"loads[0].server.http.routes[0]={path: /, size: 1, delay_distribution: uniform}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].delay_distribution: found without delay, "
     "allowed with it"},
    {{"loads[0].server.http.routes[0]={path: /, size: 1, faults: [{kind: reset, probability: 60%}, {kind: close, "
      "probability: 50%}]}"},
     "--set loads[0].server.http.routes[0]: loads[0].server.http.routes[0].faults: found probabilities that add up to "
     "110 %, allowed 100 % at most"},
};

#endif
