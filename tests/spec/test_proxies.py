"""Whose address counts where proxies stand in front: policies ask for it."""
import contextlib
import json

import pytest
import spec_server

POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "tables:*", "Resource": "*",
     "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}}]}


@contextlib.contextmanager
def server_behind(proxies, header="x-forwarded-for"):
    config = f"server:\n  trusted_proxies: {json.dumps(proxies)}\n  forwarded_header: {header}\n"
    with contextlib.closing(spec_server.Server([], config)) as server:
        server.start()
        owner = {"Authorization": f"Bearer {server.owner_key()}", "Content-Type": "application/json"}

        def make(method, target, document):
            status, _, answer = server.request(method, target, owner, json.dumps(document).encode())
            assert status in (200, 201), answer
            return json.loads(answer)
        make("PUT", "/v1/policies/office", POLICY)
        make("PUT", "/v1/roles/office", {"policies": ["office"]})
        make("POST", "/v1/users", {"name": "ann", "roles": ["office"]})
        key = make("POST", "/v1/keys", {"user": "ann"})["secret"]

        def ask(*forwarded, name="X-Forwarded-For"):
            """The status of a request with these lines of the header."""
            headers = Lines({"Authorization": f"Bearer {key}"}, name, forwarded)
            return server.request("GET", "/tenant/stats", headers)[0]
        yield ask


class Lines(dict):
    """Headers, of which one may have several lines."""

    def __init__(self, headers, name, lines):
        super().__init__(headers)
        self.lines = [(name, line) for line in lines]

    def items(self):
        return [*super().items(), *self.lines]


def test_what_a_trusted_proxy_says_counts_for_policies():
    with server_behind(["127.0.0.1", "10.0.0.0/8"]) as ask:
        assert ask() == 403, "the proxy itself"
        assert ask("203.0.113.7") == 200
        assert ask("[2001:db8::7]:4711") == 200
        assert ask("198.51.100.1") == 403
        assert ask("203.0.113.7, 198.51.100.1") == 403, "the client made up the first"
        assert ask("203.0.113.7", "198.51.100.1") == 403, "nor in a line of its own"
        assert ask("198.51.100.1", "203.0.113.7, 10.1.1.1") == 200
        assert ask("203.0.113.7", name="Forwarded") == 403, "another header than the proxies set"
        assert ask("unknown") == 400


def test_what_anybody_else_says_does_not():
    with server_behind(["10.0.0.0/8"]) as ask:
        assert ask("203.0.113.7") == 403
        assert ask("nonsense") == 403


def test_the_standards_header_is_read_where_the_proxies_set_it():
    with server_behind(["127.0.0.1"], "forwarded") as ask:
        assert ask('for="[2001:db8::7]:4711";proto=https', name="Forwarded") == 200
        assert ask("for=203.0.113.7, for=198.51.100.1", name="Forwarded") == 403
        assert ask('for="203.0.113.7, for=198.51.100.1', name="Forwarded") == 400
        assert ask("203.0.113.7") == 403


@pytest.mark.parametrize("network", ["10.0.0.0/33", "everybody", "0.0.0.0/0", "::/0"])
def test_a_network_that_is_none_or_is_everybody_is_refused(network):
    with pytest.raises(spec_server.ServerError, match="network|everybody"), server_behind([network]):
        pass
