"""What strategies want in a market: the features they see, and their orders as the engine takes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_layer.features.compute import compute_matrices
from data_layer.features.registry import catalogue, feature_sets
from models.backtest.rules import Rules, checked_rules
from models.errors import ConfigError
from models.panel import Panel
from models.strategies.base import BaseStrategy
from plugins.backtest.market import Market, nearest
from plugins.stages.voices import hear

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]


class Orders(NamedTuple):
    """What K strategies want on each of R rows, in the order in which a grid takes it.

    targets [K, R]; trails [J, R]: distances of trailing stops, of the few strategies that have one, for those of all
    would take as much memory as the targets; trail_of [K]: a strategy's row there, -1 for none;
    rules [K, len(Rules._fields)].
    """

    targets: Matrix
    trails: Matrix
    trail_of: Index
    rules: Matrix


def panel(market: Market, features: Sequence[str]) -> Panel:
    """Compute features of all sessions held, rounded as they are stored: what the daily run sees.

    Raises:
        ConfigError: a feature that no set has.
    """
    names = list(dict.fromkeys(features))
    sets = {d.name: name for name in feature_sets() for d in catalogue(name)}
    shape = (len(market.sessions), len(market.symbols))
    unknown = [name for name in names if name not in sets]
    if unknown:
        raise ConfigError("a feature nobody computes", stage="backtest", key="features", value=unknown[0],
                          remedy=f"did you mean {nearest(unknown[0], list(sets))}?")  # fmt: skip
    values: dict[str, Matrix] = {}
    for feature_set in dict.fromkeys(sets[name] for name in names):
        own = [name for name in names if sets[name] == feature_set]
        found = compute_matrices(market.frame, own, market.cells, shape, feature_set)
        for name, matrix in zip(own, found, strict=True):
            matrix.setflags(write=False)
            values[name] = matrix
    return hear(Panel(market.sessions, market.symbols, values), market.voices)


def orders(market: Market, strategies: Sequence[BaseStrategy], rules: Rules | None = None) -> Orders:
    """Return what each strategy wants on each row.

    Args:
        market: the market.
        strategies: with their parameters.
        rules: what a strategy does not set itself; None for the defaults.
    """
    seen = panel(market, [name for strategy in strategies for name in strategy.features])
    targets = np.empty((len(strategies), len(market.bars)))
    table = np.empty((len(strategies), len(Rules._fields)))
    cells = market.cells

    def settle(k: int) -> Series | None:
        target, trail, table[k] = _said(market, strategies[k], rules or Rules(), seen)
        # Cells checked one by one would be copied once more.
        np.take(np.asarray(target, np.float64), cells, out=targets[k], mode="clip")
        return trail

    # numpy leaves the interpreter to the others while it works on arrays of this size.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        trails = list(pool.map(settle, range(len(strategies))))
    return Orders(targets, *_stacked(trails, len(market.bars)), table)


def _stacked(trails: Sequence[Series | None], rows: int) -> tuple[Matrix, Index]:
    """Return the trails that there are, and which of them is whose."""
    held = np.array([trail is not None for trail in trails], np.bool_)
    trail_of = np.where(held, np.cumsum(held) - 1, -1)
    return np.array([trail for trail in trails if trail is not None]).reshape(-1, rows), trail_of


def joined(parts: Sequence[Orders]) -> Orders:
    """Return the orders of several as those of one."""
    before = np.cumsum([0, *(len(part.trails) for part in parts)])
    trail_of = [np.where(part.trail_of >= 0, part.trail_of + n, -1) for part, n in zip(parts, before, strict=False)]
    return Orders(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.trails for part in parts]),
        np.concatenate(trail_of),
        np.concatenate([part.rules for part in parts]),
    )


def wanted(
    market: Market, strategy: BaseStrategy, rules: Rules, seen: Panel | None = None
) -> tuple[Matrix, Series, Rules]:
    """Return what a strategy wants: targets [T, N], trailing distances [R] and its own rules over those given."""
    target, trail, own = _said(market, strategy, rules, seen or panel(market, strategy.features))
    return target, np.full(len(market.bars), np.nan) if trail is None else trail, own


def _said(
    market: Market, strategy: BaseStrategy, rules: Rules, seen: Panel
) -> tuple[Matrix, Series | None, Rules]:
    """Return what ``wanted`` does, without distances when there is no trailing stop."""
    target = strategy.target(seen, strategy.score(seen))
    distance = strategy.trail(seen)
    trail = None if distance is None else distance.reshape(-1)[market.cells]
    return target, trail, checked_rules(rules._replace(**strategy.rules()))  # type: ignore[arg-type]
