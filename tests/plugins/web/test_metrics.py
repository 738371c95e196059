"""Each figure that Prometheus reads is what the planted rows say, in its text format."""

from __future__ import annotations

import datetime as dt
import re
from types import SimpleNamespace

import pytest
from fastapi import HTTPException
from starlette.testclient import TestClient

from tests.support.order_rows import hashes
from tests.support.planted import plant

PATH = "/api/v1/metrics"
BEFORE, LAST = "2026-11-19", "2026-11-20"
NOW = dt.datetime(2026, 11, 24, 15, tzinfo=dt.UTC)  # Tuesday, after 07:00 New York: Monday 2026-11-23 was due
WORD = "a" * 64


def done(stage: str, session: str, **more) -> tuple:
    return "stage_runs", {"stage": stage, "session_date": session, "status": "completed", **more,
                          "known_at": f"{session} 22:00Z", "finished_at": f"{session} 22:10Z"}  # fmt: skip


def order(number: int, session: str, state: str, **more) -> tuple:
    row = {"client_order_id": chr(64 + number) * 32, "account_id": "paper", "session_date": session,
           "symbol": chr(64 + number), "side": "buy", "quantity": 10}  # fmt: skip
    return "orders", {**row, **hashes(row), "id": number, "state": state, "risk_decision_id": number,
                      "filled_quantity": 10 if state == "filled" else 0, **more}  # fmt: skip


def signal(model: int, symbol: str, session: str, score: float, confidence: float) -> tuple:
    side = "long" if score > 0 else "short" if score < 0 else "flat"
    return "signals", {"model_id": model, "symbol": symbol, "session_date": session, "side": side, "score": score,
                       "confidence": confidence}  # fmt: skip


