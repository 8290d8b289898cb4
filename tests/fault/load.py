"""Load: clients that write, add and remove sources and look, side by side, until the server is gone or they are
asked to end. What they sent and what was acknowledged stands in the ledger."""
import collections
import random
import subprocess
import threading
import time

from client import Client, Gone, Refused
from ledger import COLUMNS, LifeState, State

SHARED_SOURCES = ("shared0", "shared1", "shared2")
SHARED_WRITERS = 3
OWNERS = 2
ROWS = (1, 1, 1, 2, 5, 20)
# More than a journal record of these settings holds (768 KiB): written to a file at once.
LARGE_ROWS = 400
HEAVY_ROWS = 60
END_SECONDS_MAX = 40
END_OF_SERVER_SECONDS_MAX = 2
LOOK_SECONDS = 0.15
BEFORE_RETRY_SECONDS = 0.02

# The server stops, or has no room for a moment; the batch stays in doubt.
TOLERATED = {"stopping", "starting", "journal_closed", "catalog_closed", "write_outcome_unknown", "memory_exhausted",
             "too_many_requests", "deadline_exceeded"}


# The catalog's database is away: what needs it says so, and may be sent again. Nothing was changed, or it is not known.
UNCHANGED = "catalog_unavailable"
AWAY = {UNCHANGED, "catalog_outcome_unknown", "source_removal_in_doubt"}


def tolerates(refused):
    return refused.code in TOLERATED


def tolerates_faults(refused):
    """A fault of the disk is told by an error of the server's, whichever, and never by an acknowledgement."""
    return refused.status >= 500 or refused.code in TOLERATED or refused.code == "source_removed"


def tolerates_outages(refused):
    return refused.code in TOLERATED or (refused.code in AWAY and refused.status == 503)


