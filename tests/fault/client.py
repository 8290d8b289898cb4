"""Client: HTTP to the server on one kept connection; used by one thread."""
import http.client
import json
import urllib.parse

REQUEST_SECONDS_MAX = 90


class Gone(Exception):
    """No answer: whether the request was carried out is not known."""


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, target, status, body):
        super().__init__(f"{target}: {status} {body[:400].decode(errors='replace')}")
        self.status = status
        try:
            self.code = json.loads(body)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            self.code = ""


class Client:
    def __init__(self, port, seconds_max=REQUEST_SECONDS_MAX):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds_max)

    def close(self):
        self._connection.close()

    def request(self, method, target, body=None, headers=None):
        """The answer's body. Fails with Gone where none came in time, with Refused at 400 and above."""
        try:
            self._connection.request(method, target, body, headers or {})
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            raise Gone(f"{method} {target}: {problem!r}") from problem
        if answer.status >= 400:
            raise Refused(f"{method} {target}", answer.status, data)
        return data

    def json(self, method, target, document=None, headers=None):
        body = None if document is None else json.dumps(document).encode()
        return json.loads(self.request(method, target, body, {"Content-Type": "application/json", **(headers or {})}))

    def write(self, source, body, key=None):
        headers = {"Content-Type": "application/x-ndjson"}
        if key:
            headers["Idempotency-Key"] = key
        return json.loads(self.request("POST", f"/data/write?source_id={urllib.parse.quote(source)}", body, headers))

    def add_source(self, source, **options):
        return self.json("POST", "/sources/add", {"source_id": source, **options})

    def remove_source(self, source):
        self.request("DELETE", f"/sources/{urllib.parse.quote(source)}")

    def sources(self):
        return [source["source_id"] for source in self.json("GET", "/sources")["sources"]]

    def count(self, source):
        answer = self.json("POST", "/data/aggregate",
                           {"sources": [source], "aggregations": [{"type": "count", "alias": "n"}]})
        return answer["results"][0]["n"]

    def rows(self, source, columns):
        """All rows of a source, as the fields of each."""
        body = json.dumps({"sources": [source], "columns": columns}).encode()
        lines = self.request("POST", "/data/search/stream", body, {"Content-Type": "application/json"}).splitlines()
        last = json.loads(lines[-1]) if lines else {}
        if "error" in last:
            raise Refused("/data/search/stream", 500, lines[-1])
        if "end" not in last:
            raise Gone("the stream was cut off")
        return [json.loads(line)["record"]["fields"] for line in lines[:-1]]
