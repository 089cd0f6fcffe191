#!/bin/sh
# SPDX-License-Identifier: MIT
#
# IPv6 addresses that are found, not given: radvd and the kernel as the router, a program on Weir that configures itself by its advertisements (RFC 4862) and
# fetches through it; duplicates noticed both ways; a neighbour whose MAC changes.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
ns_add router
ns_add weir
ns_add taken
ns_add silent
veth_add router wire0 weir weir0
veth_add router wire1 taken weir1
veth_add router wire2 silent weir2
for end in "weir weir0" "taken weir1" "silent weir2"; do
    in_ns "${end% *}" ip link set dev "${end#* }" addrgenmode none
    in_ns "${end% *}" ip -6 addr flush dev "${end#* }"
done
in_ns router sysctl -q -w net.ipv6.conf.all.forwarding=1
in_ns router ip addr add 2001:db8:7::1/64 dev wire0 nodad
in_ns router ip addr add 2001:db8:99::1/128 dev lo # behind the router
in_ns router mkdir "$work/www"
head -c 5000000 /dev/urandom >"$work/www/file"
digest=$(sha256sum <"$work/www/file")

cat >"$work/radvd.conf" <<CONF
interface wire0 {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 4;
    AdvLinkMTU 1400;
    prefix 2001:db8:7::/64 { AdvOnLink on; AdvAutonomous on; AdvValidLifetime 600; AdvPreferredLifetime 300; };
    RDNSS 2001:db8:7::53 {};
};
interface wire1 {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 4;
    prefix 2001:db8:8::/64 { AdvOnLink on; AdvAutonomous on; };
};
CONF
start_in_ns router "$work/radvd.log" radvd -n -m stderr -C "$work/radvd.conf" -p "$work/radvd.pid"
start_in_ns router "$work/http.log" /usr/bin/python3 -m http.server --bind :: -d "$work/www" 8080
wait_for 20 listens router 8080

auto() { # COMMAND...: on Weir, which configures itself
    in_ns weir timeout 60 "$WEIR" exec -l packet:weir0 --autoconf -- "$@"
}

# ---- where there is no address: both take their 15 s while the others run

# A station that answers every detection: each address that Weir tries is taken.
cat >"$work/taken.py" <<'PY'
import socket, struct, sys
def checksum(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
s.bind((sys.argv[1], 0))
mac = bytes.fromhex("020000007799")
nodes = socket.inet_pton(socket.AF_INET6, "ff02::1")
print("ready", flush=True)
while True:
    f = s.recv(2048)
    if f[20] != 58 or f[54] != 135 or f[22:38] != bytes(16) or f[62:64] != b"\x20\x01":
        continue
    target = f[62:78]
    m = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + target + b"\2\1" + mac
    c = checksum(target + nodes + struct.pack("!II", len(m), 58) + m)
    m = m[:2] + struct.pack("!H", c) + m[4:]
    s.send(bytes.fromhex("333300000001") + mac + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(m), 58, 255) + target + nodes + m)
PY
start_in_ns router "$work/taken.log" /usr/bin/python3 "$work/taken.py" wire1
wait_for 10 grep -q ready "$work/taken.log"
start_in_ns taken "$work/duplicate.log" "$WEIR" exec -l packet:weir1 --autoconf -- curl -g -m 5 -s 'http://[2001:db8:8::1]:8080/file'
start_in_ns silent "$work/silence.log" "$WEIR" exec -l packet:weir2 --autoconf -- curl -g -m 5 -s 'http://[2001:db8:9::1]:8080/file'

# ---- by radvd

check_equal "a program fetches from the router" "$digest" "$(auto curl -g -m 30 -s 'http://[2001:db8:7::1]:8080/file' | sha256sum)"
check_equal "and from behind it" "$digest" "$(auto curl -g -m 30 -s 'http://[2001:db8:99::1]:8080/file' | sha256sum)"
check_equal "WEIR_ADDRESS6=auto does the same" "$digest" \
    "$(in_ns weir env WEIR_LINK=packet:weir0 WEIR_ADDRESS6=auto LD_PRELOAD="$(dirname "$WEIR")/libweir-preload.so" \
        timeout 60 curl -g -m 30 -s 'http://[2001:db8:99::1]:8080/file' | sha256sum)"

