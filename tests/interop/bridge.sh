#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir bridge` between two hosts of the kernel: frames pass byte for byte; delay, loss and rate are what was configured.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

ns_add left
ns_add middle
ns_add right
veth_add left l0 middle m0
veth_add right r0 middle m1
in_ns left ip addr add 198.18.0.1/24 dev l0
in_ns right ip addr add 198.18.0.2/24 dev r0

bridge_start() { # OPTION...: a bridge in the middle; bridge_pid
    start_in_ns middle "$work/bridge.log" "$WEIR" bridge examples/wan.yaml --json "$work/bridge.json" \
        --set "ports[0].location=packet:m0" --set "ports[1].location=packet:m1" "$@"
    bridge_pid=$started_pid
    wait_for 20 grep -q "Ctrl-C" "$work/bridge.log" || not_ok "the bridge starts" "$(cat "$work/bridge.log")"
}
bridge_stop() {
    kill -INT "$bridge_pid"
    bridge_status=0
    wait "$bridge_pid" || bridge_status=$?
    check_equal "Ctrl-C ends the bridge with status 0" 0 "$bridge_status"
}
count() { # PORT-NUMBER NAME
    /usr/bin/python3 -c 'import json, sys
p = json.load(open(sys.argv[1]))["ports"][int(sys.argv[2])]
print(p.get(sys.argv[3], p["impaired"].get(sys.argv[3])))' "$work/bridge.json" "$1" "$2"
}
plain="--set impairments=[]"

# shellcheck disable=SC2086
bridge_start $plain
capture_start left l0 "$work/left.pcap"
left_pid=$capture_pid
capture_start right r0 "$work/right.pcap"
check "ping through the bridge" in_ns left ping -c 20 -i 0.01 -W 2 -s 1400 198.18.0.2
capture_stop
capture_pid=$left_pid
capture_stop
bridge_stop
for side in left right; do
    decode "$work/$side.pcap" -Y "icmp || arp" -x >"$work/$side.hex"
done
check "both sides of the bridge saw the same bytes" cmp "$work/left.hex" "$work/right.hex"
check_equal "in the frames of 20 echoes" 40 "$(frames "$work/right.pcap" icmp)"
check_equal "what came in went out" "$(count 0 frames_rx) $(count 1 frames_rx)" "$(count 1 frames_tx) $(count 0 frames_tx)"

bridge_start --set "impairments=[{port: outside, delay: 20ms}, {port: inside, delay: 10ms}]"
in_ns left ping -c 10 -i 0.05 -W 2 198.18.0.2 >"$work/ping.out"
bridge_stop
check "a delay of 20 and 10 ms makes a round trip of at least 30 ms" /usr/bin/python3 -c 'import re, sys
fastest = float(re.search(r"= ([\d.]+)/", open(sys.argv[1]).read()).group(1))
sys.exit(not 30 <= fastest < 60)' "$work/ping.out"
diag "$(tail -n 1 "$work/ping.out")"

bridge_start --set "impairments=[{port: outside, loss: 10%}]"
in_ns left ping -q -c 2000 -i 0.001 -W 1 198.18.0.2 >"$work/ping.out" || true
bridge_stop
lost=$(count 1 lost)
check_equal "of 2,000 echoes 10 % are lost, within the 99 % interval (166 to 235)" True \
    "$(/usr/bin/python3 -c "print(166 <= $lost <= 235)")"
diag "lost $lost"

# shellcheck disable=SC2086
bridge_start --set "impairments=[{port: outside, bits_per_second: 10M, queue_frames: 100}]"
start_in_ns right "$work/server.log" iperf3 -s -1 -B 198.18.0.2
wait_for 20 listens right 5201
in_ns left iperf3 -c 198.18.0.2 -u -b 20M -l 1448 -t 2 --json >"$work/iperf.json"
bridge_stop
check "10 Mbit/s let half of 20 Mbit/s through" /usr/bin/python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))["end"]["sum"]
print(s["lost_percent"])
sys.exit(not 40 < s["lost_percent"] < 60)' "$work/iperf.json"
