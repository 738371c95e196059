"""Balanced portfolio: 60 % equity, 40 % something calm, traded back when they drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import ConfigError
from models.panel import Matrix
from models.strategies.base import BaseStrategy, Panel, Scores, in_equal_slices, parameter, symbol_parameter


@dataclass(frozen=True)
class BalancedPortfolio(BaseStrategy):
    """Weights equity_weight and 1 - equity_weight; the engine trades when one is off by more than the band.

    equity_leg names the equity; unnamed, each symbol is the equity of its own account, and in one account all
    but the bond share equity_weight in equal parts. bond_leg names the calm side; unnamed, it is cash at the
    risk-free rate. The score is the weight; NaN without a bar, and for symbols that are neither leg. Sources:
    60/40 is the usual policy portfolio (Ambachtsheer (1987), Financial Analysts Journal 43(5)); a band of 5
    points: Vanguard, Best Practices for Portfolio Rebalancing (2010), about the fewest trades at nearly the risk
    wanted.
    """

    name = "balanced_portfolio"
    category = "allocation"
    starts_active = False  # a benchmark: its vote is long on everything, always
    retired = ("cash_return",)
    features = ("day_of_week",)  # every bar has it from the first on, so it tells where there is one

    equity_weight: float = parameter(0.6, low=0.0, high=1.0)
    drift_band: float = parameter(0.05, low=0.0, high=0.5)
    equity_leg: str = symbol_parameter()
    bond_leg: str = symbol_parameter()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.equity_leg and self.equity_leg == self.bond_leg:
            raise ConfigError("both legs are one symbol", stage="strategies", key="bond_leg",
                              value=self.bond_leg, remedy="name two, or leave one empty")  # fmt: skip

    def score(self, panel: Panel) -> Scores:
        """Return the weights, stateless.

        Raises:
            ConfigError: when a named leg has no bars.
        """
        others = np.nan if self.equity_leg else self.equity_weight
        weights = np.full(len(panel.symbols), others)
        for key, share in (("equity_leg", self.equity_weight), ("bond_leg", 1.0 - self.equity_weight)):
            if leg := getattr(self, key):
                weights[self._column(panel, key, leg)] = share
        return Scores(np.where(np.isnan(panel["day_of_week"]), np.nan, weights))

    def rules(self) -> dict[str, float | bool]:
        """The band."""
        return {"band": self.drift_band}

    def account_weights(self, target: Matrix, symbols: Sequence[str]) -> Matrix:
        """Return the legs' weights; without a named equity, all symbols but the bond share its weight."""
        if self.equity_leg:
            return target
        equity = np.array([symbol != self.bond_leg for symbol in symbols], np.bool_)
        weights = target.copy()
        weights[:, equity] = in_equal_slices(target[:, equity])
        return weights

    def _column(self, panel: Panel, key: str, leg: str) -> int:
        if leg in panel.symbols:
            column = panel.symbols.index(leg)
            if not np.isnan(panel["day_of_week"][:, column]).all():
                return column
        raise ConfigError(f"no bars for {leg}, a leg of {self.name}", stage="strategies", key=key, value=leg,
                          remedy=f"add {leg} to the symbols, or leave {key} empty")  # fmt: skip
