#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The near box of `weir accel` with TCP Fast Open towards a server of the kernel: transfers both ways have equal digests over IPv4 and IPv6, also under loss,
# and the kernel counts their SYNs with data; no client sees a cookie; the answer's first byte comes a round trip earlier than without a box; a server whose
# key changes, one that stops speaking Fast Open, and paths that drop SYNs with data or with the option cost no connection.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

for name in client near server; do ns_add $name; done
veth_add client c0 near n0
veth_add server s0 near n1
ends_address
in_ns client sysctl -qw net.ipv4.tcp_fastopen=0 # the clients know nothing of it
in_ns server sysctl -qw net.ipv4.tcp_fastopen=2

near_start() { box_start near n0 n1 "$@"; }
# A wait so long that a slow machine changes no count.
fast_start() { near_start --set accelerator.fast_open=true --set accelerator.fast_open_wait=1s "$@"; }
counts() { # NAME...
    for name in "$@"; do count near "$name"; done | paste -sd " "
}
kernel() { counter server netstat TcpExt "$1"; } # NAME: of the server's
kernel_began() { kernel_passive=$(kernel TCPFastOpenPassive) kernel_fail=$(kernel TCPFastOpenPassiveFail); }
kernel_since() { # connections that began with a cookie; cookies that were wrong
    echo $(($(kernel TCPFastOpenPassive) - kernel_passive)) $(($(kernel TCPFastOpenPassiveFail) - kernel_fail))
}

start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve 8000 fast-open
start_in_ns server "$work/greeter.log" /usr/bin/python3 tests/interop/accel_peer.py greet 8001
wait_for 20 listens server 8000
wait_for 20 listens server 8001

transfers() { # NAME HOST COUNT
    check "$1" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$2" 8000 "$3"
    diag "$(tail -n 1 "$work/check.out")"
}

# ---- transfers

fast_start
kernel_began
capture_start client c0 "$work/client.pcap"
client_capture=$capture_pid
capture_start server s0 "$work/server.pcap"
transfers "a first connection asks for a cookie" $server4 1
transfers "the next ones bring it, and data" $server4 59
transfers "over IPv6" $server6 60
capture_stop
capture_pid=$client_capture
capture_stop
box_stop near
check_equal "asked for and learnt in each family" "2 2" "$(counts fast_open_asked fast_open_learnt)"
check_equal "every SYN with data was accepted" "118 118 0 0" "$(counts fast_open_sent fast_open_accepted fast_open_refused fast_open_lost)"
check_equal "which the server's kernel says too" "118 0" "$(kernel_since)"
check_equal "what was acknowledged was delivered" 0 "$(counts early_undelivered)"
options="tcp.options.tfo || tcp.option_kind == 34"
check_equal "no client sees an option" 0 "$(frames "$work/client.pcap" "$options")"
# How many there were the kernel has said; a capture may lack some where the machine has no time.
check "and the server does" test "$(frames "$work/server.pcap" "$options")" -gt 0
bad() { # SIDE ADDRESS ADDRESS: frames from there. What the kernels send may have 0xffff for 0, which tshark does not like.
    frames "$work/$1.pcap" "(ip.src == $2 || ipv6.src == $3) && ($bad_frames_filter)"
}
check_equal "no frame that the box sent is malformed or has a wrong checksum" "0 0" \
    "$(bad client $server4 $server6) $(bad server 198.18.0.1 2001:db8::1)"

fast_start --set "impairments=[{port: outside, loss: 1%, duplicate: 1%, reorder: 1%, delay: 2ms}, {port: inside, loss: 1%, duplicate: 1%, delay: 2ms}]"
transfers "loss, repetition and reordering on the servers' side" $server4 60
box_stop near
check_equal "what was acknowledged was delivered under loss" 0 "$(counts early_undelivered)"
diag "sent, accepted, refused, lost: $(counts fast_open_sent fast_open_accepted fast_open_refused fast_open_lost)"

# ---- time

