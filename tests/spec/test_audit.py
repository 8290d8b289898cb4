"""The audit log: who did what, seen by whom, and what becomes of it when somebody changes it."""
import json
import pathlib
import re
import subprocess

import pytest
import spec_server
from spec_tenants import Platform

DAMAGE = 7
FRAME_BYTES = 48


def insula(*arguments, exits=0, server=None, key=None):
    environment = spec_server.clean_environment()
    if server is not None:
        environment |= server.environment | {"INSULA_SERVER": f"http://127.0.0.1:{server.port}"}
    if key is not None:
        environment["INSULA_API_KEY"] = key
    done = subprocess.run([spec_server.binary(), *map(str, arguments)], env=environment, capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == exits, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def verify(data_directory, *arguments, exits=0):
    return json.loads(insula("audit", "verify", "--data-dir", data_directory, "--json", *arguments, exits=exits)[0])


@pytest.fixture(scope="module")
def platform():
    running = Platform()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def acme(platform):
    return platform.add_tenant("acme-corp")


@pytest.fixture(scope="module")
def globex(platform):
    return platform.add_tenant("globex")


def entries(client, query="", part="/v1/audit"):
    return [one["entry"] for one in client.done("GET", f"{part}?limit=1000{query}")["entries"]]


def test_a_change_says_who_what_from_where_and_which_statement_allowed_it(platform, acme):
    answer = acme.post("/v1/users", {"name": "ann", "roles": ["writer"]})
    assert answer.status == 201
    [entry] = entries(acme, "&action=tenant:CreateUser")
    assert entry["actor"] == "user/owner"
    assert entry["resource"] == "user/*"
    assert entry["changes"] == ["add user/ann"]
    assert entry["remote_address"] == "127.0.0.1"
    assert entry["request_id"] == answer.headers["x-request-id"]
    assert (entry["decision"], entry["policy"]) == ("allowed", "owner")
    assert entry["statement"]
    assert re.fullmatch(r"[0-9a-f]{32}", entry["id"])


def test_sources_are_told_however_they_come_and_go(platform, acme):
    acme.done("POST", "/sources/add", {"source_id": "added"})
    acme.done("POST", "/data/write", {"source_id": "written", "records": [{"fields": {"n": 1}}]})
    acme.done("DELETE", "/sources/added")
    told = [(one["action"], one["resource"]) for one in entries(acme, "&resource=source/*&decision=allowed")]
    assert told[:3] == [("tables:DeleteSource", "source/added"), ("tables:CreateSource", "source/written"),
                        ("tables:CreateSource", "source/added")]


def test_refusals_are_told_to_whom_they_concern(platform, acme):
    reader = platform.add_user(acme, "reader", roles=["reader"])
    refused = reader.post("/v1/users", {"name": "eve"})
    assert refused.code == "not_permitted"
    write = reader.post("/data/write", {"source_id": "written", "records": [{"fields": {"n": 1}}]})
    assert write.code == "not_permitted"
    told = {one["request_id"]: one for one in entries(acme, "&decision=denied&actor=user/reader")}
    assert told[refused.headers["x-request-id"]]["action"] == "tenant:CreateUser"
    assert told[write.headers["x-request-id"]]["resource"] == "source/written"
    unknown = platform.client("insula_" + "x" * 43).get("/v1/users")
    assert unknown.status == 401
    told = entries(platform.administrator, "&decision=unauthenticated", "/v1/platform/audit")
    assert told[0]["request_id"] == unknown.headers["x-request-id"]
    assert told[0]["reason"] == "unauthenticated"


def test_logins_and_tokens_are_told_with_no_secret(platform, acme):
    acme.done("POST", "/v1/users", {"name": "pat", "roles": ["admin"]})
    acme.done("PUT", "/v1/users/pat/password", {"password": "correct horse"})
    nobody = platform.client(None)
    login = {"tenant": "acme-corp", "user": "pat", "password": "correct horse"}
    token = nobody.done("POST", "/v1/login", login)["token"]
    assert nobody.post("/v1/login", login | {"password": "wrong horse"}).status == 401
    told = entries(acme, "&action=tenant:Login")
    assert [(one["resource"], one["decision"]) for one in told] == [("user/pat", "unauthenticated"),
                                                                    ("user/pat", "allowed")]
    platform.client(token).done("POST", "/v1/users", {"name": "by-pat"})
    assert entries(acme, "&actor=user/pat")[0]["changes"] == ["add user/by-pat"]
    made = acme.done("POST", "/v1/tokens", {})
    assert entries(acme, "&action=tenant:IssueToken")[0]["actor"] == "user/owner"
    everything = json.dumps(entries(acme))
    for secret in ("correct horse", "wrong horse", token, made["token"], acme.key):
        assert secret not in everything


def test_a_tenant_sees_its_own_part_and_what_was_done_to_it(platform, acme, globex):
    globex.done("POST", "/v1/users", {"name": "only-of-globex"})
    platform.administrator.done("POST", "/v1/tenants/acme-corp/grants", {"role": "reader", "reason": "case 7"})
    own = json.dumps(entries(acme))
    assert "only-of-globex" not in own
    assert "case 7" not in own  # reasons stand in the grant
    assert "node:RequestTenantAccess" in own
    acme_id = acme.done("GET", "/v1/tenant")["id"]
    assert {one["tenant"] for one in entries(acme)} == {acme_id}
    of_platform = entries(platform.administrator, "", "/v1/platform/audit")
    assert "only-of-globex" not in json.dumps(of_platform)
    assert {"node:CreateTenant", "node:RequestTenantAccess"} <= {one["action"] for one in of_platform}


def test_who_may_search_is_decided_by_the_policies(platform, acme):
    auditor = platform.add_user(acme, "auditor", roles=["auditor"])
    assert entries(auditor)
    writer = platform.add_user(acme, "writer", roles=["writer"])
    for path in ("/v1/audit", "/v1/audit/export", "/v1/audit/checkpoint", "/v1/audit/proof?index=0"):
        assert writer.get(path).code == "not_permitted", path
        assert acme.get(path.replace("/v1/", "/v1/platform/")).code == "not_permitted", path


def test_pages_follow_one_another_without_gaps(platform, acme):
    for i in range(7):
        acme.done("POST", "/v1/users", {"name": f"page{i}"})
    whole = [one["index"] for one in acme.done("GET", "/v1/audit?limit=1000&action=tenant:CreateUser")["entries"]]
    paged, target = [], "/v1/audit?limit=3&action=tenant:CreateUser"
    page = acme.done("GET", target)
    while True:
        paged += [one["index"] for one in page["entries"]]
        if "next" not in page:
            break
        page = acme.done("GET", f"{target}&before={page['next']}")
    assert paged == whole == sorted(whole, reverse=True)
    for wrong in ("limit=0", "limit=1001", "limit=x", "from=yesterday", "before=-1"):
        assert acme.get(f"/v1/audit?{wrong}").code == "invalid_request", wrong
    assert acme.get("/v1/audit?tenant=globex").status == 400


def test_an_entry_is_proved_only_to_whom_it_belongs(platform, acme, globex):
    index = globex.done("GET", "/v1/audit?limit=1")["entries"][0]["index"]
    proof = globex.done("GET", f"/v1/audit/proof?index={index}")
    assert proof["index"] == index and proof["proof"] and proof["checkpoint"].startswith("insula-audit/")
    foreign, absent = acme.get(f"/v1/audit/proof?index={index}"), acme.get("/v1/audit/proof?index=99999999")
    assert (foreign.status, foreign.code) == (absent.status, absent.code) == (404, "audit_entry_not_found")
    assert acme.get("/v1/audit/proof").code == "invalid_request"
    grown = acme.done("GET", "/v1/audit/checkpoint?since=1")
    assert grown["growth"] is not None and grown["key"].startswith("insula-audit/")


def test_the_command_line_searches_exports_and_verifies(platform, acme, tmp_path):
    server = platform.server
    table, _ = insula("audit", "search", "--action", "tenant:CreateUser", "--limit", "2", server=server, key=acme.key)
    assert len(table.splitlines()) == 4 and "user/owner" in table
    lines, _ = insula("audit", "search", "--limit", "3", "--output", "ndjson", server=server, key=acme.key)
    assert all(json.loads(line)["entry"]["v"] == 1 for line in lines.splitlines())
    checkpoint = tmp_path / "acme.checkpoint"
    exported, said = insula("audit", "export", "--checkpoint", checkpoint, server=server, key=acme.key)
    file = tmp_path / "acme.ndjson"
    file.write_text(exported, encoding="utf-8")
    assert "only-of-globex" not in exported and '"hash":"' in exported
    key = re.search(r"insula-audit/\S+", said).group()
    given = ("--checkpoint", checkpoint, "--key", key)
    insula("audit", "verify", "--file", file, *given)
    file.write_text(exported.replace("user/owner", "user/other", 1), encoding="utf-8")
    insula("audit", "verify", "--file", file, *given, exits=DAMAGE)
    file.write_text("".join(exported.splitlines(keepends=True)[:-1]), encoding="utf-8")
    insula("audit", "verify", "--file", file, *given, exits=DAMAGE)
    insula("audit", "verify", "--file", file, exits=2)
    insula("audit", "verify", exits=2)


def frames(content):
    """(offset, length) of each entry's frame of a segment."""
    offset = int.from_bytes(content[12:16], "little")
    found = []
    while offset < len(content):
        length = FRAME_BYTES + int.from_bytes(content[offset:offset + 4], "little")
        found.append((offset, length))
        offset += length
    return found


def test_after_one_changed_one_removed_and_one_cut_off_record_it_fails_and_names_the_place(tmp_path):
    running = Platform()
    try:
        owner = running.add_tenant("acme-corp")
        for i in range(20):
            owner.done("POST", "/v1/users", {"name": f"user{i}"})
        earlier = owner.done("GET", "/v1/audit/checkpoint")
        owner.done("POST", "/v1/users", {"name": "last"})
        running.server.stop()
        data = running.server.data_directory
        kept = tmp_path / "kept"
        kept.write_text(earlier["checkpoint"], encoding="utf-8")
        report = verify(data, "--checkpoint", kept, "--key", earlier["key"])
        assert report["sound"] and report["entries"] == report["checkpoint"]["size"] >= 22
        path = pathlib.Path(data) / "audit" / ("0" * 20 + ".log")
        sound = path.read_bytes()
        places = frames(sound)
        assert len(places) == report["entries"]

        offset, length = places[7]
        changed = sound.replace(b"user/user5", b"user/userX")
        removed = sound[:offset] + sound[offset + length:]
        cut = sound[:places[-1][0]]
        number = next(i for i, (at, size) in enumerate(places) if b"user/user5" in sound[at:at + size])
        for content, entry, place in ((changed, number, places[number][0]), (removed, 7, offset),
                                      (cut, len(places) - 1, places[-1][0])):
            path.write_bytes(content)
            found = verify(data, exits=DAMAGE)["findings"][0]
            assert (found["file"], found["entry"], found["offset"]) == (path.name, entry, place)
            text, _ = insula("audit", "verify", "--data-dir", data, exits=DAMAGE)
            assert f"{path.name}: entry {entry}: offset {place}: " in text
            insula("verify", "--data-dir", data, exits=DAMAGE, server=running.server)
        path.write_bytes(sound)
        assert verify(data)["sound"]

        exported, said = insula("audit", "export", "--data-dir", data, "--checkpoint", tmp_path / "all")
        assert len(exported.splitlines()) == len(places)
        (tmp_path / "all.ndjson").write_text(exported, encoding="utf-8")
        insula("audit", "verify", "--file", tmp_path / "all.ndjson", "--checkpoint", tmp_path / "all",
               "--checkpoint", kept, "--key", earlier["key"])
        assert earlier["key"] in said
    finally:
        running.close()


def test_nothing_is_lost_when_the_server_is_killed(tmp_path):
    running = Platform()
    try:
        owner = running.add_tenant("acme-corp")
        for i in range(30):
            owner.done("POST", "/v1/users", {"name": f"user{i}"})
        running.server.kill()
        running.server.start()
        told = [change for one in entries(owner, "&action=tenant:CreateUser") for change in one["changes"]]
        assert told == [f"add user/user{i}" for i in reversed(range(30))]
        running.server.stop()
        assert verify(running.server.data_directory)["sound"]
    finally:
        running.close()


def test_reads_have_entries_where_they_are_asked_for(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("monitoring: {detailed_audit: true}\nmultitenancy: {audit_all_operations: false}\n",
                      encoding="utf-8")
    running = Platform(["--config", str(config)])
    try:
        owner = running.add_tenant("acme-corp")
        owner.done("POST", "/data/write", {"source_id": "orders", "records": [{"fields": {"n": 1}}]})
        owner.done("POST", "/data/search", {"sources": ["orders"]})
        owner.done("GET", "/v1/users")
        told = [(one["action"], one["resource"]) for one in entries(owner)]
        assert ("tables:Search", "source/orders") in told
        assert ("tenant:ListUsers", "user/*") in told
        assert ("tables:CreateSource", "source/orders") not in told, "it was switched off"
        assert "node:CreateTenant" in [action for action, _ in told], "administration is always told"
    finally:
        running.close()
