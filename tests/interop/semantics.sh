#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The semantics of sockets: tests/semantics is one program that runs twice, with the kernel's sockets and with Weir's under test, each against a peer on the
# kernel's sockets; the transcripts of all calls are compared. SEMANTICS=DIRECTORY keeps them and a diff there; CASES=... runs some only.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

library=${WEIR_BUILD:-$(dirname "$WEIR")}/libweir.a
# shellcheck disable=SC2046 # several words
requires=$(pkg-config --libs $(sed -n 's/^Requires.private: //p' "$(dirname "$library")/weir.pc" | tr -d ,))
# shellcheck disable=SC2086 # the same
if ! ${CC:-cc} -std=gnu17 -O1 -g -Wall -Wextra -Werror -I "$root/include" "$root"/tests/semantics/*.c "$library" \
    -o "$work/semantics" $requires -lm -lpthread >"$work/cc.log" 2>&1; then
    not_ok "the program is built with $library" "$(cat "$work/cc.log")"
    exit 1
fi

# What a case would have to wait for otherwise is short, and ICMP errors are not rationed.
prepare() { # NAMESPACE INTERFACE ADDRESS
    in_ns "$1" sh -c "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range
        echo 200 >/proc/sys/net/ipv4/neigh/$2/retrans_time_ms
        echo 0 >/proc/sys/net/ipv6/conf/$2/disable_ipv6" 2>/dev/null || true
    in_ns "$1" ip addr add "$3/24" broadcast + dev "$2"
    in_ns "$1" ip link set "$2" up
}

ns_add kernel
ns_add kernelpeer
veth_add kernel sem0 kernelpeer sem0
prepare kernel sem0 192.0.2.1
prepare kernelpeer sem0 192.0.2.2
ns_add weirpeer
in_ns weirpeer ip tuntap add dev sem0 mode tap
prepare weirpeer sem0 192.0.2.2

keep=${SEMANTICS:-$work}
mkdir -p "$keep"
# shellcheck disable=SC2086 # several cases
"$work/semantics" kernel "/run/netns/weir-$$-kernel" "/run/netns/weir-$$-kernelpeer" ${CASES:-} >"$keep/kernel.txt" \
    2>"$work/kernel.err" &
kernel_pid=$!
# shellcheck disable=SC2086
"$work/semantics" weir sem0 "/run/netns/weir-$$-weirpeer" ${CASES:-} >"$keep/weir.txt" 2>"$work/weir.err" || true
wait "$kernel_pid" || true
for end in kernel weir; do
    if [ -s "$work/$end.err" ]; then
        not_ok "the run with $end's sockets ends" "$(cat "$work/$end.err")"
    else
        ok "the run with $end's sockets ends"
    fi
done
diff -U 6 "$keep/kernel.txt" "$keep/weir.txt" >"$keep/diff.txt" || true
"$root/tests/semantics/compare.py" "$keep/kernel.txt" "$keep/weir.txt" "$root/tests/semantics/differences.txt" \
    >"$work/compare.tap" || not_ok "the transcripts can be compared"
# The lines are results of this script: its own number and plan count them.
while IFS= read -r line; do
    case $line in
    ok\ *) ok "${line#ok [0-9]* - }" ;;
    not\ ok\ *) not_ok "${line#not ok [0-9]* - }" ;;
    1..*) ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$work/compare.tap"
