"""Every column against TA-Lib's C (and empyrical) on real bars and the sample, within 1e-9 of its scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_layer.features.adjustment import forward_factors
from data_layer.features.compute import compute
from data_layer.features.registry import UNITS, catalogue

talib = pytest.importorskip("talib")

# From a dict of adjusted arrays; what TA-Lib has no single function for is put together from its functions.
ORACLES = {
    **{f"sma_{n}": (lambda x, n=n: talib.SMA(x["close"], n)) for n in (10, 20, 50, 200)},
    **{f"ema_{n}": (lambda x, n=n: talib.EMA(x["close"], n)) for n in (12, 26)},
    "rsi_14": lambda x: talib.RSI(x["close"], 14),
    "macd": lambda x: talib.MACD(x["close"], 12, 26, 9)[0],
    "macd_signal": lambda x: talib.MACD(x["close"], 12, 26, 9)[1],
    "macd_hist": lambda x: talib.MACD(x["close"], 12, 26, 9)[2],
    "bb_upper": lambda x: talib.BBANDS(x["close"], 20, 2, 2)[0],
    "bb_middle": lambda x: talib.BBANDS(x["close"], 20, 2, 2)[1],
    "bb_lower": lambda x: talib.BBANDS(x["close"], 20, 2, 2)[2],
    "atr_14": lambda x: talib.ATR(x["high"], x["low"], x["close"], 14),
    "volume_ratio_20": lambda x: x["volume"] / talib.SMA(x["volume"], 20),
    **{f"return_{n}": (lambda x, n=n: talib.ROCP(x["total"], n)) for n in (1, 5, 20)},
    "volatility_20": lambda x: talib.STDDEV(talib.ROCP(x["total"], 1), 20) * np.sqrt(20 / 19 * 252),
}


@pytest.fixture(scope="module", params=["market", "sample"])
def bars(request):
    frame = request.getfixturevalue(request.param)
    if request.param == "market":
        frame = forward_factors(frame, request.getfixturevalue("market_actions"))
        assert (frame.groupby("symbol")["split_factor"].max() > 1).sum() > 5
    return frame


def test_every_column_that_names_a_library_has_its_oracle():
    assert set(ORACLES) == {item.name for item in catalogue() if item.equals}


def test_equality_with_talib(bars):
    ours = compute(bars, list(ORACLES), dtype="float64")
    units = {item.name: UNITS[item.unit] for item in catalogue()}
    worst = {}
    for symbol, rows in bars.groupby("symbol"):
        split = rows["split_factor"].to_numpy()
        x = {name: rows[name].to_numpy() * split for name in ("high", "low", "close")}
        x["volume"] = rows["volume"].to_numpy() / split
        x["total"] = rows["close"].to_numpy() * rows["return_factor"].to_numpy()
        for name, oracle in ORACLES.items():
            theirs = oracle(x) * split ** units[name]
            mine = ours.loc[rows.index, name].to_numpy()
            np.testing.assert_array_equal(np.isnan(mine), np.isnan(theirs), err_msg=f"{name} of {symbol}")
            if not np.isnan(theirs).all():  # FB's 195 sessions in the sample are no sma_200
                apart = np.nanmax(np.abs(mine - theirs)) / np.nanmax(np.abs(theirs))
                worst[name] = max(apart, worst.get(name, 0.0))
    assert set(worst) == set(ORACLES)
    assert max(worst.values()) < 1e-9, worst


def test_volatility_is_empyricals(sample):
    empyrical = pytest.importorskip("empyrical")
    bars = sample[sample["symbol"] == "FB"].reset_index(drop=True)
    out = compute(bars, ["return_1", "volatility_20"], dtype="float64")
    for row in range(20, len(bars), 7):
        window = pd.Series(out["return_1"].to_numpy()[row - 19 : row + 1])
        assert out["volatility_20"].iloc[row] == pytest.approx(empyrical.annual_volatility(window), rel=1e-12)


def test_the_stated_exception_of_rsi(walk):
    """TA-Lib gives 0, the deepest oversold, where nothing has moved yet; ours has no value there."""
    close = np.concatenate([np.full(20, 50.0), [51.0, 50.5]])
    bars = walk(22).assign(open=close, high=close, low=close, close=close)
    ours, theirs = compute(bars, "rsi_14", dtype="float64")["rsi_14"].to_numpy(), talib.RSI(close, 14)
    assert theirs[14:20].tolist() == [0.0] * 6 and np.isnan(ours[:20]).all()
    np.testing.assert_allclose(ours[20:], theirs[20:], rtol=1e-12)
