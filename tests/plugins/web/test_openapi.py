"""What the API's own description allows is answered, and what it does not is refused: never a 5xx."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

V1 = "/api/v1"
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
ODD = st.one_of(
    TEXT, st.integers().map(str), st.floats().map(str), st.dates().map(str),
    st.sampled_from(["", "'", '"', "%00", "..", "../..", "null", "9" * 40, "-1", "<b>", "=1+1", "NaN", "2024-02-30"]),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def operations(app) -> list[tuple[str, str, dict]]:
    described = app.openapi()["paths"]
    return [(path, method, operation) for path, found in described.items() for method, operation in found.items()]


@pytest.fixture
def asked(as_role, over, small_chain, app, monkeypatch):
    """As a viewer: no action passes, so that nothing changes in what other tests read."""
    over(small_chain)
    monkeypatch.setattr("plugins.web.api.webhook.start", lambda *_, **__: None)
    return as_role("viewer"), operations(app)


@settings(max_examples=150, deadline=dt.timedelta(seconds=20), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_that_is_asked_breaks_it(asked, data):
    client, described = asked
    path, method, operation = data.draw(st.sampled_from(described))
    query = {}
    for parameter in operation.get("parameters", []):
        value = data.draw(ODD)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", quote(value, safe="") or "x")
        elif parameter["in"] == "query" and data.draw(st.booleans()):
            query[parameter["name"]] = value
    body = data.draw(JSON) if method == "post" else None
    answer = client.request(method, path, params=query, **({"json": body} if method == "post" else {}))
    assert answer.status_code < 500, (method, path, query, body, answer.text)
    if answer.status_code == 200 and "/metrics" not in path:
        assert answer.headers["content-type"].startswith("application/json")


def test_what_it_describes_is_what_there_is(app):
    found = {path for path, _, _ in operations(app)}
    assert {
        f"{V1}/{name}" for name in (
            "health", "metrics", "signals", "models", "models/{model}", "orders/{client_order_id}", "orders",
            "positions", "runs",
            "runs/{run_id}", "scenarios", "rankings", "lineage/{client_order_id}", "webhooks/orders",
            "kill-switch/latch", "kill-switch/rearm",
        )
    } <= found  # fmt: skip
