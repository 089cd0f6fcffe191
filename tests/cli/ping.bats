#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `weir ping`: our stack against Linux over veth and TAP, with routers that say no; and against itself over a memory link.

load lib.bash

setup() { cd "$BATS_TEST_TMPDIR"; }

# After `run`: skips the test where there are no namespaces.
skip_without_network() { [ "$status" -ne 99 ] || skip "no network namespaces: the kernel lacks CONFIG_NET_NS or CONFIG_USER_NS, or forbids them"; }

PRELUDE='
    exec 3>&-
    ours() { "$WEIR" ping packet:weir0 -a 198.18.0.10/24 "$@"; }
'

# The members of a JSON file as Python expression.
json() { # FILE EXPRESSION
    python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), r' "$1" "$2"
}

@test "Linux answers every size up to 65,507 bytes, and the lines and statistics are ping's" {
    run in_network "$PRELUDE"'
        for size in 0 1 56 1472 1473 8000 60000 65507; do
            ours 198.18.0.1 -c 2 -i 5ms -s $size --json $size.json >$size.txt
        done'
    skip_without_network
    [ "$status" -eq 0 ]
    for size in 0 1 56 1472 1473 8000 60000 65507; do
        [ "$(grep -Ec "^$((size + 8)) bytes from 198\.18\.0\.1: icmp_seq=[12] ttl=64 time=[0-9]+\.[0-9]{6} ms$" $size.txt)" -eq 2 ]
        grep -Eq '^2 packets transmitted, 2 received, 0% packet loss, time [0-9]+ms$' $size.txt
        grep -Eq '^rtt min/avg/max/mdev = ([0-9.]+/){3}[0-9.]+ ms$' $size.txt
        json $size.json "r['schema'] == 1 and r['bytes'] == $size and r['sent'] == r['received'] == 2 and r['lost'] == 0 and r['errors'] == {}"
        json $size.json "0 < r['rtt_ns']['min'] <= r['rtt_ns']['p50'] <= r['rtt_ns']['p99'] <= r['rtt_ns']['max']"
    done
}

@test "with -D requests have DF, with -t their TTL, with --vlan a tag, and without they do not" {
    run in_network "$PRELUDE"'
        "$WEIR" capture packet:peer0 -c 2 -f "icmp[0] = 8" -w icmp.pcapng 2>err.txt & pid=$!
        until grep -q "^capturing" err.txt; do kill -0 $pid; sleep 0.05; done
        ours 198.18.0.1 -c 1 -D -t 7 -s 1472 >/dev/null
        ours 198.18.0.1 -c 1 >/dev/null
        wait $pid
        "$WEIR" capture packet:peer0 -c 1 -f "vlan 42 and arp" -w arp.pcapng 2>err.txt & pid=$!
        until grep -q "^capturing" err.txt; do kill -0 $pid; sleep 0.05; done
        ours 198.18.0.1 -c 1 --vlan 42 -W 100ms >/dev/null || true
        wait $pid'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(tshark -r icmp.pcapng -o ip.check_checksum:TRUE -T fields -e ip.flags.df -e ip.ttl -e ip.len -e ip.checksum.status -e icmp.checksum.status 2>/dev/null)" = "$(printf '1\t7\t1500\t1\t1\n0\t64\t84\t1\t1')" ]
    [ "$(tshark -r arp.pcapng -T fields -e vlan.id -e arp.dst.proto_ipv4 2>/dev/null)" = "$(printf '42\t198.18.0.1')" ]
}

@test "what routers say is told: too big, TTL, unreachable, filtered" {
    run in_network "$PRELUDE"'
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=10000 net.ipv4.icmp_msgs_burst=1000
        ip link add r0 mtu 1400 type veth peer name r1
        ip address add 198.19.0.1/24 dev r0
        ip link set r0 up
        ip link set r1 up
        ip route add unreachable 198.19.1.0/24
        ip route add prohibit 198.19.2.0/24
        ip neighbour add 198.19.0.2 lladdr 02:00:00:00:00:77 dev r0
        try() { ours -g 198.18.0.1 -c 2 -i 5ms -W 300ms "$@" || echo "exit $?"; }
        try 198.19.0.2 -D -s 1472 --json big.json >big.txt
        try 198.19.0.2 -t 1 --json ttl.json >ttl.txt
        # Linux sends these at a rate for each source: one each.
        try 198.19.1.5 -a 198.18.0.11/24 -c 1 >unreachable.txt
        try 198.19.2.5 -a 198.18.0.12/24 -c 1 --json filtered.json >filtered.txt'
    skip_without_network
    [ "$status" -eq 0 ]
    holds "From 198.18.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)" "$(cat big.txt)"
    holds "From 198.18.0.1 icmp_seq=2 Frag needed and DF set (mtu = 1400)" "$(cat big.txt)"
    holds "2 packets transmitted, 0 received, +2 errors, 100% packet loss" "$(cat big.txt)"
    holds "exit 1" "$(cat big.txt)"
    holds "From 198.18.0.1 icmp_seq=2 Time to live exceeded" "$(cat ttl.txt)"
    holds "From 198.18.0.1 icmp_seq=1 Destination Host Unreachable" "$(cat unreachable.txt)"
    holds "From 198.18.0.1 icmp_seq=1 Packet filtered" "$(cat filtered.txt)"
    json big.json 'r["errors"] == {"too_big": 2} and r["lost"] == 1'
    json ttl.json 'r["errors"] == {"time_exceeded": 2}'
    json filtered.json 'r["errors"] == {"unreachable": 1}'
}

