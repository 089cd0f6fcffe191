#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Programs on Weir over IPv6, with the kernel's own stack as the peer: curl and nginx both ways, nc, Python's datagrams of 60 KB, and ping both ways with
# payloads of up to 60,000 bytes. The kernel's addresses are checked for duplicates on the way (RFC 4862), so that it also asks Weir.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
in_ns kernel ip addr add 2001:db8::1/64 dev kern0
# The kernel on Weir's side has no address, not even a link-local one, which would be the same as Weir's.
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0

on_weir6() { # COMMAND...
    in_ns weir timeout 60 "$WEIR" exec -l packet:weir0 -6 2001:db8::2/64 --gateway6 2001:db8::1 -- "$@"
}
start_on_weir6() { # LOGFILE COMMAND...
    start_weir_log=$1
    shift
    start_in_ns weir "$start_weir_log" "$WEIR" exec -l packet:weir0 -6 2001:db8::2/64 --gateway6 2001:db8::1 -- "$@"
}
wait_for 10 sh -c "! ip netns exec weir-$$-kernel ip -6 addr show tentative | grep -q inet6"

# ---- nginx and curl

mkdir "$work/www" "$work/tmp"
head -c 100000000 /dev/urandom >"$work/www/large"
digest=$(sha256sum <"$work/www/large")
cat >"$work/nginx.conf" <<CONF
user root; worker_processes 1; daemon off; master_process off; pid $work/nginx.pid; error_log stderr;
events { worker_connections 256; multi_accept on; }
http {
    access_log off; sendfile on;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    server { listen 8080; listen [::]:8080; root $work/www; }
}
CONF
start_in_ns kernel "$work/nginx.log" nginx -e stderr -c "$work/nginx.conf"
nginx=$started_pid
wait_for 10 listens kernel 8080
check_equal "curl on Weir gets 100 MB from nginx" "$digest" "$(on_weir6 curl -g -m 60 -s 'http://[2001:db8::1]:8080/large' | sha256sum)"
check_equal "a closed port is refused" 7 "$(on_weir6 curl -g -m 20 -s 'http://[2001:db8::1]:9/' >/dev/null 2>&1 || echo $?)"
end nginx "$nginx" "$work/nginx.log"

start_on_weir6 "$work/nginx.log" nginx -e stderr -c "$work/nginx.conf"
nginx=$started_pid
if wait_for 20 in_ns kernel nc -z -w 2 2001:db8::2 8080; then
    check_equal "nginx on Weir serves 100 MB" "$digest" "$(in_ns kernel curl -g -m 60 -s 'http://[2001:db8::2]:8080/large' | sha256sum)"
    check "wrk meets no socket error" sh -c "ip netns exec weir-$$-kernel timeout 60 wrk -t 1 -c 50 -d ${seconds}s 'http://[2001:db8::2]:8080/' |
        tee '$work/wrk' | grep -q Requests/sec && ! grep -q 'Socket errors' '$work/wrk'"
    check_equal "the kernel's connection to a closed port is refused" 7 \
        "$(in_ns kernel curl -g -m 20 -s 'http://[2001:db8::2]:9/' >/dev/null 2>&1 || echo $?)"
    for size in 0 56 1452 1453 8000 60000; do
        check "the kernel pings Weir with $size bytes" in_ns kernel ping -6 -q -c 2 -i 0.2 -W 5 -s "$size" 2001:db8::2
    done
    near=$(in_ns weir ip -o link show dev weir0 | sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/' | /usr/bin/python3 -c '
m = bytes.fromhex(input().replace(":", ""))
print("fe80::%x:%x:%x:%x" % ((m[0] ^ 2) << 8 | m[1], m[2] << 8 | 0xff, 0xfe00 | m[3], m[4] << 8 | m[5]))')
    check "and by its link-local address" in_ns kernel ping -6 -q -c 2 -i 0.2 -W 5 "$near%kern0"
else
    not_ok "nginx on Weir serves" "$(cat "$work/nginx.log")"
fi
end nginx "$nginx" "$work/nginx.log"

# ---- datagrams and ping from Weir

start_in_ns kernel "$work/echo.log" /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("2001:db8::1", 7000))
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data, peer)
'
wait_for 10 sh -c "ip netns exec weir-$$-kernel ss -6lun | grep -q :7000"
on_weir6 /usr/bin/python3 - >"$work/udp" 2>"$work/udp.log" <<'PYTHON' || true
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(10)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
s.connect(("2001:db8::1", 7000))
for size in (0, 1, 1452, 1453, 9000, 60000):
    data = bytes(i * 7 % 251 for i in range(size))
    s.send(data)
    back, control, flags, peer = s.recvmsg(65536, 200)
    print(size, back == data, peer[:2], [(level, kind, value[0]) for level, kind, value in control])
closed = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
closed.settimeout(10)
closed.connect(("2001:db8::1", 7001))
closed.send(b"nobody")
try:
    closed.recv(10)
except OSError as e:
    print(e.strerror)
both = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
both.bind(("::", 8000))
print(both.getsockname())
PYTHON
for size in 0 1 1452 1453 9000 60000; do
    check_equal "a datagram of $size bytes comes back" "$size True ('2001:db8::1', 7000) [(41, 52, 64)]" "$(grep "^$size " "$work/udp")"
done
check_equal "that nobody has a port is told, and any address is any" "Connection refused ('::', 8000, 0, 0)" \
    "$(tail -n 2 "$work/udp" | tr '\n' ' ' | sed 's/ $//')"
quiet "Python" "$work/udp.log"
on_weir6 /usr/bin/python3 - >"$work/ping" 2>&1 <<'PYTHON' || true
import socket, struct
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    s = socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6)
    s.settimeout(10)
    if kind == socket.SOCK_RAW:
        s.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("8I", *[0xffffffff] * 4, 0xfffffffd, *[0xffffffff] * 3)) # replies only
    for size in (0, 56, 60000):
        data = bytes(i % 256 for i in range(size))
        s.sendto(struct.pack("!BBHHH", 128, 0, 0, 77, size) + data, ("2001:db8::1", 0))
        back, peer = s.recvfrom(65536)
        print(kind.name, size, back[0], back[6:8] == struct.pack("!H", size), back[8:] == data)
PYTHON
check_equal "ping and raw sockets on Weir get echo replies" \
    "SOCK_DGRAM 0 129 True True SOCK_DGRAM 56 129 True True SOCK_DGRAM 60000 129 True True SOCK_RAW 0 129 True True SOCK_RAW 56 129 True True SOCK_RAW 60000 129 True True" \
    "$(tr '\n' ' ' <"$work/ping" | sed 's/ $//')"
