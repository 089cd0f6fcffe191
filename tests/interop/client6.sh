#!/bin/sh
# SPDX-License-Identifier: MIT
#
# client.sh over IPv6, over veth: all cells but the 10,000 connections and the server that stops reading for 30 s.
# shellcheck disable=SC2034 # for lib.sh
FAMILY=6
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

cells_bodies
cells_bad_manners
cells_link_flap
cells_mtu
cells_options
