"""A database and the file of bars it is fed from, for tests that spoil and mend the file."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from data_layer.settings import Settings
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from tests.support.bars import files_settings, write_bars
from tests.support.chain import query, run_stage

D = dt.date.fromisoformat
# Apple's split of 2005-02-28 is the session after HALF; dividends of IBM and Microsoft lie in it.
FIRST, HALF, DAY, LAST = "2005-01-03", "2005-02-25", "2005-03-10", "2005-03-31"
SESSIONS = 61


@dataclass(frozen=True)
class Home:
    uri: str
    owner: str
    settings: Settings
    path: Path

    def ingest(self, rows: pd.DataFrame | None = None, **params: Any) -> Any:
        """Run data_ingestion, over other rows when some are given."""
        if rows is not None:
            write_bars(self.path, rows)
        return run_stage(self.uri, self.settings, "data_ingestion", **params)

    def hashes(self, *, without: Any = ()) -> dict[str, str]:
        with transaction(self.uri) as connection:
            return {k: v for k, v in table_hashes(connection).items() if k not in without}

    def query(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in query(self.uri, statement, parameters)]

    def warnings(self) -> list[tuple[Any, ...]]:
        return self.query(
            "SELECT session_date, detail -> 'warnings' FROM stage_runs "
            "WHERE stage = 'data_ingestion' AND detail ? 'warnings' ORDER BY 1"
        )

    def completed(self) -> int:
        statement = "SELECT count(*) FROM stage_runs WHERE stage = 'data_ingestion' AND status = 'completed'"
        return self.query(statement)[0][0]

    def accept(self, day: Any, symbol: str = "") -> None:
        with transaction(self.uri) as connection:
            connection.execute(
                "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES (%s, %s, 'a test')",
                [day, symbol],
            )


def open_home(database, folder, rows, name="bars.csv"):
    path = write_bars(folder / name, rows)
    return Home(database.writer, database.owner, files_settings(folder, path), path)
