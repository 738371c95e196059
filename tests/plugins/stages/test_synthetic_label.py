"""What comes of made-up bars says so in every row; what comes of real ones does not."""

from __future__ import annotations

import pandas as pd
import pytest

from data_layer.quality.report import write_report
from data_layer.storage import dataset
from data_layer.storage.export import export_features
from tests.support.chain import query, run_chain, sample_settings

DERIVED = (
    "stage_runs", "audit_events", "data_quality_results", "feature_values", "model_runs", "signals", "target_positions",
    "risk_decisions", "orders", "fills", "positions", "ledger_entries", "account_snapshots", "model_performance",
    "performance_reports",
)  # fmt: skip


@pytest.mark.parametrize(("values", "is_synthetic"), [
    ({"source": "synthetic", "synthetic_symbols": "3"}, True),
    ({"source": "sample", "symbols": "IBM MSFT"}, False),
])  # fmt: skip
def test_every_row_derived_from_bars_is_labelled(database, tmp_path, values, is_synthetic):
    run_chain(database.writer, sample_settings(tmp_path, **values), end="2001-06-29")
    for table in (*DERIVED, "feature_store", "features_technical", "features_alpha158"):
        rows = query(database.reader, f"SELECT is_synthetic, count(*) AS n FROM {table} GROUP BY 1")
        assert [row["is_synthetic"] for row in rows] == [is_synthetic], table
    write_report(database.reader, tmp_path, None)
    assert ("synthetic" in (tmp_path / "report.md").read_text()) is is_synthetic
    for name, read in (("x.parquet", pd.read_parquet), ("x.arrow", dataset.read)):
        export_features(database.reader, "technical", None, None, tmp_path / name)
        frame = read(tmp_path / name)
        label = frame.attrs["is_synthetic"] if name == "x.arrow" else frame["is_synthetic"].any()
        assert label == is_synthetic, name


def test_no_table_with_a_session_is_without_its_label(database):
    unlabelled = query(
        database.reader,
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace "
        "AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN "
        "('session_date', 'date', 'run_date', 'report_date')) "
        "AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN "
        "('source', 'is_synthetic', 'batch_id')) ORDER BY 1",
    )
    # These hold no figures of ours: what is handed over between two tasks, what people decided, what a broker did.
    assert {row["relname"] for row in unlabelled} == {
        "pending_signals", "pending_model_runs", "pending_predictions", "session_exceptions", "order_approvals",
        "cash_movements", "kill_switch", "account_adoptions", "broker_fills", "broker_cash",
    }  # fmt: skip
