"""The Great Expectations suite: the gate's rules as expectations, over a run's sessions and its last day's bars.

Two small batches, so that the suite costs a tenth of a second whether a run takes one session or twenty years:
``sessions`` has one row per session of the run with what is missing and what is allowed to be; ``bars`` holds
the bars of its last session, the day's batch. The bars of a whole history are held to the same bounds by
the row checks and the table's CHECKs before they get here.
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd

from data_layer.quality.coverage import Facts, bars_in_quarantine
from data_layer.quality.row_checks import HIGHEST_PRICE, HIGHEST_VOLUME, PRICES
from data_layer.quality.thresholds import Gate

Batches = Mapping[str, pd.DataFrame]
SHOWN = 20  # unexpected values kept as evidence


@dataclass(frozen=True)
class Result:
    """How one expectation was met."""

    batch: str
    expectation: str
    subject: str
    success: bool
    observed: Mapping[str, Any]
    threshold: Mapping[str, Any]


def batches(facts: Facts, bars: pd.DataFrame, gate: Gate) -> Batches:
    """Return the two frames that the suite looks at.

    Args:
        facts: see judge_facts.
        bars: symbol, date, open, high, low, close, volume of the last session.
        gate: the thresholds.
    """
    rows = [
        {
            "session": str(s.session),
            # An accepted session is as complete as anybody wants it.
            "held": float(max(s.held, 1) if s.is_accepted or (s.expected and not s.missing) else s.held),
            "missing": float(len(s.missing)),
            "missing_allowed": float(gate.missing_allowed(s.expected)),
            "quarantined": float(bars_in_quarantine(s)),
            "quarantine_allowed": float(gate.quarantine_allowed(s.expected)),
            "homeless": 0.0,
            "homeless_allowed": float(gate.quarantine_allowed(facts.received)),
            "behind": 0.0,
        }
        for s in facts.sessions
    ]
    rows[-1] |= {"homeless": float(len(facts.homeless)), "behind": float(facts.behind)}
    return {"sessions": pd.DataFrame(rows), "bars": bars.astype({"volume": float})}


def expectations(gate: Gate) -> dict[str, list[Any]]:
    """Return the suite's expectations by batch."""
    gx = _library("expectations")

    def at_least(higher: str, lower: str) -> Any:
        return gx.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=higher, column_B=lower, or_equal=True, ignore_row_if="either_value_is_missing"
        )

    return {
        "sessions": [
            gx.ExpectTableRowCountToBeBetween(min_value=1),
            gx.ExpectColumnValuesToBeUnique(column="session"),
            gx.ExpectColumnValuesToBeBetween(column="held", min_value=1),
            at_least("missing_allowed", "missing"),
            at_least("quarantine_allowed", "quarantined"),
            at_least("homeless_allowed", "homeless"),
            gx.ExpectColumnValuesToBeBetween(column="behind", min_value=0, max_value=gate.sessions_behind),
        ],
        "bars": [
            *(gx.ExpectColumnValuesToNotBeNull(column=c) for c in ("symbol", "date", *PRICES, "volume")),
            *(
                gx.ExpectColumnValuesToBeBetween(
                    column=c, min_value=0, max_value=HIGHEST_PRICE, strict_min=True, strict_max=True
                )
                for c in PRICES
            ),
            gx.ExpectColumnValuesToBeBetween(
                column="volume", min_value=0, max_value=HIGHEST_VOLUME, strict_max=True
            ),
            *(at_least("high", c) for c in ("open", "close", "low")),
            *(at_least(c, "low") for c in ("open", "close")),
            gx.ExpectCompoundColumnsToBeUnique(column_list=["symbol", "date"]),
        ],
    }


def import_ahead() -> Thread:
    """Start to import Great Expectations while the caller waits for the database; join before validate."""
    thread = Thread(target=_library, args=("expectations",), daemon=True)
    thread.start()
    return thread


