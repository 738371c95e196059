"""The market's return beside each bar: the index's own, by session, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_layer.features.compute import compute
from data_layer.features.market import with_market_return
from models.errors import ConfigError, DataQualityError


def bars(symbol, closes, first="2024-01-02", factor=1.0):
    dates = pd.bdate_range(first, periods=len(closes), unit="s")
    factors = np.broadcast_to(factor, len(closes))
    return pd.DataFrame({"symbol": symbol, "date": dates, "close": closes, "return_factor": factors})


def test_each_bar_gets_the_return_of_its_own_session():
    index = bars("SPY", [100.0, 110.0, 99.0])
    stock = bars("AAA", [1.0, 2.0, 3.0, 4.0], first="2024-01-03")  # a day later, and two days longer
    out = with_market_return(pd.concat([stock, index], ignore_index=True), "SPY")
    assert out["symbol"].tolist() == ["AAA"] * 4 + ["SPY"] * 3
    expected = [0.1, -0.1, np.nan, np.nan, np.nan, 0.1, -0.1]
    np.testing.assert_allclose(out["market_return"], expected, rtol=1e-12)


def test_a_dividend_of_the_index_is_part_of_its_return():
    index = bars("SPY", [100.0, 98.0], factor=[1.0, 1.0 / (1.0 - 0.02)])
    out = with_market_return(index, "SPY")
    assert np.isnan(out["market_return"].iloc[0])
    assert out["market_return"].iloc[1] == pytest.approx(0.0, abs=1e-12)


def test_a_missing_close_of_the_index_has_no_return_before_or_after():
    out = with_market_return(bars("SPY", [100.0, np.nan, 110.0, 121.0]), "SPY")
    assert np.isnan(out["market_return"].iloc[:3]).all()
    assert out["market_return"].iloc[3] == pytest.approx(0.1)


def test_without_an_index_the_bars_stay_as_they_are():
    stock = bars("AAA", [1.0, 2.0])
    assert with_market_return(stock, "") is stock


def test_an_index_without_bars_is_an_error_not_a_gap():
    with pytest.raises(ConfigError, match=r"no bars of the market index.*SPY.*MARKET_INDEX"):
        with_market_return(bars("AAA", [1.0, 2.0]), "SPY")
    with pytest.raises(DataQualityError, match="return_factor"):
        with_market_return(bars("SPY", [1.0]).drop(columns="return_factor"), "SPY")


def test_beta_of_the_index_to_itself_is_one(walk):
    out = compute(with_market_return(walk(80, 3, "SPY"), "SPY"), ["beta_60", "correlation_60"])
    assert out.iloc[60:, 2:].to_numpy() == pytest.approx(1.0)
    assert out.iloc[:60, 2:].isna().all(axis=None)
    assert compute(walk(80, 3, "SPY").drop(columns="market_return"), ["beta_60"])["beta_60"].isna().all()