@test "a host that does not answer to ARP is unreachable, one that is silent is lost" {
    run in_network "$PRELUDE"'
        ours 198.18.0.77 -c 1 -W 10s >arp.txt || echo "exit $?" >>arp.txt
        sysctl -qw net.ipv4.icmp_echo_ignore_all=1
        ours 198.18.0.1 -c 3 -i 10ms -W 100ms >silent.txt || echo "exit $?" >>silent.txt'
    skip_without_network
    [ "$status" -eq 0 ]
    holds "From 198.18.0.10 icmp_seq=1 Destination Host Unreachable (no answer to ARP)" "$(cat arp.txt)"
    holds "1 packets transmitted, 0 received, +1 errors, 100% packet loss" "$(cat arp.txt)"
    holds "exit 1" "$(cat arp.txt)"
    holds "3 packets transmitted, 0 received, 100% packet loss" "$(cat silent.txt)"
    holds "exit 1" "$(cat silent.txt)"
}

@test "a second reply is a duplicate, and one with other bytes is no reply" {
    run in_network "$PRELUDE"'
        sysctl -qw net.ipv4.icmp_echo_ignore_all=1
        cat >answer.py <<PY
import socket, struct
def checksum(b):
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    s = (s & 0xffff) + (s >> 16)
    return ~(s + (s >> 16)) & 0xffff
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(("peer0", 0x0800))
print("ready", flush=True)
answered = 0
while answered < 2:
    f = s.recv(2000)
    if len(f) < 98 or f[23] != 1 or f[34] != 8:
        continue
    answered += 1
    for change in (0, 0) if answered == 1 else (1, 0):
        icmp = bytes([0, 0, 0, 0]) + f[38:97] + bytes([f[97] ^ change])
        icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
        s.send(f[6:12] + f[:6] + f[12:26] + f[30:34] + f[26:30] + icmp)
PY
        python3 answer.py >ready.txt & pid=$!
        until grep -q ready ready.txt; do kill -0 $pid; sleep 0.05; done
        ours 198.18.0.1 -c 3 -i 50ms -W 300ms --json out.json'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(grep -c '^64 bytes from 198.18.0.1: icmp_seq=1 .* ms (DUP!)$' <<<"$output")" -eq 1 ]
    [ "$(grep -c '^64 bytes from 198.18.0.1: icmp_seq=2 .* (other bytes than were sent!)$' <<<"$output")" -eq 1 ]
    holds "3 packets transmitted, 2 received, +1 duplicates, +1 corrupted, 33.3333% packet loss" "$output"
    json out.json 'r["duplicates"] == 1 and r["corrupted"] == 1 and r["received"] == 2'
}

@test "the kernel's side of a TAP device answers" {
    run in_network '[ -e /dev/net/tun ] || exit 98
        "$WEIR" ping tap:weirtap 198.19.0.1 -a 198.19.0.10/24 --kernel-address 198.19.0.1/24 -c 3 -i 10ms -s 4000'
    skip_without_network
    [ "$status" -ne 98 ] || skip "no /dev/net/tun (CONFIG_TUN)"
    [ "$status" -eq 0 ]
    holds "3 packets transmitted, 3 received, 0% packet loss" "$output"
}

