#!/bin/sh
# SPDX-License-Identifier: MIT
#
# link/af_xdp against the Linux kernel over veth, in the driver and generic: ping both ways, 10 MB each way between curl and Weir's server and between
# Weir's client and nginx, with equal digests and a capture in which tshark finds nothing wrong; a sender that leaves its checksums to a card; bridge and
# accelerator between two xdp: ports; what a second opener and a user without rights are told.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

ours=198.18.0.2
kernel=198.18.0.1
bytes=10000000

if "$WEIR" links | grep -q '^xdp:IFNAME.* no: '; then
    skip "AF_XDP" "$("$WEIR" links | sed -n 's/^xdp:IFNAME.* no: //p')"
    exit
fi

ns_add kernel
ns_add ours
veth_add kernel weir0 ours weir1
in_ns kernel ip addr add $kernel/24 dev weir0
head -c $bytes /dev/urandom >"$work/10MB"
digest=$(sha256sum <"$work/10MB" | cut -d ' ' -f 1)

# In the driver, or, since the other end's frames may be longer than a page while it is opened, generic.
mode() { # native|generic
    mode=$1
    if [ "$mode" = native ]; then mtu=1500; else mtu=9000; fi
    in_ns kernel ip link set weir0 mtu $mtu
}
opened() { # after a program opened weir1: the kernel's end sends full frames as ours takes them
    in_ns kernel ip link set weir0 mtu 1500
}
is_opened_as() { # JSON
    /usr/bin/python3 -c 'import json, sys
found = {p.get("opened_as") for p in json.load(open(sys.argv[1]))["ports"]}
sys.exit(f"{found}" if found != {sys.argv[2] + ", copied"} else 0)' "$1" "$mode"
}
drops() { # JSON: of all ports
    /usr/bin/python3 -c 'import json, sys; print([p["drops"] for p in json.load(open(sys.argv[1]))["ports"] if any(p["drops"].values())])' "$1"
}

# ---- ping

ping_both_ways() {
    in_ns ours "$WEIR" ping xdp:weir1 $kernel --address $ours/24 -c 20 -i 10ms >"$work/ping.log" 2>&1 &
    ping_pid=$!
    sleep 0.3
    opened
    ping_status=0
    wait $ping_pid || ping_status=$?
    check_equal "$mode: 20 pings to the kernel are answered" "0" "$ping_status"
    [ $ping_status -eq 0 ] || diag "$(cat "$work/ping.log")"
}

# ---- the server

server_start() {
    start "$work/server.log" "$WEIR" run examples/server.yaml --quiet --json "$work/server.json" \
        --set "loads[0].server.http.routes[11].root=$work" \
        --set "ports[0]={name: uplink, location: 'xdp:weir1', netns: /run/netns/weir-$$-ours, capture: $work/server.pcap, guard: {allowed: ['$ours/24']}}" \
        --set "devices[0]={name: web, port: uplink, ipv4: {address: $ours/24}}"
    server_pid=$started_pid
    if ! wait_for 10 in_ns kernel ping -q -c 1 -W 1 $ours; then
        not_ok "$mode: the server starts" "$(cat "$work/server.log")"
        exit 1
    fi
    opened
}
server_stop() {
    kill -INT "$server_pid"
    server_status=0
    wait "$server_pid" || server_status=$?
    check_equal "$mode: the server ends well" "0 " "$server_status $(cat "$work/server.log")"
}

curl_both_ways() {
    server_start
    check_equal "$mode: ping, 50 times of 1400 bytes" 50 "$(in_ns kernel ping -q -c 50 -i 0.01 -s 1400 $ours | sed -n 's/.* \([0-9]*\) received.*/\1/p')"
    check_equal "$mode: curl fetches 10 MB" "$digest" "$(in_ns kernel curl -gsSf -m 60 http://$ours/10MB | sha256sum | cut -d ' ' -f 1)"
    check_equal "$mode: curl posts 10 MB" "$digest" "$(in_ns kernel curl -gsSf -m 60 --data-binary "@$work/10MB" http://$ours/digest |
        /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["sha256"])')"
    server_stop
    check "$mode: the results say how the port was opened" is_opened_as "$work/server.json"
    check_equal "$mode: nothing was dropped" "[]" "$(drops "$work/server.json")"
    wrong=$(decode "$work/server.pcap" -Y "$(blemishes "ip.src == $ours")" | head -n 5)
    check_equal "$mode: tshark finds nothing wrong of ours" "" "$wrong"
    check "$mode: in all frames of 20 MB" test "$(frames "$work/server.pcap" tcp)" -gt 14000
}

# ---- the client

nginx_start() {
    mkdir "$work/tmp"
    cat >"$work/nginx.conf" <<CONF
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
daemon off;
user root;
events { worker_connections 1000; }
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    server { listen $kernel:80; root $work; dav_methods PUT; }
}
CONF
    start_in_ns kernel "$work/nginx.log" nginx -c "$work/nginx.conf" -p "$work"
    wait_for 20 listens kernel 80 || not_ok "nginx starts" "$(cat "$work/nginx.log" "$work/error.log")"
}

