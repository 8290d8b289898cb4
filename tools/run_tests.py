#!/usr/bin/env python3
"""Runs every test there is and ends with one line: "N passed, N failed, N skipped".

The unit test programs are those that the build registered with ctest; then come the checks of layers and style,
the self-tests of these tools, and the spec tests against the built server. Only the standard library is used,
so that it runs before anything is installed. Exit code 0 only where something passed and nothing failed.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM_SECONDS_MAX = 600  # one unit test program
SPEC_SECONDS_MAX = 900     # all spec tests together
FAULT_SECONDS_MAX = 900    # one part of the fault programme
FAULT_PARTS = ("kill", "power", "postgres", "damage", "pause", "descriptors", "memory", "clock")
EXIT_SKIPPED = 77          # the machine does not allow it
REQUESTS_SECONDS_MAX = 600
END_SECONDS_MAX = 20       # from asking a program to end to ending it

# These start libduckdb, which is not instrumented.
PROGRAMS_WITH_ENGINE = {"engine_tests", "tables_tests", "server_tests"}

# Sweeps of one thread over every call take minutes under the thread sanitizer, which finds nothing there.
ONE_THREAD_ONLY = {"tables_tests": ["StoreCrash.*", "Sweeps/StoreFaults.*", "Faults/StoreHarness.*"]}

GTEST_RUNNING = re.compile(r"^\[ RUN      \] (\S+)")
GTEST_ENDED = re.compile(r"^\[ *(OK|FAILED|SKIPPED) *\] (\S+?),? .*\(\d+ ms\)")


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def fail(self, what):
        self.failed += 1
        self.failures.append(what)

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(command, seconds_max, environment=None):
    """Returns (exit code, output). The output is shown only where something failed."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, errors="replace",
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL)
    ran_out = threading.Event()

    def stop():
        ran_out.set()
        process.terminate()  # pytest stops its servers
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()

    timer = threading.Timer(seconds_max, stop)
    timer.start()
    try:
        output = process.stdout.read()
        code = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
    if ran_out.is_set():
        output += f"\nstopped after {seconds_max} s\n"
        code = code or 1
    return code, output


def read_gtest_output(program, code, output):
    """Counts from the program's own lines, so that a crash counts as a failure of the test it happened in."""
    tally = Tally()
    running = None
    for line in output.splitlines():
        if started := GTEST_RUNNING.match(line):
            running = started.group(1)
        elif ended := GTEST_ENDED.match(line):
            outcome, name = ended.groups()
            running = None
            if outcome == "OK":
                tally.passed += 1
            elif outcome == "SKIPPED":
                tally.skipped += 1
            else:
                tally.fail(f"{program}: {name}")
    if running is not None:
        tally.fail(f"{program}: {running} did not end (exit code {code})")
    elif code != 0 and tally.failed == 0:
        tally.fail(f"{program}: exit code {code}")
    elif code == 0 and tally.passed == 0:
        tally.fail(f"{program}: holds no test")
    return tally


def find_symbolizer():
    """Debian's runtime looks for the first alone, of a package that nothing else needs; each of them will do."""
    for name in ("llvm-symbolizer-19", "llvm-symbolizer", "addr2line"):
        if path := shutil.which(name):
            return path
    return ""


def sanitizer_environment(program, sanitizer):
    environment = dict(os.environ)
    symbolizer = find_symbolizer()
    if sanitizer == "address":
        leaks = 0 if program in PROGRAMS_WITH_ENGINE else 1
        environment["ASAN_OPTIONS"] = \
            f"detect_leaks={leaks}:strict_string_checks=1:external_symbolizer_path={symbolizer}"
        environment["UBSAN_OPTIONS"] = f"print_stacktrace=1:external_symbolizer_path={symbolizer}"
    elif sanitizer == "thread":
        # What libraries that are not instrumented read and write (libduckdb frees what another of its threads
        # wrote) is not reported: the sanitizer does not see the atomics that make it right. Their locks count,
        # and so does everything that our code does on their threads.
        environment["TSAN_OPTIONS"] = (
            "halt_on_error=0:second_deadlock_stack=1:ignore_noninstrumented_modules=1:"
            f"external_symbolizer_path={symbolizer}")
    return environment


def filter_arguments(program, sanitizer):
    left_out = ONE_THREAD_ONLY.get(program, []) if sanitizer == "thread" else []
    return [f"--gtest_filter=-{':'.join(left_out)}"] if left_out else []


