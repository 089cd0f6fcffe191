#!/bin/sh
# SPDX-License-Identifier: MIT
#
# offload.sh over IPv6.
# shellcheck disable=SC2034 # for offload.sh
FAMILY=6
# shellcheck source=tests/interop/offload.sh
. "$(dirname "$0")/offload.sh"
