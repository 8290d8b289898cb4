"""What a tenant may use: its rates, its quotas and its plan, against the real server."""
import concurrent.futures
import time

import pytest
from spec_tenants import Platform

ROW = {"text": "x" * 200}


@pytest.fixture(scope="module")
def platform():
    running = Platform()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def quiet(platform):
    """Another tenant, which nothing of all this may touch."""
    owner = platform.add_tenant("quiet")
    assert write(owner, "s", ROW).status == 200
    return owner


def write(client, source, *documents, headers=None):
    return client.ask("POST", "/data/write",
                      {"source_id": source, "records": [{"fields": one} for one in documents]}, headers)


def usage(client):
    return client.get("/v1/tenant/usage").json


def set_limits(platform, tenant, **limits):
    platform.administrator.done("PATCH", f"/v1/tenants/{tenant}", {"limits": limits})


def test_over_its_rate_a_tenant_is_told_when_to_come_again_and_others_are_not_touched(platform, quiet):
    busy = platform.add_tenant("busy", limits={"requests_per_second": 5})
    answers = [busy.get("/sources") for _ in range(40)]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(answers) - len(refused) >= 5
    assert len(refused) >= 20
    for answer in refused:
        assert answer.code == "requests_per_second_limit_reached"
        assert int(answer.headers["retry-after"]) == 1
        assert "requests_per_second is 5" in answer.json["error"]["message"]
        assert "Retry after" in answer.json["error"]["hint"]
    assert all(quiet.get("/sources").status == 200 for _ in range(40))
    set_limits(platform, "busy", requests_per_second=None)
    assert all(busy.get("/sources").status == 200 for _ in range(40)), "changed at run time"
    assert usage(busy)["since_start"]["refused"]["requests_per_second"] == len(refused)
    metrics = platform.administrator.get("/metrics").body.decode()
    assert f'insula_limit_refusals_total{{limit="requests_per_second"}} {len(refused)}' in metrics


def test_over_its_quota_a_tenant_is_told_which_and_reads_go_on(platform, quiet):
    full = platform.add_tenant("full", limits={"storage_bytes": 20_000, "rows": 1000, "sources": 2})
    while (answer := write(full, "s", ROW)).status == 200:
        pass
    assert (answer.status, answer.code) == (507, "storage_bytes_quota_exceeded")
    assert "storage_bytes is 20000" in answer.json["error"]["message"]
    assert "retry-after" not in answer.headers
    rows = full.get("/sources/s/stats").json["rows"]
    assert 10 < rows < 100
    assert usage(full)["stored"]["rows"] == rows
    assert usage(full)["stored"]["storage_bytes"] <= 20_000
    assert len(full.post("/data/search", {"limit": 10_000}).json["records"]) == rows
    assert write(quiet, "s", ROW).status == 200
    set_limits(platform, "full", storage_bytes=None, rows=rows + 1)
    assert write(full, "s", {"n": 1}).status == 200
    assert write(full, "s", {"n": 1}).code == "rows_quota_exceeded"
    set_limits(platform, "full", rows=None)
    assert write(full, "t", {"n": 1}).status == 200
    assert write(full, "u", {"n": 1}).code == "sources_quota_exceeded"
    assert full.post("/sources/add", {"source_id": "u"}).code == "sources_quota_exceeded"
    assert full.delete("/sources/t").status == 200
    assert write(full, "u", {"n": 1}).status == 200, "what is removed is given back"
    assert usage(full)["stored"]["rows"] == rows + 2


