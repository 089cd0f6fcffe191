#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same frames to Linux and to Weir, and what each answers. Runs in the namespace of a station that has a veth to either:
    oracle.py LINUX-INTERFACE WEIR-INTERFACE
    oracle.py --table        the deviations as docs/oracle.md has them
Every case has a source address of its own, by which answers are told apart, so that all cases are on the way at once. Silence is an answer: it is what is there a
second after the last frame, and after the hosts have answered an echo request that came behind all cases.
Prints a line for each thing shown: NAME, expected, found, with tabs between, and lines that begin with '#'."""
import ipaddress
import select
import socket
import struct
import sys
import time

from oracle_cases import DEVIATIONS, SILENCE, all_cases
from oracle_frames import ICMP, ICMPV6, TCP, UDP, echo, ipv4, ipv6, packed, tcp, summed, RST

HOST = {4: "198.18.0.2", 6: "2001:db8:198::2"}
BROADCAST = "198.18.255.255"
HOST_MAC, OUR_MAC = bytes.fromhex("020000000002"), bytes.fromhex("020000000001")
GAP, QUIET, PATIENCE = 0.004, 1.0, 20.0  # seconds between two cases, after the last one, for a host that has to answer
FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


class Wire:
    """One of the two links: sends frames, answers ARP and Neighbour Discovery for all our addresses, keeps the rest."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((interface, 0))
        self.socket.setblocking(False)
        self.packets = []  # IP packets of the host

    def send(self, packet, mac=HOST_MAC):
        kind = 0x0800 if packet[0] >> 4 == 4 else 0x86dd
        if packet[0] >> 4 not in (4, 6):
            kind = 0x0800
        self.socket.send((mac + OUR_MAC + struct.pack("!H", kind) + packet).ljust(60, b"\0"))

    def answer_arp(self, frame):
        op, target = struct.unpack("!H", frame[20:22])[0], frame[38:42]
        if op == 1 and target != packed(HOST[4]) and target != frame[28:32]:
            self.socket.send(frame[6:12] + OUR_MAC + frame[12:20] + b"\0\2" + OUR_MAC + target + frame[22:32])

    def answer_solicitation(self, packet):
        target, asker = str(ipaddress.ip_address(packet[48:64])), packet[8:24]
        if target == HOST[6] or not any(asker):
            return
        message = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + packed(target) + b"\2\1" + OUR_MAC
        asker = str(ipaddress.ip_address(asker))
        self.send(ipv6(target, asker, ICMPV6, summed(target, asker, ICMPV6, message, 2), hops=255))

    def take(self, frame):
        kind, packet = frame[12:14], frame[14:]
        if frame[6:12] != HOST_MAC:
            return
        if kind == b"\x08\x06":
            self.answer_arp(frame)
        elif kind == b"\x86\xdd" and packet[6] == ICMPV6 and packet[40] == 135:
            self.answer_solicitation(packet)
        elif kind in (b"\x08\x00", b"\x86\xdd"):
            self.packets.append(packet)


