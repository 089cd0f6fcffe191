#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Runs over the memory link: results in all forms and how they agree, interruption, criteria, outputs that cannot be written.

load lib.bash

setup() {
    cd "$BATS_TEST_TMPDIR"
    memory_load load.yaml
}

# Starts a run in the background and waits until it shows a line.
start_run() { # ARGUMENT...
    "$WEIR" run load.yaml "$@" >out.txt 2>err.txt 3>&- &
    pid=$!
    until [ -s out.txt ]; do
        kill -0 "$pid"
        sleep 0.1
    done
}

end_run() {
    status=0
    wait "$pid" || status=$?
}

@test "a short load: no failure, the sums hold, and all forms of the results agree" {
    run --separate-stderr -0 weir run load.yaml --json out.json --csv out.csv --report out.html --junit out.xml
    [ -z "$stderr" ]
    echo "$output" >out.txt
    python3 "$CHECK" sums out.json
    python3 "$CHECK" table out.json out.txt
    python3 "$CHECK" csv out.json out.csv
    python3 "$CHECK" report out.json out.html
    python3 "$CHECK" junit out.json out.xml
    xmllint --noout out.xml
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.failed)" = "{}" ]
    [ "$(python3 "$CHECK" get out.json loads.0.schedule.requested)" -eq 750 ]
}

@test "the checks of this file can fail" {
    weir run load.yaml --duration 500ms --json out.json --csv out.csv --report out.html --junit out.xml >out.txt
    python3 - <<'PY'
import json
with open("out.json") as file:
    results = json.load(file)
results["loads"][0]["connections"]["attempted"] += 1
results["loads"][0]["transactions"]["completed"] += 1
with open("bad.json", "w") as file:
    json.dump(results, file)
PY
    run -1 python3 "$CHECK" sums bad.json
    run -1 python3 "$CHECK" table bad.json out.txt
    run -1 python3 "$CHECK" csv bad.json out.csv
    sed 's/<figure>/<script><\/script><figure>/' out.html >bad.html
    run -1 python3 "$CHECK" report out.json bad.html
    run -1 python3 "$CHECK" junit bad.json out.xml
    sed 's/<properties>/<properties><also\/>/' out.xml >bad.xml
    run -1 python3 "$CHECK" junit out.json bad.xml
}

@test "several loads, failures and impaired frames: sums and forms agree" {
    cat >>load.yaml <<'YAML'
impairments:
  - {port: left, loss: 2%, duplicate: 1%}
YAML
    run --separate-stderr -1 weir run load.yaml --json out.json --csv out.csv --report out.html --junit out.xml \
        --set 'loads[0].http.urls=[{path: /page}, {path: /wrong, status: 200}]'
    echo "$output" >out.txt
    python3 "$CHECK" sums out.json
    python3 "$CHECK" table out.json out.txt
    python3 "$CHECK" csv out.json out.csv
    python3 "$CHECK" report out.json out.html
    python3 "$CHECK" junit out.json out.xml
    holds "NOT MET" "$output"
    holds "status_mismatch" "$output"
    holds "impair_loss" "$output"
    [ "${lines[-1]}" = "criteria not met" ]
}

@test "not on a terminal: a line each second, no control characters" {
    run -0 weir run load.yaml
    [ "$(grep -c 'conn/s .* trans/s .* failed ' <<<"$output")" -ge 1 ]
    [[ "$output" != *$'\033'* ]]
}

@test "on a terminal: a table in place, and the cursor comes back" {
    run -0 script -qec "stty cols 100 rows 24; TERM=xterm '$WEIR' run load.yaml" /dev/null
    holds $'\033[?25l' "$output"
    holds "[####" "$output"
    holds $'\033[?25h' "$output"
    [[ "${output##*$'\033[?25h'}" == *"all criteria met"* ]]
}

@test "--quiet prints nothing; the exit code tells" {
    run -0 weir run load.yaml --duration 500ms --quiet
    [ -z "$output" ]
    run -1 weir run load.yaml --duration 500ms --quiet --set 'loads[0].pass={min_completed_transactions: 1M}'
    [ -z "$output" ]
}

