#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir router` advertises itself (RFC 4861 6.2): Linux and a program on Weir configure themselves by it, send through it, and leave it when it ends. What
# `ip -6 route` shows on Weir of routes that it heard.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
ns_add router
ns_add client
ns_add host
ns_add server
veth_add router in0 client eth0
veth_add router in1 host weir0
veth_add router out0 server eth0
for end in "router in0" "router in1" "router out0" "host weir0"; do
    in_ns "${end% *}" ip link set dev "${end#* }" addrgenmode none
    in_ns "${end% *}" ip -6 addr flush dev "${end#* }"
done
in_ns server ip -6 addr add 2001:db8:9::2/64 dev eth0 nodad
in_ns server ip -6 route add default via 2001:db8:9::1
in_ns client sysctl -qw net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.eth0.accept_ra_mtu=1

cat >"$work/router.yaml" <<YAML
ports:
  - {name: in0, location: "packet:in0"}
  - {name: in1, location: "packet:in1"}
  - {name: out, location: "packet:out0"}
router:
  addresses:
    - {port: in0, address: "2001:db8:1::1/64"}
    - {port: in1, address: "2001:db8:2::1/64"}
    - {port: out, address: "2001:db8:9::1/64"}
  advertise:
    - {address: "2001:db8:1::1", interval: 4s, lifetime: 600s, mtu: 1400, hop_limit: 77, preference: high, dns: "2001:db8:9::53",
       prefixes: [{prefix: "2001:db8:1::/64", valid: 600s, preferred: 300s}]}
    - {address: "2001:db8:2::1", interval: 4s, lifetime: 60s, dns: ["2001:db8:9::53", "2001:db8:9::54"]}
YAML
start_in_ns server "$work/http.log" /usr/bin/python3 -m http.server --bind :: -d "$work" 8080
wait_for 20 listens server 8080
capture_start client eth0 "$work/client.pcap"
start_in_ns router "$work/router.log" "$WEIR" router "$work/router.yaml"
router=$started_pid
echo "behind the router" >"$work/file"

client() { in_ns client "$@"; }
has() { # COMMAND... -- PATTERN in what it prints
    has_pattern=
    has_all=$*
    has_pattern=${has_all##* -- }
    sh -c "${has_all% -- *}" 2>/dev/null | grep -q "$has_pattern"
}
inside="nsenter --net=/run/netns/weir-$$-client"
check "Linux makes itself an address of the prefix" wait_for 20 has "$inside ip -6 addr show dev eth0 -- inet6 2001:db8:1:.*dynamic"
check "it is not tentative for long" wait_for 10 sh -c "! $inside ip -6 addr show dev eth0 tentative | grep -q inet6"
check "it has the router as its default, of high preference" has "$inside ip -6 route show default -- via fe80::.*proto ra.*pref high"
check_equal "and its MTU and hop limit" "1400 77" "$(client sysctl -n net.ipv6.conf.eth0.mtu net.ipv6.conf.eth0.hop_limit | tr '\n' ' ' | sed 's/ $//')"
check "it sends through the router" client curl -g -s -m 20 -o "$work/got" 'http://[2001:db8:9::2]:8080/file'
check_equal "and gets what is there" "behind the router" "$(cat "$work/got")"

# ---- a program on Weir

in_ns host timeout 60 "$WEIR" exec -l packet:weir0 --autoconf -- curl -g -s -m 20 'http://[2001:db8:9::2]:8080/file' >"$work/weir" 2>"$work/weir.log" || cat "$work/weir.log"
check_equal "a program on Weir configures itself too" "behind the router" "$(cat "$work/weir")"
in_ns host timeout 60 "$WEIR" exec -l packet:weir0 --autoconf --resolv-conf "$work/resolv" -- ip -6 route >"$work/routes" 2>&1 || true
check "ip shows the default route that Weir heard of" grep -q "^default via fe80::.* dev weir0 proto ra" "$work/routes"
check_equal "name servers are in the file that was asked for" "nameserver 2001:db8:9::53 nameserver 2001:db8:9::54" "$(tr '\n' ' ' <"$work/resolv" | sed 's/ $//')"
check "and the prefix on its link" grep -q "^2001:db8:2::/64 dev weir0 proto kernel" "$work/routes"
check_equal "with what is left of their lifetimes" 2 "$(grep -cE 'expires [0-9]+sec pref medium$' "$work/routes")"
in_ns host timeout 60 "$WEIR" exec -l packet:weir0 --autoconf --temporary -- ip -6 addr >"$work/addresses" 2>&1 || true
check "and a temporary address where that is wanted" grep -q "inet6 2001:db8:2:.* temporary" "$work/addresses"

start_in_ns host "$work/monitor" timeout 120 "$WEIR" exec -l packet:weir0 --autoconf -- ip -6 -o monitor route address
monitor=$started_pid
check "ip monitor tells of the address that Weir makes, with its lifetimes" wait_for 30 grep -q "inet6 2001:db8:2:.* dynamic .*valid_lft [0-9]*sec" "$work/monitor"

# ---- the end

kill -TERM "$router"
wait "$router" || true
check "a router that ends says so, and Linux leaves it" wait_for 10 sh -c "! $inside ip -6 route show default | grep -q 'proto ra'"
check "ip monitor on Weir tells of it" wait_for 10 grep -q "^Deleted default via fe80::.* dev weir0 proto ra" "$work/monitor"
stop "$monitor" || true
capture_stop
check "name servers are advertised (RFC 8106)" sh -c "[ $(frames "$work/client.pcap" 'icmpv6.opt.rdnss == 2001:db8:9::53') -gt 0 ]"
check_equal "no frame is malformed" 0 "$(frames "$work/client.pcap" '_ws.malformed')"
