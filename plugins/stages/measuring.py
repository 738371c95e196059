"""One model's figures: measured on from where they stand, or from the beginning when the past has changed."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, Read, load_sql
from data_layer.storage.merge import Mode, merge
from models.backtest.signal_parity import Parity, recent_parity
from models.backtest.signal_performance import (
    COUNTS,
    Book,
    Market,
    book_as_json,
    book_from_json,
    lookback,
    measure_sessions,
)
from models.backtest.signal_trades import cost_per_side, signal_matrices
from models.backtest.window_figures import WINDOWS, Earlier, figures, sums_of
from models.panel import Panel
from models.strategies.base import DEFAULT_POSITION_SIZE
from plugins.stages.context import Context
from plugins.stages.knowledge import join_renamed, renames, span_as_of, stable_views
from plugins.stages.runs import complete_sessions, completed_sessions, sessions_of_model

Series = dict[str, np.ndarray]
Columns = dict[str, np.ndarray]  # rows of a table, by column: frames of a row each took a quarter of the daily run
COLUMNS = ("open", "return_step")
KEYS = {
    "model_performance": ("model_id", "run_date"),
    "model_performance_windows": ("model_id", "run_date", "window_sessions"),
    "model_sessions": ("model_id", "session_date"),
}
MANY = 4_000  # rows in memory; each holds its calibration, some 2 KB


@dataclass
class Standing:
    """How far a model is measured: its series, one entry of days each, what is left of earlier ones, what goes on."""

    days: np.ndarray
    series: Series
    book: Book
    keep_from: dt.date
    stored: int  # entries that table model_sessions holds; 0 when it is to be written anew
    earlier: Earlier = field(default_factory=Earlier)
    parity: Parity | None = None  # of the last sessions with another walk of the engine; none of an account lost


@dataclass
class Measuring:
    """Measures the models of one run; what they share is read once.

    Attributes:
        connection: the transaction that writes, under the stage's lock.
        context: the run.
        read: reads frames, see ``frames``, over one connection.
    """

    connection: Connection
    context: Context
    read: Read
    _markets: dict[Any, tuple[pd.DataFrame, Panel]] = field(default_factory=dict)
    _rows: dict[str, list[Columns]] = field(default_factory=lambda: defaultdict(list))
    _views: dict[tuple[dt.date, ...], list[tuple[dt.date, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cutoffs = completed_sessions(self.connection, "model_execution")

    def due(self, model: str) -> list[dt.date]:
        """Return the sessions a model is to be measured as of."""
        ran = completed_sessions(self.connection, "model_execution", model)
        return sessions_of_model(self.connection, self.context, model, ran)

    def measure(self, model: Mapping[str, Any], sessions: Sequence[dt.date]) -> int:
        """Measure a model as of some sessions; ``flush`` writes the rest of it. Returns rows written already."""
        for rules, days in self._rules(model, sessions):
            standing = None if self.context.recomputes else self._standing(model["id"], rules, days[0])
            before = [dt.date.fromisoformat(str(standing.days[-1]))] if standing else []
            for nth, view in enumerate(self._stable([*before, *days])):
                wanted = [s for s in view if s not in before]
                if nth:  # what has come to be known since has changed the past: from the beginning
                    standing = None
                if wanted:
                    standing = self._measure(model["id"], rules, wanted, standing)
                    self._collect(model["id"], rules, wanted, standing)
            if standing and not self.context.recomputes:
                self._keep(model["id"], rules, standing)
                details = {s: {"rows": 1, "rules": rules} for s in days}
                complete_sessions(
                    self.connection, self.context, self.cutoffs, details, model=model["model_name"]
                )
        waiting = sum(len(columns["model_id"]) for columns in self._rows["model_performance"])
        return self.flush() if waiting > MANY else 0

    def flush(self) -> int:
        """Write what has been measured, or compare it; what was measured is never restated, only measured on.

        One statement serves all models: of the daily run most of the time went into staging a row of each.
        """
        mode: Mode = "verify" if self.context.recomputes else "insert"
        written = 0
        for table, key in KEYS.items():
            parts = self._rows.pop(table, [])
            if parts:
                rows = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
                merged = merge(self.connection, table, rows, key=key, mode=mode, stage=self.context.stage)
                written += merged.inserted if table != "model_sessions" else 0
        return written

    def _rules(
        self, model: Mapping[str, Any], sessions: Sequence[dt.date]
    ) -> Iterator[tuple[dict[str, Any], list[dt.date]]]:
        """Yield what sessions are measured by: as set now, or as they were measured when verifying."""
        settings = self.context.settings
        now = {
            "holding_period": settings.default_holding_period,
            "risk_free_rate": settings.risk_free_rate,
            "commission_per_share": float(settings.commission_per_share),
            "commission_minimum": float(settings.commission_minimum),
            "slippage_bps": float(settings.slippage_bps),
            "capital_usd": float(model["capital_usd"]),
            "windows": list(WINDOWS),
        }
        if not self.context.recomputes:
            if sessions:
                yield now, list(sessions)
            return
        groups: dict[str, list[dt.date]] = defaultdict(list)
        keys = {"stage": self.context.stage, "model": model["model_name"], "sessions": list(sessions)}
        for row in self.connection.execute(load_sql("stage_runs/select_model_rules"), keys):
            groups[json_text(row["rules"])].append(row["session_date"])
        for text, days in groups.items():
            rules = json.loads(text)
            if rules.get("windows") == now["windows"]:
                yield rules, days
            else:  # an earlier version measured less, so there is nothing to compare with
                self.context.say("sessions of an earlier version not compared", sessions=len(days))

    def _stable(self, sessions: Sequence[dt.date]) -> list[tuple[dt.date, ...]]:
        key = tuple(sessions)
        if key not in self._views:
            self._views[key] = list(stable_views(self.connection, sessions, self.cutoffs))
        return self._views[key]

    def _standing(self, model_id: int, rules: Mapping[str, Any], due: dt.date) -> Standing | None:
        """Return where the model stands, None when it has to be measured from the beginning."""
        state = self.connection.execute(
            load_sql("performance_states/select_state"), {"model_id": model_id}
        ).fetchone()
        if state is None or state["rules"] != rules or state["session_date"] >= due:
            return None
        if "totals" not in state["book"]:  # of an earlier version, which kept neither sums nor trades
            return None
        span = {"model_id": model_id, "last": state["session_date"]}
        rows = self.read(load_sql("model_sessions/select_newest"), {**span, "count": max(WINDOWS)})
        whole = self.read(load_sql("model_sessions/select_returns_of_model"), span)
        returns = whole.to_numpy(np.float64, na_value=np.nan)
        days = rows.pop("session_date").to_numpy().astype("datetime64[D]")
        if not len(days) or days[-1] != np.datetime64(state["session_date"]):
            return None
        values = np.ascontiguousarray(rows.to_numpy(np.float64, na_value=np.nan).T)
        series = {str(name): values[i] for i, name in enumerate(rows)}
        before = returns[: len(returns) - len(days)]
        earlier = Earlier(before[:, 0], before[:, 1], np.array(state["book"]["totals"], np.float64), len(days))
        return Standing(days, series, book_from_json(state["book"]), state["keep_from"], len(days), earlier)

    def _panel(self, first: dt.date, last: dt.date, named: set[str]) -> Panel:
        """Return the bars of a span, kept while models ask for the same, with a column for each symbol named."""
        key = first, last
        if key not in self._markets:
            self._markets.clear()  # of the whole history one at a time fits in memory
            bars = span_as_of(self.context.uri, first, last, self.cutoffs[last])
            self._markets[key] = bars, Panel.from_frame(bars, COLUMNS)
        bars, panel = self._markets[key]
        without = named - set(panel.symbols)
        return Panel.from_frame(bars, COLUMNS, symbols=sorted({*panel.symbols, *without})) if without else panel

    def _measure(
        self, model_id: int, rules: Mapping[str, Any], sessions: Sequence[dt.date], standing: Standing | None
    ) -> Standing:
        """Bring a model's series forward to the last of some sessions."""
        last = sessions[-1]
        first = standing.keep_from if standing else dt.date.min
        changes = renames(self.connection, [last], self.cutoffs)[0]
        span = {"model_id": model_id, "first": first, "last": last}
        signals = join_renamed(self.read(load_sql("signals/select_of_model"), span), changes, "session_date")
        book = standing.book if standing else Book()
        panel = self._panel(first, last, set(signals["symbol"].unique()) | book.symbols)
        symbols = panel.symbols
        place = {symbol: n for n, symbol in enumerate(symbols)}
        begin = int(np.searchsorted(panel.sessions, standing.days[-1], side="right")) if standing else 0
        opens = panel["open"]
        if standing and _returns_from_before(opens, [place[s] for s in sorted(book.symbols)], begin):
            return self._measure(model_id, rules, sessions, None)
        market = Market(
            panel.sessions, panel.symbols, opens, np.nan_to_num(panel["return_step"], nan=1.0)
        )
        said = signal_matrices(signals, list(panel.sessions), symbols)
        cost = cost_per_side(
            opens,
            slippage_bps=rules["slippage_bps"],
            commission_per_share=rules["commission_per_share"],
            commission_minimum=rules["commission_minimum"],
            order_usd=rules["capital_usd"] * DEFAULT_POSITION_SIZE,
        )
        holding = rules["holding_period"]
        keep = panel.sessions[max(len(panel.sessions) - lookback(holding), 0)]
        series, book = measure_sessions(market, said, cost, holding, keep, book, begin)
        days = panel.sessions[begin:]
        series["benchmark_return"] = self._benchmark(days)
        if standing:
            days = np.concatenate([standing.days, days])
            series = {name: np.concatenate([standing.series[name], series[name]]) for name in standing.series}
        measured = series["net_return"]
        compared = None if book.holdings.lost else recent_parity(
            market, said.weights, cost, measured, lookback(holding) - 1
        )  # fmt: skip
        now = standing or Standing(days, series, book, keep.astype(dt.date), stored=0)
        return replace(now, days=days, series=series, book=book, keep_from=keep.astype(dt.date), parity=compared)

    def _benchmark(self, days: np.ndarray) -> np.ndarray:
        span = {"first": days[0].astype(dt.date), "last": days[-1].astype(dt.date)}
        rows = self.connection.execute(load_sql("benchmark_returns/select_returns"), span)
        returns = {row["session_date"]: row["open_return"] for row in rows}
        found = [returns.get(day) for day in days.astype(dt.date).tolist()]
        return np.array([np.nan if value is None else value for value in found], np.float64)

    def _collect(
        self, model_id: int, rules: Mapping[str, Any], sessions: Sequence[dt.date], standing: Standing
    ) -> None:
        """Take the figures as of some sessions, for flush."""
        wanted = np.isin(standing.days, np.array(sessions, dtype="datetime64[D]"))
        at = np.flatnonzero(wanted).tolist()
        same = {
            "run_date": standing.days[at], "model_id": np.full(len(at), model_id),
            "holding_period": np.full(len(at), rules["holding_period"]),
            "risk_free_rate": np.full(len(at), rules["risk_free_rate"]),
        }  # fmt: skip
        for window in (None, *WINDOWS):
            columns = {**figures(standing.series, at, window, rules["risk_free_rate"], standing.earlier), **same}
            if window:
                columns["window_sessions"] = np.full(len(at), window)
            self._rows["model_performance_windows" if window else "model_performance"].append(columns)

    def _keep(self, model_id: int, rules: Mapping[str, Any], standing: Standing) -> None:
        """Take the series for flush, and store what the next session goes on from."""
        if not standing.stored:
            self.connection.execute(load_sql("model_sessions/delete_model"), {"model_id": model_id})
        days = standing.days[standing.stored :]
        new = {name: values[standing.stored :] for name, values in standing.series.items()}
        counts = {name: new[name].astype(np.int64) for name in COUNTS}
        self._rows["model_sessions"].append(
            {**new, **counts, "model_id": np.full(len(days), model_id), "session_date": days}
        )
        self.connection.execute(load_sql("performance_states/upsert_state"), {
            "model_id": model_id, "session": standing.days[-1].astype(dt.date), "keep_from": standing.keep_from,
            "rules": json_text(rules),
            "book": json_text({
                **book_as_json(standing.book), "totals": sums_of(standing.series, standing.earlier).tolist(),
                "parity": standing.parity,
            }),
        })  # fmt: skip


def _returns_from_before(opens: np.ndarray, remembered: Sequence[int], begin: int) -> bool:
    """Tell whether a symbol trades again whose last bar lies before the window: its steps since are not in view."""
    priced = ~np.isnan(opens[:, list(remembered)])
    return bool(np.any(priced[begin:].any(axis=0) & ~priced[:begin].any(axis=0)))
