# SPDX-License-Identifier: MIT
"""Frames made byte by byte, as wrong as a case wants them. Every length, offset and checksum is right unless an argument says otherwise."""
import ipaddress
import struct

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(src, dst, protocol, length):
    if len(packed(src)) == 4:
        return packed(src) + packed(dst) + struct.pack("!BBH", 0, protocol, length)
    return packed(src) + packed(dst) + struct.pack("!II", length, protocol)


def summed(src, dst, protocol, data, at):
    """data with the checksum that belongs at `at`."""
    value = checksum(pseudo(src, dst, protocol, len(data)) + data) or 0xffff
    return data[:at] + struct.pack("!H", value) + data[at + 2:]


# ---- the upper layers

def body(length):
    return bytes(i * 7 & 0xff for i in range(length))


def echo(src, dst, length=16):
    """An echo request of the family of its addresses."""
    if len(packed(src)) == 4:
        data = struct.pack("!BBHHH", 8, 0, 0, 77, 1) + body(length)
        return data[:2] + struct.pack("!H", checksum(data)) + data[4:]
    return summed(src, dst, ICMPV6, struct.pack("!BBHHH", 128, 0, 0, 77, 1) + body(length), 2)


def udp(src, dst, dport, length=None, sport=4000):
    data = b"question"
    return summed(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(data) if length is None else length, 0) + data, 6)


def tcp(src, dst, dport, flags, seq=1000, ack=0, options=b"", data=b"", offset=None, urgent=0, sport=4000):
    words = 5 + len(options) // 4 if offset is None else offset
    header = struct.pack("!HHIIHHHH", sport, dport, seq, ack, words << 12 | flags, 65535, 0, urgent)
    return summed(src, dst, TCP, header + options + data, 16)


# ---- IPv4

def ipv4(src, dst, protocol, data, ttl=64, options=b"", ihl=None, length=None, ident=0, offset=0, more=False):
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH", 0x40 | (words if ihl is None else ihl), 0, words * 4 + len(data) if length is None else length, ident,
                         (0x2000 if more else 0) | offset // 8, ttl, protocol, 0) + packed(src) + packed(dst) + options
    covered = header[:ihl * 4] if ihl is not None and ihl < words else header
    return header[:10] + struct.pack("!H", checksum(covered)) + header[12:] + data


def fragments4(src, dst, ident, data, pieces):
    """[(from, to)] of an echo request; the last piece of the datagram has no M flag."""
    return [ipv4(src, dst, ICMP, data[a:b], ident=ident, offset=a, more=b < len(data)) for a, b in pieces]


# ---- IPv6

def ipv6(src, dst, protocol, data, hops=64, length=None):
    return struct.pack("!IHBB", 6 << 28, len(data) if length is None else length, protocol, hops) + packed(src) + packed(dst) + data


def extension(following, content, length=None):
    """A header of options or routing: content is what follows its first two bytes."""
    size = (2 + len(content) + 7) // 8
    padding = size * 8 - 2 - len(content)
    fill = b"" if padding == 0 else b"\0" if padding == 1 else bytes([1, padding - 2]) + bytes(padding - 2)
    return bytes([following, size - 1 if length is None else length]) + content + fill


def fragment_header(following, ident, offset, more):
    return struct.pack("!BBHI", following, 0, offset | more, ident)


def fragments6(src, dst, ident, following, data, pieces):
    return [ipv6(src, dst, FRAGMENT, fragment_header(following, ident, a, b < len(data)) + data[a:b]) for a, b in pieces]
