#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each folder of src/ includes only from the folders that layers.txt allows it, directly or through other headers.

The compiler's own dependency output (-MM) of every source and every header is compared with layers.txt, which is itself
checked against the rule of the floors.
"""

import os

import rules


def check_floors(law):
    """A folder uses only lower floors, and the lists name only known folders."""
    complaints = []
    for folder, used in law.uses.items():
        for other in sorted(used):
            if other not in law.floors:
                complaints.append(f"layers.txt: {folder} may use '{other}', which is no folder there")
            elif law.floors[other] >= law.floors[folder]:
                complaints.append(f"layers.txt: {folder} (floor {law.floors[folder]}) may use {other} "
                                  f"(floor {law.floors[other]}); only lower floors are allowed")
    for folder in law.sans_io + law.no_globals + law.freestanding:
        if folder not in law.floors:
            complaints.append(f"layers.txt: '{folder}' is listed, but is no folder there")
    return complaints


def check_known(source_dir, law):
    unknown = [folder for folder in rules.folders(source_dir) if folder not in law.floors]
    return [f"src/{folder} has no line in layers.txt" for folder in unknown]


def dependencies(make_rule):
    """The files of a rule 'x.o: a.c b.h \\'."""
    return make_rule.partition(": ")[2].replace("\\\n", " ").split()


def check_dependencies(source_dir, law, folder, file, make_rule):
    complaints = []
    src = os.path.join(source_dir, "src")
    for dependency in dependencies(make_rule):
        path = os.path.relpath(os.path.normpath(dependency), src)
        other = path.split(os.sep)[0]
        if other != os.pardir and not law.may_use(folder, other):
            allowed = " ".join(sorted(law.uses.get(folder, ()))) or "nothing"
            complaints.append(f"{os.path.relpath(file, source_dir)} reaches src/{path}; {folder} may use: {allowed}")
    return complaints


def check_includes(source_dir, law, folder, cc):
    files = rules.sources(source_dir, folder, ".c", ".h")
    flags = rules.include_flags(source_dir)
    results = rules.run_all([[cc, "-std=gnu17", "-MM", *flags, "-x", "c", file] for file in files])
    complaints = []
    for file, done in zip(files, results):
        if done.returncode != 0:
            complaints.append(f"{os.path.relpath(file, source_dir)}: {' / '.join(done.stderr.splitlines()[:3])}")
        else:
            complaints += check_dependencies(source_dir, law, folder, file, done.stdout)
    return complaints


def self_test(tap, law, cc):
    neighbours = rules.Rules("folder base 1 :\nfolder wire 2 : base config\nfolder config 2 : base\n")
    tap.must_complain("a folder that may use its neighbour is noticed", check_floors(neighbours), "wire (floor 2)")
    with rules.Sample({"src/tcp/good.c": '#include "base/api.h"\n', "src/base/api.h": ""}) as sample:
        tap.check("a good sample gives no complaint", check_includes(sample.path, law, "tcp", cc))
    with rules.Sample({"src/base/bad.c": '#include "tcp/api.h"\n', "src/tcp/api.h": ""}) as sample:
        tap.must_complain("an include from a higher floor is noticed", check_includes(sample.path, law, "base", cc),
                          "src/base/bad.c reaches src/tcp/api.h")
    indirect = {"src/wire/bad.c": '#include "base/a.h"\n', "src/base/a.h": '#include "config/x.h"\n',
                "src/config/x.h": ""}
    with rules.Sample(indirect) as sample:
        tap.must_complain("an include through another header is noticed", check_includes(sample.path, law, "wire", cc),
                          "src/wire/bad.c reaches src/config/x.h")
    with rules.Sample({"src/attic/x.c": ""}) as sample:
        tap.must_complain("a folder that layers.txt does not list is noticed", check_known(sample.path, law),
                          "src/attic")


def main():
    options = rules.arguments()
    law = rules.load_rules(options.source)
    tap = rules.Tap()
    tap.check("layers.txt keeps the order of the floors", check_floors(law))
    tap.check("layers.txt lists every folder", check_known(options.source, law))
    for folder in rules.folders(options.source):
        tap.check(f"{folder} includes only what it may use", check_includes(options.source, law, folder, options.cc))
    self_test(tap, law, options.cc)
    tap.done()


if __name__ == "__main__":
    main()
