#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The stack is changed by ip(8) while connections of the same process run over it, of both families: another address comes and goes, the MTU gets smaller and
# larger, the interface goes down and comes up. Neither connection loses a byte; ip shows each change, and the counters.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
in_ns kernel ip addr add 2001:db8::1/64 dev kern0 nodad
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0

cc -std=gnu17 -O2 -Wall -Werror -shared -fPIC "$root/tests/interop/exec_change.c" -o "$work/beside.so" -lpthread
cat >"$work/echo.py" <<'PYTHON'
import socket, threading

def echo(s):
    while data := s.recv(65536):
        s.sendall(data)

server = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
PYTHON
start_in_ns kernel "$work/peer.log" /usr/bin/python3 "$work/echo.py"
wait_for 10 listens kernel 7000

mkfifo "$work/commands"
log=$work/beside.log
: >"$log"
# shellcheck disable=SC2016 # of the inner shell
start_in_ns weir "$work/shown" env "WEIR_BESIDE=198.18.0.1 2001:db8::1" WEIR_BESIDE_LOG="$log" LD_PRELOAD="$work/beside.so" \
    "$WEIR" exec -l packet:weir0 -a 198.18.0.2/24 -6 2001:db8::2/64 -- stdbuf -oL ip -s -batch "$work/commands"
ip=$started_pid
exec 9>"$work/commands"

blocks() { # ADDRESS: how many it has got back
    grep -c "^$1 [0-9]" "$log" || true
}
both_go_on() { # NAME
    four=$(blocks 198.18.0.1)
    six=$(blocks 2001:db8::1)
    check "$1: the connection of IPv4 goes on" wait_for 30 sh -c "[ \$(grep -c '^198.18.0.1 [0-9]' '$log') -gt $((four + 5)) ]"
    check "$1: the connection of IPv6 goes on" wait_for 30 sh -c "[ \$(grep -c '^2001:db8::1 [0-9]' '$log') -gt $((six + 5)) ]"
}
says() { # EXPRESSION COMMAND...: ip's answer has such a line, new
    says_expression=$1
    shift
    says_before=$(wc -l <"$work/shown")
    echo "$*" >&9
    wait_for 10 sh -c "tail -n +$((says_before + 1)) '$work/shown' | grep -Eq '$says_expression'"
}

both_go_on "at first"

echo "addr add 198.18.0.77/24 dev weir0" >&9
echo "addr add 2001:db8::77/64 dev weir0 nodad" >&9
check "an address of IPv4 is added" says 'inet 198.18.0.77/24' addr show dev weir0
check "one of IPv6 too" says 'inet6 2001:db8::77/64' addr show dev weir0
check "the kernel reaches the new address" in_ns kernel ping -q -c 2 -i 0.2 -W 5 198.18.0.77
check "and that of IPv6" in_ns kernel ping -q -c 2 -i 0.2 -W 5 2001:db8::77
both_go_on "with other addresses"
echo "addr del 198.18.0.77/24 dev weir0" >&9
echo "addr del 2001:db8::77/64 dev weir0" >&9
from=$(wc -l <"$work/shown")
check "they are removed" says 'inet6 2001:db8::2/64' addr show dev weir0
check "and all of that was shown" says 'TX:' link show dev weir0
check_equal "ip shows them no more" "" "$(tail -n +$((from + 1)) "$work/shown" | grep -E '::77/|[.]77/' || true)"
check "the removed address does not answer" sh -c "! nsenter --net=/run/netns/weir-$$-kernel ping -q -c 2 -i 0.2 -W 1 198.18.0.77"
check "nor that of IPv6" sh -c "! nsenter --net=/run/netns/weir-$$-kernel ping -q -c 2 -i 0.2 -W 1 2001:db8::77"
both_go_on "without them"

echo "link set dev weir0 mtu 1280" >&9
check "the MTU is smaller" says 'mtu 1280 .*state UP' link show dev weir0
both_go_on "with a smaller MTU"
echo "link set dev weir0 mtu 1500" >&9
check "the MTU is what it was" says 'mtu 1500 .*state UP' link show dev weir0
both_go_on "with the MTU as it was"

echo "link set dev weir0 down" >&9
check "the interface is down" says ' state DOWN' link show dev weir0
check "it does not answer" sh -c "! nsenter --net=/run/netns/weir-$$-kernel ping -q -c 2 -i 0.2 -W 1 198.18.0.2"
four=$(blocks 198.18.0.1)
six=$(blocks 2001:db8::1)
sleep 1
check_equal "no byte comes through" "$four $six" "$(blocks 198.18.0.1) $(blocks 2001:db8::1)"
echo "link set dev weir0 up" >&9
check "the interface is up" says ' state UP' link show dev weir0
both_go_on "when it is up again"

counters() { # prints received and sent packets as ip -s shows them
    says_before=$(wc -l <"$work/shown")
    echo "link show dev weir0" >&9
    wait_for 10 sh -c "tail -n +$((says_before + 1)) '$work/shown' | grep -q 'TX:'"
    sleep 0.2
    tail -n +$((says_before + 1)) "$work/shown" | awk '/RX:|TX:/ { getline; print $2 }' | tr '\n' ' '
}
# shellcheck disable=SC2046 # two words
set -- $(counters)
check "ip -s link counts what came and what went" test "${1:-0}" -gt 100 -a "${2:-0}" -gt 100
before=${1:-0}
both_go_on "while they are counted"
# shellcheck disable=SC2046
set -- $(counters)
check "and more as it comes" test "${1:-0}" -gt "$before"
check_equal "no connection failed" "" "$(grep failed "$log" || true)"
check_equal "ip complains of nothing" "" "$(grep -E '^(RTNETLINK|Error|Command failed)' "$work/shown" || true)"
exec 9>&-
check "ip ends when it has read its last command" wait_for 20 sh -c "! kill -0 $ip"
