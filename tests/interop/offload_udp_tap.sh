#!/bin/sh
# SPDX-License-Identifier: MIT
#
# offload_udp.sh over a TAP device instead of veth.
# shellcheck disable=SC2034 # for exec_lib.sh
exec_link=tap
# shellcheck source=tests/interop/offload_udp.sh
. "$(dirname "$0")/offload_udp.sh"
