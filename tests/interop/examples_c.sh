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
check_equal "without a link the server says what is missing" \
    "weir: interface eth0: no link: set WEIR_LINK_eth0 or WEIR_LINK to tap:NAME, packet:INTERFACE or mem:NAME" \
    "$("$work/tcp_echo_server" 2>&1)"
