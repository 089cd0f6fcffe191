#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Rare things between our TCP and Linux's, over veth: see tcp_linux.py, and tcp_peer.c, which is our side. Over IPv6 in tcp_linux6.sh.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

build tcp_peer
peer=$work/tcp_peer

ns_add linux
ns_add ours
veth_add linux veth0 ours veth1
link_mac() { in_ns "$1" ip -o link show dev "$2" | sed 's/.*ether \([^ ]*\) .*/\1/'; }
linux=$(address 198.18.0.1)
ours=$(address 198.18.0.2)
address_add linux "$linux" veth0
in_ns linux ip neigh replace "$ours" lladdr "$(link_mac ours veth1)" dev veth0 nud permanent

if ! in_ns linux /usr/bin/python3 "$root/tests/interop/tcp_linux.py" "$linux" "$ours" \
    "$peer" "/run/netns/weir-$$-ours" veth1 "$ours" "$linux" "$(link_mac linux veth0)" >"$work/shown" 2>"$work/python.log"; then
    not_ok "the script of Linux's side ends in order" "$(cat "$work/python.log")"
fi
tab=$(printf '\t')
while IFS=$tab read -r name expected found; do
    check_equal "$name" "$expected" "$found"
done <"$work/shown"
