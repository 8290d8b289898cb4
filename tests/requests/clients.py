"""The clients of a run: each is a thread that sends one request after the other and checks what comes back.

 - Anything: whatever bodies.py and queries.py come up with, right and wrong.
 - Model: sources of its own, compared with model.py after every step.
 - Misbehaved (misbehaved.py): raw sockets that cut off, stall and damage.
 - Health: asks /health throughout.
"""
import json
import random
import threading
import traceback
import urllib.parse

import answers
import bodies
import model
from answers import Request
from exchange import Connection, Hang, Lost
from queries import QueryMaker

HEALTH_SECONDS_MAX = 10  # within a busy run on a busy machine
HEALTH_PAUSE_SECONDS = 0.05


class Client(threading.Thread):
    """`run` is the Run that it belongs to: what to ask, where, until when, and who takes findings."""

    def __init__(self, run, name):
        super().__init__(name=name, daemon=True)
        self.owner = run
        self.random = random.Random(f"{run.seed}/{name}")
        self.connection = Connection(run.port, run.tamper)
        self.last = None
        self.requests = 0

    def run(self):
        try:
            while not self.owner.is_over():
                self.step()
        except (Hang, Lost) as problem:
            self.find(f"{problem}")
        except Exception:  # noqa: BLE001: a failure of the harness must not pass for a quiet run
            self.find(traceback.format_exc())
        finally:
            self.connection.close()

    def step(self):
        raise NotImplementedError

    def find(self, problem, request=None, answer=None):
        self.owner.find(f"{self.name}, request {self.requests}: {problem}\n  asked: {request or self.last}"
                        + (f"\n  answer: {answer}" if answer else ""))

    def ask(self, method, target, body=None, headers=None):
        request = Request(method, target, headers or {}, body)
        self.last = request
        self.requests += 1
        answer = self.connection.send(request)
        self.owner.count(answer)
        for problem in answers.problems(request, answer, self.owner.hidden):
            self.find(problem, request, answer)
        return answer

    def post(self, target, document, **headers):
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): v for name, v in headers.items()}
        return self.ask("POST", target, json.dumps(document).encode(), sent)


class Anything(Client):
    PATHS = ["/health", "/health/details", "/metrics", "/sources", "/tenant/stats", "/debug/pprof/heap",
             "/admin/log-level", "/nothing", "/", "/sources/%00/stats", "/sources/nope/stats", "/sources/s1/stats"]

    def __init__(self, run, name):
        super().__init__(run, name)
        self.maker = QueryMaker(self.random)

    def step(self):
        kind = self.random.random()
        if kind < .35:
            self.write()
        elif kind < .54:
            self.query("/data/search", self.maker.search())
        elif kind < .67:
            self.query("/data/search/stream", self.maker.search())
        elif kind < .86:
            self.query("/data/aggregate", self.maker.aggregate())
        elif kind < .89:
            self.look()
        elif kind < .94:
            self.source()
        else:
            method = self.random.choice(["GET", "GET", "HEAD", "DELETE", "PUT", "POST", "OPTIONS", "PATCH"])
            self.ask(method, self.random.choice(self.PATHS), b"" if method in ("PUT", "POST") else None)

    def look(self):
        sources = self.ask("GET", "/sources").json()["sources"]
        self.maker.columns = sorted({name for source in sources for name in source["schema"]})

    def write(self):
        media, body, named = bodies.write_body(self.random)
        source = urllib.parse.quote(bodies.source(self.random), safe="")
        headers = {"Content-Type": media}
        if self.random.random() < .1:
            headers["Idempotency-Key"] = self.random.choice(["k1", "k2", "x" * 300, "é".encode().decode("latin-1"), ""])
        target = "/data/write" if named else f"/data/write?source_id={source}"
        if media in ("text/csv", "text/tab-separated-values") and self.random.random() < .3:
            kind = self.random.choice(["string", "float64", "timestamp", "json", "bogus"])
            target += f"&column={self.random.choice(bodies.WIDE)}:{kind}"
        self.send(target, body, headers)

    def query(self, target, query):
        headers = {"Content-Type": "application/json"}
        if self.random.random() < .3:
            headers["Accept"] = self.random.choice(["text/csv", "application/x-ndjson", "application/json", "*/*", "x"])
        self.send(target, json.dumps(query).encode(), headers)

    def send(self, target, body, headers):
        if self.random.random() < .08:
            body = bodies.damaged(self.random, body)
        body = bodies.encoded(self.random, body, headers)
        if self.random.random() < .08:
            headers |= self.random.choice([
                {"Content-Type": "application/xml"}, {"Content-Type": ""}, {"Accept": "text/html;q=0.1"},
                {"X-Tenant-Id": "default_tenant"}, {"X-Tenant-Id": "nobody"}, {"X-Tenant-Id": "1-2-3"},
                {"Authorization": "Bearer x"}, {"Authorization": ""}, {"Host": "example.org"},
                {"Expect": "100-continue"}, {"Expect": "a lot"}, {"X-Long": "a" * 20000}, {"Range": "bytes=0-1"},
                {f"X-{i}": "1" for i in range(120)}, {"X-Api-Key": "a", "Authorization": "Bearer b"}])
        self.ask("POST", target, body, headers)

    def source(self):
        name = bodies.source(self.random)
        if self.random.random() < .3:
            self.ask("DELETE", "/sources/" + urllib.parse.quote(name, safe=""))
            return
        types = ["int64", "float64", "string", "date", "timestamp", "bool", "json", "datetime64[ns]", "bogus", 1]
        self.post("/sources/add", {
            "source_id": name,
            "schema_definition": {bodies.column(self.random): self.random.choice(types) for _ in range(3)},
            **self.random.choice([{}, {}, {"compression": "lz4"}, {"wal_enabled": False}, {"max_file_size_mb": 0},
                                  {"data_path": "/etc"}, {"connection_string": "file:///etc/passwd"}, {"x": 1},
                                  {"partition_columns": ["w0"], "index_columns": ["id"]}])})


