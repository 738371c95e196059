"""Every column against its definition in plain Python, on bars with gaps, constants, NaN, jumps and splits."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_layer.features.compute import compute
from data_layer.features.layout import to_days
from data_layer.features.registry import UNITS, catalogue
from tests.data_layer.features.references import REFERENCES

# The strength's own rounding, 1e-14, over the least span it is divided by, 1e-6, times 100.
STEEP = {"stoch_rsi_k": 1e-5, "stoch_rsi_d": 1e-5}
PRICES = ("open", "high", "low", "close")


def test_every_column_has_its_reference():
    assert set(REFERENCES) == {item.name for item in catalogue()}


def fields_of(bars):
    """The adjusted fields as lists."""
    split, factor = bars["split_factor"].to_numpy(), bars["return_factor"].to_numpy()
    fields = {name: (bars[name].to_numpy() * split).tolist() for name in PRICES}
    fields["volume"] = (bars["volume"].to_numpy() / split).tolist()
    fields["total"] = (bars["close"].to_numpy() * factor).tolist()
    fields["market"] = bars["market_return"].tolist()
    fields["days"] = to_days(bars["date"]).tolist()
    return {**fields, "split": split.tolist(), "factor": factor.tolist()}


def check(bars, rows):
    ours = compute(bars, dtype="float64")
    fields = fields_of(bars)
    split = np.array(fields["split"])
    # Both sides round: sums of prices (and volumes) to some ulps of the largest in reach.
    largest = max(map(abs, filter(math.isfinite, fields["close"])), default=0.0)
    for item in catalogue():
        mine = ours[item.name].to_numpy()
        theirs = np.array(REFERENCES[item.name](fields), float) * split ** UNITS[item.unit]
        scale = float(np.nan_to_num(np.abs(mine)).max())
        noise = 1e-13 * (largest if item.unit == "price" else 1.0) + 1e-9 * scale + STEEP.get(item.name, 0.0)
        with np.errstate(invalid="ignore"):
            near = np.abs(mine - theirs) <= np.maximum(1e-9 * np.abs(theirs), noise)
        wrong = np.flatnonzero(~(near | (mine == theirs) | (np.isnan(mine) & np.isnan(theirs)))[rows])
        assert not len(wrong), (item.name, rows[wrong[0]], mine[rows[wrong[0]]], theirs[rows[wrong[0]]])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_troubled_bars(troubled_bars, data):
    bars = data.draw(troubled_bars)
    check(bars, range(len(bars)))


@settings(deadline=None)
@given(rows=st.integers(1, 3))
@example(rows=2)
def test_a_few_rows(walk, rows):
    check(walk(rows), range(rows))


def test_every_row_of_a_long_walk(walk):
    check(walk(300), range(300))
