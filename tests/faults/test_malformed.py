"""100,000 malformed rows in 25 classes among good ones, as CSV and as Parquet: none is believed and none is lost."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pandas as pd
import pytest

from tests.support.bars import files_settings, write_bars
from tests.support.chain import open_stage, query
from tests.support.malformed import CLASSES, PRICES, SESSIONS, good_row
from tests.support.prepared import failed_checks

pytestmark = pytest.mark.faults
PER_CLASS = 4_000
GOOD, REPEATED = 20_000, 1_000


@pytest.fixture(scope="module")
def rows():
    """Good rows, exact repetitions of some, and malformed ones; ``kind`` says which, and no two share a bar."""
    random = Random("malformed")  # noqa: S311
    assert len(CLASSES) == 25
    keys = [(f"S{i:03d}", day) for i in range(50) for day in SESSIONS[:2_500]]
    random.shuffle(keys)
    good = [good_row(random, *keys.pop()) | {"kind": "good"} for _ in range(GOOD)]
    made = good + [row | {"kind": "repeated"} for row in random.sample(good, REPEATED)]
    for kind, spoil in CLASSES.items():
        for _ in range(PER_CLASS):
            row = good_row(random, *keys.pop()) | {"kind": kind}
            spoil(row, random)
            made.append(row)
    random.shuffle(made)
    return pd.DataFrame(made, dtype=object)


def numeric(rows):
    """The rows whose numbers are numbers, as a typed Parquet file holds them."""
    columns = [*PRICES, "volume"]
    values = rows[columns].apply(pd.to_numeric, errors="coerce")
    readable = values.notna() | rows[columns].astype(str).apply(lambda c: c.str.lower()).isin(["nan", ""])
    kept = rows[readable.all(axis=1)].copy()
    kept[columns] = values.loc[kept.index].astype(np.float64)
    return kept


@pytest.mark.parametrize("name", ["bars.csv", "texts.parquet", "numbers.parquet"])
def test_every_row_is_in_its_place(database, tmp_path, rows, name):
    if name == "numbers.parquet":
        rows = numeric(rows)
        assert rows["kind"].nunique() >= 24  # words are no numbers; all others have one
    else:
        rows = rows.astype(dict.fromkeys(rows, str))
    bad = rows[~rows["kind"].isin(["good", "repeated"])]
    path = write_bars(tmp_path / name, rows.drop(columns="kind"))
    counts = open_stage(database.writer, files_settings(tmp_path, path), "data_ingestion").fetch_market_data()
    once = bad.drop(columns="kind").astype(str).drop_duplicates()
    assert counts["received"] == len(rows)
    assert counts["new"] == GOOD
    assert counts["quarantined"] == len(once)
    assert counts["duplicates"] == REPEATED + len(bad) - len(once)
    kept = query(database.writer, "SELECT raw, reason FROM quarantine")
    assert len(kept) == len(once) and all(row["reason"] for row in kept)
    per_class(rows, bad, kept)
    held = query(
        database.writer, "SELECT symbol, date::text AS date, open, high, low, close, volume FROM market_data"
    )
    good = rows[rows["kind"] == "good"].set_index(["symbol", "date"]).drop(columns="kind").astype(float)
    found = pd.DataFrame(held).set_index(["symbol", "date"]).astype(float)
    pd.testing.assert_frame_equal(
        found.sort_index(), good.sort_index(), check_index_type=False, check_column_type=False
    )
    assert failed_checks(database.writer) == []


def identity(row):
    """What a row is told from others by, however its numbers are written."""
    return (row["symbol"], row["date"], *(repr(number(row[c])) for c in (*PRICES, "volume")))


def number(text):
    try:
        return float(text)
    except ValueError:
        return "" if text == "" else str(text)


def per_class(rows, bad, kept):
    """Each malformed row is in quarantine, class by class, and no good one is."""
    held = Counter(identity(row["raw"]) for row in kept)
    for kind, part in bad.groupby("kind"):
        missing = [r for r in part.to_dict("records") if identity(r) not in held]
        assert missing == [], kind
    good = {identity(row) for row in rows[rows["kind"] == "good"].to_dict("records")}
    assert not good & set(held)
