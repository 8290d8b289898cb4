"""Measurements of reads over the loaded rows: group-by beside DuckDB on the same files, and streams."""
import json
import math
import socket
import threading
import time

from measure.data_set import SOURCE, DataSet
from measure.load import cpu_per, run_load
from measure.machine import process_cpu_seconds
from measure.peer import Peer
from measure.result import NotMeasured, Row, count, median, milliseconds, verdict

GROUP_BY_RATIO_MAX = 1.3
GROUPINGS = (("5 groups, text", "status"), ("20 groups, text", "country"), ("100 groups, int", "quantity"))
WARM_RUNS = 3
STREAM_COLUMNS = ("id", "amount")
STREAM_ROWS_PER_S_MIN = 1_500_000
STREAM_GROWTH_BYTES_MAX = 300_000_000
FIRST_ROW_MS_MAX = 20
FIRST_ROW_RUNS = 20
MEMORY_SAMPLE_SECONDS = 0.02
SUM_TOLERANCE = 1e-9           # sums of doubles depend on the order of addition


def grouped_over_http(server, column):
    """Milliseconds from sending the request to having parsed the answer, and the groups."""
    begin = time.perf_counter()
    answer = server.post("/data/aggregate", {
        "sources": [SOURCE], "group_by": [column],
        "aggregations": [{"type": "count", "alias": "n"}, {"type": "sum", "column": "amount", "alias": "total"},
                         {"type": "avg", "column": "amount", "alias": "mean"}]})
    return (time.perf_counter() - begin) * 1e3, answer["results"]


def check_groups(column, ours, theirs):
    theirs_by_group = {str(row[column]): row for row in theirs}
    if {str(row[column]) for row in ours} != set(theirs_by_group):
        raise NotMeasured(f"group by {column}: the groups differ from DuckDB's")
    for row in ours:
        other = theirs_by_group[str(row[column])]
        if int(row["n"]) != int(other["n"]) or not all(
                math.isclose(float(row[key]), float(other[key]), rel_tol=SUM_TOLERANCE) for key in ("total", "mean")):
            raise NotMeasured(f"group by {column}: {row} differs from DuckDB's {other}")


def compare(server, peer, data_set, column, runs):
    """Both in turns, so that what else the machine does hits both alike."""
    sql = (f"SELECT {column}, count(*) AS n, sum(amount) AS total, avg(amount) AS mean "
           f"FROM {data_set.sql()} GROUP BY {column}")
    for run in range(WARM_RUNS):
        _, our_rows = grouped_over_http(server, column)
        _, their_rows = peer.query(sql)
        if run == 0:
            check_groups(column, our_rows, their_rows)
    found = {"http_ms": [], "duckdb_ms": []}
    cpu = [process_cpu_seconds(process.pid) for process in (server, peer)]
    for _ in range(runs):
        found["http_ms"].append(grouped_over_http(server, column)[0])
        found["duckdb_ms"].append(peer.query(sql)[0])
    cpu = [(process_cpu_seconds(process.pid) - before) * 1e3 / runs for process, before in zip((server, peer), cpu)]
    if not all(cpu):
        raise NotMeasured(f"group by {column}: {runs} runs take less CPU than the kernel counts")
    return found | {"http_cpu_ms": cpu[0], "duckdb_cpu_ms": cpu[1], "cpu_ratio": cpu[0] / cpu[1]}


def group_by(session):
    """Aggregates through HTTP beside DuckDB on the same Parquet files with the same threads."""
    data_set = DataSet.of(session)
    rows = []
    with data_set.server(session) as server, Peer(session) as peer:
        for name, column in GROUPINGS:
            found = compare(server, peer, data_set, column, session.seconds(15, 7))
            ours, theirs = found["http_ms"], found["duckdb_ms"]
            ratio, best_ratio = median(ours) / median(theirs), min(ours) / min(theirs)
            rows.append(Row(
                f"group by, {count(data_set.rows)} rows, {name}", f"<= {GROUP_BY_RATIO_MAX} x DuckDB",
                f"{milliseconds(median(ours))} (best {milliseconds(min(ours))}), "
                f"DuckDB {milliseconds(median(theirs))} (best {milliseconds(min(theirs))}); "
                f"CPU server {milliseconds(found['http_cpu_ms'])}, DuckDB {milliseconds(found['duckdb_cpu_ms'])}",
                f"{ratio:.2f} x (best {best_ratio:.2f} x, CPU {found['cpu_ratio']:.2f} x)",
                verdict(ratio <= GROUP_BY_RATIO_MAX),
                found | {"ratio": ratio, "best_ratio": best_ratio, "threads": peer.threads,
                         "files": len(data_set.files), "stored_bytes": data_set.stored_bytes(),
                         "duckdb": peer.version}))
    rows.append(Row("  loading them: Parquet bodies over HTTP", "-", f"{count(data_set.load_rows_per_s)} rows/s; "
                    f"{len(data_set.files)} files, {data_set.stored_bytes() / 1e6:.0f} MB"))
    return rows


