#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Weir's HTTP client against programs on the kernel's TCP, over veth: nginx with keep-alive, close and chunked bodies of 1 B to 100 MB, 1,000 and
# 10,000 connections at once; servers with bad manners (odd_server.py); a server killed; the link down and up; MTUs; TCP options off at the
# server; ECN; and, over veth and TAP, a server that stops reading for 30 s. Over IPv6 in client6.sh. The cells are in client_lib.sh.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/client_lib.sh
. "$(dirname "$0")/client_lib.sh"
cd "$root"

ns_add ours
ns_add server
path_add veth weir1 "$server/24"
base_write
nginx_start
odd_servers_start "$server"
first_odd_pid=$odd_pid
stall_begin veth weir2 "$(address 198.18.1.1)" "$(address 198.18.1.10)"
if have_tap; then stall_begin tap weir3 "$(address 198.18.2.1)" "$(address 198.18.2.10)"; fi
path=veth
odd_pid=$first_odd_pid

cells_bodies
cells_many
cells_bad_manners
cells_link_flap
cells_mtu
cells_options
stall_end veth "$(address 198.18.1.10)"
if have_tap; then stall_end tap "$(address 198.18.2.10)"; else path_add tap weir3 "$(address 198.18.2.1)/24"; fi
