"""Features kept in a file and read back without a copy: what took seconds to compute is there in milliseconds.

    from data_layer.storage.dataset import read, write
    write(compute(bars, ["sma_20", "rsi_14"]), Path("technical.arrow"))
    frame = read(Path("technical.arrow"), ["rsi_14"])

The file is Arrow IPC, uncompressed, in one piece: any Arrow library opens it, and its columns are mapped into memory
as they lie on disk. It says by which formulas it was computed, and is refused once these have changed. Whether it
holds the bars wanted is for its owner to know: it is a file, not a cache that guesses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_layer.features.registry import ARITHMETIC, select
from models.errors import ConfigError, DataQualityError

STAGE = "dataset"
_META = b"almanac"
_KEYS = ("symbol", "date")
_LABEL = "is_synthetic"


def write(frame: pd.DataFrame, path: Path, feature_set: str = "technical") -> None:
    """Keep a frame of `compute` in a file; an existing one is replaced when all is written.

    Args:
        frame: symbol, date and columns of the set, no value missing in the first two; NaN where there is no value.
        path: file to write.
        feature_set: the set the columns belong to.

    Raises:
        ConfigError: a column that is not of the set, a folder that is not there.
    """
    plain = {name: pa.array(frame[name].to_numpy()) for name in frame.columns if name not in _KEYS}
    symbols = pa.array(frame["symbol"].astype("category"))
    save(pa.table({"symbol": symbols, "date": pa.array(frame["date"]), **plain}), path, feature_set)


def save(table: pa.Table, path: Path, feature_set: str) -> None:
    """`write` for an Arrow table, in which NULL stands for no value too; takes its size in memory once more."""
    is_synthetic = _LABEL in table.column_names and bool(pc.any(table[_LABEL]).as_py())
    table = table.drop_columns([_LABEL] if _LABEL in table.column_names else [])
    names = [name for name in table.column_names if name not in _KEYS]
    columns = {}
    for name in table.column_names:
        column = table[name]
        if name == "symbol":
            column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
            column = column.unify_dictionaries()
        elif name == "date":
            column = column.cast(
                pa.timestamp("s")
            )  # as compute gives dates; date32 could not be read in place
        elif column.null_count:
            column = pc.fill_null(column, float("nan"))
        columns[name] = column.combine_chunks()
    meta = {"feature_set": feature_set, "formulas": _formulas(names, feature_set), _LABEL: is_synthetic}
    whole = pa.table(columns).replace_schema_metadata({_META: json.dumps(meta).encode()})
    if not path.parent.is_dir():
        raise ConfigError(
            "no such folder", stage=STAGE, key="path", value=str(path.parent), remedy="make it first"
        )
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with pa.OSFile(str(unfinished), "wb") as file, pa.ipc.new_file(file, whole.schema) as writer:
            writer.write_table(whole)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: Path, names: Iterable[str] | None = None, feature_set: str = "technical") -> pd.DataFrame:
    """Map a file of `write` or `make export OUT=x.arrow` into memory.

    Args:
        path: the file.
        names: columns wanted, in the order wanted; None for all there are.
        feature_set: the set they belong to.

    Returns:
        symbol (categorical), date (datetime64[s]) and one read-only column per name, the bits that were written;
        attrs["is_synthetic"] is True when a row exported rests on made-up bars.

    Raises:
        ConfigError: a file of another set, without a wanted column, or computed by formulas that have changed.
        DataQualityError: no whole file of features: cut short, or something else.
    """
    try:
        batches = pa.ipc.open_file(pa.memory_map(str(path)))
        meta = json.loads((batches.schema.metadata or {})[_META])
        held, formulas, is_synthetic = str(meta["feature_set"]), dict(meta["formulas"]), bool(meta[_LABEL])
        table = batches.read_all()
    except FileNotFoundError as error:
        raise ConfigError("no such dataset", stage=STAGE, key="path", value=str(path),
                          remedy="write it first, or make export OUT=x.arrow") from error  # fmt: skip
    except (pa.ArrowInvalid, KeyError, OSError, ValueError, TypeError) as error:
        raise DataQualityError(f"not a whole file of features: {error}", stage=STAGE, key="path", value=str(path),
                               remedy="write it anew") from error  # fmt: skip
    if held != feature_set:
        raise ConfigError("dataset of another feature set", stage=STAGE, key="feature_set", value=held,
                          remedy=f"read it as {held}, or write one of {feature_set}")  # fmt: skip
    wanted = list(formulas) if names is None else [names] if isinstance(names, str) else list(names)
    absent = [name for name in wanted if name not in formulas]
    if absent:
        raise ConfigError("dataset without a feature", stage=STAGE, key="feature", value=absent[0],
                          remedy=f"write it anew; {path.name} holds {len(formulas)} others")  # fmt: skip
    now = _formulas(wanted, feature_set)
    changed = [name for name in wanted if formulas[name] != now[name]]
    if changed:
        raise ConfigError("dataset computed by an earlier formula", stage=STAGE, key="feature", value=changed[0],
                          remedy="write it anew")  # fmt: skip
    # Blocks kept apart, or pandas would copy all columns into one.
    frame: pd.DataFrame = table.select([*_KEYS, *wanted]).to_pandas(split_blocks=True)
    frame.attrs[_LABEL] = is_synthetic
    return frame


def _formulas(names: list[str], feature_set: str) -> dict[str, list[int]]:
    """Give what a column's values depend on beside the bars: its own version and the kernels'."""
    return {
        column.definition.name: [column.definition.version, ARITHMETIC]
        for column in select(names, feature_set)
    }
