#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Weir's HTTP server (examples/server.yaml) for other people's clients on the kernel's TCP, over veth, or over TAP (server_tap.sh), over IPv6 in server6.sh: curl, wrk, ab, h2load, Python; 1 B
# to 100 MB both ways with equal digests, keep-alive, close, chunked, 1,000 and 10,000 connections at once; half-close, resets, a client that stops
# reading, one that is killed, slowloris. Captures of ours are decoded by tshark: nothing wrong that is ours.
# WEIR_INTEROP_SECONDS: how long each load generator runs (default 2); WEIR_INTEROP_STALL: how long a client does not read (default 4).
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

server=$(address 198.18.0.2)
kernel=$(address 198.18.0.1)
seconds=${WEIR_INTEROP_SECONDS:-2}
stall=${WEIR_INTEROP_STALL:-4}
url=http://$(in_url "$server")
# shellcheck disable=SC3045 # dash has it
ulimit -n 20000 2>/dev/null || true

mkdir "$work/www"
head -c 100000 /dev/urandom >"$work/www/file.bin"
head -c 100000000 /dev/urandom >"$work/www/large.bin"
large=$(sha256sum <"$work/www/large.bin" | cut -d ' ' -f 1)

# ---- the server

server_start() { # NAME OPTION...: results go to $work/NAME.json
    server_name=$1
    shift
    start "$work/$server_name.log" "$WEIR" run examples/server.yaml --quiet --json "$work/$server_name.json" \
        --csv "$work/$server_name.csv" --report "$work/$server_name.html" --junit "$work/$server_name.xml" \
        --set "loads[0].server.http.routes[11].root=$work/www" \
        --set "ports[0]={name: uplink, location: '$location', netns: /run/netns/weir-$$-$place, frames: 32768, $further guard: {allowed: ['$(subnet "$server")']}}" \
        --set "devices[0]={name: web, port: uplink, $(host_of "$server")}" \
        "$@"
    server_pid=$started_pid
    if ! wait_for 5 in_ns clients curl -gsf -m 2 -o /dev/null "$url/bytes/1"; then
        not_ok "$kind: the server starts" "$(cat "$work/$server_name.log")"
        exit 1
    fi
}

# Ctrl-C: the server drains, reports, and all is well.
server_stop() {
    kill -INT "$server_pid"
    server_status=0
    wait "$server_pid" || server_status=$?
    check_equal "$kind: $server_name: Ctrl-C ends the server well" "0 " "$server_status $(cat "$work/$server_name.log")"
    check "$kind: $server_name: all results agree" results_agree
}

results_agree() {
    /usr/bin/python3 tests/cli/check_results.py sums "$work/$server_name.json" &&
        /usr/bin/python3 tests/cli/check_results.py csv "$work/$server_name.json" "$work/$server_name.csv" &&
        /usr/bin/python3 tests/cli/check_results.py report "$work/$server_name.json" "$work/$server_name.html" &&
        /usr/bin/python3 tests/cli/check_results.py junit "$work/$server_name.json" "$work/$server_name.xml"
}

result() { # NAME PYTHON-EXPRESSION over r, the results, and s, the server's part
    /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); s = r["servers"][0]; print(eval(sys.argv[2]))' "$work/$1.json" "$2"
}

client() { # BEHAVIOUR ARGUMENT...
    in_ns clients /usr/bin/python3 tests/interop/odd_client.py "$url" "$@"
}

# ---- what clients do

digest_of_download() { # PATH
    in_ns clients curl -gsSf -m 60 "$url/$1" | sha256sum | cut -d ' ' -f 1
}
digest_of_upload() { # OPTION...
    in_ns clients curl -gsSf -m 60 "$@" "$url/digest" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["sha256"])'
}

wrk_is_content() { # OPTION...
    in_ns clients wrk -t 1 -d "${seconds}s" "$@" >"$work/wrk.txt" || return 1
    if grep -E 'Socket errors|Non-2xx' "$work/wrk.txt"; then return 1; fi
    grep Requests/sec "$work/wrk.txt" >"$work/rate"
}
ab_is_content() { # OPTION...
    in_ns clients ab -q -t "$seconds" -n 10000000 "$@" >"$work/ab.txt" 2>&1 || { cat "$work/ab.txt"; return 1; }
    grep -q '^Failed requests: *0$' "$work/ab.txt" || { cat "$work/ab.txt"; return 1; }
    if grep -E '^(Non-2xx|Write errors)' "$work/ab.txt"; then return 1; fi
    grep 'Requests per second' "$work/ab.txt" >"$work/rate"
}
h2load_is_content() { # OPTION...
    in_ns clients h2load --h1 "$@" >"$work/h2load.txt" 2>&1 || { cat "$work/h2load.txt"; return 1; }
    grep -q ' 0 failed, 0 errored, 0 timeout' "$work/h2load.txt" || { cat "$work/h2load.txt"; return 1; }
    grep '^finished' "$work/h2load.txt" >"$work/rate"
}
rate() { diag "$1: $(tr -s ' \n' ' ' <"$work/rate")"; }

