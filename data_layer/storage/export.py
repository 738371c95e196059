"""Features out of Postgres into a file: `python -m data_layer.storage.export`, called by `make export`."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi

from data_layer.features.registry import catalogue
from data_layer.storage.dataset import save
from models.errors import ConfigError, DataQualityError

STAGE = "export"


def export_features(uri: str, feature_set: str, start: dt.date | None, end: dt.date | None, out: Path) -> int:
    """Write a set's stored rows of a date window: as a dataset for `x.arrow`, else as Parquet.

    Parquet goes batch by batch, so that any size fits in memory; a dataset is one piece, held twice while it is made.

    Args:
        uri: connection URI of a role that may read.
        feature_set: a feature set of the code.
        start: first session; None for the first stored.
        end: last session; None for the last stored.
        out: file to write; an existing one is replaced when all is written.

    Returns:
        The number of rows: symbol, date, one float column per feature, NULL (in a dataset NaN) where there is no
        value, and is_synthetic (in a dataset a note on the whole); in the order of the sessions' rows as stored.

    Raises:
        ConfigError: unknown set, a start after the end, a folder that is not there.
        DataQualityError: no row lies in the window.
    """
    catalogue(feature_set)  # refuses an unknown set before its name goes into a statement
    if start and end and start > end:
        raise ConfigError(
            "START lies after END", stage=STAGE, key="START", value=f"{start} > {end}", remedy="swap them"
        )
    if not out.parent.is_dir():
        raise ConfigError(
            "no such folder", stage=STAGE, key="OUT", value=str(out.parent), remedy="make it first"
        )
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        with dbapi.connect(uri) as connection, connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM features_{feature_set} WHERE date BETWEEN $1 AND $2",  # noqa: S608  # a known set's view  # nosec B608
                parameters=(start or dt.date(1, 1, 1), end or dt.date(9999, 12, 31)),
            )
            batches = cursor.fetch_record_batch()
            if out.suffix == ".arrow":
                table = batches.read_all()
                rows = int(table.num_rows)
                if rows:
                    save(table, unfinished, feature_set)
            else:
                rows = _write_parquet(batches, unfinished)
        if not rows:
            raise DataQualityError("no stored features in the window", stage=STAGE, key=feature_set,
                                   value=f"{start or 'first'}..{end or 'last'}",
                                   remedy="see make status for the sessions there are")  # fmt: skip
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _write_parquet(batches: pa.RecordBatchReader, path: Path) -> int:
    rows = 0
    with pq.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += int(batch.num_rows)
    return rows


def main() -> None:
    """Read the command line and export from this home's database as the reader."""
    from data_layer.runtime.home import Home
    from data_layer.settings import home_path

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", default="technical")
    parser.add_argument("--start", type=_date, default=None)
    parser.add_argument("--end", type=_date, default=None)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    uri = Home(home_path()).uri("quant_reader")
    rows = export_features(uri, given.features, given.start, given.end, given.out)
    print(f"{rows} rows of {given.features} in {given.out}")  # noqa: T201  # the command's answer


def _date(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


if __name__ == "__main__":
    main()
