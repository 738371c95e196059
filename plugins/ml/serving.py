"""Trained models at work: the version a run keeps, its artifact, and what it foretells of stored features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_layer.settings import Settings
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.registry import Row, load_artifact
from data_layer.storage.training import feature_set_version
from models.errors import BlockedError
from models.ml.base import Artifact, Predictions, no_version
from models.ml.strategy import ModelStrategy
from models.panel import Panel
from models.strategies.base import Scores
from plugins.stages.knowledge import Renamed, members_as_of, renames
from plugins.stages.scoring import read_panel

# A year of 158 features of 400 symbols takes 130 MB; a longer catch-up goes a year at a time.
CHUNK = 252
COLUMNS = ("symbol", "session_date", "horizon", "q10", "q50", "q90", "score", "confidence", "reason")
NO_FEATURES = "no features are stored for the session"


def pin_versions(connection: Connection, run_id: str, families: Iterable[str]) -> None:
    """Note which version of each family is in use as a run begins: the run keeps it to its end.

    A family without one is noted too, so that a promotion in the middle of the run changes nothing in it.
    """
    asked = {"run_id": run_id, "families": sorted(families)}
    connection.execute(load_sql("run_versions/insert_pins"), asked)


def pinned_version(connection: Connection, run_id: str, family: str) -> Row:
    """Return the version of a family that a run began with.

    Raises:
        BlockedError: when none was in use.
    """
    asked = {"run_id": run_id, "family": family}
    found = connection.execute(load_sql("run_versions/select_pin"), asked).fetchone()
    if found is None or found["id"] is None:
        raise no_version(family)
    return found


def with_version(uri: str, settings: Settings, strategy: ModelStrategy, version: Row) -> ModelStrategy:
    """Return the strategy with a version to predict with, its files' hashes compared.

    Raises:
        BlockedError: when the home computes another version of the feature set than it learnt from.
        DataQualityError: when the artifact is missing or not the one registered.
    """
    with transaction(uri) as connection:
        current = feature_set_version(connection, version["feature_set"])
    if current != version["feature_set_version"]:
        raise BlockedError(
            f"learnt from version {version['feature_set_version']} of features {version['feature_set']}, stored is "
            f"{current}", stage="model_execution", key="model", value=version["family"],
            remedy=f"make train MODEL={version['family']}",
        )  # fmt: skip
    content, metadata = load_artifact(uri, open_store(settings), version)
    return strategy.with_artifact(Artifact(version["artifact_format"], content, metadata))


@dataclass(frozen=True)
class Foretold:
    """What a model says of a stretch of sessions: predictions and scores on one panel, and of whom it says nothing."""

    panel: Panel
    predictions: Predictions
    scores: Scores
    gaps: pd.DataFrame  # symbol, session_date, reason: members of the universe without a prediction

    def rows(self, horizon: int) -> pd.DataFrame:
        """Return a row per prediction and horizon, and one with its reason where there is none.

        Args:
            horizon: of the label, for a family without quantiles.
        """
        said = self.predictions
        at, of = np.nonzero(~np.isnan(said.score))
        nothing = (np.full(said.score.shape, np.nan),) * 3
        parts = [
            pd.DataFrame({
                "symbol": np.array(self.panel.symbols, dtype=object)[of],
                "session_date": self.panel.sessions[at].astype("datetime64[s]"),
                "horizon": h,
                **{name: q[at, of] for name, q in zip(("q10", "q50", "q90"), three, strict=True)},
                "score": said.score[at, of],
                "confidence": said.confidence[at, of],
            }, columns=list(COLUMNS))
            for h, three in (said.quantiles or {horizon: nothing}).items()
        ]  # fmt: skip
        gaps = self.gaps.assign(horizon=horizon).reindex(columns=list(COLUMNS))
        return pd.concat([part for part in (*parts, gaps) if len(part)] or parts, ignore_index=True)


def said_and_not(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return, of ``Foretold.rows``, those of table predictions and those of prediction_gaps."""
    silent = rows["reason"].notna()
    gaps = ["model_version_id", "session_date", "symbol", "reason"]
    return rows[~silent].drop(columns="reason"), rows.loc[silent, gaps]


def foretell(
    uri: str, strategy: ModelStrategy, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime],
    memory: int,
) -> Iterable[tuple[Sequence[dt.date], Sequence[Renamed], Foretold]]:  # fmt: skip
    """Predict for sessions from their stored features, at most a year of them at a time.

    What is said of a session never depends on the others asked for, so one day's prediction and a batch's agree
    bit for bit. Only members of the universe at the session, as known at its cutoff, get a prediction and a rank.

    Args:
        uri: connection URI of a role that may read features; labels it need not see.
        strategy: with its version.
        sessions: ascending.
        cutoffs: knowledge cutoffs of all sessions with features, these among them.
        memory: sessions before one that its prediction reads.
    """
    held = sorted(cutoffs)
    with transaction(uri) as connection:
        changes = renames(connection, sessions, cutoffs)
    place = {session: i for i, session in enumerate(held)}
    # Cut where a ticker changed, where sessions in between are not asked for, and after a year.
    marked = [
        (known, place[s] - i, i // CHUNK) for i, (s, known) in enumerate(zip(sessions, changes, strict=True))
    ]
    for (known, *_), group in groupby(zip(sessions, marked, strict=True), key=lambda pair: pair[1]):
        days = [day for day, _ in group]
        first = held[max(0, place[days[0]] - memory)]
        panel = read_panel(uri, strategy, days[-1], known, first)
        axis = pd.DatetimeIndex(panel.sessions)
        places = axis.get_indexer(pd.DatetimeIndex(days).astype(axis.dtype)).astype(np.intp)
        with transaction(uri) as connection:
            members = members_as_of(connection, days, cutoffs)
        member = np.zeros(panel.shape, np.bool_)
        for day, at in zip(days, places, strict=True):
            if at >= 0:
                member[at] = [symbol in members[day] for symbol in panel.symbols]
        said = strategy.predict(panel, places[places >= 0]).within(member)
        gaps = _gaps(strategy, panel, said, member, {day: set(members[day]) for day in days})
        yield days, known, Foretold(panel, said, strategy.decide(said), gaps)


def _gaps(
    strategy: ModelStrategy, panel: Panel, said: Predictions, member: NDArray[np.bool_],
    members: Mapping[dt.date, set[str]],
) -> pd.DataFrame:  # fmt: skip
    """Return the members without a prediction and why: symbol, session_date, reason."""
    silent = np.flatnonzero(member & np.isnan(said.score))
    at, of = np.divmod(silent, len(panel.symbols))
    held = set(panel.symbols)
    days = [pd.Timestamp(day).date() for day in panel.sessions]
    rows = list(zip(
        [panel.symbols[i] for i in of], [days[i] for i in at],
        strategy.why_silent(panel, silent) if len(silent) else [], strict=True,
    ))  # fmt: skip
    seen = set(days)
    rows += [
        (symbol, day, NO_FEATURES)
        for day, own in members.items()
        for symbol in sorted(own if day not in seen else own - held)
    ]
    return pd.DataFrame(rows, columns=["symbol", "session_date", "reason"]).astype({"session_date": "datetime64[s]"})


def waiver_of(version: Row) -> str | None:
    """Return the waiver a version runs under, as one text."""
    return f"{version['waiver_name']}: {version['waiver_reason']}" if version["waiver_name"] else None
