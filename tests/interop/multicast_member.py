#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
A member of multicast groups that does what its standard input says, line by line: join GROUP [SOURCE], leave GROUP, block GROUP SOURCE,
send GROUP TEXT. What it receives on port 5007 it writes, "GROUP'S FAMILY TEXT"; after each line "done". With an argument, the interface
that the groups are on.
"""
import select
import socket
import struct
import sys

PORT = 5007
JOIN_GROUP, BLOCK_SOURCE, LEAVE_GROUP, JOIN_SOURCE = 42, 43, 45, 46
index = socket.if_nametoindex(sys.argv[1]) if len(sys.argv) > 1 else 1


def open_socket(family):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
    s.bind(("", PORT))
    return s


def storage(family, text):
    address = socket.inet_pton(family, text)
    head = struct.pack("=HH", family, 0) + (bytes(4) if family == socket.AF_INET6 else b"")
    return (head + address).ljust(128, b"\0")


def option(s, name, *addresses):
    level = socket.IPPROTO_IPV6 if s.family == socket.AF_INET6 else socket.IPPROTO_IP
    s.setsockopt(level, name, struct.pack("=I4x", index) + b"".join(storage(s.family, a) for a in addresses))


lines = open(0, "rb", buffering=0)  # or a second line waits in a buffer that select knows nothing of
sockets = {f: open_socket(f) for f in (socket.AF_INET, socket.AF_INET6)}


def do(words):
    s = sockets[socket.AF_INET6 if ":" in words[1] else socket.AF_INET]
    if words[0] == "join":
        option(s, JOIN_SOURCE if len(words) > 2 else JOIN_GROUP, *words[1:])
    elif words[0] == "leave":
        option(s, LEAVE_GROUP, words[1])
    elif words[0] == "block":
        option(s, BLOCK_SOURCE, *words[1:])
    elif words[0] == "send":
        s.sendto(words[2].encode(), (words[1], PORT))
    print("done", *words, flush=True)


while True:
    for ready in select.select([lines, *sockets.values()], [], [])[0]:
        if ready is lines:
            line = ready.readline().decode()
            if not line:
                sys.exit(0)
            do(line.split())
        else:
            text = ready.recv(2000).decode()
            print("v6" if ready.family == socket.AF_INET6 else "v4", text, flush=True)
