"""Alpha158 against its own expressions in pandas, on full windows, and against pyqlib itself where it is installed."""

from __future__ import annotations

import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_layer.features.compute import compute
from data_layer.features.registry import catalogue
from data_layer.labels import next_session_return
from tests.benchmarks.peers import bench_python, qlib_script

NAMES = [item.name for item in catalogue("alpha158")]
WINDOWS = (5, 10, 20, 30, 60)


def line(values):
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    slope = (steps * (values - values.mean())).sum() / (steps**2).sum()
    squares = ((values - values.mean()) ** 2).sum()
    share = (
        slope**2 * (steps**2).sum() / squares
        if squares > (1e-13 * values.mean()) ** 2 * len(values)
        else np.nan
    )
    return slope, share, values[-1] - values.mean() - slope * steps[-1]


def correlation(one, two):
    one, two = one - one.mean(), two - two.mean()
    scale = np.sqrt((one**2).sum() * (two**2).sum())
    return (one * two).sum() / scale


def reference(bars):
    """Every factor by Qlib's expression, NaN where a window is not full or holds a NaN."""
    split, factor = bars["split_factor"], bars["return_factor"]
    h, l, c = (bars[name] * factor for name in ("high", "low", "close"))
    v, span = bars["volume"] / factor, (bars["high"] - bars["low"]) * split + 1e-12
    O, H, L, C = (bars[name] * split for name in ("open", "high", "low", "close"))  # noqa: N806
    top, bottom = np.maximum(O, C) + 0 * O, np.minimum(O, C) + 0 * O
    out = {
        "kmid": (C - O) / O, "klen": (H - L) / O, "kmid2": (C - O) / span, "kup": (H - top) / O,
        "kup2": (H - top) / span, "klow": (bottom - L) / O, "klow2": (bottom - L) / span,
        "ksft": (2 * C - H - L) / O, "ksft2": (2 * C - H - L) / span,
        "open0": O / C, "high0": H / C, "low0": L / C, "vwap0": bars["vwap"] * split / C,
    }  # fmt: skip
    moved, changed = c - c.shift(1), v - v.shift(1)
    ratio, growth = c / c.shift(1), np.log(v / v.shift(1) + 1).replace([np.inf, -np.inf], np.nan)
    weighted = (ratio - 1).abs() * v

    def rolled(series, n, function):
        """By hand: pandas' own running sums do not forget what has left the window."""
        values = series.to_numpy()
        found = (
            [np.nan] * (n - 1)
            + [
                np.nan if np.isnan(w).any() else function(w)
                for w in np.lib.stride_tricks.sliding_window_view(values, n)
            ]
            if len(values) >= n
            else [np.nan] * len(values)
        )
        return pd.Series(found, index=series.index, dtype=float)

    def paired(one, two, n):
        hole = (one + two) * 0
        return pd.Series([
            np.nan if i + 1 < n or hole[i + 1 - n : i + 1].isna().any()
            else correlation(one[i + 1 - n : i + 1].to_numpy(), two[i + 1 - n : i + 1].to_numpy())
            for i in range(len(one))
        ])  # fmt: skip

    for n in WINDOWS:
        std = lambda w: w.std(ddof=1) if (w != w[0]).any() else 0.0  # noqa: E731
        rises, falls = (rolled((s * moved).clip(lower=0), n, np.sum) for s in (1, -1))
        more, less = (rolled((s * changed).clip(lower=0), n, np.sum) for s in (1, -1))
        up = rolled((moved > 0).astype(float) + 0 * moved, n, np.mean)
        down = rolled((moved < 0).astype(float) + 0 * moved, n, np.mean)
        high, low = rolled(h, n, np.max), rolled(l, n, np.min)
        imax = rolled(h, n, lambda w: (w.argmax() + 1) / len(w))
        imin = rolled(l, n, lambda w: (w.argmin() + 1) / len(w))
        traded = v.where(v > 0)
        out |= {
            f"roc{n}": c.shift(n) / c, f"ma{n}": rolled(c, n, np.mean) / c, f"std{n}": rolled(c, n, std) / c,
            f"beta{n}": rolled(c, n, lambda w: line(w)[0]) / c, f"rsqr{n}": rolled(c, n, lambda w: line(w)[1]),
            f"resi{n}": rolled(c, n, lambda w: line(w)[2]) / c, f"max{n}": high / c, f"min{n}": low / c,
            f"rsv{n}": (c - low) / (high - low + 1e-12), f"imax{n}": imax, f"imin{n}": imin, f"imxd{n}": imax - imin,
            f"qtlu{n}": rolled(c, n, lambda w: np.quantile(w, 0.8)) / c,
            f"qtld{n}": rolled(c, n, lambda w: np.quantile(w, 0.2)) / c,
            f"rank{n}": rolled(c, n, lambda w: ((w < w[-1]).sum() + ((w == w[-1]).sum() + 1) / 2) / len(w)),
            f"corr{n}": paired(c, np.log(v + 1), n), f"cord{n}": paired(ratio, growth, n),
            f"cntp{n}": up, f"cntn{n}": down, f"cntd{n}": up - down,
            f"sump{n}": rises / (rises + falls + 1e-12), f"sumn{n}": falls / (rises + falls + 1e-12),
            f"sumd{n}": (rises - falls) / (rises + falls + 1e-12),
            f"vma{n}": rolled(v, n, np.mean) / traded, f"vstd{n}": rolled(v, n, std) / traded,
            f"wvma{n}": rolled(weighted, n, std) / (rolled(weighted, n, np.mean) + 1e-12),
            f"vsump{n}": more / (more + less + 1e-12), f"vsumn{n}": less / (more + less + 1e-12),
            f"vsumd{n}": (more - less) / (more + less + 1e-12),
        }  # fmt: skip
    return out


