"""What a machine does to a server that lives: it is stopped for a while, runs out of descriptors or memory, its clock
jumps. Under load: errors are told, nothing hangs, nothing is lost, and it goes on by itself once the strain is over.
"""
import contextlib
import mmap
import os
import pathlib
import resource
import signal
import socket
import statistics
import struct
import time

from client import Client
from ledger import Ledger
from load import tolerates, tolerates_faults, verify
from report import Result
from rounds import FAILURES_MAX, SHOWN_MAX, Round, Wrong
from server import binary

BEFORE_SECONDS = (0.1, 0.4)
RECOVERS_SECONDS_MAX = 20
PROGRESS_WRITES = 5
CYCLES_A_ROUND = 4

PAUSE_SECONDS = (0.5, 2.0)
LONG_PAUSE_SECONDS = (10.0, 60.0)  # where there is time

SPARE_DESCRIPTORS = 4
IDLE_CONNECTIONS = 40
DESCRIPTORS_SECONDS = (0.3, 1.0)
FEW_DESCRIPTORS = (8, 16, 32, 64)

SPARE_MEMORY_BYTES = (4 << 20, 48 << 20)
MEMORY_SECONDS = (0.3, 1.0)
LITTLE_MEMORY = {"INSULA_TABLES_MEMTABLE_BYTES": "16MiB", "INSULA_TABLES_MEMTABLE_SOURCE_BYTES": "8MiB",
                 "INSULA_TABLES_FLUSH_SOURCE_BYTES": "1MiB"}

# Keys of batches are kept for a day: jumps stay within it, so that retries have to be known.
JUMPS_SECONDS = (1, -1, 60, -60, 3600, -3600, 5 * 3600, -5 * 3600)
CLOCK_SECONDS = (0.1, 0.4)
FAR_SECONDS = (400 * 86400, -400 * 86400)


class StrainRound(Round):
    """Cycles on one server that goes on living; each ends with writes that succeed."""

    def __init__(self, part, seed, result, budget, environment=None):
        super().__init__(part, seed, result, environment=environment)
        self._budget = budget

    def run(self, cycles):
        self.server.start(**self.settings())
        load = self.begin_load(self.tolerated())
        try:
            for _ in range(cycles):
                self.pause(*BEFORE_SECONDS)
                self.strain()
                self.expect_progress(load)
                self.count(self.unit)
        finally:
            self.end_load(load)
        self.restart_and_verify()
        self.server.stop()

    unit = "strains"

    def settings(self):
        return {}

    def tolerated(self):
        return tolerates_faults

    def strain(self):
        raise NotImplementedError

    def process(self):
        if self.server.has_ended():
            raise Wrong(f"the server ended with {self.server.ending()}\n{self.server.log_tail()}")
        return self.server.process.pid

    def expect_progress(self, load):
        before = load.acknowledged
        give_up = time.monotonic() + RECOVERS_SECONDS_MAX
        while load.acknowledged < before + PROGRESS_WRITES:
            self.process()
            if time.monotonic() > give_up:
                raise Wrong(f"{load.acknowledged - before} writes succeed within {RECOVERS_SECONDS_MAX} s of its end"
                            f"\n{self.server.log_tail()}")
            self.pause(0.02, 0.02)

    def hold(self, least, most):
        time.sleep(self.random.uniform(least, most))  # how long the strain lasts


class Pauses(StrainRound):
    """SIGSTOP, and SIGCONT after a while: as a machine that is suspended, or a debugger."""
    unit = "pauses"

    def tolerated(self):
        return tolerates

    def strain(self):
        long = self._budget.is_long() and self.random.random() < 0.2
        os.kill(self.process(), signal.SIGSTOP)
        try:
            self.hold(*(LONG_PAUSE_SECONDS if long else PAUSE_SECONDS))
        finally:
            self.server.process.send_signal(signal.SIGCONT)


