"""An assessment from what was asked for to stored results: the steps of the DAG, and of one process without it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from data_layer.features.memory import without_collections
from data_layer.settings import Settings
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import load_sql, transaction
from models.backtest.rules import Rules, checked_rules
from models.backtest.scenarios import from_definition, pick
from models.errors import AlmanacError, BlockedError, ConfigError, RetryableError
from models.strategies.discovery import class_path, discover_strategies, load_strategy
from plugins.backtest.assessment import (
    Assessed,
    Contender,
    Course,
    assess,
    lay_out,
    refuse_unknown,
)
from plugins.backtest.assessment_store import open_run, read_run, store_results, store_scenarios
from plugins.backtest.market import Market, market_from_database
from plugins.backtest.scenario_file import read_scenarios
from plugins.backtest.warm import warm_beside

# As many tasks as a home's Airflow runs side by side; Celery's workers share them as well.
SHARDS = 4
COSTS = ("cash", "commission_per_share", "commission_minimum", "commission_per_order", "commission_bps",
         "slippage_bps", "volume_impact", "root_impact", "borrow_rate", "cash_buffer")  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a person asked for; empty means all, None the default."""

    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    start: dt.date | None = None
    end: dt.date | None = None
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A run whose course is settled."""

    run_id: int  # backtest_runs.id
    market: Market
    course: Course
    contenders: tuple[Contender, ...]
    rules: Rules


def parse_costs(text: str) -> dict[str, float]:
    """Return costs from name=value, separated by commas.

    Raises:
        ConfigError: for a value that is no number.
    """
    costs = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, value = pair.partition("=")
        try:
            costs[name.strip()] = float(value)
        except ValueError as error:
            raise ConfigError("a cost without a number", stage="assessment", key="COSTS", value=pair,
                              remedy="write COSTS=slippage_bps=10,commission_bps=1") from error  # fmt: skip
    return costs


def rules_for(settings: Settings, costs: Mapping[str, float]) -> Rules:
    """Return the paper account's costs, with what was asked for in their place.

    Raises:
        ConfigError: for a cost that is none, or out of its range.
    """
    refuse_unknown(list(costs), COSTS, "cost")
    rules = Rules(
        cash=float(settings.initial_cash),
        commission_per_share=float(settings.commission_per_share),
        commission_minimum=float(settings.commission_minimum),
        slippage_bps=float(settings.slippage_bps),
        cash_rate=(1.0 + settings.risk_free_rate) ** (1 / 252) - 1.0,
        stops_at_close=settings.stops_at_close,
    )
    return checked_rules(rules_from({**rules._asdict(), **costs}))


def rules_from(values: Mapping[str, Any]) -> Rules:
    """Return rules by name; None is NaN, a rule that is switched off."""
    named: dict[str, Any] = {name: math.nan if value is None else value for name, value in values.items()}
    return Rules(**named)


def contenders_from_files(names: Sequence[str]) -> tuple[Contender, ...]:
    """Return every strategy found at its defaults, or the named ones; a broken file stands there with its error.

    A name without a file stands there with an error as well: its file may have been deleted.
    """
    found = discover_strategies(names)
    if set(names) - found.classes.keys() - set(map(_stem, found.failures)):
        found = discover_strategies()  # the error says which there are
    rows = [
        Contender(name, class_path(cls), cls().parameters(), cls()) for name, cls in found.classes.items()
    ]
    rows += [Contender(_stem(file), "", {}, None, error) for file, error in found.failures.items()]
    return _picked(rows, names)


def contenders_from_models(uri: str, names: Sequence[str]) -> tuple[Contender, ...]:
    """Return every row of models, paused or not, and every file not registered yet; or the named ones of them."""
    with transaction(uri) as connection:
        stored = connection.execute(load_sql("models/select_configurations")).fetchall()
    rows = []
    for row in stored:
        try:
            strategy = load_strategy(row["strategy_class"], row["parameters"])
        except AlmanacError as error:
            rows.append(
                Contender(row["model_name"], row["strategy_class"], row["parameters"], None, str(error))
            )
        else:
            rows.append(Contender(row["model_name"], row["strategy_class"], strategy.parameters(), strategy))
    known = {c.name for c in rows} | {_own(c) for c in rows}
    rows += [c for c in contenders_from_files(()) if c.name not in known]
    return _picked(rows, names)


def prepare(uri: str, settings: Settings, asked: Asked) -> Prepared:
    """Settle what the run is about: read the market, load the scenarios, write the run.

    Raises:
        ConfigError: for a symbol, scenario or cost that is none; for a bad line in the scenarios' file.
        BlockedError: when no scenario is held.
    """
    warm_beside()
    rules = rules_for(settings, asked.costs)
    scenarios = read_scenarios()
    store_scenarios(uri, scenarios)
    chosen = pick(scenarios, asked.scenarios)
    contenders = contenders_from_models(uri, asked.strategies)
    market = market_from_database(uri, asked.symbols, asked.start, asked.end, benchmark=settings.benchmark,
                                  voices=listens(contenders))  # fmt: skip
    course = lay_out(market, chosen)
    plain = {**asdict(asked), "benchmark": settings.benchmark}
    run_id = open_run(uri, market, course, contenders, rules, plain)
    return Prepared(run_id, market, course, contenders, rules)


def shards(contenders: Sequence[Contender]) -> list[list[str]]:
    """Deal the strategies out to tasks, in turns: one process a shard, never one a backtest."""
    names = [c.name for c in contenders]
    return [part for i in range(SHARDS) if (part := names[i::SHARDS])]


@without_collections()
def run_shard(uri: str, run_id: int, names: Sequence[str]) -> dict[str, int]:
    """Run some strategies of a run as its first task settled it, whatever has changed since.

    Raises:
        RetryableError: when the bars read now are not those the run was opened on.
    """
    warm_beside()
    row = read_run(uri, run_id)
    settled = row["parameters"]
    asked = settled["asked"]
    start = dt.date.fromisoformat(asked["start"]) if asked["start"] else None
    everyone = [settled_contender(entry) for entry in settled["strategies"]]
    market = market_from_database(
        uri, settled["symbols"], start, row["last_session"], row["known_at"], asked["benchmark"],
        voices=listens(everyone),
    )  # fmt: skip
    if market.data_version != row["data_version"]:
        raise RetryableError("the bars have changed since the run began", stage="assessment", key="data_version",
                             value=market.data_version, remedy="run the assessment again")  # fmt: skip
    course = lay_out(market, [from_definition(entry) for entry in settled["scenarios"]])
    contenders = [contender for contender in everyone if contender.name in names]
    rules = rules_from(settled["rules"])
    return store_results(uri, run_id, market, assess(market, course, contenders, rules))


@without_collections()
def run_here(uri: str, settings: Settings, asked: Asked) -> tuple[Prepared, Assessed]:
    """Prepare, run and store an assessment in this process."""
    prepared = prepare(uri, settings, asked)
    found = assess(prepared.market, prepared.course, prepared.contenders, prepared.rules)
    store_results(uri, prepared.run_id, prepared.market, found)
    return prepared, found


def refuse_silence(uri: str, run_id: int) -> dict[str, str]:
    """Return the strategies that could not run, with their errors.

    Raises:
        BlockedError: when none could.
    """
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("assessment_errors/select_run"), {"run_id": run_id}).fetchall()
    errors = {row["strategy"]: row["error"] for row in rows}
    if errors and len(errors) == len(read_run(uri, run_id)["parameters"]["strategies"]):
        raise BlockedError("no strategy could run", stage="assessment", key="strategies", value=len(errors),
                           remedy="; ".join(f"{k}: {v}" for k, v in errors.items())[:1000])  # fmt: skip
    return errors


def listens(contenders: Sequence[Contender]) -> bool:
    """Return whether one of them reads what trained models said."""
    return any(c.strategy is not None and c.strategy.predictions for c in contenders)


def settled_contender(entry: Mapping[str, Any]) -> Contender:
    """Load a contender as the run names it; its file may have gone since."""
    error, strategy = entry["error"], None
    if not error:
        try:
            strategy = load_strategy(entry["class"], entry["parameters"])
        except AlmanacError as problem:
            error = str(problem)
    return Contender(entry["name"], entry["class"], entry["parameters"], strategy, error)


def _picked(rows: Sequence[Contender], names: Sequence[str]) -> tuple[Contender, ...]:
    by_name = {c.name: c for c in _once(sorted(rows, key=lambda c: (c.name not in names, c.name != _own(c), c.name)))}
    if not names:
        return tuple(by_name[name] for name in sorted(by_name))
    known = ", ".join(sorted(by_name))
    gone = [Contender(n, "", {}, None, str(ConfigError("no such strategy", stage="assessment", key="strategy",
                                                       value=n, remedy=f"there are {known}")))
            for n in names if n not in by_name]  # fmt: skip
    return tuple(by_name[n] for n in dict.fromkeys(names) if n in by_name) + tuple(gone)


def _once(rows: Sequence[Contender]) -> list[Contender]:
    """A configuration runs once, whatever names it has: its trial is one. The first name is the one that runs."""
    first: dict[tuple[str, str], str] = {}
    once = []
    for row in rows:
        name = first.setdefault((row.strategy_class, json_text(row.parameters)), row.name)
        is_again = row.strategy is not None and name != row.name
        error = f"the same configuration as {name}, whose results are its own"
        once.append(replace(row, strategy=None, error=error, same_as=name) if is_again else row)
    return once


def _own(row: Contender) -> str:
    """Return the name of the strategy itself, which its file has; a row of models may have any."""
    return row.strategy_class.rpartition(".")[0].rpartition(".")[2]


def _stem(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".py")
