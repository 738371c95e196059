"""Bars from a CSV or Parquet file, or a folder of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import union_categoricals

from data_layer.settings import ROOT
from data_layer.sources.base import ACTION_COLUMNS, BAR_COLUMNS
from data_layer.sources.history import HistorySource
from data_layer.sources.tables import Table, days_of, open_table, symbols_of
from models.errors import ConfigError

SUFFIXES = (".csv", ".parquet")
READING = (pa.ArrowException, OSError, UnicodeDecodeError)  # what reading a broken file ends with


class FilesSource(HistorySource):
    """Rows with symbol, date, open, high, low, close, volume as traded; vwap, dividend and split_ratio if there.

    vwap is the session's volume-weighted average price (empty for none), dividend USD per share going ex on the
    date (0 or empty for none), split_ratio new shares per old (1 or empty for none); name and sector describe the
    symbol. Other columns are ignored. A row's dividend is all that goes ex on its date: two rows of one symbol and
    date are a repetition where they are equal, and contradict each other, for the gate to refuse, where they differ.
    """

    name = "files"

    def read_days(self) -> Iterator[pd.DataFrame]:
        """See HistorySource; in pieces, so that a file of any length takes little memory."""
        for table in self._pieces(["symbol", "date"]):
            yield pd.DataFrame(
                {
                    "symbol": symbols_of(table["symbol"]),
                    "date": days_of(table["date"].to_pandas(date_as_object=False))[0],
                }
            )

    def read_rows(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See HistorySource; values are kept as received where they are not what they should be."""
        frames = []
        for file in self._tables:
            table = self._read(file, [*BAR_COLUMNS, "vwap"], symbols, (start, end))
            names = symbols_of(table["symbol"])
            rows: pd.DataFrame = table.drop_columns(["symbol"]).to_pandas(
                date_as_object=False, split_blocks=True, self_destruct=True
            )
            rows["symbol"] = names
            rows["date"], rows["date_text"] = days_of(rows["date"])
            frames.append(rows)
        if len(frames) == 1:
            return frames[0]
        together = union_categoricals([frame["symbol"] for frame in frames], sort_categories=True)
        return pd.concat([f.drop(columns="symbol") for f in frames], ignore_index=True).assign(
            symbol=together
        )

    def all_symbols(self) -> set[str]:
        """See HistorySource."""
        found: set[str] = set()
        for file in self._tables:
            column = self._read(file, ["symbol"], everything=True)["symbol"]
            found.update(str(s) for s in column.unique().to_pylist() if s)
        return found

    def describe(self, symbols: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
        """See HistorySource: the file's own words, else the symbol itself and no sector."""
        stated: dict[str, tuple[str, str | None]] = {}
        wanted = [c for c in ("name", "sector") if any(c in file.names for file in self._tables)]
        for table in self._pieces(["symbol", *wanted]) if wanted else ():
            found = symbols_of(table["symbol"])
            codes, places = np.unique(found.codes, return_index=True)
            for place, symbol in zip(places.tolist(), found.categories[codes], strict=True):
                if symbol not in stated:
                    texts = [table[c][place].as_py() if c in table.column_names else None for c in wanted]
                    words = dict(zip(wanted, texts, strict=True))
                    sector = words.get("sector")
                    stated[symbol] = (str(words.get("name") or symbol), str(sector) if sector else None)
        return stated

    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source."""
        first, last = max(start, self.settings.start or start), min(end, self.settings.end or end)
        kinds = {"dividend": ("dividend", 0), "split_ratio": ("split", 1)}
        found: dict[str, list[pd.DataFrame]] = {column: [] for column in kinds}
        for table in self._pieces(["symbol", "date", *kinds], symbols, (first, last)):
            for column in kinds.keys() & set(table.column_names):
                found[column].append(_stated(table, column, *kinds[column], first, last))
        stated = [part for parts in found.values() for part in parts]
        together = pd.concat(stated or [pd.DataFrame(columns=list(ACTION_COLUMNS[:-1]))], ignore_index=True)
        whose, when = together["symbol"].to_list(), together["ex_date"].to_list()
        keys = [f"{symbol}{day}" for symbol, day in zip(whose, when, strict=True)]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return together.iloc[order].reset_index(drop=True).assign(announced=None)

    @cached_property
    def _tables(self) -> list[Table]:
        """The files, each looked into far enough to know that it holds bars."""
        found = []
        for path in self._files():
            if path.suffix not in SUFFIXES:
                raise self._refuse("neither .csv nor .parquet", path)
            try:
                table = open_table(path)
            except READING as error:
                raise self._refuse(f"cannot be read: {error}", path) from error
            missing = [c for c in BAR_COLUMNS if c not in table.names]
            if missing:
                has = ", ".join(table.names)
                raise self._refuse(f"columns missing: {', '.join(missing)} (it has {has})", path)
            found.append(table)
        return found

    def _pieces(
        self,
        columns: Sequence[str],
        symbols: Sequence[str] | None = None,
        span: tuple[dt.date, dt.date] | None = None,
    ) -> Iterator[pa.Table]:
        """Yield those of the columns that a file has, piece by piece, of all files."""
        for file in self._tables:
            try:
                yield from file.pieces(columns, self._wanted(symbols), span)
            except READING as error:
                raise self._refuse(f"cannot be read: {error}", file.path) from error

    def _read(
        self,
        file: Table,
        columns: Sequence[str],
        symbols: Sequence[str] | None = None,
        span: tuple[dt.date, dt.date] | None = None,
        *,
        everything: bool = False,
    ) -> pa.Table:
        try:
            return file.read(columns, None if everything else self._wanted(symbols), span)
        except READING as error:
            raise self._refuse(f"cannot be read: {error}", file.path) from error

    def _wanted(self, symbols: Sequence[str] | None) -> Sequence[str] | None:
        if symbols is None:
            return self.settings.symbols or None
        return [s for s in symbols if s in self.settings.symbols] if self.settings.symbols else symbols

    def _files(self) -> list[Path]:
        if not self.settings.files:
            raise ConfigError(
                "no files named",
                stage="data_ingestion",
                key="FILES",
                value="",
                remedy="set FILES to a CSV or Parquet file or a folder of them",
            )
        path = Path(self.settings.files).expanduser()
        path = path if path.is_absolute() else ROOT / path
        if not path.exists():
            raise self._refuse("no such file or folder", path)
        if not path.is_dir():
            return [path]
        files = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
        if not files:
            raise self._refuse("no .csv or .parquet file in the folder", path)
        return files

    def _refuse(self, what: str, path: Path) -> ConfigError:
        return ConfigError(
            what,
            stage="data_ingestion",
            key="FILES",
            value=str(path),
            remedy=f"name a CSV or Parquet file, or a folder of them, with columns {', '.join(BAR_COLUMNS)}",
        )


def _stated(
    table: pa.Table, column: str, kind: str, nothing: float, first: dt.date, last: dt.date
) -> pd.DataFrame:
    """Return the actions that a column states, as received where the value is no number."""
    received = table[column].to_pandas()
    numbers = pd.to_numeric(received, errors="coerce")
    told = (received.notna() & (received != "") & (numbers != nothing)).to_numpy()
    if not told.all():  # most rows state nothing: whatever else is asked is asked of the few that do
        table, received, numbers = table.filter(pa.array(told)), received[told], numbers[told]
    days = days_of(table["date"].to_pandas(date_as_object=False))[0]
    told = days.between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy()
    values = [
        text if math.isnan(number) else Decimal(repr(number))
        for text, number in zip(received[told].to_list(), numbers[told].astype(float).to_list(), strict=True)
    ]
    return pd.DataFrame(
        {
            "symbol": symbols_of(table["symbol"])[told].astype(object),
            "ex_date": pd.Series(days[told].to_numpy().astype("datetime64[D]").tolist(), dtype=object),
            "action_type": kind,
            "value": pd.Series(values, dtype=object),
            "inferred": False,
        }
    )