@test "results to standard output, the table to standard error" {
    weir run load.yaml --duration 500ms --json - >out.json 2>out.txt
    python3 "$CHECK" sums out.json
    python3 "$CHECK" table out.json out.txt
}

@test "criteria that are not met are named, exit code 1" {
    run -1 weir run load.yaml --duration 500ms --json out.json --set 'loads[0].pass={min_completed_transactions: 1M}'
    holds "NOT MET  min_completed_transactions" "$output"
    [ "$(python3 "$CHECK" get out.json passed)" = false ]
}

@test "Ctrl-C ends the load, drains and reports" {
    start_run --duration 1h --json out.json
    kill -INT "$pid"
    end_run
    cat err.txt
    [ "$status" -eq 0 ]
    [ "$(tail -n 1 out.txt)" = "interrupted; all criteria met" ]
    python3 "$CHECK" sums out.json
    python3 "$CHECK" table out.json out.txt
    [ "$(python3 "$CHECK" get out.json interrupted)" = true ]
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.failed)" = "{}" ]
}

@test "SIGTERM does the same" {
    start_run --duration 1h --json out.json
    kill -TERM "$pid"
    end_run
    [ "$status" -eq 0 ]
    python3 "$CHECK" sums out.json
}

@test "a second Ctrl-C stops at once; what is left counts as stopped" {
    start_run --duration 1h --json out.json --set 'impairments=[{port: left, loss: 100%}]' --set 'drain=1h' \
        --set 'loads[0].connect_timeout=0' --set 'loads[0].tcp.syn_retries=100'
    kill -INT "$pid"
    sleep 0.5
    kill -INT "$pid"
    end_run
    [ "$status" -eq 1 ]
    python3 "$CHECK" sums out.json
    [ "$(python3 "$CHECK" get out.json loads.0.connections.established)" -eq 0 ]
}

