"""Measurements of writes: batches of NDJSON, single documents, and what the disk does beside them."""
from measure import machine
from measure.load import capture_bodies, cpu_per, errors_of, run_load
from measure.peer import Peer
from measure.result import NotMeasured, Row, Skipped, count, median, milliseconds, verdict
from measure.server import Server

INGEST_MB_PER_S_MIN = 120
INGEST_CONNECTIONS = (2, 4, 8, 16)
BATCH_DOCUMENTS = 1000
SINGLE_CONNECTIONS = 64
SINGLE_PER_S_MIN = 20_000
SPREAD_PER_S_MIN = 15_000
SPREAD_SOURCES = 64
SINGLE_P99_MS_MAX = 5
PEER_RUNS = 5

DOCUMENT_COLUMNS = ("{id: 'BIGINT', user_id: 'BIGINT', session: 'VARCHAR', amount: 'DOUBLE', status: 'VARCHAR', "
                    "country: 'VARCHAR', active: 'BOOLEAN', ts: 'VARCHAR', score: 'DOUBLE', message: 'VARCHAR'}")


def disk(session):
    """What each durable write waits for."""
    rows = []
    for name, overwrite in (("over written blocks", True), ("appended", False)):
        found = machine.sync_latency(session.work, session.seconds(5, 2), overwrite)
        rows.append(Row(f"disk: 4 KiB + fdatasync, {name}", "-",
                        f"p50 {milliseconds(found['p50_ms'])}, p99 {milliseconds(found['p99_ms'])}", details=found))
    return rows


def check_rows(server, sources, report):
    """Every acknowledged document is there at once, and none that was not."""
    visible = server.count_rows(sources)
    if not report["errors"] and visible != report["documents"]:
        raise NotMeasured(f"{report['documents']} documents were acknowledged, {visible} are there")


def peer_of_ingest(session):
    """The same documents read by DuckDB into a table in memory, and written by the disk as they are."""
    path = session.work / "documents.ndjson"
    documents = capture_bodies(session, path, session.seconds(1000, 200))
    size = path.stat().st_size
    batch_bytes = size * BATCH_DOCUMENTS // documents
    found = {"documents": documents, "bytes": size,
             "disk_mb_per_s": {"sync_each_batch": machine.sequential_rate(session.work, path, batch_bytes),
                               "sync_each_4_mib": machine.sequential_rate(session.work, path, 4 << 20)}}
    try:
        with Peer(session) as peer:
            taken = []
            for _ in range(PEER_RUNS):
                ms, _ = peer.query("CREATE OR REPLACE TABLE t AS SELECT * FROM read_json("
                                   f"'{path}', format = 'newline_delimited', columns = {DOCUMENT_COLUMNS})")
                taken.append(ms / 1e3)
            _, rows = peer.query("SELECT count(*) AS n FROM t")
            if int(rows[0]["n"]) != documents:
                raise NotMeasured(f"DuckDB read {rows[0]['n']} of {documents} documents")
            found["duckdb"] = {"version": peer.version, "threads": peer.threads, "seconds": taken,
                               "mb_per_s": size / 1e6 / median(taken), "best_mb_per_s": size / 1e6 / min(taken),
                               "rows_per_s": documents / median(taken)}
    except Skipped as reason:
        found["duckdb_skipped"] = str(reason)
    path.unlink()
    return found


def choose_connections(session, server):
    """The number of connections with the best rate in a short run each."""
    rates = {}
    for connections in INGEST_CONNECTIONS:
        report = run_load(session, server, "ingest", session.seconds(5, 2), "--connections", connections,
                          "--source-prefix", f"probe_{connections}_")
        rates[connections] = report["body_mb_per_s"]
    return max(rates, key=rates.get), rates


