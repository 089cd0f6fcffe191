#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir router` between a Linux client and a Linux server: client -- Weir -- kernel router -- server, by veth and by TAP, in IPv4 and IPv6. Pings, 100 MB by
# TCP both ways, datagrams of 60 KB, traceroute, a smaller MTU at the next port and one further on that is lowered in the middle of a transfer, a next hop
# that does not answer. Then Weir as a stateful filter too.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

client4=198.18.1.2 server4=198.18.3.2
client6=2001:db8:1::2 server6=2001:db8:3::2

# Linux as the second router, and the server behind it.
ns_add client
ns_add weir
ns_add middle
ns_add server
veth_add middle up0 server eth0
in_ns middle sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
in_ns middle ip address add 198.18.3.1/24 dev up0
in_ns middle ip -6 address add 2001:db8:3::1/64 dev up0 nodad
in_ns server ip address add "$server4/24" dev eth0
in_ns server ip -6 address add "$server6/64" dev eth0 nodad
in_ns server ip route add default via 198.18.3.1
in_ns server ip -6 route add default via 2001:db8:3::1
dd if=/dev/urandom of="$work/file" bs=1M count=100 2>/dev/null
file_sum=$(sha256sum <"$work/file")
start_in_ns server "$work/http.log" /usr/bin/python3 -m http.server --directory "$work" --bind :: 8000
server_http=$started_pid
wait_for 20 listens server 8000 || not_ok "the server listens" "$(cat "$work/http.log")"

end_address() { # NAMESPACE INTERFACE IPV4/LEN IPV6/LEN GATEWAY4 GATEWAY6
    in_ns "$1" ip address add "$3" dev "$2"
    in_ns "$1" ip -6 address add "$4" dev "$2" nodad
    in_ns "$1" ip link set "$2" up
    in_ns "$1" ip route add 198.18.0.0/16 via "$5"
    in_ns "$1" ip -6 route add 2001:db8::/32 via "$6"
}

config() { # LOCATION1 LOCATION2 OPTIONS
    cat >"$work/router.yaml" <<YAML
ports:
  - {name: inside, location: "$1", $3}
  - {name: outside, location: "$2", $3}
router:
  addresses:
    - {port: inside, address: 198.18.1.1/24}
    - {port: inside, address: "2001:db8:1::1/64"}
    - {port: outside, address: 198.18.2.1/24}
    - {port: outside, address: "2001:db8:2::1/64"}
  routes:
    - {prefix: 198.18.3.0/24, gateway: 198.18.2.2}
    - {prefix: "2001:db8:3::/64", gateway: "2001:db8:2::2"}
YAML
}

router_start() { # OPTION...
    start_in_ns weir "$work/router.log" "$WEIR" router "$work/router.yaml" --json "$work/counts.json" "$@"
    router_pid=$started_pid
    wait_for 20 grep -q "routing between" "$work/router.log" || not_ok "weir router begins" "$(cat "$work/router.log")"
}

count() { # NAME: of the router that was stopped
    /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["stack"][sys.argv[2]])' "$work/counts.json" "$1"
}

fetch() { # URL: the sum of what comes
    in_ns client curl -gsS --max-time 60 "$1" | sha256sum
}

echo_udp() { # ADDRESS BYTES
    in_ns server /usr/bin/python3 - "$1" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7))
s.settimeout(20)
data, sender = s.recvfrom(65536)
s.sendto(data, sender)
PY
    udp_pid=$!
    wait_for 10 sh -c "nsenter --net=/run/netns/weir-$$-server ss -Hlun 'sport = :7' | grep -q ." || true
    in_ns client /usr/bin/python3 - "$1" "$2" <<'PY'
import os, socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
sent = os.urandom(int(sys.argv[2]))
s.sendto(sent, (sys.argv[1], 7))
print("same" if s.recvfrom(65536)[0] == sent else "other")
PY
    wait "$udp_pid" || true
}

# Fetches slowly enough that the MTU between the kernel router and the server falls while it runs; prints sum and the longest time without a byte.
fetch_while_lowering() { # URL
    in_ns client curl -gsS --max-time 60 --limit-rate 60M "$1" -o "$work/got" &
    fetch_pid=$!
    sleep 0.5
    in_ns middle ip link set up0 mtu 1300
    in_ns server ip link set eth0 mtu 1300
    fetch_status=0
    wait "$fetch_pid" || fetch_status=$?
    echo "$fetch_status $(sha256sum <"$work/got")"
    in_ns middle ip link set up0 mtu 1500
    in_ns server ip link set eth0 mtu 1500
}

