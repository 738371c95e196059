"""The promotion gate: what a version must have shown out of sample before the daily run may use it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from models.backtest.deflated import deflated_sharpe, moments, trials_variance
from models.ml.base import Finding

# Half a unit of return for a unit of risk a year: below it, an index fund does as well for less.
LEAST_SHARPE = 0.5
# A book of many small positions gains on little more than half of all days; far below half it lives on few days.
LEAST_WIN_RATE = 0.45
# The size at which Bailey & Lopez de Prado (2014) call a deflated Sharpe ratio significant.
LEAST_DEFLATED = 0.95


@dataclass(frozen=True)
class Comparison:
    """The version in use on the same folds.

    Attributes:
        known: False when a version is in use and nothing says how it did on these folds.
        sharpe: median over the folds of the version in use; NaN without one.
        refresh: whether both are one configuration, the candidate's learnt from later data.
        detail: in words.
    """

    known: bool
    sharpe: float
    refresh: bool
    detail: str


NOTHING_IN_USE = Comparison(known=True, sharpe=math.nan, refresh=False, detail="no version is in use")


@dataclass(frozen=True)
class Check:
    """One condition: what was measured, what it had to reach, and whether it did."""

    name: str
    value: float | None
    threshold: float | None
    passed: bool
    detail: str

    def row(self) -> dict[str, Any]:
        """Return it as a row of promotion_checks."""
        return asdict(self)


def judge(
    sharpes: Sequence[float],
    win_rates: Sequence[float],
    returns: Sequence[float],
    *,
    trials: int,
    trial_sharpes: Sequence[float],
    comparison: Comparison,
    findings: Sequence[Finding] | None,
) -> list[Check]:
    """Judge a version by its folds; it passes when every check does. What is not known never passes.

    Args:
        sharpes: of each fold out of sample, after costs, per year; NaN where undefined.
        win_rates: of each fold, fractions.
        returns: the folds' returns after costs, one after the other, fractions per holding period.
        trials: distinct configurations of the family ever tried, this one included.
        trial_sharpes: those of them whose Sharpe ratio is known, per holding period.
        comparison: with the version in use.
        findings: of the search for leakage; None when nobody searched.

    Raises:
        ConfigError: when no trial is counted.
    """
    sharpe, wins = middle(sharpes), middle(win_rates)
    return [
        _least(
            "sharpe_ratio", sharpe, LEAST_SHARPE, f"median out-of-sample Sharpe ratio of {len(sharpes)} folds"
        ),
        _least("win_rate", wins, LEAST_WIN_RATE, f"median out-of-sample win rate of {len(win_rates)} folds"),
        _deflated(returns, trials, trial_sharpes),
        _better(sharpe, comparison),
        _leakage(findings),
    ]


def middle(values: Sequence[float]) -> float:
    """Return the median; one undefined fold makes it undefined, for a fold without trades is no evidence of skill."""
    return math.nan if not values or any(map(math.isnan, values)) else float(median(values))


def _least(name: str, value: float, threshold: float, what: str) -> Check:
    passed = value >= threshold  # False for NaN
    return Check(
        name, _known(value), threshold, passed, f"{what} is {value:.4g}, must be at least {threshold:g}"
    )


def _deflated(returns: Sequence[float], trials: int, sharpes: Sequence[float]) -> Check:
    """Judge what is left of the Sharpe ratio after luck.

    The spread of the trials' Sharpe ratios is theirs where two are known; before that it is the one estimates of
    no skill have, 1 / (T - 1) (Lo 2002, The Statistics of Sharpe Ratios, at a Sharpe ratio of 0).
    """
    observed = moments(np.asarray(returns, dtype=np.float64))
    variance = trials_variance(list(sharpes))
    if math.isnan(variance) and observed.sessions > 1:
        variance = 1.0 / (observed.sessions - 1)
    value = deflated_sharpe(observed, trials, variance)
    what = f"deflated Sharpe ratio over {observed.sessions} returns and {trials} configurations tried"
    return _least("deflated_sharpe", value, LEAST_DEFLATED, what)


def _better(sharpe: float, comparison: Comparison) -> Check:
    name, threshold = "better_than_promoted", _known(comparison.sharpe)
    if not comparison.known:
        return Check(name, _known(sharpe), None, False, comparison.detail)
    if threshold is None and comparison is not NOTHING_IN_USE:
        return Check(name, _known(sharpe), None, not math.isnan(sharpe),
                     f"{comparison.detail}: its Sharpe ratio on these folds is undefined")  # fmt: skip
    passed = threshold is None or (sharpe >= threshold if comparison.refresh else sharpe > threshold)
    return Check(name, _known(sharpe), threshold, passed, comparison.detail)


def _leakage(findings: Sequence[Finding] | None) -> Check:
    if findings is None:
        return Check("leakage", None, 0.0, False, "nobody has searched for leakage: train again")
    said = "; ".join(f"{f.check}: {f.detail} ({f.value:.4g} > {f.threshold:.4g})" for f in findings)
    return Check("leakage", float(len(findings)), 0.0, not findings, said or "no leakage found")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
