#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir router` between two Linux hosts reads the rules of its filter again on SIGHUP: a flow goes on while they are exchanged a hundred times, what a new rule
# forbids stops, and what it allows again goes on; a configuration with an error, and one of another router, change nothing and say why.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

client=198.18.1.2 server=198.18.2.2
for name in client weir server; do ns_add $name; done
veth_add client eth0 weir in0
veth_add weir out0 server eth0
in_ns client ip address add $client/24 dev eth0
in_ns server ip address add $server/24 dev eth0
in_ns client ip route add default via 198.18.1.1
in_ns server ip route add default via 198.18.2.1
dd if=/dev/urandom of="$work/file" bs=1M count=200 2>/dev/null
sum=$(sha256sum <"$work/file")
start_in_ns server "$work/http.log" /usr/bin/python3 -m http.server --directory "$work" --bind $server 8000
wait_for 20 listens server 8000

# What the rules let pass; then lines of YAML, rules ahead of all others.
rules() { # RULE...
    cat >"$work/new.yaml" <<YAML
ports:
  - {name: inside, location: "packet:in0"}
  - {name: outside, location: "packet:out0"}
router:
  addresses:
    - {port: inside, address: 198.18.1.1/24}
    - {port: outside, address: 198.18.2.1/24}
  filter:
    policy: {forward: drop}
    rules:
YAML
    for rule in "$@"; do
        printf '      - {%s}\n' "$rule" >>"$work/new.yaml"
    done
    cat >>"$work/new.yaml" <<YAML
      - {name: known, directions: [forward], states: [established, related], verdict: accept}
      - {name: outwards, directions: [forward], port: inside, states: [new], verdict: accept}
YAML
    mv "$work/new.yaml" "$work/router.yaml"
}
said() { # TEXT: how often
    grep -c "$1" "$work/router.log" || true
}
# Sends SIGHUP and waits until it was attended to, one way or the other.
hangup() {
    before=$(($(said "rules read again") + $(said "the rules stay")))
    kill -HUP "$router_pid"
    # shellcheck disable=SC2016 # the inner shell expands it
    wait_for 10 sh -c '[ "$(grep -Ec "rules read again|the rules stay" "$0")" -gt "$1" ]' "$work/router.log" "$before"
}
pings() { in_ns client ping -n -q -c 2 -i 0.2 -W 1 $server; }

rules
start_in_ns weir "$work/router.log" "$WEIR" router "$work/router.yaml" --json "$work/counts.json"
router_pid=$started_pid
wait_for 20 grep -q "routing between" "$work/router.log" || not_ok "weir router begins" "$(cat "$work/router.log")"
check "pings pass" pings

# ---- a hundred times

in_ns client curl -sS --max-time 120 --limit-rate 10M "http://$server:8000/file" -o "$work/got" &
flow=$!
wait_for 10 test -s "$work/got"
for i in $(seq 100); do
    if [ $((i % 2)) = 1 ]; then
        rules "name: odd $i, directions: [forward], protocol: udp, destination_ports: [$i], verdict: reject"
    else
        rules
    fi
    hangup || break
done
check_equal "the rules were read again a hundred times" "100 0" "$(said "rules read again") $(said "the rules stay")"
check "the flow ran all the while" kill -0 "$flow"
flow_status=0
wait "$flow" || flow_status=$?
check_equal "the flow of 200 MB arrives whole" "0 $sum" "$flow_status $(sha256sum <"$work/got")"

# ---- what is forbidden stops, and goes on

in_ns client curl -sS --max-time 120 --limit-rate 10M "http://$server:8000/file" -o "$work/again" &
flow=$!
wait_for 10 test -s "$work/again"
rules "name: no web, directions: [forward], protocol: tcp, source_ports: [8000], verdict: drop" "name: no web, directions: [forward], protocol: tcp, destination_ports: [8000], verdict: drop"
hangup
sleep 0.5
stopped_at=$(stat -c %s "$work/again")
sleep 1
check_equal "a flow that a rule forbids stops" "$stopped_at" "$(stat -c %s "$work/again")"
check "others pass" pings
rules
hangup
flow_status=0
wait "$flow" || flow_status=$?
check_equal "allowed again, it goes on where it was: the connection was kept" "0 $sum" "$flow_status $(sha256sum <"$work/again")"

# ---- errors

rules "name: no pings, directions: [forward], protocol: icmp, verdict: discard"
hangup
check "an error is said with its place" grep -Eq "router\.yaml:[0-9]+:[0-9]+: .*discard" "$work/router.log"
rules "name: no pings, directions: [forward], protocol: icmp, verdict: drop"
sed -i 's/outside/elsewhere/' "$work/router.yaml"
hangup
check "other ports are refused" grep -q "ports: found other names or another order" "$work/router.log"
rules "name: no pings, directions: [forward], protocol: icmp, verdict: drop"
sed -i 's/policy: {forward: drop}/connections: 100/' "$work/router.yaml"
hangup
check "another size of the table is refused" grep -q "filter.connections of VRF 0: found 100, allowed: 65536 as long as the router runs" "$work/router.log"
rm "$work/router.yaml"
hangup
check_equal "each time the rules stayed" 4 "$(said "the rules stay as they were")"
check "pings pass as before" pings
rules "name: no pings, directions: [forward], protocol: icmp, verdict: drop"
hangup
check "the next good ones are taken" sh -c "! ip netns exec weir-$$-client ping -n -q -c 2 -i 0.2 -W 1 $server"

router_status=0
stop "$router_pid" || router_status=$?
check_equal "weir router ends well" 0 "$router_status"
count() { /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/counts.json" "$1"; }
check_equal "it counted" "{'done': 103, 'refused': 4}" "$(count 'r["reloads"]')"
check_equal "a rule keeps its count by its name: all of the flows' segments" True "$(count '[c["packets"] for c in r["filter"]["rules"] if c["name"] == "known"][0] > 100000')"
check_equal "a new one begins at 0" True "$(count '[c["packets"] for c in r["filter"]["rules"] if c["name"] == "no pings"][0] == 2')"
