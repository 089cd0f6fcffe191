#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir services` and `weir nc` on Weir's stack over veth, against nc, socat and Python on the kernel's; and the kernel's services for `weir services --ask`.
# Over IPv6 in services6.sh.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

ns_add weir
ns_add kernel
veth_add weir ours kernel theirs
THEIRS=$(address 198.18.0.1)
ADDRESS=$(address 198.18.0.10)
address_add kernel "$THEIRS" theirs

weir() { # COMMAND ARGUMENTS...: on Weir's stack
    weir_command=$1
    shift
    in_ns weir timeout 60 "$WEIR" "$weir_command" packet:ours -a "$(subnet "$ADDRESS")" "$@"
}
kernel() { in_ns kernel timeout 60 "$@"; }

head -c 3000000 /dev/urandom >"$work/in"
sum=$(sha256sum <"$work/in")

whole_life() { # NAME COMMAND...: does it, and its one TCP connection is opened, used and closed by both ends, and never reset
    life_name=$1
    shift
    rm -f "$work/life.pcap" # capture_start waits for the new one
    capture_start kernel theirs "$work/life.pcap"
    check "$life_name" "$@"
    sleep 0.3
    capture_stop
    check_equal "$life_name: SYN and FIN of both ends, no RST" "1 1 1 1 0" "$(for filter in "tcp.flags.syn == 1 && tcp.flags.ack == 0" \
        "tcp.flags.syn == 1 && tcp.flags.ack == 1" "tcp.flags.fin == 1 && $ip.src == $ADDRESS" "tcp.flags.fin == 1 && $ip.src == $THEIRS" \
        "tcp.flags.reset == 1"; do frames "$work/life.pcap" "$filter"; done | tr '\n' ' ' | sed 's/ $//')"
    check "$life_name: data both ways" test "$(frames "$work/life.pcap" "tcp.len > 0 && $ip.src == $ADDRESS")" -gt 0 -a \
        "$(frames "$work/life.pcap" "tcp.len > 0 && $ip.src == $THEIRS")" -gt 0
}
if [ "$FAMILY" = 6 ]; then ip=ipv6; else ip=ip; fi

# ---- the services, asked by the kernel's programs

cat >"$work/host.yaml" <<YAML
ports: [{name: eth, location: "packet:ours"}]
devices: [{name: host, port: eth, $(host_of "$ADDRESS")}]
YAML
start_in_ns weir "$work/services.log" "$WEIR" services -c "$work/host.yaml"
services_pid=$started_pid
wait_for 20 grep -q "daytime on" "$work/services.log" || not_ok "weir services starts" "$(cat "$work/services.log")"
check_equal "TCP echo gives back 3 MB to nc -N" "$sum" "$(kernel nc -N "$ADDRESS" 7 <"$work/in" | sha256sum)"
whole_life "TCP echo from open to close, of nc -N" sh -c \
    "head -c 100000 '$work/in' | nsenter --net=/run/netns/weir-$$-kernel nc -N $ADDRESS 7 | cmp - '$work/in' -n 100000"
check_equal "TCP echo gives back 3 MB to socat" "$sum" "$(kernel socat -t 30 - "TCP$FAMILY:$(in_url "$ADDRESS"):7" <"$work/in" | sha256sum)"
check_equal "UDP echo answers" "a datagram" "$(echo a datagram | kernel nc -u -w 1 "$ADDRESS" 7)"
check_equal "TCP discard answers nothing" "" "$(kernel nc -N "$ADDRESS" 9 <"$work/in")"
check_equal "UDP discard answers nothing" "" "$(echo x | kernel nc -u -w 1 "$ADDRESS" 9)"
date='^[A-Z][a-z]*day, [A-Z][a-z]* [0-9]{2}, 2[0-9]{3} [0-9:]{8}-UTC'
check "TCP daytime says the time" sh -c "nsenter --net=/run/netns/weir-$$-kernel nc $ADDRESS 13 </dev/null | grep -Eq '$date'"
check "UDP daytime says the time" sh -c "echo | nsenter --net=/run/netns/weir-$$-kernel nc -u -w 1 $ADDRESS 13 | grep -Eq '$date'"
check "echo does not answer another small service" kernel /usr/bin/python3 - <<PYTHON
import socket
s = socket.socket(socket.AF_INET6 if $FAMILY == 6 else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("$THEIRS", 19))
s.settimeout(0.5)
s.sendto(b"x", ("$ADDRESS", 7))
try:
    s.recv(10)
    raise SystemExit("it did")
