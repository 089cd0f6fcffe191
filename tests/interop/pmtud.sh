#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The MTU of the way is lowered while we send, twice, behind a router that is the Linux kernel: ICMP tells (RFC 1191), no transaction fails, and nothing
# larger is sent after that. Over veth and, with TSO, over TAP; nginx takes what we put. Over IPv6 in pmtud6.sh.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/client_lib.sh
. "$(dirname "$0")/client_lib.sh"
cd "$root"

router_start 1500
if [ "$FAMILY" = 4 ]; then lower=1200 lowest=700; else lower=1400 lowest=1280; fi

# Puts of 200 kB, one after the other on each of two connections, while the MTU falls twice. What a router says of packets after others of
# their size were acknowledged needs a timeout's consent (RFC 5927 7.2): one for each time that segments were made smaller, spurious ones apart.
put_while_lowering() { # NAME OPTION...
    router_mtu 1500
    put_name=$1
    shift
    load_start "$put_name" --set "loads[0].http.urls=[{path: /put/file, method: put, body_size: 200000B}]" --set "loads[0].think_time=10ms" \
        --set "loads[0].schedule[0].concurrent=2" "$@"
    await_answers 20
    router_mtu $lower
    await_answers 20
    router_mtu $lowest
    await_answers 20
    load_stop
    check_equal "$path: $put_name: every body put arrives while the MTU falls to $lower and $lowest" "0 " "$load_status $(cat "$work/$put_name.log")"
    check_equal "$path: $put_name: both connections made their segments smaller, with no more than a timeout each time" True \
        "$(result "$put_name" '2 <= t["mss_lowered"] <= 4 and t["rto_fired"] - t["spurious_rto"] <= t["mss_lowered"]')"
    diag "$(completed "$put_name") transactions, $(result "$put_name" 't["segments_sent"], t["retransmitted_segments"], t["rto_fired"], t["spurious_rto"]') segments sent, again, timeouts, spurious"
}

# Of our packets after the last ICMP that tells the lowest MTU: whether there are many, and the largest. While packets that were sent before arrive at the
# router, more ICMP comes.
after_the_last() { # CAPTURE
    last=$(decode "$1" -Y "$told_mtu == $lowest" -T fields -e frame.number | tail -n 1)
    packet_lengths "$1" "$ip.src == $clients && frame.number > ${last:-0}" |
        awk '{ largest = $1 } END { print (NR > 100 ? "many" : NR), largest }'
}

cells_pmtud() { # veth|tap INTERFACE SUBNET
    clients=$(address "198.18.$3.10")
    gateway=$(address "198.18.$3.1")
    path_add "$1" "$2" "$gateway/24" router
    base_write
    set -- --set "ports[0].guard.allowed=['$everywhere']" --set "devices[0]={name: clients, port: uplink, $(host_of "$clients" "$gateway")}"
    put_while_lowering "not captured" "$@"
    put_while_lowering captured "$@" --set "ports[0].capture=$work/pmtud.pcap"
    check_equal "$path: the packets after $lowest was told, and the largest of them" "many $lowest" "$(after_the_last "$work/pmtud.pcap")"
    check_equal "$path: nothing malformed, no bad checksum of ours" 0 \
        "$(decode "$work/pmtud.pcap" -o tcp.desegment_tcp_streams:FALSE -Y "$(blemishes "$ip.src == $clients && !icmp && !icmpv6")" | wc -l)"
    diag "$(frames "$work/pmtud.pcap" "$too_long") ICMP messages told an MTU"
}

cells_pmtud veth weir2 1
cells_pmtud tap weir3 2
