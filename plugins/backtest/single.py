"""The grid form of one strategy: an account per symbol, with its curve and trades."""

from __future__ import annotations

import numpy as np

from models.backtest.rules import Rules
from models.strategies.base import BaseStrategy
from plugins.backtest.market import Market
from plugins.backtest.orders import wanted
from plugins.backtest.outcome import Outcome, run


def run_single(market: Market, strategy: BaseStrategy, rules: Rules) -> list[Outcome]:
    """Run a strategy alone in each symbol that has bars from the market's begin on.

    The accounts are those of models.backtest.grid, run by the portfolio's code for the sake of their trades; a test
    holds the two equal.
    """
    target, trail, own = wanted(market, strategy, rules)
    outcomes = []
    for n, symbol in enumerate(market.symbols):
        part = slice(market.offsets[n], market.offsets[n + 1])
        places = market.row_session[part]
        first = int(np.searchsorted(places, market.begin))
        if first == len(places):
            continue
        rows = np.arange(len(places))[:, None]
        outcomes.append(run(
            symbol, (symbol,), market.sessions[places], market.bars[part], rows, (first, len(places) - 1),
            target[places, n : n + 1], trail[part], np.zeros(len(places), np.bool_), own, market.benchmark[part],
            rules.cash_rate,
        ))  # fmt: skip
    return outcomes
