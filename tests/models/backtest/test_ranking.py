"""Ranks: shared by those who cannot be told apart, with every scope over its own strategies and sessions."""

import math
from dataclasses import replace

import numpy as np
import pytest

from models.backtest.deflated import deflated_sharpe, moments, trials_variance
from models.backtest.metrics import summary
from models.backtest.overfitting import backtest_overfitting
from models.backtest.ranking import COLUMNS, FEWEST_SESSIONS, OVERALL
from models.errors import ConfigError, DataQualityError
from tests.support.rankings import NAMES, candidates, ranked


def test_the_better_one_is_alone_and_equals_share():
    rows = ranked(candidates())[OVERALL].rows
    assert tuple(rows.columns) == COLUMNS
    assert rows["strategy"].iloc[0] == "dip"
    assert rows["rank"].tolist()[:5] == [1, 2, 2, 2, 5]
    assert rows["shared_by"].tolist()[:5] == [1, 3, 3, 3, 1]
    assert rows["strategy"].tolist()[4:] == ["churn", "idle"]
    assert rows["in_best_set"].tolist() == [True, False, False, False, False, False]
    assert rows["beats_benchmark"].tolist() == [True, False, False, False, False, None]  # the last never traded
    assert (rows["spa_p_sharpe"] < 0.05).all()


def test_one_that_never_traded_has_no_rank():
    idle = ranked(candidates())[OVERALL].rows.set_index("strategy").loc["idle"]
    assert math.isnan(idle["rank"])
    assert math.isnan(idle["shared_by"])
    assert math.isnan(idle["sharpe_ratio"])
    assert math.isnan(idle["deflated_sharpe"])
    assert idle["annual_return"] == 0.0


def test_figures_are_those_of_their_functions():
    given_ = candidates()
    rows = ranked(given_)[OVERALL].rows.set_index("strategy")
    observed = [moments(column) for column in given_.returns.T]
    variance = trials_variance([one.sharpe for one in observed])
    for n, name in enumerate(NAMES[:-1]):
        figures = summary(given_.returns[:, n])
        assert rows.loc[name, "sharpe_ratio"] == pytest.approx(figures["sharpe_ratio"], rel=1e-9)
        assert rows.loc[name, "max_drawdown"] == pytest.approx(figures["max_drawdown"], rel=1e-9)
        assert rows.loc[name, "deflated_sharpe"] == deflated_sharpe(observed[n], given_.trials, variance)
    expected = backtest_overfitting(given_.returns[:, :-1]).probability
    assert (rows["overfitting_probability"] == expected).all()
    assert (rows["trials"] == 40).all()


def test_what_cash_earns_is_no_merit_anywhere():
    """Nearly all cash, a little below its rate: by its returns alone the best of every half of the history."""
    draw, rate = np.random.default_rng(31), 0.0002
    cash = draw.normal(rate - 1e-6, 1e-5, 1600)
    market = draw.normal(rate + 0.0004, 0.01, (1600, 2))
    returns = np.column_stack([market, cash])
    given_ = replace(candidates(1600), names=NAMES[:3], categories=("",) * 3, returns=returns, rate=rate)
    rows = ranked(given_)[OVERALL].rows.set_index("strategy")
    above = backtest_overfitting(returns - rate).probability
    assert abs(above - backtest_overfitting(returns).probability) > 0.05
    assert (rows["overfitting_probability"] == above).all()
    assert rows.loc["balanced", "sharpe_ratio"] < 0.0 < rows["sharpe_ratio"].drop("balanced").max()
    assert rows.loc["balanced", "rank"] == rows["rank"].max()


def test_categories_rank_their_own():
    scopes = ranked(candidates())
    assert [name for name in scopes if name.startswith("category:")] == [
        "category:allocation",
        "category:trend",
    ]
    trend = scopes["category:trend"].rows
    assert trend["strategy"].tolist()[:2] == ["dip", "cross"]
    assert trend["rank"].tolist()[:2] == [1, 2]
    assert trend["beats_benchmark"].tolist()[:2] == [True, False]
    assert trend["spa_p_sharpe"].isna().all()


def test_regimes_rank_their_own_sessions():
    given_ = candidates()
    scopes = ranked(given_)
    inside = np.array(given_.regimes) == "bear"
    rows = scopes["regime:bear"].rows
    assert (rows["sessions"] == inside.sum()).all()
    churn = rows.set_index("strategy").loc["churn"]
    assert churn["sharpe_ratio"] == pytest.approx(
        summary(given_.returns[inside, 4])["sharpe_ratio"], rel=1e-9
    )
    assert rows["max_drawdown"].isna().all()  # sessions that do not join up make no curve
    assert "regime:sideways" not in scopes  # a few sessions say nothing


