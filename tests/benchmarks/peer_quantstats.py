"""Runs in the peers' environment: what quantstats says of a series of daily returns and a benchmark's.

    python peer_quantstats.py in.npz out.json

in: days [T] since 1970; returns, benchmark [T]; rate, risk-free per year. out: figures by quantstats's own names;
rolling lists have null where it has none.
"""

import json
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import quantstats.stats as qs

warnings.filterwarnings("ignore")
given = np.load(sys.argv[1])
days = pd.DatetimeIndex(given["days"].astype("datetime64[D]").astype("datetime64[ns]"))
returns, market = pd.Series(given["returns"], index=days), pd.Series(given["benchmark"], index=days)
rate = float(given["rate"])
greeks = qs.greeks(returns, market)
drawdowns = qs.drawdown_details(qs.to_drawdown_series(returns)).sort_values("max drawdown")
plain = {
    "comp": qs.comp(returns), "cagr": qs.cagr(returns), "volatility": qs.volatility(returns),
    "sharpe": qs.sharpe(returns, rf=rate), "sortino": qs.sortino(returns, rf=rate), "calmar": qs.calmar(returns),
    "max_drawdown": qs.max_drawdown(returns), "value_at_risk": qs.value_at_risk(returns), "cvar": qs.cvar(returns),
    "tail_ratio": qs.tail_ratio(returns), "beta": greeks["beta"], "alpha": greeks["alpha"],
    "skew": qs.skew(returns), "kurtosis": qs.kurtosis(returns), "best": qs.best(returns), "worst": qs.worst(returns),
    "best_month": qs.best(returns, aggregate="ME"), "worst_month": qs.worst(returns, aggregate="ME"),
    "best_year": qs.best(returns, aggregate="YE"), "worst_year": qs.worst(returns, aggregate="YE"),
    "win_rate": qs.win_rate(returns), "win_month": qs.win_rate(returns, aggregate="ME"),
    "profit_factor": qs.profit_factor(returns), "recovery_factor": qs.recovery_factor(returns),
    "ulcer_index": qs.ulcer_index(returns), "information_ratio": qs.information_ratio(returns, market),
    "payoff": qs.payoff_ratio(returns), "correlation": math.sqrt(qs.r_squared(returns, market)),
    "worst_drawdowns": (drawdowns["max drawdown"].head(10) / 100).tolist(),
    "months": qs.monthly_returns(returns, eoy=False, compounded=True).sort_index().to_numpy().ravel().tolist(),
    "rolling_sharpe": qs.rolling_sharpe(returns, rf=rate, rolling_period=126).tolist(),
    "market_cagr": qs.cagr(market), "market_volatility": qs.volatility(market),
    "market_sharpe": qs.sharpe(market, rf=rate), "market_max_drawdown": qs.max_drawdown(market),
    "rolling_volatility": qs.rolling_volatility(returns, 126).tolist(),
    "rolling_benchmark_volatility": qs.rolling_volatility(market, 126).tolist(),
    "rolling_beta": qs.rolling_greeks(returns, market, 126)["beta"].tolist(),
}  # fmt: skip


def known(value):
    """Return a number that JSON has a word for."""
    if isinstance(value, list):
        return [known(v) for v in value]
    return float(value) if math.isfinite(value) else None


Path(sys.argv[2]).write_text(json.dumps({name: known(value) for name, value in plain.items()}), encoding="utf-8")
