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
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

transfers=${WEIR_ACCEL_TRANSFERS:-300}
together=${WEIR_ACCEL_TOGETHER:-250}
port=8000
for name in client access near far server; do ns_add $name; done
veth_add client c0 access a0
veth_add access a1 near n0
veth_add near n1 far f0
veth_add far f1 server s0
ends_address

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
    bridge_start access a0 a1 "[$(harm inside "$2")$(harm outside "$2")]"
    set -- "$1" --set accelerator.max_openings=8192 --set accelerator.early_buffers=4096 --set "impairments=[$near_harm]"
    if [ "$1" = near ]; then
        shift
        bridge_start far f0 f1 "[$far_harm]"
    else
        shift
        set -- "$@" --set accelerator.key=$key
        box_start far f0 f1 --set accelerator.role=far --set accelerator.key=$key --set "impairments=[$far_harm]"
    fi
    box_start near n0 n1 "$@"
}

# With several processors a veth pair lets frames overtake each other when their sender moves from one to another.
taskset -pc "$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')" $$ >/dev/null
start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_web.py serve $port
wait_for 20 listens server $port

wrong="_ws.malformed || $wrong_tcp_checksum || ip.checksum.status == 0 || tcp.analysis.retransmission || tcp.analysis.fast_retransmission ||
    tcp.analysis.out_of_order || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.duplicate_ack"
four_links() { # MODE: nothing is wrong on any; again, when a box lost a frame because the machine gave it no time
    for attempt in 1 2 3 4 5; do
        boxes_start "$1" 0 0
        captures=
        for link in client:c0 near:n1 far:f0 server:s0; do
            capture_start ${link%:*} ${link#*:} "$work/${link#*:}.pcap"
            captures="$captures $capture_pid"
        done
        in_ns client /usr/bin/python3 tests/interop/accel_web.py fetch $port 60 $server4 $server6 >"$work/captured.log" 2>&1 ||
            not_ok "$1: 60 transfers by curl, captured" "$(cat "$work/captured.log")"
        for capture_pid in $captures; do capture_stop; done
        box_stop access near far
        [ "$(unseen access near far)" != 0 ] || break
        diag "$1: attempt $attempt: a box had no time for all frames"
    done
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
        in_ns ${end%:*} ip -6 route replace 2001:db8::/64 dev ${end#*:} metric 256 rto_min "$2"
    done
}

patience 0 10s
for mode in near paired; do
    four_links $mode
    boxes_start $mode 0 0
    before=$(sent_again)
    web $mode fetch "$transfers"
    again=$(($(sent_again) - before))
    web "$mode, all at once" together "$together"
    box_stop access near far
    check "$mode: nothing was sent again but for what a box had no time for" test $again -le "$(unseen access near far)"
    check_equal "$mode: no checksum was wrong" "0 0" "$(counter client snmp Tcp InCsumErrors) $(counter server snmp Tcp InCsumErrors)"
    check_equal "$mode: what was acknowledged was delivered, nothing was passed by" "0 0" "$(count near early_undelivered) $(count near bypass_full)"
    [ $mode = near ] || check_equal "$mode: all that went ahead had room to wait" 0 "$(count far drop_no_buffer)"
    diag "$(count near flows_translated) connections, $(count near early_bytes) bytes early, $(count near sent_ahead) connections sent ahead;" \
        "$again segments sent again, $(unseen access near far) frames unseen"
done

patience 3 200ms
for loss in 1 5; do
    for mode in near paired; do
        boxes_start $mode $loss 0
        web "$mode, $loss % loss, repetition and reordering on the clients' side" fetch $((transfers / 10))
        box_stop access near far
        check_equal "$mode: what was acknowledged was delivered" 0 "$(count near early_undelivered)"
        boxes_start $mode 0 $loss
        web "$mode, $loss % loss, repetition and reordering on the servers' side" fetch $((transfers / 10))
        box_stop access near far
        check_equal "$mode: what was acknowledged was delivered" 0 "$(count near early_undelivered)"
    done
done
