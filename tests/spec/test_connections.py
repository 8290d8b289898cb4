"""How many connections may be open."""
import contextlib
import json
import socket
import time

import spec_server

CONNECTIONS_MAX = 20
SECONDS_MAX = 20


def test_one_connection_more_than_may_be_open_is_503_until_one_is_closed():
    server = spec_server.Server(["--dev"], f"server:\n  connections_max: {CONNECTIONS_MAX}\n")
    with contextlib.closing(server), contextlib.ExitStack() as held:
        server.start()
        status = 200
        for _ in range(2 * CONNECTIONS_MAX):  # some may be those that it has not yet seen closed
            held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS_MAX))
            status, headers, body = server.request("GET", "/sources")
            if status != 200:
                break
        assert status == 503 and headers["retry-after"].isdigit() and headers["connection"] == "close"
        error = json.loads(body)["error"]
        assert error["code"] == "too_many_connections" and "reuse" in error["hint"]
        held.close()
        give_up = time.monotonic() + SECONDS_MAX
        while server.request("GET", "/sources")[0] != 200:
            assert time.monotonic() < give_up
