"""A server that is asked to stop: what was begun is finished, nothing new is taken, and it ends in time."""
import contextlib
import json
import signal
import socket
import time

import pytest
import spec_server

CONFIG = """
server:
  stop_timeout: {stop_timeout}
  stall_timeout: 30s
"""
SECONDS_MAX = 20
ROWS = 200_000  # a stream of them is more than the kernel holds for a client that does not read


@contextlib.contextmanager
def running(stop_timeout):
    server = spec_server.Server(["--dev"], CONFIG.format(stop_timeout=stop_timeout))
    try:
        server.start()
        yield server
    finally:
        server.close()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS_MAX)


def accepted(server):
    """A connection that the server has: one that still waits for it is reset by a stop."""
    connection = connect(server)
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received = b""
    while b"}" not in received:
        received += connection.recv(1 << 16)
    return connection


def head(target, length):
    return (f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


def begin_write(connection, target, length):
    """Returns once the server asks for the body: until it has read the head, a stop takes the connection for idle."""
    begun = head(target, length).removesuffix(b"\r\n") + b"Expect: 100-continue\r\n\r\n"
    connection.sendall(begun)
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += connection.recv(1 << 16)
    assert received.startswith(b"HTTP/1.1 100 "), received


def until_closed(connection):
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            received += piece
    return received


def ask_to_stop(server, idle):
    """Returns once it is stopping: it closes connections on which nothing is asked."""
    server.process.send_signal(signal.SIGTERM)
    assert until_closed(idle) == b""


def wait_until_refused(server):
    """Its threads stop listening one after the other; what one of them had not accepted yet is reset."""
    give_up = time.monotonic() + SECONDS_MAX
    while True:
        try:
            connect(server).close()
        except ConnectionResetError:
            pass
        except ConnectionRefusedError:
            return
        assert time.monotonic() < give_up, "connections are still taken"


def exit_code(server):
    return server.process.wait(SECONDS_MAX)


def count(server):
    answer = server.json("POST", "/data/aggregate", {"aggregations": [{"type": "count", "alias": "n"}]})
    return answer["results"][0]["n"]


def test_a_write_that_was_begun_is_finished_and_nothing_new_is_taken():
    with running("15s") as server:
        idle, writer = accepted(server), accepted(server)
        body = json.dumps([{"a": 1}, {"a": 2}]).encode()
        begin_write(writer, "/data/write?source_id=s", len(body))
        writer.sendall(body[:10])
        ask_to_stop(server, idle)
        wait_until_refused(server)
        writer.sendall(body[10:])
        answer = until_closed(writer)
        assert answer.startswith(b"HTTP/1.1 200 ") and b'"rows":2' in answer
        assert exit_code(server) == 0
        server.start()
        assert count(server) == 2


def test_a_body_that_does_not_come_keeps_no_server_from_stopping():
    with running("1s") as server:
        idle, writer = accepted(server), accepted(server)
        begin_write(writer, "/data/write?source_id=s", 100)
        writer.sendall(b'[{"a": 1}')
        began = time.monotonic()
        ask_to_stop(server, idle)
        assert b"200 OK" not in until_closed(writer)
        assert exit_code(server) == 0
        assert time.monotonic() - began < SECONDS_MAX / 2
        server.start()
        assert count(server) == 0


def streaming(server):
    rows = b",".join(b'{"i": %d, "t": "0123456789012345678901234567890123456789"}' % i for i in range(ROWS))
    status, _, answer = server.request("POST", "/data/write?source_id=s", {"Content-Type": "application/json"},
                                       b"[" + rows + b"]")
    assert status == 200, answer
    reader = connect(server)
    reader.sendall(head("/data/search/stream", 2) + b"{}")
    return reader, reader.recv(1000)


def test_a_stream_whose_client_reads_on_comes_to_its_last_line():
    with running("15s") as server:
        idle = connect(server)
        reader, first = streaming(server)
        ask_to_stop(server, idle)
        answer = first + until_closed(reader)
        assert answer.count(b'{"record":') == ROWS and b'{"end":' in answer[-1000:]
        assert exit_code(server) == 0


def test_a_stream_whose_client_does_not_read_is_cut_off():
    with running("1s") as server:
        idle = connect(server)
        reader, first = streaming(server)
        ask_to_stop(server, idle)
        assert exit_code(server) == 0
        answer = first + until_closed(reader)
        assert b'{"end":' not in answer[-1000:] and not answer.endswith(b"\r\n0\r\n\r\n")
        assert "requests cut off at the stop" in server.log_path.read_text()


def test_a_second_signal_ends_it_at_once():
    with running("1h") as server:
        idle, writer = accepted(server), accepted(server)
        writer.sendall(head("/data/write?source_id=s", 100) + b"[")
        ask_to_stop(server, idle)
        server.process.send_signal(signal.SIGTERM)
        assert exit_code(server) == 1
