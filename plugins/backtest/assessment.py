"""The assessment's arithmetic: every strategy, symbol and scenario, in this process, from a market in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.backtest.daily import mean_daily_returns
from models.backtest.grid import RESULTS, run_grid
from models.backtest.regimes import Labels, label_regimes, prevailing
from models.backtest.rules import Rules
from models.backtest.scenarios import Scenario
from models.backtest.windows import Place, place, window_rows
from models.errors import BlockedError, ConfigError
from models.strategies.base import BaseStrategy
from plugins.backtest.market import Market
from plugins.backtest.orders import Orders, joined, orders
from plugins.backtest.stress import shocked_benchmark, shocked_market

Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
Windows = NDArray[np.int64]


@dataclass(frozen=True)
class Contender:
    """A configuration to assess; without a strategy, the reason why there is none."""

    name: str
    strategy_class: str
    parameters: Mapping[str, float | int | str]
    strategy: BaseStrategy | None = None
    error: str = ""
    same_as: str = ""  # the name under which this very configuration runs already


@dataclass(frozen=True)
class Course:
    """Where the scenarios lie in a market."""

    scenarios: tuple[Scenario, ...]
    places: tuple[Place, ...]  # of each, in the market's sessions
    labels: Labels  # [T] regimes
    regimes: tuple[str | None, ...]  # of each, what most of its sessions were; of a stress after the shock
    symbols: tuple[int, ...]  # of each, how many take part


@dataclass(frozen=True)
class Assessed:
    """What came of it.

    Attributes:
        contenders: all that were asked for, [K].
        errors: by contender's name why it did not run.
        ran: [W] the scenarios that ran.
        values: [K, S, W, len(RESULTS)]; NaN where there is no backtest.
        sessions: [K, S, W] closes of each, 0 where there is none.
        daily: [K, T] mean return over the accounts of a strategy, over all sessions held; NaN without one.
        accounts: [K, T] their number.
    """

    contenders: tuple[Contender, ...]
    errors: Mapping[str, str]
    ran: tuple[Scenario, ...]
    values: NDArray[np.float64]
    sessions: Index
    daily: Matrix
    accounts: Index


def lay_out(market: Market, scenarios: Sequence[Scenario]) -> Course:
    """Find every scenario in the sessions from the market's begin on; regimes are told from all before as well."""
    labels = label_regimes(market.index)
    begin = market.begin
    found = [place(s, market.sessions[begin:], labels[begin:]) for s in scenarios]
    places = [p if p.skipped else Place(p.first + begin, p.last + begin) for p in found]
    windows = rows_of(market, scenarios, places)
    for w, (scenario, at) in enumerate(zip(scenarios, places, strict=True)):
        if scenario.shock is not None and not at.skipped:
            places[w] = _with_index(market, at, windows[:, w])
    regimes = []
    for scenario, at in zip(scenarios, places, strict=True):
        seen = labels
        if scenario.shock is not None and not at.skipped:
            seen = label_regimes(shocked_benchmark(market.index[: at.last + 1], at.first, scenario.shock))
        regimes.append(None if at.skipped else prevailing(seen, at.first, at.last))
    taking_part = (windows[:, :, 0] >= 0).sum(axis=0)
    symbols = tuple(0 if p.skipped else int(n) for p, n in zip(places, taking_part, strict=True))
    return Course(tuple(scenarios), tuple(places), labels, tuple(regimes), symbols)


def _with_index(market: Market, at: Place, rows: Index) -> Place:
    """Return a stress's place; skipped where no symbol's rows [S, 2] fill it: its index would be of none."""
    if (rows[:, 1] - rows[:, 0] == at.last - at.first).any():
        return at
    first, last = market.sessions[at.first], market.sessions[at.last]
    return Place(skipped=f"no symbol has a bar in every session from {first} to {last}, as a shock's index needs")


