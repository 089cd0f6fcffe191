#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Commands at the end of a tunnel. Programs under `weir exec` and `weir services` through VXLAN to the kernel's vxlan device, with frames of up to 64 KB on
# the veth below and in another network namespace; `weir nc` both ways over GRE, `weir services` over IP in IP and DHCP over VXLAN between two Weir
# processes; LLDP over VXLAN, heard on the kernel's device; and what is said where a tunnel has no place.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

ns_add kernel
ns_add weir
veth_add kernel e0 weir e0
in_ns kernel ip link set e0 addrgenmode none
in_ns kernel ip addr add 198.18.0.1/24 dev e0
in_ns kernel ip link add vx type vxlan id 42 local 198.18.0.1 remote 198.18.0.10 dstport 4789
in_ns kernel ip link set vx addrgenmode none
in_ns kernel ip link set vx mtu 1450 up
in_ns kernel ip addr add 198.18.42.1/24 dev vx
for end in kernel weir; do
    in_ns $end ethtool -K e0 tx on tso on gso on gro on >/dev/null
done
vxlan="tunnel:vxlan,vni=42,local=198.18.0.10/24,remote=198.18.0.1,over=packet:e0"

dd if=/dev/urandom of="$work/file" bs=1M count=10 2>/dev/null
sum=$(sha256sum <"$work/file")

# ---- weir exec

start_in_ns kernel "$work/http.log" /usr/bin/python3 -m http.server --directory "$work" 8000
wait_for 20 listens kernel 8000 || not_ok "the kernel's server listens" "$(cat "$work/http.log")"
on_weir() { in_ns weir timeout 60 "$WEIR" exec -l "$vxlan" -a 198.18.42.2/24 -- "$@"; }
check_equal "curl under weir exec gets 10 MB through VXLAN from the kernel" "$sum" \
    "$(on_weir curl -sS --max-time 50 http://198.18.42.1:8000/file | sha256sum)"

start_in_ns weir "$work/served.log" "$WEIR" exec -l "$vxlan" -a 198.18.42.2/24 -- \
    /usr/bin/python3 -m http.server --directory "$work" 8001
