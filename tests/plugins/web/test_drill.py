"""From a figure down to what it was made of: tear sheets, an assessment's accounts, restatements, runs of Airflow."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from plugins.backtest.account import account_of
from plugins.backtest.assessment_run import run_here
from tests.support.chain import query
from tests.support.furnished import ASKED
from tests.support.prepared import change

RESULTS = "SELECT * FROM backtest_results ORDER BY trial_id, scenario, symbol"


def data_of(page, name):
    """The JSON that stands in a page for its charts."""
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)[1])


def test_a_strategys_charts_are_its_sessions(viewer, small_chain):
    page = viewer.get("/strategies/macd_alpha").text
    curves = data_of(page, "curves")
    rows = query(
        small_chain.reader,
        "SELECT s.session_date, s.net_return FROM model_sessions s JOIN models m ON m.id = s.model_id "
        "WHERE m.model_name = 'macd_alpha' AND s.net_return IS NOT NULL ORDER BY 1",
    )
    assert curves["dates"] == [str(r["session_date"]) for r in rows]
    value, worth = 1.0, []
    for row in rows:
        value *= 1 + row["net_return"]
        worth.append(value)
    assert curves["equity"] == pytest.approx(worth, rel=1e-5)
    stored = query(
        small_chain.reader,
        "SELECT p.* FROM model_performance p JOIN models m ON m.id = p.model_id WHERE model_name = 'macd_alpha' "
        "ORDER BY run_date DESC LIMIT 1",
    )[0]
    for name in ("total_return", "max_drawdown", "annual_return", "benchmark_return"):
        assert f">{stored[name] * 100:,.2f}%</a></dd>" in page, name
    assert page.count('class="chart') == 8 and page.count("<section") >= 10
    saved = viewer.get("/strategies/macd_alpha/sessions.csv").text.splitlines()
    assert len(saved) > len(rows) and saved[0].startswith("session_date,net_return")


def test_trades_listed_are_those_of_the_whole_history(viewer, small_chain):
    from plugins.reports.model_sheet import closed_trades
    from plugins.reports.sheet import load_sql, transaction

    with transaction(small_chain.reader) as connection:
        (model,) = connection.execute(load_sql("reports/select_standing"), {"model": "rsi_alpha"}).fetchall()
    since, last = model["session_date"].replace(month=9, day=1), model["session_date"]
    all_of_them = closed_trades(small_chain.reader, model, since, last, {})
    newest = closed_trades(small_chain.reader, model, since, last, {}, decided_from=since)
    late = all_of_them[all_of_them["entered"] > str(since)].reset_index(drop=True)
    assert len(newest) > 5
    assert newest.to_dict("list") == late.to_dict("list")
    assert 'data-part="/strategies/rsi_alpha/trades"' in viewer.get("/strategies/rsi_alpha").text
    part = viewer.get("/strategies/rsi_alpha/trades").text
    shown = re.findall(r"<td>([A-Z]+)</td>\s*<td class=\"(?:long|short)\">\w+</td>\s*<td>([\d-]+)</td>", part)
    closed = [(t.symbol, str(t.entered.date())) for t in newest.iloc[::-1].itertuples()]
    assert len(shown) > 5 and shown == closed[: len(shown)]
    assert viewer.get("/strategies/buy_and_hold/trades").status_code == 404


def test_the_leaderboard_says_who_cannot_be_told_apart(viewer, small_chain):
    page = viewer.get("/strategies").text
    report = query(
        small_chain.reader, "SELECT report_data AS r FROM performance_reports ORDER BY report_date DESC LIMIT 1"
    )[0]["r"]
    ranks = report["confidence_sets"]["rank"]
    assert ranks and page.count("<strong>Rank ") == len(set(ranks.values()))
    for rank in set(ranks.values()):
        names = [name for name, own in ranks.items() if own == rank]
        line = re.search(rf"<li><strong>Rank {rank}</strong>, (.*?)</li>", page)[1]
        assert all(f"/strategies/{name}" in line for name in names)
    assert report["benchmark"]["name"] in page


def test_every_account_of_an_assessment_can_be_looked_at(as_role, over, chained, small_settings):
    prepared, _ = run_here(chained.writer, small_settings, ASKED)
    over(chained)
    client = as_role("viewer")
    results = query(chained.reader, RESULTS)
    assert len(results) == 12
    for row in results:
        key = (row["run_id"], row["trial_id"], row["scenario"], row["symbol"])
        found = account_of(chained.reader, *key)
        assert found["same"], key
        assert found["equity"][-1] == pytest.approx(row["final_equity"])
        assert len(found["dates"]) == len(found["close"]) == len(found["equity"]) == row["sessions"]
        assert sum(t["exit_date"] is not None for t in found["trades"]) == row["trades"]
        for trade in found["trades"]:  # marks stand on the price: within what a session moves and slippage takes
            at = found["dates"].index(trade["entry_date"])
            near = found["close"][max(at - 1, 0) : at + 1]
            assert min(near) * 0.85 < trade["entry_shown"] < max(near) * 1.15
    run = prepared.run_id
    trial = next(r["trial_id"] for r in results if r["trades"] and r["scenario"] == "full period")
    assert f"/assessment/cell?run={run}&amp;trial={trial}" in client.get("/assessment").text
    asked = urlencode({"run": run, "trial": trial, "scenario": "full period"})
    cell = client.get(f"/assessment/cell?{asked}").text
    named = re.findall(r'<td><a href="/assessment/account\?run=[^"]*symbol=([A-Z]+)"', cell)
    assert sorted(named) == ["AAPL", "GOOG", "MSFT"]
    page = client.get(f"/assessment/account?{asked}&symbol=MSFT").text
    where = re.search(r'data-part="([^"]+)"', page)[1].replace("&amp;", "&")
    part = client.get(where).text
    assert data_of(part, "account-data")["symbol"] == "MSFT" and 'class="sortable"' in part
    assert "<html" not in part
    assert client.get(f"/assessment/account?{asked}&symbol=NONE").status_code == 404
    assert client.get(f"/assessment/account/part?{asked}&symbol=NONE").status_code == 422
    change(chained, "UPDATE backtest_results SET total_return = total_return + 0.5")
    assert "its code or its bars have changed since" in client.get(where).text


def test_a_restatement_shows_what_it_touches(as_role, over, chained):
    change(
        chained,
        "INSERT INTO restatements SELECT max(id), 'MSFT', '2005-12-15', 'bar corrected', '2026-11-20' "
        "FROM ingestion_batches",
    )
    over(chained)
    client = as_role("viewer")
    batch = query(chained.reader, "SELECT max(batch_id) AS b FROM restatements")[0]["b"]
    assert f"/data/restatements/{batch}" in client.get("/data").text
    page = client.get(f"/data/restatements/{batch}")
    assert page.status_code == 200 and "bar corrected" in page.text
    part = client.get(f"/data/restatements/{batch}/touched").text
    touched = query(
        chained.reader, f"SELECT relation, sum(rows) AS n FROM restatement_impact({batch}) GROUP BY 1"
    )
    assert {"feature_values", "signals"} <= {r["relation"] for r in touched}
    for row in touched:
        sums = rf"<td>{row['relation']}</td>\s*<td class=\"number\"><a [^>]*>{row['n']:,}</a></td>"
        assert re.search(sums, part), row
    assert client.get("/data/restatements/999").status_code == 404


def test_a_run_leads_to_its_session_and_a_task_to_its_strategy(viewer, small_chain):
    row = query(
        small_chain.reader,
        "SELECT run_id, max(session_date) AS d FROM stage_runs WHERE stage = 'risk_execution' GROUP BY 1",
    )[0]
    found = viewer.get("/run", params={"dag": "risk_execution", "run": row["run_id"]}, follow_redirects=False)
    assert (found.status_code, found.headers["location"]) == (303, f"/?session={row['d']}")
    nothing = viewer.get("/run", params={"dag": "risk_execution", "run": "manual__2030-01-01T00:00:00+00:00"})
    assert nothing.status_code == 200 and "has completed no session" in nothing.text
    assert "none of the DAGs" in viewer.get("/run", params={"dag": "x", "run": "<script>"}).text
    beside = viewer.get("/run", params={"dag": "strategy_assessment", "run": "r"}, follow_redirects=False)
    assert beside.headers["location"] == "/assessment"
    model = query(small_chain.reader, "SELECT id FROM models WHERE model_name = 'rsi_alpha'")[0]["id"]
    there = viewer.get(f"/model/{model}", follow_redirects=False)
    assert there.headers["location"] == "/strategies/rsi_alpha"
    assert viewer.get("/model/99999").status_code == 404


def test_airflow_is_told_of_both_links(airflow_home):
    from plugins.operators.strategy_link import ModelStepOperator, StrategyLink
    from plugins.trading_plugin import TradingPlugin

    (view,) = [v for v in TradingPlugin.external_views if v["destination"] == "dag_run"]
    assert view["href"] == "/almanac/run?dag={DAG_ID}&run={RUN_ID}" and view["url_route"]
    task = ModelStepOperator(task_id="execute_strategies", first_step="x", arguments={"model_id": 7})
    (link,) = task.operator_extra_links
    assert isinstance(link, StrategyLink)
    assert link.get_link(task, ti_key=None) == "/almanac/model/7"
    task.arguments = {}
    assert link.get_link(task, ti_key=None) == ""
