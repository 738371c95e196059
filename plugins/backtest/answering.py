"""A backtest asked for through Airflow: run as `make backtest` does, and answered by an event that names its row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from data_layer.settings import Settings
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import transaction
from models.errors import AlmanacError, RetryableError
from plugins.backtest.request import NAMES, read_request
from plugins.backtest.run import backtest

SOURCE = "strategy_backtest"
# What can be asked for beside GRID, which is make sweep's.
WORDS = tuple(name for name in NAMES if name != "GRID")


def answer(uri: str, settings: Settings, run_id: str, day: dt.date, form: Mapping[str, Any]) -> int:
    """Run a backtest and return its id in backtest_runs.

    Args:
        uri: writer's connection URI.
        settings: the paper account's costs and the benchmark.
        run_id: of Airflow's run; the events backtest.stored and backtest.failed carry it.
        day: of the events.
        form: texts by the lower-case names of WORDS; empty or None for the default.

    Raises:
        ConfigError: for a word that is wrong or a symbol without bars. Noted as the answer, like any other error
            but a RetryableError: who asked would wait for an answer for ever.
    """
    try:
        request = read_request({name: str(form.get(name.lower()) or "") for name in WORDS}, settings)
        backtest_id = backtest(uri, request)
    except RetryableError:
        raise
    except Exception as error:
        told = str(error) if isinstance(error, AlmanacError) else f"{type(error).__name__}: {error}"
        _note(uri, run_id, day, "failed", {"error": told})
        raise
    _note(uri, run_id, day, "stored", {"id": backtest_id})
    return backtest_id


def _note(uri: str, run_id: str, day: dt.date, what: str, payload: Mapping[str, Any]) -> None:
    written = event(f"backtest/{run_id}/{what}", f"backtest.{what}", day, SOURCE, payload, correlation=run_id)
    with transaction(uri) as connection:
        write_events(connection, [written])
