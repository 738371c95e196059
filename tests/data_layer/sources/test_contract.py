"""What every source keeps to, whoever it is."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

from data_layer.quality.row_checks import check_rows
from data_layer.sessions import is_session
from data_layer.settings import Settings, parse_settings
from data_layer.source_catalogue import declared_sources
from data_layer.sources import available_sources, open_source
from data_layer.sources.base import ACTION_COLUMNS, BAR_COLUMNS, Source
from models.errors import ConfigError
from tests.support.chain import NOW
from tests.support.sources import FIRST, LAST, WANTED, hook
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import serve

CLASSES = available_sources()


def cases(*, replays=False):
    """Every source with each of its cases; one without any is a case that fails and says what to write."""
    found = []
    for name in CLASSES:
        try:
            tried = hook(name)
        except AssertionError:
            found += [] if replays else [pytest.param(name, "", id=name)]
            continue
        ids = [] if replays and not tried.REPLAYS else tried.CASES
        found += [pytest.param(name, case, id=case) for case in ids]
    return found


every_source = pytest.mark.parametrize(("name", "case"), cases())
those_that_replay_the_sample = pytest.mark.parametrize(("name", "case"), cases(replays=True))


@pytest.fixture(scope="module")
def stub():
    with serve(sample_market(), page_size=30) as running:
        yield running


@pytest.fixture
def source(name, case, tmp_path, stub):
    return open_source(hook(name).CASES[case](tmp_path, stub))


@pytest.fixture
def symbols(name):
    return list(hook(name).SYMBOLS)


def sample(home):
    return parse_settings(home, {k.upper(): v for k, v in WANTED.items()})


@pytest.mark.parametrize("name", CLASSES)
def test_settings_read_the_same_declarations_as_the_class_has(name):
    cls, declared = CLASSES[name], declared_sources()[name]
    assert issubclass(cls, Source) and cls.name == name and isinstance(cls.is_static, bool)
    assert (declared.name, declared.is_static) == (name, cls.is_static)
    assert (declared.keys, declared.address, declared.limit) == (dict(cls.keys), cls.address, cls.limit)
    assert Settings(None, sources=(name,)).is_static == cls.is_static


def test_none_is_declared_that_is_not_there():
    assert declared_sources().keys() == CLASSES.keys()


@every_source
def test_sessions_are_the_exchanges_and_ascend(source):
    sessions = source.sessions()
    assert sessions == sorted(set(sessions)) and all(map(is_session, sessions))
    assert (sessions[0], sessions[-1], len(sessions)) == (FIRST, LAST, 19 + 22 + 21 + 21 + 22)


@every_source
def test_instruments_say_what_can_be_had(source, symbols):
    held = source.instruments()
    assert list(held.columns) == ["symbol", "name", "sector", "active_from", "active_to"]
    assert held["symbol"].to_list() == symbols
    assert held["active_from"].to_list() == [FIRST, FIRST]
    assert held["active_to"].to_list() == [None, None]
    assert all(isinstance(name, str) and name for name in held["name"])


@every_source
def test_bars_are_within_the_window_and_true(source, symbols):
    got = source.bars(symbols[1:], dt.date(2005, 3, 1), dt.date(2005, 3, 31))
    assert list(got.columns)[: len(BAR_COLUMNS) + 1] == [*BAR_COLUMNS, "date_text"]
    assert list(got.columns)[len(BAR_COLUMNS) + 1 :] in ([], ["vwap"])
    assert set(got["symbol"]) == {symbols[1]}
    assert (got["date"].min(), got["date"].max()) == (pd.Timestamp("2005-03-01"), pd.Timestamp("2005-03-31"))
    checked = check_rows(got, source=source.name, now=NOW)
    assert len(checked.accepted) == len(got) == 22
    assert checked.duplicates == 0 and checked.quarantined.empty


@every_source
def test_no_symbols_means_all(source, symbols):
    assert set(source.bars(None, FIRST, LAST)["symbol"]) == set(symbols)
    assert set(source.actions(None, FIRST, LAST)["symbol"]) <= set(symbols)


@every_source
def test_an_empty_window_is_empty(source):
    sunday = dt.date(2005, 3, 6)
    assert source.bars(None, sunday, sunday).empty
    actions = source.actions(None, sunday, sunday)
    assert actions.empty and tuple(actions.columns) == ACTION_COLUMNS


@those_that_replay_the_sample
def test_all_sources_hand_over_the_same_bars(source, tmp_path):
    def values(rows):
        typed = check_rows(rows, source="x", now=NOW).accepted
        return typed.astype({"symbol": "str"}).set_index(["symbol", "date"]).sort_index()

    other = open_source(sample(tmp_path))
    pd.testing.assert_frame_equal(
        values(source.bars(None, FIRST, LAST)), values(other.bars(None, FIRST, LAST)), check_index_type=False
    )


@those_that_replay_the_sample
def test_actions_carry_exact_values(source):
    actions = source.actions(["AAPL"], FIRST, LAST)
    assert actions[["symbol", "ex_date", "action_type", "value"]].to_dict("records") == [
        {"symbol": "AAPL", "ex_date": dt.date(2005, 2, 28), "action_type": "split", "value": Decimal(2)}
    ]
    assert all(isinstance(v, Decimal) for v in source.actions(None, FIRST, LAST)["value"])
    assert source.actions(["AAPL"], FIRST, dt.date(2005, 2, 27)).empty


@every_source
def test_an_unknown_symbol_is_refused_with_those_there_are(source, symbols):
    wrong = symbols[0][0] + symbols[0][2:]
    other = type(source)(replace(source.settings, symbols=(symbols[1], wrong)))
    suggests = symbols[0] if source.is_static else "check how it writes the symbol"
    with pytest.raises(ConfigError, match=rf"\[data_ingestion\].*SYMBOLS='{wrong}'.*{suggests}"):
        other.instruments()


@every_source
def test_a_window_without_bars_is_refused(source):
    with pytest.raises(ConfigError, match=r"START..END='2051-01-01..'") as caught:
        type(source)(replace(source.settings, start=dt.date(2051, 1, 1), end=None)).sessions()
    if source.is_static:
        assert re.search(r"has 200\d-\d\d-\d\d to 20", str(caught.value))


@every_source
def test_chunks_are_the_bars_each_symbol_whole_in_one(source):
    chunks = list(source.bars_in_chunks(None, FIRST, LAST))
    held = [set(chunk["symbol"]) for chunk in chunks]
    assert sum(map(len, held)) == len(set().union(*held))
    order = ["symbol", "date"]
    pd.testing.assert_frame_equal(
        pd.concat(chunks).sort_values(order, ignore_index=True),
        source.bars(None, FIRST, LAST).sort_values(order, ignore_index=True),
    )


@every_source
def test_the_same_question_gets_the_same_answer(source):
    again = type(source)(source.settings)
    pd.testing.assert_frame_equal(source.bars(None, FIRST, LAST), again.bars(None, FIRST, LAST))
    pd.testing.assert_frame_equal(source.actions(None, FIRST, LAST), again.actions(None, FIRST, LAST))
    pd.testing.assert_frame_equal(source.instruments(), again.instruments())


def test_an_unknown_source_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(ConfigError, match=r"\[data_ingestion\].*SOURCE='smaple'.*did you mean sample"):
        open_source(parse_settings(tmp_path, {"SOURCE": "smaple"}))
    with pytest.raises(ConfigError, match=r"SOURCE='bloomberg'.*use one of .*files,.*sample"):
        open_source(parse_settings(tmp_path, {"SOURCE": "bloomberg"}))
