"""Tokens of the real server: issued, bound by scopes, revoked, and over with their time."""
import base64
import json

import pytest
from spec_tenants import Platform


@pytest.fixture(scope="module")
def platform():
    running = Platform()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def acme(platform):
    owner = platform.add_tenant("acme-corp")
    assert write(owner, 1).status == 200
    return owner


def write(client, number):
    return client.post("/data/write", {"source_id": "orders", "records": [{"fields": {"n": number}}]})


def parts(token):
    return [part + "=" * (-len(part) % 4) for part in token.split(".")]


def test_a_token_reads_and_writes_as_its_scopes_say(platform, acme):
    issued = acme.done("POST", "/v1/tokens", {"scopes": ["read"], "expires_in_seconds": 60})
    assert set(issued) == {"id", "token", "scopes", "expires_at"}
    header, claims = (json.loads(base64.urlsafe_b64decode(part)) for part in parts(issued["token"])[:2])
    assert header["alg"] == "EdDSA"
    assert claims["sub"] == "user/owner"
    assert claims["tid"] == acme.get("/v1/tenant").json["id"]
    assert claims["scope"] == "read"
    assert claims["exp"] - claims["iat"] == 60
    reads = platform.client(issued["token"])
    assert reads.post("/data/search", {}).status == 200
    assert write(reads, 2).code == "not_permitted"
    assert reads.post("/v1/tokens", {}).code == "not_permitted"
    writes = platform.token_of(acme, scopes=["read", "write"])
    assert write(writes, 2).status == 200
    whole = platform.token_of(acme)
    assert whole.post("/v1/users", {"name": "ann", "roles": ["reader"]}).status == 201
    assert whole.post("/v1/tokens", {}).code == "exceeds_own_rights"


def test_a_token_goes_on_after_a_restart_and_its_revocation_too(platform, acme):
    kept, ended = platform.token_of(acme), platform.token_of(acme)
    acme.done("POST", "/v1/tokens/revoke", {"id": ended.token_id})
    assert (kept.get("/sources").status, ended.get("/sources").code) == (200, "unauthenticated")
    platform.server.stop()
    platform.server.start_once()
    assert (kept.get("/sources").status, ended.get("/sources").code) == (200, "unauthenticated")


def test_all_of_a_member_and_all_of_a_tenant_are_revoked(platform):
    owner = platform.add_tenant("globex")
    other = platform.token_of(platform.add_tenant("initech"))
    owner.done("POST", "/v1/service-accounts", {"name": "loader", "roles": ["writer"]})
    loader = platform.token_of(owner, service_account="loader")
    own = platform.token_of(owner)
    assert write(loader, 1).status == 200
    owner.done("POST", "/v1/tokens/revoke", {"service_account": "loader"})
    assert write(loader, 1).code == "unauthenticated"
    assert own.get("/sources").status == 200
    owner.done("POST", "/v1/tokens/revoke", {"all": True})
    assert own.get("/sources").code == "unauthenticated"
    assert other.get("/sources").status == 200


@pytest.mark.parametrize("change", [
    lambda header, claims, signature: (header, claims, ""),
    lambda header, claims, signature: (header, claims, signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")),
    lambda header, claims, signature: (encode({"alg": "none", "typ": "insula-tenant+jwt"}), claims, ""),
    lambda header, claims, signature: (encode({"alg": "HS256", "typ": "insula-tenant+jwt"}), claims, signature),
    lambda header, claims, signature: (header, claims + "=", signature),
])
def test_what_is_not_signed_so_opens_nothing_and_all_are_told_the_same(platform, acme, change):
    token = platform.token_of(acme).key
    answer = platform.client(".".join(change(*token.split(".")))).get("/sources")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    plain = platform.client("a.b.c").get("/sources")
    assert answer.json["error"]["message"] == plain.json["error"]["message"]
    assert token not in answer.body.decode()


def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("wanted, code", [
    ({"scopes": ["reed"]}, "invalid_scope"), ({"expires_in_seconds": 0}, "invalid_duration"),
    ({"expires_in_seconds": 100_000}, "invalid_request"), ({"user": "nobody"}, "member_not_found"),
    ({"user": "owner", "service_account": "loader"}, "invalid_request"), ({"scope": "read"}, "unknown_key"),
])
def test_what_cannot_be_issued_is_refused(acme, wanted, code):
    assert acme.post("/v1/tokens", wanted).code == code


@pytest.mark.parametrize("wanted", [{}, {"id": "a", "all": True}, {"all": False}, {"user": "a", "id": "b"}])
def test_a_revocation_names_one_thing(acme, wanted):
    assert acme.post("/v1/tokens/revoke", wanted).code == "invalid_request"


def test_keys_and_tokens_are_in_no_log(platform, acme):
    token = platform.token_of(acme)
    token.get("/sources")
    platform.client(token.key[:-1] + "x").get("/sources")
    log = platform.server.log_path.read_text(errors="replace")
    assert log
    for secret in (token.key, token.key.split(".")[2], acme.key):
        assert secret not in log


def test_a_password_gives_a_token_and_a_wrong_one_tells_nothing(platform, acme):
    acme.done("POST", "/v1/users", {"name": "pat", "roles": ["reader"]})
    assert acme.get("/v1/users/pat").json["has_password"] is False
    acme.done("PUT", "/v1/users/pat/password", {"password": "correct horse"})
    shown = acme.get("/v1/users/pat")
    assert shown.json["has_password"] is True
    assert b"argon2" not in shown.body
    nobody = platform.client(None)
    login = {"tenant": "acme-corp", "user": "pat", "password": "correct horse"}
    pat = platform.client(nobody.done("POST", "/v1/login", login)["token"])
    assert pat.post("/data/search", {}).status == 200
    assert write(pat, 1).code == "not_permitted"
    answers = [nobody.post("/v1/login", login | wrong) for wrong in (
        {"password": "wrong horse"}, {"user": "nobody"}, {"tenant": "globex"}, {"tenant": "absent"})]
    told = {(answer.status, answer.json["error"]["code"], answer.json["error"]["message"]) for answer in answers}
    assert len(told) == 1
    assert answers[0].code == "login_refused"
    assert pat.ask("PUT", "/v1/users/pat/password", {"password": "x"}).code == "not_permitted"
    assert nobody.post("/v1/login", {"tenant": "acme-corp"}).code == "invalid_request"
    for _ in range(12):
        last = nobody.post("/v1/login", login | {"password": "guess"})
    assert (last.status, last.code) == (429, "too_many_logins")
    assert 1 <= int(last.headers["retry-after"]) <= 90
