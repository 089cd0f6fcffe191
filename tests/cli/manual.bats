#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The manual (docs/manual) has a page for each command with exactly the options that the command has; what it says is tried.

load lib.bash

MANUAL="$ROOT/docs/manual"

commands() { weir help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'; }

# "-c, --count N" for each option, as the help has them.
help_options() { weir help "$1" | sed -n '/^Options:/,/^$/s/^  *\(\(-[a-zA-Z0-9], \)\{0,1\}--[a-z0-9-]*\( [A-Z][A-Z/=]*\)\{0,1\}\)  .*/\1/p' | sort; }

# The same from a page: *-c*, *--count* _N_.
page_options() { sed -n '/^# OPTIONS/,/^# /s/^\(\*-.*\)$/\1/p' "$1" | tr -d '*_' | sort; }

@test "every command has a page with exactly its options and their values" {
    [ "$(commands | wc -l)" -ge 10 ]
    for command in $(commands); do
        echo "weir $command"
        [ -n "$(help_options "$command")" ]
        diff <(help_options "$command") <(page_options "$MANUAL/weir-$command.1.md")
    done
}

@test "every page is that of a command, and the index and weir(1) name them all" {
    for page in "$MANUAL"/weir-*.1.md; do
        name=$(basename "$page" .1.md)
        echo "$name"
        commands | grep -qx "${name#weir-}"
        grep -Fq "($name.1.md)" "$MANUAL/README.md"
        grep -Fq "*$name*(1)" "$MANUAL/weir.1.md"
        grep -Fqx "*${name#weir-}*" "$MANUAL/weir.1.md"
    done
}

@test "the summary of a command is the same in the help and in its page" {
    for command in $(commands); do
        summary=$(weir help | sed -n "s/^  $command  *//p" | sed 's/ (without a name: list them)//')
        grep -Fqx "weir-$command - $summary" "$MANUAL/weir-$command.1.md"
    done
}

@test "scdoc makes a manual page of each, and groff finds nothing wrong with it" {
    for page in "$MANUAL"/weir*.[15].md; do
        echo "$page"
        "$ROOT/scripts/manual-keys" "$page" >"$BATS_TEST_TMPDIR/page.scd"
        scdoc <"$BATS_TEST_TMPDIR/page.scd" >"$BATS_TEST_TMPDIR/page"
        groff -man -Tutf8 -ww "$BATS_TEST_TMPDIR/page" 2>&1 >/dev/null | tee "$BATS_TEST_TMPDIR/warnings"
        [ ! -s "$BATS_TEST_TMPDIR/warnings" ]
    done
}

@test "weir-config(5) ends with every key that a configuration may have" {
    "$ROOT/scripts/manual-keys" "$MANUAL/weir-config.5.md" "$WEIR" | scdoc >"$BATS_TEST_TMPDIR/page"
    groff -man -Tutf8 -ww -P-cbou "$BATS_TEST_TMPDIR/page" >"$BATS_TEST_TMPDIR/text" 2>"$BATS_TEST_TMPDIR/warnings"
    [ ! -s "$BATS_TEST_TMPDIR/warnings" ]
    weir check --keys | sed -n '3,$s/^| \([^ ]*\) .*/\1/p' >"$BATS_TEST_TMPDIR/keys"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -gt 100 ]
    sed -n '/^KEYS/,$s/^       \([a-z][^ ]*\)$/\1/p' "$BATS_TEST_TMPDIR/text" | diff "$BATS_TEST_TMPDIR/keys" -
}

@test "the JSON Schema knows what must be there and that nothing else may" {
    weir check --schema >"$BATS_TEST_TMPDIR/schema.json"
    python3 - "$BATS_TEST_TMPDIR/schema.json" <<'PY'
import json, sys
schema = json.load(open(sys.argv[1]))
assert schema["additionalProperties"] is False and "ports" in schema["required"], schema.keys()
assert schema["properties"]["ports"]["items"]["properties"]["location"]["type"] == "string"
PY
}

@test "the configuration in weir-config(5) is a good one" {
    sed -n '/^# EXAMPLE/,/^# SEE/{/^```/,/^```/{/^```/d;p}}' "$MANUAL/weir-config.5.md" >"$BATS_TEST_TMPDIR/example.yaml"
    run -0 weir check "$BATS_TEST_TMPDIR/example.yaml"
    holds "browsing" "$output"
}

@test "the examples of help and manual are the same program's: each begins with one of its commands" {
    for command in $(commands); do
        weir help "$command" | sed -n '/^Examples:/,/^$/{/^Examples:/d;/^$/d;p}' >"$BATS_TEST_TMPDIR/examples"
        [ -s "$BATS_TEST_TMPDIR/examples" ]
        [ "$(grep -c "weir $command" "$BATS_TEST_TMPDIR/examples")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/examples")" ]
        while read -r line; do
            grep -Fq -- "$line" "$MANUAL/weir-$command.1.md" || { echo "not in the page of $command: $line"; return 1; }
        done <"$BATS_TEST_TMPDIR/examples"
    done
}

@test "README names every command" {
    for command in $(commands); do
        grep -q "^    weir $command\b" "$ROOT/README.md" || { echo "$command"; return 1; }
    done
}
