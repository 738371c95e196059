"""Rules on levels, by hand: trend, mean reversion, volatility and the alpha models."""

import numpy as np
import pytest

from models.errors import ConfigError
from models.strategies.allocation.balanced_portfolio import BalancedPortfolio
from models.strategies.allocation.buy_and_hold import BuyAndHold
from models.strategies.alpha.ema_cross_alpha import EmaCrossAlpha
from models.strategies.alpha.macd_alpha import MacdAlpha
from models.strategies.alpha.rsi_alpha import RsiAlpha
from models.strategies.mean_reversion.mean_reversion import MeanReversion
from models.strategies.mean_reversion.rsi_reversion import RsiReversion
from models.strategies.momentum.enhanced_momentum import EnhancedMomentum
from models.strategies.trend.golden_cross import GoldenCross
from models.strategies.trend.trend_following import TrendFollowing
from models.strategies.volatility.volatility_targeting import VolatilityTargeting
from tests.support.panels import NAN, column, panel_of

assert_equal = np.testing.assert_array_equal


def test_buy_and_hold_is_long_wherever_there_is_a_bar():
    assert_equal(column(BuyAndHold(), day_of_week=[0, 1, NAN, 3]), [1, 1, NAN, 1])


def test_golden_cross_takes_the_windows_it_is_set_to_and_stops():
    strategy = GoldenCross(fast=20, slow=100)
    assert strategy.features == ("sma_20", "sma_100")
    scores = strategy.score(panel_of(sma_20=[NAN, 2, 1, 1], sma_100=[1, 1, 1, 2]))
    assert_equal(scores.score[:, 0], [NAN, 1, 0, 0])
    assert_equal(scores.stop_loss[:, 0], [NAN, 0.05, NAN, NAN])
    assert GoldenCross().rules() == {"stop_loss": 0.05} and GoldenCross().features == ("sma_50", "sma_200")


def test_trend_following_is_long_above_its_average_behind_two_stops():
    panel = panel_of(sma_distance_20=[NAN, 0.01, -0.01, 0.0, 0.02], atr_14=[1.5, 1.5, 2.0, 2.0, NAN])
    strategy = TrendFollowing()
    scores = strategy.score(panel)
    assert_equal(scores.score[:, 0], [NAN, 1, 0, 0, NAN])
    assert_equal(scores.stop_loss[:, 0], [NAN, 0.03, NAN, NAN, NAN])
    assert_equal(strategy.trail(panel)[:, 0], [3.0, 3.0, 4.0, 4.0, NAN])
    assert strategy.rules() == {"stop_loss": 0.03}
    assert_equal(TrendFollowing(atr_multiple=3.5).trail(panel)[:2, 0], [5.25, 5.25])


def test_mean_reversion_goes_from_a_band_to_the_middle():
    places = [NAN, 0, -2, -2.1, -1, -0.1, NAN, -0.1, 0, -1, 2.5, 0.1, 0, 0.1, -3, 3, -0.5]
    expected = [NAN, 0, 0, 1, 1, 1, NAN, 1, 0, 0, -1, -1, 0, 0, 1, -1, 0]
    assert_equal(column(MeanReversion(), zscore_20=places), expected)
    assert MeanReversion().rules() == {"stop_loss": 0.02, "take_profit": 0.05}


def test_rsi_reversion_holds_one_weight_while_its_score_moves():
    panel = panel_of(rsi_14=[50, 29, 25, 40, 49, 50, 71, 80, 60, 50])
    scores = RsiReversion().score(panel)
    assert len(np.unique(scores.score)) > 6
    assert_equal(RsiReversion().target(panel, scores)[:, 0], [0, 1, 1, 1, 1, 0, -1, -1, -1, 0])
    assert_equal(scores.stop_loss[:, 0], [NAN, 0.03, 0.03, 0.03, 0.03, NAN, 0.03, 0.03, 0.03, NAN])
    assert RsiReversion().rules() == {"stop_loss": 0.03}


def test_enhanced_momentum_holds_its_direction():
    values = dict(
        zip(EnhancedMomentum.features, ([0.1], [101], [100], [60], [1.5], [0.03], [0.15]), strict=True)
    )
    panel, strategy = panel_of(**values), EnhancedMomentum()
    scores = strategy.score(panel)
    assert 0 < scores.score[0, 0] < 1 and strategy.target(panel, scores)[0, 0] == 1
    assert strategy.rules() == {"stop_loss": 0.02}


