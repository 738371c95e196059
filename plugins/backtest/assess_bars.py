"""What `make assess` does with bars in memory, and what it says; with it comes everything compiled."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from data_layer.runtime.console import say, table
from data_layer.settings import home_path, parse_date, parse_settings, validate_symbol
from models.backtest.grid import RESULTS
from models.backtest.rules import Rules
from models.backtest.scenarios import pick
from plugins.backtest.assessment import Assessed, Course, assess, lay_out
from plugins.backtest.assessment_run import Asked, contenders_from_files, parse_costs, rules_for
from plugins.backtest.assessment_store import result_rows
from plugins.backtest.market import Market, market_of
from plugins.backtest.received import Received
from plugins.backtest.scenario_file import read_scenarios
from plugins.backtest.warm import warm_beside

KEYS = ["strategy", "symbol", "scenario"]


def assess_received(received: Future[Received], asked: Asked, out: str) -> tuple[Market, Course, Assessed, Rules]:
    """Assess bars of files in memory, and write one row a backtest to the file out, if one is named."""
    warm_beside()
    rules = rules_for(parse_settings(home_path(), {}), asked.costs)
    scenarios = pick(read_scenarios(), asked.scenarios)
    contenders = contenders_from_files(asked.strategies)
    market = market_of(received.result(), asked.symbols, asked.start, asked.end)
    course = lay_out(market, scenarios)
    found = assess(market, course, contenders, rules)
    if out:
        ran = [k for k, c in enumerate(found.contenders) if c.name not in found.errors]
        # A dictionary of measures, hardly two of which are alike, takes three times as long to write, and more room.
        result_rows(market, found, ran).to_parquet(Path(out), index=False, use_dictionary=KEYS)
    return market, course, found, rules


def print_results(market: Market, course: Course, found: Assessed) -> None:
    """Print what ran, a line a strategy, and what did not."""
    skipped = [(s, p) for s, p in zip(course.scenarios, course.places, strict=True) if p.skipped]
    for scenario, place in skipped:
        say(f"skipped: {scenario.name}: {place.skipped}")
    stressed = [s.name for s in found.ran if s.shock is not None]
    if stressed:
        say(f"stress, on bars with a shock that never was: {', '.join(stressed)}")
    count = int((found.sessions > 0).sum())
    say(f"{count:,} backtests: {len(found.contenders) - len(found.errors)} strategies, {len(market.symbols)} symbols, "
        f"{len(found.ran)} scenarios ({len(skipped)} skipped)")  # fmt: skip
    column = {name: i for i, name in enumerate(RESULTS)}
    rows = []
    for k, contender in enumerate(found.contenders):
        ran = found.sessions[k] > 0
        if contender.name in found.errors:
            continue
        values = found.values[k][ran]
        rows.append((
            contender.name, int(ran.sum()), float(np.median(values[:, column["total_return"]])),
            float((values[:, column["total_return"]] > 0).mean()),
            float(np.median(values[:, column["max_drawdown"]])), int(values[:, column["trades"]].sum()),
            float(values[:, column["cost_drag"]].mean()),
        ))  # fmt: skip
    table(
        ("strategy", "backtests", "median return", "share > 0", "median drawdown", "trades", "mean costs"),
        rows,
    )
    for name, error in found.errors.items():
        say(f"error: {name}: {error}")


def asked_for(given: Mapping[str, str]) -> Asked:
    """Return what the variables ask for: names separated by commas, symbols by blanks or commas.

    Raises:
        ConfigError: for a malformed symbol, day or cost.
    """
    start, end = (
        parse_date(given[k], key=k, stage="assessment") if k in given else None for k in ("START", "END")
    )
    symbols = given.get("SYMBOLS", "").replace(",", " ").split()
    return Asked(
        strategies=_listed(given.get("STRATEGIES", "")),
        symbols=tuple(validate_symbol(symbol, stage="assessment") for symbol in symbols),
        scenarios=_listed(given.get("SCENARIOS", "")),
        start=start,
        end=end,
        costs=parse_costs(given.get("COSTS", "")),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
