#!/bin/sh
# SPDX-License-Identifier: MIT
#
# weir ping --path-mtu through two routers of the kernel, IPv4 and IPv6: a link that takes less on the way, with what routers say, without it (nftables drops
# it); a path that is whole, and one on which nothing arrives. Before that an application that probes by itself over UDP (IP_PMTUDISC_PROBE), which sees the
# same on weir exec and on the kernel.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

for name in weir r1 r2 far; do ns_add $name; done
veth_add weir weir0 r1 near1
veth_add r1 far1 r2 near2
veth_add r2 far2 far far0
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0

addresses() { # NAMESPACE INTERFACE LINK HOST
    in_ns "$1" ip addr add "198.18.$3.$4/24" dev "$2"
    in_ns "$1" ip addr add "2001:db8:$3::$4/64" dev "$2" nodad
}
addresses r1 near1 0 1
addresses r1 far1 1 1
addresses r2 near2 1 2
addresses r2 far2 2 1
addresses far far0 2 2
route() { # NAMESPACE LINK GATEWAY-LINK GATEWAY-HOST
    in_ns "$1" ip route add "198.18.$2.0/24" via "198.18.$3.$4"
    in_ns "$1" ip route add "2001:db8:$2::/64" via "2001:db8:$3::$4"
}
route r1 2 1 2
route r2 0 1 1
route far 0 2 1
route far 1 2 1
for name in r1 r2 far; do
    in_ns $name sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done
for name in r1 r2 far; do
    # shellcheck disable=SC2016 # $0 is the inner shell's
    wait_for 10 sh -c '! ip netns exec "$0" ip -6 addr show tentative | grep -q inet6' "weir-$$-$name"
done

