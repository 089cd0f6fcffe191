#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Who has an IPv4 address (RFC 5227): the kernel's arping -D finds that Weir has one, Weir's probes find that the kernel has one, and what Weir does when the
# kernel takes an address that Weir uses.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
in_ns kernel sysctl -q -w net.ipv4.conf.all.accept_local=1

on_wire() { # SECONDS OPTIONS... -- COMMAND...
    on_wire_time=$1
    shift
    in_ns weir timeout "$on_wire_time" "$WEIR" exec -l packet:weir0 "$@"
}
wait_line() { # FILE TEXT
    wait_for 20 grep -q "$2" "$1"
}

# A program on Weir: says that it is there, then how its connection ended.
cat >"$work/hold.py" <<'PY'
import socket
s = socket.create_connection(("198.18.0.1", 7000), 10)
s.settimeout(None)
print("there", flush=True)
try:
    print("read", s.recv(10), flush=True)
except OSError as e:
    print("error", e.strerror, flush=True)
PY
cat >"$work/peer.py" <<'PY'
import socket, time
l = socket.create_server(("198.18.0.1", 7000))
held = []
while True:
    held.append(l.accept())
PY
start_in_ns kernel "$work/peer.log" /usr/bin/python3 "$work/peer.py"
wait_for 10 listens kernel 7000

hold() { # NAME OPTIONS...: starts it, its output is $work/NAME
    hold_name=$1
    shift
    start_in_ns weir "$work/$hold_name" "$WEIR" exec -l packet:weir0 -a 198.18.0.2/24 "$@" -- /usr/bin/python3 "$work/hold.py"
    check "a program on Weir is connected ($hold_name)" wait_line "$work/$hold_name" there
}

# ---- whose is it?

hold probed --probe
check "arping -D of the kernel finds that Weir has the address" sh -c "! ip netns exec weir-$$-kernel arping -q -D -c 2 -w 5 -I kern0 198.18.0.2"
check "and that nobody has another one" in_ns kernel arping -q -D -c 2 -w 5 -I kern0 198.18.0.9
check "the kernel takes Weir's announcement for what it is" sh -c "ip netns exec weir-$$-kernel ip neigh show 198.18.0.2 | grep -q lladdr"
kill "$started_pid" && wait "$started_pid" 2>/dev/null || true

on_wire 30 -a 198.18.0.1/24 --probe -- /usr/bin/python3 -c 'import socket; socket.create_connection(("198.18.0.9", 9), 1)' >"$work/taken" 2>&1 || true
check "Weir finds that the kernel has an address, and says so" \
    grep -q "address: found 198.18.0.1/24, which another station on packet:weir0 has" "$work/taken"
check "and the program has no stack" grep -q "OSError\|PermissionError\|Error" "$work/taken"

# ---- the kernel takes what Weir has

take() { # the kernel gives itself Weir's address, and says so
    in_ns kernel ip addr add 198.18.0.2/32 dev kern0
    in_ns kernel arping -q -U -c 1 -I kern0 -s 198.18.0.2 198.18.0.2 || true
}
leave() {
    in_ns kernel ip addr del 198.18.0.2/32 dev kern0
    in_ns kernel ip neigh flush dev kern0 2>/dev/null || true
}

hold gives_up --conflict give_up
take
check "who gives an address up ends its connections, and says so" wait_line "$work/gives_up" "error Software caused connection abort"
leave
wait "$started_pid" 2>/dev/null || true

capture_start kernel kern0 "$work/arp.pcap"
hold defends --conflict defend
held=$started_pid
weir_mac=$(in_ns weir ip -o link show dev weir0 | sed "s/.*link.ether \([0-9a-f:]*\).*/\1/")
take
sleep 2
leave
capture_stop
check "who defends it announces it" sh -c "tshark -r '$work/arp.pcap' -Y 'arp.isgratuitous && eth.src == $weir_mac && arp.src.proto_ipv4 == 198.18.0.2' 2>/dev/null | grep -q ."
check_equal "and its connections go on" there "$(cat "$work/defends")"
kill "$held" 2>/dev/null || true

check_equal "an unknown policy is refused" 2 "$("$WEIR" exec -l packet:weir0 -a 198.18.0.2/24 --conflict maybe -- true 2>/dev/null || echo $?)"
