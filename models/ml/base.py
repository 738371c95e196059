"""What a trained model is made of: a dataset, a trainer per family, an artifact in a safe format, predictions."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BlockedError, ConfigError, DataQualityError
from models.panel import Dates, Panel
from models.strategies._parameters import Parametrised

Floats = NDArray[np.float64]
Index = NDArray[np.intp]  # row numbers of a dataset, ascending
Price = Literal["open", "close"]
Format = Literal["lightgbm_text", "onnx"]
FORMATS: tuple[Format, ...] = ("lightgbm_text", "onnx")  # data only: reading one never runs code from it
PACKAGE = "models.ml.trainers"
NO_REASON = "the model says nothing of what it sees"  # an interval without a width, say
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """Rows of symbol by session, sorted by session, then symbol; a missing bar has no row.

    ``label`` is the return a decision at the session's close can still earn: from the next session's price
    to the one ``horizon`` sessions later. It ends ``reach`` sessions after the row's own.

    Raises:
        DataQualityError: arrays of different lengths, rows not sorted or repeated.
    """

    names: tuple[str, ...]
    features: NDArray[np.float32]  # [rows, names], NaN = missing
    label: Floats  # [rows] a fraction; NaN = not known yet, or one of its two prices is missing
    ranked: Floats  # [rows] the label's rank in its session as a normal score: what is learnt; NaN as label
    session: NDArray[np.int64]  # [rows] index into sessions
    symbol: NDArray[np.int64]  # [rows] index into symbols
    sessions: Dates  # ascending; every session of the market in the span, with rows or not
    symbols: tuple[str, ...]
    price: Price = "open"
    horizon: int = 1  # sessions between the label's two prices
    sectors: tuple[str, ...] = ()  # of each symbol, "" where nobody states one; empty when none is known
    # [rows] whether the symbol belongs to the universe at the session; None: all do. Rows of others have no label
    # and are only what a member's window looks back to.
    member: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        lengths = {len(a) for a in (self.features, self.label, self.ranked, self.session, self.symbol)}
        key = self.session * max(len(self.symbols), 1) + self.symbol
        if len(lengths) != 1 or self.features.shape[1:] != (len(self.names),) or np.any(np.diff(key) <= 0):
            raise DataQualityError(
                "not one row per session and symbol, in that order", stage="dataset", key="rows",
                value=sorted(lengths), remedy="build it with models.ml.dataset",
            )  # fmt: skip

    def __len__(self) -> int:
        return len(self.label)

    @property
    def reach(self) -> int:
        """Sessions after a row's own until its label is known."""
        return self.horizon + 1

    def rows_between(self, first: int, last: int) -> Index:
        """Return the universe's rows of the sessions first to last: what is learnt from and judged on."""
        rows = self.all_between(first, last)
        return rows if self.member is None else rows[self.member[rows]]

    def all_between(self, first: int, last: int) -> Index:
        """Return every row of the sessions first to last, both included (indices into sessions)."""
        begin, end = np.searchsorted(self.session, (first, last + 1))
        return np.arange(begin, end)

    @classmethod
    def from_panel(cls, panel: Panel, names: tuple[str, ...]) -> Self:
        """Lay a panel's features out as rows without labels: what prediction code sees.

        Every cell is a row, one without any feature too (NaN throughout): trainers give it no score.
        """
        t, n = panel.shape
        values = np.empty((t * n, len(names)), np.float32)
        for column, name in enumerate(names):
            values[:, column] = panel[name].ravel()
        unknown = np.full(t * n, np.nan)
        session, symbol = np.repeat(np.arange(t), n), np.tile(np.arange(n), t)
        return cls(names, values, unknown, unknown, session, symbol, panel.sessions, panel.symbols)


@dataclass(frozen=True)
class Artifact:
    """A trained model as bytes in a safe format, and what is needed to use it.

    metadata (JSON throughout): ``family``, ``features`` (names in the model's order), ``feature_set``,
    ``parameters``, ``seed``, ``price``, ``horizon``, ``trained_from``, ``trained_to`` (ISO sessions of the
    first and last row learnt from), ``rows``, ``importances`` (gain share by feature; the family's own
    measure), and whatever the family fitted beside (scalers, encoders).
    """

    format: Format
    content: bytes
    metadata: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Predictions:
    """What a model says of some rows; arrays [rows], or [T, N] of a panel, NaN = no opinion.

    Attributes:
        score: what symbols are ranked by within a session, higher is better; any scale.
        confidence: in [0, 1], NaN where the score is.
        quantiles: by horizon in sessions q10, q50, q90, fractions; empty for a family without them.
    """

    score: Floats
    confidence: Floats
    quantiles: Mapping[int, tuple[Floats, Floats, Floats]] = field(default_factory=dict)

    def each(self, change: Callable[[Floats], Floats]) -> Predictions:
        """Return them with every array changed in the same way."""
        quantiles = {h: (change(a), change(b), change(c)) for h, (a, b, c) in self.quantiles.items()}
        return Predictions(change(self.score), change(self.confidence), quantiles)

    def within(self, member: NDArray[np.bool_]) -> Predictions:
        """Return them with no opinion on who does not belong, arrays of the same shape."""
        return self.each(lambda values: np.where(member, values, np.nan))


