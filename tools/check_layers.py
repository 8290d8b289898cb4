#!/usr/bin/env python3
"""Checks every #include under src/ against src/LAYERS.

An error is: a folder that LAYERS does not list; an arrow that it does not allow (in a source file or in the DEPS
of a CMakeLists.txt); an allowed arrow that points upwards, since a list in which every arrow points down cannot
hold a cycle; a third-party header outside its owners, or without any; and a third-party header in a header that
another folder includes, unless LAYERS lists it as shown.
"""
import fnmatch
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CMAKE_DEPS = re.compile(r"\bDEPS\s+((?:[a-z_/]+\s*)+)")

# What comes with the compiler and the C library. C++ standard headers have neither a dot nor a slash.
SYSTEM_FOLDERS = ("sys/", "linux/", "netinet/", "arpa/", "net/", "bits/", "sanitizer/")
SYSTEM_HEADERS = {
    "assert.h", "cpuid.h", "cxxabi.h", "dirent.h", "dlfcn.h", "errno.h", "execinfo.h", "fcntl.h", "fnmatch.h",
    "getopt.h", "grp.h", "immintrin.h", "limits.h", "locale.h", "malloc.h", "math.h", "netdb.h", "nmmintrin.h",
    "poll.h", "pthread.h", "pwd.h", "sched.h", "semaphore.h", "signal.h", "spawn.h", "stddef.h", "stdint.h",
    "stdio.h", "stdlib.h", "string.h", "strings.h", "syslog.h", "termios.h", "time.h", "ucontext.h", "unistd.h",
    "wmmintrin.h", "x86intrin.h",
}


class Layers:
    """src/LAYERS, read. `folders` is in layer order; `allowed`, `owners` and `shown` hold patterns as written."""

    def __init__(self, text):
        self.folders = []
        self.allowed = {}
        self.owners = {}
        self.shown = {}
        blocks = {"owners": self.owners, "shown": self.shown}
        table = None
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            name, _, rest = line.partition(":")
            if name in blocks and not rest.strip():
                table = blocks[name]
            elif table is None:
                self.folders.append(name)
                self.allowed[name] = rest.split()
            else:
                table[name] = rest.split()

    def folder_of(self, path):
        """The listed folder that a path below src/ belongs to: the longest one; None where there is none."""
        fitting = [f for f in self.folders if path.startswith(f + "/")]
        return max(fitting, key=len, default=None)

    def may_include(self, folder, other):
        return folder == other or any(fnmatch.fnmatch(other, p) for p in self.allowed[folder])

    def owner_patterns(self, header):
        fitting = [prefix for prefix in self.owners if header.startswith(prefix)]
        return self.owners[max(fitting, key=len)] if fitting else None

    def upward_arrows(self):
        for position, folder in enumerate(self.folders):
            for pattern in self.allowed[folder]:
                reached = [f for f in self.folders if fnmatch.fnmatch(f, pattern)]
                if not reached:
                    yield f"LAYERS: {folder} names {pattern}, which is no folder of the list"
                for other in reached:
                    if self.folders.index(other) >= position and other != folder:
                        yield f"LAYERS: {folder} may not name {other}, which stands on or above its own layer"


def includes_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if found := INCLUDE.match(line):
            yield number, found.group(2), found.group(1) == '"'


def is_system(header):
    return ("." not in header and "/" not in header) or header in SYSTEM_HEADERS \
        or header.startswith(SYSTEM_FOLDERS)


class Check:
    def __init__(self, src):
        self.src = pathlib.Path(src)
        self.layers = Layers((self.src / "LAYERS").read_text(encoding="utf-8"))
        self.problems = list(self.layers.upward_arrows())
        self.included_from_outside = set()   # headers that another folder includes
        self.header_to_own_headers = {}      # header -> headers of the same folder that it includes
        self.header_third_party = {}         # header -> [(line, third-party header)]

    def run(self):
        for path in sorted(self.src.rglob("*")):
            if path.suffix in (".h", ".cc"):
                self.check_source(path)
            elif path.name == "CMakeLists.txt":
                self.check_cmake(path)
        self.check_public_headers()
        return self.problems

    def check_source(self, path):
        name = path.relative_to(self.src).as_posix()
        folder = self.layers.folder_of(name)
        if folder is None:
            self.problems.append(f"src/{name}: its folder is not listed in src/LAYERS")
            return
        for line, header, quoted in includes_of(path):
            where = f"src/{name}:{line}"
            if (self.src / header).is_file():
                self.check_arrow(where, name, folder, header)
            elif quoted and "/" in header and self.layers.folder_of(header):
                self.problems.append(f"{where}: {header} does not exist")
            elif not is_system(header):
                self.check_owner(where, name, folder, header)
                if path.suffix == ".h":
                    self.header_third_party.setdefault(name, []).append((line, header))

    def check_arrow(self, where, name, folder, header):
        other = self.layers.folder_of(header)
        if other is None:
            return  # said once, for the header itself
        if other != folder:
            self.included_from_outside.add(header)
        elif name.endswith(".h"):
            self.header_to_own_headers.setdefault(name, set()).add(header)
        if not self.layers.may_include(folder, other):
            self.problems.append(f"{where}: {folder} may not include {other} ({header})")

    def check_owner(self, where, name, folder, header):
        patterns = self.layers.owner_patterns(header)
        if patterns is None:
            self.problems.append(f"{where}: no owner is named for <{header}>; see the owners in src/LAYERS")
            return
        in_tests = "/tests/" in name
        for pattern in patterns:
            if pattern == "tests" and in_tests:
                return
            if pattern != "tests" and fnmatch.fnmatch(folder, pattern):
                return
        self.problems.append(f"{where}: <{header}> belongs to {' '.join(patterns)}, not to {folder}")

    def check_cmake(self, path):
        name = path.relative_to(self.src).as_posix()
        folder = self.layers.folder_of(name)
        if folder is None:
            self.problems.append(f"src/{name}: its folder is not listed in src/LAYERS")
            return
        for deps in CMAKE_DEPS.findall(path.read_text(encoding="utf-8")):
            for other in deps.split():
                known = other in self.layers.folders
                if known and not self.layers.may_include(folder, other):
                    self.problems.append(f"src/{name}: {folder} may not depend on {other}")

    def check_public_headers(self):
        """A header is public when another folder includes it, or a public one of its folder does."""
        public, waiting = set(), list(self.included_from_outside)
        while waiting:
            header = waiting.pop()
            if header not in public:
                public.add(header)
                waiting.extend(self.header_to_own_headers.get(header, ()))
        for header in sorted(public):
            for line, third_party in self.header_third_party.get(header, ()):
                shown = third_party.startswith(tuple(self.layers.shown.get(header, ())))
                if not shown and self.layers.owner_patterns(third_party) != ["*"]:
                    self.problems.append(f"src/{header}:{line}: other folders include this header, "
                                         f"so it may not include <{third_party}>")


def main(arguments):
    src = arguments[0] if arguments else pathlib.Path(__file__).resolve().parent.parent / "src"
    problems = Check(src).run()
    for problem in problems:
        print(problem)
    print(f"layers: {len(problems)} problems" if problems else "layers: every arrow points down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
