#!/bin/sh
# SPDX-License-Identifier: MIT
#
# 10 MB both ways through a Linux router whose second link takes 1280 bytes, of which the ends know nothing: told by ICMP (RFC 1191), and with ICMP
# filtered by nftables (RFC 4821). We put to nginx, and curl gets from our server. Over veth and, with TSO, over TAP. Over
# IPv6 in black_hole6.sh.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/client_lib.sh
. "$(dirname "$0")/client_lib.sh"
cd "$root"

router_start 1280
if [ "$FAMILY" = 4 ]; then messages="icmp type destination-unreachable"; else messages="icmpv6 type packet-too-big"; fi
/usr/bin/python3 tests/interop/pattern.py 10000000 >"$work/body"

filter_icmp() { # what the router would tell is lost
    in_ns router nft "add table inet filter; add chain inet filter out { type filter hook output priority 0; };
        add rule inet filter out $messages counter drop"
}
filtered() { # how many messages were lost
    in_ns router nft list table inet filter | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'
}

counters() { # LOAD PYTHON-EXPRESSION over t, TCP's counters
    /usr/bin/python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["ports"][0]["tcp"]; print(eval(sys.argv[2]))' "$work/$1.json" "$2"
}
# Told at the first packets of full size, we need no timeout; told nothing, at most eight. Those that a busy machine brings about are found out (RFC 5682).
timeouts_allowed=0
expect_few_timeouts() { # NAME LOAD
    check_equal "$path: $1: segments were made smaller, after at most $timeouts_allowed timeouts" True \
        "$(counters "$2" 't["mss_lowered"] >= 1 and t["rto_fired"] - t["spurious_rto"] <= '$timeouts_allowed)"
    diag "$(counters "$2" '"timeouts %d, of which spurious %d, segments sent again %d, probes %d, of which lost %d" % (t["rto_fired"],
        t["spurious_rto"], t["retransmitted_segments"], t["mtu_probes"], t["mtu_probes_failed"])')"
}

put() { # NAME LOAD
    rm -f "$work/files/put/$2"
    check "$path: $1: 10 MB are put" load_number 1 "$2" \
        --set "loads[0].http.urls=[{path: /put/$2, method: put, status: 201, body_size: 10000000B}]" \
        --set "ports[0].guard.allowed=['$everywhere']" --set "devices[0]={name: clients, port: uplink, $(host_of "$clients" "$gateway")}"
    check "$path: $1: the file that nginx wrote is the body" cmp "$work/body" "$work/files/put/$2"
    expect_few_timeouts "$1" "$2"
}

serve_write() {
    cat >"$work/serve.yaml" <<YAML
ports:
  - {name: uplink, location: "$port_location", netns: $port_netns, guard: {allowed: ['$everywhere']}}
devices:
  - {name: web, port: uplink, $(host_of "$clients" "$gateway")}
loads:
  - name: web
    server:
      device: web
      port: 80
      http: {routes: [{path: /bytes/*, from_path: size}]}
YAML
}

got() { # NAME LOAD
    serve_write
    start "$work/$2.log" "$WEIR" run "$work/serve.yaml" --quiet --json "$work/$2.json"
    serve_pid=$started_pid
    wait_for 10 in_ns server curl -gs -o /dev/null "http://$(in_url "$clients")/bytes/1" || true
    check "$path: $1: curl gets 10 MB" in_ns server curl -gsS -m 30 -o "$work/got" "http://$(in_url "$clients")/bytes/10000000"
    check "$path: $1: what curl got is the body" cmp "$work/body" "$work/got"
    stop "$serve_pid" || true
    expect_few_timeouts "$1" "$2"
}

both_ways() { # NAME LOAD
    put "put, $1" "put-$2"
    in_ns router ip "-$FAMILY" route flush cache
    got "got, $1" "got-$2"
}

# The MTU falls in the middle of puts of 200 kB, one after the other on each of two connections, each of which must go through.
fall_while_sending() {
    router_mtu 1500
    load_start fall --set "loads[0].http.urls=[{path: /put/fall, method: put, body_size: 200000B}]" --set "loads[0].think_time=10ms" \
        --set "loads[0].schedule[0].concurrent=2" \
        --set "ports[0].guard.allowed=['$everywhere']" --set "devices[0]={name: clients, port: uplink, $(host_of "$clients" "$gateway")}"
    await_answers 20
    router_mtu 1280
    await_answers 20
    load_stop
    check_equal "$path: put while the MTU falls to 1280, ICMP is filtered: every body arrives" "0 " "$load_status $(cat "$work/fall.log")"
    check_equal "$path: put while the MTU falls: both connections made their segments smaller" True "$(counters fall 't["mss_lowered"] >= 2')"
    diag "$(counters fall '"timeouts %d, segments sent again %d" % (t["rto_fired"], t["retransmitted_segments"])')"
}

cells_router() { # veth|tap INTERFACE SUBNET
    clients=$(address "198.18.$3.10")
    gateway=$(address "198.18.$3.1")
    path_add "$1" "$2" "$gateway/24" router
    base_write
    timeouts_allowed=0
    both_ways "ICMP tells" told
    filter_icmp
    timeouts_allowed=8
    both_ways "ICMP is filtered" "filtered"
    fall_while_sending
    check "$path: messages were filtered" test "$(filtered)" -gt 0
    in_ns router nft delete table inet filter
}

cells_router veth weir2 1
cells_router tap weir3 2
