"""compute(): its frame, its units, what it makes of missing values, and what it refuses."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_layer.features.adjustment import forward_factors
from data_layer.features.compute import compute, compute_matrices, compute_sessions
from data_layer.features.kernels import rolling_mean_std
from data_layer.features.lanes import WIDTH
from data_layer.features.layout import to_floats
from data_layer.features.panel import Rows
from data_layer.features.registry import UNITS, catalogue
from models.errors import ConfigError, DataQualityError

ROOT = Path(__file__).resolve().parents[3]
NAMES = [item.name for item in catalogue()]


def test_the_frame(walk):
    bars = pd.concat([walk(30, 1, "BBB"), walk(5, 2, "AAA")]).set_index(pd.Index(range(100, 135)))
    out = compute(bars, ["rsi_14", "macd_hist", "sma_10", "macd"])
    assert list(out.columns) == ["symbol", "date", "rsi_14", "macd_hist", "sma_10", "macd"]
    assert (out.dtypes.iloc[2:] == np.float32).all() and out.index.tolist() == list(range(35))
    pd.testing.assert_frame_equal(out[["symbol", "date"]], bars[["symbol", "date"]].reset_index(drop=True))
    assert list(compute(bars).columns) == ["symbol", "date", *NAMES]
    assert list(compute(bars, "sma_10").columns) == ["symbol", "date", "sma_10"]
    assert out.loc[30:, "sma_10"].isna().all()  # AAA has fewer rows than the warm-up


def test_it_is_rounded_once_at_the_end(walk):
    bars = walk(300)
    exact = compute(bars, dtype="float64")
    for name, column in compute(bars).items():
        if name in NAMES:
            np.testing.assert_array_equal(column, exact[name].astype(np.float32))


def test_units_through_a_split(walk):
    """Split bars give the unsplit bars' values: levels in their own session's basis, the rest unmoved."""
    whole = walk(300).assign(return_factor=1.0)
    ex_day = 250
    after = np.arange(300) >= ex_day
    split = whole.drop(columns=["split_factor", "return_factor"])
    split.loc[after, ["open", "high", "low", "close"]] /= 4
    split["volume"] = np.where(after, split["volume"] * 4, split["volume"])
    action = pd.DataFrame(
        {"symbol": "AAA", "ex_date": whole["date"].iloc[[ex_day]], "action_type": "split", "value": 4.0}
    )
    expected, out = compute(whole, dtype="float64"), compute(forward_factors(split, action), dtype="float64")
    for item in catalogue():
        if "factors" in item.inputs:
            continue  # it tells of the split itself
        factor = 4.0 ** UNITS[item.unit]
        want = np.where(after, expected[item.name] * factor, expected[item.name])
        np.testing.assert_allclose(out[item.name], want, rtol=1e-9, atol=1e-12, err_msg=item.name)


def test_a_dividend_is_part_of_the_return_and_not_of_the_price(walk):
    bars = walk(4)
    bars.loc[:, "close"] = [100.0, 100.0, 98.0, 98.0]
    raw = bars.drop(columns=["split_factor", "return_factor"])
    action = pd.DataFrame(
        {"symbol": "AAA", "ex_date": bars["date"].iloc[[2]], "action_type": "dividend", "value": 2.0}
    )
    out = compute(forward_factors(raw, action), "return_1", dtype="float64")
    assert out["return_1"].tolist()[1:] == pytest.approx([0, 0, 0], abs=1e-15)


def test_nan_stays_until_the_window_has_left_it(walk):
    bars = walk(300)
    bars.loc[100, "close"] = np.nan
    out, clean = compute(bars, dtype="float64"), compute(walk(300), dtype="float64")
    for name, length in (("sma_10", 10), ("sma_50", 50), ("sma_200", 200), ("bb_upper", 20)):
        assert out[name].iloc[100 : min(100 + length, 300)].isna().all(), name
        np.testing.assert_allclose(out[name][100 + length :], clean[name][100 + length :], rtol=1e-12)
    # Recurrences start anew after it, with their whole warm-up (the first change is a row later).
    for name, again in (("ema_12", 112), ("ema_26", 126), ("rsi_14", 115), ("macd", 134)):
        assert out[name][100:again].isna().all() and out[name][again:].notna().all(), name
    assert np.flatnonzero(out["atr_14"].isna()).tolist() == [*range(14), *range(101, 115)]  # the close before
    assert np.flatnonzero(out["return_5"].isna()).tolist() == [0, 1, 2, 3, 4, 100, 105]
    assert out["volatility_20"].iloc[100:121].isna().all() and out["volatility_20"].iloc[121:].notna().all()


def test_a_huge_value_is_forgotten_once_the_window_has_left_it(walk):
    bars, clean = walk(300).astype({"volume": "float64"}), compute(walk(300), dtype="float64")
    bars.loc[100, ["close", "volume"]] = 1e300
    out = compute(bars, dtype="float64")
    for name, length in (("sma_10", 10), ("bb_lower", 20), ("volume_ratio_20", 20), ("volatility_20", 21)):
        np.testing.assert_allclose(out[name][100 + length :], clean[name][100 + length :], rtol=1e-9)
    assert not np.isinf(compute(bars)[NAMES].to_numpy()).any()  # 1e300 does not fit float32 either


def test_a_price_that_overflows_when_adjusted_is_missing(walk):
    bars = walk(300).assign(split_factor=4.0)
    bars.loc[100, ["high", "low", "close"]] = 1e308
    out = compute(bars, ["ema_12", "rsi_14", "atr_14"])
    assert out.loc[100, ["ema_12", "rsi_14", "atr_14"]].isna().all()
    assert out.iloc[115:].notna().all(axis=None)


def test_a_kernel_that_divides_by_zero_gives_nan():
    one = rolling_mean_std(np.ones((3, WIDTH)), 1, 1)[1]
    assert np.isnan(one).all()


def test_a_kernel_refuses_half_a_vector_of_lanes():
    with pytest.raises(ValueError, match="multiple of WIDTH"):
        rolling_mean_std(np.ones((3, WIDTH + 1)), 1, 1)


def test_constant_windows_have_the_stated_limits(walk):
    bars = walk(60).assign(open=0.1, high=0.1, low=0.1, close=0.1, volume=0)
    last = compute(bars).iloc[-1]
    assert np.isnan(last["rsi_14"]) and np.isnan(last["volume_ratio_20"])
    assert last[["atr_14", "volatility_20", "return_1", "return_20"]].tolist() == [0, 0, 0, 0]
    assert last["bb_upper"] == last["bb_lower"] == last["sma_20"] == np.float32(0.1)
    # Exactly: rules ask whether they are above 0, and noise would be.
    assert last[["macd", "macd_signal", "macd_hist"]].tolist() == [0, 0, 0]
    assert last["ema_12"] == last["ema_26"] == np.float32(0.1)


def test_a_zero_or_infinite_price_never_gives_infinity(walk):
    bars = walk(300)
    bars.loc[50, "close"] = 0.0
    bars.loc[120, "close"] = np.inf
    out = compute(bars)
    assert not np.isinf(out[NAMES].to_numpy()).any()
    assert np.isnan(out.loc[51, "return_1"]) and np.isnan(out.loc[120, "sma_10"])
    assert out["sma_10"].iloc[130:].notna().all()


def test_integer_float32_and_nullable_columns_are_converted(walk):
    prices = ["open", "high", "low", "close"]
    bars = walk(60)
    bars[prices] = bars[prices].round(0)
    expected = compute(bars)
    for dtype in ("int64", "float32", "Float64", "Int64"):
        pd.testing.assert_frame_equal(compute(bars.astype(dict.fromkeys(prices, dtype))), expected)
    missing = bars.astype({"close": "Float64"})
    missing.loc[59, "close"] = pd.NA
    assert np.isnan(compute(missing, "sma_10")["sma_10"].iloc[-1])


def test_plain_dates_of_any_make_are_the_same(walk):
    bars = walk(30)
    values = compute(bars)[NAMES]
    for dates in (bars["date"].dt.date, bars["date"].astype("datetime64[ns]")):
        out = compute(bars.assign(date=dates))
        pd.testing.assert_frame_equal(out[NAMES], values)
        assert out["date"].tolist() == dates.tolist()


def test_an_empty_frame_gives_an_empty_result(walk):
    for empty in (walk(3).iloc[:0], pd.DataFrame(columns=walk(1).columns)):
        out = compute(empty)
        assert len(out) == 0 and list(out.columns) == ["symbol", "date", *NAMES]


def with_dates(bars, dates):
    return bars.assign(date=pd.Series(dates, dtype=object))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda bars: bars.drop(columns=["low", "return_factor"]), "no column low, return_factor"),
        (lambda bars: bars.iloc[[0, 2, 1]], "dates of one symbol are not ascending: AAA on 2015-01-05"),
        (lambda bars: bars.iloc[[0, 1, 1]], "duplicated bar: AAA on 2015-01-05"),
        (lambda bars: bars.assign(symbol=["AAA", "BBB", "AAA"]), "not contiguous: AAA on 2015-01-06"),
        (lambda bars: bars.assign(symbol=["AAA", None, "BBB"]), "a bar has no symbol .row=1"),
        (lambda bars: bars.assign(close=bars["close"].astype(str)), "column close is not numeric"),
        (lambda bars: bars.assign(close=[Decimal(1)] * 3), "column close is not numeric"),
        (lambda bars: bars.assign(volume=True), "column volume is not numeric"),
        (lambda bars: bars.assign(split_factor=[1, 0, 1]), "split_factor of AAA on 2015-01-05"),
        (lambda bars: bars.assign(return_factor=[1, 1, np.nan]), "return_factor of AAA on 2015-01-06"),
        (lambda bars: with_dates(bars, ["2015-01-02", "2015-01-05", "2015-01-06"]), "not hold plain dates"),
        (lambda bars: with_dates(bars, [dt.date(2015, 1, 2), "2015-01-05", 7]), "not hold plain dates"),
        (lambda bars: with_dates(bars, [dt.date(2015, 1, 2), None, dt.date(2015, 1, 6)]), "plain dates"),
        (lambda bars: with_dates(bars, [dt.date(2015, 1, 2), dt.datetime(2015, 1, 5), None]), "plain dates"),
        (lambda bars: with_dates(bars, [
            pd.Timestamp("2015-01-02", tz="UTC"), pd.Timestamp("2015-01-05", tz="America/New_York"),
            pd.Timestamp("2015-01-06"),
        ]), "not hold plain dates"),
        (lambda bars: bars.assign(date=bars["date"].dt.tz_localize("UTC")), "not hold plain dates"),
        (lambda bars: bars.assign(date=bars["date"] + pd.Timedelta(hours=16)), "has times of day"),
        (lambda bars: bars.assign(date=bars["date"].where(bars.index != 1)), "has missing dates"),
        (lambda bars: bars.assign(date=[1, 2, 3]), "not hold plain dates"),
    ],
)  # fmt: skip
def test_bad_bars_are_refused(walk, spoil, problem):
    with pytest.raises(DataQualityError, match=problem):
        compute(spoil(walk(3)))


def test_an_unknown_feature_is_refused_also_for_no_bars(walk):
    with pytest.raises(ConfigError, match="did you mean"):
        compute(walk(3).iloc[:0], ["rsi14"])


def test_a_second_process_compiles_nothing():
    """Each Airflow task is a new process: it must find every kernel compiled on disk."""
    code = (
        "import importlib, pkgutil, data_layer.features as package\n"
        "from data_layer.features.warm import warm\n"
        "warm()\n"
        "names = [f'data_layer.features.{m.name}' for m in pkgutil.iter_modules(package.__path__)]\n"
        "files = [importlib.import_module(name) for name in names]\n"
        "kernels = {k for file in files for k in vars(file).values() if hasattr(k, 'stats')}\n"
        "used = [k.stats for k in kernels]\n"
        "print(sum(sum(s.cache_misses.values()) for s in used), len(used) - sum(bool(s.cache_hits) for s in used))\n"
    )
    command = [sys.executable, "-c", code]
    for _ in range(2):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "0"]


@pytest.mark.parametrize("feature_set", ["technical", "alpha158"])
def test_rows_of_some_sessions_are_those_of_all(walk, feature_set):
    """Alpha158's are worked out from the rows they can see only: the same bits, early or late, gaps or none."""
    bars = pd.concat([walk(400, 5, "AAA"), walk(131, 6, "BBB"), walk(3, 7, "CCC")], ignore_index=True)
    bars.loc[[350, 361], "close"] = np.nan
    bars.loc[100:399, "split_factor"] = 4.0
    whole = compute(bars, feature_set=feature_set)
    for places in ([2], [59, 60, 61, 130], [181, 399]):
        days = pd.to_datetime(bars["date"].iloc[places])
        keys, values = compute_sessions(Rows.from_bars(bars), [day.date() for day in days], feature_set)
        rows = whole[pd.to_datetime(whole["date"]).isin(days)]
        assert keys["symbol"].tolist() == rows["symbol"].tolist()
        assert values.tobytes() == rows.iloc[:, 2:].to_numpy(np.float32).tobytes()
    keys, values = compute_sessions(Rows.from_bars(bars), [pd.Timestamp("1990-01-01").date()], feature_set)
    assert len(keys) == 0 and values.shape == (0, len(catalogue(feature_set)))


