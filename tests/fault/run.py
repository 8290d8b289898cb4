#!/usr/bin/env python3
"""The fault programme: what the server promises of crashes, power cuts, failing disks and damage. See README.md.

    tests/fault/run.py                          each part, as often as `make test` does
    tests/fault/run.py kill power --seconds 600 these parts, for ten minutes together
    tests/fault/run.py kill --seed 7 --runs 8   one part again, as a failure's last line says

Exit code 0: nothing is wrong; 77: the machine allows none of it; 1 otherwise.
"""
import argparse
import random
import signal
import sys

import damage
import kill
import postgres
import power
import strain
import units
from report import Budget

# Part: what runs it, its least number of runs, and its share of the time that is given.
PARTS = {
    "kill": (kill.run, 100, 0.25),
    "power": (power.run, 40, 0.25),
    "postgres": (postgres.run, 12, 0.15),
    "damage": (damage.run, 120, 0.15),
    "sweep": (units.run_sweep, 1, 0.1),
    "crashes": (units.run_crashes, 1, 0.1),
    "pause": (strain.pauses, 4, 0.05),
    "descriptors": (strain.descriptors, 4, 0.05),
    "memory": (strain.memory, 4, 0.05),
    "clock": (strain.clock, 4, 0.05),
    "soak": (strain.run_soak, 1, 1),
}
# These only where they are named.
BY_NAME = {"soak"}
EXIT_SKIPPED = 77
SEEDS = 1 << 31


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"of {', '.join(PARTS)}; all but {', '.join(BY_NAME)} where none is named")
    parser.add_argument("--seconds", type=float, default=0, help="go on for so long, all parts together")
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS))
    parser.add_argument("--runs", type=int, help="of each part at least; its own number where it is missing")
    parser.add_argument("--only", default="",
                        help="a fail point (kill), a file system (power), troubles (postgres), a damage, "
                        "a test (sweep, crashes)")
    parser.add_argument("--keep", action="store_true", help="keep data directories that nothing was wrong with")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return arguments


def main():
    arguments = read_arguments()
    # SIGTERM ends the run as Ctrl-C does: servers are stopped, directories removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    chosen = arguments.parts or [part for part in PARTS if part not in BY_NAME]
    print(f"fault programme: {', '.join(chosen)}; seed {arguments.seed}", flush=True)
    shares = sum(PARTS[part][2] for part in chosen)
    results = []
    for part in chosen:
        work, least, share = PARTS[part]
        budget = Budget(arguments.seconds * share / shares, arguments.runs or least)
        results.append(work(budget, arguments.seed, only=arguments.only, keep=arguments.keep))
        print(results[-1].line(), flush=True)
    if len(results) > 1:
        print(f"\ncounts; again: tests/fault/run.py {' '.join(chosen)} --seed {arguments.seed}"
              f"{f' --seconds {arguments.seconds:g}' if arguments.seconds else ''}")
        for result in results:
            print(result.table())
    if any(result.failures for result in results):
        return 1
    return EXIT_SKIPPED if all(result.skipped for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
