#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `weir links`: interfaces as iproute2 and ethtool see them, in a network namespace with known ones, and the kinds of location.

load lib.bash

setup() { cd "$BATS_TEST_TMPDIR"; }

# After `run`: skips the test where there are no namespaces.
skip_without_network() { [ "$status" -ne 99 ] || skip "no network namespaces: the kernel lacks CONFIG_NET_NS or CONFIG_USER_NS, or forbids them"; }

@test "name, index, MTU, MAC and state are those that ip shows" {
    run in_network '
        ip link set weir0 mtu 1400
        ip link set peer0 down
        "$WEIR" links --json >links.json
        ip -json link >ip.json'
    skip_without_network
    [ "$status" -eq 0 ]
    python3 - <<'PY'
import json
found = {i["name"]: i for i in json.load(open("links.json"))["interfaces"]}
there = {i["ifname"]: i for i in json.load(open("ip.json"))}
assert set(found) == set(there), (set(found), set(there))
for name, i in found.items():
    t = there[name]
    assert i["index"] == t["ifindex"] and i["mtu"] == t["mtu"], (i, t)
    if t["link_type"] == "ether":
        assert i["mac"] == t["address"], (i, t)
    state = "down" if "UP" not in t["flags"] else "no carrier" if "LOWER_UP" not in t["flags"] else "up"
    assert i["state"] == state, (i, t)
assert found["weir0"]["mtu"] == 1400 and found["weir0"]["driver"] == "veth", found["weir0"]
assert found["weir0"]["location"] == "packet:weir0", found["weir0"]
assert found["peer0"]["location"] is None, found["peer0"]
assert found["lo"]["location"] == "packet:lo", found["lo"]
PY
}

@test "offloads are those that ethtool shows" {
    run in_network '
        ethtool -K weir0 tx off gro on >/dev/null
        "$WEIR" links --json >links.json
        ethtool -k weir0 >ethtool.txt'
    skip_without_network
    [ "$status" -eq 0 ]
    python3 - <<'PY'
import json
names = {"rx_checksum": "rx-checksumming", "tx_checksum": "tx-checksumming", "scatter": "scatter-gather",
         "tso": "tx-tcp-segmentation", "gso": "generic-segmentation-offload", "gro": "generic-receive-offload",
         "uso": "tx-udp-segmentation"}
there = dict(line.strip().split(": ", 1) for line in open("ethtool.txt") if ": " in line)
found = [i for i in json.load(open("links.json"))["interfaces"] if i["name"] == "weir0"][0]["offload"]
assert set(found) == set(names), found
for ours, theirs in names.items():
    assert found[ours] == there[theirs].startswith("on"), (ours, found, there[theirs])
assert not found["tx_checksum"] and found["gro"], found
PY
}

@test "how AF_XDP can open an interface is what the kernel says of its driver" {
    run in_network '
        ip link add bridge0 type bridge
        "$WEIR" links --json >links.json
        "$WEIR" links >links.txt'
    skip_without_network
    [ "$status" -eq 0 ]
    python3 - <<'PY'
import json, platform
new = tuple(int(part) for part in platform.release().split(".")[:2]) >= (6, 3)
found = {i["name"]: i["xdp"] for i in json.load(open("links.json"))["interfaces"]}
assert found["weir0"] == ("native, copied" if new else None), found
assert found["bridge0"] == ("generic, copied" if new else None), found
PY
    grep -Eq '^weir0 .* (native, copied|unknown) ' links.txt
}

@test "hundreds of interfaces are all listed" {
    run in_network '
        for i in $(seq 300); do echo "link add dummy$i type bridge"; done | ip -batch -
        "$WEIR" links'
    skip_without_network
    [ "$status" -eq 0 ]
    [ "$(grep -c '^dummy[0-9]* *bridge' <<<"$output")" -eq 300 ]
}

@test "every kind of location is told of, with what is in the way" {
    run -0 weir links
    grep -Eq '^mem:NAME +.* yes$' <<<"$output"
    grep -Eq '^dpdk:DEVICE +.* no: not in this version$' <<<"$output"
    run -0 weir_without_privilege links
    grep -Eq '^packet:IFNAME .* no: Operation not permitted; needs root or CAP_NET_RAW$' <<<"$output"
    grep -Eq '^xdp:IFNAME .* no: (Operation not permitted; needs root or CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF|not in this version)$' <<<"$output"
    run -0 weir_without_privilege links --json
    python3 -c 'import json, sys
kinds = {k["prefix"]: k for k in json.load(sys.stdin)["locations"]}
assert kinds["mem:"]["usable"] and not kinds["packet:"]["usable"], kinds
assert kinds["packet:"]["built_in"] and "CAP_NET_RAW" in kinds["packet:"]["needs"], kinds' <<<"$output"
}
