#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Weir's HTTP client against programs on the kernel's TCP, over a TAP device with checksum offload, TSO and merged segments: the cells of client.sh. Over IPv6 in
# client_tap6.sh.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/client_lib.sh
. "$(dirname "$0")/client_lib.sh"
cd "$root"

ns_add server
path_add tap weir1 "$server/24"
base_write
nginx_start
odd_servers_start "$server"

cells_bodies
cells_many
cells_bad_manners
cells_link_flap
cells_mtu
cells_options
