#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares what decode_dump.c prints for capture files with what tshark says, frame by frame and field by field.

Usage: decode_compare.py DUMP_PROGRAM FOLDER

Two captures are decoded at a time. Every frame whose outermost headers tshark can read has to be read by us, and the
reverse, with equal fields and equal verdicts on checksums; EXCEPTIONS says where they may differ and why. Prints TAP.
"""

import collections
import ipaddress
import itertools
import multiprocessing
import os
import subprocess
import sys

PREFERENCES = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "ip.check_checksum:TRUE", "tcp.check_checksum:TRUE",
               "udp.check_checksum:TRUE", "tcp.relative_sequence_numbers:FALSE", "tcp.desegment_tcp_streams:FALSE",
               "tcp.analyze_sequence_numbers:FALSE", "ip.tso_support:FALSE", "eth.fcs:Never", "eth.padding:Never"]

FIELDS = {
    "eth": "eth.dst eth.src eth.len tag.id tag.priority",
    "mpls": "mpls.label mpls.exp mpls.bottom mpls.ttl",
    "arp": "arp.opcode arp.src.hw_mac arp.dst.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4",
    "ip": "ip.hdr_len ip.dsfield ip.len ip.id ip.flags.mf ip.flags.df ip.frag_offset ip.ttl ip.proto ip.checksum "
          "ip.checksum.status ip.src ip.dst",
    "ipv6": "ipv6.tclass ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim ipv6.src ipv6.dst ipv6.fraghdr.offset "
            "ipv6.fraghdr.more ipv6.fraghdr.ident",
    "tcp": "tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags tcp.window_size_value tcp.checksum "
           "tcp.checksum.status tcp.urgent_pointer tcp.len tcp.options.mss_val tcp.options.wscale.shift "
           "tcp.options.timestamp.tsval tcp.options.timestamp.tsecr tcp.options.sack_le tcp.options.sack_re",
    "udp": "udp.srcport udp.dstport udp.length udp.checksum udp.checksum.status",
    "icmp": "icmp.type icmp.code icmp.checksum icmp.checksum.status icmp.ident icmp.seq icmp.mtu",
    "icmpv6": "icmpv6.type icmpv6.code icmpv6.checksum icmpv6.checksum.status icmpv6.nd.ns.target_address "
              "icmpv6.nd.na.target_address icmpv6.nd.na.flag.o icmpv6.nd.ra.cur_hop_limit "
              "icmpv6.nd.ra.router_lifetime icmpv6.nd.ra.reachable_time icmpv6.nd.ra.retrans_timer",
}
LAYER_OF = {field: layer for layer, fields in FIELDS.items() for field in fields.split()}
# Fields of which a header has several; of the others the first is the outermost header's.
LISTS = {"tag.id", "tag.priority", "mpls.label", "mpls.exp", "mpls.bottom", "mpls.ttl", "tcp.options.sack_le",
         "tcp.options.sack_re"}
FRAME = ["frame.cap_len", "frame.len", "frame.time_epoch"]
# What only tshark is asked: what it thinks of the frame, and from what the lists of tags are made.
VERDICTS = ["frame.protocols", "frame.encap_type", "ip.version", "_ws.malformed", "_ws.short", "arp.hw.type",
            "arp.hw.size", "arp.proto.type", "arp.proto.size", "vlan.id", "vlan.priority", "ieee8021ad.id",
            "ieee8021ad.priority"]
COLUMNS = FRAME + VERDICTS + [field for field in LAYER_OF if not field.startswith("tag.")]
MAX_LINES = 200
LINK_TAGS = ("vlan", "ieee8021ad")
ETHERNET = ["1"]


class Frame(collections.namedtuple("Frame", "layers values")):
    """The outermost headers in a frame, and a list of values for each name."""


def number_or_text(value):
    if value in ("True", "False"):
        return int(value == "True")
    for convert in (lambda v: int(v, 0), int, lambda v: str(ipaddress.ip_address(v))):
        try:
            return convert(value)
        except ValueError:
            continue
    return value


# ---- tshark ----------------------------------------------------------------------------------------------------------

def outer_layers(protocols):
    """"eth:ethertype:vlan:ethertype:ip:icmp:ip:udp" -> eth, ip, icmp: down to the first transport header."""
    names, layers = protocols.split(":"), []
    if names[0] != "eth":
        return layers
    layers.append("eth")
    names = [n for n in names[1:] if n != "ethertype" and n not in LINK_TAGS]
    if names and names[0] == "llc":
        names = names[1:]
    while names and names[0] == "mpls":
        layers = layers if layers[-1] == "mpls" else layers + ["mpls"]
        names = names[1:]
    if not names or names[0] not in ("arp", "ip", "ipv6"):
        return layers
    layers.append(names[0])
    names = [n for n in names[1:] if not n.startswith("ipv6.")]
    allowed = {"ip": ("tcp", "udp", "icmp"), "ipv6": ("tcp", "udp", "icmpv6"), "arp": ()}[layers[-1]]
    return layers + [names[0]] if names and names[0] in allowed else layers


def outer_tags(values):
    """tag.id and tag.priority: of the tags before anything else, outermost first."""
    names = [n for n in values["frame.protocols"][0].split(":")[1:] if n != "ethertype"]
    tags = list(itertools.takewhile(lambda n: n in LINK_TAGS, names))
    for what in ("id", "priority"):
        rest = {tag: iter(values.get(f"{tag}.{what}", [])) for tag in LINK_TAGS}
        values[f"tag.{what}"] = [next(rest[tag]) for tag in tags]
    if tags or not names or names[0] != "llc":
        values.pop("eth.len", None)


def outer_mpls(values):
    """The entries up to the first that is the bottom of a stack."""
    depth = values["mpls.bottom"].index("1") + 1 if "1" in values["mpls.bottom"] else None
    for name in FIELDS["mpls"].split():
        values[name] = values[name][:depth]


def drop_inner_fields(values):
    """Fields that are another's: fragment headers of quoted packets, identifiers of other ICMP messages."""
    names = values["frame.protocols"][0].split(":")
    headers = itertools.takewhile(lambda n: n.startswith("ipv6."), names[names.index("ipv6") + 1:]) \
        if "ipv6" in names else ()
    if "ipv6.fraghdr" not in headers:
        for name in ("offset", "more", "ident"):
            values.pop(f"ipv6.fraghdr.{name}", None)
    if values.get("icmp.type", [""])[0] not in ("0", "8"):
        values.pop("icmp.ident", None)
        values.pop("icmp.seq", None)
    if "tcp.flags" in values:  # with the reserved bits, which a receiver ignores
        values["tcp.flags"][0] = str(int(values["tcp.flags"][0], 0) & 0x1ff)


