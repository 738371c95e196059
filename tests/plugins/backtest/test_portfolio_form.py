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
from models.strategies.allocation.balanced_portfolio import BalancedPortfolio
from models.strategies.allocation.buy_and_hold import BuyAndHold
from models.strategies.volatility.volatility_targeting import VolatilityTargeting
from plugins.backtest.market import market_from_file
from plugins.backtest.portfolio import run_whole
from plugins.backtest.request import Terms
from plugins.backtest.run import accounts
from plugins.backtest.stress import cut

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


@pytest.mark.parametrize("rebalance", ["change", "month"])
@pytest.mark.parametrize("weighting", ["equal", "score", "target"])
def test_a_band_does_not_keep_one_of_many_symbols_from_trading(tmp_path, weighting, rebalance):
    market = market_of(tmp_path, [f"S{i}" for i in range(25)])
    for strategy, uses in ((BalancedPortfolio(), 0.6), (VolatilityTargeting(), 1.0)):
        found = run_whole(market, strategy, RULES, Constraints(weighting, rebalance))
        held = 1.0 - found.cash[-1] / found.equity[-1]
        assert len(set(found.trades["symbol"])) == 25
        assert held == pytest.approx(1.0 if weighting == "score" else uses, abs=0.03)


def test_a_band_brings_back_one_of_many_symbols(tmp_path):
    market = market_of(tmp_path, [f"S{i}" for i in range(25)], rising="S7")
    found = run_whole(market, BalancedPortfolio(), RULES, Constraints())
    # 0.024 of the account is bought; a tripled price makes it 0.07, and each time it is 0.026 some 0.002 are sold.
    s7 = found.trades.set_index("symbol").loc["S7"]
    assert s7["shares"] * s7["entry_price_usd"] == pytest.approx(0.024 * RULES.cash, rel=0.01)
    assert found.account.traded > (0.6 + 10 * 0.002) * RULES.cash


@pytest.mark.parametrize(
    ("strategy", "held"),
    [
        (BalancedPortfolio(equity_leg="SPY", bond_leg="AGG"), {"SPY": 0.6, "AGG": 0.4}),
        (BalancedPortfolio(equity_leg="SPY"), {"SPY": 0.6}),
        (BalancedPortfolio(bond_leg="AGG"), {"SPY": 0.3, "QQQ": 0.3, "AGG": 0.4}),
        (BalancedPortfolio(), {"SPY": 0.2, "QQQ": 0.2, "AGG": 0.2}),
    ],
)
def test_a_balanced_portfolio_holds_its_legs(tmp_path, strategy, held):
    market = market_of(tmp_path, ["AGG", "QQQ", "SPY"])
    first = run_whole(cut(market, 0, 2), strategy, RULES, Constraints()).trades.set_index("symbol")
    spent = first["shares"] * first["entry_price_usd"] / RULES.cash
    assert spent.to_dict() == pytest.approx(held, rel=0.02)


def test_a_missing_bar_moves_nobody(tmp_path):
    names = [f"S{i}" for i in range(20)]
    whole = run_whole(market_of(tmp_path, names), BuyAndHold(), RULES, Constraints())
    holes = [(name, 5 + 5 * i) for i, name in enumerate(names)]
    found = run_whole(market_of(tmp_path, names, holes), BuyAndHold(), RULES, Constraints())
    for name in ("turnover", "cost_drag"):
        assert found.measures[name] == pytest.approx(whole.measures[name], rel=0.01)


@pytest.mark.parametrize("form", ["grid", "portfolio"])
def test_a_window_without_a_bar_of_the_symbols_is_refused(tmp_path, form):
    """Another symbol's bars are sessions of the window."""
    market_of(tmp_path, ["ENDS", "STAYS"], [("ENDS", t) for t in range(100, SESSIONS)])
    terms = Terms(("ENDS",), dt.date(2015, 6, 1), None, form, RULES, Constraints(), "")
    market = market_from_file(tmp_path / "bars.parquet", terms.symbols, terms.start)
    with pytest.raises(ConfigError, match=r"no bars of the symbols from START to END .*2015-06-01.*to 2015-05-22"):
        accounts(market, BuyAndHold(), terms, form)
    assert accounts(dataclasses.replace(market, begin=9), BuyAndHold(), terms, form)
