"""Sources that show existing files: searched like any other, never written to, and no way out of what is allowed."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest
import spec_server
import spec_steps

HERE = pathlib.Path(__file__).resolve().parent
ORDERS = HERE / "data/orders.parquet"


@pytest.fixture(scope="module")
def server():
    """One server for all; `shared` and `more` are allowed, and so is a folder that holds the data directory."""
    server = spec_server.Server(("--dev",), "")
    shared, more = server.directory / "shared", server.directory / "more"
    shared.mkdir()
    more.mkdir()
    (server.directory / "config.yaml").write_text(
        f"server: {{allowed_data_roots: [{shared}, {more}, {server.directory}]}}\n", encoding="utf-8")
    with contextlib.closing(server):
        server.start()
        yield server


@pytest.mark.parametrize("point", ["tables.attach.read", "tables.attach.added", "tables.attach.committed"])
def test_a_kill_while_attaching_leaves_a_source_or_none(point):
    """Whole or not at all, whenever the server dies; what it had derived is not left behind."""
    server = spec_server.Server(("--dev",), "")
    shared = server.directory / "shared"
    shared.mkdir()
    (shared / "a.csv").write_text("id\n1\n2\n")
    shutil.copy(ORDERS, shared / "b.parquet")
    configuration = f"server: {{allowed_data_roots: [{shared}]FAIL}}\n"

    def configure(fail_points):
        text = configuration.replace("FAIL", f", fail_points: [{fail_points}]" if fail_points else "")
        (server.directory / "config.yaml").write_text(text, encoding="utf-8")

    with contextlib.closing(server):
        configure(point)
        server.start()
        add = {"source_id": "all", "connection_string": "file://*"}
        with pytest.raises(OSError):
            server.json("POST", "/sources/add", add)
        server.process.wait(30)
        configure(None)
        server.start()
        derived = list((server.data_directory / "blob").rglob("*.parquet"))
        assert bool(derived) == (point == "tables.attach.committed")
        sources = [s["source_id"] for s in server.json("GET", "/sources")["sources"]]
        assert sources == ([] if point == "tables.attach.read" else ["all"])
        if not sources:
            assert "rows" in server.json("POST", "/sources/add", add)
        answer = server.json("POST", "/data/search", {"sources": ["all"]})
        assert len(answer["records"]) == 5, answer
        assert server.json("GET", "/sources/all/stats")["rows"] == 5


class Client:
    """Requests of one test; its files stand in a folder of their own below `shared`."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.folder = server.directory / "shared" / name
        self.folder.mkdir()

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    def request(self, method, target, document=None):
        body = None if document is None else json.dumps(document).encode()
        status, _, answer = self.server.request(method, target, {"Content-Type": "application/json"}, body)
        assert not self.server.has_died()
        if status >= 400:
            text = answer.decode()
            sent = target + json.dumps(document)
            leaks = [m.group(0) for m in spec_steps.LEAKS.finditer(text) if m.group(0) not in sent]
            assert not leaks and str(self.server.directory) not in text.replace(sent, ""), text
        return status, json.loads(answer)

    def attach(self, address, source=None, **options):
        return self.request("POST", "/sources/add", {"source_id": source or self.name,
                                                     "connection_string": address, **options})

    def attached(self, address, source=None, **options):
        status, answer = self.attach(address, source, **options)
        assert status == 201, answer
        return answer

    def refused(self, address, code, status=422):
        got, answer = self.attach(address)
        assert (got, answer["error"]["code"]) == (status, code), answer
        return answer["error"]

    def search(self, source=None, **request):
        status, answer = self.request("POST", "/data/search", {"sources": [source or self.name], **request})
        assert status == 200, answer
        return [record["fields"] for record in answer["records"]]

    def fails(self, code, status, source=None):
        got, answer = self.request("POST", "/data/search", {"sources": [source or self.name]})
        assert (got, answer["error"]["code"]) == (status, code), answer
        return answer["error"]


@pytest.fixture
def client(server, request):
    return Client(server, request.node.name)


