"""Measurements of the server itself: its smallest request, its start, its replay, its memory at rest."""
import time

from measure.data_set import DataSet
from measure.load import run_load, run_wrk
from measure.machine import process_cpu_seconds
from measure.result import NotMeasured, Row, count, median, milliseconds, verdict
from measure.server import Server

HEALTH_PER_S_MIN = 100_000
HEALTH_CONNECTIONS = 64
START_MS_MAX = 1000
REPLAY_MB_PER_S_MIN = 100
REPLAY_SOURCES = 64            # a connection each, so that none is flushed for its size before the tail is long
REPLAY_TAIL_BYTES = 450 << 20  # below the journal's bound of 512 MiB, from which sources are flushed
REPLAY_TAIL_BYTES_QUICK = 96 << 20
REPLAY_LARGE_BYTES = 1 << 30
REPLAY_LARGE_SECONDS_MAX = 10
REPLAY_LARGE_SETTINGS = {"journal.flush_bytes": "2GiB", "tables.memtable_bytes": "4GiB"}   # nothing is flushed
REPLAY_LITTLE_MEMORY = "256MiB"
REPLAY_REQUESTS = 100
REPLAY_BURSTS_MAX = 200
IDLE_BYTES_MAX = 150_000_000
IDLE_SECONDS = 5


def health(session):
    """GET /health: the server on one core, wrk on the other."""
    session.need("wrk", "wrk")
    server_core, loader_core = session.cores[:1], session.cores[-1:]
    seconds = session.seconds(15, 4)
    with Server(session, session.directory("health"), cores=server_core) as server:
        address = f"http://127.0.0.1:{server.port}/health"
        run_wrk(session, loader_core, HEALTH_CONNECTIONS, 1, address)
        before = process_cpu_seconds(server.pid)
        found = run_wrk(session, loader_core, HEALTH_CONNECTIONS, seconds, address)
        server_cpu = process_cpu_seconds(server.pid) - before
    rate = found["requests_per_s"]
    server_us = server_cpu * 1e6 / found["requests"]
    loader_us = found["cpu_seconds"] * 1e6 / found["requests"]
    # What the core would do if nobody else used it.
    possible = 1e6 / server_us
    result = (f"{count(rate)}/s, p50 {milliseconds(found['p50_ms'])}, p99 {milliseconds(found['p99_ms'])}; "
              f"CPU server {server_us:.2f} us, wrk {loader_us:.2f} us")
    if found["problems"]:
        result += "; " + "; ".join(found["problems"])
    return [Row("/health, one core, 64 connections", f">= {count(HEALTH_PER_S_MIN)}/s", result,
                f"{rate / possible:.2f} of {count(possible)}/s by CPU",
                verdict(rate >= HEALTH_PER_S_MIN, not found["problems"]),
                {"wrk": found, "server_us_per_request": server_us, "wrk_us_per_request": loader_us,
                 "server_core": server_core, "wrk_core": loader_core})]


def start(session):
    """From the call of the program to its first answer, after a clean stop, with the rows loaded."""
    data_set = DataSet.of(session)
    taken, inside, stops = [], [], []
    for _ in range(session.seconds(7, 3)):
        with data_set.server(session) as server:
            taken.append(server.started_ms)
            inside.append(server.ready["start_seconds"] * 1e3)
            stops.append(server.stop())
            server.start()
    return [Row(f"start after a clean stop, {count(data_set.rows)} rows", f"<= {START_MS_MAX / 1000:.0f} s",
                f"median {milliseconds(median(taken))}, worst {milliseconds(max(taken))}; "
                f"its own count {milliseconds(median(inside))}; stop {milliseconds(median(stops))}",
                verdict=verdict(median(taken) <= START_MS_MAX),
                details={"start_ms": taken, "start_inside_ms": inside, "stop_ms": stops})]


def fill_journal(session, server, wanted):
    """Writes until the journal's needed part is that long or sources are flushed; the documents acknowledged."""
    documents, before = 0, 0.0
    for _ in range(REPLAY_BURSTS_MAX):
        report = run_load(session, server, "ingest", 60, "--connections", REPLAY_SOURCES, "--requests", REPLAY_REQUESTS,
                          "--sources", REPLAY_SOURCES, "--source-prefix", "replay_")
        if report["errors"]:
            raise NotMeasured(f"writes failed: {report['errors']}")
        documents += report["documents"]
        held = server.metric("insula_journal_bytes")
        if held >= wanted or held < before:
            return documents
        before = held
    return documents


