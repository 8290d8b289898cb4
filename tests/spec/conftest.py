"""Makes each case of each *.yaml here a test of pytest; see README.md in this folder."""
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import spec_match  # noqa: E402
import spec_server  # noqa: E402
import spec_steps  # noqa: E402

FILE_KEYS = {"about", "server", "cases"}
SERVER_KEYS = {"arguments", "config"}
CASE_KEYS = {"name", "note", "steps", "skip"}


def pytest_configure():
    """SIGTERM ends the run as Ctrl-C does: servers are stopped, directories removed."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", 143))


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yaml":
        return SpecFile.from_parent(parent, path=file_path)
    return None


class SpecFile(pytest.File):
    """One file: one server, started before its first case and ended after its last."""

    server = None
    options = None

    def collect(self):
        document = spec_match.load(self.path)
        self.options = document.get("server", {})
        for where, given, known in (("the file", document, FILE_KEYS), ("server", self.options, SERVER_KEYS)):
            if unknown := set(given) - known:
                raise self.CollectError(f"{self.path.name}: {where} has unknown keys {sorted(unknown)}")
        names = set()
        for number, case in enumerate(document["cases"], start=1):
            if unknown := set(case) - CASE_KEYS:
                raise self.CollectError(f"{self.path.name}: case {number} has unknown keys {sorted(unknown)}")
            if case["name"] in names:
                raise self.CollectError(f"{self.path.name}: two cases are named {case['name']!r}")
            names.add(case["name"])
            yield SpecCase.from_parent(self, name=case["name"], case=case, number=number)

    def running_server(self):
        """Started with the first case; a case that killed it does not spoil the next one."""
        if self.server is not None and self.server.has_died():
            self.server.close()
            self.server = None
        if self.server is None:
            server = spec_server.Server(self.options.get("arguments", ["--dev"]), self.options.get("config"))
            self.server = server
            server.start()
        return self.server

    def teardown(self):
        if self.server is not None:
            self.server.close()


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
        variables = {"source": f"source_{self.number}", "administrator_key": server.administrator_key()}
        spec_steps.Runner(server, variables).run(self.case["steps"])

    def repr_failure(self, excinfo, style=None):
        if excinfo.errisinstance(spec_server.ServerError):
            return str(excinfo.value)
        if excinfo.errisinstance(spec_steps.Failed):
            return f"{excinfo.value}\n{self.parent.server.log_tail()}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self.path.name}: {self.name}"
