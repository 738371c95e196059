"""A change by a button and its audit event stand or fall together: each is made to fail, and the other is not there."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest

from data_layer.model_settings import ModelSettings
from tests.support.chain import query
from tests.support.versions import promote_tft

V1 = "/api/v1"
WHY = "to see what is left"
# Refuses rows as they come, whoever writes them.
REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
CREATE TRIGGER a_refusal BEFORE INSERT ON {} FOR EACH ROW {} EXECUTE FUNCTION refuse()"""
# What each action changes, by a statement whose answer is another one afterwards.
VERSIONS = (
    "SELECT (SELECT string_agg(id || state || coalesce(waiver_name, ''), ',' ORDER BY id) FROM model_versions) AS v, "
    "(SELECT count(*) FROM promotion_decisions) AS d, (SELECT count(*) FROM promotion_checks) AS c"
)
SWITCH, DECIDED = "SELECT engaged FROM kill_switch ORDER BY 1", "SELECT count(*) AS n FROM quarantine_decisions"
EVENTS = "SELECT count(*) AS n FROM audit_events WHERE event_type LIKE 'web.%' AND event_type <> 'web.backtest'"
ACTIONS = {
    "waive": ("models/versions/{first}/waive", VERSIONS, "promotion_decisions"),
    "promote": ("models/versions/{first}/promote", VERSIONS, "promotion_decisions"),
    "latch": ("kill-switch/latch", SWITCH, "kill_switch"),
    "reject": ("quarantine/{row}/reject", DECIDED, "quarantine_decisions"),
}


@pytest.fixture
def home(furnished, small_settings, tmp_path, over, as_role, monkeypatch):
    """A home with a version that was in use before the one that is, and an operator."""
    settings = dataclasses.replace(small_settings, models=ModelSettings(str(tmp_path / "artifacts"), ""))
    promote_tft(furnished.trainer, settings, "2005-09-30", seed=1)
    monkeypatch.setattr("plugins.web.api.actions.load_settings", lambda: settings)
    over(furnished)
    return furnished, as_role("op")


def press(home, action: str) -> int:
    database, op = home
    ids = query(database.owner, "SELECT (SELECT min(id) FROM model_versions) AS first, min(id) AS row FROM quarantine")
    path = ACTIONS[action][0].format(**ids[0])
    body = {"reason": WHY, **({"account": "paper"} if action == "latch" else {})}
    return op.post(f"{V1}/{path}", json=body).status_code


def refuse(database, table: str, condition: str = "") -> None:
    with psycopg.connect(database.owner) as connection:
        if table == "kill_switch":
            condition = "WHEN (NEW.engaged)"
        connection.execute(REFUSING.format(table, condition).replace("BEFORE INSERT", "BEFORE INSERT OR UPDATE"))


@pytest.mark.parametrize("action", ACTIONS)
def test_without_its_event_nothing_is_done(home, action):
    database, _ = home
    before = query(database.owner, ACTIONS[action][1])
    refuse(database, "audit_events", f"WHEN (NEW.event_type = 'web.{action}')")
    assert press(home, action) >= 500
    assert query(database.owner, ACTIONS[action][1]) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_without_the_change_there_is_no_event_of_it(home, action):
    database, _ = home
    refuse(database, ACTIONS[action][2])
    assert press(home, action) >= 500
    assert query(database.owner, EVENTS) == [{"n": 0}]


@pytest.mark.parametrize("action", ACTIONS)
def test_together_they_are_there(home, action):
    database, _ = home
    before = query(database.owner, ACTIONS[action][1])
    assert press(home, action) == 200
    assert query(database.owner, ACTIONS[action][1]) != before
    assert query(database.owner, EVENTS) == [{"n": 1}]


def test_nothing_is_reloaded_while_it_could_not_be_noted(home, monkeypatch):
    def away(uri):
        raise psycopg.OperationalError("connection refused")

    read = []
    monkeypatch.setattr("plugins.web.api.generate.transaction", away)
    monkeypatch.setattr("plugins.web.api.generate.reload", lambda: read.append(1) or [])
    assert home[1].post(f"{V1}/models/reload", json={"reason": WHY}).status_code == 503
    assert not read
