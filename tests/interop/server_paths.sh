#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Weir's HTTP server for curl on the kernel's TCP where the way there is odd, over veth and over TAP: the least MTU, 1500 and 9000; TCP options off at the client;
# ECN; the link down and up; and behind a router whose MTU falls while we send, with ICMP that tells (RFC 1191, RFC 8201) and without (RFC 4821). What is
# fetched and posted arrives whole; captures of ours are decoded by tshark.
# shellcheck disable=SC2119,SC2120 # called by name
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/client_lib.sh
. "$(dirname "$0")/client_lib.sh"
cd "$root"
if [ "$FAMILY" = 4 ]; then lowered=1200; else lowered=1280; fi

ns_add ours
ns_add kernel
ns_add router
ns_add far
/usr/bin/python3 tests/interop/pattern.py 3000000 >"$work/body"
sum=$(sha256sum <"$work/body" | cut -d ' ' -f 1)

server_start() { # NAMESPACE OPTION...: that of the clients; results go to $work/server.json
    client_ns=$1
    shift
    start "$work/server.log" "$WEIR" run "$work/server.yaml" --quiet --json "$work/server.json" "$@"
    server_pid=$started_pid
    if ! wait_for 10 in_ns "$client_ns" curl -gsf -m 2 -o /dev/null "http://$(in_url "$web")/bytes/1"; then
        not_ok "$path: the server starts" "$(cat "$work/server.log")"
        exit 1
    fi
}

