#!/bin/sh
# SPDX-License-Identifier: MIT
#
# link/af_packet against the Linux kernel over veth: the kernel in one namespace pings an address in the other, which only af_packet_peer.c answers.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

build af_packet_peer
peer=$work/af_packet_peer

ns_add kernel
ns_add ours
veth_add kernel veth0 ours veth1
in_ns kernel ip addr add 198.18.0.1/24 dev veth0

start "$work/peer.log" "$peer" "/run/netns/weir-$$-ours" veth1 198.18.0.2
peer_pid=$started_pid
check "the link opens an interface of another namespace" wait_for 10 grep -q ready "$work/peer.log"

pings() { # PING-OPTION...: how many answers came
    in_ns kernel ping -q "$@" 198.18.0.2 2>/dev/null | sed -n 's/.* \([0-9]*\) received.*/\1/p'
}
check_equal "ping is answered" 5 "$(pings -c 5 -i 0.01)"
check_equal "ping with full frames is answered" 5 "$(pings -c 5 -i 0.01 -s 1472)"
check_equal "a burst of 500 pings is answered" 500 "$(pings -c 500 -i 0.001 -l 64)"

tagged="ping with a VLAN tag is answered with the tag"
if in_ns kernel ip link add link veth0 name veth0.7 type vlan id 7 2>/dev/null; then
    in_ns kernel ip link set veth0.7 up
    in_ns kernel ip addr del 198.18.0.1/24 dev veth0
    in_ns kernel ip addr add 198.18.0.1/24 dev veth0.7
    check_equal "$tagged" 5 "$(pings -c 5 -i 0.01)"
else
    skip "$tagged" "the kernel has no CONFIG_VLAN_8021Q"
fi

stop "$peer_pid" || not_ok "the peer ends in order" "$(cat "$work/peer.log")"
value() { sed -n "s/^$1 //p" "$work/peer.log"; }
check "every ping and at least one ARP request was received" test "$(value frames_rx)" -ge 511
for drop in rx_no_buffer rx_too_long tx_no_room tx_error tx_malformed; do
    check_equal "no frame was dropped: $drop" 0 "$(value "$drop")"
done

"$peer" "/run/netns/weir-$$-ours" nosuch0 198.18.0.2 >"$work/nosuch.log" 2>&1 || true
check "an interface that is not there is named" grep -q "ERR_NOT_FOUND: interface nosuch0: No such device" "$work/nosuch.log"
"$peer" "/run/netns/nosuch" veth1 198.18.0.2 >"$work/nosuch.log" 2>&1 || true
check "a namespace that is not there is named" grep -q "ERR_NOT_FOUND: network namespace /run/netns/nosuch" "$work/nosuch.log"
