"""Power cuts under the real server, on real file systems: ext4 and xfs in image files (volume.py). After each cut the
volume is mounted again as a machine would after a power failure, the server started, and everything checked.

A real cut takes the processors with the disk. The ioctl does not, and a sync that is under way when it comes may return
without an error although nothing of it was kept: on Linux 6.18, of 150 cuts under eight threads that append and sync,
68 such answers on ext4 and 90 on xfs. So the server is frozen first, with its syncs still under way, and never sees
what they return. Now and then it goes on, as when a disk dies under it, and what it answers from then on proves
nothing, except that it is not half a batch."""
import contextlib
import shutil
import subprocess

import volume
from load import tolerates_faults
from report import Result
from rounds import FAILURES_MAX, Round

CYCLES_A_ROUND = 8
LOAD_SECONDS = (0.05, 0.6)
DISK_DIES_EVERY = 3
# A server that has no disk any more may still answer what it has in memory.
AFTER_CUT_SECONDS = (0.0, 0.05)
CUT_AT_START_EVERY = 4
START_SECONDS = (0.0, 0.2)


class PowerRound(Round):
    def __init__(self, seed, result, disk, environment):
        super().__init__("power", f"{disk.kind} {seed}", result, data=disk.path / "data",
                         environment=environment)
        self._disk = disk

    def run(self, cycles):
        self.restart_and_verify()
        for number in range(1, cycles + 1):
            self.count(f"cuts on {self._disk.kind}")
            if number % CUT_AT_START_EVERY == 0:
                self._cut_at_start()
            else:
                self._cut_under_load(goes_on=number % DISK_DIES_EVERY == 0)
            self._disk.remount()
            self.restart_and_verify()
        self.server.stop()

    def save_evidence(self):
        self.server.kill_if_running()
        if self._result.keeps:
            self._disk.remount()
            shutil.copytree(self._disk.path, self.directory / "data-as-found",
                            ignore=shutil.ignore_patterns("lost+found"))

    def _cut_under_load(self, goes_on):
        load = self.begin_load(tolerates_faults)
        self.pause(*LOAD_SECONDS)
        if goes_on:
            load.doubt()
            self._disk.cut_power()
            self.pause(*AFTER_CUT_SECONDS)
        else:
            self.server.freeze()
            self._disk.cut_power()
        self.server.kill()
        self.end_load(load)

    def _cut_at_start(self):
        """The power goes while a start is cleaning up after a kill."""
        load = self.begin_load()
        self.pause(*LOAD_SECONDS)
        self.server.kill()
        self.end_load(load)
        self.server.launch()
        self._wait(*START_SECONDS)
        self._disk.cut_power()
        self.server.kill()

    def _wait(self, least, most):
        with contextlib.suppress(subprocess.TimeoutExpired):  # still running, as it should
            self.server.process.wait(self.random.uniform(least, most))


def run(budget, seed, only="", keep=False, environment=None, failures_max=FAILURES_MAX, expected=False):
    """Rounds on each kind in turn; kinds that the machine does not allow are skipped with the reason. `expected`: a
    failure is what is hoped for, so it is not shown and nothing is kept."""
    result = Result("power", keeps=not expected)
    try:
        volume.own_mounts()
    except volume.Unavailable as reason:
        result.skipped = str(reason)
        return result.end()
    reasons = []
    usable = [kind for kind in volume.KINDS if only in kind]
    cuts = 0
    while usable and budget.goes_on(cuts) and len(result.failures) < failures_max:
        kind = usable[cuts // CYCLES_A_ROUND % len(usable)]
        try:
            disk = volume.Volume(kind)
        except volume.Unavailable as reason:
            usable.remove(kind)
            reasons.append(f"{kind}: {reason}")
            continue
        try:
            one = PowerRound(seed + cuts, result, disk, environment)
            one.attempt(f"power --only {kind} --seed {seed + cuts} --runs 1", keep, CYCLES_A_ROUND)
        finally:
            disk.close()
        cuts += CYCLES_A_ROUND
    result.left_out = "; ".join(reasons)
    if not usable:
        result.skipped = result.left_out
    return result.end()
