"""What a portfolio may hold and when it trades, as numbers and words; nothing heavy, for the form of a DAG reads it."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import ConfigError

FORMS = ("grid", "portfolio")  # each strategy alone in each symbol, or all symbols in one account
WEIGHTINGS = ("equal", "score", "target")
SCHEDULES = ("change", "session", "week", "month")
BOUNDS = {"max_weight": (0.0001, 10.0), "gross": (0.01, 10.0), "net": (0.0, 10.0)}


@dataclass(frozen=True)
class Constraints:
    """What a portfolio may hold, as fractions of its equity.

    weighting: equal for all with a target; score: in proportion to it; target: each symbol with an opinion has an
        equal slice of equity and holds its target of that, so that a strategy half in cash stays half in cash. But for
        score, a strategy whose targets are weights holds those, see BaseStrategy.account_weights.
    rebalance: change: a symbol when its own weight changes; session, week, month: all, at the last close of each.
    max_weight: of one symbol, unsigned. gross: sum of the unsigned weights. net: the sum, unsigned.

    Raises:
        ConfigError: for an unknown word or a number out of its range.
    """

    weighting: str = "equal"
    rebalance: str = "change"  # a signal is followed when it comes, and nothing is traded for drift alone
    max_weight: float = 1.0
    gross: float = 1.0  # no loan
    net: float = 1.0

    def __post_init__(self) -> None:
        for name, known in (("weighting", WEIGHTINGS), ("rebalance", SCHEDULES)):
            if getattr(self, name) not in known:
                raise ConfigError("unknown word", stage="backtest", key=name, value=getattr(self, name),
                                  remedy=f"use one of {', '.join(known)}")  # fmt: skip
        for name, (low, high) in BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError("constraint out of range", stage="backtest", key=name, value=getattr(self, name),
                                  remedy=f"set it from {low} to {high}")  # fmt: skip
