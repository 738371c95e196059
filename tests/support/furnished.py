"""A chain's database with what a chain of three symbols does not bring by itself, so that every page has rows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg

from data_layer.settings import Settings
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import transaction
from plugins.backtest.assessment_run import Asked, run_here
from plugins.backtest.ranking import rank_run
from tests.support.versions import promote_tft

# A rule of one symbol, one that compares symbols, and a stress, which moves with the market.
ASKED = Asked(strategies=("golden_cross", "dual_momentum"), scenarios=("full period", "Stagflation"))
LAST = dt.date(2005, 12, 30)  # the chain's last session
SAID = '{"rows of this session put aside in quarantine: 1"}'


def furnish(database: Any, settings: Settings) -> Any:
    """Add an assessment, a batch that changed a fact in use, a vendor's average, an open alert, a trained version, and
    the answer to a backtest that was asked for; return the database.

    Args:
        database: a chain's, to change.
        settings: say where artifacts lie.
    """
    prepared, _ = run_here(database.writer, settings, ASKED)
    rank_run(database.writer, prepared.run_id)
    promote_tft(database.trainer, settings, "2005-09-30")
    with psycopg.connect(database.owner) as connection:
        connection.execute(
            "INSERT INTO restatements SELECT max(id), 'MSFT', '2005-12-15', 'bar corrected', '2026-11-20' "
            "FROM ingestion_batches"
        )
        connection.execute(
            "INSERT INTO session_vwaps (symbol, date, source, batch_id, vwap, known_at) "
            "SELECT symbol, date, source, batch_id, close, known_at FROM market_data WHERE symbol = 'AAPL'"
        )
        connection.execute(
            "INSERT INTO quarantine (batch_id, last_batch_id, symbol, session_date, reason, raw, row_hash) "
            "SELECT max(id), max(id), 'AAPL', '2005-12-30', 'low above high', '{}', repeat('b', 32) "
            "FROM ingestion_batches"
        )
        connection.execute(
            "UPDATE performance_reports SET warnings = %s WHERE report_date = '2005-12-30'", [SAID]
        )
        connection.execute(
            "INSERT INTO alerts (kind, severity, subject, message, value, threshold, session_date) "
            "VALUES ('model_drawdown', 'warning', 'macd_alpha', 'it fell', -0.3, -0.2, '2005-12-30')"
        )
    said = {"by": "tester", "reason": "to see", "subject": "asked-for", "trace": "0", "dag": "strategy_backtest",
            "form": "strategy=golden_cross"}  # fmt: skip
    asked = event("backtest/asked-for/asked", "web.backtest", LAST, "pages", said)
    with transaction(database.writer) as connection:
        write_events(connection, [asked])
    return database
