"""What `make backtest` and `make sweep` are asked for, read from the variables on their command line and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from data_layer.settings import Settings, parse_date, validate_symbol
from models.backtest.constraints import FORMS, Constraints
from models.backtest.rules import Rules, checked_rules
from models.errors import ConfigError
from models.strategies.base import BaseStrategy
from models.strategies.discovery import discover_strategies
from plugins.backtest.assessment_run import parse_costs, rules_for
from plugins.backtest.market import Market, market_from_database, nearest

NAMES = ("STRATEGY", "PARAMETERS", "SYMBOLS", "START", "END", "CASH", "FORM", "WEIGHTING", "REBALANCE", "MAX_WEIGHT",
         "GROSS", "NET", "CASH_BUFFER", "COSTS", "GRID")  # fmt: skip
STAGE = "backtest"


@dataclass(frozen=True)
class Terms:
    """What a strategy is run on and under, checked as far as it can be without bars."""

    symbols: tuple[str, ...]
    start: dt.date | None
    end: dt.date | None
    form: str  # empty: grid for one symbol, portfolio for more
    rules: Rules
    constraints: Constraints
    benchmark: str

    def market(self, uri: str, *, voices: bool) -> Market:
        """Read the bars, and what trained models said."""
        return market_from_database(
            uri, self.symbols, self.start, self.end, benchmark=self.benchmark, voices=voices
        )

    def form_in(self, market: Market) -> str:
        """Return the form, settled by how many symbols there are when none was asked for."""
        return self.form or ("portfolio" if len(market.symbols) > 1 else "grid")


@dataclass(frozen=True)
class Request(Terms):
    """One command: a strategy and its terms."""

    strategy: type[BaseStrategy]
    parameters: Mapping[str, float | str]


def read_request(given: Mapping[str, str], settings: Settings) -> Request:
    """Turn names and texts into a request; an empty text means the default.

    Raises:
        ConfigError: for an unknown strategy, with the nearest names; START after END; a number out of its range; a
            word that is none.
    """
    texts = {name: given.get(name, "").strip() for name in NAMES}
    strategy = find_strategy(texts["STRATEGY"])
    parameters = _parameters(texts["PARAMETERS"], strategy)
    start, end = (parse_date(texts[k], key=k, stage=STAGE) if texts[k] else None for k in ("START", "END"))
    if start and end and start > end:
        raise ConfigError("START lies after END", stage=STAGE, key="START", value=f"{start} > {end}",
                          remedy="swap them")  # fmt: skip
    symbols = tuple(
        dict.fromkeys(validate_symbol(s, stage=STAGE) for s in texts["SYMBOLS"].replace(",", " ").split())
    )
    form = texts["FORM"]
    if form and form not in FORMS:
        raise ConfigError("unknown form", stage=STAGE, key="FORM", value=form, remedy="use grid or portfolio")
    rules = rules_for(settings, parse_costs(texts["COSTS"]))
    for name in ("CASH", "CASH_BUFFER"):
        if texts[name]:
            rules = rules._replace(**{name.lower(): _number(name, texts[name])})  # type: ignore[arg-type]
    asked: dict[str, Any] = {n: texts[n.upper()] for n in ("weighting", "rebalance") if texts[n.upper()]}
    for name in ("MAX_WEIGHT", "GROSS", "NET"):
        if texts[name]:
            asked[name.lower()] = _number(name, texts[name])
    return Request(symbols, start, end, form, checked_rules(rules), Constraints(**asked), settings.benchmark,
                   strategy, parameters)  # fmt: skip


def find_strategy(name: str) -> type[BaseStrategy]:
    """Return a strategy's class by its name.

    Raises:
        ConfigError: when its file is broken, or there is none of this name; the nearest names are suggested.
    """
    found = discover_strategies()
    for file, error in found.failures.items():
        if file.rpartition("/")[2].removesuffix(".py") == name:
            raise ConfigError(f"the strategy's file is broken: {error}", stage=STAGE, key="STRATEGY", value=name,
                              remedy=f"mend models/strategies/{file}")  # fmt: skip
    if name not in found.classes:
        near = nearest(name, list(found.classes))
        raise ConfigError(
            "unknown strategy", stage=STAGE, key="STRATEGY", value=name, remedy=f"did you mean {near}?"
        )
    return found.classes[name]


def parameter_names(strategy: type[BaseStrategy]) -> list[str]:
    """Return the names of a strategy's parameters."""
    return [f.name for f in fields(strategy)]


def known_parameter(strategy: type[BaseStrategy], key: str, value: str) -> str:
    """Return the name, or refuse one that is no parameter."""
    known = parameter_names(strategy)
    if key not in known:
        near = nearest(key, known) if known else "nothing: it has none"
        raise ConfigError(f"{strategy.name} has no such parameter", stage=STAGE, key=key, value=value,
                          remedy=f"did you mean {near}?")  # fmt: skip
    return key


def as_value(text: str) -> float | str:
    """Return a number where the text is one, else the text; the strategy checks type and range."""
    try:
        return float(text)
    except ValueError:
        return text


def pairs(text: str, key: str) -> list[tuple[str, str]]:
    """Return the name=value pairs of a text, separated by blanks.

    Raises:
        ConfigError: for a word that is no such pair, or a name given twice.
    """
    found: list[tuple[str, str]] = []
    for word in text.split():
        name, sign, value = word.partition("=")
        if not (name and sign and value) or name in dict(found):
            raise ConfigError("not a list of name=value, each name once", stage=STAGE, key=key, value=word,
                              remedy=f'write {key}="name=value name=value"')  # fmt: skip
        found.append((name, value))
    return found


def _parameters(text: str, strategy: type[BaseStrategy]) -> dict[str, float | str]:
    chosen = {known_parameter(strategy, k, v): as_value(v) for k, v in pairs(text, "PARAMETERS")}
    strategy.from_parameters(chosen)
    return chosen


def _number(name: str, text: str) -> float:
    value = as_value(text)
    if isinstance(value, str):
        raise ConfigError(
            "not a number", stage=STAGE, key=name, value=text, remedy="write digits and a point"
        )
    return value
