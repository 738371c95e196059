"""Parameters of strategies and trainers: how they are declared, and how a user's values are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from models.errors import ConfigError

# As the universe has them; empty is the default, "none named".
SYMBOL = r"|[A-Z0-9][A-Z0-9.-]{0,14}"


def parameter(default: float, *, low: float, high: float) -> Any:
    """Declare a parameter: its default and the range, both ends included, a user may set."""
    return field(default=default, metadata={"low": low, "high": high})


def choice(default: float, *allowed: float) -> Any:
    """Declare a parameter with few allowed values, such as the windows the feature store has."""
    bounds = {"low": min(allowed), "high": max(allowed)}
    return field(default=default, metadata={"choices": allowed, **bounds})


def word(default: str, *allowed: str) -> Any:
    """Declare a parameter that is one of a few words."""
    return field(default=default, metadata={"choices": allowed})


def symbol_parameter() -> Any:
    """Declare a parameter that names a symbol; the default, empty, names none."""
    return field(default="", metadata={"pattern": SYMBOL})


def per_session(annual: float) -> float:
    """Return what a rate per year gives per session, compounded; 252 sessions are a year."""
    return float((1.0 + annual) ** (1.0 / 252.0) - 1.0)


@dataclass(frozen=True)
class Parametrised:
    """A frozen dataclass whose fields are parameters, each checked against its declaration."""

    @classmethod
    def owner(cls) -> str:
        """Return whose parameters they are, for messages."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        for f in fields(self):
            value = _checked(self.owner(), f.name, getattr(self, f.name), f.type, f.metadata)
            object.__setattr__(self, f.name, value)

    @classmethod
    def from_parameters(cls, values: Mapping[str, object]) -> Self:
        """Build it with some parameters set, the others at their defaults.

        Raises:
            ConfigError: names the unknown or refused parameter and what is allowed.
        """
        known = [f.name for f in fields(cls)]
        for key, value in values.items():
            if key not in known:
                raise ConfigError(f"{cls.owner()} has no such parameter", stage="parameters", key=key, value=value,
                                  remedy=f"known are {', '.join(known) or 'none'}")  # fmt: skip
        return cls(**values)

    def parameters(self) -> dict[str, float | int | str]:
        """Return every parameter with its value, ready for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _checked(owner: str, key: str, value: Any, kind: Any, rule: Mapping[str, Any]) -> float | int | str:
    """Return a parameter's value in its declared type.

    Args:
        owner: whose it is, for the message.
        key: the parameter.
        value: what was set.
        kind: the declared type or its name: int, float, str.
        rule: the declaration's metadata: low and high, choices, or pattern.

    Raises:
        ConfigError: when the value has another type, is not finite or is not allowed.
    """
    if kind in {"str", str} and "choices" in rule:
        if value in rule["choices"]:
            return str(value)
        raise ConfigError("parameter refused", stage="parameters", key=key, value=value,
                          remedy=f"set {key} of {owner} to one of {', '.join(rule['choices'])}")  # fmt: skip
    if kind in {"str", str}:
        if isinstance(value, str) and re.fullmatch(rule["pattern"], value):
            return value
        raise ConfigError("parameter refused", stage="parameters", key=key, value=value,
                          remedy=f"set {key} of {owner} to a symbol such as SPY or leave it empty")  # fmt: skip
    whole = kind in {"int", int}
    remedy = f"set {key} of {owner} to {'a whole number' if whole else 'a number'}"
    if "choices" in rule:
        remedy += f", one of {', '.join(map(str, rule['choices']))}"
    elif rule:
        remedy += f" from {rule['low']} to {rule['high']}"
    numeric = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    fits = numeric and math.isfinite(value) and not (whole and value != int(value))
    if fits and rule:
        fits = value in rule["choices"] if "choices" in rule else rule["low"] <= value <= rule["high"]
    if not fits:
        raise ConfigError("parameter refused", stage="parameters", key=key, value=value, remedy=remedy)
    return int(value) if whole else float(value)
