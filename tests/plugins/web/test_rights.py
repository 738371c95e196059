"""Every route by every role; and what happens when the guard itself is broken: nothing is shown."""

from __future__ import annotations

import sys

import pytest
from starlette.testclient import TestClient

from tests.plugins.web.test_guard import every_path

V1 = "/api/v1"
ROLES = ("viewer", "user", "op", "admin")
# The least role of each change; a route that is missing here fails the test.
LEAST = {
    f"{V1}/signals/generate": "viewer",  # stores nothing
    f"{V1}/backtests": "user",
    f"{V1}/runs": "user",
    f"{V1}/kill-switch/latch": "op",
    f"{V1}/kill-switch/rearm": "op",
    f"{V1}/models/reload": "op",
    f"{V1}/models/versions/1/promote": "op",
    f"{V1}/models/versions/1/waive": "op",
    f"{V1}/quarantine/1/reject": "op",
    f"{V1}/quarantine/1/release": "op",
}
NOBODYS = {f"{V1}/orders"}
SIGNED = {f"{V1}/webhooks/orders"}


def test_each_change_takes_its_role(as_role, over, small_chain, app):
    over(small_chain)
    changes = {path for method, path in every_path(app) if method not in ("GET", "HEAD", "OPTIONS")}
    assert changes == {*LEAST, *NOBODYS, *SIGNED}
    for role in ROLES:
        client = as_role(role)
        for path, least in LEAST.items():
            allowed = ROLES.index(role) >= ROLES.index(least)
            # An empty body: who is allowed is told what it lacks, and nothing happens.
            assert client.post(path, json={}).status_code == (422 if allowed else 403), (role, path)
        for path in NOBODYS:
            assert client.post(path, json={}).status_code == 403
        for path in SIGNED:
            assert client.post(path, json={}).status_code == 401


@pytest.mark.parametrize("role", ROLES)
def test_each_page_is_shown_to_every_role_and_to_nobody_without_one(as_role, over, small_chain, app, role):
    over(small_chain)
    reads = sorted({path for method, path in every_path(app) if method == "GET"})
    assert {"/charts/plotly.min.js", "/static/almanac.css", f"{V1}/openapi.json", "/"} <= set(reads)
    client, nobody = as_role(role), as_role("nobody")
    for path in reads:
        # Ids that there are not, and words that are missing, are told to who may look.
        assert client.get(path, follow_redirects=False).status_code in (200, 303, 404, 422), path
        assert nobody.get(path, follow_redirects=False).status_code == 403, path


def test_without_the_guard_there_are_no_pages_at_all(monkeypatch):
    from plugins.trading_plugin import TradingPlugin

    monkeypatch.delitem(sys.modules, "plugins.web.app", raising=False)
    monkeypatch.setitem(sys.modules, "plugins.web.guard", None)  # as when it cannot be imported
    with pytest.raises(ImportError):
        _ = TradingPlugin().fastapi_apps


@pytest.mark.parametrize("broken", ["get_auth_manager", "resolve_user_from_token"])
def test_a_guard_that_fails_shows_nothing(as_role, over, small_chain, app, monkeypatch, broken):
    over(small_chain)
    client = as_role("admin")
    monkeypatch.setattr(f"plugins.web.guard.{broken}", lambda *_, **__: 1 / 0)
    for method, path in every_path(app):
        if path not in SIGNED:
            answer = client.request(method, path, follow_redirects=False, json={})
            assert answer.status_code == 500, (method, path)
            assert "almanac" not in answer.headers.get("content-disposition", "")
            assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    ("path", "role", "status"), [("health", "viewer", 200), ("health", "", 401), ("nothing", "viewer", 404),
                                 ("health", "nobody", 403)],
)  # fmt: skip
def test_every_answer_and_its_line_in_the_log_have_the_trace(
    as_role, over, small_chain, app, caplog, path, role, status
):
    over(small_chain)
    as_role("viewer")
    headers = {"X-Trace-ID": "trace-77", "Authorization": f"Bearer {role}" if role else ""}
    with caplog.at_level("INFO", logger="almanac.web"):
        answer = TestClient(app).get(f"{V1}/{path}", headers=headers)
    assert (answer.status_code, answer.headers["X-Trace-ID"]) == (status, "trace-77")
    assert f"{status}" in caplog.text and "trace trace-77" in caplog.text
