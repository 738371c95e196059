"""CSV and Parquet files as tables of columns, read by piece and by symbol, nothing decided about their values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds

# A day, or midnight of it; any other time would leave open which session is meant.
DAY = re.compile(r"(\d{4}-\d\d-\d\d)([T ]00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
# A quoted value may hold a line end: it is wrong here, but must not shift the rows after it.
PARSING = pa.csv.ParseOptions(newlines_in_values=True)
EARLIEST, LATEST = np.datetime64("1000-01-01"), np.datetime64("9999-12-31")  # days of four digits
PIECE_ROWS = 1_000_000  # two columns of so many rows are some ten megabytes
# Arrow reads ahead of whoever takes its batches; that much of it pays, more only takes memory.
READ_AHEAD = {"batch_readahead": 4, "fragment_readahead": 1}


@dataclass(frozen=True)
class Table:
    """A file with named columns."""

    path: Path
    dataset: ds.Dataset

    @property
    def names(self) -> list[str]:
        """Its columns."""
        return list(self.dataset.schema.names)

    def read(
        self,
        columns: Sequence[str],
        symbols: Sequence[str] | None,
        span: tuple[dt.date, dt.date] | None = None,
    ) -> pa.Table:
        """Return those of the columns that there are, of some symbols (None: of all; "" for a missing one).

        Rows of dates outside the span are left out where the file knows its dates as such.
        """
        held = [c for c in columns if c in self.names]
        scanner = self.dataset.scanner(columns=held, filter=self._filter(symbols, span), **READ_AHEAD)
        return scanner.to_table()

    def pieces(
        self,
        columns: Sequence[str],
        symbols: Sequence[str] | None,
        span: tuple[dt.date, dt.date] | None = None,
    ) -> Iterator[pa.Table]:
        """Yield what ``read`` returns in pieces of about PIECE_ROWS rows."""
        held = [c for c in columns if c in self.names]
        scanner = self.dataset.scanner(columns=held, filter=self._filter(symbols, span), **READ_AHEAD)
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in scanner.to_batches():
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= PIECE_ROWS:
                yield pa.Table.from_batches(waiting)
                waiting, rows = [], 0
        if rows:
            yield pa.Table.from_batches(waiting)

    def _filter(
        self, symbols: Sequence[str] | None, span: tuple[dt.date, dt.date] | None
    ) -> ds.Expression | None:
        chosen = None
        if symbols is not None:
            field = ds.field("symbol")
            kind = self.dataset.schema.field("symbol").type
            is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
            name = field if is_text else field.cast(pa.string())
            chosen = name.isin(pa.array(symbols, kind if is_text else pa.string()))
            if is_text and symbols:  # a stretch of names lets Parquet skip whole row groups
                chosen = (field >= min(symbols)) & (field <= max(symbols)) & chosen
            if "" in symbols:
                chosen = chosen | field.is_null()
        if span and pa.types.is_date(self.dataset.schema.field("date").type):
            day = ds.field("date")
            inside = ((day >= pa.scalar(span[0])) & (day <= pa.scalar(span[1]))) | day.is_null()
            chosen = inside if chosen is None else chosen & inside
        return chosen


def open_table(path: Path) -> Table:
    """Return a file by its suffix, .parquet or .csv.

    Raises:
        pyarrow.ArrowException, OSError, UnicodeDecodeError: when it is no such file.
    """
    if path.suffix == ".parquet":
        return Table(path, ds.dataset(path, format="parquet"))
    with pa.csv.open_csv(path, parse_options=PARSING) as reader:
        names = reader.schema.names
    # Everything as text: one unreadable price must not make the whole file unreadable.
    as_text = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    layout = ds.CsvFileFormat(parse_options=PARSING, convert_options=as_text)
    return Table(path, ds.dataset(path, format=layout))


def symbols_of(column: pa.ChunkedArray) -> pd.Categorical:
    """Return symbols as texts, ascending categories; a missing one is empty.

    A missing symbol is a malformed one: groups and filters would drop the row without a trace.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.dictionary_encode(null_encoding="encode").unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # without rows there is no chunk
        encoded = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))
    values = encoded.dictionary.to_pylist()
    texts = ["" if pd.isna(value) else str(value) for value in values]
    categories = sorted(set(texts))
    place = {text: i for i, text in enumerate(categories)}
    codes = np.array([place[text] for text in texts], np.int64)[encoded.indices.to_numpy()]
    return pd.Categorical.from_codes(codes, pd.Index(categories, dtype="str"))


def days_of(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the days that a column names, NaT where it names none, and then the text it holds."""
    if column.dtype.kind == "M" and not isinstance(column.dtype, pd.DatetimeTZDtype):
        stamps = column.to_numpy()
        if ((stamps >= EARLIEST) & (stamps <= LATEST) & (stamps.astype("datetime64[D]") == stamps)).all():
            return column.dt.as_unit("us"), pd.Series("", column.index, dtype=object)  # as in any sound Parquet file
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
