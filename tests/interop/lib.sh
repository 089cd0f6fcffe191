# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# The shell library of tests/interop: results in TAP, network namespaces, processes, captures; all of it is undone
# when the script ends, however it ends. A test begins with
#     . "$(dirname "$0")/lib.sh"
# and calls ok, not_ok, skip or check once for each thing it shows. The plan is printed at the end by itself.
# $WEIR is the program under test, $work a temporary directory, $root the repository.

set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
WEIR=${WEIR:-$root/build/weir}
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-interop.XXXXXX")
tap_count=0
tap_failed=0
ns_all=
pids_all=

# ---- results

ok() { # NAME
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

not_ok() { # NAME [TEXT...]: the texts say what was found instead
    tap_count=$((tap_count + 1))
    tap_failed=1
    echo "not ok $tap_count - $1"
    shift
    for text in "$@"; do diag "$text"; done
}

skip() { # NAME REASON: REASON names the missing kernel option or device; list the test in tests/skips.txt
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

diag() { # TEXT
    printf '%s\n' "$1" | sed 's/^/# /'
}

check() { # NAME COMMAND...: ok when the command succeeds; its output is shown when it does not
    check_name=$1
    shift
    if "$@" >"$work/check.out" 2>&1; then
        ok "$check_name"
    else
        not_ok "$check_name" "exit $? of: $*" "$(tail -n 30 "$work/check.out")"
    fi
}

check_equal() { # NAME EXPECTED FOUND
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "expected: $2" "found:    $3"
    fi
}

# ---- namespaces and links

ns_add() { # NAME: a network namespace with loopback up; other functions take the same short name
    ip netns add "weir-$$-$1"
    ns_all="$ns_all weir-$$-$1"
    in_ns "$1" ip link set lo up
}

# nsenter, since `ip netns exec` also remounts /sys, which fails in a plain chroot.
in_ns() { # NAME COMMAND...
    ns_name=weir-$$-$1
    shift
    nsenter "--net=/run/netns/$ns_name" "$@"
}

# A veth pair between two namespaces, both ends up. Offloads are off, so that what is captured is what was sent: filled
# checksums, no 64 KB frames.
veth_add() { # NAMESPACE1 INTERFACE1 NAMESPACE2 INTERFACE2
    ip link add "$2" netns "weir-$$-$1" type veth peer name "$4" netns "weir-$$-$3"
    for end in "$1 $2" "$3 $4"; do
        in_ns "${end% *}" ethtool -K "${end#* }" tx off tso off gso off gro off >/dev/null
        # without an IPv6 address of the kernel's making, which might be ours
        [ "${FAMILY:-4}" = 4 ] || in_ns "${end% *}" ip link set "${end#* }" addrgenmode none
        in_ns "${end% *}" ip link set "${end#* }" up
    done
}

# ---- families: a script that NAME6.sh sources with FAMILY=6 runs over IPv6

FAMILY=${FAMILY:-4}

address() { # A.B.C.D: itself, or the IPv6 address that stands for it
    if [ "$FAMILY" = 4 ]; then echo "$1"; else echo "2001:db8:$(echo "${1%.*}" | tr . :)::${1##*.}"; fi
}

subnet() { # ADDRESS: with the length of its subnet, which is that of a /24
    if [ "$FAMILY" = 4 ]; then echo "$1/24"; else echo "$1/80"; fi
}

in_url() { # ADDRESS
    if [ "$FAMILY" = 4 ]; then echo "$1"; else echo "[$1]"; fi
}

# For tshark's filters: the fields of the family; what a router says of a packet that is too long (RFC 1191, RFC 8201), and its MTU there.
# shellcheck disable=SC2034 # for the tests
if [ "$FAMILY" = 4 ]; then
    ip=ip ecn=ip.dsfield.ecn too_long="icmp.type == 3 && icmp.code == 4" told_mtu=icmp.mtu least_mtu=576
else
    ip=ipv6 ecn=ipv6.tclass.ecn too_long="icmpv6.type == 2" told_mtu=icmpv6.mtu least_mtu=1280
fi
host_of() { # ADDRESS [GATEWAY]: addresses of a configuration's device
    if [ "$FAMILY" = 4 ]; then
        echo "ipv4: {address: $(subnet "$1"), gateway: ${2:-0.0.0.0}}"
    else
        echo "ipv6: {address: '$(subnet "$1")', gateway: '${2:-::}'}"
    fi
}

forwarding_on() { # NAMESPACE
    in_ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

route_add() { # NAMESPACE GATEWAY: the default route
    in_ns "$1" ip "-$FAMILY" route add default via "$2"
}

address_add() { # NAMESPACE ADDRESS INTERFACE: with its subnet, usable at once, and still there after the link was down
    if [ "$FAMILY" = 4 ]; then
        in_ns "$1" ip addr add "$2/24" dev "$3"
    else
        in_ns "$1" sysctl -qw "net.ipv6.conf.$3.keep_addr_on_down=1"
        in_ns "$1" ip addr add "$2/80" dev "$3" nodad
        in_ns "$1" ip addr add "fe80::${2##*:}/64" dev "$3" nodad # by which routers ask for their neighbours
    fi
}

# ---- processes

start() { # LOGFILE COMMAND...: in the background, ended with the test; started_pid is its process id
    start_log=$1
    shift
    "$@" >"$start_log" 2>&1 &
    started_pid=$!
    pids_all="$pids_all $started_pid"
}

start_in_ns() { # NAMESPACE LOGFILE COMMAND...
    start_ns=weir-$$-$1
    start_ns_log=$2
    shift 2
    start "$start_ns_log" nsenter "--net=/run/netns/$start_ns" "$@"
}

stop() { # PID: ends it and waits; its exit status
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null
}

wait_for() { # SECONDS COMMAND...: tries ten times a second until the command succeeds; false when it never did
    wait_tries=$(($1 * 10))
    shift
    while [ "$wait_tries" -gt 0 ]; do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
        wait_tries=$((wait_tries - 1))
    done
    return 1
}

# Builds tests/interop/NAME.c with the library beside $WEIR: the program is $work/NAME.
build() { # NAME [LIBRARY-OPTION...]
    build_name=$1
    shift
    build_library=${WEIR_BUILD:-$(dirname "$WEIR")}/libweir.a
    if ! ${CC:-cc} -std=gnu17 -O2 -I "$root/src" "$root/tests/interop/$build_name.c" "$build_library" -o "$work/$build_name" -lm -lpthread "$@" \
        >"$work/cc.log" 2>&1; then
        not_ok "$build_name is built with $build_library" "$(cat "$work/cc.log")"
        exit 1
    fi
}

listens() { # NAMESPACE PORT: a TCP listener is there
    in_ns "$1" ss -Hltn "sport = :$2" | grep -q .
}

# ---- captures, decoded by tshark

capture_start() { # NAMESPACE INTERFACE FILE; capture_pid is for capture_stop
    start_in_ns "$1" "$3.log" tshark -q -i "$2" -w "$3"
    capture_pid=$started_pid
    if ! wait_for 20 grep -q "Capturing on" "$3.log" || ! wait_for 20 test -s "$3"; then
        not_ok "tshark captures on $2" "$(cat "$3.log")"
        exit 1
    fi
}

capture_stop() {
    sleep 0.5 # the kernel hands frames over in batches
    kill -TERM "$capture_pid" 2>/dev/null || true
    wait "$capture_pid" 2>/dev/null || true
}

# Payload to and from the ports that clients take is data: tshark would call it malformed where a client happens on a port with a protocol to its name
# (13400 is DoIP's).
as_data="-d tcp.port==1024-65535,data -d udp.port==1024-65535,data"

# Checksums are verified: tshark's default is not to.
decode() { # FILE TSHARK-OPTION...
    decode_file=$1
    shift
    # shellcheck disable=SC2086
    tshark -r "$decode_file" $as_data -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE \
        "$@" 2>/dev/null
}

frames() { # FILE FILTER: how many frames match
    decode "$1" -Y "$2" | wc -l
}

packet_lengths() { # FILE FILTER: in bytes of the IP header and what follows, the least first; of what an ICMP error quotes too
    if [ "$FAMILY" = 4 ]; then set -- "$1" "$2" ip.len 0; else set -- "$1" "$2" ipv6.plen 40; fi
    decode "$1" -Y "$2" -T fields -e "$3" | tr , '\n' | awk -v header="$4" '{ print $1 + header }' | sort -n
}

# Linux writes 0xffff for a checksum of 0 where it completes one for an interface without offload (skb_checksum_help); that is the same sum (RFC 1624),
# which tshark calls bad. One segment in 65,536.
wrong_tcp_checksum='(tcp.checksum.status == 0 && tcp.checksum != 0xffff)'
# shellcheck disable=SC2034 # for the tests
bad_frames_filter="_ws.malformed || ip.checksum.status == 0 || $wrong_tcp_checksum ||
    udp.checksum.status == 0 || icmp.checksum.status == 0"

# What may be wrong with no frame, and what with none of OURS. What the kernel sends again is its own affair, and tshark may take it for a broken
# reassembly.
blemishes() { # OURS, a filter
    echo "(_ws.malformed && ($1 || !(tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.out_of_order ||
            tcp.analysis.keep_alive))) ||
        ($1 && (ip.checksum.status == 0 || $wrong_tcp_checksum || tcp.analysis.ack_lost_segment))"
}

# ---- the end

# shellcheck disable=SC2317 # called by trap
finish() {
    finish_status=$?
    trap - EXIT INT TERM HUP
    set +e
    for pid in $pids_all; do kill -TERM "$pid" 2>/dev/null; done
    for pid in $pids_all; do wait "$pid" 2>/dev/null; done
    for name in $ns_all; do ip netns del "$name" 2>/dev/null; done
    rm -rf "$work"
    if [ "$finish_status" -eq 0 ]; then
        echo "1..$tap_count"
        exit "$tap_failed"
    fi
    echo "# the script ended early with status $finish_status"
    exit "$finish_status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
