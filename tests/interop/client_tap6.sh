#!/bin/sh
# SPDX-License-Identifier: MIT
#
# client_tap.sh over IPv6.
# shellcheck disable=SC2034 # for client_tap.sh
FAMILY=6
# shellcheck source=tests/interop/client_tap.sh
. "$(dirname "$0")/client_tap.sh"