def test_writers_side_by_side_never_go_beyond_a_quota(platform):
    bounded = platform.add_tenant("bounded", limits={"rows": 500, "storage_bytes": 10_000_000})

    def fill(number):
        written = 0
        while True:
            answer = write(bounded, f"s{number % 4}", *[ROW] * 7)
            if answer.status != 200:
                assert answer.code == "rows_quota_exceeded", answer
                return written
            written += 7

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        written = sum(pool.map(fill, range(16)))
    assert written == 497, "as many batches of 7 as fit into 500"
    assert bounded.get("/tenant/stats").json["rows"] == 497
    assert usage(bounded)["stored"]["rows"] == 497
    before = usage(bounded)["stored"]
    platform.server.stop()
    platform.server.start_once()
    assert usage(bounded)["stored"]["rows"] == 497
    assert usage(bounded)["stored"]["sources"] == before["sources"]
    assert write(bounded, "s0", *[ROW] * 4).code == "rows_quota_exceeded"
    assert write(bounded, "s0", *[ROW] * 3).status == 200


def test_a_retry_of_what_is_stored_is_answered_beyond_the_quota(platform):
    once = platform.add_tenant("once", limits={"rows": 1})
    key = {"Idempotency-Key": "a"}
    assert write(once, "s", ROW, headers=key).json["duplicate"] is False
    assert write(once, "s", ROW, headers=key).json["duplicate"] is True
    assert write(once, "s", ROW).code == "rows_quota_exceeded"


def test_files_that_are_written_at_once_count_with_what_they_take(platform):
    direct = platform.add_tenant("direct", limits={"storage_bytes": 20_000})
    assert direct.post("/sources/add", {"source_id": "d", "wal_enabled": False}).status == 201
    written = 0
    while (answer := write(direct, "d", {"n": 1})).status == 200:
        written += 1
    assert answer.code == "storage_bytes_quota_exceeded"
    assert 1 <= written < 60, "a file of one row takes some hundred bytes"
    assert usage(direct)["stored"]["storage_bytes"] <= 20_000
    assert direct.get("/sources/d/stats").json["rows"] == written


def test_a_stream_ends_where_the_limit_is_and_says_so(platform):
    owner = platform.add_tenant("streams", limits={"streamed_bytes": 300_000})
    for _ in range(10):
        assert write(owner, "s", *[ROW] * 500).status == 200
    answer = owner.post("/data/search/stream", {})
    assert answer.status == 200
    last = answer.body.decode().strip().split("\n")[-1]
    assert '"streamed_bytes_limit_reached"' in last
    assert len(answer.body) <= 300_000 + 1000
    set_limits(platform, "streams", streamed_bytes=None)
    answer = owner.post("/data/search/stream", {})
    assert answer.body.decode().strip().split("\n")[-1].startswith('{"end"')


