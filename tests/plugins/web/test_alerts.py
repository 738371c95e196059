"""Each kind of alert leads to where its subject is looked at; a subject that names nothing is text."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import psycopg
import pytest

from plugins.ml import tracking
from plugins.stages import model_drift, performance_alerts, predictions
from plugins.web.alerts import WAYS
from plugins.web.rendering import fill
from tests.test_architecture import ROOT

# Kinds by the module that opens them; two have no name of their own there.
OPENED = {
    "plugins/stages/performance_alerts.py": set(performance_alerts.KINDS),
    "plugins/stages/model_drift.py": {kind for kind, _ in model_drift.ALERTS.values()},
    "plugins/stages/predictions.py": {predictions.ALERT},
    "plugins/ml/tracking.py": {tracking.ALERT},
    "data_layer/storage/training.py": {"training_failed"},
    "data_layer/storage/registry.py": {"artifact_refused"},
}
SUBJECTS = {
    "account_drawdown": "paper", "kill_switch": "paper", "stale_data": "MSFT", "training_failed": "tft",
    "tracking_failed": "tft", "artifact_refused": "tft version 1",
    **dict.fromkeys(OPENED["plugins/stages/model_drift.py"], "tft version 1"),
}  # fmt: skip
INSERT = """
    INSERT INTO alerts (kind, severity, subject, message, value, threshold, session_date)
    VALUES (%s, 'warning', %s, 'it happened', -0.3, -0.2, %s)"""
HOSTILE = (
    "\"><script>alert(1)</script>", "../../risk?account=paper", "javascript:alert(1)", "//elsewhere.org",
    "MSFT&session=x", "tft version 1'; --", "{account}",
)  # fmt: skip


def open_alerts(database, alerts, session="2005-12-30"):
    with psycopg.connect(database.owner) as connection:
        connection.execute("TRUNCATE alerts, alert_notifications")
        connection.cursor().executemany(INSERT, [(*alert, session) for alert in alerts])


def led(page: str) -> dict[str, tuple[str, str]]:
    """What stands in the subject's cell of each kind, and where it leads."""
    table = page[page.index('id="alerts"') : page.index('id="account"')]
    found = re.findall(r"<td>([a-z_]+)</td>\s*<td>(?:<a href=\"([^\"]*)\">)?([^<]*)", table)
    return {kind: (subject.strip(), way.replace("&amp;", "&")) for kind, way, subject in found}


def test_every_kind_that_is_opened_has_a_way():
    calls = {
        str(path.relative_to(ROOT))
        for folder in ("data_layer", "models", "plugins", "dags")
        for path in Path(ROOT / folder).rglob("*.py")
        if re.search(r"(?<!def )\bopen_alert\(", path.read_text())
    }
    assert calls == set(OPENED)
    assert set(WAYS) == set().union(*OPENED.values())


@pytest.mark.parametrize("query", ["", "?account=paper"])
def test_a_subject_leads_to_a_page_that_is_there(as_role, over, furnished, query):
    open_alerts(furnished, [(kind, SUBJECTS.get(kind, "macd_alpha")) for kind in WAYS])
    over(furnished)
    client = as_role("viewer")
    found = led(client.get(f"/{query}").text)
    assert set(found) == set(WAYS)
    for kind, (subject, way) in found.items():
        assert subject == SUBJECTS.get(kind, "macd_alpha")
        answer = client.get(urljoin("/", way))
        assert answer.status_code == 200, (kind, way)
        assert f'id="{urlsplit(way).fragment}"' in answer.text or "#" not in way, (kind, way)
        assert way.count("account=") == (kind in ("account_drawdown", "kill_switch") or bool(query)), way
    assert found["kill_switch"][1] == "/risk?account=paper#switch"
    assert found["stale_data"][1].startswith("/rows/symbol?symbol=MSFT&session=2005-12-30")
    assert found["model_drawdown"][1].startswith("/strategies/macd_alpha")
    assert re.fullmatch(r"/models/\d+(\?account=paper)?#drift", found["model_without_skill"][1])


def test_a_hostile_subject_stays_text(as_role, over, furnished):
    named = [kind for kind, way in WAYS.items() if "{" in way]
    over(furnished)
    client = as_role("viewer")
    for hostile in HOSTILE:
        open_alerts(furnished, [(kind, hostile) for kind in WAYS])
        page = client.get("/").text
        found = led(page)
        assert {kind: found[kind][1] for kind in named} == dict.fromkeys(named, ""), hostile
        assert {way for _, way in found.values()} == {"", "/models"}, hostile
        assert "<script>alert" not in page


def test_what_a_way_is_filled_with_is_quoted():
    assert fill("/risk?account={account}", {"account": "a&b=/?#<\">"}) == "/risk?account=a%26b%3D%2F%3F%23%3C%22%3E"
    assert fill("/strategies/{model}", {"model": None}) == ""


def test_an_alert_of_no_session_leads_where_none_is_needed(as_role, over, furnished):
    open_alerts(furnished, [(kind, SUBJECTS.get(kind, "macd_alpha")) for kind in WAYS], session=None)
    over(furnished)
    found = led(as_role("viewer").get("/").text)
    assert {kind for kind, (_, way) in found.items() if not way} == {"account_drawdown", "stale_data"}
