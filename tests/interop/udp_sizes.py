#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sends a UDP datagram of each size to an echo service and compares what comes back:
    udp_sizes.py ADDRESS TRIES SIZE...
For each size prints the size and in which try the same bytes came, or "none" or "wrong"."""
import random
import socket
import sys

address, tries = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: never DF, so that the kernel's own go in fragments
    s.connect((address, 7))
    for size in map(int, sys.argv[3:]):
        sent = random.Random(size).randbytes(size)
        found = "none"
        for attempt in range(1, tries + 1):
            s.settimeout(1 if attempt == tries else 0.2)
            s.send(sent)
            try:
                found = str(attempt) if s.recv(65536) == sent else "wrong"
                break
            except TimeoutError:
                pass
        print(size, found)
