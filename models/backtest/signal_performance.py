"""How a model's signals did, session by session, as known at each, and over windows of sessions.

Everything is decided at a session's close and traded at the next open. Nothing known at session t depends on an
open after t. A session costs what its window holds: ``measure_sessions`` goes on from the ``Book`` the session
before left behind, and gives, bit for bit, what a walk from the beginning gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.backtest.information import HORIZONS, information_coefficients
from models.backtest.notable_trades import Closed, Notable, notable_as_json, notable_from_json, with_closed
from models.backtest.signal_portfolio import Holdings, walk_portfolio
from models.backtest.signal_trades import BUCKETS, Said, Trades, signal_trades, trade_returns
from models.panel import Matrix

Series = NDArray[np.float64]
Dates = NDArray[np.datetime64]

COUNTS = (
    "signals", "expired", "closed", "wins", "losses", "correct",
    *(f"closed_{b + 1}" for b in range(BUCKETS)), *(f"correct_{b + 1}" for b in range(BUCKETS)),
)  # fmt: skip
SUMS = ("net_sum", "win_sum", "loss_sum")
COEFFICIENTS = tuple(f"{kind}_{h}" for h in HORIZONS for kind in ("ic", "rank_ic"))


@dataclass(frozen=True)
class Overdue:
    """A trade whose exit waits for an open, decided before the sessions the next measurement looks at."""

    entered: str  # session, ISO
    symbol: str
    side: float
    bucket: int
    entry: float  # raw open
    steps: float  # product since the entry
    paid_in: float  # cost at the entry, a fraction


@dataclass(frozen=True)
class Book:
    """What has to be remembered from one session to the next; all else is within the window."""

    holdings: Holdings = field(default_factory=Holdings)
    overdue: tuple[Overdue, ...] = ()
    notable: Notable = field(default_factory=Notable)

    @property
    def symbols(self) -> set[str]:
        """Those it remembers something of."""
        return set(self.holdings.held) | {trade.symbol for trade in self.overdue}


@dataclass(frozen=True)
class Market:
    """Bars of a window: sessions [T] ascending, symbols [N] sorted, raw opens and steps [T, N].

    steps: by how much a split or dividend multiplies a holding at the bar, 1 at all others.
    """

    sessions: Dates
    symbols: tuple[str, ...]
    opens: Matrix
    steps: Matrix


def lookback(holding: int) -> int:
    """Return how many sessions before the first new one must be in view: trades and forecasts end in it."""
    return max(holding, *HORIZONS) + 2


def measure_sessions(
    market: Market, said: Said, cost: Matrix, holding: int, keep_from: np.datetime64, book: Book | None = None,
    begin: int = 0,
) -> tuple[dict[str, Series], Book]:  # fmt: skip
    """Measure what a model's signals did in each session from row begin on.

    Args:
        market: with ``lookback(holding)`` sessions before begin, or begin 0 and everything.
        said: the model's signals on the same axes.
        cost: [T, N] per side.
        holding: sessions a trade lasts.
        keep_from: the first session the next measurement will have in view.
        book: what the session before begin left; none at the beginning.
        begin: the first row wanted.

    Returns:
        Arrays [T - begin] by name: FLOWS of ``signal_portfolio``; COUNTS: signals decided, orders expired, trades
        closed (won, lost, right about the direction, and by bucket of confidence); SUMS of net returns of the
        trades closed; COEFFICIENTS. And the book the last session leaves.
    """
    book = book or Book()
    flows, holdings = walk_portfolio(
        market.opens, market.steps, said.weights, cost, market.symbols, book.holdings, begin
    )
    trades = signal_trades(market.opens, market.steps, said.sides, said.confidence, holding, cost)
    late, overdue = _late_exits(market, cost, book.overdue, begin)
    new = np.flatnonzero((trades.exited >= begin) & (trades.exited < len(market.sessions)))
    when = np.concatenate([np.array([t for t, *_ in late], np.int64), trades.exited[new]]) - begin
    bucket = np.concatenate([np.array([trade.bucket for *_, trade in late], np.int64), trades.bucket[new]])
    gross = np.concatenate([np.array([g for _, g, _, _ in late], np.float64), trades.gross[new]])
    net = np.concatenate([np.array([n for _, _, n, _ in late], np.float64), trades.net[new]])
    rows = len(market.sessions) - begin

    def count(at: NDArray[np.int64]) -> Series:
        return np.bincount(at[at >= 0], minlength=rows).astype(np.float64)

    def total(values: Series) -> Series:
        sums: Series = np.bincount(when, weights=values, minlength=rows).astype(np.float64)
        return sums

    right = gross > 0
    series = flows | {
        "signals": count(trades.decided - begin),
        "expired": count(trades.entered[trades.expired] - begin),
        "closed": count(when),
        "wins": count(when[net > 0]),
        "losses": count(when[net < 0]),
        "correct": count(when[right]),
        "net_sum": total(net),
        "win_sum": total(np.maximum(net, 0.0)),
        "loss_sum": total(np.minimum(net, 0.0)),
    }
    for b in range(BUCKETS):
        series[f"closed_{b + 1}"] = count(when[bucket == b])
        series[f"correct_{b + 1}"] = count(when[right & (bucket == b)])
    for horizon in HORIZONS:
        plain, ranked = information_coefficients(market.opens, market.steps, said.scores, horizon, begin)
        series[f"ic_{horizon}"], series[f"rank_ic_{horizon}"] = plain[begin:], ranked[begin:]
    left = (*overdue, *_left_waiting(market, trades, cost, keep_from))

    def closed(k: int) -> Closed:
        """Return the k-th trade closed, the late ones first."""
        if k < len(late):
            symbol, side, entered = late[k][3].symbol, late[k][3].side, late[k][3].entered
        else:
            i = new[k - len(late)]
            symbol, side = market.symbols[trades.symbol[i]], trades.side[i]
            entered = str(market.sessions[trades.entered[i]])
        way = "long" if side > 0 else "short"
        return Closed(symbol, way, entered, str(market.sessions[begin + when[k]]), float(net[k]))

    return series, Book(holdings, left, with_closed(book.notable, when, net, closed))


def _late_exits(
    market: Market, cost: Matrix, waiting: Sequence[Overdue], begin: int
) -> tuple[list[tuple[int, float, float, Overdue]], list[Overdue]]:
    """Close what waited for an open and has one now: row, gross and net return, trade; and the rest as it was."""
    column = {name: n for n, name in enumerate(market.symbols)}
    closed: list[tuple[int, float, float, Overdue]] = []
    left: list[Overdue] = []
    for trade in waiting:
        n = column.get(trade.symbol)
        priced = np.zeros(0, np.bool_) if n is None else ~np.isnan(market.opens[begin:, n])
        if n is None or not priced.any():
            left.append(trade)
            continue
        t = begin + int(np.argmax(priced))
        gross, net = trade_returns(
            np.array([trade.side]), np.array([trade.entry]), market.opens[t : t + 1, n],
            np.array([trade.steps * market.steps[t, n]]), np.array([trade.paid_in]), cost[t : t + 1, n],
        )  # fmt: skip
        closed.append((t, float(gross[0]), float(net[0]), trade))
    return closed, left


def _left_waiting(market: Market, trades: Trades, cost: Matrix, keep_from: np.datetime64) -> list[Overdue]:
    """Return the trades still open that the next measurement will not see decided."""
    still = (trades.exited >= len(market.sessions)) & ~trades.expired
    still &= market.sessions[trades.decided] < keep_from
    return [
        Overdue(
            str(market.sessions[trades.entered[i]]), market.symbols[trades.symbol[i]], float(trades.side[i]),
            int(trades.bucket[i]), float(market.opens[trades.entered[i], trades.symbol[i]]),
            float(trades.steps[i]), float(cost[trades.entered[i], trades.symbol[i]]),
        )
        for i in np.flatnonzero(still).tolist()
    ]  # fmt: skip


def book_as_json(book: Book) -> dict[str, object]:
    """Return a book as JSON keeps it, to the bit: numbers are written so that they read back as they were."""
    return {
        "held": {name: list(pair) for name, pair in book.holdings.held.items()},
        "started": book.holdings.started,
        "lost": book.holdings.lost,
        "overdue": [
            [t.entered, t.symbol, t.side, t.bucket, t.entry, t.steps, t.paid_in] for t in book.overdue
        ],
        "notable": notable_as_json(book.notable),
    }


def book_from_json(stored: Mapping[str, object]) -> Book:
    """Return the book that ``book_as_json`` wrote."""
    held: Mapping[str, Sequence[float]] = stored["held"]  # type: ignore[assignment]
    rows: Sequence[Sequence[object]] = stored["overdue"]  # type: ignore[assignment]
    holdings = Holdings(
        {name: (float(pair[0]), float(pair[1])) for name, pair in held.items()},
        bool(stored["started"]), bool(stored["lost"]),
    )  # fmt: skip
    return Book(
        holdings,
        tuple(
            Overdue(str(r[0]), str(r[1]), float(r[2]), int(r[3]), float(r[4]), float(r[5]), float(r[6]))  # type: ignore[arg-type,call-overload]
            for r in rows
        ),
        notable_from_json(stored["notable"]),  # type: ignore[arg-type]
    )
