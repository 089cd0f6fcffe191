# SPDX-License-Identifier: MIT
"""What hostile input is answered with: the inputs, what Linux 6.18 does with each, and where Weir means to do something else.

An answer is "silence", "reply" (to an echo request), "udp" (an echo of UDP), flags of TCP in the order of its header ("SYN ACK") with what they acknowledge
beyond the probe's sequence number, or "TYPE/CODE" of an ICMP error with its pointer where it has one; several are joined by ", "."""
import struct

from oracle_frames import *  # noqa: F403 # pylint: disable=wildcard-import,unused-wildcard-import

ECHO, CLOSED = 7, 4444  # the echo service, and a port nobody listens at
SILENCE, REPLY, SYN_ACK = "silence", "reply", "SYN ACK +1"


class Case:
    """packets(src, dst) are IP packets; `to` "broadcast" says that the frame and the packet go to all."""

    def __init__(self, name, linux, packets, source=None, to="host"):
        self.name, self.linux, self.packets, self.source, self.to = name, linux, packets, source, to


def one(build):
    return lambda s, d: [build(s, d)]


# ---- TCP, the same over both families

def segment(family, **arguments):
    build, protocol = (ipv4, TCP) if family == 4 else (ipv6, TCP)
    arguments.setdefault("dport", ECHO)
    return one(lambda s, d: build(s, d, protocol, tcp(s, d, **arguments)))


SYNS = (
    ("SYN", {}),
    ("SYN, MSS 0", {"options": b"\2\4\0\0"}),
    ("SYN, MSS of length 3", {"options": b"\2\3\0\1"}),
    ("SYN, unknown option of length 0", {"options": b"\xfd\0\0\0"}),
    ("SYN, option past the end", {"options": b"\xfd\x28\0\0"}),
    ("SYN, window scale 255", {"options": b"\3\3\xff\1"}),
    ("SYN, URG with pointer 0", {"flags": SYN | URG}),
    ("SYN, 8 bytes of data", {"data": b"12345678"}),
    ("SYN from port 0", {"sport": 0}),
)
SILENT_SEGMENTS = (
    ("SYN FIN", {"flags": SYN | FIN}),
    ("SYN RST", {"flags": SYN | RST}),
    ("no flag", {"flags": 0}),
    ("FIN", {"flags": FIN}),
    ("FIN PSH URG", {"flags": FIN | PSH | URG}),
    ("SYN, data offset 4", {"flags": SYN, "offset": 4}),
    ("SYN, data offset 15 past the segment", {"flags": SYN, "offset": 15}),
)


def tcp_cases(family):
    cases = [Case(name, SYN_ACK, segment(family, **{"flags": SYN, **what})) for name, what in SYNS]
    cases += [Case(name, SILENCE, segment(family, **what)) for name, what in SILENT_SEGMENTS]
    return cases + [
        Case("ACK to a listener", "RST", segment(family, flags=ACK, ack=5)),
        Case("ACK to a closed port", "RST", segment(family, flags=ACK, ack=5, dport=CLOSED)),
        Case("SYN to a closed port", "RST ACK +1", segment(family, flags=SYN, dport=CLOSED)),
    ]


# ---- IPv4

def v4_echo(**arguments):
    return one(lambda s, d: ipv4(s, d, ICMP, echo(s, d), **arguments))


def v4_udp(dport, length=None):
    return one(lambda s, d: ipv4(s, d, UDP, udp(s, d, dport, length)))


def v4_pieces(ident, *pieces):
    return lambda s, d: fragments4(s, d, ident, echo(s, d, 56), pieces)


