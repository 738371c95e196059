"""Scenarios as their file states them: named stretches of the past, shocks to put on bars, regimes to look for."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from models.backtest.regimes import REGIMES
from models.errors import ConfigError

DAYS = ("start", "end")
KINDS = ("historical", "stress", "regime")
NAME = re.compile(r"[A-Za-z0-9+][A-Za-z0-9+. \-]{2,59}")
CATEGORY = re.compile(r"[a-z_]{3,20}")
# What a stress may say, lowest and highest: beyond is a unit error (percent for fraction, say).
BOUNDS = {
    "size": (-0.95, 5.0), "volatility": (0.1, 10.0), "volume": (0.0, 100.0), "noise": (0.0, 0.2),
    "seed": (0, 2**31 - 1), "sessions": (2, 1260),
}  # fmt: skip
SMALLEST = 0.01  # a stress below a hundredth is no stress, and rounding could hide it
SECTOR = (-3.0, 3.0)


@dataclass(frozen=True)
class Shock:
    """A named shock; ``models.backtest.shocks`` puts it on bars.

    Attributes:
        sessions: how long it lasts.
        size: what the index gains or loses where the path is 1, a fraction.
        path: share of the size reached at evenly spaced points of the stretch, its end last; from 0, straight
            between them.
        by_beta: a symbol moves by its own beta to the index, measured before the shock.
        sectors: by sector, how much more (above 1), less, or the other way (below 0) it moves.
        volatility: factor on the deviations from a stretch's straight path, and on the bars' shadows.
        volume: factor on volumes.
        noise: standard deviation of a symbol's own extra move, a fraction a session.
        seed: of that noise; the same seed gives the same bars.
    """

    sessions: int
    size: float
    path: tuple[float, ...] = (1.0,)
    by_beta: bool = True
    sectors: Mapping[str, float] = field(default_factory=dict)
    volatility: float = 1.0
    volume: float = 1.0
    noise: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Scenario:
    """One window of an assessment.

    Attributes:
        name: as people call it, unique.
        kind: historical, stress or regime.
        category: what rankings are grouped by.
        why: where its dates or numbers come from.
        start: first day; None without a fixed place. Both None, historical: all that is held.
        end: last day, historical only.
        shock: of a stress.
        regime: of a regime: the label whose longest stretch is taken.
    """

    name: str
    kind: str
    category: str
    why: str
    start: dt.date | None = None
    end: dt.date | None = None
    shock: Shock | None = None
    regime: str | None = None


def parse_scenarios(text: str, source: str = "include/scenarios.toml") -> tuple[Scenario, ...]:
    """Read the scenarios' file (TOML): one ``[[scenario]]`` each.

    Raises:
        ConfigError: names the file, the scenario (or the line, where it is not TOML) and what is wrong.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(source, "syntax", str(error), "write it as the lines above it") from error
    entries = tables.pop("scenario", [])
    if tables or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise _refused(source, "tables", sorted(tables), "write every scenario under [[scenario]]")
    found = [_scenario(entry, f"{source}, scenario {i}") for i, entry in enumerate(entries, start=1)]
    names = [scenario.name for scenario in found]
    for name in names:
        if names.count(name) > 1:
            raise _refused(source, "name", name, "give every scenario a name of its own")
    if not found:
        raise _refused(source, "scenario", None, "write at least one [[scenario]]")
    return tuple(found)


