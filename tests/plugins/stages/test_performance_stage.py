"""performance_testing: its figures are those of a plain loop over the tables, as known at each session."""

from __future__ import annotations

import dataclasses
import json
import statistics
from decimal import Decimal

import pytest

from models.errors import ConfigError, DataQualityError
from plugins.reports.sheet import write_sheets
from tests.support.chain import query, run_stage
from tests.support.plain_performance import plain
from tests.support.prepared import DUE, END, MIDDLE, change, hashes, prepared
from tests.support.strategies import strategies

__all__ = ["prepared", "strategies"]
STAGE = "performance_testing"
SHIPPED = ("ema_cross_alpha", "macd_alpha", "rsi_alpha")
EVENINGS = ("2004-12-01", MIDDLE, DUE[4], END)


def figures(database, model, day):
    return query(
        database.reader,
        "SELECT p.* FROM model_performance p JOIN models m ON m.id = p.model_id "
        "WHERE m.model_name = %(model)s AND p.run_date = %(day)s",
        {"model": model, "day": day},
    )[0]


def assert_equal(stored, expected):
    for name, value in expected.items():
        if value is None:
            assert stored[name] is None, name
        else:
            assert stored[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("model", SHIPPED)
def test_figures_equal_a_plain_loop(prepared, model):
    database = prepared("")
    for day in EVENINGS:
        assert_equal(figures(database, model, day), plain(database, model, day))


def test_signals_without_an_exit_are_open_and_not_zero(prepared):
    database = prepared("")
    rows = query(
        database.reader,
        "SELECT model_id, count(*) FILTER (WHERE session_date > '2005-02-24') AS young, count(*) AS n "
        "FROM signals WHERE side <> 'flat' GROUP BY 1",
    )
    stored = query(database.reader, "SELECT * FROM model_performance WHERE run_date = %(d)s", {"d": END})
    # Decided after the close of 02-24 and held for five sessions, a trade leaves at the open of 03-04.
    assert {r["model_id"]: (r["young"], r["n"] - r["young"]) for r in rows} == {
        r["model_id"]: (r["open_trades"], r["total_trades"]) for r in stored
    }
    assert any(r["young"] for r in rows)


def test_settings_are_used_and_kept_with_the_session(prepared, small_settings):
    database = prepared(STAGE)
    before = hashes(prepared("").writer, "model_performance")
    patient = dataclasses.replace(small_settings, default_holding_period=20, risk_free_rate=0.08)
    run_stage(database.writer, patient, STAGE)
    stored = figures(database, "ema_cross_alpha", END)
    assert (stored["holding_period"], stored["risk_free_rate"]) == (20, 0.08)
    assert_equal(stored, plain(database, "ema_cross_alpha", END, holding=20, risk_free=0.08))
    assert_equal(figures(database, "ema_cross_alpha", MIDDLE), plain(database, "ema_cross_alpha", MIDDLE))
    assert hashes(database.writer, "model_performance") != before
    for settings in (small_settings, patient):  # each session by its own
        run_stage(database.writer, settings, STAGE, start="2005-02-14", end=END)


def test_capital_weighs_on_the_cost_of_an_order(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE models SET capital_usd = 2000")
    run_stage(database.writer, small_settings, STAGE)
    stored = figures(database, "macd_alpha", END)
    assert_equal(stored, plain(database, "macd_alpha", END, capital=2000))
    run_stage(database.writer, small_settings, STAGE, start=MIDDLE, end=END)


def test_ranks_and_report_agree_with_the_figures(prepared):
    database = prepared("")
    rows = query(
        database.reader,
        "SELECT p.*, m.model_name FROM model_performance p JOIN models m ON m.id = p.model_id "
        "WHERE run_date = %(d)s",
        {"d": END},
    )
    # Fifteen months of three rules that cannot be told apart: all share the first place, in order of Sharpe ratio.
    expected = sorted(rows, key=lambda r: (r["sharpe_ratio"] is None, -(r["sharpe_ratio"] or 0), r["model_name"]))
    assert [r["rank"] for r in expected] == [1, 1, 1]
    report = query(
        database.reader, "SELECT * FROM performance_reports WHERE report_date = %(d)s", {"d": END}
    )[0]
    ranking = report["report_data"]["ranking"]
    assert [(m["rank"], m["model_name"]) for m in ranking] == [(r["rank"], r["model_name"]) for r in expected]
    assert {m["shared_by"] for m in ranking} == {3}
    assert report["report_data"]["confidence_sets"]["told_at"] == "2005-03-01"
    apart = {"model_name", "shared_by", "windows"}
    for entry, row in zip(ranking, expected, strict=True):
        assert {k: v for k, v in entry.items() if k not in apart} == {
            k: row[k] for k in entry if k not in apart
        }
    known = [r for r in expected if r["sharpe_ratio"] is not None]
    assert (report["best_model"], report["worst_model"]) == (known[0]["model_name"], known[-1]["model_name"])
    assert report["models_measured"] == 3
    assert report["average_return"] == pytest.approx(statistics.fmean(r["total_return"] for r in rows))
    assert report["average_sharpe_ratio"] == pytest.approx(statistics.fmean(r["sharpe_ratio"] for r in known))
    equity = query(
        database.reader, "SELECT equity_usd FROM account_snapshots WHERE session_date = %(d)s", {"d": END}
    )
    assert report["account_equity_usd"] == equity[0]["equity_usd"] != Decimal(100_000)


def test_before_anything_traded_nobody_is_best(prepared):
    first = query(prepared("").reader, "SELECT * FROM performance_reports ORDER BY report_date LIMIT 1")[0]
    assert (str(first["report_date"]), first["models_measured"]) == ("2004-01-02", 3)
    assert (first["best_model"], first["worst_model"], first["average_return"]) == (None, None, None)
    assert first["warnings"] == [
        "the universe holds no symbol that has left the market, so results lean upward"
    ]


def test_warnings_say_what_to_know_first(prepared, small_settings):
    database = prepared(STAGE)
    change(
        database,
        """UPDATE stage_runs SET detail = detail || '{"warnings": ["MSFT has no bar"]}'
           WHERE stage = 'data_ingestion' AND session_date = %(d)s""",
        {"d": DUE[2]},
    )
    left = "UPDATE trading_universe SET active_to = %(d)s, known_at = %(close)s WHERE symbol = 'GOOG'"
    change(database, left, {"d": DUE[4], "close": f"{DUE[5]} 21:00Z"})  # known a session later
    run_stage(database.writer, small_settings, STAGE)
    rows = query(database.reader, "SELECT report_date, warnings FROM performance_reports")
    warned = {str(r["report_date"]): r["warnings"] for r in rows}
    lean = "the universe holds no symbol that has left the market, so results lean upward"
    inferred = "dividends are inferred from adjusted closes and may be some percent off"
    assert warned[DUE[2]] == [lean, inferred, "MSFT has no bar"]
    assert warned[DUE[4]] == [lean, inferred]
    assert warned[DUE[5]] == [inferred]


def test_a_new_model_is_measured_from_its_beginning(prepared, small_settings, strategies):
    database = prepared("")
    reports = hashes(database.writer, "performance_reports")
    strategies.newcomer()
    for stage in ("model_execution", STAGE):
        run_stage(database.writer, small_settings, stage)
    rows = query(
        database.reader,
        "SELECT count(*) AS n, count(rank) AS ranked FROM model_performance p "
        "JOIN models m ON m.id = p.model_id WHERE model_name = 'newcomer'",
    )
    sessions = query(database.reader, "SELECT count(*) AS n FROM performance_reports")
    assert rows == [{"n": sessions[0]["n"], "ranked": 0}]
    for day in EVENINGS:
        assert_equal(figures(database, "newcomer", day), plain(database, "newcomer", day))
    assert hashes(database.writer, "performance_reports") == reports
    before = hashes(database.writer)
    run_stage(database.writer, small_settings, STAGE, start="2004-12-01", end=END)
    assert hashes(database.writer) == before


def test_one_that_came_since_the_ranks_were_told_is_neither_best_nor_worst(prepared, small_settings, strategies):
    database = prepared(STAGE)
    strategies.newcomer()
    run_stage(database.writer, small_settings, "model_execution")
    run_stage(database.writer, small_settings, STAGE, end=DUE[2])
    change(database, "UPDATE models SET is_active = model_name = 'newcomer'")
    run_stage(database.writer, small_settings, STAGE, end=DUE[3])
    reports = {str(r["report_date"]): r for r in query(database.reader, "SELECT * FROM performance_reports")}
    *ranked, last = reports[DUE[2]]["report_data"]["ranking"]
    assert (last["model_name"], last["rank"]) == ("newcomer", None) and last["sharpe_ratio"] is not None
    placed = ranked[0]["model_name"], ranked[-1]["model_name"]
    assert (reports[DUE[2]]["best_model"], reports[DUE[2]]["worst_model"]) == placed
    (alone,) = reports[DUE[3]]["report_data"]["ranking"]
    assert alone["model_name"] == "newcomer" and alone["sharpe_ratio"] is not None
    assert (reports[DUE[3]]["best_model"], reports[DUE[3]]["worst_model"]) == (None, None)


def test_a_paused_model_is_not_measured_and_catches_up(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE models SET is_active = false WHERE model_name = 'macd_alpha'")
    run_stage(database.writer, small_settings, STAGE)
    report = query(
        database.reader,
        "SELECT models_measured FROM performance_reports WHERE report_date = %(d)s",
        {"d": END},
    )
    assert report == [{"models_measured": 2}]
    change(database, "UPDATE models SET is_active = true")
    run_stage(database.writer, small_settings, STAGE)
    assert_equal(figures(database, "macd_alpha", END), plain(database, "macd_alpha", END))
    run_stage(database.writer, small_settings, STAGE, start=MIDDLE, end=END)  # the report stands without it


def test_nothing_looks_ahead(prepared, small_settings):
    """Every bar and signal after an evening changed: what was measured up to it stays, bit by bit."""
    before = (
        "SELECT p.*, m.model_name FROM model_performance p JOIN models m ON m.id = p.model_id "
        "WHERE run_date <= %(d)s ORDER BY model_name, run_date"
    )
    quiet, shaken = prepared(STAGE), prepared(STAGE)
    for later in (
        "UPDATE market_data SET open = low + (high - low) * 0.01, close = high WHERE date > %(d)s",
        "UPDATE signals SET position_size = position_size / 3 WHERE session_date > %(d)s",
    ):
        assert change(shaken, later, {"d": DUE[4]})
    for database in (quiet, shaken):  # one pass over all nine sessions
        run_stage(database.writer, small_settings, STAGE)

    def rows(database, day):
        clocks = {"created_at"}
        found = query(database.reader, before, {"d": day})
        return [{k: v for k, v in row.items() if k not in clocks} for row in found]

    assert rows(quiet, DUE[4]) == rows(shaken, DUE[4])
    assert len(rows(quiet, DUE[4])) > 800
    assert rows(quiet, DUE[5]) != rows(shaken, DUE[5])


def test_tampered_reports_are_found(prepared, small_settings):
    database = prepared("")
    change(
        database, "UPDATE performance_reports SET best_model = 'mine' WHERE report_date = %(d)s", {"d": END}
    )
    with pytest.raises(DataQualityError, match=r"stored rows differ.*performance_reports.*mine"):
        run_stage(database.writer, small_settings, STAGE, start=END)


def test_tear_sheets_follow_each_session(prepared, small_settings, tmp_path):
    database, sheets = prepared(STAGE), tmp_path / "sheets"
    run_stage(database.writer, small_settings, STAGE, end=DUE[0])
    assert not sheets.exists()
    for day in DUE[1:3]:
        run_stage(database.writer, dataclasses.replace(small_settings, reports=str(sheets)), STAGE, end=day)
        found = {path.stem: json.loads(path.read_text()) for path in sheets.glob("*.json")}
        assert set(found) == {*SHIPPED, "account"} == {path.stem for path in sheets.glob("*.html")}
        stored = figures(database, "macd_alpha", day)
        assert found["macd_alpha"]["last_session"] == day
        assert found["macd_alpha"]["measures"]["total_return"] == pytest.approx(stored["total_return"], rel=1e-9)
    page = sheets / "macd_alpha.html"  # what verifies a session compares, and writes nothing, a page neither
    page.unlink()
    run_stage(database.writer, dataclasses.replace(small_settings, reports=str(sheets)), STAGE, start=DUE[1])
    assert not page.exists()


def test_what_is_not_as_it_was_measured_shows_in_the_parity_after_the_next_session(prepared, small_settings, tmp_path):
    database, sheets = prepared(STAGE), tmp_path / "sheets"
    settings = dataclasses.replace(small_settings, reports=str(sheets))
    run_stage(database.writer, settings, STAGE, end=DUE[1])
    page, numbers = sheets / "macd_alpha.html", sheets / "macd_alpha.json"
    assert json.loads(numbers.read_text())["parity"]["sessions_apart"] == 0
    assert "No session differs." in page.read_text()
    (traded,) = query(
        database.reader, "SELECT session_date FROM model_sessions JOIN models m ON m.id = model_id WHERE "
        "model_name = 'macd_alpha' AND net_return <> 0 AND session_date < %(d)s ORDER BY 1 DESC LIMIT 1", {"d": DUE[0]},
    )  # fmt: skip
    change(
        database, "UPDATE model_sessions SET net_return = net_return + 0.001 FROM models m WHERE m.id = model_id AND "
        "model_name = 'macd_alpha' AND session_date = %(d)s", {"d": traded["session_date"]},
    )  # fmt: skip
    run_stage(database.writer, settings, STAGE, end=DUE[2])
    found = json.loads(numbers.read_text())["parity"]
    assert (found["sessions_apart"], found["first_apart"]) == (1, str(traded["session_date"]))
    assert f"1 sessions differ, the first on {found['first_apart']}" in page.read_text()


def test_what_an_earlier_version_left_behind_is_measured_anew_and_keeps_trades_then(prepared, small_settings, tmp_path):
    old, new = prepared(STAGE), prepared(STAGE)
    for database in (old, new):
        run_stage(database.writer, small_settings, STAGE, end=DUE[0])
    assert change(old, "UPDATE performance_states SET book = book - 'totals' - 'notable'") == 3
    pages = write_sheets(old.reader, tmp_path, risk_free_rate=0.02, walks=False)
    assert [page.stem for page in pages] == ["account"]
    with pytest.raises(ConfigError, match="kept no trades"):
        write_sheets(old.reader, tmp_path, model="macd_alpha", risk_free_rate=0.02, walks=False)
    for database in (old, new):
        run_stage(database.writer, small_settings, STAGE, end=DUE[1])
    read = "SELECT model_id, book FROM performance_states ORDER BY 1"
    assert query(old.reader, read) == query(new.reader, read)
    assert any(row["book"]["notable"]["newest"] and row["book"]["totals"] for row in query(old.reader, read))
    assert hashes(old.writer, "model_sessions") == hashes(new.writer, "model_sessions")
