#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Tunnels. VXLAN with the kernel's vxlan device: `weir ping`, `weir router` (pings and curl both ways) and `weir run` over it, over IPv4 and IPv6, with
# and without the offloads of veth, with which the kernel gives VXLAN in frames of up to 64 KB, and over a TAP device; a VNI that the kernel does not
# have. GRE, IP in IP, 6in4 and GRE with Ethernet between two Weir processes, what is
# on the wire decoded by tshark: this kernel has no drivers for them (gre, ipip, sit and ip6tnl are said to be unknown), which is shown first.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"
as_data="-d tcp.port==1024-65535,data" # tshark looks into VXLAN

under_kernel4=198.18.0.1 under_weir4=198.18.0.10
under_kernel6=2001:db8::1 under_weir6=2001:db8::a

ns_add kernel
ns_add weir
ns_add inside
veth_add kernel e0 weir e0
veth_add weir e1 inside eth0
in_ns kernel ip link set e0 addrgenmode none
in_ns kernel ip addr add "$under_kernel4/24" dev e0
in_ns kernel ip -6 addr add "$under_kernel6/64" dev e0 nodad
in_ns inside ip addr add 198.18.2.2/24 dev eth0
in_ns inside ip route add 198.18.0.0/15 via 198.18.2.1

vxlan_add() { # DEVICE VNI LOCAL REMOTE MTU ADDRESS/LEN [OPTION]
    in_ns kernel ip link add "$1" type vxlan id "$2" local "$3" remote "$4" dstport 4789 "${7:-udpcsum}"
    in_ns kernel ip link set "$1" mtu "$5" up
    in_ns kernel ip addr add "$6" dev "$1"
    in_ns kernel ip route replace 198.18.2.0/24 via "${6%.*}.2" dev "$1"
}
vxlan_add vx4 42 "$under_kernel4" "$under_weir4" 1450 198.18.42.1/24
vxlan_add vx6 43 "$under_kernel6" "$under_weir6" 1430 198.18.43.1/24

over4="local=$under_weir4/24,remote=$under_kernel4,over=packet:e0"
over6="local=$under_weir6/64,remote=$under_kernel6,over=packet:e0"

# ---- weir ping

pings() { # LOCATION DESTINATION OWN BYTES: every request is answered, with its bytes
    in_ns weir "$WEIR" ping "$1" "$2" -a "$3/24" -c 5 -i 10ms -s "$4"
}
none_answer() { # LOCATION DESTINATION OWN
    ! in_ns weir "$WEIR" ping "$1" "$2" -a "$3/24" -c 2 -i 10ms -W 200ms
}
for bytes in 0 56 1422 1500 60000; do
    check "weir ping of $bytes bytes over VXLAN over IPv4" pings "tunnel:vxlan,vni=42,$over4" 198.18.42.1 198.18.42.2 "$bytes"
    check "weir ping of $bytes bytes over VXLAN over IPv6" pings "tunnel:vxlan,vni=43,$over6" 198.18.43.1 198.18.43.2 "$bytes"
done
check "nobody answers on another VNI" none_answer "tunnel:vxlan,vni=41,$over4" 198.18.42.1 198.18.42.2

# ---- weir router between the kernel's VXLAN and a client

dd if=/dev/urandom of="$work/file" bs=1M count=10 2>/dev/null
file_sum=$(sha256sum <"$work/file")
for place in kernel inside; do
    start_in_ns $place "$work/http-$place.log" /usr/bin/python3 -m http.server --directory "$work" 8000
    wait_for 20 listens $place 8000 || not_ok "the server listens" "$(cat "$work/http-$place.log")"
done

router_start() { # NAME TUNNEL NETWORK
    cat >"$work/router.yaml" <<YAML
ports:
  - {name: vxlan, location: "tunnel:$2"}
  - {name: inside, location: "packet:e1"}
router:
  addresses:
    - {port: vxlan, address: $3.2/24}
    - {port: inside, address: 198.18.2.1/24}
YAML
    start_in_ns weir "$work/router.log" "$WEIR" router "$work/router.yaml" --json "$work/counts.json"
    router_pid=$started_pid
    wait_for 20 grep -q "routing between" "$work/router.log" || not_ok "weir router begins" "$(cat "$work/router.log")"
}
counted() { # NAME: of the router's tunnel
    /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["tunnels"][0][sys.argv[2]])' "$work/counts.json" "$1"
}
dropped() { # NAME: at the router's tunnel and the link below it
    /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["ports"][0]["drops"].get(sys.argv[2], 0))' "$work/counts.json" "$1"
}
kernel_pings() { in_ns kernel ping -q -c 5 -i 0.01 -W 2 -s "$2" "$1"; }
fetch() { in_ns "$1" curl -sS --max-time 60 "$2" | sha256sum; }