V4_CASES = [
    Case("echo", REPLY, v4_echo()),
    Case("echo of UDP", "udp", v4_udp(ECHO)),
    Case("IHL 4", SILENCE, v4_echo(ihl=4)),
    Case("total length 19", SILENCE, v4_echo(length=19)),
    Case("total length past the frame", SILENCE, v4_echo(length=200)),
    Case("UDP length 7", SILENCE, v4_udp(ECHO, 7)),
    Case("UDP length past the packet", SILENCE, v4_udp(ECHO, 100)),
    Case("UDP length 7, closed port", SILENCE, v4_udp(CLOSED, 7)),
    Case("UDP length past the packet, closed port", SILENCE, v4_udp(CLOSED, 100)),
    Case("option of length 0", "12/0 pointer 20", v4_echo(options=b"\x9e\0\0\0")),
    Case("record route, pointer 1", "12/0 pointer 22", v4_echo(options=b"\7\7\1\0\0\0\0\0")),
    Case("loose source route", SILENCE, v4_echo(options=b"\x83\7\4\xc6\x12\0\x09\0")),
    Case("strict source route", SILENCE, v4_echo(options=b"\x89\7\4\xc6\x12\0\x09\0")),
    Case("unknown option", REPLY, v4_echo(options=b"\x9e\4\0\0")),
    Case("TTL 0", REPLY, v4_echo(ttl=0)),
    Case("echo to the subnet's broadcast address", SILENCE, v4_echo(), to="broadcast"),
    Case("SYN from our own address and port (LAND)", SILENCE, segment(4, flags=SYN, sport=ECHO), source="own"),
    Case("protocol 253", "3/2", one(lambda s, d: ipv4(s, d, 253, body(16)))),
    Case("UDP to a closed port", "3/3", v4_udp(CLOSED)),
    Case("fragments in order", REPLY, v4_pieces(1, (0, 32), (32, 64))),
    Case("fragments, an exact duplicate, then the rest", REPLY, v4_pieces(2, (0, 32), (0, 32), (32, 64))),
    Case("fragments, the second within the first", SILENCE, v4_pieces(3, (0, 32), (8, 24), (32, 64))),
    Case("fragments, the first within the second", SILENCE, v4_pieces(7, (8, 24), (0, 32), (32, 64))),
    Case("fragments, partial overlap with the same bytes", SILENCE, v4_pieces(4, (0, 32), (24, 64))),
    Case("fragment of 13 bytes with M", SILENCE, one(lambda s, d: ipv4(s, d, ICMP, echo(s, d)[:13], ident=5, more=True))),
    Case("fragment past 65,535", SILENCE, one(lambda s, d: ipv4(s, d, ICMP, body(64), ident=6, offset=65528))),
]


# ---- IPv6

def v6_behind(number, content, **arguments):
    """An echo request behind one extension header."""
    return one(lambda s, d: ipv6(s, d, number, extension(ICMPV6, content, **arguments) + echo(s, d)))


def v6_udp(dport, length=None):
    return one(lambda s, d: ipv6(s, d, UDP, udp(s, d, dport, length)))


def v6_pieces(ident, *pieces):
    return lambda s, d: fragments6(s, d, ident, ICMPV6, echo(s, d, 56), pieces)


def v6_first_fragment(ident, following, data):
    return one(lambda s, d: ipv6(s, d, FRAGMENT, fragment_header(following, ident, 0, True) + data))


def v6_length(change):
    def build(s, d):
        data = echo(s, d)
        return ipv6(s, d, ICMPV6, data, length=len(data) + change)
    return one(build)


def v6_jumbo(bytes_said, length):
    return one(lambda s, d: ipv6(s, d, HOP_BY_HOP, extension(ICMPV6, b"\xc2\4" + struct.pack("!I", bytes_said)) + echo(s, d), length=length))


def routing(segments_left):
    return bytes([0, segments_left]) + bytes(4) + packed("2001:db8:ff::9")


