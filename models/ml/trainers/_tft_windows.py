"""What the TFT sees of a symbol at a session: the past as a window, the calendar before and after, its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import DataQualityError
from models.ml.base import Dataset, Floats, Index
from models.ml.exchange_days import days_since_previous, is_month_end, next_days
from models.panel import Dates

Singles = NDArray[np.float32]
Whole = NDArray[np.int64]
STATIC = ("symbol", "sector")
CALENDAR = ("weekday", "month")  # categories, known beforehand
KNOWN = ("days_since_previous", "is_month_end")  # numbers, known beforehand
CATEGORIES = (*STATIC, *CALENDAR)
# A scaled value beyond is a data error or a crash; either way "very large" is all it can tell.
CLIP = 5.0
# Of a window's sessions, the share that may lack something: a halt is bridged, a new listing is not.
MISSING = 0.25


@dataclass(frozen=True)
class Encoders:
    """What was fitted to the training window: scalers by feature, and the names that have a number."""

    features: tuple[str, ...]
    centre: tuple[float, ...]  # median of the training rows
    scale: tuple[float, ...]  # half of the distance between their quartiles
    symbols: tuple[str, ...]  # those with a window in training, ascending
    sectors: tuple[str, ...]  # ascending; "" for a symbol nobody states one of
    sector_of: Mapping[str, str]

    def metadata(self) -> dict[str, Any]:
        """Return the encoders ready for JSON."""
        return {
            "features": list(self.features), "centre": list(self.centre), "scale": list(self.scale),
            "symbols": list(self.symbols), "sectors": list(self.sectors), "sector_of": dict(self.sector_of),
        }  # fmt: skip

    @classmethod
    def from_metadata(cls, stored: Mapping[str, Any]) -> Self:
        """Read what ``metadata`` wrote."""
        lists = {name: tuple(stored[name]) for name in ("features", "centre", "scale", "symbols", "sectors")}
        return cls(**lists, sector_of=dict(stored["sector_of"]))

    def scaled(self, values: Singles) -> Singles:
        """Return features [..., F] centred, scaled and clipped."""
        centre, scale = (np.array(x, dtype=np.float32) for x in (self.centre, self.scale))
        return np.asarray(np.clip((values - centre) / scale, -CLIP, CLIP), dtype=np.float32)

    def numbers(self, symbols: tuple[str, ...]) -> Whole:
        """Return [N, 2] numbers of each symbol and its sector; -1 for a symbol training has not seen."""
        symbol_at = {name: i for i, name in enumerate(self.symbols)}
        sector_at = {name: i for i, name in enumerate(self.sectors)}
        found = [
            (symbol_at.get(s, -1), sector_at[self.sector_of[s]] if s in symbol_at else -1) for s in symbols
        ]
        return np.array(found, dtype=np.int64).reshape(len(symbols), 2)


def fit_scalers(features: Singles, names: tuple[str, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return median and half the interquartile distance of each feature: outliers do not move them.

    Args:
        features: [rows, F], NaN where missing.
        names: F names, for the message.

    Raises:
        DataQualityError: when a feature has no value at all.
    """
    empty = np.isnan(features).all(axis=0)
    if empty.any():
        raise DataQualityError("a feature has no value in the training window", stage="training", key="feature",
                               value=names[int(np.argmax(empty))],
                               remedy="start later, or run feature_engineering")  # fmt: skip
    low, middle, high = np.nanpercentile(features.astype(np.float64), (25, 50, 75), axis=0)
    half = (high - low) / 2.0
    half[half <= 0.0] = 1.0  # a constant feature becomes 0 everywhere
    return tuple(map(float, middle)), tuple(map(float, half))


