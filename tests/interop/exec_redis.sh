#!/bin/sh
# SPDX-License-Identifier: MIT
#
# redis on Weir under the kernel's redis-benchmark, and the reverse. WEIR_EXEC_REQUESTS says how many requests of each kind (default 5000).
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network
requests=${WEIR_EXEC_REQUESTS:-5000}

benchmark() { # ADDRESS: redis-benchmark's arguments
    echo "-h $1 -p 6379 -c 50 -n $requests -t set,get --csv"
}

# redis-benchmark says nothing else when all goes well.
all_were_answered() { # NAME FILE
    check_equal "$1" "SET GET" "$(sed -n 's/^"\(SET\|GET\)",.*/\1/p' "$2" | tr '\n' ' ' | sed 's/ $//')"
    diag "$(cut -d, -f 1,2 "$2")"
}

start_on_weir "$work/redis.log" redis-server --port 6379 --save "" --protected-mode no --dir "$work"
redis=$started_pid
if wait_for 20 answers 6379; then
    # shellcheck disable=SC2046 # several arguments
    in_ns kernel timeout 120 redis-benchmark $(benchmark 198.18.0.2) >"$work/benchmark" 2>&1 &
    benchmark=$!
    pings redis-server
    wait "$benchmark" || not_ok "redis-benchmark ends well" "$(tail -n 5 "$work/benchmark")"
    all_were_answered "redis on Weir answers redis-benchmark" "$work/benchmark"
    in_ns kernel timeout 20 redis-cli -h 198.18.0.2 set key "$(head -c 1000 /dev/zero | tr '\0' x)" >"$work/cli"
    in_ns kernel timeout 20 redis-cli -h 198.18.0.2 bgsave >>"$work/cli"
    check "redis forks to save, and goes on" wait_for 10 test -s "$work/dump.rdb"
    check_equal "after that it answers as before" 1000 "$(in_ns kernel timeout 20 redis-cli -h 198.18.0.2 get key | tr -d '\n' | wc -c)"
else
    not_ok "redis listens on Weir" "$(cat "$work/redis.log")"
fi
end redis-server "$redis" "$work/redis.log"
quiet redis-server "$work/redis.log"

start_in_ns kernel "$work/redis.log" redis-server --port 6379 --save "" --protected-mode no --dir "$work"
redis=$started_pid
wait_for 20 listens kernel 6379
# shellcheck disable=SC2046 # several arguments
on_weir redis-benchmark $(benchmark 198.18.0.1) >"$work/benchmark" 2>"$work/benchmark.log" || true
all_were_answered "redis-benchmark on Weir is answered" "$work/benchmark"
quiet redis-benchmark "$work/benchmark.log"
end redis-server "$redis" "$work/redis.log"
