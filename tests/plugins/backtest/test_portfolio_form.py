"""A portfolio of many symbols: strategies hold what they say, a missing bar moves nothing, no bars are an error."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from models.backtest.constraints import Constraints
from models.backtest.rules import Rules
from models.errors import ConfigError
from models.strategies.allocation.buy_and_hold import BuyAndHold
from plugins.backtest.market import market_from_file
from plugins.backtest.request import Terms
from plugins.backtest.run import accounts

SESSIONS = 120
RULES = Rules(cash=1e7, whole_shares=False)


def market_of(folder, symbols, missing=(), rising=""):
    """Calm prices of SESSIONS sessions, without the bars (symbol, session) that are missing; one symbol may rise."""
    random = np.random.default_rng(5)
    days, parts = pd.bdate_range("2015-01-05", periods=SESSIONS).date, []
    for symbol in symbols:
        close = 50.0 * np.exp(np.cumsum(random.normal(0.01 * (symbol == rising), 0.005, SESSIONS)))
        bar = {"open": close, "high": close * 1.001, "low": close * 0.999, "close": close, "volume": 1e6}
        frame = pd.DataFrame({"symbol": symbol, "date": days, **bar})
        parts.append(frame.drop(index=[t for name, t in missing if name == symbol]))
    path = folder / "bars.parquet"
    pd.concat(parts).to_parquet(path)
    return market_from_file(path)


@pytest.mark.parametrize("form", ["grid", "portfolio"])
def test_a_window_without_a_bar_of_the_symbols_is_refused(tmp_path, form):
    """Another symbol's bars are sessions of the window."""
    market_of(tmp_path, ["ENDS", "STAYS"], [("ENDS", t) for t in range(100, SESSIONS)])
    terms = Terms(("ENDS",), dt.date(2015, 6, 1), None, form, RULES, Constraints(), "")
    market = market_from_file(tmp_path / "bars.parquet", terms.symbols, terms.start)
    with pytest.raises(ConfigError, match=r"no bars of the symbols from START to END .*2015-06-01.*to 2015-05-22"):
        accounts(market, BuyAndHold(), terms, form)
    assert accounts(dataclasses.replace(market, begin=9), BuyAndHold(), terms, form)
