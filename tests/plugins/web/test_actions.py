"""Buttons: the right role, a reason, what the command does, and an event with the name of who pressed."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy.exc import OperationalError

V1 = "/api/v1"
WHY = "prices look wrong"
ACTIONS = (
    ("kill-switch/latch", {"account": "paper"}),
    ("kill-switch/rearm", {"account": "paper"}),
    ("quarantine/1/release", {}),
    ("quarantine/1/reject", {}),
    ("models/versions/1/promote", {}),
    ("models/versions/1/waive", {}),
)


@pytest.fixture
def sql(chained):
    with psycopg.connect(chained.owner, row_factory=dict_row, autocommit=True) as connection:
        yield lambda statement: connection.execute(statement).fetchall()


def events(sql, kind: str) -> list[dict]:
    return sql(f"SELECT payload, source FROM audit_events WHERE event_type = 'web.{kind}'")


def test_who_may_only_look_cannot_press(as_role, over, chained, sql):
    over(chained)
    before = sql("SELECT count(*) AS n FROM audit_events")
    for role in ("viewer", "user"):
        for path, values in ACTIONS:
            answer = as_role(role).post(f"{V1}/{path}", json={**values, "reason": WHY})
            assert answer.status_code == 403, (role, path)
    assert sql("SELECT count(*) AS n FROM audit_events") == before
    assert not sql("SELECT FROM kill_switch WHERE engaged")


def test_no_action_without_a_reason(as_role, over, chained, sql):
    over(chained)
    admin = as_role("admin")
    bodies = ({}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 501}, {"reason": WHY, "more": 1})
    bodies += ({"reason": "a\x00bc"},)
    for path, values in (*ACTIONS, ("runs", {})):
        for body in bodies:
            assert admin.post(f"{V1}/{path}", json={**values, **body}).status_code == 422, (path, body)
    assert not sql("SELECT FROM kill_switch WHERE engaged")


def test_latch_and_rearm(as_role, over, chained, sql):
    over(chained)
    op = as_role("op")
    asked = {"account": "paper", "reason": WHY}
    assert op.post(f"{V1}/kill-switch/latch", json=asked).status_code == 200
    switch = sql("SELECT engaged, reason FROM kill_switch WHERE account_id = 'paper'")
    assert switch == [{"engaged": True, "reason": WHY}]
    page = op.get("/risk").text
    assert "Arm again" in page
    assert "Arm again" not in as_role("viewer").get("/risk").text
    assert op.post(f"{V1}/kill-switch/rearm", json=asked).status_code == 200
    again = op.post(f"{V1}/kill-switch/rearm", json=asked)
    assert again.status_code == 409
    assert "not latched" in again.json()["detail"]
    noted = [events(sql, kind) for kind in ("latch", "rearm")]
    assert [len(found) for found in noted] == [1, 1]
    assert noted[0][0]["payload"]["by"] == "op"
    assert noted[0][0]["payload"]["reason"] == WHY
    unknown = op.post(f"{V1}/kill-switch/latch", json={"account": "none", "reason": WHY})
    assert unknown.status_code == 422
    assert "name one of: paper" in unknown.json()["detail"]


@pytest.fixture
def put_aside(chained):
    """A bar in quarantine for the last session's Saturday."""
    with psycopg.connect(chained.owner) as connection:
        return connection.execute(
            "INSERT INTO quarantine (batch_id, last_batch_id, symbol, session_date, reason, raw, row_hash) "
            "SELECT id, id, 'AAPL', '2005-12-31', 'not a session', "
            "'{\"symbol\": \"AAPL\", \"date\": \"2005-12-31\"}', repeat('a', 32) "
            "FROM ingestion_batches WHERE kind = 'bars' ORDER BY id LIMIT 1 RETURNING id"
        ).fetchone()[0]


def test_quarantine(as_role, over, chained, sql, put_aside):
    over(chained)
    op = as_role("op")
    path = f"{V1}/quarantine/{put_aside}"
    assert f"/quarantine/{put_aside}/release" in op.get("/data").text
    refused = op.post(f"{path}/release", json={"reason": WHY})
    assert refused.status_code == 409
    assert "cannot be true" in refused.json()["detail"]
    assert op.post(f"{path}/reject", json={"reason": WHY}).status_code == 200
    assert sql("SELECT decision, reason FROM quarantine_decisions") == [{"decision": "rejected", "reason": WHY}]
    assert "already" in op.post(f"{path}/reject", json={"reason": WHY}).json()["said"]
    rejected = op.get("/rows/quarantine?session=2005-12-31").text
    assert "not a session" in rejected and WHY in rejected  # decided on, and still to be seen
    assert [e["payload"]["subject"] for e in events(sql, "reject")] == [str(put_aside)] * 2
    assert not events(sql, "release")
    assert op.post(f"{V1}/quarantine/999/reject", json={"reason": WHY}).status_code == 422


def test_no_such_version(as_role, over, chained, sql):
    over(chained)
    answer = as_role("op").post(f"{V1}/models/versions/77/waive", json={"reason": WHY})
    assert answer.status_code == 422
    assert not events(sql, "waive")


class Started:
    run_id = "manual__1"


def test_a_run_is_started_by_who_may(as_role, over, chained, sql, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "airflow.api.common.trigger_dag.trigger_dag", lambda dag, **more: asked.append((dag, more)) or Started
    )
    over(chained)
    assert as_role("viewer").post(f"{V1}/runs", json={"reason": WHY}).status_code == 403
    assert not asked
    assert [f'data-path="{V1}/runs"' in as_role(who).get("/").text for who in ("viewer", "user")] == [False, True]
    told = as_role("user").post(f"{V1}/runs", json={"reason": WHY, "end": "2005-12-30"})
    assert told.status_code == 202
    assert told.json()["run_id"] == "manual__1"
    assert asked[0][0] == "data_ingestion"
    assert asked[0][1]["conf"] == {"end": "2005-12-30"}
    assert asked[0][1]["triggering_user_name"] == "user"
    assert events(sql, "run")[0]["payload"]["reason"] == WHY


def test_a_run_waits_for_airflows_own_database(as_role, over, chained, sql, monkeypatch):
    def away(dag, **more):
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr("airflow.api.common.trigger_dag.trigger_dag", away)
    over(chained)
    told = as_role("user").post(f"{V1}/runs", json={"reason": WHY})
    assert (told.status_code, "Airflow's own database" in told.json()["detail"]) == (503, True)
    assert not events(sql, "run")


def test_nothing_is_started_while_it_could_not_be_noted(as_role, over, chained, monkeypatch):
    def away(uri):
        raise psycopg.OperationalError("connection refused")

    asked = []
    monkeypatch.setattr("airflow.api.common.trigger_dag.trigger_dag", lambda dag, **more: asked.append(dag) or Started)
    monkeypatch.setattr("plugins.web.api.actions.transaction", away)
    monkeypatch.setattr("plugins.web.api.backtests.transaction", away)
    over(chained)
    user = as_role("user")
    assert user.post(f"{V1}/runs", json={"reason": WHY}).status_code == 503
    form = {"strategy": "golden_cross", "symbols": ["AAPL"], "reason": WHY}
    assert user.post(f"{V1}/backtests", json=form).status_code == 503
    assert not asked
