#!/usr/bin/env python3
"""Planted durability bugs: the programme has to turn red for each. Prints the table; ends with 0 only if all are
caught.

Some are planted into the machine under the real server (planted/storage_shim.c), the others are chosen at run time in
the unit test programs, whose harnesses have to find them.
"""
import argparse
import random
import sys
import time

import kill
import power
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


class Caught:
    """One row of the table."""

    def __init__(self, name, what, by, runs, outcome):
        self.name, self.what, self.by, self.runs, self.outcome = name, what, by, runs, outcome

    def line(self):
        return f"{self.name:<28} {self.what:<60} {self.by:<22} {self.runs:>8}  {self.outcome}"


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


def control(seed):
    """What goes wrong without a fault, if anything."""
    for part, runs in CONTROLS:
        environment = {"LD_PRELOAD": str(shim()), "PLANTED_FAULT": "none"}
        result = PARTS[part](Budget(0, runs), seed, environment=environment)
        if result.failures:
            return f"{part} fails without a fault: {result.failures[0]}"
    return None


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
    for row in on_the_server(arguments.seed):
        rows.append(row)
        print(row.line(), flush=True)
    missed = [row for row in rows if row.outcome == "NOT CAUGHT"]
    print(f"{len(rows)} mutants, {sum(row.outcome == 'caught' for row in rows)} caught, {len(missed)} not caught, "
          f"{sum(row.outcome.startswith('skipped') for row in rows)} skipped ({time.monotonic() - began:.0f} s)")
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
