"""The catalog's PostgreSQL under load: killed, restarted, away for a while, frozen, its sessions ended; alone, and
together with the server that needs it. Clients go on meanwhile; afterwards everything is checked against the ledger.

A round is a new data directory and a schema of its own; its seed gives the same plan again.
"""
import os
import pathlib
import random
import re
import signal
import sys
import time

from client import Client, Gone, Refused
from load import tolerates_outages
from report import Result
from rounds import FAILURES_MAX, Round, Wrong

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "spec"))
from spec_postgres import Postgres, why_not  # noqa: E402

CYCLES_A_ROUND = 4
LOAD_SECONDS = (0.1, 0.3)
AWAY_SECONDS = (0.0, 0.3)
# Of a command, repeats included: shorter than some outages here, longer than others.
COMMAND_TIMEOUTS_MS = (300, 1000, 5000)
OUTLAST_MS_MAX = 1500  # outages are made to outlast command timeouts up to this
# A request needs a few commands and waits for those of others; beyond this it hangs.
REQUEST_SECONDS_MAX = 30
GOES_ON_SECONDS_MAX = 20
ACKNOWLEDGED_WHILE_AWAY = 20
CHANGE_POINTS = ("catalog.postgres.change_made", "catalog.postgres.change_done")
CHANGES_MAX = 30  # a start makes some
REACH_SECONDS_MAX = 10
SESSIONS = "FROM pg_stat_activity WHERE application_name = 'insula catalog'"


class PostgresRound(Round):
    def __init__(self, seed, result, postgres, planted=None):
        super().__init__("postgres", seed, result)
        self._postgres = postgres
        self._planted = planted
        self._timeout_ms = self.random.choice(COMMAND_TIMEOUTS_MS)
        self._load = None
        self._frozen = []
        self._environment = {**postgres.environment(),
                             "INSULA_CATALOG_COMMAND_TIMEOUT": f"{self._timeout_ms}ms",
                             "INSULA_DATABASE_CONNECTION_TIMEOUT": "2s"}
        self.server.set_environment(self._environment)

    def run(self, troubles):
        self.restart_and_verify()
        for trouble in troubles:
            self._load = self.begin_load(tolerates_outages)
            self.pause(*LOAD_SECONDS)
            self.count("troubles")
            TROUBLES[trouble](self)
            self.pause(*LOAD_SECONDS)
            self._end()
            if self._planted:
                self._postgres.sql(self._planted.format(schema=self._environment["INSULA_CATALOG_SCHEMA"]))
            self.restart_and_verify()
        self.server.stop()

    def _end(self):
        """The server is stopped in one of its ways, while the load goes on."""
        load = self._load
        if load is None:
            return
        if not self.server.has_ended():
            self._count_metrics()
        if self.server.has_ended() or self.random.random() < 0.3:
            self.server.kill_if_running()
        elif self.random.random() < 0.3:
            load.expect_stop()
            self.server.stop()
        self.end_load(load)
        for code, times in load.codes.items():
            if code.startswith("catalog_"):
                self.count(f"refused with {code}", times)
        if load.seconds_max > REQUEST_SECONDS_MAX:
            raise Wrong(f"a request took {load.seconds_max:.1f} s")

    def _count_metrics(self):
        client = Client(self.server.port)
        try:
            text = client.request("GET", "/metrics").decode()
        except (Gone, Refused):
            return  # the clients see what is wrong
        finally:
            client.close()
        for name, what in (("repeats", "commands repeated"), ("unknown_outcomes", "outcomes not learnt in time")):
            self.count(what, int(float(re.search(rf"^insula_catalog_{name}_total (\S+)", text, re.M)[1])))

    def _start_again(self):
        self.pause(*AWAY_SECONDS)
        self._postgres.start()
        self.count("restarts of PostgreSQL")

    # What happens to PostgreSQL.

    def kill(self):
        self._postgres.kill()
        self._start_again()

    def crash(self):
        self._postgres.crash()
        self._start_again()

    def stop(self):
        self._postgres.stop()
        self._start_again()

    def kill_often(self):
        for _ in range(self.random.randint(2, 5)):
            self.kill()
            self.pause(0.0, 0.3)

    def kill_session(self):
        """PostgreSQL recovers as after a crash when one of its processes is killed."""
        if pids := self._sessions():
            os.kill(self.random.choice(pids), signal.SIGKILL)
            self.count("sessions killed")
            self._postgres.wait_until_ready()

    def end_sessions(self):
        for _ in range(self.random.randint(5, 25)):
            self.count("sessions ended", int(self._postgres.sql(f"SELECT count(pg_terminate_backend(pid)) {SESSIONS}")))
            self.pause(0.0, 0.05)

    def away(self):
        """Longer than a command waits. What does not need the catalog goes on."""
        self._postgres.stop()
        self._outlast()
        before = self._load.acknowledged
        give_up = time.monotonic() + GOES_ON_SECONDS_MAX
        while self._load.acknowledged < before + ACKNOWLEDGED_WHILE_AWAY:
            if time.monotonic() > give_up:
                raise Wrong(f"{self._load.acknowledged - before} writes acknowledged while PostgreSQL was away")
            self.pause(0.01, 0.01)
        self.count("writes acknowledged while it was away", self._load.acknowledged - before)
        self._start_again()

    def freeze(self):
        """Nothing is answered, and carried out later all the same."""
        self._freeze()
        self._outlast()
        self._thaw()

    def freeze_and_take_over(self):
        """What the old process had sent is carried out before the new one reads anything, or never."""
        self._freeze()
        self.pause(*AWAY_SECONDS)
        self.server.kill()
        self.end_load(self._load)
        self.server.launch()
        self.pause(*AWAY_SECONDS)
        self._thaw()
        self._ready()

    def kill_both(self):
        self._postgres.kill()
        self.pause(*AWAY_SECONDS)
        self.server.kill()
        self.end_load(self._load)
        self.server.launch()  # waits for PostgreSQL
        self._start_again()
        self._ready()

    def die_in_change(self):
        """The server dies where a change is not sent yet, or sent and its answer not looked at."""
        self.server.kill()
        self.end_load(self._load)
        self._load = None
        self.server.launch(points=[f"{self.random.choice(CHANGE_POINTS)}:{self.random.randint(1, CHANGES_MAX)}:kill"])
        if self.server.wait_ready():
            self._load = self.begin_load(tolerates_outages)
        if not self.server.wait_killed(REACH_SECONDS_MAX):
            self.count("change not reached in time")

    def stop_while_away(self):
        """A server that is told to stop does so, whether or not it reaches its catalog."""
        self._postgres.stop()
        self.pause(*AWAY_SECONDS)
        self._load.expect_stop()
        self.server.stop()
        self.end_load(self._load)
        self._postgres.start()
        self.count("restarts of PostgreSQL")
        self.server.start()
        self._load = self.begin_load(tolerates_outages)

    def _ready(self):
        if not self.server.wait_ready():
            raise Wrong(f"the server ended at its start with {self.server.ending()}\n{self.server.log_tail()}")
        self._load = self.begin_load(tolerates_outages)

    def _outlast(self):
        if self._timeout_ms <= OUTLAST_MS_MAX:
            self.pause(self._timeout_ms / 1000, 2 * self._timeout_ms / 1000)
        else:
            self.pause(*LOAD_SECONDS)

    def _sessions(self):
        return [int(pid) for pid in self._postgres.sql(f"SELECT pid {SESSIONS}").split()]

    def _freeze(self):
        self._frozen = self._sessions()
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)
        self.count("sessions frozen", len(self._frozen))

    def _thaw(self):
        for pid in self._frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # it has ended meanwhile
        self._frozen = []

    def close(self, keep):
        self._thaw()
        super().close(keep)


