"""The numbers of a model's tear sheet: its sessions, its closed trades, its costs, parity with the backtest engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.database import load_sql, read_frame, transaction
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.backtest.notable_trades import LISTED, notable_from_json
from models.backtest.signal_parity import Parity, parity
from models.backtest.signal_portfolio import walk_portfolio
from models.backtest.signal_trades import Said, cost_per_side, signal_matrices, signal_trades
from models.backtest.tear_sheet import tear_sheet
from models.errors import ConfigError
from models.panel import Matrix, Panel
from models.strategies.base import DEFAULT_POSITION_SIZE
from plugins.stages.knowledge import join_renamed, renames, span_as_of
from plugins.stages.runs import completed_sessions


@dataclass(frozen=True)
class Laid:
    """A model's signals laid over the bars, as known when it was last measured, [T, N] each; cost: per side."""

    panel: Panel
    said: Said
    steps: Matrix
    cost: Matrix


def model_numbers(
    uri: str, rows: pd.DataFrame, model: Mapping[str, Any], first: dt.date, last: dt.date,
    history: dict[dt.date, pd.DataFrame] | None,
) -> dict[str, Any]:  # fmt: skip
    """Return what the tear sheet of a model shows of a span, ready for JSON.

    Args:
        uri: connection URI of a role that may read.
        rows: of reports/select_model_sessions, the model's sessions of the span.
        model: a row of reports/select_standing.
        first: the span's first session.
        last: its last.
        history: bars by the last session in them, read where they are missing; models share them. The signals are
            walked again over them, for any span and for the parity. None: trades are those the measurement keeps, of
            all sessions, and the parity is its own, of the last ones; no signal and no bar is read then.

    Raises:
        ConfigError: when it did not trade in the span, or nothing was kept of its trades.
    """
    numbers = session_numbers(rows, model)
    counts = numbers.pop("counts")
    if history is None:
        if model["notable"] is None:
            raise ConfigError("measured by an earlier version, which kept no trades", stage="report", key="MODEL",
                              value=model["model_name"], remedy="its next session measures it anew")  # fmt: skip
        kept = notable_from_json(model["notable"])
        lists = {"winners": kept.best, "losers": kept.worst, "newest": kept.newest}
        trades = {name: [asdict(trade) for trade in found] for name, found in lists.items()}
        compared = model["parity"] and {"of": "the last sessions", **model["parity"]}
    else:
        laid = _laid(uri, model, history, dt.date.min)
        trades = _listed(_closed(laid, model, first, last))
        compared = {"of": "all sessions", **_walked(laid, rows)}
    return {
        "subject": model["model_name"], "kind": "model", "synthetic": model["is_synthetic"],
        "about": {"version": model["model_version"], "parameters": model["parameters"], "rules": model["rules"]},
        **numbers,
        "trades": {**counts, **trades},
        "parity": compared,
    }  # fmt: skip


def session_numbers(rows: pd.DataFrame, model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from a model's sessions alone: measures, curves, months, exposure, turnover, costs, counts.

    Args:
        rows: of reports/select_model_sessions; those before its first trade, without a net_return, are left out.
        model: a row of reports/select_standing.

    Raises:
        ConfigError: when it did not trade in them.
    """
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
        "turnover": numbers["turnover"].tolist(),
        "counts": {
            "closed": (closed := int(numbers["closed"].sum())), "signals": int(numbers["signals"].sum()),
            "win_rate": float(numbers["wins"].sum() / closed) if closed else None,
        },
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
    return _closed(_laid(uri, model, history, decided_from), model, first, last)


def _laid(uri: str, model: Mapping[str, Any], history: dict[dt.date, pd.DataFrame], decided_from: dt.date) -> Laid:
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
    rules = model["rules"]
    cost = cost_per_side(
        panel["open"], slippage_bps=rules["slippage_bps"], commission_per_share=rules["commission_per_share"],
        commission_minimum=rules["commission_minimum"], order_usd=rules["capital_usd"] * DEFAULT_POSITION_SIZE,
    )  # fmt: skip
    said = signal_matrices(signals, list(panel.sessions), symbols)
    return Laid(panel, said, np.nan_to_num(panel["return_step"], nan=1.0), cost)


def _closed(laid: Laid, model: Mapping[str, Any], first: dt.date, last: dt.date) -> pd.DataFrame:
    panel, holding = laid.panel, model["rules"]["holding_period"]
    found = signal_trades(panel["open"], laid.steps, laid.said.sides, laid.said.confidence, holding, laid.cost)
    done = found.exited < len(panel.sessions)
    frame = pd.DataFrame({
        "symbol": np.array(panel.symbols, dtype=object)[found.symbol[done]],
        "side": np.where(found.side[done] > 0, "long", "short"),
        "entered": panel.sessions[found.entered[done]], "left": panel.sessions[found.exited[done]],
        "net_return": found.net[done],
    })  # fmt: skip
    inside = (frame["left"] >= pd.Timestamp(first)) & (frame["left"] <= pd.Timestamp(last))
    return frame[inside].sort_values(["left", "symbol"], kind="stable", ignore_index=True)


def _listed(trades: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the best, worst and newest of closed trades in the order in which the measurement keeps them."""
    orders = {"winners": ("net_return", False), "losers": ("net_return", True), "newest": ("left", False)}
    return {
        name: trade_records(
            trades.sort_values([by, "symbol", "entered"], ascending=[up, True, True]).head(LISTED)
        )
        for name, (by, up) in orders.items()
    }


def _walked(laid: Laid, rows: pd.DataFrame) -> Parity:
    """Compare what was measured session by session with one walk of the backtest engine over all of them."""
    panel = laid.panel
    flows, _ = walk_portfolio(panel["open"], laid.steps, laid.said.weights, laid.cost, panel.symbols)
    walked = pd.Series(flows["net_return"], index=panel.sessions.astype("datetime64[s]"))
    measured = rows.set_index(rows["session_date"].astype("datetime64[s]"))["net_return"].astype(float).dropna()
    days = measured.index.to_numpy().astype("datetime64[D]")
    pairs = np.column_stack([measured, walked.reindex(measured.index)]).astype(np.float64)
    return parity(days, pairs[:, 0], pairs[:, 1])


def trade_records(trades: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of closed_trades with their dates as texts."""
    text = trades.assign(entered=trades["entered"].astype(str), left=trades["left"].astype(str))
    return text.to_dict("records")  # type: ignore[return-value]
