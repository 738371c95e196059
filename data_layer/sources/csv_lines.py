"""Small CSV files that users edit, read with errors that name file, line, column and value."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from data_layer.settings import ROOT, parse_date, validate_symbol
from models.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One line of a file: its values by column, and how to refuse one of them."""

    key: str  # the setting that names the file
    path: Path
    number: int
    values: Mapping[str, str]

    def refuse(self, what: str, column: str, remedy: str) -> ConfigError:
        """Return the error that names this line's value of a column."""
        return ConfigError(
            f"{what} in {self.path}, line {self.number}, column {column}",
            stage="data_ingestion",
            key=self.key,
            value=self.values.get(column, ""),
            remedy=remedy,
        )

    def symbol(self, column: str) -> str:
        """Return a ticker."""
        remedy = "write an upper-case ticker such as AAPL or BRK.B"
        return self._read(column, validate_symbol, "malformed symbol", remedy)

    def day(self, column: str) -> dt.date | None:
        """Return a day, None when the column is empty."""
        if not self.values[column]:
            return None
        return self._read(column, lambda text: parse_date(text, key=column), "not a date", "write YYYY-MM-DD")

    def flag(self, column: str) -> bool | None:
        """Return a yes or no, None when the column is empty."""
        text = self.values[column].lower()
        if text not in {"", "true", "yes", "1", "false", "no", "0"}:
            raise self.refuse("not a yes or no", column, "write true or false, or leave it empty")
        return text in {"true", "yes", "1"} if text else None

    def _read(self, column: str, read: Callable[[str], T], what: str, remedy: str) -> T:
        try:
            return read(self.values[column])
        except ConfigError:
            raise self.refuse(what, column, remedy) from None


def file_of(text: str, default: str) -> Path:
    """Return the path that a setting names, relative to the project unless absolute."""
    path = Path(text or default).expanduser()
    return path if path.is_absolute() else ROOT / path


def read_lines(path: Path, key: str, columns: Sequence[str]) -> Iterator[Line]:
    """Yield the lines of a CSV file whose first line names exactly the columns, in any order.

    Raises:
        ConfigError: when the file cannot be read, a column is missing, unknown or named twice, or a line has
            too many or too few values.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read: {error}", stage="data_ingestion", key=key, value=str(path),
            remedy=f"name a CSV file with the columns {','.join(columns)}",
        ) from error  # fmt: skip
    reader = csv.reader(text.splitlines())
    names = [name.strip() for name in next(reader, [])]
    for name in [*names, *columns]:
        if name not in columns or names.count(name) != 1:
            what = "unknown column" if name not in columns else "missing or repeated column"
            raise ConfigError(
                f"{what} {name!r} in {path}, line 1", stage="data_ingestion", key=key, value=",".join(names),
                remedy=f"name the columns {','.join(columns)}",
            )  # fmt: skip
    for row in reader:
        if not any(value.strip() for value in row):
            continue
        line = Line(key, path, reader.line_num, dict(zip(names, (v.strip() for v in row), strict=False)))
        if len(row) != len(names):
            raise line.refuse(f"{len(row)} values instead of {len(names)}", names[0], "count the commas")
        yield line
