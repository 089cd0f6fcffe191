#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Datagrams of up to 65,507 bytes between our stack and the kernel, over veth and behind a router whose other link takes 1280 bytes: the kernel pings us,
# and UDP comes back with the same bytes; both ways in fragments. (We ping the kernel in cli/ping.bats.) tshark puts the fragments together too.
# Over IPv6 in large6.sh, where no router cuts: what is too long for it is told of first (RFC 8201).
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

build udp_echo_peer
peer=$work/udp_echo_peer

ours=$(address 198.18.0.2)
near=$(address 198.18.0.1)
far=$(address 198.18.1.2)
if [ "$FAMILY" = 4 ]; then prefix=24 whole=1472; else prefix=80 whole=1452; fi
ns_add ours
ns_add router
ns_add far
veth_add router in0 ours weir0
veth_add router out0 far far0
forwarding_on router
address_add router "$near" in0
address_add router "$(address 198.18.1.1)" out0
in_ns router ip link set out0 mtu 1280
address_add far "$far" far0
in_ns far ip link set far0 mtu 1280
route_add far "$(address 198.18.1.1)"
start "$work/peer.log" "$peer" "/run/netns/weir-$$-ours" weir0 "$ours/$prefix" "$near"
peer_pid=$started_pid
if ! wait_for 10 grep -q ready "$work/peer.log"; then
    not_ok "our host is there" "$(cat "$work/peer.log")"
    exit 1
fi
capture_start router in0 "$work/large.pcap"

sizes="0 8 $whole $((whole + 1)) 2960 2961 4096 9000 20000 40000 60000 65507"
answered() { # NAMESPACE: the sizes of which all three pings came back with their bytes
    for size in $sizes; do
        in_ns "$1" ping -q -c 3 -i 0.01 -W 2 -s "$size" "$ours" 2>&1 | grep -q "3 received, 0% packet loss" && printf '%s ' "$size"
    done
}
check_equal "the kernel's pings of every size are answered" "$sizes " "$(answered router)"
[ "$FAMILY" = 6 ] || check_equal "pings of every size are answered through a router with an MTU of 1280" "$sizes " "$(answered far)"

udp() { # NAMESPACE TRIES SIZE...
    udp_ns=$1
    shift
    in_ns "$udp_ns" /usr/bin/python3 "$root/tests/interop/udp_sizes.py" "$ours" "$@"
}
check_equal "UDP of every size comes back" "$(for size in $sizes; do echo "$size 1"; done)" "$(eval udp router 1 "$sizes")"
check_equal "UDP that the router may not cut is told of when it is too long, and goes in fragments then" "$(printf '1400 2\n1401 1\n1252 1\n1253 1\n60000 1')" \
    "$(udp far 5 1400 1401 1252 1253 60000)"
check_equal "UDP of every size comes back through that router" "$(for size in $sizes; do echo "$size 1"; done)" "$(eval udp far 1 "$sizes")"
[ "$FAMILY" = 4 ] || check_equal "pings of every size are answered through that router" "$sizes " "$(answered far)"

capture_stop
stop "$peer_pid" || not_ok "our host ends in order" "$(cat "$work/peer.log")"
value() { sed -n "s/^$1 //p" "$work/peer.log"; }
check "datagrams were put together and cut" test "$(value "ipv${FAMILY}_reassembled")" -ge 70 -a "$(value "ipv${FAMILY}_fragmented")" -ge 70
diag "$(value "ipv${FAMILY}_fragments_received") fragments made $(value "ipv${FAMILY}_reassembled") datagrams; $(value "ipv${FAMILY}_fragmented") were cut into $(value "ipv${FAMILY}_fragments_sent")"
check_equal "no datagram was dropped, neither of the kernel's nor of ours" "" \
    "$(grep -E '^(frag_[a-z_]+|[a-z]+_bad_[a-z_]+|tx_no_room|unsent) [1-9]' "$work/peer.log")"
check_equal "one path MTU was learnt" 1 "$(value path_mtus_lowered)"
wrong="_ws.malformed || $ip.fragment.error || $ip.fragment.overlap || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0 ||
    icmpv6.checksum.status == 0"
# the datagram that the ICMP error quotes is cut short
check_equal "tshark finds nothing wrong in $(frames "$work/large.pcap" "$ip") packets" "" \
    "$(decode "$work/large.pcap" -Y "($wrong) && !($too_long)" | head -n 5)"
told=$(decode "$work/large.pcap" -Y "$too_long && $told_mtu == 1280" -T fields -e frame.number | head -n 1)
check_equal "after the router told its MTU, the largest packet to it" 1280 \
    "$(packet_lengths "$work/large.pcap" "$ip.src == $ours && $ip.dst == $far && frame.number > ${told:-999999}" | tail -n 1)"
