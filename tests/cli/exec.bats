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
    for wrong in "mem:x|" "tap:weir9|, count: 2" "tap:weir9|, vlans: [{id: 5}]"; do
        host "${wrong%|*}" "${wrong#*|}" >"$BATS_TEST_TMPDIR/host.yaml"
        run -2 weir exec -c "$BATS_TEST_TMPDIR/host.yaml" -- true
        echo "$wrong: $output"
        [ -n "$output" ]
    done
    printf 'ports: [{name: eth, location: "tap:weir9"}]\ndevices: []\n' >"$BATS_TEST_TMPDIR/host.yaml"
    run -2 weir exec -c "$BATS_TEST_TMPDIR/host.yaml" -- true
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
