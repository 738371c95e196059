"""The market a backtest runs in: bars from the home's database or from files, as arrays."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_layer.features.memory import share_freed_memory
from data_layer.storage.database import load_sql, transaction
from models.backtest.benchmark import equal_weight_returns
from models.backtest.kernel import GAP, LEFT
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.errors import ConfigError
from plugins.backtest.bars import engine_bars
from plugins.backtest.received import Received, read_files
from plugins.stages.knowledge import bars_and_actions_as_of, join_renamed, renames
from plugins.stages.voices import SILENCE, read_voices

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
# A share of the symbols a year. Of large companies some two in a hundred are bought or fail each year; a list with a
# quarter of that has been drawn up by who was still there.
LEAVERS_A_YEAR = 0.005
LAST_DAY = 10**6  # days from 1970, some 2,700 years: later than any bar


@dataclass(frozen=True)
class Market:
    """All bars up to an end, symbol below symbol by date; START only says where windows may begin.

    Indicators and strategies see the history before START, as the daily run does; positions do not.
    """

    symbols: tuple[str, ...]
    sectors: Mapping[str, str]  # by symbol, where the source states one
    sessions: NDArray[np.datetime64]  # [T] days with a bar of any symbol held, wanted or not
    begin: int  # index of the first session at or after START
    bars: Matrix  # [R, 9], see models.backtest.kernel
    offsets: Index  # [S + 1] first row of each symbol
    row_session: Index  # [R] index into sessions
    index: Series  # [T] total return of the benchmark from the session before; NaN on the first and where it has none
    frame: pd.DataFrame = field(repr=False)  # [R] bars with their factors, as features are computed from
    known_at: dt.datetime | None  # knowledge cutoff; None for files
    has_delisted: bool  # whether shares that left the market are among them, as many as a market loses
    synthetic: bool
    refused: int = 0  # rows of files that cannot be true and were left out, as the quality gate would
    # What trained models said of the sessions, see plugins.stages.voices.
    voices: pd.DataFrame = field(default_factory=lambda: SILENCE, repr=False)

    @cached_property
    def data_version(self) -> str:
        """SHA-256 (16 digits) of all that decides a result: the same data gives the same.

        Symbols with their sectors, which stresses go by, sessions, bars, the benchmark and what models said.
        """
        stated = [f"{symbol} {self.sectors.get(symbol, '')}" for symbol in self.symbols]
        digest = hashlib.sha256("\n".join(stated).encode())
        for array in (self.offsets, self.sessions.astype(np.int64), self.row_session, self.bars, self.index):
            digest.update(np.ascontiguousarray(array).data)
        if len(self.voices):
            digest = hashlib.sha256(digest.hexdigest()[:16].encode())
            digest.update(pd.util.hash_pandas_object(self.voices, index=False).to_numpy().tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def benchmark(self) -> Series:
        """[R] the benchmark's return since the symbol's bar before, over as many sessions as the symbol's own."""
        found = self.index[self.row_session]
        late = np.setdiff1d(np.flatnonzero(np.diff(self.row_session) > 1) + 1, self.offsets)
        spans = np.column_stack([self.row_session[late - 1], self.row_session[late]]) + 1
        # Between two ends of a span reduceat multiplies what is asked for; between two spans, what is thrown away.
        found[late] = np.multiply.reduceat(np.append(1.0 + self.index, 1.0), spans.ravel())[::2] - 1.0
        return found

    @cached_property
    def row_symbol(self) -> Index:
        """[R] index of each row's symbol."""
        return np.repeat(np.arange(len(self.symbols)), np.diff(self.offsets))

    @cached_property
    def cells(self) -> Index:
        """[R] place of each row in a matrix [T, S] laid out flat."""
        return self.row_session * len(self.symbols) + self.row_symbol


def market_from_database(
    uri: str,
    symbols: Sequence[str] | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    known_at: dt.datetime | None = None,
    benchmark: str = "",
    *,
    voices: bool = False,
    sessions: Sequence[dt.date] = (),
    since: dt.date = dt.date.min,
) -> Market:
    """Read the market from the home's database, as known at a cutoff.

    Args:
        uri: connection URI of a role that may read.
        symbols: those wanted; None or empty for all.
        start: see Market.
        end: last session; None for the last held.
        known_at: what came to be known later is left out; None for all that is held.
        benchmark: a symbol among the bars; empty for the equal-weight mean of all symbols held.
        voices: whether to read what trained models said of the sessions; it is data then, like the bars.
        sessions: of the whole market: then only bars of symbols are read, and the benchmark is theirs.
        since: only bars from this day on are read; symbols that have none since are left out.

    Raises:
        ConfigError: no bars at all, of a symbol or of the benchmark, or none from start to end.
    """
    share_freed_memory()
    with transaction(uri) as connection:
        newest = connection.execute(load_sql("market_data/select_newest_fact")).fetchone()
        stated = connection.execute(load_sql("trading_universe/select_described")).fetchall()
    if newest is None or newest["date"] is None:
        raise ConfigError("no bars are held", stage="backtest", key="bars", value=0, remedy="make run")
    last, cutoff = end or newest["date"], known_at or newest["known_at"]
    frame, actions = bars_and_actions_as_of(uri, last, cutoff, (symbols or ()) if sessions else (), since)
    if symbols and since > dt.date.min:
        held = set(frame["symbol"].unique())
        symbols = [symbol for symbol in symbols if symbol in held]
    left = {row["symbol"] for row in stated if row["active_to"] and row["active_to"] < last}
    market = _market(
        frame, actions, left, {row["symbol"]: row["sector"] for row in stated if row["sector"]},
        symbols, start, end, benchmark, cutoff, any(row["source"] == "synthetic" for row in stated), sessions,
    )  # fmt: skip
    return replace(market, voices=_voices_as_of(uri, last, cutoff)) if voices else market


