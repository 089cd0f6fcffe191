#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The kernel as oracle: the same raw frames to Linux and to Weir (`weir exec`), each in a namespace of its own with the same addresses and the same
# server, and what they answer. The cases
# and the deliberate deviations are in oracle_cases.py and in docs/oracle.md.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

FAMILY=6 # no IPv6 address of the kernel's making
ns_add station
for host in linux weir; do
    ns_add "$host"
    veth_add station "to-$host" "$host" eth0
    in_ns "$host" ip link set eth0 address 02:00:00:00:00:02
    in_ns station ip link set "to-$host" address 02:00:00:00:00:01
done

in_ns linux ip addr add 198.18.0.2/16 broadcast + dev eth0
in_ns linux ip addr add 2001:db8:198::2/64 dev eth0 nodad
# every case is answered as if it came alone
in_ns linux sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
serve="/usr/bin/python3 $root/tests/interop/oracle_server.py"
# shellcheck disable=SC2086 # two words
start_in_ns linux "$work/linux.log" $serve
# shellcheck disable=SC2086
start_in_ns weir "$work/weir.log" "$WEIR" exec -l packet:eth0 -a 198.18.0.2/16 -6 2001:db8:198::2/64 -- $serve
for host in linux weir; do
    wait_for 20 grep -q ready "$work/$host.log" || not_ok "$host serves" "$(cat "$work/$host.log")"
done

if ! in_ns station /usr/bin/python3 "$root/tests/interop/oracle.py" to-linux to-weir >"$work/shown" 2>"$work/python.log"; then
    not_ok "the script of the station ends in order" "$(cat "$work/python.log")"
fi
tab=$(printf '\t')
while IFS=$tab read -r name expected found; do
    case $name in
    '#'*) echo "$name" ;;
    *) check_equal "$name" "$expected" "$found" ;;
    esac
done <"$work/shown"
check_equal "docs/oracle.md has the same deviations" "$(/usr/bin/python3 "$root/tests/interop/oracle.py" --table)" \
    "$(grep '^| IPv[46]' "$root/docs/oracle.md")"
