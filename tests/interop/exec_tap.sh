#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exec_http.sh over a TAP device instead of veth.
# shellcheck disable=SC2034 # for exec_lib.sh
exec_link=tap
# shellcheck source=tests/interop/exec_http.sh
. "$(dirname "$0")/exec_http.sh"
