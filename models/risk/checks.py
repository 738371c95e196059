"""What every limit said of every wanted change, kept by limit: a session has thousands of checks, and few are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from models.records import LimitCheck


@dataclass(frozen=True, slots=True)
class CheckColumn:
    """One limit's word on all changes of a session, entry n belonging to the n-th change; see LimitCheck."""

    limit: str
    value: Sequence[float | None]
    threshold: Sequence[float]
    allowed_quantity: Sequence[int]
    reason: Sequence[str]


class Checks(Sequence[LimitCheck]):
    """All limits' checks of one change; equal to any sequence of the same checks."""

    __slots__ = ("columns", "row")

    def __init__(self, columns: Sequence[CheckColumn], row: int):
        self.columns = columns
        self.row = row

    @overload
    def __getitem__(self, index: int) -> LimitCheck: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LimitCheck]: ...
    def __getitem__(self, index: int | slice) -> LimitCheck | Sequence[LimitCheck]:
        if isinstance(index, slice):
            return tuple(self)[index]
        column, row = self.columns[index], self.row
        return LimitCheck(column.limit, column.value[row], column.threshold[row], column.allowed_quantity[row],
                          column.reason[row])  # fmt: skip

    def __len__(self) -> int:
        return len(self.columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
