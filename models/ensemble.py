"""The weighted vote of several models on what to hold, and whether it is strong enough to be acted on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError
from models.exits import Vote

Floats = NDArray[np.float64]
EXITS = ("stop_loss", "take_profit", "trailing_stop_usd")
COLUMNS = ("score", "confidence", *EXITS)


@dataclass(frozen=True, slots=True)
class Member:
    """A model's place in the vote; with by_confidence its weight is multiplied by its confidence in a symbol."""

    model: str
    weight: float
    by_confidence: bool = False


@dataclass(frozen=True, slots=True)
class EnsembleRules:
    """How votes become one signal.

    direction_band: a blended score within it is flat; score_share: part of the confidence that is the score's
    size, the rest is the leading model's own; factors: by regime; publish_threshold: least confidence.
    """

    members: tuple[Member, ...]
    direction_band: float
    score_share: float
    factors: Mapping[str, float]
    publish_threshold: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EnsembleRules:
        """Build the rules from what is stored with a session."""
        members = tuple(Member(**m) for m in sorted(values["members"], key=lambda m: m["model"]))
        return cls(
            members,
            values["direction_band"],
            values["score_share"],
            values["factors"],
            values["publish_threshold"],
        )


class Ballots(Mapping[str, list[Vote]]):
    """One session's votes: arrays [models, symbols] by COLUMNS, NaN where a model has no signal row; by symbol Votes.

    A model that ran and has no row for a symbol wants nothing of it: its vote counts 0.
    """

    def __init__(self, models: Sequence[str], symbols: Sequence[str], arrays: Mapping[str, Floats]):
        self.models, self.symbols, self.arrays = (
            tuple(models),
            tuple(symbols),
            {n: arrays[n] for n in COLUMNS},
        )
        self._column = {symbol: at for at, symbol in enumerate(self.symbols)}

    @classmethod
    def of_votes(cls, votes: Mapping[str, Sequence[Vote]]) -> Ballots:
        """Lay single votes out as arrays."""
        models = sorted({v.model for found in votes.values() for v in found})
        symbols = sorted(votes)
        values = {name: np.full((len(models), len(symbols)), np.nan) for name in COLUMNS}
        for column, symbol in enumerate(symbols):
            for vote in votes[symbol]:
                row = models.index(vote.model)
                for name, array in values.items():
                    stated = getattr(vote, name)
                    array[row, column] = np.nan if stated is None else stated
        return cls(models, symbols, values)

    def __getitem__(self, symbol: str) -> list[Vote]:
        found = []
        for model, values in zip(self.models, self._by_symbol[self._column[symbol]].tolist(), strict=True):
            score, confidence, *exits = values
            if not math.isnan(score):
                stop, take, trail = (None if math.isnan(value) else value for value in exits)
                found.append(Vote(score, stop, take, trail, confidence, model))
        return found

    @cached_property
    def trailing(self) -> frozenset[str]:
        """Symbols for which a model states a trailing stop."""
        stated = ~np.isnan(self.arrays["trailing_stop_usd"]).all(axis=0)
        return frozenset(self.symbols[i] for i in np.flatnonzero(stated))

    @cached_property
    def _by_symbol(self) -> Floats:
        return np.stack([self.arrays[name].T for name in COLUMNS], axis=2)

    def __iter__(self) -> Iterator[str]:
        return iter(self.symbols)

    def __len__(self) -> int:
        return len(self.symbols)


@dataclass(frozen=True)
class Blend:
    """One session's ensemble signals, entry n of each belonging to symbols[n].

    side: 1, 0, -1; confidence in [0, 1] after the regime's factor; members: each one's normalised weight,
    score, confidence and contribution; missing: members whose model did not complete the session.
    """

    symbols: tuple[str, ...]
    score: Floats
    side: NDArray[np.int64]
    confidence: Floats
    published: NDArray[np.bool_]
    leading: tuple[str | None, ...]
    members: tuple[list[dict[str, Any]], ...]
    missing: tuple[str, ...]
    regime: str

    @classmethod
    def none(cls) -> Blend:
        """Return the vote of a session in which nobody has voted."""
        floats, counts = np.zeros(0), np.zeros(0, np.int64)
        return cls((), floats, counts, floats, np.zeros(0, np.bool_), (), (), (), "")

    def wanted(self) -> dict[str, float]:
        """Return the score of every published signal: what is not published is not wanted."""
        at = np.flatnonzero(self.published)
        return {self.symbols[i]: float(self.score[i]) for i in at}

    def confidences(self) -> dict[str, float]:
        """Return the confidence of every signal."""
        return dict(zip(self.symbols, self.confidence.tolist(), strict=True))


