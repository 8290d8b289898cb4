#!/usr/bin/env python3
"""Makes the golden data directories of the built server's version: see README.md.

    tests/golden/make.py [--into DIRECTORY]
"""
import argparse
import io
import json
import pathlib
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "spec"))
import spec_server  # noqa: E402

# Small segments, few of them kept; rows of the first start go to files, those of the second stay in the journal.
TO_FILES = "journal: {segment_bytes: 1MiB, retention_bytes: 2MiB}\ntables: {flush_source_bytes: 1B}\n"
TO_JOURNAL = "journal: {segment_bytes: 1MiB, retention_bytes: 2MiB}\n"
COMPRESSIONS = ("none", "snappy", "zstd", "lz4", "gzip")
KEY = "golden-key"
KEYED_BODY = json.dumps([{"n": 5000 + i, "text": "written under a key"} for i in range(3)])
ROWS_MAX = 10_000


def typed(n):
    """A row of each declared type; every seventh value is missing."""
    row = {"n": n, "f": n / 8, "s": f"text {n} \u00e4\u20ac\U0001f600", "b": n % 3 == 0, "d": f"20{n % 90 + 10}-02-28",
           "t": f"2024-06-0{n % 9 + 1}T12:34:56.{n:09d}Z", "j": {"list": [n, None, "x"]}}
    return {k: v for i, (k, v) in enumerate(row.items()) if k == "n" or (n + i) % 7}


def free(n):
    """What no schema foresaw: nested, lists, nulls, values of another kind, numbers that are too large."""
    kinds = [n, str(n), n % 2 == 0, None, [n], {"deep": {"er": n}}, 2**70 + n, -n / 3]
    return {"n": n, "mixed": kinds[n % len(kinds)], "a": {"b": {"c": n}}, "a.b": "beside", "_own": n,
            "big": 2**63 - n - 1}


def partitioned(n):
    return {"n": n, "region": ["north", "south", "", None][n % 4], "amount": n * 1.25}


class Builder:
    def __init__(self, server):
        self.server = server
        self.answers = {}

    def add(self, source, **options):
        status, _, body = self.server.request("POST", "/sources/add", {"Content-Type": "application/json"},
                                              json.dumps({"source_id": source} | options).encode())
        assert status in (200, 201), body

    def write(self, source, documents, key=None):
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        body = documents if isinstance(documents, str) else json.dumps(documents)
        status, _, answer = self.server.request("POST", f"/data/write?source_id={source}", headers, body.encode())
        assert status == 200, answer
        return json.loads(answer)

    def rows_for_files(self):
        self.add("typed", schema_definition={"n": "int64", "f": "float64", "s": "string", "b": "bool", "d": "date",
                                             "t": "timestamp", "j": "json"})
        self.write("typed", [typed(n) for n in range(200)])
        self.write("free", [free(n) for n in range(100)])
        self.add("partitioned", partition_columns=["region"], index_columns=["n"])
        self.write("partitioned", [partitioned(n) for n in range(100)])
        for compression in COMPRESSIONS:
            self.add(f"direct_{compression}", compression=compression, wal_enabled=False)
            self.write(f"direct_{compression}", [{"n": n, "text": f"row {n}" * 5} for n in range(50)])
        self.write("removed", [{"n": 1}])
        self.server.wait_for_files()
        self.server.request("DELETE", "/sources/removed")

    def rows_for_the_journal(self):
        self.write("typed", [typed(n) for n in range(200, 250)])
        self.write("free", [free(n) | {"later": n} for n in range(100, 150)])
        self.write("new", [{"n": n, "text": "only in the journal"} for n in range(20)])
        self.write("empty_then_widened", [{"n": 0, "v": 1}])
        self.write("empty_then_widened", [{"n": 1, "v": 1.5}])
        self.write("removed", [{"n": 2, "again": True}])
        self.server.request("DELETE", "/sources/removed")
        self.answers["keyed"] = self.write("new", KEYED_BODY, KEY)


def rows_of(server):
    """{source: its rows as fields and documents, by n}."""
    sources = sorted(s["source_id"] for s in server.json("GET", "/sources")["sources"])
    found = {}
    for source in sources:
        answer = server.json("POST", "/data/search", {"sources": [source], "include": ["document"], "limit": ROWS_MAX})
        rows = [{k: v for k, v in record.items() if k != "source_id"} for record in answer["records"]]
        found[source] = sorted(rows, key=lambda row: row["fields"]["n"])
    return found


def make(end, archive):
    """A data directory whose server ended in this way; what stood in it."""
    server = spec_server.Server(["--dev"], TO_FILES)
    try:
        server.start()
        builder = Builder(server)
        builder.rows_for_files()
        server.stop()
        (server.directory / "config.yaml").write_text(TO_JOURNAL, encoding="utf-8")
        server.start()
        builder.rows_for_the_journal()
        rows = rows_of(server)
        getattr(server, end)()
        archive.add(server.data_directory, arcname=end)
        return {"rows": rows, "keyed": builder.answers["keyed"]}
    finally:
        server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=pathlib.Path, default=HERE)
    into = parser.parse_args().into
    version = subprocess.run([spec_server.binary(), "--version"], check=True, capture_output=True,
                             text=True).stdout.split()[1]
    path = into / f"{version}.tar.xz"
    if path.exists():
        sys.exit(f"{path} is there already: what a released version wrote is not made anew")
    with tarfile.open(path, "w:xz") as archive:
        expected = {end: make(end, archive) for end in ("stop", "kill")}
        text = json.dumps(expected).encode()
        member = tarfile.TarInfo("expected.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB, "
          f"{sum(len(rows) for rows in expected['stop']['rows'].values())} rows each")


if __name__ == "__main__":
    main()
