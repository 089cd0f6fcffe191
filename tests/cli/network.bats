#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Ports on the kernel's network: what is missing or refused is said, and servers that misbehave become counted causes, never a hang.

load lib.bash

setup() {
    cd "$BATS_TEST_TMPDIR"
    network_load load.yaml
}

# Runs the load against a server of garbage_server.py; prints the causes of failed transactions.
against() { # BEHAVIOUR OPTION...: of the run
    in_network "
        exec 3>&-
        rm -f ready
        python3 '$ROOT/tests/cli/garbage_server.py' $1 >ready & server=\$!
        until [ -s ready ]; do kill -0 \$server; sleep 0.1; done
        status=0
        \"\$WEIR\" run load.yaml --json out.json --quiet ${*:2} || status=\$?
        kill \$server
        exit \$status"
}

# After `run`: skips the test where there are no namespaces.
skip_without_network() { [ "$status" -ne 99 ] || skip "no network namespaces: the kernel lacks CONFIG_NET_NS or CONFIG_USER_NS, or forbids them"; }

# All failures have this one cause; the sums tell that all are counted.
only_cause() { # connections|transactions CAUSE
    local causes
    causes=$(python3 "$CHECK" get out.json "loads.0.$1.failed")
    [[ "$causes" =~ ^\{\"$2\":\ [0-9]+\}$ ]] || { echo "found $causes" && return 1; }
}

@test "an interface that does not exist is named" {
    run in_network '"$WEIR" run load.yaml --set "ports[0].location=\"packet:nosuch0\""'
    skip_without_network
    [ "$status" -eq 3 ]
    holds "port left (packet:nosuch0)" "$output"
    holds "No such device" "$output"
}

@test "an MTU that the interface does not carry is refused, a smaller one is used" {
    run in_network '"$WEIR" run load.yaml --set "ports[0].mtu=9000"'
    skip_without_network
    [ "$status" -eq 2 ]
    holds "found mtu 9000, allowed at most 1500" "$output"
    run in_network '"$WEIR" check load.yaml --set "ports[0].mtu=600"'
    holds "MTU 600" "$output"
}

@test "without privilege a packet port is refused, and the message says what is needed" {
    run -3 weir_without_privilege run - --set 'ports[0].location="packet:lo"' <load.yaml
    holds "port left (packet:lo)" "$output"
    holds "CAP_NET_RAW" "$output"
}

@test "a closed port: connect_refused" {
    run in_network '"$WEIR" run load.yaml --json out.json --quiet'
    skip_without_network
    [ "$status" -eq 1 ]
    python3 "$CHECK" sums out.json
    only_cause connections connect_refused
}

@test "an address where nobody is: connect_unreachable" {
    run in_network '"$WEIR" run load.yaml --json out.json --quiet --set "loads[0].server.address=198.18.0.99"'
    skip_without_network
    [ "$status" -eq 1 ]
    python3 "$CHECK" sums out.json
    only_cause connections connect_unreachable
}

@test "a server that drops SYNs: connect_timeout" {
    run against full --set 'loads[0].connect_timeout=2s' --set drain=5s
    skip_without_network
    [ "$status" -eq 1 ]
    python3 "$CHECK" sums out.json
    only_cause connections connect_timeout
}

@test "a server that accepts and never answers: timeout" {
    run against silent --set 'loads[0].transaction_timeout=1s'
    skip_without_network
    [ "$status" -eq 1 ]
    python3 "$CHECK" sums out.json
    only_cause transactions timeout
}

@test "a server that answers garbage: a named protocol error" {
    run against garbage
    skip_without_network
    [ "$status" -eq 1 ]
    python3 "$CHECK" sums out.json
    only_cause transactions bad_status_line
}

@test "a server that breaks off in the middle of a response, or before it: peer_closed" {
    for behaviour in short hang-up; do
        run against "$behaviour"
        skip_without_network
        [ "$status" -eq 1 ]
        python3 "$CHECK" sums out.json
        only_cause transactions peer_closed
    done
}

# ---- TAP

# 50 loads of a megabyte over tap:weir9, whose other end has 198.18.0.1, from a server on the kernel's TCP.
over_tap() { # OPTION...: of the run
    head -c 1000000 /dev/zero >page
    in_network "
        exec 3>&-
        ip address del 198.18.0.1/24 dev peer0
        python3 -m http.server --protocol HTTP/1.1 8080 >server.log 2>&1 & server=\$!
        until ss -Hltn 'sport = :8080' | grep -q .; do kill -0 \$server; sleep 0.1; done
        status=0
        $BEFORE
        \"\$WEIR\" run load.yaml --json out.json --quiet --set 'ports[0].location=\"tap:weir9\"' \
            --set 'loads[0].schedule[0]={hold: 1m, concurrent: 4}' --set loads[0].max_transactions=50 $* || status=\$?
        kill \$server
        ip -o link show weir9 >left 2>&1 || true
        exit \$status"
}
skip_without_tap() {
    skip_without_network
    [ -w /dev/net/tun ] || skip "no /dev/net/tun"
}

@test "a TAP port: the interface is made with its address and MTU, carries a load, and goes" {
    BEFORE='' run over_tap "--set ports[0].address=198.18.0.1/24"
    skip_without_tap
    [ "$status" -eq 0 ]
    python3 "$CHECK" sums out.json
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.completed)" -eq 50 ]
    [ "$(python3 "$CHECK" get out.json loads.0.bytes.received)" -gt 50000000 ]
    holds "does not exist" "$(cat left)"
}

@test "a TAP device that somebody made is used as it is, without offload too, and stays" {
    BEFORE='ip tuntap add weir9 mode tap; ip address add 198.18.0.1/24 dev weir9' \
        run over_tap "--set 'ports[0].offload={rx_checksum: false, tx_checksum: false, gro: false, tso: false, uso: false}'"
    skip_without_tap
    [ "$status" -eq 0 ]
    python3 "$CHECK" sums out.json
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.completed)" -eq 50 ]
    [ "$(python3 "$CHECK" get out.json loads.0.bytes.received)" -gt 50000000 ]
    holds "weir9" "$(cat left)"
}

@test "an interface that is no TAP device is refused by name" {
    run in_network '"$WEIR" run load.yaml --set "ports[0].location=\"tap:peer0\""'
    skip_without_tap
    [ "$status" -eq 2 ]
    holds "port left (tap:peer0)" "$output"
    holds "no TAP device" "$output"
}

@test "without privilege a TAP port is refused, and the message says what is needed" {
    [ -e /dev/net/tun ] || skip "no /dev/net/tun"
    run -3 weir_without_privilege run - --set 'ports[0].location="tap:weir9"' <load.yaml
    holds "port left (tap:weir9)" "$output"
    holds "CAP_NET_ADMIN" "$output"
}
