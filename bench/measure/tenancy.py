"""Measurements of many tenants in one server: what the pipeline costs a request, what tenants cost at rest, and what
one that takes all it can leaves to another."""
import concurrent.futures
import http.client
import json
import re
import time

from measure.load import cpu_per, errors_of, run_load
from measure.machine import process_cpu_seconds
from measure.result import NotMeasured, Row, count, median, milliseconds, quantile, verdict
from measure.server import Server

PIPELINE_US_MAX = 15
PIPELINE_CONNECTIONS = 16
PIPELINE_PATH = "/admin/log-level"     # does next to nothing, on the thread that reads the request
TENANTS = 10_000
TENANTS_QUICK = 500
TENANTS_ACTIVE = 200
TENANTS_BYTES_MAX = 1_000_000_000
TENANTS_AT_ONCE = 16
SPREAD_TENANTS = 64
SPREAD_PER_S_MIN = 15_000
OPEN_MS_MAX = 20
NEIGHBOUR_CONNECTIONS = 64
NEIGHBOUR_QUOTA = 50                   # requests a second; it asks for more than ten times as many
QUIET_CONNECTIONS = 4
QUIET_RATIO_MAX = 2
QUIET_SHARE_MIN = 0.8
KEY = re.compile(r"^\s*(insula_[A-Za-z0-9_-]{20,})\s*$", re.MULTILINE)