class Model(Client):
    """Two sources that nobody else touches, so that every answer is known."""

    def __init__(self, run, name):
        super().__init__(run, name)
        self.sources = {f"{name}_a": [], f"{name}_b": []}
        self.next_id = 0
        self.keys = []  # (target, source, body, headers, rows)

    def step(self):
        kind = self.random.random()
        if kind < .3:
            self.write()
        elif kind < .33:
            self.repeat()
        elif kind < .35:
            self.remove()
        elif kind < .65:
            self.search()
        elif kind < .75:
            self.stream()
        else:
            self.aggregate()

    def write(self):
        source = self.random.choice(list(self.sources))
        count = self.random.choice([1, 1, 3, 20, 100, 2000])
        rows = [model.row(self.random, self.next_id + i) for i in range(count)]
        if not self.is_there(source):
            rows[0] = model.WHOLE_ROW | {"id": self.next_id}  # every column is there from the first row on
        self.next_id += count
        headers, body = self.body(rows)
        target = f"/data/write?source_id={source}"
        if headers["Content-Type"] == "text/csv" and not self.is_there(source):
            target += "&column=s:string&column=w:string"  # 007 and 12 are texts here
        if self.random.random() < .2:
            headers["Idempotency-Key"] = f"{self.name}-{self.next_id}"
            self.keys.append((target, source, body, headers, rows))
        written = self.put(target, source, body, headers, rows)
        if self.random.random() < .5:  # an acknowledged write is seen by the next search
            one = self.random.choice(rows)
            self.check_rows(source, {"filters": {"id": {"eq": one["id"]}}}, [one] if written else [])

    def body(self, rows):
        kind = self.random.random()
        headers = {"Content-Type": "application/json"}
        if kind < .3:
            headers["Content-Type"] = "text/csv"
            body = bodies.csv_text(rows, ["w", "id", "s", "n", "k"]).encode()
        elif kind < .6:
            headers["Content-Type"] = "application/x-ndjson"
            body = "".join(json.dumps(row) + "\n" for row in rows).encode()
        else:
            body = json.dumps(rows, ensure_ascii=self.random.choice([True, False])).encode()
        if self.random.random() < .3:
            headers["Content-Encoding"] = "gzip"
            body = bodies.gzip.compress(body, 1)
        return headers, body

    def put(self, target, source, body, headers, rows):
        """Whether the rows are there now."""
        answer = self.ask("POST", target, body, dict(headers))
        if answer.status == 429:
            return False
        if answer.status != 200 or answer.json()["rows"] != len(rows) or answer.json()["duplicate"]:
            self.find("a write of sound rows", answer=answer)
            return False
        self.sources[source] += rows
        return True

    def repeat(self):
        """The same batch under its key: applied once; another body under it: refused."""
        if not self.keys:
            return
        target, source, body, headers, rows = self.random.choice(self.keys)
        if not any(row["id"] == rows[0]["id"] for row in self.sources[source]):
            return  # refused then, or its source was removed since
        answer = self.ask("POST", target, body, dict(headers))
        if answer.status != 200 or not answer.json()["duplicate"] or answer.json()["rows"] != len(rows):
            self.find("a repeated write was not taken for one", answer=answer)
        other = headers | {"Content-Type": "application/json"}
        other.pop("Content-Encoding", None)
        answer = self.ask("POST", f"/data/write?source_id={source}", b'[{"id": -1}]', other)
        if answer.status != 409:
            self.find("a key that was used with another body was taken", answer=answer)

    def remove(self):
        source = self.random.choice(list(self.sources))
        answer = self.ask("DELETE", f"/sources/{source}")
        if answer.status != (200 if self.is_there(source) else 404):
            self.find("a removal", answer=answer)
        self.sources[source] = []
        self.keys = [key for key in self.keys if key[1] != source]
        answer = self.post("/data/search", {"sources": [source]})
        if answer.status != 404:
            self.find("a removed source answers", answer=answer)

    def is_there(self, source):
        """No row of this client's is ever empty, so that a source without rows was not made yet, or removed."""
        return bool(self.sources[source])

    def chosen(self):
        """The sources that a query asks, and their rows."""
        there = [source for source in self.sources if self.is_there(source)]
        asked = self.random.sample(there, self.random.randint(1, len(there))) if there else []
        return asked, [row for source in asked for row in self.sources[source]]

    def search(self):
        asked, rows = self.chosen()
        if not asked:
            return
        query = {"sources": asked}
        if self.random.random() < .8:
            query["filters"], fits = model.filters(self.random)
            rows = [row for row in rows if fits(row)]
        descending = self.random.choice([True, False])
        if self.random.random() < .5:
            query["order_by"] = [{"column": "n", "descending": descending}, "id"]
            rows.sort(key=lambda row: (-row["n"] if descending else row["n"], row["id"]))
        else:
            query["order_by"] = ["id"]
            rows.sort(key=lambda row: row["id"])
        query["limit"] = self.random.choice([1, 10, 200, 10000])
        query["offset"] = self.random.choice([0, 0, 1, 7, 500])
        self.compare(query, rows[query["offset"]:query["offset"] + query["limit"]])

    def sound(self, target, query):
        """The answer to a query that must succeed; None where the engine's memory is in use by others, or it failed."""
        answer = self.post(target, query)
        if answer.status == 200:
            return answer
        if answer.status != 429:
            self.find("a sound query", answer=answer)
        return None

    def compare(self, query, rows):
        answer = self.sound("/data/search", query)
        if answer is None:
            return
        found = [model.canonical(record["fields"]) for record in answer.json()["records"]]
        self.differ([model.canonical(row) for row in rows], found)

    def check_rows(self, source, query, rows):
        if self.is_there(source):
            self.compare(query | {"sources": [source]}, rows)

    def differ(self, expected, found):
        if expected == found:
            return
        missing = [row for row in expected if row not in set(found)][:3]
        surplus = [row for row in found if row not in set(expected)][:3]
        self.find(f"{len(expected)} rows expected, {len(found)} found; missing {missing}, too many {surplus}")

    def stream(self):
        asked, rows = self.chosen()
        if not asked:
            return
        query = {"sources": asked}
        if self.random.random() < .5:
            query["filters"], fits = model.filters(self.random)
            rows = [row for row in rows if fits(row)]
        answer = self.sound("/data/search/stream", query)
        if answer is None:
            return
        lines = [json.loads(line) for line in answer.body.splitlines()]
        found = [model.canonical(line["record"]["fields"]) for line in lines if "record" in line]
        self.differ(sorted(model.canonical(row) for row in rows), sorted(found))

    def aggregate(self):
        asked, rows = self.chosen()
        if not asked:
            return
        query = {"sources": asked, "aggregations": model.AGGREGATIONS}
        if self.random.random() < .6:
            query["filters"], fits = model.filters(self.random)
            rows = [row for row in rows if fits(row)]
        group = self.random.choice([None, "k", "s"])
        if group:
            query["group_by"] = [group]
        answer = self.sound("/data/aggregate", query)
        if answer is None:
            return
        expected = model.aggregated(rows, group)
        found = sorted(model.canonical(result) for result in answer.json()["results"])
        if expected != found:
            self.find(f"expected {expected[:3]}, found {found[:3]}", answer=answer)

    def check_everything(self):
        """All rows, after the run and after a restart."""
        for source, rows in self.sources.items():
            if self.is_there(source):
                answer = self.post("/data/search/stream", {"sources": [source]})
                lines = [json.loads(line) for line in answer.body.splitlines()]
                self.differ(sorted(model.canonical(row) for row in rows),
                            sorted(model.canonical(line["record"]["fields"]) for line in lines if "record" in line))


class Health(Client):
    def __init__(self, run, name):
        super().__init__(run, name)
        self.slowest = 0.0

    def step(self):
        began = self.owner.now()
        answer = self.ask("GET", "/health")
        seconds = self.owner.now() - began
        self.slowest = max(self.slowest, seconds)
        if answer.status != 200:
            self.find("/health is not well", answer=answer)
        if seconds > HEALTH_SECONDS_MAX:
            self.find(f"/health took {seconds:.1f} s")
        self.owner.over.wait(HEALTH_PAUSE_SECONDS)
