#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `weir exec`: what it checks before it becomes the program, and what it hands on. What runs on the stack is in tests/interop/exec_*.sh.

bats_require_minimum_version 1.5.0
load lib.bash

host() { # YAML of a port's location and a device's further keys
    printf 'ports: [{name: eth, location: "%s"}]\ndevices: [{name: h, port: eth, ipv4: {address: 198.18.0.2/24}%s}]\n' "$1" "$2"
}

@test "the program gets the interfaces, its arguments and its exit code" {
    host tap:weir9 ', mac: "02:00:00:00:00:09"' >"$BATS_TEST_TMPDIR/host.yaml"
    run -7 weir exec -c "$BATS_TEST_TMPDIR/host.yaml" --set "ports[0].mtu=1400" -- sh -c 'echo "$WEIR_INTERFACES|$1"; exit 7' sh --set
    [ "$output" = "link=tap:weir9 address=198.18.0.2/24 mtu=1400 mac=02:00:00:00:00:09|--set" ]
    run -0 weir exec -l packet:eth9 -a 198.18.0.2/24 -g 198.18.0.1 -- sh -c 'echo "$WEIR_INTERFACES"'
    [ "$output" = "link=packet:eth9 address=198.18.0.2/24 gateway=198.18.0.1" ]
}

@test "SIGPIPE is the program's as it would be without weir" {
    run -141 weir exec -l tap:weir9 -a 198.18.0.2/24 -- sh -c 'kill -PIPE $$; true'
}

@test "what a program's stack cannot have is refused" {
    for wrong in "mem:x|" "tap:weir9|, count: 2" "tap:weir9|, vlans: [{id: 4095}]" "tap:weir9|, mpls: [{label: 15}]"; do
        host "${wrong%|*}" "${wrong#*|}" >"$BATS_TEST_TMPDIR/host.yaml"
        run -2 weir exec -c "$BATS_TEST_TMPDIR/host.yaml" -- true
        echo "$wrong: $output"
        [ -n "$output" ]
    done
    printf 'ports: [{name: eth, location: "tap:weir9"}]\ndevices: []\n' >"$BATS_TEST_TMPDIR/host.yaml"
    run -2 weir exec -c "$BATS_TEST_TMPDIR/host.yaml" -- true
}

@test "by DHCP there is one tag and no label" {
    for wrong in "vlans: [{id: 5}, {id: 6}]" "vlans: [{id: 5, priority: 3}]" "mpls: [{label: 100}]"; do
        printf 'ports: [{name: eth, location: "tap:weir9"}]\ndevices: [{name: us, port: eth, dhcp: ipv4, %s}]\n' "$wrong" \
            >"$BATS_TEST_TMPDIR/host.yaml"
        run -2 weir exec -c "$BATS_TEST_TMPDIR/host.yaml" -- true
        echo "$wrong: $output"
        [[ "$output" == *'allowed for weir exec: with dhcp, one VLAN tag without priority'* ]]
    done
}

@test "tags and labels that cannot be are refused, and what is allowed is said" {
    for wrong in 0 4095 1,2,3 42/8 42@9100 x; do
        run -2 weir exec -l tap:weir9 -a 198.18.0.2/24 --vlan "$wrong" -- true
        [ "${lines[0]}" = "weir: exec: --vlan: found '$wrong', allowed: a tag of 1 to 4094, or two such as 100,42, each with its priority as in 42/3" ]
    done
    for wrong in 15 1048576 16,17,18,19,20 100/8 100@0; do
        run -2 weir exec -l tap:weir9 -a 198.18.0.2/24 --mpls "$wrong" -- true
        [ "${lines[0]}" = "weir: exec: --mpls: found '$wrong', allowed: up to four labels of 16 to 1048575 such as 100,200, each with its class as in 100/5" ]
    done
    run -2 weir nc tap:weir9 -a 198.18.0.2/24 --vlan 4095 198.18.0.1 7
    run -2 weir ping tap:weir9 198.18.0.1 -a 198.18.0.2/24 --mpls 3
    run -2 weir traceroute tap:weir9 198.18.0.1 -a 198.18.0.2/24 --vlan 1,2,3
}

@test "wrong use is explained" {
    run -2 weir exec
    run -2 weir exec -l tap:weir9 -a 198.18.0.2/24
    [ "${lines[0]}" = "weir: exec: the program is missing; use: weir exec -c FILE -- PROGRAM [ARGUMENT]..." ]
    run -2 weir exec -- true
    run -2 weir exec -l tap:weir9 -- true
    run -2 weir exec -l tap:weir9 -a 198.18.0.2 -- true
    [ "${lines[0]}" = "weir: exec: --address: found '198.18.0.2', allowed: an IPv4 address with its prefix length, a.b.c.d/n" ]
    run -2 weir exec -l tap:weir9 -a 198.18.0.2/24 -g nobody -- true
    run -2 weir exec -l pcap:x -a 198.18.0.2/24 -- true
    run -2 weir exec -c x.yaml -l tap:weir9 -- true
    run -3 weir exec -l tap:weir9 -a 198.18.0.2/24 -- /no/such/program
}

@test "a trace that cannot be written, and layers that are none" {
    run -2 weir exec -l tap:weir9 -a 198.18.0.2/24 --trace-layers arp -- true
    [ "${lines[0]}" = "weir: exec: found --trace-layers, allowed with --trace" ]
    for wrong in tpc arp, ARP 'arp tcp'; do
        run -2 weir exec -l tap:weir9 -a 198.18.0.2/24 --trace - --trace-layers "$wrong" -- true
        [ "${lines[0]}" = "weir: exec: --trace-layers: found '$wrong', allowed: link, arp, ip, icmp, udp, tcp, l7 and socket, with commas between" ]
    done
    run -3 weir exec -l tap:weir9 -a 198.18.0.2/24 --trace /nowhere/trace -- true
    [ "${lines[0]}" = "weir: exec: --trace: /nowhere/trace: No such file or directory" ]
    echo before >"$BATS_TEST_TMPDIR/trace"
    run -0 weir exec -l tap:weir9 -a 198.18.0.2/24 --trace "$BATS_TEST_TMPDIR/trace" -- true # which has no sockets
    [ ! -s "$BATS_TEST_TMPDIR/trace" ]
}
