"""Stored features: copied or merged, day by day or at once, they are the full recompute's, and stay it."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest

from data_layer.features.compute import compute
from data_layer.features.registry import catalogue
from data_layer.runtime.postgres import embedded_postgres
from data_layer.settings import parse_settings
from data_layer.storage.database import copy_in, load_sql, transaction
from data_layer.storage.dataset import read
from data_layer.storage.export import export_features
from data_layer.storage.migrate import prepare_database
from models.errors import ConfigError, DataQualityError
from plugins.stages.context import Context
from plugins.stages.drift import check_drift, drift_symbols
from plugins.stages.features import Features
from plugins.stages.knowledge import bars_as_of
from plugins.stages.window import Request, Window

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
SESSIONS = 420
SETS = ("technical", "alpha158")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A database with four symbols' bars of the sample, a split and a dividend, ingested but without features."""
    stocks = pytest.importorskip("bokeh_sampledata.stocks")
    frames = [pd.DataFrame(getattr(stocks, name)).tail(SESSIONS).assign(symbol=name) for name in SYMBOLS]
    bars = pd.concat(frames, ignore_index=True)
    bars["date"] = pd.to_datetime(bars["date"])
    with embedded_postgres(tmp_path_factory.mktemp("features")) as server:
        prepare_database(server)
        days = [stamp.date() for stamp in sorted(bars["date"].unique())]
        with transaction(server.uri()) as connection:
            batch = connection.execute(load_sql("ingestion_batches/select_next_id")).fetchone()["batch_id"]
            connection.execute(load_sql("ingestion_batches/insert_batch"), {
                "batch_id": batch, "source": "files", "kind": "bars", "run_id": "x", "start": days[0], "end": days[-1],
                "symbols": list(SYMBOLS),
                "received": len(bars), "accepted": len(bars), "duplicates": 0, "quarantined": 0,
            })  # fmt: skip
            close = bars["date"].dt.tz_localize("UTC") + pd.Timedelta(hours=21)
            columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
            copy_in(connection, "market_data",
                    bars[columns].assign(source="files", batch_id=batch, known_at=close, backfilled=True))  # fmt: skip
            for symbol, kind, value, place in (("AAPL", "split", 2.0, 200), ("IBM", "dividend", 0.75, 300)):
                connection.execute(
                    "INSERT INTO corporate_actions (symbol, ex_date, action_type, value, inferred, source, batch_id, "
                    "known_at) VALUES (%s, %s, %s, %s, false, 'files', %s, %s)",
                    (symbol, days[place], kind, value, batch, days[place - 1]),
                )
            for day in days:
                connection.execute(
                    "INSERT INTO stage_runs (stage, model, session_date, known_at, run_id, status, rows_written) "
                    "VALUES ('data_ingestion', '', %s, %s, 'x', 'completed', 0)",
                    (day, dt.datetime.combine(day, dt.time(22), dt.UTC)),
                )
        yield server


@pytest.fixture(scope="module")
def uri(server):
    return server.uri()


@pytest.fixture(scope="module")
def days(uri):
    with transaction(uri) as connection:
        rows = connection.execute(
            "SELECT session_date FROM stage_runs WHERE stage = 'data_ingestion' ORDER BY 1"
        )
        return [row["session_date"] for row in rows]


def step(uri, sessions, mode="catch_up"):
    request = Request("feature_engineering", "test", {}, None, dt.datetime.now(dt.UTC))
    context = Context(request, Window(mode, tuple(sessions)), parse_settings(Path("nowhere"), {}), uri)
    stage = Features(context)
    counts = stage.calculate_technical_indicators()
    stage.prepare_model_features()
    return counts


def cutoff(day):
    return dt.datetime.combine(day, dt.time(22), dt.UTC)


def stored(uri, feature_set):
    with transaction(uri) as connection:
        rows = connection.execute(
            "SELECT symbol, date, values FROM feature_values WHERE feature_set = %s ORDER BY symbol, date",
            [feature_set],
        ).fetchall()
    return [(r["symbol"], r["date"]) for r in rows], np.array([r["values"] for r in rows], np.float32)


def test_copied_and_daily_rows_are_the_full_recompute(uri, days):
    """A history by direct copy, then twenty sessions one by one, each from what was known on its day."""
    counts = step(uri, days[:-20])
    assert counts == {"written": (SESSIONS - 20) * len(SYMBOLS) * len(SETS), "unchanged": 0, "restated": 0}
    for day in days[-20:]:
        assert step(uri, [day])["written"] == len(SYMBOLS) * len(SETS)
    bars = bars_as_of(uri, days[-1], cutoff(days[-1]))
    assert bars["split_factor"].max() == 2.0
    for feature_set in SETS:
        keys, values = stored(uri, feature_set)
        whole = compute(bars, feature_set=feature_set).sort_values(["symbol", "date"])
        assert keys == list(zip(whole["symbol"], whole["date"].dt.date, strict=True))
        expected = whole.iloc[:, 2:].to_numpy(np.float32)
        assert np.array_equal(np.isnan(values), np.isnan(expected))
        assert np.array_equal(values[~np.isnan(values)].view("u4"), expected[~np.isnan(expected)].view("u4"))


def test_a_rerun_writes_nothing_and_compares(uri, days):
    assert step(uri, days)["written"] == 0
    assert step(uri, days[-3:], "verify")["unchanged"] == 3 * len(SYMBOLS) * len(SETS)


