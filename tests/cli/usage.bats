#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Help, version, and wrong use of the program: what it says and the exit code.

load lib.bash

@test "weir alone says how it is used and fails" {
    run --separate-stderr -2 weir
    [ -z "$output" ]
    holds "weir COMMAND" "$stderr"
    holds "Exit codes" "$stderr"
}

@test "help lists every command with one line" {
    run -0 weir help
    for command in run check bridge accel router ping traceroute nc services dhcp lldp capture links exec bench completion version help; do
        grep -Eq "^  $command +[a-z]" <<<"$output"
    done
}

@test "help COMMAND, COMMAND --help and -h are the same, with options and examples" {
    for command in run check bridge accel router ping traceroute nc services dhcp lldp capture links exec bench completion version help; do
        run -0 weir help "$command"
        first=$output
        holds "--help" "$first"
        holds "Examples:" "$first"
        run -0 weir "$command" --help
        [ "$output" = "$first" ]
        run -0 weir "$command" -h
        [ "$output" = "$first" ]
    done
}

@test "--help and --version are commands too" {
    run -0 weir --help
    holds "weir COMMAND" "$output"
    run -0 weir --version
    [ "${lines[0]}" = "$(weir version | head -n 1)" ]
}

@test "version names version, compiler and features" {
    run -0 weir version
    [[ "${lines[0]}" =~ ^weir\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    holds "compiler" "$output"
    holds "links       mem" "$output"
}

@test "an unknown command gets the nearest one suggested" {
    run --separate-stderr -2 weir chekc
    [ -z "$output" ]
    holds "unknown command 'chekc'; did you mean 'check'?" "$stderr"
    run --separate-stderr -2 weir help rnu
    holds "did you mean 'run'?" "$stderr"
    run --separate-stderr -2 weir something-else-entirely
    holds "unknown command" "$stderr"
    [[ "$stderr" != *"did you mean"* ]]
}

@test "an option in the place of the command is told apart from a command" {
    run --separate-stderr -2 weir --quiet run
    holds "unknown option '--quiet'; a command comes first" "$stderr"
}

@test "help fits a wide terminal, and no line of it or of a refusal ends with blanks" {
    for command in $(weir help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'); do
        run -0 weir help "$command"
        [ -z "$(grep -En '.{121}| $' <<<"$output")" ]
        run --separate-stderr -2 weir "$command" one two three
        [ -z "$(grep -n ' $' <<<"$stderr")" ]
    done
}

@test "an unknown option gets the nearest one suggested" {
    run --separate-stderr -2 weir run x.yaml --reprot out.html
    holds "unknown option --reprot; did you mean 'report'?" "$stderr"
    run --separate-stderr -2 weir run -x x.yaml
    holds "unknown option -x" "$stderr"
}

@test "an option without its value, a flag with one, a missing and a surplus word" {
    run --separate-stderr -2 weir run x.yaml --json
    holds "--json needs a value" "$stderr"
    run --separate-stderr -2 weir run x.yaml --quiet=yes
    holds "--quiet takes no value" "$stderr"
    run --separate-stderr -2 weir run
    holds "FILE is missing" "$stderr"
    run --separate-stderr -2 weir check one.yaml two.yaml
    holds "'two.yaml' is one word too many" "$stderr"
}

@test "a duration without unit, of 0, or of letters is refused with what is allowed" {
    for value in 10 0s ten -5s 1.5.2s; do
        run --separate-stderr -2 weir run x.yaml "--duration=$value"
        holds "--duration: found '$value', allowed: a duration above 0" "$stderr"
    done
}

@test "a count out of range is refused with what is allowed" {
    for value in 0 102 x 1.5 99999999999; do
        run --separate-stderr -2 weir bench checksum --runs "$value"
        holds "--runs: found '$value', allowed: a whole number from 1 to 101" "$stderr"
    done
}

@test "two outputs into one file are refused" {
    memory_load "$BATS_TEST_TMPDIR/load.yaml"
    run --separate-stderr -2 weir run "$BATS_TEST_TMPDIR/load.yaml" --json - --csv -
    holds "need different files" "$stderr"
}

@test "accel: options of one half beside the other, and files that are one" {
    cd "$ROOT"
    accel() { run --separate-stderr -2 weir accel "$@"; }
    accel examples/accel.yaml --limit 5
    holds "found --limit, allowed with flows only" "$stderr"
    accel examples/accel.yaml --host 10.0.0.1
    holds "found --host, allowed with --log, --trace, --pcap or flows" "$stderr"
    accel examples/accel.yaml --trace - --host 10.0.0.1/33
    holds "--host: found '10.0.0.1/33', allowed: an address or a prefix" "$stderr"
    accel examples/accel.yaml --trace x --log x
    holds "need different files, found 'x' twice" "$stderr"
    accel flows --trace x
    holds "found --trace, allowed with a configuration, not with flows" "$stderr"
    accel flows --sort size
    holds "--sort: found 'size', allowed: bytes, early, saved, age, idle" "$stderr"
    accel flows --every 1s --json x
    holds "found --every beside --json" "$stderr"
    run --separate-stderr -3 weir accel flows --control "$BATS_TEST_TMPDIR/none"
    holds "cannot ask $BATS_TEST_TMPDIR/none: No such file or directory" "$stderr"
}

@test "a reader of the help that goes away is no error" {
    run -0 bash -c "set -o pipefail; '$WEIR' help | true"
}

@test "help into a full disk is an error" {
    run -3 bash -c "'$WEIR' help run >/dev/full"
    holds "cannot write to standard output" "$output"
}

@test "bench lists its measurements, and suggests one for a mistyped name" {
    run -0 weir bench
    holds "checksum" "$output"
    holds "memory-link" "$output"
    run --separate-stderr -2 weir bench chekcsum
    holds "did you mean 'checksum'?" "$stderr"
}

@test "a bench prints its figures, and as JSON in the schema" {
    run -0 weir bench checksum --runs 2 --seconds 1
    holds "checksum, 2 runs" "$output"
    holds "GB/s" "$output"
    weir bench http-parse --json --runs 3 --seconds 1 >"$BATS_TEST_TMPDIR/bench.json"
    python3 - "$BATS_TEST_TMPDIR/bench.json" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    result = json.load(file)
assert result["schema"] == 1 and result["bench"] == "http-parse" and result["peers"] == [], result
assert result["figures"], result
for figure in result["figures"]:
    assert set(figure) == {"name", "unit", "median", "min", "max", "runs"}, figure
    assert figure["runs"] == 3 and 0 < figure["min"] <= figure["median"] <= figure["max"], figure
PY
}

@test "bench host measures forwarding, reassembly, neighbours and UDP of both families, and its tables" {
    weir bench host --json --runs 1 --seconds 1 >"$BATS_TEST_TMPDIR/bench.json"
    python3 - "$BATS_TEST_TMPDIR/bench.json" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    figures = {f["name"]: f["median"] for f in json.load(file)["figures"]}
for family in "ipv4", "ipv6":
    assert figures.pop(f"forward_{family}_bytes_copied") == 0, figures
    for name in ("forward_%s_1_route", "forward_%s_1000000_routes", "table_%s_1000000_routes", "reassembly_%s_10000_datagrams",
                 "neighbours_%s_10000_resolved", "neighbours_%s_10000_used", "udp_%s_received", "udp_%s_sent"):
        assert figures.pop(name % family) > 0, figures
for name in "host", "neighbour", "path_mtu", "group", "fragment_byte", "filter_connection":
    assert 1 < figures.pop(f"table_{name}") < 1000, figures
assert not figures, figures
PY
}

@test "bench sockets measures Weir's sockets both ways and the kernel's" {
    run --separate-stderr -2 weir bench checksum --peer 192.0.2.1
    holds "--peer, --api and --serve are for sockets" "$stderr"
    run --separate-stderr -3 weir bench sockets --peer 192.0.2.1 --api none
    holds "--api: found 'none', allowed: kernel, embedded, thread" "$stderr"
    weir bench sockets --json --runs 1 --seconds 1 >"$BATS_TEST_TMPDIR/bench.json"
    python3 - "$BATS_TEST_TMPDIR/bench.json" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    result = json.load(file)
columns = [result["figures"]] + [peer["figures"] for peer in result["peers"]]
assert [peer["name"] for peer in result["peers"]] == ["own threads", "kernel, loopback"], result
assert [len(figures) for figures in columns] == [7, 7, 5], columns
for figures in columns:
    assert all(figure["min"] > 0 for figure in figures), figures
PY
}

@test "the memory link loses no frame between two threads" {
    weir bench memory-link --json --runs 1 --seconds 1 >"$BATS_TEST_TMPDIR/bench.json"
    python3 - "$BATS_TEST_TMPDIR/bench.json" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    figures = {f["name"]: f["median"] for f in json.load(file)["figures"]}
assert figures["frames_lost"] == 0 and figures["frames_per_second"] > 0, figures
PY
}
