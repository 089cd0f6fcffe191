# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# Weir's HTTP client against programs on the kernel's TCP: the cells of client.sh (veth) and client_tap.sh (TAP). A script sources lib.sh and this, and calls
# path_add, servers_start, then the cells. Offload is off on veth, so that captures show every frame; on TAP all of it is on. Captures of
# ours are decoded by tshark: nothing wrong that is ours.

server=$(address 198.18.0.1)
clients=$(address 198.18.0.10)
if [ "$FAMILY" = 4 ]; then everywhere=198.18.0.0/15; else everywhere=2001:db8::/32; fi # for guards, where a router is on the way
odd=9000

digest() { /usr/bin/python3 tests/interop/digest.py "$1"; }

# ---- paths

have_tap() { [ -c /dev/net/tun ]; }

# A way from us to the namespace NS, whose end INTERFACE has ADDRESS; port_location and port_netns are for the configuration. Without TAP
# devices the script ends here.
path_add() { # veth|tap INTERFACE ADDRESS/PREFIX [NS]
    path=$1
    path_ns=${4:-server}
    if [ "$path" = tap ] && ! have_tap; then
        skip "the rest is over TAP" "no /dev/net/tun (CONFIG_TUN)"
        exit
    elif [ "$path" = tap ]; then
        in_ns "$path_ns" ip tuntap add "$2" mode tap
        in_ns "$path_ns" ip link set "$2" up
        port_location=tap:$2
        port_netns=/run/netns/weir-$$-$path_ns
    else
        veth_add ours "ours-$2" "$path_ns" "$2"
        port_location=packet:ours-$2
        port_netns=/run/netns/weir-$$-ours
    fi
    address_add "$path_ns" "${3%/*}" "$2"
}

path_mtu() { # MTU: of weir1 and what is at its other end; TAP takes it from the configuration
    [ "$path" = tap ] && return
    in_ns ours ip link set ours-weir1 mtu "$1"
    in_ns "$path_ns" ip link set weir1 mtu "$1"
}

# ---- servers

odd_servers_start() { # ADDRESS; their process is $odd_pid
    start_in_ns server "$work/odd-$1.log" /usr/bin/python3 tests/interop/odd_server.py "$1" $odd
    odd_pid=$started_pid
    if ! wait_for 20 grep -q ready "$work/odd-$1.log"; then
        not_ok "the odd servers start" "$(cat "$work/odd-$1.log")"
        exit 1
    fi
}

nginx_start() {
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
        listen $(in_url "$server"):80 backlog=16384;
        root $work/files;
        location ~ shtml { ssi on; }
        location /put/ { dav_methods PUT; create_full_put_path on; client_body_buffer_size 1m; }
        location /close/ { alias $work/files/; keepalive_timeout 0; }
    }
}
CONF
    start_in_ns server "$work/nginx.log" nginx -p "$work" -c "$work/nginx.conf" -e "$work/error.log"
    if ! wait_for 20 listens server 80; then
        not_ok "nginx starts" "$(cat "$work/nginx.log" "$work/error.log")"
        exit 1
    fi
}

# ---- a router, which is the kernel: its out0 leads to the server, path_add ... router to ours

router_start() { # MTU of out0; the server's own is 1500, and so is the MSS it offers
    ns_add ours
    ns_add router
    ns_add server
    forwarding_on router
    veth_add router out0 server weir1
    address_add router "$(address 198.18.0.2)" out0
    router_mtu "$1"
    address_add server "$server" weir1
    route_add server "$(address 198.18.0.2)"
    nginx_start
}

router_mtu() { # MTU: of what the router sends to the server
    in_ns router ip link set out0 mtu "$1"
}

# ---- loads

base_write() { # from the last path_add
    cat >"$work/base.yaml" <<YAML
ports:
  - name: uplink
    location: "$port_location"
    netns: $port_netns
    guard: {allowed: ["$(subnet "$server")"]}
devices:
  - {name: clients, port: uplink, $(host_of "$clients")}
loads:
  - name: load
    client: clients
    server: {address: "$server", port: 80}
    http: {host: test.example, urls: [{path: /1}]}
    schedule: [{hold: 500ms, concurrent: 1}]
    loop: closed
report:
  pass: {max_failed_connections: 0, max_failed_transactions: 0}
YAML
}

# One path of nginx with length and digest: a URL of the configuration.
url() { # PATH LENGTH
    printf '{path: %s, status: 200, length: %sB, digest: %s}' "$1" "$2" "$(digest "$2")"
}

load() { # NAME OPTION...: a run that must meet its criteria; results in $work/NAME.json
    load_name=$1
    shift
    "$WEIR" run "$work/base.yaml" --quiet --json "$work/$load_name.json" "$@"
}

