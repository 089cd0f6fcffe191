#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `weir capture` on a veth pair whose other end the kernel pings, and on files; tshark and capinfos read what it wrote.

load lib.bash

setup() { cd "$BATS_TEST_TMPDIR"; }

# After `run`: skips the test where there are no namespaces.
skip_without_network() { [ "$status" -ne 99 ] || skip "no network namespaces: the kernel lacks CONFIG_NET_NS or CONFIG_USER_NS, or forbids them"; }

# Shell functions for in_network. 198.18.0.2, which the kernel pings, is nobody: its requests pass the interface, and no answer.
# capture ARGUMENTS... starts a capture on peer0 in the background, ready when it returns; captured waits for it. pings N sends N echo requests.
PRELUDE='
    exec 3>&-
    ip neighbour add 198.18.0.2 lladdr 02:00:00:00:00:99 dev peer0
    capture() {
        "$WEIR" capture packet:peer0 "$@" 2>err.txt & pid=$!
        until grep -q "^capturing on\|^weir:" err.txt; do kill -0 $pid; sleep 0.05; done
    }
    captured() { status=0; wait $pid || status=$?; cat err.txt; exit $status; }
    pings() { ping -q -c "$1" -i 0.01 -W 0.01 198.18.0.2 >/dev/null || true; }
'

tshark_fields() { # FILE FIELD...
    local file=$1 fields=()
    shift
    for field in "$@"; do fields+=(-e "$field"); done
    tshark -r "$file" -T fields "${fields[@]}" 2>/dev/null | sed 's/0x0000000\([12]\)/\1/'
}

@test "what passes an interface is in the file, with time, direction, filter and comment" {
    run in_network "$PRELUDE"'
        date +%s.%N >before
        capture -w out.pcapng -f "icmp or arp" -c 5 --comment "a test"
        pings 5
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    holds "5 frames captured, 5 received, 0 dropped" "$output"
    [ "$(tshark_fields out.pcapng ip.dst icmp.seq frame.packet_flags_direction)" = "$(for i in 1 2 3 4 5; do printf '198.18.0.2\t%d\t2\n' $i; done)" ]
    python3 -c 'import sys
before, times = float(open("before").read()), [float(t) for t in sys.argv[1].split()]
assert all(before - 1 < t < before + 60 for t in times) and times == sorted(times), (before, times)' "$(tshark_fields out.pcapng frame.time_epoch)"
    capinfos out.pcapng >info.txt 2>/dev/null
    holds "nanoseconds (9)" "$(cat info.txt)"
    holds "Filter string = icmp or arp" "$(cat info.txt)"
    holds "Name = packet:peer0" "$(cat info.txt)"
    holds "a test" "$(cat info.txt)"
    holds "Number of stat entries = 1" "$(cat info.txt)"
}

@test "the ending .pcap or --format pcap gives the classic format; - is standard output" {
    run in_network "$PRELUDE"'
        capture -w out.pcap -f icmp -c 2
        pings 2
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(capinfos -t out.pcap 2>/dev/null | grep -c 'nanosecond pcap')" -eq 1 ]
    weir capture pcap:out.pcap -q -w - | tshark -r - 2>/dev/null >lines.txt
    [ "$(wc -l <lines.txt)" -eq 2 ]
    weir capture pcap:out.pcap -q -w - --format pcap | cmp - out.pcap
    run --separate-stderr -2 weir capture pcap:out.pcap -w x --format snoop
    holds "--format: found 'snoop', allowed: pcapng, pcap" "$stderr"
}

@test "Ctrl-C ends a capture and the file is whole" {
    run in_network "$PRELUDE"'
        capture -w out.pcapng -f icmp
        pings 20
        sleep 0.5
        kill -INT $pid
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    holds "20 frames captured, 20 received, 0 dropped" "$output"
    [ "$(tshark_fields out.pcapng icmp.seq | wc -l)" -eq 20 ]
}

@test "a duration ends a capture in which nothing comes" {
    run in_network '"$WEIR" capture packet:peer0 -f "udp port 9999" -d 300ms -w out.pcapng'
    skip_without_network
    [ "$status" -eq 0 ]
    holds "0 frames captured" "$output"
    [ "$(tshark -r out.pcapng 2>/dev/null | wc -l)" -eq 0 ]
}

@test "the snap length cuts frames and keeps their length" {
    run in_network "$PRELUDE"'
        capture -w out.pcapng -f icmp -c 1 -s 60
        pings 1
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(tshark_fields out.pcapng frame.cap_len frame.len)" = "$(printf '60\t98')" ]
}