@dataclass(frozen=True)
class Trainer(Parametrised, ABC):
    """One family of models: ``models/ml/trainers/<family>.py``, one frozen dataclass, its fields parameters.

    Fields are declared as a strategy's: ``x: float = parameter(1.0, low=0.0, high=2.0)``. Heavy packages
    are imported inside ``fit`` and ``predict``, so that listing families is cheap.
    """

    family: ClassVar[str]  # the file's name, and the name of the strategy that trades it
    version: ClassVar[str] = "1"  # raise it when the same data and seed give another artifact
    feature_set: ClassVar[str]
    features: ClassVar[tuple[str, ...]] = ()  # empty: the whole set
    format: ClassVar[Format]

    @classmethod
    def owner(cls) -> str:
        """Return the family."""
        return cls.family

    @property
    def label_price(self) -> Price:
        """Which price the label runs between."""
        return getattr(self, "price", "open")

    @property
    def label_horizon(self) -> int:
        """Sessions between the label's two prices; the dataset is built with it."""
        return int(getattr(self, "horizon", 1))

    @property
    def reach(self) -> int:
        """Sessions after a row's own that what is learnt from it touches: the purge of the walk-forward.

        A family that learns several horizons from one row overrides it with its longest.
        """
        return self.label_horizon + 1

    @property
    def memory(self) -> int:
        """Sessions before a row's own that ``predict`` reads beside it; 0 when a row stands for itself."""
        return 0

    @abstractmethod
    def fit(self, data: Dataset, rows: Index, seed: int, progress: Progress | None = None) -> Artifact:
        """Learn from these rows and nothing else: bins, scalers, encoders and early stopping included.

        Args:
            data: may hold rows outside ``rows``; none of their features or labels is looked at, but for the
                features of the ``memory`` sessions before a row.
            rows: the training window's; those without a label are left out by the trainer.
            seed: of everything random.
            progress: told a line now and then.

        Raises:
            DataQualityError: too few rows or sessions, one symbol, a constant label, an all-NaN feature.
        """

    def fit_many(
        self,
        data: Dataset,
        windows: Sequence[Index],
        seed: int,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> list[Artifact]:
        """Learn from each of some windows, the first the earliest: a walk-forward's models.

        A family overrides it where windows can share work without one knowing another's rows; ``workers`` is
        how many it may fit at a time.
        """
        return [self.fit(data, rows, seed, progress) for rows in windows]

    @classmethod
    @abstractmethod
    def predict(cls, artifact: Artifact, data: Dataset, rows: Index) -> Predictions:
        """Predict for some rows, in their order; what is said of a row never depends on the other rows asked for.

        Raises:
            DataQualityError: when the dataset lacks a feature of the artifact's.
        """

    @classmethod
    def why_silent(cls, artifact: Artifact, data: Dataset, rows: Index) -> list[str]:
        """Return why ``predict`` has no opinion on each of some rows on which it has none.

        Here the features a row lacks; a family with further reasons overrides it.
        """
        missing = np.isnan(data.features[rows])
        first, count = missing.argmax(axis=1), missing.sum(axis=1)
        return [
            f"no value of {data.names[k]}" + f" and {n - 1} more features" * (n > 1) if n else NO_REASON
            for k, n in zip(first.tolist(), count.tolist(), strict=True)
        ]


def families() -> dict[str, type[Trainer]]:
    """Return the trainers by family, one per file of ``models/ml/trainers``; a file starting with ``_`` is a helper.

    Raises:
        ConfigError: when a file does not define exactly one trainer named as it.
    """
    package = importlib.import_module(PACKAGE)
    found = {}
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{PACKAGE}.{info.name}")
        own = [
            v
            for v in vars(module).values()
            if isinstance(v, type) and issubclass(v, Trainer) and v.__module__ == module.__name__
        ]
        if len(own) != 1 or own[0].family != info.name:
            raise ConfigError("a trainer's file defines one trainer, named as the file", stage="training",
                              key="file", value=info.name, remedy=f"see {PACKAGE}")  # fmt: skip
        found[info.name] = own[0]
    return found


def trainer_class(family: str) -> type[Trainer]:
    """Return the trainer of a family.

    Raises:
        ConfigError: for an unknown family.
    """
    known = families()
    if family not in known:
        raise ConfigError("no such model family", stage="training", key="MODEL", value=family,
                          remedy=f"known are {', '.join(sorted(known)) or 'none'}")  # fmt: skip
    return known[family]


def no_version(family: str) -> BlockedError:
    """Return the error of a family nobody has promoted a version of."""
    return BlockedError("no promoted version", stage="model_execution", key="model", value=family,
                        remedy=f"make train MODEL={family}, then see make models")  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Why a model must not be promoted: something it should not have known reached it."""

    check: str  # the check's name
    value: float  # what was measured
    threshold: float  # what it may be at most
    detail: str  # in words, with the feature, fold or session
