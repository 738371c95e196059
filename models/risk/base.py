"""What a limit is: one small class that says how much of each wanted change it lets through.

Every wanted change has two parts: one toward flat, which only takes risk off, and growth, the shares that add
risk (through zero: the new side). Limits bound growth. The part toward flat passes all of them, also while what
is held is above the limit and when a limit cannot be evaluated: a limit must never hold a position. The one
exception is the kill switch, which stops everything, since what latched it may have been the books themselves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError
from models.lookback import Lookback
from models.records import TargetPosition

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
ALL = np.iinfo(np.int64).max  # no bound


@dataclass(frozen=True)
class RiskContext:
    """What limits may look at besides the targets, as of the session's close.

    equity_usd; holdings_usd: signed market value by symbol, every holding, those without a target included;
    kill_switch: why it is latched, empty when it is not; sectors: by symbol, missing or empty for unknown;
    confidences: of the ensemble's signals; lookback: the recent past; next_splits: ratios going ex at the next
    session; session_loss, drawdown: fractions of the account's unit value; quotes: price an order would be sent
    at, USD in the next session's share basis, by symbol; least_usd: growth of which limits leave less is not worth
    an order.
    """

    equity_usd: float
    holdings_usd: Mapping[str, float]
    kill_switch: str = ""
    sectors: Mapping[str, str] = field(default_factory=dict)
    confidences: Mapping[str, float] = field(default_factory=dict)
    lookback: Lookback | None = None
    next_splits: Mapping[str, float] = field(default_factory=dict)
    session_loss: float = 0.0
    drawdown: float = 0.0
    quotes: Mapping[str, float] = field(default_factory=dict)
    least_usd: float = 0.0


class Batch:
    """The wanted changes of one session as arrays, by symbol, and the holdings that do not change.

    current, wanted: signed shares; price: USD; closing: signed shares toward flat; growth: shares beyond,
    unsigned; side: of the wanted position, -1, 0, 1; others: holdings without a change.
    """

    def __init__(self, targets: Sequence[TargetPosition], context: RiskContext):
        self.context = context
        self.targets = targets
        self.symbols = tuple(t.symbol for t in targets)
        self.current: Counts = np.array([t.current_quantity for t in targets], dtype=np.int64)
        self.price: Floats = np.array([float(t.reference_price) for t in targets])
        self.equity = context.equity_usd
        changed = set(self.symbols)
        self.others = {s: v for s, v in sorted(context.holdings_usd.items()) if s not in changed and v}
        self._want(np.array([t.target_quantity for t in targets], dtype=np.int64))

    def narrowed(self, growth: Counts) -> Batch:
        """Return the batch with so much growth instead."""
        found = copy(self)
        for name in ("base_usd", "added_usd"):
            found.__dict__.pop(name, None)
        found._want(self.current + self.closing + self.side * growth)
        return found

    def _want(self, wanted: Counts) -> None:
        self.wanted: Counts = wanted
        self.simulated: Any = None  # what limits on the whole portfolio have in common, once it is asked for
        through_zero = self.current * np.sign(self.wanted) < 0
        reducing = ~through_zero & (np.abs(self.wanted) <= np.abs(self.current))
        kept = np.where(reducing, self.wanted, np.where(through_zero, 0, self.current))
        self.closing: Counts = kept - self.current
        self.growth: Counts = np.abs(self.wanted - kept)
        self.side: Counts = np.sign(self.wanted)

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def base_usd(self) -> Floats:
        """What each symbol counts with before growth: held now, for a sale frees no room before it is filled."""
        return np.abs(self.current) * self.price

    @cached_property
    def added_usd(self) -> Floats:
        """By how much growth would raise that; through zero the new side first has to outgrow the old one."""
        final = np.abs(self.current + self.closing + self.side * self.growth) * self.price
        return np.maximum(final - self.base_usd, 0.0)

    @property
    def room_usd(self) -> float:
        """Equity to measure by, 0 without any."""
        return max(self.equity, 0.0)

    def share(self, usd: Any) -> Any:
        """Return fractions of equity, NaN when there is none to compare with."""
        return usd / self.equity if self.equity > 0 else np.full(np.shape(usd), np.nan)


@dataclass(frozen=True)
class Verdict:
    """A limit's word on every change: what was measured (NaN where nothing could be), its threshold, the most
    shares of growth, and what is missing to evaluate it, empty where nothing is."""

    value: Floats
    threshold: Floats
    growth: Counts
    missing: Sequence[str] = ()


class Limit(ABC):
    """One limit; a subclass sets ``name`` and ``check`` in a file of its own in this folder.

    Its default threshold stands in include/limits.yaml. ``stops_everything``: also what is toward flat;
    ``whole_portfolio``: it depends on all changes together and is asked about what the other limits have left;
    ``per_symbol``: a symbol's own threshold decides about its change; of what changes share there is one threshold.

    Args:
        threshold: in the limit's own unit.
        overrides: by symbol, where a symbol has a threshold of its own.

    Raises:
        ConfigError: for a threshold that is not a finite number >= 0.
    """

    name: ClassVar[str] = ""
    stops_everything: ClassVar[bool] = False
    whole_portfolio: ClassVar[bool] = False
    per_symbol: ClassVar[bool] = False

    def __init__(self, threshold: float, overrides: Mapping[str, float] | None = None) -> None:
        self.threshold = threshold
        self.overrides = dict(overrides or {})
        for value in (threshold, *self.overrides.values()):
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError("not a threshold", stage="check_risk", key=self.name, value=value,
                                  remedy="set a finite number, 0 or more, in risk_limits")  # fmt: skip

    @abstractmethod
    def check(self, batch: Batch) -> Verdict:
        """Return the limit's word on every change, each on its own unless changes share the room."""

    def thresholds(self, batch: Batch) -> Floats:
        """Return the threshold of each change."""
        if not self.overrides:
            return np.full(len(batch), float(self.threshold))
        return np.array([self.overrides.get(s, self.threshold) for s in batch.symbols])


def all_or_nothing(
    limit: Limit, batch: Batch, value: Floats, passes: NDArray[np.bool_], missing: Sequence[str] = ()
) -> Verdict:
    """Return a verdict that lets all growth through where the test passes, else none."""
    return Verdict(value, limit.thresholds(batch), np.where(passes, ALL, 0), missing)


def shares_within(usd: Floats, price: Floats) -> Counts:
    """Return the whole shares that fit, never below 0; a division that misses a whole number by rounding counts
    as that number."""
    return np.floor(np.clip(usd / price, 0.0, 1e15) + 1e-9).astype(np.int64)


def fraction_of(growth: Counts, fraction: Floats) -> Counts:
    """Return the whole shares of growth that a fraction leaves; ALL where it leaves everything."""
    part = np.floor(growth * np.clip(fraction, 0.0, 1.0) + 1e-9).astype(np.int64)
    return np.where(fraction >= 1.0, ALL, part)


def pro_rata(room: Any, added: Any) -> Floats:
    """Return which part of what is added fits into the room; all of it where nothing is added."""
    room, added = np.asarray(room, dtype=float), np.asarray(added, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(added > 0, np.clip(room, 0.0, None) / np.where(added > 0, added, 1.0), 1.0)
