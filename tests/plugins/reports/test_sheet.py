"""Tear sheets: pages that need nothing else, their numbers those of the tables and of empyrical."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import empyrical
import numpy as np
import pandas as pd
import pytest

from data_layer.runtime.account import reset
from data_layer.storage.database import transaction
from models.backtest.tear_sheet import tear_sheet
from models.errors import ConfigError, DataQualityError
from plugins.reports.charts import Sessions, histogram, line_chart
from plugins.reports.sheet import render, write_sheets
from plugins.reports.words import said_of, written
from tests.support.chain import open_stage, query
from tests.support.files_home import D
from tests.support.prepared import change

RATE = 0.02
END = "2005-12-30"


def returns_of(sessions=700, seed=5):
    rng = np.random.default_rng(seed)
    dates = np.array(pd.bdate_range("2019-01-01", periods=sessions), dtype="datetime64[D]")
    return dates, rng.normal(0.0005, 0.012, sessions), rng.normal(0.0004, 0.01, sessions)


def test_numbers_are_those_of_empyrical_and_pandas():
    dates, returns, market = returns_of()
    found = tear_sheet(dates, returns, market, RATE)
    series = pd.Series(returns, index=pd.DatetimeIndex(dates))
    daily = 1.02 ** (1 / 252) - 1
    months = (1 + series).resample("ME").prod() - 1
    expected = {
        "total_return": empyrical.cum_returns_final(returns),
        "annual_return": empyrical.annual_return(returns),
        "volatility": empyrical.annual_volatility(returns),
        "sharpe_ratio": empyrical.sharpe_ratio(returns, daily),
        "sortino_ratio": empyrical.sortino_ratio(returns, daily),
        "calmar_ratio": empyrical.calmar_ratio(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
        "value_at_risk": empyrical.value_at_risk(returns),
        "conditional_value_at_risk": empyrical.conditional_value_at_risk(returns),
        "tail_ratio": empyrical.tail_ratio(returns),
        "beta": empyrical.beta(returns, market, daily),
        "alpha": empyrical.alpha(returns, market, daily),
        "skew": series.skew(), "kurtosis": series.kurt(),
        "best_month": months.max(), "positive_months": (months > 0).mean(),
        "profit_factor": returns[returns > 0].sum() / -returns[returns < 0].sum(),
        "return_of_63_sessions": empyrical.cum_returns_final(returns[-63:]),
        "year_to_date_return": empyrical.cum_returns_final(series[str(series.index[-1].year)]),
        "correlation": np.corrcoef(returns, market)[0, 1],
        "payoff_ratio": returns[returns > 0].mean() / -returns[returns < 0].mean(),
        "information_ratio": empyrical.excess_sharpe(returns, market) * math.sqrt(252),
    }  # fmt: skip
    for name, value in expected.items():
        assert found["measures"][name] == pytest.approx(value, rel=1e-9), name
    assert [m for y in found["months"] for m in y["months"] if m is not None] == pytest.approx(months.tolist())
    years = (1 + pd.Series(market, index=series.index)).resample("YE").prod() - 1
    assert [y["benchmark"] for y in found["months"]] == pytest.approx(years.tolist())
    assert min(found["drawdown"]) == pytest.approx(found["drawdowns"][0]["depth"]) == expected["max_drawdown"]
    assert sum(found["distribution"]["counts"]) == 700
    rolled = pd.Series(returns).rolling(126).apply(lambda r: empyrical.sharpe_ratio(r, daily))
    np.testing.assert_allclose(np.array(found["rolling_sharpe"][125:], float), rolled[125:], rtol=1e-9)
    json.dumps(found, allow_nan=False)


def test_a_short_or_flat_series_has_a_sheet_too_and_a_broken_one_none():
    dates, _, market = returns_of(3)
    for returns in (np.zeros(3), np.array([0.0, -1.0, 0.0])):
        found = tear_sheet(dates, returns, np.full(3, math.nan), RATE)
        json.dumps(found, allow_nan=False)
        assert found["measures"]["beta"] is None
    with pytest.raises(DataQualityError, match="one is missing"):
        tear_sheet(dates, np.array([0.1, math.nan, 0.1]), market, RATE)
    with pytest.raises(DataQualityError, match="no returns"):
        tear_sheet(dates[:0], np.zeros(0), np.zeros(0), RATE)


def test_charts_keep_extremes_and_gaps():
    dates = [str(d) for d in np.arange("2000-01-01", "2020-01-01", dtype="datetime64[D]")]
    values = [0.5] * len(dates)
    values[4321], values[100] = 9.0, None
    drawn = line_chart("a & b", Sessions.of(dates), [("x<y", "own", values)])
    assert drawn.count('class="line own"') == 1 and "a &amp; b" in drawn and "x&lt;y" in drawn
    assert ">10.00<" in drawn  # the axis reaches the one high value
    assert len(drawn) < 40_000
    assert "Too few" in line_chart("none", Sessions.of(dates[:2]), [("x", "own", [None, None])])
    assert histogram("h", [-1, 0, 1, 2], [3, 0, 5]).count("<rect") == 3


def test_an_axis_says_its_own_values_and_the_highest_bar_stands_below_its_top():
    dates = Sessions.of([f"2005-01-{day:02d}" for day in range(1, 31)])
    chart = line_chart("fall", dates, [("fall", "bad", [-n / 300 for n in range(30)])], form="{:.0%}", fill=True)
    assert re.findall(r'class="y"[^>]*>([^<]+)<', chart) == ["-10.0%", "-7.5%", "-5.0%", "-2.5%", "0.0%"]
    whole = line_chart("fall", dates, [("fall", "bad", [-n / 35 for n in range(30)])], form="{:.0%}", fill=True)
    assert re.findall(r'class="y"[^>]*>([^<]+)<', whole) == ["-100%", "-75%", "-50%", "-25%", "0%"]
    bars = histogram("returns", [-0.03, -0.01, 0.01, 0.03], [100, 353, 120])
    assert re.findall(r'class="bar (\w+)"', bars) == ["bad", "even", "good"]  # the middle one holds both
    assert min(float(y) for y in re.findall(r' y="([-\d.]+)"', bars)) > 0


def test_figures_are_written_for_people():
    assert [written("total_return", v) for v in (-0.00001, 0.25)] == ["0.00%", "25.00%"]
    assert [written("sharpe_ratio", v) for v in (-0.001, 1.5)] == ["0.00", "1.50"]
    assert said_of("parameters", {"slow": 26, "fast": 12}) == "fast 12, slow 26"
    assert said_of("equity_usd", 99694.9795) == "99,694.98 USD" and said_of("account", "paper") == "paper"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.charts, self.words = [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.charts += tag == "svg"
        self.links += [v for k, v in attributes if k in ("src", "href")] + [tag] * (tag in ("script", "link"))

    def handle_data(self, data):
        self.words.append(data)


def test_an_account_that_has_just_begun_keeps_no_model_from_its_sheet(chained, tmp_path):
    with transaction(chained.writer) as connection:
        _, new, _ = reset(connection, "a new start", Decimal(50_000))
    with transaction(chained.owner) as connection:
        connection.execute(
            "INSERT INTO account_snapshots (account_id, session_date, cash_usd, securities_usd, equity_usd, "
            "gross_exposure_usd, net_exposure_usd) VALUES (%s, '2006-01-03', 50000, 0, 50000, 0, 0)", [new],
        )  # fmt: skip
    pages = write_sheets(chained.reader, tmp_path, risk_free_rate=RATE)
    assert [page.stem for page in pages] == ["ema_cross_alpha", "macd_alpha", "rsi_alpha"]
    with pytest.raises(ConfigError, match="no session in this span"):
        write_sheets(chained.reader, tmp_path, model="account", risk_free_rate=RATE)


def test_a_model_that_fails_keeps_no_other_from_its_sheet_and_is_named(chained, small_settings, tmp_path):
    change(chained, "ALTER TABLE models DROP CONSTRAINT models_model_name_check")  # as if it had come another way
    change(chained, "UPDATE models SET model_name = '../rsi_alpha' WHERE model_name = 'rsi_alpha'")
    change(chained, "UPDATE performance_states SET book = jsonb_set(book, '{notable}', '{\"best\": 1}') "
                    "WHERE model_id = (SELECT id FROM models WHERE model_name = 'macd_alpha')")  # fmt: skip
    folder = tmp_path / "sheets"
    settings = replace(small_settings, reports=str(folder))
    stage = open_stage(chained.writer, settings, "performance_testing")
    with pytest.raises(DataQualityError, match=r"all others are \(MODEL='macd_alpha, \.\./rsi_alpha'\)"):
        stage.write_tear_sheets()
    assert sorted(p.name for p in folder.iterdir()) == [
        f"{name}.{kind}" for name in ("account", "ema_cross_alpha") for kind in ("html", "json")
    ]
    with pytest.raises(ConfigError, match="makes no file"):
        write_sheets(chained.reader, folder, model="../rsi_alpha", risk_free_rate=RATE, walks=False)


def test_sheets_of_a_home(small_chain, tmp_path):
    pages = write_sheets(small_chain.reader, tmp_path / "out", risk_free_rate=RATE)
    names = ["ema_cross_alpha", "macd_alpha", "rsi_alpha", "account"]
    assert [page.stem for page in pages] == names
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"{name}.{kind}" for name in names for kind in ("html", "json")
    )
    for page in pages:
        read = Page(page.read_text())
        assert read.charts == 8 and not read.links
        numbers = json.loads(page.with_suffix(".json").read_text())
        assert f"{numbers['measures']['total_return']:,.2%}" in read.words
        first = numbers["warnings"][0]
        assert f"{first[0].upper()}{first[1:]}." in read.words
        assert page.stat().st_size < 400_000
    stored = query(
        small_chain.reader,
        "SELECT p.* FROM model_performance p JOIN models m ON m.id = p.model_id "
        "WHERE model_name = 'macd_alpha' ORDER BY run_date DESC LIMIT 1",
    )[0]
    numbers = json.loads((tmp_path / "out" / "macd_alpha.json").read_text())
    for name in ("total_return", "sharpe_ratio", "max_drawdown", "beta", "alpha", "benchmark_return", "annual_return"):
        assert numbers["measures"][name] == pytest.approx(stored[name], rel=1e-9), name
    assert numbers["trades"]["closed"] == stored["total_trades"]
    assert numbers["trades"]["win_rate"] == pytest.approx(stored["win_rate"])
    assert numbers["costs"]["turnover_a_session"] == pytest.approx(stored["turnover"])
    account = json.loads((tmp_path / "out" / "account.json").read_text())
    equity = query(small_chain.reader, "SELECT equity_usd FROM account_snapshots ORDER BY session_date")
    grown = float(equity[-1]["equity_usd"] / equity[0]["equity_usd"]) - 1
    assert account["measures"]["total_return"] == pytest.approx(grown, rel=1e-9)
    assert account["parity"]["difference_usd"] == pytest.approx(
        account["parity"]["account_usd"] - account["parity"]["engine_usd"]
    )


def test_what_the_measurement_keeps_is_what_a_walk_finds(small_chain, tmp_path):
    """After a session no signal is read: its sheets are those of make report but for the parity."""
    walked, kept = (
        {page.stem: json.loads(page.with_suffix(".json").read_text()) for page in write_sheets(
            small_chain.reader, tmp_path / str(walks), risk_free_rate=RATE, walks=walks)}
        for walks in (True, False)
    )  # fmt: skip
    assert set(walked) == set(kept) == {"ema_cross_alpha", "macd_alpha", "rsi_alpha", "account"}
    assert walked.pop("account") == kept.pop("account")
    for name, found in walked.items():
        parity = found.pop("parity")
        assert parity["sessions"] == len(found["dates"]) and parity["sessions_apart"] == 0
        assert parity["engine_return"] == pytest.approx(found["measures"]["total_return"], rel=1e-9)
        recent = kept[name].pop("parity")
        assert (recent["of"], recent["sessions"], recent["sessions_apart"]) == ("the last sessions", 22, 0)
        last = np.array(found["equity"])[[-1, -23]]
        assert recent["measured_return"] == pytest.approx(last[0] / last[1] - 1, abs=1e-12)
        assert kept[name] == found
        assert all(len(found["trades"][which]) == 10 for which in ("winners", "losers", "newest"))
        best = [trade["net_return"] for trade in found["trades"]["winners"]]
        assert best == sorted(best, reverse=True) and best[-1] > found["trades"]["losers"][-1]["net_return"]
        newest = [trade["left"] for trade in found["trades"]["newest"]]
        assert newest == sorted(newest, reverse=True) and newest[0] > str(D("2005-12-01"))


def test_a_bar_that_was_another_when_it_was_measured_shows_in_the_parity(chained, tmp_path):
    def sheet(walks):
        (page,) = write_sheets(chained.reader, tmp_path, model="macd_alpha", risk_free_rate=RATE, walks=walks)
        return json.loads(page.with_suffix(".json").read_text()), page.read_text()

    assert "No session differs." in sheet(True)[1]
    (one,) = query(
        chained.reader,
        "SELECT s.session_date AS d, s.symbol AS s FROM signals s JOIN models m ON m.id = s.model_id "
        "WHERE m.model_name = 'macd_alpha' AND side = 'long' AND session_date >= '2005-06-01' ORDER BY 1 LIMIT 1",
    )
    with transaction(chained.owner) as connection:
        connection.execute(
            "UPDATE market_data SET open = open * 1.01, high = high * 1.02 WHERE symbol = %(s)s AND date > %(d)s "
            "AND date <= %(d)s + 7", one,
        )  # fmt: skip
    numbers, page = sheet(True)
    assert 1 <= numbers["parity"]["sessions_apart"] <= 12 and numbers["parity"]["first_apart"] > str(one["d"])
    assert numbers["parity"]["engine_return"] != pytest.approx(numbers["parity"]["measured_return"], rel=1e-9)
    assert f"the first on {numbers['parity']['first_apart']}" in page
    assert "make report MODEL=macd_alpha" in sheet(False)[1]


def test_a_folder_that_cannot_be_written_is_named(small_chain, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write tear sheets there.*file/sheets"):
        write_sheets(small_chain.reader, tmp_path / "file" / "sheets", risk_free_rate=RATE)


def test_a_span_a_model_and_hostile_names(small_chain, tmp_path):
    span = {"first": D("2005-03-01"), "last": D("2005-06-30")}
    (page,) = write_sheets(small_chain.reader, tmp_path, model="rsi_alpha", risk_free_rate=RATE, **span)
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert (numbers["first_session"], numbers["last_session"]) == ("2005-03-01", "2005-06-30")
    with pytest.raises(ConfigError, match="no such model"):
        write_sheets(small_chain.reader, tmp_path, model="../rsi_alpha", risk_free_rate=RATE)
    with pytest.raises(ConfigError, match="nothing traded"):
        write_sheets(small_chain.reader, tmp_path, model="rsi_alpha", risk_free_rate=RATE, first=D("2020-01-02"))
    hostile = numbers | {"subject": "<script>alert(1)</script>", "warnings": ["<img src=x onerror=alert(2)>"]}
    read = Page(render(hostile))
    assert not read.links and "<script>alert(1)</script>" in read.words
    hardly_any = {**numbers, "rolling_sharpe": [*numbers["rolling_sharpe"][:-1], -130.0]}
    assert "-130" not in render(hardly_any) and "Left out where it lies beyond 10" in render(hardly_any)
    assert "Left out where" not in render(numbers)