def tshark_frame(line):
    values = dict(zip(COLUMNS, line.split("\t")))
    values = {name: text.split("|") for name, text in values.items() if text}
    outer_tags(values)
    if "mpls.bottom" in values:
        outer_mpls(values)
    drop_inner_fields(values)
    return Frame(outer_layers(values["frame.protocols"][0]), values)


def tshark_frames(path):
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E",
               "aggregator=|"]
    command += [word for p in PREFERENCES for word in ("-o", p)] + [word for c in COLUMNS for word in ("-e", c)]
    finished = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    frames = [tshark_frame(line) for line in finished.stdout.splitlines()]
    return [f for f in frames if "frame.encap_type" in f.values]  # others are blocks of pcapng that are no packets


# ---- ours ------------------------------------------------------------------------------------------------------------

def our_frames(program, path):
    """The frames, and how the reader ended: "end 0", "end ERR_...", "refused ..."."""
    finished = subprocess.run([program, path], capture_output=True, text=True, errors="replace", check=False)
    if finished.returncode:
        return [], f"exit {finished.returncode}"
    frames, lines = [], finished.stdout.splitlines()
    for line in lines[1:-1]:
        values = collections.defaultdict(list)
        for word in line.split()[1:]:
            name, _, value = word.partition("=")
            values[name].append(value)
        frames.append(Frame([n[len("layer."):] for n in values if n.startswith("layer.")], values))
    return frames, lines[-1]


# ---- comparison ------------------------------------------------------------------------------------------------------

EXCEPTIONS = {
    "malformed": "tshark itself calls the frame malformed",
    "cut": "cut by the snapshot length: we read no packet of which bytes are missing",
    "length": "the packet's length field is past the frame or short of the header: refused",
    "version": "another IP version in the header than the EtherType says",
    "refused": "extension headers that a host has to refuse",
    "arp": "ARP with another pair of address types than Ethernet and IPv4",
}