# And the other way: the client puts, the small link is behind Weir, the kernel router's "too big" comes back through Weir.
put_while_lowering() { # ADDRESS
    in_ns server /usr/bin/python3 - "$1" <<'PY' >"$work/put.log" &
import hashlib, socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 9))
s.listen()
c, _ = s.accept()
c.settimeout(20)
h = hashlib.sha256()
while data := c.recv(1 << 16):
    h.update(data)
print(h.hexdigest() + "  -")
PY
    put_pid=$!
    wait_for 10 listens server 9
    in_ns client /usr/bin/python3 - "$1" "$work/file" <<'PY' &
import socket, sys, time
c = socket.create_connection((sys.argv[1], 9), timeout=20)
with open(sys.argv[2], "rb") as f:
    while data := f.read(1 << 20):
        c.sendall(data)
        time.sleep(0.01)
PY
    client_pid=$!
    sleep 0.5
    in_ns middle ip link set up0 mtu 1280
    wait "$client_pid" || true
    wait "$put_pid" || true
    in_ns middle ip link set up0 mtu 1500
    in_ns client ip route flush cache
    in_ns client ip -6 route flush cache
    cat "$work/put.log"
}

cells() { # PATH
    for family in 4 6; do
        server=$server4 url=http://$server4:8000/file via="198.18.1.1 198.18.2.2 $server4" own=198.18.2.1
        [ "$family" = 4 ] || { server=$server6 url="http://[$server6]:8000/file" via="2001:db8:1::1 2001:db8:2::2 $server6" own=2001:db8:2::1; }
        check "$1: IPv$family: pings of 56 bytes" in_ns client ping -"$family" -n -c 3 -i 0.2 -W 2 "$server"
        check "$1: IPv$family: pings of 60000 bytes" in_ns client ping -"$family" -n -c 3 -i 0.2 -W 2 -s 60000 "$server"
        check "$1: IPv$family: pings of our address on the far side" in_ns client ping -"$family" -n -c 2 -i 0.2 -W 2 "$own"
        check_equal "$1: IPv$family: traceroute goes through us" "$via" \
            "$(in_ns client traceroute -"$family" -n -q 1 -w 2 "$server" | sed 1d | awk '{ print $2 }' | xargs)"
        check_equal "$1: IPv$family: traceroute by ICMP too" "$via" \
            "$(in_ns client traceroute -"$family" -I -n -q 1 -w 2 "$server" | sed 1d | awk '{ print $2 }' | xargs)"
        check_equal "$1: IPv$family: 100 MB by TCP" "$file_sum" "$(fetch "$url")"
        check_equal "$1: IPv$family: a datagram of 60000 bytes and back" same "$(echo_udp "$server" 60000)"
        [ "$1" = veth ] || continue
        check_equal "$1: IPv$family: a transfer while the MTU of the server's link falls" "0 $file_sum" "$(fetch_while_lowering "$url")"
        check_equal "$1: IPv$family: one the other way, told by a router behind us" "$file_sum" "$(put_while_lowering "$server")"
    done
}

# What left for the far end while nobody answers there.
unreachable_cells() { # PATH
    found=$(in_ns client ping -4 -n -c 2 -W 5 198.18.2.77 2>&1 | grep -c "From 198.18.1.1 .*Destination Host Unreachable" || true)
    check_equal "$1: a silent IPv4 host behind us is reported" yes "$([ "$found" -gt 0 ] && echo yes || echo "$found")"
    found=$(in_ns client ping -6 -n -c 2 -W 5 2001:db8:2::77 2>&1 | grep -c "From 2001:db8:1::1 .*Address unreachable" || true)
    check_equal "$1: a silent IPv6 host behind us is reported" yes "$([ "$found" -gt 0 ] && echo yes || echo "$found")"
}

conclude() { # PATH
    router_status=0
    stop "$router_pid" || router_status=$?
    check_equal "$1: weir router ends well" 0 "$router_status"
    check_equal "$1: nothing dropped for want of room or for headers" "0 0 0" "$(count ip_bad_checksum) $(count ip_bad_options) $(count ip_short)"
    diag "$(count ipv4_forwarded) and $(count ipv6_forwarded) frames of IPv4 and IPv6 forwarded, $(count forward_bytes_copied) bytes copied"
}

# ---- two veth links

