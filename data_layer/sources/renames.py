"""Renames: tickers that changed while the share went on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from data_layer.settings import Settings
from data_layer.sources.base import RENAME_COLUMNS
from data_layer.sources.csv_lines import file_of, read_lines
from models.errors import ConfigError

FILE = "include/symbol_changes.csv"


@dataclass(frozen=True, order=True)
class Rename:
    """A share traded as ``old`` up to the session before ``effective``, and as ``new`` from it on."""

    effective: dt.date
    old: str
    new: str
    source: str


def read_renames(settings: Settings) -> list[Rename]:
    """Return the renames of the user's file (SYMBOL_CHANGES, default include/symbol_changes.csv), by day.

    Raises:
        ConfigError: names file, line, column and value of what is malformed.
    """
    path = file_of(settings.symbol_changes, FILE)
    found: list[Rename] = []
    for line in read_lines(path, "SYMBOL_CHANGES", RENAME_COLUMNS):
        old, new, day = line.symbol("old"), line.symbol("new"), line.day("effective")
        if day is None:
            raise line.refuse("no date", "effective", "write the first session under the new ticker")
        if old == new:
            raise line.refuse("both tickers are the same", "new", "name the ticker it changed to")
        if any(day == r.effective and (old == r.old or new == r.new) for r in found):
            raise line.refuse(
                "a ticker changes twice on one day", "effective", "keep the change that happened"
            )
        found.append(Rename(day, old, new, path.name))
    return sorted(found)


def renames_of(frame: pd.DataFrame, source: str) -> Iterable[Rename]:
    """Yield what a source states (old, new, effective), see Source.renames.

    Raises:
        ConfigError: for a row with something else than two tickers and a day.
    """
    for old, new, day in frame[list(RENAME_COLUMNS)].itertuples(index=False, name=None):
        if not isinstance(day, dt.date):
            raise ConfigError("a rename without a day", stage="data_ingestion", key="renames",
                              value=f"{old} {new} {day}", remedy=f"see {source}'s renames()")  # fmt: skip
        yield Rename(day, old, new, source)
