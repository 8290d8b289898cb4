"""Secrets that are planted wherever a request can hold one come back nowhere: not in logs, metrics, errors or listings,
of their own tenant or another."""
import json
import subprocess

import pytest
import spec_server
from spec_tenants import Platform

CANARY = "canary5f1d"


@pytest.fixture(scope="module")
def platform():
    running = Platform()
    try:
        yield running
    finally:
        running.close()


def canary(number):
    return f"{CANARY}{number:04d}"


def places(owner, platform):
    """Requests, each with a secret of its own where nobody may see it again but who has sent it."""
    client = platform.client
    bad_key = client(f"insula_{canary(1)}{'x' * 29}")
    yield lambda: bad_key.get("/sources")
    yield lambda: client(f"{canary(2)}.{canary(3)}.{canary(4)}").get("/sources")
    yield lambda: owner.ask("GET", "/sources", None, {"Cookie": f"session={canary(5)}"})
    yield lambda: owner.ask("GET", "/sources", None, {"Proxy-Authorization": f"Basic {canary(6)}"})
    yield lambda: owner.ask("GET", "/sources", None, {"User-Agent": canary(7)})
    yield lambda: owner.ask("GET", f"/sources?token={canary(8)}")
    yield lambda: owner.put("/v1/users/owner/password", {"password": canary(9)})
    yield lambda: client(None).post("/v1/login", {"tenant": "canaries", "user": "owner", "password": canary(10)})
    yield lambda: owner.put("/v1/users/owner/password", {"password": canary(11), "passwort": canary(12)})
    yield lambda: owner.post("/data/write", {"source_id": "s", "records": [{"fields": {"text": canary(13)}}]})
    yield lambda: owner.post("/data/write", {"source_id": "s", "records": [{"fields": {"n": canary(14)}}, 7]})
    yield lambda: owner.post("/data/search", {"filters": {"text": {"eq": canary(15)}}})
    yield lambda: owner.post("/data/search", {"filters": {"text": {"like": f"{canary(16)}\\"}}})
    yield lambda: owner.ask("POST", "/data/write?source_id=s", None, {"Idempotency-Key": canary(17)})
    yield lambda: owner.post("/data/aggregate",
                             {"aggregations": [{"type": "sum", "column": "text", "alias": canary(18)}]})


def test_nothing_of_them_is_in_logs_metrics_or_another_tenants_answers(platform):
    owner = platform.add_tenant("canaries")
    other = platform.add_tenant("others")
    sent = 0
    for request in places(owner, platform):
        request()
        sent += 1
    assert sent == 15
    issued = platform.token_of(owner).key
    key = owner.done("POST", "/v1/keys", {"user": "owner"})["secret"]
    platform.server.stop()
    platform.server.start_once()
    log = platform.server.log_path.read_text(errors="replace")
    # What the first start shows its operator is in the log's file, and meant to be.
    assert '"message":"ready"' in log
    for seen_by, text in (("log", log), ("metrics", platform.administrator.get("/metrics").body.decode()),
                          ("health", platform.administrator.get("/health/details").body.decode()),
                          ("tenants", platform.administrator.get("/v1/tenants").body.decode()),
                          ("usage", platform.administrator.get("/v1/tenants/canaries/usage").body.decode()),
                          ("another tenant", other.post("/data/search", {}).body.decode()),
                          ("another tenant's list", other.get("/sources").body.decode()),
                          ("its own keys", owner.get("/v1/keys").body.decode()),
                          ("its own users", owner.get("/v1/users").body.decode())):
        assert CANARY not in text, seen_by
        for secret in (issued, key, owner.key, other.key):
            assert secret not in text, seen_by


def test_an_error_repeats_no_secret(platform):
    owner = platform.add_tenant("echoes")
    for answer in (platform.client(f"insula_{canary(21)}").get("/sources"),
                   platform.client(f"a.{canary(22)}.c").get("/sources"),
                   platform.client(None).post("/v1/login",
                                              {"tenant": "echoes", "user": "owner", "password": canary(23)}),
                   owner.put("/v1/users/owner/password", {"password": canary(24)[:5]}),
                   owner.put("/v1/users/nobody/password", {"password": canary(25)})):
        assert answer.status >= 400
        assert CANARY[:5] not in answer.body.decode()


def test_no_hash_and_no_wrapped_key_leaves_the_server(platform):
    owner = platform.add_tenant("secretive")
    owner.done("PUT", "/v1/users/owner/password", {"password": "long enough"})
    for path in ("/v1/users", "/v1/users/owner", "/v1/keys", "/v1/tenant", "/v1/roles", "/v1/policies", "/v1/grants"):
        text = json.dumps(owner.get(path).json)
        assert "argon2" not in text
        assert "hash" not in text
        assert "wrapped" not in text


def test_the_configuration_is_printed_without_secrets():
    environment = spec_server.clean_environment() | {
        "INSULA_ROOT_KEY": "7" * 64, "INSULA_CATALOG_URL": f"postgresql://u:{canary(31)}@localhost/x"}
    printed = subprocess.run([spec_server.binary(), "config", "print"], env=environment, capture_output=True, text=True,
                             check=True, timeout=20)
    assert "7" * 64 not in printed.stdout + printed.stderr
    assert CANARY not in printed.stdout + printed.stderr