def blend(ballots: Ballots, ran: Collection[str], rules: EnsembleRules, regime: str) -> Blend:
    """Return the weighted vote on every symbol that a member has a signal row for.

    score = sum of weight x score over the members whose model ran, weights normalised to sum to 1. The leading
    model has the largest |weight x score|. confidence = (share x |score| + (1 - share) x its confidence) x the
    regime's factor, 0 while there is no regime. Published: outside the band, with at least the threshold.

    Args:
        ballots: the session's votes.
        ran: models that completed the session; a member without is recorded as missing, never imputed.
        rules: weights and thresholds.
        regime: of the session, empty when there is none.

    Raises:
        ConfigError: for a regime without a factor.
    """
    if regime and regime not in rules.factors:
        raise ConfigError("regime without a factor", stage="blend", key="factors", value=regime,
                          remedy="see ensemble_settings")  # fmt: skip
    present = [m for m in rules.members if m.model in ran]
    missing = tuple(m.model for m in rules.members if m.model not in ran)
    position = {model: row for row, model in enumerate(ballots.models)}
    rows = [position.get(m.model, -1) for m in present]
    width = len(ballots.symbols)
    nothing = np.full(width, np.nan)
    shape = len(rows), width
    stated_score, stated_confidence = (
        np.array([ballots.arrays[name][r] if r >= 0 else nothing for r in rows]).reshape(shape)
        for name in ("score", "confidence")
    )
    heard = ~np.isnan(stated_score)
    kept = np.flatnonzero(heard.any(axis=0))
    heard = heard[:, kept]
    score = np.where(heard, stated_score[:, kept], 0.0)
    confidence = np.where(heard, stated_confidence[:, kept], 0.0)
    weight = np.array(
        [np.where(m.by_confidence, c, 1.0) * m.weight for m, c in zip(present, confidence, strict=True)]
    )
    weight = weight.reshape(score.shape)
    total = weight.sum(axis=0)
    weight = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    part = weight * score
    blended = np.clip(part.sum(axis=0), -1.0, 1.0)
    side = np.where(np.abs(blended) > rules.direction_band, np.sign(blended), 0).astype(np.int64)
    columns = np.arange(len(kept))
    leader = np.abs(part).argmax(axis=0) if present else np.zeros(len(kept), np.int64)
    led = np.abs(part[leader, columns]) > 0 if present else np.zeros(len(kept), np.bool_)
    own = np.where(led, confidence[leader, columns], 0.0) if present else np.zeros(len(kept))
    factor = rules.factors.get(regime, 0.0)
    sure = np.clip((rules.score_share * np.abs(blended) + (1.0 - rules.score_share) * own) * factor, 0.0, 1.0)
    names = [m.model for m in present]
    return Blend(
        symbols=tuple(ballots.symbols[i] for i in kept),
        score=blended,
        side=side,
        confidence=sure,
        published=(side != 0) & (sure >= rules.publish_threshold),
        leading=tuple(names[i] if known else None for i, known in zip(leader, led, strict=True)),
        members=_contributions(names, heard, weight, score, confidence, part),
        missing=missing,
        regime=regime,
    )


def _contributions(
    names: Sequence[str], heard: NDArray[np.bool_], *arrays: Floats
) -> tuple[list[dict[str, Any]], ...]:
    """Return each symbol's list of what each member brought in; equal lists are one object."""
    known: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    keys = np.concatenate((heard.astype(np.float64), *arrays)).T.tolist()
    count = len(names)
    out = []
    for values in map(tuple, keys):
        found = known.get(values)
        if found is None:
            found = known[values] = [
                {"model": name, "stated": bool(values[i]), "weight": values[count + i],
                 "score": values[2 * count + i], "confidence": values[3 * count + i],
                 "contribution": values[4 * count + i]}
                for i, name in enumerate(names)
            ]  # fmt: skip
        out.append(found)
    return tuple(out)
