"""What the server holds, from the system and from its own metrics: what a run must give back."""
import os
import pathlib
import re
import time

SETTLE_SECONDS_MAX = 30
LOOK_SECONDS = 0.1
LOOKS_AT_REST = 5


def descriptors(pid):
    """{descriptor: what it is}."""
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[entry.name] = os.readlink(entry)
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def sockets(pid):
    return sum(target.startswith("socket:") for target in descriptors(pid).values())


def deleted_files(pid):
    return sorted(target for target in descriptors(pid).values() if target.endswith(" (deleted)"))


def threads(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def gauges(server):
    """{name: value} of the metrics without labels."""
    status, _, body = server.request("GET", "/metrics")
    assert status == 200, body
    return {name: float(value) for name, value in re.findall(r"^(\w+) ([0-9.e+-]+)$", body.decode(), re.MULTILINE)}


def at_rest(count):
    """The least of some looks: what was closed a moment ago may still be there at the first."""
    least = count()
    for _ in range(LOOKS_AT_REST):
        time.sleep(LOOK_SECONDS)  # between two looks
        least = min(least, count())
    return least


def settled(look, seconds_max):
    """Looks until nothing is wrong; gives what is wrong in the end."""
    give_up = time.monotonic() + seconds_max
    while True:
        problems = look()
        if not problems or time.monotonic() > give_up:
            return problems
        time.sleep(LOOK_SECONDS)  # between two looks; the line above ends them