def check(bars, tolerance):
    bars = bars.reset_index(drop=True)
    ours = compute(bars, feature_set="alpha158", dtype="float64")
    with np.errstate(all="ignore"):
        theirs = reference(bars)
    assert set(theirs) == set(NAMES)
    for name in NAMES:
        expected = theirs[name].replace([np.inf, -np.inf], np.nan).to_numpy()
        mine = ours[name].to_numpy()
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(expected), err_msg=name)
        scale = max(1.0, np.nanmax(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(mine, expected, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def test_a_long_walk(walk):
    check(walk(200), 1e-11)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_troubled_bars(troubled_bars, data):
    """Constant stretches leave correlations to rounding in the reference: it has means that are an ulp off."""
    bars = data.draw(troubled_bars)
    ours = compute(bars, feature_set="alpha158", dtype="float64")
    with np.errstate(all="ignore"):
        theirs = reference(bars.reset_index(drop=True))
    for name in NAMES:
        expected = theirs[name].replace([np.inf, -np.inf], np.nan).to_numpy()
        mine = ours[name].to_numpy()
        if name.startswith(("corr", "cord")):
            expected = np.where(np.isnan(mine), np.nan, expected)
        scale = max(1.0, np.nanmax(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(mine, expected, rtol=1e-7, atol=1e-7 * scale, err_msg=name)


def test_the_label_looks_ahead_and_is_no_feature(walk):
    bars = pd.concat([walk(5, 1, "AAA"), walk(2, 2, "BBB"), walk(1, 3, "CCC")], ignore_index=True)
    total = bars["close"] * bars["return_factor"]
    label = next_session_return(bars)["label"]
    assert label[:3].tolist() == pytest.approx([total[i + 2] / total[i + 1] - 1 for i in range(3)])
    assert label[3:].isna().all()
    assert not [name for name in NAMES if "label" in name]
    assert next_session_return(bars.iloc[:0]).empty


@pytest.mark.skipif(bench_python() is None, reason="no .venv-bench with pyqlib; see requirements-bench.txt")
def test_equality_with_pyqlib(market, tmp_path):
    """On real symbols without a gap, after the first 61 rows, within float32 rounding of what goes in."""
    symbols = market["symbol"].unique()[:6]
    calendar = market.loc[market["symbol"] == symbols[0], "date"].iloc[-1500:]
    bars = market[market["symbol"].isin(symbols) & market["date"].isin(calendar)].reset_index(drop=True)
    whole = bars.groupby("symbol")["date"].transform("size") == len(calendar)
    bars = bars[whole].reset_index(drop=True).assign(split_factor=1.0, return_factor=1.0)
    bars["vwap"] = (bars["high"] + bars["low"] + bars["close"]) / 3
    # What Qlib reads is float32: the same numbers for both.
    for name in ("open", "high", "low", "close", "volume", "vwap"):
        bars[name] = bars[name].astype("float32").astype("float64")
    bars.to_parquet(tmp_path / "bars.parquet")
    subprocess.run(
        [bench_python(), str(qlib_script()), str(tmp_path / "bars.parquet"), str(tmp_path / "out.parquet"), "alpha158"],
        check=True, capture_output=True,
    )  # fmt: skip
    theirs = pd.read_parquet(tmp_path / "out.parquet")
    ours = compute(bars, feature_set="alpha158", dtype="float64")
    late = bars.groupby("symbol").cumcount().to_numpy() > 61
    worst = {}
    for name in NAMES:
        mine, other = ours[name].to_numpy()[late], theirs[name.upper()].to_numpy()[late]
        assert (np.isnan(mine) == np.isnan(other)).mean() > 0.999, name
        # Rounding of float32 prices (6e-8), some hundred times where nearly equal numbers are subtracted.
        apart = np.abs(mine - other) / np.maximum(np.abs(other), np.nanmedian(np.abs(other)) + 1e-3)
        worst[name] = np.nanquantile(apart, 0.999)
    assert len(bars) > 4000
    assert {name: value for name, value in worst.items() if not value < 2e-4} == {}
