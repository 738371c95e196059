"""Pages over a real database in a browser: an assessment down to an account, a version, decisions, hostile text."""

from __future__ import annotations

from urllib.parse import quote

import psycopg
import pytest

from tests.support.browser import chromium, drawn, severe
from tests.support.chain import query
from tests.support.charted import listening, part_pages, served

PATIENCE = 60
# What a name, a reason or a row may say. Where the schema itself refuses it, its check is taken away before.
HOSTILE = """<img src=x onerror="window.hit=1"></script><script>window.hit=1</script>{{7*7}}"""
SPOILT = (
    "ALTER TABLE models DROP CONSTRAINT models_model_name_check",
    "ALTER TABLE strategy_trials DROP CONSTRAINT strategy_trials_strategy_check",
    "UPDATE models SET model_name = %s WHERE model_name = 'macd_alpha'",
    "UPDATE strategy_trials SET strategy = %s WHERE strategy = 'golden_cross'",
    "UPDATE backtest_results SET symbol = %s WHERE symbol = 'AAPL'",
    "UPDATE quarantine SET symbol = x, reason = x, raw = jsonb_build_object(x, x) FROM (SELECT %s::text AS x) h",
    "UPDATE orders SET reason = %s",
    "UPDATE risk_decisions SET reason = %s",
    "UPDATE kill_switch SET engaged = true, reason = %s",
    "UPDATE alerts SET subject = x, message = x FROM (SELECT %s::text AS x) h "
    "WHERE id = (SELECT max(id) FROM alerts)",
    "UPDATE model_versions SET waiver_name = x, waiver_reason = x FROM (SELECT %s::text AS x) h",
)
# How the bar that is held was received, two days before the last session.
ASIDE = """
    INSERT INTO quarantine (batch_id, last_batch_id, symbol, session_date, reason, raw, row_hash)
    SELECT batch_id, batch_id, symbol, date, 'two rows contradict', jsonb_build_object('symbol', symbol, 'date',
           date::text, 'open', open::text, 'high', high::text, 'low', low::text, 'close', close::text, 'volume',
           volume::text), repeat(%s, 32)
    FROM market_data WHERE symbol = %s AND date = '2005-12-29' RETURNING id"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def site(app, as_role, over, browser):
    """Returns a function that opens a page over a database as somebody of a role."""
    from selenium.webdriver.support.ui import WebDriverWait

    as_role("viewer")
    with listening(app) as address:

        def opened(role, path):
            browser.execute_cdp_cmd("Network.setCookie", {"name": "_token", "value": role, "url": address})
            browser.get_log("browser")
            browser.get(f"{address}{path}")
            return WebDriverWait(browser, PATIENCE)

        yield opened


def test_an_assessments_cell_leads_to_an_accounts_chart_and_a_version_has_its_page(site, over, furnished, browser):
    over(furnished)
    (cell,) = query(
        furnished.reader,
        "SELECT r.run_id, r.trial_id, (100 * percentile_cont(0.5) WITHIN GROUP (ORDER BY total_return))::numeric(9, 1) "
        "AS median FROM backtest_results r JOIN strategy_trials t ON t.id = r.trial_id "
        "WHERE strategy = 'golden_cross' AND scenario = 'full period' GROUP BY 1, 2",
    )
    wait = site("viewer", "/assessment")
    way = f"table.heat a[href*='trial={cell['trial_id']}&scenario=full']"
    link = browser.find_element("css selector", way)
    assert link.text == f"{cell['median']:,.1f}"
    link.click()
    browser.find_element("link text", "MSFT").click()
    assert browser.find_element("tag name", "h1").text == "golden_cross on MSFT, full period"
    assert set(wait.until(drawn)) == {"account"}
    (stored,) = query(
        furnished.reader,
        f"SELECT sessions, trades FROM backtest_results WHERE trial_id = {cell['trial_id']} AND symbol = 'MSFT' "
        f"AND scenario = 'full period' AND run_id = {cell['run_id']}",
    )
    lines = browser.execute_script("return document.getElementById('account').data.map(t => [t.name, t.y.length])")
    assert lines[0] == ["MSFT", stored["sessions"]] and lines[-1] == ["Equity", stored["sessions"]]
    closed = browser.find_elements("xpath", "//section[@aria-labelledby='trades']//tbody/tr[td[4]!='–']")
    assert len(closed) == stored["trades"] > 0

    (version,) = query(furnished.reader, "SELECT * FROM model_versions")
    site("viewer", "/models")
    browser.find_element("css selector", f"a[href^='/models/{version['id']}']").click()
    assert browser.find_element("tag name", "h1").text == f"{version['family']}, version {version['version']}"
    page = browser.find_element("tag name", "main").text
    assert version["artifact_sha256"] in page and "What the gate measured" in page and version["state"] in page
    assert not browser.find_elements("css selector", "button.press")
    assert not severe(browser)


def test_an_operator_releases_one_row_and_rejects_another(site, over, chained, browser, monkeypatch, small_settings):
    from selenium.webdriver.support import expected_conditions as seen

    monkeypatch.setattr("plugins.web.api.actions.load_settings", lambda: small_settings)
    with psycopg.connect(chained.owner) as connection:
        ids = [connection.execute(ASIDE, [mark, name]).fetchone()[0] for mark, name in (("a", "AAPL"), ("b", "MSFT"))]
    over(chained)
    site("viewer", "/data")
    assert not browser.find_elements("css selector", "button.press")
    wait = site("op", "/data")
    for number, label, said in zip(ids, ("Release", "Reject"), ("released", "rejected"), strict=True):
        button = f"//tr[td[1]='{number}']//button[text()='{label}']"
        wait.until(seen.element_to_be_clickable(("xpath", button))).click()
        submit = browser.find_element("css selector", "dialog button[type=submit]")
        submit.click()  # without a reason nothing is sent
        assert submit.is_displayed() and not query(chained.reader, f"SELECT FROM quarantine_decisions WHERE "
                                                                   f"quarantine_id = {number}")  # fmt: skip
        browser.find_element("name", "reason").send_keys(f"{label}: asked the exchange")
        submit.click()
        wait.until(seen.text_to_be_present_in_element(("css selector", ".good-note"), f"Row {number} is {said}."))
        assert not browser.find_elements("xpath", f"//section[@aria-labelledby='quarantine']//tr[td[1]='{number}']")
    decided = query(chained.reader, "SELECT decision, reason FROM quarantine_decisions ORDER BY quarantine_id")
    assert [(d["decision"], d["reason"]) for d in decided] == [
        ("released", "Release: asked the exchange"), ("rejected", "Reject: asked the exchange"),
    ]  # fmt: skip
    noted = query(chained.reader, "SELECT event_type, payload ->> 'by' AS by FROM audit_events "
                                  "WHERE source = 'pages' ORDER BY ts")  # fmt: skip
    assert noted == [{"event_type": "web.release", "by": "op"}, {"event_type": "web.reject", "by": "op"}]
    assert not severe(browser)


def test_hostile_names_symbols_and_reasons_are_text_and_no_script_runs(site, over, furnished, browser):
    with psycopg.connect(furnished.owner) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in SPOILT:
            connection.execute(statement, [HOSTILE] if "%s" in statement else None)
        order, version, run, trial = connection.execute(
            "SELECT min(client_order_id), (SELECT min(id) FROM model_versions), max(r.run_id), max(t.id) "
            "FROM orders, backtest_results r JOIN strategy_trials t ON t.id = r.trial_id WHERE strategy = %s",
            [HOSTILE],
        ).fetchone()
    over(furnished)
    cell = f"/assessment/cell?run={run}&trial={trial}&scenario={quote('full period')}"
    for path in ("/", "/alerts", "/strategies", "/assessment", cell, "/data", f"/models/{version}",
                 f"/orders/{order}", "/risk", "/rows/quarantine?session=2005-12-30"):  # fmt: skip
        site("op", path)
        page = browser.find_element("tag name", "body").get_attribute("textContent")
        assert HOSTILE in page, path
        assert not browser.find_elements("css selector", "img[src=x], main script:not([src]):not([type])"), path
        assert browser.execute_script("return window.hit") is None, path
        assert not severe(browser), path  # the policy has had nothing to stop


def test_a_hostile_symbol_breaks_no_chart(browser):
    """Without the policy: neither the data that stands in the page nor the chart's own text runs anything."""
    from selenium.webdriver.support.ui import WebDriverWait

    with served(part_pages(HOSTILE)) as address:
        browser.get(f"{address}/account")
        WebDriverWait(browser, PATIENCE).until(drawn)
        assert HOSTILE in browser.find_element("tag name", "h1").get_attribute("textContent")
        assert browser.execute_script("return document.getElementById('account').data[0].name") == HOSTILE
        assert browser.execute_script("return window.hit") is None
        assert not browser.find_elements("css selector", "img[src=x]")
