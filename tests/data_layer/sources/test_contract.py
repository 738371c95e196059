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
from data_layer.settings import parse_settings
from data_layer.sources import available_sources, open_source
from data_layer.sources.base import ACTION_COLUMNS, BAR_COLUMNS, Source
from models.errors import ConfigError
from tests.support.bars import files_settings, real_bars, write_bars
from tests.support.chain import NOW
from tests.support.vendor_cases import VENDORS
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import serve

WANTED = {"symbols": "AAPL MSFT", "start": "2005-02-01", "end": "2005-06-30"}
FIRST, LAST = dt.date(2005, 2, 1), dt.date(2005, 6, 30)


def sample(home):
    return parse_settings(home, {k.upper(): v for k, v in WANTED.items()})


def csv_file(home):
    return files_settings(home, write_bars(home / "bars.csv", rows()), **WANTED)


def parquet_file(home):
    return files_settings(home, write_bars(home / "bars.parquet", rows()), **WANTED)


def folder(home):
    for symbol, part in rows().groupby("symbol"):
        below = home / "bars" / str(symbol)
        below.mkdir(parents=True)
        write_bars(below / ("part.csv" if symbol == "MSFT" else "part.parquet"), part)
    return files_settings(home, home / "bars", **WANTED)


def rows():
    return real_bars("AAPL IBM MSFT", "2005-01-03", "2005-12-30")


@pytest.fixture(scope="module")
def stub():
    with serve(sample_market(), page_size=30) as running:
        yield running


def vendor(name):
    def settings(home, stub, **values):
        texts = {k.upper(): v for k, v in {**WANTED, **values}.items()}
        return parse_settings(home, {**stub.settings(), **texts, "SOURCE": name})

    settings.__name__ = name
    return settings


@pytest.fixture(
    params=[sample, csv_file, parquet_file, folder, *map(vendor, VENDORS)], ids=lambda f: f.__name__
)
def source(request, tmp_path):
    needs = [request.getfixturevalue("stub")] if request.param.__name__ in VENDORS else []
    return open_source(request.param(tmp_path, *needs))


def test_every_source_is_tried():
    assert set(available_sources()) == {"sample", "files", "synthetic", *VENDORS}
    assert all(issubclass(c, Source) and c.name == name for name, c in available_sources().items())


def test_sessions_are_the_exchanges_and_ascend(source):
    sessions = source.sessions()
    assert sessions == sorted(set(sessions)) and all(map(is_session, sessions))
    assert (sessions[0], sessions[-1], len(sessions)) == (FIRST, LAST, 19 + 22 + 21 + 21 + 22)


def test_instruments_say_what_can_be_had(source):
    held = source.instruments()
    assert list(held.columns) == ["symbol", "name", "sector", "active_from", "active_to"]
    assert held["symbol"].to_list() == ["AAPL", "MSFT"]
    assert held["active_from"].to_list() == [FIRST, FIRST]
    assert held["active_to"].to_list() == [None, None]
    assert all(isinstance(name, str) and name for name in held["name"])


def test_bars_are_within_the_window_and_true(source):
    got = source.bars(["MSFT"], dt.date(2005, 3, 1), dt.date(2005, 3, 31))
    assert list(got.columns) == [*BAR_COLUMNS, "date_text"]
    assert set(got["symbol"]) == {"MSFT"}
    assert (got["date"].min(), got["date"].max()) == (pd.Timestamp("2005-03-01"), pd.Timestamp("2005-03-31"))
    checked = check_rows(got, source=source.name, now=NOW)
    assert len(checked.accepted) == len(got) == 22
    assert checked.duplicates == 0 and checked.quarantined.empty


def test_no_symbols_means_all(source):
    assert set(source.bars(None, FIRST, LAST)["symbol"]) == {"AAPL", "MSFT"}
    assert set(source.actions(None, FIRST, LAST)["symbol"]) == {"AAPL", "MSFT"}


def test_an_empty_window_is_empty(source):
    sunday = dt.date(2005, 3, 6)
    assert source.bars(None, sunday, sunday).empty
    actions = source.actions(None, sunday, sunday)
    assert actions.empty and tuple(actions.columns) == ACTION_COLUMNS


def test_all_sources_hand_over_the_same_bars(source, tmp_path):
    def values(rows):
        typed = check_rows(rows, source="x", now=NOW).accepted
        return typed.astype({"symbol": "str"}).set_index(["symbol", "date"]).sort_index()

    other = open_source(sample(tmp_path))
    pd.testing.assert_frame_equal(
        values(source.bars(None, FIRST, LAST)), values(other.bars(None, FIRST, LAST)), check_index_type=False
    )


def test_actions_carry_exact_values(source):
    actions = source.actions(["AAPL"], FIRST, LAST)
    assert actions[["symbol", "ex_date", "action_type", "value"]].to_dict("records") == [
        {"symbol": "AAPL", "ex_date": dt.date(2005, 2, 28), "action_type": "split", "value": Decimal(2)}
    ]
    assert all(isinstance(v, Decimal) for v in source.actions(None, FIRST, LAST)["value"])
    assert source.actions(["AAPL"], FIRST, dt.date(2005, 2, 27)).empty


def test_an_unknown_symbol_is_refused_with_those_there_are(source):
    other = type(source)(replace(source.settings, symbols=("MSFT", "APPL")))
    suggests = "AAPL" if source.is_static else "check how it writes the symbol"
    with pytest.raises(ConfigError, match=rf"\[data_ingestion\].*SYMBOLS='APPL'.*{suggests}"):
        other.instruments()


def test_a_window_without_bars_is_refused(source):
    with pytest.raises(ConfigError, match=r"START..END='2050-01-01..'") as caught:
        type(source)(replace(source.settings, start=dt.date(2050, 1, 1), end=None)).sessions()
    if source.is_static:
        assert re.search(r"has 200\d-\d\d-\d\d to 20", str(caught.value))


def test_chunks_are_the_bars_each_symbol_whole_in_one(source):
    chunks = list(source.bars_in_chunks(None, FIRST, LAST))
    held = [set(chunk["symbol"]) for chunk in chunks]
    assert sum(map(len, held)) == len(set().union(*held))
    order = ["symbol", "date"]
    pd.testing.assert_frame_equal(
        pd.concat(chunks).sort_values(order, ignore_index=True),
        source.bars(None, FIRST, LAST).sort_values(order, ignore_index=True),
    )


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
