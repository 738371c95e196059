"""The best, the worst and the newest closed trades of a model, kept from one session to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

LISTED = 10  # of each kind


@dataclass(frozen=True)
class Closed:
    """A trade that was closed: side long or short, sessions ISO, net_return a fraction of the entry value."""

    symbol: str
    side: str
    entered: str
    left: str
    net_return: float


@dataclass(frozen=True)
class Notable:
    """Best first, worst first, newest first; never more than LISTED. Equal ones stand by symbol, then entry."""

    best: tuple[Closed, ...] = ()
    worst: tuple[Closed, ...] = ()
    newest: tuple[Closed, ...] = ()


def with_closed(
    before: Notable, left: NDArray[np.int64], net: NDArray[np.float64], trade: Callable[[int], Closed]
) -> Notable:
    """Return what is notable once some trades have been closed as well.

    In pieces or at once, the result is the same.

    Args:
        before: of the trades closed earlier.
        left: [K] any number that ascends with the session a trade was closed at.
        net: [K] net returns, never NaN.
        trade: makes the k-th trade; asked for the few that may be listed only.
    """

    def upper(values: NDArray[np.float64] | NDArray[np.int64]) -> list[Closed]:
        """Make the trades of the highest values, and all that tie with the last of them."""
        if not len(values):
            return []
        least = np.partition(values, -min(LISTED, len(values)))[-min(LISTED, len(values))]
        return [trade(int(k)) for k in np.flatnonzero(values >= least)]

    return Notable(
        _first((*before.best, *upper(net)), lambda t: -t.net_return),
        _first((*before.worst, *upper(-net)), lambda t: t.net_return),
        _first((*before.newest, *upper(left)), lambda t: [-int(part) for part in t.left.split("-")]),
    )


def _first(trades: Iterable[Closed], place: Callable[[Closed], object]) -> tuple[Closed, ...]:
    return tuple(sorted(trades, key=lambda t: (place(t), t.symbol, t.entered))[:LISTED])


def notable_as_json(notable: Notable) -> dict[str, list[list[object]]]:
    """Return the lists as JSON keeps them, to the bit."""
    return {
        name: [list(astuple(t)) for t in trades]
        for name, trades in (("best", notable.best), ("worst", notable.worst), ("newest", notable.newest))
    }


def notable_from_json(stored: Mapping[str, Sequence[Sequence[object]]]) -> Notable:
    """Return the lists that ``notable_as_json`` wrote."""
    lists = {
        name: tuple(Closed(str(row[0]), str(row[1]), str(row[2]), str(row[3]), float(row[4])) for row in rows)  # type: ignore[arg-type]
        for name, rows in stored.items()
    }
    return Notable(**lists)
