"""The universe with two times: who belonged, as believed when; and no past decision sees another one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from data_layer.sessions import close_times
from tests.support.bars import real_bars
from tests.support.chain import run_chain, run_stage
from tests.support.files_home import DAY, FIRST, HALF, LAST, D, open_home
from tests.support.prepared import EAGER, change

HEADER = "symbol,name,sector,active_from,active_to,restricted\n"
LEFT = "2005-02-10"  # IBM's last bar in a file that lacks the later ones
AS_OF = "SELECT symbol FROM universe_as_of(%(session)s, %(at)s) ORDER BY 1"


def close(day):
    return close_times([D(day)])[D(day)]


def members(home, session, at=None):
    return "".join(row[0][0] for row in home.query(AS_OF, session=session, at=at or close(session)))


@pytest.fixture
def leaving(database, tmp_path, market):
    """A home whose file ends IBM in the middle."""
    return open_home(database, tmp_path, market[(market["symbol"] != "IBM") | (market["date"] <= D(LEFT))])


def universe_file(home, text):
    path = home.path.parent / "universe.csv"
    path.write_text(HEADER + text)
    return replace(home, settings=replace(home.settings, universe=str(path)))


VERSIONS = (
    "SELECT symbol, active_from, active_to, version, known_at FROM trading_universe "
    "UNION ALL SELECT symbol, active_from, active_to, version, known_at FROM trading_universe_history "
    "ORDER BY symbol, active_from, version"
)


def test_history_in_one_piece_or_session_by_session_is_the_same(leaving, copy_database, tmp_path):
    other = replace(leaving, uri=copy_database("quant_data").writer)
    leaving.ingest()
    for day in (HALF[:8] + "09", LEFT, "2005-02-11", HALF, LAST):
        other.ingest(end=day)
    assert leaving.query(VERSIONS) == other.query(VERSIONS)
    ibm = [row for row in leaving.query(VERSIONS) if row[0] == "IBM"]
    assert ibm == [
        ("IBM", D(FIRST), None, 1, close(FIRST)),
        ("IBM", D(FIRST), D(LEFT), 2, close("2005-02-11")),
    ]


def test_who_belonged_as_it_was_believed(leaving):
    leaving.ingest()
    assert members(leaving, LEFT) == "AIM"  # that it is the last one shows on the session after
    assert members(leaving, "2005-02-11") == "AM"
    assert members(leaving, "2005-02-11", close(LEFT)) == "AIM"
    assert members(leaving, LEFT, close(LAST)) == "AIM"
    assert members(leaving, FIRST, close(FIRST) - dt.timedelta(microseconds=1)) == ""


def test_the_report_warns_of_survivors_until_somebody_is_known_to_have_left(leaving):
    run_chain(leaving.uri, leaving.settings, end=HALF)
    lean = "the universe holds no symbol that has left the market, so results lean upward"
    warned = dict(leaving.query("SELECT report_date, %(w)s = ANY(warnings) FROM performance_reports", w=lean))
    assert warned[D(LEFT)] and not warned[D("2005-02-11")]
    # A later change of mind does not change what a report was based on.
    change(leaving, "UPDATE trading_universe SET active_to = NULL WHERE symbol = 'IBM'")
    run_stage(leaving.uri, leaving.settings, "performance_testing", start=FIRST, end=HALF)


def test_what_is_stated_later_is_known_from_then_on(home):
    listed = universe_file(home, "AAPL,Apple,Tech,,,\nIBM,IBM,Tech,,,yes\nMSFT,Microsoft,Tech,,2005-01-31,\n")
    before = dt.datetime.now(dt.UTC)
    listed.ingest(end=DAY)
    now = dt.datetime.now(dt.UTC)
    restricted = "SELECT symbol, restricted FROM universe_as_of(%(s)s, %(at)s) ORDER BY 1"
    assert home.query(restricted, s=HALF, at=before) == [("AAPL", False), ("IBM", False), ("MSFT", False)]
    assert home.query(restricted, s=HALF, at=now) == [("AAPL", False), ("IBM", True)]
    superseded = "SELECT count(*) FROM trading_universe_history WHERE superseded_at BETWEEN %(a)s AND %(b)s"
    assert home.query(superseded, a=before, b=now)[0][0] >= 3
    # What was decided is decided again from the universe it was decided on.
    run_stage(home.uri, home.settings, "risk_execution", start="2005-02-01", end=HALF)


def test_who_is_left_out_of_the_users_list_leaves_with_the_last_session_decided(home):
    universe_file(home, "AAPL,,,,,\nMSFT,,,,,\n").ingest(end=DAY)
    ibm = "SELECT active_to FROM trading_universe WHERE symbol = 'IBM'"
    assert home.query(ibm) == [(D(HALF),)]
    now = dt.datetime.now(dt.UTC)
    assert members(home, HALF, now) == "AIM" and members(home, "2005-02-28", now) == "AM"


def test_an_interval_stated_otherwise_is_withdrawn_and_kept(home):
    first = universe_file(home, "AAPL,,,2005-01-10,,\nIBM,,,,,\nMSFT,,,,,\n")
    first.ingest(end=DAY)
    rows = "SELECT active_from FROM {} WHERE symbol = 'AAPL' ORDER BY 1"
    assert home.query(rows.format("trading_universe")) == [(D("2005-01-10"),)]
    assert home.query(rows.format("trading_universe_history")) == [(D(FIRST),)]
    universe_file(home, "AAPL,,,,,\nIBM,,,,,\nMSFT,,,,,\n").ingest(end=LAST)
    assert home.query("SELECT version FROM trading_universe WHERE symbol = 'AAPL'") == [(2,)]


def test_a_flag_stays_where_an_interval_begins_elsewhere(home):
    """IBM's flag set by a person, MSFT's set and taken back: neither is what a new interval would have."""
    lines = "AAPL,,,{0},,\nIBM,,,{0},,\nMSFT,,,{0},,{1}\n"
    universe_file(home, lines.format("2005-01-10", "yes")).ingest(end=DAY)
    change(home, "UPDATE trading_universe SET restricted = symbol = 'IBM' WHERE symbol <> 'AAPL'")
    universe_file(home, lines.format("", "")).ingest(end=LAST)
    held = "SELECT symbol, restricted FROM trading_universe WHERE active_from = %(d)s ORDER BY 1"
    assert home.query(held, d=FIRST) == [("AAPL", False), ("IBM", True), ("MSFT", False)]


def test_a_person_changing_a_row_makes_a_version_too(done_home):
    change(done_home, "UPDATE trading_universe SET restricted = true WHERE symbol = 'IBM'")
    change(done_home, "DELETE FROM trading_universe WHERE symbol = 'MSFT'")
    history = done_home.query("SELECT symbol, restricted, version FROM trading_universe_history ORDER BY 1")
    assert history == [("IBM", False, 1), ("MSFT", False, 1)]
    assert done_home.query("SELECT version, restricted FROM trading_universe WHERE symbol = 'IBM'") == [
        (2, True)
    ]
    flagged = "SELECT symbol FROM universe_as_of(%(s)s, %(at)s) WHERE restricted"
    assert members(done_home, DAY) == "AIM" and done_home.query(flagged, s=DAY, at=close(DAY)) == []
    assert done_home.query(flagged, s=DAY, at=dt.datetime.now(dt.UTC)) == [("IBM",)]


def test_votes_count_only_for_members_that_may_be_traded(database, tmp_path, market):
    home = universe_file(
        open_home(database, tmp_path, market), "AAPL,,,,,\nIBM,,,,,yes\nMSFT,,,2005-03-22,,\n"
    )
    change(home, EAGER)
    run_chain(home.uri, home.settings)  # trades from the 50th session on, when there is a regime
    traded = "SELECT symbol, min(session_date) FROM target_positions WHERE target_quantity <> 0 GROUP BY 1 ORDER BY 1"
    found = dict(home.query(traded))
    assert set(found) == {"AAPL", "MSFT"}
    assert found["MSFT"] == D("2005-03-22")
    assert home.query("SELECT count(*) > 0 FROM signals WHERE symbol = 'IBM'") == [(True,)]


def test_a_holding_that_becomes_restricted_stays_with_a_warning(home):
    holding = "SELECT quantity FROM positions WHERE symbol = 'AAPL' AND session_date = %(d)s"
    change(home, EAGER)
    # Orders are allowed from the 60th session on.
    home.ingest(real_bars("AAPL IBM MSFT", FIRST, "2005-04-06"), end=LAST)
    change(home, "UPDATE trading_universe SET restricted = true WHERE symbol = 'AAPL'")
    run_chain(home.uri, home.settings, end="2005-04-06")
    # The order of the 30th was out before; what the 31st would have wanted, known before the flag, went out too.
    still = [
        home.query(holding, d=day)[0][0] for day in ("2005-04-01", "2005-04-04", "2005-04-05", "2005-04-06")
    ]
    assert len(set(still)) == 1 and still[0] != 0
    wanted = "SELECT max(session_date) FROM target_positions WHERE symbol = 'AAPL'"
    assert home.query(wanted) == [(D(LAST),)]
    warned = (
        "SELECT detail -> 'warnings' FROM stage_runs "
        "WHERE stage = 'risk_execution' AND session_date = '2005-04-06'"
    )
    assert home.query(warned) == [(["AAPL is restricted: the holding stays"],)]