def test_a_stream_goes_no_faster_than_the_tenant_may_send(platform):
    owner = platform.add_tenant("slow")
    for _ in range(8):
        assert write(owner, "s", *[ROW] * 500).status == 200
    whole = owner.post("/data/search/stream", {}).body
    lines = whole.count(b"\n")
    set_limits(platform, "slow", bytes_per_second=len(whole) // 3)
    began = time.monotonic()
    assert owner.post("/data/search/stream", {}).body.count(b"\n") == lines
    taken = time.monotonic() - began
    assert 1.0 < taken < 10, "a third passes at once, two thirds take two seconds"


def test_a_tenant_on_a_plan_has_its_limits_but_for_its_own(platform):
    administrator = platform.administrator
    administrator.done("PUT", "/v1/plans/tiny", {"limits": {"rows": 2, "sources": 1}})
    owner = platform.add_tenant("planned", plan="tiny", limits={"rows": 3})
    assert usage(owner)["limits"] == {"rows": 3, "sources": 1}
    assert administrator.get("/v1/tenants/planned").json["limits"] == {"rows": 3}
    assert write(owner, "s", ROW, ROW, ROW).status == 200
    assert write(owner, "s", ROW).code == "rows_quota_exceeded"
    administrator.done("PUT", "/v1/plans/tiny", {"limits": {"rows": 4, "sources": 1}})
    administrator.done("PATCH", "/v1/tenants/planned", {"limits": {"rows": None}})
    assert write(owner, "s", ROW).status == 200
    assert administrator.delete("/v1/plans/tiny").code == "plan_in_use"
    assert administrator.patch("/v1/tenants/planned", {"plan": "gold"}).code == "plan_not_found"
    administrator.done("PATCH", "/v1/tenants/planned", {"plan": ""})
    administrator.done("DELETE", "/v1/plans/tiny")
    assert write(owner, "s", ROW).status == 200
    assert owner.get("/v1/plans").code == "not_permitted"


def test_whether_so_much_more_would_fit_can_be_asked(platform):
    owner = platform.add_tenant("asking", limits={"storage_bytes": 1000})
    assert owner.post("/v1/tenant/check-quota", {"bytes": 1000}).json == {"allowed": True}
    refused = owner.post("/v1/tenant/check-quota", {"bytes": 1001}).json
    assert refused["allowed"] is False
    assert "storage_bytes is 1000" in refused["reason"]
    assert platform.administrator.post("/v1/tenants/asking/check-quota", {"rows": 5}).json == {"allowed": True}


@pytest.mark.parametrize("limits, code", [
    ({"rowz": 1}, "unknown_key"), ({"rows": -1}, "invalid_request"), ({"rows": "many"}, "invalid_request"),
    ({"requests_per_second": 0}, "invalid_request"), ({"storage_bytes": 1 << 61}, "invalid_request"),
    (7, "invalid_request"),
])
def test_limits_that_are_none_are_refused(platform, limits, code):
    answer = platform.administrator.post("/v1/tenants", {"slug": "never", "limits": limits})
    assert answer.status == 400
    assert answer.code == code
    assert platform.administrator.get("/v1/tenants/never").status == 404


def test_a_tenant_is_added_field_by_field_as_the_seed_does(platform):
    answer = platform.administrator.post("/v1/tenants", {
        "slug": "seeded", "name": "Acme Corp", "storage_quota": 100 << 30, "bandwidth_quota": 1000 << 20,
        "request_rate_limit": 10_000})
    assert answer.status == 201
    assert answer.json["tenant"]["limits"] == {"storage_bytes": 100 << 30, "bytes_per_second": 1000 << 20,
                                               "requests_per_second": 10_000}
    for fields, code in (({"regions": ["us-east-1"]}, "region_not_available"),
                         ({"data_residency": "EU"}, "region_not_available"),
                         ({"features": ["DisasterRecovery"]}, "feature_not_available"),
                         ({"features": ["Disaster"]}, "unknown_feature"),
                         ({"isolation_level": "shared"}, "isolation_not_available"),
                         ({"isolation_level": "network"}, "network_required"),
                         ({"isolation_level": "network", "networks": ["10.0.0.300"]}, "invalid_network")):
        assert platform.administrator.post("/v1/tenants", {"slug": "never"} | fields).code == code
    assert platform.administrator.get("/v1/tenants/never").status == 404


def test_a_promise_about_regions_is_made_where_it_is_kept():
    running = Platform(environment={"INSULA_REGIONS": "eu-west-1,EU"})
    try:
        running.add_tenant("european", regions=["eu-west-1"], data_residency="eu")
        shown = running.administrator.get("/v1/tenants/european").json
        assert (shown["regions"], shown["data_residency"]) == (["eu-west-1"], "eu")
        refused = running.administrator.post("/v1/tenants", {"slug": "american", "regions": ["us-east-1"]})
        assert refused.code == "region_not_available"
        assert "eu-west-1" in refused.json["error"]["hint"]
    finally:
        running.close()


def test_a_tenant_of_listed_networks_opens_to_them_alone(platform):
    owner = platform.add_tenant("walled", isolation_level="network", networks=["127.0.0.0/8"])
    assert owner.get("/sources").status == 200
    platform.administrator.done("PATCH", "/v1/tenants/walled", {"networks": ["10.0.0.0/8", "2001:db8::/32"]})
    assert (owner.get("/sources").status, owner.get("/sources").code) == (403, "network_not_allowed")
    token = platform.administrator.done("PATCH", "/v1/tenants/walled", {"isolation_level": "strict"})
    assert token["isolation_level"] == "strict"
    assert owner.get("/sources").status == 200
