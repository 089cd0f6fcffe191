#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Loads from hosts whose addresses come by DHCP: dnsmasq and Kea give them to 1 and to 1,000 hosts of `weir run`, of both families, nginx beside them serves pages, and the
# leases are given back. Errors name the device whose hosts got none. `probe` of hosts with addresses of their own.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

json() { # FILE EXPRESSION over r, l: the first lease, d: the first load
    /usr/bin/python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
l, d = r["leases"][0] if r["leases"] else None, r["loads"][0]
value = eval("(" + sys.argv[2] + ")")
print(value, l, d["connections"], d["transactions"])
sys.exit(not value)' "$1" "$2"
}

ns_add dns
ns_add ours
ns_add empty
ns_add ours2
veth_add dns dns0 ours weir0
veth_add empty empty0 ours2 weir0
for side in ours ours2; do
    in_ns $side ip link set dev weir0 addrgenmode none
    in_ns $side ip -6 addr flush dev weir0
done
in_ns dns ip addr add 198.18.0.1/16 dev dns0
in_ns dns ip addr add 2001:db8:1::1/64 dev dns0 nodad
in_ns empty ip addr add 198.18.0.1/16 dev empty0
ready() { ! in_ns dns ip -6 addr show tentative | grep -q inet6; }
wait_for 10 ready

# dnsmasq first, Kea later
start_in_ns dns "$work/dnsmasq.log" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --interface=dns0 --bind-interfaces --log-facility=- --user=root \
    --pid-file="$work/dnsmasq.pid" --dhcp-leasefile="$work/leases" --dhcp-authoritative --no-ping --dhcp-lease-max=5000 \
    --dhcp-range=198.18.4.0,198.18.15.255,255.255.0.0,10m --dhcp-range=2001:db8:1::1000,2001:db8:1::4fff,64,10m \
    --dhcp-option=option:router,198.18.0.1
dnsmasq=$started_pid
wait_for 10 grep -q "DHCPv6" "$work/dnsmasq.log" || not_ok "dnsmasq starts" "$(cat "$work/dnsmasq.log")"

# nginx, which writes down who asked
mkdir "$work/files" "$work/tmp"
echo hello >"$work/files/hello"
cat >"$work/nginx.conf" <<CONF
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
daemon off;
user root;
events { worker_connections 4000; }
http {
    log_format from '\$remote_addr \$status';
    access_log $work/access.log from;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp; uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    server { listen 198.18.0.1:80; listen [2001:db8:1::1]:80; root $work/files; }
}
CONF
start_in_ns dns "$work/nginx.log" nginx -c "$work/nginx.conf"
wait_for 20 listens dns 80 || not_ok "nginx starts" "$(cat "$work/error.log")"

configure() { # FILE HOSTS TARGET DEVICE-KEYS [LEASE]
    cat >"$work/$1.yaml" <<YAML
ports: [{name: p, location: "packet:weir0"}]
devices: [{name: clients, port: p, count: $2, mac: "02:00:00:01:00:00", $4}]
loads:
  - {name: pages, client: clients, server: {address: "$3"}, http: {urls: [{path: /hello}]}, requests_per_connection: 1,
     schedule: [{hold: 20s, transactions_per_second: 1000}], max_transactions: ${5:-2000}}
YAML
}
weir_run() { # NAMESPACE FILE: the results are $work/FILE.json, what people read $work/FILE.txt
    weir_code=0
    : >"$work/access.log"
    kill -USR1 "$(cat "$work/nginx.pid")" # it opens its log anew
    in_ns "$1" timeout 120 "$WEIR" run "$work/$2.yaml" --json "$work/$2.json" >"$work/$2.txt" 2>&1 || weir_code=$?
    tail -n 40 "$work/$2.txt"
    return "${weir_code:-0}"
}
asked_from() { # how many addresses beginning with PREFIX, all of which got their page
    sort -u "$work/access.log" | awk -v p="$1" 'index($1, p) == 1 && $2 == 200' | wc -l
}
held() { grep -c ' 02:00:00:01:\|:02:00:00:01:' "$work/leases" || true; } # DHCPv6's are by DUID
nothing_held() { [ "$(held)" = 0 ]; }

# ---- one host

configure one 1 198.18.0.1 "dhcp: ipv4" 100
check "a load from one leased host: exit code 0" weir_run ours one
check "100 pages, one lease" json "$work/one.json" \
    'd["transactions"]["completed"] == 100 and l["hosts"] == 1 and l["gained"] == 1 and l["held"] == 0 and l["released"] == 1 and l["latency_ns"]["lease"]["count"] == 1'
check_equal "nginx saw one address, of dnsmasq's range" 1 "$(asked_from 198.18.)"
check "dnsmasq has it back" wait_for 5 nothing_held

# ---- two devices on a port, of both families, probed

cat >"$work/both.yaml" <<YAML
ports: [{name: p, location: "packet:weir0"}]
devices:
  - {name: few, port: p, count: 5, mac: "02:00:00:01:00:00", dhcp: both, lease: {probe: true}}
  - {name: more, port: p, count: 7, mac: "02:00:00:02:00:00", dhcp: both}
  - {name: own, port: p, ipv4: {address: 198.18.0.9/16, probe: true}}
loads:
  - {name: four, client: [few, more, own], server: {address: 198.18.0.1}, http: {urls: [{path: /hello}]}, requests_per_connection: 1,
     schedule: [{hold: 5s, transactions_per_second: 100}], max_transactions: 130}
  - {name: six, client: [few, more], server: {address: "2001:db8:1::1"}, http: {urls: [{path: /hello}]}, requests_per_connection: 1,
     schedule: [{hold: 5s, transactions_per_second: 100}], max_transactions: 120}
