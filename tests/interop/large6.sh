#!/bin/sh
# SPDX-License-Identifier: MIT
#
# large.sh over IPv6.
# shellcheck disable=SC2034 # for large.sh
FAMILY=6
# shellcheck source=tests/interop/large.sh
. "$(dirname "$0")/large.sh"
