"""Gradient-boosted trees on Alpha158, learning each session's ranking of the returns that can be traded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import erf

from models.errors import DataQualityError
from models.ml.alpha158 import FEATURES
from models.ml.base import Artifact, Dataset, Format, Index, Predictions, Progress, Trainer
from models.ml.trainers._gbdt import split_for_stopping, usable
from models.strategies._parameters import parameter, word

if TYPE_CHECKING:
    import lightgbm

PARALLEL_ROWS = 50_000  # predicting fewer takes less time than starting threads, and the daily run has 400


@dataclass(frozen=True)
class Alpha158Lightgbm(Trainer):
    """LightGBM (Ke and others 2017) on Alpha158 (Yang and others 2020, Qlib), squared loss on normal ranks.

    The defaults are stated beforehand, none is fitted to results: see the comment of each. Bins are made from
    the rows fitted, missing values are none (a row without every feature is neither learnt from nor predicted),
    vwap0 is left out because daily sources seldom have a vwap. Same data, parameters and seed give the same
    text, byte for byte, with any number of threads.
    """

    family = "alpha158_lightgbm"
    feature_set = "alpha158"
    features = FEATURES
    format: ClassVar[Format] = "lightgbm_text"

    price: str = word("open", "open", "close")  # what an order can have; close is Qlib's label
    horizon: int = parameter(1, low=1, high=60)  # sessions: the book is decided anew each day
    rounds: int = parameter(300, low=1, high=5000)  # at most; with this rate stopping comes earlier
    learning_rate: float = parameter(0.05, low=0.001, high=1.0)  # half of LightGBM's: smoother stopping
    leaves: int = parameter(31, low=2, high=1024)  # LightGBM's default
    min_rows: int = parameter(100, low=1, high=100_000)  # per leaf; the penalty below does most of the work
    # Shrinks a leaf of n rows by n / (n + l2). Ranks have variance 1 and a good information coefficient is 0.03
    # (Grinold and Kahn 1999), so noise to signal, the best l2 of a normal mean, is 1 / 0.03^2; Qlib has 581.
    l2: float = parameter(1000.0, low=0.0, high=1e6)
    feature_share: float = parameter(
        0.8, low=0.05, high=1.0
    )  # a tree's; windows of one factor are near copies
    stop_share: float = parameter(
        0.15, low=0.0, high=0.5
    )  # of the window's sessions, its last; 0: no stopping
    stop_rounds: int = parameter(
        30, low=1, high=500
    )  # without improvement; 30 at 0.05 is one leaf's full value
    threads: int = parameter(1, low=1, high=64)  # of one fit; folds in parallel use the cores better

    def settings(self, seed: int) -> dict[str, Any]:
        """Return LightGBM's parameters."""
        return {
            "objective": "regression", "learning_rate": self.learning_rate, "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_rows, "lambda_l2": self.l2, "feature_fraction": self.feature_share,
            # By column each thread sums whole features, so no sum depends on how many there are; by row gives the
            # same trees in half as much time again.
            "deterministic": True, "force_col_wise": True, "seed": seed, "num_threads": self.threads,
            # A feature no split can use now may be used by another fold on the same bins.
            "feature_pre_filter": False, "verbosity": -1,
        }  # fmt: skip

    def fit(self, data: Dataset, rows: Index, seed: int, progress: Progress | None = None) -> Artifact:
        """Learn from the rows, bins made from those fitted; see ``Trainer.fit``."""
        import lightgbm

        data = self._own(data)
        fitted, stopped = self._split(data, rows)
        train = lightgbm.Dataset(data.features[fitted], data.ranked[fitted], params=self.settings(seed),
                                 feature_name=list(data.names))  # fmt: skip
        stop = train.create_valid(data.features[stopped], data.ranked[stopped]) if len(stopped) else None
        return self._train(data, fitted, stopped, train, stop, seed, progress)

    def fit_many(
        self,
        data: Dataset,
        windows: Sequence[Index],
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> list[Artifact]:
        """Learn from each window on one binned dataset, its bins made from the rows the first window fits.

        No bin knows a later row than the first window's last, so none leaks whatever the window; a window's
        model is what ``fit`` gives with those bins. ``workers`` windows are fitted at a time.
        """
        import lightgbm

        data = self._own(data)
        splits = [self._split(data, rows) for rows in windows]
        used = np.unique(np.concatenate([rows for split in splits for rows in split]))
        settings, first = self.settings(seed), splits[0][0]
        bins = lightgbm.Dataset(
            data.features[first], params=settings, feature_name=list(data.names)
        ).construct()
        whole = lightgbm.Dataset(
            data.features[used], data.ranked[used], reference=bins, params=settings
        ).construct()

        def part(rows: Index) -> lightgbm.Dataset:
            return whole.subset(np.searchsorted(used, rows).tolist())

        def work(split: tuple[Index, Index]) -> Artifact:
            fitted, stopped = split
            stop = part(stopped) if len(stopped) else None
            return self._train(data, fitted, stopped, part(fitted), stop, seed, progress)

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(work, splits))

    @classmethod
    def predict(cls, artifact: Artifact, data: Dataset, rows: Index) -> Predictions:
        """Predict the normal rank; NaN where a feature is missing. See ``Trainer.predict``.

        The confidence is the chance of the right side of the session's median above a coin's, of 1: with a
        rank of mean s and variance 1, 2 Phi(|s|) - 1.
        """

        names = tuple(artifact.metadata["features"])
        values = _columns(data, names)[rows]
        known = ~np.isnan(values).any(axis=1)
        score = np.full(len(rows), np.nan)
        if known.any():
            booster = _booster(artifact.content)
            threads = 1 if len(rows) < PARALLEL_ROWS else 0
            score[known] = booster.predict(values[known], num_threads=threads)
        return Predictions(score, np.asarray(erf(np.abs(score) / math.sqrt(2.0))))

    def _own(self, data: Dataset) -> Dataset:
        if data.names != self.features:
            raise DataQualityError("not this family's features", stage="training", key="features",
                                   value=len(data.names), remedy="build the dataset with dataset_for")  # fmt: skip
        return data

    def _split(self, data: Dataset, rows: Index) -> tuple[Index, Index]:
        return split_for_stopping(data, usable(data, rows), self.stop_share, self.reach)

    def _train(
        self, data: Dataset, fitted: Index, stopped: Index, train: lightgbm.Dataset, stop: lightgbm.Dataset | None,
        seed: int, progress: Progress | None,
    ) -> Artifact:  # fmt: skip
        import lightgbm

        stopping: list[Any] = (
            [lightgbm.early_stopping(self.stop_rounds, verbose=False)] if stop is not None else []
        )
        booster = lightgbm.train(
            self.settings(seed), train, self.rounds, valid_sets=[stop] if stop is not None else [],
            valid_names=["stop"] if stop is not None else [], callbacks=stopping,
        )  # fmt: skip
        trees = booster.best_iteration if stop is not None else booster.current_iteration()
        gain = booster.feature_importance("gain", iteration=trees)
        learnt = data.sessions[data.session[[fitted[0], (stopped if len(stopped) else fitted)[-1]]]]
        if progress:
            progress(f"{self.family}: {learnt[0]} to {learnt[1]}, {len(fitted)} rows, {trees} trees")
        return Artifact(self.format, _text(booster, trees), {
            "family": self.family, "trainer_version": self.version, "features": list(self.features),
            "feature_set": self.feature_set, "parameters": self.parameters(), "seed": seed, "price": self.price,
            "horizon": self.horizon, "trained_from": str(learnt[0]), "trained_to": str(learnt[1]),
            "rows": len(fitted), "rows_to_stop_on": len(stopped), "trees": trees,
            "importances": dict(zip(self.features, (gain / max(gain.sum(), 1e-300)).tolist(), strict=True)),
        })  # fmt: skip


@lru_cache(maxsize=4)  # a version is asked again and again: reading its trees takes longer than asking them
def _booster(content: bytes) -> lightgbm.Booster:
    import lightgbm

    return lightgbm.Booster(model_str=content.decode())


def _text(booster: lightgbm.Booster, trees: int) -> bytes:
    """Return the model without the list of parameters, which names the threads and changes no prediction."""
    return booster.model_to_string(num_iteration=trees).partition("\nparameters:\n")[0].encode() + b"\n"


def _columns(data: Dataset, names: tuple[str, ...]) -> np.ndarray:
    """Return the dataset's features in the model's order.

    Raises:
        DataQualityError: names the feature that is not there.
    """
    if data.names == names:
        return data.features
    missing = [name for name in names if name not in data.names]
    if missing:
        raise DataQualityError(f"{len(missing)} features of the model are not in the data", stage="predict",
                               key="feature", value=missing[0], remedy="see feature_definitions")  # fmt: skip
    return data.features[:, [data.names.index(name) for name in names]]
