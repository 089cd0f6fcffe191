#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the object files of each folder import and hold, by nm, compared with layers.txt:

- symbols of other folders only from folders that it may use, and no symbol defined by two folders;
- of the C library, in folders without I/O, only what the import lines allow;
- in folders without globals no writable variable.
"""

import collections
import os

import rules

Symbol = collections.namedtuple("Symbol", "name kind section file")


def parse_nm(text, file):
    """Lines of 'nm -f sysv': name | value | class | type | size | line | section."""
    symbols = []
    for line in text.splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 7 and columns[2] and columns[0] != "Name":
            symbols.append(Symbol(columns[0], columns[2], columns[6], file))
    return symbols


def read_symbols(objects, nm):
    """{folder: [Symbol]}. The plugin option makes nm read the machine code of objects that carry gcc's LTO code too."""
    result = {}
    for folder, files in objects.items():
        done = rules.run_all([[nm, "--plugin=/dev/null", "-f", "sysv", file] for file in files])
        for file, output in zip(files, done):
            if output.returncode != 0:
                raise RuntimeError(f"nm {file}: {output.stderr}")
        result[folder] = [s for file, output in zip(files, done) for s in parse_nm(output.stdout, file)]
    return result


def is_undefined(symbol):
    return symbol.kind in "Uwv"


def definitions(symbols, interposes=()):
    """{name: [folder]} of the external symbols. Folders that stand in front of the C library define none of their own."""
    result = collections.defaultdict(list)
    for folder, entries in symbols.items():
        if folder in interposes:
            continue
        for name in {s.name for s in entries if not is_undefined(s) and (s.kind.isupper() or s.kind in "iu")}:
            if not name.startswith("__gnu_lto"):
                result[name].append(folder)
    return result


def undefined(entries):
    """{name: file} of what a folder imports, its own definitions apart."""
    own = {s.name for s in entries if not is_undefined(s)}
    return {s.name: os.path.basename(s.file) for s in entries if is_undefined(s) and s.name not in own}


def check_complete(source_dir, objects):
    """Every source of a folder is in its object target."""
    complaints = []
    for folder in rules.folders(source_dir):
        built = {os.path.basename(file).split(".")[0] for file in objects.get(folder, [])}
        for source in rules.sources(source_dir, folder, ".c"):
            name = os.path.basename(source)[:-2]
            portable = not name.endswith(("_avx2", "_avx512"))
            if name not in built and (portable or os.uname().machine == "x86_64"):
                complaints.append(f"src/{folder}/{name}.c is in no object target; configure again or see weir_module()")
    return complaints


def check_definitions(symbols, interposes=()):
    return [f"{name} is defined in {' and in '.join(where)}"
            for name, where in sorted(definitions(symbols, interposes).items())
            if len(where) > 1]


def check_uses(law, symbols, folder):
    defined = definitions(symbols, law.interposes)
    complaints = []
    for name, file in sorted(undefined(symbols[folder]).items()):
        for other in defined.get(name, []):
            if not law.may_use(folder, other):
                allowed = " ".join(sorted(law.uses.get(folder, ()))) or "nothing"
                complaints.append(f"{folder}/{file} uses {name} of {other}; {folder} may use: {allowed}")
    return complaints


def check_imports(law, symbols, folder):
    defined = definitions(symbols, law.interposes)
    return [f"{folder}/{file} imports {name}, which no import line of layers.txt allows to {folder}"
            for name, file in sorted(undefined(symbols[folder]).items())
            if name not in defined and not law.may_import(folder, name)]


def is_writable(symbol):
    writable = (".data", ".bss", ".tdata", ".tbss", "*COM*")
    return symbol.section.startswith(writable) and not symbol.section.startswith(".data.rel.ro")


def check_globals(law, symbols, folder):
    return [f"{folder}/{os.path.basename(s.file)} has the writable variable {s.name} in {s.section}"
            for s in symbols[folder] if is_writable(s) and s.name not in law.mutable[folder]]


def self_test_complains(tap, law, options, name, check, files, expected):
    with rules.Sample(files) as sample:
        symbols = read_symbols(sample.objects(options.cc), options.nm)
        tap.must_complain(name, check(symbols), expected)


def self_test(tap, law, options):
    def expect(name, check, files, expected):
        self_test_complains(tap, law, options, name, check, files, expected)

    expect("a call of a higher floor is noticed", lambda s: check_uses(law, s, "wire"),
           {"src/wire/bad.c": "int tcp_open(void);\nint wire_bad(void) { return tcp_open(); }\n",
            "src/tcp/open.c": "int tcp_open(void) { return 1; }\n"}, "wire/bad.c.o uses tcp_open of tcp")
    expect("a name defined twice is noticed", check_definitions,
           {"src/wire/a.c": "int twice(void) { return 1; }\n", "src/tcp/b.c": "int twice(void) { return 2; }\n"},
           "twice is defined in ")
    expect("a system call in a folder without I/O is noticed", lambda s: check_imports(law, s, "tcp"),
           {"src/tcp/bad.c": "long write(int, const void *, unsigned long);\n"
                             "long tcp_bad(void) { return write(1, 0, 0); }\n"},
           "tcp/bad.c.o imports write")
    expect("libyaml outside config is noticed", lambda s: check_imports(law, s, "l7"),
           {"src/l7/bad.c": "int yaml_parse(void);\nint l7_bad(void) { return yaml_parse(); }\n"},
           "l7/bad.c.o imports yaml_parse")
    for what, variable, section in (("zeroed", "static int n;", ".bss"), ("set", "int n = 3;", ".data"),
                                    ("thread-local", "static _Thread_local int n;", ".tbss")):
        expect(f"a writable variable is noticed ({what})", lambda s: check_globals(law, s, "base"),
               {"src/base/bad.c": variable + " int *bad(void) { return &n; }\n"}, f"writable variable n in {section}")
    constant = "int f(void); int f(void) { return 0; }\nstatic int (*const table[])(void) = {f};\n" \
               "int (*const *bad(void))(void) { return table; }\n"
    with rules.Sample({"src/base/good.c": constant}) as sample:
        symbols = read_symbols(sample.objects(options.cc), options.nm)
        tap.check("a constant table of pointers is no complaint", check_globals(law, symbols, "base"))


def main():
    options = rules.arguments()
    law = rules.load_rules(options.source)
    objects = rules.load_objects(options.build)
    symbols = read_symbols(objects, options.nm)
    tap = rules.Tap()
    tap.check("every source file is in an object target", check_complete(options.source, objects))
    tap.check("no external name is defined in two folders", check_definitions(symbols, law.interposes))
    for folder in symbols:
        tap.check(f"{folder} uses only symbols of folders it may use", check_uses(law, symbols, folder))
        if folder in law.sans_io:
            tap.check(f"{folder} imports only allowed library functions", check_imports(law, symbols, folder))
        if folder in law.no_globals:
            tap.check(f"{folder} has no writable variable", check_globals(law, symbols, folder))
    self_test(tap, law, options)
    tap.done()


if __name__ == "__main__":
    main()
