#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `weir accel` killed (SIGKILL) under 1,000 live connections of the kernel's and started again: with a table in a mapped file each of them goes on with the right
# bytes, twice in a row, also when a minute lies between; what was in its opening is reset; a second box cannot have the same table. Without a table
# no connection gets wrong bytes, and new ones are served.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/accel_lib.sh
. "$(dirname "$0")/accel_lib.sh"

crowd=1000
one_box

accel_kill() {
    # shellcheck disable=SC2154 # assigned by eval
    kill -KILL "$box_near"
    wait "$box_near" 2>/dev/null || true
}
crowd_start() { # HOST SECONDS: connections that ask again and again, and wait so long for their last answer
    rm -f "$work/stop"
    : >"$work/crowd.log"
    start_in_ns client "$work/crowd.log" /usr/bin/python3 tests/interop/accel_crowd.py crowd "$1" 8000 $crowd "$work/stop" "$2"
    crowd_pid=$started_pid
    wait_for 60 grep -q ready "$work/crowd.log" || not_ok "$crowd connections are opened" "$(cat "$work/crowd.log")"
}
crowd_stop() { # its last line is crowd_result, its status crowd_status
    touch "$work/stop"
    crowd_status=0
    wait "$crowd_pid" || crowd_status=$?
    crowd_result=$(tail -n 1 "$work/crowd.log")
    diag "$crowd_result"
}
all_went_on() { # NAME
    case $crowd_result in
        "$crowd went on, 0 ended, 0 had no answer, 0 got other bytes"*) ok "$1" ;;
        *) not_ok "$1" "$(cat "$work/crowd.log")" ;;
    esac
}
table="accelerator.table=$work/table"

start_in_ns server "$work/server.log" /usr/bin/python3 tests/interop/accel_crowd.py serve 8000
wait_for 20 listens server 8000

# ---- with a table

accel_start --set "$table"
check_equal "the table is its owner's alone" 600 "$(stat -c %a "$work/table")"
if in_ns near "$WEIR" accel examples/accel.yaml --set "ports[0].location=packet:n0" --set "ports[1].location=packet:n1" --set "$table" -d 1s \
    >"$work/second.log" 2>&1; then
    not_ok "a second box cannot have the same table" "$(cat "$work/second.log")"
else
    check "a second box cannot have the same table" grep -q "in use by another box" "$work/second.log"
fi
for host in $server4 $server6; do
    crowd_start "$host" 20
    accel_kill
    accel_start --set "$table"
    sleep 2
    accel_kill
    sleep 1
    accel_start --set "$table"
    sleep 2
    crowd_stop
    all_went_on "$crowd connections to $host outlive two kills"
done
accel_stop
check "they were taken over" test "$(count near restart_kept)" -ge $crowd
check_equal "none was reset, none forgotten, nothing undelivered" "0 0 0" \
    "$(count near restart_reset) $(count near restart_forgotten) $(count near early_undelivered)"

accel_start --set "$table"
crowd_start $server4 120 # their timers have backed off to as much as that
accel_kill
sleep 60
accel_start --set "$table"
crowd_stop
all_went_on "$crowd connections outlive a minute without a box"

# ---- in their opening

in_ns server nft -f - <<'NFT'
table inet silence {
    chain input {
        type filter hook input priority 0
        tcp dport 8002 drop
    }
}
NFT
start_in_ns client "$work/wait.log" /usr/bin/python3 tests/interop/accel_crowd.py wait $server4 8002
wait_pid=$started_pid
wait_for 20 grep -q written "$work/wait.log" || not_ok "early data is written" "$(cat "$work/wait.log")"
sleep 1
accel_kill
accel_start --set "$table"
wait_status=0
wait "$wait_pid" || wait_status=$?
check_equal "one whose early data was acknowledged and is gone: reset" 0 "$wait_status"
accel_stop
check_equal "which is counted" "1 1" "$(count near restart_reset) $(count near early_undelivered)"

# ---- without

accel_start
crowd_start $server4 20
accel_kill
accel_start
sleep 3
check "without a table, new connections are served" in_ns client /usr/bin/python3 tests/interop/accel_crowd.py crowd $server4 8000 50 / 20
crowd_stop
check_equal "and no connection gets other bytes" 0 "$crowd_status"
case $crowd_result in
    "0 went on"*) ok "those of before end, or have no answer" ;;
    *) not_ok "those of before end, or have no answer" "$crowd_result" ;;
esac
accel_stop
