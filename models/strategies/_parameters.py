"""A strategy's parameters: how they are declared, and how a user's values are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np

from models.errors import ConfigError

# As the universe has them; empty is the default, "none named".
SYMBOL = r"|[A-Z0-9][A-Z0-9.-]{0,14}"


def parameter(default: float, *, low: float, high: float) -> Any:
    """Declare a strategy's parameter: its default and the range, both ends included, a user may set."""
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


def checked(strategy: str, key: str, value: Any, kind: Any, rule: Mapping[str, Any]) -> float | int | str:
    """Return a parameter's value in its declared type.

    Args:
        strategy: its name, for the message.
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
        raise ConfigError("parameter refused", stage="strategies", key=key, value=value,
                          remedy=f"set {key} of {strategy} to one of {', '.join(rule['choices'])}")  # fmt: skip
    if kind in {"str", str}:
        if isinstance(value, str) and re.fullmatch(rule["pattern"], value):
            return value
        raise ConfigError("parameter refused", stage="strategies", key=key, value=value,
                          remedy=f"set {key} of {strategy} to a symbol such as SPY or leave it empty")  # fmt: skip
    whole = kind in {"int", int}
    remedy = f"set {key} of {strategy} to {'a whole number' if whole else 'a number'}"
    if "choices" in rule:
        remedy += f", one of {', '.join(map(str, rule['choices']))}"
    elif rule:
        remedy += f" from {rule['low']} to {rule['high']}"
    numeric = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    fits = numeric and math.isfinite(value) and not (whole and value != int(value))
    if fits and rule:
        fits = value in rule["choices"] if "choices" in rule else rule["low"] <= value <= rule["high"]
    if not fits:
        raise ConfigError("parameter refused", stage="strategies", key=key, value=value, remedy=remedy)
    return int(value) if whole else float(value)
