"""People of each role in a browser look at Almanac's pages inside Airflow; a stranger sees nothing."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from urllib.parse import quote

import jwt
import pytest

from data_layer.runtime.home import Home
from tests.e2e.conftest import log_in
from tests.support.browser import chromium, drawn, severe

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
# What each page is headed, and its charts: those of `drawn`, each with at least one line.
PAGES = {
    "": ("Session", {"equity"}), "strategies": ("Strategies", set()),
    "strategies/macd_alpha": (
        "macd_alpha", {"growth", "fall", "sharpe", "volatility", "beta", "returns", "exposure", "turnover"}
    ),
    "assessment": ("Assessment", set()), "data": ("Data", {"coverage-chart"}), "models": ("Trained models", set()),
    "orders": ("Orders", set()), "risk": ("Risk at the close of", {"risk-chart"}), "costs": ("Costs since", set()),
}  # fmt: skip
DRAWN = 30  # seconds until charts must stand, on a machine that does other things as well
SLOWEST = 15_000  # ms a chart, on such a machine; `make bench ONLY=chart_drawing` measures
POINTS = "return [...document.querySelectorAll('.chart')].map(c => Math.min(...c.data.map(t => t.y.length)))"


@pytest.fixture(scope="module")
def at(installation):
    return f"http://127.0.0.1:{Home(installation.tree / '.almanac').port('airflow')}"


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def as_role(installation, window, at):
    """Returns a function that makes the browser's user one of a role, with a cookie as Airflow's login gives."""

    def become(role):
        now = int(time.time())
        claims = {"sub": f"the {role}", "role": role, "teams": None, "jti": uuid.uuid4().hex, "aud": "apache-airflow",
                  "nbf": now - 5, "iat": now - 5, "exp": now + 600}  # fmt: skip
        secret = Home(installation.tree / ".almanac").secret("airflow_jwt_secret")
        window.get(f"{at}/almanac/static/theme.js")
        window.delete_all_cookies()
        token = jwt.encode(claims, secret, algorithm="HS512", headers={"kid": "not-used"})
        window.add_cookie({"name": "_token", "value": token, "path": "/"})
        window.get_log("browser")  # forget that nobody was logged in
        return window

    return become


def waiting(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, DRAWN)


@pytest.mark.parametrize("role", ["viewer", "op"])
def test_every_page_stands_and_its_charts_have_data(as_role, at, role):
    browser = as_role(role)
    for path, (title, charts) in PAGES.items():
        browser.get(f"{at}/almanac/{path}")
        assert browser.find_element("tag name", "h1").text.startswith(title), path
        if charts:
            took = waiting(browser).until(drawn)
            print(path, {name: round(ms) for name, ms in took.items()})
            assert set(took) == charts and max(took.values()) < SLOWEST
            assert min(browser.execute_script(POINTS)) > 40, path
        buttons = [b.text for b in browser.find_elements("css selector", "button.press")]
        assert buttons == {("op", "risk"): ["Latch"], ("op", ""): ["Run the chain"]}.get((role, path), []), path
        assert not severe(browser), path


def test_a_strategys_figures_are_those_of_the_tables(as_role, at, installation):
    browser = as_role("viewer")
    ((total, drawdown, sessions),) = installation.sql(
        "select (100 * p.total_return)::numeric(20, 2), (100 * p.max_drawdown)::numeric(20, 2), "
        "(select count(*) from model_sessions s where s.model_id = p.model_id and s.net_return is not null) "
        "from model_performance p join models m on m.id = p.model_id where m.model_name = 'macd_alpha' "
        "order by p.run_date desc limit 1"
    )
    browser.get(f"{at}/almanac/strategies/macd_alpha")
    page = browser.find_element("tag name", "main").text
    assert f"{float(total):,.2f}%" in page and f"{float(drawdown):,.2f}%" in page
    waiting(browser).until(drawn)
    lines = browser.execute_script("return document.getElementById('growth').data.map(t => t.y.length)")
    assert lines == [int(sessions), int(sessions)]


def test_an_assessments_cell_leads_to_an_accounts_trades(as_role, at, installation):
    done = installation.run("make assess STRATEGIES=buy_and_hold,golden_cross SCENARIOS='full period'")
    assert done.returncode == 0, done.stdout
    ((run, trial, median),) = installation.sql(
        "select r.run_id, r.trial_id, "
        "(100 * percentile_cont(0.5) within group (order by r.total_return))::numeric(20, 1) "
        "from backtest_results r join strategy_trials t on t.id = r.trial_id "
        "where r.run_id = (select max(run_id) from assessment_scenarios) and t.strategy = 'golden_cross' group by 1, 2"
    )
    browser = as_role("viewer")
    browser.get(f"{at}/almanac/assessment")
    assert browser.find_element("tag name", "h1").text == f"Assessment {run}"
    cell = browser.find_element("css selector", f"table.heat a[href*='trial={trial}&']")
    assert cell.text == f"{float(median):,.1f}"
    cell.click()
    assert browser.find_element("tag name", "h1").text == "golden_cross in full period"
    browser.find_element("css selector", "#results tbody a").click()
    symbol = browser.current_url.rpartition("symbol=")[2].partition("&")[0]
    ((returned, trades),) = installation.sql(
        "select (100 * total_return)::numeric(20, 2), trades from backtest_results "
        f"where run_id = {run} and trial_id = {trial} and symbol = '{symbol}'"
    )
    assert set(waiting(browser).until(drawn)) == {"account"}
    page = browser.find_element("tag name", "main").text
    assert f"{float(returned):,.2f}%" in page
    closed = browser.find_elements("css selector", "section[aria-labelledby=trades] tbody tr")
    assert len(closed) >= min(int(float(trades)), 1)
    assert not severe(browser)


def test_a_person_follows_an_order_down_to_its_bars(installation, browser, at):
    log_in(installation, browser, "/almanac/")
    equity = installation.sql(
        "select equity_usd::numeric(20, 2) from account_snapshots order by session_date desc limit 1"
    )
    page = waiting(browser).until(lambda _: browser.find_element("tag name", "main"))
    assert f"{float(equity[0][0]):,.2f} USD" in page.text
    browser.find_element("link text", "Orders").click()
    filled = installation.sql(
        "select o.client_order_id, f.price::numeric(20, 2), b.close::numeric(20, 2), b.batch_id from orders o "
        "join fills f on f.order_id = o.id join risk_decisions d on d.id = o.risk_decision_id "
        "join market_data b on b.symbol = o.symbol and b.date = d.session_date "
        "where o.order_type = 'market' order by o.session_date desc, o.symbol limit 1"
    )[0]
    browser.find_element("link text", filled[0]).click()
    sections = {
        item.find_element("tag name", "h2").text.split()[0]: item.text
        for item in browser.find_elements("css selector", ".lineage > li")
    }
    assert list(sections) == ["Fill", "Decision", "Target", "Ensemble", "Signals", "Features", "Bars,"]
    assert f"{float(filled[1]):,.2f}" in sections["Fill"]
    newest = sections["Bars,"].splitlines()
    assert any(f"{float(filled[2]):,.2f}" in line and filled[3] in line.split() for line in newest), newest
    assert not severe(browser)


def test_an_operator_latches_the_kill_switch_and_arms_it_again(as_role, at, installation):
    from selenium.webdriver.support import expected_conditions as seen

    browser = as_role("op")
    browser.get(f"{at}/almanac/risk")
    wait = waiting(browser)
    presses = (
        ("Latch", "prices look wrong", "is latched", "t"),
        ("Arm again", "they were right", "is armed", "f"),
    )
    for label, reason, said, state in presses:
        wait.until(seen.element_to_be_clickable(("xpath", f"//button[@class and text()='{label}']"))).click()
        wait.until(seen.visibility_of_element_located(("name", "reason"))).send_keys(reason)
        browser.find_element("css selector", "dialog button[type=submit]").click()
        wait.until(seen.text_to_be_present_in_element(("css selector", ".good-note"), said))
        switch = installation.sql("select engaged, reason from kill_switch where account_id = 'paper'")
        assert switch == [[state, reason]]
        banner = browser.find_elements("css selector", "[role=alert]")
        assert [reason in b.text for b in banner] == ([True] if state == "t" else [])
    noted = installation.sql(
        "select event_type, payload ->> 'by' from audit_events where source = 'pages' order by ts"
    )
    assert noted == [["web.latch", "the op"], ["web.rearm", "the op"]]


def test_a_run_has_its_session_beside_it_and_a_strategys_task_its_page(as_role, at, installation):
    from selenium.webdriver.support import expected_conditions as seen

    browser = as_role("viewer")
    newest = "select run_id, max(session_date) from stage_runs where stage = '{}' group by 1 order by 2 desc limit 1"
    run, session = installation.sql(newest.format("risk_execution"))[0]
    browser.get(f"{at}/dags/risk_execution/runs/{quote(run)}/plugin/almanac-session")
    wait = waiting(browser)
    wait.until(seen.frame_to_be_available_and_switch_to_it(("tag name", "iframe")))
    wait.until(seen.text_to_be_present_in_element(("tag name", "h1"), f"Session {session}"))
    browser.switch_to.default_content()

    run, _ = installation.sql(newest.format("model_execution"))[0]
    links = "taskInstances/execute_strategies/links?map_index=0"  # what Airflow shows as buttons beside the task
    token = browser.get_cookie("_token")["value"]
    request = urllib.request.Request(  # noqa: S310
        f"{at}/api/v2/dags/model_execution/dagRuns/{quote(run, safe='')}/{links}",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found = json.load(answer)["extra_links"]
    browser.get(f"{at}{found['Strategy']}")
    known = {row[0] for row in installation.sql("select model_name from models where is_active")}
    assert browser.find_element("tag name", "h1").text in known


@pytest.mark.parametrize("token", ["", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."])
def test_a_stranger_and_a_forger_see_nothing(at, token):
    headers = {"Authorization": token} if token else {}
    request = urllib.request.Request(f"{at}/almanac/api/v1/health", headers=headers)  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310
    assert refused.value.code in (401, 403)
