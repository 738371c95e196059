"""Bars as files hold them, checked as the quality gate does; nothing compiled, see plugins.backtest.action_rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data_layer.features.adjustment import forward_factors
from data_layer.features.memory import share_freed_memory
from data_layer.quality.action_checks import check_actions
from data_layer.quality.row_checks import check_rows
from data_layer.settings import Settings
from data_layer.sources.files import FilesSource
from plugins.backtest.action_rows import eves

FIRST, LAST = dt.date(1900, 1, 1), dt.date(2200, 1, 1)
# Files hold finished history: no session in them is still open.
FOR_EVER = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Received:
    """What files say of a market.

    Attributes:
        frame: bars that can be true, by symbol and date, with their factors.
        actions: symbol, ex_date, action_type, value (float).
        left: symbols whose bars end before the last session.
        sectors: by symbol, where the files state one.
        refused: rows that cannot be true and were left out.
    """

    frame: pd.DataFrame
    actions: pd.DataFrame
    left: set[str]
    sectors: Mapping[str, str]
    refused: int


def read_files(path: Path | str, end: dt.date | None = None) -> Received:
    """Read a CSV or Parquet file, or a folder of them, up to a session, as SOURCE=files reads it.

    Raises:
        ConfigError: when the file cannot be read.
        DataQualityError: for bars that cannot be true.
    """
    share_freed_memory()
    source = FilesSource(Settings(almanac_home=Path(), files=str(path)))
    span = (FIRST, end or LAST)
    with ThreadPoolExecutor(1) as pool:  # Arrow and numpy leave the interpreter to each other
        found = pool.submit(source.actions, None, *span)
        rows = check_rows(source.bars(None, *span), source=source.name, now=FOR_EVER)
        last = rows.accepted.groupby("symbol", observed=True)["date"].max()
        described = pool.submit(source.describe, [str(symbol) for symbol in last.index])
        stated = found.result()
        actions = check_actions(stated, eves(rows.accepted, stated), source=source.name)
        sectors = {symbol: sector for symbol, (_, sector) in described.result().items() if sector}
    kept = actions.accepted.assign(value=actions.accepted["value"].astype(float))
    left = {str(symbol) for symbol in last.index[last < last.max()]}
    refused = len(rows.quarantined) + len(actions.quarantined)
    return Received(forward_factors(rows.accepted, kept), kept, left, sectors, refused)
