#!/bin/sh
# SPDX-License-Identifier: MIT
#
# weir traceroute through two routers of the kernel to a third, by UDP, ICMP and TCP, IPv4 and IPv6; what it says of a network that is not there, of a filter
# and of a small link; and Debian's traceroute the other way, to a host of Weir.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

for name in weir r1 r2 far; do ns_add $name; done
veth_add weir weir0 r1 near1
veth_add r1 far1 r2 near2
veth_add r2 far2 far far0
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0

address() { # NAMESPACE INTERFACE LINK HOST
    in_ns "$1" ip addr add "198.18.$3.$4/24" dev "$2"
    in_ns "$1" ip addr add "2001:db8:$3::$4/64" dev "$2" nodad
}
address r1 near1 0 1
address r1 far1 1 1
address r2 near2 1 2
address r2 far2 2 1
address far far0 2 2
route() { # NAMESPACE LINKS GATEWAY-LINK GATEWAY-HOST
    in_ns "$1" ip route add "198.18.$2.0/24" via "198.18.$3.$4"
    in_ns "$1" ip route add "2001:db8:$2::/64" via "2001:db8:$3::$4"
}
route r1 2 1 2
route r2 0 1 1
route far 0 2 1
route far 1 2 1
for name in r1 r2 far; do
    # The kernel's own limit of ICMP errors would leave some probes unanswered.
    in_ns $name sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done
for name in r1 r2 far; do
    # shellcheck disable=SC2016 # $0 is the inner shell's
    wait_for 10 sh -c '! ip netns exec "$0" ip -6 addr show tentative | grep -q inet6' "weir-$$-$name"
done
start_in_ns far "$work/listener.log" nc -lk 198.18.2.2 8080
wait_for 10 listens far 8080
capture_start weir weir0 "$work/trace.pcap"

trace4() { in_ns weir timeout 30 "$WEIR" traceroute packet:weir0 "$@" -a 198.18.0.2/24 -g 198.18.0.1; }
trace6() { in_ns weir timeout 30 "$WEIR" traceroute packet:weir0 "$@" -a 2001:db8:0::2/64 -g 2001:db8:0::1; }
path() { # FILE: who answered at each hop, and what it was
    /usr/bin/python3 -c 'import json, sys
for h in json.load(open(sys.argv[1]))["hops"]:
    print(h["hop"], *sorted({p.get("from", "-") + "/" + p["result"] for p in h["probes"]}), len(h["probes"]), end="; ")' "$1"
}

for method in udp icmp tcp; do
    check "IPv4, $method: the destination answers" trace4 198.18.2.2 -M $method --json "$work/$method.json"
    check_equal "IPv4, $method: both routers and the destination, three times each" \
        "1 198.18.0.1/hop 3; 2 198.18.1.2/hop 3; 3 198.18.2.2/arrived 3; " "$(path "$work/$method.json")"
    check "IPv6, $method: the destination answers" trace6 2001:db8:2::2 -M $method --json "$work/$method.json"
    check_equal "IPv6, $method: both routers and the destination" \
        "1 2001:db8::1/hop 3; 2 2001:db8:1::2/hop 3; 3 2001:db8:2::2/arrived 3; " "$(path "$work/$method.json")"
done
check "TCP to a port that listens" trace4 198.18.2.2 -M tcp -p 8080 -q 1 --json "$work/open.json"
check_equal "one probe each" "1 198.18.0.1/hop 1; 2 198.18.1.2/hop 1; 3 198.18.2.2/arrived 1; " "$(path "$work/open.json")"
check "the text has a line for each hop" sh -c "ip netns exec weir-$$-weir timeout 30 '$WEIR' traceroute packet:weir0 198.18.2.2 -a 198.18.0.2/24 -g 198.18.0.1 |
    tee '$work/text' | grep -Eq '^ 3  198\\.18\\.2\\.2( +[0-9.]+ ms){3}\$'"

in_ns r1 nft 'add table ip t; add chain ip t f { type filter hook forward priority 0; }; add rule ip t f ip daddr 198.18.2.9 reject with icmp type admin-prohibited'
trace4 198.18.2.9 --json "$work/none.json" -q 1 >"$work/none.txt" || none=$?
check_equal "a router that forbids it ends the path: exit code 1" "1: 1 198.18.0.1/hop 1; 2 198.18.0.1/error 1; " "${none:-0}: $(path "$work/none.json")"
check "and the text says !X" grep -Eq '^ 2  198\.18\.0\.1  [0-9.]+ ms !X$' "$work/none.txt"
in_ns far nft 'add table ip t; add chain ip t i { type filter hook input priority 0; }; add rule ip t i udp dport 33434-33600 drop'
trace4 198.18.2.2 -m 4 -w 300ms -q 1 --json "$work/silent.json" >/dev/null || silent=$?
check_equal "a destination that is silent: exit code 1, and every hop is told" "1: 1 198.18.0.1/hop 1; 2 198.18.1.2/hop 1; 3 -/silent 1; 4 -/silent 1; " \
    "${silent:-0}: $(path "$work/silent.json")"
in_ns r1 ip link set far1 mtu 1300
trace4 198.18.2.2 -D -s 1350 -f 2 -m 3 -q 1 >"$work/big.txt" || true
check "a probe that is too big for a link comes to light with its MTU" grep -q '198\.18\.0\.1 .*!F (mtu 1300)' "$work/big.txt"
in_ns r1 ip link set far1 mtu 1500

capture_stop
check_equal "nothing malformed on the wire" 0 "$(frames "$work/trace.pcap" "$bad_frames_filter")"

# ---- the other way

start_in_ns weir "$work/host.log" "$WEIR" exec -l packet:weir0 -a 198.18.0.2/24 -g 198.18.0.1 -6 2001:db8:0::2/64 --gateway6 2001:db8:0::1 -- /usr/bin/python3 -c '
import socket, time
s = socket.create_server(("", 8080))
time.sleep(60)'
host=$started_pid
wait_for 20 in_ns r1 ping -q -c 1 -W 1 198.18.0.2
for option in "" -I "-T -p 8080" "-T -p 9"; do
    # shellcheck disable=SC2086 # options are words
    in_ns far traceroute -n $option 198.18.0.2 >"$work/other.txt" 2>&1 || true
    check "Debian's traceroute ${option:--U} reaches Weir over IPv4" grep -Eq '^ 3  198\.18\.0\.2 .* ms' "$work/other.txt"
done
for option in "" -I; do
    # shellcheck disable=SC2086
    in_ns far traceroute -6 -n $option 2001:db8:0::2 >"$work/other.txt" 2>&1 || true
    check "Debian's traceroute ${option:--U} reaches Weir over IPv6" grep -Eq '^ 3  2001:db8::2 .* ms' "$work/other.txt"
done
stop "$host" || true
