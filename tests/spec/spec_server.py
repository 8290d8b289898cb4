"""The server under test: the real binary, on free ports, in a data directory of its own."""
import ctypes
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEFAULT_PORTS = (8000, 8080, 8081, 8082, 8083, 8084, 9000, 9001, 9090, 50051)
OFFSET_MAX = 15_484
READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 15
FLUSH_SECONDS_MAX = 20
REQUEST_SECONDS_MAX = 60
EXIT_PORT_IN_USE = 4
START_ATTEMPTS = 5
LOG_LINES_SHOWN = 60


PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_parent():
    """In the child, before it becomes the server: however the tests end, no server stays behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerError(Exception):
    """The server did not start, did not stop, or ended by itself."""


def clean_environment():
    """Ours without what would change an answer: settings of a server or client, the width of a terminal."""
    return {k: v for k, v in os.environ.items() if not k.startswith("INSULA_") and k != "COLUMNS"}


def binary():
    return pathlib.Path(os.environ.get("INSULA_BINARY", ROOT / "build/release/insula"))


def free_port_offset():
    """An offset at which none of the server's ports is in use now."""
    for _ in range(200):
        offset = random.randint(100, OFFSET_MAX)
        try:
            for port in DEFAULT_PORTS:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port + offset))
            return offset
        except OSError:
            continue
    raise ServerError("no offset with free ports was found")


class Server:
    """Starts, restarts and ends one `insula serve`. `arguments` and `config` come from the spec file, `environment`
    is added to that of the tests."""

    catalog_environment = dict  # for servers that do not say themselves where their catalog is

    def __init__(self, arguments=("--dev",), config=None, environment=None):
        self.environment = type(self).catalog_environment() if environment is None else environment
        self.arguments = list(arguments)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="insula-spec-"))
        self.data_directory = self.directory / "data"
        self.log_path = self.directory / "log"
        if config is not None:
            (self.directory / "config.yaml").write_text(config, encoding="utf-8")
            self.arguments += ["--config", str(self.directory / "config.yaml")]
        self.process = None
        self.offset = None

    @property
    def port(self):
        return 8000 + self.offset

    def start(self):
        if not binary().exists():
            raise ServerError(f"{binary()} does not exist: run `make build`")
        for attempt in range(START_ATTEMPTS):
            self.offset = free_port_offset()
            if self.start_once():
                return
        raise ServerError(f"no free ports in {START_ATTEMPTS} attempts\n{self.log_tail()}")

    def start_once(self):
        """False where another program took a port between our look and the start."""
        environment = clean_environment() | self.environment
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--data-dir", self.data_directory, "--port-offset", str(self.offset),
                 *self.arguments],
                cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=end_with_parent)
        give_up = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < give_up:
            code = self.process.poll()
            if code == EXIT_PORT_IN_USE:
                return False
            if code is not None:
                raise ServerError(f"the server ended at its start with exit code {code}\n{self.log_tail()}")
            if self.is_healthy():
                return True
            time.sleep(0.02)  # between two looks at /health; the deadline above ends it
        raise ServerError(f"not ready after {READY_SECONDS_MAX} s\n{self.log_tail()}")

    def is_healthy(self):
        try:
            status, _, _ = self.request("GET", "/health", seconds_max=5)
            return status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False

    def request(self, method, target, headers=None, body=None, seconds_max=REQUEST_SECONDS_MAX):
        """Returns (status, headers with small names, body bytes)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds_max)
        try:
            connection.putrequest(method, target)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            try:
                connection.send(body or b"")
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server answered before it read everything, as it does with a body over the limit
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method, target, document=None):
        body = None if document is None else json.dumps(document).encode()
        _, _, answer = self.request(method, target, {"Content-Type": "application/json"}, body)
        return json.loads(answer)

    def wait_for_files(self):
        """Until all rows of the default tenant are in files; for servers with --dev."""
        give_up = time.monotonic() + FLUSH_SECONDS_MAX
        while self.json("GET", "/tenant/stats")["memtable_rows"] > 0:
            if time.monotonic() > give_up:
                raise ServerError(f"rows are not in files after {FLUSH_SECONDS_MAX} s\n{self.log_tail()}")
            time.sleep(0.002)  # between two looks; the deadline above ends it

    def administrator_key(self):
        """The first of the keys that the first start showed."""
        return self._keys_shown()[0]

    def owner_key(self):
        """That of the default tenant's owner."""
        return self._keys_shown()[1]

    def _keys_shown(self):
        shown = re.findall(r"^\s*(insula_[A-Za-z0-9_-]{20,})\s*$", self.log_path.read_text(errors="replace"), re.M)
        return shown or [None, None]

    def stop(self):
        """SIGTERM; the server has to end by itself, with exit code 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"not stopped {STOP_SECONDS_MAX} s after SIGTERM\n{self.log_tail()}") from None
        if code != 0:
            raise ServerError(f"exit code {code} after SIGTERM\n{self.log_tail()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def has_died(self):
        return self.process is None or self.process.poll() is not None

    def log_tail(self):
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return "\n".join(["--- the server's log ends with", *lines[-LOG_LINES_SHOWN:]])

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
