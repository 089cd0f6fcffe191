#!/bin/sh
# SPDX-License-Identifier: MIT
#
# SYNs that the accelerator's shortcut answers on the XDP hook: byte for byte as user space does, over thousands of random ones; transfers of the kernel's ends have equal
# digests, most of their SYNs are answered there, and none waits for one that was sent again; and nothing answers behind the box's back: not when it was killed, nor without end
# when it stands still.
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

build accel_answers_equal -lbpf
for seed in 1 2 3; do
    check "random SYNs, seed $seed: byte for byte as user space" "$work/accel_answers_equal" "$program" 10000 $seed
    diag "$(tail -n 1 "$work/check.out")"
done

# ---- transfers

one_box
for end in "client c0" "server s0"; do in_ns "${end% *}" ethtool -K "${end#* }" gro on >/dev/null; done
start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve 8000
start_in_ns server "$work/crowd_server.log" /usr/bin/python3 tests/interop/accel_crowd.py serve 8001
wait_for 20 listens server 8000
wait_for 20 listens server 8001

transfers() { # NAME HOST COUNT
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" 8000 "$3"
    diag "$(tail -n 1 "$work/check.out")"
}
wrong_checksums() { echo $(($(counter client snmp Tcp InCsumErrors) + $(counter server snmp Tcp InCsumErrors))); }
syns_again() { counter client netstat TcpExt TCPSynRetrans; }

before=$(syns_again)
accel_start --set accelerator.shortcut=required
transfers "a server that the box does not know" $server4 1
transfers "one that it knows" $server4 100
transfers "a server over IPv6 that it does not know" $server6 1
transfers "one that it knows" $server6 100
accel_stop
check_equal "every connection was answered, translated and closed" "202 202 202" \
    "$(count near syn_answered) $(count near flows_translated) $(count near flows_closed)"
diag "$(count near shortcut_answered) were answered by the shortcut"
# All but the first one to each server, and one in a thousand, which shares its place with another connection.
check "nearly all by the shortcut" test "$(count near shortcut_answered)" -ge 195
check_equal "no client sent its SYN again" "$before" "$(syns_again)"
check_equal "nor did the box" "0 0" "$(count near syn_answered_again) $(count near syn_sent_again)"
check_equal "nothing came before its SYN, and there was room for all" "0 0" "$(count near drop_pending) $(count near shortcut_withdrawn)"
check_equal "no checksum was wrong" 0 "$(wrong_checksums)"

# ---- many at once

crowd() { # COUNT SECONDS
    rm -f "$work/stop"
    : >"$work/crowd.log"
    start_in_ns client "$work/crowd.log" /usr/bin/python3 tests/interop/accel_crowd.py crowd $server4 8001 "$1" "$work/stop" 20
    crowd_pid=$started_pid
    wait_for 60 grep -q ready "$work/crowd.log" || not_ok "$1 connections are opened" "$(cat "$work/crowd.log")"
    sleep "$2"
    touch "$work/stop"
    wait "$crowd_pid" || true
    crowd_result=$(tail -n 1 "$work/crowd.log")
    diag "$crowd_result"
}
accel_start --set accelerator.shortcut=required
crowd 1 0 # from which the box knows the server
crowd 100 2
accel_stop
case $crowd_result in
    "100 went on, 0 ended, 0 had no answer, 0 got other bytes"*) ok "100 connections at once" ;;
    *) not_ok "100 connections at once" "$(cat "$work/crowd.log")" ;;
esac
diag "$(count near shortcut_answered) of $(count near syn_answered) SYNs were answered by the shortcut"
# At once are 50, one source has credit for 64, and some may share their place with another connection.
check "nearly all are answered by the shortcut" test "$(count near shortcut_answered)" -ge 95

# Without limits of rates; each begins with data, which comes to the box behind its SYN, by another way.
accel_start --set accelerator.shortcut=required --set accelerator.source_syns_per_second=0 --set accelerator.syns_per_second=0
for host in $server4 $server6; do
    check "2,000 connections to $host, 20 at a time" in_ns client /usr/bin/python3 tests/interop/accel_crowd.py rush "$host" 8001 2000
    diag "$(tail -n 1 "$work/check.out")"
done
accel_stop
check_equal "no answer was withdrawn, and nobody was reset" "0 0" "$(count near shortcut_withdrawn) $(count near flows_reset)"
diag "$(count near shortcut_answered) of $(count near syn_answered) SYNs were answered by the shortcut, $(count near drop_pending) frames came beside one"
check "nine of ten are answered by the shortcut" test "$(count near shortcut_answered)" -ge 3600

