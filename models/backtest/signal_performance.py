"""How a model's signals did, as known at every session: each signal as a trade, and all as a portfolio.

Everything is decided at a session's close and traded at the next open. Opens are adjusted for splits and
dividends with forward factors (raw open x return factor), so that a ratio of two is the total return.
Nothing known at session t depends on an open after t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.backtest.metrics import expanding_metrics
from models.errors import ConfigError, DataQualityError
from models.panel import Matrix, Panel

Index = NDArray[np.int64]
TRADE_STATISTICS = (
    "avg_return", "win_rate", "avg_win", "avg_loss", "prediction_accuracy", "total_trades", "open_trades",
)  # fmt: skip


def signal_matrices(
    signals: pd.DataFrame, sessions: Sequence[object], symbols: Sequence[str]
) -> tuple[Matrix, Matrix]:
    """Return what ``signal_trades`` and ``portfolio_returns`` take, from rows of ``signals``.

    Args:
        signals: one model's rows: symbol, session_date, side, position_size. A row without a position_size
            is a trade, but has no weight.
        sessions: [T], ascending; rows of other sessions are left out.
        symbols: [N].

    Returns:
        Sides [T, N]: 1, -1, 0, NaN without a row. Weights [T, N]: side x position_size.
    """
    side = signals["side"].map({"long": 1.0, "short": -1.0, "flat": 0.0}).astype(np.float64)
    if side.isna().any():
        raise DataQualityError("unknown side", stage="performance", key="side",
                               value=signals["side"][side.isna()].iloc[0],
                               remedy="it is long, short or flat")  # fmt: skip
    panel = Panel.from_frame(
        signals.assign(side=side), ("side", "position_size"), sessions=sessions, symbols=symbols,
        date_column="session_date",
    )  # fmt: skip
    return panel["side"], panel["side"] * panel["position_size"]


@dataclass(frozen=True)
class Trades:
    """One row per signal, ordered by decision session, then symbol.

    decided, entered, exited: session indices; exited is T while no exit price exists. expired: the symbol
    had no open at the entry session, so the day order bought nothing. gross, net: fractions of the entry
    value, NaN unless closed.
    """

    decided: Index
    symbol: Index
    entered: Index
    exited: Index
    expired: NDArray[np.bool_]
    gross: NDArray[np.float64]
    net: NDArray[np.float64]


def cost_per_side(
    raw_opens: Matrix, *, slippage_bps: float, commission_per_share: float, commission_minimum: float,
    order_usd: float,
) -> Matrix:  # fmt: skip
    """Return what trading one dollar costs at each open, as a fraction: slippage plus commission.

    Args:
        raw_opens: [T, N] unadjusted, USD: a commission per share weighs more on a cheap share.
        slippage_bps: of the price.
        commission_per_share: USD.
        commission_minimum: USD per order, spread over order_usd.
        order_usd: size of a typical order: what one signal at its usual size would trade.

    Returns:
        [T, N], NaN where there is no open.
    """
    if not order_usd > 0:
        raise ConfigError("no order size", stage="performance", key="order_usd", value=order_usd,
                          remedy="give the model some capital_usd")  # fmt: skip
    commission = np.maximum(commission_per_share / raw_opens, commission_minimum / order_usd)
    return slippage_bps / 10_000 + commission


def signal_trades(opens: Matrix, sides: Matrix, holding: int, cost: Matrix | float) -> Trades:
    """Turn every long or short signal into a trade of its own.

    A signal decided at s enters at the open of s + 1 and leaves at the open of s + 1 + holding, or, where
    the symbol has no open then, at its next one; until such an open exists the trade is open. Without an
    open at s + 1 the order expires and there is no trade.

    Args:
        opens: [T, N] adjusted opens, NaN where there is no bar.
        sides: [T, N] +1 long, -1 short; 0 and NaN are no signal.
        holding: sessions, at least 1.
        cost: per side, a fraction of the traded value: one number or [T, N] by session and symbol.

    Returns:
        net = side x (exit / entry - 1) - cost at entry - cost at exit x exit / entry.
    """
    _check(opens, sides, cost)
    if holding < 1:
        raise ConfigError("no holding period", stage="performance", key="DEFAULT_HOLDING_PERIOD",
                          value=holding, remedy="set 1 or more sessions")  # fmt: skip
    last = len(opens)
    decided, symbol = np.nonzero(~np.isnan(sides) & (sides != 0))
    entered = decided + 1
    priced = np.vstack([~np.isnan(opens), np.zeros((1, opens.shape[1]), dtype=bool)])
    at = np.where(priced, np.arange(last + 1)[:, None], last)
    next_priced = np.minimum.accumulate(at[::-1], axis=0)[::-1]
    expired = (entered < last) & ~priced[np.minimum(entered, last), symbol]
    exited = next_priced[np.minimum(entered + holding, last), symbol]
    exited = np.where(expired, last, exited)
    gross, net = np.full(len(decided), np.nan), np.full(len(decided), np.nan)
    done = exited < last
    into, out, n = entered[done], exited[done], symbol[done]
    ratio = opens[out, n] / opens[into, n]
    fee = np.broadcast_to(np.asarray(cost, dtype=np.float64), opens.shape)
    gross[done] = np.sign(sides[decided[done], n]) * (ratio - 1.0)
    net[done] = gross[done] - fee[into, n] - fee[out, n] * ratio
    return Trades(decided, symbol, entered, exited, expired, gross, net)


def trade_statistics(trades: Trades, sessions: int) -> dict[str, NDArray[np.float64]]:
    """Return the trades' statistics as known at each session.

    Returns:
        By name, arrays [T]. avg_return, win_rate, avg_win, avg_loss: of net returns of the trades closed by
        then; a win is > 0, a loss < 0. prediction_accuracy: share of them whose price moved the signal's
        way (gross > 0). total_trades: closed. open_trades: decided, neither closed nor expired. The first
        five are NaN while there is nothing to average.
    """
    closed = trades.exited < sessions
    when, net, gross = trades.exited[closed], trades.net[closed], trades.gross[closed]

    def running(at: Index, values: NDArray[np.float64]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = np.cumsum(np.bincount(at, weights=values, minlength=sessions))
        return total

    def share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = np.divide(part, whole, out=np.full(sessions, np.nan), where=whole > 0)
        return mean

    count = running(when, np.ones(len(when)))
    wins, losses = running(when, (net > 0).astype(float)), running(when, (net < 0).astype(float))
    decided = running(trades.decided, np.ones(len(trades.decided)))
    expired = running(trades.entered[trades.expired], np.ones(int(trades.expired.sum())))
    return {
        "avg_return": share(running(when, net), count),
        "win_rate": share(wins, count),
        "avg_win": share(running(when, np.maximum(net, 0.0)), wins),
        "avg_loss": share(running(when, np.minimum(net, 0.0)), losses),
        "prediction_accuracy": share(running(when, (gross > 0).astype(float)), count),
        "total_trades": count,
        "open_trades": decided - expired - count,
    }


def portfolio_returns(opens: Matrix, weights: Matrix, cost: Matrix | float) -> NDArray[np.float64]:
    """Return the daily returns of an account that holds every signal at its own size.

    The weights decided at s are traded at the open of s + 1, held to the open of s + 2 and traded to the
    next weights there. Entry t is the return from the open of t - 1 to that of t, less what the trades at
    the open of t cost, so it is known at t. The rest of the account is cash without interest.

    A symbol without an open at t cannot be traded: the holding stays as it is at its last price, and its
    return arrives whole with its next open. Sizes that add up to more than the account are scaled down
    together to use it exactly: the capital is lent nothing. An account that is lost stays lost: -1, then 0.

    Args:
        opens: [T, N] adjusted opens, NaN where there is no bar.
        weights: [T, N] signed fractions of the account; NaN is 0.
        cost: per side, a fraction of the traded value: one number or [T, N].

    Returns:
        [T]; NaN before the first trade, for until then there was nothing to judge.
    """
    _check(opens, weights, cost)
    wanted = np.nan_to_num(weights, nan=0.0)
    fee = np.broadcast_to(np.asarray(cost, dtype=np.float64), opens.shape)
    result = np.full(len(opens), np.nan)
    price = np.full(opens.shape[1], np.nan)  # last one seen
    held = np.zeros(opens.shape[1])
    started = False
    for t, row in enumerate(opens):
        priced = ~np.isnan(row)
        moved = priced & (held != 0)
        growth = np.where(moved, row / price, 1.0)
        account = 1.0 + _sum(held * (growth - 1.0))
        if account <= 0.0:
            result[t], result[t + 1 :] = -1.0, 0.0
            break
        held = held * growth / account
        paid = 0.0
        if t > 0:
            goal = wanted[t - 1] / max(_sum(np.abs(wanted[t - 1])), 1.0)
            goal = np.where(priced, goal, held)
            traded = np.abs(goal - held)
            paid = _sum(np.where(traded > 0, traded * fee[t], 0.0))
            started = started or bool(np.any(traded > 0))
            held = goal
        price = np.where(priced, row, price)
        if started:
            result[t] = account * (1.0 - paid) - 1.0
    return result


def model_performance(
    sessions: Sequence[object], opens: Matrix, sides: Matrix, weights: Matrix, *, holding: int,
    cost: Matrix | float, risk_free_rate: float,
) -> pd.DataFrame:  # fmt: skip
    """Return all figures of ``model_performance``, one row per session, each as known then.

    Args:
        sessions: [T], becomes the column run_date.
        opens: [T, N] adjusted.
        sides: [T, N] for the trades.
        weights: [T, N] for the portfolio.
        holding: sessions a trade lasts.
        cost: per side.
        risk_free_rate: per year.
    """
    trades = trade_statistics(signal_trades(opens, sides, holding, cost), len(opens))
    portfolio = expanding_metrics(portfolio_returns(opens, weights, cost), risk_free_rate)
    frame = pd.DataFrame({"run_date": list(sessions), **trades, **portfolio})
    return frame.astype({"total_trades": np.int64, "open_trades": np.int64})


def _sum(values: NDArray[np.float64]) -> float:
    return float(values.sum())


def _check(opens: Matrix, decided: Matrix, cost: Matrix | float) -> None:
    if opens.shape != decided.shape or np.shape(cost) not in {(), opens.shape}:
        raise ConfigError("matrices of different shapes", stage="performance", key="shape",
                          value=(opens.shape, decided.shape, np.shape(cost)),
                          remedy="give all as sessions x symbols")  # fmt: skip
    bad = (opens <= 0) | np.isinf(opens)
    if np.any(bad):
        raise DataQualityError("open is not a positive number", stage="performance", key="open",
                               value=float(opens[bad][0]), remedy="mend market_data")  # fmt: skip
    if np.any(np.isinf(decided)):
        raise DataQualityError("infinite signal", stage="performance", key="signal", value=float("inf"),
                               remedy="recompute the signals")  # fmt: skip
