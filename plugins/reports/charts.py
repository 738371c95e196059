"""Charts as inline SVG, drawn here: a tear sheet is one file that needs neither a network nor a script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 920, 230
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 24
POINTS = 460  # a line of twice as many is as sharp as a screen shows
FINE = 10  # places are written in tenths
TENTHS = [f"{n / FINE:.1f}" for n in range(FINE * WIDTH + 1)]
Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Sessions:
    """The sessions of a sheet's charts: where each lies on the axis, and the axis itself, made once for all of them."""

    places: NDArray[np.int64]
    axis: str

    @classmethod
    def of(cls, dates: Sequence[str]) -> Sessions:
        """Lay out dates, ISO and ascending."""
        step = (WIDTH - LEFT - RIGHT) / max(len(dates) - 1, 1)
        return cls(np.rint(FINE * (LEFT + step * np.arange(len(dates)))).astype(np.int64), _axis_x(dates, step))


def line_chart(
    title: str, sessions: Sessions, lines: Sequence[tuple[str, str, Numbers]], *, form: str = "{:.2f}",
    fill: bool = False, level: float | None = None,
) -> str:  # fmt: skip
    """Return lines over sessions as an SVG.

    Args:
        title: said to those who cannot see it.
        sessions: of each value.
        lines: name, CSS class of its colour and values, None where there is none.
        form: how values on the axis are written.
        fill: the area to 0 is filled.
        level: a value that gets a line across.
    """
    drawn = [(name, colour, np.array(values, np.float64)) for name, colour, values in lines]
    known = np.concatenate([values[~np.isnan(values)] for *_, values in drawn])
    if not len(known):
        return '<p class="quiet">Too few sessions to draw.</p>'
    bottom, top = float(known.min()), float(known.max())
    if level is not None:
        bottom, top = min(bottom, level), max(top, level)
    if fill:
        bottom, top = min(bottom, 0.0), max(top, 0.0)
    ticks = _ticks(bottom, top)
    bottom, top = min(bottom, ticks[0]), max(top, ticks[-1])
    scale = (HEIGHT - TOP - BOTTOM) / ((top - bottom) or 1.0)

    def y(value: float) -> float:
        return TOP + scale * (top - value)

    parts = [_axis_y(ticks, y, _exact(form, ticks)), sessions.axis]
    if level is not None:
        parts.append(f'<path class="level" d="M{LEFT} {y(level):.1f}H{WIDTH - RIGHT}"/>')
    for name, colour, values in drawn:
        for piece in _pieces(values):
            x, heights = sessions.places[piece], np.rint(FINE * (TOP + scale * (top - values[piece])))
            # A pair of numbers after a move is a line to there.
            spots = np.column_stack([x, heights.astype(np.int64)])
            path = " ".join(map(TENTHS.__getitem__, spots.ravel().tolist()))
            if fill:
                first, last, ground = TENTHS[x[0]], TENTHS[x[-1]], f"{y(0):.1f}"
                parts.append(f'<path class="area {colour}" d="M{first} {ground} {path} {last} {ground}Z"/>')
            parts.append(f'<path class="line {colour}" d="M{path}"><title>{escape(name)}</title></path>')
    legend = "".join(f'<span class="{colour}">{escape(name)}</span>' for name, colour, _ in lines)
    shown = f'<p class="legend">{legend}</p>' if len(lines) > 1 else ""
    return f"{shown}{_svg(title, parts)}"


def histogram(title: str, edges: Sequence[float], counts: Sequence[int]) -> str:
    """Return a histogram as an SVG; what lies beyond the outer edges is in the outer bars."""
    ticks = _ticks(0.0, float(max([*counts, 1])))
    highest = ticks[-1]  # above the highest bar, or its line would lie outside the chart
    wide = (WIDTH - LEFT - RIGHT) / len(counts)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / highest)

    parts = [_axis_y(ticks, y, "{:,.0f}")]
    for at, count in enumerate(counts):
        low, high = edges[at], edges[at + 1]
        sign = "even" if low < 0 < high else "good" if low >= 0 else "bad"  # the middle one holds gains and losses
        ends = ("below", high) if at == 0 else ("above", low) if at == len(counts) - 1 else None
        said = f"{ends[0]} {ends[1]:.2%}" if ends else f"{low:.2%} to {high:.2%}"
        parts.append(
            f'<rect class="bar {sign}" x="{LEFT + at * wide + 1:.1f}" y="{y(count):.1f}" width="{wide - 2:.1f}" '
            f'height="{HEIGHT - BOTTOM - y(count):.1f}"><title>{said}: {count} sessions</title></rect>'
        )
    for at in (1, len(counts) // 4, len(counts) // 2, 3 * len(counts) // 4, len(counts) - 1):
        said = f"{round(edges[at], 3) + 0.0:.1%}"
        parts.append(f'<text class="x" x="{LEFT + at * wide:.1f}" y="{HEIGHT - 6}">{said}</text>')
    return _svg(title, parts)


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )


def _axis_y(ticks: Sequence[float], y, form: str) -> str:  # type: ignore[no-untyped-def]
    return "".join(
        f'<path class="grid" d="M{LEFT} {y(v):.1f}H{WIDTH - RIGHT}"/>'
        f'<text class="y" x="{LEFT - 8}" y="{y(v) + 4:.1f}">{form.format(v + 0.0)}</text>'
        for v in ticks
    )


def _axis_x(dates: Sequence[str], step: float) -> str:
    """Name years, or months where there are fewer than three years, so far apart that they can be read."""
    size = 4 if dates[0][:4] < str(int(dates[-1][:4]) - 2) else 7
    named = np.array(dates, f"U{size}")
    begins = (np.flatnonzero(named[1:] != named[:-1]) + 1).tolist()
    each = math.ceil(len(begins) / 12) if begins else 1
    return "".join(
        f'<text class="x" x="{LEFT + step * at:.1f}" y="{HEIGHT - 6}">{named[at]}</text>' for at in begins[::each]
    )


def _exact(form: str, ticks: Sequence[float]) -> str:
    """Return the form with the decimals its ticks need: -2.5 % is neither -2 % nor -3 %."""
    kind = form[-2]
    scaled = [100 * v if kind == "%" else v for v in ticks]
    decimals = int(form[form.index(".") + 1])
    while any(abs(v - round(v, decimals)) > 1e-9 * max(abs(v), 1.0) for v in scaled):
        decimals += 1
    return f"{{:.{decimals}{kind}}}"


def _ticks(low: float, high: float) -> list[float]:
    """Return four to seven round numbers from at or below low to at or above high."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]


def _pieces(values: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the places of stretches without a gap, thinned to lowest, highest, first and last of each handful."""
    step = max(math.ceil(len(values) / POINTS), 1)
    missing = -len(values) % step
    handfuls = np.append(values, np.full(missing, np.nan)).reshape(-1, step)
    gap = np.isnan(handfuls)
    kept = np.stack([
        np.where(gap, np.inf, handfuls).argmin(axis=1), np.where(gap, -np.inf, handfuls).argmax(axis=1),
        gap.argmin(axis=1), step - 1 - gap[:, ::-1].argmin(axis=1),
    ])  # fmt: skip
    kept += step * np.arange(len(handfuls))
    some = ~gap.all(axis=1)
    edges = np.flatnonzero(np.diff(some, prepend=False, append=False))  # where a stretch begins, and ends, in turns
    return [np.unique(kept[:, begin:end]) for begin, end in edges.reshape(-1, 2)]