class Load:
    def __init__(self, ledger, server, seed, tolerated=tolerates, heavy=False):
        self._ledger = ledger
        self._server = server
        self._seed = seed
        self._tolerated = tolerated
        self._heavy = heavy
        self._ending = threading.Event()
        self._doubting = threading.Event()
        self._stopping = False
        self._threads = []
        self._lock = threading.Lock()
        self.problems = []
        self.acknowledged = 0
        self.refused = 0
        self.looks = 0
        self.codes = collections.Counter()  # of what was refused
        self.seconds_max = 0.0              # that a request took

    def start(self):
        for source in SHARED_SOURCES:
            if self._ledger.life_of(source) is None:
                self._ledger.begin_life(source)
        self._run("writer", self._write_shared, SHARED_WRITERS)
        self._run("owner", self._own, OWNERS)
        self._run("reader", self._look, 1)

    def end(self):
        """Lets the clients end; what they found wrong is in `problems`."""
        self._ending.set()
        for thread in self._threads:
            thread.join(END_SECONDS_MAX)
            if thread.is_alive():
                self._problem(f"{thread.name} hangs")

    def doubt(self):
        """From now on answers prove nothing: what they acknowledge stays in doubt, as if they had not come."""
        self._doubting.set()

    def _run(self, name, work, count):
        for number in range(count):
            thread = threading.Thread(target=self._client, args=(work, number), name=f"{name} {number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _problem(self, text):
        with self._lock:
            self.problems.append(text)

    def _client(self, work, number):
        client = Client(self._server.port)
        try:
            work(client, number, random.Random(f"{self._seed} {work.__name__} {number}"))
        except Gone as problem:
            if not self._server_ends():
                self._problem(f"no answer, and the server lives: {problem}")
        except Exception as problem:  # a client that dies silently would be a load that tests nothing
            self._problem(f"{threading.current_thread().name}: {problem!r}")
        finally:
            client.close()

    def expect_stop(self):
        """The server is told to stop: it closes connections, and may take its time to end."""
        self._stopping = True

    def _server_ends(self):
        """A killed process closes its sockets a moment before it can be seen to have ended."""
        if self._stopping:
            return True
        try:
            self._server.process.wait(END_OF_SERVER_SECONDS_MAX)
            return True
        except subprocess.TimeoutExpired:
            return self._ending.is_set()

    # One request each; errors that are not tolerated are problems. True: it is certain that it was done.

    def _try(self, request, on_refusal=lambda refused: None):
        began = time.monotonic()
        try:
            request()
            return not self._doubting.is_set()
        except Refused as refused:
            with self._lock:
                self.refused += 1
                self.codes[refused.code] += 1
            on_refusal(refused)
            if not self._tolerated(refused):
                self._problem(str(refused))
            self._ending.wait(BEFORE_RETRY_SECONDS)
            return False
        finally:
            with self._lock:
                self.seconds_max = max(self.seconds_max, time.monotonic() - began)

    def _send(self, client, batch):
        answer = {}

        def refused(error):
            # Unless an earlier try is in doubt: that one may still come.
            if error.code == UNCHANGED and not batch.doubtful:
                batch.state = State.GONE
            else:
                batch.doubtful = True

        batch.state = State.SENT
        if not self._try(lambda: answer.update(client.write(batch.life.source, batch.body(), batch.key)), refused):
            return False
        if answer["rows"] != batch.rows:
            self._problem(f"answered with {answer['rows']} rows: {batch.describe()}")
        if batch.life.state is LifeState.ADDING:
            batch.life.state = LifeState.LIVING
        batch.state = State.ACKNOWLEDGED
        with self._lock:
            self.acknowledged += 1
        return True

    def _new_batch(self, life, rng):
        rows = rng.choice(ROWS)
        if self._heavy:
            rows = HEAVY_ROWS
        elif rng.random() < 0.02:
            rows = LARGE_ROWS
        return self._ledger.begin_batch(life, rows, rng.random() < 0.5)

    # Clients.

    def _write_shared(self, client, _number, rng):
        while not self._ending.is_set():
            life = self._ledger.life_of(rng.choice(SHARED_SOURCES))
            batch = self._new_batch(life, rng)
            # Where the answer is an error, a retry with its key is safe.
            if not self._send(client, batch) and batch.keyed:
                self._send(client, batch)

    def _own(self, client, number, rng):
        """Adds and removes sources that nobody else touches, and writes to them."""
        while not self._ending.is_set():
            source = f"own{number}-{rng.randrange(2)}"
            life = self._ledger.life_of(source)
            if life is not None and life.state is LifeState.REMOVING:
                self._ending.wait(BEFORE_RETRY_SECONDS)  # in doubt until the next start
                continue
            if life is None:
                life = self._ledger.begin_life(source)
                if rng.random() < 0.7 and not self._add(client, life, rng):
                    continue
            for _ in range(rng.randrange(1, 12)):
                if self._ending.is_set():
                    return
                self._send(client, self._new_batch(life, rng))
            if rng.random() < 0.4:
                self._remove(client, life)

    def _add(self, client, life, rng):
        options = {"wal_enabled": rng.random() < 0.6}
        if rng.random() < 0.5:
            options["schema_definition"] = {"batch": "int64", "text": "string"}

        def add():
            try:
                client.add_source(life.source, **options)
            except Refused as refused:
                # An earlier try, in doubt, has worked after all.
                if refused.code != "source_exists":
                    raise
        if self._try(add):
            life.state = LifeState.LIVING
            return True
        return False

    def _remove(self, client, life):
        if life.state is not LifeState.LIVING:
            return
        life.state = LifeState.REMOVING

        def refused(error):
            if error.code == UNCHANGED:
                life.state = LifeState.LIVING

        if self._try(lambda: client.remove_source(life.source), refused):
            life.state = LifeState.REMOVED

    def _look(self, client, _number, rng):
        """A view never holds half a batch, a row twice, or less than was acknowledged before it was asked for."""
        while not self._ending.wait(LOOK_SECONDS):
            source = rng.choice(SHARED_SOURCES)
            life = self._ledger.life_of(source)
            before = [batch.number for batch in self._ledger.batches(State.ACKNOWLEDGED, life)]
            if not before:
                continue
            rows = []
            if self._try(lambda: rows.extend(client.rows(source, ["batch", "row"]))):
                for problem in self._ledger.problems_of_view(source, rows, before):
                    self._problem(problem)
                self.looks += 1


def read_all(client):
    """Every source that is there, with its rows."""
    found = {}
    for source in client.sources():
        count = client.count(source)
        # A source without rows may have no columns to ask for.
        found[source] = client.rows(source, COLUMNS) if count > 0 else []
        if len(found[source]) != count:
            raise AssertionError(f"source {source}: a count of {count}, and {len(found[source])} rows")
    return found


def verify(ledger, server, rng, retries_max=25):
    """What is wrong after a restart: all rows against the ledger, then retries of batches with a key."""
    client = Client(server.port)
    try:
        problems = ledger.settle(read_all(client))
        keyed = [b for b in ledger.batches() if b.keyed and b.life.state is LifeState.LIVING]
        for batch in rng.sample(keyed, min(retries_max, len(keyed))):
            problems += _retry(client, batch)
        return problems
    finally:
        client.close()


def _retry(client, batch):
    """What is there must not come twice, what is not must come now."""
    was_there = batch.state is State.ACKNOWLEDGED
    batch.state = State.SENT
    answer = client.write(batch.life.source, batch.body(), batch.key)
    batch.state = State.ACKNOWLEDGED
    if answer["duplicate"] != was_there:
        yield f"a retry of what was {'' if was_there else 'not '}there said duplicate={answer['duplicate']}: " \
              f"{batch.describe()}"
