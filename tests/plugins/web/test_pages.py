"""Every page over a real chain: it has what the tables have, and what is hostile stays text."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import re

import psycopg
import pytest

from models.errors import ConfigError

PAGES = (
    "/", "/strategies", "/strategies/rsi_reversion", "/assessment", "/data", "/models", "/orders", "/risk", "/costs",
)  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("path", PAGES)
def test_page_opens_by_the_reader_alone(viewer, small_chain, monkeypatch, path):
    from airflow.models import Connection

    reader = {"quant_reader": Connection(uri=small_chain.reader.replace("postgresql://", "postgres://", 1))}
    monkeypatch.setattr(Connection, "get_connection_from_secrets", classmethod(lambda cls, name: reader[name]))
    answer = viewer.get(path)
    assert answer.status_code == 200, answer.text
    assert "</main>" in answer.text


def test_overview_shows_the_equity_of_the_tables(viewer, small_chain):
    with psycopg.connect(small_chain.reader) as connection:
        equity = connection.execute(
            "SELECT equity_usd FROM account_snapshots ORDER BY session_date DESC LIMIT 1"
        ).fetchone()[0]
    assert f"{equity:,.2f} USD" in viewer.get("/").text


def test_an_order_leads_to_its_fill_and_its_bar(viewer, small_chain):
    with psycopg.connect(small_chain.reader) as connection:
        number, fill, close = connection.execute(
            "SELECT o.client_order_id, f.broker_fill_id, b.close FROM orders o JOIN fills f ON f.order_id = o.id "
            "JOIN market_data b ON b.symbol = o.symbol AND b.date = o.session_date "
            "WHERE o.order_type = 'market' ORDER BY o.id LIMIT 1"
        ).fetchone()
    page = viewer.get(f"/orders/{number}").text
    assert fill in page
    assert f"{close:,.2f}" in page
    assert number in viewer.get("/orders?page=1").text or "Older" in viewer.get("/orders").text


SIGNED = "(f.price - {}) * f.quantity * CASE WHEN f.side = 'buy' THEN 1 ELSE -1 END"


def test_costs_are_what_the_fills_say(viewer, small_chain):
    """Against the typical price by a statement of its own; the sums on the page are those of its lines."""
    with psycopg.connect(small_chain.reader) as connection:
        told, plain = connection.execute(
            "SELECT (SELECT sum(average_cost_usd) FROM fill_costs), "
            f"sum({SIGNED.format('(b.high + b.low + b.close)::numeric / 3')}) FROM fills f "
            "JOIN market_data b ON b.symbol = f.symbol AND b.date = f.session_date"
        ).fetchone()
    assert float(told) == pytest.approx(float(plain), abs=1e-3) and told
    page = viewer.get("/costs?since=2000-01-01").text
    assert f"{told:,.2f} USD" in page and "vendor gives no volume-weighted one" in page
    assert "typical price</td>" in page and "VWAP</td>" not in page
    assert 'href="/costs?since=2000-01-01&amp;symbol=MSFT"' in page


def test_a_fill_is_held_against_its_vendors_average_and_says_where_there_is_none(as_role, over, chained):
    """Given for Microsoft alone; one that lies outside its bar measures nothing."""
    given = "(b.high + 2 * b.low) / 3"
    with psycopg.connect(chained.owner) as connection:
        connection.execute(
            "INSERT INTO session_vwaps (symbol, date, source, batch_id, vwap, known_at) "
            f"SELECT symbol, date, source, batch_id, {given}, known_at FROM market_data b WHERE symbol = 'MSFT'"
        )
        odd = connection.execute(
            "SELECT symbol, session_date FROM fills WHERE symbol = 'MSFT' ORDER BY session_date LIMIT 1"
        ).fetchone()
        connection.execute(
            "INSERT INTO session_vwaps (symbol, date, source, batch_id, vwap, known_at) "
            "SELECT symbol, date, source, batch_id + 1, high + 1, known_at FROM market_data "
            "WHERE (symbol, date) = (%s, %s)",
            odd,
        )
        is_given = "f.symbol = 'MSFT' AND f.session_date <> %(odd)s"
        price = f"CASE WHEN {is_given} THEN {given} ELSE (b.high + b.low + b.close) / 3 END::numeric"
        count, given_to, cost = connection.execute(
            f"SELECT count(*), count(*) FILTER (WHERE {is_given}), sum({SIGNED.format(price)}) FROM fills f "
            "JOIN market_data b ON b.symbol = f.symbol AND b.date = f.session_date",
            {"odd": odd[1]},
        ).fetchone()
    assert 0 < given_to < count
    over(chained)
    client = as_role("viewer")
    page = client.get("/costs?since=2000-01-01").text
    assert f"{cost:,.2f} USD" in page
    told = " ".join(re.sub("<[^>]+>", "", page).split())
    assert f"The average of {given_to:,} fills is the volume-weighted one" in told
    assert f"of the other {count - given_to:,} it is the typical price" in told
    saved = list(csv.DictReader(io.StringIO(client.get("/costs.csv").text)))
    assert len(saved) == count
    assert sum(float(r["average_cost_usd"]) for r in saved) == pytest.approx(float(cost), abs=1e-3)
    kinds = {(r["symbol"] == "MSFT" and r["session_date"] != str(odd[1]), r["average_kind"]) for r in saved}
    assert kinds == {(True, "VWAP"), (False, "typical price")}


def test_overview_says_which_stage_has_not_run(as_role, over, chained):
    with psycopg.connect(chained.owner) as connection:
        connection.execute(
            "DELETE FROM stage_runs WHERE stage = 'risk_execution' AND session_date = "
            "(SELECT max(session_date) FROM stage_runs)"
        )
    over(chained)
    assert "risk_execution has not run" in as_role("viewer").get("/").text


def test_hostile_names_are_text(as_role, over, chained):
    with psycopg.connect(chained.owner) as connection:
        connection.execute("UPDATE orders SET reason = %s", [HOSTILE])
        connection.execute("UPDATE risk_decisions SET reason = %s WHERE decision = 'reduced'", [HOSTILE])
        number = connection.execute("SELECT client_order_id FROM orders ORDER BY id LIMIT 1").fetchone()[0]
    over(chained)
    client = as_role("viewer")
    page = client.get(f"/orders/{number}").text
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/strategies/no_such_model", 404),
        ("/strategies/..%2f..%2fetc", 404),
        ("/orders/AAAA", 422),
        ("/orders?symbol=a'b", 422),
        ("/orders?page=0", 422),
        ("/?session=yesterday", 422),
        ("/assessment?run=99999", 200),
        ("/assessment/cell?run=1&trial=1&scenario=%00", 422),
    ],
)
def test_wrong_addresses_are_explained(viewer, path, status):
    answer = viewer.get(path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_an_empty_database_says_what_to_do(as_role, over, database):
    over(database)
    assert "data_ingestion" in as_role("viewer").get("/").text


def test_what_the_server_has_loaded_is_left_out_of_garbage_collection(viewer):
    from plugins.web import guard

    guard._settle.cache_clear()  # as in a server that has just started
    gc.unfreeze()
    viewer.get("/")
    assert gc.get_freeze_count() > 100_000


def test_no_cell_becomes_a_formula():
    from plugins.web.rendering import table_csv

    text = table_csv("x", [{"a": "=1+1", "b": "-5", "c": -5, "d": "\n=2"}]).body.decode()
    assert "'=1+1,'-5,-5,\"'\n=2\"" in text


def test_figures_of_a_sentence_lead_to_their_rows_and_stay_text():
    from plugins.web.rendering import templates

    linked = templates.filters["linked"]
    said = str(linked("<b>lost 12.5% since 2005-12-30, 1,204 rows, 95 %: alpha158 v1.2.3.", "/x?a=1&b=2"))
    assert re.findall(r">([^<]+)</a>", said) == ["12.5%", "1,204", "95 %"]
    assert said.startswith("&lt;b&gt;lost ") and said.count('href="/x?a=1&amp;b=2"') == 3
    assert said.count('tabindex="-1"') == 2  # the keyboard stops once


def test_a_column_is_written_alike_and_small_figures_are_not_nothing():
    from plugins.web.pages.behind import Table
    from plugins.web.rendering import cells

    table = Table("t", "T", [
        {"open": 28.0, "close": 28.045, "volume": 5.0, "cash_usd": 1.2345, "value": 2e-6, "names": ["A", "B"]},
        {"open": 27.5, "close": 27.5, "volume": 7.0, "cash_usd": 2, "value": 3, "names": []},
    ])  # fmt: skip
    kinds = table.kinds("")
    shown = [[text for _, _, text, _, _ in cells(line, table.keys, kinds, "")] for line in table.found]
    assert shown == [["28.00", "28.045", "5", "1.23", "2e-06", None], ["27.50", "27.500", "7", "2.00", "3", None]]
    assert kinds["names"] == "names"


def test_headings_count_only_where_there_may_be_more():
    from plugins.web.rendering import natural, newest

    assert newest("Fills", [1, 2], 3) == "Fills" and newest("Fills", [1, 2, 3], 3) == "Fills, newest 3"
    assert [name for name, _ in natural({"ma10": 1, "ma5": 2, "kup": 3})] == ["kup", "ma5", "ma10"]


def test_orders_are_chosen_by_the_states_there_are(viewer, small_chain):
    with psycopg.connect(small_chain.reader) as connection:
        states = connection.execute("SELECT state, count(*) FROM orders GROUP BY state ORDER BY state").fetchall()
        total = connection.execute("SELECT count(*) FROM orders").fetchone()[0]
    page = viewer.get("/orders").text
    offered = re.findall(r'<option value="(\w+)">[^<]*\((\d+)\)', page)
    assert offered == [(state, str(count)) for state, count in states] and states
    assert f'data-of="{total}"' in page and total > 50
    assert f'<option value="{states[0][0]}" selected>' in viewer.get(f"/orders?state={states[0][0]}").text


def test_an_assessment_without_results_says_why(as_role, over, chained, small_settings):
    from plugins.backtest.assessment_run import Asked, run_here

    with contextlib.suppress(ConfigError):
        run_here(chained.writer, small_settings, Asked(strategies=("no_such_rule",), scenarios=("full period",)))
    over(chained)
    page = as_role("viewer").get("/assessment").text
    assert "It holds no results" in page and "no such strategy" in page and 'class="heat' not in page


def test_what_was_not_compared_with_the_benchmark_is_not_said_to_lose(as_role, over, chained, small_settings):
    from plugins.backtest.assessment_run import Asked, run_here
    from plugins.backtest.ranking import rank_run

    def beats(*strategies):
        run_here(chained.writer, small_settings, Asked(strategies=strategies, scenarios=("full period",)))
        with psycopg.connect(chained.reader) as connection:
            newest = connection.execute("SELECT max(id) FROM backtest_runs").fetchone()[0]
        rank_run(chained.writer, newest)
        page = client.get(f"/assessment?run={newest}").text
        told = client.get(f"/api/v1/rankings?run={newest}").json()
        assert {r["beats_benchmark"] for r in told} <= ({True, False} if "buy_and_hold" in strategies else {None})
        rows = re.findall(r"<tr>.*?</tr>", page[page.index('id="ranking"') : page.index('id="scenarios"')], re.S)[1:]
        return [re.findall(r"<td[^>]*>([^<]*)</td>", row)[-1].strip() for row in rows]

    over(chained)
    client = as_role("viewer")
    assert beats("golden_cross", "dual_momentum") == ["–", "–"]
    assert set(beats("golden_cross", "buy_and_hold")) <= {"yes", "no"}
