"""Lots are paired as pyfolio pairs round trips, through zero and across splits; an order knows where it came from."""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from decimal import Decimal

import pandas as pd
import pyfolio.round_trips as pyfolio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.storage.database import transaction
from tests.support.chain import query
from tests.support.prepared import prepared
from tests.support.rows import insert

__all__ = ["prepared"]
DAY = dt.date(2005, 1, 3)
ACCOUNT = "INSERT INTO accounts (id, broker, initial_cash_usd) VALUES ('a', 'simulated', 1000)"


@pytest.fixture(scope="module")
def database(copy_database):
    return copy_database("quant_data")


def write(connection, trades, splits=()):
    """Write fills as (session, side, quantity, price), a session each, past what ties them to orders."""
    connection.execute("SET LOCAL session_replication_role = replica")
    connection.execute(ACCOUNT)
    columns = "client_order_id, risk_decision_id, account_id, session_date, symbol, side, quantity, reference_price, " \
        "payload_hash, decision_hash"  # fmt: skip
    connection.execute("ALTER TABLE orders DROP CONSTRAINT IF EXISTS orders_payload_hash")
    connection.execute(
        f"INSERT INTO orders ({columns}) VALUES (repeat('A', 32), 1, 'a', '2005-01-01', 'X', 'buy', 1, 1, '', '')"
    )
    for at, (session, side, quantity, price) in enumerate(trades):
        connection.execute(
            "INSERT INTO fills (broker_fill_id, order_id, account_id, session_date, symbol, side, quantity, price, "
            "commission_usd, slippage_usd) SELECT %s, max(id), 'a', %s, 'X', %s, %s, %s, 0, 0 FROM orders",
            [f"{at:05}", session, side, quantity, price],
        )
    for day, ratio in splits:
        connection.execute(
            "INSERT INTO corporate_actions (symbol, ex_date, action_type, value, inferred, source, batch_id, known_at) "
            "VALUES ('X', %s, 'split', %s, false, 'x', 1, '2000-01-01')", [day, ratio]
        )  # fmt: skip
    connection.execute(
        "INSERT INTO account_snapshots (account_id, session_date, cash_usd, securities_usd, equity_usd, "
        "gross_exposure_usd, net_exposure_usd) VALUES ('a', '2006-01-03', 0, 0, 0, 0, 0)"
    )
    return connection.execute("SELECT * FROM position_lots ORDER BY opened_session, closed_session").fetchall()


fills = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 40), st.integers(100, 9900)), min_size=1, max_size=20
)


@settings(deadline=None, max_examples=60)
@given(fills)
def test_round_trips_are_pyfolios(database, drawn):
    trades = [(DAY + dt.timedelta(at), side, n, Decimal(p) / 100) for at, (side, n, p) in enumerate(drawn)]
    with transaction(database.owner) as connection:
        lots = write(connection, trades)
        connection.rollback()
    signed = [n if side == "buy" else -n for _, side, n, _ in trades]
    frame = pd.DataFrame(
        {"amount": signed, "price": [float(p) for *_, p in trades], "symbol": "X"},
        index=pd.DatetimeIndex([pd.Timestamp(day) for day, *_ in trades]),
    )
    closed, opened = defaultdict(Decimal), {}
    for lot in lots:
        if lot["closed_by"] is not None:
            closed[lot["closed_session"]] += lot["realized_usd"]
            opened.setdefault(lot["closed_session"], (lot["opened_session"], lot["side"]))
    held = sum(x["shares"] * (1 if x["side"] == "long" else -1) for x in lots if x["closed_by"] is None)
    assert held == sum(signed)
    if not closed:
        return
    theirs = pyfolio.extract_round_trips(frame)
    assert {r.close_dt.date(): round(r.pnl, 6) for r in theirs.itertuples()} == {
        day: round(float(profit), 6) for day, profit in closed.items()
    }
    assert {r.close_dt.date(): (r.open_dt.date(), "long" if r.long else "short") for r in theirs.itertuples()} == opened


def test_a_split_changes_the_shares_of_a_lot_and_not_its_profit(database):
    trades = [(DAY, "buy", 10, 30), (DAY + dt.timedelta(5), "sell", 15, 12)]
    with transaction(database.owner) as connection:
        closed, rest = write(connection, trades, [(DAY + dt.timedelta(2), 2)])
        connection.rollback()
    assert (closed["shares"], closed["open_price"], closed["realized_usd"]) == (15, 15, -45)
    assert (rest["shares"], rest["closed_by"]) == (5, None)


