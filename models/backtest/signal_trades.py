"""Every signal of a model as a trade of its own, entered at the next open and held for a fixed number of sessions.

Returns are total returns between raw opens: the ratio of the two times the steps of the splits and dividends
that went ex in between. No price before the entry matters, so a part of the history gives the bits of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from models.errors import ConfigError, DataQualityError
from models.panel import Matrix, Panel

Index = NDArray[np.int64]
Series = NDArray[np.float64]

BUCKETS = 5  # of confidence, each a fifth wide: of fewer trades a share says nothing
SIDES = {"long": 1.0, "short": -1.0, "flat": 0.0}


@dataclass(frozen=True)
class Said:
    """What a model said, [T, N] each, NaN without a row.

    sides: 1, -1, 0; weights: side x position_size; scores: NaN where flat; confidence: from 0 to 1.
    """

    sides: Matrix
    weights: Matrix
    scores: Matrix
    confidence: Matrix


def signal_matrices(signals: pd.DataFrame, sessions: Sequence[object], symbols: Sequence[str]) -> Said:
    """Lay rows of ``signals`` out as matrices.

    Args:
        signals: one model's rows: symbol, session_date, side, position_size, score, confidence. A row without a
            position_size is a trade, but has no weight.
        sessions: [T], ascending; rows of other sessions are left out.
        symbols: [N].

    Raises:
        DataQualityError: for a side that is none.
    """
    side = signals["side"].map(SIDES).astype(np.float64)
    if side.isna().any():
        raise DataQualityError("unknown side", stage="performance", key="side",
                               value=signals["side"][side.isna()].iloc[0],
                               remedy="it is long, short or flat")  # fmt: skip
    panel = Panel.from_frame(
        signals.assign(side=side), ("side", "position_size", "score", "confidence"), sessions=sessions,
        symbols=symbols, date_column="session_date",
    )  # fmt: skip
    sides = panel["side"]
    scores = np.where(sides != 0.0, panel["score"], np.nan)
    return Said(sides, sides * panel["position_size"], scores, panel["confidence"])


@dataclass(frozen=True)
class Trades:
    """One row per signal, ordered by decision session, then symbol.

    decided, entered, exited: session indices; exited is T while no exit price exists. expired: the symbol had no
    open at the entry session, so the day order bought nothing. side: 1 or -1. steps: product of the steps from
    the bar after the entry to the exit, or to the last session. gross, net: fractions of the entry value, NaN
    unless closed. bucket: of confidence, from 0.
    """

    decided: Index
    symbol: Index
    entered: Index
    exited: Index
    expired: NDArray[np.bool_]
    side: Series
    steps: Series
    gross: Series
    net: Series
    bucket: Index


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


def signal_trades(
    opens: Matrix, steps: Matrix, sides: Matrix, confidence: Matrix, holding: int, cost: Matrix
) -> Trades:
    """Turn every long or short signal into a trade of its own.

    A signal decided at s enters at the open of s + 1 and leaves at the open of s + 1 + holding, or, where
    the symbol has no open then, at its next one; until such an open exists the trade is open. Without an
    open at s + 1 the order expires and there is no trade.

    Args:
        opens: [T, N] raw opens, NaN where there is no bar.
        steps: [T, N] by how much a split or dividend multiplies a holding at the bar; 1 at all others.
        sides: [T, N] +1 long, -1 short; 0 and NaN are no signal.
        confidence: [T, N] from 0 to 1.
        holding: sessions, at least 1.
        cost: [T, N] per side, a fraction of the traded value.

    Returns:
        net = side x (exit / entry x steps - 1) - cost at entry - cost at exit x exit / entry x steps.

    Raises:
        ConfigError: for matrices of different shapes, or no holding period.
        DataQualityError: for an open that is not a positive number, or an infinite signal.
    """
    _check(opens, steps, sides, confidence, cost)
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
    product = _products(opens, steps, symbol, entered, np.minimum(exited, last - 1))
    side = np.sign(sides[decided, symbol])
    gross, net = np.full(len(decided), np.nan), np.full(len(decided), np.nan)
    done = exited < last
    into, out, n = entered[done], exited[done], symbol[done]
    gross[done], net[done] = trade_returns(
        side[done], opens[into, n], opens[out, n], product[done], cost[into, n], cost[out, n]
    )
    bucket = np.minimum(confidence[decided, symbol] * BUCKETS, BUCKETS - 1).astype(np.int64)
    return Trades(decided, symbol, entered, exited, expired, side, product, gross, net, bucket)


def trade_returns(
    side: Series, entry: Series, leave: Series, steps: Series, paid_in: Series, paid_out: Series
) -> tuple[Series, Series]:
    """Return what trades earned before and after costs, fractions of the entry value; see ``signal_trades``."""
    ratio = leave / entry * steps
    gross = side * (ratio - 1.0)
    return gross, gross - paid_in - paid_out * ratio


@njit(cache=True, nogil=True, error_model="numpy")
def _products(opens: Matrix, steps: Matrix, symbol: Index, entered: Index, until: Index) -> Series:
    """Return the product of each trade's steps after its entry."""
    out = np.ones(len(symbol))
    for i in range(len(symbol)):
        for t in range(entered[i] + 1, until[i] + 1):
            if not math.isnan(opens[t, symbol[i]]):
                out[i] *= steps[t, symbol[i]]
    return out


def _check(opens: Matrix, *others: Matrix) -> None:
    if any(other.shape != opens.shape for other in others):
        raise ConfigError("matrices of different shapes", stage="performance", key="shape",
                          value=(opens.shape, *(other.shape for other in others)),
                          remedy="give all as sessions x symbols")  # fmt: skip
    bad = (opens <= 0) | np.isinf(opens)
    if np.any(bad):
        raise DataQualityError("open is not a positive number", stage="performance", key="open",
                               value=float(opens[bad][0]), remedy="mend market_data")  # fmt: skip
    if any(np.any(np.isinf(other)) for other in others):
        raise DataQualityError("infinite signal or step", stage="performance", key="signal", value=float("inf"),
                               remedy="recompute the signals")  # fmt: skip
