"""Bars from a CSV or Parquet file, or a folder of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds

from data_layer.settings import ROOT
from data_layer.sources.base import ACTION_COLUMNS, BAR_COLUMNS
from data_layer.sources.history import HistorySource
from models.errors import ConfigError

OPTIONAL_COLUMNS = ("dividend", "split_ratio", "name", "sector")
SUFFIXES = (".csv", ".parquet")
# A day, or midnight of it; any other time would leave open which session is meant.
DAY = re.compile(r"(\d{4}-\d\d-\d\d)([T ]00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
# A quoted value may hold a line end: it is wrong here, but must not shift the rows after it.
PARSING = pa.csv.ParseOptions(newlines_in_values=True)


class FilesSource(HistorySource):
    """Rows with symbol, date, open, high, low, close, volume as traded; dividend and split_ratio if there.

    dividend is USD per share going ex on the date (0 or empty for none), split_ratio new shares per old
    (1 or empty for none); name and sector describe the symbol. Other columns are ignored.
    """

    name = "files"

    def read_rows(self) -> pd.DataFrame:
        """See HistorySource; values are kept as received where they are not what they should be."""
        return pd.concat([self._read_file(file) for file in self._files()], ignore_index=True)

    def all_symbols(self) -> set[str]:
        """See HistorySource."""
        found: set[str] = set()
        for file in self._files():
            symbols = _dataset(file, _columns(file)).to_table(columns=["symbol"])["symbol"]
            found.update(str(s) for s in symbols.unique().to_pylist() if s)
        return found

    def describe(self, symbols: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
        """See HistorySource: the file's own words, else the symbol itself and no sector."""
        stated = self.rows.drop_duplicates("symbol").set_index("symbol").reindex(list(symbols))
        texts = stated.reindex(columns=["name", "sector"]).astype(object).replace("", None)
        texts = texts.where(texts.notna(), None)
        return {s: (str(n or s), None if g is None else str(g)) for s, n, g in texts.itertuples(name=None)}

    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source."""
        rows = self._of(symbols)
        rows = rows[rows["date"].between(pd.Timestamp(start), pd.Timestamp(end))]
        found = []
        for column, kind, nothing in (("dividend", "dividend", 0), ("split_ratio", "split", 1)):
            if column in rows:
                stated = rows[rows[column].notna() & (rows[column] != "")]
                numbers = pd.to_numeric(stated[column], errors="coerce")
                stated, numbers = stated[numbers != nothing], numbers[numbers != nothing]
                values = [
                    received if pd.isna(number) else Decimal(repr(float(number)))
                    for received, number in zip(stated[column], numbers, strict=True)
                ]
                days = (stamp.date() for stamp in stated["date"])
                found += [
                    (s, d, kind, v, False) for s, d, v in zip(stated["symbol"], days, values, strict=True)
                ]
        actions = pd.DataFrame(found, columns=list(ACTION_COLUMNS[:-1]))
        return actions.assign(announced=None)

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

    def _read_file(self, path: Path) -> pd.DataFrame:
        if path.suffix not in SUFFIXES:
            raise self._refuse("neither .csv nor .parquet", path)
        try:
            names = _columns(path)
            missing = [c for c in BAR_COLUMNS if c not in names]
            if missing:
                raise self._refuse(f"columns missing: {', '.join(missing)} (it has {', '.join(names)})", path)
            keep = [*BAR_COLUMNS, *(c for c in OPTIONAL_COLUMNS if c in names)]
            chosen = ds.field("symbol").isin(list(self.settings.symbols)) if self.settings.symbols else None
            table = _dataset(path, names).to_table(columns=keep, filter=chosen)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._refuse(f"cannot be read: {error}", path) from error
        rows: pd.DataFrame = table.to_pandas(date_as_object=False)
        # A missing symbol is a malformed one; groups and filters would drop the row without a trace.
        rows["symbol"] = rows["symbol"].astype(object).where(rows["symbol"].notna(), "").astype(str)
        rows["date"], rows["date_text"] = _dates(rows["date"])
        return rows

    def _refuse(self, what: str, path: Path) -> ConfigError:
        return ConfigError(
            what,
            stage="data_ingestion",
            key="FILES",
            value=str(path),
            remedy=f"name a CSV or Parquet file, or a folder of them, with columns {', '.join(BAR_COLUMNS)}",
        )


def _columns(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(ds.dataset(path, format="parquet").schema.names)
    with pa.csv.open_csv(path, parse_options=PARSING) as reader:
        return list(reader.schema.names)


def _dataset(path: Path, names: list[str]) -> ds.Dataset:
    if path.suffix == ".parquet":
        return ds.dataset(path, format="parquet")
    # Everything as text: one unreadable price must not make the whole file unreadable.
    as_text = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return ds.dataset(path, format=ds.CsvFileFormat(parse_options=PARSING, convert_options=as_text))


def _dates(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the days that a column names, NaT where it names none, and then the text it holds."""
    codes, uniques = pd.factorize(column, use_na_sentinel=False)
    texts = [str(value) for value in uniques]
    matches = [DAY.fullmatch(text) for text in texts]
    days = pd.to_datetime(
        pd.Series([m and m[1] for m in matches], dtype=object), errors="coerce", format="%Y-%m-%d"
    )
    unread = pd.Series(
        [text if bad else "" for text, bad in zip(texts, days.isna(), strict=True)], dtype=object
    )
    return days.dt.as_unit("us").take(codes).set_axis(column.index), unread.take(codes).set_axis(column.index)
