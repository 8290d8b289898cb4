"""A disk that fills up and has room again: refused in time, read all along, resumed by itself, nothing lost."""
import contextlib
import errno
import json
import os
import pathlib
import subprocess
import tempfile
import time

import pytest
import spec_server

DISK_BYTES = 192 << 20
RESERVE_BYTES = 48 << 20
REFUSED_WITHIN_SECONDS = 1
RESUMED_WITHIN_SECONDS = 10
BATCH_ROWS = 500
CONFIG = f"""
server: {{disk_reserve: {RESERVE_BYTES}}}
journal: {{segment_bytes: 4MiB, flush_bytes: 16MiB}}
tables: {{flush_source_bytes: 2MiB}}
"""


@pytest.fixture(scope="module")
def small_disk():
    """A folder on a small file system of its own."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="insula-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", directory],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        directory.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield directory
    subprocess.run(["umount", directory], check=True)
    directory.rmdir()


@pytest.fixture
def server(small_disk):
    server = spec_server.Server(("--dev",), CONFIG)
    server.data_directory = small_disk / "data"
    with contextlib.closing(server):
        server.start()
        yield server
    for path in small_disk.iterdir():
        subprocess.run(["rm", "-rf", path], check=True)


LEAVE_ATTEMPTS = 20


class Ballast:
    """A file beside the data directory that takes all of the disk but a part."""

    def __init__(self, directory):
        self.path = directory / "ballast"

    def leave(self, bytes_left):
        """The server may take some of it between the look and the taking: then both are done again."""
        for attempt in range(LEAVE_ATTEMPTS):
            self.remove()
            space = os.statvfs(self.path.parent)
            size = space.f_bavail * space.f_bsize - bytes_left
            try:
                with open(self.path, "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError as problem:
                if problem.errno != errno.ENOSPC or attempt + 1 == LEAVE_ATTEMPTS:
                    raise

    def remove(self):
        self.path.unlink(missing_ok=True)


class Writer:
    """Writes batches and remembers how many rows were acknowledged."""

    def __init__(self, server, source):
        self.server = server
        self.source = source
        self.acknowledged = 0

    def write(self, key=None, first=None):
        first = self.acknowledged if first is None else first
        rows = [{"number": first + i, "text": "x" * 200} for i in range(BATCH_ROWS)]
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        status, answered, body = self.server.request(
            "POST", f"/data/write?source_id={self.source}", headers, json.dumps(rows).encode())
        document = json.loads(body)
        if status == 200 and not document["duplicate"]:
            self.acknowledged += BATCH_ROWS
        return status, answered, document

    def write_until(self, wanted, seconds_max):
        """Writes until an answer has the wanted status; returns how long that took."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds_max:
            if self.write()[0] == wanted:
                return time.monotonic() - begin
        raise AssertionError(f"no {wanted} from {self.source} within {seconds_max} s")

    def stored(self):
        answer = self.server.json("POST", "/data/aggregate", {
            "sources": [self.source],
            "aggregations": [{"type": "count", "alias": "rows"}, {"type": "count_distinct", "column": "number",
                                                                  "alias": "numbers"}]})
        return answer["results"][0]["rows"], answer["results"][0]["numbers"]

    def check(self):
        assert self.stored() == (self.acknowledged, self.acknowledged)


def test_writes_are_refused_at_the_reserve_and_resume(server, small_disk):
    ballast, writer = Ballast(small_disk), Writer(server, "events")
    assert writer.write("first")[0] == 200
    ballast.leave(RESERVE_BYTES - (1 << 20))
    assert writer.write_until(507, 5) < REFUSED_WITHIN_SECONDS

    status, headers, answer = writer.write()
    assert status == 507
    assert answer["error"]["code"] == "disk_full"
    assert "resume" in answer["error"]["hint"]
    assert str(small_disk) not in json.dumps(answer)
    status, _, answer = writer.write("first", 0)
    assert (status, answer["duplicate"]) == (200, True), "a retry of what is stored is answered"
    status, _, _ = server.request("POST", "/sources/add", {"Content-Type": "application/json"},
                                  b'{"source_id": "another"}')
    assert status == 507

    writer.check()
    details = server.json("GET", "/health/details")
    assert details["disk"]["status"] == "full"
    assert server.is_healthy(), "reads go on, so the node stays in service"

    ballast.remove()
    assert writer.write_until(200, 30) < RESUMED_WITHIN_SECONDS
    writer.check()
    assert server.json("GET", "/health/details")["disk"]["status"] == "ok"


def test_a_disk_without_a_byte_left_loses_nothing(server, small_disk):
    """Another program takes the reserve as well: flushes and the journal meet a full disk."""
    ballast, writers = Ballast(small_disk), [Writer(server, f"source_{i}") for i in range(4)]
    for round_number in range(3):
        for writer in writers:
            for _ in range(10):  # the journal may still be waiting to try for room again
                writer.write_until(200, RESUMED_WITHIN_SECONDS)
        ballast.leave(0)
        for writer in writers:
            writer.write_until(507, 10)
        for writer in writers:
            writer.check()
        if round_number == 1:
            server.kill()
            ballast.remove()
            server.start()
        ballast.remove()
        for writer in writers:
            assert writer.write_until(200, 30) < RESUMED_WITHIN_SECONDS
            writer.check()
    server.stop()
    server.start()
    for writer in writers:
        writer.check()
