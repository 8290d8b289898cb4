"""A PostgreSQL server of Debian's package, for servers under test whose catalog is there: in a directory of its own,
reachable by a Unix socket (by TCP too where asked for), run as the user postgres where the tests run as root."""
import ctypes
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20
PORT = 5432  # of the name of a Unix socket
PORTS = range(15_000, 30_000)  # below those that the system gives to clients
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def programs():
    """The folder of initdb and postgres, of the newest version there is; None without one."""
    if named := os.environ.get("INSULA_POSTGRES_BIN"):
        return pathlib.Path(named)
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def why_not():
    """Why there can be no server; None where there can."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian's postgresql-15)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "this runs as root, and there is no user postgres"
    return None


def end_with_parent():
    """In the child, after it has become another user: however the tests end, no server stays behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def free_port():
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port was found")


class Postgres:
    """One server; it loses nothing when it is killed, and is not made to outlive the machine's power."""

    def __init__(self, tcp=False):
        self.listens = "127.0.0.1" if tcp else ""
        self.port = free_port() if tcp else PORT
        # Short, for the path of a Unix socket is.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="insula-pg-", dir="/tmp"))
        self.process = None
        self.owner = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self.owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with open(self.directory / "log", "ab") as log:
            subprocess.run([programs() / "initdb", "-D", self.directory / "data", "-U", "insula", "--auth=trust",
                            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
                           check=True, stdout=log, stderr=log, cwd=self.directory, **self.owner)
        self.start()

    def start(self):
        """A server that was killed may still have processes that end; it does not start before they have."""
        give_up = time.monotonic() + START_SECONDS_MAX
        self._launch()
        while not self.takes_connections():
            assert time.monotonic() < give_up, self.log_tail()
            if self.process.poll() is not None:
                self._launch()
            time.sleep(0.01)  # between two looks; the deadline above ends it

    def start_if_stopped(self):
        if self.process is None or self.process.poll() is not None:
            self.start()

    def wait_until_ready(self):
        give_up = time.monotonic() + START_SECONDS_MAX
        while not self.takes_connections():
            assert self.process.poll() is None and time.monotonic() < give_up, self.log_tail()
            time.sleep(0.01)  # between two looks; the deadline above ends it

    def _launch(self):
        settings = [f"listen_addresses={self.listens}", f"port={self.port}", "fsync=off", "shared_buffers=16MB",
                    "max_connections=80", "dynamic_shared_memory_type=mmap"]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.directory / "data", "-k", self.directory,
                 *(word for setting in settings for word in ("-c", setting))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                preexec_fn=end_with_parent, **self.owner)

    def takes_connections(self):
        ready = subprocess.run([programs() / "pg_isready", "-q", "-h", self.directory, "-p", str(self.port),
                                "-U", "insula"], check=False)
        return ready.returncode == 0

    def kill(self):
        """The process that all others descend from; they notice, and end."""
        self.end(signal.SIGKILL)

    def crash(self):
        """At once, all of it; sessions are cut."""
        self.end(signal.SIGQUIT)

    def stop(self):
        """As an administrator does: sessions are told."""
        self.end(signal.SIGINT)

    def end(self, how):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(STOP_SECONDS_MAX)
            self.process = None

    def sql(self, text):
        """The rows, as psql prints them without headings."""
        done = subprocess.run([programs() / "psql", "-h", self.directory, "-p", str(self.port), "-U", "insula",
                               "-d", "postgres", "-AtX", "-v", "ON_ERROR_STOP=1", "-c", text],
                              check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def url(self):
        return f"postgresql://insula@/postgres?host={self.directory}&port={self.port}"

    def environment(self):
        """What makes a server keep its catalog here, in a schema of its own."""
        return {"INSULA_CATALOG_URL": self.url(), "INSULA_CATALOG_SCHEMA": f"s_{uuid.uuid4().hex}"}

    def log_tail(self):
        return "\n".join((self.directory / "log").read_text(errors="replace").splitlines()[-30:])

    def close(self):
        self.end(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)