def unit_programs(listing, only):
    """The programs of ctest's listing, and the names of those that should be there and are not. A program that
    was not built has no command; with `only`, what it does not name need not be built."""
    wanted = [test for test in listing["tests"] if not only or test["name"] in only]
    missing = [test["name"] for test in wanted if "command" not in test]
    missing += [name for name in only if name not in {test["name"] for test in wanted}]
    return [test["command"][0] for test in wanted if "command" in test], missing


def run_unit_tests(arguments):
    tally = Tally()
    listing = subprocess.run(["ctest", "--test-dir", arguments.build, "--show-only=json-v1"], cwd=ROOT,
                             text=True, capture_output=True, check=True).stdout
    programs, missing = unit_programs(json.loads(listing), arguments.only)
    for name in missing:
        tally.fail(f"{arguments.build}: {name} is not built")
    if not programs:
        tally.fail(f"{arguments.build}: no unit test program is built")
    for program in programs:
        name = pathlib.Path(program).name
        started = time.monotonic()
        code, output = run([program, "--gtest_color=no", *filter_arguments(name, arguments.sanitizer)],
                           PROGRAM_SECONDS_MAX,
                           sanitizer_environment(name, arguments.sanitizer))
        result = read_gtest_output(name, code, output)
        report(name, result, started, output)
        tally.add(result)
    return tally


def run_check(name, command):
    started = time.monotonic()
    code, output = run(command, seconds_max=120)
    tally = Tally()
    if code == 0:
        tally.passed = 1
    else:
        tally.fail(name)
    report(name, tally, started, output)
    return tally


def run_pytest(name, folder, seconds_max, options=()):
    started = time.monotonic()
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        results = pathlib.Path(scratch) / "results.xml"
        code, output = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                            f"--junitxml={results}", folder, *options], seconds_max)
        if results.exists():
            read_junit(name, results, tally)
    if code != 0 and tally.failed == 0:
        tally.fail(f"{name}: pytest ended with exit code {code}")
    report(name, tally, started, output)
    return tally


def run_fault_part(part):
    """Shows what was done even where nothing is wrong: its counts say what the result rests on."""
    started = time.monotonic()
    code, output = run([sys.executable, "tests/fault/run.py", part], FAULT_SECONDS_MAX)
    tally = Tally()
    if code == EXIT_SKIPPED:
        tally.skipped = 1
    elif code == 0:
        tally.passed = 1
    else:
        tally.fail(f"fault: {part}")
    if not tally.failed:
        print(output.rstrip())
    report(f"fault {part}", tally, started, output)
    return tally


def read_junit(name, results, tally):
    for case in xml.etree.ElementTree.parse(results).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(f"{name}: {case.get('name')}")
        elif case.find("skipped") is not None:
            tally.skipped += 1
        else:
            tally.passed += 1


def report(name, tally, started, output):
    if tally.failed:
        print(output.rstrip())
    print(f"{name:<16} {tally.line()}  ({time.monotonic() - started:.1f} s)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--unit-only", action="store_true", help="the unit test programs alone")
    parser.add_argument("--only", action="append", default=[], help="only this unit test program")
    parser.add_argument("--sanitizer", choices=["address", "thread"])
    arguments = parser.parse_args()

    total = run_unit_tests(arguments)
    if not arguments.unit_only:
        os.environ["INSULA_BINARY"] = str(ROOT / arguments.build / "insula")
        total.add(run_check("layers", [sys.executable, "tools/check_layers.py"]))
        total.add(run_check("style", [sys.executable, "tools/check_style.py"]))
        total.add(run_check("error codes", [sys.executable, "tools/check_error_codes.py"]))
        total.add(run_pytest("bench", "bench/tests", seconds_max=60))
        total.add(run_check("demo's compare", ["node", "--test", "demo/tests/compare.test.mjs"]))
        total.add(run_pytest("tools", "tools/tests", seconds_max=120))
        total.add(run_pytest("spec", "tests/spec", SPEC_SECONDS_MAX))
        total.add(run_pytest("spec, postgresql", "tests/spec", SPEC_SECONDS_MAX, ["--catalog", "postgresql"]))
        total.add(run_pytest("fault's ledger", "tests/fault/tests", seconds_max=60))
        for part in FAULT_PARTS:
            total.add(run_fault_part(part))
        total.add(run_pytest("requests", "tests/requests", REQUESTS_SECONDS_MAX))

    if total.failures:
        print("\nfailed:")
        for failure in total.failures:
            print(f"  {failure}")
    print(total.line())
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
