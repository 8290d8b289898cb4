"""How a server starts and refuses to start: its key, its directory, its configuration, its exit codes."""
import contextlib
import gzip
import json
import re
import socket
import subprocess
import time

import pytest
import spec_server

SECONDS_MAX = 60
FAILURE, USAGE, CONFIGURATION, PORT, DATA_DIRECTORY = 1, 2, 3, 4, 5
KEY = re.compile(r"^\s*(insula_[\w-]{43})\s*$", re.M)


def environment(**more):
    return spec_server.clean_environment() | more


def insula(*arguments, exits=0, **more):
    run = subprocess.run([spec_server.binary(), *map(str, arguments)], env=environment(**more),
                         stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=SECONDS_MAX)
    assert run.returncode == exits, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run


@contextlib.contextmanager
def new_server(arguments=(), config=None):
    with contextlib.closing(spec_server.Server(arguments, config)) as server:
        yield server


def status(server, key, path="/health/details"):
    return server.request("GET", path, {"Authorization": f"Bearer {key}"})[0]


def test_a_first_start_that_fails_leaves_the_key_to_the_next_one():
    with new_server() as server, socket.socket() as taken:
        offset = spec_server.free_port_offset()
        taken.bind(("127.0.0.1", 8000 + offset))
        taken.listen()
        failed = insula("serve", "--data-dir", server.data_directory, "--port-offset", offset, exits=PORT,
                        **server.environment)
        assert not KEY.search(failed.stderr), "it opens nothing"
        server.start()
        assert status(server, server.administrator_key()) == 200
        assert status(server, server.owner_key(), "/sources") == 200


def test_a_lost_key_is_replaced_on_a_stopped_server():
    with new_server() as server:
        server.start()
        lost, owner = server.administrator_key(), server.owner_key()
        in_use = insula("key", "reset", "--data-dir", server.data_directory, exits=DATA_DIRECTORY, **server.environment)
        assert "Another insula process" in in_use.stderr and in_use.stdout == ""
        server.stop()
        key = insula("key", "reset", "--data-dir", server.data_directory, **server.environment).stdout
        assert re.fullmatch(r"insula_[\w-]{43}\n", key), "for scripts: the key and nothing else"
        server.start()
        assert (status(server, lost), status(server, key.strip())) == (401, 200)
        assert status(server, owner, "/sources") == 200, "of a tenant, which is not the administrator's"
        assert len(KEY.findall(server.log_path.read_text())) == 2, "a start shows no key where there is one"


def test_a_key_is_not_made_where_there_is_no_data(tmp_path):
    refused = insula("key", "reset", "--data-dir", tmp_path / "none", exits=DATA_DIRECTORY)
    assert "holds no insula data" in refused.stderr
    assert not (tmp_path / "none").exists()


def test_a_directory_of_somebody_else_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    refused = insula("serve", "--dev", "--data-dir", tmp_path, exits=DATA_DIRECTORY)
    assert "thesis.txt" in refused.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("arguments", [
    ("serve", "--config", "no_such_file.yaml"), ("serve", "--env-file", "no_such_file.env"), ("serve", "--config", "/"),
    ("config", "print", "--config", "no_such_file.yaml"), ("config", "check", "--env-file", "no_such_file.env")])
def test_a_configuration_that_cannot_be_read_has_the_exit_code_of_configurations(arguments):
    run = insula(*arguments, exits=CONFIGURATION)
    assert arguments[-1] in run.stderr + run.stdout


@pytest.mark.parametrize("arguments", [
    ("serve", "--data-dir", ""), ("serve", "--config", ""), ("config", "print", "--port-offset", ""),
    ("verify", "--data-dir", ""), ("key", "reset", "--data-dir", "")])
def test_a_value_that_is_given_and_empty_is_not_taken_for_none(arguments):
    assert f"insula: {arguments[-2]}: is given and empty." in insula(*arguments, exits=USAGE).stderr


def access_lines(server):
    lines = [json.loads(line) for line in server.log_path.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["module"] == "access"]


def test_an_access_log_that_is_off_stays_off_whatever_the_level():
    with new_server(["--dev"], "monitoring:\n  access_log: false\n") as server:
        server.start()
        server.request("PUT", "/admin/log-level", {"Content-Type": "application/json"}, b'{"level": "debug"}')
        server.request("GET", "/sources")
        server.stop()
        assert access_lines(server) == []


