# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# For the tests of `weir exec`: the kernel's side is the namespace `kernel` with 198.18.0.1, Weir's side the namespace `weir` with 198.18.0.2, on a veth
# pair; with exec_link=tap both are in `kernel`, on the two sides of a TAP device. WEIR_EXEC_SECONDS says how long load generators run
# (default 2).
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034 # for the tests
seconds=${WEIR_EXEC_SECONDS:-2}

exec_link=${exec_link:-veth}
exec_ns=weir

exec_network() {
    ns_add kernel
    port='{name: eth, location: "packet:weir0"}'
    if [ "$exec_link" = tap ]; then
        exec_ns=kernel
        port='{name: eth, location: "tap:weir0"}'
        in_ns kernel ip tuntap add dev weir0 mode tap multi_queue vnet_hdr
        in_ns kernel ip addr add 198.18.0.1/24 dev weir0
        in_ns kernel ip link set weir0 up
    else
        ns_add weir
        veth_add kernel kern0 weir weir0
        in_ns kernel ip addr add 198.18.0.1/24 dev kern0
    fi
    cat >"$work/host.yaml" <<YAML
ports: [$port]
devices: [{name: host, port: eth, ipv4: {address: 198.18.0.2/24, gateway: 198.18.0.1}}]
YAML
}

on_weir() { # COMMAND...: in the foreground
    in_ns "$exec_ns" timeout 60 "$WEIR" exec -c "$work/host.yaml" -- "$@"
}

start_on_weir() { # LOGFILE COMMAND...
    start_weir_log=$1
    shift
    start_in_ns "$exec_ns" "$start_weir_log" "$WEIR" exec -c "$work/host.yaml" -- "$@"
}

answers() { # PORT: something on Weir's side accepts
    in_ns kernel nc -z -w 2 198.18.0.2 "$1"
}

# Somebody else's view while a program runs: its stack answers.
pings() { # PROGRAM
    check "the kernel pings Weir while $1 runs" in_ns kernel ping -q -c 3 -i 0.2 -W 5 198.18.0.2
}

# Ends a program gently, and says what it said on the way when it does not come to an end.
end() { # NAME PID LOGFILE
    kill -TERM "$2" 2>/dev/null || true
    if wait_for 20 sh -c "! kill -0 $2"; then
        wait "$2" 2>/dev/null || true
    else
        not_ok "$1 ends" "$(tail -n 20 "$3")"
        kill -KILL "$2" || true
    fi
}

# Complaints of the preloaded library, of which there should be none.
quiet() { # NAME LOGFILE
    check_equal "$1 asks for nothing that is missing" "" "$(grep "^weir exec:" "$2" || true)"
}
