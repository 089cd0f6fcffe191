#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Weir's HTTP client against programs on the kernel's TCP, over veth: nginx with keep-alive, close and chunked bodies of 1 B to 100 MB, 1,000 and
# 10,000 connections at once; servers with bad manners (odd_server.py); a server killed; the link down and up; MTUs; TCP options off at the
# server; ECN. Captures of ours are decoded by tshark: nothing wrong that is ours.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

server=198.18.0.1
clients=198.18.0.10
odd=9000

ns_add client
ns_add server
veth_add client weir0 server weir1
in_ns server ip addr add $server/24 dev weir1

digest() { /usr/bin/python3 tests/interop/digest.py "$1"; }

# ---- servers

mkdir "$work/files" "$work/tmp"
for size in 1 1000 100000 1000000 100000000; do
    yes weir | head -c $size >"$work/files/$size"
done
: >"$work/files/0"
echo '<!--# set var="a" value="b" -->' >"$work/files/chunked.shtml" # a parsed page has no length
yes weir | head -c 100000 >>"$work/files/chunked.shtml"
cat >"$work/nginx.conf" <<CONF
worker_processes 1;
worker_rlimit_nofile 20000;
pid $work/nginx.pid;
error_log $work/error.log;
daemon off;
user root;
events { worker_connections 19000; }
http {
    log_format short '\$status \$request_uri';
    access_log $work/access.log short;
    sendfile on;
    types { text/html shtml; }
    default_type application/octet-stream;
    keepalive_requests 1000000;
    keepalive_timeout 300;
    client_max_body_size 0;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    server {
        listen $server:80 backlog=16384;
        root $work/files;
        location ~ shtml { ssi on; }
        location /put/ { dav_methods PUT; create_full_put_path on; client_body_buffer_size 1m; }
        location /close/ { alias $work/files/; keepalive_timeout 0; }
    }
}
CONF
start_in_ns server "$work/nginx.log" nginx -p "$work" -c "$work/nginx.conf" -e "$work/error.log"
start_in_ns server "$work/odd.log" /usr/bin/python3 tests/interop/odd_server.py $server $odd
odd_pid=$started_pid
if ! wait_for 20 listens server 80 || ! wait_for 20 grep -q ready "$work/odd.log"; then
    not_ok "nginx and the odd servers start" "$(cat "$work/nginx.log" "$work/error.log" "$work/odd.log")"
    exit 1
fi

cat >"$work/base.yaml" <<YAML
ports:
  - name: uplink
    location: "packet:weir0"
    netns: /run/netns/weir-$$-client
    guard: {allowed: [198.18.0.0/24]}
devices:
  - {name: clients, port: uplink, ipv4: {address: $clients/24}}
loads:
  - name: load
    client: clients
    server: {address: $server, port: 80}
    http: {host: test.example, urls: [{path: /1}]}
    schedule: [{hold: 1s, concurrent: 1}]
    loop: closed
report:
  pass: {max_failed_connections: 0, max_failed_transactions: 0}
YAML

# One path of nginx with length and digest: a URL of the configuration.
url() { # PATH LENGTH
    printf '{path: %s, status: 200, length: %sB, digest: %s}' "$1" "$2" "$(digest "$2")"
}

load() { # NAME OPTION...: a run that must meet its criteria; results in $work/NAME.json
    load_name=$1
    shift
    "$WEIR" run "$work/base.yaml" --quiet --json "$work/$load_name.json" "$@"
}

result() { # NAME PYTHON-EXPRESSION over r, the results
    /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); l = r["loads"][0]; print(eval(sys.argv[2]))' \
        "$work/$1.json" "$2"
}
completed() { result "$1" 'l["transactions"]["completed"]'; }

# What a capture of ours may not hold; the kernel's own retransmissions and late checksums are the kernel's.
ours="ip.src == $clients"
blemishes="_ws.malformed || ($ours && (ip.checksum.status == 0 || tcp.checksum.status == 0)) ||
    ($ours && (tcp.analysis.retransmission || tcp.analysis.window_full || tcp.analysis.ack_lost_segment))"
clean() { # NAME CAPTURE [FURTHER-FILTER]
    clean_found=$(decode "$2" -Y "${3:-$blemishes}")
    if [ -z "$clean_found" ]; then
        ok "$1: tshark finds nothing wrong of ours in $(frames "$2" tcp) frames"
    else
        not_ok "$1: tshark finds nothing wrong of ours" "$(echo "$clean_found" | head -n 5)"
    fi
    rm -f "$2"
}

odd_load() { # NAME PORT-OFFSET URLS OPTION...
    odd_name=$1
    odd_port=$((odd + $2))
    odd_urls=$3
    shift 3
    load "$odd_name" --set "loads[0].server.port=$odd_port" --set "loads[0].http.urls=$odd_urls" "$@"
}

