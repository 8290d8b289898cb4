"""A server whose catalog is on PostgreSQL: whose catalog it is, and what is answered while PostgreSQL is away."""
import json
import shutil
import subprocess
import time

import pytest
import spec_postgres
import spec_server

pytestmark = pytest.mark.own_catalog
EXIT_CONFIGURATION, EXIT_DATA_DIRECTORY, EXIT_FAILURE = 3, 5, 1
SECONDS_MAX = 30
COMMAND_SECONDS = 1.0


@pytest.fixture(scope="module")
def postgres():
    if missing := spec_postgres.why_not():
        pytest.skip(missing)
    server = spec_postgres.Postgres(tcp=True)
    yield server
    server.close()


@pytest.fixture
def running(postgres):
    """PostgreSQL runs whatever the test before did to it."""
    postgres.start_if_stopped()
    return postgres


@pytest.fixture
def started():
    """Starts servers with an environment, and ends them."""
    servers = []

    def start(environment):
        servers.append(spec_server.Server(environment=environment))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(running, started):
    return started(running.environment() | {"INSULA_CATALOG_COMMAND_TIMEOUT": f"{COMMAND_SECONDS}s"})


def write(server, source, *documents, key=None):
    """Returns (status, answer)."""
    body = "".join(json.dumps(document) + "\n" for document in documents).encode()
    headers = {"Content-Type": "application/x-ndjson"} | ({"Idempotency-Key": key} if key else {})
    status, answered, answer = server.request("POST", f"/data/write?source_id={source}", headers, body)
    if status == 503:
        assert int(answered["retry-after"]) > 0
    return status, json.loads(answer)


def code(answer):
    return answer[0], answer[1]["error"]["code"]


def count(server, source):
    answer = server.json("POST", "/data/aggregate",
                         {"sources": [source], "aggregations": [{"type": "count", "alias": "n"}]})
    return answer["results"][0]["n"]


def refuses_to_start(data_directory, environment):
    """(exit code, what it says)."""
    clean = spec_server.clean_environment() | environment
    ended = subprocess.run([spec_server.binary(), "serve", "--dev", "--data-dir", data_directory, "--port-offset",
                            str(spec_server.free_port_offset())], env=clean, stdin=subprocess.DEVNULL,
                           capture_output=True, encoding="utf-8", timeout=SECONDS_MAX, check=False)
    return ended.returncode, ended.stderr


def within_seconds(expected, look):
    give_up = time.monotonic() + SECONDS_MAX
    while (found := look()) != expected:
        assert time.monotonic() < give_up, found
        time.sleep(0.02)  # between two looks; the deadline above ends it


def test_the_keys_of_a_configuration_file_are_enough(running, started):
    server = started({"INSULA_DATABASE_TYPE": "postgresql", "DB_HOST": "localhost", "DB_PORT": str(running.port),
                      "DB_NAME": "postgres", "DB_USER": "insula", "INSULA_CATALOG_SCHEMA": "by_keys"})
    assert write(server, "orders", {"n": 1})[0] == 200
    assert not (server.data_directory / "control.db").exists()
    assert running.sql("SELECT source_id FROM by_keys.sources WHERE source_id = 'orders'") == "orders"


def test_a_directory_and_a_catalog_belong_to_each_other(running, server, tmp_path):
    write(server, "orders", {"n": 1})
    server.stop()
    another = refuses_to_start(tmp_path, server.environment)
    assert another[0] == EXIT_DATA_DIRECTORY and "belongs to another data directory" in another[1]
    empty = refuses_to_start(server.data_directory, running.environment())
    assert empty[0] == EXIT_DATA_DIRECTORY and "is empty" in empty[1]
    embedded = refuses_to_start(server.data_directory, {})
    assert embedded[0] == EXIT_DATA_DIRECTORY and "INSULA_CATALOG_URL" in embedded[1]
    assert server.start_once()
    assert count(server, "orders") == 1


def test_of_two_servers_on_copies_of_a_directory_the_later_one_owns_the_catalog(server, started):
    write(server, "orders", {"n": 1})
    later = spec_server.Server(environment=server.environment)
    shutil.copytree(server.data_directory, later.data_directory)
    try:
        later.start()
        within_seconds((503, "node_fenced"), lambda: fenced(write(server, "orders", {"n": 2})))
        assert code(write(server, "new", {"n": 2})) == (503, "node_fenced")
        assert server.request("DELETE", "/sources/orders")[0] == 503
        assert server.request("GET", "/sources")[0] == 503
        assert server.request("GET", "/health")[0] == 503
        assert server.json("GET", "/health/details")["catalog"] == "fenced"
        assert write(later, "orders", {"n": 3}, key="k")[0] == 200
        assert count(later, "orders") == 2
    finally:
        later.close()
    server.stop()


