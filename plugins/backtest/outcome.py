"""What came of one account: measures, equity, cash and trades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.backtest.account import Account
from models.backtest.book import TRADE
from models.backtest.curve import MEASURES, measure_curve
from models.backtest.grid import RESULTS, measure_trades
from models.backtest.portfolio import run_portfolio
from models.backtest.rules import Rules

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
REASONS = ("order", "stop", "target", "delisting")


@dataclass(frozen=True)
class Outcome:
    """An account's run; symbol is empty for a portfolio."""

    symbol: str
    sessions: NDArray[np.datetime64]  # [T] of the curve
    equity: Series  # [T] USD
    cash: Series  # [T] USD
    account: Account
    trades: pd.DataFrame  # columns of backtest_trades, without run and trial
    measures: dict[str, float]  # RESULTS, NaN while undefined


def run(
    symbol: str,
    names: tuple[str, ...],
    sessions: NDArray[np.datetime64],
    bars: Matrix,
    rows: Index,
    span: tuple[int, int],
    targets: Matrix,
    trail: Series,
    decide: Flags,
    rules: Rules,
    benchmark: Series,
    rate: float,
    bands: Matrix | None = None,
) -> Outcome:
    """Run one account and measure it; see models.backtest.portfolio for the arrays.

    Args:
        symbol: what the account is called.
        names: of the columns of rows and targets.
        sessions: [T] their days.
        span: first and last session of the account.
        benchmark: [T] the benchmark's return of each session.
        rate: risk-free, per session.
        bands: by default that of the rules for every target.
    """
    first, last = span
    if bands is None:
        bands = np.full(targets.shape, rules.band)
    equity, cash = np.empty(last - first + 1), np.empty(last - first + 1)
    account, held, log = run_portfolio(
        bars, rows, first, last, np.ascontiguousarray(targets), np.ascontiguousarray(bands), trail, decide, rules,
        equity, cash,
    )  # fmt: skip
    out = np.empty(len(RESULTS))
    measure_curve(equity, benchmark[first : last + 1], rate, np.empty(len(equity)), out[: len(MEASURES)])
    measure_trades(account, held, equity, rules, out[len(MEASURES) :])
    out[RESULTS.index("is_open")] = account.shares
    return Outcome(
        symbol, sessions[first : last + 1], equity, cash, account, _trades(log, names, sessions),
        dict(zip(RESULTS, out.tolist(), strict=True)),
    )  # fmt: skip


def _trades(log: Matrix, names: tuple[str, ...], sessions: NDArray[np.datetime64]) -> pd.DataFrame:
    rows = pd.DataFrame(log, columns=list(TRADE))
    days = sessions.astype("datetime64[s]")
    held = rows["exit_day"].isna().to_numpy()
    exits = days[np.where(held, 0, rows["exit_day"]).astype(np.int64)]
    reasons = np.array([*REASONS, None], dtype=object)
    return pd.DataFrame({
        "number": np.arange(1, len(rows) + 1),
        "symbol": np.array(names, dtype=object)[rows["symbol"].to_numpy(np.int64)],
        "side": np.where(rows["side"] > 0, "long", "short").astype(object),
        "entry_date": days[rows["entry_day"].to_numpy(np.int64)],
        "exit_date": np.where(held, np.datetime64("NaT"), exits),
        "shares": rows["shares"],
        "entry_price_usd": rows["entry"],
        "exit_price_usd": rows["exit"],
        "profit_usd": rows["profit"],
        "profit_fraction": rows["profit"] / rows["spent"],
        "ended_by": reasons[np.where(held, len(REASONS), rows["reason"]).astype(np.int64)],
    })  # fmt: skip