server=$started_pid
reached() { in_ns kernel curl -sS --max-time 2 -o "$work/listing" http://198.18.42.2:8001/; }
wait_for 20 reached || not_ok "a server under weir exec is reached" "$(cat "$work/served.log")"
check_equal "curl of the kernel gets 10 MB through VXLAN from a server under weir exec" "$sum" \
    "$(in_ns kernel curl -sS --max-time 50 http://198.18.42.2:8001/file | sha256sum)"
stop "$server" || true

cat >"$work/host.yaml" <<YAML
ports: [{name: overlay, location: "$vxlan", netns: /run/netns/weir-$$-weir}]
devices: [{name: host, port: overlay, ipv4: {address: 198.18.42.2/24}}]
YAML
check_equal "the same by a configuration whose port has its interface in another network namespace" "$sum" \
    "$(timeout 60 "$WEIR" exec -c "$work/host.yaml" -- curl -sS --max-time 50 http://198.18.42.1:8000/file | sha256sum)"

# ---- weir services

start_in_ns weir "$work/services.log" "$WEIR" services "$vxlan" -a 198.18.42.2/24
server=$started_pid
wait_for 20 grep -q 198.18.42.2 "$work/services.log" || true
hears() { [ "$(echo hello | in_ns kernel nc -N -w 5 198.18.42.2 7)" = hello ]; }
check "the kernel asks weir services for an echo through VXLAN" wait_for 10 hears
stop "$server" || true

# ---- two of ours over GRE, nothing of the kernel's between them

ns_add one
ns_add two
veth_add one e0 two e0
in_ns one ip link set e0 addrgenmode none
in_ns two ip link set e0 addrgenmode none
end_of() { # KIND NUMBER: the location of one of the two
    echo "tunnel:$1,local=198.18.7.$2/24,remote=198.18.7.$((3 - $2)),over=packet:e0"
}
nc_between() { # FROM TO NUMBER-OF-FROM
    start_in_ns "$2" "$work/nc.out" timeout 60 "$WEIR" nc "$(end_of gre $((3 - $3)))" -l 9000 -a "198.18.8.$((3 - $3))/24"
    listener=$started_pid
    sleep 1
    in_ns "$1" timeout 60 "$WEIR" nc "$(end_of gre "$3")" "198.18.8.$((3 - $3))" 9000 -a "198.18.8.$3/24" -N <"$work/file" >"$work/nc.in" 2>"$work/nc.log" ||
        not_ok "weir nc connects over GRE" "$(cat "$work/nc.log")"
    wait "$listener" || true
    check_equal "weir nc: 10 MB over GRE from $1 to $2" "$sum" "$(sha256sum <"$work/nc.out")"
}
nc_between one two 1
nc_between two one 2

start_in_ns two "$work/services.log" "$WEIR" services "$(end_of ipip 2)" -a 2001:db8:8::2/64
server=$started_pid
asks() { in_ns one "$WEIR" services "$(end_of ipip 1)" 2001:db8:8::2 --ask echo -a 2001:db8:8::1/64 -s 1000000; }
check "weir services: an echo of 1 MB in 6in4" wait_for 10 asks
stop "$server" || true

# ---- DHCP and LLDP want frames

cat >"$work/dhcp.yaml" <<YAML
location: "tunnel:vxlan,vni=9,local=198.18.7.2/24,remote=198.18.7.1,over=packet:e0"
address: 198.18.9.1/24
ipv4: {pools: [{subnet: 198.18.9.0/24, first: 198.18.9.10, last: 198.18.9.40}]}
YAML
start_in_ns two "$work/dhcp.log" "$WEIR" dhcp server "$work/dhcp.yaml"
server=$started_pid
wait_for 20 grep -q "DHCP on" "$work/dhcp.log" || not_ok "weir dhcp server begins" "$(cat "$work/dhcp.log")"
check "weir dhcp: 20 clients get leases over VXLAN" in_ns one timeout 60 "$WEIR" dhcp client \
    "tunnel:vxlan,vni=9,local=198.18.7.1/24,remote=198.18.7.2,over=packet:e0" -c 20
stop "$server" || true

capture_start kernel vx "$work/lldp.pcapng"
in_ns weir timeout 30 "$WEIR" lldp "$vxlan" --send -n tester -t 2s >"$work/lldp.out" 2>&1 || true
capture_stop
found=$(frames "$work/lldp.pcapng" 'lldp.tlv.system.name == "tester"')
if [ "$found" -ge 1 ]; then ok "the kernel's vxlan device hears weir lldp"; else not_ok "the kernel's vxlan device hears weir lldp" "$(cat "$work/lldp.out")"; fi

refuses() { # NAME WANTED COMMAND...: exit 2 and this text
    refuses_name=$1 wanted=$2
    shift 2
    "$@" >"$work/refused" 2>&1 && not_ok "$refuses_name" "it was taken"
    if grep -qF -- "$wanted" "$work/refused"; then ok "$refuses_name"; else not_ok "$refuses_name" "$(cat "$work/refused")"; fi
}
refuses "weir lldp at the end of a tunnel of IP" "allowed: packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:vxlan,..., tunnel:gretap,..." "$WEIR" lldp "$(end_of gre 1)"
refuses "weir dhcp at the end of a tunnel of IP" "allowed: packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:vxlan,..., tunnel:gretap,..." \
    "$WEIR" dhcp client "$(end_of ipip 1)"
refuses "weir exec with a kernel's address in a tunnel" "allowed only with tap:NAME" \
    in_ns weir "$WEIR" exec -l "$vxlan" -a 198.18.42.2/24 --kernel-address 198.18.9.9/24 -- curl http://198.18.42.1/
