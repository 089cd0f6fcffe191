#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What programs do with descriptors, case by case (exec_calls.c): first on the kernel's sockets, which shows that the test is right, then on Weir.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network

cc -std=gnu17 -O2 -Wall -Werror "$root/tests/interop/exec_calls.c" -o "$work/calls" -lpthread
start_in_ns kernel "$work/peer.log" /usr/bin/python3 "$root/tests/interop/exec_peer.py" 198.18.0.1
wait_for 10 listens kernel 7001

cases() { # WHERE FILE
    while read -r verdict name; do
        if [ "$verdict" = pass ]; then ok "$1: $name"; else not_ok "$1: ${name% (*}" "$name" "$(cat "$work/calls.log")"; fi
    done <"$2"
    check_equal "$1: all cases ran" "$(grep -c '^    {"' "$root/tests/interop/exec_calls.c")" "$(wc -l <"$2")"
}

in_ns kernel timeout 120 "$work/calls" 198.18.0.1 >"$work/kernel" 2>"$work/calls.log" || true
cases kernel "$work/kernel"
on_weir "$work/calls" 198.18.0.1 >"$work/weir" 2>"$work/calls.log" || true
cases weir "$work/weir"
quiet "the program" "$work/calls.log"

# A child that goes on with its parent's socket is told, and so is the user.
on_weir /usr/bin/python3 - <<'PYTHON' >"$work/child" 2>"$work/child.log" || true
import os, socket
s = socket.create_connection(("198.18.0.1", 7000))
child = os.fork()
if child == 0:
    for i in range(2):
        try:
            s.send(b"from the child")
        except OSError as e:
            print(os.strerror(e.errno), flush=True)
    os._exit(0)
os.waitpid(child, 0)
s.sendall(b"parent")
print(s.recv(100).decode())
PYTHON
check_equal "a child's use of its parent's socket fails, the parent's works" "Network is down Network is down parent" \
    "$(tr '\n' ' ' <"$work/child" | sed 's/ $//')"
check_equal "and that is said once" 1 "$(grep -c "^weir exec: process [0-9]* uses a socket that it has from process" "$work/child.log")"
