"""Temporal Fusion Transformer: quantiles of the returns over the next sessions, from windows of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.errors import DataQualityError
from models.ml.base import NO_REASON, Artifact, Dataset, Floats, Format, Index, Predictions, Progress, Trainer
from models.ml.trainers import _tft_network as network
from models.ml.trainers._tft_serving import run
from models.ml.trainers._tft_windows import Encoders, Whole, Windows, fit_scalers, horizon_scale
from models.strategies.base import choice, parameter

VOLATILITY = "volatility_20"
AT_ONCE = 8192  # windows in memory together, some 30 MB
UNKNOWN = "the version has not been trained on the symbol"
SHORT = "more than a quarter of its window lacks a feature"
STILL = "no volatility to say a return in"
MINIMUM_WINDOWS = 100  # below, a scaler's quartiles alone are off by a tenth


@dataclass(frozen=True)
class Tft(Trainer):
    """Quantiles 0.1, 0.5, 0.9 of the open-to-open return over 1 and over ``longest`` sessions.

    The network (pytorch-forecasting's, after Lim, Arik, Loeff and Pfister 2021, Temporal Fusion Transformers
    for Interpretable Multi-horizon Time Series Forecasting) sees the last ``encoder`` sessions of seven
    features, weekday, month, month end and holiday gaps of those sessions and of the days to come, and which
    symbol and sector it is. It learns returns in units of the symbol's own 20-session volatility with the
    quantile loss of every step from 1 to ``longest``. Scalers and the lists of symbols and sectors come
    from the training rows alone and stand in the artifact's metadata.

    Sizes are the small end of what the authors search (hidden 10 to 320, heads 1 or 4, dropout 0.1 to 0.9,
    learning rate 1e-4 to 1e-2): daily returns hold little signal and a CPU has to do.
    """

    family: ClassVar[str] = "tft"
    feature_set: ClassVar[str] = "technical"
    # What moved, how wildly, how far from its mean, on how much volume: bounded warm-up, no price levels.
    features: ClassVar[tuple[str, ...]] = (
        "return_1", "return_5", "return_20", VOLATILITY, "rsi_14", "sma_distance_50", "volume_ratio_20",
    )  # fmt: skip
    format: ClassVar[Format] = "onnx"

    encoder: int = parameter(20, low=2, high=250)  # sessions; about a month
    longest: int = parameter(5, low=1, high=20)  # sessions; the default holding period
    hidden: int = parameter(16, low=2, high=320)
    heads: int = parameter(2, low=1, high=8)
    dropout: float = parameter(0.1, low=0.0, high=0.9)
    learning_rate: float = parameter(0.005, low=1e-5, high=0.1)
    epochs: int = parameter(4, low=1, high=200)
    batch: int = parameter(256, low=8, high=8192)  # windows
    windows: int = parameter(40_000, low=64, high=10_000_000)  # seen in an epoch, at most
    gpu: int = choice(1, 0, 1)  # 1 trains on a GPU where there is one; 0 never

    @property
    def reach(self) -> int:
        """Sessions until the longest return's second open."""
        return self.longest + 1

    @property
    def memory(self) -> int:
        """Sessions of a window before its own."""
        return self.encoder - 1

    def fit(self, data: Dataset, rows: Index, seed: int, progress: Progress | None = None) -> Artifact:
        """Learn from the windows that end in these rows; see Trainer.fit.

        Raises:
            ConfigError: torch or pytorch-forecasting is not installed.
            DataQualityError: no features, one symbol, too few windows, a constant label, an all-NaN feature,
                or a dataset with another label than the return from the next open to the one after.
        """
        label = (data.price, data.horizon)
        if label != (self.label_price, self.label_horizon):
            raise DataQualityError("the label is not the return from the next open to the one after",
                                   stage="training", key="label", value=label,
                                   remedy="build the dataset with label_price and label_horizon")  # fmt: skip
        cut = Windows.cut(data, self.features, rows, self.encoder, self.longest)
        targets = self._targets(data, rows)
        session, symbol = data.session[rows], data.symbol[rows]
        volatility = cut.cube[session - cut.first, symbol, self.features.index(VOLATILITY)]
        goal = (targets / horizon_scale(volatility.astype(np.float64), self.longest)).astype(np.float32)
        usable = np.asarray(np.isfinite(goal).all(axis=1))
        for begin in range(0, len(rows), AT_ONCE):
            part = slice(begin, begin + AT_ONCE)
            usable[part] &= cut.past(session[part], symbol[part])[1]
        _refuse_little(data, rows, targets[:, 0], usable)
        goal, session, symbol = goal[usable], session[usable], symbol[usable]
        seen = sorted({data.symbols[i] for i in np.unique(symbol)})
        sector_of = dict(zip(data.symbols, data.sectors or [""] * len(data.symbols), strict=True))
        encoders = Encoders(
            self.features, *fit_scalers(cut.cube[session - cut.first, symbol], self.features), tuple(seen),
            tuple(sorted({sector_of[s] for s in seen})), {s: sector_of[s] for s in seen},
        )  # fmt: skip
        numbers = encoders.numbers(data.symbols)

        def take(chosen: Index) -> network.Batch:
            at, who = session[chosen], symbol[chosen]
            return *cut.inputs(encoders, numbers, at, who, cut.past(at, who)[0]), goal[chosen]

        shape = network.Shape(self.features, len(seen), len(encoders.sectors), self.encoder, self.longest)
        course = network.Course(
            self.hidden, self.heads, self.dropout, self.learning_rate, self.epochs, self.batch, self.windows,
            bool(self.gpu),
        )  # fmt: skip
        trained = network.train(shape, course, take, len(goal), seed, progress or _silent)
        sample = take(np.linspace(0, len(goal) - 1, min(len(goal), 512)).astype(np.intp))
        metadata: dict[str, Any] = {
            "family": self.family, "features": list(self.features), "feature_set": self.feature_set,
            "parameters": self.parameters(), "seed": seed, "price": data.price, "horizon": data.horizon,
            "trained_from": str(data.sessions[session.min()]), "trained_to": str(data.sessions[session.max()]),
            "rows": len(goal), "importances": network.importances(trained, shape, sample),
            "horizons": sorted({1, self.longest}), "encoder": self.encoder, "encoders": encoders.metadata(),
        }  # fmt: skip
        return Artifact(self.format, network.export(trained, shape), metadata)

    def _targets(self, data: Dataset, rows: Index) -> Floats:
        """Return the returns over 1 to ``longest`` sessions [rows, longest] from labels of these rows alone."""
        first, last = (int(data.session[rows].min()), int(data.session[rows].max())) if len(rows) else (0, -1)
        label = np.full((last + 1 + self.longest - first, len(data.symbols)), np.nan)
        label[data.session[rows] - first, data.symbol[rows]] = data.label[rows]
        ahead = data.session[rows][:, None] - first + np.arange(self.longest)
        return np.asarray(np.cumprod(1.0 + label[ahead, data.symbol[rows][:, None]], axis=1) - 1.0)

    @classmethod
    def predict(cls, artifact: Artifact, data: Dataset, rows: Index) -> Predictions:
        """Predict quantiles by onnxruntime; see Trainer.predict.

        NaN, no opinion: a symbol that training has not seen, a missing feature in the session itself, more
        than a quarter of the window's sessions lacking one (a new listing, a long halt), no volatility.
        Quantiles that cross are sorted (Chernozhukov, Fernandez-Val and Galichon 2010, who show that this
        never is further from the truth). The score is the median of the longest horizon over the width of
        its 80 % interval, return over risk. The confidence is how far that interval lies on one side of 0:
        |q90 + q10| / (q90 - q10), at most 1; 0 when 0 is its middle, 1 when 0 is not inside.
        """
        metadata = artifact.metadata
        encoders, horizons = Encoders.from_metadata(metadata["encoders"]), list(metadata["horizons"])
        cut = Windows.cut(data, encoders.features, rows, int(metadata["encoder"]), max(horizons))
        said = np.full((len(rows), len(horizons), 3), np.nan)
        numbers = encoders.numbers(data.symbols)
        for begin in range(0, len(rows), AT_ONCE):
            part = rows[begin : begin + AT_ONCE]
            said[begin : begin + len(part)] = _serve(
                artifact.content, cut, encoders, numbers, data.session[part], data.symbol[part]
            )[:, np.array(horizons) - 1]
        low, middle, high = np.moveaxis(np.sort(said, axis=2), 2, 0)
        width = high[:, -1] - low[:, -1]
        width[~(width > 0.0)] = np.nan  # an interval of no width is no quantile forecast
        score = middle[:, -1] / width
        confidence = np.minimum(np.abs(high[:, -1] + low[:, -1]) / width, 1.0)
        quantiles: Mapping[int, tuple[Floats, Floats, Floats]] = {
            h: (low[:, i], middle[:, i], high[:, i]) for i, h in enumerate(horizons)
        }
        return Predictions(score, confidence, quantiles)

    @classmethod
    def why_silent(cls, artifact: Artifact, data: Dataset, rows: Index) -> list[str]:
        """Return why there is no opinion on rows without one, by the rules of ``predict``."""
        encoders = Encoders.from_metadata(artifact.metadata["encoders"])
        unknown = encoders.numbers(data.symbols)[data.symbol[rows], 0] < 0
        cut = Windows.cut(data, encoders.features, rows, int(artifact.metadata["encoder"]), 1)
        past, whole = cut.past(data.session[rows], data.symbol[rows])
        still = ~(past[:, -1, encoders.features.index(VOLATILITY)] > 0.0)
        found = super().why_silent(artifact, data, rows)
        for k, reason in enumerate(found):
            if unknown[k]:
                found[k] = UNKNOWN
            elif reason == NO_REASON and not whole[k]:
                found[k] = SHORT
            elif reason == NO_REASON and still[k]:
                found[k] = STILL
        return found


