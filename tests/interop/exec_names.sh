#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Names for programs on Weir: which families AI_ADDRCONFIG leaves (of the stack's addresses, not the kernel's), and the order of several addresses by RFC 6724.
# Names come from a hosts file that the program alone sees and from a dnsmasq in its namespace; nothing leaves it.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
in_ns kernel ip addr add 2001:db8::1/64 dev kern0 nodad
in_ns weir ip link set dev weir0 addrgenmode none
in_ns weir ip -6 addr flush dev weir0

etc=$work/etc
mkdir "$etc"
cat >"$etc/hosts" <<HOSTS
127.0.0.1 localhost
::1 localhost
192.0.2.7 both.test
2001:db8::7 both.test
198.18.0.1 near.test
2001:db8:ffff::1 near.test
198.18.0.1 four.test
2001:db8::1 six.test
HOSTS
echo "nameserver 127.0.0.53" >"$etc/resolv.conf"
echo "hosts: files dns" >"$etc/nsswitch.conf"
start_in_ns weir "$work/dnsmasq.log" dnsmasq -k -d -h -R -p 53 -z -a 127.0.0.53 --local=/test/ --address=/dns.test/192.0.2.9 --address=/dns.test/2001:db8::9
wait_for 10 sh -c "ip netns exec weir-$$-weir ss -lun | grep -q 127.0.0.53:53"

cat >"$work/names.py" <<'PYTHON'
import socket, sys
def ask(name, family=0, flags=0):
    try:
        found = socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM, 0, flags)
        return ",".join(a[4][0] for a in found)
    except socket.gaierror as e:
        return {socket.EAI_NONAME: "none"}.get(e.errno, str(e.errno))
c = socket.AI_ADDRCONFIG
print("both", ask("both.test"), ask("both.test", 0, c), ask("both.test", socket.AF_INET, c), ask("both.test", socket.AF_INET6, c))
print("near", ask("near.test"), ask("near.test", 0, c))
print("one", ask("four.test", 0, c), ask("six.test", 0, c))
print("dns", ask("dns.test"), ask("dns.test", 0, c))
print("literal", ask("192.0.2.1", 0, c), ask("2001:db8::5", 0, c))
print("twice", ",".join("%s/%d" % (a[4][0], a[1]) for a in socket.getaddrinfo("both.test", 80)))
print("canonical", ",".join(a[3] + "=" + a[4][0] for a in socket.getaddrinfo("both.test", 80, 0, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)))
PYTHON

# The program has our files in place of those in /etc.
cat >"$work/with_files" <<'SH'
for file in hosts resolv.conf nsswitch.conf; do
    mount --bind "$1/$file" "/etc/$file" || exit 1
done
shift
exec "$@"
SH
names() { # OPTIONS...: what a program is told
    in_ns weir timeout 60 unshare -m sh "$work/with_files" "$etc" "$WEIR" exec -l packet:weir0 "$@" -- /usr/bin/python3 "$work/names.py"
}
line() { # FILE WORD
    sed -n "s/^$2 //p" "$1"
}

names -a 198.18.0.2/24 -g 198.18.0.1 >"$work/four"
check_equal "with IPv4 alone AI_ADDRCONFIG leaves IPv4; without it what cannot be reached comes last" \
    "192.0.2.7,2001:db8::7 192.0.2.7 192.0.2.7 none" "$(line "$work/four" both)"
check_equal "a name of one family alone" "198.18.0.1 none" "$(line "$work/four" one | sed 's/-[0-9]*$/none/')"
check_equal "the same by DNS" "192.0.2.9,2001:db8::9 192.0.2.9" "$(line "$work/four" dns)"
check_equal "addresses are names of themselves" "192.0.2.1 2001:db8::5" "$(line "$work/four" literal)"

names -6 2001:db8::2/64 --gateway6 2001:db8::1 >"$work/six"
check_equal "with IPv6 alone AI_ADDRCONFIG leaves IPv6" "2001:db8::7,192.0.2.7 2001:db8::7 none 2001:db8::7" "$(line "$work/six" both)"
check_equal "the same by DNS" "2001:db8::9,192.0.2.9 2001:db8::9" "$(line "$work/six" dns)"

names -a 198.18.0.2/24 -g 198.18.0.1 -6 2001:db8::2/64 --gateway6 2001:db8::1 >"$work/dual"
check_equal "with both IPv6 comes first (RFC 6724 2.1), and AI_ADDRCONFIG leaves both" \
    "2001:db8::7,192.0.2.7 2001:db8::7,192.0.2.7 192.0.2.7 2001:db8::7" "$(line "$work/dual" both)"
check_equal "the kinds of a socket stay together" "2001:db8::7/1,2001:db8::7/2,2001:db8::7/3,192.0.2.7/1,192.0.2.7/2,192.0.2.7/3" "$(line "$work/dual" twice)"
check_equal "the canonical name is the first one's" "both.test=2001:db8::7,=192.0.2.7" "$(line "$work/dual" canonical)"

names -a 198.18.0.2/24 -6 2001:db8::2/64 >"$work/near"
check_equal "what cannot be reached comes last" "198.18.0.1,2001:db8:ffff::1 198.18.0.1,2001:db8:ffff::1" "$(line "$work/near" near)"
end dnsmasq "$started_pid" "$work/dnsmasq.log"

# ---- name servers of DHCP

start_in_ns kernel "$work/dhcp.log" dnsmasq -k -C /dev/null -p 0 -i kern0 -z --dhcp-range=198.18.0.50,198.18.0.60,1h --dhcp-option=6,198.18.0.53,198.18.0.54 \
    --dhcp-leasefile="$work/leases" -x "$work/dhcp.pid" --user=root
wait_for 10 sh -c "ip netns exec weir-$$-kernel ss -lun | grep -q :67"
in_ns weir timeout 60 "$WEIR" exec -l packet:weir0 -a dhcp --resolv-conf "$work/resolv" -- ip addr >"$work/leased" 2>&1 || cat "$work/leased"
check_equal "name servers of a lease are in the file that was asked for" "nameserver 198.18.0.53 nameserver 198.18.0.54" "$(tr '\n' ' ' <"$work/resolv" | sed 's/ $//')"
end dnsmasq "$started_pid" "$work/dhcp.log"

in_ns kernel ip addr add 2001:db8::1/64 dev kern0 nodad 2>/dev/null || true
start_in_ns kernel "$work/dhcp6.log" dnsmasq -k -C /dev/null -p 0 -i kern0 -z --dhcp-range=2001:db8::100,2001:db8::1ff,64,1h \
    --dhcp-option="option6:dns-server,[2001:db8::53],[2001:db8::54]" --dhcp-option=option6:domain-search,weir.test,example.net \
    --dhcp-leasefile="$work/leases6" -x "$work/dhcp6.pid" --user=root
wait_for 10 sh -c "ip netns exec weir-$$-kernel ss -lun | grep -q :547"
in_ns weir timeout 60 "$WEIR" exec -l packet:weir0 -6 dhcp --resolv-conf "$work/resolv6" -- ip addr >"$work/leased6" 2>&1 || cat "$work/leased6"
check_equal "those of DHCPv6 too, behind its search list" "search weir.test example.net nameserver 2001:db8::53 nameserver 2001:db8::54" \
    "$(tr '\n' ' ' <"$work/resolv6" | sed 's/ $//')"
end dnsmasq "$started_pid" "$work/dhcp6.log"
