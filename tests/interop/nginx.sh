#!/bin/sh
# SPDX-License-Identifier: MIT
#
# nginx over veth: scripts/demo-nginx as a user runs it, captured at our own end of the link and decoded by tshark: no malformed packet, no bad
# checksum, no retransmission, no RST of ours; and the check can fail (a frame with a bad checksum is found).
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"

export WEIR
check "demo-nginx: no failure, digests right, log count equals ours" scripts/demo-nginx --capture "$work/nginx.pcap" --quiet \
    --set "loads[0].schedule[1].hold=3s"
tail -n 2 "$work/check.out" | while read -r line; do diag "$line"; done

check_equal "the capture holds packets" yes "$([ "$(frames "$work/nginx.pcap" tcp)" -gt 10000 ] && echo yes || echo no)"
# What nginx's end sends again, tshark may take for a broken reassembly ("New fragment overlaps old data").
malformed=$(frames "$work/nginx.pcap" "$(blemishes 'ip.dst == 198.18.0.1') && _ws.malformed")
check_equal "no malformed packet" 0 "$malformed"
[ "$malformed" = 0 ] || diag "$(decode "$work/nginx.pcap" -Y _ws.malformed -V | head -n 120)"
check_equal "no bad IP checksum" 0 "$(frames "$work/nginx.pcap" 'ip.checksum.status == 0')"
# Linux writes a sum of zero as 0xffff where it computes it late, which is as right (RFC 1624); tshark warns of it.
check_equal "no bad TCP checksum" 0 \
    "$(frames "$work/nginx.pcap" 'tcp.checksum.status == 0 && (ip.dst == 198.18.0.1 || tcp.checksum != 0xffff)')"
check_equal "no retransmission of ours" 0 \
    "$(frames "$work/nginx.pcap" 'tcp.analysis.retransmission && ip.dst == 198.18.0.1')"
check_equal "never beyond the server's window, never a shut window of ours" 0 \
    "$(frames "$work/nginx.pcap" '(tcp.analysis.window_full && ip.dst == 198.18.0.1) || (tcp.analysis.zero_window && ip.src != 198.18.0.1)')"
check_equal "no RST" 0 "$(frames "$work/nginx.pcap" 'tcp.flags.reset == 1')"

# The check itself: one byte of one packet changed must be found.
/usr/bin/python3 - "$work/nginx.pcap" "$work/bad.pcap" <<'PYTHON'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read(200000))
at, n = 24, 0
while at + 16 <= len(data):
    length = struct.unpack_from("<I", data, at + 8)[0]
    if length > 60 and data[at + 16 + 23] == 6:
        data[at + 16 + 50] ^= 1
        break
    at += 16 + length
open(sys.argv[2], "wb").write(data)
PYTHON
check_equal "a bad checksum is found in a deliberately bad capture" 1 "$(frames "$work/bad.pcap" "$wrong_tcp_checksum")"
