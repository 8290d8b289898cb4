"""Damage by hand in the data directory of a stopped server: the commands that name it, and what the server does."""
import contextlib
import json
import os
import subprocess
import time

import pytest
import spec_server

SECONDS_MAX = 60
OK, USAGE, DATA_DIRECTORY, DAMAGE = 0, 2, 5, 7
SEGMENT_HEADER_BYTES = 4096


def insula(*arguments, exits=OK, server=None):
    """With `server`, what it has in its environment, and its data directory."""
    clean = spec_server.clean_environment()
    if server is not None:
        clean |= server.environment
        arguments = (*arguments, "--data-dir", server.data_directory)
    run = subprocess.run([spec_server.binary(), *map(str, arguments)], env=clean, stdin=subprocess.DEVNULL,
                         capture_output=True, encoding="utf-8", timeout=SECONDS_MAX)
    assert run.returncode == exits, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run


def insula_json(*arguments, exits=OK, server=None):
    return json.loads(insula(*arguments, "--json", exits=exits, server=server).stdout)


@contextlib.contextmanager
def running(server):
    server.start()
    try:
        yield server
    finally:
        if not server.has_died():
            server.kill()


@pytest.fixture
def server():
    made = spec_server.Server(["--dev"])
    yield made
    made.close()


def write(server, source, *documents):
    body = "".join(json.dumps(d) + "\n" for d in documents).encode()
    status, _, answer = server.request("POST", f"/data/write?source_id={source}",
                                       {"Content-Type": "application/x-ndjson"}, body)
    assert status == 200, answer


def count(server, source):
    answer = server.json("POST", "/data/aggregate",
                         {"sources": [source], "aggregations": [{"type": "count", "alias": "n"}]})
    return answer["results"][0]["n"]