def test_volatility_targeting_scales_up_to_its_leverage():
    panel = panel_of(volatility_20=[NAN, 0.30, 0.15, 0.10, 0.05, 0.0])
    strategy = VolatilityTargeting()
    scores = strategy.score(panel)
    np.testing.assert_allclose(scores.score[:, 0], [NAN, 1 / 3, 2 / 3, 1, 1, 0], rtol=1e-15)
    np.testing.assert_allclose(strategy.target(panel, scores)[:, 0], [NAN, 0.5, 1, 1.5, 1.5, 0], rtol=1e-15)
    assert strategy.rules() == {"band": 0.10}


def test_rsi_alpha_fires_and_resets_at_different_levels():
    rsi = [NAN, 31, 29, 31, 34.9, 35, 31, 29, NAN, 34, 71, 69, 65.1, 65, 69, 80, 20]
    expected = [NAN, 0, 1, 1, 1, 0, 0, 1, NAN, 1, -1, -1, -1, 0, 0, -1, 1]
    assert_equal(column(RsiAlpha(), rsi_14=rsi), expected)


def test_ema_cross_alpha_is_on_the_side_of_the_fast_average():
    fast, slow = [NAN, 1, 2, 3, 2], [1, NAN, 1, 3, 3]
    assert_equal(column(EmaCrossAlpha(), ema_12=fast, ema_26=slow), [NAN, NAN, 1, 0, -1])


def test_macd_alpha_is_silent_within_its_limit():
    # The close is 100 x 1.25 = 125; 0.25 % of it are 0.3125, and the limit itself is no signal.
    histogram = [NAN, 0.3125, 0.313, -0.3125, -0.313, 0.0]
    others = {"sma_20": [100.0] * 6, "sma_distance_20": [0.25] * 6}
    assert_equal(column(MacdAlpha(), macd_hist=histogram, **others), [NAN, 0, 1, 0, -1, 0])
    assert_equal(column(MacdAlpha(bounce_limit=0.0), macd_hist=histogram, **others), [NAN, 1, 1, -1, -1, 0])


def test_balanced_portfolio_weighs_its_legs():
    panel = panel_of(
        day_of_week=[[0, 0, 0], [1, NAN, 1]]
    )  # Monday and Tuesday, S1 without a bar on the second
    assert_equal(BalancedPortfolio().score(panel).score, [[0.6] * 3, [0.6, NAN, 0.6]])
    pair = BalancedPortfolio(equity_leg="S2", bond_leg="S0", equity_weight=0.75).score(panel).score
    assert_equal(pair, [[0.25, NAN, 0.75], [0.25, NAN, 0.75]])
    with_bond = BalancedPortfolio(bond_leg="S0").score(panel).score
    np.testing.assert_allclose(with_bond[0], [0.4, 0.6, 0.6], rtol=1e-15)
    rules = BalancedPortfolio().rules()
    assert rules == {"band": 0.05}


def test_weights_of_one_account_are_shares_of_its_own():
    target = np.array([[0.6, 0.6, 0.4], [NAN, 0.6, 0.4], [NAN, NAN, NAN]])
    names = ("S0", "S1", "S2")
    with_bond = BalancedPortfolio(bond_leg="S2").account_weights(target, names)
    assert_equal(with_bond, [[0.3, 0.3, 0.4], [NAN, 0.6, 0.4], [NAN, NAN, NAN]])
    assert_equal(BalancedPortfolio(equity_leg="S1", bond_leg="S2").account_weights(target, names), target)
    for strategy in (BalancedPortfolio(), VolatilityTargeting()):
        np.testing.assert_allclose(
            strategy.account_weights(target, names),
            [[0.2, 0.2, 0.4 / 3], [NAN, 0.3, 0.2], [NAN, NAN, NAN]], rtol=1e-15,
        )  # fmt: skip
    assert RsiReversion().account_weights(target, names) is None


def test_balanced_portfolio_names_a_leg_without_bars():
    panel = panel_of(day_of_week=[[0, NAN], [1, NAN]])
    for leg in ("AGG", "S1"):
        with pytest.raises(ConfigError, match=rf"no bars for {leg}.*bond_leg.*add {leg} to the symbols"):
            BalancedPortfolio(bond_leg=leg).score(panel)
    with pytest.raises(ConfigError, match="equity_leg"):
        BalancedPortfolio(equity_leg="SPY").score(panel)
    with pytest.raises(ConfigError, match="both legs are one symbol"):
        BalancedPortfolio(equity_leg="SPY", bond_leg="SPY")
