"""The console blocks of docs/guides are run as they stand, each page in one shell, and print what they show.

`$ ` begins a command, further lines of it follow where a here-document or a loop is open; … in what is shown stands for
any text within a line, alone in a line for any lines.
"""
import os
import re
import subprocess

import pytest
import spec_server

GUIDES = spec_server.ROOT / "docs/guides"
SECONDS_MAX = 120
MARK = "=== the command has ended ==="
# Pages whose commands start servers themselves.
WITHOUT_SERVER = {"audit.md", "operating.md", "tenants.md", "tls.md"}
# Pages that show what to run on a damaged server, in blocks that are no console blocks.
PAGES = sorted(page.name for page in GUIDES.glob("*.md") if "```console" in page.read_text(encoding="utf-8"))


def steps(page):
    """(command, what it prints) of each console block."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            length = 1
            if here := re.search(r"<<'(\w+)'", lines[0]):
                length = lines.index(here.group(1)) + 1
            yield "\n".join(lines[:length]), lines[length:]


def fits(shown, printed):
    pattern = "\n".join(".*" if line == "…" else re.escape(line).replace("…", "[^\n]*") for line in shown)
    return re.fullmatch(pattern, "\n".join(printed), re.DOTALL) is not None


class Shell:
    """One bash, which keeps directory, variables and jobs from command to command."""

    def __init__(self, directory, environment):
        self.bash = subprocess.Popen(["bash", "--norc"], cwd=directory, env=environment, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        self.run("set -m")  # jobs have numbers: kill %1

    def run(self, command):
        self.bash.stdin.write(f"{{ {command}\n}} </dev/null\necho; echo '{MARK}'\n")
        self.bash.stdin.flush()
        printed = []
        for line in self.bash.stdout:
            if line.rstrip("\n") == MARK:
                return self.without_job_notes(printed)
            printed.append(line.rstrip("\n"))
        raise AssertionError(f"the shell ended at: {command}\n" + "\n".join(printed))

    @staticmethod
    def without_job_notes(printed):
        """Without the empty line before the mark, and what bash says of jobs."""
        lines = [line for line in printed if not re.match(r"\[\d+\][ +-]", line)]
        while lines and lines[-1] == "":
            lines.pop()
        return lines

    def close(self):
        """Ends it with all that it started."""
        try:
            self.bash.communicate("kill -KILL $(jobs -p) 2>/dev/null; exit\n", timeout=SECONDS_MAX)
        finally:
            self.bash.kill()
            self.bash.wait()


@pytest.fixture
def shell(request, tmp_path):
    """With `insula` on the path, talking to a server of the page's own; localhost:8000 is that one."""
    page = request.param
    server = spec_server.Server(["--dev"])
    (tmp_path / "insula").symlink_to(spec_server.binary().resolve())
    environment = spec_server.clean_environment()
    started = None
    try:
        if page in WITHOUT_SERVER:
            server.offset = spec_server.free_port_offset()
            environment["INSULA_SERVER_PORT_OFFSET"] = str(server.offset)
        else:
            server.start()
        environment |= {"INSULA_SERVER": f"http://127.0.0.1:{server.port}", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        started = Shell(tmp_path, environment)
        yield page, started, server.port
    finally:
        if started is not None:
            started.close()
        server.close()


@pytest.mark.parametrize("shell", PAGES, indirect=True, ids=PAGES)
def test_what_a_guide_shows_is_what_happens(shell):
    page, bash, port = shell
    ran = 0
    for command, shown in steps(page):
        printed = bash.run(command.replace("localhost:8000", f"localhost:{port}"))
        assert fits(shown, printed), f"{page}: $ {command}\nshows:\n" + "\n".join(shown) + "\nprinted:\n" + \
            "\n".join(printed)
        ran += 1
    assert ran > 5


@pytest.mark.parametrize("shown,printed,same", [
    (["a"], ["a"], True), (["a"], ["b"], False), (["a"], ["a", "b"], False), ([], ["a"], False), ([], [], True),
    (["a…c"], ["abc"], True), (["a…c"], ["ab", "c"], False), (["…"], ["a", "b"], True), (["a", "…"], ["b", "a"], False),
])
def test_a_difference_is_seen(shown, printed, same):
    assert fits(shown, printed) == same