YAML
check "two devices with addresses of both families, and one of its own" weir_run ours both
check "each host asked" json "$work/both.json" 'all(x["gained"] == x["hosts"] for x in r["leases"]) and len(r["leases"]) == 4 and r["prepare_s"] > 4'
check_equal "nginx saw 13 addresses of IPv4" 13 "$(asked_from 198.18.)"
check_equal "and 12 of IPv6" 12 "$(asked_from 2001:db8:1::)"

# ---- a thousand, with Kea

stop "$dnsmasq" || true
cat >"$work/kea4.json" <<JSON
{"Dhcp4": {
    "interfaces-config": {"interfaces": ["dns0"]}, "control-socket": {"socket-type": "unix", "socket-name": "$work/kea4.sock"},
    "lease-database": {"type": "memfile", "persist": true, "name": "$work/kea4.csv", "lfc-interval": 0}, "valid-lifetime": 600,
    "subnet4": [{"subnet": "198.18.0.0/16", "pools": [{"pool": "198.18.32.0 - 198.18.47.255"}], "option-data": [{"name": "routers", "data": "198.18.0.1"}]}],
    "loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stdout"}]}]}}
JSON
cat >"$work/kea6.json" <<JSON
{"Dhcp6": {
    "server-id": {"type": "LL", "htype": 1, "identifier": "020000000001", "persist": false},
    "interfaces-config": {"interfaces": ["dns0"]}, "control-socket": {"socket-type": "unix", "socket-name": "$work/kea6.sock"},
    "lease-database": {"type": "memfile", "persist": true, "name": "$work/kea6.csv", "lfc-interval": 0}, "valid-lifetime": 600, "preferred-lifetime": 500,
    "subnet6": [{"subnet": "2001:db8:1::/64", "interface": "dns0", "pools": [{"pool": "2001:db8:1::8000 - 2001:db8:1::cfff"}]}],
    "loggers": [{"name": "kea-dhcp6", "severity": "WARN", "output_options": [{"output": "stdout"}]}]}}
JSON
export KEA_PIDFILE_DIR="$work" KEA_LOCKFILE_DIR="$work"
start_in_ns dns "$work/kea4.log" kea-dhcp4 -c "$work/kea4.json"
start_in_ns dns "$work/kea6.log" kea-dhcp6 -c "$work/kea6.json"
serves() { in_ns dns ss -Hlun "sport = :$1" | grep -q .; }
wait_for 10 serves 67 || not_ok "kea-dhcp4 starts" "$(cat "$work/kea4.log")"
wait_for 10 serves 547 || not_ok "kea-dhcp6 starts" "$(cat "$work/kea6.log")"
all_back() { # FILE COLUMN N: Kea's last line about each of N addresses says that it lasts 0 s
    [ "$(awk -F, -v n="$2" 'NR > 1 { last[$1] = $n } END { for (a in last) k += last[a] == 0; print k + 0 }' "$1")" = "$3" ]
}

configure many 1000 198.18.0.1 "dhcp: ipv4, lease: {rate: 500}"
check "a load from 1,000 leased hosts: exit code 0" weir_run ours many
check "2,000 pages, 1,000 leases, how long they took" json "$work/many.json" \
    'd["transactions"]["completed"] == 2000 and d["connections"]["failed"] == {} and l["gained"] == l["released"] == 1000 and l["lost"] == 0 and
        l["latency_ns"]["lease"]["count"] == 1000 and 0 < l["latency_ns"]["lease"]["p50"] <= l["latency_ns"]["lease"]["p99"] <= l["latency_ns"]["lease"]["max"] and
        r["prepare_s"] > 1.9'
check_equal "nginx saw 1,000 addresses" 1000 "$(asked_from 198.18.)"
check "the sheet says so" grep -q "hosts 1,*000.*gained 1,*000.*released 1,*000" "$work/many.txt"
check "with median, p99 and the longest" grep -q "to a lease .*median.*p99.*max" "$work/many.txt"
check "Kea has all of them back" wait_for 5 all_back "$work/kea4.csv" 4 1000

# Of each the kernel knows two addresses, and its table of neighbours has room for 1,024.
configure six 400 2001:db8:1::1 "dhcp: ipv6, lease: {rate: 500}"
check "a load from 400 leased hosts over IPv6: exit code 0" weir_run ours six
check "2,000 pages, 400 leases" json "$work/six.json" \
    'd["transactions"]["completed"] == 2000 and l["family"] == "ipv6" and l["gained"] == l["released"] == 400'
check_equal "nginx saw 400 addresses of IPv6" 400 "$(asked_from 2001:db8:1::)"
check "Kea has all of them back" wait_for 5 all_back "$work/kea6.csv" 3 400

# ---- what goes wrong

refused() { # FILE TEXT: exit code 3, and the text
    refused_code=0
    weir_run ours2 "$1" || refused_code=$?
    [ "$refused_code" = 3 ] && grep -q "$2" "$work/$1.txt"
}
configure none 20 198.18.0.1 "dhcp: ipv4, lease: {timeout: 500ms}"
check "without a server: exit code 3, and which device waited for what" refused none \
    'device "clients": 0 of 20 hosts got an IPv4 address by DHCP on packet:weir0 within 0.500 s (lease.timeout): no server answered'
configure none6 20 2001:db8:1::1 "dhcp: ipv6, lease: {timeout: 500ms}"
check "the same of IPv6" refused none6 'device "clients": 0 of 20 hosts got an IPv6 address by DHCP .*: no server answered'
configure taken 1 198.18.0.2 "ipv4: {address: 198.18.0.1/16, probe: true}"
check "probe: an address that another station has is said" refused taken 'device "clients": found 198.18.0.1, which another station on packet:weir0 has'
