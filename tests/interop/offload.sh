#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each offload on or off gives equal bytes, over veth and TAP: what nginx sends has its digest, what it took is what we sent, for each of our offloads off,
# over a device that cuts nothing, and while each of the kernel's (ethtool) at the other end is turned off. That an offload is really on or off is told by the
# sizes of the frames that our link counted.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/client_lib.sh
. "$(dirname "$0")/client_lib.sh"
cd "$root"

ns_add ours
ns_add server
/usr/bin/python3 tests/interop/pattern.py 1000000 >"$work/body"

megabytes_both_ways="--set loads[0].http.order=sequence --set loads[0].schedule[0].concurrent=4"
both_urls="[$(url /1000000 1000000), {path: /put/file, method: put, body_size: 1000000B}]"

transfer() { # OFFLOAD: 16 megabytes, in both directions at once
    # shellcheck disable=SC2086 # several words
    load_number 16 transfer --set "ports[0].offload=$1" --set "loads[0].http.urls=$both_urls" $megabytes_both_ways &&
        cmp "$work/body" "$work/files/put/file"
}

# For each direction whether frames were larger than the MTU allows on a wire, by their mean.
sizes() {
    result transfer '", ".join("%s %s" % (d, "large" if p["bytes_" + d] > 1514 * p["frames_" + d] else "small") for p in r["ports"] for d in ("tx", "rx"))'
}
show() {
    diag "$(completed transfer) megabytes in frames of $(result transfer '"%d bytes sent, %d received" % tuple(p["bytes_" + d] / p["frames_" + d] for p in r["ports"] for d in ("tx", "rx"))')"
}

ours() { # OFFLOAD SIZES
    check "$path: ours $1: equal bytes" transfer "$1"
    check_equal "$path: ours $1: frames" "$2" "$(sizes)"
    show
}

# The kernel's end, in the middle of a transfer (opening a TAP device sets its offloads); it is set back afterwards.
theirs() { # OFFLOAD ETHTOOL-SETTINGS...
    theirs_ours=$1
    shift
    # shellcheck disable=SC2086 # several words
    load_start transfer --set "ports[0].offload=$theirs_ours" --set "loads[0].http.urls=$both_urls" $megabytes_both_ways
    await_answers 8
    check "$path: ethtool takes $*" in_ns server ethtool -K weir1 "$@"
    await_answers 8
    load_stop
    check_equal "$path: theirs $*, ours $theirs_ours: no transfer fails" "0 " "$load_status $(cat "$work/transfer.log")"
    check "$path: theirs $*, ours $theirs_ours: equal bytes" cmp "$work/body" "$work/files/put/file"
    show
    in_ns server ethtool -K weir1 tx on sg on tso on gso on gro on >/dev/null
}

none="{rx_checksum: false, tx_checksum: false, gro: false, tso: false, uso: false}"

cells_offload() {
    base_write
    ours "{}" "tx large, rx large"
    ours "{gro: false}" "tx large, rx small"
    ours "{gro: false, rx_checksum: false}" "tx large, rx small"
    ours "{tso: false}" "tx small, rx large"
    ours "{tso: false, uso: false, tx_checksum: false}" "tx small, rx large"
    ours "$none" "tx small, rx small"
    theirs "{}" tso off
    theirs "{}" gso off tso off
    theirs "{}" gro off
    theirs "{}" tx off
    theirs "{gro: false}" tx off
    theirs "$none" tx off gro off
}

path_add veth weir1 "$server/24"
for end in "ours ours-weir1" "server weir1"; do
    in_ns "${end% *}" ethtool -K "${end#* }" tx on sg on tso on gso on gro on >/dev/null
done
nginx_start
cells_offload
check "$path: ethtool takes all of our device's offload off" in_ns ours ethtool -K ours-weir1 tx off tso off gso off
check "$path: what our device does not cut the kernel cuts: equal bytes" transfer "{}"
check_equal "$path: what our device does not cut the kernel cuts: frames" "tx large, rx large" "$(sizes)"
show
in_ns server ip link del weir1
path_add tap weir1 "$server/24"
cells_offload
