"""Parity: what was measured session by session, held against another walk of the backtest engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from models.backtest.signal_performance import Market
from models.backtest.signal_portfolio import Holdings, walk_portfolio
from models.panel import Matrix

Series = NDArray[np.float64]

ALIKE = 1e-9  # returns of a session closer than this are the same number, summed in another order


class Parity(TypedDict):
    """Sessions compared and those that differ, the first of these (ISO, None without), and both compounded returns."""

    sessions: int
    sessions_apart: int
    measured_return: float
    engine_return: float
    first_apart: str | None


def parity(days: NDArray[np.datetime64], measured: Series, walked: Series) -> Parity:
    """Compare returns of the same sessions.

    Args:
        days: [T] sessions, ascending.
        measured: [T] net returns as stored; no NaN.
        walked: [T] the engine's; NaN, no return where there should be one, is apart.
    """
    apart = ~(np.abs(measured - walked) <= ALIKE)
    return {
        "sessions": len(days), "sessions_apart": int(apart.sum()),
        "measured_return": float(np.prod(1 + measured) - 1), "engine_return": float(np.nanprod(1 + walked) - 1),
        "first_apart": str(days[int(np.argmax(apart))]) if apart.any() else None,
    }  # fmt: skip


def recent_parity(market: Market, weights: Matrix, cost: Matrix, measured: Series, sessions: int) -> Parity:
    """Walk the last sessions of a window again, from an empty account, and compare.

    A session's return comes of what is held into it: the weights decided two sessions before, and what could not be
    traded since. Where that reaches back to before the walk, the session is left out.

    Args:
        market: the window, up to the last session measured.
        weights: [T, N] signed fractions of the account, NaN is 0.
        cost: [T, N] per side.
        measured: net returns as stored of sessions that end with the window's last one; NaN before the first trade.
        sessions: how many to compare at most.
    """
    begin = max(len(market.sessions) - sessions - 2, 0)
    part = replace(market, sessions=market.sessions[begin:], opens=market.opens[begin:], steps=market.steps[begin:])
    flows, _ = walk_portfolio(
        part.opens, part.steps, weights[begin:], cost[begin:], part.symbols, Holdings(started=True)
    )
    stored = np.full(len(part.sessions), np.nan)
    held = min(len(measured), len(stored))
    stored[len(stored) - held :] = measured[len(measured) - held :]
    known = _known(~np.isnan(part.opens))
    compared = known & ~np.isnan(stored)
    return parity(part.sessions[compared], stored[compared], flows["net_return"][compared])


def _known(priced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of each row [T] whether all it trades was traded before, in rows with a known return.

    Where it is not, neither is the account's growth there, nor what it makes of the weight of what has no open.
    """
    rows = np.zeros(len(priced), np.bool_)
    held = np.zeros(priced.shape[1], np.bool_)  # by symbol: its weight is that of an account from the beginning
    for t in range(1, len(priced)):
        rows[t] = not (priced[t] & ~held).any()
        held = held | priced[t] if rows[t] else priced[t]
    return rows
