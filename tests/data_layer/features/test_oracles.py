"""Every column another library has against it, on real bars and the sample, within 1e-9 of the column's scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_layer.features.adjustment import forward_factors
from data_layer.features.compute import compute
from data_layer.features.registry import UNITS, catalogue

talib = pytest.importorskip("talib")
pytest.importorskip("pandas_ta_classic")

from tests.data_layer.features.oracles import ORACLES  # noqa: E402


@pytest.fixture(scope="module", params=["market", "sample"])
def bars(request):
    frame = request.getfixturevalue(request.param)
    if request.param == "market":
        frame = forward_factors(frame, request.getfixturevalue("market_actions"))
        assert (frame.groupby("symbol")["split_factor"].max() > 1).sum() > 5
    # Any series does as the market's return; the first symbol's own is one with a real one's shape.
    first = frame[frame["symbol"] == frame["symbol"].iloc[0]]
    total = first["close"] * first["return_factor"]
    market = pd.Series(total.pct_change().to_numpy(), index=first["date"].to_numpy())
    return frame.assign(market_return=frame["date"].map(market).fillna(0.0).to_numpy())


def test_every_column_that_names_a_library_has_its_oracle():
    assert set(ORACLES) == {item.name for item in catalogue() if item.equals}


def adjusted(rows):
    """One symbol's arrays as the libraries take them."""
    split = rows["split_factor"].to_numpy()
    x = {name: rows[name].to_numpy(float) * split for name in ("open", "high", "low", "close")}
    x["volume"] = rows["volume"].to_numpy() / split
    x["total"] = rows["close"].to_numpy() * rows["return_factor"].to_numpy()
    return {**x, "market": rows["market_return"].to_numpy(), "date": rows["date"].to_numpy()}


def near_tie(x):
    """Windows of 14 in which the typical price was unchanged but for rounding."""
    typical = pd.Series((x["high"] + x["low"] + x["close"]) / 3)
    return ((typical.diff().abs() < 1e-12 * typical).rolling(14, min_periods=1).max() > 0).to_numpy()


# Rows left out, and why.
EXCEPTIONS = {
    "bop": lambda x: x["high"] == x["low"],  # no range: TA-Lib gives 0, here there is no value
    "mfi_14": near_tie,  # TA-Lib takes rounding for a rise or a fall
}


def test_equality_with_the_libraries(bars):
    ours = compute(bars, list(ORACLES), dtype="float64")
    units = {item.name: UNITS[item.unit] for item in catalogue()}
    worst, gaps, scale = {}, {}, {}
    for _, rows in bars.groupby("symbol"):
        x, split = adjusted(rows), rows["split_factor"].to_numpy()
        for name, oracle in ORACLES.items():
            if len(rows) < 300:  # FB's 195 sessions in the sample are too few for some of the libraries
                continue
            theirs = oracle(x) * split ** units[name]
            mine = ours.loc[rows.index, name].to_numpy(copy=True)
            if name in EXCEPTIONS:
                left_out = EXCEPTIONS[name](x)
                assert left_out.mean() < 0.1, name
                mine[left_out] = theirs[left_out] = np.nan
            gaps[name] = gaps.get(name, 0) + int((np.isnan(mine) != np.isnan(theirs)).sum())
            scale[name] = max(np.nanmax(np.abs(theirs)), scale.get(name, 0.0))
            # A symbol may have none of a rare pattern: all of it is 0 then.
            apart = np.nanmax(np.abs(mine - theirs)) / (np.nanmax(np.abs(theirs)) or 1.0)
            worst[name] = max(apart, worst.get(name, 0.0))
    assert set(worst) == set(ORACLES)
    assert min(scale.values()) > 0  # every pattern was there to be found
    assert {name: count for name, count in gaps.items() if count} == {}
    assert {name: apart for name, apart in worst.items() if not apart < 1e-9} == {}


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
