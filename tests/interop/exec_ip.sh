#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Administrators' programs on Weir: ip lists and changes what the stack has, which the kernel of the same namespace knows nothing of; ping from iputils.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network

check_equal "the kernel has no address on the interface" "" "$(in_ns weir ip -4 -o addr show dev weir0)"
check_equal "ip addr lists Weir's interface" "weir0 inet 198.18.0.2/24" "$(on_weir ip -4 -o addr | awk '{ print $2, $3, $4 }')"
check_equal "ip link lists it with the interface's MAC" "$(in_ns weir ip -o link show dev weir0 | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p')" \
    "$(on_weir ip -o link | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p')"
check_equal "ip route lists subnet and gateway" "198.18.0.0/24 default via 198.18.0.1" \
    "$(on_weir ip route | sort | sed -n 's/^\(198[^ ]*\) .*/\1/p; s/^\(default via [^ ]*\) .*/\1/p' | tr '\n' ' ' | sed 's/ $//')"
check_equal "ip -batch adds a route and then lists it" "10.9.0.0/16 via 198.18.0.7" \
    "$(printf 'route add 10.9.0.0/16 via 198.18.0.7\nroute show 10.9.0.0/16\n' | on_weir ip -batch - | awk '{ print $1, $2, $3 }')"
check "iputils' ping on Weir reaches the kernel" on_weir ping -q -c 3 -i 0.2 -W 5 198.18.0.1
check_equal "if_nameindex tells of Weir's interface alone" "[(1, 'weir0')]" "$(on_weir /usr/bin/python3 -c 'import socket; print(socket.if_nameindex())')"
