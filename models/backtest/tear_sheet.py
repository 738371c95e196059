"""All numbers of a tear sheet from one series of daily returns and the benchmark's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.backtest.curve import MEASURES, measure_curve
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.errors import DataQualityError

Series = NDArray[np.float64]

ROLLING = 126  # sessions, half a year: in less, a Sharpe ratio says little
BINS = 41  # of the histogram, odd so that one of them holds 0
WORST = 10  # drawdowns listed
BESIDE = ("annual_return", "volatility", "sharpe_ratio", "max_drawdown")  # of the benchmark, beside one's own
RECENT = (21, 63, 126, 252)  # sessions: a month, a quarter, half a year, a year


def tear_sheet(
    dates: NDArray[np.datetime64], returns: Series, benchmark: Series, risk_free_rate: float
) -> dict[str, Any]:
    """Return the numbers of a tear sheet, ready for JSON: None where undefined.

    Args:
        dates: [T] sessions, ascending.
        returns: [T] simple returns per session, fractions; no NaN.
        benchmark: [T] the benchmark's; NaN where there is none, which counts as 0 in its curve and leaves
            alpha and beta undefined.
        risk_free_rate: per year.

    Returns:
        measures: MEASURES of ``curve``, and skew, kurtosis (excess), both as pandas, best and worst session, month and
        year, shares of positive ones, benchmark_return and BESIDE of it, excess_return, information_ratio (mean of the
        difference over its deviation, per year), correlation with the benchmark, profit_factor (gains over losses),
        payoff_ratio (mean gain over mean loss of a session), recovery_ratio (total return over the deepest drawdown),
        ulcer_index_drawdown (root of the mean squared drawdown, Martin 1989), returns of the last RECENT sessions and
        of the last year. equity, benchmark_equity, drawdown, and over ROLLING sessions rolling_sharpe, rolling_beta,
        rolling_volatility and rolling_benchmark_volatility (a year): lists [T]. months: by year, twelve returns, the
        year's and the benchmark's. distribution: edges and counts. drawdowns: the WORST deepest, with first session
        below the peak, deepest and recovery.

    Raises:
        DataQualityError: without a return, or for a missing one.
    """
    if not len(returns) or not np.isfinite(returns).all():
        raise DataQualityError("no returns to show, or one is missing", stage="report", key="returns",
                               value=len(returns), remedy="name a span in which it traded")  # fmt: skip
    rate = (1.0 + risk_free_rate) ** (1.0 / SESSIONS_PER_YEAR) - 1.0
    market = np.nan_to_num(benchmark, nan=0.0)
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    out = np.empty(len(MEASURES))
    measure_curve(equity, np.concatenate([[math.nan], benchmark]), rate, np.empty(len(returns)), out)
    series = pd.Series(returns)
    beside = np.empty(len(MEASURES))
    worth = np.concatenate([[1.0], np.cumprod(1.0 + market)])
    measure_curve(worth, np.full(len(worth), math.nan), rate, np.empty(len(market)), beside)
    of_market = dict(zip(MEASURES, beside.tolist(), strict=True))
    month = dates.astype("datetime64[M]").astype(np.int64)  # since January 1970
    months, years = _compounded(returns, month), _compounded(returns, month // 12)
    gains, losses = returns[returns > 0], returns[returns < 0]
    against, known = returns - market, bool(np.isfinite(benchmark).any())
    peak = np.maximum.accumulate(equity)
    below = equity / peak - 1.0
    measures: dict[str, float] = dict(zip(MEASURES, out.tolist(), strict=True))
    measures |= {
        "skew": float(series.skew()), "kurtosis": float(series.kurt()),  # type: ignore[arg-type]
        "best_session": float(returns.max()), "worst_session": float(returns.min()),
        "best_month": max(months.values()), "worst_month": min(months.values()),
        "best_year": max(years.values()), "worst_year": min(years.values()),
        "positive_sessions": float((returns > 0).mean()),
        "positive_months": _positive(months), "positive_years": _positive(years),
        "benchmark_return": float(np.prod(1.0 + market) - 1.0),
        **{f"benchmark_{name}": of_market[name] if known else math.nan for name in BESIDE},
        "information_ratio": _ratio(against),
        "correlation": float(series.corr(pd.Series(benchmark))),
        "profit_factor": _over(gains.sum(), -losses.sum()),
        "payoff_ratio": _over(gains.mean(), -losses.mean()) if len(gains) and len(losses) else math.nan,
        "recovery_ratio": _over(equity[-1] - 1.0, -below.min()),
        "ulcer_index_drawdown": math.sqrt(float(np.mean(below[1:] ** 2))),
    }  # fmt: skip
    for window in RECENT:
        recent = np.prod(1.0 + returns[-window:]) - 1.0 if len(returns) >= window else math.nan
        measures[f"return_of_{window}_sessions"] = float(recent)
    measures["year_to_date_return"] = years[max(years)]
    measures["excess_return"] = measures["total_return"] - measures["benchmark_return"]
    counts, edges = np.histogram(returns, bins=_edges(returns))
    return {
        "first_session": str(dates[0]), "last_session": str(dates[-1]), "sessions": len(returns),
        "risk_free_rate": risk_free_rate, "measures": _known(measures), "dates": np.datetime_as_string(dates).tolist(),
        "equity": equity[1:].tolist(), "benchmark_equity": np.cumprod(1.0 + market).tolist(),
        "drawdown": below[1:].tolist(),
        **_rolling(returns, benchmark, rate),
        "months": _by_year(months, years, _compounded(market, month // 12)),
        "distribution": {"edges": edges.tolist(), "counts": counts.tolist()},
        "drawdowns": _deepest(dates, below[1:]),
    }  # fmt: skip


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan


def _ratio(values: Series) -> float:
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return float(values.mean() / deviation * math.sqrt(SESSIONS_PER_YEAR)) if deviation > 0 else math.nan


def _edges(returns: Series) -> Series:
    """Return edges of even bins around 0, wide enough for all but the hundredth furthest, which the last ones take."""
    reach = max(float(np.quantile(np.abs(returns), 0.99)), 1e-4)
    inner = np.linspace(-reach, reach, BINS - 1)
    return np.concatenate([[min(returns.min(), -reach) - 1e-9], inner, [max(returns.max(), reach) + 1e-9]])


def _rolling(returns: Series, benchmark: Series, rate: float) -> dict[str, list[float | None]]:
    own, market = pd.Series(returns), pd.Series(benchmark)
    spread = own.rolling(ROLLING).std()
    sharpe = (own.rolling(ROLLING).mean() - rate) / spread.where(spread > 1e-12) * math.sqrt(SESSIONS_PER_YEAR)
    variance = market.rolling(ROLLING).var()
    beta = own.rolling(ROLLING).cov(market) / variance.where(variance > 1e-18)
    year = math.sqrt(SESSIONS_PER_YEAR)
    return {
        "rolling_sharpe": _list(sharpe), "rolling_beta": _list(beta), "rolling_volatility": _list(spread * year),
        "rolling_benchmark_volatility": _list(market.rolling(ROLLING).std() * year),
    }  # fmt: skip


def _compounded(returns: Series, part: NDArray[np.int64]) -> dict[int, float]:
    """Return the compounded return of each part of time that has a session."""
    begins = np.flatnonzero(np.diff(part, prepend=part[0] - 1))
    products = np.multiply.reduceat(1.0 + returns, begins) - 1.0
    return dict(zip(part[begins].tolist(), products.tolist(), strict=True))


def _positive(parts: Mapping[int, float]) -> float:
    return sum(value > 0 for value in parts.values()) / len(parts)


def _by_year(
    months: Mapping[int, float], years: Mapping[int, float], market: Mapping[int, float]
) -> list[dict[str, Any]]:
    return [
        {
            "year": 1970 + year, "months": [months.get(year * 12 + month) for month in range(12)], "total": total,
            "benchmark": market[year],
        }
        for year, total in years.items()
    ]  # fmt: skip


def _deepest(dates: NDArray[np.datetime64], below: Series) -> list[dict[str, Any]]:
    """Return the deepest stretches below a peak, deepest first; recovered is None while it lasts."""
    under = np.concatenate([[False], below < 0.0, [False]])
    begins = np.flatnonzero(under[1:] & ~under[:-1])
    ends = np.flatnonzero(under[:-1] & ~under[1:])
    found: list[dict[str, Any]] = []
    for first, end in zip(begins.tolist(), ends.tolist(), strict=True):
        deepest = first + int(np.argmin(below[first:end]))
        found.append({
            "depth": float(below[deepest]), "began": str(dates[first]), "deepest": str(dates[deepest]),
            "recovered": str(dates[end]) if end < len(dates) else None, "sessions": end - first,
        })  # fmt: skip
    return sorted(found, key=lambda d: d["depth"])[:WORST]


def _list(values: pd.Series) -> list[float | None]:
    found = values.to_numpy(np.float64).astype(object)
    found[values.isna()] = None
    return found.tolist()


def _known(measures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in measures.items()}