# A peer that stops reading for 30 s: begun here, judged at the end. Its port is a pair of its own.
veth_add client weir2 server weir3
in_ns server ip addr add 198.18.1.1/24 dev weir3
start_in_ns server "$work/stalls.log" /usr/bin/python3 tests/interop/odd_server.py 198.18.1.1 $odd
wait_for 20 grep -q ready "$work/stalls.log"
odd_load stalled 2 "[{path: /, method: post, body_size: 8MB, status: 200}]" --set "ports[0].location=packet:weir2" \
    --set "ports[0].guard.allowed=[198.18.1.0/24]" --set "devices[0].ipv4.address=198.18.1.10/24" --set "loads[0].server.address=198.18.1.1" \
    --set "loads[0].schedule[0]={hold: 33s, concurrent: 1}" --set "loads[0].think_time=10s" --set "loads[0].transaction_timeout=60s" \
    --set "report.pass.min_completed_transactions=1" \
    --set "ports[0].capture=$work/stall.pcap" >"$work/stalled.log" 2>&1 &
stall_pid=$!

# ---- sizes, keep-alive, close, chunked

urls="[$(url /1 1), $(url /1000 1000), $(url /100000 100000), $(url /1000000 1000000)]"
check "keep-alive: bodies of 1 B to 1 MB arrive with their digests" load keep \
    --set "loads[0].http.urls=$urls" --set "loads[0].schedule[0]={hold: 1s, transactions_per_second: 200}" \
    --set "loads[0].http.order=sequence" --set "report.pass.min_completed_transactions=200" --set "ports[0].capture=$work/keep.pcap"
diag "$(completed keep) transactions on $(result keep 'l["connections"]["established"]') connections"
clean "keep-alive" "$work/keep.pcap"
urls="[{path: /close/1, length: 1B, digest: $(digest 1)}, {path: /close/100000, length: 100000B, digest: $(digest 100000)}]"
check "close: the server ends each connection after its response" load close \
    --set "loads[0].http.urls=$urls" --set "loads[0].schedule[0]={hold: 1s, connections_per_second: 300}" \
    --set "report.pass.min_completed_transactions=250" --set "ports[0].capture=$work/close.pcap"
clean "close" "$work/close.pcap"
check "chunked: a body without a length arrives with its digest" load chunked \
    --set "loads[0].http.urls=[{path: /chunked.shtml, status: 200, length: 100001B}]" --set "report.pass.min_completed_transactions=20" \
    --set "loads[0].schedule[0].concurrent=5"
check "an empty body" load empty --set "loads[0].http.urls=[{path: /0, status: 200, length: 0B}]" \
    --set "report.pass.min_completed_transactions=20"
check "100 MB arrive with their digest" load large --set "loads[0].http.urls=[$(url /100000000 100000000)]" \
    --set "loads[0].schedule[0]={hold: 1s, concurrent: 1}" --set "report.pass.min_completed_transactions=1"
diag "$(result large '"%d MB in %.1f s" % (l["transactions"]["body_bytes"] / 1e6, r["load_s"])')"

# ---- many at once

check "1,000 connections at once" load thousand --set "loads[0].http.urls=[$(url /1000 1000)]" \
    --set "loads[0].schedule=[{ramp: 1s, concurrent: 1000}, {hold: 1s}]" --set "devices[0].count=10" \
    --set "loads[0].think_time=200ms" --set "report.pass.min_completed_transactions=3000"
check_equal "all thousand were open" 1000 "$(result thousand 'l["connections"]["established"]')"
check "10,000 connections at once" load ten_thousand --set "loads[0].http.urls=[$(url /1000 1000)]" \
    --set "loads[0].schedule=[{ramp: 3s, concurrent: 10000}, {hold: 2s}]" --set "devices[0].count=100" \
    --set "loads[0].think_time=1s" --set "ports[0].frames=32768" --set "report.pass.min_completed_transactions=10000"
check_equal "all ten thousand were open" 10000 "$(result ten_thousand 'l["connections"]["established"]')"

# ---- bad manners

body="length: 100000B, digest: $(digest 100000)"
check "half-close: the body of a server that has ended its stream is whole" odd_load half_close 0 "[{path: /, $body}]" \
    --set "loads[0].schedule[0]={hold: 1s, connections_per_second: 50}" --set "report.pass.min_completed_transactions=40" \
    --set "ports[0].capture=$work/half.pcap"
clean "half-close" "$work/half.pcap"
odd_load reset 1 "[{path: /, $body}]" --set "loads[0].schedule[0]={hold: 1s, connections_per_second: 50}" >/dev/null 2>&1 || true
check_equal "RST in the middle: every transaction fails, by a reset" "True True" \
    "$(result reset 'l["transactions"]["started"] >= 40, l["transactions"]["failed"].get("reset", 0) == l["transactions"]["started"]' | tr -d '(),')"
