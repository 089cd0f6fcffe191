#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The digest that Weir expects of a body of `yes weir | head -c LENGTH`, from its definition (src/l7/http1_digest.c), for any length:
    digest.py LENGTH        prints 0x and 16 hexadecimal digits
The words of the body repeat; each is a step h -> h * B + w, and a run of equal steps is made by squaring."""
import sys

PRIME, BASE, WORD = (1 << 61) - 1, 0x043F6A8885A308D3, 7
PATTERN = b"weir\n"


def word(start, length):
    """The little-endian word of `length` bytes from offset `start` of the body."""
    return int.from_bytes(bytes(PATTERN[(start + i) % len(PATTERN)] for i in range(length)), "little")


def then(first, second):
    """Two affine steps (factor, addend), one after the other."""
    return first[0] * second[0] % PRIME, (first[1] * second[0] + second[1]) % PRIME


def repeated(step, times):
    result = (1, 0)
    while times:
        if times & 1:
            result = then(result, step)
        step = then(step, step)
        times >>= 1
    return result


def digest(length):
    period = (1, 0)
    for i in range(len(PATTERN)):
        period = then(period, (BASE, word(i * WORD, WORD)))
    words, rest = divmod(length, WORD)
    whole, left = divmod(words, len(PATTERN))
    steps = repeated(period, whole)
    for i in range(left):
        steps = then(steps, (BASE, word(i * WORD, WORD)))
    if rest:
        steps = then(steps, (BASE, word(words * WORD, rest)))
    return (steps[0] + steps[1]) % PRIME + (rest << 61)


print(f"0x{digest(int(sys.argv[1])):016x}")
