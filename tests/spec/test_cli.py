"""The command line against a running server: the real binary, its output, its exit codes."""
import contextlib
import json
import os
import pty
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
import spec_server

SECONDS_MAX = 60
OK, FAILURE, USAGE = 0, 1, 2
ORDERS = [
    {"order_id": "A1", "amount": 150.5, "country": "DE", "customer": {"name": "Zoë"}, "paid": True},
    {"order_id": "A2", "amount": 50.0, "country": "FR", "customer": {"name": "漢字"}, "paid": False},
    {"order_id": "A3", "amount": 300.0, "country": "DE", "note": "two\nlines \x1b[31mred"},
]


def ndjson(documents):
    return "".join(json.dumps(d) + "\n" for d in documents)


def environment(port, **more):
    clean = spec_server.clean_environment()
    return clean | {"INSULA_SERVER": f"http://127.0.0.1:{port}"} | more


class CommandLine:
    """Runs `insula ARGUMENTS` against one server."""

    def __init__(self, server):
        self.server = server

    def __call__(self, *arguments, text=None, exits=OK, port=None, **more):
        run = subprocess.run([spec_server.binary(), *arguments], env=environment(port or self.server.port, **more),
                             input=text, stdin=None if text is not None else subprocess.DEVNULL,
                             capture_output=True, encoding="utf-8", timeout=SECONDS_MAX)
        assert run.returncode == exits, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
        return run

    def out(self, *arguments, **keywords):
        return self(*arguments, **keywords).stdout

    def json(self, *arguments, **keywords):
        return json.loads(self.out(*arguments, "--output", "json", **keywords))

    def rows(self, source):
        answer = self.json("aggregate", source, "--agg", "count::n")
        return answer["results"][0]["n"]


@contextlib.contextmanager
def running(arguments):
    server = spec_server.Server(arguments)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server():
    with running(["--dev"]) as started:
        yield started


@pytest.fixture(scope="module")
def insula(server):
    return CommandLine(server)


@pytest.fixture
def source(insula, request):
    """A source of this test's own, with the orders in it."""
    name = re.sub(r"\W", "_", request.node.name)
    insula("write", name, "-", text=ndjson(ORDERS))
    return name


def test_ndjson_from_standard_input_is_written(insula):
    answer = insula.json("write", "from_stdin", "-", text=ndjson(ORDERS))
    assert (answer["source_id"], answer["rows"], answer["batches"]) == ("from_stdin", 3, 1)
    assert insula.rows("from_stdin") == 3
    assert insula.json("write", "from_stdin", text=ndjson(ORDERS))["rows"] == 3, "without - too"


def test_the_format_comes_from_the_files_ending(insula, tmp_path):
    (tmp_path / "a.ndjson").write_text('{"a": 1}\n{"a": 2}\n')
    (tmp_path / "b.json").write_text('[{"a": 3}]')
    (tmp_path / "c.csv").write_text('a,t\n4,"x\ny"\n')
    (tmp_path / "d.tsv").write_text("a\tt\n5\tz\n")
    files = [str(tmp_path / name) for name in ("a.ndjson", "b.json", "c.csv", "d.tsv")]
    assert insula.json("write", "formats", *files)["rows"] == 5
    parquet = str(spec_server.ROOT / "tests/spec/data/orders.parquet")
    assert insula.json("write", "formats_parquet", parquet)["rows"] == 3
    assert insula.json("aggregate", "formats", "--agg", "sum:a:s")["results"] == [{"s": 15}]
    (tmp_path / "e.txt").write_text("a\n1\n")
    assert "does not tell its format" in insula("write", "formats", str(tmp_path / "e.txt"), exits=USAGE).stderr
    assert insula.json("write", "formats", str(tmp_path / "e.txt"), "--format", "csv")["rows"] == 1