def validate(found: Batches, gate: Gate) -> list[Result]:
    """Return how each expectation was met; nothing leaves this machine and nothing is written."""
    results = []
    for name, (definition, suite) in _in_memory(gate).items():
        batch = definition.get_batch(batch_parameters={"dataframe": found[name]})
        results += [_result(name, r) for r in batch.validate(suite).results]
    return results


@cache
def _in_memory(gate: Gate) -> dict[str, tuple[Any, Any]]:
    """Return definition and suite by batch: making them takes as long as half a validation."""
    library, base = _library(), _library("data_context.types.base")
    # The default keeps a folder for pages in /tmp with each run.
    in_memory = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = base.DataContextConfig(store_backend_defaults=in_memory)
    context = library.get_context(mode="ephemeral", project_config=config)
    return {name: (_definition(context, name), suite) for name, suite in _suites(gate).items()}


def build_docs(
    found: Batches, gate: Gate, folder: Path, now: dt.datetime, *, is_synthetic: bool = False
) -> Path:
    """Write the suite's pages for these batches below a folder, and return the page to open.

    Args:
        found: see batches.
        gate: the thresholds.
        folder: where the pages and their sources go.
        now: instant of the build (UTC), the name of the run on the pages.
        is_synthetic: the bars are made up; the run's name then says so.
    """
    library, checkpoint = _library(), _library("checkpoint")
    context = library.get_context(mode="file", project_root_dir=folder)
    for name, suite in _suites(gate).items():
        definition = library.ValidationDefinition(
            name=name, data=_definition(context, name), suite=context.suites.add_or_update(suite)
        )
        check = checkpoint.Checkpoint(
            name=name,
            validation_definitions=[context.validation_definitions.add_or_update(definition)],
            actions=[checkpoint.UpdateDataDocsAction(name="pages")],
        )
        run_name = f"{now:%Y-%m-%d %H:%M:%S}{' synthetic' if is_synthetic else ''}"
        run_id = library.RunIdentifier(run_name=run_name, run_time=now)
        saved = context.checkpoints.add_or_update(check)
        saved.run(batch_parameters={"dataframe": found[name]}, run_id=run_id)
    url: str = context.build_data_docs()["local_site"]
    return Path(url.removeprefix("file://"))


def _library(part: str = "") -> Any:
    """Return Great Expectations, or a module of it; 3 s and 150 MB, which only a process that uses it pays."""
    # It tells at length what it registers.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return importlib.import_module(f"great_expectations.{part}".rstrip("."))


def _suites(gate: Gate) -> dict[str, Any]:
    library = _library()
    return {
        name: library.ExpectationSuite(name=name, expectations=listed)
        for name, listed in expectations(gate).items()
    }


def _definition(context: Any, name: str) -> Any:
    """Return the frame of that name as Great Expectations wants it, in a context that keeps to itself."""
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_or_update_pandas(name)
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)


def _result(batch: str, found: Any) -> Result:
    told = found.to_json_dict()
    kwargs = {k: v for k, v in told["expectation_config"]["kwargs"].items() if k != "batch_id"}
    columns = [kwargs.pop(k) for k in ("column", "column_A", "column_B", "column_list") if k in kwargs]
    names: Sequence[str] = columns[0] if columns and isinstance(columns[0], list) else columns
    values = told["result"]
    wanted = ("observed_value", "element_count", "unexpected_count", "missing_count")
    observed = {name: values[name] for name in wanted if values.get(name) is not None}
    if values.get("partial_unexpected_list"):
        # As texts: JSON has no NaN.
        observed["unexpected"] = [str(value) for value in values["partial_unexpected_list"][:SHOWN]]
    if told["exception_info"].get("exception_message"):
        observed["error"] = str(told["exception_info"]["exception_message"])[:500]
    name = told["expectation_config"]["type"]
    return Result(batch, name, ", ".join(names), bool(told["success"]), observed, kwargs)