def fenced(answer):
    return code(answer) if answer[0] != 200 else answer[0]


def start_without_postgresql(running, server):
    """Until it says that it waits."""
    server.stop()
    running.stop()
    server.process = subprocess.Popen(
        [spec_server.binary(), "serve", "--dev", "--data-dir", server.data_directory, "--port-offset",
         str(server.offset)],
        env=spec_server.clean_environment() | server.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(server.log_path, "ab"),
        preexec_fn=spec_server.end_with_parent)
    within_seconds(True, lambda: "waiting for the catalog" in server.log_path.read_text())


def test_a_start_waits_for_postgresql(running, server):
    start_without_postgresql(running, server)
    running.start()
    within_seconds(True, server.is_healthy)
    assert write(server, "orders", {"n": 1})[0] == 200


def test_a_start_that_waits_ends_when_it_is_told_to(running, server):
    start_without_postgresql(running, server)
    server.stop()


def test_a_start_that_has_waited_long_enough_names_the_server(running, tmp_path):
    environment = running.environment() | {"INSULA_CATALOG_START_TIMEOUT": "0s"}
    running.stop()
    ended = refuses_to_start(tmp_path, environment)
    assert ended[0] == EXIT_FAILURE and "catalog.url" in ended[1] and str(running.directory) in ended[1]


def test_a_url_that_is_none_is_refused_and_never_shown(tmp_path):
    ended = refuses_to_start(tmp_path, {"INSULA_CATALOG_URL": "mysql://u:hidden@db/c"})
    assert ended[0] == EXIT_CONFIGURATION and "hidden" not in ended[1]


def test_while_postgresql_is_away_only_what_needs_it_waits(running, server):
    write(server, "orders", {"n": 1}, key="first")
    server.json("POST", "/sources/add", {"source_id": "direct", "wal_enabled": False})
    running.stop()
    began = time.monotonic()
    assert code(write(server, "direct", {"n": 1})) == (503, "catalog_unavailable")
    assert code(write(server, "new", {"n": 1})) == (503, "catalog_unavailable")
    status, _, _ = server.request("DELETE", "/sources/direct")
    assert status == 503
    assert time.monotonic() - began < 10 * COMMAND_SECONDS
    assert write(server, "orders", {"n": 2}, key="second")[0] == 200
    assert write(server, "orders", {"n": 1}, key="first")[1]["duplicate"]
    assert count(server, "orders") == 2
    assert server.json("GET", "/health/details")["catalog"] == "unreachable"
    running.start()
    within_seconds(200, lambda: write(server, "new", {"n": 1})[0])
    assert write(server, "direct", {"n": 1})[0] == 200
    assert (count(server, "new"), count(server, "direct"), count(server, "orders")) == (1, 1, 2)
    server.kill()
    assert server.start_once()
    assert (count(server, "new"), count(server, "direct"), count(server, "orders")) == (1, 1, 2)


def test_sessions_that_an_administrator_ends_are_not_noticed(running, server):
    for number in range(10):
        running.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'insula catalog'")
        assert write(server, f"source{number}", {"n": 1})[0] == 200
    assert len(server.json("GET", "/sources")["sources"]) >= 10


def test_verification_reads_the_catalog_where_it_is(running, server):
    write(server, "orders", {"n": 1})
    server.stop()
    words = [spec_server.binary(), "verify", "--json", "--quiet", "--data-dir", server.data_directory]
    clean = spec_server.clean_environment()
    found = subprocess.run(words, env=clean | server.environment, capture_output=True, encoding="utf-8",
                           timeout=SECONDS_MAX, check=True)
    assert json.loads(found.stdout)["sound"] and json.loads(found.stdout)["sources"] == 1
    nowhere = subprocess.run(words, env=clean, capture_output=True, encoding="utf-8", timeout=SECONDS_MAX, check=False)
    assert nowhere.returncode == EXIT_DATA_DIRECTORY and "INSULA_CATALOG_URL" in nowhere.stderr
    running.stop()
    away = subprocess.run(words, env=clean | server.environment, capture_output=True, encoding="utf-8",
                          timeout=SECONDS_MAX, check=False)
    assert away.returncode == EXIT_FAILURE and away.stdout == ""
