"""The parts that the unit test programs play: simulated power cuts at any sync, with torn and reordered writes, and a
call of the disk that fails, at every one that a workload makes. `make test` tries some of both; here they go on where
they ended, with other seeds and further calls."""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile

from report import Result
from rounds import FAILURES_MAX
from server import binary

PROGRAM_SECONDS_MAX = 1800
AT_ONCE = 2

# What tries seeds (src/base/tests/seeds.h), and how many times as many as in `make test`: those of the journal take a
# millisecond each.
CRASHES = (
    ("core_tests", "JournalCrash.NothingAcknowledgedIsLostWhereverItStops", 5),
    ("core_tests", "JournalDamage.OfSyncedDataIsAlwaysFound", 1),
    ("core_tests", "JournalSalvage.LeadsOnFromAnyDamageAndKeepsEveryGoodRecord", 1),
    ("tables_tests", "StoreCrash.*", 1),
)
SEEDS_A_RUN = 12_000

SWEEPS = "Sweeps/StoreFaults.*"
CALLS_A_RUN = 12  # of one sweep; INSULA_TEST_SEEDS multiplies them
TIMES_AFTERWARDS = 4


@dataclasses.dataclass
class Ran:
    """What tests said of themselves, and of what went wrong."""
    properties: dict   # of each test
    failures: list


def run_tests(program, names, environment):
    with tempfile.TemporaryDirectory() as scratch:
        results = pathlib.Path(scratch) / "results.json"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("INSULA_")}
        try:
            done = subprocess.run(
                [binary().parent / program, f"--gtest_filter={names}", f"--gtest_output=json:{results}",
                 "--gtest_brief=1"],
                env={**clean, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=PROGRAM_SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            return Ran({}, [f"{program} {names}: not ended after {PROGRAM_SECONDS_MAX} s"])
        if not results.exists():
            return Ran({}, [f"{program} {names}: ended with {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}"])
        ran = Ran({}, [])
        for suite in json.loads(results.read_text(encoding="utf-8"))["testsuites"]:
            for test in suite["testsuite"]:
                ran.properties[f"{suite['name']}.{test['name']}"] = test
                ran.failures += [failure["failure"] for failure in test.get("failures", [])]
        if done.returncode != 0 and not ran.failures:
            ran.failures.append(f"{program} {names}: ended with {done.returncode}")
        return ran


def count(result, ran, name, what):
    result.count(what, sum(int(test.get(name, 0)) for test in ran.properties.values()))


def fail(result, ran, repeat):
    for failure in ran.failures:
        # A test's own line says which seed it was; this one runs all of them again.
        result.fail(failure, repeat)


def repeat_line(program, names, environment):
    settings = " ".join(f"{name}={value}" for name, value in environment.items())
    return f"{settings} {binary().parent / program} --gtest_filter='{names}'"


def run_crashes(budget, seed, only="", keep=False, failures_max=FAILURES_MAX):
    del keep  # on simulated disks
    result = Result("crashes")
    done = 0
    while budget.goes_on(done) and len(result.failures) < failures_max:
        first = 1 + seed + done * SEEDS_A_RUN
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            chosen = [(program, names, {"INSULA_TEST_FIRST_SEED": str(first), "INSULA_TEST_SEEDS": str(times)})
                      for program, names, times in CRASHES if only in names]
            for (program, names, environment), ran in zip(chosen, pool.map(lambda one: run_tests(*one), chosen)):
                count(result, ran, "simulated_crashes", "simulated crashes")
                count(result, ran, "damaged_positions", "damaged positions")
                count(result, ran, "salvages", "salvages")
                fail(result, ran, repeat_line(program, names, environment))
        done += 1
    return result.end()


@dataclasses.dataclass
class Sweep:
    """One kind of failure, at the calls of one workload: in the order of the test, which meets each site first."""
    name: str
    workload: int
    tried: int = 0
    calls: int = 1
    sites: int = 0

    def goes_on(self):
        return self.tried < self.calls

    def environment(self, times):
        return {"INSULA_TEST_FIRST_SEED": str(self.tried + 1), "INSULA_TEST_SEEDS": str(times),
                "INSULA_TEST_WORKLOAD": str(self.workload)}


def names_of_sweeps(only):
    listed = subprocess.run([binary().parent / "tables_tests", f"--gtest_filter={SWEEPS}", "--gtest_list_tests"],
                            capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    suite = "Sweeps/StoreFaults."
    tests = [line.split("#")[0].strip() for line in listed if line.startswith("  ")]
    return [suite + test for test in tests if only in test]


def run_sweep(budget, seed, only="", keep=False, failures_max=FAILURES_MAX):
    """Every site of the workload first, then every call, then other workloads. `seed` is the first one's."""
    del keep  # on simulated disks
    result = Result("sweep")
    names = names_of_sweeps(only)
    workload = seed
    sweeps = [Sweep(name, workload) for name in names]
    of_all = list(sweeps)
    runs = 0
    while budget.goes_on(runs) and len(result.failures) < failures_max:
        waiting = [sweep for sweep in sweeps if sweep.goes_on()]
        if not waiting:
            workload += 1
            sweeps = [Sweep(name, workload) for name in names]
            of_all += sweeps
            continue
        # Those that still have sites to meet go first.
        waiting = [sweep for sweep in waiting if sweep.tried <= sweep.sites] or waiting
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(advance, sweep, result, budget, runs) for sweep in waiting]:
                done.result()
        runs += 1
    sites = sum(sweep.sites for sweep in of_all)
    met = sum(min(sweep.tried, sweep.sites) for sweep in of_all)
    result.count(f"of {sites:,} call sites ({100 * met // max(sites, 1)} %)", met)
    result.count(f"of {sum(sweep.calls for sweep in of_all):,} calls", sum(min(s.tried, s.calls) for s in of_all))
    return result.end()


def advance(sweep, result, budget, runs):
    if not budget.goes_on(runs):
        return
    times = 1 if runs == 0 else TIMES_AFTERWARDS
    environment = sweep.environment(times)
    ran = run_tests("tables_tests", sweep.name, environment)
    for test in ran.properties.values():
        sweep.calls, sweep.sites = int(test.get("calls", sweep.calls)), int(test.get("sites", sweep.sites))
    sweep.tried += times * CALLS_A_RUN
    fail(result, ran, repeat_line("tables_tests", sweep.name, environment))
