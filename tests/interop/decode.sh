#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every frame of every capture of WEIR_PCAPS through the capture reader and the decoders, compared with tshark field by
# field; and a frame with a changed byte, to show that a difference is found. (Under the sanitizers the same frames go
# through tests/unit/test_wire_captures.c and test_link_pcap.c.)
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

captures=${WEIR_PCAPS:-$root/../shared/pcaps}
if [ ! -d "$captures" ]; then
    skip "every capture is decoded as tshark does" "no folder with captures (WEIR_PCAPS)"
    exit 0
fi
build decode_dump
dump=$work/decode_dump

summary() { sed -n 's/^\(not \)*ok 1 - //p' "$1"; }

/usr/bin/python3 "$root/tests/interop/decode_compare.py" "$dump" "$captures" >"$work/all" 2>&1 || true
sed -n 's/^# //p' "$work/all" | head -n 60 | while read -r line; do diag "$line"; done
if grep -q '^ok 1 ' "$work/all"; then
    ok "every capture is decoded as tshark does ($(summary "$work/all"))"
else
    not_ok "every capture is decoded as tshark does" "$(tail -n 5 "$work/all")"
fi

# The dump of another capture than the one that tshark reads: a window field is one more.
mkdir "$work/changed"
cp "$captures/tcp/options.pcap" "$work/changed/"
cat >"$work/liar" <<SCRIPT
#!/bin/sh
"$dump" "\$@" | sed 's/tcp.window_size_value=/&1/'
SCRIPT
chmod +x "$work/liar"
/usr/bin/python3 "$root/tests/interop/decode_compare.py" "$work/liar" "$work/changed" >"$work/one" 2>&1 || true
check "a field that differs is found" grep -q "frame 1: tcp.window_size_value: tshark" "$work/one"