def late_text(rows):
    """A CSV whose last rows say what its columns are: the first batches alone would make them numbers."""
    last = rows - 1
    return "id,zip,\"a:b,c\",flag,price,big\n" + "".join(
        f"{i},{'00501' if i == last else 10000 + i},{'x' if i == last else 7},{'maybe' if i == last else 'true'},"
        f"{i if i < last else i + .5},{2**53 + 1 if i < last else .5}\n" for i in range(rows))


LATE_SCHEMA = {"id": "int64", "zip": "string", "a:b,c": "string", "flag": "string", "price": "float64",
               "big": "float64"}


@pytest.mark.parametrize("way", ["file", "pipe", "redirected"])
def test_a_csv_columns_type_is_that_of_all_rows_not_of_the_first_batch(insula, tmp_path, way):
    path = tmp_path / "late.csv"
    path.write_text(late_text(2000))
    source = f"late_{way}"
    arguments = ["write", source, "--format", "csv", "--batch-bytes", "4KiB", "--output", "json"]
    if way == "file":
        answer = insula.out(*arguments, str(path))
    elif way == "pipe":
        answer = insula.out(*arguments, text=path.read_text())
    else:
        with open(path, "rb") as file:
            answer = subprocess.run([spec_server.binary(), *arguments], env=environment(insula.server.port), stdin=file,
                                    capture_output=True, check=True, timeout=SECONDS_MAX).stdout
    written = json.loads(answer)
    assert written["rows"] == 2000 and written["batches"] > 10
    assert insula.json("source", "show", source)["source"]["schema"] == LATE_SCHEMA
    found = insula.json("search", source, "--filter", 'zip="00501"')["records"]
    assert [record["fields"]["id"] for record in found] == [1999]
    assert len(insula.json("search", source, "--filter", 'zip prefix 10', "--limit", "3000")["records"]) > 900


def test_rows_far_down_a_pipe_that_make_a_column_another_are_warned_of(insula):
    filler = "x" * 100_000
    rows = [f"{10000 + i},{filler}" for i in range(700)] + ["00501,y"]  # 70 MB: more than is held
    run = insula("write", "far", "-", "--format", "csv", text="zip,filler\n" + "\n".join(rows) + "\n")
    assert "zip:string" in run.stderr and "insula source add far --column" in run.stderr
    assert insula.rows("far") == 701
    assert insula.json("source", "show", "far")["source"]["schema"]["zip"] == "int64"


def test_borders_of_batches_change_nothing(insula, tmp_path):
    """The same input in one batch and in many: the same columns, the same rows."""
    seed = os.environ.get("INSULA_TEST_SEED") or str(random.randrange(10**9))
    print(f"seed {seed}")
    chance = random.Random(seed)
    pools = [["1", "-2", "30"], ["1", "2.5"], ["true", "false"], ["1", "007"], ["x", "2"], ["true", "1"],
             ["", "5", '""'], ["9007199254740993", "1.5"]]
    columns = [chance.choice(pools) for _ in range(6)]
    rare = [chance.choice(["", "x", "1.5", "true", "9"]) for _ in columns]
    lines = [",".join(f"c{i}" for i in range(len(columns)))]
    for _ in range(400):
        lines.append(",".join(rare[i] if chance.random() < .01 else chance.choice(pool[:1] * 9 + pool)
                              for i, pool in enumerate(columns)))
    path = tmp_path / "random.csv"
    path.write_text("\n".join(line for line in lines if line.strip(",")) + "\n")
    loaded = []
    for name, size in (("whole", "8MiB"), ("parts", "1KiB")):
        insula("write", f"borders_{name}", str(path), "--batch-bytes", size, "-q")
        schema = insula.json("source", "show", f"borders_{name}")["source"]["schema"]
        rows = insula.json("search", f"borders_{name}", "--limit", "1000", "--filters", "{}")["records"]
        loaded.append((schema, sorted(json.dumps(row["fields"], sort_keys=True) for row in rows)))
    assert loaded[0] == loaded[1]