def test_files_of_each_format_are_searched_streamed_and_aggregated(client):
    shutil.copy(ORDERS, client.folder / "orders.parquet")
    client.put("a.json", '[{"id": 1, "city": {"name": "Bonn"}}, {"id": 2}]')
    client.put("b.ndjson", '{"id": 3}\n{"id": 4}\n')
    client.put("c.csv", "id,city\n5,Köln\n")
    for name in ("orders.parquet", "a.json", "b.ndjson", "c.csv"):
        answer = client.attached(f"file://{client.name}/{name}", source=name)
        assert answer["read_only"] is True and answer["rows"] > 0 and answer["schema"], answer
    assert client.search("a.json", order_by=["id"]) == [{"id": 1, "city": {"name": "Bonn"}}, {"id": 2}]
    assert client.search("c.csv") == [{"id": 5, "city": "Köln"}]
    status, listed = client.request("GET", "/sources")
    types = {s["source_id"]: s["schema"] for s in listed["sources"]}
    assert types["a.json"] == {"id": "int64", "city.name": "string"}
    status, answer = client.request("POST", "/data/aggregate", {
        "sources": ["a.json", "b.ndjson", "c.csv"], "filters": {"id": {"gte": 2}},
        "aggregations": [{"type": "count", "alias": "n"}, {"type": "sum", "column": "id", "alias": "sum"}]})
    assert (status, answer["results"]) == (200, [{"n": 4, "sum": 14}])
    status, _, stream = client.server.request(
        "POST", "/data/search/stream", {"Content-Type": "application/json"},
        json.dumps({"sources": ["orders.parquet", "b.ndjson"]}).encode())
    lines = [json.loads(line) for line in stream.splitlines()]
    assert len(lines) == 6 and "end" in lines[-1], lines
    assert lines[-1]["end"]["rows_returned"] == 5


def test_a_parquet_file_shows_what_it_shows_when_it_is_written(client):
    """The same file attached and sent as a body: the same records, columns and answers to filters."""
    shutil.copy(ORDERS, client.folder / "orders.parquet")
    client.attached(f"file://{client.name}/orders.parquet")
    status, _, _ = client.server.request("POST", f"/data/write?source_id={client.name}_own", {
        "Content-Type": "application/vnd.apache.parquet"}, ORDERS.read_bytes())
    assert status == 200
    everything = client.search()
    assert len(everything) == 3 and everything == client.search(f"{client.name}_own")
    for column in sorted({key for record in everything for key in record}):
        for record in everything:
            if column in record:
                asked = {"filters": {column: {"eq": record[column]}}, "columns": [column]}
                assert client.search(**asked) == client.search(f"{client.name}_own", **asked)
    own = client.request("GET", f"/sources/{client.name}_own/stats")[1]
    attached = client.request("GET", f"/sources/{client.name}/stats")[1]
    assert (attached["rows"], attached["columns"]) == (own["rows"], own["columns"])
    assert attached["bytes_stored"] == 0 and attached["files"] == 1


def test_directories_and_patterns_unite_files_by_name(client):
    client.put("a/1.csv", "id,n\n1,1\n")
    client.put("a/2.json", '{"id": 2, "n": 2.5, "more": true}')
    client.put("a/_temporary.csv", "broken,\n1\n")
    client.put("a/notes.txt", "nothing")
    client.put("a/deeper/3.csv", "id\n3\n")
    answer = client.attached(f"file://{client.name}/a", source=f"{client.name}_all")
    assert answer["schema"] == {"id": "int64", "n": "float64", "more": "bool"}
    assert client.search(f"{client.name}_all", order_by=["id"]) == [
        {"id": 1, "n": 1.0}, {"id": 2, "n": 2.5, "more": True}]
    client.attached(f"file://{client.name}/a/?.csv", source=f"{client.name}_some")
    assert client.search(f"{client.name}_some") == [{"id": 1, "n": 1}]


def test_absolute_and_encoded_addresses(client):
    client.put("with space & 100%.csv", "id\n7\n")
    path = client.folder / "with space & 100%.csv"
    client.attached(path.as_uri())
    assert client.search() == [{"id": 7}]


def test_writes_are_refused(client):
    client.put("a.csv", "id\n1\n")
    client.attached(f"file://{client.name}/a.csv", wal_enabled=False)
    for target, body in ((f"/data/write?source_id={client.name}", [{"id": 2}]),
                         ("/data/write", {"source_id": client.name, "records": [{"fields": {"id": 2}}]})):
        status, answer = client.request("POST", target, body)
        assert (status, answer["error"]["code"]) == (409, "source_read_only")
    assert client.search() == [{"id": 1}]


def test_settings_without_effect_are_said_to_have_none(client):
    client.put("a.csv", "id,day\n1,2024-01-15\n")
    answer = client.attached(f"file://{client.name}/a.csv", wal_enabled=False, index_columns=["id"],
                             schema_definition={"day": "date"})
    assert any("index_columns" in note for note in answer["notes"]), answer
    assert answer["schema"] == {"day": "date", "id": "int64"}
    plain = client.attached(f"file://{client.name}/a.csv", source=f"{client.name}_plain")
    assert not any("index_columns" in note for note in plain["notes"]), plain


