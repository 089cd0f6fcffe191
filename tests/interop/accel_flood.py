#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A SYN flood from spoofed sources, for tests/interop/accel_cookies.sh and accel_answers.sh.

    accel_flood.py IFNAME MAC ADDRESS PORT COUNT [SOURCES]
                                    sends COUNT SYNs of sources in 198.19.0.0/16, all of them or so many, to ADDRESS and prints how many a second
"""

import random
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, destination, port):
    options = bytes.fromhex("020405b40402080a0000000100000000") + bytes.fromhex("01030307")
    tcp = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 10 << 4, 2, 64240, 0, 0) + options
    pseudo = source + destination + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + destination
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def main():
    name, mac, address, port, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    sources = int(sys.argv[6]) if len(sys.argv) > 6 else 65536
    destination = socket.inet_aton(address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((name, 0))
        header = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("02feedfeed01") + b"\x08\x00"
        began = time.monotonic()
        for i in range(count):
            s.send(header + syn(bytes([198, 19, i % sources >> 8, i % sources & 255]), destination, port))
        print(f"{count} SYNs, {count / (time.monotonic() - began):.0f} a second")


if __name__ == "__main__":
    main()
