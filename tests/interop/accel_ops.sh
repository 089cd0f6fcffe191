#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the operator of `weir accel` sees: connections bypassed by configuration, a far box alone as a bridge with its packet log, the trace, the capture of
# both sides as tshark reads it, the table of flows, the counters for Prometheus.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

one_box

accel_start() { box_start near n0 n1 --control "$work/box.sock" "$@"; } # OPTION...
for port in 8000 8001; do start_in_ns server "$work/server$port.log" /usr/bin/python3 tests/interop/accel_peer.py serve $port; done
wait_for 20 listens server 8000
wait_for 20 listens server 8001
transfers() { # NAME HOST PORT COUNT
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" "$3" "$4"
}

# ---- bypass by configuration

accel_start --set "accelerator.bypass=[{server_ports: [8001]}, {client: '2001:db8::1/128', server_ports: [8000, 8000]}]"
transfers "a port that is accelerated" $server4 8000 10
transfers "one that is bypassed" $server4 8001 7
transfers "a client that is bypassed" $server6 8000 5
accel_stop
check_equal "those of the list pass, the others are answered" "10 12" "$(count near syn_answered) $(count near bypass_configured)"

# ---- a far box alone

accel_start --set accelerator.role=far --set "accelerator.log=$work/far.log"
capture_start client c0 "$work/client.pcap"
client_capture=$capture_pid
capture_start server s0 "$work/server.pcap"
# Small ones: a capture that loses frames would tell of a difference.
transfers "a far box without a key" $server4 8000 3
check "ping through it" in_ns client ping -c 3 -i 0.01 -W 2 $server4
capture_stop
capture_pid=$client_capture
capture_stop
accel_stop
for side in client server; do
    decode "$work/$side.pcap" -Y "tcp.port == 8000 || icmp" -x | grep -E '^[0-9a-f]{4} ' >"$work/$side.hex"
    sort "$work/$side.hex" >"$work/$side.sorted"
done
check "passes every frame as it is" diff "$work/client.sorted" "$work/server.sorted"
check_equal "and answers nobody" "0 0" "$(count near syn_answered) $(count near far_flows)"
diag "$(head -n 2 "$work/far.log")"
check "the log has a line for each packet, in and out" /usr/bin/python3 - "$work/far.log" "$work/near.json" <<'PY'
import collections, json, sys
ways = collections.Counter(tuple(line.split()[1:3]) for line in open(sys.argv[1]))
ports = {p["name"]: p for p in json.load(open(sys.argv[2]))["ports"]}
for name in ("inside", "outside"):
    found, expected = (ways[name, "<"], ways[name, ">"]), (ports[name]["frames_rx"], ports[name]["frames_tx"])
    # a frame of several segments is one packet of the log
    if not (0 < found[0] <= expected[0] and 0 < found[1] <= expected[1]):
        sys.exit(f"{name}: the log has {found}, the port {expected}")
if ways["inside", "<"] != ways["outside", ">"] or ways["outside", "<"] != ways["inside", ">"]:
    sys.exit(f"what came in did not go out: {ways}")
PY

# ---- the trace and the capture

accel_start --trace "$work/trace.txt" --pcap "$work/both.pcapng" --port 8000
transfers "traced and captured: a server that the box does not know" $server4 8000 2
transfers "one that it knows" $server4 8000 4
transfers "over IPv6" $server6 8000 2
transfers "of a port that is not asked for" $server4 8001 2
accel_stop
diag "$(head -n 12 "$work/trace.txt")"
check "the trace has the box's answer to each SYN" /usr/bin/python3 - "$work/trace.txt" <<'PY'
import re, sys
lines = open(sys.argv[1]).read().splitlines()
syns = [l for l in lines if re.search(r" c>s .* SYN seq .*: passed .*syn_answered", l)]
answers = [l for l in lines if re.search(r" box>c .* SYN,ACK seq ", l)]
taken = [l for l in lines if " s>c " in l and " SYN,ACK " in l and "taken" in l and "flows_translated" in l]
shifted = [l for l in lines if re.search(r" s>c .* -> seq \d+.*: passed", l)]
if not (len(syns) == len(answers) == len(taken) == 8 and shifted):
    sys.exit(f"{len(syns)} SYNs, {len(answers)} answers, {len(taken)} SYN-ACKs taken, {len(shifted)} translated")
if any(":8001" in l for l in lines):
    sys.exit("a line of the other port")