first_byte() { # COUNT: median ms from connect to the answer's first byte
    in_ns client /usr/bin/python3 tests/interop/accel_peer.py first $server4 8000 "$1"
}
greeting() { # COUNT: the same, of a server that speaks first
    in_ns client /usr/bin/python3 tests/interop/accel_peer.py greeted $server4 8001 "$1"
}
saves() { # NAME PLAIN FOUND ROUND-TRIP
    check "$1" /usr/bin/python3 -c 'import sys
plain, found, round_trip = map(float, sys.argv[1:])
sys.exit(not plain - found > 0.8 * round_trip)' "$2" "$3" "$4"
}
for round_trip in 50 100 200; do
    away="[{port: outside, delay: $((round_trip / 2))ms}, {port: inside, delay: $((round_trip / 2))ms}]"
    bridge_start near n0 n1 "$away"
    plain=$(first_byte 10)
    plain_greeting=$(greeting 10)
    box_stop near
    # The near box is beside its client: what goes to the servers has the whole delay.
    away="[{port: outside, delay: ${round_trip}ms}]"
    near_start --set "impairments=$away"
    first_byte 1 >/dev/null
    near=$(first_byte 10)
    box_stop near
    near_start --set "impairments=$away" --set accelerator.fast_open=true
    first_byte 1 >/dev/null
    fast=$(first_byte 10)
    greeting 1 >/dev/null
    fast_greeting=$(greeting 10)
    box_stop near
    diag "RTT $round_trip ms, connect to first byte: plain $plain ms, near $near ms, fast open $fast ms
of a server that speaks first: plain $plain_greeting ms, fast open $fast_greeting ms"
    saves "RTT $round_trip ms: Fast Open saves most of a round trip" "$plain" "$fast" $round_trip
done

# ---- a server that changes

fast_start
transfers "a server of which the cookie is learnt" $server4 2
kernel_began
in_ns server sysctl -qw net.ipv4.tcp_fastopen_key=01234567-89abcdef-01234567-89abcdef
transfers "the server's key has changed" $server4 3
check_equal "the kernel refused one cookie, and took the new one twice" "2 1" "$(kernel_since)"
in_ns server sysctl -qw net.ipv4.tcp_fastopen=0
kernel_began
transfers "the server does not speak Fast Open any more" $server4 6
check_equal "the kernel took nothing" 0 "$(kernel_since | cut -d ' ' -f 1)"
box_stop near
in_ns server sysctl -qw net.ipv4.tcp_fastopen=2
check_equal "refused: one old cookie, and twice at a server without; forgotten; asked once more" "3 1 2 2" \
    "$(counts fast_open_refused fast_open_forgotten fast_open_asked fast_open_learnt)"
check_equal "nothing was lost" "0 0" "$(counts fast_open_lost early_undelivered)"

# ---- a path that drops

drop() { # RULE: of TCP segments to the server; empty: none
    in_ns server nft flush ruleset
    [ -z "$1" ] || in_ns server nft -f - <<NFT
table inet path {
    chain input {
        type filter hook input priority 0
        tcp dport 8000 tcp flags & (syn | ack) == syn $1 drop
    }
}
NFT
}

fast_start
drop "ip length > 60" # what a Linux client's SYN has
transfers "SYNs with the option are dropped: one second, once" $server4 4
drop ""
box_stop near
check_equal "asked once" "1 1 0" "$(counts fast_open_asked fast_open_lost fast_open_sent)"

fast_start
transfers "a server that takes data in SYNs" $server4 3
drop "ip length > 72" # and with a cookie
transfers "SYNs with data are dropped: two seconds in all" $server4 5
drop ""
box_stop near
check_equal "two were sent and lost, after those that were accepted" "4 2 2 0" \
    "$(counts fast_open_sent fast_open_accepted fast_open_lost fast_open_refused)"
check_equal "what was acknowledged was delivered" 0 "$(counts early_undelivered)"

in_ns server nft -f - <<'NFT'
table inet path {
    chain input {
        type filter hook input priority 0
        tcp dport 8000 tcp flags & (syn | ack) == syn ip length > 60 reject with tcp reset
    }
}
NFT
fast_start
transfers "SYNs with the option are reset" $server4 4
drop ""
box_stop near
check_equal "asked once, and no connection is refused" "1 1 0" "$(counts fast_open_asked fast_open_lost server_refused)"

fast_start
check "a port that nobody listens to: reset" in_ns client /usr/bin/python3 tests/interop/accel_peer.py refused $server4 8002
box_stop near
check_equal "after the SYN without option" "1 1 1" "$(counts fast_open_asked syn_sent_again server_refused)"