# Of the link between the routers, both ends: what is larger does not arrive, either way.
between() { # MTU
    in_ns r1 ip link set far1 mtu "$1"
    in_ns r2 ip link set near2 mtu "$1"
}
# Of the link to the far host.
behind() { # MTU
    in_ns r2 ip link set far2 mtu "$1"
    in_ns far ip link set far0 mtu "$1"
}
# r1 says nothing, or what it says is not heard.
silence() {
    in_ns r1 nft "add table inet quiet; add chain inet quiet out { type filter hook output priority 0; };
        add rule inet quiet out icmp type destination-unreachable counter drop; add rule inet quiet out icmpv6 type packet-too-big counter drop"
}
search4() { in_ns weir timeout 120 "$WEIR" ping packet:weir0 198.18.2.2 -a 198.18.0.2/24 -g 198.18.0.1 --path-mtu "$@"; }
search6() { in_ns weir timeout 120 "$WEIR" ping packet:weir0 2001:db8:2::2 -a 2001:db8:0::2/64 -g 2001:db8:0::1 --path-mtu "$@"; }
found() { # FILE EXPRESSION over r
    /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

# What is found, what bounds it and who said so, and how many probes were answered, refused by routers and lost (or how many probes at most).
cell() { # FAMILY NAME EXPECTED EXPRESSION
    check "IPv$1: $2: it is found" "search$1" --json "$work/$1.json"
    check_equal "IPv$1: $2" "$3" "$(found "$work/$1.json" "$4")"
    diag "$(found "$work/$1.json" '"%d probes, %d answered, %d too big, %d lost, %.1f s" % (r["probes"], r["answered"], r["too_big"], r["lost"], r["duration_s"])')"
}
counted='r["path_mtu"], r["bound"], r.get("router"), r["answered"], r["too_big"], r["lost"]'
bounded='r["path_mtu"], r["bound"], r.get("router"), r["too_big"], r["lost"] <= 30'

capture_start weir weir0 "$work/path.pcap"
cell 4 "all that the link takes" "(1500, 'link', None, 2, 0, 0)" "$counted"
cell 6 "all that the link takes" "(1500, 'link', None, 2, 0, 0)" "$counted"
between 1337
cell 4 "a router tells" "(1337, 'router', '198.18.0.1', 2, 2, 0)" "$counted"
cell 6 "a router tells" "(1337, 'router', '2001:db8::1', 2, 2, 0)" "$counted"
search4 >"$work/told.txt"
check "the text says who told it" grep -qx "path MTU to 198\.18\.2\.2: 1337 bytes, confirmed by echo, told by 198\.18\.0\.1" "$work/told.txt"
check "each probe has a line" grep -qx " 1500 bytes: too big for 198\.18\.0\.1, which takes 1337" "$work/told.txt"
behind 1290
cell 4 "two routers tell, one after the other" "(1290, 'router', '198.18.1.2', 2, 3, 0)" "$counted"
cell 6 "two routers tell, one after the other" "(1290, 'router', '2001:db8:1::2', 2, 3, 0)" "$counted"
behind 1500

# ---- an application that does it itself

ns_add kernel
veth_add kernel k0 r1 near5
addresses r1 near5 5 1
addresses kernel k0 5 2
in_ns kernel ip route add 198.18.2.0/24 via 198.18.5.1
in_ns kernel ip route add 2001:db8:2::/64 via 2001:db8:5::1
route far 5 2 1
route r2 5 1 1
cat >"$work/echo.py" <<'PY'
import select, socket
all = [socket.socket(f, socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6)]
all[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
for s, a in zip(all, ("0.0.0.0", "::")):
    s.bind((a, 7))
print("ready", flush=True)
while True:
    for s in select.select(all, [], [])[0]:
        data, sender = s.recvfrom(65536)
        s.sendto(data[:8], sender)
PY
cat >"$work/probe.py" <<'PY'
import errno, socket, struct
DO, PROBE = 2, 3
for address, level, discover, mtu, recverr, headers in (("198.18.2.2", 0, 10, 14, 11, 28), ("2001:db8:2::2", 41, 23, 24, 25, 48)):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((address, 7))
    s.settimeout(5)
    s.setsockopt(level, recverr, 1)
    def send(size):
        try:
            return s.send(struct.pack("!Q", size) + bytes(size - headers - 8)) + headers
        except OSError as e:
            s.recvmsg(2000, 512, socket.MSG_ERRQUEUE)  # says the same
            return errno.errorcode[e.errno]
    def answered():
        return struct.unpack("!Q", s.recv(100))[0]
    def told():
        try:
            return s.recv(100)
        except OSError as e:  # then the error queue has it
            data, control, flags, sender = s.recvmsg(2000, 512, socket.MSG_ERRQUEUE)
            return errno.errorcode[e.errno], struct.unpack("IBBBBI", control[0][2][:12])[5], struct.unpack("!Q", data[:8])[0]
    s.setsockopt(level, discover, PROBE)
    print(address, "link", s.getsockopt(level, mtu), send(1501))
    print("base", send(1280), answered())
    print("too big", send(1500), told())
    print("again", send(1500), told())
    print("confirmed", send(1337), answered())
    s.setsockopt(level, discover, DO)
    print("not as a probe", s.getsockopt(level, mtu), send(1338), send(1337), answered())
PY
start_in_ns far "$work/echo.log" /usr/bin/python3 "$work/echo.py"
wait_for 10 grep -q ready "$work/echo.log"
between 1337
in_ns kernel timeout 60 /usr/bin/python3 "$work/probe.py" >"$work/probe.kernel" 2>&1 || true
in_ns weir timeout 60 "$WEIR" exec -l packet:weir0 -a 198.18.0.2/24 -g 198.18.0.1 -6 2001:db8:0::2/64 --gateway6 2001:db8:0::1 -- \
    /usr/bin/python3 "$work/probe.py" >"$work/probe.weir" 2>&1 || true
check_equal "an application that probes sees the same as on the kernel, in both families" "$(cat "$work/probe.kernel")" "$(cat "$work/probe.weir")"
check_equal "and confirms what the path takes" 2 "$(grep -c '^confirmed 1337 1337$' "$work/probe.weir")"

silence
between 1420
cell 4 "a black hole, of a well-known size" "(1420, 'black_hole', None, 0, True)" "$bounded"
cell 6 "a black hole, of a well-known size" "(1420, 'black_hole', None, 0, True)" "$bounded"
between 1387
cell 4 "a black hole, of any size" "(1387, 'black_hole', None, 0, True)" "$bounded"
cell 6 "a black hole, of any size" "(1387, 'black_hole', None, 0, True)" "$bounded"
search4 -q >"$work/hole.txt"
check "the text says so" grep -q "^path MTU to 198\.18\.2\.2: 1387 bytes, confirmed by echo; longer ones are lost in a black hole" "$work/hole.txt"
check "messages were lost" sh -c "ip netns exec weir-$$-r1 nft list table inet quiet | grep -Eq 'icmp .*packets [1-9]'"
in_ns r1 nft delete table inet quiet
between 1500

between 700 # IPv6 is off there from here on: the kernel has none below 1280
cell 4 "less than 1200, told" "(700, 'router', '198.18.0.1', 1, 2, 0)" "$counted"
between 1500

in_ns r1 nft 'add table inet none; add chain inet none f { type filter hook forward priority 0; policy drop; }'
search4 --json "$work/none.json" >/dev/null || none=$?
check_equal "nothing arrives: exit code 1" "1: (0, 'nothing', 6)" "${none:-0}: $(found "$work/none.json" 'r["path_mtu"], r["bound"], r["lost"]')"
in_ns r1 nft delete table inet none
capture_stop
check_equal "every request has DF, none is in fragments" 0 "$(frames "$work/path.pcap" "(icmp.type == 8 && !(icmp.type == 3) && (ip.flags.df == 0 || ip.flags.mf == 1)) || (icmpv6.type == 128 && ipv6.fraghdr)")"
check_equal "nothing malformed on the wire" 0 "$(frames "$work/path.pcap" "$bad_frames_filter")"