def exception_of(theirs, ours):
    """Why a header that only one side has may be missing, or None."""
    if "_ws.malformed" in theirs.values:
        return "malformed"
    if int(theirs.values["frame.cap_len"][0]) < int(theirs.values["frame.len"][0]):
        return "cut"
    if theirs.values.get("ip.version", ["4"])[0] != "4":
        return "version"
    if "refused" in ours.values:
        return "refused"
    kinds = [theirs.values.get(f"arp.{name}", [""])[0] for name in ("hw.type", "hw.size", "proto.type", "proto.size")]
    if "arp" in theirs.layers and kinds != ["1", "6", "0x0800", "4"]:
        return "arp"
    return length_exception(theirs)


def length_exception(theirs):
    values = theirs.values
    frame = int(values["frame.cap_len"][0])
    for name, header in (("ip.len", 20), ("ipv6.plen", 0), ("udp.length", 8)):
        if name in values and not header <= int(values[name][0]) <= frame:
            return "length"
    return "length" if "_ws.short" in values else None


def not_read(name, theirs, ours):
    """A field that one side rightly does not have: of a malformed message, in refused headers, of a fragment, a time
    that the file does not have."""
    if name == "frame.time_epoch":
        return name not in theirs
    if name not in ours:
        return "_ws.malformed" in theirs or "refused" in ours
    return name == "tcp.len" and name not in theirs and "fragment" in ours


def compare_field(name, theirs, ours):
    """None: nothing to compare. Otherwise whether it is equal."""
    if (name not in theirs and name not in ours) or not_read(name, theirs, ours):
        return None
    theirs, ours = [[number_or_text(v) for v in side.get(name, [])] for side in (theirs, ours)]
    if name not in LISTS:
        theirs, ours = theirs[:1], ours[:1]
    if name.endswith(".status") and (theirs not in ([0], [1]) or not ours):
        return None
    return theirs == ours


def compare_frame(theirs, ours, count, report):
    """Fields of the headers that both read; then what only one of them read."""
    if theirs.layers != ours.layers:
        reason = exception_of(theirs, ours)
        count["exception " + (reason or "none")] += 1
        if reason is None:
            report(f"headers: tshark {' '.join(theirs.layers)}, Weir {' '.join(ours.layers)}")
    for name, layer in LAYER_OF.items() | {(name, None) for name in FRAME}:
        if layer is None or (layer in theirs.layers and layer in ours.layers):
            equal = compare_field(name, theirs.values, ours.values)
            count["fields"] += equal is not None
            if equal is False:
                report(f"{name}: tshark {theirs.values.get(name)}, Weir {ours.values.get(name)}")


def compare_file(program, path):
    """Counts, and lines that say what differs."""
    count, lines = collections.Counter(), []
    ours, end = our_frames(program, path)
    if end.startswith("refused"):
        return collections.Counter({end_class(end): 1}), lines
    theirs = tshark_frames(path)
    if end == "end ERR_UNSUPPORTED":  # at a packet of another link type in a pcapng file
        theirs = list(itertools.takewhile(lambda f: f.values["frame.encap_type"] == ETHERNET, theirs))
    count["files"] += 1
    if len(ours) != len(theirs) or not end.startswith("end"):
        lines.append(f"{path}: tshark reads {len(theirs)} frames, Weir {len(ours)} and {end}")
    for number, (their, our) in enumerate(zip(theirs, ours), 1):
        count["frames"] += 1
        compare_frame(their, our, count, lambda text, n=number: lines.append(f"{path} frame {n}: {text}"))
    return count, lines


def end_class(end):
    for what in ("link type", "pcapng"):
        if what in end:
            return f"refused {what}"
    return "refused otherwise"


def captures(folder):
    return sorted(os.path.join(directory, name) for directory, _, names in os.walk(folder) for name in names
                  if name.endswith((".pcap", ".pcapng")))


def work(arguments):
    return compare_file(*arguments)


def main():
    program, folder = sys.argv[1:]
    total, lines = collections.Counter(), []
    with multiprocessing.Pool(2) as pool:
        for count, differences in pool.imap(work, [(program, path) for path in captures(folder)], chunksize=8):
            total += count
            lines += differences
    print("# " + ", ".join(f"{n} {what}" for what, n in sorted(total.items())))
    for key, text in EXCEPTIONS.items():
        if total["exception " + key]:
            print(f"# {total['exception ' + key]} frames: {text}")
    for line in lines[:MAX_LINES]:
        print("# " + line)
    good = not lines and total["frames"] > 1000
    print(f"{'ok' if good else 'not ok'} 1 - {total['fields']} fields of {total['frames']} frames in "
          f"{total['files']} captures agree with tshark: {len(lines)} disagreements")
    print("1..1")


if __name__ == "__main__":
    main()
