#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A near and a far box of `weir accel` with one key, and a wide-area network between: transfers both ways have equal digests, also under loss; the answer's
# first byte comes a round trip earlier than without boxes; a far box alone is a bridge; a near box whose far box is gone, or has another key, goes on as alone.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

server4=198.18.0.2
server6=2001:db8::2
key=00112233445566778899aabbccddeeff
other_key=ffeeddccbbaa99887766554433221100
for name in client near wan far server; do ns_add $name; done
veth_add client c0 near n0
veth_add near n1 wan w0
veth_add wan w1 far f0
veth_add far f1 server s0
for end in client:c0:1 server:s0:2; do
    name=${end%%:*}
    rest=${end#*:}
    address_add "$name" "198.18.0.${rest#*:}" "${rest%:*}"
    in_ns "$name" ip -6 addr add "2001:db8::${rest#*:}/64" dev "${rest%:*}" nodad
done

begun() { # LOGFILE
    wait_for 20 grep -q "Ctrl-C" "$1" || not_ok "a box starts" "$(cat "$1")"
}
box_start() { # NAMESPACE CLIENTS-IFNAME SERVERS-IFNAME OPTION...: box_NAMESPACE is its process
    box_name=$1 box_clients=$2 box_servers=$3
    shift 3
    : >"$work/$box_name.log"
    start_in_ns "$box_name" "$work/$box_name.log" "$WEIR" accel examples/accel.yaml --json "$work/$box_name.json" \
        --set "ports[0].location=packet:$box_clients" --set "ports[1].location=packet:$box_servers" "$@"
    eval "box_$box_name=$started_pid"
    begun "$work/$box_name.log"
}
bridge_start() { # NAMESPACE IFNAME IFNAME IMPAIRMENTS
    cat >"$work/$1.yaml" <<YAML
ports: [{name: inside, location: "packet:$2"}, {name: outside, location: "packet:$3"}]
YAML
    : >"$work/$1.log"
    start_in_ns "$1" "$work/$1.log" "$WEIR" bridge "$work/$1.yaml" --set "impairments=$4"
    eval "box_$1=$started_pid"
    begun "$work/$1.log"
}
box_stop() { # NAMESPACE...
    for box_name in "$@"; do
        eval "box_pid=\$box_$box_name"
        # shellcheck disable=SC2154 # assigned by eval
        kill -INT "$box_pid"
        wait "$box_pid" || not_ok "Ctrl-C ends the box with status 0" "$(cat "$work/$box_name.log")"
    done
}
count() { # NAMESPACE NAME
    /usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["accelerator"][sys.argv[2]])' "$work/$1.json" "$2"
}
near_start() { box_start near n0 n1 "$@"; }
far_start() { box_start far f0 f1 --set accelerator.role=far "$@"; }
wan_start() { bridge_start wan w0 w1 "$1"; } # IMPAIRMENTS
delay() { # ROUND TRIP in ms
    echo "[{port: inside, delay: $(($1 / 2))ms}, {port: outside, delay: $(($1 / 2))ms}]"
}

start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve 8000
wait_for 20 listens server 8000
transfers() { # NAME HOST COUNT
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" 8000 "$3"
    diag "$(tail -n 1 "$work/check.out")"
}
first_byte() { # COUNT: median ms from connect to the answer's first byte
    in_ns client /usr/bin/python3 tests/interop/accel_peer.py first $server4 8000 "$1"
}

# ---- transfers

wan_start "[]"
near_start --set accelerator.key=$key
far_start --set accelerator.key=$key
check "every other kind of frame passes both boxes as it is" /usr/bin/python3 tests/interop/accel_others.py "/run/netns/weir-$$-client" c0 "/run/netns/weir-$$-server" s0
diag "$(tail -n 1 "$work/check.out")"
transfers "a far box that is not known yet" $server4 10
transfers "one that is" $server4 100
transfers "over IPv6" $server6 100
box_stop near far
check_equal "the far box was found by every connection" "210 210" "$(count near far_box_found) $(count near flows_translated)"
check_equal "and translated each" 210 "$(count far flows_translated)"
check "most sent early data ahead" test "$(count near sent_ahead)" -ge 200
check_equal "nothing was lost" "0 0" "$(count near far_box_lost) $(count near early_undelivered)"

# ---- without the other

far_start --set accelerator.key=$key
bridge_start near n0 n1 "[]"
transfers "a far box without a near one is a bridge" $server4 20
box_stop near far
check_equal "it knew no connection" 0 "$(count far far_flows)"

near_start --set accelerator.key=$key
far_start --set accelerator.key=$other_key
transfers "boxes of different keys" $server4 20
box_stop far
check_equal "the far box took no mark" "0 20" "$(count far far_flows) $(count far far_bad_mark)"
far_start --set accelerator.key=$key
transfers "the right key" $server4 20
box_stop far
bridge_start far f0 f1 "[]"
transfers "the far box is gone" $server4 20
box_stop near far wan
check_equal "its absence was seen once" "20 1" "$(count near far_box_found) $(count near far_box_lost)"

# ---- loss

wan_start "[{port: outside, loss: 1%, duplicate: 1%, reorder: 1%, delay: 2ms}, {port: inside, loss: 1%, duplicate: 1%, reorder: 1%, delay: 2ms}]"
near_start --set accelerator.key=$key
far_start --set accelerator.key=$key
transfers "loss, repetition and reordering between the boxes" $server4 40
box_stop near far wan
check_equal "what was acknowledged was delivered" 0 "$(count near early_undelivered)"

# ---- time

for round_trip in 50 100 200; do
    wan_start "$(delay $round_trip)"
    bridge_start near n0 n1 "[]"
    bridge_start far f0 f1 "[]"
    plain=$(first_byte 10)
    box_stop near far
    bridge_start far f0 f1 "[]"
    near_start
    first_byte 1 >/dev/null
    near=$(first_byte 10)
    box_stop near far
    near_start --set accelerator.key=$key
    far_start --set accelerator.key=$key
    first_byte 1 >/dev/null
    paired=$(first_byte 10)
    box_stop near far wan
    diag "RTT $round_trip ms, connect to first byte: plain $plain ms, near $near ms, paired $paired ms"
    check "RTT $round_trip ms: a pair saves most of a round trip" /usr/bin/python3 -c 'import sys
plain, paired, round_trip = map(float, sys.argv[1:])
sys.exit(not plain - paired > 0.8 * round_trip)' "$plain" "$paired" $round_trip
done
