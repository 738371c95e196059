"""A session rehearsed: the five stages over a copy of the home's bars, in a Postgres that is thrown away after it.

Nothing of the home changes. What people have set there (limits, ensemble, models, rules of the account) is copied.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from data_layer.broker_settings import BrokerSettings
from data_layer.model_settings import ModelSettings
from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.settings import Settings
from data_layer.storage.database import load_sql, transaction
from data_layer.storage.migrate import prepare_database
from data_layer.storage.take_over import take_over
from models.errors import ConfigError, DataQualityError
from plugins.backtest.market import nearest
from plugins.stages.context import CHAIN
from plugins.stages.opening import open_rehearsal
from plugins.stages.trading_state import ACCOUNT
from plugins.stages.whole import STEPS, stage_class, take_step

# Two years: the slowest indicator looks back 252 sessions, and the account trades for as long before the last one.
HISTORY = 504
STAGE = "paper_run"
# What people may have changed; a surrogate key is given anew.
CONFIGURED = {"risk_limits": (), "ensemble_members": (), "ensemble_settings": (), "models": ("id",)}


@dataclass(frozen=True)
class Piece:
    """What of the home is rehearsed: sessions ascending, the last one is the one that is looked at."""

    symbols: tuple[str, ...]
    sessions: tuple[dt.date, ...]
    synthetic: bool


def choose(reader: str, settings: Settings, symbols: Sequence[str]) -> Piece:
    """Return the piece for some symbols, for all of the universe's when none is named.

    Raises:
        ConfigError: for a symbol that is not in the universe at the last session held.
    """
    with transaction(reader) as connection:
        found = connection.execute(load_sql("stage_runs/select_last_sessions"), {"count": HISTORY}).fetchall()
        if not found:
            raise ConfigError("no session is held", stage=STAGE, key="sessions", value=0, remedy="make run")
        last = found[0]["session_date"]
        rows = connection.execute(load_sql("trading_universe/select_at"), {"session": last}).fetchall()
        origin = connection.execute(load_sql("pages/select_is_synthetic")).fetchone()
    held = [str(row["symbol"]) for row in rows]
    chosen = tuple(dict.fromkeys(symbols)) or tuple(held)
    for symbol in chosen:
        if symbol not in held:
            raise ConfigError("not in the universe", stage=STAGE, key="SYMBOLS", value=symbol,
                              remedy=f"did you mean {nearest(symbol, held)}?")  # fmt: skip
    for name in ("benchmark", "market_index"):
        value = getattr(settings, name)
        if value and value not in chosen:
            raise ConfigError(f"{name.upper()} is not among the symbols", stage=STAGE, key=name.upper(), value=value,
                              remedy=f"add it to SYMBOLS, or set {name.upper()}=")  # fmt: skip
    sessions = tuple(sorted(row["session_date"] for row in found))
    return Piece(chosen, sessions, bool(origin and origin["is_synthetic"]))


@contextmanager
def stage_set(
    folder: Path, reader: str, settings: Settings, piece: Piece, capital: Decimal, *, dry_run: bool
) -> Iterator[tuple[PostgresServer, Settings]]:
    """Give a server with the schema, the home's rules and an account of its own, and settings that read the bars."""
    bars = folder / "bars.parquet"
    with transaction(reader) as connection:
        asked = {"symbols": list(piece.symbols), "start": piece.sessions[0], "end": piece.sessions[-1]}
        rows = connection.execute(load_sql("market_data/select_to_rehearse"), asked).fetchall()
    pd.DataFrame(rows).to_parquet(bars, index=False)
    own = replace(
        settings, almanac_home=folder / "home", sources=("files",), files=str(bars), symbols=(), start=None, end=None,
        initial_cash=capital, dry_run=dry_run, broker=BrokerSettings(), models=ModelSettings(), universe="",
        symbol_changes="", reports="", cross_check=False,
    )  # fmt: skip
    with embedded_postgres(folder / "home") as server:
        prepare_database(server)
        _copy_rules(reader, server.uri("postgres"), capital)
        yield server, own


def rehearse(
    writer: str, settings: Settings, piece: Piece, tell: Callable[[str, float, int], None]
) -> None:
    """Catch up to the session before the last one, then run the last one as a day of its own.

    A dry run plans the last session's orders and sends none; the sessions before it are traded either way.

    Args:
        writer: of the server that is thrown away.
        settings: see stage_set.
        piece: what is rehearsed.
        tell: receives each stage of the last session, its seconds and how many sessions it ran.

    Raises:
        AlmanacError: what stopped a stage; a model that fails stops it as well.
    """
    for end in piece.sessions[-2:]:
        own = settings if end == piece.sessions[-1] else replace(settings, dry_run=False)
        for name in CHAIN:
            began = time.perf_counter()
            context = open_rehearsal(writer, own, name, end)
            stage = stage_class(name)(context)
            for step in STEPS[name]:
                failed = take_step(stage, step)
                if step == "execute_strategies" and failed:
                    raise failed[0]
            if end == piece.sessions[-1]:
                tell(name, time.perf_counter() - began, len(context.sessions))


def results(reader: str, session: dt.date) -> dict[str, Any]:
    """Return what the session came to: account, signals, decisions, orders, fills and holdings, as the tables have it.

    Raises:
        DataQualityError: when the account was not booked at its close.
    """
    of_account = {"account": ACCOUNT, "session": session}
    of_session = {"session": session, "model": None, "symbol": None, "count": None, "skip": 0}  # all of them
    asked: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        "signals": ("api/select_signals", of_session),
        "decisions": ("pages/select_decisions", of_account),
        "orders": ("pages/select_orders", of_account),
        "fills": ("api/select_fills", of_account),
        "positions": ("api/select_positions", of_account),
    }
    with transaction(reader) as connection:
        account = connection.execute(load_sql("pages/select_account"), of_account).fetchone()
        if account is None or account["session_date"] != session:
            raise DataQualityError("the account is not booked", stage=STAGE, key="session", value=str(session),
                                   remedy="see the stages above")  # fmt: skip
        found = {name: connection.execute(load_sql(file), how).fetchall() for name, (file, how) in asked.items()}
    return {"account": account, **found}


def _copy_rules(reader: str, owner: str, capital: Decimal) -> None:
    """Bring over what people have set in the home, and open the account."""
    with transaction(reader) as here, transaction(owner) as there:
        for table, keys in CONFIGURED.items():
            take_over(here, there, table, without=keys)
        there.execute(load_sql("accounts/insert_account"), {"id": ACCOUNT, "cash": capital})
        traded = here.execute(load_sql("accounts/select_current"), {"broker": "simulated"}).fetchone()
        if traded is not None:
            take_over(here, there, "portfolio_settings", of=("account_id", traded["id"], ACCOUNT))