through_router() { # WHAT TUNNEL NETWORK
    router_start "$1" "$2" "$3"
    for bytes in 56 60000; do
        check "$1: the kernel pings Weir with $bytes bytes" kernel_pings "$3.2" "$bytes"
        check "$1: the kernel pings what is behind Weir with $bytes bytes" kernel_pings 198.18.2.2 "$bytes"
    done
    check_equal "$1: 10 MB from the kernel's end" "$file_sum" "$(fetch inside "http://$3.1:8000/file")"
    check_equal "$1: 10 MB to the kernel's end" "$file_sum" "$(fetch kernel "http://198.18.2.2:8000/file")"
    stop "$router_pid" || true
    check_equal "$1: nothing came with another VNI" 0 "$(counted tunnel_unknown_vni)"
    check_equal "$1: nothing was malformed" "0 0 0 0 0" \
        "$(counted tunnel_short) $(counted tunnel_bad_header) $(counted tunnel_bad_inner) $(dropped rx_malformed) $(dropped rx_too_long)"
}
in_ns kernel ip route replace 198.18.2.0/24 via 198.18.42.2 dev vx4
through_router "over IPv4" "vxlan,vni=42,$over4" 198.18.42
in_ns kernel ip route replace 198.18.2.0/24 via 198.18.43.2 dev vx6
through_router "over IPv6" "vxlan,vni=43,$over6" 198.18.43
for end in "kernel e0" "weir e0" "weir e1" "inside eth0"; do
    in_ns "${end% *}" ethtool -K "${end#* }" tx on tso on gso on gro on >/dev/null
done
# VXLAN in frames of up to 64 KB, whose inner checksum is not filled in: the kernel leaves cutting them to the veth, and so to Weir.
sent_again() { in_ns kernel awk '/^Tcp:/ && $13 ~ /[0-9]/ {print $13}' /proc/net/snmp; } # segments of TCP
whole() { # NAME DEVICE TUNNEL NETWORK
    in_ns kernel ip route replace 198.18.2.0/24 via "$4.2" dev "$2"
    rm -f "$work/whole.pcapng" "$work/whole.pcapng.log"
    capture_start kernel e0 "$work/whole.pcapng"
    before=$(sent_again)
    through_router "$1" "$3" "$4"
    again=$(($(sent_again) - before))
    capture_stop
    diag "$1: the kernel sent $again segments again"
    found=$(frames "$work/whole.pcapng" 'vxlan && frame.len > 10000')
    if [ "$found" -ge 10 ]; then ok "$1: frames of VXLAN longer than 10000 bytes"; else not_ok "$1: frames of VXLAN longer than 10000 bytes" "$found frames"; fi
}
whole "with offloads over IPv4" vx4 "vxlan,vni=42,$over4" 198.18.42
whole "with offloads over IPv6" vx6 "vxlan,vni=43,$over6" 198.18.43
in_ns kernel ip link del vx4
vxlan_add vx4 42 "$under_kernel4" "$under_weir4" 1450 198.18.42.1/24 noudpcsum
whole "with offloads, without the outer checksum" vx4 "vxlan,vni=42,$over4" 198.18.42
for end in "kernel e0" "weir e0" "weir e1" "inside eth0"; do
    in_ns "${end% *}" ethtool -K "${end#* }" tx off tso off gso off gro off >/dev/null
done

# A frame with a VNI that Weir does not have.
router_start "unknown" "vxlan,vni=41,$over4" 198.18.42
in_ns kernel ping -q -c 3 -i 0.01 -W 1 198.18.42.2 >/dev/null 2>&1 || true
stop "$router_pid" || true
if [ "$(counted tunnel_unknown_vni)" -gt 0 ]; then ok "frames of an unknown VNI are counted"; else not_ok "frames of an unknown VNI are counted"; fi

# ---- weir run

cat >"$work/run.yaml" <<YAML
ports:
  - {name: vxlan, location: "tunnel:vxlan,vni=42,$over4"}
devices:
  - {name: clients, port: vxlan, count: 20, ipv4: {address: 198.18.42.100/24}}
loads:
  - name: web
    client: clients
    server: {address: 198.18.42.1, port: 8000}
    http: {urls: [{path: /file, length: 10MiB}]}
    schedule: [{concurrent: 3, hold: 2s}]
    pass: {min_completed_transactions: 3}
YAML
check "weir run: clients over VXLAN fetch 10 MB each from the kernel's server" \
    in_ns weir "$WEIR" run "$work/run.yaml"

vxlan_add vxa 4095 "$under_kernel4" "$under_weir4" 1450 198.18.46.1/24
vxlan_add vxb 4138 "$under_kernel4" "$under_weir4" 1450 198.18.47.1/24
cat >"$work/trunk.yaml" <<YAML
ports:
  - {name: trunk, location: "tunnel:vxlan,vnis=4095-4138,$over4"}
devices:
  - {name: a, port: trunk, vni: 4095, count: 5, ipv4: {address: 198.18.46.100/24}}
  - {name: b, port: trunk, vni: 4138, count: 5, ipv4: {address: 198.18.47.100/24}}
