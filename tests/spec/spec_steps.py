"""The steps of a spec: each sends something to the server and compares what came back.

A step is a mapping whose first word says what it does: `request`, `connection`, `curl` or `restart`.
README.md in this folder is the reference.
"""
import base64
import gzip
import json
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

import spec_match

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BODIES = ("json", "text", "base64", "bytes", "file", "ndjson")
STEP_KEYS = {"request", "connection", "curl", "restart", "note", "headers", "expect", "capture", "repeat", "gzip",
             "together", "within", *BODIES}
EXPECT_KEYS = {"status", "json", "error", "ndjson", "headers", "text", "output", "closed"}
CONNECTION_SECONDS_MAX = 60
AGAIN_SECONDS = 0.02
HEALTHY_SECONDS_MAX = 10

# What no tenant may ever see in an error: paths, SQL, addresses of the program, names of sources of ours.
LEAKS = re.compile(r"/tmp/|/home/|/root/|/usr/|\.cc:\d+|\.h:\d+|0x[0-9a-f]{6,}|std::|duckdb|sqlite|"
                   r"\bSELECT\b.*\bFROM\b|\bINSERT INTO\b", re.IGNORECASE)


class Failed(Exception):
    """A step did not go as its spec says."""


def fill(value, variables):
    """Puts captured variables in the place of ${name}; "${name}" alone keeps the variable's type."""
    if isinstance(value, str):
        if whole := re.fullmatch(r"\$\{(\w+)\}", value):
            return variables.get(whole.group(1), value)
        return re.sub(r"\$\{(\w+)\}", lambda m: str(variables.get(m.group(1), m.group(0))), value)
    if isinstance(value, list):
        return [fill(v, variables) for v in value]
    if isinstance(value, dict):
        return {fill(k, variables): fill(v, variables) for k, v in value.items()}
    if isinstance(value, spec_match.Matcher):
        return type(value)(fill(value.value, variables))
    return value


def body_of(step):
    """Returns (bytes or None, content type or None)."""
    given = [kind for kind in BODIES if kind in step]
    if len(given) > 1:
        raise Failed(f"a step has one body, this one has {given}")
    if not given:
        return None, None
    kind, value = given[0], step[given[0]]
    if kind == "json":
        return json.dumps(value, ensure_ascii=False).encode(), "application/json"
    if kind == "ndjson":
        return "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in value).encode(), "application/x-ndjson"
    if kind == "base64":
        return base64.b64decode(value), "application/json"
    if kind == "file":
        path = HERE / value
        return (path if path.exists() else REPOSITORY / value).read_bytes(), None
    if kind == "bytes":
        return value, "application/json"
    return value.encode(), "application/json"


