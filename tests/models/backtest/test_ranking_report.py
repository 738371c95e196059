"""The report says what the tests say, and what puts it in doubt comes first."""

from dataclasses import replace

import numpy as np

from models.backtest.ranking import OVERALL, Candidates
from models.backtest.ranking_report import format_table, report_lines
from tests.support.rankings import NAMES, candidates, ranked


def lines_of(given: Candidates, failed=()) -> list[str]:
    return report_lines(given, ranked(given), failed)


def equals() -> Candidates:
    """Nothing but noise around the market."""
    draw = np.random.default_rng(4)
    returns = draw.normal(0.0003, 0.01, (1200, 1)) + draw.normal(0.0, 0.005, (1200, 6))
    whole = candidates(1200)
    return replace(whole, returns=returns, regimes=("",) * 1200)


def test_survivorship_is_the_first_line():
    assert lines_of(equals())[0].startswith("Survivors only")
    assert lines_of(replace(equals(), synthetic=True))[0].startswith("Survivors only")
    assert not any(line.startswith("Survivors") for line in lines_of(replace(equals(), has_delisted=True)))


def test_synthetic_bars_are_named():
    assert lines_of(replace(equals(), has_delisted=True, synthetic=True))[0].startswith("Synthetic bars")
    assert not any("Synthetic" in line for line in lines_of(equals()))


def test_nobody_beats_the_benchmark_when_that_is_so():
    lines = lines_of(equals())
    assert any(
        line.startswith("No strategy beats buy-and-hold after costs at 95 % (SPA: p = ") for line in lines
    )
    assert "None of the 6 can be told apart at 95 %: all share rank 1." in lines
    assert any(line.startswith("No Sharpe ratio is above what the luckiest of 40 trials") for line in lines)


def test_who_beats_it_is_named():
    lines = lines_of(candidates())
    assert any(line.startswith("dip beats buy-and-hold after costs at 95 % (SPA: p = 0.0") for line in lines)
    assert not any(line.startswith("No strategy beats") for line in lines)
    assert "dip is better than all others at 95 %." in lines
    assert "Not ranked, for they earned a constant (never traded): idle." in lines
    assert any(line.startswith("In bear sessions (979): dip is better") for line in lines)


def test_more_by_return_but_not_by_sharpe_is_said_so():
    """Twice the market's risk: more return, and nothing better about it."""
    draw = np.random.default_rng(6)
    market = draw.normal(0.001, 0.01, 2000)
    returns = np.column_stack([market, 2 * market + draw.normal(0.0, 0.001, 2000)])
    given = replace(candidates(2000), names=NAMES[:2], categories=("", ""), returns=returns)
    line = next(line for line in lines_of(given) if "beats buy-and-hold" in line)
    assert line.startswith(
        "No strategy beats buy-and-hold after costs at 95 % by Sharpe ratio; by mean return one does"
    )


def test_trials_are_stated_with_their_source():
    lines = lines_of(equals())
    assert any(line.startswith("40 configurations tried in all, counted from the database") for line in lines)
    assert any("the luckiest of 41 trials" in line for line in lines_of(replace(equals(), trials=41)))


def test_how_it_was_resampled_is_stated():
    line = "Sets and tests by the stationary bootstrap: blocks of 11 sessions on average, seed 1."
    assert line in lines_of(equals())


def test_the_rate_on_cash_is_stated():
    lines = lines_of(replace(equals(), rate=0.0001))
    assert any(
        line.endswith("Sharpe ratios of what is above 2.55% a year, the rate on cash.") for line in lines
    )


def test_what_did_not_run_or_compare_is_named():
    assert "Not run, see their errors: broken, gone." in lines_of(equals(), ["broken", "gone"])
    absent = lines_of(replace(equals(), benchmark="spy_held"))
    assert "Nothing was compared with spy-held: it is not among the strategies that traded." in absent


def test_one_trial_of_one_strategy():
    whole = equals()
    alone = replace(whole, names=("dip",), categories=("",), returns=whole.returns[:, [1]], trials=7)
    lines = lines_of(alone)
    assert any(line.startswith("1 strategy over 1,200 sessions") for line in lines)
    assert "Only dip traded." in lines
    assert any(line.startswith("No deflated Sharpe ratio") for line in lines)


def test_the_table_marks_shared_ranks():
    table = format_table(ranked(candidates())[OVERALL])
    assert [line.split()[0] for line in table] == ["rank", "1", "2=", "2=", "2=", "5", "-"]
    assert table[1].split()[1] == "dip"
    assert table[1].endswith("yes")
    assert len({len(line) for line in table[1:5]}) == 1
