#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripts/demo-accel as a user runs it, shortened: every connection completes with equal digests, a pair's first byte comes a round trip earlier, the chart is a
# well-formed SVG, and nothing of it stays behind, also when it is interrupted.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

export WEIR
left() { # what a demonstration's process has left
    ip netns list | grep -c "weir-demo-$1-" || true
}
start "$work/demo.out" scripts/demo-accel --rtt 100 --runs 2 --connections 200 --svg "$work/demo.svg" --json "$work/demo.json"
demo=$started_pid
status=0
wait "$demo" || status=$?
check_equal "the demonstration ends well" 0 "$status"
[ "$status" = 0 ] || diag "$(cat "$work/demo.out")"
diag "$(head -n 12 "$work/demo.out")"
check "connections complete, and the figures are what boxes are for" /usr/bin/python3 - "$work/demo.json" <<'PY'
import json, sys
results = json.load(open(sys.argv[1]))
modes = results["round_trips"]["100"]
for mode in ("plain", "near", "paired"):
    assert results["many"][mode]["connections"] == 200 and results["many"][mode]["failed"] == 0, mode
    assert modes[mode]["wrong_checksums"] == 0, mode
for mode in ("near", "paired"):
    assert modes["plain"]["connect"] - modes[mode]["connect"] > 50, "connecting saves most of a round trip"
assert modes["plain"]["first_byte"] - modes["paired"]["first_byte"] > 50, "so does the first byte of a pair"
PY
check "the chart is well-formed" /usr/bin/python3 -c 'import sys, xml.etree.ElementTree as tree
bars = [r for r in tree.parse(sys.argv[1]).getroot() if r.tag.endswith("rect")]
sys.exit(not len(bars) > 9)' "$work/demo.svg"
check_equal "no namespace is left" 0 "$(left "$demo")"

start "$work/interrupted.out" env "TMPDIR=$work" scripts/demo-accel --svg "$work/none.svg"
demo=$started_pid
wait_for 30 sh -c "ip netns list | grep -q 'weir-demo-$demo-server' && pgrep -P $demo nginx" || not_ok "it begins" "$(cat "$work/interrupted.out")"
kill -TERM "$demo"
status=0
wait "$demo" || status=$?
check_equal "interrupted, it says so" 143 "$status"
check_equal "and leaves no namespace" 0 "$(left "$demo")"
check_equal "nor a process" "" "$(pgrep -f "$work/weir-demo" || true)"
check_equal "a round trip that is none is refused" 2 "$(scripts/demo-accel --rtt 0 >"$work/check.out" 2>&1 || echo $?)"
