"""Server: the real `insula serve` of one data directory, started, killed and started again.

It listens on free ports that it chooses itself and tells in its "ready" line. However the tests end, it ends with
them. Only what a test says is in its environment.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
POLL_SECONDS = 0.003
LOG_LINES_SHOWN = 30
EXIT_DAMAGE = 7
FREEZE_SECONDS_MAX = 10
FROZEN = "TtDZX"  # stopped, traced, waiting for a disk, ended: proc(5)

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

# Small, so that a second of load fills segments, flushes and recycles.
CONFIG = """\
server: {dev: true, rest_port: 0, port: 0, io_threads: 1, worker_threads: 4}
journal: {segment_bytes: 1MiB, flush_bytes: 4MiB}
tables: {flush_source_bytes: 1MiB, memtable_source_bytes: 8MiB, memtable_bytes: 32MiB}
engine: {memory: 128MiB, instance_memory: 64MiB}
monitoring: {access_log: false}
"""


def binary():
    return pathlib.Path(os.environ.get("INSULA_BINARY", ROOT / "build/release/insula"))


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Ended(Exception):
    """The server ended where it should not have, or did not become ready."""


class Server:
    """`directory` holds the log and the configuration; the data directory is `data` in it, unless told otherwise."""

    def __init__(self, directory, data=None, config=CONFIG, environment=None):
        self.directory = pathlib.Path(directory)
        self.data = pathlib.Path(data) if data else self.directory / "data"
        self.log_path = self.directory / "log"
        self.process = None
        self.port = 0
        self._log_from = 0
        self._environment = environment or {}  # of every start
        (self.directory / "config.yaml").write_text(config, encoding="utf-8")

    def set_environment(self, environment):
        """Of every start from now on."""
        self._environment = environment

    def launch(self, points=(), environment=None, command_prefix=()):
        """Starts the process and does not wait for it. `points` are fail points as the server takes them."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("INSULA_")}
        if points:
            clean["INSULA_SERVER_FAIL_POINTS"] = ",".join(points)
        clean.update(self._environment)
        clean.update(environment or {})
        with open(self.log_path, "ab") as log:
            self._log_from = log.tell()
            self.process = subprocess.Popen(
                [*command_prefix, binary(), "serve", "--config", self.directory / "config.yaml",
                 "--data-dir", self.data],
                cwd=self.directory, env=clean, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=end_with_parent)

    def wait_ready(self, seconds_max=READY_SECONDS_MAX):
        """True once it answers; False if it ended before. Fails where it does neither."""
        give_up = time.monotonic() + seconds_max
        while time.monotonic() < give_up:
            if port := self._ready_port():
                self.port = port
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(POLL_SECONDS)  # between two looks; the deadline above ends it
        raise Ended(f"neither ready nor ended after {seconds_max} s\n{self.log_tail()}")

    def start(self, **launch):
        """Starts and waits; fails where the server ends instead."""
        self.launch(**launch)
        if not self.wait_ready():
            raise Ended(f"the server ended at its start with {self.ending()}\n{self.log_tail()}")

    def _ready_port(self):
        for line in self.log_since_start().splitlines():
            if '"message":"ready"' in line:
                return json.loads(line)["rest_port"]
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        """Stops every thread where it is: between two instructions, or within a call that waits for the disk."""
        self.process.send_signal(signal.SIGSTOP)
        give_up = time.monotonic() + FREEZE_SECONDS_MAX
        while not all(state in FROZEN for state in self._thread_states()):
            if time.monotonic() > give_up:
                raise Ended(f"threads still run {FREEZE_SECONDS_MAX} s after SIGSTOP")

    def _thread_states(self):
        states = []
        for thread in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            # The name, in parentheses, may hold anything; a thread may be gone meanwhile.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                states.append((thread / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0])
        return states

    def kill_if_running(self):
        if not self.has_ended():
            self.kill()

    def stop(self):
        """SIGTERM; returns False where a fail point killed it meanwhile. Any other ending is wrong."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Ended(f"not stopped {STOP_SECONDS_MAX} s after SIGTERM\n{self.log_tail()}") from None
        if code not in (0, -signal.SIGKILL):
            raise Ended(f"ended with {self.ending()} after SIGTERM\n{self.log_tail()}")
        return code == 0

    def wait_killed(self, seconds_max):
        """True if the server was killed by itself within that time; any other ending is wrong."""
        try:
            code = self.process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            return False
        if code != -signal.SIGKILL:
            raise Ended(f"the server ended with {self.ending()}\n{self.log_tail()}")
        return True

    def has_ended(self):
        return self.process is None or self.process.poll() is not None

    def ending(self):
        code = self.process.returncode
        if code is not None and code < 0:
            return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"

    def log_since_start(self):
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def log_tail(self):
        lines = self.log_since_start().splitlines()
        return "\n".join(["--- the server's log ends with", *lines[-LOG_LINES_SHOWN:]])

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
