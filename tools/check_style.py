#!/usr/bin/env python3
"""Checks the rules of CONTRIBUTING.md that a program can see without a compiler.

Sizes of files, names that say nothing, notes that belong into an issue, include guards, length of lines, reasons
beside switched-off checks, and a lock file that pins by hash and names no download address. (The size of
functions is clang-tidy's: readability-function-size.)
"""
import json
import pathlib
import re
import subprocess
import sys

LINES_MAX = {".cc": 600, ".h": 350, ".py": 600, ".mjs": 600, ".js": 600, ".ts": 600}
COLUMNS_MAX = {".cc": 100, ".h": 100, ".cmake": 120, ".py": 120, ".mjs": 120, ".js": 120, ".ts": 120}
CODE = set(LINES_MAX) | {".cmake", ".sh"}
SCRIPT_FOLDERS = ("tools/", "bench/", "demo/", ".ci/")  # scripts there may have no ending

# "manager.cc that knows everything" starts with a name like these.
EMPTY_NAMES = {"util", "utils", "common", "misc", "helper", "helpers", "stuff"}
NOTE = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SWITCHED_OFF = re.compile(r"NOLINT(NEXTLINE|BEGIN|END)?\b(\([^)]*\))?(:\s*\S)?")
ADDRESS = re.compile(r"https?://\S")
SELF = "tools/check_style.py"
SELF_TEST = "tools/tests/"


def is_code(name):
    path = pathlib.PurePosixPath(name)
    return path.suffix in CODE or path.name == "CMakeLists.txt" or path.name == "Makefile" \
        or (not path.suffix and name.startswith(SCRIPT_FOLDERS))


def check_name(name):
    for part in pathlib.PurePosixPath(name).parts:
        if part.split(".")[0] in EMPTY_NAMES:
            yield f"{name}: '{part}' says nothing about what is inside; name the thing"


def check_text(name, text):
    """Problems of one file of code."""
    suffix = pathlib.PurePosixPath(name).suffix
    lines = text.splitlines()
    # A header of tests holds code that several tests share, so it may be as long as a source file.
    lines_max = LINES_MAX.get(".cc" if suffix == ".h" and "/tests/" in name else suffix)
    if lines_max and len(lines) > lines_max:
        yield f"{name}: {len(lines)} lines, at most {lines_max}: split it by what it does"
    if suffix == ".h" and "#pragma once" not in lines:
        yield f"{name}: #pragma once is missing"
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"
    columns_max = COLUMNS_MAX.get(suffix)
    for number, line in enumerate(lines, start=1):
        if columns_max and len(line) > columns_max and not ADDRESS.search(line):
            yield f"{name}:{number}: {len(line)} columns, at most {columns_max}"
        if line != line.rstrip():
            yield f"{name}:{number}: blanks at the end of the line"
        if "\t" in line and suffix in COLUMNS_MAX:
            yield f"{name}:{number}: a tab"
        if found := NOTE.search(line):
            yield f"{name}:{number}: {found.group(1)}: do it, or open an issue"
        for off in SWITCHED_OFF.finditer(line):
            kind, checks, reason = off.groups()
            if kind != "END" and not (checks and reason):
                yield f"{name}:{number}: NOLINT needs the check's name and a reason: NOLINT(name): reason"


def check_lock(name, text):
    lock = json.loads(text)
    for folder, package in lock["packages"].items():
        if "resolved" in package:
            yield f"{name}: {folder} names a download address; see CONTRIBUTING.md for how to update the lock"
        if folder and not package.get("link") and "integrity" not in package:
            yield f"{name}: {folder} has no integrity hash"
    for package, version in lock["packages"][""].get("devDependencies", {}).items():
        if not re.fullmatch(r"\d[\w.+-]*", version):
            yield f"{name}: {package} is not pinned to one version ({version})"


def check_file(name, text):
    yield from check_name(name)
    if name == "package-lock.json":
        yield from check_lock(name, text)
    elif is_code(name) and name != SELF and not name.startswith(SELF_TEST):
        yield from check_text(name, text)


def files_of(root):
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, check=True)
    for name in sorted(filter(None, listing.stdout.decode().split("\0"))):
        if (pathlib.Path(root) / name).is_file():  # a deleted file is listed until the commit
            yield name


def main(arguments):
    root = arguments[0] if arguments else str(pathlib.Path(__file__).resolve().parent.parent)
    problems = []
    for name in files_of(root):
        try:
            text = (pathlib.Path(root) / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            if is_code(name):
                problems.append(f"{name}: not UTF-8")
            continue
        problems += check_file(name, text)
    for problem in problems:
        print(problem)
    print(f"style: {len(problems)} problems" if problems else "style: nothing to say")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