veth_add client eth0 weir in0
veth_add weir out0 middle down0
end_address client eth0 "$client4/24" "$client6/64" 198.18.1.1 2001:db8:1::1
end_address middle down0 198.18.2.2/24 2001:db8:2::2/64 198.18.2.1 2001:db8:2::1
config packet:in0 packet:out0 "mtu: 1500"
router_start
cells veth
unreachable_cells veth
conclude veth

# A port of ours with a smaller MTU: we say so ourselves.
router_start --set ports[1].mtu=1400
for family in 4 6; do
    server=$server4 url=http://$server4:8000/file
    [ "$family" = 4 ] || { server=$server6 url="http://[$server6]:8000/file"; }
    check_equal "IPv$family: the client is told the MTU" "mtu=1400" \
        "$(in_ns client ping -"$family" -n -c 1 -W 2 -M do -s 1440 "$server" 2>&1 | tr -d " " | grep -o "mtu=1400" | head -n 1)"
    check_equal "IPv$family: 100 MB to a client whose acknowledgements fit" "$file_sum" "$(fetch "$url")"
    check_equal "IPv$family: a datagram of 60000 bytes over the smaller MTU" same "$(echo_udp "$server" 60000)"
done
conclude "smaller MTU"
check_equal "the client was told" yes "$([ "$(count forward_too_big)" -gt 0 ] && echo yes)"

# ---- as a filter: connections begin at the client, or at the server's one allowed port

cat >>"$work/router.yaml" <<'YAML'
  filter:
    policy: {forward: reject}
    rules:
      - {name: known, directions: [forward], states: [established, related], verdict: accept}
      - {name: outwards, directions: [forward], port: inside, states: [new], verdict: accept}
      - {name: inwards, directions: [forward], port: outside, protocol: tcp, destination_ports: [4000, 4001], states: [new], verdict: accept}
YAML
router_start
connects() { # ADDRESS PORT: what a connection from the server to the client comes to
    in_ns server /usr/bin/python3 - "$1" "$2" <<'PY'
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
    print("connected")
except OSError as e:
    print(type(e).__name__)
PY
}
for family in 4 6; do
    server=$server4 client=$client4 url=http://$server4:8000/file
    [ "$family" = 4 ] || { server=$server6 client=$client6 url="http://[$server6]:8000/file"; }
    start_in_ns client "$work/listen.log" /usr/bin/python3 -m http.server --bind "$client" 4000
    allowed_pid=$started_pid
    start_in_ns client "$work/listen2.log" /usr/bin/python3 -m http.server --bind "$client" 4002
    forbidden_pid=$started_pid
    wait_for 10 listens client 4000 && wait_for 10 listens client 4002
    check "filter: IPv$family: pings outwards and their answers" in_ns client ping -"$family" -n -c 2 -i 0.2 -W 2 "$server"
    check "filter: IPv$family: no ping inwards" sh -c "! nsenter --net=/run/netns/weir-$$-server ping -$family -n -c 2 -i 0.2 -W 1 $client"
    check_equal "filter: IPv$family: 100 MB by TCP" "$file_sum" "$(fetch "$url")"
    check_equal "filter: IPv$family: a datagram of 60000 bytes and back" same "$(echo_udp "$server" 60000)"
    check_equal "filter: IPv$family: traceroute, whose answers are related" 3 \
        "$(in_ns client traceroute -"$family" -n -q 1 -w 2 "$server" | sed 1d | awk '$2 != "*"' | wc -l)"
    check_equal "filter: IPv$family: inwards to the allowed port" connected "$(connects "$client" 4000)"
    check_equal "filter: IPv$family: inwards to another one" ConnectionRefusedError "$(connects "$client" 4002)"
    stop "$allowed_pid" || true
    stop "$forbidden_pid" || true
done
conclude filter
check_equal "filter: its rules counted" True \
    "$(/usr/bin/python3 -c 'import json, sys; f = json.load(open(sys.argv[1]))["filter"]; print(all(r["packets"] > 0 for r in f["rules"]) and f["policy"][2]["packets"] > 0)' "$work/counts.json")"

# ---- two TAP links: their kernels' sides are moved to the client and the middle

in_ns client ip link delete eth0
in_ns weir ip link delete out0
config tap:in1 tap:out1 "mtu: 1500"
router_start
for move in "in1 client" "out1 middle"; do
    in_ns weir ip link set "${move% *}" netns "weir-$$-${move#* }"
done
end_address client in1 "$client4/24" "$client6/64" 198.18.1.1 2001:db8:1::1
end_address middle out1 198.18.2.2/24 2001:db8:2::2/64 198.18.2.1 2001:db8:2::1
cells tap
conclude tap
stop "$server_http" || true
