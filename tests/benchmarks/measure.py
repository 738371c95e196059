"""One line a measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """Seconds of ours and of the peer's, taken in the same run, and how many times as fast ours is to be."""

    name: str
    ours: float
    peer: float
    target: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.peer / self.ours

    @property
    def reached(self) -> bool:
        """Whether it is fast enough."""
        return self.ratio >= self.target

    def __str__(self) -> str:
        verdict = "ok" if self.reached else "short"
        times = f"{self.name} ours={self.ours:.4g} peer={self.peer:.4g}"
        return f"{times} ratio={self.ratio:.3g} target={self.target:g} {verdict}"