client_both_ways() {
    start_in_ns ours "$work/nc.log" sh -c "printf 'GET /10MB HTTP/1.0\r\n\r\n' | '$WEIR' nc xdp:weir1 $kernel 80 -a $ours/24 >'$work/got'"
    client_pid=$started_pid
    sleep 0.3
    opened
    wait "$client_pid" || not_ok "$mode: weir nc ends well" "$(cat "$work/nc.log")"
    check_equal "$mode: our client fetches 10 MB from nginx" "$digest" "$(tail -c $bytes "$work/got" | sha256sum | cut -d ' ' -f 1)"
    mode "$mode"
    rm -f "$work/put"
    start_in_ns ours "$work/nc.log" sh -c "(printf 'PUT /put HTTP/1.0\r\nContent-Length: $bytes\r\n\r\n'; cat '$work/10MB') | '$WEIR' nc xdp:weir1 $kernel 80 -a $ours/24"
    client_pid=$started_pid
    sleep 0.3
    opened
    wait "$client_pid" || not_ok "$mode: weir nc ends well" "$(cat "$work/nc.log")"
    check_equal "$mode: our client puts 10 MB to nginx" "$digest" "$(sha256sum <"$work/put" | cut -d ' ' -f 1)"
}

nginx_start
for m in native generic; do
    mode "$m"
    ping_both_ways
    mode "$m"
    curl_both_ways
    mode "$m"
    client_both_ways
done

# ---- a program on our stack

mode native
check_equal "weir exec: curl fetches 10 MB from nginx" "$digest" \
    "$(in_ns ours "$WEIR" exec -l xdp:weir1 -a $ours/24 -- curl -gsSf -m 60 http://$kernel/10MB | sha256sum | cut -d ' ' -f 1)"

# ---- a sender on this machine that leaves checksums to a card

mode native
in_ns kernel ethtool -K weir0 tx on >/dev/null
server_start
in_ns kernel curl -gsf -m 2 -o /dev/null http://$ours/bytes/1 && not_ok "unfilled checksums are not taken for right ones"
server_stop
check "unfilled checksums are counted by that name" /usr/bin/python3 -c 'import json, sys
p = json.load(open(sys.argv[1]))["ports"][0]
sys.exit(0 if p["drops"]["rx_unfilled"] > 0 else str(p))' "$work/server.json"
in_ns kernel ethtool -K weir0 tx off >/dev/null

# ---- who cannot have it

start_in_ns ours "$work/first.log" "$WEIR" services xdp:weir1 -a $ours/24
first_pid=$started_pid
wait_for 10 in_ns kernel ping -q -c 1 -W 1 $ours || not_ok "the first opener answers" "$(cat "$work/first.log")"
second_status=0
in_ns ours "$WEIR" ping xdp:weir1 $kernel --address 198.18.0.3/24 -c 1 >"$work/second.log" 2>&1 || second_status=$?
check_equal "a second opener is refused" 3 $second_status
check "and told why" grep -q "weir1: another program is attached to this interface" "$work/second.log"
check "the first one goes on" in_ns kernel ping -q -c 3 -i 0.01 -W 1 $ours
kill -9 $first_pid
wait $first_pid 2>/dev/null || true
check "a killed one leaves the interface to the next" in_ns ours "$WEIR" ping xdp:weir1 $kernel --address 198.18.0.3/24 -c 1
no_rights=0
in_ns ours setpriv --reuid 65534 --clear-groups --inh-caps -all "$WEIR" ping xdp:weir1 $kernel --address $ours/24 -c 1 >"$work/denied.log" 2>&1 || no_rights=$?
check_equal "without rights it is refused" 3 $no_rights
check "and told which are needed" grep -q "AF_XDP needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF" "$work/denied.log"

# ---- between two ports

ns_add left
ns_add box
ns_add right
veth_add left l0 box b0
veth_add right r0 box b1
in_ns left ip addr add 198.18.1.1/24 dev l0
in_ns right ip addr add 198.18.1.2/24 dev r0
start_in_ns right "$work/web.log" /usr/bin/python3 -m http.server -d "$work" --bind 198.18.1.2 8000
wait_for 20 listens right 8000 || not_ok "the web server starts" "$(cat "$work/web.log")"

between() { # NAME COMMAND...
    name=$1
    shift
    start_in_ns box "$work/box.log" "$@" --json "$work/box.json" --set "ports[0].location=xdp:b0" --set "ports[1].location=xdp:b1"
    box_pid=$started_pid
    wait_for 20 grep -q "Ctrl-C" "$work/box.log" || not_ok "$name: starts" "$(cat "$work/box.log")"
    check "$name: ping passes" in_ns left ping -q -c 20 -i 0.01 -W 2 -s 1400 198.18.1.2
    check_equal "$name: 10 MB pass" "$digest" "$(in_ns left curl -gsSf -m 60 http://198.18.1.2:8000/10MB | sha256sum | cut -d ' ' -f 1)"
    kill -INT "$box_pid"
    box_status=0
    wait "$box_pid" || box_status=$?
    check_equal "$name: Ctrl-C ends it well" 0 $box_status
    mode=native
    check "$name: both ports were opened in the driver" is_opened_as "$work/box.json"
}
between "weir bridge" "$WEIR" bridge examples/wan.yaml --set "impairments=[]"
between "weir accel" "$WEIR" accel examples/accel.yaml
