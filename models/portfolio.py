"""From the ensemble's scores to wanted holdings, against what is held, in whole shares of the next session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.accounting import QUANTUM, split_quantity
from models.errors import DataQualityError
from models.lookback import Lookback
from models.portfolio_weights import Floats, PortfolioRules, weigh
from models.records import TargetPosition

Counts = NDArray[np.int64]
NOTHING: Mapping[str, str] = MappingProxyType({})


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
    scores: Mapping[str, float],
    rules: PortfolioRules,
    *,
    closes: Mapping[str, Decimal],
    next_splits: Mapping[str, Decimal],
    positions: Mapping[str, Decimal],
    equity_usd: Decimal,
    lookback: Lookback | None = None,
    sectors: Mapping[str, str] = NOTHING,
    restricted: frozenset[str] = frozenset(),
    flat: Mapping[str, str] = NOTHING,
    rebalances: bool = True,
) -> TargetPlan:
    """Turn one session's scores into target holdings for the next session's open.

    Weights come from the account's method, then caps make them smaller: per symbol, per sector, gross (with the
    cash buffer), net. Shares = weight x equity / reference price, cut off toward zero, so that rounding never
    takes more than was wanted; what it leaves is the target's residual_usd. Then, against what is held: a
    change of a holding on its side smaller than min_change is not made, and growth beyond the turnover limit is
    taken from all alike. Where so many are wanted that score_proportional would give each less than min_change, the
    strongest of a sector, then of all, are kept; of equal ones those held, then by symbol. With no equity left every
    target is 0.

    Args:
        session_date: the session just closed.
        scores: by symbol, the published ensemble scores in [-1, 1]; a symbol without one is wanted no more.
        rules: of the account.
        closes: raw closes of session_date, USD. A symbol without one gets no target: its holding stays and stands
            in ``skipped``, for no price is invented.
        next_splits: split ratios (new shares per old) going ex at the next session, where there are any.
        positions: signed whole shares held after session_date, not yet split; converted here.
        equity_usd: of the account at session_date's close.
        lookback: the recent past, for methods that measure risk.
        sectors: by symbol; those without one count as one sector.
        restricted: symbols never to be traded; a holding in one stays and stands in ``skipped``.
        flat: symbols whose target is 0 whatever their score, with the reason the target then carries.
        rebalances: False between two rebalancings: what is held on the side of its score stays as it is, and
            nothing is opened.

    Returns:
        A target for every other symbol with a score or a holding, ordered by symbol.

    Raises:
        DataQualityError: for a score, close or ratio that is not a number in its range.
    """
    for symbol, score in scores.items():
        if not -1.0 <= score <= 1.0:  # false for NaN as well
            raise DataQualityError(f"score of {symbol} outside [-1, 1]", stage="build_targets", key="score",
                                   value=score, remedy="recompute its signals")  # fmt: skip
    held = {symbol: quantity for symbol, quantity in positions.items() if quantity}
    symbols, prices, current, skipped = [], [], [], []
    for symbol in sorted(scores.keys() | held.keys()):
        quantity, ratio = int(held.get(symbol, 0)), next_splits.get(symbol)
        if ratio is not None:
            _check_positive(symbol, "split ratio", ratio)
            quantity = int(split_quantity(held[symbol], ratio)) if quantity else 0
        if symbol in restricted or symbol not in closes:
            if quantity or symbol not in restricted:
                why = (
                    f"{symbol} is restricted"
                    if symbol in restricted
                    else f"no close for {symbol} on {session_date}"
                )
                skipped.append(SkippedTarget(symbol, session_date, quantity, f"{why}: the holding stays"))
            continue
        _check_positive(symbol, "close", closes[symbol])
        symbols.append(symbol)
        prices.append(closes[symbol] if ratio is None else (closes[symbol] / ratio).quantize(QUANTUM))
        current.append(quantity)
    wanted = np.array([0.0 if s in flat else scores.get(s, 0.0) for s in symbols])
    price, now = np.array([float(p) for p in prices]), np.array(current, dtype=np.int64)
    equity = max(float(equity_usd), 0.0)
    if rebalances:
        weights = _weights(symbols, wanted, rules, lookback)
        weights = np.clip(weights, -rules.max_symbol, rules.max_symbol)
        group = _groups(symbols, sectors)
        if rules.method == "score_proportional":
            weights = _worth_an_order(weights, now, group, rules)
        weights = _capped(weights, group, rules)
        final = _whole_shares(weights * equity, price)
        final = _moderated(final, now, price, equity, rules)
        residual = weights * equity - _whole_shares(weights * equity, price) * price
    else:
        final = np.where(now * np.sign(wanted) > 0, now, 0)
        weights = final * price / equity if equity else np.zeros(len(final))
        residual = np.zeros(len(final))
    targets = tuple(
        TargetPosition(
            symbol=symbol, session_date=session_date, score=scores.get(symbol, 0.0), target_weight=weight,
            target_quantity=quantity, current_quantity=old, reference_price=at,
            reason=flat.get(symbol, ""), residual_usd=left,
        )
        for symbol, weight, quantity, old, at, left in zip(
            symbols, weights.tolist(), final.tolist(), current, prices, residual.tolist(), strict=True
        )
    )  # fmt: skip
    return TargetPlan(targets, tuple(skipped))


def _weights(symbols: list[str], wanted: Floats, rules: PortfolioRules, lookback: Lookback | None) -> Floats:
    """Return the method's weights of the symbols that are wanted, 0 for the others."""
    weights = np.zeros(len(symbols))
    chosen = np.flatnonzero(wanted)
    if len(chosen):
        weights[chosen] = weigh([symbols[i] for i in chosen], wanted[chosen], rules, lookback)
    return weights