def flip(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def journal(server, verb, *arguments, exits=OK):
    return insula_json("journal", verb, *arguments, exits=exits, server=server)


def killed_with_three_writes(server):
    with running(server):
        for number, source in enumerate(["first", "second", "third"]):
            write(server, source, *({"n": n} for n in range(number + 1)))
    records = [r for r in journal(server, "inspect")["records"] if r["kind"] == "table_write"]
    assert [(r["source_id"], r["rows"]) for r in records] == [("first", 1), ("second", 2), ("third", 3)]
    return records


def segment_of(server, record):
    return server.data_directory / "journal" / record["stream"] / f"{record['segment']:08x}.seg"


def test_inspect_shows_the_records_that_pass_its_filters(server):
    records = killed_with_three_writes(server)
    second = journal(server, "inspect", "--source", "second")["records"]
    assert second == [records[1]]
    assert second[0]["tenant"] == "default_tenant"
    behind = journal(server, "inspect", "--from", records[1]["position"], "--tenant", "default_tenant")["records"]
    assert behind == records[1:]
    below = journal(server, "inspect", "--to", records[1]["position"], "--stream", records[0]["stream"], "--limit", 1)
    assert [r["kind"] for r in below["records"]] == ["probe"]
    assert "second" in insula("journal", "inspect", server=server).stdout
    unknown = insula("journal", "inspect", "--source", "nobody", exits=1, server=server)
    assert "nobody" in unknown.stderr


def test_a_running_servers_directory_and_none_at_all_are_refused(server, tmp_path):
    with running(server):
        refused = insula("journal", "verify", exits=DATA_DIRECTORY, server=server)
        assert "Another insula process uses" in refused.stderr
    (tmp_path / "text").write_text("not ours")
    insula("journal", "verify", "--data-dir", tmp_path, exits=DATA_DIRECTORY)
    assert os.listdir(tmp_path) == ["text"], "nothing is made where nothing was"
    insula("journal", "verify", exits=USAGE)
    insula("journal", "inspect", "--stream", "xyz", exits=USAGE, server=server)


def test_a_flipped_bit_in_the_journal_is_named_and_stops_the_start_until_it_is_salvaged(server):
    records = killed_with_three_writes(server)
    assert journal(server, "verify")["damage"] == []
    segment = segment_of(server, records[1])
    whole = segment.read_bytes()
    flip(segment, records[1]["offset"] + 112 + records[1]["body_bytes"] - 1, bit=3)
    damaged = segment.read_bytes()

    found = journal(server, "verify", exits=DAMAGE)["damage"]
    assert [(d["file"], d["offset"]) for d in found] == [(str(segment), records[1]["offset"])]
    with pytest.raises(spec_server.ServerError) as refused:
        server.start()
    assert "exit code 7" in str(refused.value)
    assert "insula journal salvage" in str(refused.value) and segment.name in str(refused.value)

    plan = journal(server, "salvage", exits=DAMAGE)
    assert [(r["certain"], r["record"]["source_id"], r["record"]["rows"]) for r in plan["lost_records"]] == [
        (True, "second", 2)]
    assert segment.read_bytes() == damaged and not plan["salvaged"], "nothing is changed without the flag"

    done = journal(server, "salvage", "--accept-loss")
    copy = server.data_directory / "journal" / f"damaged-{records[0]['stream']}-1"
    assert done["salvaged"][0]["copy"] == str(copy)
    assert (copy / segment.name).read_bytes() == damaged, "the original is kept as it was"
    assert journal(server, "verify")["damage"] == []
    with running(server):
        assert [count(server, s) for s in ("first", "second", "third")] == [1, 0, 3]
        write(server, "second", {"n": 1})
    with running(server):
        assert [count(server, s) for s in ("first", "second", "third")] == [1, 1, 3]
    assert whole != damaged


def test_a_lost_record_whose_rows_are_in_files_is_said_to_lose_nothing():
    server = spec_server.Server(["--dev"], config="tables:\n  flush_source_bytes: 1MiB\n")
    try:
        with running(server):
            write(server, "flushed", *({"n": n, "text": "x" * 500} for n in range(6000)))
            give_up = time.monotonic() + SECONDS_MAX
            while server.json("GET", "/sources/flushed/stats")["memtable_rows"] > 0:
                assert time.monotonic() < give_up
                time.sleep(0.02)  # between two looks; the deadline above ends it
            write(server, "other", {"n": 1})
        record = journal(server, "inspect", "--source", "flushed")["records"][0]
        assert record["in_files"]
        flip(segment_of(server, record), record["offset"] + 5000)
        lost = journal(server, "salvage", "--accept-loss")["lost_records"]
        assert [(r["record"]["source_id"], r["record"]["in_files"]) for r in lost] == [("flushed", True)]
        with running(server):
            assert (count(server, "flushed"), count(server, "other")) == (6000, 1)
    finally:
        server.close()


def verify(server, *arguments, exits=OK):
    return insula_json("verify", "--quiet", *arguments, exits=exits, server=server)


def test_a_flipped_bit_in_a_data_file_is_named_and_only_queries_that_need_the_file_fail(server):
    with running(server):
        for source in ("whole", "damaged"):
            server.json("POST", "/sources/add", {"source_id": source, "wal_enabled": False})
            write(server, source, *({"n": n, "text": f"text {n}"} for n in range(1000)))
        server.stop()
    report = verify(server, "--deep")
    assert report["sound"] and report["rows_read"] == 2000 and report["data_files"] == 2
    files = sorted(server.data_directory.glob("blob/t/*/s/*/*.parquet"))
    offset = files[1].stat().st_size // 3
    flip(files[1], offset, bit=5)
    found = verify(server, exits=DAMAGE)["findings"]
    assert [(f["severity"], f["file"], f["offset"], f["bytes"]) for f in found] == [
        ("damage", str(files[1].relative_to(server.data_directory)), offset, 1)]
    text = insula("verify", exits=DAMAGE, server=server).stdout
    assert f"offset {offset}: bit 5 is flipped" in text
    with running(server):
        refused = server.json("POST", "/data/search", {"sources": ["damaged"], "filters": {"text": {"eq": "text 9"}}})
        assert refused["error"]["code"] == "damaged_data"
        answer = server.json("POST", "/data/search", {"sources": ["whole"], "filters": {"n": {"eq": 9}}})
        assert [r["fields"]["text"] for r in answer["records"]] == ["text 9"]
    flip(files[1], offset, bit=5)
    assert verify(server)["sound"]


@pytest.mark.embedded_catalog("a server's own files are PostgreSQL's to check")
def test_a_flipped_bit_in_the_catalog_is_named_and_stops_the_start(server):
    with running(server):
        write(server, "orders", {"n": 1})
        server.stop()
    catalog = server.data_directory / "control.db"
    offset = catalog.stat().st_size - 1000
    flip(catalog, offset)
    found = verify(server, exits=DAMAGE)["findings"]
    assert ("control.db", offset) in [(f["file"], f["offset"]) for f in found]
    assert verify(server, exits=DAMAGE)["damages"] >= 1
    flip(catalog, 500)  # in the page of the schema
    with pytest.raises(spec_server.ServerError) as refused:
        server.start()
    assert "exit code 7" in str(refused.value) and "control.db" in str(refused.value)
    assert "insula verify" in str(refused.value)
    insula("verify", exits=USAGE)
