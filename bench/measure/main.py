"""The command line of bench/run."""
import argparse
import dataclasses
import os
import signal
import sys
import time

from measure import machine, reading, report, running, tenancy, writing
from measure.data_set import DataSet
from measure.result import NotMeasured, Row, Skipped
from measure.session import ROOT, Bystanders, Session

MEASUREMENTS = {
    "disk": writing.disk,
    "ingest": writing.ingest,
    "single": writing.single,
    "spread": writing.spread,
    "group_by": reading.group_by,
    "stream": reading.stream,
    "health": running.health,
    "start": running.start,
    "replay": running.replay,
    "replay_large": running.replay_large,
    "idle": running.idle,
    "pipeline": tenancy.pipeline,
    "tenants": tenancy.tenants,
    "neighbour": tenancy.neighbour,
}
BUSY_SHARE = 0.1  # of the machine's CPU, taken by others: from here on the figures say little
EXIT_NOT_MEASURED = 1
EXIT_INTERRUPTED = 130


def parse_options():
    listed = "\n".join(f"  {name:10} {function.__doc__.splitlines()[0]}" if function.__doc__ else f"  {name}"
                       for name, function in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures a built server on two cores, the programs that load it beside it, and prints target "
                    "beside result.\nA missed target is no failure; a measurement that could not be made is "
                    "(exit code 1).",
        epilog=f"Measurements:\n{listed}\n\nThe build is build/release, or what INSULA_BUILD names.")
    parser.add_argument("measurements", nargs="*", metavar="NAME", help="measure only these (default: all)")
    parser.add_argument("--quick", action="store_true", help="short runs and a tenth of the rows")
    parser.add_argument("--work", default=str(ROOT / "bench" / ".work"), metavar="DIR",
                        help="where data goes meanwhile; its disk is what is measured (default: bench/.work)")
    parser.add_argument("--readme", action="store_true", help="also write bench/results/readme-latest.json")
    parser.add_argument("--setting", action="append", default=[], metavar="KEY=VALUE",
                        help="a setting of the server, such as engine.threads=1; may be repeated")
    options = parser.parse_args()
    options.build = os.environ.get("INSULA_BUILD", "build/release")
    for name in options.measurements:
        if name not in MEASUREMENTS:
            parser.error(f"unknown measurement {name}; there are {', '.join(MEASUREMENTS)}")
    if not all("=" in setting for setting in options.setting):
        parser.error("--setting takes KEY=VALUE")
    options.settings = dict(setting.split("=", 1) for setting in options.setting)
    return options


def versions_of(session):
    return {"insula": machine.version_of(session.program("insula"), "--version"),
            "commit": machine.version_of("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
            "node": machine.version_of("node", "--version"),
            "wrk": machine.version_of("wrk", "--version").partition(" Copyright")[0]}


def measure(session, name):
    """The rows of one measurement and what surrounded it; a failure becomes a row."""
    function = MEASUREMENTS[name]
    surroundings = {"load_average": os.getloadavg()[0]}
    # What the measurement before has left to be written is not this one's.
    os.sync()
    bystanders = Bystanders(session)
    begin = time.monotonic()
    try:
        rows = function(session)
    except Skipped as reason:
        rows = [Row(name, "", str(reason), verdict="skipped")]
    except NotMeasured as reason:
        rows = [Row(name, "", str(reason), verdict="failed")]
    surroundings.update(seconds=time.monotonic() - begin, others_cpu_share=bystanders.share())
    return rows, surroundings


def measure_all(session, names):
    rows, surroundings = [], {}
    for name in names:
        print(f"{name} …", flush=True)
        found, surroundings[name] = measure(session, name)
        about = surroundings[name]
        for row in found:
            print(f"  {row.lines()}")
        print(f"  ({about['seconds']:.0f} s, load average {about['load_average']:.1f}, other programs took "
              f"{about['others_cpu_share']:.0%} of the CPU)", flush=True)
        rows += found
    return rows, surroundings


def busy_note(surroundings):
    shares = [about["others_cpu_share"] for about in surroundings.values()]
    if not shares or max(shares) < BUSY_SHARE:
        return ""
    return (f"The machine was busy: other programs took {min(shares):.0%} to {max(shares):.0%} of its CPU. "
            "Rates and latencies are worse than on an idle one; ratios and CPU an operation mean more.")


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


def run(options, session):
    session.open()
    about = machine.describe(session.work, session.cores)
    versions = versions_of(session)
    print("\n".join(report.machine_lines(about, versions)), end="\n\n", flush=True)
    names = [name for name in MEASUREMENTS if not options.measurements or name in options.measurements]
    rows, surroundings = measure_all(session, names)
    note = busy_note(surroundings)
    print(f"\n{report.table(rows)}\n" + (f"\n{note}\n" if note else ""))
    stamp = about["date"].replace(":", "").replace("+0000", "Z").replace("-", "")
    files = [f"{stamp}.json"] + (["readme-latest.json"] if options.readme else [])
    kept = report.write_json({"machine": about, "versions": versions, "quick": options.quick,
                              "settings": options.settings, "surroundings": surroundings, "note": note,
                              "rows": [dataclasses.asdict(row) for row in rows]}, files)
    print("kept: " + ", ".join(str(path.relative_to(ROOT)) for path in kept))
    return EXIT_NOT_MEASURED if any(row.verdict in ("failed", "skipped") for row in rows) else 0


def main():
    options = parse_options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    session = Session(options)
    try:
        return run(options, session)
    except NotMeasured as reason:
        print(f"bench/run: {reason}", file=sys.stderr)
        return EXIT_NOT_MEASURED
    except KeyboardInterrupt:
        print("bench/run: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    finally:
        # Removing what was made must not be cut short by a second Ctrl-C.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        DataSet.forget(session)
        session.close()
