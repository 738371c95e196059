"""Compute features from bars: the one function the daily run, training, backtests and notebooks call.

    from data_layer.features.compute import compute
    frame = compute(forward_factors(bars, actions), ["sma_20", "rsi_14"])

What holds for every column:

- Windows count the symbol's own rows, whatever days lie between them.
- Technical indicators see split-adjusted prices (price * split_factor) and volumes (volume / split_factor)
  and give price levels in the row's own basis (divided by its split_factor), volume levels likewise. Returns
  and what is made of them, and the set alpha158, see prices * return_factor. No later action moves an earlier
  value.
- Warm-up is NaN. NaN in is NaN out until the window has left it; a recurrence (EMA, Wilder) starts anew after
  a NaN. Infinite input is NaN. What has no value (a division by zero) is NaN, infinity never comes out.
- A row depends on its symbol's rows up to it and on nothing else, bit for bit: not on later rows, on other
  symbols, on how many threads work, or on which columns are asked for. It does depend on the symbol's first
  row: always pass the whole history. (The market's return is a column of the symbol's own bars.)
- float64 inside, rounded to float32 (to nearest, half to even) in `store`, as it is stored.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.features.kernels import store
from data_layer.features.lanes import WIDTH
from data_layer.features.layout import FloatArray, IntArray
from data_layer.features.memory import keep_freed_memory
from data_layer.features.panel import Panel, Rows, check_columns
from data_layer.features.registry import UNITS, Column, select

# Symbols side by side in a group: with more the arrays that a formula works with no longer stay in the caches.
GROUP = WIDTH
# Rows back that a row of the set sees, where it has an end: Alpha158 has no recurrences, its longest window is 60 and
# the shorter ones divide it.
REACH = {"alpha158": 60}
SMALL = 16_384  # rows: below, a second thread costs more than it brings
SCATTERED = 8  # rows that bringing all lanes back in order passes in the time that picking one takes
Result = TypeVar("Result")


def compute(
    bars: pd.DataFrame, names: Iterable[str] | str | None = None, feature_set: str = "technical",
    dtype: Literal["float32", "float64"] = "float32", threads: int | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Compute feature columns for every bar.

    Args:
        bars: symbol, date, open, high, low, close (raw, USD), volume (raw, shares), split_factor and
            return_factor (of `forward_factors`); each symbol's rows together, in date order, from its first.
            Optional: vwap (raw, USD) for vwap0; market_return (of `with_market_return`, a fraction) for beta
            and correlation. Without them those columns are NaN.
        names: columns wanted, in the order wanted; None for the whole set.
        feature_set: the set they belong to.
        dtype: float32 as stored, or float64 to compare with other libraries.
        threads: how many work at once; None for one per processor this process may use.

    Returns:
        symbol, date (as given) and one column per name, a row per bar in the same order; no rows for no bars.

    Raises:
        ConfigError: unknown feature or set.
        DataQualityError: a missing or non-numeric column, unsorted or duplicated bars, dates that are not
            plain dates, a factor that is not above 0.
    """
    columns = select(names, feature_set)
    check_columns(bars)
    matrix = np.empty((len(columns), len(bars)), dtype=dtype)
    if len(bars):
        fill(matrix, columns, Rows.from_bars(bars), threads)
    # The matrix is column-major for pandas already: no copy.
    values = pd.DataFrame(matrix.T, columns=[column.definition.name for column in columns], copy=False)
    keys = bars[["symbol", "date"]].reset_index(drop=True)
    return pd.concat([keys, values], axis=1)


def compute_matrices(
    bars: pd.DataFrame, names: Iterable[str], cells: IntArray, shape: tuple[int, int],
    feature_set: str = "technical", threads: int | None = None,
) -> list[FloatArray]:  # fmt: skip
    """Compute feature columns for every bar as `compute` does, and lay each out as a float64 matrix.

    Args:
        bars: as for `compute`.
        names: columns wanted.
        cells: the place of each bar in a matrix laid out flat.
        shape: of a matrix: sessions, symbols.
        feature_set: the set they belong to.
        threads: as for `compute`.

    Returns:
        A matrix a column, in the order wanted: the values rounded to float32, NaN where there is no bar.
    """
    columns = select(names, feature_set)
    # Where every cell has a bar, nothing is to be filled up, and memory new to the process is touched by all threads.
    is_full = len(bars) == shape[0] * shape[1]
    matrices = [np.empty(shape) if is_full else np.full(shape, np.nan) for _ in columns]

    def work(group: tuple[slice, Panel]) -> None:
        rows, part = group
        found = np.empty((len(columns), rows.stop - rows.start), np.float32)
        fill_group(found, columns, part)
        for matrix, values in zip(matrices, found, strict=True):
            matrix.reshape(-1)[cells[rows]] = values.astype(np.float64)  # of one type it takes a third of the time

    if len(bars):
        for _ in _by_group(work, Rows.from_bars(bars), threads):
            pass
    return matrices