V6_CASES = [
    Case("echo", REPLY, one(lambda s, d: ipv6(s, d, ICMPV6, echo(s, d)))),
    Case("echo of UDP", "udp", v6_udp(ECHO)),
    Case("UDP length 7", SILENCE, v6_udp(ECHO, 7)),
    Case("UDP length past the packet", SILENCE, v6_udp(ECHO, 100)),
    Case("UDP to a closed port", "1/4", v6_udp(CLOSED)),
    Case("SYN from our own address and port (LAND)", SILENCE, segment(6, flags=SYN, sport=ECHO), source="own"),
    Case("atomic fragment", REPLY, one(lambda s, d: ipv6(s, d, FRAGMENT, fragment_header(ICMPV6, 10, 0, False) + echo(s, d)))),
    Case("fragments in order", REPLY, v6_pieces(1, (0, 32), (32, 64))),
    Case("fragments, an exact duplicate, then the rest", REPLY, v6_pieces(2, (0, 32), (0, 32), (32, 64))),
    Case("fragments, the second within the first", SILENCE, v6_pieces(3, (0, 32), (8, 24), (32, 64))),
    Case("fragments, the first within the second", SILENCE, v6_pieces(9, (8, 24), (0, 32), (32, 64))),
    Case("fragments, partial overlap with the same bytes", SILENCE, v6_pieces(4, (0, 32), (24, 64))),
    Case("fragment of 13 bytes with M", "4/0 pointer 4",
         lambda s, d: [ipv6(s, d, FRAGMENT, fragment_header(ICMPV6, 5, 0, True) + echo(s, d)[:13])]),
    Case("fragment past 65,535", "4/0 pointer 42",
         one(lambda s, d: ipv6(s, d, FRAGMENT, fragment_header(ICMPV6, 6, 65528, False) + body(64)))),
    Case("first fragment with half an options header", "4/3 pointer 0", v6_first_fragment(7, DESTINATION, extension(ICMPV6, body(0), length=1))),
    Case("first fragment with 8 bytes of TCP", "4/3 pointer 0", v6_first_fragment(8, TCP, body(8))),
    Case("payload length past the frame", SILENCE, v6_length(100)),
    Case("payload length below the real one", SILENCE, v6_length(-8)),
    Case("unknown destination option 00", REPLY, v6_behind(DESTINATION, b"\x1e\0")),
    Case("unknown destination option 01", SILENCE, v6_behind(DESTINATION, b"\x5e\0")),
    Case("unknown destination option 10", "4/2 pointer 42", v6_behind(DESTINATION, b"\x9e\0")),
    Case("unknown destination option 11", "4/2 pointer 42", v6_behind(DESTINATION, b"\xde\0")),
    Case("eight hop-by-hop options", REPLY, v6_behind(HOP_BY_HOP, b"\x1e\0" * 8)),
    Case("nine hop-by-hop options", SILENCE, v6_behind(HOP_BY_HOP, b"\x1e\0" * 9)),
    Case("jumbogram of 100 bytes", "4/0 pointer 44", v6_jumbo(100, 0)),
    Case("jumbogram of 70,000 bytes with a payload length", "4/0 pointer 42", v6_jumbo(70000, None)),
    Case("hop-by-hop header that is not the first", "4/1 pointer 40",
         one(lambda s, d: ipv6(s, d, DESTINATION, extension(HOP_BY_HOP, b"") + extension(ICMPV6, b"") + echo(s, d)))),
    Case("routing header 0, a segment left", "4/0 pointer 42", v6_behind(ROUTING, routing(1))),
    Case("routing header 0, none left", REPLY, v6_behind(ROUTING, routing(0))),
    Case("no next header", SILENCE, one(lambda s, d: ipv6(s, d, 59, body(16)))),
    Case("next header 253", "4/1 pointer 6", one(lambda s, d: ipv6(s, d, 253, body(16)))),
    Case("multicast source", SILENCE, one(lambda s, d: ipv6(s, d, ICMPV6, echo(s, d))), source="ff02::9"),
    Case("extension header of length 255", SILENCE, v6_behind(DESTINATION, b"\x1e\0", length=255)),
]


def all_cases():
    """[(family, case)]"""
    return [(4, c) for c in V4_CASES + tcp_cases(4)] + [(6, c) for c in V6_CASES + tcp_cases(6)]


# ---- where Weir means to differ from Linux

class Deviation:
    def __init__(self, family, name, weir, why):
        self.family, self.name, self.weir, self.why = family, name, weir, why


ANY_OVERLAP = "RFC 8200 4.5: when fragments overlap, the datagram is given up; a receiver may let exact duplicates pass, and no other overlap"
SAME_FOR_V4 = "RFC 1858 4: an overlap may rewrite what was checked; the rule of RFC 8200 4.5, for both families"
NO_PORT = "RFC 6335 6: port 0 is reserved and nobody's; ours is never 0 either, nor can a socket connect to it"

DEVIATIONS = [
    Deviation(4, "fragments, the second within the first", SILENCE, SAME_FOR_V4),
    Deviation(6, "fragments, the second within the first", SILENCE, ANY_OVERLAP),
    Deviation(4, "SYN from port 0", SILENCE, NO_PORT),
    Deviation(6, "SYN from port 0", SILENCE, NO_PORT),
]
