#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A near and a far box of `weir accel` with one key, and a wide-area network between: transfers both ways have equal digests, also under loss; the answer's
# first byte comes a round trip earlier than without boxes; a far box alone is a bridge; a near box whose far box is gone, or has another key, goes on as alone.
# What the server's kernel measures of a path of 40 ms, with its SYNs sent twice and not.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

other_key=ffeeddccbbaa99887766554433221100
for name in client near wan far server; do ns_add $name; done
veth_add client c0 near n0
veth_add near n1 wan w0
veth_add wan w1 far f0
veth_add far f1 server s0
ends_address

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

# ---- what the server measures

answered() { in_ns server ss -Htin state fin-wait-2 "sport = :8000"; } # connections whose answer the client has
least_rtts() { answered | grep -o 'minrtt:[0-9.]*' | cut -d: -f2 | sort -n; } # what the server's kernel measured of them, in ms
all_measured() { [ "$(least_rtts | wc -l)" -eq 6 ]; }
syn_acks_again() { in_ns server nstat -asz TcpExtTCPSynRetrans | awk '/TCPSynRetrans/ { print $2 }'; }
wan_start "$(delay 40)"
for host in $server4 $server6; do
    for twice in 0 10ms; do
        near_start --set accelerator.key=$key --set accelerator.syn_twice_from=$twice
        far_start --set accelerator.key=$key
        in_ns client /usr/bin/python3 tests/interop/accel_peer.py first "$host" 8000 4 >/dev/null # by which the near box learns how far it is
        before=$(syn_acks_again)
        start_in_ns client "$work/hold.out" /usr/bin/python3 tests/interop/accel_peer.py hold "$host" 8000 6
        holder=$started_pid
        wait_for 20 all_measured || not_ok "the server has six connections" "$(answered)"
        least_rtts >"$work/$twice.rtt"
        stop "$holder" || true
        box_stop near far
        check_equal "$host, SYN twice from $twice: SYN-ACKs that the server's kernel sent again" "$([ $twice = 0 ] && echo 0 || echo 6)" $(($(syn_acks_again) - before))
    done
    check_equal "$host: the second answers ended at the far box" "$(count far far_syn_twice)" "$(count far far_answered_twice)"
    diag "least round trips in ms: once $(tr '\n' ' ' <"$work/0.rtt"); twice $(tr '\n' ' ' <"$work/10ms.rtt")"
    check_equal "$host: a server behind a far box takes its own handshake for the path" yes "$(awk 'NR == 1 { print ($1 < 10 ? "yes" : "no") }' "$work/0.rtt")"
    check_equal "$host: one that gets the SYN twice measures the path" yes "$(awk 'NR == 1 { print ($1 >= 40 ? "yes" : "no") }' "$work/10ms.rtt")"
done
box_stop wan
