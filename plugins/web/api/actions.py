"""What people may do: latch and arm the kill switch, decide about quarantined rows and versions, start a run.

Each asks for a role and a reason, does what the command of the same name does, and leaves an audit event with the
user's name. The guard has refused foreign pages before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request

from data_layer.quality.decisions import reject, release
from data_layer.settings import load_settings
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import Connection, transaction
from data_layer.storage.kill_switch import latch, rearm
from plugins.ml.promotion import promote
from plugins.stages.context import CHAIN
from plugins.web.api.shapes import Done, Reasoned, Started, Switched, ToStart
from plugins.web.guard import may_operate, may_trigger, user_name
from plugins.web.noting import note
from plugins.web.reading import role_uri
from plugins.web.starting import start

router = APIRouter(tags=["actions"])
operators = APIRouter(dependencies=[Depends(may_operate)])
starters = APIRouter(dependencies=[Depends(may_trigger)])
Number = Annotated[int, Path(ge=1, le=2**62)]


@contextmanager
def _writer() -> Iterator[Connection]:
    with transaction(role_uri("quant_data")) as connection:
        yield connection


@operators.post("/kill-switch/latch")
def latch_switch(request: Request, asked: Switched) -> Done:
    """Latch an account's kill switch: what is out and not filled is cancelled, nothing is ordered until it is armed."""
    with _writer() as connection:
        cancelled = latch(connection, asked.account, asked.reason)
        note(connection, request, "latch", asked.account, asked.reason, cancelled=cancelled)
    return Done(said=f"The kill switch of {asked.account} is latched; {cancelled} open orders cancelled.")


@operators.post("/kill-switch/rearm")
def rearm_switch(request: Request, asked: Switched) -> Done:
    """Arm an account's kill switch again; refused while its books do not reconcile."""
    with _writer() as connection:
        rearm(connection, asked.account, asked.reason)
        note(connection, request, "rearm", asked.account, asked.reason)
    return Done(said=f"The kill switch of {asked.account} is armed.")


@operators.post("/quarantine/{number}/release")
def release_row(request: Request, number: Number, asked: Reasoned) -> Done:
    """Store a bar from quarantine after all; it must pass the row checks now."""
    with _writer() as connection:
        new = release(
            connection,
            number,
            asked.reason,
            settings=load_settings(),
            now=request.state.came_at,
            later_stages=CHAIN[1:],
        )
        note(connection, request, "release", str(number), asked.reason, new=new)
    return Done(said=f"Row {number} is released." if new else f"Row {number} was released already.")


@operators.post("/quarantine/{number}/reject")
def reject_row(request: Request, number: Number, asked: Reasoned) -> Done:
    """Keep a row of the quarantine out for good."""
    with _writer() as connection:
        new = reject(connection, number, asked.reason)
        note(connection, request, "reject", str(number), asked.reason, new=new)
    return Done(said=f"Row {number} is rejected." if new else f"Row {number} was rejected already.")


@operators.post("/models/versions/{number}/promote")
def promote_version(request: Request, number: Number, asked: Reasoned) -> Done:
    """Let the gate decide about a version; what it measured is stored either way."""
    return _decide(request, number, asked.reason, waive=False)


@operators.post("/models/versions/{number}/waive")
def waive_version(request: Request, number: Number, asked: Reasoned) -> Done:
    """Promote a version although the gate refuses it; the waiver carries the user's name and the reason."""
    return _decide(request, number, asked.reason, waive=True)


def _decide(request: Request, number: int, reason: str, *, waive: bool) -> Done:
    name = user_name(request)

    def noted(connection: Connection, decision: str) -> None:
        note(connection, request, "waive" if waive else "promote", str(number), reason, decision=decision)

    decision, checks = promote(
        role_uri("quant_trainer"), open_store(load_settings()), number, by=f"{name} (pages)",
        waiver=(name, reason) if waive else None, beside=noted,
    )  # fmt: skip
    said = f"Version {number}: {decision}."
    if decision == "refused":
        said += " " + "; ".join(check.detail for check in checks if not check.passed)
    return Done(said=said)


@starters.post("/runs", status_code=202)
def start_run(request: Request, asked: ToStart) -> Started:
    """Start the daily chain through Airflow, as its own Trigger button does; the later stages follow by themselves."""
    conf = {"end": str(asked.end)} if asked.end else {}
    with _writer() as connection:  # first: while it is away nothing is started
        run_id = start(CHAIN[0], user_name(request), why=asked.reason, conf=conf)
        if run_id is None:
            raise HTTPException(409, f"Airflow does not start {CHAIN[0]}")
        note(connection, request, "run", run_id, asked.reason, dag=CHAIN[0], **conf)
    return Started(
        said=f"Run {run_id} of {CHAIN[0]} is queued.", dag_id=CHAIN[0], run_id=run_id
    )


router.include_router(operators)
router.include_router(starters)
