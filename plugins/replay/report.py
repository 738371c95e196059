"""What a replay found, as data and in words."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_layer.storage.database import Connection, load_sql
from data_layer.storage.differences import TABLES, Difference, Side
from models.errors import AlmanacError

SHOWN = 160  # characters of a value
ROWS = 10  # of a table that today's knowledge changes
PLACES = {compared.table: place for place, compared in enumerate(TABLES)}


@dataclass(frozen=True)
class Tabled:
    """A table: its rows as stored and as replayed."""

    table: str
    stored: Side
    replayed: Side


@dataclass
class Report:
    """A replay of some sessions.

    Attributes:
        sessions: replayed ones, ascending.
        tables: in the order of the chain.
        first: the first difference, by session and then in the order of the chain; None when all is the same.
        refused: why the replay came to no end, None when it did: a model's artifact, say, is not what it was.
        altered: inputs that are not as recorded when the sessions were decided.
        code: which code decided and which has replayed, when they are two.
        since: facts that came to be known after the sessions were decided, and concern them.
        hindsight: by table, how many rows would be others with today's knowledge, and the first of them.
    """

    sessions: Sequence[dt.date]
    tables: list[Tabled] = field(default_factory=list)
    first: Difference | None = None
    refused: AlmanacError | None = None
    altered: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    since: list[str] = field(default_factory=list)
    hindsight: dict[str, list[Difference]] = field(default_factory=dict)

    @property
    def is_identical(self) -> bool:
        """Whether the same was decided again from the same inputs, whatever today's knowledge would lead to."""
        return self.first is None and self.refused is None and not self.altered

    def lines(self, connection: Connection) -> Iterator[str]:
        """Say it, with names in place of numbers.

        Args:
            connection: that may read.
        """
        names = _Names(connection)
        first, last = self.sessions[0], self.sessions[-1]
        span = f"{first}" if first == last else f"{first} to {last}"
        yield f"replay of {span}: {len(self.sessions)} sessions, from what was known at each"
        for tabled in self.tables:
            same = "identical" if tabled.stored == tabled.replayed else "DIFFERENT"
            yield f"  {tabled.table:18} {tabled.stored.rows:>9,} rows  {tabled.stored.hash[:16]:16}  {same}"
        if self.refused:
            yield f"refused: {self.refused}"
        if self.first:
            yield "first difference:"
            yield from (f"  {line}" for line in names.row(self.first, "stored", "replayed"))
        yield from (f"not as recorded: {line}" for line in self.altered)
        if self.first and not self.altered:
            yield "every bar, action, parameter and limit is as recorded: the stored row, or the code, is another"
        yield from (f"code: {line}" for line in self.code)
        if self.since:
            yield f"known since: {'; '.join(self.since)}"
            yield from self._with_todays_knowledge(names)

    def _with_todays_knowledge(self, names: _Names) -> Iterator[str]:
        if not any(self.hindsight.values()):
            yield "with today's knowledge the same would have been decided"
            return
        yield "with today's knowledge there would have been:"
        for table, differences in self.hindsight.items():
            for difference in differences[:ROWS]:
                yield from (f"  {line}" for line in names.row(difference, "was", "would be"))
            if len(differences) > ROWS:
                yield f"  {table}: and more rows"


class _Names:
    """What people call rows and values."""

    def __init__(self, connection: Connection):
        models = connection.execute(load_sql("models/select_names")).fetchall()
        self.models = {row["id"]: row["model_name"] for row in models}
        rows = connection.execute(load_sql("feature_definitions/select_places")).fetchall()
        self.features = {(row["feature_set"], row["version"], row["position"]): row["name"] for row in rows}

    def row(self, found: Difference, one: str, other: str) -> Iterator[str]:
        """Say in which columns a row differs, a line each; or that one side has none."""
        key = ", ".join(f"{name} {self._value(name, value)}" for name, value in found.key.items())
        where = f"{found.table} ({key})"
        stored, replayed = found.stored, found.replayed
        if stored is None or replayed is None:
            there = stored or replayed or {}
            rest = {n: v for n, v in there.items() if n not in found.key and v not in (None, {}, [])}
            side, lacking = (one, other) if replayed is None else (other, one)
            yield f"{where}: {side} {_text(rest)}, {lacking} no such row"
            return
        for name in stored:
            if json.dumps(stored[name]) != json.dumps(replayed[name]):
                for part, then, now in self._parts(found, name, stored[name], replayed[name]):
                    yield f"{where} {part}: {one} {_text(then)}, {other} {_text(now)}"

    def _parts(self, found: Difference, column: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
        """Name the first feature of a row of values; any other column is one part."""
        if found.table == "feature_values" and column == "values":
            of = found.key["feature_set"], found.key["version"]
            for position, (then, now) in enumerate(zip(one, other, strict=False), start=1):
                if then != now:
                    yield self.features.get((*of, position), f"values[{position}]"), then, now
                    return
        yield column, one, other

    def _value(self, name: str, value: Any) -> Any:
        return self.models.get(value, value) if name == "model_id" else value


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list) else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def earliest(differences: Sequence[Difference]) -> Difference | None:
    """Return the difference of the earliest session that comes first in the chain."""
    return min(differences, key=lambda d: (d.session, PLACES[d.table]), default=None)
