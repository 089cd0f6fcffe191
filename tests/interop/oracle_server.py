#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What both hosts of oracle.sh run: on port 7, of either family, a TCP listener that never says anything and an echo of UDP."""
import select
import socket

PORT = 7


def bound(family, kind):
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", PORT))
    return s


def main():
    datagrams = [bound(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
    listeners = [bound(family, socket.SOCK_STREAM) for family in (socket.AF_INET, socket.AF_INET6)]
    for s in listeners:
        s.listen(100)
    print("ready", flush=True)
    while True:
        for s in select.select(datagrams, [], [])[0]:
            data, who = s.recvfrom(2000)
            s.sendto(data, who)


if __name__ == "__main__":
    main()
