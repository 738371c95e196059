"""An honest ranking: strategies that cannot be told apart share a rank, and luck is counted in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.backtest.confidence_sets import REPETITIONS, at_equal_risk, confidence_sets, superior_to
from models.backtest.curve import MEASURES, measure_curve
from models.backtest.deflated import Moments, deflated_sharpe, moments, probabilistic_sharpe, trials_variance
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.backtest.overfitting import Overfitting, backtest_overfitting
from models.errors import ConfigError, DataQualityError

Matrix = NDArray[np.float64]

OVERALL = "overall"
BENCHMARK = "buy_and_hold"
FEWEST_SESSIONS = 63  # a quarter: in less, the bootstrap has hardly a dozen blocks to draw from
COLUMNS = (
    "scope", "strategy", "rank", "shared_by", "sessions", "sharpe_ratio", "annual_return", "max_drawdown",
    "probabilistic_sharpe", "deflated_sharpe", "best_set_p_value", "in_best_set", "beats_benchmark",
    "spa_p_sharpe", "spa_p_return", "overfitting_probability", "trials",
)  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """What is ranked.

    returns: [T, N] each strategy's net return per session, fractions, no NaN; names and categories: [N], an
    empty category is none; dates: [T] ascending; regimes: [T] the kind of market told at the close before
    each session, empty for none; trials: distinct configurations ever tried, these included; rate: risk-free,
    per session.
    """

    names: tuple[str, ...]
    categories: tuple[str, ...]
    dates: NDArray[np.datetime64]
    returns: Matrix
    regimes: tuple[str, ...]
    trials: int
    trials_known_from: str = "the database"
    has_delisted: bool = False
    synthetic: bool = False
    benchmark: str = BENCHMARK
    rate: float = 0.0


@dataclass(frozen=True)
class Scope:
    """What is ranked together: an overall ranking, one category's strategies or one regime's sessions."""

    name: str
    rows: pd.DataFrame  # COLUMNS
    overfitting: Overfitting = field(default_factory=lambda: Overfitting(math.nan, math.nan, 0))


def rank_candidates(candidates: Candidates, repetitions: int = REPETITIONS) -> dict[str, Scope]:
    """Rank overall, within each category, and in each regime's sessions.

    Strategies are ordered by sets that cannot be told apart by Sharpe ratio (see ``confidence_sets``); rank is
    1 plus the number of strategies in better sets, and NaN for one that earned a constant (it never traded).
    Whether a strategy beats the benchmark is tested over all strategies together, in each regime anew; None where
    one of the two never traded.

    Args:
        candidates: what is ranked.
        repetitions: of the bootstrap; see ``confidence_sets``.

    Returns:
        By scope: overall, category:<name>, regime:<name>; frames with the columns COLUMNS, best first. A
        category of one strategy and a regime of fewer than FEWEST_SESSIONS sessions have no scope.

    Raises:
        ConfigError: for shapes that do not fit, names twice, or fewer trials than strategies.
        DataQualityError: for a missing return or fewer than FEWEST_SESSIONS sessions in all.
    """
    _check(candidates)
    whole = np.ones(len(candidates.dates), np.bool_)
    every = np.arange(len(candidates.names))
    scopes = {OVERALL: _rank(candidates, OVERALL, every, whole, repetitions)}
    told = scopes[OVERALL].rows.set_index("strategy")["beats_benchmark"]
    categories = np.array(candidates.categories)
    for category in sorted(set(candidates.categories) - {""}):
        members = np.flatnonzero(categories == category)
        if len(members) > 1:
            scope = _rank(candidates, f"category:{category}", members, whole, repetitions)
            scope.rows["beats_benchmark"] = told.loc[scope.rows["strategy"]].to_numpy()
            scopes[scope.name] = scope
    regimes = np.array(candidates.regimes)
    for regime in sorted(set(candidates.regimes) - {""}):
        inside = regimes == regime
        if inside.sum() >= FEWEST_SESSIONS:
            name = f"regime:{regime}"
            scopes[name] = _rank(candidates, name, every, inside, repetitions)
    return scopes


def _rank(
    candidates: Candidates, name: str, members: NDArray[np.int64], inside: NDArray[np.bool_], repetitions: int
) -> Scope:
    """Rank some of the strategies over some of the sessions."""
    everyone = [moments(column, candidates.rate) for column in candidates.returns[inside].T]
    variance = trials_variance([one.sharpe for one in everyone])
    returns = candidates.returns[np.ix_(inside, members)]
    rows = [
        _measures(returns[:, n], everyone[m], candidates, variance, candidates.names[m])
        for n, m in enumerate(members)
    ]
    frame = pd.DataFrame(rows).assign(scope=name, trials=candidates.trials, rank=np.nan, shared_by=np.nan)
    frame = frame.assign(best_set_p_value=np.nan, in_best_set=False, beats_benchmark=None)
    frame = frame.assign(spa_p_sharpe=np.nan, spa_p_return=np.nan)
    traded = np.flatnonzero(frame["sharpe_ratio"].notna().to_numpy())
    if len(traded):
        even = at_equal_risk(returns[:, traded] - candidates.rate)
        sets = confidence_sets(even, repetitions)
        places = np.searchsorted(np.sort(sets.group), sets.group) + 1
        frame.loc[traded, "rank"] = places
        frame.loc[traded, "shared_by"] = [float((places == place).sum()) for place in places]
        frame.loc[traded, "best_set_p_value"] = sets.p_value
        frame.loc[traded, "in_best_set"] = sets.group == 0
        found = np.flatnonzero(frame["strategy"].to_numpy()[traded] == candidates.benchmark)
        if len(found) and not name.startswith("category:"):
            by_sharpe = superior_to(even, int(found[0]), repetitions)
            frame.loc[traded, "beats_benchmark"] = by_sharpe.better
            frame["spa_p_sharpe"] = by_sharpe.p_value
            frame["spa_p_return"] = superior_to(returns[:, traded], int(found[0]), repetitions).p_value
    if not inside.all():
        frame["max_drawdown"] = np.nan  # sessions with others left out in between make no curve
    overfitting = backtest_overfitting(returns[:, traded] - candidates.rate)
    frame["overfitting_probability"] = overfitting.probability
    order = ["rank", "sharpe_ratio", "strategy"]
    frame = frame.sort_values(order, ascending=[True, False, True], na_position="last")
    return Scope(name, frame[list(COLUMNS)].reset_index(drop=True), overfitting)


def _measures(
    returns: NDArray[np.float64], observed: Moments, candidates: Candidates, variance: float, name: str
) -> dict[str, object]:
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    out = np.empty(len(MEASURES))
    measure_curve(equity, np.full(len(equity), np.nan), candidates.rate, np.empty(len(returns)), out)
    measured = dict(zip(MEASURES, out.tolist(), strict=True))
    return {
        "strategy": name,
        "sessions": len(returns),
        "sharpe_ratio": observed.sharpe * math.sqrt(SESSIONS_PER_YEAR),
        "annual_return": measured["annual_return"],
        "max_drawdown": measured["max_drawdown"],
        "probabilistic_sharpe": probabilistic_sharpe(observed),
        "deflated_sharpe": deflated_sharpe(observed, candidates.trials, variance),
    }


def _check(candidates: Candidates) -> None:
    shape = (len(candidates.dates), len(candidates.names))
    lengths = (len(candidates.regimes), len(candidates.categories))
    if candidates.returns.shape != shape or lengths != shape or not candidates.names:
        raise ConfigError("returns, dates and names do not fit", stage="ranking", key="shape",
                          value=(candidates.returns.shape, shape, lengths),
                          remedy="give one column a strategy and one row a session")  # fmt: skip
    twice = _twice(candidates.names)
    if twice:
        raise ConfigError("two strategies of one name", stage="ranking", key="strategy", value=twice,
                          remedy="tell configurations of one strategy apart by name")  # fmt: skip
    if candidates.trials < len(candidates.names):
        raise ConfigError("fewer trials than strategies", stage="ranking", key="trials",
                          value=candidates.trials,
                          remedy="count every configuration tried, these included")  # fmt: skip
    bad = ~np.isfinite(candidates.returns)
    if bad.any():
        t, n = np.argwhere(bad)[0]
        raise DataQualityError("a strategy has no return on a session of the others", stage="ranking",
                               key=candidates.names[n], value=str(candidates.dates[t]),
                               remedy="run all strategies over the same sessions")  # fmt: skip
    if len(candidates.dates) < FEWEST_SESSIONS:
        raise DataQualityError("too few sessions to rank by", stage="ranking", key="sessions",
                               value=len(candidates.dates),
                               remedy=f"assess {FEWEST_SESSIONS} sessions or more")  # fmt: skip


def _twice(names: Sequence[str]) -> str:
    seen: set[str] = set()
    return next((n for n in names if n in seen or seen.add(n)), "")  # type: ignore[func-returns-value]
