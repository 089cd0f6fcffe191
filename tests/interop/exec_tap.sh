#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exec_http.sh over a TAP device instead of veth; and who looks after the timers of a stack on a link that brings nothing.
# shellcheck disable=SC2034 # for exec_lib.sh
exec_link=tap
# shellcheck source=tests/interop/exec_http.sh
. "$(dirname "$0")/exec_http.sh"

# The stack's own thread sleeps on the link when the program takes the stack over, to wait in vain for a datagram, and leaves it again. What then needs a timer
# is a datagram to a neighbour that is not there: of the three times it is asked for, two are the timer's.
in_ns kernel sh -c 'echo 1 >/proc/sys/net/ipv6/conf/weir0/disable_ipv6'
capture_start kernel weir0 "$work/arp.pcap"
check "a program that waited in vain sends" on_weir /usr/bin/python3 -c '
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.18.0.2", 9))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
time.sleep(1)
try:
    s.recv(100)
except BlockingIOError:
    pass
s.sendto(b"is there anybody?", ("198.18.0.77", 9))
time.sleep(4)'
capture_stop
check_equal "timers run after a thread that had taken the stack over left it" 3 \
    "$(frames "$work/arp.pcap" "arp.opcode == 1 && arp.dst.proto_ipv4 == 198.18.0.77")"
