"""Damage of stored data under a running server: found in the background, said where an operator looks, never served."""
import contextlib
import json
import time

import pytest
import spec_server
from test_damage import DAMAGE, count, flip, insula_json, running, write

FOUND_WITHIN_SECONDS = 20
PAGE_BYTES = 4096
FAST = "scrub: {bytes_per_second: 1GiB, interval: 1s}\njournal: {segment_bytes: 1MiB, flush_bytes: 4MiB}\n"


def scrub(server):
    return server.json("GET", "/health/details")["scrub"]


def wait_until(server, holds):
    give_up = time.monotonic() + FOUND_WITHIN_SECONDS
    while not holds(scrub(server)):
        assert time.monotonic() < give_up, f"{scrub(server)}\n{server.log_tail()}"
        time.sleep(0.05)  # between two looks; the deadline above ends it


def metrics(server):
    _, _, text = server.request("GET", "/metrics")
    return {line.split()[0]: float(line.split()[1])
            for line in text.decode().splitlines() if line.startswith("insula_scrub")}


def damage_said(server):
    lines = [json.loads(line) for line in server.log_path.read_text().splitlines() if line.startswith("{")]
    return [(line["file"], line["offset"]) for line in lines if line["message"] == "scrub: stored data is damaged"]


@pytest.fixture
def server():
    with contextlib.closing(spec_server.Server(["--dev"], FAST)) as made:
        yield made


def with_two_files(server):
    """Sources "whole" and "damaged", a data file each that no query has read; the second file's path."""
    for source in ("whole", "damaged"):
        server.json("POST", "/sources/add", {"source_id": source, "wal_enabled": False})
        write(server, source, *({"n": n, "text": f"text {n}"} for n in range(1000)))
    return sorted(server.data_directory.glob("blob/t/*/s/*/*.parquet"))[1]


def test_a_flipped_bit_in_a_data_file_of_a_running_server_is_found_and_never_served(server):
    with running(server):
        path = with_two_files(server)
        wait_until(server, lambda s: s["last_pass"])
        assert (scrub(server)["status"], scrub(server)["damage"]) == ("ok", [])
        offset = path.stat().st_size // 3
        flip(path, offset, bit=5)
        wait_until(server, lambda s: s["damaged_files"])
        name = str(path.relative_to(server.data_directory))
        assert scrub(server)["status"] == "damaged"
        assert scrub(server)["damage"] == [f"{name}: offset {offset}: bit 5 is flipped (frame 0)"]
        assert damage_said(server) == [(name, str(offset))]
        assert metrics(server)["insula_scrub_damaged_files"] == 1
        assert metrics(server)["insula_scrub_last_pass_timestamp_seconds"] > time.time() - FOUND_WITHIN_SECONDS

        assert server.json("GET", "/health")["status"] == "ok", "it goes on"
        query = {"sources": ["damaged"], "filters": {"text": {"eq": "text 9"}}}
        assert server.json("POST", "/data/search", query)["error"]["code"] == "damaged_data"
        assert count(server, "whole") == 1000

        # Said once, however often it is read; and no longer once it is whole again.
        before = metrics(server)["insula_scrub_bytes_total"]
        wait_until(server, lambda s: metrics(server)["insula_scrub_bytes_total"] > 2 * before)
        assert len(damage_said(server)) == 1
        flip(path, offset, bit=5)
        wait_until(server, lambda s: s["status"] == "ok")
        assert server.json("POST", "/data/search", query)["records"]
        flip(path, offset, bit=5)
        server.stop()
    found = insula_json("verify", "--quiet", exits=DAMAGE, server=server)["findings"]
    assert [(f["file"], f["offset"]) for f in found] == [(name, offset)], "the same as a verification says"


def test_damage_of_the_journal_is_found_and_writing_is_none(server):
    with running(server):
        write(server, "orders", {"n": 1})
        server.stop()
    segment = next(server.data_directory.glob("journal/*/00000000.seg"))
    with running(server):
        wait_until(server, lambda s: s["last_pass"])
        flip(segment, 4096 + 120 + 130)
        give_up = time.monotonic() + FOUND_WITHIN_SECONDS
        number = 0
        while not scrub(server)["damaged_files"]:
            assert time.monotonic() < give_up, server.log_tail()
            number += 1
            write(server, "orders", *({"n": n, "text": "x" * 100} for n in range(1 + number % 300)))
        # The segment may be one that is kept by now.
        name = str(segment.relative_to(server.data_directory)).removesuffix(".seg")
        assert {(file[:len(name)], offset) for file, offset in damage_said(server)} == {(name, "4216")}
        assert all(what.startswith(name) and ": offset 4216: " in what for what in scrub(server)["damage"])


@pytest.mark.embedded_catalog("the pages are PostgreSQL's to look after")
def test_damage_of_the_catalog_is_found_while_it_is_written(server):
    with running(server):
        write(server, "orders", {"n": 1})
        server.stop()
    catalog = server.data_directory / "control.db"
    pages = range(PAGE_BYTES, catalog.stat().st_size, PAGE_BYTES)
    with running(server):
        # Pages that the log has anew are not read from the file.
        for page in pages:
            flip(catalog, page + 100)
        wait_until(server, lambda s: s["damaged_files"])
        said = {int(offset) for file, offset in damage_said(server) if file == "control.db"}
        assert said and said <= {page + 100 for page in pages}
        for page in pages:
            flip(catalog, page + 100)
        wait_until(server, lambda s: s["status"] == "ok")
        number = 0
        passes = scrub(server)["last_pass"]
        while scrub(server)["last_pass"] == passes:
            number += 1
            server.json("POST", "/sources/add", {"source_id": f"source_{number}"})
        assert scrub(server)["status"] == "ok", "what is written meanwhile is no damage"


def test_a_slow_one_keeps_no_stop_waiting(server):
    server.close()
    slow = FAST.replace("1GiB", "1KiB")
    with contextlib.closing(spec_server.Server(["--dev"], slow)) as server, running(server):
        with_two_files(server)
        wait_until(server, lambda s: metrics(server)["insula_scrub_bytes_total"])
        assert scrub(server)["last_pass"] is None
        server.stop()


def test_without_a_rate_there_is_none(server):
    server.close()
    with contextlib.closing(spec_server.Server(["--dev"], "scrub: {bytes_per_second: 0}\n")) as server, running(server):
        assert scrub(server) == {"status": "off", "damaged_files": 0, "last_pass": None, "damage": []}
