"""What ends a holding by itself: a stop, a target, a trailing stop; the backtest engine's rules in decimals.

Several models vote on one holding, so one rule settles its levels: of the models with a vote whose score has
the holding's sign, the tightest stop and the tightest target when it is opened, and at each close the
tightest trailing distance. None where none of them states one. What is added later does not change the
fractions; they count from the average cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from models.accounting import QUANTUM
from models.records import PRICE_TICK


@dataclass(frozen=True, slots=True)
class Vote:
    """A model's score for one symbol, how sure it is, and the exits its signal states; None for none.

    stop_loss, take_profit: fractions of the entry price; trailing_stop_usd: distance per share, raw price.
    """

    score: float
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop_usd: float | None = None
    confidence: float = 1.0
    model: str = ""


@dataclass(frozen=True, slots=True)
class Exits:
    """The exits of one holding; prices raw, USD per share in the session's share basis.

    entry_order: client_order_id of the order that opened it; stop_loss, take_profit: fractions of the average
    cost; best: highest high since the entry, lowest low of a short; trailing: price of the trailing stop, None
    before a close has set one.
    """

    entry_order: str
    stop_loss: float | None
    take_profit: float | None
    best: Decimal
    trailing: Decimal | None = None

    @property
    def are_none(self) -> bool:
        """Whether nothing is to rest: no exit was stated, and no trailing stop has been set yet."""
        return self.stop_loss is None and self.take_profit is None and self.trailing is None

    def levels(self, average_cost: Decimal, side: int) -> dict[str, Decimal]:
        """Return the price of each exit by order type, rounded to the nearest tick; none at or below 0.

        Args:
            average_cost: of the holding, USD per share.
            side: 1 long, -1 short.
        """
        found: dict[str, Decimal] = {}
        if self.stop_loss is not None:
            found["stop"] = average_cost * (1 - side * Decimal(repr(self.stop_loss)))
        if self.trailing is not None:
            found["trailing_stop"] = self.trailing
        if self.take_profit is not None:
            found["limit"] = average_cost * (1 + side * Decimal(repr(self.take_profit)))
        ticks = {kind: price.quantize(PRICE_TICK) for kind, price in found.items()}
        return {kind: price for kind, price in ticks.items() if price > 0}

    def reached(self, close: Decimal, average_cost: Decimal, side: int) -> str:
        """Return the order type of the exit a close has reached, stops first; empty when none."""
        levels = self.levels(average_cost, side)
        for kind in ("stop", "trailing_stop"):
            if kind in levels and side * close <= side * levels[kind]:
                return kind
        return "limit" if "limit" in levels and side * close >= side * levels["limit"] else ""

    def watched(self, high: Decimal, low: Decimal, distance: float | None, side: int) -> Exits:
        """Return the exits after a bar: the trailing stop moves for the next one, and never gives way.

        Args:
            high: of the bar.
            low: of the bar.
            distance: of the trailing stop known at its close; None leaves it where it stands.
            side: 1 long, -1 short.
        """
        best = max(self.best, high) if side > 0 else min(self.best, low)
        if distance is None and best == self.best:
            return self
        trailing = self.trailing
        if distance is not None:
            price = (best - side * Decimal(repr(distance))).quantize(QUANTUM)
            if price > 0 and (trailing is None or side * price > side * trailing):
                trailing = price
        return replace(self, best=best, trailing=trailing)

    def split(self, ratio: Decimal) -> Exits:
        """Return the exits in new shares; fractions of the average cost follow it by themselves."""
        trailing = None if self.trailing is None else (self.trailing / ratio).quantize(QUANTUM)
        return replace(self, best=(self.best / ratio).quantize(QUANTUM), trailing=trailing)


def tightest(votes: Iterable[Vote], side: int) -> tuple[float | None, float | None, float | None]:
    """Return the smallest stop_loss, take_profit and trailing_stop_usd among the votes for a side."""
    agreeing = [v for v in votes if v.score * side > 0]
    return (
        min((v.stop_loss for v in agreeing if v.stop_loss is not None), default=None),
        min((v.take_profit for v in agreeing if v.take_profit is not None), default=None),
        min((v.trailing_stop_usd for v in agreeing if v.trailing_stop_usd is not None), default=None),
    )
