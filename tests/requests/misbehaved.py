"""Clients that cut off, stall, vanish and damage, on raw sockets. Whatever they do, the server answers in its one
shape or ends the connection in its own time, and goes on for the others."""
import json
import re
import socket
import struct

import answers
import bodies
from answers import Answer, Request
from clients import Client
from exchange import HANG_SECONDS, Hang
from queries import QueryMaker

STALL_SECONDS = 2  # the server's time limits of a run, see run.py


class Misbehaved(Client):
    def step(self):
        self.requests += 1
        self.random.choice([self.cut_head, self.cut_body, self.vanish_in_answer, self.stop_reading, self.damage_head,
                            self.pipeline, self.damage_chunks, self.send_slowly, self.leave_at_once])()

    def open(self):
        connection = socket.create_connection(("127.0.0.1", self.owner.port), timeout=HANG_SECONDS)
        return connection

    def head(self, method, target, length, **headers):
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def write_request(self, **headers):
        body = json.dumps(bodies.documents(self.random)).encode()
        return self.head("POST", "/data/write?source_id=s1", len(body), **headers), body

    def stream_request(self):
        body = json.dumps({"sources": self.random.choice([["s1"], ["s1", "s2", "s3"]])}).encode()
        return self.head("POST", "/data/search/stream", len(body)) + body

    def put(self, connection, data):
        self.last = Request("raw", "", {}, data)
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was read

    def end(self, connection):
        """In one of the ways in which clients go."""
        if self.random.random() < .5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        connection.close()

    def until_closed(self, connection):
        """What the server sent before it ended the connection by itself."""
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except TimeoutError as problem:
            raise Hang(f"the connection was not ended within {HANG_SECONDS} s, after {received[:500]!r}") from problem
        except ConnectionResetError:
            pass
        connection.close()
        self.check(received)
        return received

    def check(self, received):
        """Answers as they came, the last one perhaps cut off."""
        while received:
            head, separator, rest = received.partition(b"\r\n\r\n")
            status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
            if not status:
                self.find(f"not HTTP: {received[:200]!r}")
                return
            headers = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
            length = headers.get("content-length")
            if not separator or length is None or len(rest) < int(length) or status.group(1) == b"100":
                return
            body, received = rest[:int(length)], rest[int(length):]
            answer = Answer(int(status.group(1)), headers, body)
            self.owner.count(answer)
            for problem in answers.problems(self.last, answer, self.owner.hidden):
                self.find(problem, answer=answer)

    def cut_head(self):
        head, _ = self.write_request()
        connection = self.open()
        self.put(connection, head[:self.random.randrange(1, len(head))])
        if self.random.random() < .1:
            self.until_closed(connection)  # stalls: the server has to end it
        else:
            self.end(connection)

    def cut_body(self):
        head, body = self.write_request()
        connection = self.open()
        self.put(connection, head + body[:self.random.randrange(len(body))])
        if self.random.random() < .1:
            self.until_closed(connection)
        else:
            self.end(connection)

    def vanish_in_answer(self):
        connection = self.open()
        self.put(connection, self.stream_request())
        if self.random.random() < .7:
            connection.recv(self.random.choice([1, 100, 10000]))
        self.end(connection)

    def stop_reading(self):
        """Takes a little of a stream and then nothing, with a small window; the server must not wait for ever."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(HANG_SECONDS)
        connection.connect(("127.0.0.1", self.owner.port))
        self.put(connection, self.stream_request())
        connection.recv(100)
        self.owner.over.wait(self.random.choice([.05, .2, STALL_SECONDS / 2]))
        self.end(connection)

    def damage_head(self):
        head, body = self.write_request(Connection="close")
        connection = self.open()
        self.put(connection, bodies.damaged(self.random, head) + body)
        connection.settimeout(.5)
        try:
            self.check(connection.recv(65536))
        except (TimeoutError, ConnectionResetError):
            pass  # it waits for more, or has ended
        self.end(connection)

    def pipeline(self):
        count = self.random.randint(2, 5)
        request = json.dumps(QueryMaker(self.random).search()).encode()
        one = self.head("POST", "/data/search", len(request)) + request
        last = self.head("GET", "/health", None, Connection="close")
        connection = self.open()
        self.put(connection, one * count + last)
        received = self.until_closed(connection)
        if received.count(b"HTTP/1.1 ") < count + 1 and b"onnection: close" not in received:
            self.find(f"{received.count(b'HTTP/1.1 ')} answers to {count + 1} pipelined requests")

    def damage_chunks(self):
        body = json.dumps(bodies.documents(self.random)).encode()
        at = self.random.randrange(len(body) + 1)
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:at], body[at:]) if part) + b"0\r\n\r\n"
        extra = self.random.choice([{}, {"Content-Length": "5"}, {"Trailer": "X"}])
        head = self.head("POST", "/data/write?source_id=s2", None, Transfer_Encoding="chunked", Connection="close",
                         **extra)
        connection = self.open()
        self.put(connection, head + (bodies.damaged(self.random, chunks) if self.random.random() < .8 else chunks))
        if self.random.random() < .9:
            connection.settimeout(.5)
            try:
                self.check(connection.recv(65536))
            except (TimeoutError, ConnectionResetError):
                pass
            self.end(connection)
        else:
            self.until_closed(connection)

    def send_slowly(self):
        head, body = self.write_request(Connection="close")
        sent = (head + body)[:4000]
        connection = self.open()
        for at in range(0, len(sent), 400):
            self.put(connection, sent[at:at + 400])
            self.owner.over.wait(.01)
        if len(sent) == len(head + body):
            self.until_closed(connection)
        else:
            self.end(connection)

    def leave_at_once(self):
        for _ in range(self.random.randint(1, 10)):
            self.open().close()
