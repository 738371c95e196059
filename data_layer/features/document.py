"""docs/features.md from the declarations: `python -m data_layer.features.document` writes it anew."""

from __future__ import annotations

from pathlib import Path

from data_layer.features import compute as semantics
from data_layer.features.registry import FeatureDefinition, catalogue, feature_sets

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"
HEAD = """# Features

Written by `python -m data_layer.features.document` from the declarations in `data_layer/features/`; edit those.

```
{semantics}
```

Every column is held against a reference in plain Python or pandas on bars with gaps, constants, NaN, jumps and
splits; the column "equals" names the library function it is held against besides, on real bars, within 1e-9 of the
column's scale (Alpha158: within float32 rounding, for Qlib reads float32). Warm-up counts a symbol's leading rows
without a value. A position is the place in `feature_values.values`.

To keep what was computed: `data_layer.storage.dataset.write(frame, path)`, or `make export ... OUT=x.arrow` from the
database; `read(path, names)` maps it back without a copy, and refuses it once a formula has changed.

The formulas' loops are compiled at installation: `make run` begins with `python -m data_layer.features.warm`, which
leaves them in `__pycache__` beside their files (or in NUMBA_CACHE_DIR), and every later process loads them from there.
A loop is compiled anew when its file or one of ours that it imports has changed, by the next process that needs it.

Labels look ahead and are not features: `data_layer.labels.next_session_return` gives Alpha158's.

## Deliberate differences

- From TA-Lib: where TA-Lib returns 0 for 0 / 0 (rsi, cmo, stochastic, stoch_rsi, williams_r, cci, bop without any
  move or range) there is no value here. mfi takes typical prices that differ by rounding alone as unchanged. After
  sessions without any directional move adx starts anew.
- From pandas-ta-classic: ichimoku's lagging span looks ahead and is left out; ease_of_movement has no value
  without volume.
- From Qlib's Alpha158: names are in lower case; a window that is not full (the first rows) or holds a missing value
  has no value, where Qlib goes on with what is there; windows count the symbol's own sessions, where Qlib counts the
  calendar's; no volume gives no value for vma and vstd, where Qlib divides by 1e-12; correlations and rsqr have no
  value only on constant windows, where Qlib also drops those with a spread below 2e-5; inside it is float64, not
  float32. vwap0 needs a vwap in the bars, which daily sources seldom have.
- beta and correlation need bars of the market index (setting MARKET_INDEX); without one they have no value.
"""


def page() -> str:
    """Give the page's text."""
    words = (semantics.__doc__ or "").split("What holds for every column:")[1].strip()
    parts = [HEAD.format(semantics=words)]
    for feature_set in sorted(feature_sets(), reverse=True):
        columns = catalogue(feature_set)
        parts.append(f"\n## {feature_set}: {len(columns)} columns, view `features_{feature_set}`\n")
        parts.append("| position | name | formula | inputs | window | warm-up | unit | range | equals |")
        parts.append("|---|---|---|---|---|---|---|---|---|")
        parts += [_row(column) for column in columns]
    return "\n".join(parts) + "\n"


def _row(column: FeatureDefinition) -> str:
    low, high = ("" if bound is None else f"{bound:g}" for bound in column.value_range)
    bounds = f"{low}..{high}" if low or high else ""
    cells = (
        column.position, f"`{column.name}`", column.formula, ", ".join(column.inputs), column.window,
        column.warm_up, column.unit, bounds, column.equals,
    )  # fmt: skip
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
