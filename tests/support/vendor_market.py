"""What the vendors' stub knows: bars as traded and actions of a few real stocks, up to some session."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.support.bars import real_bars

NAMES = {
    "AAPL": ("Apple Inc.", "ELECTRONIC COMPUTERS"),
    "IBM": ("International Business Machines Corporation", "COMPUTER & OFFICE EQUIPMENT"),
    "MSFT": ("Microsoft Corp", "SERVICES-PREPACKAGED SOFTWARE"),
}
FIELDS = ("open", "high", "low", "close", "volume")


@dataclass
class Market:
    """rows: dicts of symbol, date and FIELDS; actions: (symbol, ex-date, kind, value, announced).

    Equal actions are one sent twice: they have the same id."""

    rows: list[dict[str, Any]]
    actions: list[tuple[str, dt.date, str, Decimal, dt.date | None]]
    until: dt.date = dt.date.max  # what closed later is not there yet
    delisted: dict[str, dt.date] = field(default_factory=dict)
    renames: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def bars(self, symbols: list[str] | None, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
        last = min(last, self.until)
        return [
            dict(row)
            for row in self.rows
            if (symbols is None or row["symbol"] in symbols) and first <= row["date"] <= last
        ]

    def acted(self, kind: str, symbols: list[str] | None, first: dt.date, last: dt.date) -> list[Any]:
        return [
            a
            for a in self.actions
            if a[2] == kind and (symbols is None or a[0] in symbols) and first <= a[1] <= last
        ]

    def later_splits(self, symbol: str, day: dt.date) -> float:
        """The product of the ratios of all splits after a day that the vendor knows of."""
        product = 1.0
        for _, _, _, ratio, _ in self.acted("split", [symbol], day + dt.timedelta(days=1), self.until):
            product *= float(ratio)
        return product


def sample_market(
    symbols: str = "AAPL IBM MSFT", start: str = "2005-01-03", end: str = "2005-12-30"
) -> Market:
    """The sample's bars and actions; a dividend is announced three weeks before it goes ex."""
    frame = real_bars(symbols, start, end)
    actions = []
    for row in frame.itertuples(index=False):
        if row.dividend:
            told = row.date - dt.timedelta(days=21)
            actions.append((row.symbol, row.date, "dividend", Decimal(repr(row.dividend)), told))
        if row.split_ratio != 1:
            actions.append((row.symbol, row.date, "split", Decimal(repr(row.split_ratio)).normalize(), None))
    return Market(frame[["symbol", "date", *FIELDS]].to_dict("records"), actions)