def test_detaching_leaves_the_files(client):
    path = client.put("a.csv", "id\n1\n")
    shutil.copy(ORDERS, client.folder / "b.parquet")
    client.attached(f"file://{client.name}")
    assert client.request("DELETE", f"/sources/{client.name}")[0] == 200
    client.fails("source_not_found", 404)
    assert path.read_text() == "id\n1\n" and (client.folder / "b.parquet").read_bytes() == ORDERS.read_bytes()
    client.attached(f"file://{client.name}/a.csv")
    assert client.search() == [{"id": 1}]


def test_a_restart_keeps_them(client):
    client.put("a.csv", "id\n1\n")
    shutil.copy(ORDERS, client.folder / "b.parquet")
    client.attached(f"file://{client.name}/a.csv")
    client.attached(f"file://{client.name}/b.parquet", source=f"{client.name}_parquet")
    before = client.search(f"{client.name}_parquet")
    client.server.kill()
    client.server.start()
    assert client.request("GET", f"/sources/{client.name}/stats")[1]["rows"] == 1
    assert client.search() == [{"id": 1}]
    assert client.search(f"{client.name}_parquet") == before


def test_a_stopped_server_with_them_is_verified(client):
    """What stands outside is not missing in the data directory."""
    client.put("a.csv", "id\n1\n")
    client.put("empty.json", "[]")
    shutil.copy(ORDERS, client.folder / "b.parquet")
    client.attached(f"file://{client.name}")
    client.server.stop()
    done = subprocess.run([spec_server.binary(), "verify", "--data-dir", client.server.data_directory],
                          env=spec_server.clean_environment() | client.server.environment, capture_output=True,
                          encoding="utf-8", timeout=60, check=False)
    client.server.start()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(client.search()) == 4


def test_changes_are_seen_by_the_next_request(client):
    path = client.put("a.csv", "id\n1\n")
    client.attached(f"file://{client.name}")
    for i in range(2, 8):
        path.write_text(f"id\n{i}\n")
        assert client.search() == [{"id": i}]
    client.put("b.csv", "id\n100\n")
    assert client.search(order_by=["id"]) == [{"id": 7}, {"id": 100}]
    path.unlink()
    assert client.search() == [{"id": 100}]


def test_what_vanished_or_is_damaged_fails_alone(client):
    client.put("a.csv", "id\n1\n")
    shutil.copy(ORDERS, client.folder / "b.parquet")
    client.attached(f"file://{client.name}/a.csv")
    client.attached(f"file://{client.name}/b.parquet", source=f"{client.name}_parquet")
    client.request("POST", f"/data/write?source_id={client.name}_own", [{"id": 9}])
    (client.folder / "a.csv").unlink()
    (client.folder / "b.parquet").write_bytes(ORDERS.read_bytes()[:-20])
    error = client.fails("attachment_not_found", 409)
    assert f'"{client.name}"' in error["message"] and error["hint"]
    error = client.fails("attachment_unreadable", 409, f"{client.name}_parquet")
    assert '"b.parquet"' in error["message"]
    assert client.search(f"{client.name}_own") == [{"id": 9}]
    status, answer = client.request("POST", "/data/search", {"sources": [f"{client.name}_own", client.name]})
    assert (status, answer["error"]["code"]) == (409, "attachment_not_found")
    client.put("a.csv", "id\n2\n")
    assert client.search() == [{"id": 2}]
    # So that the tests that follow may ask all sources.
    for source in (client.name, f"{client.name}_parquet"):
        client.request("DELETE", f"/sources/{source}")


def test_damaged_parquet_does_not_end_the_server(client):
    """Each byte of a file wrong once, footer and all: an answer or an error, and the server goes on."""
    whole = ORDERS.read_bytes()
    path = client.put("a.parquet", whole)
    client.attached(f"file://{client.name}/a.parquet")
    seen = set()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
        status, answer = client.request("POST", "/data/search", {"sources": [client.name]})
        assert status == 200 or answer["error"]["code"].startswith("attachment_"), (at, answer)
        seen.add(status)
    assert seen == {200, 409}
    path.write_bytes(whole)
    assert len(client.search()) == 3


