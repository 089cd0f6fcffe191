# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# What the tests of `weir accel` share: kernel ends in the namespaces client and server, boxes and bridges between them, and what these and the kernels counted.
# A test sources lib.sh first.

cd "$root" || exit 1
# shellcheck disable=SC2034 # for the tests
server4=198.18.0.2 server6=2001:db8::2 key=00112233445566778899aabbccddeeff

ends_address() { # the client at c0, the server at s0
    for end in client:c0:1 server:s0:2; do
        end_device=${end#*:}
        address_add "${end%%:*}" "198.18.0.${end##*:}" "${end_device%:*}"
        in_ns "${end%%:*}" ip -6 addr add "2001:db8::${end##*:}/64" dev "${end_device%:*}" nodad
    done
}

# ---- boxes and bridges: one in a namespace, whose name they have

box_begun() {
    eval "box_$box_name=$started_pid"
    wait_for 20 grep -q "Ctrl-C" "$work/$box_name.log" || not_ok "weir in $box_name starts" "$(cat "$work/$box_name.log")"
}

box_start() { # NAMESPACE CLIENTS-IFNAME SERVERS-IFNAME OPTION...
    box_name=$1 box_clients=$2 box_servers=$3
    shift 3
    : >"$work/$box_name.log"
    start_in_ns "$box_name" "$work/$box_name.log" "$WEIR" accel examples/accel.yaml --json "$work/$box_name.json" \
        --set "ports[0].location=packet:$box_clients" --set "ports[1].location=packet:$box_servers" "$@"
    box_begun
}

bridge_start() { # NAMESPACE CLIENTS-IFNAME SERVERS-IFNAME IMPAIRMENTS, a list: the same path without the box
    box_name=$1
    cat >"$work/$1.yaml" <<YAML
ports: [{name: inside, location: "packet:$2"}, {name: outside, location: "packet:$3"}]
YAML
    : >"$work/$1.log"
    start_in_ns "$1" "$work/$1.log" "$WEIR" bridge "$work/$1.yaml" --json "$work/$1.json" --set "impairments=$4"
    box_begun
}

connections_over() { in_ns client ss -Htn state connected exclude time-wait | grep -q . && return 1 || return 0; }

box_stop() { # NAMESPACE...; before that the clients' connections end
    wait_for 20 connections_over || true
    for box_name in "$@"; do
        eval "box_pid=\$box_$box_name"
        kill -INT "$box_pid"
        wait "$box_pid" || not_ok "Ctrl-C ends weir in $box_name with status 0" "$(cat "$work/$box_name.log")"
    done
}

# One box in the middle: client c0 - n0 near n1 - s0 server.
one_box() {
    for name in client near server; do ns_add $name; done
    veth_add client c0 near n0
    veth_add server s0 near n1
    ends_address
}
accel_start() { box_start near n0 n1 "$@"; } # OPTION...
accel_stop() { box_stop near; }

# ---- counters

count() { # NAMESPACE NAME: of the box that ran there last
    /usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["accelerator"][sys.argv[2]])' "$work/$1.json" "$2"
}

unseen() { # NAMESPACE...: frames that the kernel had no room for, since the boxes that ran there last had no time
    for box_name in "$@"; do set -- "$@" "$work/$box_name.json"; shift; done
    /usr/bin/python3 -c 'import json, sys
print(sum(port.get("drops", {}).get("rx_no_buffer", 0) for name in sys.argv[1:] for port in json.load(open(name))["ports"]))' "$@"
}

counter() { # END FILE PREFIX NAME: of the kernel there, since its namespace began
    # shellcheck disable=SC2016 # awk's
    in_ns "$1" awk -v "prefix=$3:" -v "name=$4" '$1 == prefix {
        for (i = 2; i <= NF; i++) if (at) { if (i == at) print $i } else if ($i == name) found = i
        at = found }' "/proc/net/$2"
}

sent_again() { # segments of both ends
    echo $(($(counter client snmp Tcp RetransSegs) + $(counter server snmp Tcp RetransSegs)))
}
