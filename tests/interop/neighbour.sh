#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A neighbour whose MAC address changes, or that is gone for a while, over IPv4 and IPv6: Weir's pings come back when the kernel has announced its new
# address, and when it has said nothing, as soon as unreachability detection has found out (RFC 1122 2.3.2.1, RFC 4861 7.3); what is sent to a neighbour
# that is gone is told to be unreachable, and gets there again when it is back.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

ns_add weir
ns_add kernel
for family in 4 6; do
    veth_add weir "w$family" kernel "k$family"
done
in_ns kernel ip addr add 198.18.0.1/24 dev k4
in_ns kernel ip -6 addr add 2001:db8::1/64 dev k6 nodad

ping_start() { # REQUESTS: of either family, one in 250 ms
    start_in_ns weir "$work/ping4" "$WEIR" ping packet:w4 198.18.0.1 -a 198.18.0.10/24 -c "$1" -i 250ms
    ping4=$started_pid
    start_in_ns weir "$work/ping6" "$WEIR" ping packet:w6 2001:db8::1 -a 2001:db8::a/64 -c "$1" -i 250ms
    ping6=$started_pid
}
answered() { # REQUEST: it was, over both families
    grep -q "icmp_seq=$1 " "$work/ping4" && grep -q "icmp_seq=$1 " "$work/ping6"
}
ping_end() {
    wait "$ping4" || true
    wait "$ping6" || true
}
most_lost() { # FAMILY: requests in a row, between answered ones
    /usr/bin/python3 - "$work/ping$1" <<'PY'
import re, sys
seen = sorted(int(n) for n in re.findall(r"bytes from .*icmp_seq=(\d+) ", open(sys.argv[1]).read()))
print(max((b - a - 1 for a, b in zip(seen, seen[1:])), default="all"))
PY
}
change_mac() { # LAST-BYTE
    for family in 4 6; do
        in_ns kernel ip link set "k$family" address "02:00:00:00:0$family:$1"
    done
}
notify() { # 0 or 1: whether the kernel announces a new MAC address
    in_ns kernel sysctl -q -w net.ipv4.conf.k4.arp_notify="$1" net.ipv6.conf.k6.ndisc_notify="$1"
}

notify 1
ping_start 32
check "pings are answered" wait_for 20 answered 8 # for longer than the second in which the first of two answers counts, as Linux has it
change_mac 11
ping_end
for family in 4 6; do
    lost=$(most_lost $family)
    check_equal "IPv$family: a new MAC address that is announced costs at most two requests" yes \
        "$([ "$lost" -le 2 ] && echo yes || echo "$lost")"
done
check "the last requests are answered" answered 32

# Announced within a second of the answer it is not believed, as Linux has it, but doubted: the station is asked, of IPv6 after 5 s and three times, then all are.
ping_start 60
check "pings are answered at once" wait_for 20 answered 1
change_mac 33
ping_end
for family in 4 6; do
    lost=$(most_lost $family)
    diag "IPv$family: $lost requests lost in a row, one in 250 ms"
    check_equal "IPv$family: one that is announced within a second of the answer costs at most 10 s" yes \
        "$([ "$lost" != all ] && [ "$lost" -le 40 ] && echo yes || echo "$lost")"
done
check "the last requests are answered by it" answered 60

# 30 s reachable (IPv6: 15 to 45 s), 5 s of delay, three probes a second apart; and then the question for all.
notify 0
ping_start 260
check "pings are answered by the new address" wait_for 20 answered 4
change_mac 22
ping_end
for family in 4 6; do
    lost=$(most_lost $family)
    diag "IPv$family: $lost requests lost in a row, one in 250 ms"
    check_equal "IPv$family: one that is not announced is found by unreachability detection" yes \
        "$([ "$lost" != all ] && [ "$lost" -gt 0 ] && echo yes || echo "$lost")"
done
check "the last requests are answered again" answered 260

in_ns kernel ip addr del 198.18.0.1/24 dev k4
in_ns kernel ip -6 addr del 2001:db8::1/64 dev k6
ping_start 40
for family in 4 6; do
    check "IPv$family: a neighbour that is not there is unreachable" wait_for 20 grep -qi unreachable "$work/ping$family"
done
in_ns kernel ip addr add 198.18.0.1/24 dev k4
in_ns kernel ip -6 addr add 2001:db8::1/64 dev k6 nodad
ping_end
check "and is found when it is back" answered 40
