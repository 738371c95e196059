"""One account of an assessment, run once more for its curve and its trades: assessments keep results alone."""

from __future__ import annotations

import datetime as dt
import math
import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_layer.storage.database import load_sql, transaction
from models.backtest.kernel import CLOSE
from models.backtest.rules import Rules
from models.backtest.scenarios import Scenario, from_definition
from models.backtest.windows import Place
from models.errors import BlockedError, ConfigError
from models.strategies.base import BaseStrategy
from plugins.backtest.assessment import rows_of
from plugins.backtest.assessment_run import rules_from, settled_contender
from plugins.backtest.assessment_store import read_run
from plugins.backtest.market import Market, market_from_database
from plugins.backtest.orders import wanted
from plugins.backtest.outcome import Outcome, run
from plugins.backtest.stress import WARM_UP, shocked_market

# Bars read at once beyond the symbol's own: 2.1 million, 397 shares of 5,400 sessions, take four to eight seconds and
# 0.9 GB of a server that answers others as well. So one such account at a time.
MOST_BARS = 2_500_000
ONE_AT_A_TIME = threading.Semaphore(1)
PATIENCE = 30  # seconds that one waits for another
CLOSE_ENOUGH = 1e-9  # of a total return: the same run in another order of additions


@dataclass(frozen=True)
class _Asked:
    """What is run again, as the assessment settled it."""

    run: Mapping[str, Any]
    stored: Mapping[str, Any]
    strategy: BaseStrategy
    scenario: Scenario
    rules: Rules
    symbol: str


def account_of(uri: str, run_id: int, trial_id: int, scenario: str, symbol: str) -> dict[str, Any]:
    """Return the curve and the trades behind one row of backtest_results.

    From the symbol's own bars where they give what is stored; else, for a rule that looks at other symbols or a stress
    that moves with the market, from all bars of the run, those of the scenario and of WARM_UP sessions before it first.

    Args:
        uri: connection URI of a role that may read.
        run_id: backtest_runs.id of an assessment.
        trial_id: strategy_trials.id.
        scenario: of the run.
        symbol: of the run.

    Returns:
        dates, close (of the session, in the share basis of the last one; under a stress the shocked one), equity (USD):
        lists [T]; trades: as backtest_trades, with entry_shown and exit_shown in that basis; total_return; stored: that
        of backtest_results; same: whether both agree. When not, code or bars have changed since.

    Raises:
        ConfigError: when there is no such result.
        BlockedError: when its strategy has gone, it takes more bars than a page may read, or others are being run.
    """
    asked = _asked(uri, run_id, trial_id, scenario, symbol)
    found = None
    if asked.scenario.shock is None:
        found = _again(asked, _market(uri, asked, alone=True))
    if found is None or not _agrees(found[0], asked.stored):
        found = _from_all(uri, asked)
    if found is None:
        raise ConfigError("the symbol took no part", stage="assessment", key="symbol", value=symbol,
                          remedy="choose one that the cell lists")  # fmt: skip
    return _drawn(*found, asked)


def _asked(uri: str, run_id: int, trial_id: int, scenario: str, symbol: str) -> _Asked:
    row = read_run(uri, run_id)
    key = {"run_id": run_id, "trial_id": trial_id, "scenario": scenario, "symbol": symbol}
    with transaction(uri) as connection:
        trial = connection.execute(load_sql("strategy_trials/select_trial"), key).fetchone()
        stored = connection.execute(load_sql("backtest_results/select_account"), key).fetchone()
        held = connection.execute(load_sql("assessment_sessions/select_run"), key).fetchall()
    if trial is None or stored is None:
        raise ConfigError("no such result", stage="assessment", key="symbol", value=f"{symbol} in {scenario}",
                          remedy="choose one that the cell lists")  # fmt: skip
    settled = row["parameters"]
    entry = next(e for e in settled["strategies"]
                 if (e["class"], e["parameters"]) == (trial["strategy_class"], trial["parameters"]))  # fmt: skip
    contender = settled_contender(entry)
    if contender.strategy is None:
        raise BlockedError("its strategy cannot be loaded any more", stage="assessment", key="strategy",
                           value=trial["strategy"], remedy=contender.error)  # fmt: skip
    return _Asked(
        {**row, "sessions": [r["date"] for r in held]}, stored, contender.strategy,
        from_definition(stored["definition"]), rules_from(settled["rules"]), symbol,
    )  # fmt: skip


