"""The rows that queries are measured on: made by DuckDB, loaded over HTTP, all of them in Parquet files."""
import os
import pathlib
import struct
import time

from measure.peer import Peer
from measure.result import NotMeasured
from measure.server import Server

SOURCE = "orders"
ROWS = 10_000_000
ROWS_QUICK = 1_000_000
BODY_ROWS = 100_000
# A clean stop leaves less than this in the journal (TableLimits::clean_stop_bytes), to be replayed.
LEFT_IN_JOURNAL_BYTES = 17 << 20
BODIES_MORE_MAX = 40

# The layout of docs/formats/blob-file.md.
HEADER_BYTES = 64
FOOTER = struct.Struct("<8sQQQIQI")
FRAME_BYTES = 65_536
HEADER_MAGIC = b"INSBLOB\n"
FOOTER_MAGIC = b"INSBEND\n"

# Ten columns; the hash makes them look random and be the same in every run.
ROW_SQL = """
    SELECT range AS id,
           (hash(range) % 1000000)::BIGINT AS user_id,
           md5(range::VARCHAR)[:16] AS session,
           (hash(range + 1) % 500000)::DOUBLE / 100 AS amount,
           ['created', 'paid', 'shipped', 'delivered', 'returned'][(hash(range + 2) % 5 + 1)::BIGINT] AS status,
           ['DE', 'FR', 'IT', 'ES', 'PT', 'NL', 'BE', 'AT', 'CH', 'PL', 'CZ', 'SE', 'NO', 'DK', 'FI', 'IE', 'GB',
            'US', 'CA', 'JP'][(hash(range + 3) % 20 + 1)::BIGINT] AS country,
           (hash(range + 4) % 100)::BIGINT AS quantity,
           hash(range + 5) % 2 = 0 AS active,
           TIMESTAMP '2026-01-01' + to_seconds((range // 4)::BIGINT) AS ts,
           (hash(range + 6) % 1000000)::DOUBLE / 1000000 AS score
    FROM range({begin}, {end})"""


def content_bytes(path):
    """Bytes of content of a blob file; raises where its header, footer and size do not agree."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        header = file.read(HEADER_BYTES)
        file.seek(max(0, size - FOOTER.size))
        footer = file.read(FOOTER.size)
    if not header.startswith(HEADER_MAGIC) or not footer.startswith(FOOTER_MAGIC):
        raise NotMeasured(f"{path.name} is not a blob file")
    content, frames = FOOTER.unpack(footer)[2:4]
    if frames != -(-content // FRAME_BYTES) or size != HEADER_BYTES + content + 4 * frames + FOOTER.size:
        raise NotMeasured(f"{path.name} has {size} bytes, which its footer contradicts")
    return content


def copy_unframed(path, target):
    left = content_bytes(path)
    with open(path, "rb") as source, open(target, "wb") as copy:
        offset = HEADER_BYTES
        while left > 0:
            copied = os.sendfile(copy.fileno(), source.fileno(), offset, left)
            if copied == 0:
                raise NotMeasured(f"{path.name} ended early")
            offset += copied
            left -= copied


class DataSet:
    """Loaded once a run, by the first measurement that needs it; closed by the session's removal of its work."""

    _loaded = {}

    def __init__(self, session):
        self.directory = session.directory("data-set")
        self.files = []          # the server's Parquet files without their frames
        self.rows = 0
        self.load_rows_per_s = 0.0
        self.duckdb = ""
        with Peer(session) as peer:
            self.duckdb = peer.version
            self._load(session, peer)
            self._export(peer)

    @classmethod
    def of(cls, session):
        if session not in cls._loaded:
            try:
                cls._loaded[session] = cls(session)
            except NotMeasured as reason:
                cls._loaded[session] = reason
        found = cls._loaded[session]
        if isinstance(found, NotMeasured):
            raise found
        return found

    @classmethod
    def forget(cls, session):
        cls._loaded.pop(session, None)

    def server(self, session):
        return Server(session, self.directory)

    def _write_body(self, peer, server):
        path = self.directory / "body.parquet"
        rows_sql = ROW_SQL.format(begin=self.rows, end=self.rows + BODY_ROWS)
        peer.query(f"COPY ({rows_sql}) TO '{path}' (FORMAT parquet, COMPRESSION snappy)")
        body = path.read_bytes()
        path.unlink()
        begin = time.perf_counter()
        server.request("POST", f"/data/write?source_id={SOURCE}", body, "application/vnd.apache.parquet")
        self.rows += BODY_ROWS
        return time.perf_counter() - begin

    def _load(self, session, peer):
        wanted = session.seconds(ROWS, ROWS_QUICK)
        with self.server(session) as server:
            seconds = sum(self._write_body(peer, server) for _ in range(wanted // BODY_ROWS))
            self.load_rows_per_s = self.rows / seconds
            # So that the stop writes what is left in memory to a file rather than leaving it in the journal.
            for _ in range(BODIES_MORE_MAX):
                if server.source_stats(SOURCE)["memtable_bytes"] >= LEFT_IN_JOURNAL_BYTES:
                    break
                self._write_body(peer, server)
        with self.server(session) as server:
            stats = server.source_stats(SOURCE)
        if stats["rows"] != self.rows or stats["memtable_rows"] != 0:
            raise NotMeasured(f"of {self.rows} rows that were loaded the server has {stats['rows']}, "
                              f"{stats['memtable_rows']} of them not in files")

    def _export(self, peer):
        unframed = self.directory / "unframed"
        unframed.mkdir()
        for path in sorted((self.directory / "data" / "blob").rglob("*.parquet")):
            target = unframed / f"{len(self.files)}.parquet"
            copy_unframed(path, target)
            self.files.append(target)
        _, rows = peer.query(f"SELECT count(*) AS rows FROM {self.sql()}")
        if int(rows[0]["rows"]) != self.rows:
            raise NotMeasured(f"the server's files hold {rows[0]['rows']} rows, not {self.rows}")

    def sql(self):
        """The files as a table of DuckDB."""
        return "read_parquet([" + ", ".join(f"'{path}'" for path in self.files) + "])"

    def stored_bytes(self):
        return sum(pathlib.Path(path).stat().st_size for path in self.files)
