#!/bin/sh
# SPDX-License-Identifier: MIT
#
# LLDP with lldpd, both ways over veth: each learns what the other says of itself, and that it goes.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

json() { # FILE EXPRESSION over r and the first neighbour n
    /usr/bin/python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
n = (r["neighbours"] or [{}])[0]
value = eval("(" + sys.argv[2] + ")")
print(value, r)
sys.exit(not value)' "$1" "$2"
}

ns_add weir
ns_add peer
veth_add weir weir0 peer peer0
in_ns peer ip addr add 198.18.0.1/24 dev peer0
capture_start peer peer0 "$work/lldp.pcap"

# lldpcli and lldpd run as a user of theirs.
chmod 711 "$work"
start_in_ns peer "$work/lldpd.log" lldpd -d -u "$work/lldpd.socket" -I peer0 -C peer0 -L "$(command -v lldpcli)" -S "the other side"
lldpd=$started_pid
asked() { in_ns peer lldpcli -u "$work/lldpd.socket" "$@"; }
wait_for 10 asked show neighbors || not_ok "lldpd starts" "$(cat "$work/lldpd.log")"
asked configure lldp tx-interval 2 >/dev/null

start_in_ns weir "$work/weir.log" timeout 60 "$WEIR" lldp packet:weir0 --send -n tester --description "a tester" -p front1 -a 198.18.0.9 --mac 02:00:00:00:00:99 \
    -i 2s --json "$work/weir.json"
weir=$started_pid
sees() { asked -f json show neighbors details >"$work/lldpd.json" && grep -q '"tester"' "$work/lldpd.json"; }
check "lldpd finds Weir" wait_for 10 sees
for word in '02:00:00:00:00:99' 'a tester' front1 198.18.0.9 Station; do
    check "lldpd knows of it: $word" grep -q -- "$word" "$work/lldpd.json"
done
check "Weir finds lldpd" wait_for 10 grep -q " new " "$work/weir.log"
stop "$weir" || true
forgotten() { ! sees; }
check "lldpd hears that Weir goes" wait_for 5 forgotten
check "Weir knew lldpd's port, description and management address" json "$work/weir.json" \
    'n["mac"] == "'"$(in_ns peer ip -o link show peer0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/')"'" and n["system_description"] == "the other side" and
        n["port_description"] == "peer0" and n["ttl_s"] >= 4 and n.get("management") in ("198.18.0.1", None) and r["counters"]["drop_malformed"] == 0'

start_in_ns weir "$work/listen.log" timeout 60 "$WEIR" lldp packet:weir0
listen=$started_pid
wait_for 10 grep -q " new " "$work/listen.log"
stop "$lldpd" || true
check "a listener hears that lldpd goes" wait_for 5 grep -q " left " "$work/listen.log"
stop "$listen" || true

capture_stop
check_equal "nothing of ours is malformed" 0 "$(frames "$work/lldp.pcap" 'lldp && _ws.malformed')"
check "a shutdown LLDPDU of ours was seen" [ "$(frames "$work/lldp.pcap" 'lldp.time_to_live == 0 && eth.src == 02:00:00:00:00:99')" -eq 1 ]