server_write() { # ADDRESS [GATEWAY]: for the last path_add
    cat >"$work/server.yaml" <<YAML
ports:
  - {name: uplink, location: "$port_location", netns: $port_netns, guard: {allowed: ['$everywhere']}}
devices:
  - {name: web, port: uplink, $(host_of "$@")}
loads:
  - name: web
    server:
      device: web
      port: 80
      http: {routes: [{path: /bytes/*, from_path: size}, {path: /slowly/*, from_path: size, rate: 30MB}, {path: /digest, methods: [post], hash: sha256}]}
YAML
    web=$1
}

server_stop() {
    kill -INT "$server_pid"
    server_status=0
    wait "$server_pid" || server_status=$?
    [ "$server_status" -eq 0 ] || not_ok "$path: the server ends well" "exit $server_status" "$(cat "$work/server.log")"
}

server_result() { # PYTHON-EXPRESSION over t, TCP's results
    /usr/bin/python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["ports"][0]["tcp"]; print(eval(sys.argv[2]))' "$work/server.json" "$1"
}

fetched() { # CURL-OPTION...: 3 MB
    in_ns "$client_ns" curl -gsSf -m 20 "$@" "http://$(in_url "$web")/bytes/3000000" | cmp - "$work/body"
}
posted() { # CURL-OPTION...: 3 MB
    in_ns "$client_ns" curl -gsSf -m 20 "$@" --data-binary "@$work/body" "http://$(in_url "$web")/digest" | grep -q "$sum"
}
fetched_and_posted() { fetched && posted; }

# ---- cells

cells_mtu() {
    for mtu in $least_mtu 1500 9000; do
        path_mtu "$mtu"
        # shellcheck disable=SC2086 # several words
        server_start kernel --set "ports[0].mtu=$mtu" --set "ports[0].capture=$work/mtu.pcap" $patient
        check "$path: MTU $mtu: fetched and posted" fetched_and_posted
        server_stop
        check_equal "$path: MTU $mtu: the largest packet" "$mtu" "$(largest_packet "$work/mtu.pcap")"
        clean "MTU $mtu" "$work/mtu.pcap" server
    done
    path_mtu 1500
}

# Data of ours on connections that agreed on ECN which are not ECT(0), but for what is sent again (RFC 3168 6.1.5).
ecn_blemishes() { # CAPTURE
    streams=$(decode "$1" -Y "tcp.flags.syn == 1 && tcp.flags.ack == 1 && tcp.flags.ece == 1" -T fields -e tcp.stream | paste -sd ,)
    frames "$1" "tcp.stream in {${streams:-4294967295}} && $ip.src == $web && tcp.len > 0 && $ecn != 2 && !tcp.analysis.retransmission"
}

cells_options() {
    # shellcheck disable=SC2086 # several words
    server_start kernel --set "ports[0].capture=$work/options.pcap" $patient
    for option in tcp_timestamps=0 tcp_sack=0 tcp_window_scaling=0 tcp_ecn=1; do
        in_ns kernel sysctl -qw net.ipv4.$option
        check "$path: $option at the client: fetched and posted" fetched_and_posted
        in_ns kernel sysctl -qw net.ipv4.${option%=*}=$((1 - ${option#*=}))
    done
    in_ns kernel sysctl -qw net.ipv4.tcp_ecn=2
    server_stop
    check_equal "$path: ECN was agreed on by the connections that asked for it" 2 "$(server_result 't["ecn_agreed"]')"
    check_equal "$path: and all data with ECN said so" 0 "$(ecn_blemishes "$work/options.pcap")"
    clean "TCP options off at the client, ECN" "$work/options.pcap" server
}

cells_link_flap() {
    server_start kernel
    for transfer in fetched posted; do
        $transfer --limit-rate 3M >"$work/flap.log" 2>&1 &
        flap_pid=$!
        sleep 0.4
        in_ns kernel ip link set weir1 down
        sleep 0.4
        in_ns kernel ip link set weir1 up
        flap_status=0
        wait "$flap_pid" || flap_status=$?
        check_equal "$path: link down and up: $transfer" "0 " "$flap_status $(cat "$work/flap.log")"
    done
    server_stop
}

fetched_more_than() { # BYTES
    [ "$(stat -c %s "$work/fetched")" -gt "$1" ]
}

# The router lowers its MTU behind the first of 20 transfers of 0.1 s.
fetched_while_lowered() { # MTU
    in_ns router ip link set out0 mtu 1500
    : >"$work/fetched"
    (wait_for 20 fetched_more_than 3000000 && in_ns router ip link set out0 mtu "$1") &
    seq 20 | sed "s|.*|url = http://$(in_url "$web")/slowly/3000000|" >"$work/urls"
    in_ns far timeout 20 curl -gsSf -K "$work/urls" >"$work/fetched"
    wait $!
    for _ in $(seq 20); do cat "$work/body"; done | cmp - "$work/fetched"
}

cells_pmtud() {
    server_start far
    check "$path: the MTU falls to $lowered on the way, ICMP tells" fetched_while_lowered $lowered
    server_stop
    check_equal "$path: segments became smaller" True "$(server_result 't["mss_lowered"] >= 1')"
    black="$path: the MTU falls to $lowered on the way, nobody tells"
    if ! in_ns router ip "-$FAMILY" rule add iif lo to "$web" blackhole 2>"$work/rule.log"; then
        skip "$black" "the kernel has no CONFIG_IP_MULTIPLE_TABLES"
        return
    fi
    in_ns router ip link set out0 mtu 1500
    server_start far
    check "$black" fetched_while_lowered $lowered
    server_stop
    check_equal "$path: segments became smaller, after timeouts" "True True" "$(server_result 't["mss_lowered"] >= 1, t["rto_fired"] >= 2' | tr -d '(),')"
    in_ns router ip "-$FAMILY" rule del iif lo to "$web"
}

# ---- the ways

forwarding_on router
veth_add router out0 far far0
address_add router "$(address 198.19.9.2)" out0
address_add far "$(address 198.19.9.1)" far0
route_add far "$(address 198.19.9.2)"

for kind in veth tap; do
    path_add $kind weir1 "$(address 198.18.0.1)/24" kernel
    server_write "$(address 198.18.0.2)"
    clean_from=$web
    cells_mtu
    cells_options
    cells_link_flap
    in_ns kernel ip link del weir1
    path_add $kind weir2 "$(address 198.19.0.1)/24" router
    server_write "$(address 198.19.0.2)" "$(address 198.19.0.1)"
    cells_pmtud
    in_ns router ip link del weir2
done