# Runs until so many transactions have been begun and have ended, however long a busy machine takes; all of them must complete.
load_number() { # N NAME OPTION...
    number=$1
    shift
    load "$@" --set duration=2m --set "loads[0].max_transactions=$number" --set "report.pass.min_completed_transactions=$number"
}

# A load in the background, from load_start to load_stop, whose exit status is load_status. In between, things happen to the way when nginx has
# answered so and so many requests more.
load_start() { # NAME OPTION...
    load_name=$1
    shift
    start "$work/$load_name.log" "$WEIR" run "$work/base.yaml" --quiet --json "$work/$load_name.json" --set duration=2m --set drain=30s "$@"
    load_pid=$started_pid
}
load_stop() {
    load_status=0
    stop "$load_pid" || load_status=$?
}
answered() { # N: in all
    [ "$(wc -l <"$work/access.log")" -ge "$1" ]
}
await_answers() { # N more than now
    wait_for 60 answered $(($(wc -l <"$work/access.log") + $1)) || diag "nginx did not answer $1 requests more within 60 s"
}

# The same from an odd server, over the port that its behaviour has.
odd_load() { # NAME PORT-OFFSET URLS OPTION...
    odd_name=$1
    odd_port=$((odd + $2))
    odd_urls=$3
    shift 3
    load "$odd_name" --set "loads[0].server.port=$odd_port" --set "loads[0].http.urls=$odd_urls" "$@"
}
odd_number() { # N NAME PORT-OFFSET URLS OPTION...
    number=$1
    shift
    odd_load "$@" --set duration=2m --set "loads[0].max_transactions=$number" --set "report.pass.min_completed_transactions=$number"
}

result() { # NAME PYTHON-EXPRESSION over r, the results, l, the load's, and t, TCP's
    /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); l = r["loads"][0] if r["loads"] else None; t = r["ports"][0]["tcp"]; print(eval(sys.argv[2]))' \
        "$work/$1.json" "$2"
}
completed() { result "$1" 'l["transactions"]["completed"]'; }

# Settings for captures: nothing is lost on these paths, so that nothing may go again, but a busy machine's ACKs come late, which is reason enough
# for a tail loss probe (RFC 8985) and for a timeout.
patient="--set loads[0].tcp.rto_min=10s --set loads[0].tcp.tlp=false"

# What a capture of ours may not hold; the kernel's own retransmissions and late checksums are the kernel's. What goes again may only be tail loss
# probes, as many as we counted: none where the load was patient.
clean() { # TEXT CAPTURE LOAD [full]: with `full` our data may fill the peer's window
    ours="$ip.src == ${clean_from:-$clients}"
    clean_wrong=$(blemishes "$ours")
    [ "${4:-}" = full ] || clean_wrong="$clean_wrong || ($ours && tcp.analysis.window_full)"
    clean_resent="$ours && tcp.analysis.retransmission && !tcp.analysis.zero_window_probe && tcp.len > 1"
    clean_counts=$(decode "$2" -q -z "io,stat,0,tcp,$clean_wrong,$clean_resent" | sed -n 's/^|.*<>[^|]*//p' | awk -F'|' '{print $2, $4, $6}')
    # shellcheck disable=SC2086
    set -- "$1" "$2" "$(result "$3" 't["tlp_probes"]')" ${clean_counts:-0 0 0}
    if [ "$4" -gt 0 ] && [ "$5" -eq 0 ] && [ "$6" -le "$3" ]; then
        ok "$path: $1: tshark finds nothing wrong of ours in $4 frames"
    else
        not_ok "$path: $1: tshark finds nothing wrong of ours" "$4 frames, $5 of them wrong, $6 sent again, $3 tail loss probes" \
            "$(decode "$2" -Y "$clean_wrong || $clean_resent" | head -n 5)"
    fi
    rm -f "$2"
}

# ---- cells: sizes, keep-alive, close, chunked

