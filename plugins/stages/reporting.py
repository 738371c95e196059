"""One report a session: what to know of the data first, who did how well and cannot be told apart, what changed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.database import Connection, load_sql
from models.backtest.confidence_sets import at_equal_risk, confidence_sets
from models.backtest.deflated import FLAT
from models.backtest.ranking import FEWEST_SESSIONS
from plugins.stages.benchmark import benchmark_facts
from plugins.stages.context import Context

YEAR = 252  # sessions the ranking rests on: what was longer ago says little of a rule that has since worn out
WARNINGS = {
    "synthetic": "the bars are synthetic: made up from a seed, no market ever traded them",
    "survivors_only": "the universe holds no symbol that has left the market, so results lean upward",
    "inferred_dividends": "dividends are inferred from adjusted closes and may be some percent off",
}
COUNTED = {
    "quarantined": "rows of this session put aside in quarantine: {}",
    "restated": "facts of past sessions corrected or come late since the session before: {}",
}


def build_reports(
    connection: Connection, context: Context, sessions: Sequence[dt.date]
) -> Iterator[dict[str, Any]]:
    """Yield the row of performance_reports of each session, ascending.

    report_data follows include/schemas/performance_report.schema.json. Ranks are told anew with the first report of
    a month and stand until the next month's; when verifying, the ranks told then are taken as they are stored.

    Args:
        connection: inside the caller's transaction, under the stage's lock.
        context: the run.
        sessions: ascending.
    """
    span = {"sessions": list(sessions)}
    stored = {
        row["report_date"]: row
        for row in connection.execute(load_sql("performance_reports/select_previous"), span)
    }
    measured: dict[dt.date, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(load_sql("model_performance/select_figures"), span):
        session = row.pop("run_date")
        # A model that came later is measured on past sessions as well; their reports stand without it.
        if not context.recomputes or row["model_name"] in _models(stored.get(session)):
            measured[session].append(row)
    facts = {
        row["session_date"]: row
        for row in connection.execute(load_sql("performance_reports/select_facts"), span)
    }
    benchmarks = benchmark_facts(connection, context, sessions)
    before = next((row for day, row in stored.items() if day < sessions[0]), None)
    for session in sessions:
        own = stored.get(session) if context.recomputes else None
        sets = _sets(connection, session, own, before)
        ranking = rank(measured[session], sets["rank"])
        placed = [m for m in ranking if m["rank"] is not None]  # one that came since is neither best nor worst
        warnings = [text for name, text in WARNINGS.items() if facts[session][name]]
        warnings += [text.format(facts[session][name]) for name, text in COUNTED.items() if facts[session][name]]
        warnings += facts[session]["data_warnings"] or []
        report = {
            "report_date": session,
            "models_measured": len(ranking),
            "best_model": placed[0]["model_name"] if placed else None,
            "worst_model": placed[-1]["model_name"] if placed else None,
            "average_return": _mean([m["total_return"] for m in ranking]),
            "average_sharpe_ratio": _mean([m["sharpe_ratio"] for m in ranking]),
            "account_equity_usd": facts[session]["equity_usd"],
            "warnings": warnings,
            "report_data": {
                "session": str(session), "ranking": ranking, "warnings": warnings, "confidence_sets": sets,
                "changes": changes(before, ranking, warnings),
                **({"benchmark": benchmarks[session]} if session in benchmarks else {}),
            },
        }  # fmt: skip
        yield report
        before = report


def rank(models: Sequence[Mapping[str, Any]], ranks: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the models' figures, best first: by rank, then Sharpe ratio, then name; those without a ratio last.

    Args:
        models: figures of a session.
        ranks: by name, shared by those that cannot be told apart; a model that came since they were told has none.
            Empty before there are enough sessions to tell: then all that have a Sharpe ratio share the first.
    """

    def place(figures: Mapping[str, Any]) -> int | None:
        if ranks:
            return ranks.get(figures["model_name"])
        return 1 if figures["sharpe_ratio"] is not None else None

    def order(figures: Mapping[str, Any]) -> tuple[bool, float, float, str]:
        sharpe, at = figures["sharpe_ratio"], place(figures)
        return sharpe is None, at or len(models) + 1, -(sharpe or 0.0), figures["model_name"]

    found = [{"rank": place(figures), **figures} for figures in sorted(models, key=order)]
    shared = [entry["rank"] for entry in found]
    return [{**entry, "shared_by": shared.count(entry["rank"]) if entry["rank"] else None} for entry in found]


def told_apart(returns: pd.DataFrame) -> dict[str, int]:
    """Return ranks by name: 1 plus the number of models in better confidence sets of the Sharpe ratio.

    Args:
        returns: sessions x models, NaN before a model's first trade. One with fewer than FEWEST_SESSIONS, or without
            any deviation, has no rank; the others are compared over the sessions all of them have.
    """
    kept = returns.loc[:, returns.notna().sum() >= FEWEST_SESSIONS].dropna()
    kept = kept.loc[:, kept.std() > FLAT]
    if len(kept) < FEWEST_SESSIONS or kept.empty:
        return {}
    group = confidence_sets(at_equal_risk(kept.to_numpy(np.float64))).group
    places = np.searchsorted(np.sort(group), group) + 1
    return dict(zip(map(str, kept.columns), places.tolist(), strict=True))


def changes(
    before: Mapping[str, Any] | None, ranking: Sequence[Mapping[str, Any]], warnings: Sequence[str]
) -> list[dict[str, Any]]:
    """Return what is different from the report before, none without one: kind, subject, before, after."""
    if before is None:
        return []
    then = {m["model_name"]: m for m in before["report_data"]["ranking"]}
    now = {m["model_name"]: m for m in ranking}
    found = [_change("model came", name, None, now[name]["rank"]) for name in now if name not in then]
    found += [_change("model left", name, then[name]["rank"], None) for name in then if name not in now]
    found += [
        _change("rank", name, then[name]["rank"], now[name]["rank"])
        for name in now
        if name in then and then[name]["rank"] != now[name]["rank"]
    ]
    old = before["warnings"]
    found += [_change("warning came", text, None, None) for text in warnings if text not in old]
    found += [_change("warning went", text, None, None) for text in old if text not in warnings]
    return found


def _change(kind: str, subject: str, before: int | None, after: int | None) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "before": before, "after": after}


def _sets(
    connection: Connection, session: dt.date, own: Mapping[str, Any] | None, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the ranks a report goes by: those of its month, told with the month's first report."""
    if own:
        found: dict[str, Any] = own["report_data"]["confidence_sets"]
        return found
    last = before["report_data"].get("confidence_sets") if before else None
    if last and last["told_at"][:7] == str(session)[:7]:
        return dict(last)
    rows = connection.execute(load_sql("model_sessions/select_returns"), {"last": session, "count": YEAR})
    frame = pd.DataFrame(rows.fetchall(), columns=["model_name", "session_date", "net_return"])
    returns = frame.pivot_table(index="session_date", columns="model_name", values="net_return")
    return {"told_at": str(session), "sessions": len(returns), "rank": told_apart(returns)}


def _models(report: Mapping[str, Any] | None) -> set[str]:
    return {entry["model_name"] for entry in report["report_data"]["ranking"]} if report else set()


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None
