#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each source and script file says its licence in its first lines."""

import os

import rules

DIRECTORIES = ("src", "include", "tests", "scripts", "cmake", "bench", "examples", ".ci")
SUFFIXES = (".c", ".h", ".py", ".sh", ".bats", ".cmake", ".map", ".yaml", ".yml")
NAMES = ("CMakeLists.txt", "Makefile", "layers.txt")
MARK = "SPDX-License-Identifier: MIT"


def is_script(path):
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def wanted(path):
    name = os.path.basename(path)
    return name.endswith(SUFFIXES) or name in NAMES or ("." not in name and is_script(path))


def files(source_dir):
    """The files that need the line. Corpora are data, whatever they begin with."""
    found = [os.path.join(source_dir, name) for name in os.listdir(source_dir)]
    for directory in DIRECTORIES:
        for path, subdirectories, names in os.walk(os.path.join(source_dir, directory)):
            subdirectories[:] = [d for d in subdirectories if d not in ("corpus", "__pycache__")]
            found += [os.path.join(path, name) for name in names]
    return sorted(path for path in found if os.path.isfile(path) and wanted(path))


def check_file(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return any(MARK in line for _, line in zip(range(3), file))


def check_tree(source_dir):
    return [f"{os.path.relpath(path, source_dir)}: no '{MARK}' in its first three lines" for path in files(source_dir)
            if not check_file(path)]


def main():
    options = rules.arguments()
    tap = rules.Tap()
    tap.check("every source and script file names its licence", check_tree(options.source))
    mark = "/* " + MARK + " */\n"
    with rules.Sample({"src/base/good.c": mark, "scripts/bad": "#!/bin/sh\n"}) as sample:
        tap.must_complain("a script without the line is noticed", check_tree(sample.path), "scripts/bad")
    with rules.Sample({"src/base/bad.c": "int x;\n\n\n" + mark, "tests/fuzz/corpus/x/seed.c": ""}) as sample:
        tap.must_complain("a source file without the line is noticed", check_tree(sample.path), "src/base/bad.c")
    tap.done()


if __name__ == "__main__":
    main()