@test "a filter for VLAN tags sees the tag that the kernel had taken off, and the file has it" {
    run in_network "$PRELUDE"'
        capture -w out.pcapng -f "vlan 42 and icmp" -c 1
        python3 - <<PY
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("weir0", 0))
ip = bytes.fromhex("4500001c00010000400100000a0000010a000002") + bytes([8, 0, 0xf7, 0xff, 0, 0, 0, 0])
for tag in ("8100000a", "8100602a"):
    s.send(bytes.fromhex("ffffffffffff020000000001" + tag + "0800") + ip + bytes(18))
PY
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(tshark_fields out.pcapng vlan.id vlan.priority ip.dst frame.packet_flags_direction)" = "$(printf '42\t3\t10.0.0.2\t1')" ]
}

@test "without --write each frame is one line" {
    run in_network "$PRELUDE"'
        capture -f icmp -c 1 >lines.txt
        pings 1
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(wc -l <lines.txt)" -eq 1 ]
    grep -Eq '^[0-9:]{8}\.[0-9]{9} > 198\.18\.0\.1 > 198\.18\.0\.2 proto 1 ttl 64 len 84 .*: icmp echo request id [0-9]+ seq 1 data 56$' lines.txt
}

@test "frames on loopback are seen once" {
    run in_network '
        exec 3>&-
        "$WEIR" capture packet:lo -f "icmp[0] = 8" -d 2s -w out.pcapng 2>err.txt & pid=$!
        until grep -q "^capturing" err.txt; do kill -0 $pid; sleep 0.05; done
        ping -q -c 3 -i 0.01 127.0.0.1
        wait $pid'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(tshark_fields out.pcapng icmp.seq)" = "$(printf '1\n2\n3')" ]
}

@test "a file is a source too: filter and snap length as tshark has them" {
    run in_network "$PRELUDE"'
        capture -w all.pcapng -d 1s
        pings 10
        ping -q -c 3 -i 0.01 -W 0.01 198.18.0.77 >/dev/null || true
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(tshark -r all.pcapng -Y arp 2>/dev/null | wc -l)" -ge 1 ]
    for filter in arp icmp "icmp[6:2] > 5" "ether broadcast"; do
        weir capture pcap:all.pcapng -q -f "$filter" -w some.pcapng
        theirs=$(case $filter in icmp*5) echo "icmp.seq > 5" ;; ether*) echo "eth.dst == ff:ff:ff:ff:ff:ff" ;; *) echo "$filter" ;; esac)
        [ "$(tshark_fields some.pcapng frame.time_epoch)" = "$(tshark -r all.pcapng -Y "$theirs" -T fields -e frame.time_epoch 2>/dev/null)" ]
    done
    weir capture pcap:all.pcapng -q -f icmp -s 50 -c 2 -w some.pcapng
    [ "$(tshark_fields some.pcapng frame.cap_len frame.len)" = "$(printf '50\t98\n50\t98')" ]
}

@test "a filter that is none is refused with what libpcap says" {
    run --separate-stderr -2 weir capture packet:lo -f "tcp prot 80"
    holds 'filter "tcp prot 80"' "$stderr"
    run --separate-stderr -2 weir capture packet:lo -s 0
    holds "allowed: a whole number from 1 to 262144" "$stderr"
}

@test "locations that are not there, or not for capturing" {
    run --separate-stderr -3 weir capture packet:nosuch0
    holds "interface nosuch0: No such device" "$stderr"
    run --separate-stderr -2 weir capture pcap:nowhere.pcap
    holds "cannot open nowhere.pcap: No such file" "$stderr"
    run --separate-stderr -2 weir capture mem:wire
    holds "a memory link has its other end in the same run" "$stderr"
    run --separate-stderr -2 weir capture eth0
    holds 'location: found "eth0", allowed mem:NAME' "$stderr"
    printf 'no capture at all' >text.pcap
    run --separate-stderr -2 weir capture pcap:text.pcap
    holds "is not a pcap file" "$stderr"
    run --separate-stderr -2 weir capture
    holds "LOCATION is missing" "$stderr"
}

@test "without privilege the message says what is needed, and no file is made" {
    run -3 weir_without_privilege capture packet:lo -w out.pcapng
    holds "CAP_NET_RAW" "$output"
    [ ! -e out.pcapng ]
}

