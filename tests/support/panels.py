"""Panels written out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.panel import Panel
from models.strategies.base import BaseStrategy

NAN = float("nan")


def panel_of(days: Sequence[str] | None = None, **columns: object) -> Panel:
    """Lay out columns, each a list by session of values or of rows of values, symbols S0, S1 ...; days ascend."""
    values = {k: np.array(v, dtype=float).reshape(len(v), -1) for k, v in columns.items()}  # type: ignore[arg-type]
    rows, width = next(iter(values.values())).shape
    axis = np.datetime64("2024-01-01") + np.arange(rows) if days is None else np.array(days, "datetime64[D]")
    return Panel(axis, tuple(f"S{i}" for i in range(width)), values)


def column(strategy: BaseStrategy, days: Sequence[str] | None = None, **columns: object) -> list[float]:
    """Return the first symbol's scores."""
    scores: list[float] = strategy.score(panel_of(days, **columns)).score[:, 0].tolist()
    return scores


def weekdays(first: str, last: str, *closed: str) -> list[str]:
    """Return the weekdays of a span, both ends included, without the closed ones."""
    span = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    return [str(day) for day in span[np.is_busday(span, holidays=list(closed))]]