def compute_sessions(
    history: Rows,
    sessions: Sequence[dt.date],
    feature_set: str = "technical",
    threads: int | None = None,
) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
    """Compute a whole set and keep the rows of some sessions, without ever holding those of all.

    Args:
        history: of bars as for `compute`, each symbol's from its first.
        sessions: whose rows are wanted.
        feature_set: the set.
        threads: as for `compute`.

    Returns:
        symbol and date of the bars of those sessions, and their values, float32 [rows, columns].
    """
    columns = select(None, feature_set)
    due = np.isin(history.days, np.array(list(sessions), "datetime64[D]").astype(np.int64))
    owners = np.searchsorted(history.starts, np.flatnonzero(due), "right") - 1
    days = history.days[due].astype("datetime64[D]").astype("datetime64[s]")
    keys = pd.DataFrame({"symbol": history.symbols[owners], "date": days})
    if not due.any():
        return keys, np.empty((0, len(columns)), np.float32)
    if feature_set in REACH:
        history, stays = history.tails(due, REACH[feature_set])
        due = due[stays]

    def work(group: tuple[slice, Panel]) -> npt.NDArray[np.float32]:
        rows, part = group
        kept = np.flatnonzero(due[rows])
        few = len(kept) * SCATTERED < rows.stop - rows.start
        matrix = np.empty((len(columns), len(kept) if few else rows.stop - rows.start), np.float32)
        if len(kept):
            fill_group(matrix, columns, part, kept if few else None)
        return np.ascontiguousarray((matrix if few else matrix[:, kept]).T)

    found = np.concatenate(list(_by_group(work, history, threads)))
    return keys, found


def fill(matrix: npt.NDArray, columns: list[Column], history: Rows, threads: int | None = None) -> None:
    """Compute into a matrix [columns][rows of the history], float32 or float64.

    Threads of our own and not numba's: those hang in a process forked after their first use, and tasks fork.
    """

    def work(group: tuple[slice, Panel]) -> None:
        rows, part = group
        fill_group(matrix[:, rows], columns, part)

    for _ in _by_group(work, history, threads):
        pass


def _by_group(
    work: Callable[[tuple[slice, Panel]], Result], history: Rows, threads: int | None
) -> Iterator[Result]:
    keep_freed_memory()
    workers = threads or len(os.sched_getaffinity(0))
    groups = history.groups(GROUP)
    if workers == 1 or len(history.days) < SMALL:
        yield from map(work, groups)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, groups)


def fill_group(
    matrix: npt.NDArray, columns: list[Column], panel: Panel, kept: IntArray | None = None
) -> None:
    """Run each function once and put those of its arrays that were asked for into the matrix.

    Args:
        matrix: [columns][rows], float32 or float64.
        columns: one for each of its rows.
        panel: the bars.
        kept: which of the panel's rows the matrix has; None for all.
    """
    calls: dict[tuple, list[tuple[int, Column]]] = {}
    for row, column in enumerate(columns):
        calls.setdefault((column.function, column.definition.window), []).append((row, column))
    was_split = bool((panel.rows.split_factor != 1.0).any())
    places = None if kept is None else _places(panel.rows.starts, kept)
    with np.errstate(all="ignore"):  # divisions by zero and overflows end as NaN in store
        for (function, window), wanted in calls.items():
            outputs = function(panel, window)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            for row, column in wanted:
                output = outputs[column.output]
                value = output() if callable(output) else output
                value = value if places is None else value[places]
                power = UNITS[column.definition.unit]
                if power and was_split:
                    factor = panel.split_factor
                    value = _in_own_basis(factor if places is None else factor[places], value, power)
                if places is None:
                    store(value, panel.rows.starts, matrix[row])
                else:
                    matrix[row] = value
        if places is not None:
            matrix[~np.isfinite(matrix)] = np.nan


def _places(starts: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Where rows of symbols that lie one after the other are when they lie side by side."""
    lanes = np.searchsorted(starts, rows, "right") - 1
    return rows - starts[lanes], lanes


def _in_own_basis(factor: FloatArray, values: FloatArray, power: int) -> FloatArray:
    """Bring values of split-adjusted units into each session's own share basis."""
    factor = factor ** abs(power) if abs(power) > 1 else factor
    return values * factor if power > 0 else values / factor
