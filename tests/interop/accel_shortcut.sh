#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The accelerator's shortcut on the XDP hook: its program translates as user space does; transfers of the kernel's ends through it have equal digests over both families, most of
# their segments go that way, with right checksums; connections leave it when they end, and outlive a killed box by its table; senders that leave checksums to
# the card are served all the same; and where there can be no shortcut the box says why, or does not start.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

build_dir=${WEIR_BUILD:-$(dirname "$WEIR")}
program=$build_dir/bpf/accel.bpf.o
if [ ! -f "$program" ]; then
    skip "everything" "weir was built without XDP (ENABLE_XDP=OFF)"
    exit 0
fi

# ---- the program

build accel_shortcut_equal -lbpf
for seed in 1 2 3; do
    check "random segments, seed $seed: byte for byte as user space" "$work/accel_shortcut_equal" "$program" 100000 $seed
    diag "$(tail -n 1 "$work/check.out")"
done

# ---- transfers

one_box
merging() { # on or off: of the kernels' ends; a veth takes frames from XDP only where its other end merges
    in_ns client ethtool -K c0 gro "$1" >/dev/null
    in_ns server ethtool -K s0 gro "$1" >/dev/null
}
merging on
start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve 8000
start_in_ns server "$work/crowd_server.log" /usr/bin/python3 tests/interop/accel_crowd.py serve 8001
wait_for 20 listens server 8000
wait_for 20 listens server 8001

