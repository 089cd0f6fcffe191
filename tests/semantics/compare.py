#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares two transcripts of the semantics program, case by case, and prints TAP.

usage: compare.py KERNEL WEIR DIFFERENCES

DIFFERENCES lists what differs on purpose, in blocks that blank lines separate:

    case the_name
    because why it is right, or what it would take
    - a line of the kernel's transcript
    + a line of Weir's

The lines are those of a minimal diff. A case whose differences are not exactly those that are listed fails: so does one
that is listed and differs no more.
"""

import difflib
import sys


def read_transcript(path):
    cases, lines = {}, []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file.read().splitlines():
            if line.startswith("== "):
                lines = cases.setdefault(line[3:], [])
            else:
                lines.append(line)
    return cases


def read_differences(path):
    """name -> (reason, lines)"""
    listed, name = {}, None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("case "):
                name = line[5:].strip()
                if name in listed:
                    sys.exit(f"{path}:{number}: {name} is listed twice")
                listed[name] = ["", []]
            elif name and line.startswith("because "):
                listed[name][0] = line[8:]
            elif name and line[:2] in ("- ", "+ "):
                listed[name][1].append(line)
            else:
                sys.exit(f"{path}:{number}: not case, because, -, + or #: {line}")
    return listed


def differences(kernel, weir):
    return [line for line in difflib.ndiff(kernel, weir) if line[:2] in ("- ", "+ ")]


def show(kernel, weir):
    for line in difflib.unified_diff(kernel, weir, "kernel", "weir", lineterm="", n=4):
        print("# " + line)


def main():
    kernel, weir = read_transcript(sys.argv[1]), read_transcript(sys.argv[2])
    listed = read_differences(sys.argv[3])
    count, same, known = 0, 0, 0
    for name in sorted(set(kernel) | set(weir) | set(listed)):
        count += 1
        if name not in kernel or name not in weir:
            where = [w for w, c in (("the kernel's", kernel), ("Weir's", weir)) if name not in c]
            print(f"not ok {count} - {name}\n# no such case in {' and '.join(where)} transcript")
            continue
        found = differences(kernel[name], weir[name])
        reason, expected = listed.get(name, ("", []))
        if found == expected and (reason or not expected):
            same += not found
            known += bool(found)
            print(f"ok {count} - {name}" + (f" (differs: {reason})" if found else ""))
            continue
        print(f"not ok {count} - {name}")
        if not found:
            print("# it is listed as different, and differs no more")
        elif expected:
            print("# it is listed, but differs otherwise")
        for line in found:
            print("# " + line)
        show(kernel[name], weir[name])
    print(f"# {count} cases: {same} equal, {known} different on purpose")
    print(f"1..{count}")


main()
