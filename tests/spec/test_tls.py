"""TLS at the ports: who is let in how, certificates that change while the server runs, and the client's side."""
import contextlib
import http.client
import json
import re
import socket
import ssl
import stat
import subprocess
import time

import pytest
import spec_server

SECONDS_MAX = 30
LOG_SECONDS_MAX = 10
FAILURE, USAGE, CONFIGURATION = 1, 2, 3


def insula(*arguments, exits=0, **more):
    run = subprocess.run([spec_server.binary(), *map(str, arguments)], env=spec_server.clean_environment() | more,
                         stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=SECONDS_MAX)
    assert run.returncode == exits, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run


def certificate(directory, *arguments):
    insula("cert", "self-signed", "--out", directory, *arguments)
    return directory / "cert.pem", directory / "key.pem"


class TlsServer(spec_server.Server):
    """Asked by TLS alone. `context` is the client's."""
    context = None

    def request(self, method, target, headers=None, body=None, seconds_max=SECONDS_MAX):
        connection = self.connect(seconds_max)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def connect(self, seconds_max=SECONDS_MAX):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=seconds_max, context=self.context)

    def plain(self, target="/health", address="127.0.0.1"):
        connection = http.client.HTTPConnection(address, self.port, timeout=SECONDS_MAX)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def metric(self, name):
        text = self.request("GET", "/metrics")[2].decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


@contextlib.contextmanager
def tls_server(cert, key, *arguments, config=None, context=None, dev=True):
    development = ["--dev"] if dev else []
    server = TlsServer([*development, "--cert-file", str(cert), "--key-file", str(key), *arguments], config)
    server.context = context or ssl.create_default_context(cafile=cert)
    with contextlib.closing(server):
        server.start()
        yield server


def wait_for(condition):
    give_up = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)  # between two looks; the deadline above ends it


