"""Figures over windows: empyrical's where the definition is equal, plain sums elsewhere."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pandas as pd
import pytest

from models.backtest import window_figures
from models.backtest.information import information_coefficients
from models.backtest.window_figures import SERIES, WINDOWS
from models.ml.evaluate import correlations

RATE = 0.02
DAILY = 1.02 ** (1 / 252) - 1


def figures(*asked):
    return pd.DataFrame(window_figures.figures(*asked))


def series_of(sessions=400, idle=7, seed=0):
    rng = np.random.default_rng(seed)
    series = {name: rng.integers(0, 9, sessions).astype(float) for name in SERIES}
    series["closed"] = series["wins"] + series["losses"] + 1
    for name in ("net_return", "gross_return", "turnover", "cost", "benchmark_return"):
        series[name] = rng.normal(0.0005, 0.01, sessions)
    series["turnover"], series["cost"] = np.abs(series["turnover"]), np.abs(series["cost"])
    for name in SERIES:
        if "ic_" in name:
            series[name] = np.where(rng.random(sessions) < 0.2, math.nan, rng.uniform(-1, 1, sessions))
    for name in ("net_return", "gross_return", "turnover", "cost"):
        series[name][:idle] = math.nan
    return series


@pytest.mark.parametrize("window", [None, *WINDOWS])
def test_equal_to_empyrical_and_plain_sums(window):
    series = series_of()
    at = [12, 27, 28, 150, 399]
    rows = figures(series, at, window, RATE)
    for t, row in zip(at, rows.to_dict("records"), strict=True):
        first = 0 if window is None else max(t - window + 1, 0)
        span = slice(first, t + 1)
        lived = slice(max(first, 7), t + 1)
        returns, market = series["net_return"][lived], series["benchmark_return"][lived]
        expected = {
            "sessions": len(returns),
            "total_return": empyrical.cum_returns_final(returns),
            "volatility": empyrical.annual_volatility(returns),
            "sharpe_ratio": empyrical.sharpe_ratio(returns, DAILY),
            "sortino_ratio": empyrical.sortino_ratio(returns, DAILY),
            "max_drawdown": empyrical.max_drawdown(returns),
            "value_at_risk": empyrical.value_at_risk(returns),
            "tail_ratio": empyrical.tail_ratio(returns),
            "beta": empyrical.beta(returns, market, DAILY),
            "benchmark_return": empyrical.cum_returns_final(market),
            "excess_return": empyrical.cum_returns_final(returns) - empyrical.cum_returns_final(market),
            "profit_factor": returns[returns > 0].sum() / -returns[returns < 0].sum(),
            "turnover": series["turnover"][lived].mean(),
            "cost_drag": series["cost"][lived].mean() * 252,
            "total_trades": series["closed"][span].sum(),
            "win_rate": series["wins"][span].sum() / series["closed"][span].sum(),
            "avg_loss": series["loss_sum"][span].sum() / series["losses"][span].sum(),
            "ic_5": np.nanmean(series["ic_5"][span]),
            "signal_decay": np.nanmean(series["rank_ic_1"][span]) - np.nanmean(series["rank_ic_21"][span]),
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-9), (t, name)
        third = row["calibration"][2]
        assert (third["from"], third["to"]) == (0.4, 0.6)
        assert third["trades"] == series["closed_3"][span].sum()


@pytest.mark.parametrize("window", [None, 63])
def test_measured_one_by_one_or_together_to_the_bit(window):
    series = series_of()
    together = figures(series, [100, 200, 300], window, RATE)
    for row, t in enumerate((100, 200, 300)):
        short = {name: values[: t + 1] for name, values in series.items()}
        alone = figures(short, [t], window, RATE)
        assert alone.iloc[0].to_dict() == together.iloc[row].to_dict()


def test_nothing_is_known_before_anything_traded_and_noise_is_no_ratio():
    series = series_of(40, idle=30)
    row = figures(series, [20], 21, RATE).iloc[0]
    assert row["sessions"] == 0 and math.isnan(row["total_return"]) and math.isnan(row["beta"])
    series["net_return"][30:] = 0.1 + np.arange(10) * 1e-18
    series["net_return"][31] = np.nextafter(0.1, 1)  # a deviation of rounding is no Sharpe ratio of 1e16
    assert math.isnan(figures(series, [39], None, RATE).iloc[0]["sharpe_ratio"])


def test_information_is_that_of_the_gate():
    rng = np.random.default_rng(4)
    opens = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (90, 12)), axis=0))
    opens[rng.random(opens.shape) < 0.1] = math.nan
    scores = np.round(rng.uniform(-1, 1, opens.shape), 1)  # with ties
    scores[rng.random(opens.shape) < 0.2] = math.nan
    for horizon in (1, 5, 21):
        came = np.full(opens.shape, math.nan)
        came[: -horizon - 1] = opens[horizon + 1 :] / opens[1:-horizon] - 1
        expected = correlations(scores, came)
        found = information_coefficients(opens, np.ones(opens.shape), scores, horizon, 0)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours[horizon + 1 :], theirs[: -horizon - 1], rtol=1e-9, atol=1e-12)
            assert np.isnan(ours[: horizon + 1]).all()


def test_information_of_two_symbols_or_a_constant_is_none():
    opens = np.array([[1.0, 1, 1], [1, 1, 1], [2, 3, 4]])
    scores = np.array([[0.1, 0.2, math.nan]] * 3)
    assert np.isnan(information_coefficients(opens, np.ones((3, 3)), scores, 1, 0)).all()
    alike = np.full((3, 3), 0.5)
    assert np.isnan(information_coefficients(opens, np.ones((3, 3)), alike, 1, 0)).all()
