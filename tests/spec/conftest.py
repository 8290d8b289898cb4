"""Makes each case of each *.yaml here a test of pytest; see README.md in this folder."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import spec_match  # noqa: E402
import spec_postgres  # noqa: E402
import spec_server  # noqa: E402
import spec_steps  # noqa: E402

FILE_KEYS = {"about", "server", "cases", "rows_in"}
SERVER_KEYS = {"arguments", "config"}
CASE_KEYS = {"name", "note", "steps", "skip"}


def pytest_addoption(parser):
    parser.addoption("--catalog", choices=["sqlite", "postgresql"], default="sqlite",
                     help="where the servers under test keep their catalog; the specification is the same")


def pytest_configure(config):
    """SIGTERM ends the run as Ctrl-C does: servers are stopped, directories removed."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", 143))
    config.addinivalue_line("markers", "embedded_catalog(reason): not with --catalog postgresql")
    config.addinivalue_line("markers", "own_catalog: the same whatever --catalog says")
    if config.getoption("--catalog") != "postgresql" or spec_postgres.why_not():
        return
    config.postgres = spec_postgres.Postgres()
    spec_server.Server.catalog_environment = config.postgres.environment


def pytest_unconfigure(config):
    if hasattr(config, "postgres"):
        config.postgres.close()


def pytest_collection_modifyitems(config, items):
    """What runs against the one implementation alone says so: @pytest.mark.embedded_catalog(reason)."""
    if config.getoption("--catalog") != "postgresql":
        return
    missing = spec_postgres.why_not()
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("own_catalog")])
    items[:] = [item for item in items if not item.get_closest_marker("own_catalog")]
    for item in items:
        if missing:
            item.add_marker(pytest.mark.skip(reason=missing))
        elif mark := item.get_closest_marker("embedded_catalog"):
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yaml":
        return SpecFile.from_parent(parent, path=file_path)
    return None


# Where rows stand while a query runs: `rows_in` names those that the cases of a file run with, in turn.
LOW_LIMITS = "tables:\n  flush_source_bytes: 1B\nmonitoring:\n  access_log: false\n"
PLACES = {
    "memory": {},
    "files": {"config": LOW_LIMITS, "settled": True},  # each write is in files before the next step
    "motion": {"config": LOW_LIMITS},                  # in memory, between, in files: as it comes
}


class ServerOwner:
    """One server, started before the first of its cases and ended after the last."""

    server = None
    arguments = ("--dev",)
    configuration = None
    settled = False

    def running_server(self):
        """Started with the first case; a case that killed it does not spoil the next one."""
        if self.server is not None and self.server.has_died():
            self.server.close()
            self.server = None
        if self.server is None:
            self.server = spec_server.Server(self.arguments, self.configuration)
            self.server.start()
        return self.server

    def teardown(self):
        if self.server is not None:
            self.server.close()

    def cases_of(self, cases):
        for number, case in enumerate(cases, start=1):
            yield SpecCase.from_parent(self, name=case["name"], case=case, number=number)


class SpecFile(ServerOwner, pytest.File):
    """One file."""

    def collect(self):
        document = spec_match.load(self.path)
        options = document.get("server", {})
        for where, given, known in (("the file", document, FILE_KEYS), ("server", options, SERVER_KEYS)):
            if unknown := set(given) - known:
                raise self.CollectError(f"{self.path.name}: {where} has unknown keys {sorted(unknown)}")
        self.check_cases(document["cases"])
        self.arguments = options.get("arguments", self.arguments)
        self.configuration = options.get("config")
        places = document.get("rows_in")
        if places is None:
            return self.cases_of(document["cases"])
        if self.configuration is not None or set(places) - set(PLACES):
            raise self.CollectError(f"{self.path.name}: rows_in takes {sorted(PLACES)}, and no config beside it")
        return [SpecPlace.from_parent(self, name=place, cases=document["cases"]) for place in places]

    def check_cases(self, cases):
        names = set()
        for number, case in enumerate(cases, start=1):
            if unknown := set(case) - CASE_KEYS:
                raise self.CollectError(f"{self.path.name}: case {number} has unknown keys {sorted(unknown)}")
            if case["name"] in names:
                raise self.CollectError(f"{self.path.name}: two cases are named {case['name']!r}")
            names.add(case["name"])


class SpecPlace(ServerOwner, pytest.Collector):
    """The cases of a file with rows in one place."""

    def __init__(self, *, cases, **keywords):
        super().__init__(**keywords)
        self.cases = cases
        self.arguments = self.parent.arguments
        self.configuration = PLACES[self.name].get("config")
        self.settled = PLACES[self.name].get("settled", False)

    def collect(self):
        return self.cases_of(self.cases)


class SpecCase(pytest.Item):
    """One case. ${source} is a name that no other case of the file uses, ${administrator_key} what a server without
    --dev showed at its first start."""

    def __init__(self, *, case, number, **keywords):
        super().__init__(**keywords)
        self.case = case
        self.number = number
        if "skip" in case:
            self.add_marker(pytest.mark.skip(reason=case["skip"]))

    def runtest(self):
        server = self.parent.running_server()
        variables = {"source": f"source_{self.number}", "administrator_key": server.administrator_key(),
                     "owner_key": server.owner_key()}
        spec_steps.Runner(server, variables, self.parent.settled).run(self.case["steps"])

    def repr_failure(self, excinfo, style=None):
        if excinfo.errisinstance(spec_server.ServerError):
            return str(excinfo.value)
        if excinfo.errisinstance(spec_steps.Failed):
            return f"{excinfo.value}\n{self.parent.server.log_tail()}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        place = f" [{self.parent.name}]" if isinstance(self.parent, SpecPlace) else ""
        return self.path, 0, f"{self.path.name}{place}: {self.name}"
