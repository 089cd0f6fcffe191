#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tables of requirements (tests/conformance/requirements): well-formed, in the order of the sections, every test that they name is run by its
program's main(), and docs/conformance.md is what scripts/requirements makes of them. Results are not judged here: `make conformance` does that.
"""

import importlib.machinery
import importlib.util
import os
import re

import rules

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(HERE, "scripts", "requirements")
RESULT = re.compile(r" \| (?:passed|FAILED|NO TEST|NOT RUN|not offered|none needed) \|$", re.M)
SUMMARY = re.compile(r"^(\| \d+ [^|]* \|) \d+ \|", re.M)


def load_script():
    loader = importlib.machinery.SourceFileLoader("requirements", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("requirements", loader))
    loader.exec_module(module)
    return module


def place(row):
    return [int(n) for n in row.section.split(".")] + [-1, row.ordinal]


def check_tables(requirements, source_dir):
    complaints = []
    for rfc in requirements.RFCS:
        path = requirements.table_path(rfc, source_dir)
        if not os.path.exists(path):
            continue
        try:
            rows = requirements.read_table(path)
        except ValueError as error:
            complaints.append(str(error))
            continue
        for before, row in zip(rows, rows[1:]):
            if place(before) >= place(row):
                complaints.append(f"rfc{rfc.number}.tsv: {row.section}-{row.ordinal} stands behind {before.section}-{before.ordinal}")
        complaints += [f"rfc{rfc.number}.tsv: {row.section}-{row.ordinal}: fingerprint '{row.fingerprint}' is neither '-' nor 8 hexadecimal digits"
                       for row in rows if not re.fullmatch(r"-|[0-9a-f]{8}", row.fingerprint)]
    return complaints


def tests_run_by(source_dir, program):
    path = os.path.join(source_dir, "tests", program + ".c")
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return set(re.findall(r"\b\w+\((\w+)[,)]", text[max(text.rfind("int main("), 0):])) | set(re.findall(r"CMUnitTest.*?\((\w+)\)", text))


def check_tests(requirements, source_dir):
    complaints, known = [], {}
    for rfc, rows in requirements.tables(source_dir):
        for row in rows:
            for program, test in requirements.tests_of(row):
                if program not in known:
                    known[program] = tests_run_by(source_dir, program)
                if test not in known[program]:
                    complaints.append(f"rfc{rfc.number}.tsv: {row.section}-{row.ordinal}: no test {test} in tests/{program}.c")
    return complaints


def without_results(page):
    return SUMMARY.sub(r"\1", RESULT.sub(" |", page))


def check_document(requirements, source_dir):
    path = os.path.join(source_dir, requirements.DOCUMENT)
    page = requirements.read_text(path) if os.path.exists(path) else ""
    fresh = without_results(requirements.render({}, source_dir)).splitlines()
    kept = without_results(page).splitlines()
    if fresh == kept:
        return []
    line = next((i for i, pair in enumerate(zip(fresh, kept)) if pair[0] != pair[1]), min(len(fresh), len(kept)))
    return [f"{requirements.DOCUMENT}:{line + 1} is not what the tables say (make conformance writes it)"]


def sample(row, test="shown"):
    return rules.Sample({"tests/conformance/requirements/rfc8200.tsv": row,
                         "tests/unit/test_x.c": f"int main(void)\n{{\n    cmocka_unit_test({test}),\n}}\n"})


def self_tests(tap, requirements):
    row = "4\t1\t0123abcd\thost\tsomething\tunit/test_x:shown\n"
    with sample("4\t1\t0123abcd\thost\tsomething\n") as s:
        tap.must_complain("a row that lacks a cell is noticed", check_tables(requirements, s.path), "5 cells")
    with sample(row.replace("4\t1", "10\t1") + row) as s:
        tap.must_complain("rows out of order are noticed", check_tables(requirements, s.path), "4-1 stands behind 10-1")
    with sample(row, "another") as s:
        tap.must_complain("a test that is not there is noticed", check_tests(requirements, s.path), "no test shown")
        tap.must_complain("a page that is missing or old is noticed", check_document(requirements, s.path), "not what the tables say")
    text = "1.  First\n\n   A host MUST do it.\n   It MUST NOT sleep.\n\n2.  Second\n\n   It is\n\f\nName    [Page 1]\n\nRFC 1  Title   May 2000\n\n   REQUIRED.\n"
    found = [(s.section, s.ordinal) for s in requirements.sentences(text, requirements.BY_NUMBER[4443])]
    tap.check("sentences are found with their sections, across page breaks",
              [] if found == [("1", 1), ("1", 2), ("2", 1)] else [f"found {found}"])
    text = "A Title\n\n------\n\nNotes:\n------\n\nNothing of it counts here.\n\nReception:\n----------  \n\n?Do I know this packet? Yes:\n  [it is late] Send it all on at once.\n"
    rfc = requirements.Rfc(0, "", requirements.EVERY, ("2",), (), True)
    found = [(s.section, s.ordinal, s.text) for s in requirements.sentences(text, rfc)]
    wanted = [("2", 1, "?Do I know this packet?"), ("2", 2, "[it is late] Send it all on at once.")]
    tap.check("headings without numbers are numbered, and whole sections can be rows", [] if found == wanted else [f"found {found}"])
    text = "1.  First\n\n   A host MUST do it.\n   It MUST NOT sleep.\n\n2.  Second\n\n   REQUIRED.\n"
    rows = [requirements.Row("1", 1, "00000000", "host", "it", "-")]
    missing = requirements.compare(requirements.BY_NUMBER[4443], rows, text)
    tap.check("sentences without a row and wrong fingerprints are noticed", [] if len(missing) == 3 else missing)


def main():
    options = rules.arguments()
    requirements = load_script()
    tap = rules.Tap()
    tap.check("the tables of requirements are well-formed and in order", check_tables(requirements, options.source))
    tap.check("every test that they name exists", check_tests(requirements, options.source))
    tap.check(f"{requirements.DOCUMENT} follows from them", check_document(requirements, options.source))
    self_tests(tap, requirements)
    tap.done()


if __name__ == "__main__":
    main()
