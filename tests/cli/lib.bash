# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the tests of the command line share. WEIR names the program; $BATS_TEST_TMPDIR is each test's own directory.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
WEIR=${WEIR:-$ROOT/build/weir}
case $WEIR in
/*) ;;
*) WEIR=$PWD/$WEIR ;;
esac
CHECK="$ROOT/tests/cli/check_results.py"

# Runs the program; the guard against hanging is far beyond what any of these runs takes.
weir() { timeout -k 10 200 "$WEIR" "$@"; }

# $output or $stderr holds a text.
holds() { # TEXT WHERE
    case $2 in
    *"$1"*) return 0 ;;
    esac
    echo "expected to find: $1"
    echo "in: $2"
    return 1
}

# A small load over the memory link: 2 s of 500 connections a second, one request each. Further lines come from standard input.
memory_load() { # FILE
    cat >"$1" <<'YAML'
description: a load for tests
ports:
  - {name: left, location: "mem:wire"}
  - {name: right, location: "mem:wire"}
devices:
  - {name: clients, port: left, ipv4: {address: 10.0.0.1/16}, count: 10}
  - {name: web, port: right, ipv4: {address: 10.0.1.1/16}}
loads:
  - name: browse
    client: clients
    server: {device: web, http: {routes: [{path: /page, size: 2000}, {path: /wrong, status: 503, size: 5}]}}
    http: {urls: [{path: /page}]}
    schedule: [{ramp: 1s, connections_per_second: 500}, {hold: 1s}]
drain: 10s
YAML
}

# Runs the program as a user without privilege: as itself, or from a copy that everybody may start as nobody.
weir_without_privilege() {
    if [ "$(id -u)" -ne 0 ]; then
        weir "$@"
        return
    fi
    local directory status=0
    directory=$(mktemp -d /tmp/weir-cli-XXXXXX)
    cp "$WEIR" "$directory/weir"
    chmod 755 "$directory" "$directory/weir"
    timeout -k 10 200 setpriv --reuid=65534 --regid=65534 --clear-groups "$directory/weir" "$@" || status=$?
    rm -r "$directory"
    return "$status"
}

# Runs a shell script in a network namespace of its own: a veth pair of which the kernel has one end, peer0 with 198.18.0.1; weir0 is ours.
# Without root in a user namespace. Returns 99 where namespaces are not to be had.
in_network() { # SCRIPT
    local become=(unshare --net)
    [ "$(id -u)" -eq 0 ] || become=(unshare --user --map-root-user --net)
    "${become[@]}" true 2>/dev/null || return 99
    # shellcheck disable=SC2016 # the inner shell expands it
    WEIR=$WEIR CHECK=$CHECK timeout -k 10 200 "${become[@]}" bash -eu -c '
        PATH=$PATH:/usr/sbin:/sbin
        ip link set lo up
        ip link add weir0 type veth peer name peer0
        ethtool -K peer0 tx off tso off gso off >/dev/null
        ip address add 198.18.0.1/24 dev peer0
        ip link set weir0 up
        ip link set peer0 up
        '"$1"
}

# The load of memory_load against whatever answers on port 8080 of the kernel's end. Times are a busy machine's; a test of a timeout sets it.
network_load() { # FILE
    cat >"$1" <<'YAML'
ports:
  - {name: left, location: "packet:weir0"}
devices:
  - {name: clients, port: left, ipv4: {address: 198.18.0.10/24}, count: 10}
loads:
  - name: browse
    client: clients
    server: {address: 198.18.0.1, port: 8080}
    http: {urls: [{path: /page}]}
    schedule: [{hold: 1s, connections_per_second: 50}]
    connect_timeout: 1m
    transaction_timeout: 1m
drain: 1m
YAML
}