def definition(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario as one entry of the file, ready for JSON: its days as ISO texts."""
    entry: dict[str, Any] = {
        "name": scenario.name, "kind": scenario.kind, "category": scenario.category, "why": scenario.why,
        **(asdict(scenario.shock) if scenario.shock else {}),
    }  # fmt: skip
    if "path" in entry:
        entry["path"] = list(entry["path"])
    days = {key: day.isoformat() for key in DAYS if (day := getattr(scenario, key))}
    return {**entry, **days, **({"regime": scenario.regime} if scenario.regime else {})}


def from_definition(entry: Mapping[str, Any]) -> Scenario:
    """Return the scenario that a definition is of."""
    days = {key: dt.date.fromisoformat(entry[key]) for key in DAYS if key in entry}
    return _scenario({**entry, **days}, "definition")


def pick(scenarios: tuple[Scenario, ...], names: tuple[str, ...]) -> tuple[Scenario, ...]:
    """Return the named ones (all when none is named), in the file's order.

    Raises:
        ConfigError: for a name that is none of them.
    """
    known = {scenario.name for scenario in scenarios}
    for name in names:
        if name not in known:
            raise ConfigError("no such scenario", stage="scenarios", key="scenario", value=name,
                              remedy=f"it is one of {'; '.join(sorted(known))}")  # fmt: skip
    return tuple(s for s in scenarios if not names or s.name in names)


def _scenario(entry: Mapping[str, Any], where: str) -> Scenario:
    where = f"{where} ({entry.get('name', 'without a name')})"
    values = dict(entry)
    texts = {}
    for key in ("name", "kind", "category", "why"):
        texts[key] = values.pop(key, None)
        if not isinstance(texts[key], str) or not texts[key].strip():
            raise _refused(where, key, texts[key], f'write {key} = "..."')
    for key, pattern in (("name", NAME), ("category", CATEGORY)):
        if not pattern.fullmatch(texts[key]):
            raise _refused(where, key, texts[key], f"it matches {pattern.pattern}")
    kind = texts["kind"]
    if kind not in KINDS:
        raise _refused(where, "kind", kind, f"it is one of {', '.join(KINDS)}")
    start, end = (_day(values.pop(key, None), key, where) for key in ("start", "end"))
    regime = values.pop("regime", None)
    if (kind == "regime") != (regime in REGIMES and start is end is None):
        raise _refused(
            where,
            "regime",
            regime,
            f"only kind regime has one, no dates, and it is one of {', '.join(REGIMES)}",
        )
    if kind == "historical" and (start is None) != (end is None):
        raise _refused(where, "end", end, "give start and end, or neither for all that is held")
    if kind == "stress" and end is not None:
        raise _refused(where, "end", end, "a stress lasts its sessions")
    if start and end and start >= end:
        raise _refused(where, "end", end, f"it lies after the start, {start}")
    shock = _shock(values, where) if kind == "stress" else None
    if values:
        raise _refused(
            where, next(iter(values)), next(iter(values.values())), "no such key for this kind; remove it"
        )
    return Scenario(**texts, start=start, end=end, shock=shock, regime=regime)


def _shock(values: dict[str, Any], where: str) -> Shock:
    """Take what makes a shock out of the values."""
    given: dict[str, Any] = {}
    for key, (low, high) in BOUNDS.items():
        if key in values:
            given[key] = _number(values.pop(key), key, where, low, high, whole=isinstance(low, int))
    for key in ("sessions", "size"):
        if key not in given:
            raise _refused(where, key, None, f"a stress needs {key}")
    path = values.pop("path", [1.0])
    if not isinstance(path, list) or not 1 <= len(path) <= given["sessions"]:
        raise _refused(where, "path", path, "give a list of at most as many numbers as it has sessions")
    given["path"] = tuple(_number(p, "path", where, -2.0, 2.0) for p in path)
    reached = max(abs(given["size"] * p) for p in given["path"])
    if reached < SMALLEST or min(given["size"] * p for p in given["path"]) < BOUNDS["size"][0]:
        raise _refused(
            where,
            "size",
            given["size"],
            f"times its path it moves the index by {SMALLEST} or more, not to nothing",
        )
    by_beta = values.pop("by_beta", True)
    sectors = values.pop("sectors", {})
    if not isinstance(by_beta, bool) or not isinstance(sectors, dict):
        raise _refused(
            where, "by_beta, sectors", (by_beta, sectors), "write true or false, and a table of factors"
        )
    factors = {name: _number(f, f"sectors.{name}", where, *SECTOR) for name, f in sectors.items()}
    return Shock(**given, by_beta=by_beta, sectors=factors)


def _number(
    value: object, key: str, where: str, low: float, high: float, *, whole: bool = False
) -> float | int:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise _refused(where, key, value, f"a {'whole ' if whole else ''}number from {low} to {high}")
    return int(value) if whole else float(value)


def _day(value: object, key: str, where: str) -> dt.date | None:
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    raise _refused(where, key, value, f"write {key} = 2008-09-15, a day without quotes")


def _refused(where: str, key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(f"{where} is refused", stage="scenarios", key=key, value=value, remedy=remedy)