def test_views_have_a_column_per_feature_and_null_for_none(uri, days):
    with transaction(uri) as connection:
        row = connection.execute(
            "SELECT * FROM features_technical WHERE date = %s LIMIT 1", [days[50]]
        ).fetchone()
        assert list(row)[2:-1] == [item.name for item in catalogue()]
        assert row["sma_200"] is None and row["sma_20"] > 0
        found = connection.execute(
            "SELECT features FROM feature_store WHERE date = %s AND feature_set = 'alpha158' LIMIT 1",
            [days[50]],
        ).fetchone()
        assert set(found["features"]) == {item.name for item in catalogue("alpha158")}
        comment = connection.execute(
            "SELECT col_description('features_technical'::regclass, 3) AS text"
        ).fetchone()
        assert comment["text"].startswith(catalogue()[0].formula)


def test_a_session_is_found_through_the_key(uri, days):
    """There is no index on the date alone: the key must serve a day's query."""
    with transaction(uri) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT sma_20 FROM features_technical WHERE date = %s", [days[-1]]
        ).fetchall()
        assert "feature_values_pkey" in str(plan)


def test_the_export_is_the_view(uri, days, tmp_path):
    out = tmp_path / "technical.parquet"
    assert export_features(uri, "technical", days[100], days[199], out) == 100 * len(SYMBOLS)
    frame = pd.read_parquet(out)
    assert list(frame.columns) == ["symbol", "date", *(item.name for item in catalogue()), "is_synthetic"]
    assert frame["date"].min() == days[100] and frame["date"].max() == days[199]
    assert frame["sma_20"].dtype == np.float32 and frame["volatility_252"].isna().all()
    mapped = tmp_path / "technical.arrow"
    assert export_features(uri, "technical", days[100], days[199], mapped) == len(frame)
    dataset = read(mapped)
    assert dataset["symbol"].tolist() == frame["symbol"].tolist()
    assert (dataset["date"].to_numpy() == frame["date"].to_numpy().astype("datetime64[s]")).all()
    for item in catalogue():
        pd.testing.assert_series_equal(dataset[item.name], frame[item.name], check_exact=True)
    mapped.unlink()
    for wrong, problem in (
        (("technical", days[5], days[1], out), "START lies after END"),
        (("indicators", None, None, out), "unknown feature set"),
        (("technical", None, None, tmp_path / "none" / "x.parquet"), "no such folder"),
    ):
        with pytest.raises(ConfigError, match=problem):
            export_features(uri, *wrong)
    with pytest.raises(DataQualityError, match="no stored features in the window"):
        export_features(uri, "technical", dt.date(1990, 1, 1), dt.date(1990, 2, 1), tmp_path / "none.parquet")
    with pytest.raises(DataQualityError, match="no stored features in the window"):
        export_features(uri, "technical", dt.date(1990, 1, 1), dt.date(1990, 2, 1), tmp_path / "none.arrow")
    assert [path.name for path in tmp_path.iterdir()] == ["technical.parquet"]


def test_a_table_with_rows_is_never_emptied_for_a_load(uri):
    """Only what holds nothing gets a new file; a load that fails leaves what was there."""
    renew = load_sql("feature_values/renew_empty")
    with transaction(uri) as connection:
        before = connection.execute("SELECT count(*) AS n FROM feature_values").fetchone()["n"]
        assert before > 0
        assert connection.execute(renew).fetchone() == {"renewed": False}
        assert connection.execute("SELECT count(*) AS n FROM feature_values").fetchone()["n"] == before
        connection.execute("DELETE FROM feature_values")
        assert connection.execute(renew).fetchone() == {"renewed": True}
        connection.rollback()
        assert connection.execute("SELECT count(*) AS n FROM feature_values").fetchone()["n"] == before


def test_drift_is_found(server, uri, days):
    day, versions = days[-1], {"technical": 1, "alpha158": 1}
    width = sum(len(catalogue(name)) for name in SETS)
    assert check_drift(uri, day, cutoff(day), versions) == 3 * width
    symbol = drift_symbols(day, SYMBOLS)[1]
    where = "WHERE symbol = %s AND date = %s AND feature_set = 'technical'"
    superuser = server.uri("postgres")
    with psycopg.connect(superuser) as connection:
        old = connection.execute(f"SELECT values FROM feature_values {where}", (symbol, day)).fetchone()[0]
        # One bit of one column.
        spoilt = np.array(old, np.float32)
        spoilt[2] = np.nextafter(spoilt[2], np.float32(np.inf))
        connection.execute(f"UPDATE feature_values SET values = %s {where}", (spoilt.tolist(), symbol, day))
    with pytest.raises(DataQualityError, match=f"stored features of {symbol} on {day}.*technical.sma_20"):
        check_drift(uri, day, cutoff(day), versions)
    with psycopg.connect(superuser) as connection:
        connection.execute(f"UPDATE feature_values SET values = %s {where}", (old, symbol, day))
        connection.execute(f"DELETE FROM feature_values {where}", (symbol, days[-2]))
    assert check_drift(uri, day, cutoff(day), versions) == 3 * width


def test_the_sessions_symbols_are_chosen_by_its_date():
    names = [f"S{i}" for i in range(50)]
    day = dt.date(2024, 7, 5)
    assert drift_symbols(day, names) == drift_symbols(day, random.sample(names, 50))
    chosen = {tuple(drift_symbols(day + dt.timedelta(days=i), names)) for i in range(30)}
    assert len(chosen) > 25 and all(len(set(symbols)) == 3 for symbols in chosen)
    assert drift_symbols(day, ["A", "B"]) == ["A", "B"]
