#!/bin/sh
# SPDX-License-Identifier: MIT
#
# server_paths.sh over IPv6.
# shellcheck disable=SC2034 # for server_paths.sh
FAMILY=6
# shellcheck source=tests/interop/server_paths.sh
. "$(dirname "$0")/server_paths.sh"
