"""Checks every wanted change against every limit, before there is any order."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence

import models.risk
from models.errors import ConfigError, DataQualityError
from models.records import RiskDecision, TargetPosition
from models.risk.base import Exposure, Limit, RiskContext


def available_limits() -> dict[str, type[Limit]]:
    """Return every limit by name: each file in models/risk that defines one is found by itself."""
    for module in pkgutil.iter_modules(models.risk.__path__):
        importlib.import_module(f"models.risk.{module.name}")
    own = [cls for cls in Limit.__subclasses__() if cls.__module__.startswith("models.risk.")]
    return {cls.name: cls for cls in sorted(own, key=lambda c: c.name)}


def build_limits(thresholds: Mapping[str, float | None] | None = None) -> tuple[Limit, ...]:
    """Build all limits, ordered by name.

    Args:
        thresholds: by limit name; None, or a limit left out, takes the limit's own default: no limit can be
            switched off by forgetting it.

    Raises:
        ConfigError: for an unknown limit or a refused threshold.
    """
    known = available_limits()
    given = dict(thresholds or {})
    for name, value in given.items():
        if name not in known:
            raise ConfigError("unknown limit", stage="check_risk", key=name, value=value,
                              remedy=f"known are {', '.join(known)}")  # fmt: skip
    return tuple(cls(given.get(name)) for name, cls in known.items())


def check_risk(
    targets: Iterable[TargetPosition], limits: Sequence[Limit], context: RiskContext
) -> list[RiskDecision]:
    """Decide each wanted change, in symbol order: the smallest change that any limit lets through.

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
    exposure = Exposure()
    for symbol, value in context.holdings_usd.items():
        if not value.is_finite():
            raise DataQualityError("holding without a value", stage="check_risk", key="symbol", value=symbol,
                                   remedy="mark the positions first")  # fmt: skip
        exposure.raise_to(symbol, abs(value))
    decisions: list[RiskDecision] = []
    ordered = sorted(targets, key=lambda t: t.symbol)
    for before, target in zip([None, *ordered], ordered, strict=False):
        if before is not None and before.symbol == target.symbol:
            raise DataQualityError("two targets for one symbol", stage="check_risk", key="symbol",
                                   value=target.symbol, remedy="keep one per session")  # fmt: skip
        exposure.raise_to(target.symbol, abs(target.current_quantity) * target.reference_price)
    for target in ordered:
        if target.target_quantity != target.current_quantity:
            decision = _decide(target, limits, context, exposure)
            final = target.current_quantity + decision.approved_quantity
            exposure.raise_to(target.symbol, abs(final) * target.reference_price)
            decisions.append(decision)
    return decisions


def _decide(
    target: TargetPosition, limits: Sequence[Limit], context: RiskContext, exposure: Exposure
) -> RiskDecision:
    wanted = target.target_quantity - target.current_quantity
    checks = tuple(limit.check(target, context, exposure) for limit in limits)
    approved = min((c.allowed_quantity for c in checks), key=abs)
    if approved * wanted < 0 or abs(approved) > abs(wanted):
        raise DataQualityError("a limit asked for another trade than was wanted", stage="check_risk",
                               key=target.symbol, value=checks, remedy="mend the limit")  # fmt: skip
    verdict = "approved" if approved == wanted else "reduced" if approved else "rejected"
    return RiskDecision(
        symbol=target.symbol, session_date=target.session_date, decision=verdict, requested_quantity=wanted,
        approved_quantity=approved, reason="; ".join(c.reason for c in checks if c.reason), checks=checks,
    )  # fmt: skip