class MemoryWatch:
    """Samples the server's resident memory while a block runs."""

    def __init__(self, server):
        self._server = server
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.begin = 0
        self.highest = 0
        self.samples = 0

    def _run(self):
        while not self._end.wait(MEMORY_SAMPLE_SECONDS):
            self.highest = max(self.highest, self._server.memory()["VmRSS"])
            self.samples += 1

    def __enter__(self):
        self.begin = self.highest = self._server.memory()["VmRSS"]
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._end.set()
        self._thread.join()

    @property
    def growth(self):
        return self.highest - self.begin


def stream_request():
    return json.dumps({"sources": [SOURCE], "columns": list(STREAM_COLUMNS)})


def first_row_ms(server):
    """Milliseconds until the first whole row has arrived; the client leaves then."""
    body = stream_request()
    request = (f"POST /data/search/stream HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
               f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin = time.perf_counter()
        connection.sendall(request)
        received = b""
        while True:
            piece = connection.recv(65_536)
            if not piece:
                raise NotMeasured(f"the stream ended before its first row: {received[:300]!r}")
            received += piece
            at = received.find(b'{"record":')
            if at >= 0 and received.find(b"\n", at) >= 0:
                return (time.perf_counter() - begin) * 1e3
            if received.startswith(b"HTTP/1.1 ") and not received.startswith(b"HTTP/1.1 200"):
                raise NotMeasured(f"the stream was refused: {received[:300]!r}")


def stream(session):
    """Two columns of all rows as NDJSON; the server's memory meanwhile; the time to the first row."""
    data_set = DataSet.of(session)
    with data_set.server(session) as server:
        for _ in range(WARM_RUNS):
            first_row_ms(server)
        first = [first_row_ms(server) for _ in range(FIRST_ROW_RUNS)]
    with data_set.server(session) as server:
        # The page cache and the engine are warm, as they are in a server that has run for a while.
        grouped_over_http(server, GROUPINGS[0][1])
        with MemoryWatch(server) as memory:
            report = run_load(session, server, "stream", 300, "--connections", 1, "--requests", 1,
                              "--timeout", 300, "--body", stream_request())
    if report["errors"] or report["rows"] != data_set.rows:
        raise NotMeasured(f"{report['rows']} of {data_set.rows} rows were streamed: {report['errors']}")
    with Peer(session) as peer:
        columns = ", ".join(STREAM_COLUMNS)
        ms, _ = peer.query(f"COPY (SELECT {columns} FROM {data_set.sql()}) TO '/dev/null' "
                           "(FORMAT json, USE_TMP_FILE false)")
    rate, peer_rate = report["rows_per_s"], data_set.rows / ms * 1e3
    cpu = cpu_per(report, report["rows"])
    details = {"load": report, "cpu_us_per_row": cpu, "duckdb_copy_rows_per_s": peer_rate,
               "memory": {"begin": memory.begin, "highest": memory.highest, "samples": memory.samples},
               "first_row_ms": first}
    return [
        Row("stream: first row", f"<= {FIRST_ROW_MS_MAX} ms", f"p50 {milliseconds(median(first))}, worst of "
            f"{FIRST_ROW_RUNS} {milliseconds(max(first))}", verdict=verdict(median(first) <= FIRST_ROW_MS_MAX),
            details=details),
        Row(f"stream: {count(data_set.rows)} rows x 2", f">= {count(STREAM_ROWS_PER_S_MIN)} rows/s",
            f"{count(rate)} rows/s, {report['received_mb_per_s']:.0f} MB/s; CPU server {cpu['server_us']:.2f} us, "
            f"loader {cpu['loader_us']:.2f} us a row", f"{rate / peer_rate:.2f} x DuckDB's COPY to JSON",
            verdict(rate >= STREAM_ROWS_PER_S_MIN)),
        Row("stream: memory of the server", f"< {STREAM_GROWTH_BYTES_MAX // 10**6} MB more",
            f"{memory.growth / 1e6:.0f} MB more than {memory.begin / 1e6:.0f} MB, {memory.samples} samples",
            verdict=verdict(memory.growth < STREAM_GROWTH_BYTES_MAX)),
    ]
