#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The limits of `weir accel` between two hosts of the kernel: transfers of both families whose SYNs are answered with cookies have equal digests, with timestamps,
# without, and for a server that the box knows and one that it does not; while spoofed SYNs come by the ten thousands, other connections complete, and the
# server sees few of them; what a source has beyond its connections passes.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

server4=198.18.0.2
server6=2001:db8::2
flood=50000
ns_add client
ns_add near
ns_add server
veth_add client c0 near n0
veth_add server s0 near n1
for end in client:c0:1 server:s0:2; do
    name=${end%%:*}
    rest=${end#*:}
    address_add "$name" "198.18.0.${rest#*:}" "${rest%:*}"
    in_ns "$name" ip -6 addr add "2001:db8::${rest#*:}/64" dev "${rest%:*}" nodad
done
in_ns server nft -f - <<'NFT'
table ip flood {
    chain input {
        type filter hook input priority 0
        ip saddr 198.19.0.0/16 tcp flags & (syn|ack) == syn counter
    }
}
NFT

accel_start() { # OPTION...
    : >"$work/accel.log"
    start_in_ns near "$work/accel.log" "$WEIR" accel examples/accel.yaml --json "$work/accel.json" \
        --set "ports[0].location=packet:n0" --set "ports[1].location=packet:n1" "$@"
    accel_pid=$started_pid
    wait_for 20 grep -q "Ctrl-C" "$work/accel.log" || not_ok "the accelerator starts" "$(cat "$work/accel.log")"
}
accel_stop() {
    kill -INT "$accel_pid"
    wait "$accel_pid" || not_ok "Ctrl-C ends the accelerator with status 0" "$(cat "$work/accel.log")"
}
counted() { # NAME
    /usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["accelerator"][sys.argv[2]])' "$work/accel.json" "$1"
}
transfers() { # NAME HOST COUNT
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" 8000 "$3"
    diag "$(tail -n 1 "$work/check.out")"
}

start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve 8000
wait_for 20 listens server 8000

# ---- every connection by a cookie: of ten SYNs in a second nine are too many

for timestamps in 1 0; do
    in_ns client sysctl -q -w net.ipv4.tcp_timestamps=$timestamps
    accel_start --set accelerator.syns_per_second=1
    for host in $server4 $server6; do
        transfers "timestamps $timestamps, $host: transfers behind cookies" "$host" 40
    done
    accel_stop
    diag "$(counted cookies_sent) cookies sent, $(counted cookies_returned) came back, $(counted syn_answered) SYNs got a flow at once"
    check "cookies came back" test "$(counted cookies_returned)" -gt 0
    check_equal "each connection has one or the other" 80 $(($(counted cookies_returned) + $(counted syn_answered)))
    check_equal "what was acknowledged was delivered" 0 "$(counted early_undelivered)"
done
in_ns client sysctl -q -w net.ipv4.tcp_timestamps=1

# ---- a flood

accel_start --set accelerator.syns_per_second=1000
mac=$(in_ns server ip -o link show s0 | sed 's/.*link.ether \([^ ]*\).*/\1/')
start_in_ns client "$work/flood.log" /usr/bin/python3 tests/interop/accel_flood.py c0 "$mac" $server4 8000 $flood
flood_pid=$started_pid
transfers "transfers beside a flood of spoofed SYNs" $server4 40
check "the flood ends" wait "$flood_pid"
accel_stop
diag "$(cat "$work/flood.log"); $(counted cookies_sent) cookies sent"
seen=$(in_ns server nft -j list table ip flood | /usr/bin/python3 -c 'import json, sys
print(sum(e["counter"]["packets"] for r in json.load(sys.stdin)["nftables"] if "rule" in r for e in r["rule"]["expr"] if "counter" in e))')
diag "$seen of $flood SYNs reached the server"
# a second's worth of them, what passes slower than that, and SYNs sent again
check "the server sees few of them" test "$seen" -lt $((flood / 5))
check "the others were answered with cookies" test "$(counted cookies_sent)" -gt $((flood * 3 / 5))

# ---- connections of one source

accel_start --set accelerator.source_flows=5
transfers "a source beyond its connections is served" $server4 20
accel_stop
check "and passes" test "$(counted bypass_source)" -gt 0