TROUBLES = {
    "kill": PostgresRound.kill,
    "crash": PostgresRound.crash,
    "stop": PostgresRound.stop,
    "kill_often": PostgresRound.kill_often,
    "kill_session": PostgresRound.kill_session,
    "end_sessions": PostgresRound.end_sessions,
    "away": PostgresRound.away,
    "freeze": PostgresRound.freeze,
    "freeze_and_take_over": PostgresRound.freeze_and_take_over,
    "kill_both": PostgresRound.kill_both,
    "die_in_change": PostgresRound.die_in_change,
    "stop_while_away": PostgresRound.stop_while_away,
}


class Plans:
    """Every trouble in turn, in an order of the seed."""

    def __init__(self, seed, only):
        self._random = random.Random(seed)
        self._only = [name for name in only.split(",") if name]
        if unknown := set(self._only) - set(TROUBLES):
            sys.exit(f"no trouble {', '.join(sorted(unknown))}; there are {', '.join(TROUBLES)}")
        self._left = []

    def next(self):
        if not self._left:
            self._left = list(self._only) or self._random.sample(list(TROUBLES), len(TROUBLES))
        return self._left.pop(0)


def run(budget, seed, only="", keep=False, planted=None, failures_max=FAILURES_MAX, expected=False):
    """Goes on until the budget is used up. `planted`: SQL that damages the catalog behind the server's back, so that a
    failure is `expected`: it is not shown then, and nothing is kept."""
    result = Result("postgres", keeps=not expected)
    if missing := why_not():
        result.skipped = missing
        return result.end()
    plans = Plans(seed, only)
    postgres = Postgres()
    cycles = 0
    try:
        while budget.goes_on(cycles) and len(result.failures) < failures_max:
            chosen = [plans.next() for _ in range(CYCLES_A_ROUND)]
            _one_round(result, postgres, seed + cycles, chosen, keep, planted)
            cycles += CYCLES_A_ROUND
    finally:
        postgres.close()
    return result.end()


def _one_round(result, postgres, seed, chosen, keep, planted):
    one = PostgresRound(seed, result, postgres, planted)
    one.attempt(f"postgres --seed {seed} --runs 1 --only {','.join(chosen)}", keep, chosen)
    postgres.start_if_stopped()
