"""What the DAGs have in common."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronTriggerTimetable, Param

from data_layer.settings import load_settings
from models.backtest.constraints import FORMS, SCHEDULES, WEIGHTINGS

NEW_YORK = "America/New_York"
FETCHED_AT = 7  # o'clock there: vendors' free plans have a session by the morning after
SATURDAY = 5

DEFAULT_ARGS = {
    "owner": "almanac",
    # Only what may pass by itself is retried: operators fail at once on settings and data.
    "retries": 2,
    "retry_delay": dt.timedelta(seconds=5),
    "execution_timeout": dt.timedelta(hours=1),
}


def _told() -> dict[str, Any]:
    """Return the callbacks of every DAG's runs; none where nobody is to be told."""
    if not load_settings().watch.notifies:
        return {}
    from plugins.notify.telling import tell_alerts, tell_failure

    return {"on_success_callback": tell_alerts, "on_failure_callback": [tell_failure, tell_alerts]}


def _deadline() -> dict[str, Any]:
    """Return the deadline of a stage's runs: with a live source, and where somebody is told."""
    settings = load_settings()
    if settings.is_static or not settings.watch.notifies:
        return {}
    from plugins.notify.deadline import session_deadline

    return {"deadline": session_deadline(settings.watch.deadline)}


def _dag(name: str, doc: str | None, kind: str, **own: Any) -> DAG:
    """Return a DAG with what all have in common, and what only it has; without a schedule it is only triggered."""
    common = {
        "schedule": None,
        "start_date": dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        "catchup": False,  # stages catch up by sessions, not by Airflow runs
        "default_args": DEFAULT_ARGS,
        "tags": ["almanac", kind],
        "is_paused_upon_creation": False,
    }
    return DAG(dag_id=name, doc_md=doc, **{**common, **_told(), **own})


def stage_dag(stage: str, doc: str | None, schedule: Any) -> DAG:
    """Return the DAG of a stage.

    Args:
        stage: DAG id, equal to the file's name.
        doc: the file's docstring, shown as its runbook.
        schedule: the asset it waits for, or a timetable.
    """
    return _dag(
        stage, doc, "daily",
        schedule=schedule,
        max_active_runs=1,
        **_deadline(),
        params={
            "start": _date("First completed session to compute again and compare; empty to catch up"),
            "end": _date("Last session of the run; empty for all there are"),
            "symbols": Param(None, type=["null", "string"], description="With start: only these symbols"),
            "restate": Param(
                False, type="boolean", description="With start: write what differs as a new version"
            ),
        },
    )


def switch_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of the kill switch: drilled monthly with a live source, triggered with a form otherwise."""
    live = not load_settings().is_static
    return _dag(
        name, doc, "safety",
        # Noon of the month's first Saturday: no session is being decided.
        schedule=CronTriggerTimetable("0 12 * * 6#1", timezone=NEW_YORK) if live else None,
        max_active_runs=1,
        params={
            "action": Param("drill", type="string", enum=["drill", "latch", "rearm"], description="What to do"),
            "reason": Param(None, type=["null", "string"], description="Why; needed to latch and to rearm"),
        },
    )


def relay_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of the relay to Kafka: every five minutes when there are brokers, else only triggered."""
    brokers = load_settings().upkeep.kafka_brokers
    return _dag(
        name, doc, "upkeep",
        schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC") if brokers else None,
        max_active_runs=1,
    )


def retention_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of retention: monthly with a live source, else triggered; it reports unless told to remove."""
    live = not load_settings().is_static
    return _dag(
        name, doc, "upkeep",
        schedule=CronTriggerTimetable("0 12 * * 0#1", timezone=NEW_YORK) if live else None,
        max_active_runs=1,
        params={"remove": Param(False, type="boolean", description="Remove what the first task reports")},
    )


def replay_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of replays: triggered, with a form; it holds up no other run."""
    return _dag(
        name, doc, "safety",
        params={
            "date": _date("Session to decide again; empty for the run's own date"),
            "to": _date("Last session, for several; empty for one"),
        },
    )


