"""risk_execution over 397 real shares with all limits in: a history caught up with, and one session of 400 orders.

What votes is written straight into the tables from the very functions that model_execution calls, so that a measure of
this stage does not wait for another; bars, universe and features come from their own stages.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd

from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.sessions import sessions_between
from data_layer.settings import Settings
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, copy_in, load_sql, transaction
from data_layer.storage.migrate import prepare_database
from models.strategies.base import signals_frame
from models.strategies.discovery import class_path, discover_strategies
from plugins.backtest.market import market_from_database
from plugins.backtest.orders import panel
from tests.benchmarks.bars import MARKET
from tests.benchmarks.bars import panel as seeded
from tests.benchmarks.measure import Measure
from tests.support.bars import files_settings
from tests.support.chain import query, run_stage

VOTERS = ("rsi_alpha", "ema_cross_alpha", "macd_alpha")
STAGE = "risk_execution"
SYMBOLS, SESSIONS, MOST_ORDERS = 397, 5_400, 250_000
CATCH_UP_SECONDS, SESSION_SECONDS = 120.0, 3.0
# As a user would have it: every vote counts, whatever the regime, and a holding follows its score closely. So large
# an account buys whole shares of everything.
EAGER = """
UPDATE ensemble_settings SET publish_threshold = 0.1, direction_band = 0.05, factor_sideways = 1, factor_bear = 1;
UPDATE risk_limits SET threshold = 0.1, reason = 'every vote counts' WHERE name = 'min_confidence';
ALTER TABLE portfolio_settings ALTER min_change SET DEFAULT 0.0025
"""
# Everything is held and weighed anew, so that all of it is traded.
EVERYTHING = """
UPDATE portfolio_settings SET method = 'inverse_volatility', min_change = 0, max_symbol = 1, max_sector = 10;
UPDATE ensemble_settings SET publish_threshold = 0, direction_band = 0
"""
EMPTY = """
TRUNCATE accounts, ensemble_signals, target_positions, fills, positions, ledger_entries CASCADE;
DELETE FROM stage_runs WHERE stage = 'risk_execution';
DELETE FROM audit_events WHERE source IN ('risk_execution', 'kill_switch');
ANALYZE target_positions, risk_decisions, orders, fills, positions, ledger_entries, account_snapshots
"""


class Home:
    """A database that waits for risk_execution."""

    def __init__(self, owner: str, writer: str, settings: Settings):
        self.owner, self.writer, self.settings = owner, writer, settings
        self.server: PostgresServer | None = None

    def change(self, statements: str) -> None:
        """Run statements as the owner."""
        with transaction(self.owner) as connection:
            connection.execute(statements)

    def count(self, table: str, where: str = "true") -> int:
        """Return the number of rows."""
        return int(query(self.writer, f"SELECT count(*) AS n FROM {table} WHERE {where}")[0]["n"])

    def sessions(self) -> list[dt.date]:
        """Return the sessions there are to decide."""
        rows = query(self.writer, "SELECT session_date AS d FROM stage_runs WHERE stage = 'model_execution' "
                                  "AND model = '' ORDER BY 1")  # fmt: skip
        return [row["d"] for row in rows]

    @contextmanager
    def once(self, name: str) -> Iterator[bool]:
        """Tell whether a part of the preparation is still to be done in this home; after the block it is."""
        done = self.settings.almanac_home / f"{name}.done"
        yield not done.exists()
        done.touch()

    def run(self, end: dt.date | None = None) -> float:
        """Run the stage, and return its seconds."""
        began = time.perf_counter()
        run_stage(self.writer, self.settings, STAGE, **({"end": str(end)} if end else {}))
        return time.perf_counter() - began


def trading() -> Iterator[Measure]:
    """The history up to the last session but one, then that one with an order for nearly every share."""
    with prepared_home() as home:
        yield from catch_up_and_session(home)


def catch_up_and_session(home: Home) -> Iterator[Measure]:
    """Measure both in a prepared home."""
    home.change(EAGER)
    *_, before, last = home.sessions()
    seconds = home.run(before)
    orders = home.count("orders")
    print(f"# {len(home.sessions()) - 1} sessions, {orders} orders, {home.count('fills')} fills")
    assert 0 < orders <= MOST_ORDERS
    yield Measure("trading_catch_up", seconds, CATCH_UP_SECONDS, 1)
    home.change(EVERYTHING)
    seconds = home.run()
    newest = f"session_date = '{last}'"
    print(f"# {home.count('orders', newest)} orders in the last session")
    yield Measure("trading_session", seconds, SESSION_SECONDS, 1)


def trading_optimised() -> Iterator[Measure]:
    """The history with a monthly optimisation: what it takes besides the solver, against what it takes without."""
    with prepared_home() as home:
        yield from optimised(home)


def optimised(home: Home) -> Iterator[Measure]:
    """Measure both methods in a prepared home."""
    from skfolio.optimization import MeanRisk

    home.change(EAGER)
    whole, solving = MeanRisk.fit, 0.0

    def timed(self: MeanRisk, *arguments: object, **named: object) -> MeanRisk:
        nonlocal solving
        began = time.perf_counter()
        try:
            return whole(self, *arguments, **named)
        finally:
            solving += time.perf_counter() - began

    MeanRisk.fit = timed
    try:
        for method in ("min_variance", "min_cvar"):
            home.change(EMPTY)
            solving = 0.0
            home.change("ALTER TABLE portfolio_settings ALTER rebalance SET DEFAULT 'monthly'; "
                        f"ALTER TABLE portfolio_settings ALTER method SET DEFAULT '{method}'")  # fmt: skip
            seconds = home.run()
            print(f"# {method}: {home.count('orders')} orders, {seconds:.1f} s of which the solver took {solving:.1f}")
            yield Measure(f"trading_{method}", seconds - solving, CATCH_UP_SECONDS, 1)
    finally:
        MeanRisk.fit = whole


@contextmanager
def prepared_home(path: Path | None = None, kept: Path | None = None) -> Iterator[Home]:
    """Load the bars (of a file, else the shared or the seeded ones), their features and three models' votes.

    Args:
        path: file of bars.
        kept: folder the home stays in and is taken from the next time; None for one that ends with the block.
    """
    with ExitStack() as stack:
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(embedded_postgres(folder))
        prepare_database(server)
        path = path or (MARKET if MARKET.exists() else _write_seeded(folder))
        settings = files_settings(folder, path, initial_cash="10000000")
        home = Home(server.uri("postgres", "quant_data"), server.uri("quant_writer", "quant_data"), settings)
        home.server = server
        with home.once("loaded") as needed:
            if needed:
                # The last session comes by itself, as on any day: what is checked after it is its batch's bars.
                *_, before, _ = sorted(pd.read_parquet(path, columns=["date"])["date"].unique())
                run_stage(home.writer, settings, "data_ingestion", end=str(pd.Timestamp(before).date()))
                for stage in ("data_ingestion", "feature_engineering"):
                    run_stage(home.writer, settings, stage)
                vote(home)
        yield home


def vote(home: Home) -> None:
    """Write what the voters say of all sessions, and complete them."""
    market = market_from_database(home.writer)
    with transaction(home.owner) as connection:
        for name in VOTERS:
            _vote(connection, market, name)
        connection.execute(
            "INSERT INTO stage_runs (stage, model, session_date, status, known_at, run_id) "
            "SELECT 'model_execution', m.name, session_date, status, known_at, 'bench' FROM stage_runs "
            "CROSS JOIN unnest(%s::text[]) AS m (name) WHERE stage = 'feature_engineering'", [["", *VOTERS]],
        )  # fmt: skip
    home.change("ANALYZE")


def _vote(connection: Connection, market: object, name: str) -> None:
    cls = discover_strategies().classes[name]
    strategy = cls()
    seen = panel(market, strategy.features)
    rows = [{"model_name": name, "model_version": cls.version, "strategy_class": class_path(cls),
             "parameters": strategy.parameters(), "is_active": True}]  # fmt: skip
    connection.execute(load_sql("models/upsert_models"), {"rows": json_text(rows)})
    found = connection.execute("SELECT id FROM models WHERE model_name = %s", [name]).fetchone()
    signals = signals_frame(seen, strategy.signals(seen)).assign(model_id=found["id"])
    connection.execute(
        "INSERT INTO model_runs (model_id, session_date, model_version, parameters, symbols_scored, signals_long, "
        "signals_short, signals_flat) SELECT %s, session_date, '1', '{}', 0, 0, 0, 0 FROM stage_runs "
        "WHERE stage = 'feature_engineering'", [found["id"]],
    )  # fmt: skip
    runs = connection.execute("SELECT id, session_date FROM model_runs WHERE model_id = %s", [found["id"]]).fetchall()
    ids = pd.Series({pd.Timestamp(row["session_date"]): row["id"] for row in runs})
    signals["model_run_id"] = ids.reindex(signals["session_date"]).to_numpy()
    copy_in(connection, "signals", signals)


def _write_seeded(folder: Path) -> Path:
    """Write random walks on the exchange's own sessions."""
    bars = seeded(SYMBOLS, SESSIONS)[["symbol", "date", "open", "high", "low", "close", "volume"]]
    days = sessions_between(dt.date(1999, 11, 1), dt.date(2021, 6, 30))[:SESSIONS]
    bars = bars.assign(date=list(days) * SYMBOLS, dividend=0.0, split_ratio=1.0, volume=bars["volume"].astype(int))
    path = folder / "seeded.parquet"
    bars.to_parquet(path, index=False)
    return path


BENCHMARKS = (trading, trading_optimised)
ONLY_BY_NAME = {"trading", "trading_optimised"}  # minutes, and gigabytes of disk
