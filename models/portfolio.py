"""From the models' scores to wanted holdings, in whole shares of the next session."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from models.accounting import QUANTUM, split_quantity
from models.errors import ConfigError, DataQualityError
from models.records import TargetPosition


@dataclass(frozen=True, slots=True)
class SkippedTarget:
    """A symbol whose holding is left as it is, and why."""

    symbol: str
    session_date: dt.date
    current_quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """The targets of one session, by symbol, and the symbols without one."""

    targets: tuple[TargetPosition, ...]
    skipped: tuple[SkippedTarget, ...]


def build_targets(
    session_date: dt.date,
    scores: Mapping[str, Sequence[float]],
    *,
    active_models: int,
    closes: Mapping[str, Decimal],
    next_splits: Mapping[str, Decimal],
    positions: Mapping[str, Decimal],
    equity_usd: Decimal,
    full_score_weight: float,
    restricted: frozenset[str] = frozenset(),
    flat: Mapping[str, str] = MappingProxyType({}),
) -> TargetPlan:
    """Turn one session's scores into target holdings for the next session's open.

    Weight = mean score x full_score_weight of equity; shares = weight x equity / reference price, cut off
    toward zero so that rounding never takes more than was wanted. The mean is over all active models: one
    without a row for the symbol counts 0. With no equity left every target is 0.

    Args:
        session_date: the session just closed.
        scores: by symbol, the signal scores of the active models that have a row; finite, in [-1, 1].
        active_models: how many models the mean divides by.
        closes: raw closes of session_date, USD. A symbol without one gets no target: its holding stays
            and stands in ``skipped``, for no price is invented.
        next_splits: split ratios (new shares per old) going ex at the next session, where there are any.
        positions: signed whole shares held after session_date, not yet split; converted here.
        equity_usd: of the account at session_date's close.
        full_score_weight: fraction of equity at a mean score of 1.
        restricted: symbols never to be traded; a holding in one stays and stands in ``skipped``.
        flat: symbols whose target is 0 whatever their score, with the reason the target then carries.

    Returns:
        A target for every other symbol with a score or a holding, ordered by symbol.

    Raises:
        ConfigError: when more rows than models are given, or a weight outside [0, 1].
        DataQualityError: for a score, close or ratio that is not a number in its range.
    """
    if not 0.0 <= full_score_weight <= 1.0:
        raise ConfigError("not a weight", stage="build_targets", key="FULL_SCORE_WEIGHT",
                          value=full_score_weight, remedy="set it from 0 to 1")  # fmt: skip
    equity = max(equity_usd, Decimal(0))
    held = {symbol: quantity for symbol, quantity in positions.items() if quantity}
    targets: list[TargetPosition] = []
    skipped: list[SkippedTarget] = []
    for symbol in sorted(scores.keys() | held.keys()):
        rows = scores.get(symbol, ())
        _check_scores(symbol, rows, active_models)
        ratio = next_splits.get(symbol, Decimal(1))
        _check_positive(symbol, "split ratio", ratio)
        current = int(split_quantity(held.get(symbol, Decimal(0)), ratio))
        if symbol in restricted:
            if current:
                skipped.append(
                    SkippedTarget(symbol, session_date, current, f"{symbol} is restricted: the holding stays")
                )
            continue
        if symbol not in closes:
            reason = f"no close for {symbol} on {session_date}: the holding stays"
            skipped.append(SkippedTarget(symbol, session_date, current, reason))
            continue
        _check_positive(symbol, "close", closes[symbol])
        price = (closes[symbol] / ratio).quantize(QUANTUM)
        score = math.fsum(rows) / active_models if rows else 0.0
        # repr gives the shortest decimal: 0.15 stays 0.15, and cutting off does not lose a share to 2**-53
        weight = Decimal(repr(score)) * Decimal(repr(0.0 if symbol in flat else full_score_weight))
        targets.append(
            TargetPosition(
                symbol=symbol, session_date=session_date, score=score, target_weight=float(weight),
                target_quantity=int(weight * equity // price), current_quantity=current,
                reference_price=price, reason=flat.get(symbol, ""),
            )
        )  # fmt: skip
    return TargetPlan(tuple(targets), tuple(skipped))


def _check_scores(symbol: str, rows: Sequence[float], active_models: int) -> None:
    if len(rows) > active_models:
        raise ConfigError(f"{len(rows)} scores for {symbol} from {active_models} active models",
                          stage="build_targets", key="active_models", value=active_models,
                          remedy="give one score per active model")  # fmt: skip
    for score in rows:
        if not -1.0 <= score <= 1.0:  # false for NaN as well
            raise DataQualityError(f"score of {symbol} outside [-1, 1]", stage="build_targets", key="score",
                                   value=score, remedy="recompute its signals")  # fmt: skip


def _check_positive(symbol: str, what: str, value: Decimal) -> None:
    if not (value.is_finite() and value > 0):
        raise DataQualityError(f"{what} of {symbol} is not a positive number", stage="build_targets",
                               key=what, value=value, remedy="mend market_data")  # fmt: skip
