#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A server that has not heard of the end of a connection, and a new one from the same port through boxes that know nothing of the old one: RFC 9293 3.5.1. The
# server's answer is about the old one; the box resets that in the client's name, asks again, and what the client has sent meanwhile arrives.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

port=8000 client_port=12345
for name in client near far server; do ns_add $name; done
veth_add client c0 near n0
veth_add near n1 far f0
veth_add far f1 server s0
ends_address
start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_peer.py serve $port
wait_for 20 listens server $port

boxes_start() { # MODE
    if [ "$1" = near ]; then
        bridge_start far f0 f1 "[]"
        box_start near n0 n1
    else
        box_start far f0 f1 --set accelerator.role=far --set accelerator.key=$key
        box_start near n0 n1 --set accelerator.key=$key
    fi
}
connect() { # HOST WHAT: hold it, or say how much comes back
    in_ns client timeout 60 /usr/bin/python3 -c 'import socket, struct, sys
host, port, own, what = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", own))
s.connect((host, port))
if what == "hold":
    print("holding", flush=True)
    sys.stdin.readline()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
else:
    s.sendall(b"0 100\n")
    print(len(s.makefile("rb").read()))' "$1" $port $client_port "$2"
}
# The client's end is gone, and its reset never arrives.
lose_an_end() { # HOST
    mkfifo "$work/release"
    connect "$1" hold <"$work/release" >"$work/hold.log" &
    holder=$!
    exec 3>"$work/release"
    wait_for 20 grep -q holding "$work/hold.log" || not_ok "a connection is opened" "$(cat "$work/hold.log")"
    in_ns client nft "table inet lose { chain output { type filter hook output priority 0; tcp dport $port drop; }; }"
    exec 3>&-
    wait "$holder"
    in_ns client nft delete table inet lose
    rm "$work/release"
}
is_half_open() { in_ns server ss -Htn state established sport = ":$port" dport = ":$client_port" | grep -q .; }

for mode in near paired; do
    for host in $server4 $server6; do
        boxes_start $mode
        lose_an_end "$host"
        box_stop near far
        check "$mode: the server still holds the connection to $host" is_half_open
        boxes_start $mode
        check "$mode: the box gets to know $host" in_ns client /usr/bin/python3 tests/interop/accel_peer.py fetch "$host" $port 1
        check_equal "$mode: a new one from the same port has its answer: digest, end of line, 100 bytes" 165 "$(connect "$host" ask)"
        box_stop near far
        check "$mode: the old one was reset" test "$(count near half_open_reset)" -ge 1
        check_equal "$mode: all was delivered" 0 "$(count near early_undelivered)"
    done
done
