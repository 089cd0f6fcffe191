#!/bin/sh
# SPDX-License-Identifier: MIT
#
# black_hole.sh over IPv6.
# shellcheck disable=SC2034 # for black_hole.sh
FAMILY=6
# shellcheck source=tests/interop/black_hole.sh
. "$(dirname "$0")/black_hole.sh"
