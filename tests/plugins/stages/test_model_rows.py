"""Table models: every strategy shows with its parameters, and a row is what a user makes of it."""

from __future__ import annotations

import re
from pathlib import Path

from models.ml.strategy import ModelStrategy
from models.strategies.discovery import discover_strategies
from tests.support.chain import query, run_stage
from tests.support.prepared import END, MIDDLE, change, failed_checks, prepared
from tests.support.signals import STAGE, completed, ran_with

__all__ = ["prepared"]
OWN_ROW = """
INSERT INTO models (model_name, model_version, strategy_class, parameters, capital_usd)
SELECT %(name)s, '', strategy_class, %(parameters)s::jsonb, %(capital)s
FROM models WHERE model_name = 'rsi_reversion'
"""
RSI = {"window": 14, "oversold": 30, "overbought": 70, "exit_level": 50, "stop_loss": 0.03}


def signals_of(database, model):
    rows = query(
        database.reader,
        "SELECT symbol, session_date, side, stop_loss FROM signals s JOIN models m ON m.id = s.model_id "
        "WHERE model_name = %(model)s",
        {"model": model},
    )
    return {(r["symbol"], r["session_date"], r["side"], r["stop_loss"]) for r in rows}


def test_every_strategy_is_registered_with_its_parameters(prepared, small_settings):
    rows = query(prepared(STAGE).reader, "SELECT * FROM models ORDER BY model_name")
    classes = discover_strategies().classes
    assert {r["model_name"]: r["parameters"] for r in rows} == {
        n: c().parameters() for n, c in classes.items()
    }
    assert all(r["is_active"] is classes[r["model_name"]].starts_active for r in rows)
    active = [r["model_name"] for r in rows if r["is_active"]]
    assert active == ["ema_cross_alpha", "macd_alpha", "rsi_alpha"]
    shown = next(r["parameters"] for r in rows if r["model_name"] == "rsi_reversion")
    assert shown == RSI


def test_two_rows_of_one_class_are_two_models(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE models SET is_active = (model_name = 'rsi_reversion')")
    for name, parameters, capital in (("rsi_loose", '{"oversold": 44, "overbought": 56}', 2_000),
                                      ("rsi_wide_stop", '{"stop_loss": 0.2}', 500_000)):  # fmt: skip
        change(database, OWN_ROW, {"name": name, "parameters": parameters, "capital": capital})
    for stage in (STAGE, "risk_execution", "performance_testing"):
        run_stage(database.writer, small_settings, stage)
    ran = {name: set(map(repr, map(sorted, (p.items() for p in ran_with(database.reader, name).values()))))
           for name in ("rsi_reversion", "rsi_loose", "rsi_wide_stop")}  # fmt: skip
    assert [len(v) for v in ran.values()] == [1, 1, 1] and len(set.union(*ran.values())) == 3
    loose, usual, wide = (signals_of(database, n) for n in ("rsi_loose", "rsi_reversion", "rsi_wide_stop"))
    assert len(loose) > len(usual) > 0
    assert {s[:3] for s in wide} == {s[:3] for s in usual}
    assert {s[3] for s in usual} <= {0.03, None} and {s[3] for s in wide} <= {0.2, None}
    # The same trades cost less of more capital, for each order's minimum commission weighs less.
    figures = {r["model_name"]: r["avg_return"] for r in query(
        database.reader, "SELECT model_name, avg_return FROM model_performance p JOIN models m "
        "ON m.id = p.model_id WHERE run_date = %(d)s", {"d": END})}  # fmt: skip
    assert figures["rsi_wide_stop"] > figures["rsi_reversion"]
    # The row shows all parameters and the class's version, what was set stays; pausing is one row's own.
    row = query(database.reader, "SELECT * FROM models WHERE model_name = 'rsi_loose'")[0]
    assert row["parameters"] == {**RSI, "oversold": 44, "overbought": 56}
    assert (row["capital_usd"], row["model_version"]) == (2_000, "2")
    change(database, "UPDATE models SET is_active = false WHERE model_name = 'rsi_loose'")
    active = run_stage(database.writer, small_settings, STAGE).load_registered_models()
    names = query(database.reader, "SELECT model_name FROM models WHERE id = ANY(%(ids)s)", {"ids": active})
    assert {r["model_name"] for r in names} == {
        "rsi_reversion", "rsi_wide_stop"}  # fmt: skip


def test_all_of_them_switched_on_run_and_those_without_predictions_are_blocked(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE models SET is_active = true")
    for _ in range(2):
        run_stage(database.writer, small_settings, STAGE)
    done = {name: completed(database.reader, name) for name in discover_strategies().classes}
    trained = {name for name, cls in discover_strategies().classes.items() if issubclass(cls, ModelStrategy)}
    reasons = dict.fromkeys(trained, "no promoted version") | {"ml_ensemble": "no stored predictions"}
    for name, reason in reasons.items():
        assert done.pop(name) == []
        (row,) = query(database.reader, "SELECT message FROM alerts WHERE subject = %(m)s", {"m": name})
        assert reason in row["message"]
    assert all(sessions == completed(database.reader, "") for sessions in done.values())
    change(
        database, "UPDATE models SET is_active = false WHERE model_name = ANY(%(m)s)", {"m": list(reasons)}
    )
    # Every past session is computed again, all of history in view, and compared with what is stored.
    run_stage(database.writer, small_settings, STAGE, start=MIDDLE, end=END)
    for stage in ("risk_execution", "performance_testing"):
        run_stage(database.writer, small_settings, stage)
    assert failed_checks(database.reader) == []
    report = query(database.reader, "SELECT * FROM performance_reports ORDER BY report_date DESC LIMIT 1")[0]
    assert (str(report["report_date"]), report["models_measured"]) == (END, len(done))


def test_the_statements_of_the_strategies_page_do_what_it_says(prepared, small_settings):
    database = prepared(STAGE)
    page = (Path(__file__).resolve().parents[3] / "docs/strategies.md").read_text()
    for statement in re.findall(r"```sql\n(.*?)```", page, re.DOTALL):
        assert change(database, statement) == 1
    run_stage(database.writer, small_settings, STAGE)
    for name, window in (("momentum", 60), ("momentum_20", 20)):
        assert completed(database.reader, name) == completed(database.reader, "")
        assert {p["window"] for p in ran_with(database.reader, name).values()} == {window}
    assert signals_of(database, "momentum") != signals_of(database, "momentum_20")
