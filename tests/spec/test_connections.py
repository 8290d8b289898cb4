"""How many connections may be open, and how slow a client may be."""
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


def test_one_address_has_its_share_of_the_connections():
    server = spec_server.Server(["--dev"], "server:\n  connections_per_address_max: 5\n")
    with contextlib.closing(server), contextlib.ExitStack() as held:
        server.start()
        status = 200
        for _ in range(10):
            held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS_MAX))
            status, headers, body = server.request("GET", "/sources")
            if status != 200:
                break
        assert status == 503 and headers["retry-after"].isdigit()
        assert "This address has as many connections" in json.loads(body)["error"]["message"]
        held.close()
        give_up = time.monotonic() + SECONDS_MAX
        while server.request("GET", "/sources")[0] != 200:
            assert time.monotonic() < give_up


def test_a_body_that_comes_too_slowly_is_cut_off_and_a_slow_one_that_is_quick_enough_is_not():
    config = "server:\n  stall_timeout: 500ms\n  transfer_rate_min: 20KB\n"
    body = b'{"source_id": "slow", "records": [{"fields": {"text": "' + b"x" * 100_000 + b'"}}]}'
    head = (f"POST /data/write HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()

    def send(server, piece):
        """The status; a piece of the body every 50 ms, which is the pace under test."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS_MAX) as client:
            client.sendall(head)
            for begin in range(0, len(body), piece):
                try:
                    client.sendall(body[begin:begin + piece])
                except OSError:
                    break  # cut off
                client.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    if answer := client.recv(4096):
                        return int(answer.split()[1])
            client.settimeout(SECONDS_MAX)
            answer = client.recv(4096)
            return int(answer.split()[1]) if answer else None
    with contextlib.closing(spec_server.Server(["--dev"], config)) as server:
        server.start()
        assert send(server, 10_000) == 200, "200 KB/s"
        assert send(server, 100) == 408, "2 KB/s, though never silent for 500 ms"
