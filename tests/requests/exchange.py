"""One client's connection: sends a request, gives the answer, and knows a hang from an end.

`tamper` stands between the server and the checks: tests of the checks plant faults there.
"""
import http.client

from answers import Answer

HANG_SECONDS = 40  # far above what any answer takes, on a busy machine too


class Hang(Exception):
    """No answer within HANG_SECONDS."""


class Lost(Exception):
    """The connection ended without an answer."""


class Connection:
    def __init__(self, port, tamper=None):
        self.port = port
        self.tamper = tamper or (lambda request, send: send())
        self.http = None

    def send(self, request):
        return self.tamper(request, lambda: self.exchange(request))

    def exchange(self, request):
        if self.http is None:
            self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_SECONDS)
        try:
            self.put(request)
            answer = self.read()
        except TimeoutError as problem:
            self.close()
            raise Hang(f"no answer within {HANG_SECONDS} s") from problem
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise Lost(f"{type(problem).__name__}: {problem}") from problem
        if answer.cut_off or answer.headers.get("connection") == "close":
            self.close()
        return answer

    def put(self, request):
        names = {name.lower() for name in request.headers}
        self.http.putrequest(request.method, request.target, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in request.headers.items():
            self.http.putheader(name, value)
        if request.body is not None and "content-length" not in names and "transfer-encoding" not in names:
            self.http.putheader("Content-Length", str(len(request.body)))
        self.http.endheaders()
        try:
            self.http.send(request.body or b"")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server answered before it read everything, as it does with a body over the limit

    def read(self):
        response = self.http.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        try:
            return Answer(response.status, headers, response.read())
        except http.client.IncompleteRead as problem:
            return Answer(response.status, headers, problem.partial, cut_off=True)

    def close(self):
        if self.http is not None:
            self.http.close()
        self.http = None


