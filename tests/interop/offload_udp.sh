#!/bin/sh
# SPDX-License-Identifier: MIT
#
# UDP_SEGMENT between a program on Weir and the kernel, over veth (offload_udp_tap.sh: TAP), with our offload of it on and off: every datagram of every call arrives as it was
# sent. How they crossed is told by a capture at the kernel's end: whole, or one by one. The kernel sends them whole in any case.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
calls=50

# SEGMENT OFFLOAD SIZES: from Weir to the kernel; then whether the capture has frames longer than the MTU allows on a wire.
to_kernel() {
    rm -f "$work/serve.log"
    start_in_ns kernel "$work/serve.log" timeout 60 /usr/bin/python3 "$root/tests/interop/udp_segments.py" serve 198.18.0.1 9000
    served=$started_pid
    wait_for 10 grep -q ready "$work/serve.log"
    capture_start kernel "$kernel_device" "$work/udp.pcap"
    check_equal "$exec_link: offload $2: $calls calls in datagrams of $1 bytes to the kernel" "$calls" "$(with_offload "$2" send 198.18.0.1 9000 $calls "$1")"
    capture_stop
    check "$exec_link: offload $2: the kernel had each right" wait "$served"
    large=$(frames "$work/udp.pcap" "udp.dstport == 9000 && frame.len > 1514")
    check_equal "$exec_link: offload $2: datagrams of $1 bytes crossed" "$3" "$([ "$large" -gt 0 ] && echo whole || echo one by one)"
}

from_kernel() { # SEGMENT OFFLOAD
    rm -f "$work/serve.log"
    with_offload "$2" serve 198.18.0.2 9001 >"$work/serve.log" 2>&1 &
    served=$!
    wait_for 20 grep -q ready "$work/serve.log"
    check_equal "$exec_link: offload $2: $calls calls in datagrams of $1 bytes from the kernel" "$calls" \
        "$(in_ns kernel timeout 60 /usr/bin/python3 "$root/tests/interop/udp_segments.py" send 198.18.0.2 9001 $calls "$1")"
    check "$exec_link: offload $2: Weir had each right" wait "$served"
}

with_offload() { # OFFLOAD ARGUMENTS...
    sed "s/^ports: \[{name: eth,/ports: [{name: eth, offload: $1,/" "$work/host.yaml" >"$work/offload.yaml"
    shift
    in_ns "$exec_ns" timeout 60 "$WEIR" exec -c "$work/offload.yaml" -- /usr/bin/python3 "$root/tests/interop/udp_segments.py" "$@"
}

exec_network
if [ "$exec_link" = tap ]; then
    kernel_device=weir0
else
    kernel_device=kern0
    in_ns kernel ethtool -K kern0 tx on sg on tso on gso on gro on >/dev/null
    in_ns weir ethtool -K weir0 tx on sg on tso on gso on gro on >/dev/null
fi
for segment in 1472 600; do
    to_kernel $segment "{}" whole
    to_kernel $segment "{uso: false}" "one by one"
    to_kernel $segment "{uso: false, tso: false, tx_checksum: false}" "one by one"
    from_kernel $segment "{}"
    from_kernel $segment "{gro: false}"
    from_kernel $segment "{gro: false, rx_checksum: false}"
done