diag "$(result reset 'l["transactions"]["failed"], l["connections"]["closed_by"]')"
check "one byte a segment" odd_load bytes 3 "[{path: /, length: 100B, digest: $(digest 100)}]" \
    --set "loads[0].schedule[0]={hold: 1s, connections_per_second: 20}" --set "report.pass.min_completed_transactions=15"
for behaviour in "4 close without an answer" "5 close in the middle of the body"; do
    name=$(echo "${behaviour#* }" | tr ' ' _)
    odd_load "$name" "${behaviour%% *}" "[{path: /, $body}]" --set "loads[0].schedule[0]={hold: 1s, connections_per_second: 50}" >/dev/null 2>&1 || true
    check_equal "${behaviour#* }: every transaction fails, none hangs" "True True" \
        "$(result "$name" 'l["transactions"]["started"] >= 40, sum(l["transactions"]["failed"].values()) == l["transactions"]["started"]' | tr -d '(),')"
    diag "$(result "$name" 'l["transactions"]["failed"]')"
done

# ---- a server killed, the link down

odd_load killed 6 "[{path: /, $body}]" --set "loads[0].schedule[0]={hold: 3s, concurrent: 50}" >/dev/null 2>&1 &
load_pid=$!
sleep 1.5
kill -KILL "$odd_pid"
wait "$load_pid" || true
check_equal "a killed server: the client sees its connections end" True \
    "$(result killed 'l["connections"]["established"] >= 50 and sum(l["transactions"]["failed"].values()) >= 50')"
diag "$(result killed 'l["transactions"]["failed"], l["connections"]["failed"]')"

load flap --set "loads[0].http.urls=[$(url /100000 100000)]" --set "loads[0].schedule[0]={hold: 5s, concurrent: 10}" \
    --set "loads[0].think_time=20ms" >"$work/flap.log" 2>&1 &
load_pid=$!
sleep 1.5
in_ns server ip link set weir1 down
sleep 1
in_ns server ip link set weir1 up
flap_status=0
wait "$load_pid" || flap_status=$?
check_equal "link down and up: no transaction fails" 0 "$flap_status"
diag "$(completed flap) transactions, $(result flap 'r["ports"][0]["tcp"]["retransmitted_segments"]') segments sent again"

# ---- MTUs, options

for mtu in 576 1500 9000; do
    in_ns client ip link set weir0 mtu $mtu
    in_ns server ip link set weir1 mtu $mtu
    check "MTU $mtu" load mtu --set "ports[0].mtu=$mtu" --set "loads[0].http.urls=[$(url /1000000 1000000)]" \
        --set "loads[0].schedule[0]={hold: 1s, transactions_per_second: 10}" --set "report.pass.min_completed_transactions=10" --set "ports[0].capture=$work/mtu.pcap"
    check_equal "MTU $mtu: the largest packet" $mtu "$(decode "$work/mtu.pcap" -T fields -e ip.len | sort -n | tail -n 1)"
    clean "MTU $mtu" "$work/mtu.pcap"
done
in_ns client ip link set weir0 mtu 1500
in_ns server ip link set weir1 mtu 1500

for option in tcp_timestamps tcp_sack tcp_window_scaling; do
    in_ns server sh -c "echo 0 >/proc/sys/net/ipv4/$option"
    check "$option off at the server" load option --set "loads[0].http.urls=[$(url /1000000 1000000)]" \
        --set "loads[0].schedule[0]={hold: 1s, transactions_per_second: 20}" --set "report.pass.min_completed_transactions=20" --set "ports[0].capture=$work/option.pcap"
    clean "$option off" "$work/option.pcap"
    in_ns server sh -c "echo 1 >/proc/sys/net/ipv4/$option"
done
in_ns server sh -c "echo 1 >/proc/sys/net/ipv4/tcp_ecn"
check "ECN on at the server" load ecn --set "loads[0].http.urls=[$(url /1000000 1000000)]" \
    --set "loads[0].schedule[0]={hold: 1s, transactions_per_second: 20}" --set "report.pass.min_completed_transactions=20" --set "ports[0].capture=$work/ecn.pcap"
clean "ECN" "$work/ecn.pcap"

# ---- the peer that stopped reading

stall_status=0
wait "$stall_pid" || stall_status=$?
check_equal "a peer that stops reading for 30 s: the posted body is taken in the end" "0 " "$stall_status $(cat "$work/stalled.log")"
check_equal "the shut window was probed" True "$(result stalled 'r["ports"][0]["tcp"]["zero_window_probes"] >= 3')"
diag "$(result stalled 'r["ports"][0]["tcp"]["zero_window_probes"]') probes"
# A probe is one byte beyond the window; tshark calls it that, and what fills the window before it so.
ours="ip.src == 198.18.1.10"
clean "stopped reading" "$work/stall.pcap" "_ws.malformed || ($ours && (tcp.checksum.status == 0 || tcp.analysis.ack_lost_segment ||
    (tcp.analysis.retransmission && !tcp.analysis.zero_window_probe && tcp.len > 1)))"