transfers() { # NAME HOST COUNT
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" 8000 "$3"
    diag "$(tail -n 1 "$work/check.out")"
}
begins() { # NAME TEXT: what the box said at its start
    check "$1" grep -q "$2" "$work/near.log"
}
# Frames that had no room: a veth that XDP takes frames from, or puts them into, has a ring of 256, and the kernel drops what is beyond.
no_room() {
    for device in client:c0 server:s0 near:n0 near:n1; do
        in_ns ${device%:*} ip -json -stats link show ${device#*:}
        in_ns ${device%:*} ethtool -S ${device#*:} | sed -n 's/.*xdp_xmit_errors: *//p'
    done | /usr/bin/python3 -c 'import json, sys
print(sum(line[0]["stats64"]["tx"]["dropped"] if isinstance(line, list) else line for line in map(json.loads, filter(str.strip, sys.stdin))))'
}
wrong_checksums() { echo $(($(counter client snmp Tcp InCsumErrors) + $(counter server snmp Tcp InCsumErrors))); }
published() { # how many connections are in the map of the box that runs
    # shellcheck disable=SC2154 # assigned by eval
    sed -n 's/^map_id:[[:space:]]*//p' /proc/"$box_near"/fdinfo/* | sort -u | while read -r map; do
        bpftool -j map show id "$map" | grep -q '"name":"flows"' || continue
        bpftool -j map dump id "$map" | /usr/bin/python3 -c 'import json, sys
print(len(json.load(sys.stdin)))'
    done
}
programs() { # attached to the box's interfaces
    in_ns near ip -json -details link show | /usr/bin/python3 -c 'import json, sys
print(sum("xdp" in i for i in json.load(sys.stdin)))'
}

accel_start
transfers "without a shortcut" $server4 50
before=$(sent_again)
transfers "without a shortcut, a server that is known" $server4 100
transfers "over IPv6" $server6 100
without=$(($(sent_again) - before))
accel_stop

accel_start --set accelerator.shortcut=required
begins "the box says that it has a shortcut" "^shortcut: XDP, native at both ports$"
check_equal "its program is on both interfaces" 2 "$(programs)"
transfers "with the shortcut, a server that the box does not know" $server4 50
before=$(sent_again)
before_no_room=$(no_room)
transfers "one that it knows" $server4 100
transfers "over IPv6" $server6 100
with=$(($(sent_again) - before))
lost=$(($(no_room) - before_no_room))
wait_for 20 connections_over || true
check_equal "no connection is left in the kernel" 0 "$(published)"
accel_stop
check_equal "every connection was answered, translated and closed" "250 250 250" \
    "$(count near syn_answered) $(count near flows_translated) $(count near flows_closed)"
user_frames() { # that user space had
    /usr/bin/python3 -c 'import json, sys
print(sum(port["frames_rx"] for port in json.load(open(sys.argv[1]))["ports"]))' "$work/near.json"
}
share=$((100 * $(count near shortcut_segments) / ($(count near shortcut_segments) + $(user_frames))))
diag "$(count near shortcut_flows) connections and $(count near shortcut_segments) segments took the shortcut, user space had $(user_frames) frames: $share %"
check "nine segments of ten took the shortcut" test "$share" -ge 90
check_equal "no checksum was wrong" 0 "$(wrong_checksums)"
diag "sent again in 200 transfers: $without without the shortcut, $with with it, where $lost frames had no room in a veth's ring"
# Were segments overtaken when a connection takes the shortcut, ends would send eight again for each upload.
check "what ends send again is what they do without it, what a veth dropped, and at most two each" test "$with" -le $((without + lost + 400))
check_equal "the program is gone with the box" 0 "$(programs)"

# ---- what an operator sees

accel_start --set accelerator.shortcut=auto --control "$work/control"
start_in_ns client "$work/hold.log" /usr/bin/python3 tests/interop/accel_peer.py hold $server4 8000 20
hold_pid=$started_pid
wait_for 60 grep -q holding "$work/hold.log" || not_ok "20 connections are held" "$(cat "$work/hold.log")"
in_ns near "$WEIR" accel flows --control "$work/control" --json "$work/flows.json"
check_equal "flows: the bytes of each connection, with those that took the shortcut" "20 140 21320" \
    "$(/usr/bin/python3 -c 'import json, sys
flows = json.load(open(sys.argv[1]))["list"]
print(len(flows), sum(f["bytes"]["client"] for f in flows), sum(f["bytes"]["server"] for f in flows))' "$work/flows.json")"
stop "$hold_pid" || true
accel_stop

# ---- kill

start_crowd() { # HOST
    rm -f "$work/stop"
    : >"$work/crowd.log"
    start_in_ns client "$work/crowd.log" /usr/bin/python3 tests/interop/accel_crowd.py crowd "$1" 8001 100 "$work/stop" 20
    crowd_pid=$started_pid
    wait_for 60 grep -q ready "$work/crowd.log" || not_ok "100 connections are opened" "$(cat "$work/crowd.log")"
}
end_crowd() { # NAME
    touch "$work/stop"
    wait "$crowd_pid" || true
    crowd_result=$(tail -n 1 "$work/crowd.log")
    diag "$crowd_result"
    case $crowd_result in
        "100 went on, 0 ended, 0 had no answer, 0 got other bytes"*) ok "$1" ;;
        *) not_ok "$1" "$(cat "$work/crowd.log")" ;;
    esac
}
accel_kill() {
    # shellcheck disable=SC2154 # assigned by eval
    kill -KILL "$box_near"
    wait "$box_near" 2>/dev/null || true
}
outlives() { # FAMILY HOST
    accel_start --set accelerator.shortcut=required --set "accelerator.table=$work/table"
    start_crowd "$2"
    sleep 1
    check "$1: the crowd takes the shortcut" test "$(published)" -ge 50
    accel_kill
    wait_for 5 test "$(programs)" = 0 || true
    check_equal "$1: the program of a box that was killed is gone" 0 "$(programs)"
    accel_start --set accelerator.shortcut=required --set "accelerator.table=$work/table"
    sleep 2
    check "$1: connections that were taken over take the shortcut again" test "$(published)" -ge 50
    end_crowd "$1: 100 connections outlive a killed box by its table"
    accel_stop
    rm -f "$work/table"
}
outlives IPv4 $server4
outlives IPv6 $server6

# ---- resets

mkfifo "$work/go"
resets() { # FAMILY HOST
    accel_start --set accelerator.shortcut=required
    : >"$work/reset.log"
    # shellcheck disable=SC2016 # the shell's in there
    start_in_ns client "$work/reset.log" sh -c 'exec /usr/bin/python3 tests/interop/accel_crowd.py reset "$1" 8001 20 <"$2"' sh "$2" "$work/go"
    reset_pid=$started_pid
    exec 8>"$work/go"
    wait_for 60 grep -q ready "$work/reset.log" || not_ok "20 connections are opened" "$(cat "$work/reset.log")"
    exec 8>&-
    wait "$reset_pid" || not_ok "$1: they had their answers" "$(cat "$work/reset.log")"
    wait_for 10 nobody_serves || true
    check "$1: resets of connections that take the shortcut reach the server" nobody_serves
    check_equal "$1: none is left in the kernel" 0 "$(published)"
    accel_stop
    check_equal "$1: each was believed" "20 0" "$(count near flows_reset) $(count near resets_doubted)"
    check "$1: which took the shortcut" test "$(count near shortcut_segments)" -ge 100
}
nobody_serves() { in_ns server ss -Htn state established "sport = :8001" | grep -q . && return 1 || return 0; }
wait_for 20 nobody_serves || true
resets IPv4 $server4
resets IPv6 $server6

# ---- idle connections

accel_start --set accelerator.shortcut=required --set accelerator.idle_timeout=3s
start_crowd $server4
start_in_ns client "$work/hold.log" /usr/bin/python3 tests/interop/accel_peer.py hold $server4 8000 5
hold_pid=$started_pid
sleep 8
busy=$(published)
check "connections whose segments take the shortcut are not idle, and idle ones are forgotten" test "$busy" -ge 50 -a "$busy" -le 100
end_crowd "100 connections outlast the idle timeout by what takes the shortcut"
stop "$hold_pid" || true
accel_stop
# What was forgotten and then says FIN or RST is a connection that nobody knows.
check_equal "those that were held were idle" 5 "$(count near flows_idle)"

# ---- checksums that are left to the card

for end in "client c0" "server s0"; do in_ns "${end% *}" ethtool -K "${end#* }" tx on >/dev/null; done
accel_start --set accelerator.shortcut=required
transfers "senders that leave their checksums to the card" $server4 50
accel_stop
# What a host says for a connection that it has forgotten it fills in itself.
check "take no shortcut, but for what has no connection" test "$(count near shortcut_segments)" -le 50
check_equal "and arrive with right ones" 0 "$(wrong_checksums)"
for end in "client c0" "server s0"; do in_ns "${end% *}" ethtool -K "${end#* }" tx off >/dev/null; done

# ---- where there can be none

refused() { # NAME TEXT OPTION...
    refused_name=$1 refused_text=$2
    shift 2
    if in_ns near "$WEIR" accel examples/accel.yaml --set "ports[0].location=packet:n0" --set "ports[1].location=packet:n1" --set accelerator.shortcut=required \
        -d 1ms "$@" >"$work/refused.log" 2>&1; then
        not_ok "$refused_name" "it started"
    else
        check "$refused_name" grep -q "accel: accelerator.shortcut: $refused_text" "$work/refused.log"
    fi
}
refused "required beside impairments: refused" "port outside (packet:n1): what it takes would go past the impairments" --set "impairments=[{port: outside, delay: 1ms}]"
refused "beside a trace: refused" "what it takes would be missing in the log, trace or capture" --trace "$work/trace"
refused "at a far box: refused" "it is for a near box, found role: far" --set accelerator.role=far
refused "at ports of memory: refused" "port inside (mem:a): it needs packet:IFNAME" --set "ports[0].location=mem:a" --set "ports[1].location=mem:a"

merging off
refused "before a veth whose other end does not merge: refused" "n0 takes no frames from XDP now"
accel_start --set accelerator.shortcut=auto
begins "auto: the box starts without, and says why" "^no shortcut: n0 takes no frames from XDP now"
check_equal "no program is left on its interfaces" 0 "$(programs)"
transfers "and serves without" $server4 20
accel_stop
check_equal "with no shortcut" 0 "$(count near shortcut_flows)"
