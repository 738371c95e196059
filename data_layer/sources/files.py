"""Bars from a CSV or Parquet file, or a folder of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds

from data_layer.settings import ROOT
from data_layer.sources.base import BAR_COLUMNS
from data_layer.sources.history import HistorySource
from models.errors import ConfigError

OPTIONAL_COLUMNS = ("dividend", "split_ratio", "name", "sector")


class FilesSource(HistorySource):
    """Rows with symbol, date, open, high, low, close, volume as traded; dividend and split_ratio if there.

    dividend is USD per share going ex on the date (0 or empty for none), split_ratio new shares per old
    (1 or empty for none); name and sector describe the symbol. Other columns are ignored.
    """

    name = "files"

    def read_rows(self) -> pd.DataFrame:
        """See HistorySource; values are kept as received where they are not what they should be."""
        path = self._path()
        files = sorted(p for p in path.rglob("*") if p.suffix in {".csv", ".parquet"}) if path.is_dir() else [path]
        if not files:
            raise self._refuse("no .csv or .parquet file in the folder", path)
        rows = pd.concat([self._read_file(file) for file in files], ignore_index=True)
        rows["date_text"] = rows["date"].astype(str)
        rows["date"] = pd.to_datetime(rows["date"], errors="coerce", format="ISO8601", utc=True)
        rows["date"] = rows["date"].dt.tz_localize(None).dt.as_unit("us")
        start, end = self.settings.start, self.settings.end
        outside = pd.Series(False, index=rows.index)
        if start:
            outside |= rows["date"] < pd.Timestamp(start)
        if end:
            outside |= rows["date"] > pd.Timestamp(end)
        rows = rows[~outside]
        if rows["date"].notna().sum() == 0:
            raise ConfigError(
                "no bars in this window",
                stage="data_ingestion",
                key="START..END",
                value=f"{start}..{end}",
                remedy=f"see which dates {path} has",
            )
        return rows.reset_index(drop=True)

    def describe(self, symbol: str) -> tuple[str, str | None]:
        """See HistorySource: the file's own words, else the symbol itself and no sector."""
        first = self.rows[self.rows["symbol"] == symbol].iloc[0]
        name, sector = first.get("name"), first.get("sector")
        return (str(name) if pd.notna(name) else symbol), (str(sector) if pd.notna(sector) else None)

    def actions(self, symbols: Sequence[str], start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source; a value that is no number is an error, since ignoring an action would bend prices."""
        columns = ["symbol", "ex_date", "action_type", "value", "inferred"]
        rows = self.rows[self.rows["symbol"].isin(list(symbols))].dropna(subset=["date"])
        rows = rows[rows["date"].between(pd.Timestamp(start), pd.Timestamp(end))]
        found = []
        for column, kind, nothing in (("dividend", "dividend", 0.0), ("split_ratio", "split", 1.0)):
            if column not in rows:
                continue
            values = pd.to_numeric(rows[column].replace("", None), errors="coerce")
            unreadable = values.isna() & rows[column].notna() & (rows[column] != "")
            wrong = unreadable | (values < 0) | (values == float("inf")) | ((values == 0) & (kind == "split"))
            if wrong.any():
                row = rows[wrong].iloc[0]
                raise ConfigError(
                    f"{column} of {row['symbol']} on {row['date_text']} is not a possible value",
                    stage="data_ingestion",
                    key=column,
                    value=row[column],
                    remedy=f"correct it in {self._path()}",
                )
            chosen = values.notna() & (values != nothing)
            pairs = zip(rows[chosen].itertuples(index=False), values[chosen], strict=True)
            found += [(r.symbol, r.date.date(), kind, Decimal(repr(float(v))), False) for r, v in pairs]
        return pd.DataFrame(found, columns=columns).drop_duplicates(ignore_index=True)

    def _path(self) -> Path:
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
        return path

    def _read_file(self, path: Path) -> pd.DataFrame:
        if path.suffix not in {".csv", ".parquet"}:
            raise self._refuse("neither .csv nor .parquet", path)
        try:
            names = self._columns(path)
            missing = [c for c in BAR_COLUMNS if c not in names]
            if missing:
                raise self._refuse(f"columns missing: {', '.join(missing)} (it has {', '.join(names)})", path)
            keep = [*BAR_COLUMNS, *(c for c in OPTIONAL_COLUMNS if c in names)]
            chosen = ds.field("symbol").isin(list(self.settings.symbols)) if self.settings.symbols else None
            table = self._dataset(path, names).to_table(columns=keep, filter=chosen)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._refuse(f"cannot be read: {error}", path) from error
        return table.to_pandas(date_as_object=False)

    def _columns(self, path: Path) -> list[str]:
        if path.suffix == ".parquet":
            return list(ds.dataset(path, format="parquet").schema.names)
        with pa.csv.open_csv(path) as reader:
            return list(reader.schema.names)

    def _dataset(self, path: Path, names: list[str]) -> ds.Dataset:
        if path.suffix == ".parquet":
            return ds.dataset(path, format="parquet")
        # Everything as text: one unreadable price must not make the whole file unreadable.
        as_text = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        return ds.dataset(path, format=ds.CsvFileFormat(convert_options=as_text))

    def _refuse(self, what: str, path: Path) -> ConfigError:
        return ConfigError(
            what,
            stage="data_ingestion",
            key="FILES",
            value=str(path),
            remedy=f"name a CSV or Parquet file, or a folder of them, with columns {', '.join(BAR_COLUMNS)}",
        )
