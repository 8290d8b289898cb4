"""Facts about what bench/run stands on; `/usr/bin/python3 -m pytest bench/tests`."""
import argparse
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from measure import data_set, load, machine, main, report, result, session  # noqa: E402  (the path comes first)


def blob_file(content, frames=None):
    frames = -(-len(content) // data_set.FRAME_BYTES) if frames is None else frames
    header = data_set.HEADER_MAGIC + bytes(data_set.HEADER_BYTES - 8)
    footer = data_set.FOOTER.pack(data_set.FOOTER_MAGIC, 7, len(content), frames, 0, 0, 0)
    return header + content + bytes(4 * frames) + footer


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 300_000])
def test_unframed_copy_is_the_content(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "framed").write_bytes(blob_file(content))
    data_set.copy_unframed(tmp_path / "framed", tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == content


@pytest.mark.parametrize("damage", [
    lambda whole: whole[:-1], lambda whole: whole[1:], lambda whole: whole + b"x", lambda whole: b"",
    lambda whole: whole[:200] + whole[201:], lambda whole: blob_file(b"x" * 70_000, frames=1)])
def test_damaged_blob_file_is_refused(tmp_path, damage):
    (tmp_path / "framed").write_bytes(damage(blob_file(b"x" * 70_000)))
    with pytest.raises(result.NotMeasured):
        data_set.content_bytes(tmp_path / "framed")


def test_footer_has_the_size_of_the_format():
    assert data_set.FOOTER.size == 48
    assert struct.calcsize("<8sQQQI") == 36


def test_quantile_is_a_value_that_enough_values_do_not_exceed():
    values = list(range(1, 101))
    assert [result.quantile(values, share) for share in (0.01, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    assert result.quantile([5], 0.5) == 5
    assert result.median([3, 1, 2]) == 2


def test_verdict_is_met_only_where_all_holds():
    assert result.verdict(True, True) == "met"
    assert result.verdict(True, False) == "missed"


def test_table_wraps_long_results_and_keeps_every_word():
    words = [f"word{number}" for number in range(40)]
    text = report.table([result.Row("name", ">= 1", " ".join(words), "2 x", "met")])
    assert set(words) <= set(text.split())
    assert len({line.startswith("name") for line in text.splitlines()}) == 2


WRK = """Running 1s test
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.11ms    2.22ms   9.99ms   95.03%
  Latency Distribution
     50%  602.00us
     75%  719.00us
     90%    1.01ms
     99%    1.20s
  104032 requests in 1.00s, 16.97MB read
{problems}Requests/sec: 103654.21
Transfer/sec:     16.90MB
"""


class Printed:
    """A session whose programs print a given text."""

    def __init__(self, text):
        self._text = text

    def run(self, *_arguments):
        return self._text


def test_wrk_output_is_read():
    found = load.run_wrk(Printed(WRK.format(problems="")), [0], 64, 1, "")
    assert (found["requests_per_s"], found["requests"]) == (103654.21, 104032)
    assert (found["p50_ms"], found["p99_ms"], found["problems"]) == (0.602, 1200.0, [])


def test_wrk_problems_are_not_overlooked():
    found = load.run_wrk(Printed(WRK.format(problems="  Non-2xx or 3xx responses: 5\n")), [0], 64, 1, "")
    assert found["problems"] == ["Non-2xx or 3xx responses: 5"]
    with pytest.raises(result.NotMeasured):
        load.run_wrk(Printed("unable to connect"), [0], 64, 1, "")


def test_an_operation_that_never_happened_has_no_cost():
    with pytest.raises(result.NotMeasured):
        load.cpu_per({"server_cpu_seconds": 1, "cpu_seconds": 1}, 0)


def new_session(tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    for name in ("insula", "insula-load"):
        (build / name).touch()
    made = session.Session(argparse.Namespace(quick=True, settings={}, build=str(build), work=str(tmp_path / "work")))
    cores = os.sched_getaffinity(0)
    made.open()
    os.sched_setaffinity(0, cores)
    return made


def test_close_ends_what_was_started_and_removes_what_was_made(tmp_path):
    made = new_session(tmp_path)
    (made.directory("data") / "file").touch()
    process = made.spawn(["sleep", "60"])
    made.close()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "work").exists()


def test_leftovers_of_dead_runs_are_removed_and_others_kept(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (str(dead.pid), str(os.getppid()), "mine"):
        (tmp_path / "work" / name).mkdir(parents=True)
    made = new_session(tmp_path)
    made.close()
    assert {path.name for path in (tmp_path / "work").iterdir()} == {str(os.getppid()), "mine"}


def test_missing_build_is_said(tmp_path):
    made = session.Session(argparse.Namespace(quick=True, settings={}, build=str(tmp_path), work=str(tmp_path / "w")))
    with pytest.raises(result.NotMeasured, match="make build"):
        made.open()


def test_program_that_fails_or_hangs_is_no_measurement(tmp_path):
    made = new_session(tmp_path)
    try:
        with pytest.raises(result.NotMeasured, match="ended with 3: why"):
            made.run(["sh", "-c", "echo why >&2; exit 3"], 10)
        with pytest.raises(result.NotMeasured, match="did not end"):
            made.run(["sleep", "60"], 0.1)
    finally:
        made.close()


def test_reason_of_a_measurement_that_failed_becomes_a_row(tmp_path, monkeypatch):
    def fails(_session):
        raise result.NotMeasured("the disk is gone")
    made = new_session(tmp_path)
    monkeypatch.setitem(main.MEASUREMENTS, "disk", fails)
    rows, about = main.measure(made, "disk")
    made.close()
    assert [(row.result, row.verdict) for row in rows] == [("the disk is gone", "failed")]
    assert 0 <= about["others_cpu_share"] <= 1


def test_cpu_of_a_process_is_counted_and_of_none_is_zero():
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert machine.process_cpu_seconds(os.getpid()) >= 0.05
    assert machine.process_cpu_seconds(2**22 + 1) == 0


def test_sync_latency_leaves_no_file(tmp_path):
    for overwrite in (False, True):
        found = machine.sync_latency(tmp_path, 0.02, overwrite)
        assert found["syncs"] > 0 and found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert not list(tmp_path.iterdir())
