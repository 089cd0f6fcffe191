#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/threats.md names for each row of THREATS that has to be met so far the tests that show it, and how many cases each tries. Tests are named after their
rows (tc_08_..., test_fr_01_..., tc_14_15_...), so the table follows from the sources; this script compares the two, and complains about
rows without a test.

    test_threats.py --update BUILD      runs those tests of a release build and writes the table anew, with the cases that they print
"""

import collections
import os
import re
import sys

import rules

DOCUMENT = os.path.join("docs", "threats.md")
LAYERS = ("conformance", "sim", "unit")
REQUIRED = collections.OrderedDict([
    ("L2", range(1, 5)),
    ("ARP", range(1, 7)),
    ("IP4", range(1, 15)),
    ("FR", range(1, 18)),
    ("IP6", range(1, 11)),
    ("IC", range(1, 15)),
    ("ND", range(1, 10)),
    ("UD", range(1, 6)),
    ("TC", range(1, 51)),
    ("DH", range(1, 3)),
    ("MB", range(1, 13)),
])
NAME = re.compile(r"^(?:test_)?(l2|arp|nd|ip4|fr|ip6|ic|ud|tc|dh|mb)((?:_\d\d)+)_(\w+)$")
ROW = re.compile(r"^\| ([A-Z0-9]+-\d\d) \| (.*) \| (\S+) \| ([\d,]+) \|$")

Shown = collections.namedtuple("Shown", "row test program")


def required():
    return [f"{group}-{n:02}" for group, numbers in REQUIRED.items() for n in numbers]


def tests_of(path):
    """The test functions that a program's main() runs."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    main = text.rfind("int main(")
    return [] if main < 0 else re.findall(r"\b(?:cmocka_unit_test\w*|CASE|T)\((\w+)", text[main:])


def shown_by_sources(source_dir):
    """[Shown]: every row that a test is named after, in the order of the rows, then of the files."""
    found = []
    for layer in LAYERS:
        directory = os.path.join(source_dir, "tests", layer)
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        for name in names:
            if not (name.startswith("test_") and name.endswith(".c")):
                continue
            for test in tests_of(os.path.join(directory, name)):
                match = NAME.match(test)
                for number in match.group(2)[1:].split("_") if match else ():
                    found.append(Shown(f"{match.group(1).upper()}-{number}", match.group(3).replace("_", " "),
                                       f"{layer}/{name[:-2]}"))
    order = {row: i for i, row in enumerate(required())}
    return sorted(found, key=lambda shown: order.get(shown.row, len(order)))


def shown_by_document(source_dir):
    path = os.path.join(source_dir, DOCUMENT)
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        rows = [match.groups() for match in map(ROW.match, file) if match]
    return {Shown(row, test, program): int(cases.replace(",", "")) for row, test, program, cases in rows}


def check_rows(source_dir):
    tested = {shown.row for shown in shown_by_sources(source_dir)}
    return [f"no test is named after {row}" for row in required() if row not in tested]


def check_document(source_dir):
    sources, document = shown_by_sources(source_dir), shown_by_document(source_dir)
    text = "%s: %s | %s | %s"
    return ([text % ("missing in " + DOCUMENT, *shown) for shown in sources if shown not in document] +
            [text % ("no such test", *shown) for shown in document if shown not in sources] +
            [text % ("without cases", *shown) for shown, cases in document.items() if cases == 0])


# ---- writing it

def cases_printed(build_dir, programs):
    """{(program, words of the test): cases}, from what the programs print."""
    cases = {}
    for program in programs:
        done = rules.run([os.path.join(build_dir, "tests", program)])
        if done.returncode != 0:
            raise SystemExit(f"{program} failed:\n{done.stdout}{done.stderr}")
        test = None
        for line in (done.stdout + done.stderr).splitlines():
            begun = re.match(r"\[ RUN      \] (\w+)", line)
            counted = re.search(r": (\d+) cases", line)
            if begun:
                test = NAME.match(begun.group(1))
            elif counted and test:
                cases[program, test.group(3).replace("_", " ")] = int(counted.group(1))
    return cases


def update(source_dir, build_dir):
    shown = shown_by_sources(source_dir)
    cases = cases_printed(build_dir, sorted({s.program for s in shown}))
    table = [f"| {s.row} | {s.test} | {s.program} | {cases.get((s.program, s.test), 0):,} |\n" for s in shown]
    path = os.path.join(source_dir, DOCUMENT)
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("|---"))
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines[:first + 1] + table)


def sample(rows, test):
    main = "int main(void)\n{\n" + "".join(f"    CASE(test_{row.lower().replace('-', '_')}_{test}),\n" for row in rows)
    table = "".join(f"| {row} | {test} | conformance/test_x | 1 |\n" for row in required())
    return rules.Sample({"tests/conformance/test_x.c": main + "}\n", DOCUMENT: table})


def self_tests(tap):
    with sample(required()[1:], "shown") as s:
        tap.must_complain("a row without a test is noticed", check_rows(s.path), required()[0])
        tap.must_complain("a test that is not there is noticed", check_document(s.path), "no such test: " + required()[0])
    with sample(required() + ["TC-50_more"], "shown") as s:
        tap.must_complain("a test that the document leaves out is noticed", check_document(s.path), "missing in")


def main():
    if sys.argv[1:2] == ["--update"]:
        update(".", sys.argv[2])
        return
    options = rules.arguments()
    tap = rules.Tap()
    tap.check("each row of THREATS that has to be met has a test named after it", check_rows(options.source))
    tap.check(f"{DOCUMENT} names these tests, and how many cases they try", check_document(options.source))
    self_tests(tap)
    tap.done()


if __name__ == "__main__":
    main()
