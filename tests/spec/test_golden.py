"""What released versions wrote: opened by this one, every row compared, whatever step the first start is killed at."""
import contextlib
import json
import pathlib
import sys
import tarfile

import pytest
import spec_server
from test_damage import insula_json, running

pytestmark = pytest.mark.embedded_catalog("what is stored has its catalog in control.db")
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import make  # noqa: E402

ARCHIVES = sorted(GOLDEN.glob("*.tar.xz"))
# Of a first start on another version's directory, in order; what it has no need of is not reached.
STEPS = ("catalog.migration.applied", "catalog.migration.committed", "storage.catalog.sync.before",
         "storage.catalog_log.sync.after", "node.start.catalog_opened", "node.start.epochs_raised",
         "storage.stream.rename.after", "node.start.journal_checked", "node.start.stream_created",
         "node.start.proved", "tables.recovery.record_replayed", "node.start.recovered")


@pytest.fixture(params=[(path, end) for path in ARCHIVES for end in ("stop", "kill")],
                ids=lambda param: f"{param[0].name.removesuffix('.tar.xz')}-{param[1]}")
def golden(request):
    path, end = request.param
    with tarfile.open(path) as archive:
        expected = json.load(archive.extractfile("expected.json"))[end]

    @contextlib.contextmanager
    def copy():
        with contextlib.closing(spec_server.Server(["--dev"], "")) as server:
            with tarfile.open(path) as archive:
                archive.extractall(server.directory, [m for m in archive if m.name.startswith(end)])
            (server.directory / end).rename(server.data_directory)
            yield server
    return copy, expected


def compare(server, expected):
    found = make.rows_of(server)
    assert sorted(found) == sorted(expected["rows"])
    for source, rows in expected["rows"].items():
        assert len(found[source]) == len(rows), source
        for here, there in zip(found[source], rows):
            assert here == there, source


def test_there_is_one_of_every_released_version():
    assert [path.name for path in ARCHIVES] == ["0.1.0.tar.xz"]


def test_every_row_is_there_and_a_known_key_is_known(golden):
    copy, expected = golden
    with copy() as server:
        assert insula_json("verify", "--data-dir", server.data_directory, "--deep")["sound"]
        with running(server):
            compare(server, expected)
            status, _, answer = server.request(
                "POST", "/data/write?source_id=new",
                {"Content-Type": "application/json", "Idempotency-Key": make.KEY}, make.KEYED_BODY.encode())
            again = json.loads(answer)
            assert (status, again["duplicate"]) == (200, True)
            assert (again["rows"], again["position"]) == (expected["keyed"]["rows"], expected["keyed"]["position"])
            make.Builder(server).write("typed", [make.typed(900)])
            server.stop()
        assert insula_json("verify", "--data-dir", server.data_directory, "--deep")["sound"]
        with running(server):
            extra = make.rows_of(server)["typed"]
            assert extra[:-1] == expected["rows"]["typed"] and extra[-1]["fields"]["n"] == 900


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_the_first_start_loses_nothing(golden, step):
    copy, expected = golden
    with copy() as server:
        died = False
        config = server.directory / "config.yaml"
        config.write_text(f"server: {{fail_points: '{step}:1:kill'}}\n", encoding="utf-8")
        try:
            server.start()
        except spec_server.ServerError as ended:
            assert "exit code -9" in str(ended), ended
            died = True
        if not died:
            server.kill()
        assert died or step.startswith(("catalog.migration", "storage.")), "every start takes this step"
        config.write_text("", encoding="utf-8")
        with running(server):
            compare(server, expected)