@pytest.mark.parametrize("missing", [[5, 700], []])
def test_matrices_hold_what_the_frame_does(walk, missing):
    bars = pd.concat([walk(120, seed, f"S{seed:02d}") for seed in range(10)], ignore_index=True)
    bars = bars.drop(index=missing).reset_index(drop=True)
    symbol, days = pd.factorize(bars["symbol"])[0], np.unique(bars["date"].to_numpy())
    cells = np.searchsorted(days, bars["date"].to_numpy()) * 10 + symbol
    names = ["rsi_14", "sma_10", "volatility_20"]
    found, frame = compute_matrices(bars, names, cells, (len(days), 10)), compute(bars, names)
    for matrix, name in zip(found, names, strict=True):
        assert matrix.dtype == np.float64
        np.testing.assert_array_equal(matrix.reshape(-1)[cells], frame[name].to_numpy())
        assert np.isnan(np.delete(matrix, cells)).all() and np.isfinite(matrix).any()


def test_clean_numbers_are_not_copied_and_others_not_changed():
    clean, dirty = pd.Series([1.0, 2.0]), pd.Series([1.0, np.inf])
    assert np.shares_memory(to_floats(clean), clean.to_numpy()) and to_floats(clean).flags.writeable
    assert np.isnan(to_floats(dirty)[1]) and np.isinf(dirty[1])