@test "over IPv6 Linux answers every size, by router and link-local address too, and what it refuses is told" {
    run in_network '
        exec 3>&-
        ip -6 address add 2001:db8::1/64 dev peer0 nodad
        ip -6 address add fe80::1/64 dev peer0 nodad
        ip -6 address add 2001:db8:1::1/64 dev peer0 nodad
        ip -6 route add unreachable 2001:db8:2::/64
        ip -6 route add 2001:db8:9::/64 via 2001:db8::99 dev peer0
        sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.icmp.ratelimit=0
        ours() { "$WEIR" ping packet:weir0 -a 2001:db8::a/64 "$@" || echo "exit $?"; }
        for size in 0 56 1452 1453 60000 65507; do ours 2001:db8::1 -c 2 -i 5ms -s $size --json $size.json >$size.txt; done
        ours fe80::1 -c 1 >near.txt
        ours 2001:db8:1::1 -g fe80::1 -c 1 >router.txt
        ours 2001:db8:2::1 -g fe80::1 -c 1 -W 300ms --json no.json >no.txt
        ours 2001:db8:9::1 -g fe80::1 -t 1 -c 1 -W 300ms --json ttl.json >ttl.txt
        ours 2001:db8::77 -c 1 -W 10s >nobody.txt'
    skip_without_network
    [ "$status" -eq 0 ]
    for size in 0 56 1452 1453 60000 65507; do
        [ "$(grep -Ec "^$((size + 8)) bytes from 2001:db8::1: icmp_seq=[12] ttl=64 time=[0-9.]+ ms$" $size.txt)" -eq 2 ]
        json $size.json "r['sent'] == r['received'] == 2 and r['destination'] == '2001:db8::1'"
    done
    holds "64 bytes from fe80::1: icmp_seq=1" "$(cat near.txt)"
    holds "64 bytes from 2001:db8:1::1: icmp_seq=1" "$(cat router.txt)"
    holds "icmp_seq=1 Destination unreachable: No route" "$(cat no.txt)"
    holds "icmp_seq=1 Time exceeded: Hop limit" "$(cat ttl.txt)"
    holds "From 2001:db8::a icmp_seq=1 Destination unreachable: Address unreachable (no answer to Neighbour Discovery)" "$(cat nobody.txt)"
    holds "exit 1" "$(cat nobody.txt)"
    json no.json 'r["errors"] == {"unreachable": 1}'
    json ttl.json 'r["errors"] == {"time_exceeded": 1}'
}

@test "over a memory link our own stack answers over IPv6, fragmented both ways" {
    for size in 0 1452 1453 65507; do
        run -0 weir_without_privilege ping mem:wire 2001:db8::2 -a 2001:db8::1/64 -c 20 -i 1ms -s $size -q
        holds "20 packets transmitted, 20 received, 0% packet loss" "$output"
    done
}

@test "the kernel's side of a TAP device answers over IPv6" {
    run in_network '[ -e /dev/net/tun ] || exit 98
        "$WEIR" ping tap:weirtap 2001:db8::1 -a 2001:db8::a/64 --kernel-address 2001:db8::1/64 -c 3 -i 10ms -s 4000'
    skip_without_network
    [ "$status" -ne 98 ] || skip "no /dev/net/tun (CONFIG_TUN)"
    [ "$status" -eq 0 ]
    holds "3 packets transmitted, 3 received, 0% packet loss" "$output"
}

@test "over a memory link our own stack answers, fragmented both ways, without privilege" {
    for size in 0 56 1472 1473 65507; do
        run -0 weir_without_privilege ping mem:wire 10.0.0.2 -a 10.0.0.1/24 -c 20 -i 1ms -s $size -q
        holds "20 packets transmitted, 20 received, 0% packet loss" "$output"
        [[ "$output" != *icmp_seq* ]]
    done
    run -0 weir ping mem:wire 10.0.0.2 -a 10.0.0.1/24 -c 2000 -i 100us --json -
    python3 -c 'import json, sys
r = json.load(sys.stdin)
assert r["sent"] == r["received"] == 2000 and r["location"] == "mem:wire" and r["destination"] == "10.0.0.2", r' <<<"$output"
}

@test "more requests than there are sequence numbers are told apart" {
    run -0 weir ping mem:wire 10.0.0.2 -a 10.0.0.1/24 -c 66000 -i 1ns -q
    holds "66000 packets transmitted, 66000 received, 0% packet loss" "$output"
}

@test "Ctrl-C ends it with the statistics" {
    "$WEIR" ping mem:wire 10.0.0.2 -a 10.0.0.1/24 -i 50ms >out.txt 3>&- &
    pid=$!
    until grep -q "icmp_seq=2" out.txt; do sleep 0.05; done
    kill -INT $pid
    wait $pid
    holds "0% packet loss" "$(cat out.txt)"
}

