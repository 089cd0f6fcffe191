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

# ---- IPv6

in_ns kernel ip addr add 2001:db8::1/64 dev kern0 nodad
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0
on_weir6() { # COMMAND...
    in_ns weir timeout 60 "$WEIR" exec -l packet:weir0 -a 198.18.0.2/24 -6 2001:db8::2/64 --gateway6 2001:db8::1 -- "$@"
}
six() { # LINE...: as one ip -6 -batch
    printf '%s\n' "$@" | on_weir6 ip -6 -batch -
}
check_equal "ip -6 addr lists Weir's addresses" "inet6 2001:db8::2/64 scope global|inet6 fe80::/64 scope link|" \
    "$(on_weir6 ip -6 -o addr | sed 's/fe80::[0-9a-f:]*/fe80::/' | awk '{ print $3, $4, $5, $6 }' | sort | tr '\n' '|')"
check_equal "ip addr lists both families" "inet inet6 inet6" "$(on_weir6 ip -o addr | awk '{ print $3 }' | sort | tr '\n' ' ' | sed 's/ $//')"
check_equal "ip -6 route lists subnets and the router" "2001:db8::/64 default via 2001:db8::1 fe80::/64" \
    "$(on_weir6 ip -6 route | sed -n 's/^\([2f][^ ]*\) .*/\1/p; s/^\(default via [^ ]*\) .*/\1/p' | sort | tr '\n' ' ' | sed 's/ $//')"
check_equal "ip -6 route get tells the way" "2001:db8:9::1 via 2001:db8::1 dev weir0" \
    "$(on_weir6 ip -6 route get 2001:db8:9::1 | awk '{ print $1, $2, $3, $4, $5; exit }' | sed 's/ table .*//; s/ from .*//')"
check_equal "ip -6 addr add and del" "inet6 2001:db8:5::7/64|" \
    "$(six 'addr add 2001:db8:5::7/64 dev weir0 nodad' 'addr add 2001:db8:5::8/64 dev weir0 nodad' 'addr del 2001:db8:5::8/64 dev weir0' \
        'addr show to 2001:db8:5::/48' | awk '/inet6/ { print $1, $2 }' | tr '\n' '|')"
check_equal "an address is tentative until nobody objected" tentative \
    "$(six 'addr add 2001:db8:5::9/64 dev weir0' 'addr show to 2001:db8:5::/48' | grep -o tentative)"
check_equal "ip -6 route add, replace and del" "2001:db8:7::/48 via 2001:db8::9|" \
    "$(six 'route add 2001:db8:6::/48 via 2001:db8::1 dev weir0' 'route add 2001:db8:7::/48 via 2001:db8::1 dev weir0' 'route del 2001:db8:6::/48' \
        'route replace 2001:db8:7::/48 via 2001:db8::9 dev weir0' 'route show root 2001:db8:6::/47' | awk '{ print $1, $2, $3 }' | tr '\n' '|')"
check_equal "ip -6 neigh add and del" "2001:db8::55 02:00:00:00:00:55 PERMANENT|" \
    "$(six 'neigh add 2001:db8::55 lladdr 02:00:00:00:00:55 dev weir0' 'neigh add 2001:db8::56 lladdr 02:00:00:00:00:56 dev weir0' \
        'neigh del 2001:db8::56 dev weir0' 'neigh show nud permanent' | awk '{ print $1, $5, $NF }' | tr '\n' '|')"
check_equal "an IPv4 neighbour is not among them" "" "$(six 'neigh show 198.18.0.1' 2>/dev/null)"
check_equal "getifaddrs has them, with the scope of link-local ones" "2001:db8::2 0|fe80:: 1|" "$(on_weir6 /usr/bin/python3 - <<'PYTHON' | sed 's/fe80::[0-9a-f:]*/fe80::/' | sort | tr '\n' '|'
import ctypes, socket
class addr(ctypes.Structure): pass
addr._fields_ = [("next", ctypes.POINTER(addr)), ("name", ctypes.c_char_p), ("flags", ctypes.c_uint), ("address", ctypes.POINTER(ctypes.c_ubyte * 28))]
first = ctypes.POINTER(addr)()
assert ctypes.CDLL(None).getifaddrs(ctypes.byref(first)) == 0
while first:
    a = first.contents
    b = bytes(a.address.contents) if a.address else b""
    if b and int.from_bytes(b[:2], "little") == socket.AF_INET6:
        print(socket.inet_ntop(socket.AF_INET6, b[8:24]), int.from_bytes(b[24:28], "little"))
    first = a.next
PYTHON
)"
