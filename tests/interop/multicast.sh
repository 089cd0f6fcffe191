#!/bin/sh
# SPDX-License-Identifier: MIT
#
# IGMP and MLD with the kernel's bridge as switch that snoops and as querier: a program on Weir joins and leaves, the bridge's table says what it has heard,
# its queries keep the memberships alive, and datagrams to the groups arrive both ways. Once with IGMPv2 and MLDv1 queriers, once with IGMPv3 and MLDv2.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0
in_ns kernel ip addr flush dev kern0
if ! in_ns kernel ip link add br0 type bridge mcast_snooping 1 mcast_query_interval 100 mcast_query_response_interval 50 mcast_startup_query_interval 100 \
    mcast_membership_interval 250 mcast_last_member_interval 50 2>"$work/bridge.err"; then
    skip "IGMP and MLD against the kernel's bridge" "no CONFIG_BRIDGE_IGMP_SNOOPING"
    exit 0
fi
in_ns kernel ip link set kern0 master br0
in_ns kernel ip addr add 198.18.0.1/24 dev br0
in_ns kernel ip addr add 2001:db8::1/64 dev br0 nodad
in_ns kernel ip link set br0 up
in_ns kernel ip -6 addr add fe80::1/64 dev br0 nodad 2>/dev/null || true

G4=239.1.1.1 G6=ff15::1:1

member() { # WORDS...: a line for the program on Weir, and its answer
    echo "$*" >&3
    wait_for 5 grep -qx "done $*" "$work/member.log"
}
heard() { # the bridge's table has both groups behind the port
    in_ns kernel bridge -d mdb show >"$work/mdb"
    grep -q "port kern0 grp $G4 " "$work/mdb" && grep -q "port kern0 grp $G6 " "$work/mdb"
}
unheard() {
    in_ns kernel bridge -d mdb show >"$work/mdb"
    ! grep -q "port kern0 grp $G4 " "$work/mdb" && ! grep -q "port kern0 grp $G6 " "$work/mdb"
}
sources_heard() {
    in_ns kernel bridge -d mdb show >"$work/mdb"
    grep -q "port kern0 grp $G4 .*filter_mode include source_list 198.18.0.1/" "$work/mdb" &&
        grep -q "port kern0 grp $G6 .*filter_mode include source_list 2001:db8::1/" "$work/mdb"
}

versions() { # IGMP MLD
    in_ns kernel ip link set br0 type bridge mcast_querier 0
    in_ns kernel ip link set br0 type bridge mcast_igmp_version "$1" mcast_mld_version "$2"
    in_ns kernel ip link set br0 type bridge mcast_querier 1
    capture_start weir weir0 "$work/$1.pcap"
    rm -f "$work/in"
    mkfifo "$work/in"
    start_in_ns weir "$work/member.log" sh -c "'$WEIR' exec -l packet:weir0 -a 198.18.0.2/24 -6 2001:db8::2/64 -- \
        /usr/bin/python3 '$root/tests/interop/multicast_member.py' <'$work/in'"
    program=$started_pid
    exec 3>"$work/in"
    member join 239.255.0.9 # the stack is there from now on
    sleep 1.3               # a query has told it the version
    member join $G4 && member join $G6
    check "IGMPv$1, MLDv$2: the bridge hears of joining" wait_for 3 heard
    sleep 3
    check "IGMPv$1, MLDv$2: answers to its queries keep the memberships alive" heard
    in_ns kernel /usr/bin/python3 "$root/tests/interop/multicast_member.py" br0 >"$work/peer.log" 2>&1 <<SEND
join $G4
join $G6
send $G4 four
send $G6 six
SEND
    check "IGMPv$1, MLDv$2: the kernel's datagrams arrive" wait_for 3 sh -c "grep -qx 'v4 four' $work/member.log && grep -qx 'v6 six' $work/member.log"
    mkfifo "$work/peer.in"
    start_in_ns kernel "$work/peer.log" sh -c "/usr/bin/python3 '$root/tests/interop/multicast_member.py' br0 <'$work/peer.in'"
    exec 4>"$work/peer.in"
    printf 'join %s\njoin %s\n' $G4 $G6 >&4
    wait_for 3 grep -q "done join $G6" "$work/peer.log"
    member send $G4 FOUR && member send $G6 SIX
    check "IGMPv$1, MLDv$2: and Weir's at the kernel" wait_for 3 sh -c "grep -qx 'v4 FOUR' $work/peer.log && grep -qx 'v6 SIX' $work/peer.log"
    exec 4>&-
    rm "$work/peer.in"
    member leave $G4 && member leave $G6
    check "IGMPv$1, MLDv$2: the bridge hears of leaving" wait_for 5 unheard
    if [ "$1" = 3 ]; then
        member join $G4 198.18.0.1 && member join $G6 2001:db8::1
        check "IGMPv3, MLDv2: the bridge hears of single sources" wait_for 3 sources_heard
    fi
    exec 3>&-
    wait_for 5 sh -c "! kill -0 $program" || true
    capture_stop
    ours="eth.src == $(in_ns weir ip -o link show dev weir0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/') && (igmp || icmpv6.type in {130..132, 143})"
    check_equal "IGMPv$1, MLDv$2: every message of ours is well formed" 0 \
        "$(frames "$work/$1.pcap" "$ours && (_ws.malformed || igmp.checksum.status == 0 || icmpv6.checksum.status == 0 || ip.ttl > 1 || ipv6.hlim > 1)")"
    if [ "$1" = 2 ]; then
        check "IGMPv2, MLDv1: it was spoken" [ "$(frames "$work/$1.pcap" "$ours && (igmp.type == 0x17 || icmpv6.type == 132)")" -ge 2 ]
    else
        check "IGMPv3, MLDv2: nothing older was spoken" [ "$(frames "$work/$1.pcap" "$ours && (igmp.type < 0x20 || icmpv6.type < 133)")" -eq 0 ]
    fi
}
versions 3 2
versions 2 1