@test "wrong use is refused with what is allowed" {
    try() { run --separate-stderr -2 weir ping "$@"; }
    try mem:wire 10.0.0.2
    holds "--address is missing" "$stderr"
    try mem:wire
    holds "LOCATION DESTINATION is missing" "$stderr"
    try wire 10.0.0.2 -a 10.0.0.1/24
    holds 'location: found "wire", allowed mem:NAME' "$stderr"
    try mem:wire 10.0.0.2 -a 10.0.0.1
    holds "--address: found '10.0.0.1', allowed: an address with the length of its subnet" "$stderr"
    try mem:wire fe80::1 -a 10.0.0.1/24
    holds "destination: found fe80::1, allowed an address of the family of 10.0.0.1" "$stderr"
    try mem:wire weir -a 10.0.0.1/24
    holds "destination: found 'weir', allowed: an address such as 198.18.0.1 or 2001:db8::1" "$stderr"
    try mem:wire 10.0.0.2 -a 10.0.0.1/33
    holds "--address: found '10.0.0.1/33', allowed: an address with the length of its subnet" "$stderr"
    for many in ff02::1 :: ::1 2001:db8::1; do
        try mem:wire $many -a 2001:db8::1/64
        holds "destination: found $many, allowed the address of one other host" "$stderr"
    done
    try mem:wire 2001:db9::2 -a 2001:db8::1/64
    holds "no route to 2001:db9::2: it is not in 2001:db8::/64, and there is no gateway" "$stderr"
    try mem:wire 2001:db8::2 -a 2001:db8::1/64 -g 2001:db9::1
    holds "gateway: found 2001:db9::1, allowed another host of 2001:db8::/64" "$stderr"
    try mem:wire 2001:db8::2 -a 2001:db8::1/64 -s 1453 -D
    holds "1453 bytes make a datagram of 1501, which may not be fragmented; allowed at most 1452" "$stderr"
    try mem:wire 10.0.0.1 -a 10.0.0.1/24
    holds "destination: found 10.0.0.1, allowed the address of one other host" "$stderr"
    for many in 10.0.0.255 255.255.255.255 224.0.0.1 10.0.0.0 127.0.0.1; do
        try mem:wire $many -a 10.0.0.1/24
        holds "destination: found $many, allowed the address of one other host" "$stderr"
    done
    try mem:wire 10.0.0.2 -a 10.0.0.255/24
    holds "address: found 10.0.0.255/24" "$stderr"
    try mem:wire 10.9.0.2 -a 10.0.0.1/24
    holds "no route to 10.9.0.2: it is not in 10.0.0.0/24, and there is no gateway" "$stderr"
    try mem:wire 10.0.0.2 -a 10.0.0.1/24 -g 10.9.0.1
    holds "gateway: found 10.9.0.1, allowed another host of 10.0.0.0/24" "$stderr"
    try mem:wire 10.0.0.2 -a 10.0.0.1/24 -s 65508
    holds "--size: found '65508', allowed: a whole number from 0 to 65507" "$stderr"
    try mem:wire 10.0.0.2 -a 10.0.0.1/24 -s 1473 -D
    holds "1473 bytes make a datagram of 1501, which may not be fragmented; allowed at most 1472" "$stderr"
    try mem:wire 10.0.0.2 -a 10.0.0.1/24 --kernel-address 10.0.0.2/24
    holds "--kernel-address: found '10.0.0.2/24', allowed: only with a location tap:NAME" "$stderr"
}

@test "without privilege, and where no interface is, it says so" {
    run -3 weir_without_privilege ping packet:lo 198.18.0.1 -a 198.18.0.2/24
    holds "CAP_NET_RAW" "$output"
    run -3 weir ping packet:nosuch0 198.18.0.1 -a 198.18.0.2/24
    holds "nosuch0" "$output"
}

@test "--path-mtu finds what takes the longest packet, and refuses options that do not go with it" {
    weir ping mem:wire 10.0.0.2 -a 10.0.0.1/24 --path-mtu >v4.txt
    holds "path MTU to 10.0.0.2: 1500 bytes, confirmed by echo, all that the link takes" "$(cat v4.txt)"
    holds "2 probes, 2 answered, 0 too big for a router, 0 lost" "$(cat v4.txt)"
    weir ping mem:wire fd00::2 -a fd00::1/64 --path-mtu --mpls 100,200 --json - >v6.json
    json v6.json '(r["path_mtu"], r["link_mtu"], r["bound"], r["probes"], r["lost"]) == (1492, 1492, "link", 2, 0)'
    weir ping mem:wire 10.0.0.2 -a 10.0.0.1/24 --path-mtu -q >quiet.txt
    [ "$(wc -l <quiet.txt)" -eq 3 ]
    for option in "-c 3" "-s 56" "-i 1s" -D "-W 999ms"; do
        # shellcheck disable=SC2086 # an option and its value
        run weir ping mem:wire 10.0.0.2 -a 10.0.0.1/24 --path-mtu $option
        [ "$status" -eq 2 ]
        holds "ping: --path-mtu: found together with --" "$output"
        holds "allowed: --timeout of 1s or more" "$output"
    done
}
