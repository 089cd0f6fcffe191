#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The folders that layers.txt calls freestanding compile as a kernel would compile them: no hosted environment, no
floating-point or vector register, stack frames below 1024 bytes. WEIR_FREESTANDING is defined.
"""

import os

import rules

FLAGS = ["-std=gnu17", "-O2", "-ffreestanding", "-mgeneral-regs-only", "-Wframe-larger-than=1024", "-Werror",
         "-DWEIR_FREESTANDING", "-DNDEBUG"]


def check_folder(source_dir, folder, cc):
    files = [f for f in rules.sources(source_dir, folder, ".c") if not f.endswith(("_avx2.c", "_avx512.c"))]
    flags = FLAGS + rules.include_flags(source_dir)
    results = rules.run_all([[cc, *flags, "-c", file, "-o", os.devnull] for file in files])
    complaints = []
    for file, done in zip(files, results):
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
            complaints.append(f"{os.path.relpath(file, source_dir)}: {' / '.join(errors[:3])}")
    return complaints


def self_test(tap, cc):
    samples = (
        ("floating point", "double half(double x);\ndouble half(double x) { return x / 2; }\n", "bad.c: "),
        ("a large stack frame", "void use(char *);\nvoid bad(void);\nvoid bad(void) { char b[2000]; use(b); }\n",
         "frame size"),
    )
    for what, code, expected in samples:
        with rules.Sample({"src/base/bad.c": code}) as sample:
            tap.must_complain(f"{what} is noticed", check_folder(sample.path, "base", cc), expected)
    with rules.Sample({"src/base/bad_avx2.c": samples[0][1]}) as sample:
        tap.check("vector files are left out", check_folder(sample.path, "base", cc))


def main():
    options = rules.arguments()
    law = rules.load_rules(options.source)
    tap = rules.Tap()
    for folder in law.freestanding:
        tap.check(f"{folder} compiles freestanding", check_folder(options.source, folder, options.cc))
    self_test(tap, options.cc)
    tap.done()


if __name__ == "__main__":
    main()