# ---- a flood

counted() { # NAMESPACE FIELD (packets or bytes): of its table
    in_ns "$1" nft -j list table netdev flood | /usr/bin/python3 -c 'import json, sys
print(sum(e["counter"][sys.argv[1]] for r in json.load(sys.stdin)["nftables"] if "rule" in r for e in r["rule"]["expr"] if "counter" in e))' "$2"
}
counts() { # NAMESPACE DEVICE MATCH: frames that come in
    in_ns "$1" nft -f - <<NFT
table netdev flood {
    chain input {
        type filter hook ingress device $2 priority 0
        $3 counter
    }
}
NFT
}
flood=20000
counts client c0 "ip daddr 198.19.0.0/16 tcp flags & (syn|ack) == (syn|ack)"
counts server s0 "ip saddr 198.19.0.0/16 tcp flags & (syn|ack) == syn"
mac=$(in_ns server ip -o link show s0 | sed 's/.*link.ether \([^ ]*\).*/\1/')
accel_start --set accelerator.shortcut=required --set accelerator.syns_per_second=1000
transfers "a server that the box knows before a flood" $server4 2
start_in_ns client "$work/flood.log" /usr/bin/python3 tests/interop/accel_flood.py c0 "$mac" $server4 8000 $flood 64
flood_pid=$started_pid
transfers "transfers beside a flood of spoofed SYNs" $server4 40
check "the flood ends" wait "$flood_pid"
accel_stop
diag "$(cat "$work/flood.log"); $(count near syn_answered) SYNs got a flow, $(count near shortcut_answered) of them by the shortcut; $(count near cookies_sent) cookies"
diag "$(counted server packets) of $flood SYNs reached the server; $(counted client packets) answers"
check "the shortcut has answered some" test "$(count near shortcut_answered)" -ge 100
check "the server sees few of them" test "$(counted server packets)" -lt $((flood / 2))
again=$(count near syn_answered_again)
check "one answer for each SYN, and those that are sent again" test "$(counted client packets)" -le $((flood + again))
check "and no longer ones: 60 bytes" test "$(counted client bytes)" -le $(((flood + again) * 60))

# ---- where SYNs are the box's own

accel_start --set accelerator.shortcut=required --set accelerator.fast_open=true
check "the box says where SYNs are answered" grep -q "^shortcut: XDP, .* SYNs are answered in user space, since there is a key or fast_open$" "$work/near.log"
transfers "with Fast Open" $server4 20
accel_stop
check_equal "user space answers" "20 0" "$(count near syn_answered) $(count near shortcut_answered)"
accel_start --set accelerator.shortcut=required --set accelerator.key=$key
transfers "as one of a pair" $server4 20
accel_stop
check_equal "user space answers" "20 0" "$(count near syn_answered) $(count near shortcut_answered)"
accel_start --set accelerator.shortcut=required --set "accelerator.bypass=[{client_ports: [1], server_ports: [8000]}]"
transfers "before a server of which some connections pass untouched" $server4 20
accel_stop
check_equal "user space answers" "20 0" "$(count near syn_answered) $(count near shortcut_answered)"

# ---- a box that does not turn

asks() { # COUNT: how many of so many SYNs are answered in three seconds; nobody takes the connections further
    in_ns client /usr/bin/python3 -c 'import select, socket, sys, time
host, port, count = sys.argv[1], *map(int, sys.argv[2:])
sockets = [socket.socket() for _ in range(count)]
poll = select.poll()
for s in sockets:
    s.setblocking(False)
    s.connect_ex((host, port))
    poll.register(s, select.POLLOUT)
answered, until = set(), time.monotonic() + 3
while (left := until - time.monotonic()) > 0:
    for descriptor, _ in poll.poll(left * 1000):
        answered.add(descriptor)
        poll.unregister(descriptor)
print(len(answered))' $server4 8000 "$1"
}
accel_start --set accelerator.shortcut=required
transfers "a box that turns" $server4 2
# shellcheck disable=SC2154 # assigned by eval
kill -STOP "$box_near"
check_equal "one that stands still answers what one source has credit for, and no more" 64 "$(asks 200)"
check_equal "and then nothing" 0 "$(asks 20)"
kill -KILL "$box_near"
wait "$box_near" 2>/dev/null || true
check_equal "one that was killed answers nothing" 0 "$(asks 20)"
