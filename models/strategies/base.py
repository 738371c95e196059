"""What a strategy is: parameters, the features it reads, and a score per session and symbol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from models.errors import ConfigError
from models.panel import Matrix, Panel
from models.records import Signal
from models.strategies._parameters import Parametrised, choice, parameter, symbol_parameter

__all__ = [
    "BaseStrategy", "Panel", "Scores", "choice", "in_equal_slices", "parameter", "signals_frame", "symbol_parameter",
    "while_held",
]  # fmt: skip

# A twentieth of the capital: twenty full positions use all of it, so one wrong signal costs little.
DEFAULT_POSITION_SIZE = 0.05
PREDICTION = "prediction."
CATEGORIES = ("trend", "momentum", "mean_reversion", "volatility", "allocation", "alpha", "ml", "other")
BOUNDS = (
    ("confidence", 0.0, 1.0), ("expected_return", -10.0, 10.0),  # beyond is a unit error
    ("position_size", 0.0, 1.0), ("stop_loss", 0.0, 1.0),
    ("take_profit", 0.0, 100.0), ("trailing_stop_usd", 0.0, 1e8),
)  # fmt: skip
SIGNAL_COLUMNS = (
    "symbol", "session_date", "side", "score", "confidence", "expected_return", "position_size", "stop_loss",
    "take_profit", "trailing_stop_usd",
)  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """A strategy's opinion on every session and symbol, arrays [T, N]; what is left out gets its default.

    score: wanted position in [-1, 1]; 0 flat, NaN no opinion (warm-up, missing input).
    confidence: in [0, 1]; default |score|.
    expected_return: fraction over the holding period, of the price (negative for shorts); default NaN,
        none stated.
    position_size: fraction of the model's capital, unsigned; default 5 % x |score|.
    stop_loss, take_profit: fractions of the entry price; default NaN, none.
    trailing_stop_usd: distance per share in the session's own price basis; default NaN, none.

    Raises:
        ConfigError: when shapes differ, a value leaves its range, or a score has no confidence; the
            strategy's file must be mended.
    """

    score: Matrix
    confidence: Matrix = None  # type: ignore[assignment]  # filled below, so readers always find an array
    expected_return: Matrix = None  # type: ignore[assignment]
    position_size: Matrix = None  # type: ignore[assignment]
    stop_loss: Matrix = None  # type: ignore[assignment]
    take_profit: Matrix = None  # type: ignore[assignment]
    trailing_stop_usd: Matrix = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        score = np.asarray(self.score, dtype=np.float64)
        object.__setattr__(self, "score", score)
        self._check("score", score, -1.0, 1.0)
        for name, low, high in BOUNDS:
            if (given := getattr(self, name)) is not None:
                values = np.asarray(given, dtype=np.float64)
                self._check(name, values, low, high)
            elif name == "confidence":
                values = np.abs(score)
            elif name == "position_size":
                values = DEFAULT_POSITION_SIZE * np.abs(score)
            else:
                values = np.broadcast_to(np.nan, score.shape)
            object.__setattr__(self, name, values)
        if np.any(np.isnan(self.confidence) & ~np.isnan(score)):
            raise ConfigError("score without a confidence", stage="strategies", key="confidence",
                              value=float("nan"), remedy="state one wherever there is a score")  # fmt: skip

    def _check(self, name: str, values: Matrix, low: float, high: float) -> None:
        if values.shape != self.score.shape:
            raise ConfigError(f"{name} has another shape than score {self.score.shape}", stage="strategies",
                              key=name, value=values.shape, remedy="return one value per cell")  # fmt: skip
        if not values.size or not (
            np.fmin.reduce(values, axis=None) < low or np.fmax.reduce(values, axis=None) > high
        ):
            return  # NaN is left out: no opinion is allowed
        outside = (values < low) | (values > high)
        raise ConfigError(f"{name} outside [{low}, {high}]", stage="strategies", key=name,
                          value=float(values[outside][0]), remedy="bound it in the strategy")  # fmt: skip


@dataclass(frozen=True)
class BaseStrategy(Parametrised):
    """A pure rule from features to wanted positions: one file, one subclass, ``@dataclass(frozen=True)``.

    A subclass sets ``name`` (the file's name), ``features`` (columns of the feature store it reads) and
    ``score``, and declares its parameters as ``x: float = parameter(1.0, low=0.0, high=2.0)``, or
    ``choice`` where only some values have a feature.

    Raises:
        ConfigError: when a parameter has the wrong type or leaves its range.
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"  # raise it when the rule changes, so that old signals stay explained
    category: ClassVar[str] = "other"  # one of CATEGORIES; rankings are made overall and within each
    # Of the row in models that registration makes; from then on is_active is the user's. Active models trade
    # the paper account together, so what is not meant to vote there starts paused; assessments take all.
    starts_active: ClassVar[bool] = True
    # Parameters it had once: rows of models, and sessions that are replayed, may still name them.
    retired: ClassVar[tuple[str, ...]] = ()
    # With the parameters in braces, "sma_{window}"; an instance has them filled in.
    features: ClassVar[tuple[str, ...]] = ()
    predictions: ClassVar[bool] = False  # True: the panel also holds "prediction.<model>" per trained model
    # Earlier sessions the score of one session depends on; None means all of them (a rule with memory).
    lookback: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        filled = tuple(name.format_map(self.parameters()) for name in self.features)
        object.__setattr__(self, "features", filled)

    @classmethod
    def owner(cls) -> str:
        """Return the strategy's name."""
        return cls.name

    def score(self, panel: Panel) -> Scores:
        """Return the wanted position for every session and symbol.

        Args:
            panel: holds at least ``features``; row t may only use rows 0..t (a test proves it).

        Returns:
            Arrays [T, N]; NaN score where an input is NaN.
        """
        raise NotImplementedError

    def rules(self) -> dict[str, float | bool]:
        """Return the fields of ``models.backtest.rules.Rules`` this strategy sets: its stops, band and unit."""
        return {}

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return what the engine is to hold after each close.

        Args:
            panel: what ``score`` was given.
            scores: what ``score`` returned.

        Returns:
            [T, N] weight of equity, negative for short, beyond 1 on credit; with the rule ``buys_amounts``
            USD to buy more. NaN counts as 0. By default the score.
        """
        return scores.score

    def account_weights(self, target: Matrix, symbols: Sequence[str]) -> Matrix | None:
        """Return what one account in all symbols is to hold, where targets are weights and not sides.

        Args:
            target: what ``target`` returned; where a symbol has no bar that of its last one, until it has left.
            symbols: [N] of the target's columns.

        Returns:
            [T, N] weight of equity, NaN counts as 0; None, the default, when the backtest's weighting is to make
            them from the targets.
        """
        return None

    def trail(self, panel: Panel) -> Matrix | None:
        """Return the distance of a trailing stop.

        Returns:
            [T, N] USD per share in the session's own price basis, NaN for none; None when the strategy has no
            such stop.
        """
        return None

    def signals(self, panel: Panel) -> Scores:
        """Return the scores, and on every wanted position the exits that the rules and the trail state.

        What ``score`` states itself stands before the rules.
        """
        scores = self.score(panel)
        rules, trail = self.rules(), self.trail(panel)
        exits: dict[str, Matrix] = {
            name: np.where(np.isnan(stated := getattr(scores, name)), while_held(scores.score, rules[name]), stated)
            for name in ("stop_loss", "take_profit")
            if name in rules
        }
        if trail is not None:
            exits["trailing_stop_usd"] = np.where(np.abs(scores.score) > 0, trail, np.nan)
        return replace(scores, **exits) if exits else scores

    def generate_signals(self, data: pd.DataFrame) -> list[Signal]:
        """Return the signals of the last session in the data, as ``signals_frame`` does for all sessions.

        Args:
            data: long frame with ``symbol``, ``date`` and the features, ``lookback`` sessions of history
                included; the last session is the latest date in it.
        """
        columns = [c for c in data.columns if self.predictions and str(c).startswith(PREDICTION)]
        panel = Panel.from_frame(data, (*self.features, *columns))
        if not len(panel.sessions):
            return []
        rows = signals_frame(panel, self.signals(panel))
        last = rows[rows["session_date"] == pd.Timestamp(panel.sessions[-1])]
        return [
            Signal(
                symbol=r["symbol"], session_date=r["session_date"].date(), side=r["side"], score=r["score"],
                confidence=r["confidence"], expected_return=_stated(r["expected_return"]),
                position_size=_stated(r["position_size"]), stop_loss=_stated(r["stop_loss"]),
                take_profit=_stated(r["take_profit"]), trailing_stop_usd=_stated(r["trailing_stop_usd"]),
            )
            for r in last.to_dict("records")
        ]  # fmt: skip


def while_held(score: Matrix, value: float) -> Matrix:
    """Return the value wherever the score wants a position, NaN elsewhere: what Scores takes as stop_loss."""
    return np.where(np.abs(score) > 0, value, np.nan)


def in_equal_slices(target: Matrix) -> Matrix:
    """Return the weights of an account of which each symbol with a target has an equal slice and holds that of it."""
    weights: Matrix = target / np.maximum((~np.isnan(target)).sum(axis=1, keepdims=True), 1)
    return weights


def signals_frame(panel: Panel, scores: Scores, previous: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Turn scores into the rows of ``signals``: where the score is not 0, or turns 0.

    A score turns 0 when it is 0 and the last score before it that is not NaN was not 0. NaN gives no row:
    without an opinion there is no signal, and readers treat a missing row as no wanted position.

    Args:
        panel: the axes of the scores.
        scores: arrays [T, N].
        previous: by symbol, the score of the last stored signal row before the panel's first session, so
            that a run over a few sessions writes the same flat rows as one over the whole history.

    Returns:
        Columns ``SIGNAL_COLUMNS``, ordered by session, then symbol axis; ``session_date`` is datetime64,
        ``side`` long, short or flat; expected_return and the exits are NaN where none is stated.

    Raises:
        ConfigError: when the scores do not fit the panel.
    """
    score = scores.score
    if score.shape != panel.shape:
        raise ConfigError(
            f"scores do not fit the panel {panel.shape}", stage="strategies", key="shape", value=score.shape,
            remedy="score every session and symbol of the panel",
        )  # fmt: skip
    last = np.array([(previous or {}).get(s, 0.0) for s in panel.symbols])
    before = np.vstack([last[None, :], score])
    seen = np.where(np.isnan(before), 0, np.arange(len(before))[:, None])
    carried = np.take_along_axis(before, np.maximum.accumulate(seen, axis=0), axis=0)[:-1]
    turns_flat = (score == 0) & (carried != 0)
    row, column = np.nonzero(((score != 0) & ~np.isnan(score)) | turns_flat)
    picked = score[row, column]
    data: dict[str, Any] = {
        "symbol": np.array(panel.symbols, dtype=object)[column],
        "session_date": panel.sessions[row].astype("datetime64[s]"),
        "side": np.array(["short", "flat", "long"], dtype=object)[np.sign(picked).astype(int) + 1],
    }
    for name in SIGNAL_COLUMNS[3:]:
        data[name] = getattr(scores, name)[row, column]
    return pd.DataFrame(data, columns=list(SIGNAL_COLUMNS))


def _stated(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)
