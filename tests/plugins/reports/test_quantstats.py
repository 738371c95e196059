"""A tear sheet beside quantstats' of the same returns: equal where the definition is; where it is not, by how much."""

from __future__ import annotations

import json
import math
import subprocess

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from models.backtest.tear_sheet import tear_sheet
from tests.benchmarks.peers import bench_python, quantstats_script

RATE = 0.02
EQUAL = {
    "comp": "total_return", "cagr": "annual_return", "volatility": "volatility", "sharpe": "sharpe_ratio",
    "sortino": "sortino_ratio", "calmar": "calmar_ratio", "max_drawdown": "max_drawdown", "tail_ratio": "tail_ratio",
    "beta": "beta", "skew": "skew", "kurtosis": "kurtosis", "best": "best_session", "worst": "worst_session",
    "best_month": "best_month", "worst_month": "worst_month", "best_year": "best_year", "worst_year": "worst_year",
    "win_rate": "positive_sessions", "win_month": "positive_months", "profit_factor": "profit_factor",
    "payoff": "payoff_ratio", "correlation": "correlation", "market_cagr": "benchmark_annual_return",
    "market_volatility": "benchmark_volatility", "market_sharpe": "benchmark_sharpe_ratio",
    "market_max_drawdown": "benchmark_max_drawdown",
}  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    python = bench_python("quantstats")
    if python is None:
        pytest.skip("quantstats is not in the peers' environment: make peers")
    folder = tmp_path_factory.mktemp("quantstats")
    rng = np.random.default_rng(5)
    dates = np.array(pd.bdate_range("2019-01-01", periods=700), dtype="datetime64[D]")
    market = rng.normal(0.0004, 0.01, 700)
    returns = 0.4 * market + rng.normal(0.0004, 0.011, 700)
    np.savez(folder / "in.npz", days=dates.astype(np.int64), returns=returns, benchmark=market, rate=RATE)
    subprocess.run([python, quantstats_script(), folder / "in.npz", folder / "out.json"], check=True)
    return tear_sheet(dates, returns, market, RATE), json.loads((folder / "out.json").read_text()), returns, market


def test_what_is_defined_alike_is_equal(both):
    ours, theirs, *_ = both
    for name, own in EQUAL.items():
        assert ours["measures"][own] == pytest.approx(theirs[name], rel=1e-9), name
    assert [d["depth"] for d in ours["drawdowns"]] == pytest.approx(theirs["worst_drawdowns"])
    months = [month or 0.0 for year in ours["months"] for month in year["months"]]
    assert months == pytest.approx(theirs["months"])
    for name in ("rolling_sharpe", "rolling_beta", "rolling_volatility", "rolling_benchmark_volatility"):
        known = [value for value in theirs[name] if value is not None]
        assert [value for value in ours[name] if value is not None] == pytest.approx(known), name


def test_what_is_defined_otherwise_differs_by_the_definition_alone(both):
    ours, theirs, returns, market = both
    own, n = ours["measures"], len(returns)
    assert theirs["information_ratio"] * math.sqrt(252) == pytest.approx(own["information_ratio"])
    assert theirs["ulcer_index"] * math.sqrt((n - 1) / n) == pytest.approx(own["ulcer_index_drawdown"])
    assert theirs["recovery_factor"] == pytest.approx(returns.sum() / -own["max_drawdown"])
    mean, deviation = returns.mean(), returns.std(ddof=1)
    assert theirs["value_at_risk"] == pytest.approx(norm.ppf(0.05, mean, deviation))
    assert theirs["cvar"] == pytest.approx(mean - deviation * norm.pdf(norm.ppf(0.05)) / 0.05)
    assert own["value_at_risk"] == pytest.approx(np.percentile(returns, 5))
    assert theirs["alpha"] == pytest.approx(252 * (returns.mean() - own["beta"] * market.mean()))
