"""The checks can fail: each fault here is planted between the server and one client, or into the server's
surroundings, and a run has to find it."""
import json
import re
import socket

import pytest
import run
from answers import Answer
from exchange import Hang

SECONDS_MAX = 30  # a run ends with its first finding, long before


@pytest.fixture(scope="module")
def server():
    started = run.start_server()
    yield started
    started.close()


def findings_of(server, seed, tamper=None, seconds=SECONDS_MAX, **options):
    this = run.Run(server, seed, seconds, tamper=tamper, findings_max=1, **options)
    return "\n".join(this.run())


def changed(answer, document):
    return Answer(answer.status, answer.headers, json.dumps(document).encode())


def to(path, change):
    """`change(answer)` for successful answers to `path` that are JSON."""
    def tamper(request, send):
        answer = send()
        fits = request.target.split("?")[0] == path and answer.status == 200
        if not fits or not answer.headers["content-type"].startswith("application/json"):
            return answer
        return change(answer)
    return tamper


def lose_a_row(answer):
    document = answer.json()
    if document["records"]:
        document["records"].pop()
        document["stats"]["rows_returned"] -= 1
    return changed(answer, document)


def reverse_rows(answer):
    document = answer.json()
    document["records"].reverse()
    return changed(answer, document)


def change_a_value(answer):
    return Answer(answer.status, answer.headers, answer.body.replace(b'"n":1', b'"n":2'))


def count_one_too_many(answer):
    document = answer.json()
    for result in document["results"]:
        if "rows" in result:
            result["rows"] += 1
    return changed(answer, document)


def miscount(answer):
    document = answer.json()
    document["stats"]["rows_returned"] += 1
    return changed(answer, document)


def swallow_writes(request, send):
    """Acknowledged and never sent."""
    if request.target.startswith("/data/write") and "model" in request.target and b'"id": 5' in (request.body or b""):
        rows = len(json.loads(request.body)) if request.body.startswith(b"[") else request.body.count(b"\n")
        answer = {"source_id": "x", "rows": rows, "position": "1-1", "duplicate": False, "stats": {}}
        return Answer(200, {"content-type": "application/json"}, json.dumps(answer).encode())
    return send()


def apply_twice(request, send):
    answer = send()
    if request.target.startswith("/data/write?source_id=model") and "Idempotency-Key" not in request.headers:
        send()
    return answer


def end_stream_early(request, send):
    answer = send()
    if request.target == "/data/search/stream" and answer.status == 200:
        answer.body = b"".join(answer.body.splitlines(keepends=True)[:-1])
    return answer


def cut_off(request, send):
    answer = send()
    if request.target == "/data/aggregate" and answer.status == 200:
        answer.cut_off, answer.body = True, answer.body[:10]
    return answer


def hang(request, send):
    if request.target == "/data/aggregate":
        raise Hang("no answer within 40 s")
    return send()


def error(status, **members):
    """Errors of 400 have this in them instead."""
    def tamper(_, send):
        answer = send()
        if answer.status != 400 or not answer.body:
            return answer
        document = {"error": {"code": "invalid_request", "message": "m", "hint": "h", "request_id": "1"} | members}
        document["error"] = {name: value for name, value in document["error"].items() if value is not None}
        return Answer(status, answer.headers, json.dumps(document).encode())
    return tamper


@pytest.mark.parametrize("tamper,found", [
    (to("/data/search", lose_a_row), "rows expected"),
    (to("/data/search", reverse_rows), "rows expected"),
    (to("/data/search", change_a_value), "rows expected"),
    (to("/data/search", miscount), "rows_returned"),
    (to("/data/aggregate", count_one_too_many), r"expected \["),
    (to("/data/aggregate", lambda answer: changed(answer, {"error": {"code": "internal"}})), "status of success"),
    (to("/sources", lambda answer: Answer(200, answer.headers, answer.body[:-5])), "not application/json"),
    (to("/sources", lambda answer: Answer(200, answer.headers, b'{"sources": [], "sources": []}')), "key twice"),
    (to("/sources", lambda answer: Answer(200, answer.headers, b'{"sources": [], "n": NaN}')), "NaN is not JSON"),
    (to("/health", lambda answer: Answer(503, answer.headers, b'{"status":"unavailable"}')), "another shape"),
    # Found by whatever asks first: a search, an aggregate, or a query of a source that was never made.
    (swallow_writes, r"rows expected|expected \[|a sound query"),
    (apply_twice, r"rows expected|expected \["),
    (end_stream_early, "without its last line"),
    (cut_off, "was cut off"),
    (hang, "no answer within"),
    (error(500, code="internal"), "a fault of the server"),
    (error(503, code="stopping"), "a fault of the server"),
    (error(400, code="stopping"), "is not documented"),
    (error(400, code="new_code"), "is not documented"),
    (error(429, code="too_many_requests"), "no Retry-After"),
    (error(400, hint=None), "another shape"),
    (error(400, hint=""), "without message, hint or request_id"),
    (error(400, message="open /tmp/x/data/journal: EIO"), "gives away"),
    (error(400, message="SELECT a FROM b"), "gives away"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_answer_is_found(server, seed, tamper, found):
    assert re.search(found, findings_of(server, seed, tamper))


def test_connections_that_stay_open_are_found(server, seed):
    this = run.Run(server, seed, 0.1, findings_max=1, settle_seconds_max=0.5)
    held = []

    def leave_open():
        held.extend(socket.create_connection(("127.0.0.1", server.port)) for _ in range(10))
    this.at_rest = leave_open
    found = "\n".join(this.run())
    for connection in held:
        connection.close()
    assert "sockets are open" in found


def test_memory_that_is_not_given_back_is_found(server, seed):
    assert "of memory are resident" in findings_of(server, seed, seconds=0.1, resident_bytes_max=1 << 20,
                                                   settle_seconds_max=0.5)


def test_an_error_in_the_log_is_found(server, seed):
    def tamper(_, send):
        answer = send()
        with open(server.log_path, "ab") as log:
            log.write(b'{"level":"error","message":"request failed"}\n')
        return answer
    assert "the log has an error" in findings_of(server, seed, tamper, seconds=0.1)


def test_a_row_that_a_restart_loses_is_found(server, seed):
    this = run.Run(server, seed, 1, findings_max=1)
    this.at_rest = lambda: this.models[0].sources["model0_a"].append({"id": -1})
    assert "rows expected" in "\n".join(this.run())


def test_a_server_that_dies_is_found(seed):
    server = run.start_server()

    def tamper(_, send):
        server.kill()
        return send()
    try:
        found = findings_of(server, seed, tamper)
        assert "RemoteDisconnected" in found or "ConnectionRe" in found
    finally:
        server.close()
