"""The machine that is measured on: what it is, how busy others keep it, what its disk does."""
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import time

from measure.result import quantile

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE = 4096
OVERWRITTEN_PAGES = 1024


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_bytes():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def version_of(*command):
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "missing"
    text = (shown.stdout or shown.stderr).strip()
    return text.splitlines()[0] if text else "unknown"


def file_system_of(path):
    shown = subprocess.run(["df", "--output=fstype", str(path)], capture_output=True, text=True, check=False)
    return shown.stdout.split()[-1] if shown.returncode == 0 else "unknown"


def describe(work, cores):
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "cores_used": cores,
        "memory_bytes": memory_bytes(),
        "kernel": platform.release(),
        "file_system": file_system_of(work),
        "free_bytes": shutil.disk_usage(work).free,
        "load_average": os.getloadavg(),
    }


def busy_seconds():
    """CPU seconds that all cores together spent working since boot."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def process_cpu_seconds(pid):
    """User and system time of a process with all its threads; 0 once it is gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = stat.rpartition(")")[2].split()  # the name before may hold blanks
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def process_memory(pid):
    """VmRSS, RssAnon, RssFile and VmHWM in bytes."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in ("VmRSS", "VmHWM", "RssAnon", "RssFile"):
            found[key] = int(value.split()[0]) * 1024
    return found


def sync_latency(directory, seconds, overwrite):
    """Milliseconds of write + fdatasync of 4 KiB: appended, or over blocks written before.

    A journal that recycles its segments overwrites; a file that grows commits metadata with each sync.
    """
    path = pathlib.Path(directory) / "sync-latency"
    page = os.urandom(PAGE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    taken = []
    try:
        if overwrite:
            os.write(descriptor, os.urandom(PAGE * OVERWRITTEN_PAGES))
            os.fsync(descriptor)
        end = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            if overwrite:
                os.pwrite(descriptor, page, len(taken) % OVERWRITTEN_PAGES * PAGE)
            else:
                os.write(descriptor, page)
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - begin) * 1e3)
    finally:
        os.close(descriptor)
        path.unlink()
    return {"syncs": len(taken), "p50_ms": quantile(taken, 0.5), "p99_ms": quantile(taken, 0.99),
            "max_ms": max(taken)}


def sequential_rate(directory, source, piece_bytes):
    """MB/s at which the bytes of `source` go to a new file in pieces, each synced before the next."""
    data = pathlib.Path(source).read_bytes()
    path = pathlib.Path(directory) / "sequential"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(data)
        begin = time.perf_counter()
        for offset in range(0, len(data), piece_bytes):
            piece = view[offset:offset + piece_bytes]
            while piece:
                piece = piece[os.write(descriptor, piece):]
            os.fdatasync(descriptor)
        return len(data) / 1e6 / (time.perf_counter() - begin)
    finally:
        os.close(descriptor)
        path.unlink()
