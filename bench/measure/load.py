"""insula-load and wrk: what puts the load on the server."""
import http.server
import json
import pathlib
import re
import resource
import threading

from measure.result import NotMeasured

END_SECONDS = 90               # for what is in flight at the end of a run
WRK_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def run_load(session, server, mode, seconds, *arguments):
    """One run of insula-load; its report, with what the server's CPU did meanwhile."""
    output = session.run([session.program("insula-load"), mode, "--port", str(server.port), "--seconds", str(seconds),
                          "--server-pid", str(server.pid), *map(str, arguments)], seconds + END_SECONDS)
    return json.loads(output)


def cpu_per(report, operations):
    """Microseconds of CPU for each operation: of the server and of the loader."""
    if operations == 0:
        raise NotMeasured(f"nothing was done: {report}")
    return {"server_us": report["server_cpu_seconds"] * 1e6 / operations,
            "loader_us": report["cpu_seconds"] * 1e6 / operations}


def errors_of(report):
    return ", ".join(f"{number} x {name}" for name, number in report["errors"].items())


def run_wrk(session, cores, connections, seconds, address):
    """Requests a second, latency quantiles in ms, and the CPU seconds that wrk took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = session.run(["taskset", "-c", ",".join(map(str, cores)), "wrk", "-t1", f"-c{connections}",
                          f"-d{seconds}s", "--latency", address], seconds + 30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    total = re.search(r"(\d+) requests in ([\d.]+)(s|m)", output)
    quantiles = {share: float(value) * WRK_UNITS_MS[unit]
                 for share, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", output, re.MULTILINE)}
    if not (rate and total and len(quantiles) == 2):
        raise NotMeasured(f"wrk printed something else: {output[-300:]}")
    problems = re.findall(r"(Non-2xx.*|Socket errors.*)", output)
    return {"requests_per_s": float(rate[1]), "requests": int(total[1]), "p50_ms": quantiles["50"],
            "p99_ms": quantiles["99"], "problems": problems,
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


class _Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.file.write(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments):
        pass


def capture_bodies(session, path, requests):
    """Writes the bodies that insula-load sends to a file: the same documents for whom the server is compared with."""
    with open(path, "wb") as file, http.server.HTTPServer(("127.0.0.1", 0), _Sink) as sink:
        sink.file = file
        thread = threading.Thread(target=sink.serve_forever, daemon=True)
        thread.start()
        try:
            output = session.run([session.program("insula-load"), "ingest", "--port", str(sink.server_port),
                                  "--connections", "1", "--seconds", "300", "--requests", str(requests)], 330)
        finally:
            sink.shutdown()
            thread.join()
    report = json.loads(output)
    if report["body_bytes"] != pathlib.Path(path).stat().st_size:
        raise NotMeasured("the captured documents are not those that were sent")
    return report["documents"]
