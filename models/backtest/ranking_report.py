"""A ranking in sentences and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from models.backtest.confidence_sets import SEED, SIZE, block_length
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.backtest.ranking import OVERALL, Candidates, Scope

LEVEL = f"{1 - SIZE:.0%}".replace("%", " %")
BEATS = {True: "yes", False: "no", None: "-"}


def report_lines(
    candidates: Candidates, scopes: Mapping[str, Scope], failed: Sequence[str] = ()
) -> list[str]:
    """Return what to know of a ranking, one sentence or two a line; what puts it in doubt comes first.

    Args:
        candidates: what was ranked.
        scopes: its rankings.
        failed: strategies that could not run.
    """
    lines = []
    if not candidates.has_delisted:
        lines.append(
            "Survivors only: the universe holds none or hardly any of the symbols that have left the market, so "
            "results lean upward."
        )
    if candidates.synthetic:
        lines.append("Synthetic bars: made up from a seed, no market ever traded them.")
    overall = scopes[OVERALL].rows
    first, last = (pd.Timestamp(candidates.dates[at]).date() for at in (0, -1))
    lines.append(
        f"{_count(len(overall), 'strategy', 'strategies')} over {len(candidates.dates):,} sessions, {first} to "
        f"{last}, after costs, in equal parts of every symbol; Sharpe ratios of what is above "
        f"{(1 + candidates.rate) ** SESSIONS_PER_YEAR - 1:.2%} a year, the rate on cash."
    )
    lines.append(
        f"{_count(candidates.trials, 'configuration')} tried in all, counted from {candidates.trials_known_from}: "
        "each one of class, parameters and universe, once."
    )
    lines.append(_against_benchmark(candidates, overall))
    lines.append(_apart(overall))
    lines.append(_luck(overall, candidates.trials))
    overfitting = scopes[OVERALL].overfitting
    if overfitting.splits:
        lines.append(
            f"Probability of backtest overfitting {overfitting.probability:.0%}: so often the best of one half of "
            f"the history was at or below the median in the other half, over {overfitting.splits:,} splits."
        )
    lines.append(
        f"Sets and tests by the stationary bootstrap: blocks of {block_length(len(candidates.dates))} sessions on "
        f"average, seed {SEED}."
    )
    idle = overall.loc[overall["rank"].isna(), "strategy"].tolist()
    if idle:
        lines.append(f"Not ranked, for they earned a constant (never traded): {', '.join(idle)}.")
    if failed:
        lines.append(f"Not run, see their errors: {', '.join(failed)}.")
    for name, scope in scopes.items():
        if name.startswith("regime:"):
            regime = name.removeprefix("regime:").replace("_", " ")
            lines.append(
                f"In {regime} sessions ({int(scope.rows['sessions'].iloc[0]):,}): {_lower(_apart(scope.rows))} "
                f"{_against_benchmark(candidates, scope.rows)}"
            )
    return lines


def format_table(scope: Scope) -> list[str]:
    """Return a scope's ranking as lines of text; a rank with = is shared."""
    head = (
        "rank",
        "strategy",
        "Sharpe",
        "return/yr",
        "drawdown",
        "P(Sharpe>0)",
        "deflated",
        "best-set p",
        "beats b&h",
    )
    body = [head]
    for row in scope.rows.to_dict("records"):
        rank = "-" if math.isnan(row["rank"]) else f"{int(row['rank'])}{'=' if row['shared_by'] > 1 else ''}"
        body.append(
            (
                rank, str(row["strategy"]), _number(row["sharpe_ratio"], ".2f"),
                _number(row["annual_return"], ".2%"), _number(row["max_drawdown"], ".1%"),
                _number(row["probabilistic_sharpe"], ".3f"), _number(row["deflated_sharpe"], ".3f"),
                _number(row["best_set_p_value"], ".3f"), BEATS[row["beats_benchmark"]],
            )
        )  # fmt: skip
    widths = [max(len(line[i]) for line in body) for i in range(len(head))]
    return [
        "  ".join(
            text.ljust(width) if i == 1 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in body
    ]


def _against_benchmark(candidates: Candidates, rows: pd.DataFrame) -> str:
    benchmark = candidates.benchmark.replace("_", "-")
    held = rows.loc[rows["strategy"] == candidates.benchmark, "rank"]
    if held.empty or held.isna().all():
        return f"Nothing was compared with {benchmark}: it is not among the strategies that traded."
    sharpe, plain = rows["spa_p_sharpe"].iloc[0], rows["spa_p_return"].iloc[0]
    if math.isnan(sharpe):
        return f"No strategy differs from {benchmark}."
    tests = f"(SPA: p = {sharpe:.3f} by Sharpe ratio, {plain:.3f} by mean return)"
    better = rows.loc[rows["beats_benchmark"].eq(True), "strategy"].tolist()
    if better:
        return f"{_join(better)} {'beats' if len(better) == 1 else 'beat'} {benchmark} after costs at {LEVEL} {tests}."
    if plain <= SIZE:
        return f"No strategy beats {benchmark} after costs at {LEVEL} by Sharpe ratio; by mean return one does {tests}."
    return f"No strategy beats {benchmark} after costs at {LEVEL} {tests}."


def _apart(rows: pd.DataFrame) -> str:
    best = rows.loc[rows["in_best_set"], "strategy"].tolist()
    ranked = int(rows["rank"].notna().sum())
    if not best:
        return "No strategy could be ranked."
    if len(best) == 1:
        return f"{best[0]} is better than all others at {LEVEL}." if ranked > 1 else f"Only {best[0]} traded."
    if len(best) == ranked:
        return f"None of the {ranked} can be told apart at {LEVEL}: all share rank 1."
    return f"{len(best)} of {ranked} share rank 1 and cannot be told apart at {LEVEL}: {_join(best)}."


def _luck(rows: pd.DataFrame, trials: int) -> str:
    known = rows.dropna(subset=["deflated_sharpe"])
    if known.empty:
        return "No deflated Sharpe ratio: the spread of the trials' Sharpe ratios is not known from fewer than two."
    best = known.sort_values("deflated_sharpe").iloc[-1]
    above = known.loc[known["deflated_sharpe"] > 1 - SIZE, "strategy"].tolist()
    if above:
        return (
            f"Above what the luckiest of {_count(trials, 'trial')} would show at {LEVEL} (deflated Sharpe ratio): "
            f"{_join(above)}."
        )
    return (
        f"No Sharpe ratio is above what the luckiest of {_count(trials, 'trial')} would show at {LEVEL}; the highest "
        f"deflated one is {best['deflated_sharpe']:.3f} ({best['strategy']})."
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _lower(sentence: str) -> str:
    """Lower a sentence's first letter; names of strategies are lower already."""
    return sentence[0].lower() + sentence[1:]


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
