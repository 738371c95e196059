"""An account that holds every signal of a model at its own size, from open to open, and can be taken up again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.panel import Matrix

Series = NDArray[np.float64]
# Of each session: return after costs, before them, what was traded and paid, and what is held, all of the account.
FLOWS = ("net_return", "gross_return", "turnover", "cost", "gross_exposure", "net_exposure")


@dataclass(frozen=True)
class Holdings:
    """What the account holds after a session's open: weight and last raw open by symbol, only where it is not 0."""

    held: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    started: bool = False
    lost: bool = False


def walk_portfolio(
    opens: Matrix, steps: Matrix, weights: Matrix, cost: Matrix, symbols: Sequence[str],
    before: Holdings = Holdings(), begin: int = 0,
) -> tuple[dict[str, Series], Holdings]:  # fmt: skip
    """Return what the account does from row begin on, and what it holds at the end.

    The weights decided at s are traded at the open of s + 1, held to the open of s + 2 and traded to the next
    weights there. Row t has the return from the open of t - 1 to that of t, less what the trades at the open of
    t cost, so it is known at t. The rest of the account is cash without interest.

    A symbol without an open at t cannot be traded: the holding stays as it is at its last price, and its return
    arrives whole with its next open. Sizes that add up to more than the account are scaled down together to use
    it exactly: the capital is lent nothing. An account that is lost stays lost: -1, then 0.

    Sums run over the symbols in their order, so going on from stored holdings gives the bits of a walk from the
    beginning, whatever other columns there are.

    Args:
        opens: [T, N] raw opens, NaN where there is no bar.
        steps: [T, N] by how much a split or dividend multiplies a holding at the bar; 1 at all others.
        weights: [T, N] signed fractions of the account; NaN is 0.
        cost: [T, N] per side, a fraction of the traded value.
        symbols: [N], sorted.
        before: what was held after row begin - 1; every symbol of it is a column.
        begin: the first row wanted; earlier ones are only looked at for their weights.

    Returns:
        FLOWS, arrays [T - begin]; NaN before the first trade, for until then there was nothing to judge.
    """
    held, price = np.zeros(len(symbols)), np.full(len(symbols), np.nan)
    place = {symbol: n for n, symbol in enumerate(symbols)}
    for name, (weight, last) in before.held.items():
        at = place[name]
        held[at], price[at] = weight, last
    out = np.full((len(opens) - begin, len(FLOWS)), np.nan)
    started, lost = _walk(
        opens, steps, np.nan_to_num(weights, nan=0.0), cost, held, price, before.started, before.lost, begin, out
    )
    kept = {symbols[n]: (float(held[n]), float(price[n])) for n in np.flatnonzero(held).tolist()}
    flows = {name: out[:, i].copy() for i, name in enumerate(FLOWS)}
    return flows, Holdings(kept, bool(started), bool(lost))


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    opens: Matrix, steps: Matrix, wanted: Matrix, fee: Matrix, held: Series, price: Series, started: bool,
    lost: bool, begin: int, out: Matrix,
) -> tuple[bool, bool]:  # fmt: skip
    """Fill out, and bring held and price forward to the last row."""
    for t in range(begin, len(opens)):
        if lost:
            out[t - begin, :] = 0.0
            continue
        account = 1.0
        for n in range(len(held)):
            if held[n] != 0.0 and not math.isnan(opens[t, n]):
                account += held[n] * (opens[t, n] / price[n] * steps[t, n] - 1.0)
        if account <= 0.0:
            out[t - begin, :] = 0.0
            out[t - begin, 0] = out[t - begin, 1] = -1.0
            held[:] = 0.0
            lost = True
            continue
        total = max(_size(wanted[t - 1]), 1.0) if t > 0 else 1.0
        paid, traded, gross, net = 0.0, 0.0, 0.0, 0.0
        for n in range(len(held)):
            priced = not math.isnan(opens[t, n])
            if held[n] != 0.0:
                growth = opens[t, n] / price[n] * steps[t, n] if priced else 1.0
                held[n] = held[n] * growth / account
            if priced:
                price[n] = opens[t, n]
                if t > 0:
                    change = abs(wanted[t - 1, n] / total - held[n])
                    if change > 0.0:
                        started = True
                        traded += change
                        paid += change * fee[t, n]
                        held[n] = wanted[t - 1, n] / total
            gross += abs(held[n])
            net += held[n]
        if started:
            out[t - begin, 0] = account * (1.0 - paid) - 1.0
            out[t - begin, 1] = account - 1.0
            out[t - begin, 2] = traded
            out[t - begin, 3] = paid
            out[t - begin, 4] = gross
            out[t - begin, 5] = net
    return started, lost


@njit(cache=True, nogil=True, error_model="numpy")
def _size(weights: Series) -> float:
    total = 0.0
    for n in range(len(weights)):
        total += abs(weights[n])
    return total