class Runner:
    """Runs the steps of one case against one server. `settled`: after a write the next step waits until its rows are
    in files."""

    def __init__(self, server, variables, settled=False):
        self.server = server
        self.variables = variables
        self.settled = settled
        self.held = []  # connections that stay open until the case ends
        self.saw_error = False

    def run(self, steps):
        try:
            for number, step in enumerate(steps, start=1):
                try:
                    self.run_step(step)
                    if self.settled and step.get("request", "").startswith("POST /data/write"):
                        self.server.wait_for_files()
                except (Failed, OSError, ValueError) as problem:
                    raise Failed(f"step {number} ({describe(step)}): {problem}") from problem
                if self.server.has_died():
                    raise Failed(f"step {number} ({describe(step)}): the server died")
        finally:
            for connection in self.held:
                connection.close()
        if self.saw_error and not self.is_healthy():
            raise Failed("after the errors of this case the server no longer answers /health")

    def is_healthy(self):
        """At once, but where all connections were held: until the server has seen that they have gone."""
        give_up = time.monotonic() + (HEALTHY_SECONDS_MAX if self.held else 0)
        while not self.server.is_healthy():
            if time.monotonic() >= give_up:
                return False
            time.sleep(AGAIN_SECONDS)
        return True

    def run_step(self, step):
        if unknown := set(step) - STEP_KEYS:
            raise Failed(f"unknown keys: {sorted(unknown)}")
        times = step.get("repeat", 1)
        for i in range(times):
            filled = fill(step, {**self.variables, "i": i})
            if "request" in filled:
                self.request(filled)
            elif "connection" in filled:
                self.connection(filled)
            elif "curl" in filled:
                self.curl(filled)
            elif "restart" in filled:
                self.restart(filled["restart"])
            else:
                raise Failed("a step is a request, a connection, a curl or a restart")

    def restart(self, how):
        if how == "clean":
            self.server.stop()
        elif how == "kill":
            self.server.kill()
        else:
            raise Failed(f"restart: clean or kill, not {how}")
        self.server.start()

    def send(self, step):
        method, target = step["request"].split(" ", 1)
        body, content_type = body_of(step)
        headers = {"Content-Type": content_type} if content_type else {}
        if step.get("gzip"):
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        headers.update(step.get("headers", {}))
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.server.request(method, target, headers, body)

    def request(self, step):
        give_up = time.monotonic() + step.get("within", 0)
        while True:
            try:
                if "together" in step:
                    self.together(step)
                else:
                    self.check(step, *self.send(step))
                return
            except Failed:
                if time.monotonic() >= give_up:
                    raise
            time.sleep(AGAIN_SECONDS)  # between two looks at what takes its time; `within` ends them

    def together(self, step):
        """The same request `together` times at once; each answer is checked by itself."""
        answers = []

        def one(i):
            try:
                answers.append(self.send(fill(step, {"n": i})))
            except OSError as problem:
                answers.append(problem)

        threads = [threading.Thread(target=one, args=(i,)) for i in range(step["together"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers:
            if isinstance(answer, OSError):
                raise answer
            self.check(step, *answer)

    def check(self, step, status, headers, body):
        expect = step.get("expect", {})
        if unknown := set(expect) - EXPECT_KEYS:
            raise Failed(f"expect: unknown keys {sorted(unknown)}")
        problems = []
        wanted_status = expect.get("status", status if 200 <= status <= 299 else "200 to 299")
        if list(spec_match.compare(wanted_status, status)):
            shown = body[:800].decode(errors="replace")
            raise Failed(f"status {status}, expected {wanted_status}; the answer was {shown}")
        if status >= 400:
            self.saw_error = True
            problems += self.check_error_shape(step, headers, body)
        for name, wanted in expect.get("headers", {}).items():
            problems += spec_match.compare(wanted, headers.get(name.lower()), f"header {name}")
        if "json" in expect:
            problems += spec_match.compare(expect["json"], self.parse(body))
        if "error" in expect:
            wanted = expect["error"]
            wanted = {"code": wanted} if isinstance(wanted, str) else wanted
            problems += spec_match.compare({"error": wanted}, self.parse(body))
        if "ndjson" in expect:
            lines = [self.parse(line) for line in body.splitlines() if line]
            problems += spec_match.compare(expect["ndjson"], lines)
        if "text" in expect:
            problems += spec_match.compare(expect["text"], body.decode())
        if problems:
            raise Failed("\n  ".join(["the answer differs:", *problems, "whole answer: " +
                                      spec_match.shorten(body.decode(errors="replace"))]))
        self.capture(step, body)

    def check_error_shape(self, step, headers, body):
        """Each error, expected in detail or not, has the one shape and gives nothing away (what the request
        itself said may come back)."""
        shape = {"error": spec_match.Exact({
            "code": spec_match.Text(r"^[a-z][a-z0-9_]*$"), "message": spec_match.Text(r"\S"),
            "hint": spec_match.Text(""), "request_id": spec_match.Text(r"\S")})}
        yield from spec_match.compare(spec_match.Exact(shape), self.parse(body), "error")
        yield from spec_match.compare(spec_match.Text("^application/json"), headers.get("content-type"),
                                      "header Content-Type")
        text = body.decode(errors="replace")
        sent = step["request"] + (body_of(step)[0] or b"").decode(errors="replace")
        for leak in LEAKS.finditer(text):
            if leak.group(0) not in sent:
                yield f"the error gives away {leak.group(0)!r}"
        if str(self.server.directory) in text:
            yield "the error gives away the data directory"

    def parse(self, text):
        try:
            return json.loads(text)
        except ValueError as problem:
            raise Failed(f"not JSON ({problem}): {text[:400]!r}") from problem

    def capture(self, step, body):
        for name, path in step.get("capture", {}).items():
            value = self.parse(body)
            for part in path.split("."):
                value = value[int(part)] if isinstance(value, list) else value[part]
            self.variables[name] = value

    def curl(self, step):
        """A command line as people type it, against this server's port in the place of 8000."""
        command = step["curl"].replace("localhost:8000", f"127.0.0.1:{self.server.port}")
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True,
                              timeout=CONNECTION_SECONDS_MAX, check=False)
        if done.returncode != 0:
            raise Failed(f"exit code {done.returncode}: {done.stderr}")
        problems = list(spec_match.compare(step["expect"]["output"], self.parse(done.stdout)))
        if problems:
            raise Failed("\n  ".join(["the answer differs:", *problems]))
        self.capture(step, done.stdout)

    def connection(self, step):
        """Bytes on a socket, for clients that misbehave.

        connection: {send: text, then: close | reset | hold | read}; `hold` leaves it open until the case ends.
        """
        asked = step["connection"]
        sent = asked["send"]
        sock = socket.create_connection(("127.0.0.1", self.server.port), timeout=CONNECTION_SECONDS_MAX)
        sock.sendall(sent if isinstance(sent, bytes) else sent.replace("\n", "\r\n").encode())
        if asked.get("read_first"):
            if not sock.recv(asked["read_first"]):
                raise Failed("the server closed the connection at once")
        then = asked["then"]
        if then == "hold":
            self.held.append(sock)
        elif then == "close":
            sock.close()
        elif then == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        elif then == "read":
            self.check_raw(step, sock)
        else:
            raise Failed(f"then: close, reset, hold or read, not {then}")

    def check_raw(self, step, sock):
        with sock:
            data = b""
            while piece := sock.recv(65536):
                data += piece
        expect = step["expect"]
        if expect.get("closed") and not data:
            return
        head, _, _ = data.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        if not status or list(spec_match.compare(expect["status"], int(status.group(1)))):
            raise Failed(f"expected status {expect['status']}, got {data[:400]!r}")
        self.saw_error = True


def describe(step):
    words = step.get("note") or step.get("request") or step.get("curl")
    if words is None:
        words = f"restart {step['restart']}" if "restart" in step else "connection"
    return " ".join(str(words).split())[:100]
