#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tcp_linux.sh over IPv6.
# shellcheck disable=SC2034 # for tcp_linux.sh
FAMILY=6
# shellcheck source=tests/interop/tcp_linux.sh
. "$(dirname "$0")/tcp_linux.sh"
