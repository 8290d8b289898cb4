"""Ledger: what the clients sent and what was acknowledged, and what a server must therefore hold.

Every batch that was acknowledged is there, whole and once; every other one whole or not at all. What was there after
one restart is there after every later one, and what was not never comes. Rows carry the number of their batch and
the life of their source, and the rest of a row follows from them, so each row that comes back is checked by itself.

Thread-safe.
"""
import dataclasses
import enum
import json
import threading

COLUMNS = ["batch", "row", "rows", "life", "check", "text"]
TEXT_SIZES = (10, 100, 1000, 3000)


class State(enum.Enum):
    SENT = "sent"                  # no answer, or an error
    ACKNOWLEDGED = "acknowledged"  # or seen after a restart
    GONE = "gone"                  # not there after a restart: never again, unless it is sent again


class LifeState(enum.Enum):
    ADDING = "being added"
    LIVING = "living"
    REMOVING = "being removed"
    REMOVED = "removed"


@dataclasses.dataclass
class Life:
    """One life of a source, from its adding to its removal."""
    number: int
    source: str
    state: LifeState = LifeState.ADDING


@dataclasses.dataclass
class Batch:
    number: int
    life: Life
    rows: int
    keyed: bool
    state: State = State.SENT
    doubtful: bool = False  # some try of it ended without saying that nothing was changed

    @property
    def key(self):
        return f"batch-{self.number}" if self.keyed else None

    def body(self):
        return "".join(json.dumps(self.document(row)) + "\n" for row in range(self.rows)).encode()

    def document(self, row):
        check = check_of(self.number, row)
        return {"batch": self.number, "row": row, "rows": self.rows, "life": self.life.number, "check": check,
                "text": text_of(self.number, check)}

    def describe(self):
        return (f"batch {self.number} ({self.rows} rows, {'keyed' if self.keyed else 'no key'}, {self.state.value}) of "
                f"source {self.life.source}, life {self.life.number} ({self.life.state.value})")


def check_of(batch, row):
    return (batch * 1_000_003 + row * 7_919 + 12_345) * 2_654_435_761 % (1 << 53)


def text_of(batch, check):
    size = TEXT_SIZES[batch % len(TEXT_SIZES)]
    word = f"{check:x}."
    return (word * (size // len(word) + 1))[:size]


class Ledger:
    def __init__(self):
        self._lock = threading.Lock()
        self._batches = []
        self._lives = []

    def begin_life(self, source, state=LifeState.ADDING):
        with self._lock:
            self._lives.append(Life(len(self._lives), source, state))
            return self._lives[-1]

    def begin_batch(self, life, rows, keyed):
        with self._lock:
            self._batches.append(Batch(len(self._batches), life, rows, keyed))
            return self._batches[-1]

    def batches(self, state=None, life=None):
        with self._lock:
            return [b for b in self._batches
                    if (state is None or b.state is state) and (life is None or b.life is life)]

    def life_of(self, source):
        """The last life of a source that may be there; None if there is none."""
        with self._lock:
            for life in reversed(self._lives):
                if life.source == source and life.state is not LifeState.REMOVED:
                    return life
        return None

    def acknowledged(self):
        return len(self.batches(State.ACKNOWLEDGED))

    # What a running server shows.

    def problems_of_view(self, source, rows, acknowledged_before):
        """What is wrong with the rows of one query: half a batch, a row twice, a batch missing that had been
        acknowledged before the query was sent."""
        counts = {}
        problems = []
        for row in rows:
            counts.setdefault(row["batch"], set())
            if row["row"] in counts[row["batch"]]:
                problems.append(f"source {source}: row {row['row']} of batch {row['batch']} twice in one view")
            counts[row["batch"]].add(row["row"])
        with self._lock:
            for number, seen in counts.items():
                if len(seen) != self._batches[number].rows:
                    problems.append(f"half a batch in one view, {len(seen)} rows: {self._batches[number].describe()}")
            for number in acknowledged_before:
                if number not in counts:
                    problems.append(f"acknowledged and not seen: {self._batches[number].describe()}")
        return problems

    # What a server holds after a restart.

    def settle(self, found):
        """`found` maps each source that is there to its rows. Returns what is wrong, and settles what was in doubt:
        what is found now has to be found ever after, what is not, never."""
        with self._lock:
            problems = self._settle_lives(found)
            rows_of = {}
            for source, rows in found.items():
                problems += self._check_rows(source, rows, rows_of)
            for batch in self._batches:
                problems += self._settle_batch(batch, len(rows_of.get(batch.number, ())))
        return problems

    def _settle_lives(self, found):
        problems = []
        last = {life.source: life for life in self._lives}
        for source in found:
            if source not in last or last[source].state is LifeState.REMOVED:
                problems.append(f"source {source} is there and should not be")
        for life in self._lives:
            there = life is last[life.source] and life.source in found
            if life.state is LifeState.LIVING and not there:
                problems.append(f"source {life.source} is lost")
            elif life.state in (LifeState.ADDING, LifeState.REMOVING):
                life.state = LifeState.LIVING if there else LifeState.REMOVED
        return problems

    def _check_rows(self, source, rows, rows_of):
        problems = []
        for row in rows:
            number = row.get("batch")
            if not isinstance(number, int) or not 0 <= number < len(self._batches):
                problems.append(f"source {source}: a row that nobody sent: {row}")
                continue
            batch = self._batches[number]
            position = row.get("row")
            if batch.life.source != source or batch.life.state is LifeState.REMOVED:
                problems.append(f"source {source}: row {position} of {batch.describe()}")
            elif not isinstance(position, int) or row != batch.document(position):
                problems.append(f"source {source}: a row that is changed: {row} of {batch.describe()}")
            elif position in rows_of.setdefault(number, set()):
                problems.append(f"row {position} is doubled: {batch.describe()}")
            else:
                rows_of[number].add(position)
        return problems

    def _settle_batch(self, batch, rows):
        if batch.life.state is LifeState.REMOVED:
            batch.state = State.GONE
            return
        if rows not in (0, batch.rows):
            yield f"half a batch, {rows} rows: {batch.describe()}"
        if batch.state is State.ACKNOWLEDGED and rows == 0:
            yield f"acknowledged and lost: {batch.describe()}"
        if batch.state is State.GONE and rows > 0:
            yield f"it was not there and came back: {batch.describe()}"
        batch.state = State.ACKNOWLEDGED if rows > 0 else State.GONE