ROWS = (
    done("data_ingestion", LAST, began_at=f"{LAST} 22:08:30Z"), done("data_ingestion", BEFORE),
    done("model_execution", LAST), done("model_execution", BEFORE), done("feature_engineering", BEFORE),
    ("stage_runs", {"stage": "risk_execution", "session_date": LAST, "status": "failed"}),
    ("ingestion_batches", {"kind": "bars", "source": "polygon", "received": 100, "accepted": 90, "duplicates": 7,
                           "quarantined": 3, "start_date": LAST, "end_date": LAST}),
    ("ingestion_batches", {"kind": "bars", "source": "polygon", "received": 10, "accepted": 10, "duplicates": 0,
                           "quarantined": 0, "start_date": LAST, "end_date": LAST}),
    ("quarantine", {"id": 1, "row_hash": "1"}), ("quarantine", {"id": 2, "row_hash": "2"}),
    ("quarantine_decisions", {"quarantine_id": 1, "decision": "rejected", "reason": "a misprint"}),
    ("models", {"id": 1, "model_name": "ema"}), ("models", {"id": 2, "model_name": "idle", "is_active": False}),
    signal(1, "A", LAST, 0.5, 0.2), signal(1, "B", LAST, -0.5, 0.4), signal(1, "C", LAST, 0.0, 0.99),
    signal(1, "A", BEFORE, 0.5, 0.7), signal(2, "A", LAST, 0.5, 0.9),
    ("accounts", {"id": "paper", "broker": "simulated"}),
    ("accounts", {"id": "gone", "broker": "simulated", "closed_at": f"{LAST} 22:00Z", "closed_reason": "a new plan"}),
    ("kill_switch", {"account_id": "paper", "engaged": True}),
    ("account_snapshots", {"account_id": "paper", "session_date": LAST, "equity_usd": 99_000, "cash_usd": 98_000,
                           "securities_usd": 1_000}),
    ("account_snapshots", {"account_id": "gone", "session_date": LAST, "equity_usd": 2}),
    ("risk_snapshots", {"account_id": "paper", "session_date": LAST, "drawdown": 0.08, "session_loss": 0.03,
                        "cause": "", "event": ""}),
    ("risk_snapshots", {"account_id": "paper", "session_date": BEFORE, "drawdown": 0.01, "session_loss": -0.02,
                        "cause": "", "event": ""}),
    ("risk_decisions", {"account_id": "paper", "session_date": LAST, "decision": "approved", "requested_quantity": 10,
                        "approved_quantity": 10}),
    order(1, LAST, "filled"), order(2, LAST, "rejected"), order(3, LAST, "blocked"), order(4, BEFORE, "unknown"),
    order(5, BEFORE, "filled"), order(6, LAST, "filled"), order(7, LAST, "expired"),
    ("fills", {"account_id": "paper", "broker_fill_id": "1", "session_date": LAST, "side": "buy", "quantity": 10,
               "price": 100, "slippage_usd": 1}),
    ("fills", {"account_id": "paper", "broker_fill_id": "2", "session_date": LAST, "side": "buy", "quantity": 30,
               "price": 100, "slippage_usd": 7}),
    ("model_versions", {"id": 7, "family": "tft", "version": 2, "state": "promoted", "training_run_id": 3,
                        "seen_until": LAST, "code_version": WORD, "artifact_sha256": WORD, "metadata_sha256": WORD,
                        "artifact_format": "onnx"}),
    ("training_runs", {"id": 3, "family": "tft", "sharpe_per_session": -0.1, "first_session": BEFORE,
                       "data_version": WORD, "label_version": WORD, "code_version": WORD}),
    ("model_drift", {"model_version_id": 7, "session_date": LAST, "measure": "feature_psi", "subject": "rsi",
                     "value": 0.4, "threshold": 0.25}),
    ("model_drift", {"model_version_id": 7, "session_date": LAST, "measure": "feature_psi", "subject": "roc",
                     "value": 0.1, "threshold": 0.25}),
    ("model_drift", {"model_version_id": 7, "session_date": BEFORE, "measure": "feature_psi", "subject": "rsi",
                     "value": 9, "threshold": 0.25}),
    ("model_performance_windows", {"model_id": 1, "run_date": LAST, "window_sessions": 252, "sharpe_ratio": -0.7}),
    ("model_performance_windows", {"model_id": 1, "run_date": BEFORE, "window_sessions": 252, "sharpe_ratio": 2}),
    ("risk_limits", {"name": "max_drawdown", "threshold": 0.1}),
    ("risk_limits", {"name": "max_session_loss", "threshold": 0.05}),
    ("risk_limits", {"name": "max_drawdown", "threshold": 0.2, "symbol": "A"}),
    ("alerts", {"kind": "feature_drift", "severity": "warning"}),
)  # fmt: skip
# Named as a person reads the rows above, not as the statements do.
SAID = """
almanac_stage_failed{stage="risk_execution"} 1
almanac_stage_failed{stage="data_ingestion"} 0
almanac_stage_last_session_days{stage="data_ingestion"} 20777
almanac_stage_age_seconds{stage="data_ingestion"} 319800.0
almanac_stage_duration_seconds{stage="data_ingestion"} 90.0
almanac_sessions_behind{stage="data_ingestion"} 1
almanac_sessions_behind{stage="feature_engineering"} 1
almanac_sessions_behind{stage="model_execution"} 0
almanac_sessions_behind{stage="risk_execution"} 2
almanac_rows_received_total{kind="bars",source="polygon"} 110
almanac_rows_accepted_total{kind="bars",source="polygon"} 100
almanac_rows_duplicate_total{kind="bars",source="polygon"} 7
almanac_rows_quarantined_total{kind="bars",source="polygon"} 3
almanac_quarantine_undecided_rows{} 1
almanac_signals{model="ema",side="long"} 1
almanac_signals{model="ema",side="short"} 1
almanac_signals{model="ema",side="flat"} 1
almanac_signal_confidence_median{model="ema"} 0.30000000000000004
almanac_signal_confidence_usual{model="ema"} 0.7
almanac_orders{account="paper",state="filled"} 2
almanac_orders{account="paper",state="rejected"} 1
almanac_orders{account="paper",state="blocked"} 1
almanac_orders{account="paper",state="unknown"} 1
almanac_orders{account="paper",state="expired"} 1
almanac_account_open_orders{account="paper"} 1
almanac_account_unknown_orders{account="paper"} 1
almanac_account_equity_usd{account="paper"} 99000
almanac_account_drawdown_ratio{account="paper"} 0.08
almanac_account_session_loss_ratio{account="paper"} 0.03
almanac_account_slippage_bps{account="paper"} 20.0000000000000000
almanac_broker_error_ratio{account="paper"} 0.25000000000000000000
almanac_kill_switch_latched{account="paper"} 1
almanac_risk_limit{limit="max_drawdown"} 0.1
almanac_model_drift{model="tft",version="2",measure="feature_psi"} 0.4
almanac_model_drift_breaches{model="tft",version="2",measure="feature_psi"} 1
almanac_out_of_sample_sharpe{model="ema",measured="signals"} -0.7
almanac_out_of_sample_sharpe{model="tft",measured="walk_forward"} -1.5874507866387546
almanac_open_alerts{severity="warning"} 1
almanac_open_alerts{severity="critical"} 0
""".strip().splitlines()


