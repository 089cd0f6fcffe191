#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `weir exec --trace` writes of a program that talks to the kernel: its calls with their results, what became of its connections, and nothing of layers
# that were not asked for.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network

cat >"$work/serve.py" <<'PY'
import socket
s = socket.create_server(("198.18.0.1", 7000))
c, _ = s.accept()
c.sendall(c.recv(5)[::-1])
c.close()
PY
cat >"$work/ask.py" <<'PY'
import os, socket, sys
os.chdir("/")  # the trace's name is not the program's business
s = socket.socket()
s.connect(("198.18.0.1", 7000))
s.sendall(b"hello")
print(s.recv(100).decode(), s.recv(100).decode())
s.close()
s = socket.socket()
try:
    s.connect(("198.18.0.1", 7001))
except OSError as e:
    print(e.strerror)
PY

ask() { # OPTIONS...: in $work, with a server that says hello backwards
    start_in_ns kernel "$work/serve.log" /usr/bin/python3 "$work/serve.py"
    wait_for 10 listens kernel 7000
    (cd "$work" && in_ns weir timeout 60 "$WEIR" exec -c host.yaml "$@" -- /usr/bin/python3 "$work/ask.py")
}
lines() { # LAYER FILE: without times and numbers that differ
    sed -n "s/^ *[0-9]*\.[0-9]\{6\} $1 *//p" "$2" | sed 's/([0-9]*, /(N, /;s/([0-9]*)/(N)/;s/ = [0-9]*$/ = N/;s/connection [0-9]*/connection N/'
}

echo "of an earlier run" >"$work/trace"
ask --trace trace --trace-layers socket,tcp >"$work/said"
check_equal "the program does what it does without a trace" "olleh  Connection refused" "$(tr '\n' ' ' <"$work/said" | sed 's/ $//')"
lines socket "$work/trace" >"$work/calls"
for call in 'socket(inet, stream, 0) = N' 'connect(N, 198.18.0.1:7000) = N' 'send(N, 5 bytes) = N' 'recv(N, 100 bytes) = N' 'close(N) = N' \
    'connect(N, 198.18.0.1:7001): Connection refused'; do
    check "its call: $call" grep -qxF "$call" "$work/calls"
done
lines tcp "$work/trace" >"$work/states"
for state in 'connection N: SYN-SENT -> ESTABLISHED: handshake complete' 'connection N: ESTABLISHED -> CLOSE-WAIT: FIN received' \
    'connection N: SYN-SENT -> CLOSED: refused'; do
    check "its connection: $state" grep -qxF "$state" "$work/states"
done
check_equal "other layers are left out, and what was in the file before" 0 "$(grep -cv -e ' socket ' -e ' tcp ' "$work/trace" || true)"

ask --trace - --trace-layers arp >"$work/said"
check "to standard output: the kernel's address is resolved" grep -q '^ *[0-9]*\.[0-9]\{6\} arp *neighbour [0-9]* resolved$' "$work/said"
check "and what the program says is there too" grep -q '^olleh ' "$work/said"
