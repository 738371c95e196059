"""A row depends on its symbol's bars up to it, bit for bit: on no later bar, other symbol or other column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_layer.features.compute import compute
from data_layer.features.registry import catalogue, feature_sets

VALUES = ["open", "high", "low", "close", "volume", "split_factor", "return_factor"]
slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def names_of(feature_set):
    return [item.name for item in catalogue(feature_set)]


def same_bytes(one, other, names, dtype):
    assert len(one) == len(other)
    for name in names:  # by column, so that a failure says which
        assert one[name].to_numpy(dtype).tobytes() == other[name].to_numpy(dtype).tobytes(), name


@pytest.mark.parametrize("feature_set", feature_sets())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_prefix_of_the_bars_gives_the_prefix_of_the_rows(feature_set, dtype, walk):
    names = names_of(feature_set)
    bars = walk(260)
    bars.loc[90, "close"] = np.nan
    bars.loc[120:, ["split_factor", "return_factor"]] *= 2
    everything = compute(bars, feature_set=feature_set, dtype=dtype)
    for rows in range(1, len(bars) + 1):
        so_far = compute(bars.iloc[:rows], feature_set=feature_set, dtype=dtype)
        same_bytes(so_far, everything.iloc[:rows], names, dtype)


@pytest.mark.parametrize("feature_set", feature_sets())
@slow
@given(data=st.data())
def test_every_prefix_of_troubled_bars(feature_set, troubled_bars, data):
    names = names_of(feature_set)
    bars = data.draw(troubled_bars)
    everything = compute(bars, feature_set=feature_set, dtype="float64")
    for rows in data.draw(st.lists(st.integers(1, len(bars)), min_size=1, max_size=8)):
        so_far = compute(bars.iloc[:rows], feature_set=feature_set, dtype="float64")
        same_bytes(so_far, everything.iloc[:rows], names, "float64")


@pytest.mark.parametrize("feature_set", feature_sets())
@pytest.mark.parametrize("spoil", ["other numbers", "nan", "infinity", "huge", "zero"])
def test_changing_all_later_bars_moves_nothing(feature_set, spoil, sample):
    names = names_of(feature_set)
    before = compute(sample, feature_set=feature_set, dtype="float64")
    rng = np.random.default_rng(3)
    for date in sample["date"].iloc[[0, 19, 20, 400, 1500, 3200]]:
        later = (sample["date"] > date).to_numpy()
        spoilt = sample.astype(dict.fromkeys(VALUES, "float64"))
        count = later.sum()
        spoilt.loc[later, VALUES] = rng.uniform(0.1, 1e4, (count, len(VALUES)))
        if spoil != "other numbers":
            value = {"nan": np.nan, "infinity": np.inf, "huge": 1e308, "zero": 0.0}[spoil]
            spoilt.loc[later, VALUES[:5]] = value
        after = compute(spoilt, feature_set=feature_set, dtype="float64")
        same_bytes(after[~later], before[~later], names, "float64")
        if count > 400:
            assert not after[names].equals(before[names])  # the change was seen where it may be


@pytest.mark.parametrize("feature_set", feature_sets())
def test_other_symbols_and_other_columns_do_not_matter(feature_set, sample, walk):
    names = names_of(feature_set)
    everything = compute(sample, feature_set=feature_set)
    for symbol in sample["symbol"].unique():
        mine = (sample["symbol"] == symbol).to_numpy()
        alone = compute(pd.concat([walk(37, 9, "ZZZ"), sample[mine]]), feature_set=feature_set).iloc[37:]
        same_bytes(alone, everything[mine], names, "float32")
    for name in names:
        same_bytes(compute(sample, [name], feature_set), everything, [name], "float32")
    backwards = compute(sample, names[::-1], feature_set)
    same_bytes(backwards, everything, names, "float32")