def _groups(symbols: list[str], sectors: Mapping[str, str]) -> Counts:
    """Return the number of each symbol's sector; those without one are one."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(sectors.get(s) or "", len(known)) for s in symbols], dtype=np.int64)


def _worth_an_order(weights: Floats, now: Counts, group: Counts, rules: PortfolioRules) -> Floats:
    """Keep as many names, the strongest first, as the caps leave at least min_change each."""
    held = now * np.sign(weights) > 0
    order = np.lexsort((np.arange(len(weights)), ~held, -np.abs(weights)))
    order = order[weights[order] != 0]
    kept = np.zeros_like(weights)
    for sector in np.unique(group[order]):
        mine = order[group[order] == sector]
        scaled = _strongest(weights[mine], rules.max_sector, rules.min_change)
        kept[mine[: len(scaled)]] = scaled
    order = order[kept[order] != 0]
    order = order[np.argsort(-np.abs(kept[order]), kind="stable")]
    scaled = _strongest(kept[order], rules.budget, rules.min_change)
    out = np.zeros_like(weights)
    out[order[: len(scaled)]] = weights[order[: len(scaled)]]
    return out


def _strongest(weights: Floats, cap: float, least: float) -> Floats:
    """Return the longest head of weights, ordered by size, that within the cap leaves each the least or its own."""
    size = np.abs(weights)
    total = np.cumsum(size)
    scale = _scale(total, cap)
    fits = np.flatnonzero((size * scale >= least - 1e-12) | (scale >= 1.0))
    count = int(fits[-1]) + 1 if len(fits) else min(len(weights), 1)
    return weights[:count] * (scale[count - 1] if count else 1.0)


def _capped(weights: Floats, group: Counts, rules: PortfolioRules) -> Floats:
    """Make weights smaller until all caps hold; each step keeps what the ones before it have reached."""
    size: Floats = np.bincount(group, np.abs(weights)).astype(np.float64)
    weights = weights * _scale(size, rules.max_sector)[group]
    weights = weights * _scale(np.abs(weights).sum(keepdims=True), rules.budget)
    net = float(weights.sum())
    if abs(net) > rules.max_net:  # the side that is too large gives way
        mine = np.sign(weights) == np.sign(net)
        total = float(np.abs(weights[mine]).sum())
        weights = np.where(mine, weights * (total - (abs(net) - rules.max_net)) / total, weights)
    return weights


def _scale(size: Floats, cap: float) -> Floats:
    return np.where(size > cap, cap / np.where(size > 0, size, 1.0), 1.0)


def _whole_shares(usd: Floats, price: Floats) -> Counts:
    """Cut off toward zero; what misses a whole share by rounding alone is that share."""
    shares = usd / price
    return (np.sign(shares) * np.floor(np.abs(shares) + 1e-9)).astype(np.int64)


def _moderated(final: Counts, now: Counts, price: Floats, equity: float, rules: PortfolioRules) -> Counts:
    """Leave out small adjustments, then what goes beyond the turnover limit; what is toward flat comes first."""
    same_side = final * np.sign(now) > 0
    small = same_side & (np.abs(final - now) * price < rules.min_change * equity)
    final = np.where(small, now, final)
    through_zero = final * np.sign(now) < 0
    kept = np.where(through_zero, 0, np.where(np.abs(final) <= np.abs(now), final, now))
    growth = np.abs(final - kept)
    closing = float((np.abs(kept - now) * price).sum())
    wanted = float((growth * price).sum())
    room = max(rules.max_turnover * equity - closing, 0.0)
    if wanted > room:
        growth = np.floor(growth * (room / wanted)).astype(np.int64)
    moderated: Counts = kept + np.sign(final) * growth
    return moderated


def _check_positive(symbol: str, what: str, value: Decimal) -> None:
    if not (value.is_finite() and value > 0):
        raise DataQualityError(f"{what} of {symbol} is not a positive number", stage="build_targets",
                               key=what, value=value, remedy="mend market_data")  # fmt: skip
