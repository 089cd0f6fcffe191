#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The bodies that Weir generates, from their definition (src/l7/http1_body.c): lines of 64 that differ within a block of 64 KiB, which repeats.
    pattern.py LENGTH       writes so many bytes"""
import sys

LINES = [bytes(ord("!") + (column * (7 + line // 94) + line * 11) % 94 for column in range(63)) + b"\n" for line in range(1024)]
BLOCK = b"".join(LINES)

left = int(sys.argv[1])
while left > 0:
    sys.stdout.buffer.write(BLOCK[:left])
    left -= len(BLOCK)
