"""Past sessions decided again: the same from the same knowledge; what differs is named, with the input that changed."""

from __future__ import annotations

import datetime as dt

import pytest
from psycopg import errors

from data_layer.storage.database import transaction
from models.errors import ConfigError
from plugins.replay import passes
from plugins.replay.replay import replay, report_lines
from tests.support.chain import query
from tests.support.prepared import DUE, SPLIT, change, hashes, stopping  # noqa: F401  a fixture

pytestmark = pytest.mark.faults
# Nine sessions with a split among them; holdings, orders and exits of before go on in them.
FIRST, SECOND, LAST = (dt.date.fromisoformat(day) for day in (DUE[0], DUE[1], DUE[-1]))
TARGET = "UPDATE target_positions SET target_weight = 0.0123 WHERE (session_date, symbol) = (%(d)s, 'AAPL')"
BAR = "UPDATE market_data SET close = close * 1.01, high = high * 1.02 WHERE symbol = 'MSFT' AND date = %(d)s"


def replayed(database, settings, first=FIRST, last=LAST):
    report = replay(database.writer, settings, first, last)
    return report, "\n".join(report_lines(database.writer, report))


def test_the_same_is_decided_again_and_nothing_is_written(stopping, small_settings):  # noqa: F811
    database = stopping("")
    before = hashes(database.reader)
    report, text = replayed(database, small_settings)
    assert report.is_identical, text
    rows = {t.table: t.stored.rows for t in report.tables}
    assert all(rows[name] for name in ("feature_values", "signals", "target_positions", "risk_decisions", "orders",
                                       "fills", "positions", "ledger_entries")), rows  # fmt: skip
    assert hashes(database.reader) == before
    left = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replay%'"
    assert query(database.reader, left) == []


@pytest.mark.parametrize("day", [DUE[3], SPLIT, DUE[-1]])
def test_each_session_alone_begins_with_the_account_as_it_was(stopping, small_settings, day):  # noqa: F811
    database = stopping("")
    session = dt.date.fromisoformat(day)
    report, text = replayed(database, small_settings, session, session)
    assert report.is_identical, text


def test_a_bar_that_was_changed_is_named(stopping, small_settings):  # noqa: F811
    database = stopping("")
    assert change(database, BAR, {"d": SECOND}) == 1
    report, text = replayed(database, small_settings)
    assert not report.is_identical
    assert (report.first.table, report.first.session, report.first.key["symbol"]) == (
        "feature_values", str(SECOND), "MSFT")  # fmt: skip
    assert f"feature_values (date {SECOND}, symbol MSFT, feature_set alpha158, version 1) " in text
    assert f"not as recorded: market_data MSFT {SECOND}: another than was decided on" in text
    # Also from a window that begins after it: features remember.
    report, text = replayed(database, small_settings, LAST, LAST)
    assert f"not as recorded: market_data MSFT {SECOND}: another than" in text


def test_an_action_that_was_changed_is_named(stopping, small_settings):  # noqa: F811
    database = stopping("")
    change(database, "UPDATE corporate_actions SET value = 3 WHERE symbol = 'AAPL' AND ex_date = %(d)s", {"d": SPLIT})
    _, text = replayed(database, small_settings)
    assert f"not as recorded: corporate_actions {SPLIT}: another than was decided on, now AAPL split 3" in text


def test_parameters_that_were_changed_are_named(stopping, small_settings):  # noqa: F811
    database = stopping("")
    statement = (
        "UPDATE model_runs SET parameters = jsonb_set(parameters, '{oversold}', %(o)s) WHERE session_date = %(d)s "
        "AND model_id = (SELECT id FROM models WHERE model_name = 'rsi_reversion')"
    )
    assert change(database, statement, {"d": SECOND, "o": "99"}) == 1  # no value that it takes
    report, text = replayed(database, small_settings)
    assert not report.is_identical and "refused: [parameters] parameter refused (oversold=99)" in text
    assert f"not as recorded: model_runs rsi_reversion {SECOND}: parameters" in text
    assert change(database, statement, {"d": SECOND, "o": "44"}) == 1
    report, text = replayed(database, small_settings)
    assert report.first.table == "model_runs", text
    assert f"model_runs (session_date {SECOND}, model_id rsi_reversion) parameters: stored" in text, text
    assert f"not as recorded: model_runs rsi_reversion {SECOND}: parameters" in text


