#!/bin/sh
# SPDX-License-Identifier: MIT
#
# DHCP against other people's programs: Weir's clients get addresses from dnsmasq and Kea (DHCPv4, DHCPv6, delegated prefixes), renew them, give them back, and
# decline one that somebody has; Weir's server gives leases to dhclient and udhcpc. Three links, each with its own namespaces, so that they run side by side.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

json() { # FILE EXPRESSION over r, and A: the leases that are bound
    /usr/bin/python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
A = [l for l in r["leases"] if l.get("bound")]
value = eval("(" + sys.argv[2] + ")")
print(value)
sys.exit(not value)' "$1" "$2"
}

for side in dns kea lin; do
    ns_add $side
    ns_add weir$side
    veth_add $side ${side}0 weir$side weir0
    in_ns weir$side ip link set dev weir0 addrgenmode none
    in_ns weir$side ip -6 addr flush dev weir0
    capture_start $side ${side}0 "$work/$side.pcap"
    eval "capture_$side=\$capture_pid"
done
in_ns dns ip addr add 198.18.0.1/24 dev dns0
in_ns dns ip addr add 2001:db8:1::1/64 dev dns0 nodad
in_ns kea ip addr add 198.18.1.1/24 dev kea0
in_ns kea ip addr add 2001:db8:2::1/64 dev kea0 nodad
in_ns kea ip addr add 198.18.1.77/24 dev kea0
near_ready() { ! in_ns "$1" ip -6 addr show tentative | grep -q inet6; }
for side in dns kea lin; do wait_for 10 near_ready $side; done

weir_dhcp() { # SIDE OPTION...: a client on that link
    weir_side=$1
    shift
    in_ns "weir$weir_side" timeout 60 "$WEIR" dhcp client packet:weir0 "$@"
}

# ---- the servers of others

start_in_ns dns "$work/dnsmasq.log" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --interface=dns0 --bind-interfaces --log-dhcp --log-facility=- \
    --user=root --pid-file="$work/dnsmasq.pid" --dhcp-leasefile="$work/dnsmasq.leases" --dhcp-authoritative --no-ping \
    --dhcp-range=198.18.0.100,198.18.0.199,255.255.255.0,10m --dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,10m \
    --dhcp-option=option:router,198.18.0.1 --dhcp-option=option:dns-server,198.18.0.53 --dhcp-option=option:mtu,1400

