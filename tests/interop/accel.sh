#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir accel` between two hosts of the kernel: everything that is not a connection of its own passes byte for byte; transfers both ways have equal digests over IPv4 and IPv6,
# for a server that the box does not know and one that it does, with timestamps, SACK and window scaling each off at either end, under loss; connecting
# takes no round trip; a refusal, a silent server and what could not be delivered are told as they are.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

one_box
# The servers are 100 ms away: what goes to them takes that long.
far="impairments=[{port: outside, delay: 100ms}]"
# Lossy on the servers' side, both ways.
lossy="impairments=[{port: outside, loss: 1%, duplicate: 1%, reorder: 1%, delay: 2ms}, {port: inside, loss: 1%, duplicate: 1%, delay: 2ms}]"

start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve 8000
wait_for 20 listens server 8000

transfers() { # NAME HOST COUNT: that many of several sizes, both ways; prints their times
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" 8000 "$3"
    diag "$(tail -n 1 "$work/check.out")"
}

# ---- everything else

accel_start
capture_start client c0 "$work/client.pcap"
client_capture=$capture_pid
capture_start server s0 "$work/server.pcap"
check "ping through the box" in_ns client ping -c 10 -i 0.01 -W 10 -s 1400 $server4
check "ping over IPv6" in_ns client ping -6 -c 10 -i 0.01 -W 10 -s 1400 $server6
capture_stop
capture_pid=$client_capture
capture_stop
for side in client server; do
    decode "$work/$side.pcap" -Y "icmp || arp || icmpv6.type == 128 || icmpv6.type == 129" -x >"$work/$side.hex"
done
check "ARP and echoes of both families are the same bytes on both sides" cmp "$work/client.hex" "$work/server.hex"

check "and every other kind of frame" /usr/bin/python3 tests/interop/accel_others.py "/run/netns/weir-$$-client" c0 "/run/netns/weir-$$-server" s0
diag "$(tail -n 1 "$work/check.out")"

# ---- transfers

transfers "a server that the box does not know" $server4 20
transfers "one that it knows" $server4 100
transfers "over IPv6" $server6 100
accel_stop
check_equal "every connection was answered and translated" "220 220" "$(count near syn_answered) $(count near flows_translated)"
check_equal "and every byte that was acknowledged was delivered" 0 "$(count near early_undelivered)"

for end in client server; do
    for option in tcp_timestamps tcp_sack tcp_window_scaling; do
        accel_start
        transfers "a first connection to the server" $server4 4
        in_ns $end sysctl -q -w net.ipv4.$option=0
        transfers "$option off at the $end, since the box has learnt that it is on" $server4 20
        in_ns $end sysctl -q -w net.ipv4.$option=1
        transfers "$option on again" $server4 20
        accel_stop
    done
done

accel_start --set "$lossy"
transfers "loss, repetition and reordering on the servers' side" $server4 40
accel_stop
check_equal "what was acknowledged was delivered under loss" 0 "$(count near early_undelivered)"

# ---- time

kernels() { # what both count
    for end in client server; do
        echo "$end: $(counter $end snmp Tcp RetransSegs) sent again, $(counter $end netstat TcpExt TCPTimeouts) timeouts," \
            "$(counter $end netstat TcpExt TCPLossProbes) loss probes, $(counter $end netstat TcpExt TCPDSACKRecv) D-SACKs," \
            "$(counter $end snmp Tcp InCsumErrors) wrong checksums"
    done
}

bridge_start near n0 n1 "${far#impairments=}"
transfers "100 ms away, a bridge in the box's place" $server4 1
before=$(sent_again)
transfers "100 ms away, the bridge again" $server4 20
without=$(($(sent_again) - before))
accel_stop

accel_start --set "$far"
transfers "100 ms away, not known yet" $server4 1
check "100 ms away: connect in under 10 ms" in_ns client /usr/bin/python3 tests/interop/accel_peer.py connect $server4 8000 20
diag "$(tail -n 1 "$work/check.out")"
before=$(sent_again)
diag "$(kernels)"
transfers "100 ms away, known" $server4 20
diag "$(kernels)"
with=$(($(sent_again) - before))
diag "sent again in 20 transfers: $without without the box, $with with it"
# A loss probe of the client's, at most one in a connection: when the box acknowledges late, as on a machine that has no time (src/accel/hold.c).
check "what ends send again is what they do without the box, and at most one probe each" test "$with" -le $((without + 20))
accel_stop

# ---- failure is told

accel_start --set "$far" --set "accelerator.server_timeout=2s"
check "a port that nobody listens to: reset" in_ns client /usr/bin/python3 tests/interop/accel_peer.py refused $server4 8001
in_ns server nft -f - <<'NFT'
table inet silence {
    chain input {
        type filter hook input priority 0
        tcp dport 8002 drop
    }
}
NFT
check "a server that is silent: reset after the server's timeout" in_ns client \
    /usr/bin/python3 tests/interop/accel_peer.py refused $server4 8002
accel_stop
check_equal "both are counted" "1 1" "$(count near server_refused) $(count near server_silent)"
# The refusal came before the data was acknowledged; the silence did not.
check_equal "the data that was acknowledged is counted as undelivered" 1 "$(count near early_undelivered)"
