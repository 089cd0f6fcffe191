#!/bin/sh
# SPDX-License-Identifier: MIT
#
# curl through a near box, and through a near and a far box: downloads and uploads of 1 B to 10 MB over both families, one after the other and many at once,
# kept and closed connections, every one compared. On a clean path nothing is sent again, and tshark finds nothing wrong on any link; under loss, repetition and
# reordering on either side all arrive.
#
# WEIR_ACCEL_TRANSFERS=n and WEIR_ACCEL_TOGETHER=n: more of them than CI has time for.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

transfers=${WEIR_ACCEL_TRANSFERS:-300}
together=${WEIR_ACCEL_TOGETHER:-250}
server4=198.18.0.2
server6=2001:db8::2
port=8000
key=00112233445566778899aabbccddeeff
for name in client access near far server; do ns_add $name; done
veth_add client c0 access a0
veth_add access a1 near n0
veth_add near n1 far f0
veth_add far f1 server s0
for end in client:c0:1 server:s0:2; do
    name=${end%%:*}
    rest=${end#*:}
    address_add "$name" "198.18.0.${rest#*:}" "${rest%:*}"
    in_ns "$name" ip -6 addr add "2001:db8::${rest#*:}/64" dev "${rest%:*}" nodad
done

box_start() { # NAMESPACE CLIENTS-IFNAME SERVERS-IFNAME OPTION...: box_NAMESPACE is its process
    box_name=$1 box_clients=$2 box_servers=$3
    shift 3
    : >"$work/$box_name.log"
    start_in_ns "$box_name" "$work/$box_name.log" "$WEIR" accel examples/accel.yaml --json "$work/$box_name.json" \
        --set "ports[0].location=packet:$box_clients" --set "ports[1].location=packet:$box_servers" "$@"
    box_begun
}
bridge_start() { # NAMESPACE CLIENTS-IFNAME SERVERS-IFNAME IMPAIRMENTS
    box_name=$1
    cat >"$work/$1.yaml" <<YAML
ports: [{name: inside, location: "packet:$2"}, {name: outside, location: "packet:$3"}]
YAML
    : >"$work/$1.log"
    start_in_ns "$1" "$work/$1.log" "$WEIR" bridge "$work/$1.yaml" --set "impairments=[$4]"
    box_begun
}
box_begun() {
    eval "box_$box_name=$started_pid"
    wait_for 20 grep -q "Ctrl-C" "$work/$box_name.log" || not_ok "a box starts" "$(cat "$work/$box_name.log")"
}
boxes_stop() {
    for box_name in access near far; do
        eval "box_pid=\$box_$box_name"
        # shellcheck disable=SC2154 # assigned by eval
        kill -INT "$box_pid"
        wait "$box_pid" || not_ok "Ctrl-C ends the box with status 0" "$(cat "$work/$box_name.log")"
    done
}
count() { # NAMESPACE NAME
    /usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["accelerator"][sys.argv[2]])' "$work/$1.json" "$2"
}
counter() { # END PROTOCOL NAME: of the kernel there, since its namespace began
    # shellcheck disable=SC2016 # awk's
    in_ns "$1" awk -v "prefix=$2:" -v "name=$3" '$1 == prefix {
        for (i = 2; i <= NF; i++) if (at) { if (i == at) print $i } else if ($i == name) found = i
        at = found }' /proc/net/snmp
}
kernels() { # what both ends sent again, and the checksums that were wrong
    echo "$(($(counter client Tcp RetransSegs) + $(counter server Tcp RetransSegs)))" \
        "$(($(counter client Tcp InCsumErrors) + $(counter server Tcp InCsumErrors)))"
}
web() { # NAME WHAT COUNT
    check "$1: $3 transfers by curl" in_ns client /usr/bin/python3 tests/interop/accel_web.py "$2" $port "$3" $server4 $server6
}
harm() { # PORT RATE: to what leaves by it
    [ "$2" = 0 ] || printf '{port: %s, loss: %s%%, duplicate: %s%%, reorder: %s%%, delay: 2ms},' "$1" "$2" "$2" "$2"
}
# Between the client and the near box, and between it and the far one, what goes either way is harmed at these rates, in per cent.
boxes_start() { # MODE RATE RATE
    near_harm=$(harm outside "$3")
    far_harm=$(harm inside "$3")
    bridge_start access a0 a1 "$(harm inside "$2")$(harm outside "$2")"
    set -- "$1" --set accelerator.max_openings=8192 --set accelerator.early_buffers=4096 --set "impairments=[$near_harm]"
    if [ "$1" = near ]; then
        shift
        bridge_start far f0 f1 "$far_harm"
    else
        shift
        set -- "$@" --set accelerator.key=$key
        box_start far f0 f1 --set accelerator.role=far --set accelerator.key=$key --set "impairments=[$far_harm]"
    fi
    box_start near n0 n1 "$@"
}