def assess(market: Market, course: Course, contenders: Sequence[Contender], rules: Rules) -> Assessed:
    """Run every contender in every scenario held.

    A contender that cannot be scored takes no other with it.

    Args:
        market: bars of all symbols.
        course: where the scenarios lie.
        contenders: [K].
        rules: costs, cash and what else a strategy does not set itself.

    Raises:
        BlockedError: when no scenario is held.
    """
    ran = [(s, p) for s, p in zip(course.scenarios, course.places, strict=True) if not p.skipped]
    if not ran:
        raise BlockedError("no scenario is held", stage="assessment", key="scenarios", value=len(course.places),
                           remedy="; ".join(sorted({p.skipped for p in course.places})[:3]))  # fmt: skip
    errors = {c.name: c.error for c in contenders if c.strategy is None}
    shape = (len(contenders), len(market.symbols), len(ran))
    values, sessions = np.full((*shape, len(RESULTS)), np.nan), np.zeros(shape, np.int64)
    plain = [w for w, (s, _) in enumerate(ran) if s.shock is None]
    windows = rows_of(market, [ran[w][0] for w in plain], [ran[w][1] for w in plain])
    live, wanted = _wanted(market, contenders, rules, errors)
    _run(market, wanted, windows, rules, live, plain, values, sessions)
    daily = np.full((len(contenders), len(market.sessions)), np.nan)
    accounts = np.zeros(daily.shape, np.int64)
    daily[live], accounts[live] = mean_daily_returns(
        market.bars, market.offsets, market.row_session, *wanted, market.begin, len(market.sessions)
    )
    del wanted
    for w, (scenario, at) in enumerate(ran):
        if scenario.shock is not None:
            stressed = shocked_market(market, scenario, at)
            last = len(stressed.sessions) - 1
            own = Place(last - scenario.shock.sessions, last)
            window = rows_of(stressed, [scenario], [own])
            runners = [contenders[k] for k in live]
            alive, moved = _wanted(stressed, runners, rules, errors)
            _run(stressed, moved, window, rules, [live[k] for k in alive], [w], values, sessions)
    for k, contender in enumerate(contenders):
        if contender.name in errors:  # also one that failed in a stress only: no half of a result
            values[k], sessions[k], daily[k], accounts[k] = np.nan, 0, np.nan, 0
    return Assessed(tuple(contenders), errors, tuple(s for s, _ in ran), values, sessions, daily,
                    accounts)  # fmt: skip


def rows_of(market: Market, scenarios: Sequence[Scenario], places: Sequence[Place]) -> Windows:
    """Return the rows of each scenario, [S, W, 2]."""
    whole = np.array([s.kind == "historical" and s.start is None for s in scenarios], np.bool_)
    return window_rows(places, market.offsets, market.row_session, whole=whole)


def _wanted(
    market: Market, contenders: Sequence[Contender], rules: Rules, errors: dict[str, str]
) -> tuple[list[int], Orders]:
    """Return which contenders could be scored, and their orders; note the error of the others."""
    live = [k for k, c in enumerate(contenders) if c.strategy is not None and c.name not in errors]
    try:
        return live, orders(market, [s for k in live if (s := contenders[k].strategy)], rules)
    except Exception:  # one of them: find out which
        scored = []
        for k in live:
            strategy = contenders[k].strategy
            try:
                scored.append((k, orders(market, [strategy] if strategy else [], rules)))
            except Exception as error:
                errors[contenders[k].name] = f"{type(error).__name__}: {error}"
        if not scored:
            return [], orders(market, [], rules)
        return [k for k, _ in scored], joined([found for _, found in scored])


def _run(
    market: Market, wanted: Orders, windows: Windows, rules: Rules, live: Sequence[int],
    columns: Sequence[int], values: NDArray[np.float64], sessions: Index,
) -> None:  # fmt: skip
    """Run the grid and put its results in their places."""
    found = run_grid(market.bars, market.offsets, *wanted, windows, market.benchmark, rules.cash_rate)
    at = np.ix_(np.array(live, np.int64), np.arange(len(market.symbols)), np.array(columns, np.int64))
    values[at] = found
    length = np.where(windows[:, :, 0] >= 0, windows[:, :, 1] - windows[:, :, 0] + 1, 0)
    sessions[at] = np.broadcast_to(length, (len(live), *length.shape))


def refuse_unknown(names: Sequence[str], known: Sequence[str], what: str) -> None:
    """Raise ConfigError for the first name that is not known."""
    for name in names:
        if name not in known:
            raise ConfigError(f"no such {what}", stage="assessment", key=what, value=name,
                              remedy=f"it is one of {', '.join(sorted(known))}")  # fmt: skip
