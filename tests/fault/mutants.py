#!/usr/bin/env python3
"""Planted durability bugs: the programme has to turn red for each. Prints the table; ends with 0 only if all are
caught.

Some are planted into the machine under the real server (planted/storage_shim.c), the others are chosen at run time in
the unit test programs, whose harnesses have to find them.
"""
import argparse
import concurrent.futures
import itertools
import random
import re
import sys
import time

import kill
import postgres
import power
import units
from report import Budget
from server import binary

# Nothing is broken: what is caught without a fault is not caught for it.
CONTROLS = (("kill", 8), ("power", 8))

# Name, what is broken, the part of the programme that has to notice, its most runs.
ON_THE_SERVER = (
    ("skip_segment_sync", "the journal's segments are never synced", "power", 16),
    ("skip_file_sync", "data files are renamed without a sync", "power", 16),
    ("skip_catalog_sync", "the catalog's commits are never synced", "power", 16),
    ("skip_all_syncs", "nothing is synced, directories neither", "power", 16),
    ("lose_segment_write", "a write to the journal is lost, the one after it is not", "kill", 16),
    ("halve_segment_write", "a write to the journal is done by half and answered", "kill", 16),
    ("lose_catalog_write", "a write to the catalog's log is lost", "kill", 16),
    ("flip_read", "reads return a wrong bit", "kill", 16),
)
PARTS = {"kill": kill.run, "power": power.run}

# What the catalog's PostgreSQL does to it between two lives of the server.
IN_POSTGRESQL = (
    ("lose_a_file", "PostgreSQL loses the file that was added last",
     "DELETE FROM {schema}.files WHERE file_id = (SELECT max(file_id) FROM {schema}.files)"),
    ("take_back_flushes", "… takes back how far the journal is in files",
     "UPDATE {schema}.sources SET flushed_stream = 0, flushed_position = 0"),
    ("rename_sources", "… gives sources other names",
     "UPDATE {schema}.sources SET source_id = 'back' || incarnation WHERE source_id LIKE 'own%'"),
    ("lose_keys", "… loses the keys of writes", "DELETE FROM {schema}.idempotency"),
)
TROUBLES_MAX = 12

# Chosen at run time in the unit test programs: tests that pass once their harness has found the bug. Name of the suite,
# its program, its tests, and the part of the programme whose harness it is.
IN_THE_HARNESS = (
    ("core_tests", "Faults/JournalHarness.*", "crashes (journal)"),
    ("core_tests", "Faults/JournalDamageHarness.*", "damage (journal)"),
    ("core_tests", "JournalSweep.Finds*", "sweep (journal)"),
    ("tables_tests", "Faults/StoreHarness.*", "crashes (tables)"),
    ("core_tests", "PostgresCatalogFaults.Finds*", "cuts (PostgreSQL)"),
)
WHAT = {
    "acknowledge_before_sync": "a write is answered before its sync",
    "skip_sync": "segments are never synced",
    "skip_journal_sync": "segments are never synced",
    "retry_failed_sync": "a failed sync is tried again and believed",
    "skip_directory_sync": "the journal's directories are not synced",
    "skip_zeroing": "a recycled segment keeps what it held",
    "overlap_segments": "the next segment is written before the last is synced",
    "recycle_early": "a segment goes while a record in it is needed",
    "ignore_checksums": "checksums are not compared",
    "skip_settling": "what was replayed from a tail is not made durable",
    "accept_foreign_stream": "a segment of another stream is taken",
    "cut_all_damage": "every damage counts as a torn tail",
    "release_too_much": "what memtables still need is released",
    "flush_without_waiting": "a flush does not wait until its records are durable",
    "restate_as_write": "what is restated counts as written anew",
    "skip_file_sync": "data files are renamed without a sync",
    "skip_file_directory_sync": "a data file's name is not made durable",
    "delete_before_commit": "files go before the catalog says so",
    "publish_before_commit": "a commit is answered before it is carried out",
    "flushed_lsn_too_far": "a record behind a flush counts as flushed",
    "replay_flushed_records": "what is in files is replayed too",
    "forget_keys": "a flush commits without its idempotency keys",
    "forget_columns": "a flush commits without the columns that are new",
    "forget_row_ids": "a flush commits without the next row id",
    "commit_one_by_one": "the files of a flush are named one after the other",
    "forget_a_file": "a flush names all but one of its files",
    "forget_restatement": "a restatement's commit is answered and not carried out",
}
AT_ONCE = 2
LEAST = 20


