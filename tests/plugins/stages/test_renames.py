"""FB becomes META on 2022-06-09: one history for who knows of it, the old ticker for who did not yet."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_layer.features.compute import compute
from data_layer.sessions import close_times, sessions_between
from plugins.stages.knowledge import bars_as_of, join_renamed
from tests.support.chain import run_chain, run_stage
from tests.support.features import bits, stored
from tests.support.files_home import D, open_home
from tests.support.prepared import EAGER, change, failed_checks

FIRST, EVE, DAY, LAST = "2022-03-01", "2022-06-08", "2022-06-09", "2022-06-17"
DAYS = sessions_between(D(FIRST), D(LAST))


def walk(seed):
    rng = np.random.default_rng(seed)
    close = (100 * np.exp(np.cumsum(rng.normal(0, 0.02, len(DAYS))))).round(2)
    opened = (close * np.exp(rng.normal(0, 0.005, len(DAYS)))).round(2)
    return pd.DataFrame({
        "date": DAYS, "open": opened, "high": np.maximum(opened, close) + 0.5,
        "low": np.minimum(opened, close) - 0.5, "close": close, "volume": rng.integers(1e6, 2e6, len(DAYS)),
        "dividend": 0.0, "split_ratio": 1.0,
    })  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    """The share as META all along, IBM beside it, and a dividend of the share before its rename."""
    both = pd.concat([walk(1).assign(symbol="META"), walk(2).assign(symbol="IBM")], ignore_index=True)
    both.loc[(both["symbol"] == "META") & (both["date"] == D("2022-05-02")), "dividend"] = 0.5
    return both


def of_the_day(rows):
    old = (rows["symbol"] == "META") & (rows["date"] < D(DAY))
    return rows.assign(symbol=rows["symbol"].mask(old, "FB"))


@pytest.fixture(scope="module")
def chained_home(copy_database, tmp_path_factory, rows):
    home = open_home(copy_database("quant_data"), tmp_path_factory.mktemp("renamed"), of_the_day(rows))
    change(home, EAGER)
    run_chain(home.uri, home.settings)
    return home


def close(day):
    return close_times([D(day)])[D(day)]


def test_the_rename_is_known_from_its_first_close(chained_home):
    held = chained_home.query("SELECT old_symbol, new_symbol, effective, known_at FROM symbol_changes")
    assert held == [("FB", "META", D(DAY), close(DAY))]
    names = {}
    for session in (EVE, DAY):
        names[session] = set(bars_as_of(chained_home.uri, D(session), close(session))["symbol"])
    assert names == {EVE: {"FB", "IBM"}, DAY: {"META", "IBM"}}
    early = bars_as_of(chained_home.uri, D(DAY), close(DAY) - dt.timedelta(microseconds=1))
    assert set(early["symbol"]) == {"FB", "IBM"}


def test_features_have_one_history(chained_home, rows):
    home = chained_home
    found = stored(home.uri, until=LAST)
    assert set(found.loc[found["date"] < pd.Timestamp(DAY), "symbol"]) == {"FB", "IBM"}
    assert set(found.loc[found["date"] >= pd.Timestamp(DAY), "symbol"]) == {"META", "IBM"}
    one = bars_as_of(home.uri, D(LAST), close(LAST))
    assert one["symbol"].value_counts().to_dict() == {"IBM": len(DAYS), "META": len(DAYS)}
    assert one.loc[one["symbol"] == "META", "return_factor"].iloc[-1] > 1  # FB's dividend is META's
    plain = compute(one)
    for symbol, ticker, days in (("META", "META", plain["date"] >= pd.Timestamp(DAY)),
                                 ("META", "FB", plain["date"] < pd.Timestamp(DAY))):  # fmt: skip
        expected = plain[(plain["symbol"] == symbol) & days].iloc[:, 2:].to_numpy()
        assert (bits(found.loc[found["symbol"] == ticker, "values"]) == bits(expected)).all()


def test_signals_and_books_go_on_under_the_new_ticker(chained_home):
    home = chained_home
    held = home.query(
        "SELECT session_date, symbol, quantity FROM positions WHERE session_date IN (%(a)s, %(b)s) "
        "AND symbol IN ('FB', 'META') ORDER BY 1", a=EVE, b=DAY,
    )  # fmt: skip
    assert [row[:2] for row in held] == [(D(EVE), "FB"), (D(DAY), "META")]
    orders = home.query("SELECT symbol, signed_quantity, state FROM orders WHERE session_date = %(d)s", d=EVE)
    ordered = sum(q for s, q, state in orders if s == "FB" and state == "filled")
    assert held[1][2] == held[0][2] + ordered != 0
    assert home.query(
        "SELECT count(*) FROM signals WHERE symbol = 'FB' AND session_date >= %(d)s", d=DAY
    ) == [(0,)]
    assert failed_checks(home.uri) == []
    universe = (
        "SELECT active_from, active_to, renamed_to FROM trading_universe WHERE symbol = ANY(%(s)s) ORDER BY 1"
    )
    assert home.query(universe, s=["FB", "META"]) == [(D(FIRST), D(EVE), "META"), (D(DAY), None, None)]
    lean = (
        "SELECT count(*) FROM performance_reports WHERE NOT warnings[1] LIKE 'the universe holds no symbol%%'"
    )
    assert home.query(lean) == [(0,)]  # a rename is no exit


def test_scores_and_performance_are_those_of_a_share_never_renamed(
    chained_home, copy_database, tmp_path, rows
):
    plain = open_home(copy_database("quant_data"), tmp_path, rows)
    path = tmp_path / "universe.csv"
    path.write_text("symbol,name,sector,active_from,active_to,restricted\nIBM,,,,,\nMETA,,,,,\n")
    plain = replace(plain, settings=replace(plain.settings, universe=str(path)))
    change(plain, EAGER)
    run_chain(plain.uri, plain.settings)
    signals = ("SELECT session_date, replace(symbol, 'FB', 'META') AS s, model_name, score, side FROM signals "
               "JOIN models m ON m.id = model_id ORDER BY 1, 2, 3")  # fmt: skip
    assert chained_home.query(signals) == plain.query(signals)
    figures = (  # sums over shares go in the order of their names: the last bit may be another
        "SELECT run_date, model_name, round(total_return::numeric, 12), total_trades FROM model_performance "
        "JOIN models m ON m.id = model_id ORDER BY 1, 2"
    )
    assert chained_home.query(figures) == plain.query(figures)
    equity = "SELECT session_date, equity_usd FROM account_snapshots ORDER BY 1"
    assert chained_home.query(equity) == plain.query(equity)


def test_session_by_session_stores_the_same(chained_home, copy_database, tmp_path, rows):
    home = open_home(copy_database("quant_data"), tmp_path, of_the_day(rows))
    change(home, EAGER)
    for end in (EVE, LAST):
        run_chain(home.uri, home.settings, end=end)
    one, other = home.hashes(), chained_home.hashes()
    assert {name for name in one if one[name] != other[name]} == set()


def test_a_rename_learnt_late_changes_no_decision(copy_database, tmp_path, rows):
    home = open_home(copy_database("quant_data"), tmp_path, of_the_day(rows))
    none = tmp_path / "changes.csv"
    none.write_text("old,new,effective\n")
    home = replace(home, settings=replace(home.settings, symbol_changes=str(none)))
    change(home, EAGER)
    run_chain(home.uri, home.settings, end="2022-06-14")
    features = (
        "SELECT date, symbol, values::text FROM feature_values WHERE date <= '2022-06-14' "
        "ORDER BY 1, 2, feature_set"
    )
    before = home.query(features)
    none.write_text("old,new,effective\nFB,META,2022-06-09\n")
    run_chain(home.uri, home.settings, end=LAST)
    assert home.query(features) == before
    assert home.query("SELECT known_at > '2022-07-01' FROM symbol_changes") == [(True,)]
    late = stored(home.uri, until=LAST)
    cutoff = home.query(
        "SELECT known_at FROM stage_runs WHERE stage = 'data_ingestion' AND session_date = %(d)s", d=LAST
    )
    whole = compute(bars_as_of(home.uri, D(LAST), cutoff[0][0]))
    last = late[(late["symbol"] == "META") & (late["date"] == pd.Timestamp(LAST))]
    expected = (
        whole[(whole["symbol"] == "META") & (whole["date"] == pd.Timestamp(LAST))].iloc[:, 2:].to_numpy()
    )
    assert (bits(last["values"]) == bits(expected)).all()
    for stage in ("feature_engineering", "model_execution", "risk_execution", "performance_testing"):
        run_stage(home.uri, home.settings, stage, start=EVE, end=LAST)
    assert failed_checks(home.uri) == []


@pytest.mark.parametrize("names", ["A>B B>C", "B>A C>B", "A>B B>A", "A>C B>A C>B"])
def test_renames_of_one_day_hold_at_once(names):
    """Of tickers that are handed on or swapped in one day each share keeps its own history."""
    changes = [(*pair.split(">"), D("2022-01-05")) for pair in names.split()]
    olds = {old: new for old, new, _ in changes}
    frame = pd.DataFrame(
        [(s, pd.Timestamp(day), s) for s in "ABC" for day in ("2022-01-03", "2022-01-05")],
        columns=["symbol", "date", "was"],
    )
    joined = join_renamed(frame, changes)
    before = joined[joined["date"] < "2022-01-05"]
    assert dict(zip(before["was"], before["symbol"], strict=True)) == olds | {
        s: s for s in "ABC" if s not in olds and s not in olds.values()
    }
    after = joined[joined["date"] >= "2022-01-05"]
    assert after["symbol"].to_list() == after["was"].to_list() == list("ABC")


def test_a_ticker_may_be_used_again():
    """A until d1, then B, then C; what traded as B before d1 is another share and left out."""
    days = {"A": ["2022-01-03"], "B": ["2022-01-03", "2022-01-05"], "C": ["2022-01-10"]}
    frame = pd.DataFrame(
        [(s, pd.Timestamp(d)) for s, ds in days.items() for d in ds], columns=["symbol", "date"]
    )
    changes = [("A", "B", D("2022-01-05")), ("B", "C", D("2022-01-10"))]
    joined = join_renamed(frame, changes)
    assert joined["symbol"].to_list() == ["C", "C", "C"]
    assert [d.day for d in joined["date"]] == [3, 5, 10]