def test_a_limit_that_was_changed_is_named(stopping, small_settings):  # noqa: F811
    database = stopping("")
    statement = (
        "UPDATE stage_runs SET detail = jsonb_set(detail, '{rules,limits,max_position}', '0.001') "
        "WHERE stage = 'risk_execution' AND session_date >= %(d)s"
    )
    change(database, statement, {"d": FIRST})
    report, text = replayed(database, small_settings)
    assert report.first.table == "risk_decisions", text
    where = f"not as recorded: stage_runs risk_execution {report.first.session}"
    assert f"{where}: rules.limits.max_position is 0.001" in text


def test_a_row_that_was_changed_is_shown_with_both_values(stopping, small_settings):  # noqa: F811
    database = stopping("")
    assert change(database, TARGET, {"d": SECOND}) == 1
    report, text = replayed(database, small_settings)
    assert report.first.stored["target_weight"] == 0.0123
    row = f"target_positions (session_date {SECOND}, account_id paper, symbol AAPL)"
    assert f"{row} target_weight: stored 0.0123, replayed " in text
    assert "every bar, action, parameter and limit is as recorded" in text


def test_a_row_that_is_gone_or_too_many_is_shown(stopping, small_settings):  # noqa: F811
    database = stopping("")
    statement = "DELETE FROM ensemble_signals WHERE session_date = %(d)s AND symbol = 'AAPL'"
    assert change(database, statement, {"d": SECOND}) == 1
    report, text = replayed(database, small_settings)
    assert report.first.stored is None and report.first.table == "ensemble_signals"
    assert "stored no such row" in text


def test_other_code_is_named_and_is_no_difference_by_itself(stopping, small_settings):  # noqa: F811
    database = stopping("")
    change(database, "UPDATE stage_runs SET detail = jsonb_set(detail, '{code}', '\"old\"') WHERE detail ? 'code'")
    report, _ = replayed(database, small_settings)
    assert report.is_identical
    change(database, TARGET, {"d": SECOND})
    _, text = replayed(database, small_settings)
    assert "code: old decided, " in text


def test_the_role_that_decides_can_write_to_no_real_table(stopping, small_settings, monkeypatch):  # noqa: F811
    database = stopping("")
    tried = []

    monkeypatch.setattr(passes.ReplayedRisk, "run", lambda self: tried.append(self.scratch) or refused(self.scratch))

    def refused(scratch):
        with transaction(scratch.uri) as connection:
            rows = connection.execute(
                "SELECT tablename, has_any_column_privilege('public.' || tablename, 'INSERT, UPDATE') "
                "OR has_table_privilege('public.' || tablename, 'INSERT, UPDATE, DELETE, TRUNCATE') AS may "
                "FROM pg_tables WHERE schemaname = 'public'").fetchall()  # fmt: skip
            assert len(rows) > 60 and [row for row in rows if row["may"]] == []
            (who,) = connection.execute("SELECT current_user AS u, current_schema() AS s").fetchall()
            assert (who["u"], who["s"]) == ("quant_replayer", scratch.schema)
        with pytest.raises(errors.InsufficientPrivilege), transaction(scratch.uri) as connection:
            connection.execute("UPDATE public.orders SET state = 'cancelled'")

    replay(database.writer, small_settings, FIRST, FIRST)
    assert len(tried) == 1


def test_what_cannot_be_replayed_is_refused(stopping, small_settings):  # noqa: F811
    database = stopping("")
    with pytest.raises(ConfigError, match="TO lies before DATE"):
        replay(database.writer, small_settings, LAST, FIRST)
    with pytest.raises(ConfigError, match="no session was decided in this range"):
        replay(database.writer, small_settings, dt.date(1999, 1, 4), dt.date(1999, 1, 8))
    change(database, "UPDATE stage_runs SET status = 'failed' WHERE stage = 'risk_execution' AND session_date = %(d)s",
           {"d": LAST})  # fmt: skip
    with pytest.raises(ConfigError, match="risk_execution has not completed the session"):
        replay(database.writer, small_settings, FIRST, LAST)
    change(database, "UPDATE feature_sets SET fingerprint = 'another' WHERE feature_set = 'technical'")
    with pytest.raises(ConfigError, match="computes this feature set otherwise"):
        replay(database.writer, small_settings, FIRST, FIRST)