@pytest.mark.parametrize("address", [
    "file://../secret.csv", "file://x/../../secret.csv", "file://%2e%2e/secret.csv", "file://.%2E/secret.csv",
    "file://..%2fsecret.csv", "file://%2fetc%2fpasswd", "file:///etc/passwd", "file:///", "file://", "file://.",
    "file://..", "file:////etc//passwd", "file://secret.csv%00.csv", "file://secret.csv\0.csv",
    "file:///proc/self/environ",
    "file:///dev/zero", "file://*/secret.csv", "file://" + "a/" * 500, "file://" + "x" * 4000 + ".csv", "file://%",
    "file://nothing/here.csv", "file://nothing"])
def test_no_address_leads_out(server, address):
    (server.directory / "secret.csv").write_text("secret\nvalue\n")
    client = Client.__new__(Client)
    client.server, client.name = server, "attack"
    # The same answer, to the letter, as for what is not there.
    absent = client.refused("file://certainly/not/there.csv", "attachment_not_found")
    error = client.refused(address, "attachment_not_found")
    assert (error["message"], error["hint"]) == (absent["message"], absent["hint"])


def test_links_pipes_devices_and_folders_are_not_there(client):
    secret = client.server.directory.parent / f"{client.server.directory.name}-secret.csv"
    secret.write_text("secret\nvalue\n")
    try:
        (client.folder / "link.csv").symlink_to(secret)
        (client.folder / "up").symlink_to(secret.parent)
        os.mkfifo(client.folder / "pipe.csv")
        (client.folder / "folder.csv").mkdir()
        for name in ("link.csv", f"up/{secret.name}", "up", "pipe.csv", "folder.csv", "*.csv", ""):
            client.refused(f"file://{client.name}/{name}", "attachment_not_found")
        # One that becomes a link later is no way out either.
        client.put("a.csv", "id\n1\n")
        client.attached(f"file://{client.name}/a.csv")
        assert client.search() == [{"id": 1}]
        (client.folder / "a.csv").unlink()
        (client.folder / "a.csv").symlink_to(secret)
        client.fails("attachment_not_found", 409)
    finally:
        secret.unlink()
        client.request("DELETE", f"/sources/{client.name}")


def test_the_servers_own_directory_is_not_there(client):
    """It lies below an allowed folder here; blobs, journal and catalog are nobody's to attach."""
    own = client.server.data_directory
    (own / "tmp" / "planted.csv").write_text("id\n1\n")
    for address in (f"file://{own}/tmp/planted.csv", "file://data/tmp/planted.csv", "file://data/tmp", "file://data"):
        client.refused(address, "attachment_not_found")
    (own / "tmp" / "planted.csv").unlink()


def test_other_schemes_are_not_available(client):
    for address in ("s3://bucket/a.parquet", "http://127.0.0.1/a.csv", "postgres://u:geheim@h/d", "sales", "file:a.csv"):
        error = client.refused(address, "connection_not_available")
        assert "file://" in error["hint"] and "geheim" not in json.dumps(error)


def test_what_is_too_much_is_said_with_its_limit(client):
    for i in range(1001):
        client.put(f"many/{i}.csv", "id\n1\n")
    error = client.refused(f"file://{client.name}/many", "attachment_too_large")
    assert "1000" in error["message"]
    with open(client.put("large.csv", "id\n"), "ab") as file:
        file.truncate((1 << 30) + 1)  # sparse
    error = client.refused(f"file://{client.name}/large.csv", "attachment_too_large")
    assert "1024 MiB" in error["message"]


def test_malformed_files_are_refused_with_the_place(client):
    client.put("a.csv", "id\n1\n2,3\n")
    error = client.refused(f"file://{client.name}/a.csv", "attachment_unreadable")
    assert '"a.csv"' in error["message"] and "byte 5" in error["message"]
    client.put("a.json", '[{"id": 1}, {"id": }]')
    error = client.refused(f"file://{client.name}/a.json", "attachment_unreadable")
    assert '"a.json"' in error["message"]
    client.put("a.parquet", b"PAR1")
    client.refused(f"file://{client.name}/a.parquet", "attachment_unreadable")
    client.fails("source_not_found", 404)


def test_the_command_line_attaches(client):
    client.put("a.csv", "id\n1\n2\n")
    environment = spec_server.clean_environment()
    done = subprocess.run(
        [spec_server.binary(), "source", "add", client.name, "--connection-string", f"file://{client.name}/a.csv",
         "--output", "json"],
        env=environment | {"INSULA_SERVER": f"http://127.0.0.1:{client.server.port}"},
        capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 2
    assert client.search(order_by=["id"]) == [{"id": 1}, {"id": 2}]
