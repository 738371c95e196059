"""The numbers of a model's tear sheet: its sessions, its closed trades, its costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.database import load_sql, read_frame, transaction
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.backtest.signal_trades import cost_per_side, signal_matrices, signal_trades
from models.backtest.tear_sheet import tear_sheet
from models.errors import ConfigError
from models.panel import Panel
from models.strategies.base import DEFAULT_POSITION_SIZE
from plugins.stages.knowledge import join_renamed, renames, span_as_of
from plugins.stages.runs import completed_sessions

SHOWN = 10  # winners, losers and newest trades listed


def model_numbers(
    uri: str, model: Mapping[str, Any], first: dt.date, last: dt.date, history: dict[dt.date, pd.DataFrame]
) -> dict[str, Any]:
    """Return what the tear sheet of a model shows of a span, ready for JSON.

    Args:
        uri: connection URI of a role that may read.
        model: a row of reports/select_standing.
        first: the span's first session.
        last: its last.
        history: bars by the last session in them, read where they are missing; models share them.

    Raises:
        ConfigError: when it did not trade in the span.
    """
    span = {"model": model["model_name"], "first": first, "last": last}
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("reports/select_model_sessions"), span).fetchall()
    numbers = session_numbers(rows, model)
    signals = numbers.pop("signals")
    trades = closed_trades(uri, model, first, last, history)
    order = trades.sort_values(["net_return", "symbol"], kind="stable")
    return {
        "subject": model["model_name"], "kind": "model", "synthetic": model["is_synthetic"],
        "about": {"version": model["model_version"], "parameters": model["parameters"], "rules": model["rules"]},
        **numbers,
        "trades": {
            "closed": len(trades), "signals": signals,
            "win_rate": float((trades["net_return"] > 0).mean()) if len(trades) else None,
            "winners": trade_records(order.iloc[::-1].head(SHOWN)), "losers": trade_records(order.head(SHOWN)),
            "newest": trade_records(trades.tail(SHOWN).iloc[::-1]),
        },
        "parity": None,
    }  # fmt: skip


def session_numbers(found: Sequence[Mapping[str, Any]], model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from a model's sessions alone: measures, curves, months, exposure, turnover, costs, signals.

    Args:
        found: rows of reports/select_model_sessions; those before its first trade, without a net_return, are left out.
        model: a row of reports/select_standing.

    Raises:
        ConfigError: when it did not trade in them.
    """
    rows = pd.DataFrame(list(found))
    rows = rows[rows["net_return"].notna()] if len(rows) else rows
    if rows.empty:
        raise ConfigError("nothing traded in this span", stage="report", key="MODEL", value=model["model_name"],
                          remedy="name a longer span with START= and END=")  # fmt: skip
    numbers = {name: rows[name].to_numpy(np.float64, na_value=np.nan) for name in rows if name != "session_date"}
    dates = rows["session_date"].to_numpy().astype("datetime64[D]")
    rate = model["rules"]["risk_free_rate"]
    return {
        **tear_sheet(dates, numbers["net_return"], numbers["benchmark_return"], rate),
        "gross_exposure": numbers["gross_exposure"].tolist(), "net_exposure": numbers["net_exposure"].tolist(),
        "turnover": numbers["turnover"].tolist(), "signals": int(numbers["signals"].sum()),
        "costs": {
            "turnover_a_session": float(numbers["turnover"].mean()),
            "cost_a_year": float(numbers["cost"].mean()) * SESSIONS_PER_YEAR,
            "cost_in_all": float(numbers["cost"].sum()),
        },
    }  # fmt: skip


def closed_trades(
    uri: str, model: Mapping[str, Any], first: dt.date, last: dt.date, history: dict[dt.date, pd.DataFrame],
    decided_from: dt.date = dt.date.min,
) -> pd.DataFrame:  # fmt: skip
    """Return the trades closed in a span by the rules the model is measured by: symbol, side, sessions, net_return.

    Args:
        uri: connection URI of a role that may read.
        model: a row of reports/select_standing.
        first: the span's first session.
        last: its last.
        history: bars from decided_from on by the last session in them, read where they are missing.
        decided_from: trades of earlier signals are left out; no earlier price has to be read then.
    """
    measured = model["session_date"]
    with transaction(uri) as connection:
        cutoffs = completed_sessions(connection, "model_execution")
        changes = renames(connection, [measured], cutoffs)[0]
    if measured not in history:
        history.clear()  # of all bars one at a time fits in memory
        history[measured] = span_as_of(uri, decided_from, measured, cutoffs[measured])
    bars = history[measured]
    span = {"model_id": model["id"], "first": decided_from, "last": measured}
    signals = join_renamed(read_frame(uri, load_sql("signals/select_of_model"), span), changes, "session_date")
    symbols = sorted(set(bars["symbol"].unique()) | set(signals["symbol"].unique()))
    panel = Panel.from_frame(bars, ("open", "return_step"), symbols=symbols)
    said = signal_matrices(signals, list(panel.sessions), symbols)
    rules = model["rules"]
    cost = cost_per_side(
        panel["open"], slippage_bps=rules["slippage_bps"], commission_per_share=rules["commission_per_share"],
        commission_minimum=rules["commission_minimum"], order_usd=rules["capital_usd"] * DEFAULT_POSITION_SIZE,
    )  # fmt: skip
    steps = np.nan_to_num(panel["return_step"], nan=1.0)
    found = signal_trades(panel["open"], steps, said.sides, said.confidence, rules["holding_period"], cost)
    done = found.exited < len(panel.sessions)
    frame = pd.DataFrame({
        "symbol": np.array(symbols, dtype=object)[found.symbol[done]],
        "side": np.where(found.side[done] > 0, "long", "short"),
        "entered": panel.sessions[found.entered[done]], "left": panel.sessions[found.exited[done]],
        "net_return": found.net[done],
    })  # fmt: skip
    inside = (frame["left"] >= pd.Timestamp(first)) & (frame["left"] <= pd.Timestamp(last))
    return frame[inside].sort_values(["left", "symbol"], kind="stable", ignore_index=True)


def trade_records(trades: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of closed_trades with their dates as texts."""
    text = trades.assign(entered=trades["entered"].astype(str), left=trades["left"].astype(str))
    return text.to_dict("records")  # type: ignore[return-value]
