"""DuckDB beside the server: the same version, the same threads, in a Node process of its own (peer.mjs)."""
import json
import pathlib
import subprocess

from measure.result import NotMeasured, Skipped
from measure.session import ROOT

SCRIPT = pathlib.Path(__file__).with_name("peer.mjs")
END_SECONDS_MAX = 20


class Peer:
    def __init__(self, session):
        session.need("node", "nodejs")
        if not (ROOT / "node_modules" / "@duckdb" / "node-api").is_dir():
            raise Skipped("node_modules/@duckdb/node-api is missing (npm ci --ignore-scripts)")
        self._session = session
        self._process = session.spawn(["node", str(SCRIPT)], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.version = self._answer()["version"]
        self.threads = len(session.cores)
        self.query(f"SET threads = {self.threads}")
        # As generous as DuckDB can be: the server keeps footers in memory too.
        self.query("SET parquet_metadata_cache = true")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pass  # end() kills it
        self._process.stdout.close()
        self._session.end(self._process)

    @property
    def pid(self):
        return self._process.pid

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise NotMeasured("the DuckDB peer ended")
        said = json.loads(line)
        if "error" in said:
            raise NotMeasured(f"DuckDB: {said['error'][:500]}")
        return said

    def query(self, sql):
        """Milliseconds until all rows were read, and the rows; integers beyond 53 bits come as text."""
        self._process.stdin.write(json.dumps({"sql": sql}) + "\n")
        self._process.stdin.flush()
        said = self._answer()
        return said["ms"], said["rows"]
