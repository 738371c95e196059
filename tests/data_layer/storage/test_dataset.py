"""A dataset gives back the bits that were written, without a copy, or says why not."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data_layer.features.compute import compute
from data_layer.storage import dataset
from data_layer.storage.dataset import read, write
from models.errors import ConfigError, DataQualityError
from tests.benchmarks.bars import panel

NAMES = ["rsi_14", "sma_200"]


@pytest.fixture(scope="module")
def frame():
    return compute(panel(6, 400), NAMES)


@pytest.fixture
def path(frame, tmp_path):
    write(frame, tmp_path / "x.arrow")
    return tmp_path / "x.arrow"


def test_what_is_read_is_what_was_written_bit_for_bit(frame, path):
    found = read(path)
    assert list(found.columns) == list(frame.columns)
    assert found["symbol"].tolist() == frame["symbol"].tolist()
    assert (found["date"].to_numpy() == pd.to_datetime(frame["date"]).to_numpy()).all()
    assert np.isnan(found["sma_200"].iloc[0])
    for name in NAMES:
        assert found[name].to_numpy().tobytes() == frame[name].to_numpy().tobytes()
    assert list(read(path, "sma_200").columns) == ["symbol", "date", "sma_200"]
    assert [path.name for path in path.parent.iterdir()] == ["x.arrow"]


def test_nothing_is_copied(path):
    before = pa.total_allocated_bytes()
    found = read(path)
    assert pa.total_allocated_bytes() - before < 4096
    assert not any(
        found[name].to_numpy().flags.writeable or found[name].to_numpy().flags.owndata for name in NAMES
    )


def test_other_columns_and_sets_are_refused(frame, path, tmp_path):
    with pytest.raises(ConfigError, match="without a feature"):
        read(path, ["rsi_14", "sma_20"])
    with pytest.raises(ConfigError, match="another feature set"):
        read(path, feature_set="alpha158")
    with pytest.raises(ConfigError, match="unknown technical feature"):
        write(frame.assign(mine=1.0), path)
    with pytest.raises(ConfigError, match="no such folder"):
        write(frame, tmp_path / "none" / "x.arrow")
    with pytest.raises(ConfigError, match="no such dataset"):
        read(tmp_path / "none.arrow")


def test_a_file_of_earlier_formulas_is_refused(path, monkeypatch):
    monkeypatch.setattr(dataset, "ARITHMETIC", dataset.ARITHMETIC + 1)
    with pytest.raises(ConfigError, match="earlier formula"):
        read(path)


def test_a_feature_that_is_no_more_is_refused(frame, path):
    table = pa.ipc.open_file(str(path)).read_all()
    meta = json.loads(table.schema.metadata[b"almanac"])
    meta["formulas"]["gone_14"] = [1, 1]
    table = table.append_column("gone_14", pa.array(frame["rsi_14"].to_numpy()))
    table = table.replace_schema_metadata({"almanac": json.dumps(meta)})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ConfigError, match="unknown technical feature"):
        read(path)
    assert len(read(path, NAMES)) == len(frame)


def test_what_is_cut_short_or_something_else_is_refused(path):
    whole = path.read_bytes()
    for length in [0, 5, 100, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DataQualityError, match="not a whole file of features"):
            read(path)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, pa.schema([("x", pa.int8())])):
        pass
    with pytest.raises(DataQualityError, match="not a whole file of features"):
        read(path)
