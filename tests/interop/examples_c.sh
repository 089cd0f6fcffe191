#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The programs of examples/c, built as a user does it: against an installed libweir, with the flags that pkg-config gives, without a warning. They run on
# a TAP device and talk to programs on the kernel's sockets.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

check "make install" cmake --install "$(dirname "$WEIR")" --prefix "$work/usr"
LD_LIBRARY_PATH=$(dirname "$(find "$work/usr" -name libweir.so)")
PKG_CONFIG_PATH=$LD_LIBRARY_PATH/pkgconfig
export LD_LIBRARY_PATH PKG_CONFIG_PATH
for source in "$root"/examples/c/*.c; do
    name=$(basename "$source" .c)
    # shellcheck disable=SC2046 # several flags
    check "$name builds" cc -Wall -Wextra -Werror "$source" -o "$work/$name" $(pkg-config --cflags --libs weir)
done

# ---- a TCP echo server with a thread for each client

echo_server() { # the address is the example's own
    ns_add host
    start_in_ns host "$work/echo.log" env WEIR_LINK=tap:weir0 "$work/tcp_echo_server"
    wait_for 20 grep -q "listening" "$work/echo.log" || not_ok "tcp_echo_server starts" "$(cat "$work/echo.log")"
    in_ns host ip addr add 192.168.1.1/24 dev weir0
}

echoes() { # NAME COMMAND...: what the command writes is what it read
    in_ns host sh -c "$2" <"$work/in" >"$work/out" || true
    check_equal "$1 gets back what it sent" "$(sha256sum <"$work/in")" "$(sha256sum <"$work/out")"
}

head -c 1000000 /dev/urandom >"$work/in"
echo_server
echoes nc "nc -N 192.168.1.100 8080"
echoes socat "socat -t 30 - TCP:192.168.1.100:8080"
check "fifty clients at once, in Python" in_ns host /usr/bin/python3 - <<'PYTHON'
import socket, threading
wrong = []
def client(number):
    s = socket.create_connection(("192.168.1.100", 8080))
    for i in range(20):
        sent = bytes([number, i]) * 3000
        s.sendall(sent)
        got = b""
        while len(got) < len(sent):
            got += s.recv(65536)
        if got != sent: wrong.append(number)
    s.close()
threads = [threading.Thread(target=client, args=(n,)) for n in range(50)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not wrong, wrong
PYTHON
check_equal "the server named each client" 52 "$(grep -c "192.168.1.1:.* connected" "$work/echo.log")"
stop "$started_pid" || true

# ---- UDP to and from everybody

ns_add talk
start_in_ns talk "$work/receiver.log" env WEIR_LINK=tap:weir0 "$work/udp_broadcast_receiver" 3
receiver=$started_pid
wait_for 20 grep -q waiting "$work/receiver.log" || not_ok "udp_broadcast_receiver starts" "$(cat "$work/receiver.log")"
in_ns talk ip addr add 192.168.1.1/24 broadcast 192.168.1.255 dev weir0
check "answers to a datagram, to the subnet's broadcast address and to 255.255.255.255" in_ns talk /usr/bin/python3 - <<'PYTHON'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"weir0")
s.bind(("192.168.1.1", 5555))
s.settimeout(20)
for to in ("192.168.1.102", "192.168.1.255", "255.255.255.255"):
    s.sendto(("hello " + to).encode(), (to, 9999))
    assert s.recvfrom(100) == (b"heard", ("192.168.1.102", 9999)), to
PYTHON
wait "$receiver" || not_ok "the receiver ends after three" "exit $?"
check_equal "the receiver printed what came" 3 "$(grep -c "from 192.168.1.1:5555: hello" "$work/receiver.log")"

ns_add speak
start_in_ns speak "$work/socat.log" sh -c 'while ! ip link show weir0 >/dev/null 2>&1; do sleep 0.05; done
    ip addr add 192.168.1.1/24 dev weir0; exec socat -u UDP4-RECV:9999 -'
sleep 0.2
in_ns speak env WEIR_LINK=tap:weir0 "$work/udp_broadcast_sender" >"$work/sender.log" 2>&1 || true
check_equal "the sender is refused without SO_BROADCAST, then sends five" "without SO_BROADCAST: Permission denied 5" \
    "$(grep -m 1 "without" "$work/sender.log") $(grep -c "sent: message" "$work/sender.log")"
wait_for 10 grep -q "message 5" "$work/socat.log" || true
check_equal "socat on the kernel's side hears the last" "message 5 to all" "$(grep -o "message 5 to all" "$work/socat.log")"

# ---- every IP packet

ns_add watch
start_in_ns watch "$work/raw.log" env WEIR_LINK=tap:weir0 "$work/raw_capture" 3
capture=$started_pid
wait_for 20 grep -q capturing "$work/raw.log" || not_ok "raw_capture starts" "$(cat "$work/raw.log")"
in_ns watch ip addr add 192.168.1.1/24 dev weir0
check "ping, a TCP connection and a datagram come" in_ns watch /usr/bin/python3 - <<'PYTHON'
import socket, subprocess
subprocess.run(["ping", "-c", "1", "-w", "20", "192.168.1.103"], check=True, stdout=subprocess.DEVNULL)
try:
    socket.create_connection(("192.168.1.103", 81), timeout=20)
    raise SystemExit("somebody listens")
except ConnectionRefusedError:
    pass
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"four", ("192.168.1.103", 82))
PYTHON
wait "$capture" || not_ok "raw_capture ends after three" "exit $?"
check_equal "it decoded all three" "1 1 1" "$(grep -c 'ICMP type 8 code 0 echo request' "$work/raw.log") $(
    grep -c 'TCP .* > 81 seq .* SYN' "$work/raw.log") $(grep -c 'UDP .* > 82 length 12' "$work/raw.log")"

# ---- what is missing is said

check_equal "without a link the server says what is missing" \
    "weir: interface eth0: no link: set WEIR_LINK_eth0 or WEIR_LINK to tap:NAME, packet:INTERFACE, xdp:INTERFACE or mem:NAME" \
    "$("$work/tcp_echo_server" 2>&1)"
