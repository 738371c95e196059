"""Checks every wanted change against every limit, before there is any order."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

import models.risk
from models.errors import ConfigError, DataQualityError
from models.records import RiskDecision, TargetPosition
from models.risk.base import Batch, Counts, Limit, RiskContext, Verdict
from models.risk.checks import CheckColumn, Checks
from models.risk.portfolio_risk import PortfolioRisk, simulate

HALVINGS = 40  # the part of the growth that fits, to a trillionth
NOT_WORTH = "what is left of it is not worth an order (min_change)"
STEP_BACK = 0.98  # whole shares lost from a hedge may cost the last bit; then a little less of all


@cache
def available_limits() -> dict[str, type[Limit]]:
    """Return every limit by name: each file in models/risk that defines one is found by itself."""
    for module in pkgutil.iter_modules(models.risk.__path__):
        importlib.import_module(f"models.risk.{module.name}")
    found, left = [], [Limit]
    while left:
        for cls in left.pop().__subclasses__():
            left.append(cls)
            found += [cls] if cls.name and cls.__module__.startswith("models.risk.") else []
    return {cls.name: cls for cls in sorted(found, key=lambda c: c.name)}


def build_limits(
    thresholds: Mapping[str, float], overrides: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[Limit, ...]:
    """Build all limits, ordered by name.

    Args:
        thresholds: by limit name; every limit must have one, so that none is switched off by forgetting it.
        overrides: by limit name, thresholds of single symbols. Of a limit that is not ``per_symbol`` only sessions
            have some that were decided before these were left out: there they were stored, but never decided.

    Raises:
        ConfigError: for an unknown limit, one without a threshold, or a refused threshold.
    """
    known = available_limits()
    given = dict(overrides or {})
    for name in (*thresholds, *given):
        if name not in known:
            raise ConfigError("unknown limit", stage="check_risk", key=name, value=thresholds.get(name),
                              remedy=f"known are {', '.join(known)}")  # fmt: skip
    for name in known:
        if name not in thresholds:
            raise ConfigError("limit without a threshold", stage="check_risk", key=name, value=None,
                              remedy="add it to include/limits.yaml, or its row to risk_limits")  # fmt: skip
    return tuple(cls(thresholds[name], given.get(name)) for name, cls in known.items())


def check_risk(
    targets: Iterable[TargetPosition], limits: Sequence[Limit], context: RiskContext
) -> list[RiskDecision]:
    """Decide every wanted change: what is toward flat, and the most growth that all limits let through.

    Each limit bounds growth by itself; where changes share a room, each gets the same part of what it wants.
    The limits on the whole portfolio are then asked about what is left, and take the same part of every growth.

    Args:
        targets: of one session, at most one per symbol.
        limits: every one is asked about every change and its verdict kept.
        context: the account as of the session's close.

    Returns:
        One decision per target that differs from the current holding, by symbol: approved (all of it),
        reduced (a part), rejected (nothing).

    Raises:
        ConfigError: without any limit.
        DataQualityError: for two targets of one symbol, or a holding without a finite value.
    """
    if not limits:
        raise ConfigError("no risk limits", stage="check_risk", key="limits", value=0,
                          remedy="restore the rows of risk_limits")  # fmt: skip
    for symbol, value in context.holdings_usd.items():
        if not np.isfinite(value):
            raise DataQualityError("holding without a value", stage="check_risk", key="symbol", value=symbol,
                                   remedy="mark the positions first")  # fmt: skip
    ordered = sorted(targets, key=lambda t: t.symbol)
    for before, target in itertools.pairwise(ordered):
        if before.symbol == target.symbol:
            raise DataQualityError("two targets for one symbol", stage="check_risk", key="symbol",
                                   value=target.symbol, remedy="keep one per session")  # fmt: skip
    batch = Batch([t for t in ordered if t.target_quantity != t.current_quantity], context)
    if not len(batch):
        return []
    verdicts: dict[str, Verdict] = {}
    growth = batch.growth
    for limit in limits:
        if not limit.whole_portfolio:
            verdicts[limit.name] = verdict = limit.check(batch)
            growth = np.minimum(growth, _allowed(verdict))
    # Before the limits on the whole portfolio: what is left out may have been another's hedge.
    dropped = (growth > 0) & (growth < batch.growth) & (growth * batch.price < context.least_usd)
    growth = np.where(dropped, 0, growth)
    whole = [limit for limit in limits if isinstance(limit, PortfolioRisk)]
    if whole:
        growth, more = _fit_portfolio(batch, growth, whole)
        verdicts |= more
    return _decisions(batch, limits, verdicts, growth, dropped)


def _allowed(verdict: Verdict) -> Counts:
    if not any(verdict.missing):
        return verdict.growth
    return np.where([bool(m) for m in verdict.missing], 0, verdict.growth)


def _fit_portfolio(
    batch: Batch, growth: Counts, limits: Sequence[PortfolioRisk]
) -> tuple[Counts, dict[str, Verdict]]:
    """Return the growth that all limits on the whole portfolio leave, and what each says of it."""
    narrowed = batch.narrowed(growth)
    verdicts = {limit.name: limit.check(narrowed) for limit in limits}
    for verdict in verdicts.values():
        growth = np.where([bool(m) for m in verdict.missing], 0, growth)
    if not growth.any() or all(v.growth.min() > 0 and not any(v.missing) for v in verdicts.values()):
        return growth, verdicts

    def fits(wanted: Counts) -> list[bool]:
        _, fixed, grown = simulate(batch.narrowed(wanted))
        return [fixed is not None and limit.holds(fixed + grown, batch.equity) for limit in limits]

    _, fixed, grown = simulate(batch.narrowed(growth))
    low, high = 0.0, 1.0
    if fixed is None or not all(limit.holds(fixed, batch.equity) for limit in limits):
        high = 0.0  # what stays is beyond the limit by itself
    if high and all(limit.holds(fixed + grown, batch.equity) for limit in limits):
        low = 1.0
    for _ in range(HALVINGS if high and low < high else 0):
        middle = (low + high) / 2.0
        within = all(limit.holds(fixed + middle * grown, batch.equity) for limit in limits)
        low, high = (middle, high) if within else (low, middle)
    part, wanted = low, _part(growth, low)
    while wanted.any() and not all(fits(wanted)):
        part *= STEP_BACK
        wanted = _part(growth, part)
    bound = np.minimum(wanted, growth)
    cut = {name: replace(v, growth=np.where(v.growth > 0, v.growth, bound)) for name, v in verdicts.items()}
    return bound, cut


def _part(growth: Counts, part: float) -> Counts:
    return growth if part >= 1.0 else np.floor(growth * part).astype(np.int64)


def _decisions(
    batch: Batch, limits: Sequence[Limit], verdicts: Mapping[str, Verdict], growth: Counts, dropped: NDArray[np.bool_]
) -> list[RiskDecision]:
    stopped = any(_stops(limit, verdicts[limit.name]) for limit in limits)
    wanted = batch.wanted - batch.current
    approved = np.zeros(len(batch), np.int64) if stopped else batch.closing + batch.side * growth
    columns = tuple(_column(batch, limit, verdicts[limit.name]) for limit in limits)
    spoken = [column for column in columns if any(column.reason)]
    decisions = []
    for i, (symbol, w, a) in enumerate(zip(batch.symbols, wanted.tolist(), approved.tolist(), strict=True)):
        checks = Checks(columns, i)
        if a * w < 0 or abs(a) > abs(w):
            raise DataQualityError("a limit asked for another trade than was wanted", stage="check_risk",
                                   key=symbol, value=checks, remedy="mend the limit")  # fmt: skip
        reasons = [column.reason[i] for column in spoken if column.reason[i]]
        decisions.append(
            RiskDecision(
                symbol=symbol, session_date=batch.targets[i].session_date,
                decision="approved" if a == w else "reduced" if a else "rejected",
                requested_quantity=w, approved_quantity=a,
                reason="" if a == w else "; ".join([*reasons, *([NOT_WORTH] if dropped[i] else [])]),
                checks=checks,
            )
        )  # fmt: skip
    return decisions


def _stops(limit: Limit, verdict: Verdict) -> bool:
    return limit.stops_everything and bool((verdict.growth <= 0).any())


def _column(batch: Batch, limit: Limit, verdict: Verdict) -> CheckColumn:
    """Return one limit's check of every change."""
    stops, count = _stops(limit, verdict), len(batch)
    growth = np.minimum(batch.growth, np.maximum(_allowed(verdict), 0))
    allowed = np.zeros(count, np.int64) if stops else batch.closing + batch.side * growth
    known = np.isfinite(verdict.value)
    value, threshold = verdict.value.tolist(), verdict.threshold.tolist()
    reasons = [f"kill switch is latched: {batch.context.kill_switch}" if stops else ""] * count
    for i in () if stops else np.flatnonzero(growth < batch.growth).tolist():
        if verdict.missing and verdict.missing[i]:
            reasons[i] = f"{limit.name} cannot be evaluated without {verdict.missing[i]}"
        elif known[i]:
            reasons[i] = f"{limit.name} would be {value[i]:.4f}, the limit is {threshold[i]:g}"
        else:
            reasons[i] = f"{limit.name} has no equity to be measured by"
    if not known.all():
        value = [v if k else None for v, k in zip(value, known.tolist(), strict=True)]
    return CheckColumn(limit.name, value, threshold, allowed.tolist(), reasons)