def test_a_fraction_too_small_to_be_paid_leaves_its_lot(database):
    """Half a cent is nothing: the split has no leg of cash then, and the holding is whole all the same."""
    day, ex_date = DAY + dt.timedelta(1), DAY + dt.timedelta(2)
    with transaction(database.owner) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        insert(connection, "positions", account_id="a", session_date=day, symbol="X", quantity=10, cost_basis_usd=300,
               average_cost=30, price=30, price_date=day, market_value_usd=300, unrealized_pnl_usd=0,
               realized_pnl_usd=0)  # fmt: skip
        for account, usd in (("securities", "-0.00003"), ("realized_pnl", "0.00003")):
            insert(connection, "ledger_entries", account_id="a", transaction_key="cash_in_lieu:X", session_date=ex_date,
                   kind="cash_in_lieu", ledger_account=account, symbol="X", amount_usd=usd)  # fmt: skip
        lots = write(connection, [(DAY, "buy", 10, 30)], [(ex_date, Decimal("1.0000001"))])
        connection.rollback()
    assert {(x["shares"], x["closed_by"]) for x in lots} == {(10, None), (Decimal("0.000001"), "cash_in_lieu:X")}


def test_first_in_first_out_and_average_cost_make_the_same_in_sum(prepared):
    """Realised and unrealised together are what was paid and received: no way of pairing changes them."""
    database = prepared("")
    lots = query(
        database.reader,
        "SELECT l.symbol, sum(coalesce(l.realized_usd, CASE l.side WHEN 'long' THEN l.shares ELSE -l.shares END "
        "* (p.price - l.open_price))) AS total, count(*) AS n FROM position_lots l JOIN LATERAL "
        "(SELECT price FROM positions WHERE symbol = l.symbol ORDER BY session_date DESC LIMIT 1) p ON true GROUP BY 1",
    )
    books = query(
        database.reader,
        "SELECT DISTINCT ON (symbol) symbol, realized_pnl_usd + unrealized_pnl_usd AS total FROM positions "
        "ORDER BY symbol, session_date DESC",
    )
    assert sum(row["n"] for row in lots) > 50
    assert {r["symbol"]: round(r["total"], 4) for r in lots} == {r["symbol"]: round(r["total"], 4) for r in books}


def test_an_order_is_followed_back_to_the_vendors_batch(prepared):
    database = prepared("")
    orders = query(
        database.reader,
        "SELECT o.client_order_id, o.order_type FROM orders o JOIN risk_decisions d ON d.id = o.risk_decision_id "
        "WHERE EXISTS (SELECT FROM signals s WHERE (s.session_date, s.symbol) = (d.session_date, d.symbol))",
    )
    some = {row["order_type"]: row["client_order_id"] for row in orders}
    assert some
    took = []
    for order_type, name in some.items():
        began = time.perf_counter()
        rows = query(database.reader, "SELECT * FROM order_lineage WHERE client_order_id = %(n)s", {"n": name})
        took.append(time.perf_counter() - began)
        told = ("decision_id", "target_quantity", "ensemble_score", "model_name", "model_version", "signal_score",
                "feature_set", "features", "bar_version", "batch_id")  # fmt: skip
        assert rows
        for row in rows:
            assert [k for k in told if row[k] is None] == []
            assert row["vendor"] == "sample"
            assert (row["parent"] is None) == (order_type == "market")
        bar = {"s": rows[0]["symbol"], "d": rows[0]["decided_session"]}
        close = query(database.reader, "SELECT close FROM market_data WHERE symbol = %(s)s AND date = %(d)s", bar)
        assert {row["close"] for row in rows} == {close[0]["close"]}
    assert min(took) < 0.5  # milliseconds where nothing else runs
    asked = {"n": some["market"]}
    plan = query(database.reader, "EXPLAIN SELECT * FROM order_lineage WHERE client_order_id = %(n)s", asked)
    lines = [row["QUERY PLAN"] for row in plan if "market_data" in row["QUERY PLAN"]]
    assert lines and all("Index Scan using market_data" in line for line in lines)  # not all bars, on any account
