"""Tests of the harness itself: it has to see a difference where there is one.

A small server of Python stands in for the real one and gives answers that are wrong in a known way.
"""
import http.server
import json
import threading

import pytest
import spec_match
import spec_server
import spec_steps


def load(text):
    return spec_match.yaml.load(text, spec_match.Loader)


@pytest.mark.parametrize("expected,actual", [
    ("{a: 1}", {"a": 1, "b": 2}),
    ("[1, [2, x]]", [1, [2, "x"]]),
    ("!any", None),
    ("!text 'b+'", "abbc"),
    ("!number", 1.5),
    ("!integer", 15),
    ("!at_least 3", 3),
    ("!at_most 3", 2.5),
    ("!approx 0.1", 0.1 + 1e-12),
    ("!length 2", [1, 2]),
    ("!unordered [{a: 1}, {a: 2}]", [{"a": 2}, {"a": 1}]),
    ("!exact {a: !any }", {"a": None}),
    ("{a: !absent }", {"b": 1}),
    ("2024-01-15", "2024-01-15"),
    ("1.0", 1.0),
])
def test_what_fits_is_accepted(expected, actual):
    assert list(spec_match.compare(load(expected), actual)) == []


@pytest.mark.parametrize("expected,actual", [
    ("{a: 1}", {"b": 1}),
    ("{a: 1}", {"a": 2}),
    ("{a: 1}", {"a": 1.0}),
    ("{a: 1}", {"a": True}),
    ("{a: 1}", [1]),
    ("[1]", [1, 2]),
    ("[1, 2]", [1]),
    ("[1, 2]", [2, 1]),
    ("null", 0),
    ("1.0", 1),
    ("!text x", "abc"),
    ("!text 1", 1),
    ("!integer", 1.5),
    ("!integer", True),
    ("!number", "1"),
    ("!at_least 3", 2),
    ("!at_most 3", 4),
    ("!approx 0.1", 0.1001),
    ("!length 2", [1]),
    ("!unordered [1, 1]", [1, 2]),
    ("!unordered [1]", [1, 1]),
    ("!exact {a: 1}", {"a": 1, "b": 2}),
    ("!exact {a: 1}", {}),
    ("{a: !absent }", {"a": None}),
])
def test_what_differs_is_reported(expected, actual):
    assert list(spec_match.compare(load(expected), actual)) != []


def test_repeat_and_join_build_large_bodies():
    assert load("!join ['{', !repeat {text: 'c{i}', times: 3, between: ','}, '}']") == "{c0,c1,c2}"


class Canned(http.server.BaseHTTPRequestHandler):
    answer = (200, {}, b"{}")

    def do_POST(self):  # noqa: N802, the name is given by http.server
        status, headers, body = type(self).answer
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *arguments):
        pass


@pytest.fixture
def run(tmp_path):
    """Runs one step against a server that gives the canned answer."""
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canned)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    class Stand(spec_server.Server):
        def __init__(self):
            self.directory = tmp_path
            self.log_path = tmp_path / "log"
            self.offset = listener.server_port - 8000

        def has_died(self):
            return False

        def is_healthy(self):
            return True

    def run(answer, step, settled=False):
        Canned.answer = answer
        runner = spec_steps.Runner(Stand(), {"source": "orders"}, settled)
        runner.run([{"request": "POST /data/search", "json": {}, **load(step)}])
        return runner.variables

    yield run
    listener.shutdown()
    listener.server_close()
    thread.join()


JSON = {"Content-Type": "application/json"}


def error(**changed):
    return json.dumps({"error": {"code": "source_not_found", "message": "There is no source 'a'.",
                                 "hint": "", "request_id": "r1", **changed}}).encode()


def test_the_right_answer_passes_and_is_captured(run):
    assert run((200, JSON, b'{"a": {"b": [7]}}'),
               "{expect: {json: {a: {b: [7]}}}, capture: {seven: a.b.0}}")["seven"] == 7


def test_what_takes_its_time_is_asked_again(run):
    class Slow(tuple):
        asked = 0

        def __iter__(self):
            Slow.asked += 1
            return iter((200, JSON, b'{"a": %d}' % Slow.asked))

    run(Slow(), "{within: 30, expect: {json: {a: 3}}}")
    assert Slow.asked == 3
    with pytest.raises(spec_steps.Failed):
        run((200, JSON, b'{"a": 1}'), "{within: 0.1, expect: {json: {a: 2}}}")


@pytest.mark.parametrize("answer,step,complaint", [
    ((500, JSON, error()), "{}", "status 500, expected 200 to 299"),
    ((200, JSON, b'{"a": 2}'), "{expect: {json: {a: 1}}}", "expected 1, got 2"),
    ((200, JSON, b'{"a": '), "{expect: {json: {a: 1}}}", "not JSON"),
    ((200, JSON, b'{"a":1}\n{"a":3}\n'), "{expect: {ndjson: [{a: 1}, {a: 2}]}}", "expected 2, got 3"),
    ((200, JSON, b"{}"), "{expect: {headers: {Content-Type: !text ndjson}}}", "header Content-Type"),
    ((404, JSON, error(code="other")), "{expect: {status: 404, error: source_not_found}}", "got 'other'"),
    ((404, JSON, error(extra=1)), "{expect: {status: 404}}", "extra: not expected"),
    ((404, JSON, b'{"error": "no"}'), "{expect: {status: 404}}", "expected a mapping"),
    ((404, {}, error()), "{expect: {status: 404}}", "header Content-Type"),
    ((400, JSON, error(message="open /tmp/x: no")), "{expect: {status: 400}}", "gives away '/tmp/'"),
    ((400, JSON, error(message="SELECT a FROM b")), "{expect: {status: 400}}", "gives away 'SELECT a FROM'"),
    ((400, JSON, error(hint="see store.cc:33")), "{expect: {status: 400}}", "gives away '.cc:33'"),
    ((201, JSON, b"{}"), "{expect: {status: 200}}", "status 201, expected 200"),
    ((200, JSON, b"{}"), "{expected: {}}", "unknown keys"),
    ((200, JSON, b"{}"), "{expect: {jsno: {}}}", "unknown keys"),
])
def test_the_wrong_answer_fails(run, answer, step, complaint):
    with pytest.raises(spec_steps.Failed) as failed:
        run(answer, step)
    assert complaint in str(failed.value)


def test_a_write_is_waited_for_until_its_rows_are_in_files(run, monkeypatch):
    monkeypatch.setattr(spec_server, "FLUSH_SECONDS_MAX", 0.05)
    write = "{request: 'POST /data/write?source_id=a'}"
    run((200, JSON, b'{"memtable_rows": 0}'), write, settled=True)
    run((200, JSON, b'{"memtable_rows": 1}'), write, settled=False)
    run((200, JSON, b'{"memtable_rows": 1}'), "{}", settled=True)
    with pytest.raises(spec_server.ServerError, match="not in files"):
        run((200, JSON, b'{"memtable_rows": 1}'), write, settled=True)


def test_variables_keep_their_type():
    assert spec_steps.fill({"a": "${n}", "b": "x${n}"}, {"n": 3}) == {"a": 3, "b": "x3"}
    assert spec_steps.fill("${unknown}", {}) == "${unknown}"
