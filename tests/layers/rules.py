# SPDX-License-Identifier: MIT
"""What tests/layers share: layers.txt as an object, the sources of a folder, the objects of a build, running tools,
TAP output.

A check is a function that returns its complaints as a list of lines. Each test script runs its checks on the tree and,
as a self-test, on a small bad sample in a temporary directory, where they have to complain: a check that cannot fail
shows nothing.
"""

import argparse
import collections
import fnmatch
import os
import re
import subprocess
import sys
import tempfile


class Rules:
    """layers.txt. floors: {folder: floor}; uses: {folder: set of folders}."""

    def __init__(self, text):
        self.floors = {}
        self.uses = {}
        self.sans_io = []
        self.interposes = []
        self.no_globals = []
        self.freestanding = []
        self.mutable = collections.defaultdict(set)
        self.imports = collections.defaultdict(list)
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#")[0].strip()
            if line:
                self._read_line(number, line)

    def _read_line(self, number, line):
        left, colon, right = line.partition(":")
        keyword, *arguments = left.split() or [""]
        words = right.split()
        if not colon:
            raise ValueError(f"layers.txt:{number}: no ':' in '{line}'")
        if keyword == "folder" and len(arguments) == 2:
            self.floors[arguments[0]] = int(arguments[1])
            self.uses[arguments[0]] = set(words)
        elif keyword in ("sans-io", "no-globals", "freestanding", "interposes") and not arguments:
            getattr(self, keyword.replace("-", "_")).extend(words)
        elif keyword == "mutable" and len(arguments) == 1:
            self.mutable[arguments[0]].update(words)
        elif keyword == "import" and arguments:
            for folder in arguments:
                self.imports[folder].extend(words)
        else:
            raise ValueError(f"layers.txt:{number}: '{left.strip()}' is none of: folder NAME FLOOR, sans-io, "
                             "no-globals, freestanding, interposes, mutable FOLDER, import FOLDER...")

    def may_use(self, folder, other):
        return folder == other or other in self.uses.get(folder, ())

    def may_import(self, folder, symbol):
        plain = re.sub(r"^__(\w+)_chk$", r"\1", symbol)  # what _FORTIFY_SOURCE makes of memcpy
        return any(fnmatch.fnmatchcase(plain, pattern) for pattern in self.imports["*"] + self.imports[folder])


def load_rules(source_dir):
    with open(os.path.join(source_dir, "layers.txt"), encoding="utf-8") as file:
        return Rules(file.read())


def folders(source_dir):
    """The folders of src/ that hold C files."""
    return sorted(f for f in os.listdir(os.path.join(source_dir, "src")) if sources(source_dir, f, ".c", ".h"))


def sources(source_dir, folder, *suffixes):
    directory = os.path.join(source_dir, "src", folder)
    if not os.path.isdir(directory):
        return []
    return sorted(os.path.join(directory, f) for f in os.listdir(directory) if f.endswith(suffixes))


def load_objects(build_dir):
    """{folder: [object file]} of a CMake build."""
    objects = collections.defaultdict(list)
    path = os.path.join(build_dir, "objects.txt")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    folder, _, object_file = line.strip().partition(" ")
                    objects[folder].append(object_file)
    return dict(objects)


def run(command, **keywords):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False,
                          **keywords)


def run_all(commands):
    """Runs many short commands, as many at once as there are processors; results in their order."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(run, commands))


def include_flags(source_dir):
    return ["-I" + os.path.join(source_dir, "src"), "-I" + os.path.join(source_dir, "include")]


class Sample:
    """A temporary source tree for a self-test: files is {path: text}; objects() compiles its C files."""

    def __init__(self, files):
        self._directory = tempfile.TemporaryDirectory(prefix="weir-layers-")
        self.path = self._directory.name
        for name, text in files.items():
            path = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._directory.cleanup()

    def objects(self, cc):
        result = {}
        for folder in folders(self.path):
            result[folder] = []
            for source in sources(self.path, folder, ".c"):
                command = [cc, "-O2", "-fPIC", "-c", source, "-o", source + ".o"] + include_flags(self.path)
                done = run(command)
                if done.returncode != 0:
                    raise RuntimeError(done.stderr)
                result[folder].append(source + ".o")
        return result


class Tap:
    """Prints results in the Test Anything Protocol."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, complaints):
        """One test: it passes when there is nothing to complain about."""
        self.count += 1
        self.failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}")
        for line in complaints:
            print("# " + line)

    def must_complain(self, name, complaints, expected):
        """A self-test: exactly one complaint, and it holds the expected text."""
        fine = len(complaints) == 1 and expected in complaints[0]
        self.check(name, [] if fine else [f"expected one complaint with '{expected}', got {complaints}"])

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", default=".", help="root of the repository")
    parser.add_argument("--build", default="build", help="CMake's build directory")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--nm", default="nm")
    return parser.parse_args()
