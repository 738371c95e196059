"""From bars to scores, with the indicators of TA-Lib and loops of the rules' words in place of ours."""

import numpy as np
import pandas as pd
import pytest
import talib

from data_layer.features.compute import compute
from models.strategies.base import Panel
from models.strategies.discovery import discover_strategies

T = 700


@pytest.fixture(scope="module")
def bars():
    """One symbol's bars, wild enough for every rule to enter and leave."""
    rng = np.random.default_rng(5)
    close = 40 * np.exp(np.cumsum(0.02 * np.sin(np.arange(T) / 12) + rng.normal(0, 0.02, T)))
    opens = close * np.exp(rng.normal(0, 0.01, T))
    return pd.DataFrame({
        "symbol": "A", "date": np.busday_offset("2018-01-02", np.arange(T)).astype("datetime64[s]"), "open": opens,
        "high": np.maximum(opens, close) * 1.01, "low": np.minimum(opens, close) * 0.99, "close": close,
        "volume": 1e6, "split_factor": 1.0, "return_factor": 1.0,
    })  # fmt: skip


def run(name, bars):
    strategy = discover_strategies().classes[name]()
    frame = compute(bars, strategy.features, dtype="float64")
    panel = Panel.from_frame(frame, strategy.features)
    return strategy, panel, strategy.score(panel)


def where_known(values, *inputs):
    return np.where(np.isnan(inputs).any(axis=0), np.nan, values)


def average_cross(bars):
    fast, slow = talib.SMA(bars.close, 50), talib.SMA(bars.close, 200)
    return where_known(fast > slow, fast, slow)


def above_average(bars):
    average, span = talib.SMA(bars.close, 20), talib.ATR(bars.high, bars.low, bars.close, 14)
    return where_known(bars.close > average, average, span)


def exponential_cross(bars):
    fast, slow = talib.EMA(bars.close, 12), talib.EMA(bars.close, 26)
    return np.sign(fast - slow)


def macd_side(bars):
    line, signal, _ = talib.MACD(bars.close, 12, 26, 9)
    share = (line - signal) / bars.close
    return where_known(np.select([share > 0.0025, share < -0.0025], [1, -1], 0), share)


def bands(bars):
    upper, middle, lower = talib.BBANDS(bars.close, 20, 2, 2)
    held, out = 0, []
    for close, high, mid, low in zip(bars.close, upper, middle, lower, strict=True):
        if close < low:
            held = 1
        elif close > high:
            held = -1
        elif (held > 0 and close >= mid) or (held < 0 and close <= mid):
            held = 0
        out.append(np.nan if np.isnan(high) else held)
    return out


def tripped(bars):
    """The states of QuantConnect's model: tripped low, middle, tripped high."""
    state, out = "middle", []
    for rsi in talib.RSI(bars.close, 14):
        if rsi > 70:
            state = "high"
        elif rsi < 30:
            state = "low"
        elif (state == "low" and rsi >= 35) or (state == "high" and rsi <= 65):
            state = "middle"
        out.append(np.nan if np.isnan(rsi) else {"low": 1, "middle": 0, "high": -1}[state])
    return out


def risen_at_period_start(bars):
    """Every fourth Monday from 1970-01-05, or the first session after it."""
    change = talib.ROC(bars.close, 60).to_numpy()
    period = (bars.date - pd.Timestamp("1970-01-05")).dt.days // 28
    wanted, out = np.nan, []
    for t in range(T):
        if t and period[t] != period[t - 1]:
            wanted = float(change[t] > 0) if change[t] == change[t] else np.nan
        elif np.isnan(wanted) and t and period[t] != period[0] and change[t] == change[t]:
            wanted = float(change[t] > 0)  # it became known within the period
        out.append(wanted if change[t] == change[t] else np.nan)
    return out


def beat_cash_at_month_start(bars):
    gain = talib.ROCP(bars.close, 252).to_numpy()
    month = bars.date.dt.to_period("M")
    wanted, out = np.nan, []
    for t in range(T):
        if t and gain[t] == gain[t] and (month[t] != month[t - 1] or np.isnan(wanted)):
            wanted = float(gain[t] > 0.02)
        out.append(wanted if gain[t] == gain[t] else np.nan)
    return out


def weight_of_risk(bars):
    daily = bars.close.pct_change().rolling(20).std() * np.sqrt(252)
    return np.minimum(0.15 / daily, 1.5) / 1.5


RULES = {
    "golden_cross": average_cross, "trend_following": above_average, "ema_cross_alpha": exponential_cross,
    "macd_alpha": macd_side, "mean_reversion": bands, "rsi_alpha": tripped, "momentum": risen_at_period_start,
    "dual_momentum": beat_cash_at_month_start, "volatility_targeting": weight_of_risk,
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_scores_are_those_of_talib_and_the_rule(name, bars):
    _, _, scores = run(name, bars)
    expected = np.asarray(RULES[name](bars), dtype=float)
    assert len(np.unique(expected[~np.isnan(expected)])) > 1
    np.testing.assert_allclose(scores.score[:, 0], expected, rtol=1e-9)


def test_the_trailing_distance_is_in_the_session_s_own_prices(bars):
    """Across a split the range is that of TA-Lib on adjusted prices, brought to the prices of its session."""
    split = bars.assign(split_factor=1.0)
    split.loc[300:, ["open", "high", "low", "close"]] /= 4.0
    split.loc[300:, "volume"] *= 4.0
    split.loc[300:, ["split_factor", "return_factor"]] = 4.0
    strategy, panel, _ = run("trend_following", split)
    expected = 2.0 * talib.ATR(bars.high, bars.low, bars.close, 14)
    expected[300:] /= 4.0
    np.testing.assert_allclose(strategy.trail(panel)[:, 0], expected, rtol=1e-9)


def test_a_target_moves_only_when_the_state_does(bars):
    """What follows its own score would trade at every close; cost is the difference."""
    for name in ("rsi_reversion", "enhanced_momentum"):
        strategy, panel, scores = run(name, bars)
        target = np.nan_to_num(strategy.target(panel, scores)[:, 0])
        assert set(target) <= {-1, 0, 1}
        turns = np.count_nonzero(np.diff(np.sign(np.nan_to_num(scores.score[:, 0]))))
        moves = np.count_nonzero(np.diff(np.nan_to_num(scores.score[:, 0])))
        assert np.count_nonzero(np.diff(target)) == turns < moves / 2
