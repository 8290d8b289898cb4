"""kill -9 of the real server under load: at random moments, and at every named fail point; and calls of the disk
that fail once under it. After each restart everything is checked against the ledger.

A round is a new data directory and a number of cycles on it; its seed gives the same plan again.
"""
import dataclasses
import random
import time

from load import tolerates_faults
from points import DELAYS, ERRORS, POINTS, Point
from report import Result
from rounds import FAILURES_MAX, Round
from server import Ended

CYCLES_A_ROUND = 8
# Under load a point is reached within this time, or it counts as missed and the server is killed all the same.
REACH_SECONDS_MAX = 4.0
LOAD_SECONDS = (0.05, 0.6)
# How long clients go on after a call of the disk has failed.
AFTER_ERROR_SECONDS = 0.3
# Of so many cycles one is killed at a random moment, in one a call of the disk fails, in one a point is held up: the
# others are enough to come by every point within the kills of `make test`.
RANDOM_EVERY, ERROR_EVERY, DELAY_EVERY = 7, 6, 11
TRIES_MAX = 4  # of a point that is not reached

# No flush: what memory holds is replayed by a server with less memory.
HEAVY = {"INSULA_TABLES_MEMTABLE_BYTES": "512MiB", "INSULA_TABLES_MEMTABLE_SOURCE_BYTES": "256MiB",
         "INSULA_TABLES_FLUSH_SOURCE_BYTES": "256MiB", "INSULA_JOURNAL_FLUSH_BYTES": "1GiB"}
LITTLE = {"INSULA_TABLES_MEMTABLE_BYTES": "16MiB", "INSULA_TABLES_MEMTABLE_SOURCE_BYTES": "16MiB",
          "INSULA_TABLES_FLUSH_SOURCE_BYTES": "16MiB"}
HEAVY_BYTES = 24 << 20
HEAVY_SECONDS_MAX = 20


@dataclasses.dataclass(frozen=True)
class Plan:
    """One cycle: where the server dies. Without a point, at a random moment."""
    point: Point | None = None
    action: str = "kill"

    def __str__(self):
        return f"{self.point.name}:{self.action}" if self.point else "random"


