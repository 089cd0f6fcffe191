#!/bin/sh
# SPDX-License-Identifier: MIT
#
# server6.sh over a TAP device instead of veth.
# shellcheck disable=SC2034 # for server.sh
server_link=tap
# shellcheck source=tests/interop/server6.sh
. "$(dirname "$0")/server6.sh"
