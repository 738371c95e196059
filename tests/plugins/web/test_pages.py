"""Every page over a real chain: it has what the tables have, and what is hostile stays text."""

from __future__ import annotations

import csv
import io

import psycopg
import pytest

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
    told = " ".join(page.split())
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


def test_no_cell_becomes_a_formula():
    from plugins.web.rendering import table_csv

    text = table_csv("x", [{"a": "=1+1", "b": "-5", "c": -5}]).body.decode()
    assert "'=1+1,'-5,-5" in text
