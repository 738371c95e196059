"""Backtests through the API: refused with words, queued in Airflow, run as `make backtest` does, found and read."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from psycopg.rows import dict_row

from models.errors import ConfigError, RetryableError
from plugins.backtest.answering import answer

V1 = "/api/v1"
ASKED = {"reason": "does it pay", "strategy": "golden_cross", "symbols": ["AAPL", "MSFT"], "start": "2004-06-01",
         "cash": 50000, "rebalance": "month", "costs": {"slippage_bps": 10}}  # fmt: skip
DAY = dt.date(2026, 11, 20)


@pytest.fixture
def queued(monkeypatch):
    """What Airflow is told to run; its own machinery is not started."""
    told = []

    class Run:
        run_id = "manual__1"

    monkeypatch.setattr(
        "airflow.api.common.trigger_dag.trigger_dag", lambda dag, **more: told.append((dag, more)) or Run
    )
    return told


@pytest.fixture
def sql(chained):
    with psycopg.connect(chained.owner, row_factory=dict_row, autocommit=True) as connection:
        yield lambda statement: connection.execute(statement).fetchall()


def test_from_the_question_to_the_measures(as_role, over, chained, sql, queued, small_settings):
    over(chained)
    user = as_role("user")
    assert as_role("viewer").post(f"{V1}/backtests", json=ASKED).status_code == 403
    assert not queued
    told = user.post(f"{V1}/backtests", json=ASKED)
    assert (told.status_code, told.json()["run_id"]) == (202, "manual__1")
    ((dag, more),) = queued
    assert (dag, more["triggering_user_name"], more["note"]) == ("strategy_backtest", "user", "does it pay")
    assert user.get(f"{V1}/backtests/asked/manual__1").json()["state"] == "waiting"
    noted = sql("SELECT payload FROM audit_events WHERE event_type = 'web.backtest'")
    assert [n["payload"]["by"] for n in noted] == ["user"]

    for _ in range(2):  # a task may run twice
        made = answer(chained.writer, small_settings, "manual__1", DAY, more["conf"])
    found = user.get(f"{V1}/backtests/asked/manual__1").json()
    assert (found["state"], found["id"], found["error"]) == ("stored", made, None)
    detail = user.get(f"{V1}/backtests/{made}").json()
    assert (detail["form"], detail["strategies"], detail["cash_usd"]) == ("portfolio", ["golden_cross"], 50000)
    assert detail["parameters"]["rules"]["slippage_bps"] == 10
    stored = sql("SELECT total_return, trades FROM backtest_results")
    (account,) = detail["results"]
    assert [{k: account["measures"][k] for k in ("total_return", "trades")}] == stored
    listed = user.get(f"{V1}/backtests").json()
    assert [b["id"] for b in listed] == [made]
    assert listed[0] == {k: v for k, v in detail.items() if k in listed[0]}
    assert user.get(f"{V1}/backtests?form=sweep").json() == []


def test_what_fails_in_airflow_is_told(as_role, over, chained, queued, small_settings):
    over(chained)
    user = as_role("user")
    user.post(f"{V1}/backtests", json=ASKED)
    with pytest.raises(ConfigError, match="no bars of this symbol"):
        answer(chained.writer, small_settings, "manual__1", DAY, {"strategy": "golden_cross", "symbols": "ZZZ"})
    told = user.get(f"{V1}/backtests/asked/manual__1").json()
    assert (told["state"], told["id"]) == ("failed", None)
    assert "no bars of this symbol" in told["error"]


def test_what_fails_in_a_way_nobody_foresaw_is_told_too(as_role, over, chained, queued, small_settings, monkeypatch):
    over(chained)
    user = as_role("user")
    user.post(f"{V1}/backtests", json=ASKED)

    def fails(error):
        def stands_in(*_):
            raise error

        monkeypatch.setattr("plugins.backtest.answering.backtest", stands_in)
        with pytest.raises(type(error)):
            answer(chained.writer, small_settings, "manual__1", DAY, {"strategy": "golden_cross"})
        return user.get(f"{V1}/backtests/asked/manual__1").json()

    assert fails(RetryableError("the database is away"))["state"] == "waiting"
    told = fails(ZeroDivisionError("by none"))
    assert (told["state"], told["error"]) == ("failed", "ZeroDivisionError: by none")


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"strategy": "golden_cros"}, 422, ["[backtest]", "STRATEGY='golden_cros'", "did you mean golden_cross"]),
        ({"parameters": {"slowest": 3}}, 422, ["slowest='3", "did you mean"]),
        ({"parameters": {"fast": -1}}, 422, ["[", "fast", ";"]),
        ({"symbols": ["AAPL", "ZZZ"]}, 422, ["[backtest]", "symbols='ZZZ'", "see GET signals"]),
        ({"start": "2006-01-03"}, 422, ["start='2006-01-03'", "2004-01-02 to 2005-12-30"]),
        ({"start": None, "end": "2003-01-03"}, 422, ["end='2003-01-03'", "2004-01-02 to 2005-12-30"]),
        ({"start": "2005-06-01", "end": "2005-01-03"}, 422, ["START", "swap them"]),
        ({"costs": {"bribes": 1}}, 422, ["bribes", "cost"]),
        ({"cash": 0}, 422, ["cash", "greater than 0"]),
        ({"form": "circle"}, 422, ["form"]),
        ({"symbols": ["a'b"]}, 422, ["symbols"]),
        ({"reason": ""}, 422, ["reason"]),
        ({"max_weight": 11}, 422, ["max_weight"]),
    ],
)  # fmt: skip
def test_a_wrong_question_is_refused_with_its_remedy(as_role, over, small_chain, queued, wrong, status, words):
    over(small_chain)
    told = as_role("user").post(f"{V1}/backtests", json={**ASKED, **wrong})
    assert told.status_code == status, told.text
    for word in words:
        assert word in str(told.json()["detail"])
    assert not queued


def test_none_such(viewer):
    for path in ("backtests/9", "backtests/asked/none"):
        assert viewer.get(f"{V1}/{path}").status_code == 404
    assert viewer.get(f"{V1}/backtests/0").status_code == 422
    assert viewer.get(f"{V1}/backtests").json() == []
