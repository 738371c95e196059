"""The limits' defaults in include/limits.yaml, and their way into table risk_limits."""

from __future__ import annotations

import math
from typing import Any

import yaml

from data_layer.settings import ROOT
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from models.errors import ConfigError

DEFAULTS = ROOT / "include" / "limits.yaml"


def default_limits() -> list[dict[str, Any]]:
    """Return name, threshold, unit and description of each limit in the file.

    Raises:
        ConfigError: when an entry is not complete or its threshold not a number from 0 on.
    """
    # libyaml's loader is as safe and ten times as fast; every step of risk_execution reads the file.
    found = yaml.load(DEFAULTS.read_text(), Loader=yaml.CSafeLoader)
    rows = []
    for name, entry in found.items():
        values = entry if isinstance(entry, dict) else {}
        threshold = values.get("threshold")
        number = (
            threshold if isinstance(threshold, int | float) and not isinstance(threshold, bool) else math.nan
        )
        if not (math.isfinite(number) and number >= 0) or {"unit", "description"} - values.keys():
            raise ConfigError("not a limit", stage="limits", key=str(name), value=entry,
                              remedy="write threshold (0 or more), unit and description")  # fmt: skip
        rows.append({"name": name, **values})
    return rows


def load_defaults(connection: Connection) -> int:
    """Write the defaults of limits that have no row; returns how many. What is there stays as it is."""
    return connection.execute(
        load_sql("risk_limits/insert_defaults"), {"rows": json_text(default_limits())}
    ).rowcount


def own_thresholds() -> list[str]:
    """Return the limits of which a symbol may have a threshold of its own; the others look at what changes share."""
    return [row["name"] for row in default_limits() if row.get("per_symbol")]


def change_limit(connection: Connection, name: str, symbol: str, threshold: float, reason: str) -> None:
    """Set a limit's threshold, or one symbol's own; the version before stays in risk_limits_history.

    Raises:
        ConfigError: for an unknown limit, a symbol's threshold of a limit that has but one, a threshold out of
            range or a missing reason.
    """
    if not (math.isfinite(threshold) and 0 <= threshold <= 1e9):
        raise ConfigError(
            "not a threshold", stage="limits", key=name, value=threshold, remedy="set 0 or more"
        )
    if not reason.strip():
        raise ConfigError("a reason is needed", stage="limits", key="REASON", value=reason, remedy="say why")
    own = own_thresholds()
    if symbol and name not in own and name in {row["name"] for row in default_limits()}:
        raise ConfigError("no symbol has a threshold of its own for this limit", stage="limits", key=f"{name} SYMBOL",
                          value=symbol, remedy=f"leave SYMBOL out, or set one of {', '.join(own)}")  # fmt: skip
    values = {"name": name, "symbol": symbol, "threshold": threshold, "reason": reason}
    if not connection.execute(load_sql("risk_limits/upsert_limit"), values).rowcount:
        known = ", ".join(row["name"] for row in default_limits())
        raise ConfigError(
            "no such limit", stage="limits", key="LIMIT", value=name, remedy=f"known are {known}"
        )