@test "a file that breaks off gives what was there, and fails" {
    run in_network "$PRELUDE"'
        capture -w all.pcapng -f icmp -c 3
        pings 3
        captured'
    skip_without_network
    head -c -200 all.pcapng >cut.pcapng
    run --separate-stderr -2 weir capture pcap:cut.pcapng -w out.pcapng
    holds "pcap:cut.pcapng: record 3 is truncated" "$stderr"
    [ "$(tshark_fields out.pcapng icmp.seq)" = "$(printf '1\n2')" ]
}

@test "a ring of files keeps the last ones, none too long, and no frame is missing or twice" {
    run in_network "$PRELUDE"'
        capture -w all.pcapng -f icmp -c 60
        pings 60
        captured'
    skip_without_network
    [ "$status" -eq 0 ]
    weir capture pcap:all.pcapng -q -w part.pcapng --file-size 2kB --json counts.json
    total=$(find . -name 'part_*.pcapng' | wc -l)
    [ "$total" -ge 4 ]
    python3 -c 'import json, sys
counts = json.load(open("counts.json"))
assert counts["captured"] == counts["received"] == 60 and counts["dropped"] == 0 and counts["files"] == int(sys.argv[1]), counts' "$total"
    for file in part_*.pcapng; do
        [ "$(stat -c %s "$file")" -le 2000 ]
        tshark_fields "$file" icmp.seq
    done >sequence.txt
    [ "$(cat sequence.txt)" = "$(seq 60)" ]
    weir capture pcap:all.pcapng -q -w ring.pcap --file-size 2kB --files 3
    [ "$(find . -name 'ring_*' | wc -l)" -eq 3 ]
    for file in ring_*.pcap; do tshark_fields "$file" icmp.seq; done >sequence.txt
    [ "$(cat sequence.txt)" = "$(seq "$(head -n 1 sequence.txt)" 60)" ]
    [ "$(wc -l <sequence.txt)" -lt 60 ]
    [ ! -e ring.pcap ]
}

@test "files by time begin with the first frame that is too late for the one before" {
    run in_network "$PRELUDE"'
        capture -w all.pcapng -f icmp -c 60
        pings 60
        captured'
    skip_without_network
    mkdir some.d
    weir capture pcap:all.pcapng -q -w some.d/part --file-time 100ms
    [ -s some.d/part_00001 ] && [ -s some.d/part_00002 ]
    for file in some.d/part_*; do
        tshark_fields "$file" frame.time_epoch
        echo next
    done >times.txt
    python3 - <<'PY'
groups = [[float(t) for t in g.split()] for g in open("times.txt").read().split("next")][:-1]
assert sum(map(len, groups)) == 60, groups
for before, after in zip(groups, groups[1:] + [None]):
    assert before[-1] - before[0] < 0.1 and (after is None or after[0] - before[0] >= 0.1), (before, after)
PY
}

@test "options of files without a file, or that contradict each other, are refused" {
    run --separate-stderr -2 weir capture packet:lo --files 3
    holds "--files is given without --write FILE" "$stderr"
    run --separate-stderr -2 weir capture packet:lo -w x.pcap --file-size 10XB
    holds "--file-size: found '10XB', allowed: a size above 0 such as 64KiB, 100MB or 1GiB" "$stderr"
    run --separate-stderr -2 weir capture packet:lo --json -
    holds "standard output has the frames" "$stderr"
}

@test "an output that takes no more is an error" {
    run in_network "$PRELUDE"'
        capture -w all.pcap -f icmp -c 3
        pings 3
        captured'
    skip_without_network
    run --separate-stderr -3 weir capture pcap:all.pcap -w /dev/full
    holds "cannot write /dev/full: No space left on device" "$stderr"
    run --separate-stderr -3 bash -c "'$WEIR' capture pcap:all.pcap >/dev/full"
    holds "cannot write to standard output" "$stderr"
}

@test "the capture of a run is pcapng when its name ends so" {
    memory_load load.yaml
    run -0 weir run load.yaml --quiet --set 'ports[0].capture=port.pcapng'
    capinfos port.pcapng >info.txt 2>/dev/null
    holds "Wireshark/... - pcapng" "$(cat info.txt)"
    [ "$(tshark -r port.pcapng -o tcp.check_checksum:TRUE -Y 'http.response.code == 200' 2>/dev/null | wc -l)" -gt 10 ]
    [ "$(tshark_fields port.pcapng frame.packet_flags_direction | sort -u | tr '\n' ' ')" = "1 2 " ]
}