loads:
  - name: to_a
    client: a
    server: {address: 198.18.46.1, port: 8000}
    http: {urls: [{path: /file, length: 10MiB}]}
    schedule: [{concurrent: 1, hold: 2s}]
    pass: {min_completed_transactions: 1}
  - name: to_b
    client: b
    server: {address: 198.18.47.1, port: 8000}
    http: {urls: [{path: /file, length: 10MiB}]}
    schedule: [{concurrent: 1, hold: 2s}]
    pass: {min_completed_transactions: 1}
YAML
check "weir run: clients in two networks of a trunk fetch 10 MB each from the kernel's server" \
    in_ns weir "$WEIR" run "$work/trunk.yaml"

# ---- over a TAP device: the kernel cuts, and leaves the inner checksums to us

if [ -c /dev/net/tun ]; then
    in_ns kernel ip tuntap add t0 mode tap
    in_ns kernel ip link set t0 addrgenmode none
    in_ns kernel ip link set t0 up
    in_ns kernel ip addr add 198.18.9.1/24 dev t0
    vxlan_add vxt 44 198.18.9.1 198.18.9.10 1450 198.18.44.1/24
    sed 's/vni=42,.*"/vni=44,local=198.18.9.10\/24,remote=198.18.9.1,over=tap:t0"/; s/198.18.42/198.18.44/' "$work/run.yaml" >"$work/tap.yaml"
    check "weir run: clients over VXLAN over a TAP device fetch 10 MB each from the kernel's server" \
        in_ns kernel "$WEIR" run "$work/tap.yaml"
else
    skip "weir run: clients over VXLAN over a TAP device" "no /dev/net/tun (CONFIG_TUN)"
fi

# ---- between two Weir processes, seen by tshark

for kind in gre ipip sit ip6tnl; do
    if in_ns kernel ip link add t0 type $kind local "$under_kernel4" remote "$under_weir4" >/dev/null 2>&1; then
        diag "this kernel has $kind: its driver is not asked here"
        in_ns kernel ip link del t0
    else
        diag "this kernel has no $kind"
    fi
done

ns_add one
ns_add two
veth_add one e0 two e0
in_ns one ip link set e0 addrgenmode none
in_ns two ip link set e0 addrgenmode none

between() { # WHAT TUNNEL FAMILY FILTER INNER1 INNER2 LENGTH
    if [ "$3" = 4 ]; then one=198.18.7.1 two=198.18.7.2 length=24; else one=2001:db8:7::1 two=2001:db8:7::2 length=64; fi
    cat >"$work/two.yaml" <<YAML
ports:
  - {name: tunnel, location: "tunnel:$2,local=$two/$length,remote=$one,over=packet:e0"}
router:
  addresses:
    - {port: tunnel, address: "$6/$7"}
YAML
    start_in_ns two "$work/two.log" "$WEIR" router "$work/two.yaml" --json "$work/counts.json"
    router_pid=$started_pid
    wait_for 20 grep -q "routing between" "$work/two.log" || not_ok "weir router begins" "$(cat "$work/two.log")"
    rm -f "$work/wire.pcapng" "$work/wire.pcapng.log"
    capture_start one e0 "$work/wire.pcapng"
    for bytes in 56 60000; do
        check "$1: a ping of $bytes bytes" in_ns one "$WEIR" ping "tunnel:$2,local=$one/$length,remote=$two,over=packet:e0" "$6" \
            -a "$5/$7" -c 3 -i 10ms -s "$bytes"
    done
    capture_stop
    stop "$router_pid" || true
    found=$(frames "$work/wire.pcapng" "$4")
    if [ "$found" -ge 12 ]; then ok "$1: tshark sees $4"; else not_ok "$1: tshark sees $4" "$found frames"; fi
    check_equal "$1: tshark finds no frame bad" 0 "$(frames "$work/wire.pcapng" "$bad_frames_filter")"
}
between "GRE" "gre" 4 "gre.proto == 0x0800 && ip.proto == 47" 198.18.8.1 198.18.8.2 24
between "GRE with key, checksum and sequence numbers" "gre,key=77,checksum,sequence" 4 "gre.key == 77 && gre.checksum.status == 1 && gre.sequence_number >= 0" \
    198.18.8.1 198.18.8.2 24
between "GRE of IPv6 over IPv6" "gre,key=0" 6 "gre.proto == 0x86dd && ipv6.nxt == 47" 2001:db8:8::1 2001:db8:8::2 64
between "GRE with Ethernet" "gretap" 4 "gre.proto == 0x6558" 198.18.8.1 198.18.8.2 24
between "IP in IP" "ipip" 4 "ip.proto == 4" 198.18.8.1 198.18.8.2 24
between "6in4" "ipip" 4 "ip.proto == 41 && ipv6" 2001:db8:8::1 2001:db8:8::2 64
between "4in6" "ipip" 6 "ipv6.nxt == 4 && ip" 198.18.8.1 198.18.8.2 24
between "6in6" "ipip" 6 "ipv6.nxt == 41" 2001:db8:8::1 2001:db8:8::2 64
between "VXLAN over IPv6, without checksums" "vxlan,vni=9,zero-checksum6" 6 "vxlan.vni == 9 && udp.checksum == 0" 198.18.8.1 198.18.8.2 24