class Descriptors(StrainRound):
    """No descriptor is left, and clients go on connecting."""
    unit = "times without descriptors"

    def run(self, cycles):
        super().run(cycles)
        self._start_with_few()

    def strain(self):
        process = self.process()
        soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{process}/fd"))
        resource.prlimit(process, resource.RLIMIT_NOFILE, (used + self.random.randrange(SPARE_DESCRIPTORS), hard))
        try:
            with contextlib.ExitStack() as idle:
                for _ in range(IDLE_CONNECTIONS):
                    idle.enter_context(self._connect())
                self.hold(*DESCRIPTORS_SECONDS)
        finally:
            resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))

    def _connect(self):
        connection = socket.socket()
        connection.settimeout(1)
        with contextlib.suppress(OSError):  # refused is as good
            connection.connect(("127.0.0.1", self.server.port))
        return connection

    def _start_with_few(self):
        """It starts, or says by its exit code and its log that it cannot."""
        for descriptors in FEW_DESCRIPTORS:
            self.server.launch(command_prefix=["prlimit", f"--nofile={descriptors}"])
            ready = self.server.wait_ready()
            self.count("starts with few descriptors")
            if ready:
                self.server.stop()
            elif self.server.process.returncode <= 0:
                raise Wrong(f"with {descriptors} descriptors it ended with {self.server.ending()}\n"
                            f"{self.server.log_tail()}")
        self.restart_and_verify()


