#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The limits of `weir accel` between two hosts of the kernel: transfers of both families whose SYNs are answered with cookies have equal digests, with timestamps,
# without, and for a server that the box knows and one that it does not; while spoofed SYNs come by the ten thousands, other connections complete, and the
# server sees few of them; what a source has beyond its connections passes.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

flood=50000
one_box
in_ns server nft -f - <<'NFT'
table ip flood {
    chain input {
        type filter hook input priority 0
        ip saddr 198.19.0.0/16 tcp flags & (syn|ack) == syn counter
    }
}
NFT

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
    diag "$(count near cookies_sent) cookies sent, $(count near cookies_returned) came back, $(count near syn_answered) SYNs got a flow at once"
    check "cookies came back" test "$(count near cookies_returned)" -gt 0
    check_equal "each connection has one or the other" 80 $(($(count near cookies_returned) + $(count near syn_answered)))
    check_equal "what was acknowledged was delivered" 0 "$(count near early_undelivered)"
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
diag "$(cat "$work/flood.log"); $(count near cookies_sent) cookies sent"
seen=$(in_ns server nft -j list table ip flood | /usr/bin/python3 -c 'import json, sys
print(sum(e["counter"]["packets"] for r in json.load(sys.stdin)["nftables"] if "rule" in r for e in r["rule"]["expr"] if "counter" in e))')
diag "$seen of $flood SYNs reached the server"
# a second's worth of them, what passes slower than that, and SYNs sent again
check "the server sees few of them" test "$seen" -lt $((flood / 5))
check "the others were answered with cookies" test "$(count near cookies_sent)" -gt $((flood * 3 / 5))

# ---- connections of one source

accel_start --set accelerator.source_flows=5
transfers "a source beyond its connections is served" $server4 20
accel_stop
check "and passes" test "$(count near bypass_source)" -gt 0
