#!/bin/sh
# SPDX-License-Identifier: MIT
#
# iproute2 on Weir's stack, by its netlink route sockets: what `ip` shows is the stack's interface, address, routes and neighbours, and what it changes is changed.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network

shown() { # NAME LINES EXPRESSION COMMAND...: that many lines of what the command prints match
    shown_name=$1
    shown_lines=$2
    shown_expression=$3
    shift 3
    "$@" >"$work/shown" 2>&1 || true
    if [ "$(grep -Ec "$shown_expression" "$work/shown")" -eq "$shown_lines" ]; then
        ok "$shown_name"
    else
        not_ok "$shown_name" "expected $shown_lines lines with: $shown_expression" "$(cat "$work/shown")"
    fi
}

shown "ip link lists Weir's interface, and no other" 1 '^[0-9]+: ' on_weir ip link
shown "it is up" 1 '^1: weir0: <.*UP.*> mtu 1500 .* state UP' on_weir ip link show dev weir0
shown "ip addr lists Weir's address" 1 ' inet 198\.18\.0\.2/24 brd 198\.18\.0\.255 scope global weir0$' on_weir ip addr
shown "ip route lists the subnet" 1 '^198\.18\.0\.0/24 dev weir0 proto kernel scope link src 198\.18\.0\.2' on_weir ip route
shown "ip route get finds the way" 1 '^198\.18\.0\.1 dev weir0 src 198\.18\.0\.2' on_weir ip route get 198.18.0.1
shown "and the gateway outside" 1 '^192\.0\.2\.1 via 198\.18\.0\.1 dev weir0 src 198\.18\.0\.2' on_weir ip route get 192.0.2.1
shown "a route that is there is not added again" 1 'File exists' on_weir ip route add default via 198.18.0.1
shown "ip link add is refused, with the reason" 1 "^Error: Weir's interfaces come from its configuration" \
    on_weir ip link add d0 type dummy
shown "ip -j addr is JSON" 1 '"local":"198.18.0.2","prefixlen":24' on_weir ip -j addr

# One process is one stack: changes are seen by those who make them.
cat >"$work/batch" <<'BATCH'
addr add 198.18.0.3/24 dev weir0
route replace default via 198.18.0.6
route add 192.0.2.0/24 via 198.18.0.7
neigh add 198.18.0.9 lladdr 02:00:00:00:00:09 dev weir0
link set weir0 mtu 1400
addr
route
neigh
route get 192.0.2.1
route del 192.0.2.0/24
addr del 198.18.0.3/24 dev weir0
route get 192.0.2.1
addr
route del default
route get 192.0.2.1
BATCH
on_weir ip -b "$work/batch" >"$work/changed" 2>&1 || true
shown "a batch of changes goes through to its end, where nothing leads outside any more" 1 'RTNETLINK answers|^Error' cat "$work/changed"
shown "an address was added, and removed" 1 ' inet 198\.18\.0\.3/24' cat "$work/changed"
shown "routes were added" 2 '^(default via 198\.18\.0\.6|192\.0\.2\.0/24 via 198\.18\.0\.7) dev weir0 src 198\.18\.0\.2' \
    cat "$work/changed"
shown "a neighbour was added" 1 '^198\.18\.0\.9 dev weir0 lladdr 02:00:00:00:00:09 PERMANENT' cat "$work/changed"
shown "the MTU was changed" 2 '^1: weir0: .* mtu 1400 ' cat "$work/changed"
shown "ip route get took the route, and then the gateway" 2 '^192\.0\.2\.1 via 198\.18\.0\.[76] dev weir0' cat "$work/changed"

start_on_weir "$work/monitor" ip monitor neigh
wait_for 20 in_ns kernel ping -q -c 1 -W 1 198.18.0.2 || true
# It may have answered before it listened: somebody else comes, until it tells of one.
n=101
while [ "$n" -lt 111 ] && ! grep -q lladdr "$work/monitor"; do
    in_ns kernel ip addr add "198.18.0.$n/24" dev kern0
    in_ns kernel ip neigh flush dev kern0 # so that it asks, and Weir hears of it
    in_ns kernel ping -q -c 1 -W 1 -I "198.18.0.$n" 198.18.0.2 >/dev/null 2>&1 || true
    n=$((n + 1))
done
shown "ip monitor tells of a neighbour that came" 1 '^198\.18\.0\.[0-9]+ dev weir0 lladdr ([0-9a-f]{2}:){5}[0-9a-f]{2} ' grep -m 1 lladdr "$work/monitor"
stop "$started_pid" || true
