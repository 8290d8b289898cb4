"""What rounds of every part share: one data directory, one ledger, clients, and a check after each restart."""
import pathlib
import random
import shutil
import tempfile

from client import Gone, Refused
from ledger import Ledger
from load import Load, tolerates, verify
from server import Ended, Server

FAILURES_MAX = 3
SHOWN_MAX = 5


class Wrong(Exception):
    """The server broke a promise."""


BROKEN = (Wrong, Ended, Gone, Refused, AssertionError)


def memory_directory():
    """Where data directories stand: in memory where there is room, since a kill takes nothing from the page cache."""
    shared = pathlib.Path("/dev/shm")
    try:
        if shared.is_dir() and shutil.disk_usage(shared).free > 2 << 30:
            return shared
    except OSError:
        pass
    return None


class Round:
    """Cycles on one data directory. Its seed gives the same plan again."""

    def __init__(self, part, seed, result, data=None, environment=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"insula-{part}-", dir=memory_directory()))
        self.random = random.Random(f"{part} {seed}")
        self.server = Server(self.directory, data, environment=environment)
        self.ledger = Ledger()
        self._result = result

    def attempt(self, repeat, keep, *cycles):
        """Runs and closes it. A broken promise is a failure of the result, done again by the arguments `repeat` of
        run.py; its directory stays then."""
        failed = True
        try:
            self.run(*cycles)
            failed = False
        except BROKEN as problem:
            self.save_evidence()
            self._result.fail(f"{problem}\n    kept: {self.directory}", f"tests/fault/run.py {repeat}")
        finally:
            self.close(keep or (failed and self._result.keeps))

    def run(self, *cycles):
        raise NotImplementedError

    def save_evidence(self):
        """Where a data directory would not stay by itself."""

    def close(self, keep):
        self.server.close()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def count(self, what, times=1):
        self._result.count(what, times)

    def begin_load(self, tolerated=tolerates, heavy=False):
        load = Load(self.ledger, self.server, self.random.random(), tolerated, heavy)
        load.start()
        return load

    def end_load(self, load):
        load.end()
        self.count("writes acknowledged", load.acknowledged)
        self.count("views compared", load.looks)
        if load.problems:
            raise Wrong("; ".join(load.problems[:SHOWN_MAX]))

    def pause(self, least, most):
        """Lets the load go on for a random moment; it ends early with the server."""
        self.server.wait_killed(self.random.uniform(least, most))

    def restart_and_verify(self):
        self.server.kill_if_running()
        self.server.start()
        self.count("restarts verified")
        if problems := verify(self.ledger, self.server, self.random):
            raise Wrong("; ".join(problems[:SHOWN_MAX]))
