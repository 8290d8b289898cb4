"""A run: one server, several clients at once, and what has to hold at the end."""
import functools
import threading
import time
import urllib.parse

import server_state
import spec_server
from clients import Anything, Health, Model
from exchange import HANG_SECONDS
from misbehaved import STALL_SECONDS, Misbehaved

FINDINGS_MAX = 5
FILES_OPEN_MAX = 1024 + 64  # the server keeps so many data files open, beside its own
RESIDENT_BYTES_MAX = 400 << 20

# Low limits, so that small runs reach them: rows go to files after a megabyte, engines are closed while it runs.
CONFIG = f"""
server:
  body_bytes_max: 8MiB
  header_timeout: {STALL_SECONDS}s
  stall_timeout: {STALL_SECONDS}s
tables:
  memtable_bytes: 16MiB
  memtable_source_bytes: 8MiB
  flush_source_bytes: 1MiB
journal:
  segment_bytes: 1MiB
  flush_bytes: 4MiB
engine:
  memory: 256MiB
  instance_memory: 64MiB
  threads: 2
  idle_close: 1s
monitoring:
  access_log: false
"""


def start_server():
    server = spec_server.Server(["--dev"], CONFIG)
    server.start()
    server.sockets_at_rest = server_state.at_rest(lambda: server_state.sockets(server.process.pid))
    return server


def warm_up(server):
    """What is made at first use and stays (threads, not connections) is there before anything is counted."""
    server.json("POST", "/data/write", {"source_id": "warm", "records": [{"fields": {"a": 1}}]})
    server.json("POST", "/data/search", {"sources": ["warm"]})
    server.json("POST", "/data/aggregate", {"aggregations": [{"type": "count", "alias": "n"}]})


class Run:
    """`tamper(request, send)` may change what a client gets: see exchange.py."""

    def __init__(self, server, seed, seconds, tamper=None, findings_max=FINDINGS_MAX,
                 resident_bytes_max=RESIDENT_BYTES_MAX, settle_seconds_max=server_state.SETTLE_SECONDS_MAX):
        self.server = server
        self.port = server.port
        self.seed = seed
        self.seconds = seconds
        self.tamper = tamper
        self.findings_max = findings_max
        self.resident_bytes_max = resident_bytes_max
        self.settle_seconds_max = settle_seconds_max
        self.at_rest = lambda: None  # called when the clients have ended, before what they left is looked at
        self.hidden = (str(server.directory), str(spec_server.ROOT))
        self.over = threading.Event()
        self.ends_at = None
        self.lock = threading.Lock()
        self.findings = []
        self.answers = {}  # how often which status and code came
        self.log_begin = server.log_path.stat().st_size
        self.resident_bytes = 0
        self.health = Health(self, "health")
        self.models = [Model(self, f"model{i}") for i in range(3)]
        self.clients = [*self.models, *(Anything(self, f"anything{i}") for i in range(3)),
                        Misbehaved(self, "misbehaved0"), Misbehaved(self, "misbehaved1"), self.health]

    now = staticmethod(time.monotonic)

    def is_over(self):
        return self.over.is_set() or self.now() >= self.ends_at

    def find(self, finding):
        with self.lock:
            self.findings.append(finding)
            if len(self.findings) >= self.findings_max:
                self.over.set()

    def count(self, answer):
        kind = f"{answer.status} {answer.error_code()}".removesuffix(" None")
        with self.lock:
            self.answers[kind] = self.answers.get(kind, 0) + 1

    def summary(self):
        return (f"{sum(client.requests for client in self.clients)} requests in {self.seconds} s, "
                f"/health within {self.health.slowest:.2f} s, {self.resident_bytes >> 20} MiB resident at the end; "
                f"answers: {dict(sorted(self.answers.items()))}")

    def run(self):
        """Everything from the first request to the server's end. Gives the findings."""
        self.remove_sources()
        warm_up(self.server)
        pid = self.server.process.pid
        threads = server_state.threads(pid)
        self.send()
        if not self.findings:
            self.check_end(self.server.sockets_at_rest, threads)
        if not self.findings:
            self.check_restart()
        return self.findings

    def send(self):
        self.ends_at = self.now() + self.seconds
        for client in self.clients:
            client.start()
        for client in self.clients:
            client.join(self.seconds + 2 * HANG_SECONDS)
            if client.is_alive():
                self.find(f"{client.name} did not end: {client.last}")
        if self.server.has_died():
            self.find(f"the server died\n{self.server.log_tail()}")

    def check_end(self, sockets, threads):
        """What the clients used is given back: connections, queries, memory, threads, and all rows when their
        sources are removed."""
        self.at_rest()
        for client in self.models:
            client.check_everything()
            client.connection.close()
        look = functools.partial(self.problems_at_rest, sockets, threads)
        for problem in server_state.settled(look, self.settle_seconds_max):
            self.find(problem)
        log = self.server.log_path.read_bytes()[self.log_begin:].decode(errors="replace")
        for line in [line for line in log.splitlines() if '"level":"error"' in line or "Sanitizer" in line][:3]:
            self.find(f"the log has an error: {line[:1000]}")

    def problems_at_rest(self, sockets, threads):
        pid = self.server.process.pid
        problems = []
        if (now := server_state.sockets(pid)) > sockets:
            problems.append(f"{now} sockets are open, {sockets} were before")
        if (now := server_state.threads(pid)) > threads:
            problems.append(f"{now} threads run, {threads} did before")
        if (now := len(server_state.descriptors(pid))) > FILES_OPEN_MAX:
            problems.append(f"{now} descriptors are open")
        if now := server_state.deleted_files(pid):
            problems.append(f"deleted files are open: {now[:3]}")
        gauges = server_state.gauges(self.server)
        for name in ("insula_queries_running", "insula_request_body_bytes", "insula_flush_failures_total"):
            if gauges[name] != 0:
                problems.append(f"{name} is {gauges[name]}")
        self.resident_bytes = server_state.resident_bytes(pid)
        if self.resident_bytes > self.resident_bytes_max:
            problems.append(f"{self.resident_bytes >> 20} MiB of memory are resident")
        return problems

    def check_restart(self):
        """The same rows after a stop and a start; nothing after all sources are removed."""
        self.server.stop()
        self.server.start()
        self.port = self.server.port
        for client in self.models:
            client.connection.port = self.port
            client.check_everything()
            client.connection.close()
        self.remove_sources()
        stats = self.server.json("GET", "/tenant/stats")
        if stats["sources"] != 0 or stats["rows"] != 0:
            self.find(f"after all sources were removed: {stats}")
        for problem in server_state.settled(self.rows_left, self.settle_seconds_max):
            self.find(problem)

    def remove_sources(self):
        for source in self.server.json("GET", "/sources")["sources"]:
            target = "/sources/" + urllib.parse.quote(source["source_id"], safe="")
            status, _, body = self.server.request("DELETE", target)
            if status != 200:
                self.find(f"DELETE {target}: {status} {body!r}")

    def rows_left(self):
        left = server_state.gauges(self.server)["insula_memtable_bytes"]
        return [f"{left} bytes of removed rows are in memory"] if left else []