class Memory(StrainRound):
    """The system gives hardly any memory more."""
    unit = "times without memory"

    def settings(self):
        return {"environment": LITTLE_MEMORY}

    def strain(self):
        process = self.process()
        soft, hard = resource.prlimit(process, resource.RLIMIT_AS)
        pages = int(pathlib.Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[0])
        spare = self.random.randint(*SPARE_MEMORY_BYTES)
        resource.prlimit(process, resource.RLIMIT_AS, (pages * resource.getpagesize() + spare, hard))
        try:
            self.hold(*MEMORY_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(process, resource.RLIMIT_AS, (soft, hard))


class Clock(StrainRound):
    """The time of day jumps, back and forth, under load and between starts."""
    unit = "jumps of the clock"

    def __init__(self, part, seed, result, budget, environment=None):
        super().__init__(part, seed, result, budget, environment)
        path = self.directory / "clock"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self._offset = mmap.mmap(file.fileno(), 8)
        shim = binary().parent / "libinsula-clock-shim.so"
        self._environment = {"LD_PRELOAD": str(shim), "CLOCK_OFFSET_FILE": str(path)}
        self.server = type(self.server)(self.directory, environment=self._environment)

    def _set(self, seconds):
        self._offset[:] = struct.pack("=q", seconds)

    def tolerated(self):
        return tolerates

    def strain(self):
        self._set(self.random.choice(JUMPS_SECONDS))
        self.hold(*CLOCK_SECONDS)

    def run(self, cycles):
        super().run(cycles)
        for seconds in (*JUMPS_SECONDS, *FAR_SECONDS):
            self._set(seconds)
            self.count(self.unit)
            self.server.start()
            # Keys are forgotten after a day.
            if problems := verify(self.ledger, self.server, self.random, retries_max=0):
                raise Wrong(f"{seconds} s off: " + "; ".join(problems[:SHOWN_MAX]))
            load = self.begin_load(self.tolerated())
            self.expect_progress(load)
            self.end_load(load)
            self.server.kill()
        self._set(0)
        self.server.start()
        if problems := verify(self.ledger, self.server, self.random, retries_max=0):
            raise Wrong("; ".join(problems[:SHOWN_MAX]))
        self.server.stop()


def part(name, kind):
    def run(budget, seed, only="", keep=False, failures_max=FAILURES_MAX):
        del only
        result = Result(name)
        done = 0
        while budget.goes_on(done) and len(result.failures) < failures_max:
            one = kind(name, seed + done, result, budget)
            one.attempt(f"{name} --seed {seed + done} --runs 1", keep, CYCLES_A_ROUND)
            done += CYCLES_A_ROUND
        return result.end()
    return run


# Soak: the same work for hours.

# A round is as much work whatever else the machine does: what a server holds goes by what it was given.
SOAK_ROUND_WRITES = 4000
SOAK_ROUND_SECONDS_MAX = 600
WARM_ROUNDS = 3
QUIET_SECONDS = 3
MEMORY_GROWTH = 1.15
MEMORY_GROWTH_BYTES = 24 << 20
DESCRIPTORS_GROWTH, THREADS_GROWTH = 8, 2


def usage_of(process):
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    return {"memory": int(status["VmRSS"].split()[0]) << 10, "threads": int(status["Threads"]),
            "descriptors": len(os.listdir(f"/proc/{process}/fd"))}


class Soak(Round):
    """Rounds of equal load on one server that is never restarted; after each, all sources go, so that what is left is
    the same each time. The middle of the last quarter of the rounds is compared with that of the first."""

    def __init__(self, seed, result, budget):
        super().__init__("soak", seed, result)
        self._budget = budget
        self._usages = []

    def run(self):
        self.server.start()
        done = 0
        while self._budget.goes_on(done) or len(self._usages) < 2 * WARM_ROUNDS:
            load = self.begin_load()
            self._await_writes(load)
            self.end_load(load)
            if problems := verify(self.ledger, self.server, self.random):
                raise Wrong("; ".join(problems[:SHOWN_MAX]))
            self._remove_all()
            time.sleep(QUIET_SECONDS)  # what was used for the load is given back
            self._usages.append(usage_of(self.server.process.pid))
            self.ledger = Ledger()
            done += 1
            self.count("rounds")
        self._compare()
        self.restart_and_verify()
        self.server.stop()

    def _await_writes(self, load):
        give_up = time.monotonic() + SOAK_ROUND_SECONDS_MAX
        while load.acknowledged < SOAK_ROUND_WRITES:
            if self.server.has_ended():
                raise Wrong(f"the server ended with {self.server.ending()}\n{self.server.log_tail()}")
            if time.monotonic() > give_up:
                raise Wrong(f"{load.acknowledged} writes in {SOAK_ROUND_SECONDS_MAX} s\n{self.server.log_tail()}")
            self.pause(0.05, 0.05)

    def _remove_all(self):
        client = Client(self.server.port)
        for source in client.sources():
            client.remove_source(source)
        client.close()

    def _compare(self):
        quarter = max(WARM_ROUNDS, len(self._usages) // 4)
        early, late = self._usages[1:1 + quarter], self._usages[-quarter:]
        of = {what: tuple(statistics.median_low(usage[what] for usage in part) for part in (early, late))
              for what in early[0]}
        self.count("MiB at first", of["memory"][0] >> 20)
        self.count("MiB at last", of["memory"][1] >> 20)
        self.count("descriptors at last", of["descriptors"][1])
        self.count("threads at last", of["threads"][1])
        allowed = {"memory": of["memory"][0] * MEMORY_GROWTH + MEMORY_GROWTH_BYTES,
                   "descriptors": of["descriptors"][0] + DESCRIPTORS_GROWTH,
                   "threads": of["threads"][0] + THREADS_GROWTH}
        for what, (first, last) in of.items():
            if last > allowed[what]:
                raise Wrong(f"{what}: {first} after the first rounds, {last} after the last: "
                            f"{[usage[what] for usage in self._usages]}")


def run_soak(budget, seed, only="", keep=False, failures_max=FAILURES_MAX):
    del only, failures_max
    result = Result("soak")
    one = Soak(seed, result, budget)
    one.attempt(f"soak --seed {seed}", keep)
    return result.end()


pauses = part("pause", Pauses)
descriptors = part("descriptors", Descriptors)
memory = part("memory", Memory)
clock = part("clock", Clock)
