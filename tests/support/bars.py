"""Small files of real bars for tests: pieces of the sample, written as a user would have them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd

from data_layer.settings import Settings, parse_settings
from data_layer.sources.sample import SampleSource

COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume", "dividend", "split_ratio"]


def real_bars(symbols: str, start: str, end: str) -> pd.DataFrame:
    """Return bars of the sample as the file source takes them, dates and actions included."""
    values = {"SYMBOLS": symbols, "START": start, "END": end}
    source = SampleSource(parse_settings(Path("/nowhere"), values))
    first, last = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
    rows = source.bars(None, first, last).drop(columns="date_text")
    rows["date"] = [stamp.date() for stamp in rows["date"]]
    actions = source.actions(None, first, last)
    for column, kind, nothing in (("dividend", "dividend", 0.0), ("split_ratio", "split", 1.0)):
        values_by_day = {
            (a.symbol, a.ex_date): float(a.value)
            for a in actions.itertuples(index=False)
            if a.action_type == kind
        }
        keys = zip(rows["symbol"], rows["date"], strict=True)
        rows[column] = [values_by_day.get(key, nothing) for key in keys]
    return rows.reset_index(drop=True)


def write_bars(path: Path, rows: pd.DataFrame) -> Path:
    """Write rows as the path's suffix says."""
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    else:
        rows.to_csv(path, index=False)
    return path


def files_settings(home: Path, path: Path, **values: str) -> Settings:
    """Return settings of a home that reads the file."""
    named = {k.upper(): v for k, v in values.items()}
    return parse_settings(home, {"SOURCE": "files", "FILES": str(path), **named})


def change(rows: pd.DataFrame, symbol: str, day: str, **values: Any) -> pd.DataFrame:
    """Return the rows with some values of one bar replaced."""
    changed = rows.astype(dict.fromkeys(values, object))
    chosen = (rows["symbol"] == symbol) & (rows["date"] == dt.date.fromisoformat(day))
    assert chosen.sum() == 1, (symbol, day)
    for name, value in values.items():
        changed.loc[chosen, name] = value
    return changed


def without(rows: pd.DataFrame, day: str, *symbols: str) -> pd.DataFrame:
    """Return the rows without those of some symbols (all when none is named) on a day."""
    gone = rows["date"] == dt.date.fromisoformat(day)
    if symbols:
        gone &= rows["symbol"].isin(symbols)
    assert gone.any(), day
    return rows[~gone]