except socket.timeout:
    pass
PYTHON
check "fifty connections at once, in Python" kernel /usr/bin/python3 - <<PYTHON
import socket
all = [socket.create_connection(("$ADDRESS", 7)) for i in range(50)]
for i, s in enumerate(all): s.sendall(b"%d" % i * 1000)
for i, s in enumerate(all):
    got = b""
    while len(got) < len(b"%d" % i * 1000): got += s.recv(65536)
    assert got == b"%d" % i * 1000
PYTHON
stop "$services_pid" || true

# ---- the clients, asking services of the kernel's

start_in_ns kernel "$work/echo.log" socat "TCP$FAMILY-LISTEN:7,reuseaddr,fork" EXEC:cat
start_in_ns kernel "$work/udp.log" socat "UDP$FAMILY-RECVFROM:7,fork" EXEC:cat
start_in_ns kernel "$work/discard.log" socat -u "TCP$FAMILY-LISTEN:9,reuseaddr,fork" OPEN:/dev/null
start_in_ns kernel "$work/daytime.log" socat "TCP$FAMILY-LISTEN:13,reuseaddr,fork" EXEC:date
wait_for 10 kernel sh -c 'ss -ltn | grep -q ":13 "' || true
check "weir services --ask echo, 1 MB" weir services "$THEIRS" --ask echo -s 1000000
whole_life "weir services --ask echo from open to close, 100 KB" weir services "$THEIRS" --ask echo -s 100000
check "weir services --ask echo -u, 100 KB" weir services "$THEIRS" --ask echo -u -s 100000
check "weir services --ask discard" weir services "$THEIRS" --ask discard -s 100000
check "weir services --ask daytime" sh -c "nsenter --net=/run/netns/weir-$$-weir $WEIR services packet:ours $THEIRS --ask daytime -a $(subnet "$ADDRESS") | grep -q 20"
weir services "$THEIRS" --ask daytime -u -w 1 >"$work/out" 2>"$work/err" && result=0 || result=$?
check_equal "a service that is not there is exit code 1" 1 "$result"

# ---- weir nc

check_equal "nc -N sends 3 MB and gets them back" "$sum" "$(weir nc "$THEIRS" 7 -N <"$work/in" | sha256sum)"
check "nc -z finds a port open" weir nc "$THEIRS" 7 -z
weir nc "$THEIRS" 8 -z 2>"$work/err" && result=0 || result=$?
check_equal "nc -z finds a port closed" "1 weir: nc: $THEIRS: Connection refused" "$result $(cat "$work/err")"
weir nc "$THEIRS" 8 -u -z 2>"$work/err" && result=0 || result=$?
check_equal "nc -u -z finds a port closed" "1 weir: nc: $THEIRS: Connection refused" "$result $(cat "$work/err")"
check "nc -u -z finds a port open" weir nc "$THEIRS" 7 -u -z
check_equal "nc -u gets its datagram back, and -w ends it" "a datagram" "$(echo a datagram | weir nc "$THEIRS" 7 -u -w 1)"
weir nc "$(address 198.18.0.99)" 7 -w 1 </dev/null 2>"$work/err" && result=0 || result=$?
check_equal "nc -w gives up on a host that is not there" 1 "$result"

start_in_ns weir "$work/listen.log" sh -c "'$WEIR' nc packet:ours -l 9000 -a $(subnet "$ADDRESS") </dev/null >'$work/got'"
listen_pid=$started_pid
wait_for 20 kernel ping -q -c 1 -W 1 "$ADDRESS" || true
kernel nc -N "$ADDRESS" 9000 <"$work/in" || true
wait_for 20 sh -c "! kill -0 $listen_pid 2>/dev/null" || true
check_equal "nc -l receives 3 MB of the kernel's nc" "$sum" "$(sha256sum <"$work/got")"
start_in_ns kernel "$work/port.log" sh -c "socat -d -d "TCP$FAMILY-LISTEN:9001,reuseaddr" SYSTEM:'echo \$SOCAT_PEERPORT'"
sleep 0.3
check_equal "nc -p has its port" 4711 "$(weir nc "$THEIRS" 9001 -p 4711 </dev/null)"
