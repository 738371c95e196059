"""From scores to weights: five ways, each giving signed fractions of equity on the side of the score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError, DataQualityError
from models.lookback import LEAST, WINDOW, Lookback

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PortfolioRules:
    """How an account turns scores into targets; fractions of equity.

    method: one of METHODS; names: longest list of longs, and of shorts, for top_n; full_score_weight: weight at a
    score of 1; max_symbol, max_sector, max_gross, max_net: caps; cash_buffer: never invested; max_turnover: value
    of growth traded in a session; min_change: smallest order worth its commission: a holding is not adjusted by less,
    and score_proportional spreads over no more names than get as much (1 %: of 100,000 USD it costs a thousandth at
    a broker's usual minimum of 1 USD); rebalance: daily, or monthly: in the first session of a month, and only
    closed in between; max_holding_sessions: None for no end.
    """

    method: str = "score_proportional"
    names: int = 20
    full_score_weight: float = 0.05
    max_symbol: float = 0.05
    max_sector: float = 0.25
    max_gross: float = 1.0
    max_net: float = 1.0
    cash_buffer: float = 0.02
    max_turnover: float = 1.0
    min_change: float = 0.01
    rebalance: str = "daily"
    max_holding_sessions: int | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS or self.rebalance not in {"daily", "monthly"}:
            raise ConfigError("unknown way to build a portfolio", stage="build_targets", key="method",
                              value=f"{self.method}, {self.rebalance}",
                              remedy=f"known are {', '.join(METHODS)}, and daily or monthly")  # fmt: skip

    @property
    def budget(self) -> float:
        """Largest gross exposure to aim at."""
        return max(min(self.max_gross, 1.0 - self.cash_buffer), 0.0)


def weigh(symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None) -> Floats:
    """Return [N] signed weights, before caps.

    Args:
        symbols: those with a score, by name.
        scores: in [-1, 1], not 0.
        rules: of the account.
        lookback: the recent past; the three methods that measure risk need 60 bars of a symbol, and give one
            with fewer no weight.

    Raises:
        DataQualityError: when the optimiser finds no solution.
    """
    return METHODS[rules.method](symbols, scores, rules, lookback)


def score_proportional(
    symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None
) -> Floats:
    """Weight = score x full_score_weight; all less when that is more than the budget."""
    return scores * rules.full_score_weight


def top_n(symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None) -> Floats:
    """The same weight for the highest scores, long, and the lowest, short: the budget over their number."""
    order = np.argsort(-scores, kind="stable")  # equal scores by symbol
    longs = [i for i in order[: rules.names] if scores[i] > 0]
    shorts = [i for i in np.argsort(scores, kind="stable")[: rules.names] if scores[i] < 0]
    weights = np.zeros(len(scores))
    chosen = [*longs, *shorts]
    weights[chosen] = np.sign(scores[chosen]) * rules.budget / max(len(chosen), 1)
    return weights


def inverse_volatility(
    symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None
) -> Floats:
    """|weight| inversely proportional to the deviation of the last 250 bars' returns; together the budget."""
    seen, returns = _past(symbols, lookback)
    weights = np.zeros(len(scores))
    deviation = np.nanstd(returns, axis=0, ddof=1) if len(seen) else np.zeros(0)
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    if inverse.sum() > 0:
        weights[seen] = np.sign(scores[seen]) * rules.budget * inverse / inverse.sum()
    return weights


def min_variance(
    symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None
) -> Floats:
    """The weights with the least variance, each on the side of its score, none above the cap (Markowitz, 1952)."""
    return _optimised("VARIANCE", symbols, scores, rules, lookback)


def min_cvar(
    symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None
) -> Floats:
    """The weights with the least CVaR 95, likewise (Rockafellar and Uryasev, 2000)."""
    return _optimised("CVAR", symbols, scores, rules, lookback)


Method = Callable[[Sequence[str], Floats, PortfolioRules, "Lookback | None"], Floats]
METHODS: dict[str, Method] = {
    f.__name__: f for f in (score_proportional, top_n, inverse_volatility, min_variance, min_cvar)
}


def _past(symbols: Sequence[str], lookback: Lookback | None) -> tuple[NDArray[np.int64], Floats]:
    """Return which symbols have bars enough, and their returns."""
    if lookback is None or not symbols:
        return np.zeros(0, np.int64), np.zeros((0, 0))
    bars = lookback.bars(symbols)
    seen = np.flatnonzero(bars >= LEAST)
    longest = int(min(bars[seen].max(), WINDOW)) if len(seen) else 1
    return seen, lookback.returns([symbols[i] for i in seen.tolist()], longest)


def _optimised(
    measure: str, symbols: Sequence[str], scores: Floats, rules: PortfolioRules, lookback: Lookback | None
) -> Floats:
    weights = np.zeros(len(scores))
    seen, returns = _past(symbols, lookback)
    if not len(seen):
        return weights
    # Rows that all have: an optimiser has no use for half a session.
    sided = (returns * np.sign(scores[seen]))[~np.isnan(returns).any(axis=1)]
    budget = min(rules.budget, len(seen) * rules.max_symbol)
    if budget <= 0:
        return weights
    if len(seen) == 1:
        weights[seen] = np.sign(scores[seen]) * budget
        return weights
    # skfolio brings cvxpy and scikit-learn, seconds to import: only for who optimises.
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk

    model = MeanRisk(
        risk_measure=RiskMeasure[measure], min_weights=0.0, max_weights=rules.max_symbol, budget=budget
    )
    try:
        found = np.asarray(model.fit(sided).weights_, dtype=np.float64)
    except Exception as error:
        raise DataQualityError(f"no portfolio of least {measure.lower()} found: {error}", stage="build_targets",
                               key="symbols", value=len(seen),
                               remedy="loosen the caps in portfolio_settings") from error  # fmt: skip
    # Solvers leave dust; a millionth of equity is less than a share, and differs from machine to machine.
    weights[seen] = np.sign(scores[seen]) * np.where(found < 1e-6, 0.0, np.round(found, 6))
    return weights
