"""Journal files that nothing needs any longer: kept for a while, shown, checked, and never applied again."""
import contextlib
import pathlib
import time

import pytest
import spec_server
from test_damage import DAMAGE, count, flip, insula_json, journal, running, write

RECORD_HEADER_BYTES = 112
ROWS = 8_000
BATCH_ROWS = 500
KEPT_WITHIN_SECONDS = 10
# Rows go to files soon, in segments that fill up soon.
CONFIG = "journal: {{segment_bytes: 1MiB, flush_bytes: 4MiB, {}}}\ntables: {{flush_source_bytes: 1MiB}}\n"


def metric(server, name):
    _, _, text = server.request("GET", "/metrics")
    return next(float(line.split()[1]) for line in text.decode().splitlines() if line.startswith(name + " "))


def written_and_stopped(server, wait_until):
    with running(server):
        for first in range(0, ROWS, BATCH_ROWS):
            write(server, "orders", *({"n": first + i, "text": "x" * 1_000} for i in range(BATCH_ROWS)))
        give_up = time.monotonic() + KEPT_WITHIN_SECONDS
        while not wait_until(server):
            assert time.monotonic() < give_up, server.log_tail()
            time.sleep(0.02)  # between two looks; the deadline above ends it
        server.stop()
    assert journal(server, "verify")["damage"] == []
    return journal(server, "inspect", "--limit", "100")


@pytest.mark.parametrize("setting", ["retention: 1h", "retention_bytes: 3MiB"])
def test_segments_whose_rows_are_in_files_are_kept_and_not_applied_again(setting):
    with contextlib.closing(spec_server.Server(["--dev"], CONFIG.format(setting))) as server:
        report = written_and_stopped(server, lambda s: metric(s, "insula_journal_kept_bytes") > 2 << 20)
        kept = {(s["stream"], s["sequence"]): s for stream in report["streams"]
                for s in ({"stream": stream["stream"]} | segment for segment in stream["segments"]) if s["kept"]}
        assert len(kept) >= 3
        assert all(s["file"].endswith(".kept") for s in kept.values())
        if "bytes" in setting:
            assert sum(stream["kept_bytes"] for stream in report["streams"]) <= 3 << 20
        records = [r for r in report["records"] if (r["stream"], r["segment"]) in kept]
        assert records and all(r["in_files"] for r in records if r["kind"] == "table_write")

        # Damage of one is named, and keeps nobody from starting.
        victim = next(r for r in records if r["kind"] == "table_write")
        path = pathlib.Path(kept[victim["stream"], victim["segment"]]["file"])
        flip(path, victim["offset"] + RECORD_HEADER_BYTES)
        for found in (journal(server, "verify", exits=DAMAGE)["damage"],
                      insula_json("verify", exits=DAMAGE, server=server)["findings"]):
            assert [(d["file"].rpartition("/")[2], d["offset"]) for d in found] == [(path.name, victim["offset"])]
        with running(server):
            assert count(server, "orders") == ROWS


def test_without_retention_none_is_kept():
    with contextlib.closing(spec_server.Server(["--dev"], CONFIG.format("retention: 0s"))) as server:
        report = written_and_stopped(server, lambda s: metric(s, "insula_journal_bytes") < 4 << 20)
        assert sum(stream["kept"] for stream in report["streams"]) == 0
        with running(server):
            assert count(server, "orders") == ROWS