PY
tshark -r "$work/both.pcapng" -T fields -e frame.interface_name -e frame.comment -e tcp.flags.str >"$work/fields.txt" 2>"$work/tshark.err" || cat "$work/tshark.err"
diag "$(sort "$work/fields.txt" | cut -f 1,2 | sed 's/[0-9]\{3,\}/N/g' | sort | uniq -c | sort -rn | head -n 8)"
check "tshark reads two interfaces with the ports' names" test "$(cut -f 1 "$work/fields.txt" | sort -u | tr '\n' ' ')" = "inside outside "
check "and comments on the box's own segments, on what it took and on what it translated" /usr/bin/python3 - "$work/fields.txt" <<'PY'
import sys
comments = [line.rstrip("\n").split("\t")[1] for line in open(sys.argv[1])]
for begins in ("own", "taken", "passed seq", "passed ack"):
    if not any(c.startswith(begins) for c in comments):
        sys.exit(f"no comment that begins with {begins!r}")
PY
check_equal "no frame that left the box has a wrong checksum" 0 "$(frames "$work/both.pcapng" "$wrong_tcp_checksum || ip.checksum.status == 0")"

# ---- flows and counters

accel_start --prometheus "$work/accel.prom" --set "impairments=[{port: outside, delay: 100ms}]"
transfers "a server to be learnt" $server4 8000 1
in_ns client /usr/bin/python3 tests/interop/accel_peer.py hold $server4 8000 40 >"$work/hold.out" 2>&1 &
holder=$!
pids_all="$pids_all $holder"
wait_for 20 grep -q "holding" "$work/hold.out" || not_ok "connections stay open" "$(cat "$work/hold.out")"
"$WEIR" accel flows --control "$work/box.sock" >"$work/table.txt" 2>&1 || true
diag "$(sed -n 1,3p "$work/table.txt")"
check "flows are shown as a table, 20 of them unless told otherwise" grep -q "^20 of 4[01] connections" "$work/table.txt"
check "and as JSON" "$WEIR" accel flows --control "$work/box.sock" --limit 100 --json "$work/flows.json" --sort saved --port 8000
check "with bytes, deltas, options and what was saved" /usr/bin/python3 - "$work/flows.json" <<'PY'
import json, sys
flows = [f for f in json.load(open(sys.argv[1]))["list"] if f["state"] == "open"]
assert len(flows) == 40, len(flows)
for f in flows:
    # what `hold` writes, and what it reads: the line, 64 digits, a newline, 1001 bytes
    assert f["bytes"]["client"] == len("0 1001\n") and f["bytes"]["server"] == 64 + 1 + 1001, f["bytes"]
    assert f["bytes"]["early"] in (0, len("0 1001\n")), f["bytes"]  # 0: the client was late
    assert 100_000_000 <= f["saved_ns"] < 5_000_000_000, f["saved_ns"]
    assert f["delta"] != 0 and f["said"]["mss"] == 1460 and f["told"] == f["said"], f
    assert f["client"]["address"] == "198.18.0.1" and f["server"] == {"address": "198.18.0.2", "port": 8000}, f
assert sum(f["bytes"]["early"] > 0 for f in flows) > 20, "most wrote before the server had answered"
PY
kill "$holder" 2>/dev/null || true
sleep 1.2
check "the counters for Prometheus are there while it runs" grep -q "^weir_accel_syn_answered_total 41$" "$work/accel.prom"
accel_stop
check "and each has a HELP and a TYPE, and the histogram adds up" /usr/bin/python3 - "$work/accel.prom" "$work/near.json" <<'PY'
import json, re, sys
text, counters = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))["accelerator"]
values, helps, types = {}, set(), {}
for line in text.splitlines():
    if line.startswith("# HELP "):
        helps.add(line.split()[2])
    elif line.startswith("# TYPE "):
        types[line.split()[2]] = line.split()[3]
    else:
        name, value = re.fullmatch(r'([a-z_]+(?:\{[^}]*\})?) ([0-9.e+-]+)', line).groups()
        values[name] = float(value)
for name, value in counters.items():
    metric = f"weir_accel_{name}_total"
    assert values[metric] == value and metric in helps and types[metric] == "counter", metric
assert types["weir_accel_answer_seconds"] == "histogram"
assert values['weir_accel_answer_seconds_bucket{le="+Inf"}'] == values["weir_accel_answer_seconds_count"] == counters["syn_answered"]
print({k: v for k, v in values.items() if "bucket" in k})
PY
diag "$(tail -n 1 "$work/check.out" | cut -c 1-200)"
check_equal "the socket is gone with the box" "" "$(ls "$work/box.sock" 2>/dev/null || true)"
check_equal "nothing to ask is an error" 3 "$("$WEIR" accel flows --control "$work/box.sock" >"$work/check.out" 2>&1 || echo $?)"