class Caught:
    """One row of the table."""

    def __init__(self, name, what, by, runs, outcome):
        self.name, self.what, self.by, self.runs, self.outcome = name, what, by, runs, outcome

    def line(self):
        return f"{self.name:<44} {self.what:<56} {self.by:<18} {self.runs:>5}  {self.outcome}"


def shim():
    return binary().parent / "libinsula-storage-shim.so"


def on_the_server(seed):
    for name, what, part, runs_max in ON_THE_SERVER:
        environment = {"LD_PRELOAD": str(shim()), "PLANTED_FAULT": name}
        result = PARTS[part](Budget(0, runs_max), seed, environment=environment, failures_max=1, expected=True)
        runs = sum(times for done, times in result.counts.items() if done == "kills" or done.startswith("cuts on"))
        if result.skipped:
            outcome = f"skipped: {result.skipped}"
        else:
            outcome = "caught" if result.failures else "NOT CAUGHT"
        yield Caught(name, what, f"{part} (server)", runs, outcome)


def in_postgresql(seed):
    for name, what, sql in IN_POSTGRESQL:
        result = postgres.run(Budget(0, TROUBLES_MAX), seed, planted=sql, failures_max=1, expected=True)
        if result.skipped:
            outcome = f"skipped: {result.skipped}"
        else:
            outcome = "caught" if result.failures else "NOT CAUGHT"
        yield Caught(name, what, "postgres (server)", result.counts.get("troubles", 0), outcome)


def in_the_harness():
    """In the order of the table, though some run beside each other."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        rans = pool.map(lambda one: units.run_tests(one[0], one[1], {}), IN_THE_HARNESS)
        for (program, names, by), ran in zip(IN_THE_HARNESS, rans):
            if not ran.properties:
                problem = ran.failures[0] if ran.failures else f"{program} has no test {names}"
                yield Caught(names, problem.splitlines()[0], by, 0, "NOT CAUGHT")
            for test in ran.properties.values():
                yield row_of(test, by)


def row_of(test, by):
    name = test["name"].split("/")[-1]
    # "FindsAnEpochThatIsNotCompared" says it itself.
    in_words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=A)(?=[A-Z])", " ", name.removeprefix("Finds")).lower()
    if test.get("result") == "SKIPPED":
        outcome = "skipped: " + test.get("skipped", [{}])[0].get("message", "").strip().splitlines()[0]
    else:
        outcome = "NOT CAUGHT" if test.get("failures") else "caught"
    return Caught(name, WHAT.get(name, in_words), by, test.get("seed", ""), outcome)


def control(seed):
    """What goes wrong without a fault, if anything."""
    for part, runs in CONTROLS:
        environment = {"LD_PRELOAD": str(shim()), "PLANTED_FAULT": "none"}
        result = PARTS[part](Budget(0, runs), seed, environment=environment)
        if result.failures:
            return f"{part} fails without a fault: {result.failures[0]}"
    result = postgres.run(Budget(0, 4), seed)
    return f"postgres fails without a fault: {result.failures[0]}" if result.failures else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    arguments = parser.parse_args()
    began = time.monotonic()
    print(f"mutants: seed {arguments.seed}")
    if not shim().exists():
        sys.exit(f"{shim()} does not exist: run `make build`")
    if problem := control(arguments.seed):
        sys.exit(problem)
    print(Caught("name", "what is broken", "caught by", "runs", "").line())
    rows = []
    for row in itertools.chain(on_the_server(arguments.seed), in_postgresql(arguments.seed), in_the_harness()):
        rows.append(row)
        print(row.line(), flush=True)
    missed = [row for row in rows if row.outcome == "NOT CAUGHT"]
    print(f"{len(rows)} mutants, {sum(row.outcome == 'caught' for row in rows)} caught, {len(missed)} not caught, "
          f"{sum(row.outcome.startswith('skipped') for row in rows)} skipped ({time.monotonic() - began:.0f} s)")
    caught = len(rows) - len(missed) - sum(row.outcome.startswith("skipped") for row in rows)
    return 1 if missed or caught < LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
