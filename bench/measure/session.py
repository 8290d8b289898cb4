"""Session: one run of bench/run: its options, its work directory, the programs that it started.

Everything that a run makes stands below one directory, and every program that it starts is registered here, so that
close() can end and remove all of it however the run ends.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import time

from measure import machine
from measure.result import NotMeasured, Skipped

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GB = 10**9
FREE_BYTES_MIN = 12 * GB
FREE_BYTES_MIN_QUICK = 4 * GB
END_SECONDS_MAX = 5


class Session:
    def __init__(self, options):
        self.quick = options.quick
        self.settings = options.settings   # name -> value, given to the server's environment
        build = pathlib.Path(options.build)
        self.build = build if build.is_absolute() else ROOT / build
        self.cores = sorted(os.sched_getaffinity(0))[:2]
        self._programs = []
        self._work_root = pathlib.Path(options.work).resolve()
        self.work = self._work_root / str(os.getpid())

    def open(self):
        for name in ("insula", "insula-load"):
            if not (self.build / name).exists():
                raise NotMeasured(f"{self.build / name} is missing: run make build, or name another folder "
                                  "with INSULA_BUILD")
        self._remove_leftovers()
        self.work.mkdir(parents=True)
        needed = FREE_BYTES_MIN_QUICK if self.quick else FREE_BYTES_MIN
        free = shutil.disk_usage(self.work).free
        if free < needed:
            raise NotMeasured(f"{self.work} has {free / GB:.1f} GB free, {needed / GB:.0f} GB are needed: "
                              "name another folder with --work")
        # Inherited by all that is started: the figures are those of two cores wherever they are taken.
        os.sched_setaffinity(0, self.cores)

    def _remove_leftovers(self):
        """Of runs that were killed; a directory is named by the process that uses it."""
        if not self._work_root.is_dir():
            return
        for left in self._work_root.iterdir():
            if left.name.isdigit() and not pathlib.Path(f"/proc/{left.name}").exists():
                shutil.rmtree(left)

    def seconds(self, full, quick):
        return quick if self.quick else full

    def directory(self, name):
        path = self.work / name
        path.mkdir()
        return path

    def program(self, name):
        return str(self.build / name)

    def need(self, program, package):
        if shutil.which(program) is None:
            raise Skipped(f"{program} is not installed (Debian package {package})")
        return program

    def spawn(self, command, **settings):
        """Starts a program in a process group of its own, so that Ctrl-C reaches it only by way of close()."""
        process = subprocess.Popen(command, start_new_session=True, **settings)
        self._programs.append(process)
        return process

    def run(self, command, seconds_max, **settings):
        """Runs a program to its end; returns what it printed. Raises where it fails or takes longer."""
        process = self.spawn(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, **settings)
        try:
            output, errors = process.communicate(timeout=seconds_max)
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"{command[0]} did not end within {seconds_max:.0f} s") from None
        finally:
            self.end(process)
        if process.returncode != 0:
            said = (errors or output).strip().splitlines()
            raise NotMeasured(f"{pathlib.Path(command[0]).name} ended with {process.returncode}: "
                              f"{said[-1] if said else 'it said nothing'}")
        return output

    def end(self, process):
        if process.poll() is None:
            process.kill()
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return  # stuck in the kernel; stays registered, so that close() tries again
        if process in self._programs:
            self._programs.remove(process)

    def forget(self, process):
        """A program that has ended and was waited for."""
        self._programs.remove(process)

    def own_cpu_seconds(self):
        """CPU of this run so far: this program, those that ended and those that run."""
        total = sum(machine.process_cpu_seconds(process.pid) for process in self._programs
                    if process.returncode is None)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            total += usage.ru_utime + usage.ru_stime
        return total

    def close(self):
        for process in list(self._programs):
            self.end(process)
        if self.work.exists():
            shutil.rmtree(self.work)
        if self._work_root.is_dir() and not any(self._work_root.iterdir()):
            self._work_root.rmdir()


class Bystanders:
    """How much of the machine programs that are not ours took, since it was made."""

    def __init__(self, session):
        self._session = session
        self._begin = self._now()

    def _now(self):
        return time.monotonic(), machine.busy_seconds(), self._session.own_cpu_seconds()

    def share(self):
        elapsed, busy, own = (now - begin for now, begin in zip(self._now(), self._begin))
        capacity = elapsed * os.cpu_count()
        return max(0.0, min(1.0, (busy - own) / capacity)) if capacity > 0 else 0.0
