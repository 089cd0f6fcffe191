#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Frames that are none of the accelerator's affair, from one interface to another: each must arrive as it was sent.

    accel_others.py NAMESPACE1 INTERFACE1 NAMESPACE2 INTERFACE2

Sends frames of every kind both ways, as bytes, and takes them with packet sockets in the two namespaces (paths of /run/netns). What the ends' kernels say meanwhile is
left aside: every frame of ours has its own source address. Prints how many there were; fails when one is lost, changed, out of order or comes twice.
"""

import os
import random
import socket
import struct
import sys
import time

OURS = [bytes.fromhex("02accE1e0001"), bytes.fromhex("02accE1e0002")]
COPIES = 20


def in_namespace(path, interface):
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    libc_setns(there)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    s.bind((interface, 3))
    libc_setns(home)
    os.close(there)
    os.close(home)
    return s


def libc_setns(fd):
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(fd, 0):
        raise OSError(ctypes.get_errno(), "setns")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(protocol, payload, fragment=0, options=b""):
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 7, fragment, 64, protocol, 0)
    head += bytes([198, 18, 0, 101, 198, 18, 0, 102]) + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(next_header, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + b"\xfd" * 15 + b"\1" + b"\xfd" * 15 + b"\2" + payload


def tcp(flags, options=b"", payload=b""):
    return struct.pack(">HHIIBBHHH", 4242, 80, 1000, 0, (5 + len(options) // 4) << 4, flags, 500, 0, 0) + options + payload


def kinds(rng):
    """(name, Ethernet type, payload) of each."""
    blob = rng.randbytes
    udp = struct.pack(">HHHH", 5353, 53, 8 + 100, 0) + blob(100)
    rst, syn, syn_ack = 4, 2, 0x12
    signed, authenticated = b"\x13\x12" + blob(16) + b"\1\1", b"\x1d\x10" + blob(14)
    multipath, fast_open = b"\x1e\x0c\x00\x81" + blob(8), b"\x22\x02\1\1"
    yield "ARP", 0x0806, bytes.fromhex("0001080006040001") + OURS[0] + bytes([198, 18, 0, 101]) + bytes(6) + bytes([198, 18, 0, 102])
    yield "UDP", 0x0800, ipv4(17, udp)
    yield "UDP over IPv6", 0x86DD, ipv6(17, udp)
    yield "UDP with a wrong length", 0x0800, ipv4(17, struct.pack(">HHHH", 1, 2, 4, 0))
    yield "ICMP", 0x0800, ipv4(1, b"\x08\0" + blob(62))
    yield "an ICMP error about what nobody knows", 0x0800, ipv4(1, b"\x03\x03" + blob(6) + ipv4(6, tcp(rst)))
    yield "neighbour solicitation", 0x86DD, ipv6(58, b"\x87\0" + blob(22))
    yield "SCTP", 0x0800, ipv4(132, blob(40))
    yield "ESP", 0x0800, ipv4(50, blob(80))
    yield "AH", 0x86DD, ipv6(51, blob(80))
    yield "GRE", 0x0800, ipv4(47, b"\0\0\x08\0" + ipv4(6, tcp(syn)))
    yield "a first fragment of TCP", 0x0800, ipv4(6, tcp(syn), fragment=0x2000)
    yield "a later fragment of TCP", 0x0800, ipv4(6, blob(64), fragment=0x0010)
    yield "a fragment of TCP over IPv6", 0x86DD, ipv6(44, b"\x06\0\0\1" + blob(4) + tcp(syn))
    yield "TCP too short", 0x0800, ipv4(6, blob(7))
    yield "TCP of a connection that nobody saw begin", 0x0800, ipv4(6, tcp(0x18, payload=blob(100)))
    yield "a SYN-ACK that nobody asked for", 0x0800, ipv4(6, tcp(syn_ack))
    yield "a reset of nothing", 0x0800, ipv4(6, tcp(rst))
    yield "a SYN with data", 0x0800, ipv4(6, tcp(syn, payload=blob(10)))
    yield "a SYN with an MD5 signature", 0x0800, ipv4(6, tcp(syn, signed))
    yield "a SYN with TCP-AO", 0x0800, ipv4(6, tcp(syn, authenticated))
    yield "a SYN of multipath TCP", 0x0800, ipv4(6, tcp(syn, multipath))
    yield "a SYN with Fast Open", 0x0800, ipv4(6, tcp(syn, fast_open))
    yield "IPv4 options", 0x0800, ipv4(17, udp, options=b"\x94\x04\0\0")
    yield "LLDP", 0x88CC, blob(60)
    yield "a bridge's hello", 0x0026, b"\x42\x42\x03" + blob(35)
    yield "an unknown Ethernet type", 0x88B5, blob(46)
    yield "PPPoE", 0x8864, blob(100)
    yield "MPLS", 0x8847, b"\0\1\1\x40" + ipv4(6, tcp(0x10))
    yield "an IPv4 header of version 6", 0x0800, b"\x65" + blob(40)
    yield "IPv6 whose length is beyond the frame", 0x86DD, struct.pack(">IHBB", 6 << 28, 2000, 6, 64) + blob(60)
    for size in (46, 60, 512, 1500):
        yield f"{size} bytes of anything", 0x88B6, blob(size)


def collect(s, source, seconds):
    got, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            frame, where = s.recvfrom(65536)
        except socket.timeout:
            break
        if where[2] != socket.PACKET_OUTGOING and frame[6:12] == source:
            got.append(frame)
    return got


def cross(sender, receiver, source, rng):
    sent = []
    for name, ethernet_type, payload in kinds(rng):
        for _ in range(COPIES):
            frame = b"\xff" * 6 + source + struct.pack(">H", ethernet_type) + payload
            sent.append((name, frame.ljust(60, b"\0")))
            sender.send(sent[-1][1])
    got = collect(receiver, source, 3)
    for (name, frame), there in zip(sent, got):
        if frame != there:
            sys.exit(f"{name}: sent {frame.hex()}, arrived {there.hex()}")
    if len(got) != len(sent):
        sys.exit(f"{len(sent)} frames were sent, {len(got)} arrived")
    return len(sent)


def main():
    rng = random.Random(1)
    ends = [in_namespace(*sys.argv[1:3]), in_namespace(*sys.argv[3:5])]
    both = [cross(ends[i], ends[1 - i], OURS[i], rng) for i in (0, 1)]
    print(f"{sum(both)} frames of {len(list(kinds(rng)))} kinds, both ways")


if __name__ == "__main__":
    main()
