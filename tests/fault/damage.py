"""Damage to a data directory that the real server wrote: one bit flipped, a page of zeros, a file cut, at and around
every boundary within it; files swapped, put back as they were earlier, missing. Whatever is damaged, the server must
refuse to start, or refuse to answer, or answer as if nothing had happened, since the bytes mean nothing; never
otherwise. And `insula verify --deep` must name the file that it refuses.

Two directories are damaged in turn: one of a server that was stopped, one of a server that was killed. Of the second,
what was written last may be cut off with the torn tail of its journal (docs/formats/journal.md, "What cannot be told").
"""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

from client import Client, Gone, Refused
from ledger import Ledger, LifeState
from load import read_all
from report import Result
from rounds import FAILURES_MAX, memory_directory
from server import EXIT_DAMAGE, Ended, Server, binary

EXIT_DATA_DIRECTORY = 5
VERIFY_SECONDS_MAX = 60
CATALOG, CATALOG_LOG = "control.db", "control.db-wal"
PAGE_BYTES = 4096
FRAME_BYTES = 64 << 10
BLOB_HEADER_BYTES = 64
SEGMENT_HEADER_BYTES = 4096
RECORD_HEADER_BYTES = 112
RECORD_MAGIC = b"IJRC"
RECORD_LENGTH_AT = 80
NEAR = (-1, 0, 1)
AT_ONCE = 2
LAST_ADDED = "added last"
# Of one pair of directories.
DAMAGES_OF_A_PAIR = 400


@dataclasses.dataclass(frozen=True)
class Damage:
    what: str    # flip, zero, cut, swap, stale, missing
    path: str    # in the data directory
    at: int = 0  # bit of a flip, else byte
    other: str = ""

    def __str__(self):
        place = f" at {self.at}" if self.what in ("flip", "zero", "cut") else ""
        return f"{self.what} {self.path}{place}{' and ' + self.other if self.other else ''}"

    def touches(self, file):
        """The catalog's database and its log are one thing in two files."""
        return file in (self.path, self.other) or (self.path == CATALOG_LOG and file == CATALOG)


