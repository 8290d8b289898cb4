"""Server: the insula process that is measured, on a data directory and ports of its own."""
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

from measure import machine
from measure.result import NotMeasured

PORT = 8000                    # and the gateway's
GATEWAY_PORT = 8080
OFFSET_MAX = 15_484
EXIT_PORT_IN_USE = 4
START_ATTEMPTS = 5
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60
REQUEST_SECONDS_MAX = 300
POLL_SECONDS = 0.001
RECOVERED = re.compile(r"(\d+) sources, (\d+) journal records \((\d+) bytes\) replayed")


def can_listen(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port_offset():
    for _ in range(200):
        offset = random.randint(100, OFFSET_MAX)
        if can_listen(PORT + offset) and can_listen(GATEWAY_PORT + offset):
            return offset
    raise NotMeasured("no free ports were found")


class Server:
    def __init__(self, session, directory, cores=None, settings=None):
        self._session = session
        self._directory = pathlib.Path(directory)
        self._cores = cores
        self.settings = settings or {}   # beside those of the session, which come first; from the next start on
        self._process = None
        self._connection = None
        self.port = 0
        self.started_ms = 0.0    # from the call of the program to the first answer of /health
        self.ready = {}          # the fields of its "ready" line

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, _error, _trace):
        if self._process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def pid(self):
        return self._process.pid

    @property
    def data(self):
        return self._directory / "data"

    def start(self):
        for _ in range(START_ATTEMPTS):
            if self._start_once():
                return
        raise NotMeasured(f"the server found its ports taken {START_ATTEMPTS} times")

    def _start_once(self):
        offset = free_port_offset()
        command = [self._session.program("insula"), "serve", "--dev", "--data-dir", str(self.data),
                   "--port-offset", str(offset)]
        if self._cores:
            command = ["taskset", "-c", ",".join(map(str, self._cores)), *command]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INSULA_")}
        for name, value in {**self.settings, **self._session.settings}.items():
            environment["INSULA_" + name.upper().replace(".", "_")] = value
        self.port = PORT + offset
        with open(self._directory / "log", "ab") as log:
            log_begin = log.tell()
            begin = time.perf_counter()
            self._process = self._session.spawn(command, env=environment, cwd=self._directory,
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self._is_healthy():
            if self._process.poll() is not None:
                code = self._process.returncode
                self._session.forget(self._process)
                self._process = None
                if code == EXIT_PORT_IN_USE:
                    return False
                raise NotMeasured(f"the server ended at its start with {code}: {self._log_end()}")
            if time.perf_counter() - begin > START_SECONDS_MAX:
                raise NotMeasured(f"the server is not ready after {START_SECONDS_MAX} s")
            time.sleep(POLL_SECONDS)
        self.started_ms = (time.perf_counter() - begin) * 1e3
        self.ready = self._ready_line(log_begin)
        return True

    def _is_healthy(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _ready_line(self, log_begin):
        """Written by the log's own thread, so perhaps a moment after the first answer."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            with open(self._directory / "log", "rb") as log:
                log.seek(log_begin)
                for line in log:
                    if b'"message":"ready"' in line and line.endswith(b"\n"):
                        return json.loads(line)
            time.sleep(0.01)
        raise NotMeasured("the server did not log that it is ready")

    def recovered(self):
        """Sources, journal records and bytes that the start replayed."""
        found = RECOVERED.search(self.ready.get("recovered", ""))
        if not found:
            raise NotMeasured(f"the server's ready line does not say what was replayed: {self.ready}")
        sources, records, size = map(int, found.groups())
        return {"sources": sources, "records": records, "bytes": size}

    def _log_end(self):
        lines = (self._directory / "log").read_text(errors="replace").splitlines()
        return lines[-1][:500] if lines else "its log is empty"

    def _ended(self):
        if self._connection:
            self._connection.close()
            self._connection = None
        self._session.forget(self._process)
        self._process = None

    def stop(self):
        """SIGTERM; returns the milliseconds until it had ended."""
        begin = time.perf_counter()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"the server does not stop within {STOP_SECONDS_MAX} s") from None
        self._ended()
        if code != 0:
            raise NotMeasured(f"the server stopped with {code}: {self._log_end()}")
        return (time.perf_counter() - begin) * 1e3

    def kill(self):
        """SIGKILL: no handler runs, nothing is flushed by the program."""
        self._process.kill()
        self._process.wait(STOP_SECONDS_MAX)
        self._ended()

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer's bytes; raises where it is not 2xx."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS_MAX)
        try:
            self._connection.request(method, path, body, {"Content-Type": content_type} if body else {})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotMeasured(f"{method} {path}: {error or type(error).__name__}; {self._log_end()}") from error
        if answer.status // 100 != 2:
            raise NotMeasured(f"{method} {path}: {answer.status} {text[:300].decode(errors='replace')}")
        return text

    def post(self, path, request):
        return json.loads(self.request("POST", path, json.dumps(request).encode()))

    def source_stats(self, source):
        return json.loads(self.request("GET", f"/sources/{source}/stats"))

    def count_rows(self, sources=None):
        """Of all sources where none are named."""
        request = {"aggregations": [{"type": "count", "alias": "rows"}]}
        if sources is not None:
            request["sources"] = sources
        answer = self.post("/data/aggregate", request)
        return int(answer["results"][0]["rows"])

    def metric(self, name):
        for line in self.request("GET", "/metrics").decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise NotMeasured(f"/metrics has no {name}")

    def memory(self):
        return machine.process_memory(self.pid)