@test "a server that nobody can reach: counted, no hang" {
    run -1 weir run load.yaml --json out.json --set 'impairments=[{port: left, loss: 100%}]' --set 'loads[0].connect_timeout=500ms'
    python3 "$CHECK" sums out.json
    failed=$(python3 "$CHECK" get out.json loads.0.connections.failed)
    [[ "$failed" =~ ^\{\"(connect_timeout|connect_unreachable)\":\ [0-9]+ ]]
    [ "$(python3 "$CHECK" get out.json loads.0.connections.established)" -eq 0 ]
}

@test "a server that answers later than the timeout: counted, no hang" {
    run -1 weir run load.yaml --duration 1s --json out.json --set 'loads[0].server.http.routes[0].delay=1h' \
        --set 'loads[0].transaction_timeout=300ms'
    python3 "$CHECK" sums out.json
    holds '"timeout": ' "$(python3 "$CHECK" get out.json loads.0.transactions.failed)"
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.completed)" -eq 0 ]
}

@test "a full disk for the results is the system's refusal, and the other results are still written" {
    for option in --json --csv --report --junit; do
        run --separate-stderr -3 weir run load.yaml --duration 500ms --quiet "$option" /dev/full
        holds "cannot write /dev/full: No space left on device" "$stderr"
    done
    run --separate-stderr -3 weir run load.yaml --duration 500ms --quiet --json /dev/full --csv out.csv
    [ -s out.csv ]
    run -3 bash -c "'$WEIR' run load.yaml --duration 500ms >/dev/full"
    holds "cannot write to standard output" "$output"
}

@test "an output that cannot be made is refused before the run, and leaves nothing behind" {
    run --separate-stderr -3 weir run load.yaml --csv kept.csv --json no/such/directory/out.json
    holds "cannot write no/such/directory/out.json" "$stderr"
    [ ! -e kept.csv ]
}

@test "results replace those of the last run, which a refused run leaves alone" {
    head -c 100000 /dev/zero >out.json
    weir run load.yaml --duration 500ms --quiet --json out.json
    python3 "$CHECK" sums out.json
    before=$(cat out.json)
    run -3 weir run load.yaml --json out.json --csv no/such/directory/out.csv
    [ "$(cat out.json)" = "$before" ]
}

@test "the report escapes what the configuration says" {
    weir run load.yaml --duration 500ms --quiet --json out.json --report out.html \
        --set 'description="<script>alert(1)</script> & \"more\""' --set 'loads[0].name="<b>bold</b>"'
    python3 "$CHECK" report out.json out.html
    grep -qF '&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;' out.html
    [ "$(grep -cF '<b>bold' out.html)" -eq 0 ]
}

@test "JUnit escapes what the configuration says; Jenkins reads it, whatever the name" {
    run -1 weir run load.yaml --duration 500ms --quiet --json out.json --junit out.xml --set 'loads[0].pass={min_completed_transactions: 1M}' \
        --set 'loads[0].name="a.b <c> & \"d\" \u0001\uffff \u00e4"'
    xmllint --noout out.xml
    grep -qF 'classname="weir.a_b &lt;c&gt; &amp; &quot;d&quot; '$'\uFFFD\uFFFD \u00E4"' out.xml
    grep -qF '<failure message="min_completed_transactions: found ' out.xml
}

@test "a server for others alone: it has its rows, its charts and its suite; the run ends with its duration" {
    run -0 weir run load.yaml --duration 1s --quiet --json out.json --csv out.csv --report out.html --junit out.xml \
        --set 'loads[0]={name: "for others, \"all\"", server: {device: web, http: {routes: [{path: /, size: 10}]}}}'
    python3 "$CHECK" sums out.json
    python3 "$CHECK" csv out.json out.csv
    python3 "$CHECK" report out.json out.html
    python3 "$CHECK" junit out.json out.xml
    xmllint --noout out.xml
}

# The job is the example's; the load one that fits here.
@test "--trace has a line for what the stacks do, of the layers that are asked for" {
    run -0 weir run load.yaml --quiet --trace trace
    grep -Eq '^ +[0-9]+\.[0-9]{6} tcp ' trace
    grep -Eq '^ +[0-9]+\.[0-9]{6} arp ' trace
    run -0 weir run load.yaml --quiet --trace trace --trace-layers arp
    [ -s trace ]
    [ -z "$(grep -Ev '^ +[0-9]+\.[0-9]{6} arp ' trace)" ]
    run --separate-stderr -2 weir run load.yaml --trace-layers arp
    holds "found --trace-layers, allowed with --trace" "$stderr"
    run --separate-stderr -2 weir run load.yaml --trace - --trace-layers arp,wine
    holds "--trace-layers: found 'arp,wine', allowed: link, arp," "$stderr"
    run --separate-stderr -3 weir run load.yaml --trace /nowhere/at/all
    holds "/nowhere/at/all" "$stderr"
}

@test "the jobs in examples/ci fail when a criterion is not met, and only then" {
    for file in "$ROOT"/examples/ci/*.yml; do
        command=$(python3 - "$file" <<'PY'
import sys
import yaml
def texts(node):
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        return [text for item in node for text in texts(item)]
    return [node] if isinstance(node, str) else []
with open(sys.argv[1], encoding="utf-8") as file:
    found = [line for text in texts(yaml.safe_load(file)) for line in text.splitlines() if line.startswith("build/weir run ")]
assert len(found) == 1, found
print(found[0])
PY
        )
        command=${command/build\/weir/"'$WEIR'"}
        command=${command/examples\/web.yaml/load.yaml}
        rm -f weir.xml weir.html weir.csv
        run -0 bash -c "$command --duration 500ms"
        run -1 bash -c "$command --duration 500ms --set 'loads[0].pass={min_completed_transactions: 1M}'"
        [ -s weir.xml ] && [ -s weir.html ] && [ -s weir.csv ]
    done
}

# At a rate that any machine reaches, so that the example's own criteria say nothing about this one.
@test "examples/web.yaml as it stands: no failed transaction, sums and table agree" {
    run --separate-stderr -0 weir run "$ROOT/examples/web.yaml" --json out.json \
        --set "loads[0].schedule[0].transactions_per_second=2k" --set "loads[0].schedule[1].hold=2s" \
        --set "report.pass.min_transactions_per_second=0"
    echo "$output" >out.txt
    python3 "$CHECK" sums out.json
    python3 "$CHECK" table out.json out.txt
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.failed)" = "{}" ]
    [ "$(python3 "$CHECK" get out.json loads.0.transactions.completed)" -eq 7000 ]
}
