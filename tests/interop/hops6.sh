#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Programs on Weir beside two routers of IPv6 that are the Linux kernel: the first one tells of the other by redirects (RFC 4861 section 8), which are believed when
# that was asked for; and behind it the MTU is smaller (RFC 8201).
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
ns_add switch
ns_add host
ns_add first
ns_add second
ns_add server
in_ns switch ip link add br0 type bridge mcast_snooping 0
in_ns switch ip link set br0 up
for ns in host first second; do
    veth_add $ns lan0 switch $ns
    in_ns switch ip link set $ns master br0
done
veth_add second out0 server eth0
in_ns host ip link set dev lan0 addrgenmode none
in_ns host ip -6 addr flush dev lan0
in_ns first ip -6 addr add 2001:db8:1::1/64 dev lan0 nodad
in_ns second ip -6 addr add 2001:db8:1::2/64 dev lan0 nodad
in_ns second ip -6 addr add 2001:db8:9::1/64 dev out0 nodad
in_ns server ip -6 addr add 2001:db8:9::2/64 dev eth0 nodad
in_ns server ip -6 route add default via 2001:db8:9::1
for ns in first second; do
    in_ns $ns sysctl -qw net.ipv6.conf.all.forwarding=1
done
near() { in_ns "$1" ip -6 -o addr show dev lan0 scope link | sed -n 's/.*inet6 \(fe80::[^/]*\).*/\1/p'; }
second=$(near second)
first=$(near first) # routers speak by these addresses, so that only such a gateway can be the one that redirects (RFC 4861 8.1)
in_ns first ip -6 route add 2001:db8:9::/64 via "$second" dev lan0
wait_for 10 in_ns first ping -6 -q -c 1 -W 1 2001:db8:9::2 || not_ok "the kernel's routers reach the server"

on_weir() { # COMMAND...: with the first router as its gateway
    in_ns host timeout 60 "$WEIR" exec -l packet:lan0 -6 2001:db8:1::10/64 --gateway6 "$first" "$@"
}
mac_of() { in_ns "$1" ip -o link show dev lan0 | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p'; }
questions() { # CAPTURE ROUTER: echo requests of Weir that went to it
    frames "$1" "icmpv6.type == 128 && ipv6.src == 2001:db8:1::10 && eth.dst == $(mac_of "$2")"
}

# ---- redirects

capture_start host lan0 "$work/ignored.pcap"
check "ping through the first router" on_weir -- ping -6 -q -c 6 -i 0.2 -W 5 2001:db8:9::2
capture_stop
check "the kernel told of the second one" test "$(frames "$work/ignored.pcap" 'icmpv6.type == 137')" -gt 0
check_equal "nobody asked for it: all go to the first" "6 0" "$(questions "$work/ignored.pcap" first) $(questions "$work/ignored.pcap" second)"

capture_start host lan0 "$work/redirects.pcap"
check "ping with --redirects" on_weir --redirects -- ping -6 -q -c 6 -i 0.2 -W 5 2001:db8:9::2
capture_stop
check_equal "the first question goes to the first router, the others to the second" "1 5" \
    "$(questions "$work/redirects.pcap" first) $(questions "$work/redirects.pcap" second)"
check_equal "no frame is malformed" 0 "$(frames "$work/redirects.pcap" "$bad_frames_filter || icmpv6.checksum.status == 0")"

# ---- path MTU

in_ns second ip link set dev out0 mtu 1300
in_ns server ip link set dev eth0 mtu 1300
head -c 2000000 /dev/urandom >"$work/file"
# The server says what it takes by its MSS: a receiver of large segments, so that only the router can tell.
in_ns server ip -6 route change default via 2001:db8:9::1 advmss 1440
start_in_ns server "$work/nc.log" sh -c "nc -6 -l 9000 >'$work/got'"
wait_for 10 listens server 9000
capture_start host lan0 "$work/mtu.pcap"
check "2 MB over a path with a smaller MTU" on_weir -- sh -c "nc -6 -N 2001:db8:9::2 9000 <'$work/file'"
capture_stop
check_equal "arrive whole" "$(sha256sum <"$work/file")" "$(sha256sum <"$work/got")"
told=$(decode "$work/mtu.pcap" -Y "icmpv6.type == 2 && icmpv6.mtu == 1300" -T fields -e frame.number | tail -n 1)
check "the router told its MTU" test -n "$told"
check_equal "after that no packet is larger" "1260" \
    "$(decode "$work/mtu.pcap" -Y "tcp && ipv6.src == 2001:db8:1::10 && frame.number > ${told:-0}" -T fields -e ipv6.plen | sort -n | tail -n 1)"
