#!/bin/sh
# SPDX-License-Identifier: MIT
#
# client.sh over IPv6.
# shellcheck disable=SC2034 # for client.sh
FAMILY=6
# shellcheck source=tests/interop/client.sh
. "$(dirname "$0")/client.sh"
