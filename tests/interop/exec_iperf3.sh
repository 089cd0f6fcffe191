#!/bin/sh
# SPDX-License-Identifier: MIT
#
# iperf3 on Weir as client and as server: one and four TCP streams each way, and UDP each way.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network

# iperf3 takes one test at a time, and ends.
server_is_up() { grep -q "Server listening" "$1"; }

transfers() { # NAME FILE: both sides counted bytes, and no error is told
    if /usr/bin/python3 - "$2" <<'PYTHON' >"$work/figures" 2>&1; then
import json, sys
report = json.load(open(sys.argv[1]))
assert "error" not in report, report["error"]
end = report["end"]
if "sum" in end:
    total = end["sum"]
    assert total["bytes"] > 0, total
    assert total["lost_percent"] < 50, total
    print("%.0f Mbit/s, %.1f %% lost" % (total["bits_per_second"] / 1e6, total["lost_percent"]))
else:
    assert end["sum_sent"]["bytes"] > 0 and end["sum_received"]["bytes"] > 0, end
    print("%.0f Mbit/s" % (end["sum_received"]["bits_per_second"] / 1e6))
PYTHON
        ok "$1"
        diag "$(cat "$work/figures")"
    else
        not_ok "$1" "$(tail -n 5 "$work/figures")" "$(head -c 1000 "$2")" "$(cat "$work/server.log")"
    fi
}

client_on_weir() { # NAME ARGUMENT...
    client_name=$1
    shift
    start_in_ns kernel "$work/server.log" timeout 60 iperf3 -s -1 --forceflush
    wait_for 10 server_is_up "$work/server.log" || true
    on_weir iperf3 -c 198.18.0.1 -J -t "$seconds" "$@" >"$work/client.json" 2>"$work/client.log" || true
    transfers "iperf3 on Weir $client_name" "$work/client.json"
    quiet iperf3 "$work/client.log"
    end iperf3 "$started_pid" "$work/server.log"
}

server_on_weir() { # NAME ARGUMENT...
    server_name=$1
    shift
    start_on_weir "$work/server.log" timeout 60 iperf3 -s -1 --forceflush
    wait_for 10 server_is_up "$work/server.log" || true
    wait_for 10 in_ns kernel ping -c 1 -W 1 198.18.0.2 || true
    in_ns kernel timeout 60 iperf3 -c 198.18.0.2 -J -t "$seconds" "$@" >"$work/client.json" 2>&1 || true
    transfers "iperf3 to Weir $server_name" "$work/client.json"
    quiet iperf3 "$work/server.log"
    end iperf3 "$started_pid" "$work/server.log"
}

client_on_weir "sends"
client_on_weir "receives on four streams" -R -P 4
client_on_weir "sends datagrams" -u -b 20M
server_on_weir "receives on four streams" -P 4
server_on_weir "sends" -R
server_on_weir "sends datagrams" -u -b 20M -R