def _serve(
    content: bytes, cut: Windows, encoders: Encoders, numbers: Whole, session: Whole, symbol: Whole
) -> Floats:
    """Return quantiles of returns [rows, steps, 3], NaN where there is no opinion."""
    past, usable = cut.past(session, symbol)
    volatility = past[:, -1, encoders.features.index(VOLATILITY)].astype(np.float64)
    scale = horizon_scale(volatility, cut.steps)
    usable &= (numbers[symbol, 0] >= 0) & np.isfinite(scale[:, 0])
    said = np.full((len(session), cut.steps, 3), np.nan)
    if usable.any():
        inputs = cut.inputs(encoders, numbers, session[usable], symbol[usable], past[usable])
        said[usable] = run(content, *inputs)
    return said * scale[:, :, None]


def _refuse_little(data: Dataset, rows: Index, label: Floats, usable: NDArray[np.bool_]) -> None:
    """Refuse rows that no network can be trained on.

    Raises:
        DataQualityError: says what is missing.
    """
    problem: tuple[str, str, object] | None = None
    if len(rows) and (dead := np.isnan(data.features[rows]).all(axis=0)).any():
        problem = (
            "a feature has no value in the training window",
            "feature",
            data.names[int(np.argmax(dead))],
        )
    elif len(np.unique(data.symbol[rows][usable])) < 2:
        problem = (
            "fewer than two symbols have complete windows",
            "symbols",
            len(np.unique(data.symbol[rows])),
        )
    elif usable.sum() < MINIMUM_WINDOWS:
        problem = (f"fewer than {MINIMUM_WINDOWS} complete windows", "windows", int(usable.sum()))
    elif np.ptp(label[usable]) == 0.0:
        problem = ("the label is constant", "label", float(label[usable][0]))
    if problem:
        raise DataQualityError(problem[0], stage="training", key=problem[1], value=problem[2],
                               remedy="start earlier, and see feature_store for what is there")  # fmt: skip


def _silent(line: str) -> None:
    pass
