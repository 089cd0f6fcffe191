#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Completion scripts: every command and option is in each of them, and the shells complete with them.

load lib.bash

setup() {
    cd "$BATS_TEST_TMPDIR"
    for shell in bash zsh fish; do weir completion $shell >weir.$shell; done
}

commands() { weir help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'; }
long_options() { weir help "$1" | grep -o '^  *\(-[a-zA-Z], \)\{0,1\}--[a-z-]*' | grep -o '[-][-][a-z-]*'; }
letters() { weir help "$1" | sed -n 's/^  \(-[a-zA-Z]\), .*/\1/p'; }

# What bash offers for a line: words as bash divides them, the last one being completed.
bash_offers() { # WORD...
    bash -c 'source ./weir.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_weir
printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

fish_offers() { # LINE
    HOME=$PWD fish --no-config -c "source weir.fish; complete -C '$1'" | cut -f 1
}

# The part of a script about one command.
bash_part() { sed -n "/^    $1)/,/;;/p" weir.bash; }
zsh_part() { sed -n "/^    $1)/,/;;/p" weir.zsh; }

@test "every command and option is in each script" {
    for command in $(commands); do
        bash_offers weir "$command" | grep -qx "$command"
        grep -q "^        '$command:" weir.zsh
        grep -q -- "-a $command " weir.fish
        for option in $(long_options "$command"); do
            echo "weir $command $option"
            bash_part "$command" | grep -q -- "options='[^']*$option[ ']"
            zsh_part "$command" | grep -Eq -- "[{,'*]$option[=}[]"
            grep -Eq -- "from $command' -l ${option#--}( |$)" weir.fish
        done
        for letter in $(letters "$command"); do
            echo "weir $command $letter"
            bash_part "$command" | grep -q -- "options='[^']*$letter[ ']"
            zsh_part "$command" | grep -q -- "{$letter,"
            grep -q -- "from $command' -l [a-z-]* -s ${letter#-}" weir.fish
        done
    done
}

@test "bash completes commands, options, files, measurements and locations" {
    [ "$(bash_offers weir pi)" = ping ]
    [ "$(bash_offers weir run --re)" = --report ]
    touch one.yaml two.yaml
    [ "$(bash_offers weir run on)" = one.yaml ]
    [ "$(bash_offers weir run two.yaml --json one)" = one.yaml ]
    [ "$(bash_offers weir run --json = tw)" = two.yaml ]
    [ "$(bash_offers weir bench http)" = http-parse ]
    [ "$(bash_offers weir help brid)" = bridge ]
    [ "$(bash_offers weir completion '')" = "$(printf 'bash\nzsh\nfish')" ]
    [ "$(bash_offers weir ping pack)" = packet: ]
    [ "$(bash_offers weir ping packet : lo)" = lo ]
    bash_offers weir capture packet : | grep -qx lo
    [ "$(bash_offers weir capture pcap : one)" = one.yaml ]
    [ -z "$(bash_offers weir ping --count '')" ]
    [ -z "$(bash_offers weir nonsense '')" ]
}

@test "the bash script is loaded as bash-completion would, without complaint" {
    run -0 bash -euc 'source ./weir.bash; complete -p weir'
    [ "$output" = "complete -F _weir weir" ]
    shellcheck -s bash weir.bash
}

@test "fish completes commands, options, files, measurements and locations" {
    command -v fish >/dev/null || skip "fish is not installed"
    [ "$(fish_offers 'weir pi')" = ping ]
    [ "$(fish_offers 'weir run --re')" = --report ]
    touch one.yaml
    [ "$(fish_offers 'weir run on')" = one.yaml ]
    [ "$(fish_offers 'weir run --json on')" = one.yaml ]
    [ "$(fish_offers 'weir bench http')" = http-parse ]
    fish_offers 'weir ping packet:l' | grep -qx packet:lo
    [ "$(fish_offers 'weir ping --ttl ')" = "" ]
}

@test "zsh completes commands, options, files, measurements and locations" {
    command -v zsh >/dev/null || skip "zsh is not installed"
    mkdir functions
    cp weir.zsh functions/_weir
    touch one.yaml
    # An interactive zsh on a pseudo-terminal; what it completes stands on the line that it prints back.
    cat >try.zsh <<'ZSH'
zmodload zsh/zpty
zpty z zsh -f -i
answer() { local got all=; zpty -w z "$1"; while zpty -r z got; do all+=$got; [[ $all == *"$2"* ]] && break; done; print -r -- "$all" }
answer "PS1=; stty -echo; unsetopt prompt_sp; fpath=($PWD/functions \$fpath); autoload -U compinit; compinit -D -u; weir() { print -r \"GOT:\$*:\" }; print READY\$((1+1))" READY2 >/dev/null
for line in "weir pi" "weir run --rep" "weir run on" "weir bench http" "weir ping packe" "weir capture packet:l"; do
    zpty -w -n z "$line"$'\t\n'
    all=
    while zpty -r z got; do all+=$got; [[ $all == *GOT:*:* ]] && break; done
    print -r -- "$line => ${${all##*GOT:}%:*}"
done
ZSH
    run -0 timeout 60 zsh -f try.zsh
    echo "$output"
    grep -q '^weir pi => ping' <<<"$output"
    grep -q '^weir run --rep => run --report' <<<"$output"
    grep -q '^weir run on => run one.yaml' <<<"$output"
    grep -q '^weir bench http => bench http-parse' <<<"$output"
    grep -q '^weir ping packe => ping packet:' <<<"$output"
    grep -q '^weir capture packet:l => capture packet:lo' <<<"$output"
}

@test "another shell is refused" {
    run --separate-stderr -2 weir completion csh
    holds "found 'csh', allowed: bash, zsh, fish" "$stderr"
}