cat >"$work/stay.py" <<'PY'
import socket, sys, time
s = socket.create_server(("::", 7), family=socket.AF_INET6)
c = socket.create_connection(("2001:db8:7::1", 8080))
print(c.getsockname()[0], flush=True)
while True:
    peer, _ = s.accept()
    peer.sendall(b"here")
    peer.close()
PY
start_in_ns weir "$work/stay.log" "$WEIR" exec -l packet:weir0 --autoconf -- /usr/bin/python3 "$work/stay.py"
stay=$started_pid
wait_for 20 grep -q 2001:db8:7: "$work/stay.log" || true
address=$(head -n 1 "$work/stay.log")
case $address in
2001:db8:7:*) ok "its address is one of the prefix that was advertised" ;;
*) not_ok "its address is one of the prefix that was advertised" "found: $address" ;;
esac
reaches() { in_ns router timeout 5 nc -w 2 "$address" 7 </dev/null | grep -q here; }
check "the kernel reaches it" reaches
check "and pings it with 1,352 bytes, what fits into the MTU that was advertised" in_ns router ping -6 -q -c 2 -i 0.2 -W 5 -s 1352 "$address"

# ---- the kernel's own detection finds our address

in_ns router ip addr add "$address/64" dev wire0
check "the kernel notices that Weir has an address" wait_for 10 sh -c "nsenter --net=/run/netns/weir-$$-router ip -6 addr show dev wire0 | grep -q 'dadfailed'"
in_ns router ip addr del "$address/64" dev wire0
check "and Weir goes on using it" reaches

# ---- another MAC

in_ns router ip link set wire0 down
in_ns router ip link set wire0 address 02:00:00:00:77:01
in_ns router ip link set wire0 up
in_ns router ip addr replace 2001:db8:7::1/64 dev wire0 nodad
check "the kernel is found again when its MAC has changed" wait_for 30 reaches
kill "$stay" || true

# ---- no address

check "a program whose addresses are all taken is told so" wait_for 20 \
    grep -q "autoconf: found no IPv6 address on packet:weir1 within 15 s: somebody else has the address" "$work/duplicate.log"
check "without a router it is told that" wait_for 20 grep -q "within 15 s: no router advertised itself" "$work/silence.log"

# ---- Weir is the router, and the kernel configures itself

ns_add host
ns_add wrouter
veth_add host eth0 wrouter eth1
in_ns wrouter ip link set dev eth1 addrgenmode none
in_ns wrouter ip -6 addr flush dev eth1
in_ns host sysctl -q -w net.ipv6.conf.eth0.accept_ra=1
build router_peer
start_in_ns wrouter "$work/router.log" "$work/router_peer" eth1
wrouter=$started_pid
host_ip() { in_ns host ip -6 "$@"; }
configured() { host_ip addr show dev eth0 scope global -tentative | grep -q 'inet6 2001:db8:9:'; }
check "Linux makes an address of Weir's prefix" wait_for 15 configured
check_equal "its default router is Weir, with its preference" "default via fe80::9 dev eth0 pref high" \
    "$(host_ip route show default | sed -n 's/proto ra //; s/metric [0-9]* //; s/expires [0-9a-z]* //; s/mtu [0-9]* //; s/hoplimit [0-9]* //; s/ *$//; p')"
check_equal "and its MTU the one that was advertised" 1420 "$(in_ns host sysctl -n net.ipv6.conf.eth0.mtu)"
check "it pings Weir's address in the prefix" in_ns host ping -6 -q -c 2 -i 0.2 -W 5 2001:db8:9::1
in_ns host ip addr add 2001:db8:9::1/64 dev eth0
check "its detection finds that Weir has an address" wait_for 10 sh -c "nsenter --net=/run/netns/weir-$$-host ip -6 addr show dev eth0 | grep -q dadfailed"
in_ns host ip addr del 2001:db8:9::1/64 dev eth0
stop "$wrouter" || true
no_default() { ! host_ip route show default | grep -q .; }
check "when Weir ends, Linux has no default router" wait_for 5 no_default