def ingest(session):
    """Sustained batches into one source, flushes included."""
    beside = peer_of_ingest(session)
    with Server(session, session.directory("ingest")) as server:
        connections, probes = choose_connections(session, server)
    with Server(session, session.directory("ingest-sustained")) as server:
        report = run_load(session, server, "ingest", session.seconds(60, 10), "--connections", connections,
                          "--docs", BATCH_DOCUMENTS, "--source-prefix", "ingest_")
        check_rows(server, ["ingest_0"], report)
        stats = server.source_stats("ingest_0")
        memory = server.memory()
    rate = report["body_mb_per_s"]
    latency = report["latency_us"]
    cpu = cpu_per(report, report["documents"])
    disk_rate = beside["disk_mb_per_s"]["sync_each_batch"]
    ratio = f"{rate / disk_rate:.2f} x disk"
    if "duckdb" in beside:
        ratio = f"{rate / beside['duckdb']['mb_per_s']:.2f} x DuckDB read_json, {ratio}"
    result = (f"{rate:.0f} MB/s, {count(report['docs_per_s'])} docs/s, p50 {milliseconds(latency['p50'] / 1e3)}, "
              f"p99 {milliseconds(latency['p99'] / 1e3)}; {connections} connections")
    if report["errors"]:
        result += f"; errors: {errors_of(report)}"
    rows = [Row("ingest: batches of 1,000", f">= {INGEST_MB_PER_S_MIN} MB/s", result, ratio,
                verdict(rate >= INGEST_MB_PER_S_MIN, not report["errors"]),
                {"load": report, "connection_probes_mb_per_s": probes, "beside": beside, "stats": stats,
                 "memory": memory, "cpu_us_per_document": cpu}),
            Row("  CPU a document", "-", f"server {cpu['server_us']:.2f} us, loader {cpu['loader_us']:.2f} us; "
                f"{stats['files']} files flushed meanwhile, {count(stats['memtable_rows'])} rows in memory")]
    if "duckdb" in beside:
        peer = beside["duckdb"]
        rows.append(Row("  beside: DuckDB read_json to memory", "-", f"{peer['mb_per_s']:.0f} MB/s, "
                        f"{count(peer['rows_per_s'])} rows/s, {peer['threads']} threads, not durable"))
    rows.append(Row("  beside: the disk, same bytes", "-", f"{disk_rate:.0f} MB/s synced each batch, "
                    f"{beside['disk_mb_per_s']['sync_each_4_mib']:.0f} MB/s each 4 MiB"))
    return rows


def single_documents(session, name, sources, per_s_min):
    syncs = machine.sync_latency(session.work, 1, overwrite=True)
    with Server(session, session.directory(f"single-{sources}")) as server:
        run_load(session, server, "single", session.seconds(3, 1), "--connections", SINGLE_CONNECTIONS,
                 "--sources", sources, "--source-prefix", "warm_")
        report = run_load(session, server, "single", session.seconds(20, 5), "--connections", SINGLE_CONNECTIONS,
                          "--sources", sources, "--source-prefix", "single_")
        check_rows(server, [f"single_{number}" for number in range(sources)], report)
        journal_syncs = server.metric("insula_journal_syncs_total")
    rate = report["docs_per_s"]
    latency = report["latency_us"]
    cpu = cpu_per(report, report["documents"])
    result = (f"{count(rate)}/s, p50 {milliseconds(latency['p50'] / 1e3)}, p99 {milliseconds(latency['p99'] / 1e3)}; "
              f"CPU server {cpu['server_us']:.1f} us, loader {cpu['loader_us']:.1f} us")
    if report["errors"]:
        result += f"; errors: {errors_of(report)}"
    return [Row(name, f">= {count(per_s_min)}/s, p99 <= {SINGLE_P99_MS_MAX} ms", result,
                f"{rate * syncs['p50_ms'] / 1e3:.1f} x disk's syncs",
                verdict(rate >= per_s_min, latency["p99"] / 1e3 <= SINGLE_P99_MS_MAX, not report["errors"]),
                {"load": report, "cpu_us_per_document": cpu, "disk_sync": syncs, "journal_syncs": journal_syncs})]


def single(session):
    """One document a request, 64 connections, one source."""
    return single_documents(session, "single documents, one source", 1, SINGLE_PER_S_MIN)


def spread(session):
    """One document a request, 64 connections, 64 sources."""
    return single_documents(session, "single documents, 64 sources", SPREAD_SOURCES, SPREAD_PER_S_MIN)