@dataclass(frozen=True)
class Windows:
    """The features of a dataset on the axes sessions x symbols, from which windows are cut.

    Only the sessions from ``first`` on are laid out, as many as the rows asked for need.
    """

    cube: Singles  # [sessions, symbols, F], NaN = missing
    first: int
    known: Singles  # [sessions, 1 + steps, 2] of the session and the days after it
    calendar: Whole  # [sessions, 1 + steps, 2]
    encoder: int
    steps: int

    @classmethod
    def cut(cls, data: Dataset, names: tuple[str, ...], rows: Index, encoder: int, steps: int) -> Self:
        """Lay out what the windows of some rows need.

        Raises:
            DataQualityError: when the dataset lacks a feature.
        """
        lacking = [name for name in names if name not in data.names]
        if lacking:
            raise DataQualityError("the dataset lacks a feature of the model", stage="models", key="feature",
                                   value=lacking[0], remedy="train again on the features there are now")  # fmt: skip
        columns = [data.names.index(name) for name in names]
        if not len(rows):
            first, last = 0, -1
        else:
            first, last = max(int(data.session[rows].min()) - encoder + 1, 0), int(data.session[rows].max())
        cube = np.full((last + 1 - first, len(data.symbols), len(names)), np.nan, dtype=np.float32)
        taken = data.all_between(first, last)
        cube[data.session[taken] - first, data.symbol[taken]] = data.features[taken][:, columns]
        known, calendar = calendar_inputs(data.sessions[first : last + 1], steps)
        return cls(cube, first, known, calendar, encoder, steps)

    def past(self, session: Whole, symbol: Whole) -> tuple[Singles, NDArray[np.bool_]]:
        """Return the features of the ``encoder`` sessions up to each row's own, and which windows are usable.

        A window is usable when the session itself lacks nothing and at most a quarter of its sessions lack
        something; there the value before stands in, at the window's beginning the one after.

        Returns:
            [W, encoder, F] without NaN where usable; [W].
        """
        at = session[:, None] - self.first + np.arange(1 - self.encoder, 1)
        values = self.cube[np.maximum(at, 0), symbol[:, None]]
        values[at < 0] = np.nan
        missing = np.isnan(values)
        lacks = missing.any(axis=2)
        usable = ~lacks[:, -1] & (lacks.sum(axis=1) <= MISSING * self.encoder)
        return _carried(values, missing), usable

    def inputs(
        self, encoders: Encoders, numbers: Whole, session: Whole, symbol: Whole, past: Singles
    ) -> tuple[Whole, Singles]:
        """Return the network's two inputs for windows.

        Returns:
            categories [W, encoder + steps, 4]; numbers [W, encoder + steps, F + 2], where the features of the
            days to come are 0.
        """
        at, length = session - self.first, self.encoder + self.steps
        before = np.maximum(at[:, None] + np.arange(1 - self.encoder, 1), 0)
        categories = np.empty((len(at), length, len(CATEGORIES)), dtype=np.int64)
        categories[:, :, :2] = numbers[symbol][:, None]
        reals = np.zeros((len(at), length, past.shape[2] + len(KNOWN)), dtype=np.float32)
        reals[:, : self.encoder, : past.shape[2]] = encoders.scaled(past)
        for target, source in ((categories, self.calendar), (reals, self.known)):
            target[:, : self.encoder, -2:] = source[before, 0]
            target[:, self.encoder :, -2:] = source[at, 1:]
        return categories, reals


def calendar_inputs(sessions: Dates, steps: int) -> tuple[Singles, Whole]:
    """Return what the calendar says of each session and of the days after it, as known at the session.

    Returns:
        numbers [S, 1 + steps, 2]: days since the session before less one, halved, and month end;
        categories [S, 1 + steps, 2]: weekday from Monday 0, month from January 0.
    """
    days = np.concatenate([sessions.astype("datetime64[D]")[:, None], next_days(sessions, steps)], axis=1)
    gap = (days_since_previous(days) - 1) / 2.0  # a weekend is 1
    known = np.stack([gap, is_month_end(days)], axis=2).astype(np.float32)
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    return known, np.stack([weekday, month], axis=2)


def horizon_scale(volatility: Floats, steps: int) -> Floats:
    """Return the risk of returns over 1 to ``steps`` sessions, [rows, steps]; NaN where volatility is not above 0.

    Returns are learnt in units of it: a quiet and a wild share then have one distribution.
    """
    safe = np.where(volatility > 0.0, volatility, np.nan)
    return np.asarray(safe[:, None] * np.sqrt(np.arange(1, steps + 1) / 252.0))


def _carried(values: Singles, missing: NDArray[np.bool_]) -> Singles:
    """Fill gaps of [W, E, F] from the value before, then from the one after."""
    if not missing.any():
        return values
    place = np.arange(values.shape[1])[None, :, None]
    back = np.maximum.accumulate(np.where(missing, -1, place), axis=1)
    ahead = np.minimum.accumulate(np.where(missing, values.shape[1] - 1, place)[:, ::-1], axis=1)[:, ::-1]
    return np.take_along_axis(values, np.where(back < 0, ahead, back), axis=1)
