#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Configurations: what is read, what is refused with which place, what `weir check` prints.

load lib.bash

setup() {
    cd "$BATS_TEST_TMPDIR"
    memory_load load.yaml
}

@test "check prints the plan that would be carried out" {
    run -0 weir check load.yaml
    holds "mem:wire" "$output"
    holds "browse" "$output"
    holds "connections_per_second" "$output"
    run -0 weir check load.yaml --quiet
    [ -z "$output" ]
}

@test "the examples are good" {
    cd "$ROOT" # directories that they name begin there
    for file in examples/*.yaml; do
        case $file in
        examples/dhcp-server.yaml) run -0 weir dhcp server --check "$file" ;;
        *) run -0 weir check "$file" ;;
        esac
    done
}

@test "two ports without devices and loads are a bridge; neither command takes the other's configuration" {
    cat >wan.yaml <<'YAML'
ports: [{name: inside, location: "packet:nosuch0"}, {name: outside, location: "packet:nosuch1"}]
impairments: [{port: outside, delay: 10ms}]
YAML
    run -0 weir check wan.yaml
    holds "bridge: every frame" "$output"
    run -2 weir run wan.yaml
    holds "wan.yaml: found neither devices nor loads, required: both" "$output"
    run -2 weir bridge load.yaml
    holds "load.yaml: found devices and loads, allowed two ports" "$output"
    run -3 weir bridge wan.yaml
    holds "port inside (packet:nosuch0)" "$output"
    run -2 weir check wan.yaml --set 'ports=[{name: a, location: "packet:nosuch0"}]'
    holds "devices: found no such key" "$output"
}

@test "boxes of an accelerator, alone and of a pair, with the key of both" {
    cd "$ROOT"
    key=00112233445566778899aAbBcCdDeEfF
    run -0 weir check examples/accel.yaml --set accelerator.key=$key
    run -0 weir check examples/accel.yaml --set accelerator.role=far --set accelerator.key=$key
    run -0 weir check examples/accel.yaml --set accelerator.role=far
    holds "a far box without a key: a bridge" "$output"
    run -2 weir check examples/accel.yaml --set accelerator.key=001122
    holds "accelerator.key" "$output"
    run -2 weir check examples/accel.yaml --set accelerator.key=00112233445566778899aabbccddeefg
    holds "allowed 32 hexadecimal digits" "$output"
    run -0 weir check examples/accel.yaml --set accelerator.fast_open=true --set accelerator.fast_open_wait=2ms --set accelerator.fast_open_cookies=1024
    run -0 weir check examples/accel.yaml --set accelerator.fast_open=true --set accelerator.key=$key
    run -2 weir check examples/accel.yaml --set accelerator.fast_open=true --set accelerator.role=far --set accelerator.key=$key
    holds "fast_open: found true at role far, allowed at role near" "$output"
    run -0 weir check examples/accel.yaml --set accelerator.syn_twice_from=0 --set accelerator.key=$key
    run -2 weir check examples/accel.yaml --set accelerator.syn_twice_from=2m --set accelerator.key=$key
    holds "accelerator.syn_twice_from" "$output"
    run -2 weir check examples/accel.yaml --set accelerator.fast_open_wait=2s
    holds "accelerator.fast_open_wait" "$output"
    run -0 weir check examples/accel.yaml --set accelerator.shortcut=auto
    run -2 weir check examples/accel.yaml --set accelerator.shortcut=perhaps
    holds "accelerator.shortcut" "$output"
    holds "off, auto, required" "$output"
    run -2 weir check examples/accel.yaml --set accelerator.role=middle
    holds "allowed one of near, far" "$output"
}

@test "limits and the table of an accelerator" {
    cd "$ROOT"
    run -0 weir check examples/accel.yaml --set accelerator.source_syns_per_second=0 --set accelerator.syns_per_second=1000000 \
        --set accelerator.source_flows=10 --set accelerator.max_sources=1000 --set accelerator.table=/run/weir.accel
    run -2 weir check examples/accel.yaml --set accelerator.max_sources=0
    holds "accelerator.max_sources" "$output"
    run -2 weir check examples/accel.yaml --set accelerator.table=
    holds "accelerator.table" "$output"
}

@test "a table of an accelerator that cannot be used is named, with what is allowed" {
    cd "$ROOT"
    box() { weir accel examples/accel.yaml --set 'ports[0].location=mem:wire' --set 'ports[1].location=mem:wire' -d 1ms -q --set "accelerator.table=$1" "${@:2}"; }
    run -0 box "$BATS_TEST_TMPDIR/table"
    run -0 box "$BATS_TEST_TMPDIR/table"
    run ! box "$BATS_TEST_TMPDIR/table" --set accelerator.max_flows=100
    holds "found a table of another size, allowed one with max_flows 100" "$output"
    run ! box "$BATS_TEST_TMPDIR/table" --set accelerator.key=00112233445566778899aabbccddeeff
    holds "another key or role" "$output"
    chmod 644 "$BATS_TEST_TMPDIR/table"
    run ! box "$BATS_TEST_TMPDIR/table"
    holds "found a file that others may use" "$output"
    (umask 077; echo "my diary, of more than a hundred and thirty bytes, so that it might be a header: $(seq 200)" >"$BATS_TEST_TMPDIR/other")
    run ! box "$BATS_TEST_TMPDIR/other"
    holds "found something that is no table" "$output"
    run -0 grep -q diary "$BATS_TEST_TMPDIR/other"
    run ! box "$BATS_TEST_TMPDIR"
    run ! box "$BATS_TEST_TMPDIR/no/such"
    holds "No such file" "$output"
}

@test "connections that an accelerator bypasses" {
    cd "$ROOT"
    bypass() { weir check examples/accel.yaml --set "accelerator.bypass=$1"; }
    run -0 bypass "[{client: 10.0.0.0/8, server: 192.0.2.1/32, client_ports: [1, 1023]}, {server_ports: [22]}]"
    holds "2 bypassed" "$output"
    run -2 bypass "[{}]"
    holds "accelerator.bypass[0]: found nothing, allowed at least one of client, server, client_ports, server_ports" "$output"
    run -2 bypass "[{server_ports: [80, 22]}]"
    holds "accelerator.bypass[0].server_ports: found 80 and then 22, allowed the first and then the last" "$output"
    run -2 bypass "[{client: 10.0.0.0/8, server: '2001:db8::/32'}]"
    holds "accelerator.bypass[0].server: found the other family than client's, allowed the same" "$output"
    run -2 bypass "[{server: 10.0.0.0/33}]"
    holds "accelerator.bypass[0].server" "$output"
}

@test "JSON and standard input are read too" {
    python3 - >load.json <<'PY'
import json
print(json.dumps({
    "ports": [{"name": "left", "location": "mem:w"}, {"name": "right", "location": "mem:w"}],
    "devices": [{"name": "clients", "port": "left", "ipv4": {"address": "10.0.0.1/16"}},
                {"name": "web", "port": "right", "ipv4": {"address": "10.0.1.1/16"}}],
    "loads": [{"name": "browse", "client": "clients",
               "server": {"device": "web", "http": {"routes": [{"path": "/", "size": 10}]}},
               "http": {"urls": [{"path": "/"}]}, "schedule": [{"hold": "1s", "concurrent": 1}]}]}))
PY
    run -0 weir check load.json
    run -0 bash -c "'$WEIR' check - <load.yaml"
}

@test "a file that is missing" {
    run --separate-stderr -2 weir check nowhere.yaml
    [ "$stderr" = "weir: cannot read nowhere.yaml: No such file or directory" ]
}

@test "a directory" {
    run --separate-stderr -2 weir run .
    [ "$stderr" = "weir: cannot read .: Is a directory" ]
}

@test "a file that is too large" {
    truncate -s 80M large.yaml
    run --separate-stderr -2 weir check large.yaml
    holds "large.yaml is too large" "$stderr"
}

@test "an endless input is given up" {
    run --separate-stderr -2 weir check /dev/zero
    holds "too large" "$stderr"
}

@test "an empty file and one that is no text" {
    : >empty.yaml
    run --separate-stderr -2 weir check empty.yaml
    holds "empty.yaml:" "$stderr"
    head -c 1000 "$WEIR" >program.yaml
    run --separate-stderr -2 weir check program.yaml
    holds "program.yaml:" "$stderr"
}

@test "broken YAML is named with line and column" {
    printf 'ports:\n  - {name: left\nloads: ]\n' >broken.yaml
    run --separate-stderr -2 weir check broken.yaml
    [[ "$stderr" =~ ^broken\.yaml:[23]:[0-9]+: ]]
}

@test "an unknown key is named with its place and the nearest known one" {
    sed 's/schedule:/shedule:/' load.yaml >wrong.yaml
    run --separate-stderr -2 weir check wrong.yaml
    [[ "$stderr" =~ wrong\.yaml:13:5:\ loads\[0\] ]]
    holds "shedule" "$stderr"
    holds "did you mean" "$stderr"
}

@test "a wrong type is named with what was found and what is allowed" {
    sed 's/count: 10/count: many/' load.yaml >wrong.yaml
    run --separate-stderr -2 weir check wrong.yaml
    [[ "$stderr" =~ ^wrong\.yaml:6:[0-9]+:\ devices\[0\]\.count:\ found ]]
    holds "many" "$stderr"
    holds "allowed" "$stderr"
}

@test "all problems are reported, not only the first" {
    sed -e 's/count: 10/count: many/' -e 's/port: right/port: nowhere/' load.yaml >wrong.yaml
    run --separate-stderr -2 weir check wrong.yaml
    holds "devices[0].count" "$stderr"
    sed -e 's/port: right/port: nowhere/' -e 's/device: web/device: nobody/' load.yaml >wrong.yaml
    run --separate-stderr -2 weir check wrong.yaml
    holds "devices[1].port" "$stderr"
    holds "server.device" "$stderr"
}

@test "--set changes a value, adds one, and is named in messages about it" {
    run -0 weir check load.yaml --set 'devices[0].count=77' --set 'loads[0].max_connections=12'
    holds "77 hosts" "$output"
    run --separate-stderr -2 weir check load.yaml --set 'devices[0].count=many'
    holds "--set devices[0].count" "$stderr"
    run --separate-stderr -2 weir check load.yaml --set 'devices[7].count=1'
    holds "devices[7]" "$stderr"
    run --separate-stderr -2 weir check load.yaml --set 'loads[0].close'
    holds "loads[0].close" "$stderr"
    run --separate-stderr -2 weir check load.yaml --set 'loads[0].clsoe=server'
    holds "did you mean" "$stderr"
}

@test "--duration changes the length of the plan" {
    run -0 weir check load.yaml --duration 90s
    holds "90s" "$output"
}

@test "run refuses what check refuses, with the same message" {
    sed 's/count: 10/count: many/' load.yaml >wrong.yaml
    run --separate-stderr -2 weir check wrong.yaml
    first=$stderr
    run --separate-stderr -2 weir run wrong.yaml --json out.json
    [ "$stderr" = "$first" ]
    [ ! -e out.json ]
}

@test "a file that may not be read is the system's refusal" {
    chmod 000 load.yaml
    run --separate-stderr -3 weir_without_privilege check load.yaml
    holds "cannot read load.yaml: Permission denied" "$stderr"
}