def assessment_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of the assessment: triggered, with a form; two runs of it may go on side by side."""
    listed = {"strategies": "Strategies", "symbols": "Symbols", "scenarios": "Scenarios"}
    costs = {
        "cash": "USD each account starts with",
        "commission_per_share": "USD",
        "commission_minimum": "USD per order",
        "commission_per_order": "USD, beside the others",
        "commission_bps": "Of the traded value",
        "slippage_bps": "Of the open, against us",
        "volume_impact": "Of the price, times the square of the share of the day's volume",
        "root_impact": "Of the price, times volatility and the root of the share of the day's volume",
        "borrow_rate": "Fraction per session, on cash owed and shares sold short",
        "cash_buffer": "Fraction of the equity that no order uses",
    }
    limits = {"max_weight": "One symbol's weight", "gross": "Sum of the unsigned weights", "net": "Sum of the weights"}
    return _dag(
        name, doc, "research",
        params={
            "form": Param("grid", enum=list(FORMS), description="grid: each strategy alone in each symbol and "
                          "scenario, ranked; portfolio: each over all symbols in one account, from start to end"),
            **{key: Param([], type=["null", "array"], items={"type": "string"},
                          description=f"{what}, one a line; empty for all") for key, what in listed.items()},
            "start": _date("First session; empty for the first held"),
            "end": _date("Last session; empty for the last held"),
            **{key: Param(None, type=["null", "number"], description=f"{what}; empty for the paper account's")
               for key, what in costs.items()},
            "weighting": Param("equal", enum=list(WEIGHTINGS), description="Portfolio: from targets to weights"),
            "rebalance": Param("change", enum=list(SCHEDULES), description="Portfolio: when weights are traded to"),
            **{key: Param(None, type=["null", "number"], description=f"Portfolio: {what}, at most; empty for 1")
               for key, what in limits.items()},
        },
    )  # fmt: skip


def backtest_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of single backtests: triggered, with the words that `make backtest` takes; one run at a time."""
    words = {
        "parameters": "name=value name=value; empty for the strategy's defaults",
        "symbols": "Symbols, separated by blanks; empty for all",
        "cash": "USD the account starts with; empty for the paper account's",
        "form": "grid: an account for each symbol; portfolio: one for all; empty: by their number",
        "weighting": "Portfolio: " + ", ".join(WEIGHTINGS),
        "rebalance": "Portfolio: " + ", ".join(SCHEDULES),
        "max_weight": "Portfolio: one symbol's weight, at most",
        "gross": "Portfolio: sum of the unsigned weights, at most",
        "net": "Portfolio: sum of the weights, at most",
        "cash_buffer": "Fraction of the equity that no order uses",
        "costs": "name=value,name=value; empty for the paper account's",
    }
    return _dag(
        name, doc, "research",
        max_active_runs=1,
        params={
            "strategy": Param("buy_and_hold", type="string", description="Name of the strategy"),
            "start": _date("First session; empty for the first held"),
            "end": _date("Last session; empty for the last held"),
            **{key: Param(None, type=["null", "string"], description=what) for key, what in words.items()},
        },
    )


def training_dag(name: str, doc: str | None) -> DAG:
    """Return the DAG of trainings: a form; weekly, when no session is under way, with a live source."""
    live = not load_settings().is_static
    counts = {
        "train_months": (12, 600, "Months each fold learns from"),
        "test_months": (1, 120, "Months each fold is judged on"),
        "folds": (12, 1000, "Folds"),
        "seed": (0, 2**31 - 1, "Of everything random"),
    }
    return _dag(
        name, doc, "research",
        schedule=CronTriggerTimetable("0 8 * * 6", timezone=NEW_YORK) if live else None,
        max_active_runs=1,  # a training takes all cores and much memory
        default_args={**DEFAULT_ARGS, "execution_timeout": dt.timedelta(hours=6)},
        params={
            "model": Param("alpha158_lightgbm", type="string", description="Model family, see models/ml/trainers"),
            "parameters": Param(None, type=["null", "string"], description="name=value name=value; empty for the "
                                "family's defaults"),
            "symbols": Param([], type=["null", "array"], items={"type": "string"},
                             description="Symbols, one a line; empty for all"),
            "start": _date("First session; empty for the first held"),
            "end": _date("Last session; empty for the last held"),
            "mode": Param("rolling", enum=["rolling", "expanding"], description="How training windows move"),
            **{key: Param(default, type="integer", minimum=0 if key == "seed" else 1, maximum=highest, description=what)
               for key, (default, highest, what) in counts.items()},
        },
    )  # fmt: skip


def _date(description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", description=description)


def ingestion_limits() -> dict[str, Any]:
    """Return what tasks that ask a live vendor need beside the rest; nothing for finished history.

    The vendor's pool has one slot, so that two runs never share its limit of calls. A vendor may serve a
    session late or ask to be left alone: seven attempts, a minute after the first and twice as long after
    each, span an hour. Years of bars at five calls a minute take hours.
    """
    settings = load_settings()
    if settings.is_static:
        return {}
    return {
        "pool": settings.source,
        "retries": 6,
        "retry_delay": dt.timedelta(minutes=1),
        "retry_exponential_backoff": 2,
        "execution_timeout": dt.timedelta(hours=6),
    }


def ingestion_schedule() -> CronTriggerTimetable | None:
    """Return 07:00 New York on weekdays for a live source; finished history is loaded when triggered."""
    if load_settings().is_static:
        return None
    return CronTriggerTimetable(f"0 {FETCHED_AT} * * 1-5", timezone=NEW_YORK)


def last_due(instant: dt.datetime) -> dt.date:
    """Return the last session that the schedule had asked a live source for at an instant (timezone-aware)."""
    from data_layer.sessions import last_closed  # numpy; reading DAG files does without

    here = instant.astimezone(ZoneInfo(NEW_YORK))
    asked = here.replace(hour=FETCHED_AT, minute=0, second=0, microsecond=0)
    while asked > here or asked.weekday() >= SATURDAY:
        asked -= dt.timedelta(days=1)  # of the clock on the wall: 07:00 stays 07:00 when clocks change
    return last_closed(asked)