def pump(wires, seconds, until=None):
    """Frames are taken in for so long, or until until() is true."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (until and until()):
        for ready in select.select([w.socket for w in wires], [], [], min(left, 0.05))[0]:
            wire = next(w for w in wires if w.socket is ready)
            try:
                while True:
                    wire.take(wire.socket.recv(65536))
            except BlockingIOError:
                pass


# ---- reading answers

def parts(packet):
    """(source, destination, protocol, upper layer)"""
    if packet[0] >> 4 == 4:
        return packet[12:16], packet[16:20], packet[9], packet[(packet[0] & 15) * 4:struct.unpack("!H", packet[2:4])[0]]
    length = struct.unpack("!H", packet[4:6])[0]
    return packet[8:24], packet[24:40], packet[6], packet[40:40 + length]


def segment_text(data):
    flags, ack = data[13], struct.unpack("!I", data[8:12])[0]
    names = " ".join(name for bit, name in enumerate(FLAGS) if flags >> bit & 1)
    return names + (f" {ack - 1000:+d}" if flags & 16 else "")


def error_text(protocol, data):
    kind, code = data[0], data[1]
    text = f"{kind}/{code}"
    if protocol == ICMP and kind == 12:
        text += f" pointer {data[4]}"
    if protocol == ICMPV6 and kind == 4:
        text += f" pointer {struct.unpack('!I', data[4:8])[0]}"
    return text


def text_of(packet):
    _, _, protocol, data = parts(packet)
    if protocol == TCP:
        return segment_text(data)
    if protocol == UDP:
        return "udp"
    if (protocol, data[0]) in ((ICMP, 0), (ICMPV6, 129)):
        return "reply"
    return error_text(protocol, data) if protocol in (ICMP, ICMPV6) else f"protocol {protocol}"


def answer(wire, address):
    """What came for that address, without what was sent again."""
    found = []
    for packet in wire.packets:
        if parts(packet)[1] == packed(address) and text_of(packet) not in found:
            found.append(text_of(packet))
    return ", ".join(found) or SILENCE


# ---- the cases

def source_of(index, family, case):
    if case.source == "own":
        return HOST[family]
    if case.source:
        return case.source
    return f"198.18.{1 + index // 200}.{1 + index % 200}" if family == 4 else f"2001:db8:198::1:{index + 1:x}"


def tell(wire, family, case, source):
    to_all = case.to == "broadcast"
    for packet in case.packets(source, BROADCAST if to_all else HOST[family]):
        wire.send(packet, b"\xff" * 6 if to_all else HOST_MAC)


def ask_echo(wires, last_byte):
    """An echo request of each family, until each host has answered it."""
    asked = {4: f"198.18.250.{last_byte}", 6: f"2001:db8:198::2:{last_byte}"}

    def answered():
        return all(answer(w, a) == "reply" for w in wires for a in asked.values())
    end = time.monotonic() + PATIENCE
    while not answered() and time.monotonic() < end:
        for wire in wires:
            wire.send(ipv4(asked[4], HOST[4], ICMP, echo(asked[4], HOST[4])))
            wire.send(ipv6(asked[6], HOST[6], ICMPV6, echo(asked[6], HOST[6])))
        pump(wires, 0.3, answered)
    return "answer" if answered() else "no answer"


def reset_connections(wires, cases, sources):
    """What a SYN opened is closed again, so that no SYN-ACK is repeated for long."""
    for (family, case), source in zip(cases, sources):
        if case.linux.startswith("SYN") and not case.source:
            data = tcp(source, HOST[family], 7, RST, seq=1001, sport=0 if "port 0" in case.name else 4000)
            for wire in wires:
                wire.send((ipv4 if family == 4 else ipv6)(source, HOST[family], TCP, data))


def run(linux, weir):
    wires, cases = (linux, weir), all_cases()
    print("both hosts answer before", "answer", ask_echo(wires, 1), sep="\t")
    sources = [source_of(i, family, case) for i, (family, case) in enumerate(cases)]
    for (family, case), source in zip(cases, sources):
        for wire in wires:
            tell(wire, family, case, source)
        pump(wires, GAP)
    pump(wires, QUIET)
    reset_connections(wires, cases, sources)
    print("both hosts answer behind it all", "answer", ask_echo(wires, 2), sep="\t")
    return [(family, case, answer(linux, source), answer(weir, source)) for (family, case), source in zip(cases, sources)]


def compare(results):
    wanted = {(d.family, d.name): d for d in DEVIATIONS}
    differ = others = 0
    for family, case, by_linux, by_weir in results:
        deviation = wanted.pop((family, case.name), None)
        if by_linux != case.linux:
            others += 1
            print(f"# this kernel, IPv{family}, {case.name}: {by_linux}; Linux 6.18: {case.linux}")
        if by_linux != by_weir:
            differ += 1
        expected = deviation.weir if deviation else by_linux
        if deviation and deviation.weir == by_linux:
            expected = f"something else than {by_linux}: it is in the list of deviations"
        print(f"IPv{family}: {case.name}", expected, by_weir, sep="\t")
    for family, name in wanted:
        print(f"IPv{family}: {name}", "a case", "none, but a deviation is listed", sep="\t")
    print(f"# {len(results)} cases, {differ} deviations of Weir from this kernel, {others} of this kernel from Linux 6.18")


def table():
    return "".join(f"| IPv{d.family} | {d.name} | {d.weir} | {d.why} |\n" for d in DEVIATIONS)


def main():
    if sys.argv[1:] == ["--table"]:
        print(table(), end="")
        return
    linux, weir = (Wire(interface) for interface in sys.argv[1:3])
    compare(run(linux, weir))


if __name__ == "__main__":
    main()