def _voices_as_of(uri: str, last: dt.date, cutoff: dt.datetime) -> pd.DataFrame:
    with transaction(uri) as connection:
        changes = renames(connection, [last], {last: cutoff})[0]
    return join_renamed(read_voices(uri, last), changes)


def market_from_file(
    path: Path | str,
    symbols: Sequence[str] | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    benchmark: str = "",
) -> Market:
    """Read the market from a CSV or Parquet file, or a folder of them, as SOURCE=files reads it; see above.

    Raises:
        ConfigError: as above, and when the file cannot be read.
        DataQualityError: for bars that cannot be true.
    """
    return market_of(read_files(path, end), symbols, start, end, benchmark)


def market_of(
    received: Received,
    symbols: Sequence[str] | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    benchmark: str = "",
) -> Market:
    """Return the market of bars that files held; see above."""
    market = _market(received.frame, received.actions, received.left, received.sectors, symbols, start, end,
                     benchmark, None, False)  # fmt: skip
    return replace(market, refused=received.refused)


def _market(
    frame: pd.DataFrame, actions: pd.DataFrame, left: set[str], sectors: Mapping[str, str],
    symbols: Sequence[str] | None, start: dt.date | None, end: dt.date | None, benchmark: str,
    known_at: dt.datetime | None, synthetic: bool, all_sessions: Sequence[dt.date] = (),
) -> Market:  # fmt: skip
    frame = frame.assign(symbol=frame["symbol"].astype("category"))
    sessions, row_session = _axis(frame["date"].to_numpy(), np.array(all_sessions, "datetime64[D]"))
    begin = int(np.searchsorted(sessions, np.datetime64(start, "D"))) if start else 0
    if begin >= len(sessions):
        span = f"{sessions[0]} to {sessions[-1]}" if len(sessions) else "none"
        raise ConfigError("no bars from START to END", stage="backtest", key="START..END",
                          value=f"{start or ''}..{end or ''}", remedy=f"held are bars of {span}")  # fmt: skip
    index = _benchmark(frame, row_session, len(sessions), benchmark)
    if symbols:
        wanted = sorted(set(symbols))
        _refuse_unknown(wanted, list(frame["symbol"].cat.categories))
        kept = frame["symbol"].isin(wanted).to_numpy()
        frame, row_session = frame[kept].reset_index(drop=True), row_session[kept]
        actions = actions[actions["symbol"].isin(wanted)]
    frame = frame.assign(symbol=frame["symbol"].cat.remove_unused_categories())
    names = tuple(str(name) for name in frame["symbol"].cat.categories)
    offsets = np.searchsorted(frame["symbol"].cat.codes.to_numpy(), np.arange(len(names) + 1))
    bars = engine_bars(frame, actions, offsets, row_session)
    gone = [
        i
        for i, name in enumerate(names)
        if name in left and row_session[offsets[i + 1] - 1] < len(sessions) - 1
    ]
    bars[offsets[1:][gone] - 1, GAP] += LEFT
    return Market(
        names, {name: sectors[name] for name in names if name in sectors}, sessions, begin, bars, offsets,
        row_session, index, frame, known_at,
        len(gone) >= LEAVERS_A_YEAR * len(row_session) / SESSIONS_PER_YEAR and bool(gone), synthetic,
    )  # fmt: skip


def _axis(dates: NDArray[np.datetime64], more: NDArray[np.datetime64]) -> tuple[NDArray[np.datetime64], Index]:
    """Return all days, ascending, and where among them each date is: by counting, for they are few and repeated."""
    days, others = (found.astype("datetime64[D]").astype(np.int64) for found in (dates, more))
    together = np.concatenate([days, others])
    first = together.min(initial=LAST_DAY)
    held = np.zeros(max(together.max(initial=-LAST_DAY) - first + 1, 0), np.bool_)
    held[together - first] = True
    return (np.flatnonzero(held) + first).astype("datetime64[D]"), (np.cumsum(held) - 1)[days - first]


def _benchmark(frame: pd.DataFrame, row_session: Index, count: int, symbol: str) -> Series:
    """Return the benchmark's total return of each session; NaN where it has none."""
    names, codes = frame["symbol"].cat.categories, frame["symbol"].cat.codes.to_numpy()
    total = (frame["close"] * frame["return_factor"]).to_numpy(np.float64)
    if symbol:
        _refuse_unknown([symbol], list(names))
        own = codes == names.get_loc(symbol)
        return _held_returns(total[own], row_session[own], count)
    prices = np.full((count, len(names)), np.nan)
    prices[row_session, codes] = total
    return equal_weight_returns(prices, np.ones(prices.shape), np.ones(prices.shape, np.bool_))[0]


def _held_returns(prices: Series, at: Index, count: int) -> Series:
    """Return one symbol's returns by session: 0 without a bar, for its last close stands, and all of it at the next.

    NaN up to its first bar and after its last.
    """
    found = np.full(count, np.nan)
    found[at[0] + 1 : at[-1] + 1] = 0.0
    found[at[1:]] = prices[1:] / prices[:-1] - 1.0
    return found


def _refuse_unknown(wanted: Sequence[str], held: Sequence[str]) -> None:
    missing = [symbol for symbol in wanted if symbol not in set(held)]
    if missing:
        near = nearest(missing[0], held)
        raise ConfigError("no bars of this symbol", stage="backtest", key="SYMBOLS", value=missing[0],
                          remedy=f"did you mean {near}? they must be among the bars held")  # fmt: skip


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the known words most like one, for a message."""
    return " or ".join(difflib.get_close_matches(word, known, n=3, cutoff=0.4) or sorted(known)[:5])