cells_bodies() {
    urls="[$(url /1 1), $(url /1000 1000), $(url /100000 100000), $(url /1000000 1000000)]"
    check "$path: keep-alive: bodies of 1 B to 1 MB arrive with their digests" load_number 100 keep \
        --set "loads[0].http.urls=$urls" --set "loads[0].schedule[0]={hold: 500ms, transactions_per_second: 200}" \
        --set "loads[0].http.order=sequence" --set "ports[0].capture=$work/keep.pcap" --set "loads[0].tcp.rto_min=10s"
    diag "$(completed keep) transactions on $(result keep 'l["connections"]["established"]') connections"
    clean "keep-alive" "$work/keep.pcap" keep
    urls="[{path: /close/1, length: 1B, digest: $(digest 1)}, {path: /close/100000, length: 100000B, digest: $(digest 100000)}]"
    # shellcheck disable=SC2086 # several words
    check "$path: close: the server ends each connection after its response" load_number 150 close \
        --set "loads[0].http.urls=$urls" --set "loads[0].schedule[0]={hold: 500ms, connections_per_second: 300}" \
        --set "ports[0].capture=$work/close.pcap" $patient
    clean "close" "$work/close.pcap" close
    check "$path: chunked: a body without a length arrives with its digest" load_number 100 chunked \
        --set "loads[0].http.urls=[{path: /chunked.shtml, status: 200, length: 100001B}]" --set "loads[0].schedule[0].concurrent=5"
    check "$path: an empty body" load_number 100 empty --set "loads[0].http.urls=[{path: /0, status: 200, length: 0B}]"
    check "$path: 100 MB arrive with their digest" load_number 1 large --set "loads[0].http.urls=[$(url /100000000 100000000)]"
    diag "$(result large '"%d MB in %.1f s" % (l["transactions"]["body_bytes"] / 1e6, r["load_s"])')"
    check "$path: 100 MB are put" load_number 1 put \
        --set "loads[0].http.urls=[{path: /put/100000000, method: put, status: 201, body_size: 100000000B}]"
    /usr/bin/python3 tests/interop/pattern.py 100000000 >"$work/body"
    check "$path: the file that nginx wrote is the body" cmp "$work/body" "$work/files/put/100000000"
    rm -f "$work/body" "$work/files/put/100000000"
}

# ---- cells: many at once

# Each connection thinks between its requests, so that all are opened before so many requests have been sent.
cells_many() {
    check "$path: 1,000 connections at once" load_number 4000 thousand --set "loads[0].http.urls=[$(url /1000 1000)]" \
        --set "loads[0].schedule=[{ramp: 500ms, concurrent: 1000}, {hold: 500ms}]" --set "devices[0].count=10" --set "loads[0].think_time=200ms"
    check_equal "$path: all thousand were open" 1000 "$(result thousand 'l["connections"]["established"]')"
    check "$path: 10,000 connections at once" load_number 25000 ten_thousand --set "loads[0].http.urls=[$(url /1000 1000)]" \
        --set "loads[0].schedule=[{ramp: 2s, concurrent: 10000}, {hold: 1s}]" --set "devices[0].count=100" \
        --set "loads[0].think_time=1s" --set "ports[0].frames=32768"
    check_equal "$path: all ten thousand were open" 10000 "$(result ten_thousand 'l["connections"]["established"]')"
}

# ---- cells: bad manners; the last kills the odd servers

all_fail() { # N TEXT LOAD CAUSE-EXPRESSION
    check_equal "$path: $2" "$1 $1" "$(result "$3" '"%d %d" % (l["transactions"]["started"], '"$4)")"
    diag "$(result "$3" 'l["transactions"]["failed"]')"
}
established() { # PORT N: so many connections at the server
    [ "$(in_ns server ss -Htn state established "sport = :$1" | wc -l)" -ge "$2" ]
}

cells_bad_manners() {
    body="length: 100000B, digest: $(digest 100000)"
    # shellcheck disable=SC2086 # several words
    check "$path: half-close: the body of a server that has ended its stream is whole" odd_number 25 half_close 0 "[{path: /, $body}]" \
        --set "loads[0].schedule[0]={hold: 500ms, connections_per_second: 50}" --set "ports[0].capture=$work/half.pcap" $patient
    clean "half-close" "$work/half.pcap" half_close
    odd_number 25 reset 1 "[{path: /, $body}]" --set "loads[0].schedule[0]={hold: 500ms, connections_per_second: 50}" >/dev/null 2>&1 || true
    all_fail 25 "RST in the middle: every transaction fails, by a reset" reset 'l["transactions"]["failed"].get("reset", 0)'
    check "$path: one byte a segment" odd_number 10 bytes 3 "[{path: /, length: 100B, digest: $(digest 100)}]" \
        --set "loads[0].schedule[0]={hold: 500ms, connections_per_second: 20}"
    for behaviour in "4 close without an answer" "5 close in the middle of the body"; do
        odd_number 25 manners "${behaviour%% *}" "[{path: /, $body}]" --set "loads[0].schedule[0]={hold: 500ms, connections_per_second: 50}" \
            >/dev/null 2>&1 || true
        all_fail 25 "${behaviour#* }: every transaction fails, none hangs" manners 'sum(l["transactions"]["failed"].values())'
    done
    odd_number 50 killed 6 "[{path: /, $body}]" --set "loads[0].schedule[0].concurrent=50" >/dev/null 2>&1 &
    killed_pid=$!
    wait_for 60 established $((odd + 6)) 50 || true
    kill -KILL "$odd_pid"
    wait "$killed_pid" || true
    all_fail 50 "a killed server: the client sees its connections end" killed 'sum(l["transactions"]["failed"].values())'
    diag "$(result killed 'l["connections"]["failed"]')"
}

