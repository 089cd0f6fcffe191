# SPDX-License-Identifier: MIT
"""Many datagrams in each call (UDP_SEGMENT, Linux's udp(7)), each answered before the next.

    udp_segments.py serve ADDRESS PORT                answers each call when all its datagrams came right; "q" ends it
    udp_segments.py send ADDRESS PORT CALLS SEGMENT   calls of 60,000 bytes; prints how many were answered
"""
import socket
import sys

UDP_SEGMENT = 103
CALL = 60000


def payload(call):
    """Of one call: no two datagrams are equal, nor two calls."""
    return b"".join((call * 100000 + i).to_bytes(4, "big") for i in range(CALL // 4))


def serve(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((address, port))
    print("ready", flush=True)
    call, got = 0, b""
    segment = 0
    while True:
        datagram, sender = s.recvfrom(65536)
        if datagram == b"q":
            return
        segment = segment or len(datagram)
        want = payload(call)[len(got):len(got) + segment]
        if datagram != want:
            sys.exit(f"call {call} at {len(got)}: {len(datagram)} bytes, expected {len(want)}, equal {datagram[:8] == want[:8]}")
        got += datagram
        if len(got) == CALL:
            call, got, segment = call + 1, b"", 0
            s.sendto(b"ok", sender)


def send(address, port, calls, segment):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
    s.settimeout(10)
    s.connect((address, port))
    for call in range(calls):
        assert s.send(payload(call)) == CALL
        assert s.recv(10) == b"ok"
    s.send(b"q")
    print(calls)


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    send(sys.argv[2], *map(int, sys.argv[3:]))
