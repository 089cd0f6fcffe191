#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir router` with two VRFs: two pairs of Linux client and server with the same addresses, of both families, each pair behind ports of its own. Each client
# reaches its own server and nothing of the other pair; the filter of one VRF is not the other's; routes count apart.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

ns_add weir
for pair in red blue; do
    ns_add client-$pair
    ns_add server-$pair
    veth_add client-$pair c0 weir c-$pair
    veth_add server-$pair s0 weir s-$pair
    for end in client:c0:1 server:s0:2; do
        name=${end%%:*}-$pair net=${end##*:} device=${end#*:}
        device=${device%:*}
        in_ns "$name" ip address add "10.0.$net.2/24" dev "$device"
        in_ns "$name" ip -6 address add "2001:db8:$net::2/64" dev "$device" nodad
        in_ns "$name" ip route add default via "10.0.$net.1"
        in_ns "$name" ip -6 route add default via "2001:db8:$net::1"
    done
    mkdir "$work/$pair"
    echo "$pair" >"$work/$pair/name"
    start_in_ns server-$pair "$work/$pair.log" /usr/bin/python3 -m http.server --directory "$work/$pair" --bind :: 8000
    wait_for 20 listens server-$pair 8000 || not_ok "the $pair server listens" "$(cat "$work/$pair.log")"
done

cat >"$work/router.yaml" <<'YAML'
ports:
  - {name: c-red, location: "packet:c-red"}
  - {name: s-red, location: "packet:s-red"}
  - {name: c-blue, location: "packet:c-blue"}
  - {name: s-blue, location: "packet:s-blue"}
router:
  addresses:
    - {port: c-red, address: 10.0.1.1/24}
    - {port: s-red, address: 10.0.2.1/24}
    - {port: c-red, address: "2001:db8:1::1/64"}
    - {port: s-red, address: "2001:db8:2::1/64"}
    - {port: c-blue, address: 10.0.1.1/24, vrf: 7}
    - {port: s-blue, address: 10.0.2.1/24, vrf: 7}
    - {port: c-blue, address: "2001:db8:1::1/64", vrf: 7}
    - {port: s-blue, address: "2001:db8:2::1/64", vrf: 7}
  routes:
    - {prefix: 10.9.0.0/16, gateway: 10.0.2.2}
  vrfs:
    - vrf: 7
      filter:
        rules:
          - {name: no-ping, directions: [forward], protocol: icmp, icmp_type: 8, verdict: drop}
YAML
start_in_ns weir "$work/router.log" "$WEIR" router "$work/router.yaml" --json "$work/counts.json"
router_pid=$started_pid
wait_for 20 grep -q "routing between" "$work/router.log" || not_ok "weir router begins" "$(cat "$work/router.log")"

for pair in red blue; do
    check_equal "the $pair client reaches the $pair server" $pair "$(in_ns client-$pair curl -gsS --max-time 20 http://10.0.2.2:8000/name)"
    check_equal "over IPv6 too" $pair "$(in_ns client-$pair curl -gsS --max-time 20 'http://[2001:db8:2::2]:8000/name')"
done
check "ping passes the VRF that has no filter" in_ns client-red ping -q -c 2 -i 0.2 -W 5 10.0.2.2
refused=yes
in_ns client-blue ping -q -c 2 -i 0.2 -W 1 10.0.2.2 >/dev/null 2>&1 && refused=no
check_equal "and not the one whose filter drops it" yes $refused
check_equal "a route of one is none of the other's: no route, says the other" "Destination Net Unreachable" \
    "$(in_ns client-blue ping -c 1 -W 5 10.9.0.1 2>&1 | grep -o 'Destination Net Unreachable' | head -n 1)"

kill -INT "$router_pid"
wait "$router_pid" || not_ok "Ctrl-C ends it with status 0" "$(cat "$work/router.log")"
check_equal "routes are counted apart, and what the filter dropped" "9 8 2" "$(/usr/bin/python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
print(j["routes"], j["vrfs"][0]["routes"], j["vrfs"][0]["filter"]["rules"][0]["packets"])' "$work/counts.json")"
