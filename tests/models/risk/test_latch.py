import pytest

from models.errors import ConfigError
from models.risk.latch import Watch

RULES = {"max_drawdown": 0.10, "max_session_loss": 0.05, "rearm_sessions": 21}


def follow(values, flows=None, **rules):
    watch, seen = Watch(), []
    for at, equity in enumerate(values):
        flow = (flows or {}).get(at, 0.0) if at else values[0]
        watch = watch.follow(equity, flow, **{**RULES, **rules})
        seen.append(watch)
    return seen


def test_a_slow_fall_latches_at_the_limit_and_stays_latched():
    seen = follow([100.0, 96.0, 92.5, 89.99, 95.0, 120.0], rearm_sessions=None)
    assert [w.cause for w in seen] == ["", "", "", "drawdown", "drawdown", "drawdown"]
    assert [w.event for w in seen] == ["", "", "", "latched", "", ""]
    assert seen[3].reason == "drawdown of 10.01%, the limit is 10.00%"


def test_a_loss_of_one_session_latches():
    assert [w.cause for w in follow([100.0, 95.1, 90.2])] == ["", "", "loss"]
    assert follow([100.0, 106.0, 100.8])[2].cause == ""
    assert follow([100.0, 106.0, 100.6])[2].cause == "loss"  # since the close before, not since the beginning


def test_deposits_and_withdrawals_are_no_gain_and_no_loss():
    seen = follow([100.0, 200.0, 100.0, 98.0], {1: 100.0, 2: -100.0})
    assert [round(w.unit_value, 12) for w in seen] == [1.0, 1.0, 1.0, 0.98]
    assert [w.cause for w in seen] == [""] * 4
    assert follow([100.0, 195.0], {1: 100.0})[1].session_loss == pytest.approx(0.025)


def test_it_arms_itself_after_as_many_sessions_and_measures_anew():
    seen = follow([100.0, 89.0] + [80.0 + i / 100 for i in range(30)], max_session_loss=0.5)
    assert [at for at, w in enumerate(seen) if w.event] == [1, 22]
    armed = seen[22]
    assert (armed.cause, armed.event, armed.latched_sessions) == ("", "rearmed", 0)
    assert armed.reason == "21 sessions after: drawdown of 11.00%, the limit is 10.00%"
    assert armed.peak == armed.unit_value
    assert not any(w.cause for w in seen[22:])


def test_arming_by_hand_is_heeded_once():
    watch = Watch().follow(100.0, 100.0, **RULES).follow(85.0, 0.0, **RULES)
    assert watch.cause
    armed = watch.follow(85.0, 0.0, **RULES, last_rearm=7)
    assert (armed.cause, armed.drawdown, armed.last_rearm, armed.event) == ("", 0.0, 7, "")
    again = armed.follow(70.0, 0.0, **RULES, last_rearm=7)
    assert again.cause == "drawdown"
    assert again.follow(70.0, 0.0, **RULES, last_rearm=7).cause == "drawdown"


def test_an_account_without_equity_and_a_ruined_one():
    assert Watch().follow(0.0, 0.0, **RULES).cause == ""
    ruined = Watch().follow(100.0, 100.0, **RULES).follow(-5.0, 0.0, **RULES)
    assert (ruined.unit_value, ruined.drawdown, ruined.cause) == (0.0, 1.0, "drawdown")
    with pytest.raises(ConfigError, match="no equity"):
        Watch().follow(float("nan"), 0.0, **RULES)
