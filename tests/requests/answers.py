"""What every answer has to be, whatever was asked: a status that is documented, a body that is what its head says,
errors of the one shape that give nothing away, and never a fault of the server."""
import csv
import dataclasses
import functools
import io
import json
import re

import spec_server
import spec_steps

ERRORS_PAGE = spec_server.ROOT / "docs/reference/errors.md"
STATUSES = {200, 201, 204}  # of answers that are no error
# Faults of the surroundings, which no request can make.
SURROUNDINGS = {(503, "too_many_connections"), (507, "disk_full"), (507, "disk_reserve")}
SHOWN_BYTES_MAX = 1500


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes | None = None

    def __str__(self):
        shown = "" if self.body is None else repr(self.body[:SHOWN_BYTES_MAX])
        return f"{self.method} {self.target} {self.headers} {len(self.body or b'')} bytes {shown}"


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # names in small letters
    body: bytes
    cut_off: bool = False  # the connection ended before the body did

    def json(self):
        return json.loads(self.body)

    def error_code(self):
        """None where there is none, as in a success or in what is no error of ours."""
        found = re.search(rb'"code":"(\w+)"', self.body) if self.status >= 400 else None
        return found and found.group(1).decode()

    def __str__(self):
        return f"{self.status} {self.headers} {len(self.body)} bytes {self.body[:SHOWN_BYTES_MAX]!r}"


@functools.cache
def documented_codes():
    """{code: {status, …}} of the table in docs/reference/errors.md."""
    codes = {}
    section = ERRORS_PAGE.read_text(encoding="utf-8").split("## Answers")[1].split("\n## ")[0]
    for row in re.findall(r"^\| ([0-9, ]+) \| (.*?) \|", section, re.MULTILINE):
        for code in re.findall(r"`(\w+)`", row[1]):
            codes.setdefault(code, set()).update(int(status) for status in row[0].split(","))
    assert len(codes) > 50, "the page of errors has another form than is read here"
    return codes


def refuse_constant(text):
    raise ValueError(f"{text} is not JSON")


def pairs_once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object holds a key twice")
    return found


def strict_json(text):
    return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=pairs_once)


def problems(request, answer, hidden):
    """What is wrong with the answer. `hidden` are texts that no answer may hold, such as the data directory."""
    if answer.cut_off and not answer.headers.get("content-type", "").startswith("text/csv"):
        yield "the answer was cut off"
        return
    if answer.status >= 400:
        yield from error_problems(request, answer, hidden)
    elif answer.status not in STATUSES:
        yield f"status {answer.status}"
    elif request.method != "HEAD":
        yield from body_problems(request, answer)


def error_problems(request, answer, hidden):
    if not answer.headers.get("content-type", "").startswith("application/json"):
        yield f"an error as {answer.headers.get('content-type')}"
    if request.method == "HEAD":
        return
    try:
        document = strict_json(answer.body)
    except ValueError as problem:
        yield f"an error that is not JSON: {problem}"
        return
    yield from error_shape(document, answer.status)
    if answer.status in (429, 503) and "retry-after" not in answer.headers:
        yield "no Retry-After"
    sent = request.target + repr(request.headers) + (request.body or b"").decode(errors="replace")
    yield from leaks(answer.body.decode(errors="replace"), sent, hidden)


def error_shape(document, status):
    """`status` is None for the last line of a stream."""
    error = document.get("error") if isinstance(document, dict) else None
    wanted = {"code", "message", "hint", "request_id"}
    if not isinstance(error, dict) or set(document) != {"error"} or set(error) != wanted:
        yield f"an error of another shape: {document}"
        return
    if not all(isinstance(text, str) for text in error.values()):
        yield f"an error with members that are no text: {error}"
        return
    if not error["message"] or not error["hint"] or not error["request_id"]:
        yield f"an error without message, hint or request_id: {error}"
    statuses = documented_codes().get(error["code"], set())
    if status is None:
        status = min(statuses, default=0)
    if status not in statuses:
        yield f"{error['code']} with status {status} is not documented"
    elif status >= 500 and (status, error["code"]) not in SURROUNDINGS:
        yield f"a fault of the server: {status} {error['code']}"


def leaks(text, sent, hidden):
    for leak in spec_steps.LEAKS.finditer(text):
        if leak.group(0) not in sent:
            yield f"the error gives away {leak.group(0)!r}"
    for secret in hidden:
        if secret in text:
            yield f"the error gives away {secret!r}"


def body_problems(request, answer):
    content_type = answer.headers.get("content-type", "").split(";")[0]
    try:
        if content_type == "application/json":
            yield from document_problems(strict_json(answer.body))
        elif content_type == "application/x-ndjson":
            yield from stream_problems(answer.body)
        elif content_type == "text/csv":
            yield from csv_problems(answer)
        elif content_type == "text/plain":
            answer.body.decode()
        else:
            yield f"an answer as {content_type!r}"
    except ValueError as problem:
        yield f"the body is not {content_type}: {problem}"


def document_problems(document):
    if not isinstance(document, dict):
        yield f"an answer that is no object: {str(document)[:200]}"
    elif "error" in document:
        yield "an error with a status of success"
    elif "records" in document and document["stats"]["rows_returned"] != len(document["records"]):
        yield "rows_returned is not the number of records"


def stream_problems(body):
    if not body.endswith(b"\n"):
        yield "the stream's last line does not end"
    lines = [strict_json(line) for line in body.splitlines()]
    if not lines or set(lines[-1]) not in ({"end"}, {"error"}):
        yield "a stream without its last line"
        return
    if "error" in lines[-1]:
        yield from error_shape(lines[-1], None)
    elif lines[-1]["end"]["rows_returned"] != len(lines) - 1:
        yield "rows_returned is not the number of lines"
    if any(set(line) != {"record"} for line in lines[:-1]):
        yield "a line of a stream that is no record"


def csv_problems(answer):
    text = answer.body.decode()
    if answer.cut_off:
        return  # CSV has no line for an error: it ends so
    widths = {len(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row}
    if len(widths) > 1:
        yield f"CSV with rows of {sorted(widths)} fields"
