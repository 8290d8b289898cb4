#!/usr/bin/env python3
"""Planted faults of authorisation: the matrix and the tests of tenants have to turn red for each. Prints the table;
ends with 0 only if all are noticed, and nothing is where nothing is planted.

    tests/spec/authorisation_mutants.py                 all
    tests/spec/authorisation_mutants.py removed_key_opens …
"""
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "build/release/insula-planted"
FAULTS = ROOT / "src/core/tenancy/planted_fault.h"
TESTS = ("tests/spec/test_matrix.py", "tests/spec/test_tenants.py", "tests/spec/test_tokens.py")
SECONDS_MAX = 300
FAILED = 1  # pytest: tests ran, and some failed


def names():
    return re.findall(r'FaultName\{PlantedFault::\w+, "(\w+)"\}', FAULTS.read_text(encoding="utf-8"))


def run(fault):
    """(exit code of the tests, the first of them that failed)."""
    environment = {**os.environ, "INSULA_BINARY": str(BINARY), "PYTHONDONTWRITEBYTECODE": "1"}
    if fault:
        environment["PLANTED_AUTHORISATION_FAULT"] = fault
    done = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS], cwd=ROOT,
                          env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                          timeout=SECONDS_MAX, check=False)
    failed = re.search(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, re.MULTILINE)
    return done.returncode, failed.group(1) if failed else ""


def main():
    chosen = sys.argv[1:] or names()
    if unknown := set(chosen) - set(names()):
        sys.exit(f"no fault {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    missed = 0
    code, failed = run(None)
    print(f"{'nothing planted':<28} {'passes' if code == 0 else f'FAILS: {failed}'}", flush=True)
    missed += code != 0
    for fault in chosen:
        began = time.monotonic()
        code, failed = run(fault)
        noticed = code == FAILED
        missed += not noticed
        by = f"noticed by {failed}" if noticed else f"NOT NOTICED (pytest ended with {code})"
        print(f"{fault:<28} {by} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(chosen)} faults of authorisation, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