def address_beyond_loopback():
    """One of this machine's own, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith(("127.", "0.")) else address


def test_a_certificate_is_made_with_a_key_for_its_owner_alone(tmp_path):
    made = insula("cert", "self-signed", "--host", "data.example.org", "--host", "192.0.2.7", "--out", tmp_path / "tls")
    cert, key = tmp_path / "tls/cert.pem", tmp_path / "tls/key.pem"
    assert made.stdout == f"{cert}\n{key}\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and stat.S_IMODE(cert.stat().st_mode) == 0o644
    before = key.read_text()
    again = insula("cert", "self-signed", "--out", tmp_path / "tls", exits=FAILURE)
    assert "is there already" in again.stderr and key.read_text() == before
    shown = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-text"], capture_output=True, encoding="utf-8",
                           check=True).stdout
    assert "DNS:data.example.org, IP Address:192.0.2.7" in shown and "prime256v1" in shown
    for wrong in (["--host", "a b"], ["--days", "0"], ["--days", "4000"], ["--days", "x"]):
        refused = insula("cert", "self-signed", "--out", tmp_path / "other", *wrong, exits=USAGE)
        assert refused.stderr.startswith("insula: ")
    assert not (tmp_path / "other").exists()


def test_tls_and_plain_http_share_a_port_on_this_machine(tmp_path):
    with tls_server(*certificate(tmp_path / "tls")) as server:
        assert server.request("GET", "/health")[0] == 200
        assert server.plain()[0] == 200
        body = "".join(json.dumps({"id": i, "text": "x" * 1000}) + "\n" for i in range(5000)).encode()
        status, _, answer = server.request("POST", "/data/write?source_id=big",
                                           {"Content-Type": "application/x-ndjson"}, body)
        assert status == 200, answer
        status, _, answer = server.request("POST", "/data/search/stream", {"Content-Type": "application/json"},
                                           b'{"sources": ["big"]}')
        assert status == 200 and answer.count(b"\n") >= 5000


def test_tls_1_3_alone_is_spoken_unless_1_2_is_asked_for(tmp_path):
    cert, key = certificate(tmp_path / "tls")
    old = ssl.create_default_context(cafile=cert)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with tls_server(cert, key) as server:
        server.context = old
        with pytest.raises(ssl.SSLError):
            server.request("GET", "/health")
    with tls_server(cert, key, config="security:\n  tls_min_version: \"1.2\"\n", context=old) as server:
        assert server.request("GET", "/health")[0] == 200


def test_a_session_is_resumed_without_the_certificate(tmp_path):
    cert, key = certificate(tmp_path / "tls")
    with tls_server(cert, key) as server:
        def ask(session=None):
            with socket.create_connection(("127.0.0.1", server.port), SECONDS_MAX) as tcp, \
                    server.context.wrap_socket(tcp, server_hostname="127.0.0.1", session=session) as tls:
                tls.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert tls.recv(4096).startswith(b"HTTP/1.1 200")
                return tls.session_reused, tls.session
        reused, session = ask()
        assert not reused
        assert ask(session)[0]


def test_beyond_this_machine_a_server_wants_tls_or_insecure(tmp_path):
    refused = insula("serve", "--host", "0.0.0.0", "--data-dir", tmp_path / "data", exits=CONFIGURATION)
    assert "--cert-file" in refused.stderr and "--insecure" in refused.stderr and "0.0.0.0" in refused.stderr
    refused = insula("serve", "--host", "0.0.0.0", "--dev", "--insecure", "--data-dir", tmp_path / "data",
                     exits=CONFIGURATION)
    assert "nobody is asked for a key" in refused.stderr
    assert not (tmp_path / "data").exists()
    config = tmp_path / "config.yaml"
    config.write_text("server:\n  host: 0.0.0.0\n")
    assert "config.yaml:2" in insula("config", "check", "--config", config, exits=CONFIGURATION).stdout
    with contextlib.closing(spec_server.Server(["--host", "0.0.0.0", "--insecure"])) as server:
        server.start()
        assert "can read and change" in server.log_path.read_text()


def test_plain_http_is_for_this_machine_unless_insecure_is_set(tmp_path):
    address = address_beyond_loopback()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    cert, key = certificate(tmp_path / "tls", "--host", "127.0.0.1", "--host", address)
    with tls_server(cert, key, "--host", "0.0.0.0", dev=False) as server:
        assert server.plain()[0] == 200
        status, body = server.plain(address=address)
        assert status == 400 and json.loads(body)["error"]["code"] == "tls_required"
        assert "https://" in json.loads(body)["error"]["hint"]
        tls = http.client.HTTPSConnection(address, server.port, timeout=SECONDS_MAX, context=server.context)
        tls.request("GET", "/health")
        assert tls.getresponse().status == 200
        tls.close()
    with tls_server(cert, key, "--host", "0.0.0.0", "--insecure", dev=False) as server:
        assert server.plain(address=address)[0] == 200


@pytest.mark.parametrize("spoil,said", [
    (lambda cert, key, other: cert.unlink(), "cert.pem cannot be read: No such file"),
    (lambda cert, key, other: key.unlink(), "key.pem cannot be read: No such file"),
    (lambda cert, key, other: other.rename(key), "is not the key of the first certificate"),
    (lambda cert, key, other: cert.write_text("nonsense"), "holds no certificate"),
    (lambda cert, key, other: key.write_text("nonsense"), "holds no private key"),
])
def test_a_certificate_that_cannot_be_used_is_said_to_be_so_at_the_start(tmp_path, spoil, said):
    cert, key = certificate(tmp_path / "tls")
    spoil(cert, key, certificate(tmp_path / "other")[1])
    refused = insula("serve", "--dev", "--cert-file", cert, "--key-file", key, "--data-dir", tmp_path / "data",
                     "--port-offset", spec_server.free_port_offset(), exits=CONFIGURATION)
    assert said in refused.stderr


def test_half_a_setting_of_tls_is_refused(tmp_path):
    cert, _ = certificate(tmp_path / "tls")
    assert "server.tls.key_file" in insula("serve", "--cert-file", cert, exits=CONFIGURATION).stderr
    config = tmp_path / "config.yaml"
    config.write_text("server:\n  tls:\n    client_certificates: require\n")
    assert "server.tls.client_ca_file" in insula("config", "check", "--config", config, exits=CONFIGURATION).stdout


def test_a_changed_certificate_is_taken_while_connections_go_on(tmp_path):
    cert, key = certificate(tmp_path / "tls")
    later, later_key = certificate(tmp_path / "later", "--days", "20")
    with tls_server(cert, key, config="server:\n  tls:\n    reload_interval: 20ms\n") as server:
        kept = server.connect()

        def ask():
            kept.request("GET", "/health")
            answer = kept.getresponse()
            return answer.status, answer.read(), kept.sock
        first = ask()
        expiry = server.metric("insula_tls_certificate_expiry_timestamp_seconds")
        assert 360 < (expiry - time.time()) / 86400 < 366
        # A key of another certificate first: nothing changes, and the log says so.
        cert_before, key_before = cert.read_bytes(), key.read_bytes()
        key.write_bytes(later_key.read_bytes())
        wait_for(lambda: server.metric("insula_tls_certificate_reload_failures_total") == 1)
        assert "the one before is shown" in server.log_path.read_text()
        assert server.request("GET", "/health")[0] == 200
        # Then its certificate. It is not of this client's trust: only who trusts the new one connects.
        cert.write_bytes(later.read_bytes())
        trusts_later = ssl.create_default_context(cafile=later)

        def is_taken():
            try:
                with socket.create_connection(("127.0.0.1", server.port), SECONDS_MAX) as tcp, \
                        trusts_later.wrap_socket(tcp, server_hostname="127.0.0.1"):
                    return True
            except ssl.SSLCertVerificationError:
                return False
        wait_for(is_taken)
        assert ask() == first, "the same connection, undisturbed"
        server.context = trusts_later
        assert (server.metric("insula_tls_certificate_expiry_timestamp_seconds") - time.time()) / 86400 < 21
        assert server.metric("insula_tls_certificate_reloads_total") == 1
        kept.close()
        cert.write_bytes(cert_before)
        key.write_bytes(key_before)


def test_a_key_that_others_may_read_and_a_certificate_near_its_end_are_warned_about(tmp_path):
    cert, key = certificate(tmp_path / "tls", "--days", "3")
    key.chmod(0o644)
    with tls_server(cert, key) as server:
        wanted = ("others than its owner may read", "expires soon")
        give_up = time.monotonic() + LOG_SECONDS_MAX
        while not all(text in server.log_path.read_text() for text in wanted):
            assert time.monotonic() < give_up, server.log_path.read_text()
            time.sleep(0.02)  # between two looks: the log is written by a thread of its own


def test_clients_with_certificates_alone_are_let_in_where_that_is_asked_for(tmp_path):
    cert, key = certificate(tmp_path / "tls")
    client, client_key = certificate(tmp_path / "client", "--host", "loader.example.org")
    stranger, stranger_key = certificate(tmp_path / "stranger")
    config = f"server:\n  tls:\n    client_certificates: require\n    client_ca_file: {client}\n"
    context = ssl.create_default_context(cafile=cert)
    context.load_cert_chain(client, client_key)
    with tls_server(cert, key, config=config, context=context) as server:
        assert server.request("GET", "/health")[0] == 200
        assert server.plain()[0] == 400, "nobody comes in by the side door"
        ask = ("status", "--server", f"https://127.0.0.1:{server.port}", "--ca-file", cert)
        insula(*ask, "--client-cert", client, "--client-key", client_key)
        none = insula(*ask, exits=FAILURE)
        assert "client_certificate_refused" in none.stderr and "--client-cert" in none.stderr
        other = insula(*ask, "--client-cert", stranger, "--client-key", stranger_key, exits=FAILURE)
        assert "client_certificate_refused" in other.stderr
        assert "go together" in insula(*ask, "--client-cert", client, exits=USAGE).stderr


def test_policies_may_ask_for_tls(tmp_path):
    with tls_server(*certificate(tmp_path / "tls"), dev=False) as server:
        owner = {"Authorization": f"Bearer {server.owner_key()}", "Content-Type": "application/json"}

        def make(method, target, document):
            status, _, answer = server.request(method, target, owner, json.dumps(document).encode())
            assert status in (200, 201), answer
            return json.loads(answer)
        make("PUT", "/v1/policies/secure", {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "tables:*", "Resource": "*",
             "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]})
        make("PUT", "/v1/roles/secure", {"policies": ["secure"]})
        make("POST", "/v1/users", {"name": "ann", "roles": ["secure"]})
        ann = {"Authorization": "Bearer " + make("POST", "/v1/keys", {"user": "ann"})["secret"]}
        assert server.request("GET", "/tenant/stats", ann)[0] == 200
        assert spec_server.Server.request(server, "GET", "/tenant/stats", ann)[0] == 403


def test_the_command_line_verifies_whom_it_talks_to(tmp_path):
    cert, key = certificate(tmp_path / "tls")
    other, _ = certificate(tmp_path / "other")
    with tls_server(cert, key) as server:
        url = f"https://127.0.0.1:{server.port}"
        insula("status", "--server", url, "--ca-file", cert)
        insula("status", INSULA_SERVER=url, INSULA_CA_FILE=str(cert))
        for trusted in ((), ("--ca-file", other)):
            refused = insula("status", "--server", url, *trusted, exits=FAILURE)
            assert "certificate_not_trusted" in refused.stderr and "--ca-file" in refused.stderr
        missing = insula("status", "--server", url, "--ca-file", tmp_path / "none.pem", exits=FAILURE)
        assert "none.pem cannot be read" in missing.stderr
        rows = tmp_path / "rows.ndjson"
        rows.write_text("".join(json.dumps({"id": i, "text": "y" * 500}) + "\n" for i in range(4000)))
        insula("write", "rows", rows, "--quiet", "--server", url, "--ca-file", cert)
        found = insula("search", "rows", "--output", "ndjson", "--limit", "4000", "--server", url, "--ca-file", cert)
        assert found.stdout.count('"id":') == 4000
    with contextlib.closing(spec_server.Server()) as plain:
        plain.start()
        refused = insula("status", "--server", f"https://127.0.0.1:{plain.port}", "--ca-file", cert, exits=FAILURE)
        assert "does not speak TLS" in refused.stderr