class Plans:
    """What the cycles do, one after the other: every point in turn, in an order of the seed."""

    def __init__(self, seed, only=""):
        """`only`: these, in turn, as Plan prints them: "random", "NAME:kill", "NAME:error"; NAME alone is killed."""
        self._random = random.Random(seed)
        self._only = [self._read(text) for text in only.split(",") if text]
        self._left = {"kill": [], "error": [], "delay": []}
        self._tries = {}
        self._given = 0

    @staticmethod
    def _read(text):
        if text == "random":
            return Plan()
        name, _, action = text.partition(":")
        action = action or "kill"
        known = {"kill": POINTS, "error": ERRORS, "delay": DELAYS}[action]
        return Plan(next((point for point in known if point.name == name), Point(name)), action)

    def next(self):
        self._given += 1
        if self._only:
            return self._only[(self._given - 1) % len(self._only)]
        if self._given % RANDOM_EVERY == 0:
            return Plan()
        if self._given % ERROR_EVERY == 0:
            return self._next_of("error", ERRORS)
        if self._given % DELAY_EVERY == 0:
            return self._next_of("delay", DELAYS)
        return self._next_of("kill", POINTS)

    def _next_of(self, action, points):
        left = self._left[action]
        if not left:
            left += self._random.sample(points, len(points))
        return Plan(left.pop(), action)

    def most(self, point):
        """How often it may be passed before it strikes: less often where it was not reached in time before."""
        return max(point.most // self._tries.get(point, 1) ** 2, 1)

    def missed(self, plan):
        """The point was not reached; it comes again soon."""
        tries = self._tries[plan.point] = self._tries.get(plan.point, 1) + 1
        if tries <= TRIES_MAX:
            self._left[plan.action].append(plan.point)


class KillRound(Round):
    def __init__(self, seed, result, plans, environment):
        super().__init__("kill", seed, result, environment=environment)
        self._plans = plans
        self.reached = set()

    def run(self, plans):
        first = plans[0] if plans[0].point and plans[0].point.phase == "first" else None
        if first:
            self.count("kills")
            self._die_at_start(first)
        self.restart_and_verify()
        for plan in plans[1:] if first else plans:
            self._cycle(plan)
            self.restart_and_verify()
        self.server.stop()

    def _cycle(self, plan):
        point = plan.point
        self.count("errors of the disk" if plan.action == "error" else "kills")
        if point is None or plan.action == "delay":
            self._load_and_kill(plan)
        elif plan.action == "error":
            self._fail_under_load(plan)
        elif point.phase == "load":
            self._die_under_load(plan)
        elif point.phase == "stop":
            self._die_at_stop(plan)
        else:
            self._prepare(point)
            self._die_at_start(plan, LITTLE if point.heavy else None)

    def _prepare(self, point):
        """Leaves something that the next start has to do."""
        if point.after:
            self._die_under_load(Plan(Point(point.after, most=2)))
        elif point.heavy:
            self._load_heavily_and_kill()
        else:
            self._load_and_kill(Plan())

    def _mark(self, plan, reached):
        if reached:
            self.reached.add(plan)
        else:
            self.count("not reached in time")
            self._plans.missed(plan)

    def _armed(self, plan):
        return [f"{plan.point.name}:{self.random.randint(1, self._plans.most(plan.point))}:{plan.action}"]

    def _load_and_kill(self, plan):
        if plan.point:
            self.server.kill()
            self.server.start(points=self._armed(plan))
        load = self.begin_load()
        self.pause(*LOAD_SECONDS)
        self.server.kill()
        self.end_load(load)

    def _load_heavily_and_kill(self):
        self.server.kill()
        self.server.start(environment=HEAVY)
        load = self.begin_load(heavy=True)
        give_up = time.monotonic() + HEAVY_SECONDS_MAX
        while self._journal_bytes() < HEAVY_BYTES and time.monotonic() < give_up:
            self.pause(0.05, 0.05)
        self.server.kill()
        self.end_load(load)

    def _journal_bytes(self):
        return sum(path.stat().st_size for path in self.server.data.glob("journal/*/*.seg"))

    def _was_killed(self):
        if not self.server.wait_killed(0):
            raise Ended(f"ended with {self.server.ending()}\n{self.server.log_tail()}")

    def _die_under_load(self, plan):
        self.server.kill()
        self.server.launch(points=self._armed(plan))
        if not self.server.wait_ready():
            self._was_killed()  # a start passes it too
            self._mark(plan, True)
            return
        load = self.begin_load()
        reached = self.server.wait_killed(REACH_SECONDS_MAX)
        self.server.kill()
        self.end_load(load)
        self._mark(plan, reached)

    def _die_at_start(self, plan, environment=None):
        self.server.kill_if_running()
        self.server.launch(points=self._armed(plan), environment=environment)
        ready = self.server.wait_ready()
        if not ready:
            self._was_killed()
        self.server.kill()
        self._mark(plan, not ready)

    def _die_at_stop(self, plan):
        self.server.kill()
        self.server.start(points=self._armed(plan))
        load = self.begin_load()
        self.pause(*LOAD_SECONDS)
        stopped = self.server.stop()
        self.end_load(load)
        self._mark(plan, not stopped)

    def _fail_under_load(self, plan):
        self.server.kill()
        self.server.launch(points=self._armed(plan))
        if not self.server.wait_ready():
            self._mark(plan, True)  # a start that fails says so by its exit code
            return
        load = self.begin_load(tolerates_faults)
        give_up = time.monotonic() + REACH_SECONDS_MAX
        while load.refused == 0 and time.monotonic() < give_up:
            self.pause(0.02, 0.02)
        self.pause(AFTER_ERROR_SECONDS, AFTER_ERROR_SECONDS)
        self.server.kill()
        self.end_load(load)
        self._mark(plan, f"fail point {plan.point.name}" in self.server.log_since_start() or load.refused > 0)


def run(budget, seed, only="", keep=False, environment=None, failures_max=FAILURES_MAX, expected=False):
    """Goes on until the budget is used up. `expected`: a failure is what is hoped for, so it is not shown and nothing
    is kept."""
    result = Result("kill", keeps=not expected)
    plans = Plans(seed, only)
    reached = set()
    cycles = 0
    while budget.goes_on(result.counts.get("kills", 0)) and len(result.failures) < failures_max:
        chosen = [plans.next() for _ in range(CYCLES_A_ROUND)]
        # The first start of a directory is the first cycle of a round.
        chosen.sort(key=lambda plan: not (plan.point and plan.point.phase == "first"))
        round_seed, cycles = seed + cycles, cycles + CYCLES_A_ROUND
        one = KillRound(round_seed, result, plans, environment)
        one.attempt(f"kill --seed {round_seed} --runs 1 --only {','.join(map(str, chosen))}", keep, chosen)
        reached |= {plan.point.name for plan in one.reached if plan.action == "kill"}
    missing = sorted({point.name for point in POINTS} - reached)
    result.count(f"of {len(POINTS)} fail points reached", len(POINTS) - len(missing))
    if missing and not only and not result.failures and result.counts.get("kills", 0) > 3 * len(POINTS):
        result.fail(f"points never reached: {', '.join(missing)}", f"tests/fault/run.py kill --only {missing[0]}")
    return result.end()