def test_large_input_goes_in_batches_and_a_second_run_with_its_key_writes_nothing_twice(insula, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("id,text\n" + "".join(f'{i},"line {i}\nand ""more"""\n' for i in range(2000)))
    arguments = ("write", "many", str(path), "--batch-bytes", "4KiB", "--key", "load-7")
    first = insula.json(*arguments)
    assert first["rows"] == 2000 and first["batches"] > 10 and first["duplicate_batches"] == 0
    second = insula.json(*arguments)
    assert second["duplicate_batches"] == second["batches"] == first["batches"]
    assert insula.rows("many") == 2000
    found = insula.json("search", "many", "--filter", "id=1999")
    assert found["records"][0]["fields"]["text"] == 'line 1999\nand "more"'


def test_a_refused_batch_says_where_it_stands_and_how_to_go_on(insula, tmp_path):
    path = tmp_path / "bad.ndjson"
    path.write_text('{"a": 1}\n' * 200 + '{"a": \n')
    run = insula("write", "partly", str(path), "--batch-bytes", "1KiB", exits=FAILURE)
    assert run.stdout == ""
    assert "the batch of bytes " in run.stderr and "malformed_json" in run.stderr
    written = insula.rows("partly")
    assert 0 < written < 200
    assert f"{written} rows were written before" in run.stderr
    key = re.search(r"--key (\S+)", run.stderr).group(1)
    path.write_text('{"a": 1}\n' * 200)
    assert insula.json("write", "partly", str(path), "--batch-bytes", "1KiB", "--key", key)["rows"] == 200
    assert insula.rows("partly") == 200


class LosingProxy:
    """Stands before the server, and cuts off each answer to a write whose number it was given."""

    def __init__(self, port, lost):
        self.port_behind = port
        self.lost = set(lost)
        self.writes = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self.port_behind)) as behind:
                self.pass_on(client, behind)

    def pass_on(self, client, behind):
        while request := self.message(client):
            behind.sendall(request)
            answer = self.message(behind)
            self.writes += 1
            if self.writes in self.lost:
                return
            client.sendall(answer)

    @staticmethod
    def message(connection):
        """One head with its body of Content-Length; empty at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := connection.recv(65536)):
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def test_a_batch_whose_answer_was_lost_is_sent_again_and_applied_once(insula, server):
    proxy = LosingProxy(server.port, lost={1, 3})
    with proxy.listener:
        answer = insula.json("write", "lossy", "-", "--batch-bytes", "1KiB", text='{"a": 1}\n' * 500, port=proxy.port)
    assert answer["rows"] == 500 and answer["duplicate_batches"] == 2
    assert proxy.writes == answer["batches"] + 2
    assert insula.rows("lossy") == 500


def test_a_load_goes_on_over_a_crash_of_the_server():
    with running(["--dev"]) as server:
        insula = CommandLine(server)
        insula("write", "survivor", "-", text='{"a": 1}\n')
        process = subprocess.Popen([spec_server.binary(), "write", "survivor", "-", "--batch-bytes", "64KiB",
                                    "--output", "json"], env=environment(server.port), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            half = b'{"a": 1}\n' * 120_000  # more than the client reads at once, so that it sends a part of it
            process.stdin.write(half)
            process.stdin.flush()
            give_up = time.monotonic() + SECONDS_MAX
            while insula.rows("survivor") == 1:
                assert time.monotonic() < give_up
            server.kill()
            # Beside the start: the client takes more only when it got rid of what it has.
            more = threading.Thread(target=process.stdin.write, args=(half,))
            more.start()
            assert server.start_once()
            more.join(SECONDS_MAX)
            output, said = process.communicate(timeout=SECONDS_MAX)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == OK, said
        assert json.loads(output)["rows"] == 240_000
        assert insula.rows("survivor") == 240_001


def test_an_empty_input_is_no_error_and_is_said(insula):
    run = insula("write", "nothing", "-", text="")
    assert "standard input holds no rows" in run.stderr


def test_a_search_is_a_table_for_people(insula, source):
    table = insula.out("search", source, "--order-by", "-amount", "--columns", "order_id,amount,note")
    assert table.splitlines() == [
        "order_id  amount  note",
        "--------  ------  ------------------------",
        "A3         300.0  two\\nlines \\u001b[31mred",
        "A1         150.5",
        "A2          50.0",
    ]
    narrow = insula.out("search", source, COLUMNS="40")
    assert max(len(line) for line in narrow.splitlines()) <= 40 and "…" in narrow


def test_a_search_is_json_ndjson_and_csv_for_programs(insula, server, source):
    answer = insula.json("search", source, "--limit", "2", "--order-by", "order_id", "--document")
    assert [r["fields"] for r in answer["records"]] == ORDERS[:2]
    assert [r["document"] for r in answer["records"]] == ORDERS[:2]
    assert answer["stats"]["rows_returned"] == 2
    lines = [json.loads(line) for line in insula.out("search", source, "--output", "ndjson").splitlines()]
    assert [sorted(line) for line in lines] == [["record"]] * 3 + [["end"]]
    csv = insula.out("search", source, "--columns", "order_id,amount", "--order-by", "order_id", "--output", "csv")
    assert csv.split() == ["order_id,amount", "A1,150.5", "A2,50.0", "A3,300.0"]


def test_filters_are_expressions_or_json_and_all_must_hold(insula, source):
    def found(*arguments):
        records = insula.json("search", source, "--order-by", "order_id", *arguments)["records"]
        return [r["fields"]["order_id"] for r in records]

    assert found("--filter", "amount>=100") == ["A1", "A3"]
    assert found("--filter", "amount>=100", "--filter", "paid=true") == ["A1"]
    assert found("--filter", "country in (FR, IT) or note is not null") == ["A2", "A3"]
    assert found("--filter", "customer.name='漢字'") == ["A2"]
    assert found("--filter", "not (amount between 100 and 200)") == ["A2", "A3"]
    assert found("--filters", '{"amount": {"lt": 200}}', "--filter", "country=DE") == ["A1"]


def test_a_stream_has_every_row(insula):
    insula("write", "streamed", "-", text="".join(f'{{"i": {i}}}\n' for i in range(2500)))
    assert len(insula.out("search", "streamed", "--stream").splitlines()) == 2502
    csv = insula.out("search", "streamed", "--stream", "--columns", "i", "--output", "csv").split()
    assert csv[0] == "i" and sorted(map(int, csv[1:])) == list(range(2500))
    lines = insula.out("search", "streamed", "--stream", "--output", "ndjson").splitlines()
    assert len(lines) == 2501 and '"end"' in lines[-1]
    assert len(insula.out("search", "streamed").splitlines()) == 102, "a page has 100 rows"


def test_several_sources_show_where_a_row_is_from(insula, source):
    insula("write", "second", "-", text='{"order_id": "B1"}\n')
    table = insula.out("search", source, "second", "--columns", "order_id", "--order-by", "order_id")
    assert table.split()[:2] == ["(source)", "order_id"]
    assert ["second", "B1"] in [line.split() for line in table.splitlines()]


def test_an_aggregate_groups_filters_and_orders(insula, source):
    arguments = ("aggregate", source, "--agg", "count::orders", "--agg", "sum:amount:revenue", "--group-by",
                 "country", "--order-by", "-revenue")
    assert insula.json(*arguments)["results"] == [
        {"country": "DE", "orders": 2, "revenue": 450.5}, {"country": "FR", "orders": 1, "revenue": 50.0}]
    assert insula.json(*arguments, "--having", "revenue>100")["results"] == [
        {"country": "DE", "orders": 2, "revenue": 450.5}]
    assert insula.out(*arguments).splitlines() == [
        "country  orders  revenue", "-------  ------  -------", "DE            2    450.5", "FR            1     50.0"]
    assert insula.out(*arguments, "--output", "csv").split() == ["country,orders,revenue", "DE,2,450.5", "FR,1,50.0"]
    lines = insula.out(*arguments, "--output", "ndjson").splitlines()
    assert json.loads(lines[1]) == {"country": "FR", "orders": 1, "revenue": 50.0}


def test_times_are_grouped_in_buckets(insula):
    insula("source", "add", "events", "--column", "at:timestamp")
    insula("write", "events", "-", text="".join(
        f'{{"at": "2024-01-15T{hour:02}:{minute:02}:00Z"}}\n' for hour in (10, 11) for minute in (0, 30, 59)))
    answer = insula.json("aggregate", "events", "--agg", "count::n", "--group-by", "at:1h:hour", "--order-by", "hour")
    assert answer["results"] == [{"hour": "2024-01-15T10:00:00Z", "n": 3}, {"hour": "2024-01-15T11:00:00Z", "n": 3}]


def test_sources_are_added_listed_shown_and_removed(insula):
    added = insula.json("source", "add", "zips", "--column", "zip:string", "--column", "at:datetime64[ns]",
                        "--compression", "snappy", "--name", "Zip codes")
    assert added["schema"] == {"zip": "string", "at": "timestamp"} and added["compression"] == "snappy"
    again = insula("source", "create", "zips", exits=FAILURE)
    assert "(source_exists, request " in again.stderr
    assert "zips" in [s["source_id"] for s in insula.json("source", "list")["sources"]]
    assert "Zip codes" in insula.out("source", "list")
    shown = insula.json("source", "show", "zips")
    assert shown["source"]["schema"]["zip"] == "string" and shown["stats"]["rows"] == 0
    assert insula.json("source", "remove", "zips")["removed"] is True
    assert insula("source", "delete", "zips", exits=FAILURE).stdout == ""


def test_a_source_may_have_any_name(insula):
    insula("write", "a/b c?&é", "-", text='{"a": 1}\n')
    assert insula.json("source", "show", "a/b c?&é")["stats"]["rows"] == 1
    assert insula.json("source", "remove", "a/b c?&é")["removed"] is True


def test_status_shows_health_and_statistics(insula, source):
    status = insula.json("status")
    assert status["health"]["status"] == "ok" and status["tenant"]["rows"] >= 3
    assert "default_tenant" in insula.out("status")
    lines = insula.out("status", "--output", "csv").splitlines()
    assert lines[0] == "about,property,value" and "health,disk.status,ok" in lines


def test_program_and_server_say_their_version_and_build(insula):
    status = insula.json("status")
    version, build = status["health"]["version"], status["health"]["build"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version) and re.fullmatch(r"[a-z,]+", build)
    assert status["connection"]["client_version"] == version
    assert insula.out("--version") == f"insula {version} ({build})\n"


def test_the_log_level_changes_while_the_server_runs(insula):
    assert insula.json("log-level", "info,tables=debug") == {"level": "info,tables=debug"}
    assert insula.json("log-level") == {"level": "info,tables=debug"}
    assert "invalid" in insula("log-level", "loud", exits=FAILURE).stderr
    insula("log-level", "info,tables=info")


@pytest.mark.parametrize("arguments,said", [
    ([], "subcommand is required"),
    (["serch"], 'There is no command "serch"'),
    (["source", "lst"], "Commands: add, list, show, remove"),
    (["search", "--filter", "amount>"], "expected a value"),
    (["search", "--filters", "[1]"], "JSON object"),
    (["search", "--limit", "many"], '--limit: must be a whole number from 0 on; it is "many".'),
    (["search", "--limit", "-1"], 'it is "-1".'),
    (["search", "--offset", "010"], 'it is "010".'),
    (["search", "--limit"], "--limit needs a value."),
    (["search", "a", "--dta", "--limt=3"], 'insula search does not take "--dta", "--limt=3".'),
    (["source", "show", "a", "--dta"], 'insula source show does not take "--dta".'),
    (["write", "a", "--batch-bytes", "8 miles"], "--batch-bytes"),
    (["search", "--output", "xml"], "--output"),
    (["search", "--server", "https://"], "names no host"),
    (["search", "--server", "https://127.0.0.1", "--client-cert", "cert.pem"], "go together"),
    (["search", "--server", "http://127.0.0.1:port"], "has no port number behind its colon."),
    (["search", "--server", "http://127.0.0.1:99999"], "a port that is not between 1 and 65535."),
    (["search", "--server", "http://127.0.0.1:1/foo"], "has a path"),
    (["aggregate"], "--agg"),
    (["aggregate", "--agg", "sum:a:b:c"], "TYPE[:COLUMN[:ALIAS]]"),
    (["write"], "source is required"),
    (["write", "a", "-", "--batch-bytes", "1"], "--batch-bytes"),
    (["source", "add", "a", "--column", "b"], "NAME:TYPE"),
    (["demo"], "--standalone"),
    (["demo", "--rest", "--standalone"], "excludes"),
])
def test_wrong_arguments_end_with_2_and_say_what_is_wrong(insula, arguments, said):
    run = insula(*arguments, exits=USAGE)
    assert said in run.stderr and run.stdout == ""
    assert re.fullmatch(r"insula: .+[.?]\n", run.stderr, re.DOTALL), "one form, and whole sentences"


@pytest.mark.parametrize("command", ["config", "grant", "journal", "key", "policy", "role", "service-account", "source",
                                     "tenant", "user"])
def test_the_help_of_a_group_of_commands_has_examples_of_its_own(insula, command):
    examples = insula.out(command, "--help").partition("Examples:\n")[2].splitlines()
    assert examples and examples[0].startswith(f"  insula {command} ")


def test_the_help_names_values_as_people_write_them(insula):
    assert "--batch-bytes SIZE " in insula.out("write", "--help")


def test_a_number_beyond_a_double_is_read_back(insula):
    insula("write", "beyond", "-", text='{"x": 1e999}\n')
    assert "1e999" in insula.out("search", "beyond", "--document", "--output", "json")
    for more in ((), ("--stream",)):
        assert "1e999" in insula.out("search", "beyond", "--document", *more)


def test_failures_end_with_1_and_name_code_and_request(insula):
    for arguments, code in ((["search", "no_such_source"], "source_not_found"),
                            (["search", "no_such_source", "--output", "csv"], "source_not_found"),
                            (["search", "no_such_source", "--stream"], "source_not_found"),
                            (["aggregate", "no_such_source", "--agg", "count"], "source_not_found"),
                            (["source", "show", "no_such_source"], "source_not_found")):
        run = insula(*arguments, exits=FAILURE)
        assert run.stdout == ""
        assert re.fullmatch(rf"insula: .+ \({code}, request [0-9a-f]+\)\n", run.stderr), run.stderr
    assert "cannot_read_file" in insula("write", "a", "no_such_file.csv", exits=FAILURE).stderr


def test_where_nobody_listens_it_says_how_to_start_a_server(insula):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    began = time.monotonic()
    for arguments in (["search", "a"], ["write", "a", "-"], ["status"]):
        run = insula(*arguments, text='{"a": 1}\n', port=port, exits=FAILURE)
        assert "insula serve" in run.stderr and "(connection_refused)" in run.stderr and run.stdout == ""
    assert time.monotonic() - began < SECONDS_MAX / 2, "it is said at once"


def test_what_is_no_insula_server_is_told_apart(insula):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")
        thread = threading.Thread(target=answer)
        thread.start()
        run = insula("search", "a", "--output", "csv", port=listener.getsockname()[1], exits=FAILURE)
        thread.join()
    assert run.stdout == "" and "unexpected_answer" in run.stderr


def test_a_stream_that_is_cut_off_is_a_failure(insula):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
                                   b'{"record":{"source_id":"a","fields":{"a":1}}}\n')
        thread = threading.Thread(target=answer)
        thread.start()
        run = insula("search", "a", "--stream", port=listener.getsockname()[1], exits=FAILURE)
        thread.join()
    assert "answer_cut_off" in run.stderr and "1" in run.stdout, "what came is shown"


def test_the_key_comes_from_the_environment_alone():
    with running([]) as server:
        insula = CommandLine(server)
        key = server.owner_key()
        refused = insula("source", "list", exits=FAILURE)
        assert "unauthenticated" in refused.stderr and "INSULA_API_KEY" in refused.stderr
        assert "unauthenticated" in insula("source", "list", INSULA_API_KEY=key[:-1] + "!", exits=FAILURE).stderr
        insula("write", "kept", "-", text='{"a": 1}\n', INSULA_API_KEY=key)
        assert insula.json("search", "kept", INSULA_API_KEY=key)["records"][0]["fields"] == {"a": 1}
        assert insula.json("search", "--tenant", "default_tenant", INSULA_API_KEY=key)["stats"]["rows_returned"] == 1
        other = insula("search", "--tenant", "somebody_else", INSULA_API_KEY=key, exits=FAILURE)
        assert other.stdout == ""
        insula("source", "list", "--key", key, INSULA_API_KEY=key, exits=USAGE)


def test_the_demo_runs_on_its_own_and_against_a_server(insula, tmp_path):
    for arguments in (["--standalone"], ["--rest"]):
        run = insula("demo", *arguments, TMPDIR=str(tmp_path))
        assert run.stdout.endswith("Every answer is what was written.\n")
        for request in ("POST /sources/add", "POST /data/write", "POST /data/search", "POST /data/aggregate"):
            assert request in run.stdout
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"
    assert not [s for s in insula.json("source", "list")["sources"] if "sales_data" in s["source_id"]]


def test_ctrl_c_ends_a_load_at_once(insula, server):
    """On a terminal, where the progress line has to be ended first."""
    terminal, behind = pty.openpty()
    process = subprocess.Popen([spec_server.binary(), "write", "interrupted", "-", "--batch-bytes", "1KiB"],
                               env=environment(server.port), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=behind)
    os.close(behind)
    try:
        process.stdin.write(b'{"a": 1}\n' * 120_000)  # what the reader takes at once, and no more
        process.stdin.flush()
        shown = b""
        while b"rows" not in shown:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS_MAX) == -signal.SIGINT
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        os.close(terminal)


def test_output_that_cannot_be_written_is_a_failure(insula, source):
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run([spec_server.binary(), "search", source], env=environment(insula.server.port),
                             stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=SECONDS_MAX)
    assert run.returncode == FAILURE and b"cannot_write_output" in run.stderr


def documented_commands():
    """(command, lines that it prints) of each console block of the reference page."""
    page = (spec_server.ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def test_the_session_of_the_reference_page_is_what_happens(insula, tmp_path):
    commands = list(documented_commands())
    assert len(commands) > 5
    assert commands[0][0] == "cat orders.ndjson"
    (tmp_path / "orders.ndjson").write_text(commands[0][1], encoding="utf-8")
    (tmp_path / "insula").symlink_to(spec_server.binary().resolve())
    for command, output in commands:
        run = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, capture_output=True,
                             env=environment(insula.server.port, PATH=f"{tmp_path}:{os.environ['PATH']}"),
                             stdin=subprocess.DEVNULL, encoding="utf-8", timeout=SECONDS_MAX)
        assert (run.returncode, run.stdout) == (0, output), f"{command}\n{run.stderr}"