# What a capture of ours may not hold. Nothing is lost here, so nothing may be sent again; the server is patient (no tail loss probes, a timeout of
# 10 s), as a busy machine's ACKs come late. A zero-window probe, towards a client that does not read, is one byte.
ours="$ip.src == $server"
patient="--set loads[0].tcp.rto_min=10s --set loads[0].tcp.tlp=false"
clean() { # NAME: the server's name, and that of its capture
    clean_found=$(decode "$work/$1.pcap" -Y "$(blemishes "$ours") || ($ours && tcp.analysis.retransmission && tcp.len > 1)" | head -n 5)
    clean_frames=$(frames "$work/$1.pcap" tcp)
    if [ -z "$clean_found" ] && [ "$clean_frames" -gt 0 ]; then
        ok "$kind: tshark finds nothing wrong of ours in $clean_frames frames"
    else
        not_ok "$kind: tshark finds nothing wrong of ours" "$clean_frames frames" "$clean_found"
    fi
    rm -f "$work/$1.pcap"
}

behaviour() {
    # shellcheck disable=SC2086 # several words
    server_start manners --set "ports[0].capture=$work/manners.pcap" $patient
    client stop-reading "$stall" >"$work/stall.log" 2>&1 &
    stall_pid=$!
    check "$kind: bodies of 0 B to 2 MB, down, up and echoed" client sizes
    check "$kind: urllib: files, HEAD, conditions, ranges, errors" client urllib "$work/www/file.bin"
    check "$kind: keep-alive, pipelined requests, close" client keep-alive
    check "$kind: a chunked upload" client chunked-post
    check "$kind: half-close: the answer comes whole" client half-close 20
    check "$kind: a client resets in the middle" client reset 10
    stall_status=0
    wait "$stall_pid" || stall_status=$?
    check_equal "$kind: a client stops reading for $stall s and gets the rest" "0 " "$stall_status $(cat "$work/stall.log")"
    server_stop
    check_equal "$kind: the ten resets are counted, no request failed otherwise" "10 0" \
        "$(result manners 's["connections"]["closed_by"].get("reset", 0), sum(n for c, n in s["requests"]["failed"].items() if c != "reset")' | tr -d '(),')"
    clean manners
}

load() {
    server_start load --set "loads[0].server.http.header_timeout=1s"
    check_equal "$kind: curl fetches a file of 100 MB" "$large" "$(digest_of_download large.bin)"
    check_equal "$kind: curl posts 100 MB" "$large" "$(digest_of_upload --data-binary "@$work/www/large.bin")"
    check_equal "$kind: curl posts 100 MB chunked" "$large" \
        "$(digest_of_upload -T "$work/www/large.bin" -X POST -H 'Transfer-Encoding: chunked')"
    check "$kind: wrk, 100 connections kept" wrk_is_content -c 100 "$url/bytes/100"
    rate "wrk, kept"
    check "$kind: wrk, 100 connections, a new one for each request" wrk_is_content -c 100 -H "Connection: close" "$url/bytes/100"
    rate "wrk, new"
    check "$kind: ab, 100 connections kept" ab_is_content -k -c 100 "$url/bytes/1000"
    rate "ab, kept"
    check "$kind: ab, 100 connections, a new one for each request" ab_is_content -c 100 "$url/bytes/1000"
    rate "ab, new"
    check "$kind: h2load, 100 connections" h2load_is_content -D "$seconds" -c 100 "$url/bytes/1000"
    rate "h2load"
    check "$kind: 1,000 connections at once" client many 1000 3
    check "$kind: 10,000 connections at once" client many 10000 2
    check "$kind: a client with 50 downloads is killed" client killed 50
    check "$kind: slowloris is answered 408" client slowloris 30
    server_stop
    check_equal "$kind: slowloris is counted" 30 "$(result load 's["requests"]["failed"].get("header_timeout", 0)')"
    check_equal "$kind: nobody was refused, nothing is left" "0 0 0" \
        "$(result load 's["connections"]["refused"], s["connections"]["overloaded"], s["connections"]["live"]' | tr -d '(),')"
    diag "$(result load '"%d connections, %d requests, %d segments sent again" % (s["connections"]["established"], s["requests"]["served"], r["ports"][0]["tcp"]["retransmitted_segments"])')"
}

# ---- over veth, or over TAP (server_tap.sh)

ns_add clients
ns_add server
if [ "${server_link:-veth}" = veth ]; then
    veth_add clients weir0 server weir1
    address_add clients "$kernel" weir0
    kind=veth
    place=server
    location=packet:weir1
    further=
else
    if [ ! -c /dev/net/tun ]; then
        skip "the server over TAP" "no /dev/net/tun (CONFIG_TUN)"
        exit
    fi
    kind=TAP
    place=clients
    location=tap:weir0
    if [ "$FAMILY" = 4 ]; then further="address: $kernel/24,"; else further="address6: '$kernel/80',"; fi
fi
behaviour
load