# ---- cells: the link down and up

cells_link_flap() {
    load_start flap --set "loads[0].http.urls=[$(url /100000 100000)]" --set "loads[0].schedule[0].concurrent=10" --set "loads[0].think_time=20ms"
    await_answers 100
    in_ns server ip link set weir1 down
    sleep 0.7
    in_ns server ip link set weir1 up
    await_answers 100
    load_stop
    check_equal "$path: link down and up: no transaction fails" "0 " "$load_status $(cat "$work/flap.log")"
    diag "$(completed flap) transactions, $(result flap 't["retransmitted_segments"]') segments sent again"
}

# ---- cells: MTUs, options

megabytes() { # NAME OPTION...: 10 transfers of 1 MB, captured
    megabytes_name=$1
    shift
    # shellcheck disable=SC2086 # several words
    load_number 10 "$megabytes_name" --set "loads[0].http.urls=[$(url /1000000 1000000)]" \
        --set "loads[0].schedule[0]={hold: 500ms, transactions_per_second: 20}" --set "ports[0].capture=$work/$megabytes_name.pcap" $patient "$@"
}

largest_packet() { # CAPTURE
    packet_lengths "$1" "$ip" | tail -n 1
}

cells_mtu() {
    for mtu in $least_mtu 1500 9000 9216; do
        path_mtu "$mtu"
        check "$path: MTU $mtu" megabytes mtu --set "ports[0].mtu=$mtu"
        check_equal "$path: MTU $mtu: the largest packet" "$mtu" "$(largest_packet "$work/mtu.pcap")"
        clean "MTU $mtu" "$work/mtu.pcap" mtu
    done
    path_mtu 1500
}

server_sysctl() { # NAME VALUE
    in_ns server sh -c "echo $2 >/proc/sys/net/ipv4/$1"
}

cells_options() {
    for option in tcp_timestamps tcp_sack tcp_window_scaling; do
        server_sysctl $option 0
        check "$path: $option off at the server" megabytes option
        clean "$option off" "$work/option.pcap" option
        server_sysctl $option 1
    done
    server_sysctl tcp_ecn 1
    check "$path: ECN on at the server and at ours" megabytes ecn --set "loads[0].tcp.ecn=on"
    check_equal "$path: ECN is agreed on every connection" True "$(result ecn 't["ecn_agreed"] == l["connections"]["established"] > 0')"
    ours="$ip.src == $clients"
    check_equal "$path: our SYNs ask for it, data of both sides is ECT(0), nothing else of ours is ECT" "0 0 0 True" \
        "$(frames "$work/ecn.pcap" "$ours && tcp.flags.syn == 1 && (tcp.flags.ece == 0 || tcp.flags.cwr == 0)") \
$(frames "$work/ecn.pcap" "$ours && tcp.len > 0 && $ecn != 2") $(frames "$work/ecn.pcap" "$ours && tcp.len == 0 && $ecn != 0") \
$([ "$(frames "$work/ecn.pcap" "!($ours) && tcp.len > 0 && $ecn == 2")" -gt 100 ] && echo True)"
    clean "ECN" "$work/ecn.pcap" ecn
}

# ---- cells: a peer that stops reading for 30 s: begun early, judged at the end, on a path of its own

stall_begin() { # veth|tap INTERFACE ADDRESS OURS
    path_add "$1" "$2" "$3/24"
    odd_servers_start "$3"
    (odd_load "stalled-$1" 2 "[{path: /, method: post, body_size: 8MB, status: 200}]" \
        --set "ports[0]={name: uplink, location: $port_location, netns: $port_netns, guard: {allowed: ['$(subnet "$3")']}, capture: $work/stall-$1.pcap}" \
        --set "devices[0]={name: clients, port: uplink, $(host_of "$4")}" --set "loads[0].server.address=$3" \
        --set "loads[0].schedule[0]={hold: 33s, concurrent: 1}" --set "loads[0].think_time=10s" --set "loads[0].transaction_timeout=60s" \
        --set "report.pass.min_completed_transactions=1" >"$work/stalled-$1.log" 2>&1
        echo $? >"$work/stalled-$1.status") &
}

stall_end() { # veth|tap OURS
    path=$1
    wait_for 60 test -s "$work/stalled-$1.status" || true
    check_equal "$path: a peer that stops reading for 30 s: the posted body is taken in the end" "0 " \
        "$(cat "$work/stalled-$1.status") $(cat "$work/stalled-$1.log")"
    check_equal "$path: the shut window was probed" True "$(result "stalled-$1" 't["zero_window_probes"] >= 3')"
    diag "$(result "stalled-$1" 't["zero_window_probes"]') probes"
    clean_from=$2
    clean "stopped reading" "$work/stall-$1.pcap" "stalled-$1" full
    clean_from=
}
