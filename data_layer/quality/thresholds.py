"""The quality gate's thresholds: include/quality.toml, read and checked in one place."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from data_layer.settings import ROOT
from models.errors import ConfigError

PATH = ROOT / "include" / "quality.toml"
# Lowest and highest value of each number; what lies outside would switch a check off or fire on every bar.
BOUNDS = {
    "missing_symbols": (0, 100_000),
    "missing_share": (0.0, 1.0),
    "quarantined_bars": (0, 100_000),
    "quarantined_share": (0.0, 1.0),
    "sessions_behind": (0, 250),
    "jump": (0.01, 0.99),
    "spike_return": (0.001, 0.99),
    "isolation": (0.001, 10.0),
    "split_tolerance": (0.001, 0.2),
    "action_effect": (0.001, 0.99),
    "far_extreme": (0.01, 0.99),
    "tolerance": (1e-6, 0.5),
}


@dataclass(frozen=True)
class Gate:
    """What one session may lack; fractions and counts as the file's comments say."""

    missing_symbols: int
    missing_share: float
    quarantined_bars: int
    quarantined_share: float
    sessions_behind: int

    def missing_allowed(self, expected: int) -> float:
        """Return how many of the session's symbols may have no bar."""
        return max(self.missing_symbols, self.missing_share * expected)

    def quarantine_allowed(self, of: int) -> float:
        """Return how many bars of so many may be in quarantine."""
        return max(self.quarantined_bars, self.quarantined_share * of)


@dataclass(frozen=True)
class CrossChecks:
    """When a bar is worth a look beside its neighbours; fractions."""

    jump: float
    spike_return: float
    isolation: float
    split_ratios: tuple[float, ...]
    split_tolerance: float
    action_effect: float
    far_extreme: float


@dataclass(frozen=True)
class Adjusted:
    """How near rebuilt adjusted closes must come to a vendor's; fraction."""

    tolerance: float


@dataclass(frozen=True)
class Thresholds:
    """The whole file, one attribute per section."""

    gate: Gate
    cross_checks: CrossChecks
    adjusted: Adjusted


SECTIONS: dict[str, type[Any]] = {"gate": Gate, "cross_checks": CrossChecks, "adjusted": Adjusted}


@cache
def load_thresholds(path: Path = PATH) -> Thresholds:
    """Read the file, once per process.

    Raises:
        ConfigError: for a file that cannot be read, a name that is unknown or missing, and a value out of
            bounds; it names the key and the value.
    """
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise _refuse(f"cannot be read: {error}", path.name, str(path), "restore the file") from error
    _same_names(found, SECTIONS, "")
    parts = {}
    for section, kind in SECTIONS.items():
        names = {f.name: f.type for f in fields(kind)}
        if not isinstance(found[section], dict):
            raise _refuse("not a section", section, found[section], f"write [{section}]")
        _same_names(found[section], names, f"{section}.")
        checked = {
            name: _ratios(section, value) if name == "split_ratios" else _number(section, name, value, names)
            for name, value in found[section].items()
        }
        parts[section] = kind(**checked)
    return Thresholds(**parts)


def _same_names(found: dict[str, Any], wanted: dict[str, Any], where: str) -> None:
    for name, value in found.items():
        if name not in wanted:
            raise _refuse("unknown name", f"{where}{name}", value, f"it may be {', '.join(wanted)}")
    for name in wanted:
        if name not in found:
            raise _refuse("missing", f"{where}{name}", "", "restore it; every threshold is stated")


def _number(section: str, name: str, value: object, types: dict[str, Any]) -> float:
    low, high = BOUNDS[name]
    whole = types[name] == "int"
    kinds: tuple[type, ...] = (int,) if whole else (int, float)
    # A truth value is an int to Python; NaN fails the comparison.
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        raise _refuse(f"not {kind} in range", f"{section}.{name}", value, f"set it between {low} and {high}")
    return value  # type: ignore[return-value]


def _ratios(section: str, value: object) -> tuple[float, ...]:
    good = isinstance(value, list) and value
    if not good or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and 1.2 <= v <= 1000
        for v in value  # type: ignore[attr-defined]
    ):
        raise _refuse("not ratios", f"{section}.split_ratios", value, "list numbers between 1.2 and 1000")
    return tuple(float(v) for v in value)  # type: ignore[attr-defined]


def _refuse(what: str, key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(f"include/quality.toml: {what}", stage="quality", key=key, value=value, remedy=remedy)