def test_more_trials_lower_the_deflated_ratio_and_nothing_else():
    few = ranked(candidates())[OVERALL].rows.set_index("strategy")
    many = ranked(replace(candidates(), trials=4000))[OVERALL].rows.set_index("strategy")
    assert (many["deflated_sharpe"].dropna() <= few["deflated_sharpe"].dropna()).all()
    assert many.loc["dip", "deflated_sharpe"] < few.loc["dip", "deflated_sharpe"]
    same = ["rank", "sharpe_ratio", "best_set_p_value"]
    assert many[same].equals(few[same])


def test_leverage_changes_no_rank():
    """Sets are told by Sharpe ratio: the same strategy with more money in it is no better."""
    whole, three = candidates(), [0, 2, 3]
    plain = replace(
        whole, names=tuple(NAMES[n] for n in three), categories=("",) * 3,
        returns=whole.returns[:, three] + np.array([0.0, 0.0002, 0.0001]),
    )  # fmt: skip
    leveraged = replace(plain, returns=plain.returns * np.array([1.0, 3.0, 0.2]))
    one, other = (ranked(c)[OVERALL].rows.set_index("strategy").sort_index() for c in (plain, leveraged))
    assert one["rank"].equals(other["rank"])
    for column in ("best_set_p_value", "spa_p_sharpe", "deflated_sharpe"):
        assert np.allclose(one[column], other[column], rtol=1e-9, equal_nan=True)
    assert (one["best_set_p_value"].drop("balanced") > 0).all()
    assert not np.allclose(one["spa_p_return"], other["spa_p_return"])


def test_the_rate_on_cash_is_no_merit():
    """Holding something like cash is best by far, until the rate on cash is taken off."""
    draw = np.random.default_rng(8)
    returns = np.column_stack([draw.normal(0.001, 0.01, 1500), draw.normal(0.0002, 0.0005, 1500)])
    given = replace(candidates(1500), names=NAMES[:2], categories=("", ""), returns=returns)
    places = [
        ranked(replace(given, rate=rate))[OVERALL].rows.set_index("strategy")["rank"]
        for rate in (0.0, 0.0002)
    ]
    assert places[0].to_dict() == {"dip": 1, "buy_and_hold": 2}
    assert places[1]["buy_and_hold"] == 1


def test_without_the_benchmark_nothing_is_compared_with_it():
    rows = ranked(replace(candidates(), benchmark="other"))[OVERALL].rows
    assert rows["spa_p_sharpe"].isna().all()
    assert set(rows["beats_benchmark"]) == {None}


def test_one_strategy_alone_is_ranked_and_owes_its_trials():
    whole = candidates()
    alone = replace(whole, names=("dip",), categories=("trend",), returns=whole.returns[:, [1]])
    row = ranked(alone)[OVERALL].rows.iloc[0]
    assert row["rank"] == 1
    assert math.isnan(row["deflated_sharpe"])  # of 40 trials one Sharpe ratio is known: no spread
    assert math.isnan(row["overfitting_probability"])
    assert ranked(replace(alone, trials=1))[OVERALL].rows.iloc[0]["deflated_sharpe"] > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": 3}, "fewer trials"),
        ({"names": ("a", "a", "c", "d", "e", "f")}, "one name"),
        ({"names": NAMES[:-1]}, "do not fit"),
        ({"regimes": ("bear",)}, "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        ranked(replace(candidates(), **change))


def test_a_missing_return_is_refused_by_name_and_session():
    given_ = candidates()
    given_.returns[700, 2] = np.nan
    with pytest.raises(DataQualityError, match=f"{NAMES[2]}.*{given_.dates[700]}"):
        ranked(given_)


def test_too_few_sessions_are_refused():
    whole, few = candidates(), FEWEST_SESSIONS - 1
    short = replace(whole, dates=whole.dates[:few], returns=whole.returns[:few], regimes=whole.regimes[:few])
    with pytest.raises(DataQualityError, match="too few sessions"):
        ranked(short)


@pytest.mark.parametrize("order", [(5, 4, 3, 2, 1, 0), (2, 0, 5, 1, 4, 3)])
def test_the_order_of_strategies_says_nothing(order):
    whole = candidates(sessions=250)
    moved = replace(
        whole, names=tuple(whole.names[i] for i in order), categories=tuple(whole.categories[i] for i in order),
        returns=np.ascontiguousarray(whole.returns[:, order]),
    )  # fmt: skip
    for scope in ("overall", "category:trend"):
        one, other = (ranked(c)[scope].rows.set_index("strategy").sort_index() for c in (whole, moved))
        assert one["rank"].equals(other["rank"])
        assert one["shared_by"].equals(other["shared_by"])
        assert np.allclose(one["deflated_sharpe"], other["deflated_sharpe"], rtol=1e-9, equal_nan=True)
    placed = one.dropna(subset=["rank"])
    for place, sharing in placed.groupby("rank"):
        assert (sharing["shared_by"] == len(sharing)).all()  # who shares with me, I share with
        assert place == 1 + (placed["rank"] < place).sum()
