#!/bin/sh
# SPDX-License-Identifier: MIT
#
# services.sh over IPv6.
# shellcheck disable=SC2034 # for services.sh
FAMILY=6
# shellcheck source=tests/interop/services.sh
. "$(dirname "$0")/services.sh"