def _from_all(uri: str, asked: _Asked) -> tuple[Outcome, Market, int] | None:
    """Run it over all symbols: over its own span, and over the whole run where that does not give what is stored."""
    sessions, symbols = asked.run["sessions"], len(asked.run["parameters"]["symbols"])
    begin = bisect_left(sessions, asked.stored["first_session"]) - WARM_UP
    found = None
    for first in (begin, 0) if begin > 0 else (0,):
        bars = symbols * (len(sessions) - first)
        if bars > MOST_BARS:
            raise BlockedError(
                "this account depends on all bars of its run, more than a page may read", stage="assessment",
                key="bars", value=bars, remedy="make assess with fewer SYMBOLS=, and look at that run",
            )  # fmt: skip
        if not ONE_AT_A_TIME.acquire(timeout=PATIENCE):
            raise BlockedError("other accounts are being run over all bars", stage="assessment", key="symbol",
                               value=asked.symbol, remedy="look again in a minute")  # fmt: skip
        try:
            found = _again(asked, _market(uri, asked, since=sessions[first] if first else dt.date.min))
        finally:
            ONE_AT_A_TIME.release()
        if found is not None and _agrees(found[0], asked.stored):
            break
    return found


def _market(uri: str, asked: _Asked, *, alone: bool = False, since: dt.date = dt.date.min) -> Market:
    """Return the run's market from a day on; alone: with the bars of the symbol only, in the sessions of all."""
    settled = asked.run["parameters"]
    start = settled["asked"]["start"]
    return market_from_database(
        uri, [asked.symbol] if alone else settled["symbols"], dt.date.fromisoformat(start) if start else None,
        asked.run["last_session"], asked.run["known_at"], "" if alone else settled["asked"]["benchmark"],
        voices=asked.strategy.predictions, sessions=asked.run["sessions"] if alone else (), since=since,
    )  # fmt: skip


def _again(asked: _Asked, market: Market) -> tuple[Outcome, Market, int] | None:
    """Run it; returns the outcome, the market it ran in and the symbol's place in it; None where it has no window."""
    if asked.symbol not in market.symbols:
        return None
    first, last = np.searchsorted(
        market.sessions, np.array([asked.stored["first_session"], asked.stored["last_session"]], "datetime64[D]")
    )
    at = Place(int(first), int(last))
    if asked.scenario.shock is not None:
        market = shocked_market(market, asked.scenario, at)
        end = len(market.sessions) - 1
        at = Place(end - asked.scenario.shock.sessions, end)
    n = market.symbols.index(asked.symbol)
    window = rows_of(market, [asked.scenario], [at])[n, 0]
    if window[0] < 0:
        return None
    target, trail, own = wanted(market, asked.strategy, asked.rules)
    part = slice(market.offsets[n], market.offsets[n + 1])
    places = market.row_session[part]
    outcome = run(
        asked.symbol, (asked.symbol,), market.sessions[places], market.bars[part], np.arange(len(places))[:, None],
        (int(window[0]), int(window[1])), target[places, n : n + 1], trail[part], np.zeros(len(places), np.bool_), own,
        market.benchmark[part], asked.rules.cash_rate,
    )  # fmt: skip
    return outcome, market, n


def _agrees(outcome: Outcome, stored: Mapping[str, Any]) -> bool:
    own, held = outcome.measures["total_return"], stored["total_return"]
    return (
        len(outcome.sessions) == stored["sessions"] and held is not None
        and math.isclose(own, held, rel_tol=CLOSE_ENOUGH, abs_tol=CLOSE_ENOUGH)
        and outcome.measures["trades"] == stored["trades"]
    )  # fmt: skip


def _drawn(outcome: Outcome, market: Market, n: int, asked: _Asked) -> dict[str, Any]:
    part = slice(market.offsets[n], market.offsets[n + 1])
    days = market.sessions[market.row_session[part]]
    inside = np.isin(days, outcome.sessions)
    factor = market.frame["split_factor"].to_numpy(np.float64)[part][inside]
    close = market.bars[part, CLOSE][inside] * factor / factor[-1]
    trades = outcome.trades.assign(
        entry_date=outcome.trades["entry_date"].dt.strftime("%Y-%m-%d"),
        exit_date=outcome.trades["exit_date"].dt.strftime("%Y-%m-%d"),
    )
    # Prices of a trade are in the share basis of its end; one still held ends with the window.
    ends = np.searchsorted(days[inside], outcome.trades["exit_date"].fillna(days[inside][-1]).to_numpy("datetime64[D]"))
    basis = factor[np.minimum(ends, len(factor) - 1)] / factor[-1]
    trades["entry_shown"] = trades["entry_price_usd"] * basis
    trades["exit_shown"] = trades["exit_price_usd"] * basis
    total = outcome.measures["total_return"]
    return {
        "symbol": asked.symbol, "dates": [str(day) for day in days[inside]], "close": close.tolist(),
        "equity": outcome.equity.tolist(),
        "trades": trades.astype(object).where(trades.notna(), None).to_dict("records"),
        "total_return": total if math.isfinite(total) else None, "stored": asked.stored["total_return"],
        "same": _agrees(outcome, asked.stored),
        "cash_usd": asked.rules.cash,
    }  # fmt: skip