class Original:
    """A data directory as the server left it, and what it answered."""

    def __init__(self, directory, killed, random_, environment=None):
        self.killed = killed
        self.directory = pathlib.Path(directory)
        self.data = self.directory / "data"
        self.earlier = self.directory / "earlier"  # the same directory, some time before
        self._environment = environment
        # Batches of the last start: those in the journal, and those that went to files at once.
        self._last, self._last_direct = [], []
        self._write(random_)
        # Answers are those of a copy: a start changes the directory.
        self.answers = self.ask(self.copy("asked"))
        shutil.rmtree(self.directory / "asked")
        if not isinstance(self.answers, Answers):
            raise Ended(f"nothing is damaged, and the server says: {self.answers.text}")

    def _write(self, random_):
        """Three starts. Some sources are in files, some in the journal, one in both, one is removed."""
        server = Server(self.directory, environment=self._environment)
        ledger = Ledger()
        try:
            for start in range(3):
                server.start()
                client = Client(server.port)
                self._last, self._last_direct = [], []
                for source in ("both", "files", "journal", "removed"):
                    if start == 0:
                        client.add_source(source, wal_enabled=source != "files")
                        ledger.begin_life(source, LifeState.LIVING)
                    if life := ledger.life_of(source):
                        self._write_source(client, ledger, life, random_)
                if start == 1:
                    client.remove_source("removed")
                    ledger.life_of("removed").state = LifeState.REMOVED
                if start == 2:
                    client.add_source(LAST_ADDED)  # what the catalog's log ends with
                client.close()
                if self.killed or start != 1:
                    server.kill()
                else:
                    server.stop()
                if start == 0:
                    shutil.copytree(self.data, self.earlier)
            if not self.killed:
                server.start()
                server.stop()
        finally:
            server.close()

    def _write_source(self, client, ledger, life, random_):
        batches = {"both": 25, "files": 3, "journal": 12, "removed": 2}[life.source]
        sizes = (1, 3, 40) if life.source == "both" else (1, 2, 5)
        for _ in range(batches):
            batch = ledger.begin_batch(life, random_.choice(sizes), random_.random() < 0.5)
            client.write(life.source, batch.body(), batch.key)
            (self._last_direct if life.source == "files" else self._last).append(batch.number)

    def copy(self, name):
        target = self.directory / name
        shutil.copytree(self.data, target / "data")
        return target

    def ask(self, directory):
        """What a server on the directory answers: Answers, or why it does not."""
        server = Server(directory, environment=self._environment)
        try:
            server.launch()
            if not server.wait_ready():
                return Refusal(server.process.returncode, server.log_since_start())
            client = Client(server.port)
            try:
                return Answers(rows=read_all(client), sources=client.json("GET", "/sources")["sources"])
            except Refused as refused:
                return Refusal(None, f"{refused.code} {server.log_since_start()}", refused.code)
            except (Gone, AssertionError) as problem:
                return Refusal(None, f"{problem}\n{server.log_tail()}", "no answer")
            finally:
                client.close()
        finally:
            server.close()

    def is_cut_tail(self, damage, found):
        """Of a killed server, damage of what was written last looks like a torn tail of the journal or of the catalog's
        log, and a file that was cut, or zeros over the last records, like none were written."""
        if not self.killed:
            return False
        if damage.path == CATALOG_LOG:
            ends = [set(self._last_direct[count:]) for count in range(len(self._last_direct) + 1)]
            most = {"cut": len(ends), "zero": 2}.get(damage.what, 1)
            return any(self._without(gone, {LAST_ADDED}) == found.rows for gone in ends[-most:])
        if not damage.path.endswith(".seg"):
            return False
        most = len(self._last) if damage.what in ("zero", "cut") else 1
        return any(self._without(set(self._last[-count:])) == found.rows for count in range(1, most + 1))

    def _without(self, batches, sources=()):
        return {source: [row for row in rows if row["batch"] not in batches]
                for source, rows in self.answers.rows.items() if source not in sources}

    # What may be damaged.

    def damages(self, random_, count, only):
        """So many damages, spread over the files: most of them at boundaries, some at random places."""
        everything = [self._swaps(), self._stale()]
        for path in sorted(p for p in self.data.rglob("*") if p.is_file()):
            name = str(path.relative_to(self.data))
            if name == "LOCK" or path.suffix == ".spare":
                continue
            content = path.read_bytes()
            everything.append([Damage("missing", name)])
            everything.append([Damage(what, name, at) for what, at in at_boundaries(name, content)])
            if content:
                everything.append([Damage("flip", name, random_.randrange(8 * len(content)))
                                   for _ in range(count // 8 + 1)])
        everything = [[damage for damage in damages if only in str(damage)] for damages in everything]
        for damages in everything:
            random_.shuffle(damages)
        random_.shuffle(everything)
        # In turn, so that a short run meets every file.
        chosen = []
        while len(chosen) < count and any(everything):
            chosen += [damages.pop() for damages in everything if damages]
        return chosen[:count]

    def _names(self, pattern):
        return sorted(str(p.relative_to(self.data)) for p in self.data.glob(pattern))

    def _differ(self, name, other):
        return (self.data / name).read_bytes() != other.read_bytes()

    def _swaps(self):
        swaps = []
        for pattern in ("journal/*/*.seg", "blob/**/*.parquet"):
            names = self._names(pattern)
            swaps += [Damage("swap", a, other=b) for a in names for b in names
                      if a < b and self._differ(a, self.data / b)]
        return swaps

    def _stale(self):
        """Single files as they were earlier, the others as they are; and the whole catalog."""
        names = sorted(str(p.relative_to(self.earlier)) for p in self.earlier.rglob("*") if p.is_file())
        stale = [Damage("stale", name) for name in names
                 if (self.data / name).exists() and self._differ(name, self.earlier / name)]
        return [*stale, Damage("stale", CATALOG, other=CATALOG_LOG)]


@dataclasses.dataclass
class Answers:
    rows: dict
    sources: list


@dataclasses.dataclass
class Refusal:
    exit_code: int | None
    text: str
    code: str = ""


def boundaries(name, content):
    """Offsets at which something begins or ends."""
    if name.endswith(".seg"):
        at = SEGMENT_HEADER_BYTES
        found = [0, 48, 60, at]
        while content[at:at + 4] == RECORD_MAGIC:
            length = int.from_bytes(content[at + RECORD_LENGTH_AT:at + RECORD_LENGTH_AT + 4], "little")
            found += [at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length]
            at += (RECORD_HEADER_BYTES + length + 7) // 8 * 8
            found.append(at)
        return found
    if name.endswith(".parquet"):
        # Header, frames, the table of their checksums, what ends the file.
        frames = range(BLOB_HEADER_BYTES + FRAME_BYTES, len(content), FRAME_BYTES)
        return [0, BLOB_HEADER_BYTES, *frames, len(content) - 48, len(content) - 52, len(content)]
    return [*range(0, len(content), PAGE_BYTES), len(content)]


def at_boundaries(name, content):
    found = set()
    for boundary in boundaries(name, content):
        for near in NEAR:
            at = boundary + near
            if 0 <= at < len(content):
                found.add(("flip", 8 * at + (at * 7) % 8))
                found.add(("cut", at))
        page = boundary // PAGE_BYTES * PAGE_BYTES
        if any(content[page:page + PAGE_BYTES]):
            found.add(("zero", page))
    return sorted(found)


def apply(damage, data, original):
    path = data / damage.path
    if damage.what == "missing":
        path.unlink()
    elif damage.what == "swap":
        other = data / damage.other
        content = path.read_bytes()
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
    elif damage.what == "stale":
        for name in filter(None, (damage.path, damage.other)):
            (data / name).unlink(missing_ok=True)
            if (original.earlier / name).exists():
                shutil.copyfile(original.earlier / name, data / name)
    else:
        content = bytearray(path.read_bytes())
        if damage.what == "flip":
            content[damage.at // 8] ^= 1 << damage.at % 8
        elif damage.what == "zero":
            content[damage.at:damage.at + PAGE_BYTES] = bytes(len(content[damage.at:damage.at + PAGE_BYTES]))
        else:
            del content[damage.at:]
        path.write_bytes(content)


# What became of it.

@dataclasses.dataclass
class Verified:
    """What `insula verify --deep` says of the directory before a server changes it."""
    exit_code: int
    text: str
    findings: list

    def names(self, damage):
        return any(damage.touches(finding["file"]) for finding in self.findings if is_damage(finding)) \
            or damage.path in self.text or (damage.path == "VERSION" and self.exit_code == EXIT_DATA_DIRECTORY)

    def names_offset(self, damage, wanted=lambda _: True):
        return any(damage.touches(finding["file"]) and finding.get("offset") is not None and wanted(finding)
                   for finding in self.findings)


def is_damage(finding):
    return finding["severity"] == "damage"


def verify(directory, environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("INSULA_")}
    done = subprocess.run([binary(), "verify", "--deep", "--json", "--quiet", "--data-dir", directory / "data"],
                          env={**clean, **(environment or {})}, capture_output=True, text=True, check=False,
                          timeout=VERIFY_SECONDS_MAX)
    try:
        findings = json.loads(done.stdout)["findings"]
    except (ValueError, KeyError):
        findings = []  # it did not come so far
    return Verified(done.returncode, done.stdout + done.stderr, findings)


def judge(damage, original, found, verified):
    """(what happened, what is wrong with that)."""
    if isinstance(found, Refusal):
        if found.exit_code is None:
            outcome, right = f"answered {found.code}", found.code == "damaged_data"
        else:
            expected = EXIT_DATA_DIRECTORY if damage.path == "VERSION" else EXIT_DAMAGE
            outcome, right = "refused at the start", found.exit_code == expected
        if not right:
            return outcome, f"{outcome}, exit code {found.exit_code}: {found.text[-1500:]}"
        if verified.exit_code == 0 or not verified.names(damage):
            return outcome, f"{outcome}, but verify does not name it: exit code {verified.exit_code}, {verified.text}"
        return outcome, None
    if found == original.answers:
        return "the same answers", unnoticed(damage, original, verified)
    if original.is_cut_tail(damage, found):
        return "cut off as a torn tail", None
    return "OTHER ANSWERS", f"other answers\n    {difference(original, found)}"


def unnoticed(damage, original, verified):
    """Of a stopped server each bit of a segment or data file counts, read or not. Behind the end of a stream that was
    killed once, it may be of a torn tail, which is told and no damage."""
    kept = damage.path.endswith((".seg", ".parquet"))
    if original.killed or damage.what != "flip" or not kept:
        return None
    if not verified.names_offset(damage):
        return f"verify does not name file and offset: exit code {verified.exit_code}, {verified.text}"
    return None


def difference(original, found):
    lines = []
    for source in sorted(set(original.answers.rows) | set(found.rows)):
        before, after = original.answers.rows.get(source), found.rows.get(source)
        if before != after:
            lines.append(f"source {source}: {len(before or ())} rows before, {len(after or ())} after"
                         f"{' (none before)' if before is None else ''}{' (none after)' if after is None else ''}")
    if original.answers.sources != found.sources:
        lines.append(f"sources: {json.dumps(original.answers.sources)[:700]}\n  now: {json.dumps(found.sources)[:700]}")
    return "\n    ".join(lines)


def try_one(number, damage, original, environment):
    copy = original.copy(f"damaged{number}")
    try:
        apply(damage, copy / "data", original)
        verified = verify(copy, environment)
        return damage, original, verified, *judge(damage, original, original.ask(copy), verified)
    except (Ended, subprocess.TimeoutExpired) as problem:
        return damage, original, None, "hung", f"hung: {problem}"
    finally:
        shutil.rmtree(copy)


def run(budget, seed, only="", keep=False, environment=None, failures_max=FAILURES_MAX, expected=False):
    del keep  # a damage is made again within a second
    result = Result("damage", keeps=not expected)
    done = 0
    while budget.goes_on(done) and len(result.failures) < failures_max:
        round_seed = seed + done
        random_ = random.Random(f"damage {round_seed}")
        with tempfile.TemporaryDirectory(prefix="insula-damage-", dir=memory_directory()) as directory:
            pair = budget.share(done, DAMAGES_OF_A_PAIR)
            tries = []
            for name, killed in (("stopped", False), ("killed", True)):
                (pathlib.Path(directory) / name).mkdir()
                original = Original(pathlib.Path(directory) / name, killed, random_, environment)
                tries += [(damage, original) for damage in original.damages(random_, (pair + 1) // 2, only)]
            if not tries:
                result.fail(f"nothing is named {only}", "tests/fault/run.py damage")
                break
            done += try_all(tries, result, round_seed, failures_max, environment)
    result.counts = {"damaged positions": done, **result.counts}
    return result.end()


def try_all(tries, result, seed, failures_max, environment):
    done = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(try_one, number, *one, environment) for number, one in enumerate(tries)]
        for finished in concurrent.futures.as_completed(waiting):
            damage, original, verified, outcome, wrong = finished.result()
            done += 1
            result.count(outcome)
            if verified and verified.names_offset(damage, is_damage):
                result.count("named with their offset by verify")
            if wrong:
                state = "killed" if original.killed else "stopped"
                result.fail(f"{damage} ({state} server): {wrong}",
                            f"tests/fault/run.py damage --seed {seed} --runs {len(tries)} --only '{damage}'")
                if len(result.failures) >= failures_max:
                    pool.shutdown(cancel_futures=True)
                    break
    return done
