#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Python, socat and the kernel's ping beside them, on Weir: http.server and urllib, threads, select and asyncio, socat as server that forks nothing.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
mkdir "$work/www"
head -c 3000000 /dev/urandom >"$work/www/file"
digest=$(sha256sum <"$work/www/file")

# ---- http.server and urllib

start_on_weir "$work/server.log" /usr/bin/python3 -m http.server --directory "$work/www" 8000
server=$started_pid
if wait_for 20 answers 8000; then
    check_equal "http.server on Weir serves" "$digest" "$(in_ns kernel curl -m 30 -s http://198.18.0.2:8000/file | sha256sum)"
    pings http.server
else
    not_ok "http.server listens on Weir" "$(cat "$work/server.log")"
fi
end http.server "$server" "$work/server.log"
quiet http.server "$work/server.log"

start_in_ns kernel "$work/server.log" /usr/bin/python3 -m http.server --directory "$work/www" 8000
server=$started_pid
wait_for 10 listens kernel 8000
check_equal "urllib on Weir reads" "$digest" "$(on_weir /usr/bin/python3 -c '
import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen("http://198.18.0.1:8000/file").read())' | sha256sum)"
check_equal "a child that is forked and executed, and a shell's pipe, do not disturb" "$digest" "$(on_weir /usr/bin/python3 -c '
import subprocess, sys, urllib.request
r = urllib.request.urlopen("http://198.18.0.1:8000/file")
first = r.read(1000)
assert subprocess.run(["true"]).returncode == 0
assert subprocess.run("echo from a shell", shell=True, stdout=subprocess.PIPE).stdout == b"from a shell\n"
sys.stdout.buffer.write(first + r.read())' | sha256sum)"
end http.server "$server" "$work/server.log"

# ---- many at once, in threads and in asyncio

start_on_weir "$work/server.log" /usr/bin/python3 "$root/tests/interop/exec_echo.py" 8001
server=$started_pid
if wait_for 20 answers 8001; then
    check "a server with threads, select and asyncio echoes to fifty clients" in_ns kernel timeout 90 /usr/bin/python3 - <<'PYTHON'
import socket, threading
wrong = []
def client(number):
    s = socket.create_connection(("198.18.0.2", 8001 + number % 3), timeout=60)
    for i in range(10):
        sent = bytes([number, i]) * 3000
        s.sendall(sent)
        got = b""
        while len(got) < len(sent):
            piece = s.recv(65536)
            if not piece: break
            got += piece
        if got != sent: wrong.append(number)
    s.close()
threads = [threading.Thread(target=client, args=(n,)) for n in range(50)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not wrong, wrong
PYTHON
else
    not_ok "the echo server listens on Weir" "$(cat "$work/server.log")"
fi
end exec_echo.py "$server" "$work/server.log"
quiet exec_echo.py "$work/server.log"

# ---- socat; its echo writes no more than one slot of a pipe at once, else it blocks for ever on a pipe that only it reads

start_on_weir "$work/socat.log" socat -d -b 4096 TCP4-LISTEN:8010,reuseaddr PIPE
socat=$started_pid
sleep 1
check_equal "socat on Weir echoes" "$digest" "$(in_ns kernel timeout 30 socat -t 20 - TCP:198.18.0.2:8010 <"$work/www/file" | sha256sum)"
end socat "$socat" "$work/socat.log"
start_in_ns kernel "$work/socat.log" socat -b 4096 TCP4-LISTEN:8011,reuseaddr,fork PIPE
socat=$started_pid
wait_for 10 listens kernel 8011
check_equal "socat on Weir connects" "$digest" "$(on_weir socat -t 20 - TCP:198.18.0.1:8011 <"$work/www/file" | sha256sum)"
end socat "$socat" "$work/socat.log"
start_in_ns kernel "$work/socat.log" socat -u UDP4-RECV:8012 -
socat=$started_pid
sleep 0.3
echo "by socat" | on_weir socat -u - UDP4-SENDTO:198.18.0.1:8012
wait_for 10 grep -q "by socat" "$work/socat.log" || true
check_equal "socat on Weir sends datagrams" "by socat" "$(cat "$work/socat.log")"
end socat "$socat" "$work/socat.log"