class Tenants:
    """A server and its administrator, who adds tenants."""

    def __init__(self, server):
        self._server = server
        shown = KEY.findall((server.data.parent / "log").read_text(errors="replace"))
        if not shown:
            raise NotMeasured("the server's first start showed no key")
        self.administrator = shown[0]

    def request(self, method, path, document=None, key=None, connection=None):
        """(status, the answer's document)."""
        used = connection or http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        body = None if document is None else json.dumps(document)
        headers = {"Authorization": f"Bearer {key or self.administrator}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        used.request(method, path, body, headers)
        answer = used.getresponse()
        text = answer.read()
        if connection is None:
            used.close()
        return answer.status, json.loads(text)

    def add(self, slug, **fields):
        """The key of its owner."""
        status, answer = self.request("POST", "/v1/tenants", {"slug": slug, **fields})
        if status != 201:
            raise NotMeasured(f"tenant {slug} was not added: {status} {answer}")
        return answer["owner"]["secret"]

    def add_many(self, number):
        with concurrent.futures.ThreadPoolExecutor(TENANTS_AT_ONCE) as pool:
            return list(pool.map(lambda at: self.add(f"tenant-{at}"), range(number)))


def keys_file(session, name, keys):
    path = session.directory(name) / "keys"
    path.write_text("".join(f"{key}\n" for key in keys))
    return path


def pipeline(session):
    """What a request costs beyond its work: authenticated, authorised, limited, metered."""
    seconds = session.seconds(10, 3)
    with Server(session, session.directory("pipeline")) as server:
        administrator = keys_file(session, "pipeline-keys", [Tenants(server).administrator])
        found = {}
        for name, arguments in (("open", ["--path", "/health"]),
                                ("with a key", ["--path", PIPELINE_PATH, "--keys", administrator])):
            report = run_load(session, server, "get", seconds, "--connections", PIPELINE_CONNECTIONS,
                              "--warmup", 1, *arguments)
            if report["errors"]:
                raise NotMeasured(f"{name}: {errors_of(report)}")
            found[name] = cpu_per(report, report["requests"])["server_us"]
    more = found["with a key"] - found["open"]
    return [Row("a key's request: authenticated, authorised, limited, metered", f"<= {PIPELINE_US_MAX} us of CPU",
                f"{more:.1f} us more than an open one, its own work included", f"{found['open']:.1f} us for /health",
                verdict(more <= PIPELINE_US_MAX), found)]


def tenants(session):
    """Many tenants registered and some active: memory, first requests after a start, writes spread over them."""
    number = session.seconds(TENANTS, TENANTS_QUICK)
    active = min(TENANTS_ACTIVE, number)
    rows = []
    with Server(session, session.directory("tenants")) as server:
        known = Tenants(server)
        began = time.monotonic()
        keys = known.add_many(number)
        added_per_s = number / (time.monotonic() - began)
        document = {"source_id": "s", "records": [{"fields": {"n": 1}}]}
        for key in keys[:active]:
            if known.request("POST", "/data/write", document, key)[0] != 200:
                raise NotMeasured("a tenant's write failed")
            if known.request("POST", "/data/search", {}, key)[0] != 200:
                raise NotMeasured("a tenant's search failed")
        memory = server.memory()
        rows.append(Row(f"memory with {count(number)} tenants, {active} active",
                        f"< {TENANTS_BYTES_MAX // 1_000_000} MB",
                        f"{memory['VmRSS'] / 1e6:,.0f} MB resident; {added_per_s:,.0f} tenants/s added",
                        verdict=verdict(memory["VmRSS"] < TENANTS_BYTES_MAX), details=memory))
        server.stop()
        server.start()
        taken = []
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for key in keys[:active]:
            begin = time.perf_counter()
            status, _ = known.request("GET", "/sources", None, key, connection)
            taken.append((time.perf_counter() - begin) * 1e3)
            if status != 200:
                raise NotMeasured(f"a tenant was not opened: {status}")
        connection.close()
        rows.append(Row("a tenant's first request after a start", f"<= {OPEN_MS_MAX} ms",
                        f"median {milliseconds(median(taken))}, p99 {milliseconds(quantile(taken, 0.99))}; "
                        f"start {milliseconds(server.started_ms)}",
                        verdict=verdict(quantile(taken, 0.99) <= OPEN_MS_MAX), details={"ms": taken}))
        rows.append(spread_over(session, server, keys[:SPREAD_TENANTS]))
    return rows


def spread_over(session, server, keys):
    report = run_load(session, server, "single", session.seconds(15, 4), "--connections", len(keys), "--warmup", 1,
                      "--keys", keys_file(session, "tenants-keys", keys))
    rate = report["docs_per_s"]
    latency = report["latency_us"]
    result = f"{count(rate)}/s, p50 {milliseconds(latency['p50'] / 1e3)}, p99 {milliseconds(latency['p99'] / 1e3)}"
    if report["errors"]:
        result += "; " + errors_of(report)
    return Row(f"single documents, {len(keys)} tenants", f">= {count(SPREAD_PER_S_MIN)}/s", result,
               verdict=verdict(rate >= SPREAD_PER_S_MIN, not report["errors"]), details=report)


def neighbour(session):
    """A quiet tenant beside one that asks for more than ten times its quota on many connections."""
    seconds = session.seconds(15, 4)
    with Server(session, session.directory("neighbour")) as server:
        known = Tenants(server)
        quiet = keys_file(session, "neighbour-quiet", [known.add("quiet")])
        loud_key = known.add("loud", limits={"requests_per_second": NEIGHBOUR_QUOTA})
        loud = keys_file(session, "neighbour-loud", [loud_key])

        def measured():
            return run_load(session, server, "single", seconds, "--connections", QUIET_CONNECTIONS, "--warmup", 1,
                            "--keys", quiet)
        alone = measured()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            loads = [pool.submit(run_load, session, server, "ingest", seconds + 4, "--connections",
                                 NEIGHBOUR_CONNECTIONS // 2, "--docs", 100, "--keys", loud, "--errors-are-expected"),
                     pool.submit(run_load, session, server, "stream", seconds + 4, "--connections",
                                 NEIGHBOUR_CONNECTIONS // 2, "--keys", loud, "--errors-are-expected", "--body",
                                 '{"limit": 100}')]
            time.sleep(1)  # the others are under way; their own clocks end them
            beside = measured()
            loud_reports = [load.result() for load in loads]
    p99_ms = {name: report["latency_us"]["p99"] / 1e3 for name, report in (("alone", alone), ("beside", beside))}
    p99 = p99_ms["beside"] / p99_ms["alone"]
    share = beside["docs_per_s"] / alone["docs_per_s"]
    asked = sum(report["requests_per_s"] for report in loud_reports)
    if alone["errors"] or beside["errors"]:
        raise NotMeasured(f"the quiet tenant was refused: {errors_of(alone)} {errors_of(beside)}")
    return [Row("a quiet tenant beside a loud one", f"p99 <= {QUIET_RATIO_MAX} x, throughput >= {QUIET_SHARE_MIN:.0%}",
                f"p99 {milliseconds(p99_ms['beside'])} (alone {milliseconds(p99_ms['alone'])}), "
                f"{count(beside['docs_per_s'])}/s; the loud one asked {count(asked)} times a second with a quota of "
                f"{count(NEIGHBOUR_QUOTA)}",
                f"p99 {p99:.2f} x, throughput {share:.0%}",
                verdict(p99 <= QUIET_RATIO_MAX, share >= QUIET_SHARE_MIN),
                {"alone": alone, "beside": beside, "loud": loud_reports})]