def test_what_is_refused_before_it_is_a_request_can_be_found_in_the_log():
    with new_server(["--dev"]) as server:
        server.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS_MAX) as connection:
            connection.sendall(b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        request_id = json.loads(body)["error"]["request_id"]
        assert f"X-Request-Id: {request_id}".encode() in head and head.startswith(b"HTTP/1.1 400 ")
        server.stop()
        found = [line for line in access_lines(server) if line["request_id"] == request_id]
        assert len(found) == 1 and found[0]["status"] == 400 and found[0]["bytes_out"] == len(body)
        assert found[0]["duration_us"] < 1e6 * SECONDS_MAX


def test_the_modules_of_the_log_are_the_folders_of_the_source():
    layers = (spec_server.ROOT / "src/LAYERS").read_text().split("owners:")[0]
    folders = re.findall(r"^([a-z/]+):", layers, re.M)
    run = insula("config", "check", "--log-level", "nonsense=info", exits=CONFIGURATION)
    modules = re.search(r"Modules: ([a-z, ]+)\.", run.stdout + run.stderr).group(1).split(", ")
    assert sorted(modules) == sorted({folder.split("/")[-1] for folder in folders} | {"access"})


# ---- memory that clients hold

MEMORY = """
server:
  answer_memory: 32MiB
  request_memory: 8MiB
  body_bytes_max: 8MiB
  stall_timeout: 60s
"""
PAGE = 12 << 20
DOCUMENTS = 10_000


def metric(server, name):
    text = server.request("GET", "/metrics")[2].decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def wait_until(condition):
    give_up = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)  # between two looks; the deadline above ends it


def send_and_hold(server, held, request):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(request)
    held.enter_context(connection)


def post(target, body, more=""):
    return (f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def test_pages_that_clients_do_not_take_are_counted_and_bounded():
    query = json.dumps({"limit": DOCUMENTS}).encode()
    with new_server(["--dev"], MEMORY) as server, contextlib.ExitStack() as held:
        server.start()
        for half in range(2):
            rows = [{"text": "x" * (PAGE // DOCUMENTS), "i": i} for i in range(half, DOCUMENTS, 2)]
            assert server.request("POST", "/data/write?source_id=a", {"Content-Type": "application/json"},
                                  json.dumps(rows).encode())[0] == 200
        for count in (1, 2):
            send_and_hold(server, held, post("/data/search", query))
            wait_until(lambda: metric(server, "insula_answer_bytes") > count * PAGE)
        refused = server.request("POST", "/data/search", {"Content-Type": "application/json"}, query)
        assert refused[0] == 429 and json.loads(refused[2])["error"]["code"] == "memory_exhausted"
        small = server.request("POST", "/data/search", {"Content-Type": "application/json"}, b'{"limit": 1}')
        assert small[0] == 200, "small pages need none"
        held.close()
        wait_until(lambda: metric(server, "insula_answer_bytes") == 0)
        taken = server.request("POST", "/data/search", {"Content-Type": "application/json"}, query)
        assert taken[0] == 200 and len(taken[2]) > PAGE


@pytest.mark.parametrize("coding", ["gzip", "chunked"])
def test_bodies_are_counted_as_what_they_become(coding):
    text = b'[{"a": "' + b"x" * (5 << 20) + b'"}]'
    if coding == "gzip":
        packed = gzip.compress(text)
        cut = post("/data/write?source_id=a", packed, "Content-Encoding: gzip\r\n")[:-1]
    else:
        cut = (b"POST /data/write?source_id=a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(text):x}\r\n".encode() + text)
    with new_server(["--dev"], MEMORY) as server, contextlib.ExitStack() as held:
        server.start()
        send_and_hold(server, held, cut)
        wait_until(lambda: metric(server, "insula_request_body_bytes") >= 5 << 20)
        refused = server.request("POST", "/data/write?source_id=a", {"Content-Type": "application/json"}, text)
        assert refused[0] == 429 and json.loads(refused[2])["error"]["code"] == "memory_exhausted"
        held.close()
        wait_until(lambda: metric(server, "insula_request_body_bytes") == 0)
        assert server.request("POST", "/data/write?source_id=a", {"Content-Type": "application/json"}, text)[0] == 200
