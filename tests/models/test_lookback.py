import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_layer.features.adjustment import forward_factors
from data_layer.sessions import sessions_between
from models.lookback import History

SESSIONS = sessions_between(dt.date(2004, 1, 2), dt.date(2005, 6, 30))
ACTIONS = pd.DataFrame({
    "symbol": ["A", "A", "B", "A"], "ex_date": pd.to_datetime(["2004-11-01", "2004-11-01", "2005-03-01", "2005-06-20"]),
    "action_type": ["split", "dividend", "dividend", "split"], "value": [2.0, 0.5, 1.0, 1.5],
})  # fmt: skip


def bars(gaps=()):
    rng = np.random.default_rng(3)
    frames = []
    for symbol, first in (("A", 0), ("B", 0), ("C", 200)):
        days = [d for i, d in enumerate(SESSIONS) if i >= first and (symbol, i) not in gaps]
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
        frames.append(pd.DataFrame({"symbol": symbol, "date": pd.to_datetime(days), "close": close,
                                    "volume": rng.integers(100, 900, len(days)).astype(float)}))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def history(rows, first=0, last=None):
    axis = SESSIONS[first : None if last is None else last + 1]
    kept = rows[(rows["date"] >= pd.Timestamp(axis[0])) & (rows["date"] <= pd.Timestamp(axis[-1]))]
    return History.from_bars(kept, ACTIONS[ACTIONS["ex_date"] <= pd.Timestamp(axis[-1])], axis)


def test_returns_are_those_of_the_adjustment_factors():
    rows = bars()
    full = rows.assign(open=rows["close"], high=rows["close"], low=rows["close"])
    factored = forward_factors(full.sort_values(["symbol", "date"], ignore_index=True), ACTIONS)
    total = (factored["close"] * factored["return_factor"]).groupby(factored["symbol"])
    expected = total.pct_change().to_numpy().reshape(-1)
    found = history(rows)
    at = {s: i for i, s in enumerate("ABC")}
    row = {d: i for i, d in enumerate(SESSIONS)}
    for symbol, date, value in zip(factored["symbol"], factored["date"], expected, strict=True):
        cell = found.returns[row[date.date()], at[symbol]]
        assert (np.isnan(cell) and np.isnan(value)) or cell == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("gaps", [(), tuple(("B", i) for i in (90, 91, 92, 300, 371))])
def test_a_session_sees_the_same_bits_however_much_history_is_held(gaps):
    """The reason why a catch-up and a daily run decide alike."""
    rows = bars(gaps)
    whole = history(rows)
    for t in (60, 250, 320, 371):
        part = history(rows, max(t - 249, 0), t)
        day = SESSIONS[t]
        for symbols in (("A", "B", "C"), ("C",), ("B", "Z")):
            one, other = whole.at(day), part.at(day)
            assert np.array_equal(one.bars(symbols), other.bars(symbols))
            n = min(t + 1, 250)
            assert np.array_equal(one.returns(symbols, n), other.returns(symbols, n), equal_nan=True)
            assert np.array_equal(one.average_volume(symbols), other.average_volume(symbols), equal_nan=True)
            assert np.array_equal(one.index_returns(symbols, 50), other.index_returns(symbols, 50))
            assert np.array_equal(one.ages(symbols), other.ages(symbols), equal_nan=True)


def test_nothing_after_the_session_is_seen():
    rows = bars()
    changed = rows.assign(close=np.where(rows["date"] > pd.Timestamp(SESSIONS[300]), 1e6, rows["close"]))
    for n in ("A", "B", "C"):
        one, other = (history(r).at(SESSIONS[300]).returns((n,), 250) for r in (rows, changed))
        assert np.array_equal(one, other, equal_nan=True)


def test_a_session_without_a_bar_leaves_the_price_and_counts_no_volume():
    found = history(bars((("B", 300),))).at(SESSIONS[301])
    assert found.returns(("B",), 250)[-2, 0] == 0.0
    assert found.ages(("B",)) == 0
    assert history(bars((("B", 300),))).at(SESSIONS[300]).ages(("B",)) == 1
    assert np.isnan(found.ages(("Z",)))
    assert list(found.bars(("A", "C", "Z"))) == [250, 102, 0]


def test_volume_is_in_the_sessions_share_basis():
    rows = bars()
    row = SESSIONS.index(dt.date(2004, 11, 5))
    rows.loc[:, "volume"] = 100.0
    found = history(rows).at(SESSIONS[row]).average_volume(("A", "B"))
    before = 20 - (row - SESSIONS.index(dt.date(2004, 11, 1)) + 1)
    assert found.tolist() == [(200.0 * before + 100.0 * (20 - before)) / 20, 100.0]
