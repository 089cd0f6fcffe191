#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pmtud.sh over IPv6 (RFC 8201).
# shellcheck disable=SC2034 # for pmtud.sh
FAMILY=6
# shellcheck source=tests/interop/pmtud.sh
. "$(dirname "$0")/pmtud.sh"