start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_web.py serve $port
wait_for 20 listens server $port

wrong='_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.retransmission || tcp.analysis.fast_retransmission ||
    tcp.analysis.out_of_order || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.duplicate_ack'
four_links() { # NAME: nothing is wrong on any
    captures=
    for link in client:c0 near:n1 far:f0 server:s0; do
        capture_start ${link%:*} ${link#*:} "$work/${link#*:}.pcap"
        captures="$captures $capture_pid"
    done
    web "$1, captured" fetch 60
    for capture_pid in $captures; do capture_stop; done
    for link in c0 n1 f0 s0; do
        links_frames=$(frames "$work/$link.pcap" tcp)
        links_wrong=$(decode "$work/$link.pcap" -Y "$wrong" | head -n 5)
        if [ -z "$links_wrong" ] && [ "$links_frames" -gt 60 ]; then
            ok "$1: tshark finds nothing wrong on $link in $links_frames frames"
        else
            not_ok "$1: tshark finds nothing wrong on $link" "$links_frames frames" "$links_wrong"
        fi
        rm -f "$work/$link.pcap"
    done
}

# What an end sends again because an answer was late on a machine that had no time (RFC 8985's probe, RFC 6298) is not what is looked for here: nothing
# may be lost, repeated or overtaken. tests/interop/accel.sh compares both ends, as they are, with the same path without the box.
patience() { # EARLY-RETRANSMIT RTO
    for end in client:c0 server:s0; do
        in_ns ${end%:*} sysctl -qw net.ipv4.tcp_early_retrans="$1"
        in_ns ${end%:*} ip route replace 198.18.0.0/24 dev ${end#*:} rto_min "$2"
        in_ns ${end%:*} ip -6 route replace 2001:db8::/64 dev ${end#*:} rto_min "$2"
    done
}

patience 0 10s
for mode in near paired; do
    boxes_start $mode 0 0
    before=$(kernels)
    four_links $mode
    web $mode fetch "$transfers"
    check_equal "$mode: nothing was sent again, and no checksum was wrong" "$before" "$(kernels)"
    web "$mode, all at once" together "$together"
    boxes_stop
    check_equal "$mode: what was acknowledged was delivered, nothing was passed by" "0 0" "$(count near early_undelivered) $(count near bypass_full)"
    diag "$(count near flows_translated) connections, $(count near early_bytes) bytes early, $(count near sent_ahead) connections sent ahead"
done

patience 3 200ms
for loss in 1 5; do
    for mode in near paired; do
        boxes_start $mode $loss 0
        web "$mode, $loss % loss, repetition and reordering on the clients' side" fetch $((transfers / 10))
        boxes_stop
        check_equal "$mode: what was acknowledged was delivered" 0 "$(count near early_undelivered)"
        boxes_start $mode 0 $loss
        web "$mode, $loss % loss, repetition and reordering on the servers' side" fetch $((transfers / 10))
        boxes_stop
        check_equal "$mode: what was acknowledged was delivered" 0 "$(count near early_undelivered)"
    done
done
