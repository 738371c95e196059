"""The universe file: what a user states of who belongs to the universe, and how it joins what a source has."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd

from data_layer.settings import Settings
from data_layer.sources.csv_lines import file_of, read_lines

FILE = "include/universe.csv"
COLUMNS = ("symbol", "name", "sector", "active_from", "active_to", "restricted")
BEGIN, END = dt.date(1, 1, 1), dt.date(9999, 12, 31)


def read_universe(settings: Settings) -> pd.DataFrame:
    """Return the lines of the universe file (UNIVERSE, default include/universe.csv) as stated.

    Returns:
        symbol; name and sector (None when empty); active_from and active_to, both included (None when open);
        restricted (None when empty: whoever set the flag last is right). A symbol has a line for each interval
        of its membership.

    Raises:
        ConfigError: names file, line, column and value of what is malformed, and the remedy.
    """
    path = file_of(settings.universe, FILE)
    found: list[tuple[str, str | None, str | None, dt.date | None, dt.date | None, bool | None]] = []
    for line in read_lines(path, "UNIVERSE", COLUMNS):
        symbol, first, last = line.symbol("symbol"), line.day("active_from"), line.day("active_to")
        restricted = line.flag("restricted")
        if (first or BEGIN) > (last or END):
            raise line.refuse("the interval ends before it begins", "active_to", "swap the dates")
        for other, _, _, other_first, other_last, _ in found:
            if other == symbol and _overlap((first, last), (other_first, other_last)):
                raise line.refuse(
                    f"a second interval of {symbol} overlaps one before",
                    "active_from",
                    "make them follow each other",
                )
        name, sector = line.values["name"] or None, line.values["sector"] or None
        found.append((symbol, name, sector, first, last, restricted))
    return pd.DataFrame(found, columns=list(COLUMNS), dtype=object)


def asked_for(settings: Settings, listed: pd.DataFrame) -> Settings:
    """Return the settings a live vendor is asked with: without SYMBOLS, the listed ones.

    Those that have left the list before START (or have left at all, when START is not set) are not asked for:
    another share may trade under their ticker now.
    """
    if settings.is_static or settings.symbols:
        return settings
    wanted = [
        symbol
        for symbol, last in zip(listed["symbol"], listed["active_to"], strict=True)
        if last is None or (settings.start and last >= settings.start)
    ]
    return replace(settings, symbols=tuple(dict.fromkeys(wanted)))


def join_universe(held: pd.DataFrame, listed: pd.DataFrame, *, only_listed: bool) -> pd.DataFrame:
    """Join what a source has with what the user states.

    A listed symbol takes name, sector and restricted from the list, where stated, and belongs to the universe
    while both the list and the source have it. One that is not listed stays as the source states it, or does
    not belong when only the list counts.

    Args:
        held: as Source.instruments gives it.
        listed: as read_universe gives it.
        only_listed: UNIVERSE was set: nobody else belongs.

    Returns:
        symbol, name, sector, active_from, active_to, restricted (None when nobody states it); by symbol and
        active_from.
    """
    stated = {symbol: rows.to_dict("records") for symbol, rows in listed.groupby("symbol")}
    rows = []
    for own in held.to_dict("records"):
        if own["symbol"] not in stated:
            if not only_listed:
                rows.append({**own, "restricted": None})
            continue
        for line in stated[own["symbol"]]:
            first = max(own["active_from"], line["active_from"] or BEGIN)
            last = min(own["active_to"] or END, line["active_to"] or END)
            if first <= last:
                rows.append(
                    {
                        "symbol": own["symbol"],
                        "name": line["name"] or own["name"],
                        "sector": line["sector"] or own["sector"],
                        "active_from": first,
                        "active_to": None if last == END else last,
                        "restricted": line["restricted"],
                    }
                )
    rows.sort(key=lambda row: (row["symbol"], row["active_from"]))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def _overlap(
    one: tuple[dt.date | None, dt.date | None], other: tuple[dt.date | None, dt.date | None]
) -> bool:
    return (one[0] or BEGIN) <= (other[1] or END) and (other[0] or BEGIN) <= (one[1] or END)
