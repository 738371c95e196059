"""Vendors in order: who is asked, who answers, and what is said when nobody does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from data_layer.settings import parse_settings
from data_layer.sources.calls import PlanError
from data_layer.sources.ordered import OrderedSources
from models.errors import ConfigError, DataQualityError, RetryableError

DAY = dt.date(2024, 7, 1)


class Vendor:
    """Answers with its name, or fails after some pieces."""

    is_static = False
    delay = dt.timedelta(0)

    def __init__(self, name, error=None, pieces=2):
        self.name, self.error, self.pieces, self.asked = name, error, pieces, 0

    def bars_in_chunks(self, symbols, start, end):
        self.asked += 1
        for piece in range(self.pieces):
            yield pd.DataFrame({"symbol": [f"{self.name}{piece}"]})
        if self.error:
            raise self.error

    def _answer(self, *_):
        self.asked += 1
        if self.error:
            raise self.error
        return pd.DataFrame({"symbol": [self.name]})

    actions = instruments = renames = _answer

    def sessions(self):
        self._answer()
        return [DAY]


def bars(ordered):
    return [(a.source.name, a.rows["symbol"][0]) for a in ordered.bars_in_chunks(None, DAY, DAY)]


def test_only_the_first_is_asked_while_it_answers():
    one, two = Vendor("one"), Vendor("two")
    ordered = OrderedSources([one, two])
    assert bars(ordered) == [("one", "one0"), ("one", "one1")]
    assert ordered.actions(None, DAY, DAY).source is one
    assert two.asked == 0 and ordered.fallbacks == []


@pytest.mark.parametrize("error", [RetryableError("down"), DataQualityError("broken answer")])
def test_the_next_one_answers_the_whole_question(error):
    one, two = Vendor("one", error, pieces=1), Vendor("two")
    ordered = OrderedSources([one, two])
    assert bars(ordered) == [("one", "one0"), ("two", "two0"), ("two", "two1")]
    assert ordered.actions(None, DAY, DAY).source is two
    assert ordered.instruments()["symbol"][0] == "two" and ordered.sessions() == [DAY]
    assert [(f.question, f.failed, f.answered) for f in ordered.fallbacks] == [
        (question, "one", "two") for question in ("bars", "actions", "instruments", "sessions")
    ]
    assert str(error) in ordered.fallbacks[0].error


def test_everyone_failing_names_each_error():
    ordered = OrderedSources(
        [Vendor("one", DataQualityError("no json")), Vendor("two", RetryableError("stalled"))]
    )
    for ask in (bars, lambda o: o.actions(None, DAY, DAY)):
        with pytest.raises(RetryableError, match=r"every source failed.*one: no json; two: stalled"):
            ask(ordered)
    only = OrderedSources(
        [Vendor("one", DataQualityError("no json")), Vendor("two", DataQualityError("short"))]
    )
    with pytest.raises(DataQualityError, match=r"one: no json; two: short"):
        bars(only)
    assert ordered.fallbacks == only.fallbacks == []


def test_a_wrong_setting_is_no_reason_to_ask_another():
    two = Vendor("two")
    ordered = OrderedSources([Vendor("one", ConfigError("no key")), two])
    for ask in (bars, lambda o: o.actions(None, DAY, DAY)):
        with pytest.raises(ConfigError, match="no key"):
            ask(ordered)
    assert two.asked == 0


@pytest.mark.parametrize("question", [bars, lambda o: [(o.actions(None, DAY, DAY).source.name, "")]])
def test_a_plans_limit_is_that_vendors_failure(question):
    ordered = OrderedSources([Vendor("one", PlanError("not covered")), Vendor("two")])
    assert question(ordered)[-1][0] == "two"
    with pytest.raises(PlanError, match="not covered"):
        question(OrderedSources([Vendor("one", PlanError("not covered"))]))
    nobody = OrderedSources([Vendor("one", PlanError("not covered")), Vendor("two", PlanError("nor here"))])
    with pytest.raises(ConfigError, match="one: not covered; two: nor here"):
        question(nobody)


@pytest.mark.parametrize("later", [ConfigError("unknown symbol"), PlanError("not covered")])
def test_what_a_later_vendor_lacks_hides_no_earlier_error(later):
    for first in (RetryableError("down"), DataQualityError("broken")):
        ordered = OrderedSources([Vendor("one", first), Vendor("two", later)])
        for ask in (bars, lambda o: o.actions(None, DAY, DAY)):
            with pytest.raises(type(first), match=f"one: {first}; two: {later}"):
                ask(ordered)


@pytest.mark.parametrize("error", [ConfigError("unknown symbol"), RetryableError("down"), PlanError("not covered")])
def test_who_only_checks_stops_nothing(error):
    ordered = OrderedSources([Vendor("one"), Vendor("two", error)], cross_check=True)
    assert [source for source, _ in bars(ordered)][:2] == ["one", "one"]
    assert [(f.failed, f.error, f.answered) for f in ordered.fallbacks] == [("two", str(error), "one")]


def test_cross_checking_asks_everyone():
    ordered = OrderedSources([Vendor("one"), Vendor("two", pieces=1)], cross_check=True)
    assert [source for source, _ in bars(ordered)] == ["one", "one", "two"]
    silent = OrderedSources([Vendor("one"), Vendor("two", RetryableError("down"))], cross_check=True)
    bars(silent)
    assert [(f.failed, f.answered) for f in silent.fallbacks] == [("two", "one")]


def settings(**values):
    return parse_settings(Path("/nowhere"), {k.upper(): v for k, v in values.items()})


def test_sources_are_named_in_order():
    assert settings().sources == ("sample",)
    assert settings(source="polygon").sources == ("polygon",)
    both = settings(sources="polygon, yfinance")
    assert (both.sources, both.source, both.is_static) == (("polygon", "yfinance"), "polygon", False)
    assert settings(source="polygon", sources="polygon,yfinance") == both


@pytest.mark.parametrize(
    "values",
    [
        {"source": "yfinance", "sources": "polygon,yfinance"},
        {"sources": "polygon,polygon"},
        {"sources": "polygon,sample"},
        {"sources": "files,sample"},
    ],
)
def test_lists_that_make_no_sense_are_refused(values):
    with pytest.raises(ConfigError, match="SOURCES"):
        settings(**values)
