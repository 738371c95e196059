"""Forward factors: worked by hand, against a vendor's adjusted close, and unmoved by what comes later."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.features.adjustment import forward_factors
from models.errors import DataQualityError

MONDAY = dt.date(2024, 7, 1)
FACTORS = ["split_factor", "return_factor"]


def bars_of(closes, symbol="AAA", days=None):
    dates = [MONDAY + dt.timedelta(days=day) for day in (days or range(len(closes)))]
    closes = [float(close) for close in closes]
    return pd.DataFrame({
        "symbol": symbol, "date": dates, "open": closes, "high": closes, "low": closes, "close": closes,
        "volume": 1000,
    })  # fmt: skip


def actions_of(*rows, symbol="AAA"):
    """Rows of (days after Monday, type, value)."""
    return pd.DataFrame(
        [(symbol, MONDAY + dt.timedelta(days=day), kind, float(value)) for day, kind, value in rows],
        columns=["symbol", "ex_date", "action_type", "value"],
    )


def test_a_split_then_a_dividend_by_hand():
    bars = bars_of([100, 102, 51, 50, 49.5])
    actions = actions_of((2, "split", 2), (4, "dividend", 0.5))
    out = forward_factors(bars, actions)
    assert out["split_factor"].tolist() == [1, 1, 2, 2, 2]
    # 0.5 of the close before, 50, is 1 %; reinvested at 49.5 it makes 1 / 0.99 shares.
    assert out["return_factor"].tolist() == [1, 1, 2, 2, 2 * (1 / (1 - 0.5 / 50))]
    total = out["close"] * out["return_factor"]
    assert total.pct_change().tolist()[1:] == pytest.approx([0.02, 0.0, -1 / 51, 0.0])
    assert out["split_factor"].dtype == out["return_factor"].dtype == np.float64
    pd.testing.assert_frame_equal(out[bars.columns.tolist()], bars)


@pytest.mark.parametrize(
    ("closes", "days", "rows", "expected"),
    [
        # Same day: the dividend is per new share, the close before is 50 in new shares.
        ([100, 49], None, [(1, "dividend", 1), (1, "split", 2)], (2, 2 / (1 - 1 / 50))),
        # Over a gap: the dividend went ex a day before the split, so it is per old share, of 100.
        ([100, 49], [0, 3], [(1, "dividend", 1), (2, "split", 2)], (2, 2 / (1 - 1 / 100))),
        # Over a gap: the split came first, the dividend is per new share.
        ([100, 49], [0, 3], [(1, "split", 2), (2, "dividend", 1)], (2, 2 / (1 - 1 / 50))),
        # Two dividends of one bar add up.
        ([100, 97], None, [(1, "dividend", 1), (1, "dividend", 2)], (1, 1 / (1 - 3 / 100))),
        # On or before the first bar, and after the last: ignored.
        ([100, 97], None, [(-3, "split", 2), (0, "dividend", 1), (0, "split", 3), (2, "split", 5)], (1, 1)),
    ],
)
def test_what_one_bar_multiplies_the_factors_by(closes, days, rows, expected):
    out = forward_factors(bars_of(closes, days=days), actions_of(*rows))
    assert tuple(out[FACTORS].iloc[0]) == (1, 1)
    assert tuple(out[FACTORS].iloc[1]) == pytest.approx(expected, rel=1e-15)


def test_each_symbol_has_its_own_factors_and_others_actions_do_not_matter():
    bars = pd.concat([bars_of([10, 5], "BBB"), bars_of([10, 10], "AAA")], ignore_index=True)
    actions = pd.concat([actions_of((1, "split", 2), symbol=name) for name in ("BBB", "ZZZ")])
    assert forward_factors(bars, actions)["split_factor"].tolist() == [1, 2, 1, 1]


def test_no_bars_or_no_actions():
    bars, actions = bars_of([1, 2]), actions_of((1, "split", 2))
    assert forward_factors(bars, actions.iloc[:0])[FACTORS].to_numpy().tolist() == [[1, 1], [1, 1]]
    assert list(forward_factors(bars.iloc[:0], actions).columns) == [*bars.columns, *FACTORS]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([(1, "dividend", 100)], "dividend of 100 is not below the close before, 100: AAA on 2024-07-02"),
        ([(1, "dividend", 60), (1, "dividend", 41)], "dividend of 60 is not below the close before"),
        ([(1, "split", 4), (1, "dividend", 30)], "dividend of 30 is not below the close before"),
        ([(1, "dividend", 0)], "value 0.0 is not finite and above 0: AAA on 2024-07-02"),
        ([(1, "split", -2)], "value -2.0 is not finite and above 0: AAA on 2024-07-02"),
        ([(1, "split", np.inf)], "value inf is not finite"),
        ([(1, "dividend", np.nan)], "value nan is not finite"),
        ([(1, "merger", 2)], "unknown action_type 'merger': AAA on 2024-07-02"),
        ([(1, "split", 2), (1, "split", 3)], "two splits on one ex-date: AAA on 2024-07-02"),
    ],
)
def test_bad_actions_are_refused(rows, problem):
    with pytest.raises(DataQualityError, match=problem.replace(".", r"\.")):
        forward_factors(bars_of([100, 99]), actions_of(*rows))


def test_a_dividend_on_an_unknown_close_is_refused_and_a_split_there_is_not():
    bars = bars_of([100, np.nan, 50])
    assert forward_factors(bars, actions_of((2, "split", 2)))["return_factor"].tolist() == [1, 1, 2]
    with pytest.raises(DataQualityError, match="close before, nan: AAA on 2024-07-03"):
        forward_factors(bars, actions_of((2, "dividend", 1)))


def test_bad_frames_are_refused():
    bars, actions = bars_of([1, 2, 3]), actions_of((1, "split", 2))
    with pytest.raises(DataQualityError, match="bars frame has no column volume"):
        forward_factors(bars.drop(columns="volume"), actions)
    with pytest.raises(DataQualityError, match="actions frame has no column ex_date"):
        forward_factors(bars, actions.drop(columns="ex_date"))
    for bad in (actions, actions.iloc[:0]):
        with pytest.raises(DataQualityError, match="one symbol are not ascending: AAA on 2024-07-02"):
            forward_factors(bars.iloc[[0, 2, 1]], bad)


closes = st.lists(st.floats(1, 1000), min_size=2, max_size=25)
events = st.lists(
    st.tuples(
        st.integers(-2, 60), st.sampled_from(["split", "dividend"]), st.floats(0.01, 3), st.sampled_from("AB")
    ),
    max_size=12,
    unique_by=lambda event: (event[0], event[1], event[3]),
)


@settings(max_examples=60, deadline=None)
@given(closes, events, st.integers(0, 60), st.randoms(use_true_random=False))
def test_what_comes_after_moves_no_bit(closes, events, cut, random):
    """Every other day a bar, so that half of the ex-dates have none; dividends kept far below the close."""
    days = list(range(0, 2 * len(closes), 2))
    bars = pd.concat([bars_of(closes, name, days) for name in "AB"], ignore_index=True)

    def factors(bars, events):
        frames = [actions_of((d, k, v / 50 if k == "dividend" else v), symbol=s) for d, k, v, s in events]
        return forward_factors(bars, pd.concat(frames) if frames else actions_of())

    everything = factors(bars, events)
    shuffled = random.sample(events, len(events))
    assert factors(bars, shuffled)[FACTORS].to_numpy().tobytes() == everything[FACTORS].to_numpy().tobytes()
    known = [event for event in events if event[0] <= cut]
    so_far = (bars["date"] <= MONDAY + dt.timedelta(days=cut)).to_numpy()
    expected = everything.loc[so_far, FACTORS].to_numpy().tobytes()
    assert factors(bars, known).loc[so_far, FACTORS].to_numpy().tobytes() == expected
    assert factors(bars[so_far], known)[FACTORS].to_numpy().tobytes() == expected


def test_the_vendors_adjusted_close_is_met(market, market_actions):
    """Forward and backward adjustment differ by a constant per symbol, but for defects in the vendor's data.

    Two of the thirty symbols have some: actions recorded wrongly or not at all.
    """
    out = forward_factors(market, market_actions)
    ratio = (out["close"] * out["return_factor"] / out["adjusted_close"]).groupby(out["symbol"])
    spread = ratio.max() / ratio.min() - 1
    assert len(spread) == 30
    assert (spread < 0.01).sum() >= 28, spread.sort_values().tail(5)
    assert spread.median() < 0.002
