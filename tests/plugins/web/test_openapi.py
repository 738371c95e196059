"""What the API's own description allows is answered as described, and what it does not is refused: never a 5xx."""

from __future__ import annotations

from tests.support.openapi import V1, hold_to_its_description


def test_it_keeps_to_its_description(as_role, over, small_chain, app, monkeypatch):
    """As a viewer: no action passes, so that nothing changes in what other tests read. tests/faults asks for more."""
    over(small_chain)
    as_role("viewer")
    monkeypatch.setattr("plugins.web.api.webhook.start", lambda *_, **__: None)
    assert hold_to_its_description(app, "viewer", 6) == len(operations(app))


def operations(app) -> list[tuple[str, str]]:
    return [(path, method) for path, found in app.openapi()["paths"].items() for method in found]


def test_what_it_describes_is_what_there_is(app):
    assert {
        f"{V1}/{name}" for name in (
            "health", "metrics", "signals", "models", "models/{model}", "orders/{client_order_id}", "orders",
            "positions", "runs", "runs/{run_id}", "scenarios", "rankings", "lineage/{client_order_id}",
            "webhooks/orders", "kill-switch/latch", "kill-switch/rearm", "backtests", "backtests/{number}",
            "backtests/asked/{run_id}", "signals/generate", "models/reload",
        )
    } <= {path for path, _ in operations(app)}  # fmt: skip
