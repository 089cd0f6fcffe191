#!/bin/sh
# SPDX-License-Identifier: MIT
#
# server.sh over IPv6, with short loads and 20 MB instead of 100.
# shellcheck disable=SC2034 # for server.sh
FAMILY=6
large_bytes=20000000
WEIR_INTEROP_SECONDS=${WEIR_INTEROP_SECONDS:-1}
WEIR_INTEROP_STALL=${WEIR_INTEROP_STALL:-1}
# shellcheck source=tests/interop/server.sh
. "$(dirname "$0")/server.sh"