@pytest.fixture
def live(monkeypatch, tmp_path):
    """A live source, and a Tuesday."""
    from plugins.web import guard

    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    for name, value in {"SOURCE": "polygon", "START": "2026-11-02", "METRICS_TOKEN": "t" * 32}.items():
        monkeypatch.setenv(name, value)

    clock = SimpleNamespace(UTC=dt.UTC, datetime=SimpleNamespace(now=lambda _zone: NOW))
    monkeypatch.setattr(guard, "dt", clock)


@pytest.fixture
def scraped(live, as_role, over, database) -> str:
    plant(database.owner, *ROWS)
    over(database)
    return as_role("viewer").get(PATH).text


def test_each_figure_is_what_the_rows_say(scraped):
    lines = scraped.splitlines()
    assert [line for line in SAID if line not in lines] == []
    assert "idle" not in scraped
    assert "gone" not in scraped


def test_every_metric_has_a_value_in_this_test(scraped):
    from plugins.web.api.metrics import FAMILIES

    proven = {line.partition("{")[0] for line in SAID}
    assert {f.name for f in FAMILIES} == proven


def test_the_text_is_what_the_format_asks_for(scraped):
    from prometheus_client.parser import text_string_to_metric_families

    families = list(text_string_to_metric_families(scraped))
    assert len({f.name for f in families}) == len(families) > 20
    for family in families:
        assert family.documentation and re.fullmatch(r"almanac_[a-z_]+", family.name)
        assert family.type in ("gauge", "counter")
        assert (family.type == "counter") == (f"# TYPE {family.name}_total counter" in scraped)


def test_an_empty_home_gives_no_figure_that_nobody_measured(live, as_role, over, database):
    over(database)
    told = as_role("viewer").get(PATH)
    assert told.status_code == 200
    samples = [line for line in told.text.splitlines() if not line.startswith("#")]
    assert 'almanac_sessions_behind{stage="data_ingestion"} 16' in samples  # 2026-11-02 to 2026-11-23
    measured = {line.partition("{")[0] for line in samples if not line.endswith(" 0")}
    assert measured == {"almanac_sessions_behind"}


def test_finished_history_is_never_behind(live, as_role, over, database, monkeypatch):
    monkeypatch.setenv("SOURCE", "sample")
    over(database)
    assert 'behind{stage="data_ingestion"}' not in as_role("viewer").get(PATH).text


def test_prometheus_logs_in_with_its_own_token_good_for_this_alone(live, app, over, database, monkeypatch):
    from plugins.web import guard

    async def nobody(token):
        raise HTTPException(401, "no user's token")

    monkeypatch.setattr(guard, "resolve_user_from_token", nobody)
    over(database)
    client = TestClient(app)

    def status(path, token, method="GET"):
        return client.request(method, path, headers={"Authorization": f"Bearer {token}"}).status_code

    assert status(PATH, "t" * 32) == 200
    assert status(PATH, "t" * 31) == 401
    assert status("/api/v1/health", "t" * 32) == 401
    assert status(PATH, "t" * 32, "POST") == 401
    assert client.get(f"{PATH}?token={'t' * 32}").status_code == 401


def test_without_a_token_set_none_is_taken(live, as_role, over, database, monkeypatch):
    monkeypatch.setenv("METRICS_TOKEN", "")
    over(database)
    assert (
        as_role("nobody").get(PATH, headers={"Authorization": "Bearer ", "Accept": "*/*"}).status_code == 401
    )


@pytest.mark.parametrize(
    ("instant", "session"),
    [
        ("2026-11-20T22:00-05:00", "2026-11-19"),  # Friday night: Friday comes on Monday morning
        ("2026-11-23T06:59-05:00", "2026-11-19"), ("2026-11-23T07:00-05:00", "2026-11-20"),
        ("2026-03-09T07:00-04:00", "2026-03-06"), ("2026-03-09T06:59-04:00", "2026-03-05"),  # clocks have changed
        ("2026-11-27T12:00-05:00", "2026-11-25"), ("2026-11-30T07:00-05:00", "2026-11-27"),  # Thanksgiving, half day
    ],
)  # fmt: skip
def test_a_session_is_due_at_seven_the_weekday_after(instant, session):
    from plugins.dag_defaults import last_due

    assert str(last_due(dt.datetime.fromisoformat(instant))) == session


def test_labels_cannot_end_their_line():
    from plugins.web.api.metrics import Family, _text

    family = Family("x", "y", "s", ("a",), "v")
    assert _text(family, [{"a": 'b"} 1\nz\\', "v": 2}]).splitlines()[2:] == ['x{a="b\\"} 1\\nz\\\\"} 2']