def replay(session):
    """SIGKILL with a long journal tail, then the start: how fast the tail is replayed."""
    wanted = session.seconds(REPLAY_TAIL_BYTES, REPLAY_TAIL_BYTES_QUICK)
    server = Server(session, session.directory("replay"))
    server.start()
    documents = fill_journal(session, server, wanted)
    server.kill()
    with server:
        recovered = server.recovered()
        seconds = server.ready["start_seconds"]
        memory = server.memory()
        rows = server.count_rows()
    if rows != documents:
        raise NotMeasured(f"{documents} documents were acknowledged, {rows} are there after the kill")
    if recovered["bytes"] == 0:
        raise NotMeasured("nothing was replayed")
    rate = recovered["bytes"] / 1e6 / seconds
    return [Row("replay of the journal after SIGKILL", f">= {REPLAY_MB_PER_S_MIN} MB/s",
                f"{rate:.0f} MB/s: {recovered['bytes'] / 1e6:.0f} MB, {count(rows)} rows in {seconds:.2f} s, "
                "all of the start counted; no row lost", verdict=verdict(rate >= REPLAY_MB_PER_S_MIN),
                details={"recovered": recovered, "start_seconds": seconds, "rows": rows, "memory": memory,
                         "first_answer_ms": server.started_ms})]


def replay_large(session):
    """SIGKILL with 1 GiB of journal, then the start: with room for its rows, and with a quarter of it."""
    wanted = session.seconds(REPLAY_LARGE_BYTES, REPLAY_TAIL_BYTES_QUICK)
    server = Server(session, session.directory("replay_large"), settings=dict(REPLAY_LARGE_SETTINGS))
    server.start()
    documents = fill_journal(session, server, wanted)
    server.kill()
    rows = []
    for memory in (None, REPLAY_LITTLE_MEMORY):
        if memory:
            server.settings["tables.memtable_bytes"] = memory
        server.start()
        cpu = process_cpu_seconds(server.pid)
        recovered, seconds, used = server.recovered(), server.ready["start_seconds"], server.memory()
        found = server.count_rows()
        server.kill()
        if found != documents:
            raise NotMeasured(f"{documents} documents were acknowledged, {found} are there after the kill")
        if recovered["bytes"] < wanted / 2:
            raise NotMeasured(f"only {recovered['bytes'] / 1e6:.0f} MB were replayed")
        # What the journal is longer or shorter than 1 GiB is taken out.
        scaled = seconds * REPLAY_LARGE_BYTES / recovered["bytes"]
        name = f"the same in {memory} of memory for rows" if memory else "replay of 1 GiB of journal after SIGKILL"
        rows.append(Row(name, f"<= {REPLAY_LARGE_SECONDS_MAX} s",
                        f"{scaled:.1f} s; measured: {recovered['bytes'] / 1e6:.0f} MB, {count(documents)} rows in "
                        f"{seconds:.2f} s, all of the start counted; CPU {cpu:.1f} s; "
                        f"{used['VmHWM'] / 1e6:.0f} MB resident at most",
                        verdict=verdict(scaled <= REPLAY_LARGE_SECONDS_MAX),
                        details={"recovered": recovered, "start_seconds": seconds, "cpu_seconds": cpu, "rows": found,
                                 "memory": used}))
    return rows


def idle(session):
    """Memory of a fresh server that has taken one write and rested."""
    with Server(session, session.directory("idle")) as server:
        server.post("/data/write", {"source_id": "orders", "records": [{"fields": {"id": 1, "country": "DE"}}]})
        if server.count_rows(["orders"]) != 1:
            raise NotMeasured("the row that was written is not there")
        time.sleep(IDLE_SECONDS)
        memory = server.memory()
    resident = memory["VmRSS"]
    return [Row("memory of an idle server", f"<= {IDLE_BYTES_MAX // 10**6} MB",
                f"{resident / 1e6:.0f} MB resident ({memory['RssAnon'] / 1e6:.0f} MB its own, "
                f"{memory['RssFile'] / 1e6:.0f} MB of files), after a write and a query",
                verdict=verdict(resident <= IDLE_BYTES_MAX), details=memory)]
