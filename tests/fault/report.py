"""What a part of the programme has to say: counts, failures, and how to repeat each."""
import dataclasses
import sys
import time


@dataclasses.dataclass
class Result:
    """Of one part: what was done how often, and what went wrong."""
    part: str
    counts: dict = dataclasses.field(default_factory=dict)
    failures: list = dataclasses.field(default_factory=list)
    skipped: str = ""   # the reason, where nothing of the part could be done
    left_out: str = ""  # what of it could not be done, and why
    keeps: bool = True  # shows failures, and keeps what they are about
    began: float = dataclasses.field(default_factory=time.monotonic)
    seconds: float = 0.0

    def count(self, what, times=1):
        self.counts[what] = self.counts.get(what, 0) + times

    def fail(self, what, repeat):
        self.failures.append(f"{what}\n    repeat: {repeat}")
        if self.keeps:
            print(f"{self.part}: FAILED: {self.failures[-1]}", file=sys.stderr, flush=True)

    def end(self):
        self.seconds = time.monotonic() - self.began
        return self

    def table(self):
        """The counts, one in each line."""
        if self.skipped:
            return f"  {self.part}: skipped: {self.skipped}"
        lines = [f"  {self.part}: {self._outcome()}", *(f"{times:12,} {what}" for what, times in self.counts.items())]
        return "\n".join(lines + ([f"             left out: {self.left_out}"] if self.left_out else []))

    def _outcome(self):
        return f"{len(self.failures)} FAILED" if self.failures else "nothing wrong"

    def line(self):
        if self.skipped:
            return f"{self.part:<11} skipped: {self.skipped}"
        done = ", ".join(f"{times:,} {what}" for what, times in self.counts.items())
        outcome = self._outcome()
        left_out = f"; left out: {self.left_out}" if self.left_out else ""
        return f"{self.part:<11} {done}{left_out}; {outcome} ({self.seconds:.0f} s)"


LONG_SECONDS = 300


class Budget:
    """How long a part goes on: until both its least number of runs and its time are reached."""

    def __init__(self, seconds, least):
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._least = least

    def is_long(self):
        """Whether what takes a minute has its place."""
        return self._seconds >= LONG_SECONDS

    def share(self, done, most=1000):
        """How many runs to prepare at once."""
        return max(min(self._least - done, most), 100)

    def goes_on(self, done):
        return done < self._least or time.monotonic() < self._ends
