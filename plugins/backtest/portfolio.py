"""The portfolio form: one account in all symbols, rebalanced, within constraints."""

from __future__ import annotations

import numpy as np

from models.backtest.constraints import Constraints
from models.backtest.kernel import GAP
from models.backtest.rules import Rules
from models.backtest.weights import bands, carried, rebalancing, weights
from models.strategies.base import BaseStrategy
from plugins.backtest.market import Market
from plugins.backtest.orders import wanted
from plugins.backtest.outcome import Outcome, run


def run_whole(market: Market, strategy: BaseStrategy, rules: Rules, constraints: Constraints) -> Outcome:
    """Run a strategy over all symbols in one account, from the market's begin to its last bar.

    A strategy that buys amounts (dollar cost averaging) buys them in each symbol; weights do not apply to it.
    """
    target, trail, own = wanted(market, strategy, rules)
    rows = np.full(target.shape, -1, np.int64)
    rows[market.row_session, market.row_symbol] = np.arange(len(market.bars))
    first = max(market.begin, int(market.row_session.min()))
    span = first, int(market.row_session.max())
    schedule, held = "change", target
    if not own.buys_amounts:
        target = carried(target, rows, market.bars[:, GAP])
        stated = strategy.account_weights(target, market.symbols)
        schedule, held = constraints.rebalance, weights(target, constraints, stated)
    decide = rebalancing(market.sessions, schedule, first)
    return run(
        "", market.symbols, market.sessions, market.bars, rows, span, held, trail, decide, own,
        market.index, rules.cash_rate, bands(held, target, own.band),
    )  # fmt: skip