cat >"$work/kea4.json" <<JSON
{"Dhcp4": {
    "interfaces-config": {"interfaces": ["kea0"]}, "control-socket": {"socket-type": "unix", "socket-name": "$work/kea4.sock"},
    "lease-database": {"type": "memfile", "persist": true, "name": "$work/kea4.csv", "lfc-interval": 0},
    "valid-lifetime": 8, "renew-timer": 3, "rebind-timer": 6, "decline-probation-period": 600,
    "subnet4": [{"subnet": "198.18.1.0/24", "pools": [{"pool": "198.18.1.100 - 198.18.1.199"}],
        "option-data": [{"name": "routers", "data": "198.18.1.1"}],
        "reservations": [{"hw-address": "02:00:00:00:77:00", "ip-address": "198.18.1.77"}]}],
    "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}]}}
JSON
cat >"$work/kea6.json" <<JSON
{"Dhcp6": {
    "server-id": {"type": "LL", "htype": 1, "identifier": "020000000001", "persist": false},
    "interfaces-config": {"interfaces": ["kea0"]}, "control-socket": {"socket-type": "unix", "socket-name": "$work/kea6.sock"},
    "lease-database": {"type": "memfile", "persist": true, "name": "$work/kea6.csv", "lfc-interval": 0},
    "preferred-lifetime": 6, "valid-lifetime": 9, "renew-timer": 3, "rebind-timer": 5,
    "subnet6": [{"subnet": "2001:db8:2::/64", "interface": "kea0", "pools": [{"pool": "2001:db8:2::100 - 2001:db8:2::1ff"}],
        "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56}]}],
    "loggers": [{"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]}]}}
JSON
export KEA_PIDFILE_DIR="$work" KEA_LOCKFILE_DIR="$work"
start_in_ns kea "$work/kea4.log" kea-dhcp4 -c "$work/kea4.json"
start_in_ns kea "$work/kea6.log" kea-dhcp6 -c "$work/kea6.json"
wait_for 10 grep -q DHCP4_STARTED "$work/kea4.log" || not_ok "kea-dhcp4 starts" "$(cat "$work/kea4.log")"
wait_for 10 grep -q DHCP6_STARTED "$work/kea6.log" || not_ok "kea-dhcp6 starts" "$(cat "$work/kea6.log")"
wait_for 10 grep -q "DHCPv6" "$work/dnsmasq.log" || not_ok "dnsmasq starts" "$(cat "$work/dnsmasq.log")"

# ---- our server, and the clients of others

cat >"$work/server.yaml" <<YAML
location: packet:weir0
address: 198.18.2.1/24
ipv4:
  pools: [{subnet: 198.18.2.0/24, first: 198.18.2.100, last: 198.18.2.199, router: 198.18.2.1, dns: [198.18.2.53], domain: example.net, lease: 10m}]
  reservations: [{address: 198.18.2.10, mac: "02:00:00:00:aa:01"}]
ipv6:
  links: [{subnet: "2001:db8:3::/64", first: "2001:db8:3::100", addresses: 100, delegate: "2001:db8:4000::/40", delegated_length: 56, delegations: 100,
           dns: ["2001:db8:3::53"], preferred: 10m, valid: 20m}]
YAML
start_in_ns weirlin "$work/server.log" "$WEIR" dhcp server "$work/server.yaml" --json "$work/server.json"
server=$started_pid
wait_for 10 grep -q "^DHCP on" "$work/server.log"
cat >"$work/script" <<'SH'
#!/bin/sh
# What a client was given, by its reason; the address is used, so that it can be renewed and given back.
env >>"$DHCP_WORK/env.${reason:-$1}"
[ "$reason" = BOUND ] && ip addr add "$new_ip_address/24" dev "$interface"
[ "$1" = bound ] && ip addr add "$ip/24" dev "$interface"
[ "$reason" = RELEASE ] && ip addr flush dev "$interface" scope global
exit 0
SH
chmod +x "$work/script"
export DHCP_WORK="$work"
dhclient_on() { # OPTION...
    in_ns lin timeout 40 dhclient -sf "$work/script" -pf "$work/dhclient.pid" -cf /dev/null -e DHCP_WORK="$work" "$@" lin0
    cat "$work/dhclient.pid" >>"$work/dhclient.pids" 2>/dev/null || true # it stays behind as a daemon
}
(
    dhclient_on -4 -1 -v -lf "$work/dhclient4.leases" >"$work/dhclient4.log" 2>&1
    dhclient_on -4 -r -v -lf "$work/dhclient4.leases" >"$work/dhclient4r.log" 2>&1
    in_ns lin ip addr flush dev lin0 scope global
    in_ns lin ip link set lin0 address 02:00:00:00:aa:01
    in_ns lin timeout 20 udhcpc -i lin0 -f -n -q -R -t 5 -T 2 -s "$work/script" >"$work/udhcpc.log" 2>&1
    dhclient_on -6 -N -P -1 -v -D LL -lf "$work/dhclient6.leases" >"$work/dhclient6.log" 2>&1
    dhclient_on -6 -N -P -r -v -D LL -lf "$work/dhclient6.leases" >"$work/dhclient6r.log" 2>&1
) &
others=$!
pids_all="$pids_all $others"

# ---- our clients: what takes long, in the background

weir_dhcp kea -c 5 --mac 02:00:00:00:44:00 --no-probe --hold 8s --release --json "$work/kea4-clients.json" >"$work/kea4-clients.txt" 2>&1 &
kea4=$!
weir_dhcp kea --mac 02:00:00:00:77:00 --timeout 40s --json "$work/declined.json" >"$work/declined.txt" 2>&1 &
declined=$!
weir_dhcp dns -c 50 --no-probe --hold 3s --release --mac 02:00:00:00:11:00 --json "$work/dns4.json" >"$work/dns4.txt" 2>&1 &
dns4=$!
pids_all="$pids_all $kea4 $declined $dns4"

# ---- dnsmasq

lines() { [ "$(grep -c "$2" "$1")" -eq "$3" ]; }
check "dnsmasq's lease file has 50 leases while they are held" wait_for 20 lines "$work/dnsmasq.leases" ' 02:00:00:00:11:' 50
check "50 clients get leases from dnsmasq" wait "$dns4"
check "each with an address of its own, router, name server, MTU and times" json "$work/dns4.json" \
    'len({l["address"] for l in A}) == 50 and all(l["router"] == "198.18.0.1" and l["dns"] == ["198.18.0.53"] and l["mtu"] == 1400 and
        l["lease_s"] == 600 and l["at_ns"]["offer"] <= l["at_ns"]["ack"] <= l["at_ns"]["bound"] for l in A)'
check "after the release dnsmasq's lease file is empty" wait_for 5 lines "$work/dnsmasq.leases" ' 02:00:00:00:11:' 0
check "5 clients get IPv6 addresses from dnsmasq, after asking whether somebody has them" weir_dhcp dns -6 -c 5 --json "$work/dns6.json"
check "each an address of its own in the range" json "$work/dns6.json" \
    'len({l["address"] for l in A}) == 5 and all(l["address"].startswith("2001:db8:1::1") for l in A)'

# ---- an address for a program

program='import socket
s = socket.create_connection(("198.18.0.1", 8099), 10)
s.settimeout(10)
print(s.getsockname()[0], s.recv(20).decode())'
start_in_ns dns "$work/hello.log" sh -c 'echo hello | nc -l -N 198.18.0.1 8099'
wait_for 10 listens dns 8099
check_equal "weir exec --address dhcp: a program connects from what dnsmasq gave" ok "$(in_ns weirdns timeout 30 "$WEIR" exec -l packet:weir0 -a dhcp -- \
    /usr/bin/python3 -c "$program" 2>&1 | grep -Eqx '198\.18\.0\.1[0-9][0-9] hello' && echo ok)"

start_in_ns dns "$work/hello.log" sh -c 'echo hello | nc -l -N 198.18.0.1 8099'
wait_for 10 listens dns 8099
echo '{ports: [{name: p, location: "packet:weir0"}], devices: [{name: d, port: p, dhcp: ipv4}]}' >"$work/host.yaml"
check_equal "the same by a configuration: dhcp of a device" ok "$(in_ns weirdns timeout 30 "$WEIR" exec -c "$work/host.yaml" -- \
    /usr/bin/python3 -c "$program" 2>&1 | grep -Eqx '198\.18\.0\.1[0-9][0-9] hello' && echo ok)"
echo '{ports: [{name: p, location: "packet:weir0"}], devices: [{name: d, port: p, dhcp: ipv4, lease: {rate: 5}}]}' >"$work/lease.yaml"
check "how hosts of a load get theirs is not for programs: said with its place" sh -c "'$WEIR' exec -c '$work/lease.yaml' -- true 2>&1 |
    grep 'devices\[0\].lease: found it for a program, allowed with loads'"

# ---- Kea

weir_dhcp kea -6 -P -c 5 --hold 8s --release --mac 02:00:00:00:66:00 --json "$work/kea6-clients.json" >"$work/kea6-clients.txt" 2>&1 &
kea6=$!
check "5 clients keep leases of 8 s from Kea for longer than that" wait "$kea4"
check "by renewing each at least twice, losing none" json "$work/kea4-clients.json" 'len(A) == 5 and r["renewed"] >= 10 and r["lost"] == 0 and r["counters"]["expired"] == 0'
all_released() { # FILE JSON MEMBER COLUMN: the last line about each says that it lasts 0 s
    addresses=$(json "$2" '" ".join(l["'"$3"'"].split("/")[0] for l in A)') || return 1
    for address in $addresses; do
        awk -F, -v a="$address" -v n="$4" '$1 == a { last = $n == 0 } END { exit !last }' "$1" || return 1
    done
}
check "Kea's lease file says that all 5 were given back" wait_for 5 all_released "$work/kea4.csv" "$work/kea4-clients.json" address 4
check "5 clients keep addresses and delegated prefixes from Kea for longer than they last" wait "$kea6"
check "each with an address and a /56 of its own, renewed" json "$work/kea6-clients.json" \
    'len({l["address"] for l in A}) == 5 and len({l["delegated"] for l in A}) == 5 and all(l["delegated"].endswith("/56") for l in A) and
        r["renewed"] >= 10 and r["counters"]["expired"] == 0'
check "Kea's lease file says that addresses were given back" wait_for 5 all_released "$work/kea6.csv" "$work/kea6-clients.json" address 3
check "and prefixes" wait_for 5 all_released "$work/kea6.csv" "$work/kea6-clients.json" delegated 3

check "an address that somebody has is declined, and another one taken" wait "$declined"
check "Kea knows that it was declined" grep -q "DHCP4_DECLINE_LEASE.*198.18.1.77\|198.18.1.77.*declined" "$work/kea4.log"
check "and the client got one of the pool" json "$work/declined.json" \
    'r["conflicts"] == 1 and r["counters"]["declines"] == 1 and A[0]["address"].startswith("198.18.1.1")'

# ---- our server

wait "$others" || true
pids_all="$pids_all $(tr '\n' ' ' <"$work/dhclient.pids")"
env_has() { grep -qx "$2" "$work/env.$1"; }
check "dhclient gets an address of the pool from Weir" env_has BOUND 'new_ip_address=198\.18\.2\.1[0-9][0-9]'
check "with its router" env_has BOUND 'new_routers=198\.18\.2\.1'
check "name server" env_has BOUND 'new_domain_name_servers=198\.18\.2\.53'
check "and domain" env_has BOUND 'new_domain_name=example\.net'
check "udhcpc gets the address that is reserved for it" env_has bound 'ip=198\.18\.2\.10'
check "dhclient gets an IPv6 address from Weir" env_has BOUND6 'new_ip6_address=2001:db8:3::[0-9a-f]*'
check "and a delegated prefix" env_has BOUND6 'new_ip6_prefix=2001:db8:40[0-9a-f:]*/56'
stop "$server" || not_ok "our server ends well" "$(cat "$work/server.log")"
check "our server saw dhclient give back address, IPv6 address and prefix" json "$work/server.json" \
    'r["ipv4"]["releases"] == 1 and r["ipv6"]["released"] == 2'
check "and rejected nothing as malformed" json "$work/server.json" 'r["ipv4"]["drop_malformed"] + r["ipv6"]["drop_malformed"] == 0'

check "without a server the error says what was waited for" sh -c "ip netns exec weir-$$-weirlin timeout 20 '$WEIR' exec -l packet:weir0 -a dhcp \\
    --dhcp-timeout 300ms -- /usr/bin/python3 -c 'import socket; socket.socket().connect((\"198.18.2.1\", 1))' 2>&1 |
    grep 'found \"dhcp\", but no server gave a lease on packet:weir0 within 0.3 s'"

# ---- what was on the wires

for side in dns kea lin; do
    eval "capture_pid=\$capture_$side"
    capture_stop
    check_equal "$side: nothing malformed on the wire" 0 "$(frames "$work/$side.pcap" "(dhcp || dhcpv6 || arp || icmpv6) && ($bad_frames_filter)")"
done
check "releases were seen on the wire" [ "$(frames "$work/dns.pcap" 'dhcp.option.dhcp == 7')" -eq 50 ]
check "renewals went to the server alone" [ "$(frames "$work/kea.pcap" 'dhcp.option.dhcp == 3 && ip.src == 198.18.1.0/24 && ip.dst == 198.18.1.1')" -ge 10 ]
