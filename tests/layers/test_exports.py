#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The shared library exports weir_* and nothing else: another name could interpose on a function of the program that
loads it. The packetdrill adapter exports its entry point and getsockopt; the preloaded library only names of the C
library, in front of which it stands.
"""

import os

import rules


ADAPTER = ("packetdrill_interface_init", "getsockopt")


def check_exports(library, nm, allowed=()):
    done = rules.run([nm, "-D", "--defined-only", library])
    if done.returncode != 0:
        return [f"nm {library}: {done.stderr.strip()}"]
    names = [line.split()[-1] for line in done.stdout.splitlines() if line.strip()]
    names = [name for name in names if not name.startswith("weir_") and name not in allowed]
    return [f"{os.path.basename(library)} exports {name}" for name in names]


def names_of(library, nm):
    done = rules.run([nm, "-D", "--defined-only", library])
    return {line.split()[-1].partition("@")[0] for line in done.stdout.splitlines() if line.strip()}


def check_preload(library, c_library, nm):
    return [f"{os.path.basename(library)} exports {name}, which is none of the C library's"
            for name in sorted(names_of(library, nm) - names_of(c_library, nm))]


def c_library_of(cc):
    return rules.run([cc, "-print-file-name=libc.so.6"]).stdout.strip()


def build_sample(sample, cc, *flags):
    library = os.path.join(sample.path, "libsample.so")
    done = rules.run([cc, "-shared", "-fPIC", *flags, *rules.sources(sample.path, "base", ".c"), "-o", library])
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return library


def self_test(tap, options):
    code = "int weir_open(void);\nint pool_init(void);\nint weir_open(void) { return pool_init(); }\n" \
           "int pool_init(void) { return 0; }\n"
    script = os.path.join(options.source, "cmake", "libweir.map")
    with rules.Sample({"src/base/a.c": code}) as sample:
        library = build_sample(sample, options.cc)
        tap.must_complain("an exported internal name is noticed", check_exports(library, options.nm),
                          "exports pool_init")
        tap.check("a name that is not the C library's is noticed in the preloaded library", [] if check_preload(
            library, c_library_of(options.cc), options.nm) else ["no complaint about pool_init"])
        library = build_sample(sample, options.cc, "-Wl,--version-script=" + script)
        tap.check("the version script hides internal names", check_exports(library, options.nm))


def main():
    options = rules.arguments()
    tap = rules.Tap()
    library = os.path.join(options.build, "libweir.so")
    if rules.load_objects(options.build):
        tap.check("libweir.so exports only weir_*", check_exports(library, options.nm))
        preload = os.path.join(options.build, "libweir-preload.so")
        tap.check("libweir-preload.so exports names of the C library, socket among them",
                  check_preload(preload, c_library_of(options.cc), options.nm) or
                  [] if "socket" in names_of(preload, options.nm) else ["it does not export socket"])
    adapter = os.path.join(options.build, "packetdrill", "libweir-packetdrill.so")
    if os.path.exists(adapter):
        tap.check("the packetdrill adapter exports its entry point and getsockopt", check_exports(adapter, options.nm, ADAPTER))
    self_test(tap, options)
    tap.done()


if __name__ == "__main__":
    main()
