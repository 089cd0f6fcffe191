#!/bin/sh
# SPDX-License-Identifier: MIT
#
# server.sh over IPv6.
# shellcheck disable=SC2034 # for server.sh
FAMILY=6
# shellcheck source=tests/interop/server.sh
. "$(dirname "$0")/server.sh"
