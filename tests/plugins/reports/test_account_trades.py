"""The account's best, worst and newest trades: those of a book kept by hand, listed in no time however many."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict

import psycopg
import pytest

from data_layer.storage.database import load_sql
from plugins.reports.sheet import write_sheets
from tests.support.chain import query
from tests.support.files_home import D

FILLS = (
    "SELECT f.*, f.price::float8 AS paid, f.id AS number FROM fills f JOIN orders o ON o.id = f.order_id "
    "ORDER BY f.session_date, o.order_type <> 'market', f.id"
)
SPLITS = "SELECT symbol, ex_date, value::float8 AS ratio FROM corporate_actions WHERE action_type = 'split'"
# Two in three of 120,000 fills over 5,400 sessions close something.
MANY = """
    INSERT INTO fills (broker_fill_id, order_id, account_id, session_date, symbol, side, quantity, price,
                       commission_usd, slippage_usd)
    SELECT 'many-' || n, 1, 'big', DATE '2000-01-03' + n / 22, 'S' || n % 400, 'sell', 1 + n % 100, 50, 0, 0
    FROM generate_series(1, 120000) n;
    INSERT INTO ledger_entries (account_id, transaction_key, session_date, kind, ledger_account, symbol, amount_usd)
    SELECT 'big', 'fill:many-' || n, DATE '2000-01-03' + n / 22, 'fill', a, 'S' || n % 400,
           CASE a WHEN 'cash' THEN 50 WHEN 'securities' THEN -50 - hashint4(n) % 1000 ELSE hashint4(n) % 1000 END
    FROM generate_series(1, 120000) n, unnest(ARRAY['cash', 'securities', 'realized_pnl']) a
    WHERE a <> 'realized_pnl' OR n % 3 > 0;
    ANALYZE ledger_entries; ANALYZE fills"""


def by_hand(database) -> list[dict]:
    """What each fill realized at average cost, from the fills and splits alone."""
    splits, held, cost, found = query(database.reader, SPLITS), defaultdict(float), defaultdict(float), []
    for fill in query(database.reader, FILLS):
        name, day = fill["symbol"], fill["session_date"]
        for split in splits:
            if split["symbol"] == name and split["ex_date"] <= day and not split.get("done"):
                split["done"] = True
                held[name] *= split["ratio"]
        signed = fill["quantity"] if fill["side"] == "buy" else -fill["quantity"]
        closing = min(abs(held[name]), abs(signed)) if held[name] * signed < 0 else 0.0
        if closing:
            basis = cost[name] * closing / abs(held[name])
            gain = closing * fill["paid"] * (1 if signed < 0 else -1) - basis
            found.append({**fill, "gain": gain})
            cost[name] -= basis
        cost[name] += (abs(signed) - closing) * fill["paid"] * (1 if signed > 0 else -1)
        held[name] += signed
    return found


@pytest.mark.parametrize("span", [{}, {"first": D("2004-06-01"), "last": D("2005-06-30")}])
def test_trades_of_the_account_are_those_of_a_book_kept_by_hand(small_chain, tmp_path, span):
    (page,) = write_sheets(small_chain.reader, tmp_path, model="account", risk_free_rate=0.02, **span)
    told = json.loads(page.with_suffix(".json").read_text())["trades"]
    first, last = span.get("first", D("1900-01-01")), span.get("last", D("2100-01-01"))
    closed = [f for f in by_hand(small_chain) if first <= f["session_date"] <= last]
    gains = sorted(f["gain"] for f in closed)
    assert len(closed) > 25 and gains[0] < 0 < gains[-1]
    assert [t["realized_usd"] for t in told["best"]] == pytest.approx(gains[:-11:-1], abs=1e-3)
    assert [t["realized_usd"] for t in told["worst"]] == pytest.approx(gains[:10], abs=1e-3)
    newest = [t["closed"] for t in told["newest"]]
    assert newest == sorted((str(f["session_date"]) for f in closed), reverse=True)[:10]
    fills = {(f["symbol"], str(f["session_date"]), f["quantity"], f["side"]): f for f in closed}
    sides = {"sold": "sell", "bought back": "buy"}
    for name in ("best", "worst", "newest"):
        assert len(told[name]) == 10
        for trade in told[name]:
            own = fills[trade["symbol"], trade["closed"], trade["shares"], sides[trade["by"]]]
            assert trade["price_usd"] == own["paid"]
            assert trade["realized_usd"] == pytest.approx(own["gain"], abs=1e-3)
    text = page.read_text()
    lists = re.findall(r"<h2>([^<]*) trades, realized USD</h2>", text)
    assert lists == ["Best", "Worst", "Newest closed"]
    shown = told["best"][0]
    assert f">{shown['realized_usd']:,.2f}</td>" in text and f">{shown['shares']:,}</td>" in text


def test_trades_of_a_large_account_are_listed_in_no_time(chained):
    with psycopg.connect(chained.owner) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(MANY)
    asked = {"account": "big", "first": D("1900-01-01"), "last": D("2100-01-01"), "count": 10}
    took = []
    for _ in range(3):
        began = time.perf_counter()
        rows = query(chained.reader, load_sql("reports/select_closings"), asked)
        took.append(time.perf_counter() - began)
    assert [sum(r["list"] == name for r in rows) for name in ("best", "worst", "newest")] == [10, 10, 10]
    print(f"{min(took):.3f} s")
    assert min(took) < 1.0  # a seventh of a second where nothing else runs
