"""The paper account's books: recomputed from the raw facts by other means, and guarded by the database."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal

import psycopg
import pytest

from models.errors import DataQualityError
from tests.support.books import STAGE, assert_sound, audit, decisions, held, orders, throw
from tests.support.chain import query, run_stage
from tests.support.order_rows import hashes
from tests.support.prepared import DUE, MIDDLE, SPLIT, change, failed_checks, prepared, stopping

__all__ = ["prepared", "stopping"]
FIRST = DUE[0]


def test_an_order_before_a_split_is_sized_in_new_shares(prepared, small_settings):
    database, eve = prepared(STAGE), "2005-02-25"
    # Let the models state no stop and forget the one that has ended AAPL before, so that it is held that day.
    change(database, "UPDATE signals SET stop_loss = NULL")
    change(database, "UPDATE positions SET ended_side = 0")
    run_stage(database.writer, small_settings, STAGE)
    target = query(
        database.reader,
        "SELECT * FROM target_positions WHERE symbol = 'AAPL' AND session_date = %(d)s",
        {"d": eve},
    )[0]
    raw = query(
        database.reader, "SELECT close FROM market_data WHERE symbol = 'AAPL' AND date = %(d)s", {"d": eve}
    )
    assert float(target["reference_price"]) == raw[0]["close"] / 2
    assert target["current_quantity"] == 2 * held(database, eve)["AAPL"] != 0
    traded = [o["signed_quantity"] for o in orders(database, eve) if o["symbol"] == "AAPL"]
    assert traded == [target["target_quantity"] - target["current_quantity"]]
    assert held(database, SPLIT)["AAPL"] == target["target_quantity"]
    assert "check_positions_equal_fills" not in failed_checks(database.reader)


def test_an_order_without_a_bar_expires(prepared, small_settings):
    database = prepared(STAGE)
    gone = (
        "WITH gone AS (DELETE FROM market_data WHERE symbol = 'MSFT' AND date = %(d)s RETURNING batch_id) "
        "UPDATE ingestion_batches b SET received = received - 1, accepted = accepted - 1 FROM gone "
        "WHERE b.id = batch_id"
    )
    change(database, gone, {"d": DUE[1]})
    run_stage(database.writer, small_settings, STAGE)
    order = next(o for o in orders(database, FIRST) if o["symbol"] == "MSFT")
    assert (order["state"], order["filled_quantity"]) == ("expired", 0)
    assert order["reason"] == f"no bar for MSFT on {DUE[1]}"
    assert {"symbol": "MSFT", "payload": {"reason": order["reason"]}} in audit(
        database, "execution.blocked", DUE[1]
    )
    assert held(database, DUE[1])["MSFT"] == held(database, FIRST)["MSFT"]
    last = query(
        database.reader,
        "SELECT price_date FROM positions WHERE symbol = 'MSFT' AND session_date = %(d)s",
        {"d": DUE[1]},
    )
    assert str(last[0]["price_date"]) == FIRST
    noted = query(
        database.reader,
        "SELECT detail -> 'warnings' AS w FROM stage_runs WHERE stage = %(s)s AND model = '' "
        "AND session_date = %(d)s",
        {"s": STAGE, "d": DUE[1]},
    )
    assert noted[0]["w"] == [f"no close for MSFT on {DUE[1]}: the holding stays"]
    assert_sound(database, small_settings)


def test_the_limits_shipped_can_be_evaluated_from_a_symbols_sixtieth_session_on(prepared):
    rows = query(
        prepared("").reader,
        "SELECT d.reason LIKE '%%cannot be evaluated%%' AS lacks, count(*) AS bars FROM risk_decisions d "
        "JOIN market_data b ON b.symbol = d.symbol AND b.date <= d.session_date GROUP BY d.id",
    )
    assert {r["lacks"] for r in rows if r["bars"] < 60} == {True}
    assert {r["lacks"] for r in rows if r["bars"] >= 60} == {False}


def test_dividends_are_credited_to_the_cent(small_chain):
    """What was held the evening before, times the dividend, and nothing else."""
    database = small_chain
    due = query(
        database.reader,
        "SELECT a.symbol, a.ex_date, a.value, p.quantity FROM corporate_actions a "
        "JOIN positions p ON p.symbol = a.symbol AND p.session_date = "
        "(SELECT max(session_date) FROM positions WHERE session_date < a.ex_date) "
        "WHERE a.action_type = 'dividend' AND p.quantity <> 0",
    )
    paid = query(
        database.reader,
        "SELECT symbol, session_date, ledger_account, amount_usd FROM ledger_entries WHERE kind = 'dividend'",
    )
    expected = set()
    for row in due:
        amount = (row["value"] * row["quantity"]).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        expected |= {
            (row["symbol"], row["ex_date"], "cash", amount),
            (row["symbol"], row["ex_date"], "dividend", -amount),
        }
    assert due
    assert {tuple(row.values()) for row in paid} == expected


def test_equity_recomputed_in_plain_python(prepared):
    """From fills, actions and raw closes alone, without any of the code that keeps the books."""
    database = prepared("")
    fills, actions, closes = defaultdict(list), defaultdict(list), defaultdict(dict)
    for row in query(database.reader, "SELECT * FROM fills"):
        fills[row["session_date"]].append(row)
    for row in query(database.reader, "SELECT * FROM corporate_actions ORDER BY action_type DESC"):
        actions[row["ex_date"]].append(row)
    for row in query(database.reader, "SELECT symbol, date, close FROM market_data"):
        closes[row["date"]][row["symbol"]] = Decimal(str(row["close"]))
    cash, shares, prices = Decimal(100_000), defaultdict(int), {}
    snapshots = query(database.reader, "SELECT * FROM account_snapshots ORDER BY session_date")
    for snapshot in snapshots:
        day = snapshot["session_date"]
        lent = sum(-n * prices[s] for s, n in shares.items() if n < 0) - min(cash, 0)
        cash -= lent * Decimal("0.03") / 252
        for action in actions[day]:  # the split before the dividend
            if action["action_type"] == "split":
                shares[action["symbol"]] = int(shares[action["symbol"]] * action["value"])
            else:
                cash += round(shares[action["symbol"]] * action["value"], 2)
        for fill in fills[day]:
            sign = 1 if fill["side"] == "buy" else -1
            shares[fill["symbol"]] += sign * fill["quantity"]
            cash -= sign * fill["quantity"] * fill["price"] + fill["commission_usd"]
        prices |= closes[day]
        equity = cash + sum(shares[s] * prices[s] for s in prices)
        assert round(equity, 2) == round(snapshot["equity_usd"], 2), day
        assert round(cash, 2) == round(snapshot["cash_usd"], 2), day
    assert len(snapshots) > 290
    assert len({s["equity_usd"] for s in snapshots}) > 200


def test_fills_are_at_the_open_or_the_stop_after_slippage(stopping):
    rows = query(
        stopping("").reader,
        "SELECT f.side, f.price, f.quantity, f.commission_usd, b.open, b.high, b.low, o.stop_price FROM fills f "
        "JOIN orders o ON o.id = f.order_id "
        "JOIN market_data b ON b.symbol = f.symbol AND b.date = f.session_date",
    )
    stopped = [r for r in rows if r["stop_price"]]
    assert len(rows) > 100 < 100 + len(stopped)
    for row in rows:
        worse = 1 if row["side"] == "buy" else -1
        at = row["open"]
        if row["stop_price"]:
            assert (
                row["low"] <= float(row["stop_price"])
                if worse < 0
                else row["high"] >= float(row["stop_price"])
            )
            at = worse * max(worse * at, worse * float(row["stop_price"]))
        assert float(row["price"]) == pytest.approx(at * (1 + worse * 0.0005), abs=0.0001)
        assert row["commission_usd"] == max(Decimal("1.00"), round(row["quantity"] * Decimal("0.005"), 2))


def test_the_database_refuses_an_order_without_an_approved_decision(prepared, small_settings):
    database = prepared(STAGE)
    throw(database)
    run_stage(database.writer, small_settings, STAGE, end=FIRST)
    refused = decisions(database, FIRST)[0]
    row = {"id": refused["id"], "symbol": refused["symbol"], "day": FIRST}
    values = {"client_order_id": "A" * 32, "symbol": refused["symbol"], "session_date": FIRST, "side": "buy",
              "account_id": "paper"}  # fmt: skip
    for quantity in (1, abs(refused["requested_quantity"])):
        with (
            pytest.raises(psycopg.errors.ForeignKeyViolation),
            psycopg.connect(database.writer) as connection,
        ):
            connection.execute(
                "INSERT INTO orders (client_order_id, risk_decision_id, account_id, session_date, symbol, "
                "side, quantity, reference_price, payload_hash, decision_hash) "
                "VALUES (repeat('A', 32), %(id)s, 'paper', %(day)s, %(symbol)s, 'buy', %(quantity)s, 10, "
                "%(payload_hash)s, %(decision_hash)s)",
                {**row, "quantity": quantity, **hashes(values | {"quantity": quantity}, 0)},
            )


def test_the_database_refuses_an_unbalanced_transaction(prepared):
    database = prepared("")
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(database.writer) as connection:
        connection.execute(
            "INSERT INTO ledger_entries "
            "(account_id, transaction_key, session_date, kind, ledger_account, amount_usd) "
            "VALUES ('paper', 'x', '2005-03-04', 'deposit', 'cash', 5), "
            "('paper', 'x', '2005-03-04', 'deposit', 'capital', -4)"
        )


SMUGGLED = {
    "a target": "INSERT INTO target_positions "
    "(account_id, session_date, symbol, score, target_weight, target_quantity, current_quantity, "
    "reference_price) VALUES ('paper', '2005-02-25', 'ZZZ', 0, 0, 0, 0, 1)",
    "a ledger transaction": "INSERT INTO ledger_entries (account_id, transaction_key, session_date, kind, "
    "ledger_account, amount_usd) VALUES ('paper', 'x', '2005-02-25', 'deposit', 'cash', 5), "
    "('paper', 'x', '2005-02-25', 'deposit', 'capital', -5)",
    "a position": "INSERT INTO positions "
    "(account_id, session_date, symbol, quantity, cost_basis_usd, price_date, "
    "market_value_usd, unrealized_pnl_usd, realized_pnl_usd) "
    "VALUES ('paper', '2005-02-25', 'ZZZ', 1, 1, '2005-02-25', 1, 0, 0)",
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_verifying_finds_rows_nobody_decided(prepared, small_settings, what):
    database = prepared("")
    change(database, SMUGGLED[what])
    with pytest.raises(DataQualityError, match=r"stored rows differ.*stored rows are not computed"):
        run_stage(database.writer, small_settings, STAGE, start="2005-02-25")


def test_without_the_books_of_the_session_before_nothing_is_decided(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "DELETE FROM account_snapshots WHERE session_date = %(d)s", {"d": MIDDLE})
    with pytest.raises(DataQualityError, match=f"no snapshot at the close before.*{MIDDLE}"):
        run_stage(database.writer, small_settings, STAGE)
    assert orders(database, *DUE) == []


def test_a_share_that_has_left_the_market_is_paid_out_at_its_last_close(prepared, small_settings):
    database = prepared(STAGE)
    some = "SELECT symbol, market_value_usd FROM positions WHERE session_date = %(d)s AND quantity <> 0 LIMIT 1"
    (kept,) = query(database.reader, some, {"d": MIDDLE})
    gone = {"s": kept["symbol"], "d": MIDDLE, "known": DUE[0]}
    left = "UPDATE trading_universe SET active_to = %(d)s, known_at = %(known)s WHERE symbol = %(s)s"
    change(database, left, gone)
    never = "WITH n AS (DELETE FROM market_data WHERE symbol = %(s)s AND date > %(d)s RETURNING batch_id) " \
        "UPDATE ingestion_batches b SET received = received - k, accepted = accepted - k " \
        "FROM (SELECT batch_id, count(*) AS k FROM n GROUP BY 1) f WHERE b.id = f.batch_id"  # fmt: skip
    assert change(database, never, gone) == 1
    run_stage(database.writer, small_settings, STAGE)
    paid = "SELECT session_date::text AS d, amount_usd FROM ledger_entries " \
        "WHERE kind = 'delisting' AND ledger_account = 'cash'"  # fmt: skip
    assert [tuple(r.values()) for r in query(database.reader, paid)] == [(DUE[0], kept["market_value_usd"])]
    still = "SELECT FROM positions WHERE symbol = %(s)s AND session_date > %(d)s AND quantity <> 0"
    assert query(database.reader, still, gone) == []
    lot = "SELECT count(*) AS n FROM position_lots WHERE symbol = %(s)s AND closed_by LIKE 'delisting:%%'"
    assert query(database.reader, lot, gone)[0]["n"] > 0
    assert query(database.reader, "SELECT FROM backtest_parity WHERE difference_usd <> 0") == []
    assert_sound(database, small_settings)
